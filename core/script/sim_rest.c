/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The REST API of the simulated world, outgoing HTTP, and messages that come in. */
#include "sim_int.h"

#include <base.h>
#include <strings.h>
#include <text.h>
#include <clock.h>
#include <ulid.h>

static const char *get_text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

struct answer {
	int status;
	json_t *body;		/* NULL none */
};

static struct answer problem(int status, const char *code, const char *detail)
{
	return (struct answer){ status, json_pack("{s:i, s:s, s:s}", "status", status, "code", code, "detail", detail) };
}

/* The next segment of a path, decoded; false: there is none. */
static bool segment(const char **p, char out[160])
{
	size_t n = 0;

	if (**p != '/')
		return false;
	for ((*p)++; **p && **p != '/' && **p != '?'; (*p)++) {
		unsigned char c = (unsigned char)**p, byte[2];

		if (c == '%' && (*p)[1] && (*p)[2] && wa_hex_decode(wa_span(*p + 1, 2), byte, 1) == 0) {
			c = byte[0];
			*p += 2;
		}
		if (n + 1 < 160)
			out[n++] = (char)c;
	}
	out[n] = 0;
	return true;
}

/* ---- messages ---- */

/* What the customer would read. */
static json_t *words_of(const json_t *body, const char **ret_kind)
{
	const json_t *content = json_object_get(body, "content"), *menu = json_object_get(body, "menu"), *item;
	const json_t *list;
	struct wa_buf out;
	size_t i, n = 0;
	json_t *text;

	*ret_kind = content ? get_text(content, "kind") : menu ? "menu" : json_object_get(body, "forward_of") ? "forward" : "text";
	if (content && strcmp(*ret_kind, "menu") == 0)
		menu = content;
	if (!menu) {
		const char *t = json_object_get(body, "text") ? get_text(body, "text") : get_text(content, "text");

		return json_string(*t ? t : get_text(content, "name"));
	}
	wa_buf_init(&out, 1u << 20);
	wa_buf_str(&out, get_text(menu, "body"));
	list = json_object_get(menu, "buttons");
	json_array_foreach(list, i, item)
		wa_buf_fmt(&out, "%s%zu. %s", n++ ? "\n" : "\n\n", i + 1, get_text(item, "text"));
	text = wa_buf_end(&out, NULL) == 0 ? json_stringn((const char *)out.ptr, out.len) : json_string("");
	wa_buf_clear(&out);
	return text;
}

static struct answer send_message(struct wb_sim *sim, const json_t *body)
{
	const char *session = get_text(body, "session"), *to = get_text(body, "to"), *kind;
	char id[27], jid[96];
	const char *j = sim_jid(to, jid);
	json_t *text;

	if (!*session)
		return problem(422, "invalid", "session: missing");
	if (!j)
		return problem(422, "invalid", "to: no phone number, JID or LID");
	if (!json_object_get(body, "text") && !json_object_get(body, "content") && !json_object_get(body, "menu") &&
	    !json_object_get(body, "album") && !json_object_get(body, "forward_of"))
		return problem(422, "invalid", "text or content: missing");
	if (json_object_get(sim->opted_out, j))
		return problem(403, "denied", "this person wants no messages");
	text = words_of(body, &kind);
	wa_ulid(id, sim->now);
	sim->n_messages++;
	return (struct answer){ 202, sim_outbox_add(sim, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:O}", "what", "message",
								   "id", id, "to", j, "session", session, "kind", kind,
								   "text", text, "body", body)) };
}

/* POST …/react, PATCH, DELETE of a message */
static struct answer act_on(struct wb_sim *sim, const char *method, const char *id, const char *verb, const json_t *body)
{
	const char *kind = strcmp(verb, "react") == 0 ? "reaction" : strcmp(method, "PATCH") == 0 ? "edit" :
			   strcmp(method, "DELETE") == 0 && !*verb ? "delete" : verb;
	const char *text = strcmp(kind, "reaction") == 0 ? get_text(body, "emoji") : get_text(body, "text");
	char new_id[27];

