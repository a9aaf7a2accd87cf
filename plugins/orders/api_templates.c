/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/templates */
#include "api.h"
#include "wording.h"

#define WHY_SIZE 300

static void explain(const struct wb_template_err *e, char *why, size_t size)
{
	if (e->line)
		snprintf(why, size, "line %u, column %u: %s", e->line, e->column, e->msg);
	else
		snprintf(why, size, "%s", e->msg);
}

/* It compiles against our variables, and says something about a usual order. */
bool api_template_ok(const char *text, char *why, size_t size)
{
	struct store s = { .name = "Shop", .country = "SA" };
	struct wb_template_err e = { .msg = "" };
	json_t *sample = text_sample_order();
	struct wa_buf out;
	int r;

	s.options = json_object();
	wa_buf_init(&out, ORDERS_TEXT_MAX);
	r = wording_render(text, &s, sample, "01", "en", &out, &e);
	wa_buf_clear(&out);
	json_decref(sample);
	json_decref(s.options);
	if (r < 0 && !e.msg[0])
		snprintf(e.msg, sizeof(e.msg), "the message would be longer than %d bytes",
			 ORDERS_TEXT_MAX);
	if (r < 0)
		explain(&e, why, size);
	return r == 0;
}

static json_t *template_json(enum text_kind k, const char *language, const char *source,
			     const char *body, int64_t updated_ms)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", text_kind_str(k), "language",
			 language, "source", source, "body", body, "updated_at",
			 kit_time(updated_ms));
}

static int on_own(void *ctx, const struct wb_value *c, int32_t n)
{
	char name[32], language[LANGUAGE_SIZE];
	char *body = strndup(c[2].str.ptr, c[2].str.len);
	enum text_kind k;

	(void)n;
	kit_copy(&c[0], name, sizeof(name));
	kit_copy(&c[1], language, sizeof(language));
	if (body && text_kind_parse(name, &k) == 1)
		json_array_append_new(ctx,
				      template_json(k, language, "gateway", body, col_int(&c[3])));
	free(body);
	return 0;
}

static bool list_has(const json_t *list, const char *name, const char *language)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		if (strcmp(source_str(one, "name"), name) == 0 &&
		    strcmp(source_str(one, "language"), language) == 0)
			return true;
	}
	return false;
}

void api_template_list(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	json_t *list = json_array(), *vars = json_array();
	int r = o->host->query(o->self,
			       "SELECT name, language, body, updated_ms FROM orders_template"
			       " ORDER BY name, language",
			       NULL, 0, on_own, list);

	if (r < 0) {
		json_decref(list);
		json_decref(vars);
		kit_problem(&o->kit, req, r, "the templates could not be read");
		return;
	}
	for (int k = 0; k < TEXT_KINDS; k++) {
		for (size_t i = 0; text_language_at(i); i++) {
			const char *language = text_language_at(i);

			if (!list_has(list, text_kind_str((enum text_kind)k), language))
				json_array_append_new(
					list,
					template_json((enum text_kind)k, language, "shipped",
						      text_shipped((enum text_kind)k, language),
						      0));
		}
	}
	for (const struct wb_template_var *v = text_vars; v->path; v++)
		json_array_append_new(vars,
				      json_pack("{s:s, s:s}", "name", v->path, "help", v->help));
	kit_reply(&o->kit, req, 200, json_pack("{s:o, s:o}", "templates", list, "variables", vars));
}

/* Name and language of the path, or answered. */
static bool read_path(struct orders *o, struct wb_plugin_req *req, enum text_kind *k,
		      char language[LANGUAGE_SIZE])
{
	if (text_kind_parse(o->host->http_param(req, "name"), k) != 1) {
		kit_problem(&o->kit, req, WA_ENOTFOUND, "there is no message of this name");
		return false;
	}
	if (!language_normalise(o->host->http_param(req, "language"), language)) {
		kit_problem(&o->kit, req, WA_EINVALID, "language: a tag such as ar or pt-BR");
		return false;
	}
	return true;
}

void api_template_get(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	char language[LANGUAGE_SIZE];
	enum text_kind k;
	const char *text;
	struct wa_buf own;
	int r;

	if (!read_path(o, req, &k, language))
		return;
	r = wording_own(o, k, language, &own);
	text = text_shipped(k, language);
	if (r == 1) {
		kit_reply(&o->kit, req, 200, template_json(k, language, "gateway", wa_buf_cstr(&own), 0));
		wa_buf_clear(&own);
	} else if (r == 0 && text) {
		kit_reply(&o->kit, req, 200, template_json(k, language, "shipped", text, 0));
	} else {
		kit_problem(&o->kit, req, r < 0 ? r : WA_ENOTFOUND,
			    "there is no such template in this language");
	}
}

/* `id` is "name language". */
static void show_template(struct orders *o, struct wb_plugin_req *take_req, int status,
			  const char *id, json_t *take_extra)
{
	(void)id;
	if (take_extra)
		kit_reply(&o->kit, take_req, status, take_extra);
	else
		o->host->http_reply(take_req, status, NULL, (struct wb_str){ NULL, 0 }, NULL, 0);
}

