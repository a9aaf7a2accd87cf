/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "attempt.h"

#include <time.h>

#include "clock.h"
#include "commands.h"
#include "sign.h"
#include "store.h"
#include "text.h"

#define RETRY_AFTER_MAX_S 86400
#define COMMAND_TRIES     4
#define COMMAND_AGAIN_MS  2000

struct attempt {
	struct wa_list link;
	struct webhooks *hooks;
	struct endpoint *e; /* NULL: cancelled while something outside was under way */
	struct happening *h;
	attempt_done *done;
	void *ctx;
	struct wb_plugin_fetch *fetch;
	struct wb_plugin_timer *timer; /* to end later, not in attempt_start() */
	int32_t number;
	uint32_t flags;
	int64_t begin_ms;
	char *body;
	json_t *detail;
	json_t *answer; /* parsed, when it has commands */
	size_t i_command;
	int command_tries; /* of this one that the gateway could not do */
	struct outcome out;
};

const char *outcome_str(enum outcome_kind kind)
{
	switch (kind) {
	case OUT_DELIVERED:
		return "delivered";
	case OUT_SKIPPED:
		return "skipped";
	case OUT_FAILED:
	case OUT_UNTRANSFORMED:
		break;
	}
	return "failed";
}

static void attempt_free(struct attempt *a)
{
	wa_list_del(&a->link);
	happening_unref(a->h);
	json_decref(a->detail);
	json_decref(a->answer);
	free(a->body);
	free(a);
}

/* What it was, written down and told. */
static void finish(struct attempt *a)
{
	struct endpoint *e = a->e;

	if (e && !(a->flags & ATTEMPT_TEST)) {
		e->last_status = a->out.status;
		e->last_ms = a->hooks->host->now_ms();
		e->last_attempts = a->number;
		(void)snprintf(e->last_error, sizeof(e->last_error), "%s", a->out.why);
	}
	a->out.detail = a->detail;
	if (e && !(a->flags & ATTEMPT_TEST))
		store_logged(e, a->h, a->number, &a->out, a->begin_ms);
	if (e)
		a->done(a->ctx, &a->out);
	attempt_free(a);
}

static void on_later(void *ctx)
{
	struct attempt *a = ctx;

	a->timer = NULL;
	finish(a);
}

static void finish_later(struct attempt *a, enum outcome_kind kind, const char *why)
{
	a->out.kind = kind;
	(void)snprintf(a->out.why, sizeof(a->out.why), "%s", why);
	a->timer = a->hooks->host->timer(a->hooks->self, 0, 0, on_later, a);
}

/* Text of strangers for the log: whole characters, at most LOGGED_MAX bytes. */
static json_t *clipped(const char *ptr, size_t len)
{
	size_t n = ptr ? wa_utf8_clip(wa_span(ptr, len), LOGGED_MAX) : 0;
	json_t *s = json_stringn(ptr ? ptr : "", n);

	return s ? s : json_string("(not text)");
}

/* ---- commands ---- */

static void next_command(struct attempt *a);

static void note_command(struct attempt *a, const char *type, int32_t status, const char *error)
{
	json_t *list = json_object_get(a->detail, "commands");

	if (!list) {
		list = json_array();
		(void)json_object_set_new(a->detail, "commands", list);
	}
	(void)json_array_append_new(list, json_pack("{s:s, s:i, s:s?}", "type", type, "status",
						    (int)status, "error", error));
}

static const char *command_type(const json_t *o)
{
	const char *t = json_string_value(json_object_get(o, "type"));

	return t && strlen(t) <= 32 ? t : "?";
}

static void on_command_again(void *ctx)
{
	struct attempt *a = ctx;

	a->timer = NULL;
	next_command(a);
}