	if (strcmp(verb, "cancel") == 0)
		return sim_outbox_cancel(sim, id) ? (struct answer){ 200, json_deep_copy(sim_sent(sim, id)) } :
						    problem(409, "state", "it does not wait any more");
	/* what nobody else sees of us */
	if (strcmp(verb, "read") == 0 || strcmp(verb, "star") == 0)
		return (struct answer){ 200, json_object() };
	wa_ulid(new_id, sim->now);
	json_array_append_new(sim->acts, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "what", "message", "id",
						   new_id, "to", get_text(body, "to"), "target", id, "kind", kind,
						   "text", text, "body", body));
	return (struct answer){ 202, json_pack("{s:s, s:s}", "id", new_id, "status", "queued") };
}

/* ---- routes ---- */

static struct answer hold(struct wb_sim *sim, const char *method, const char *session, const char *chat, const json_t *body)
{
	const char *owner = *get_text(body, "owner") ? get_text(body, "owner") : "human";
	json_int_t minutes = json_integer_value(json_object_get(body, "minutes"));
	char who[96];

	if (strcmp(method, "PUT") == 0)
		sim_hold(sim, session, chat, owner, minutes ? sim->now + minutes * 60000 : 0, get_text(body, "note"));
	else if (strcmp(method, "DELETE") == 0)
		sim_hold(sim, session, chat, NULL, 0, NULL);
	if (!sim_held(sim, session, chat, who))
		return (struct answer){ 200, json_pack("{s:b}", "held", 0) };
	return (struct answer){ 200, json_pack("{s:b, s:s}", "held", 1, "owner", who) };
}

static bool from_stub(const struct wb_sim *sim, const char *method, const char *path, struct answer *ret)
{
	char what[700];
	json_t *s;
	size_t i;

	snprintf(what, sizeof(what), "%s %s", method, path);
	json_array_foreach(sim->api, i, s) {
		json_t *a = json_object_get(s, "answer");
		const json_t *status = json_object_get(a, "status");

		if (!sim_glob(get_text(s, "what"), what))
			continue;
		if (json_is_integer(status) && json_object_get(a, "body"))
			*ret = (struct answer){ (int)json_integer_value(status), json_incref(json_object_get(a, "body")) };
		else
			*ret = (struct answer){ 200, json_incref(a) };
		return true;
	}
	return false;
}

static struct answer of_session(struct wb_sim *sim, const char *method, const char *p, const json_t *body, bool *ret_known)
{
	char session[160], what[160], id[160], verb[160] = "", jid[96];
	const char *j;

	*ret_known = segment(&p, session) && segment(&p, what) && segment(&p, id);
	if (!*ret_known)
		return (struct answer){ 0, NULL };
	(void)segment(&p, verb);
	if (strcmp(what, "chats") == 0 && strcmp(verb, "hold") == 0)
		return hold(sim, method, session, id, body);
	j = sim_jid(id, jid);
	if (strcmp(what, "contacts") == 0 && j && !*verb && strcmp(method, "GET") == 0) {
		json_t *o = sim_person(j);

		json_object_set_new(o, "opted_out", json_boolean(json_object_get(sim->opted_out, j) != NULL));
		return (struct answer){ 200, o };
	}
	if (strcmp(what, "contacts") == 0 && j && strcmp(verb, "consent") == 0) {
		if (json_is_true(json_object_get(body, "opted_out")))
			json_object_set_new(sim->opted_out, j, json_true());
		else
			json_object_del(sim->opted_out, j);
		return (struct answer){ 200, json_pack("{s:O}", "opted_out", json_object_get(body, "opted_out")) };
	}
	*ret_known = false;
	return (struct answer){ 0, NULL };
}

static struct answer route(struct wb_sim *sim, const char *method, const char *path, const json_t *body)
{
	char id[160] = "", verb[160] = "", why[400];
	const char *p = path;
	struct answer a;
	bool known;

