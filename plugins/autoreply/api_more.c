/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/autoreply/test, sessions, pauses */
#include "autoreply.h"

#include "clock.h"

#define PAUSES_MAX 500

/* ---- the dry run ---- */

static json_t *person(const char *text)
{
	char who[WHO_SIZE];
	int kind = who_read(text, who);

	if (kind == WHO_NONE)
		return NULL;
	if (strstr(who, "@lid"))
		return json_pack("{s:s}", "lid", who);
	return json_pack("{s:s+}", "jid", who, kind == WHO_GROUP ? "" : "@s.whatsapp.net");
}

/* What is not a text (a chat that is none of ours) becomes an error with its name. */
static int said_of_test(struct autoreply *a, json_t *doc, struct said *ret, json_t **ret_data, char why[WHY_SIZE])
{
	const char *session = "", *chat = "", *sender = NULL, *text = "", *kind = "text", *name = "", *time = NULL;
	int mentioned = 0, first = 0;
	json_t *who, *from, *rule = NULL;
	char now[WA_TIME_TEXT];
	json_error_t je;

	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s:s, s?s, s?s, s?s, s?s, s?s, s?b, s?b, s?o}", "session",
			   &session, "chat", &chat, "sender", &sender, "text", &text, "kind", &kind, "push_name", &name,
			   "time", &time, "mentioned", &mentioned, "first_contact", &first, "rule", &rule)) {
		snprintf(why, WHY_SIZE, "%s", je.text);
		return WA_EINVALID;
	}
	who = person(chat);
	from = person(sender ? sender : chat);
	*ret_data = json_pack("{s:o*, s:o*, s:s, s:s, s:s, s:s, s:s}", "chat", who, "sender", from, "id", "", "text", text,
			      "kind", kind, "push_name", name, "timestamp",
			      time ? time : wa_time_format(a->host->now_ms(), now));
	if (!*ret_data || !said_read(ret, session, *ret_data, false, "", "") || ret->ts_ms == 0) {
		snprintf(why, WHY_SIZE, "chat: a number with its country code or a JID; time: RFC 3339");
		json_decref(*ret_data);
		*ret_data = NULL;
		return WA_EINVALID;
	}
	ret->mentioned = mentioned;
	ret->first = first;
	return WA_OK;
}

struct testing {
	struct autoreply *a;
	struct judging *j;
	json_t *rules, *fires;
};

static json_t *rendered(const struct rule *r, json_t *vars)
{
	const struct wb_template_env env = rule_env(r);
	json_t *all = json_array(), *parts, *part, *content;
	const char *url;
	size_t k;

	for (size_t i = 0; i < r->n_replies; i++) {
		parts = json_array();
		json_array_foreach(r->replies[i].parts, k, part) {
			content = reply_content(part, vars, &env, &url);
			if (content && url)
				json_object_set_new(json_object_get(content, "media"), "url", json_string(url));
			json_array_append_new(parts, content ? content : json_null());
		}
		json_array_append_new(all, json_pack("{s:i, s:o}", "weight", r->replies[i].weight, "parts", parts));
	}
	return all;
}

static void on_judged(void *ctx, const struct rule *r, int verdict, const struct matched *by)
{
	struct testing *t = ctx;
	json_t *o = json_pack("{s:s, s:s, s:b, s:s, s:b}", "rule", r->id, "name", r->name, "fires", verdict == V_FIRES,
			      "why", rule_verdict_str(verdict), "matches",
			      verdict == V_FIRES || verdict >= V_SUPPRESSED_FROM || verdict == V_STOPPED);
	json_t *patterns = json_object_get(r->doc, "patterns"), *vars;

	json_array_append_new(t->rules, o);
	if (!json_is_true(json_object_get(o, "matches")))
		return;
	vars = reply_vars(t->j->m, by, t->j->now_ms);
	json_object_set_new(o, "replies", rendered(r, vars));
	if (by->by)
		json_object_set(o, "pattern", json_is_string(patterns)
						      ? patterns
						      : json_array_get(patterns, (size_t)(by->by - r->patterns)));
	if (by->by && by->by->regex)
		json_object_set(o, "groups", json_object_get(vars, "group"));
	json_decref(vars);
	if (verdict == V_FIRES)
		json_array_append_new(t->fires, json_string(r->id));
}