static void on_command(void *ctx, int32_t status, const char *content_type, struct wb_str body)
{
	struct attempt *a = ctx;
	const json_t *o = json_array_get(json_object_get(a->answer, "commands"), a->i_command);
	json_t *problem = NULL;
	const char *detail = NULL;

	(void)content_type;
	/* the gateway cannot now: it may be going down, and the event comes again after the start */
	if (a->e && status >= 500 && status != 501 && ++a->command_tries < COMMAND_TRIES) {
		a->timer = a->hooks->host->timer(a->hooks->self, COMMAND_AGAIN_MS, 0, on_command_again, a);
		return;
	}
	a->command_tries = 0;
	if (status >= 400) {
		problem = json_loadb(body.ptr ? body.ptr : "", body.len, 0, NULL);
		detail = json_string_value(json_object_get(problem, "detail"));
	}
	note_command(a, command_type(o), status,
		     status >= 400 ? detail ? detail : "refused" : NULL);
	if (status >= 400)
		a->hooks->host->metric_add(a->hooks->self, "commands_failed_total", 1);
	json_decref(problem);
	a->i_command++;
	if (a->e)
		next_command(a);
	else
		attempt_free(a);
}

static void give_command(struct attempt *a, const struct command *c)
{
	char key[80];
	char *text = c->body ? json_dumps(c->body, JSON_COMPACT) : NULL;
	/* once for each delivery id, whatever is repeated */
	const struct wb_plugin_call call = { .size = sizeof(call),
					     .method = c->method,
					     .path = c->path,
					     .body = { text, text ? strlen(text) : 0 },
					     .idempotency_key = key };

	(void)snprintf(key, sizeof(key), "%s:%s:%zu", a->e->id, a->h->id, a->i_command);
	a->hooks->host->metric_add(a->hooks->self, "commands_total", 1);
	a->hooks->host->call(a->hooks->self, &call, on_command, a);
	free(text);
}

/* One after the other, so that two replies come in order. */
static void next_command(struct attempt *a)
{
	const json_t *list = json_object_get(a->answer, "commands");
	char why[WHY_MAX];
	struct command c;
	const json_t *o;

	while ((o = json_array_get(list, a->i_command))) {
		if (a->i_command == COMMANDS_MAX) {
			note_command(a, "?", 0,
				     "an answer may hold 8 commands; the others were not done");
			break;
		}
		if (command_make(o, happening_doc(a->h), a->e->config.commands, &c, why)) {
			give_command(a, &c);
			json_decref(c.body);
			return;
		}
		note_command(a, command_type(o), 0, why);
		a->i_command++;
	}
	finish(a);
}

/* ---- request and answer ---- */

static int64_t retry_after_ms(const char *value, int64_t now_ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char month[4] = "";
	int64_t n, v[5];
	struct wa_span s;
	const char *m;

	if (!value)
		return 0;
	s = wa_span_trim(wa_span_str(value));
	if (wa_parse_i64(s, 0, RETRY_AFTER_MAX_S, &n) == 0)
		return n * 1000;
	/* "Sun, 06 Nov 1994 08:49:37 GMT" */
	if (s.len != 29 || wa_parse_i64(wa_span(s.ptr + 5, 2), 1, 31, &v[0]) ||
	    wa_parse_i64(wa_span(s.ptr + 12, 4), 1970, 9999, &v[1]) ||
	    wa_parse_i64(wa_span(s.ptr + 17, 2), 0, 23, &v[2]) ||
	    wa_parse_i64(wa_span(s.ptr + 20, 2), 0, 59, &v[3]) ||
	    wa_parse_i64(wa_span(s.ptr + 23, 2), 0, 60, &v[4]))
		return 0;
	memcpy(month, s.ptr + 8, 3);
	m = strstr(months, month);
	if (!m || (m - months) % 3)
		return 0;
	n = wa_days_from_civil((int)v[1], (int)((m - months) / 3) + 1, (int)v[0]) * 86400 +
	    v[2] * 3600 + v[3] * 60 + v[4];
	n -= now_ms / 1000;
	return n <= 0 ? 0 : 1000 * (n < RETRY_AFTER_MAX_S ? n : RETRY_AFTER_MAX_S);
}

static bool has_commands(struct attempt *a, struct wb_str body)
{
	if (!a->e->config.commands || (a->flags & ATTEMPT_TEST) || !body.len || body.ptr[0] != '{')
		return false;
	a->answer = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
	return json_is_array(json_object_get(a->answer, "commands"));
}

