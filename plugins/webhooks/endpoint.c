/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "endpoint.h"

#include "attempt.h"
#include "clock.h"
#include "store.h"

#define SETTINGS_MAX (256 * 1024)

static const char *const state_names[] = { "active", "paused" };

const char *endpoint_state_str(int state)
{
	return state_names[state == EP_PAUSED];
}

struct endpoint *endpoint_find(struct webhooks *w, const char *id)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &w->endpoints)
	{
		struct endpoint *e = container_of(l, struct endpoint, link);

		if (strcmp(e->id, id) == 0)
			return e;
	}
	return NULL;
}

static void free_wiped(char *s)
{
	if (s)
		wa_wipe(s, strlen(s));
	free(s);
}

int endpoint_set(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return WA_ENOMEM;
	free_wiped(*field);
	*field = copy;
	return WA_OK;
}

static void leave_receiver(struct endpoint *e)
{
	struct receiver *r = WA_TAKE(e->host);

	if (!r || --r->endpoints)
		return;
	(void)wa_map_del(&e->hooks->hosts, wa_span_str(r->name));
	free(r);
}

static struct receiver *receiver_get(struct webhooks *w, struct wa_span name)
{
	struct receiver *r = wa_map_get(&w->hosts, name);

	if (r)
		return r;
	r = calloc(1, sizeof(*r) + name.len + 1);
	if (!r)
		return NULL;
	memcpy(r->name, name.ptr, name.len);
	wa_list_init(&r->waiting);
	if (wa_map_put(&w->hosts, name, r, NULL) < 0) {
		free(r);
		return NULL;
	}
	return r;
}

int endpoint_set_url(struct endpoint *e, const char *url)
{
	const char *host = strstr(url, "://");
	struct receiver *r;

	host = host ? host + 3 : url;
	r = receiver_get(e->hooks, wa_span(host, strcspn(host, "/?#")));
	if (!r)
		return WA_ENOMEM;
	r->endpoints++;
	leave_receiver(e);
	e->host = r;
	e->proven = false;
	return endpoint_set(&e->url, url);
}

int endpoint_configure(struct endpoint *e, const json_t *settings, char why[WHY_MAX])
{
	struct config c;
	char *text;
	int r = config_parse(settings, &c, why);

	if (r)
		return r;
	text = json_dumps(settings, JSON_COMPACT);
	if (!text) {
		config_free(&c);
		return WA_ENOMEM;
	}
	config_free(&e->config);
	free_wiped(e->settings);
	e->config = c;
	e->settings = text;
	if (e->allowed > c.concurrency)
		e->allowed = c.concurrency;
	return WA_OK;
}

struct endpoint *endpoint_new(struct webhooks *w, const char *id, const char *url,
			      const char *secret, const char *kinds, const char *session)
{
	struct endpoint *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->hooks = w;
	wa_list_init(&e->lanes);
	wa_list_push_back(&w->endpoints, &e->link);
	w->n_endpoints++;
	(void)snprintf(e->id, sizeof(e->id), "%s", id);
	e->created_ms = w->host->now_ms();
	e->allowed = 1;
	if (endpoint_set_url(e, url) || endpoint_set(&e->secret, secret) ||
	    endpoint_set(&e->kinds, kinds) || endpoint_set(&e->session, session)) {
		endpoint_free(e);
		return NULL;
	}
	return e;
}

void endpoint_free(struct endpoint *e)
{
	if (!e)
		return;
	endpoint_stop(e);
	attempt_end_tests(e);
	wa_list_del(&e->dirty);
	wa_list_del(&e->link);
	e->hooks->n_endpoints--;
	leave_receiver(e);
	config_free(&e->config);
	free_wiped(e->settings);
	free_wiped(e->secret);
	free_wiped(e->old_secret);
	free_wiped(e->url);
	free(e->kinds);
	free(e->session);
	free(e->saved);
	free(e);
}

/* Seals a text for column `label`; the caller clears buf. NULL stays NULL. */
static struct wb_value sealed(struct endpoint *e, const char *label, const char *text, struct wa_buf *buf)
{
	wa_buf_init(buf, 0);
	if (text)
		(void)kit_seal(&e->hooks->kit, KIT_ROW(label, e->id), wa_span_str(text), buf);
	return kit_sealed(buf);
}