static void test(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	json_t *doc = kit_body(&a->kit, req, false), *data = NULL;
	struct said *m = calloc(1, sizeof(*m));
	struct judging j = { .m = m, .all = true, .fn = on_judged };
	struct testing t = { .a = a, .j = &j };
	struct rule *only = NULL;
	char why[WHY_SIZE] = "out of memory";
	int r = 0;

	if (!doc) {
		free(m);
		return;
	}
	if (!m || said_of_test(a, doc, m, &data, why) < 0 ||
	    (json_object_get(doc, "rule") && rule_new("", json_object_get(doc, "rule"), a->zones, &only, why) < 0)) {
		kit_invalid(&a->kit, req, why);
	} else {
		t.rules = json_array();
		t.fires = json_array();
		j.ctx = &t;
		j.now_ms = m->ts_ms;
		r = judge(a, &j, only);
		if (r < 0)
			kit_problem(&a->kit, req, r, "the past of a rule cannot be read");
		else
			kit_reply(&a->kit, req, 200,
				  json_pack("{s:O, s:O, s:b}", "fires", t.fires, "rules", t.rules, "would_pause", j.pauses));
		json_decref(t.rules);
		json_decref(t.fires);
	}
	rule_free(only);
	if (m)
		said_clear(m);
	free(m);
	json_decref(data);
	json_decref(doc);
}

/* ---- sessions ---- */

static json_t *account_json(const struct account *acc)
{
	json_t *o = json_copy(acc->doc);

	json_object_set_new(o, "session", json_string(acc->id));
	return o;
}

static void sessions_list(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	json_t *all = json_array();
	struct wa_list *l;

	WA_LIST_EACH(l, &a->accounts) {
		struct account *acc = container_of(l, struct account, link);

		if (acc->doc)
			json_array_append_new(all, account_json(acc));
	}
	kit_reply(&a->kit, req, 200, json_pack("{s:o}", "sessions", all));
}

static void session_get(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	struct account *acc = account_find(a, a->host->http_param(req, "session"));

	if (acc && acc->doc)
		kit_reply(&a->kit, req, 200, account_json(acc));
	else
		kit_problem(&a->kit, req, WB_ENOTFOUND, "nothing is set for this session");
}

struct setting {
	struct autoreply *a;
	json_t *doc;
	char session[65];
};

static void on_set(void *ctx, int32_t code, const char *id)
{
	struct setting *s = ctx;

	(void)id;
	if (code == 0) {
		(void)account_set(s->a, s->session, s->doc);
		if (account_find(s->a, s->session))
			account_online(s->a, account_find(s->a, s->session));
	}
	json_decref(s->doc);
	free(s);
}

/* doc NULL: delete */
static void set(struct autoreply *a, struct wb_plugin_req *req, const char *session, json_t *take_doc)
{
	struct setting *s = calloc(1, sizeof(*s));
	struct wa_buf sealed;
	json_t *answer = take_doc ? json_copy(take_doc) : NULL;
	struct wb_tx *tx = a->host->tx_begin(a->self);

	if (kit_seal_json(&a->kit, KIT_ROW("session", session), take_doc, &sealed) == 0)
		KIT_SQL(&a->kit, tx, WB_MUST_CHANGE,
			"INSERT INTO autoreply_session (session, doc) VALUES ($1, $2) ON CONFLICT (session) DO UPDATE SET "
			"doc = excluded.doc",
			kit_text(session), kit_sealed(&sealed));
	else if (!take_doc)
		KIT_SQL(&a->kit, tx, 0, "DELETE FROM autoreply_session WHERE session = $1", kit_text(session));
	if (!s || (take_doc && !sealed.len)) {
		a->host->tx_abort(tx);
		json_decref(answer);
		json_decref(take_doc);
		free(s);
		kit_problem(&a->kit, req, WB_ENOMEM, "out of memory");
	} else {
		s->a = a;
		s->doc = take_doc;
		snprintf(s->session, sizeof(s->session), "%s", session);
		if (answer)
			json_object_set_new(answer, "session", json_string(session));
		kit_commit_then(&a->kit, req, tx, take_doc ? 200 : 204, answer, on_set, s, NULL);
	}
	wa_buf_clear(&sealed);
}