static void on_answer(void *ctx, int32_t code, int32_t status, struct wb_str body,
		      const char *message)
{
	struct attempt *a = ctx;
	const struct wb_plugin_host *h = a->hooks->host;
	struct outcome *o = &a->out;
	const char *after = code == 0 ? h->fetch_header(a->fetch, "retry-after") : NULL;

	o->ms = h->now_ms() - a->begin_ms;
	o->status = status;
	if (body.len)
		(void)json_object_set_new(a->detail, "answer", clipped(body.ptr, body.len));
	if (code == 0 && status >= 200 && status < 300) {
		a->fetch = NULL;
		o->kind = OUT_DELIVERED;
		if (has_commands(a, body))
			next_command(a);
		else
			finish(a);
		return;
	}
	o->retry_after_ms = retry_after_ms(after, h->now_ms());
	a->fetch = NULL;
	o->kind = OUT_FAILED;
	if (code)
		(void)snprintf(o->why, sizeof(o->why), "%s",
			       message && message[0] ? message : "no answer");
	else if (status >= 300 && status < 400)
		(void)snprintf(o->why, sizeof(o->why),
			       "the endpoint answered %d: redirects are not followed", (int)status);
	else
		(void)snprintf(o->why, sizeof(o->why), "the endpoint answered %d", (int)status);
	finish(a);
}

#define OWN_HEADERS 8

/* Signatures of all secrets that are valid now, separated by a space. */
static bool sign(struct attempt *a, int64_t now_s, char out[2 * WEBHOOK_SIG_TEXT])
{
	struct endpoint *e = a->e;
	struct wa_span body = wa_span_str(a->body);

	if (webhook_sign(e->secret, a->h->id, now_s, body, out))
		return false;
	if (!e->old_secret || e->old_until_ms <= now_s * 1000)
		return true;
	out += strlen(out);
	*out++ = ' ';
	return webhook_sign(e->old_secret, a->h->id, now_s, body, out) == WA_OK;
}

/* For the log: without signatures and secret values. */
static void note_request(struct attempt *a, const struct wb_header *headers, uint32_t n,
			 uint32_t own)
{
	json_t *list = json_object();

	for (uint32_t i = 0; i < n; i++) {
		bool hide = i >= own ? a->e->config.secret[i - own]
				     : strcmp(headers[i].name, "webhook-signature") == 0;

		(void)json_object_set_new(list, headers[i].name,
					  json_string(hide ? "***" : headers[i].value));
	}
	(void)json_object_set_new(a->detail, "request",
				  json_pack("{s:s, s:o, s:o}", "url", a->e->url, "headers", list,
					    "body", clipped(a->body, strlen(a->body))));
}

static void send_request(struct attempt *a)
{
	struct endpoint *e = a->e;
	const struct wb_plugin_host *h = a->hooks->host;
	int64_t now_s = h->now_ms() / 1000;
	struct wb_header headers[OWN_HEADERS + CUSTOM_HEADERS_MAX];
	char ts[24], number[16], sig[2 * WEBHOOK_SIG_TEXT];
	uint32_t n = 0, own;

	if (!sign(a, now_s, sig)) {
		finish_later(a, OUT_FAILED, "the secret cannot be used");
		return;
	}
	(void)snprintf(ts, sizeof(ts), "%lld", (long long)now_s);
	(void)snprintf(number, sizeof(number), "%d", (int)a->number);
	headers[n++] = (struct wb_header){ "content-type", "application/json" };
	headers[n++] = (struct wb_header){ "user-agent", "Warbler" };
	headers[n++] = (struct wb_header){ "webhook-id", a->h->id };
	headers[n++] = (struct wb_header){ "webhook-timestamp", ts };
	headers[n++] = (struct wb_header){ "webhook-signature", sig };
	headers[n++] = (struct wb_header){ "webhook-attempt", number };
	if (a->flags & ATTEMPT_REPLAY)
		headers[n++] = (struct wb_header){ "webhook-replay", "true" };
	own = n;
	for (size_t i = 0; i < e->config.n_headers; i++)
		headers[n++] = e->config.headers[i];
	note_request(a, headers, n, own);
	const struct wb_plugin_fetch_req r = { .size = sizeof(r),
					       .timeout_ms = (uint32_t)a->hooks->timeout_ms,
					       .method = "POST",
					       .url = e->url,
					       .headers = headers,
					       .n_headers = n,
					       .max_body = ANSWER_MAX,
					       .body = kit_str(a->body),
					       .allow_private = a->hooks->allow_private };

	a->begin_ms = h->now_ms();
	a->fetch = h->fetch(a->hooks->self, &r, on_answer, a);
	if (!a->fetch)
		finish_later(a, OUT_FAILED, "the request could not be started");
}