static void put(struct wb_tx *tx, struct endpoint *e, const char *sql)
{
	struct wa_buf url, secret, old, settings;
	const struct wb_value v[] = {
		kit_text(e->id),
		sealed(e, "url", e->url, &url),
		sealed(e, "secret", e->secret, &secret),
		kit_text(e->kinds),
		kit_text(e->session),
		kit_text(endpoint_state_str(e->state)),
		kit_int(e->created_ms),
		sealed(e, "settings", e->settings, &settings),
		sealed(e, "old_secret", e->old_secret, &old),
		kit_int(e->old_until_ms),
		kit_text(e->reason),
	};

	e->hooks->host->tx_sql(tx, sql, v, (int32_t)WA_ARRAY_LEN(v), WB_MUST_CHANGE);
	wa_buf_clear(&url);
	wa_buf_clear(&secret);
	wa_buf_clear(&settings);
	wa_buf_clear(&old);
}

void endpoint_insert(struct wb_tx *tx, struct endpoint *e)
{
	const struct wb_value v[] = { kit_text(e->id), kit_int(e->pos) };

	put(tx, e,
	    "INSERT INTO webhooks_endpoint (id, url, secret, kinds, session, state, created_ms, "
	    "settings, old_secret, "
	    "old_until_ms, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
	e->hooks->host->tx_sql(tx, "UPDATE webhooks_endpoint SET pos = $2 WHERE id = $1", v, 2,
			       WB_MUST_CHANGE);
}

void endpoint_update(struct wb_tx *tx, struct endpoint *e)
{
	put(tx, e,
	    "UPDATE webhooks_endpoint SET url = $2, secret = $3, kinds = $4, session = $5, state = "
	    "$6, "
	    "created_ms = $7, settings = $8, old_secret = $9, old_until_ms = $10, reason = $11 "
	    "WHERE id = $1");
}

void endpoint_delete(struct wb_tx *tx, struct endpoint *e)
{
	const struct wb_value id = kit_text(e->id);

	e->hooks->host->tx_sql(tx, "DELETE FROM webhooks_delivery WHERE endpoint = $1", &id, 1, 0);
	e->hooks->host->tx_sql(tx, "DELETE FROM webhooks_dead WHERE endpoint = $1", &id, 1, 0);
	e->hooks->host->tx_sql(tx, "DELETE FROM webhooks_endpoint WHERE id = $1", &id, 1,
			       WB_MUST_CHANGE);
}

/* ---- loading ---- */

static bool load_settings(struct endpoint *e, const struct wb_value *c)
{
	json_t *o = c->type == WB_BLOB ? kit_unseal_json(&e->hooks->kit, KIT_ROW("settings", e->id), c) : json_object();
	char why[WHY_MAX];
	bool ok = o && endpoint_configure(e, o, why) == WA_OK;

	json_decref(o);
	return ok;
}

static bool load_rest(struct endpoint *e, const struct wb_value *c)
{
	e->state =
		c[5].str.len == 6 && memcmp(c[5].str.ptr, "paused", 6) == 0 ? EP_PAUSED : EP_ACTIVE;
	e->created_ms = c[6].num;
	e->old_until_ms = c[9].num;
	kit_copy(&c[10], e->reason, sizeof(e->reason));
	e->pos = e->stored_pos = c[11].num;
	e->broken = c[13].num != 0;
	e->again.pos = c[14].num;
	e->again.end = c[15].num;
	e->again.rate = (int32_t)c[16].num;
	if (c[8].type == WB_BLOB)
		e->old_secret = kit_unseal_text(&e->hooks->kit, KIT_ROW("old_secret", e->id), &c[8]);
	return load_settings(e, &c[7]) && store_parse_saved(wa_span(c[12].str.ptr, c[12].str.len),
							    &e->saved, &e->n_saved) == WA_OK;
}

static int load_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct webhooks *w = ctx;
	char id[27], kinds[KINDS_MAX_LEN + 1], session[80];
	struct endpoint *e = NULL;
	char *url, *secret;

	(void)n;
	kit_copy(&c[0], id, sizeof(id));
	kit_copy(&c[3], kinds, sizeof(kinds));
	kit_copy(&c[4], session, sizeof(session));
	url = kit_unseal_text(&w->kit, KIT_ROW("url", id), &c[1]);
	secret = kit_unseal_text(&w->kit, KIT_ROW("secret", id), &c[2]);
	if (url && secret)
		e = endpoint_new(w, id, url, secret, kinds, session);
	free_wiped(url);
	free_wiped(secret);
	if (!e || !load_rest(e, c)) {
		endpoint_free(e);
		w->host->log(w->self, WB_ERROR, "webhooks.unreadable",
			     (const char *[]){ "endpoint", id, NULL });
	}
	return 0;
}

