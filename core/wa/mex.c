/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mex.h"

#include <stdlib.h>

#define REPLY_MAX (4u << 20) /* bytes of JSON in one answer */

struct question {
	mex_fn *fn;
	void *arg;
	char member[64];
};

const json_t *mex_get(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_object(v) ? v : NULL;
}

const char *mex_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

int64_t mex_num(const json_t *o, const char *key, int64_t fallback)
{
	const json_t *v = json_object_get(o, key);
	const char *s = json_string_value(v);
	char *end;
	long long n;

	if (json_is_integer(v))
		return json_integer_value(v);
	if (!s || !*s)
		return fallback;
	n = strtoll(s, &end, 10);
	return *end ? fallback : n;
}

/* {"message", "extensions": {"error_code"}}; 0: there is none. */
static int first_error(const json_t *doc, char *text, size_t size)
{
	const json_t *e = json_array_get(json_object_get(doc, "errors"), 0);
	int64_t code;

	if (!e)
		return 0;
	snprintf(text, size, "%s", mex_text(e, "message"));
	code = mex_num(mex_get(e, "extensions"), "error_code", 400);
	return code < 1 || code > 9999 ? 400 : (int)code;
}

int mex_read(struct wa_span json, const char *member, json_t **ret_doc, json_t **ret_data, char *text,
	     size_t size)
{
	json_t *doc, *data;
	int code;

	text[0] = '\0';
	if (json.len == 0 || json.len > REPLY_MAX) {
		snprintf(text, size, "an answer of %zu bytes", json.len);
		return WA_EPROTO;
	}
	doc = json_loadb((const char *)json.ptr, json.len, 0, NULL);
	if (!json_is_object(doc)) {
		json_decref(doc);
		snprintf(text, size, "an answer that is no JSON object");
		return WA_EPROTO;
	}
	code = first_error(doc, text, size);
	data = json_object_get(json_object_get(doc, "data"), member);
	if (code == 0 && !data) {
		snprintf(text, size, "an answer without %s", member);
		code = WA_EPROTO;
	}
	if (code) {
		json_decref(doc);
		return code;
	}
	*ret_doc = doc;
	*ret_data = data;
	return 0;
}

static void on_answer(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *r = wa_node_get(node, "result");
	json_t *doc = NULL, *data = NULL;
	struct question *q = arg;
	char text[160] = "";

	if (code > 0) {
		span_copy(text, sizeof(text), wa_node_attr_get(wa_node_get(node, "error"), "text"));
	} else if (code == 0 && wa_node_attr_is(r, "format", "argo")) {
		code = WA_EUNSUPPORTED;
		snprintf(text, sizeof(text), "an answer in binary form");
	} else if (code == 0) {
		code = mex_read(wa_node_bytes(r), q->member, &doc, &data, text, sizeof(text));
	}
	q->fn(c, q->arg, code, text, data);
	json_decref(doc);
	free(q);
}

void mex_ask(struct wa_client *c, const char *query_id, json_t *variables, const char *member, mex_fn *fn,
	     void *arg)
{
	struct question *q = calloc(1, sizeof(*q));
	json_t *doc = json_object();
	struct wa_node *iq, *query;
	struct wa_arena a;
	char *text = NULL;

	if (variables && doc && json_object_set_new(doc, "variables", variables) == 0)
		text = json_dumps(doc, JSON_COMPACT);
	else if (!doc)
		json_decref(variables);
	json_decref(doc);
	if (!q || !text) {
		free(q);
		free(text);
		client_nomem(c);
		fn(c, arg, WA_ENOMEM, "no memory for a question", NULL);
		return;
	}
	q->fn = fn;
	q->arg = arg;
	snprintf(q->member, sizeof(q->member), "%s", member);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "w:mex");
	query = wa_node_child(&a, iq, "query");
	wa_node_attr(&a, query, "query_id", query_id);
	wa_node_data(&a, query, wa_span_str(text));
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_answer, q);
	wa_arena_clear(&a);
	free(text);
}

/* <update op_name>{"data": …}</update>, or the older <mex>{"operation", "updates"}</mex>. */
void mex_notification(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	const struct wa_node *it = wa_node_first(n);
	struct wa_span json;
	char op[96];
	json_t *doc;

	(void)from;
	for (; it; it = it->next) {
		if (!wa_node_is(it, "update") && !wa_node_is(it, "mex"))
			continue;
		json = wa_node_bytes(it);
		doc = json.len && json.len <= REPLY_MAX
			      ? json_loadb((const char *)json.ptr, json.len, 0, NULL)
			      : NULL;
		span_copy(op, sizeof(op), wa_node_attr_get(it, "op_name"));
		if (!op[0])
			snprintf(op, sizeof(op), "%s", mex_text(doc, "operation"));
		if (!json_is_object(doc) ||
		    (!restriction_mex(c, op, json_object_get(doc, "data")) && !newsletter_mex(c, op, doc)))
			client_unknown(c, "mex", wa_span_str(op));
		json_decref(doc);
	}
}
