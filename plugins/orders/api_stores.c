/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/stores and what they have sent. */
#include "api.h"

#include <ctype.h>

#include "language.h"
#include "locale.h"
#include "text.h"
#include "texts.h"

#define WHY_SIZE    300
#define MINUTES_MAX 525600

static json_t *store_json(const struct store *s)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:O, s:o, s:o}", "id", s->id,
			 "kind", s->kind, "name", s->name, "session", s->session, "country",
			 s->country, "language", s->language, "enabled", s->enabled ? 1 : 0,
			 "has_secret", s->has_secret ? 1 : 0, "options", s->options, "created_at",
			 kit_time(s->created_ms), "updated_at", kit_time(s->updated_ms));
}

static void show_store(struct orders *o, struct wb_plugin_req *take_req, int status, const char *id,
		       json_t *take_extra)
{
	struct store s;
	int r = store_find(o, id, &s);
	json_t *j;

	if (r != 1 || s.removed_ms) {
		if (r == 1)
			store_clear(&s);
		json_decref(take_extra);
		kit_problem(&o->kit, take_req, r < 0 ? r : WA_ENOTFOUND, "no store has this id");
		return;
	}
	j = store_json(&s);
	if (take_extra)
		json_object_update(j, take_extra);
	json_decref(take_extra);
	store_clear(&s);
	kit_reply(&o->kit, take_req, status, j);
}

static void show_nothing(struct orders *o, struct wb_plugin_req *take_req, int status,
			 const char *id, json_t *take_extra)
{
	(void)id;
	json_decref(take_extra);
	o->host->http_reply(take_req, status, NULL, (struct wb_str){ NULL, 0 }, NULL, 0);
}

static json_t *hook_address(struct orders *o, const char *kind, const char *token)
{
	return json_sprintf("%s/hooks/%s/%s", o->host->public_url(o->self), kind, token);
}

/* ---- reading a request ---- */

static bool refuse(char *why, const char *text)
{
	snprintf(why, WHY_SIZE, "%s", text);
	return false;
}

/* A text of 1 to max bytes; true also when the key is absent. */
static bool take_text(const json_t *body, const char *key, char *out, size_t max, char *why)
{
	const json_t *j = json_object_get(body, key);
	struct wa_span s;

	if (!j)
		return true;
	s = json_is_string(j) ? wa_span_trim(wa_span(json_string_value(j), json_string_length(j)))
			      : wa_span(NULL, 0);
	if (s.len == 0 || s.len > max) {
		snprintf(why, WHY_SIZE, "%s: a text of 1 to %zu bytes", key, max);
		return false;
	}
	memcpy(out, s.ptr, s.len);
	out[s.len] = 0;
	return true;
}

static bool minutes_ok(const json_t *j)
{
	return json_is_integer(j) && json_integer_value(j) >= 0 &&
	       json_integer_value(j) <= MINUTES_MAX;
}

static bool templates_ok(const json_t *all, char *why)
{
	const char *name, *language;
	json_t *mine, *text;
	char tag[LANGUAGE_SIZE];
	enum text_kind kind;

	if (!json_is_object(all))
		return refuse(why, "options.templates: {name: {language: text}}");
	json_object_foreach((json_t *)(uintptr_t)all, name, mine)
	{
		if (text_kind_parse(name, &kind) != 1 || !json_is_object(mine)) {
			snprintf(why, WHY_SIZE, "options.templates: '%.40s' is no message", name);
			return false;
		}
		json_object_foreach(mine, language, text)
		{
			char detail[240];

			if (!language_normalise(language, tag) || strcmp(tag, language) != 0) {
				snprintf(why, WHY_SIZE,
					 "options.templates.%.40s: '%.20s' is no language", name,
					 language);
				return false;
			}
			if (!json_is_string(text) ||
			    !api_template_ok(json_string_value(text), detail, sizeof(detail))) {
				snprintf(why, WHY_SIZE, "options.templates.%.40s.%.20s: %.200s",
					 name, language,
					 json_is_string(text) ? detail : "not a text");
				return false;
			}
		}
	}
	return true;
}

static bool stop_words_ok(const json_t *j)
{
	if (!json_is_array(j) || json_array_size(j) > STORE_STOP_WORDS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(j); i++)
		if (!json_is_string(json_array_get(j, i)) ||
		    json_string_length(json_array_get(j, i)) > 100 ||
		    json_string_length(json_array_get(j, i)) == 0)
			return false;
	return true;
}