static void session_put(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	char session[65], status[32], why[WHY_SIZE];
	json_t *doc, *whole;

	snprintf(session, sizeof(session), "%s", a->host->http_param(req, "session"));
	if (a->host->session_status(a->self, session, status) != 1) {
		kit_problem(&a->kit, req, WB_ENOTFOUND, "no session has this id");
		return;
	}
	doc = kit_body(&a->kit, req, false);
	if (!doc)
		return;
	whole = account_doc(doc, why);
	json_decref(doc);
	if (whole)
		set(a, req, session, whole);
	else
		kit_invalid(&a->kit, req, why);
}

static void session_delete(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	char session[65];

	snprintf(session, sizeof(session), "%s", a->host->http_param(req, "session"));
	set(a, req, session, NULL);
}

/* ---- pauses ---- */

struct pauses {
	struct autoreply *a;
	json_t *all;
};

static int pause_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct pauses *p = ctx;
	char session[65], *chat = kit_unseal_text(&p->a->kit, "pace", &c[1]);

	(void)n;
	kit_copy(&c[0], session, sizeof(session));
	json_array_append_new(p->all, json_pack("{s:s, s:s?, s:o}", "session", session, "chat", chat, "until",
						kit_time(c[2].num)));
	free(chat);
	return 0;
}

static void pauses_list(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	struct pauses p = { a, json_array() };
	const struct wb_value v[] = { kit_int(a->host->now_ms()), kit_int(PAUSES_MAX) };

	(void)a->host->query(a->self,
			     "SELECT session, who, paused_until_ms FROM autoreply_pace WHERE paused_until_ms > $1 "
			     "ORDER BY paused_until_ms DESC LIMIT $2",
			     v, 2, pause_row, &p);
	kit_reply(&a->kit, req, 200, json_pack("{s:o}", "pauses", p.all));
}

static void pause_end(void *ctx, struct wb_plugin_req *req)
{
	struct autoreply *a = ctx;
	json_t *doc = json_pack("{s:s, s:s}", "session", a->host->http_param(req, "session"), "chat",
				a->host->http_param(req, "chat"));
	struct said *m = calloc(1, sizeof(*m));
	uint8_t chat[HASH_SIZE];
	char why[WHY_SIZE] = "out of memory";
	json_t *data = NULL;
	struct wb_tx *tx;

	if (!m || said_of_test(a, doc, m, &data, why) < 0) {
		kit_invalid(&a->kit, req, why);
	} else {
		chat_hash(a, m, chat);
		tx = a->host->tx_begin(a->self);
		KIT_SQL(&a->kit, tx, 0, "DELETE FROM autoreply_pace WHERE chat = $1", kit_blob(chat, HASH_SIZE));
		kit_commit(&a->kit, req, tx, 204, NULL);
	}
	free(m);
	json_decref(data);
	json_decref(doc);
}

int api_more(struct autoreply *a)
{
	const struct wb_plugin_route routes[] = {
		{ .method = "POST", .pattern = "/v1/autoreply/test", .scope = "autoreply:read",
		  .summary = "Which rules would answer this, and why not the others", .fn = test },
		{ .method = "GET", .pattern = "/v1/autoreply/sessions", .scope = "autoreply:read",
		  .summary = "Sessions with a bot or switches", .fn = sessions_list },
		{ .method = "GET", .pattern = "/v1/autoreply/sessions/{session}", .scope = "autoreply:read",
		  .summary = "Bot and switches of a session", .fn = session_get },
		{ .method = "PUT", .pattern = "/v1/autoreply/sessions/{session}", .scope = "autoreply:write",
		  .summary = "Set them", .fn = session_put },
		{ .method = "DELETE", .pattern = "/v1/autoreply/sessions/{session}", .scope = "autoreply:write",
		  .summary = "Switch all off", .fn = session_delete },
		{ .method = "GET", .pattern = "/v1/autoreply/pauses", .scope = "autoreply:read",
		  .summary = "Chats paused because two programs answered each other", .fn = pauses_list },
		{ .method = "DELETE", .pattern = "/v1/autoreply/pauses/{session}/{chat}", .scope = "autoreply:write",
		  .summary = "End a pause", .fn = pause_end },
	};

	return kit_routes(&a->kit, routes, KIT_N(routes), 0, a);
}