/* ---- transform ---- */

static void on_transformed(void *ctx, int32_t code, struct wb_str json, const char *message)
{
	struct attempt *a = ctx;
	json_t *value;

	if (!a->e) {
		attempt_free(a);
		return;
	}
	if (code) {
		a->out.kind = OUT_UNTRANSFORMED;
		(void)snprintf(a->out.why, sizeof(a->out.why), "transform: %s",
			       message && *message ? message : "failed");
		finish(a);
		return;
	}
	value = json.len <= TRANSFORMED_MAX ? json_loadb(json.ptr, json.len, JSON_DECODE_ANY, NULL)
					    : NULL;
	if (json_is_null(value)) {
		a->out.kind = OUT_SKIPPED;
		finish(a);
	} else if (json_is_object(value) || json_is_array(value)) {
		free(a->body);
		a->body = json_dumps(value, JSON_COMPACT);
		if (a->body)
			send_request(a);
		else
			finish_later(a, OUT_FAILED, "out of memory");
	} else {
		a->out.kind = OUT_UNTRANSFORMED;
		(void)snprintf(a->out.why, sizeof(a->out.why),
			       "transform: a table or nil must be returned, of at most 1 MiB");
		finish(a);
	}
	json_decref(value);
}

static void transform(struct attempt *a)
{
	const struct config *c = &a->e->config;
	struct wa_buf args;
	int32_t r;

	wa_buf_init(&args, strlen(a->body) + 8);
	wa_buf_fmt(&args, "[%s]", a->body);
	r = args.failed
		    ? WB_ENOMEM
		    : a->hooks->host->lua_call(a->hooks->self, c->script, c->function,
					       kit_str(wa_buf_cstr(&args)), on_transformed, a);
	wa_buf_clear(&args);
	if (r)
		finish_later(a, OUT_UNTRANSFORMED,
			     r == WB_ENOTFOUND ? "transform: no script exports this function"
					       : "transform: it could not be called");
}

struct attempt *attempt_start(struct endpoint *e, struct happening *h, int32_t number,
			      uint32_t flags, attempt_done *done, void *ctx)
{
	struct attempt *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->hooks = e->hooks;
	a->e = e;
	a->h = happening_ref(h);
	a->number = number;
	a->flags = flags;
	a->done = done;
	a->ctx = ctx;
	a->begin_ms = e->hooks->host->now_ms();
	wa_list_push_back(&e->hooks->attempts, &a->link);
	a->body = e->config.shape->make(h);
	a->detail = json_object();
	if (!a->body || !a->detail) {
		attempt_free(a);
		return NULL;
	}
	if (e->config.script)
		transform(a);
	else
		send_request(a);
	return a;
}

void attempt_cancel(struct attempt *a)
{
	if (!a)
		return;
	if (a->fetch) {
		a->hooks->host->fetch_cancel(a->fetch);
		attempt_free(a);
	} else if (a->timer) {
		a->hooks->host->timer_cancel(a->timer);
		attempt_free(a);
	} else {
		a->e = NULL; /* a script or a command answers, and frees it */
	}
}

void attempt_end_tests(struct endpoint *e)
{
	struct wa_list *it, *tmp;

	WA_LIST_EACH_SAFE(it, tmp, &e->hooks->attempts)
	{
		struct attempt *a = container_of(it, struct attempt, link);

		if (a->e != e || !(a->flags & ATTEMPT_TEST))
			continue;
		a->out = (struct outcome){ .kind = OUT_FAILED,
					   .why = "the webhook was deleted",
					   .detail = a->detail };
		a->done(a->ctx, &a->out);
		attempt_cancel(a);
	}
}

void attempts_free(struct webhooks *w)
{
	struct wa_list *it, *tmp;

	WA_LIST_EACH_SAFE(it, tmp, &w->attempts)
	{
		struct attempt *a = container_of(it, struct attempt, link);

		if (a->fetch)
			w->host->fetch_cancel(a->fetch);
		attempt_free(a);
	}
}