static bool options_ok(const json_t *options, char *why)
{
	const char *key;
	json_t *v;
	int32_t offset;

	if (!json_is_object(options))
		return refuse(why, "options: an object");
	json_object_foreach((json_t *)(uintptr_t)options, key, v)
	{
		bool ok;

		if (strcmp(key, "templates") == 0) {
			if (!templates_ok(v, why))
				return false;
			continue;
		}
		if (strcmp(key, "cod_only") == 0 || strcmp(key, "reply") == 0)
			ok = json_is_boolean(v);
		else if (strcmp(key, "delay_minutes") == 0)
			ok = minutes_ok(v) && json_integer_value(v) <= 10080;
		else if (strcmp(key, "reminder_after_minutes") == 0 ||
			 strcmp(key, "no_reply_after_minutes") == 0)
			ok = minutes_ok(v);
		else if (strcmp(key, "zone") == 0)
			ok = json_is_string(v) &&
			     wb_zone_offset(json_string_value(v), 0, &offset) == 1;
		else if (strcmp(key, "stop_words") == 0)
			ok = stop_words_ok(v);
		else
			return refuse(why, "options: unknown key");
		if (!ok) {
			snprintf(why, WHY_SIZE, "options.%.40s: wrong value", key);
			return false;
		}
	}
	return true;
}

/* Everything that may be set after creation too. */
static bool take_fields(struct orders *o, const json_t *body, struct store *s, char *why)
{
	const json_t *country = json_object_get(body, "country"),
		     *language = json_object_get(body, "language");
	const json_t *options = json_object_get(body, "options"),
		     *enabled = json_object_get(body, "enabled");
	char status[32];

	if (!take_text(body, "name", s->name, SOURCE_NAME_MAX, why) ||
	    !take_text(body, "session", s->session, sizeof(s->session) - 1, why))
		return false;
	if (json_object_get(body, "session") &&
	    o->host->session_status(o->self, s->session, status) != 1)
		return refuse(why, "session: no session has this id");
	if (country) {
		const char *c = json_is_string(country) ? json_string_value(country) : "";

		if (strlen(c) != 2 || !isalpha((unsigned char)c[0]) ||
		    !isalpha((unsigned char)c[1]))
			return refuse(why, "country: two letters, as in SA");
		s->country[0] = (char)toupper((unsigned char)c[0]);
		s->country[1] = (char)toupper((unsigned char)c[1]);
	}
	if (language && (!json_is_string(language) ||
			 !language_normalise(json_string_value(language), s->language)))
		return refuse(why, "language: a tag such as ar or pt-BR");
	if (options) {
		if (!options_ok(options, why))
			return false;
		json_decref(s->options);
		s->options = json_deep_copy(options);
	}
	if (enabled && !json_is_boolean(enabled))
		return refuse(why, "enabled: true or false");
	if (enabled)
		s->enabled = json_is_true(enabled);
	return true;
}

static bool keys_known(const json_t *body, const char *const *known, size_t n, char *why)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)body, key, v)
	{
		bool found = false;

		for (size_t i = 0; i < n && !found; i++)
			found = strcmp(known[i], key) == 0;
		if (!found) {
			snprintf(why, WHY_SIZE, "unknown field '%.40s'", key);
			return false;
		}
	}
	return true;
}

static bool take_secret(const json_t *body, char secret[SOURCE_SECRET_MAX + 1], char *why)
{
	const json_t *j = json_object_get(body, "secret");

	secret[0] = 0;
	if (!j)
		return true;
	if (!json_is_string(j) || json_string_length(j) < 8 ||
	    json_string_length(j) > SOURCE_SECRET_MAX)
		return refuse(why, "secret: a text of 8 to 256 bytes");
	memcpy(secret, json_string_value(j), json_string_length(j) + 1);
	return true;
}

static bool read_new(struct orders *o, const json_t *body, struct store *s, char *secret, char *why)
{
	static const char *const known[] = { "kind",     "name",    "session", "country",
					     "language", "options", "enabled", "secret" };
	const struct source *kind = source_find(source_str(body, "kind"));

	if (!keys_known(body, known, WA_ARRAY_LEN(known), why))
		return false;
	if (!kind)
		return refuse(why, "kind: generic, shopify or woocommerce");
	snprintf(s->kind, sizeof(s->kind), "%s", kind->kind);
	s->options = json_object();
	s->enabled = true;
	if (!take_fields(o, body, s, why) || !take_secret(body, secret, why))
		return false;
	if (!s->name[0] || !s->session[0])
		return refuse(why, "name and session are required");
	if (!secret[0] && kind->makes_secret)
		store_new_token(o, secret);
	return true;
}