	if (from_stub(sim, method, path, &a))
		return a;
	if (strcmp(method, "POST") == 0 && strcspn(path, "?") == 12 && strncmp(path, "/v1/messages", 12) == 0)
		return send_message(sim, body);
	if (strncmp(path, "/v1/messages/", 13) == 0) {
		p += 12;
		if (segment(&p, id)) {
			(void)segment(&p, verb);
			if (strcmp(method, "GET") == 0 && !*verb && sim_sent(sim, id))
				return (struct answer){ 200, json_deep_copy(sim_sent(sim, id)) };
		}
		if (*id && strcmp(method, "GET") != 0) {
			return act_on(sim, method, id, verb, body);
		}
	}
	if (strcmp(method, "GET") == 0 && strcspn(path, "?") == 12 && strncmp(path, "/v1/sessions", 12) == 0)
		return (struct answer){ 200, json_pack("{s:[{s:s, s:s}], s:n}", "sessions", "id", WB_SIM_SESSION,
						       "status", "connected", "next") };
	if (strncmp(path, "/v1/sessions/", 13) == 0) {
		a = of_session(sim, method, path + 12, body, &known);
		if (known)
			return a;
	}
	if (strcmp(method, "GET") == 0) {
		snprintf(why, sizeof(why), "the test has no answer: api = {[\"GET %.300s\"] = ...}", path);
		return problem(404, "not_found", why);
	}
	return (struct answer){ 200, json_object() };
}

/* ---- request ---- */

struct request {
	struct sim_op op;
	char *method, *path, *key;
	json_t *body;
	wb_world_reply_fn *fn;
	wb_world_raw_fn *raw;
	void *ctx;
};

static void note_request(struct wb_sim *sim, const struct request *r)
{
	if (strcmp(r->method, "GET") == 0 || strncmp(r->path, "/v1/messages", 12) == 0)
		return;
	json_array_append_new(sim->acts, json_pack("{s:s, s:s, s:s, s:O}", "what", "request", "method", r->method,
						   "path", r->path, "body", r->body));
}

static struct answer answer_request(struct wb_sim *sim, const struct request *r)
{
	json_t *first = r->key ? json_object_get(sim->answers, r->key) : NULL;
	struct answer a;

	if (first && !json_equal(json_object_get(first, "request"), r->body))
		return problem(409, "conflict", "the same Idempotency-Key with another request");
	if (first)
		return (struct answer){ (int)json_integer_value(json_object_get(first, "status")),
					json_incref(json_object_get(first, "body")) };
	note_request(sim, r);
	a = route(sim, r->method, r->path, r->body);
	if (r->key && a.status < 400)
		json_object_set_new(sim->answers, r->key, json_pack("{s:i, s:O, s:O}", "status", a.status, "body",
								    a.body, "request", r->body));
	return a;
}

static void run_request(struct wb_sim *sim, struct sim_op *op, bool out)
{
	struct request *r = container_of(op, struct request, op);
	struct answer a = out ? (struct answer){ 0, NULL } : answer_request(sim, r);
	char *text = r->raw && a.body ? json_dumps(a.body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	if (r->fn)
		r->fn(r->ctx, out ? WA_ESTATE : 0, out ? "the lights are out" : "", a.status, a.body);
	else if (r->raw && json_is_string(a.body))
		r->raw(r->ctx, 0, "", a.status, "text/plain",
		       wa_span(json_string_value(a.body), json_string_length(a.body)));
	else if (r->raw)
		r->raw(r->ctx, out ? WA_ESTATE : 0, "", a.status, "application/json", wa_span_str(text ? text : ""));
	free(text);
	json_decref(a.body);
	json_decref(r->body);
	free(r->method);
	free(r->path);
	free(r->key);
	free(r);
}

static struct request *request_new(const struct wb_world_request *q, void *ctx)
{
	struct request *r = wb_zalloc(sizeof(*r));

	r->op.run = run_request;
	r->method = wb_strdup(q->method);
	r->path = wb_strdup(q->path);
	r->key = q->idempotency_key ? wb_strdup(q->idempotency_key) : NULL;
	r->body = q->body ? json_deep_copy(q->body) : json_object();
	r->ctx = ctx;
	return r;
}

void sim_request(struct wb_world *w, const struct wb_world_request *q, wb_world_reply_fn *fn, void *ctx)
{
	struct request *r = request_new(q, ctx);

	r->fn = fn;
	sim_push((struct wb_sim *)(void *)w, &r->op);
}

void sim_request_raw(struct wb_world *w, const struct wb_world_request *q, wb_world_raw_fn *fn, void *ctx)
{
	struct request *r = request_new(q, ctx);

	r->raw = fn;
	sim_push((struct wb_sim *)(void *)w, &r->op);
}

/* ---- outgoing HTTP ---- */

struct fetch {
	struct sim_op op;
	char *method, *url;
	json_t *body;
	wb_world_fetch_fn *fn;
	void *ctx;
};

static const char *header(const void *res, const char *name)
{
	const json_t *headers = json_object_get(res, "headers");
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)headers, key, v)
		if (strcasecmp(key, name) == 0)
			return json_string_value(v);
	return NULL;
}