void api_template_put(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	char language[LANGUAGE_SIZE], why[WHY_SIZE] = "body: a text is required";
	enum text_kind k;
	const char *text;
	struct wb_tx *tx;
	json_t *body;

	if (!read_path(o, req, &k, language))
		return;
	body = kit_body(&o->kit, req, false);
	if (!body)
		return;
	text = source_str(body, "body");
	if (!*text || !api_template_ok(text, why, sizeof(why))) {
		json_decref(body);
		kit_problem(&o->kit, req, WA_EINVALID, why);
		return;
	}
	tx = tx_new(o);
	{
		const struct wb_value v[] = { kit_text(text_kind_str(k)), kit_text(language),
					      kit_text(text), kit_int(now_ms(o)) };

		o->host->tx_sql(
			tx,
			"INSERT INTO orders_template (name, language, body, updated_ms)"
			" VALUES ($1, $2, $3, $4)"
			" ON CONFLICT (name, language) DO UPDATE SET body = $3, updated_ms = $4",
			v, 4, WB_MUST_CHANGE);
	}
	api_commit(o, req, tx, NULL, 200, "",
		   template_json(k, language, "gateway", text, now_ms(o)), show_template);
	json_decref(body);
}

void api_template_delete(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	char language[LANGUAGE_SIZE];
	enum text_kind k;
	struct wb_value v[2];
	struct wb_tx *tx;

	if (!read_path(o, req, &k, language))
		return;
	v[0] = kit_text(text_kind_str(k));
	v[1] = kit_text(language);
	tx = tx_new(o);
	o->host->tx_sql(tx, "DELETE FROM orders_template WHERE name = $1 AND language = $2", v, 2,
			0);
	api_commit(o, req, tx, NULL, 204, "", NULL, show_template);
}

/* The order to show: a stored one, one in the request, or an invented one. New reference. */
static json_t *preview_order(struct orders *o, const json_t *body, char store_id[ID_SIZE],
			     const char **why)
{
	const char *id = source_str(body, "order_id");
	struct order ord;
	json_t *doc;

	if (*id) {
		*why = "order_id: no order has this id";
		if (order_find(o, id, &ord) != 1)
			return NULL;
		doc = json_incref(ord.doc);
		memcpy(store_id, ord.store_id, ID_SIZE);
		order_clear(&ord);
		return doc;
	}
	if (source_object(body, "order"))
		return json_deep_copy(source_object(body, "order"));
	return text_sample_order();
}

/* The gateway's own text, else the shipped one; NULL none. Borrowed from own, which the caller clears. */
static const char *stored_text(struct orders *o, enum text_kind k, const char *language, struct wa_buf *own)
{
	return wording_own(o, k, language, own) == 1 ? wa_buf_cstr(own) : text_shipped(k, language);
}

void api_template_preview(void *ctx, struct wb_plugin_req *req)
{
	struct orders *o = ctx;
	json_t *body = kit_body(&o->kit, req, false), *doc;
	struct store s = { .name = "Demo Shop" };
	struct wb_template_err e = { .msg = "" };
	char store_id[ID_SIZE] = "", language[LANGUAGE_SIZE] = "en", why[WHY_SIZE] = "";
	const char *reason = "", *text;
	enum text_kind k = TEXT_CONFIRMATION;
	struct wa_buf out, own = { 0 };
	int r;

	if (!body)
		return;
	doc = preview_order(o, body, store_id, &reason);
	text = source_str(body, "body");
	if (doc && *source_str(body, "language") &&
	    !language_normalise(source_str(body, "language"), language))
		reason = "language: a tag such as ar or pt-BR";
	else if (doc && *source_str(body, "name") &&
		 text_kind_parse(source_str(body, "name"), &k) != 1)
		reason = "name: there is no message of this name";
	else if (doc && !*text && !(text = stored_text(o, k, language, &own)))
		reason = "there is no shipped text in this language: give one as body";
	else if (doc)
		reason = "";
	if (!doc || *reason) {
		wa_buf_clear(&own);
		json_decref(doc);
		json_decref(body);
		kit_problem(&o->kit, req, WA_EINVALID, reason);
		return;
	}
	if (!*store_id || store_find(o, store_id, &s) != 1)
		s.options = json_object();
	wa_buf_init(&out, ORDERS_TEXT_MAX);
	r = wording_render(text, &s, doc, "01K0000000000000000000DEMO", language, &out, &e);
	explain(&e, why, sizeof(why));
	if (r < 0)
		kit_problem(&o->kit, req, r, why[0] ? why : "the message is too long");
	else
		kit_reply(&o->kit, req, 200,
			  json_pack("{s:s, s:s, s:b}", "text", wa_buf_cstr(&out), "language",
				    language, "rtl", wb_template_locale_rtl(language) ? 1 : 0));
	wa_buf_clear(&out);
	wa_buf_clear(&own);
	store_clear(&s);
	json_decref(doc);
	json_decref(body);
}