/* ---- handlers ---- */

void api_store_create(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	char secret[SOURCE_SECRET_MAX + 1] = "", token[STORE_TOKEN_SIZE], why[WHY_SIZE] = "";
	struct store s = { .options = NULL };
	struct api_idem idem;
	struct wb_tx *tx;
	json_t *body, *extra;
	int r;

	if (!api_idem_begin(o, req, &idem, show_store))
		return;
	body = kit_body(&o->kit, req, false);
	if (!body)
		return;
	if (!read_new(o, body, &s, secret, why)) {
		store_clear(&s);
		json_decref(body);
		wa_wipe(secret, sizeof(secret));
		kit_problem(&o->kit, req, WA_EINVALID, why);
		return;
	}
	json_decref(body);
	o->host->ulid(s.id);
	s.created_ms = s.updated_ms = now_ms(o);
	store_new_token(o, token);
	extra = json_pack("{s:o}", "hook_url", hook_address(o, s.kind, token));
	if (secret[0])
		json_object_set_new(extra, "secret", json_string(secret));
	tx = tx_new(o);
	r = store_insert(tx, o, &s, token, secret[0] ? secret : NULL);
	wa_wipe(secret, sizeof(secret));
	wa_wipe(token, sizeof(token));
	if (r < 0) {
		o->host->tx_abort(tx);
		json_decref(extra);
		kit_problem(&o->kit, req, r, "the store could not be saved");
	} else {
		if (o->new_store)
			o->new_store(o);
		api_commit(o, req, tx, &idem, 201, s.id, extra, show_store);
	}
	store_clear(&s);
}

struct list {
	json_t *items;
	char last[ID_SIZE];
};

static void add_store(void *ctx, const struct store *s)
{
	struct list *l = ctx;

	json_array_append_new(l->items, store_json(s));
	memcpy(l->last, s->id, sizeof(l->last));
}

static void reply_list(struct orders *o, struct wb_plugin_req *req, const char *name,
		       struct list *l, int limit)
{
	bool more = json_array_size(l->items) == (size_t)limit;

	kit_reply(&o->kit, req, 200,
		  json_pack("{s:o, s:o}", name, l->items, "next",
			    more ? json_string(l->last) : json_null()));
}

void api_store_list(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	struct list l = { .last = "" };
	int limit, r;

	if (!kit_limit(&o->kit, req, API_PAGE_DEFAULT, ORDERS_PAGE_MAX, &limit))
		return;
	l.items = json_array();
	r = store_each(o, kit_query(&o->kit, req, "cursor"), limit, add_store, &l);
	if (r < 0) {
		json_decref(l.items);
		kit_problem(&o->kit, req, r, "the stores could not be read");
		return;
	}
	reply_list(o, req, "stores", &l, limit);
}

void api_store_get(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;

	show_store(o, req, 200, o->host->http_param(req, "id"), NULL);
}

/* The store in the path, or answered. */
static bool find_store(struct orders *o, struct wb_plugin_req *req, struct store *s)
{
	int r = store_find(o, o->host->http_param(req, "id"), s);

	if (r == 1 && !s->removed_ms)
		return true;
	if (r == 1)
		store_clear(s);
	kit_problem(&o->kit, req, r < 0 ? r : WA_ENOTFOUND, "no store has this id");
	return false;
}

void api_store_patch(void *ctx, struct wb_plugin_req *req)
{
	static const char *const known[] = { "name",    "session", "country", "language",
					     "options", "enabled", "secret" };
	struct orders *o = ctx;
	char secret[SOURCE_SECRET_MAX + 1] = "", why[WHY_SIZE] = "";
	json_t *body = kit_body(&o->kit, req, false);
	struct wb_tx *tx;
	struct store s;
	int r;

	if (!body)
		return;
	if (!find_store(o, req, &s)) {
		json_decref(body);
		return;
	}
	if (!keys_known(body, known, WA_ARRAY_LEN(known), why) || !take_fields(o, body, &s, why) ||
	    !take_secret(body, secret, why)) {
		kit_problem(&o->kit, req, WA_EINVALID, why);
	} else {
		s.updated_ms = now_ms(o);
		tx = tx_new(o);
		r = store_update(tx, o, &s, NULL, secret[0] ? secret : NULL);
		if (r < 0) {
			o->host->tx_abort(tx);
			kit_problem(&o->kit, req, r, "the store could not be saved");
		} else {
			api_commit(o, req, tx, NULL, 200, s.id, NULL, show_store);
		}
	}
	wa_wipe(secret, sizeof(secret));
	store_clear(&s);
	json_decref(body);
}