static void run_fetch(struct wb_sim *sim, struct sim_op *op, bool out)
{
	struct fetch *f = container_of(op, struct fetch, op);
	struct wb_world_fetched res = { .code = WA_EPEER, .message = "the test has no answer for this address",
					.header = header };
	json_t *s, *a = NULL, *json;
	char *text = NULL;
	size_t i;

	json_array_foreach(sim->http, i, s)
		if (!a && sim_glob(get_text(s, "what"), f->url))
			a = json_object_get(s, "answer");
	if (!out)
		json_array_append_new(sim->acts, json_pack("{s:s, s:s, s:s, s:O}", "what", "fetch", "method", f->method,
							   "url", f->url, "body", f->body));
	json = json_object_get(a, "json");
	if (out || (a && *get_text(a, "error"))) {
		res.code = out ? WA_ESTATE : WA_EPEER;
		res.message = out ? "the lights are out" : get_text(a, "error");
	} else if (a) {
		text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : wb_strdup(get_text(a, "body"));
		res.code = 0;
		res.message = "";
		res.status = json_object_get(a, "status") ? (int)json_integer_value(json_object_get(a, "status")) : 200;
		res.body = wa_span_str(text);
		res.res = a;
	}
	f->fn(f->ctx, &res);
	free(text);
	json_decref(f->body);
	free(f->method);
	free(f->url);
	free(f);
}

void sim_fetch(struct wb_world *w, const struct wb_world_fetch_req *r, wb_world_fetch_fn *fn, void *ctx)
{
	struct fetch *f = wb_zalloc(sizeof(*f));

	f->op.run = run_fetch;
	f->method = wb_strdup(r->method ? r->method : "GET");
	f->url = wb_strdup(r->url);
	f->body = r->body.len ? json_loadb((const char *)r->body.ptr, r->body.len, JSON_DECODE_ANY, NULL) : NULL;
	if (!f->body)
		f->body = json_stringn_nocheck(r->body.len ? (const char *)r->body.ptr : "", r->body.len);
	f->fn = fn;
	f->ctx = ctx;
	sim_push((struct wb_sim *)(void *)w, &f->op);
}

/* ---- messages in ---- */

/* The same name is the same group. */
static void group_jid(const char *name, char out[96])
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	snprintf(out, 96, "120363%012u@g.us", h);
}

int64_t wb_sim_message(struct wb_sim *sim, const char *from, const char *text, const json_t *more)
{
	const char *session = *get_text(more, "session") ? get_text(more, "session") : WB_SIM_SESSION;
	const char *group = get_text(more, "group");
	char id[27], when[WA_TIME_TEXT], jid[96], chat[96];
	const char *j = sim_jid(from, jid);
	json_t *data, *v;
	const char *key;
	int64_t seq;

	if (!j)
		return WA_EINVALID;
	snprintf(chat, sizeof(chat), "%s", j);
	if (*group)
		group_jid(group, chat);
	wa_ulid(id, sim->now);
	data = json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:s, s:s, s:s, s:b}", "id", id, "wa_id", id, "direction",
			 "in", "chat", *group ? json_pack("{s:s, s:s}", "jid", chat, "name", group) : sim_person(chat),
			 "sender", sim_person(j), "group", *group ? 1 : 0, "kind", "text", "text", text ? text : "",
			 "timestamp", wa_time_format(sim->now, when), "offline", 0);
	json_object_foreach((json_t *)(uintptr_t)more, key, v)
		if (strcmp(key, "backfilled") == 0)
			json_object_set(data, "offline", v);	/* as the gateway says it */
		else if (strcmp(key, "group") != 0 && strcmp(key, "session") != 0)
			json_object_set(data, key, v);
	seq = wb_sim_event(sim, "message.received", session, id, data);
	json_decref(data);
	return seq;
}