int endpoint_load_all(struct webhooks *w)
{
	return w->host->query(
		w->self,
		"SELECT id, url, secret, kinds, session, state, created_ms, settings, old_secret, "
		"old_until_ms, reason, pos, open, broken, replay_pos, replay_end, replay_rate "
		"FROM webhooks_endpoint ORDER BY id",
		NULL, 0, load_row, w);
}

/* ---- as JSON ---- */

static json_t *kinds_json(const char *kinds)
{
	json_t *list = json_array();
	const char *p = kinds;

	while (*p) {
		size_t n = strcspn(p, ",");

		json_array_append_new(list, json_stringn(p, n));
		p += n + (p[n] == ',');
	}
	return list;
}

static json_t *time_json(int64_t ms)
{
	char at[WA_TIME_TEXT];

	return ms ? json_string(wa_time_format(ms, at)) : json_null();
}

static json_t *last_json(const struct endpoint *e)
{
	if (!e->last_ms)
		return json_null();
	return json_pack("{s:o, s:i, s:s?, s:i}", "at", time_json(e->last_ms), "status",
			 (int)e->last_status, "error", e->last_error[0] ? e->last_error : NULL,
			 "attempts", (int)e->last_attempts);
}

static json_t *health_json(const struct endpoint *e)
{
	const struct webhooks *w = e->hooks;
	int64_t behind = w->host->event_last_seq(w->self) - e->pos;

	return json_pack("{s:s, s:i, s:I, s:I, s:o}", "state", e->broken ? "failing" : "ok",
			 "failures", (int)e->failures, "open",
			 (json_int_t)(e->n_entries + e->n_saved - e->i_saved), "behind",
			 (json_int_t)(behind > 0 ? behind : 0), "not_before",
			 time_json(e->not_before_ms > w->host->now_ms() ? e->not_before_ms : 0));
}

json_t *endpoint_json(const struct endpoint *e)
{
	json_t *settings = json_loads(e->settings ? e->settings : "{}", 0, NULL);
	json_t *shown = config_shown(settings);
	json_t *o = json_pack(
		"{s:s, s:s, s:o, s:s?, s:s, s:s?, s:o, s:o, s:o, s:I, s:I, s:o}", "id", e->id,
		"url", e->url, "events", kinds_json(e->kinds), "session",
		e->session[0] ? e->session : NULL, "state", endpoint_state_str(e->state), "reason",
		e->state == EP_PAUSED && e->reason[0] ? e->reason : NULL, "created_at",
		time_json(e->created_ms), "last_attempt", last_json(e), "health", health_json(e),
		"delivered", (json_int_t)e->delivered, "failed", (json_int_t)e->failed, "replay",
		e->again.pos < e->again.end
			? json_pack("{s:I, s:I, s:i}", "position", (json_int_t)e->again.pos,
				    "until_seq", (json_int_t)e->again.end, "per_second",
				    (int)e->again.rate)
			: json_null());

	json_object_update_missing(o, shown);
	json_object_set_new(o, "concurrency", json_integer(e->config.concurrency));
	json_object_set_new(o, "payload", json_string(e->config.shape->name));
	json_object_set_new(o, "old_secret_until",
			    time_json(e->old_secret && e->old_until_ms > e->hooks->host->now_ms()
					      ? e->old_until_ms
					      : 0));
	json_decref(shown);
	json_decref(settings);
	return o;
}