struct removal {
	struct orders *o;
	struct wb_tx *tx;
	int r;
};

static void stop_order(void *ctx, struct order *ord)
{
	struct removal *rm = ctx;

	order_set_due(ord, DUE_NOTHING, 0);
	if (rm->r == 0)
		rm->r = order_change(rm->tx, rm->o, ord, ORDER_FAILED, ORDER_BY_SYSTEM,
				     "store_removed");
}

void api_store_delete(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	struct removal rm = { .o = o };
	struct store s;

	if (!find_store(o, req, &s))
		return;
	rm.tx = tx_new(o);
	store_remove(rm.tx, o, s.id);
	if (order_each_unsent(o, s.id, stop_order, &rm) < 0 || rm.r < 0) {
		o->host->tx_abort(rm.tx);
		kit_problem(&o->kit, req, WA_ESTORE, "the store's orders could not be stopped");
	} else {
		api_commit(o, req, rm.tx, NULL, 204, s.id, NULL, show_nothing);
	}
	store_clear(&s);
}

void api_store_token(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	char token[STORE_TOKEN_SIZE];
	struct api_idem idem;
	struct wb_tx *tx;
	struct store s;
	int r;

	if (!api_idem_begin(o, req, &idem, show_store) || !find_store(o, req, &s))
		return;
	store_new_token(o, token);
	s.updated_ms = now_ms(o);
	tx = tx_new(o);
	r = store_update(tx, o, &s, token, NULL);
	if (r < 0) {
		o->host->tx_abort(tx);
		kit_problem(&o->kit, req, r, "the address could not be changed");
	} else {
		api_commit(o, req, tx, &idem, 200, s.id,
			   json_pack("{s:o}", "hook_url", hook_address(o, s.kind, token)),
			   show_store);
	}
	wa_wipe(token, sizeof(token));
	store_clear(&s);
}

static void add_delivery(void *ctx, const struct delivery *d)
{
	struct list *l = ctx;

	json_array_append_new(l->items, delivery_json(d));
	memcpy(l->last, d->id, sizeof(l->last));
}

void api_delivery_list(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	struct list l = { .last = "" };
	struct store s;
	int limit, r;

	if (!kit_limit(&o->kit, req, API_PAGE_DEFAULT, ORDERS_PAGE_MAX, &limit) || !find_store(o, req, &s))
		return;
	l.items = json_array();
	r = delivery_each(o, s.id, kit_query(&o->kit, req, "cursor"), kit_query(&o->kit, req, "state"), limit,
			  add_delivery, &l);
	store_clear(&s);
	if (r < 0) {
		json_decref(l.items);
		kit_problem(&o->kit, req, r, "the deliveries could not be read");
		return;
	}
	reply_list(o, req, "deliveries", &l, limit);
}

static void show_delivery(struct orders *o, struct wb_plugin_req *take_req, int status,
			  const char *id, json_t *take_extra)
{
	struct delivery d;
	int r = delivery_find(o, id, &d);

	json_decref(take_extra);
	if (r != 1)
		kit_problem(&o->kit, take_req, r < 0 ? r : WA_ENOTFOUND, "no delivery has this id");
	else
		kit_reply(&o->kit, take_req, status, delivery_json(&d));
}

void api_delivery_replay(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	const char *id = o->host->http_param(req, "delivery");
	struct api_idem idem;
	struct delivery d;
	struct wb_tx *tx;
	struct store s;
	int r;

	if (!api_idem_begin(o, req, &idem, show_delivery) || !find_store(o, req, &s))
		return;
	r = delivery_find(o, id, &d);
	if (r == 1 && strcmp(d.store_id, s.id) != 0)
		r = 0;
	if (r != 1) {
		kit_problem(&o->kit, req, r < 0 ? r : WA_ENOTFOUND,
			    "no delivery of this store has this id");
	} else if (!d.has_raw) {
		kit_problem(&o->kit, req, WA_ESTATE, "what the shop sent is not kept any more");
	} else if (strcmp(d.state, "stored") == 0) {
		show_delivery(o, req, 202, id, NULL);
	} else {
		tx = tx_new(o);
		delivery_replay(tx, o, s.id, id);
		api_commit(o, req, tx, &idem, 202, id, NULL, show_delivery);
	}
	store_clear(&s);
}
