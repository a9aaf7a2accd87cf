/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers: into the outbox, or into a job when a file must be fetched first; typing before them. */
#include "autoreply.h"

#include "text.h"

#define TYPINGS_MAX 1000	/* more are not shown: the answers come all the same */

struct typing {
	struct wa_list link;
	struct autoreply *a;
	struct wb_plugin_timer *timer;
	char session[65], chat[WHO_SIZE];
};

/* ---- requests ---- */

void path_put(struct wa_buf *b, const char *segment)
{
	for (const char *p = segment; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
			     *p == '-' || *p == '.' || *p == '_';

		if (plain)
			wa_buf_u8(b, (uint8_t)*p);
		else
			wa_buf_fmt(b, "%%%02X", (unsigned)(uint8_t)*p);
	}
}

static void nobody_waits(void *ctx, int32_t status, const char *type, struct wb_str body)
{
	(void)ctx, (void)status, (void)type, (void)body;
}

void chat_post(struct autoreply *a, const char *session, const char *chat, const char *what, const char *body)
{
	struct wa_buf path;

	wa_buf_init(&path, 1024);
	wa_buf_str(&path, "/v1/sessions/");
	path_put(&path, session);
	wa_buf_str(&path, "/chats/");
	path_put(&path, chat);
	wa_buf_fmt(&path, "/%s", what);
	if (!path.failed)
		a->host->call(a->self, &(struct wb_plugin_call){ .size = sizeof(struct wb_plugin_call), .method = "POST",
								 .path = wa_buf_cstr(&path), .body = kit_str(body) },
			      nobody_waits, a);
	wa_buf_clear(&path);
}

/* ---- typing ---- */

static void typing_free(struct typing *t)
{
	wa_list_del(&t->link);
	t->a->n_typings--;
	free(t);
}

static void on_typing(void *ctx)
{
	struct typing *t = ctx;

	chat_post(t->a, t->session, t->chat, "state", "{\"state\":\"composing\"}");
	typing_free(t);
}

void typing_at(struct autoreply *a, const char *session, const char *chat, int64_t at_ms)
{
	struct typing *t = a->n_typings < TYPINGS_MAX ? calloc(1, sizeof(*t)) : NULL;
	int64_t now = a->host->now_ms();

	if (!t)
		return;
	t->a = a;
	snprintf(t->session, sizeof(t->session), "%s", session);
	snprintf(t->chat, sizeof(t->chat), "%s", chat);
	wa_list_push_back(&a->typings, &t->link);
	a->n_typings++;
	t->timer = a->host->timer(a->self, at_ms > now ? at_ms - now : 0, 0, on_typing, t);
	if (!t->timer)
		typing_free(t);
}

void typings_stop(struct autoreply *a)
{
	while (!wa_list_empty(&a->typings)) {
		struct typing *t = container_of(wa_list_first(&a->typings), struct typing, link);

		a->host->timer_cancel(t->timer);
		typing_free(t);
	}
}

/* ---- sending ---- */

int answer_send(struct autoreply *a, struct wb_tx *tx, const struct outgoing *o, const json_t *content)
{
	char *text = json_dumps(content, JSON_COMPACT), meta[128], id[27];
	struct wb_send s = { .size = sizeof(s), .session = o->session, .to = o->to, .quoted = o->quoted,
			     .message_class = "reply", .idempotency_key = o->key, .due_ms = o->due_ms,
			     .meta_json = meta, .content = kit_str(text) };
	int r;

	snprintf(meta, sizeof(meta), "{\"autoreply\":{\"rule\":\"%s\"}}", o->rule);
	r = text ? a->host->tx_send(tx, &s, id) : WB_ENOMEM;
	free(text);
	return r < 0 ? r : 0;
}

int answer_prepared(struct autoreply *a, struct wb_tx *tx, const struct outgoing *o, const json_t *parts,
		    int64_t at_ms, int64_t typing_ms)
{
	bool later = typing_ms > 0 || at_ms > a->host->now_ms();
	struct outgoing one = *o;
	char key[KEY_SIZE];
	json_t *part;
	size_t i;

	one.key = key;
	json_array_foreach((json_t *)(uintptr_t)parts, i, part) {
		int r;

		at_ms += typing_ms;
		one.due_ms = later ? at_ms : 0;
		snprintf(key, sizeof(key), "%.80s:%zu", o->key, i);
		r = answer_send(a, tx, &one, json_object_get(part, "content"));
		if (r < 0 && i == 0)
			return r;
		if (r < 0) {
			a->host->log(a->self, WB_WARN, "autoreply.part_refused",
				     (const char *[]){ "rule", o->rule, NULL });
			break;
		}
	}
	return 0;
}

/* [{"content", "url"?, "type", "file_name"}] of the parts; *ret_fetch: a file must come first. */
static json_t *prepare(struct autoreply *a, json_t *parts, json_t *vars,
		       const struct wb_template_env *env, bool *ret_fetch)
{
	json_t *all = json_array(), *part;
	size_t i;

	*ret_fetch = false;
	json_array_foreach(parts, i, part) {
		const char *url = NULL, *known;
		json_t *content = reply_content(part, vars, env, &url), *one;

		if (!content) {
			json_decref(all);
			return NULL;
		}
		one = json_pack("{s:o}", "content", content);
		known = url ? file_known(a, url) : NULL;
		if (known)
			json_object_set_new(json_object_get(content, "media"), "id", json_string(known));
		if (url && !known) {
			json_object_set_new(one, "url", json_string(url));
			*ret_fetch = true;
		}
		json_array_append_new(all, one);
	}
	return all;
}

int answer_parts(struct autoreply *a, struct wb_tx *tx, const struct outgoing *o, json_t *parts, json_t *vars,
		 const struct wb_template_env *env, int64_t typing_ms, int64_t *ret_typing)
{
	int64_t now = a->host->now_ms(), at = o->due_ms > now ? o->due_ms : now;
	bool fetch;
	json_t *all = prepare(a, parts, vars, env, &fetch), *doc;
	int r = all ? 0 : WB_EINVALID;

	*ret_typing = typing_ms > 0 ? at : 0;
	if (all && fetch) {
		doc = json_pack("{s:s, s:s, s:s*, s:s, s:s, s:I, s:I, s:O}", "session", o->session, "to", o->to, "quoted",
				o->quoted, "rule", o->rule, "key", o->key, "at", (json_int_t)at, "typing",
				(json_int_t)typing_ms, "parts", all);
		if (doc)
			job_add(a, tx, doc);
		else
			r = WB_ENOMEM;
		json_decref(doc);
	} else if (all) {
		r = answer_prepared(a, tx, o, all, at, typing_ms);
	}
	json_decref(all);
	return r;
}
