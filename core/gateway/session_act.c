/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What says something about another message: edits, revocations, reactions, votes, answers, pins. */
#include <content.h>
#include <db_content.h>
#include <wa/addon.h>
#include "message.h"
#include "outbox_priv.h"
#include "session_priv.h"

#define ARENA_MAX (2u << 20)

/*
 * The message that is meant: one of the same chat. Whoever knows an id could name it otherwise.
 * Words are changed by their author only; in a group an administrator may take back what others said.
 */
static bool find_target(struct wb_session *s, const struct wa_event *ev, const struct wb_names *n,
			struct wa_arena *a, struct db_message *ret_m)
{
	const struct wa_msg_info *in = ev->info;
	const char *wa_id = wa_arena_str(a, ev->message->target_id);
	int kind = ev->message->kind;
	bool author;

	if (!wa_id || !*wa_id || db_message_find_wa(s->reg->gw->db, s->id, wa_id, a, ret_m, NULL) != 1 ||
	    (strcmp(ret_m->chat, n->chat_jid) != 0 && strcmp(ret_m->chat, n->chat_lid) != 0))
		return false;
	author = ret_m->from_me == in->from_me &&
		 (ret_m->from_me || !in->group || strcmp(ret_m->sender, n->sender) == 0 ||
		  strcmp(ret_m->sender, n->sender_jid) == 0 || strcmp(ret_m->sender, n->sender_lid) == 0);
	if (kind == WA_MSG_EDIT || kind == WA_MSG_ENC_EDIT || (kind == WA_MSG_REVOKE && !in->group))
		return author;
	return true;
}

/* What the target says from now on: its content with the new words, or the new parts. */
static char *edited_content(const struct db_message *t, const struct wa_message *m)
{
	json_t *old = json_loads(t->content ? t->content : "", 0, NULL), *new;
	struct wa_message said = *m;
	char *text = NULL;

	if (m->poll || m->calendar) {
		said.kind = m->poll ? WA_MSG_POLL : WA_MSG_CALENDAR;
		said.target_id = wa_span(NULL, 0);
		new = wb_session_content(&said);
		json_decref(old);
		old = new;
	} else if (old) {
		json_object_set_new(old, "text", json_stringn((const char *)m->text.ptr, m->text.len));
	}
	if (old)
		text = json_dumps(old, JSON_COMPACT);
	json_decref(old);
	return text;
}

static void put_edit(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev, const struct db_message *t,
		     struct wa_arena *a)
{
	char *content = edited_content(t, ev->message);
	int64_t at = ev->message->timestamp_ms ? ev->message->timestamp_ms : ev->info->timestamp_ms;

	(void)s;
	db_batch_message_edit(wb_tx_batch(tx), t->id, wa_arena_str(a, wb_content_words(ev->message)),
			      content ? content : "", at);
	free(content);
}

json_t *wb_session_vote_options(const char *poll, const struct wa_vote *v)
{
	json_t *content = json_loads(poll ? poll : "", 0, NULL), *list = json_array(), *text;
	json_t *options = wb_poll_options(content);
	size_t i;

	json_array_foreach(options, i, text) {
		uint8_t hash[WA_HASH_LEN];

		wa_poll_option_hash(wa_span(json_string_value(text), json_string_length(text)), hash);
		for (size_t k = 0; k < v->n; k++)
			if (memcmp(hash, v->options[k], sizeof(hash)) == 0)
				json_array_append(list, text);
	}
	json_decref(options);
	json_decref(content);
	return list;
}

static const struct {
	int kind;
	const char *mark, *event;
} acts[] = {
	{ WA_MSG_EDIT, NULL, "message.edited" },	{ WA_MSG_ENC_EDIT, NULL, "message.edited" },
	{ WA_MSG_REVOKE, "revoke", "message.revoked" },	{ WA_MSG_REACTION, "reaction", "message.reaction" },
	{ WA_MSG_ENC_REACTION, "reaction", "message.reaction" },
	{ WA_MSG_POLL_VOTE, "vote", "message.poll_vote" },
	{ WA_MSG_CALENDAR_ANSWER, "answer", "message.event_answer" },
	{ WA_MSG_PIN, "pin", "message.pinned" },	{ WA_MSG_KEEP, "keep", "message.kept" },
	{ WA_MSG_COMMENT, "comment", NULL },
};

/* What is remembered of it, and told besides target and person. NULL: taken back. */
static json_t *value_of(const struct wa_message *m, const struct db_message *t)
{
	json_t *content = wb_content_json(m, NULL), *v = json_object();
	static const char *const members[] = { "text", "answer", "guests", "duration_s", "options" };

	if (m->kind == WA_MSG_POLL_VOTE && m->vote && t)
		json_object_set_new(content, "options", wb_session_vote_options(t->content, m->vote));
	for (size_t i = 0; i < WA_ARRAY_LEN(members); i++)
		if (json_object_get(content, members[i]))
			json_object_set(v, members[i], json_object_get(content, members[i]));
	json_decref(content);
	return v;
}

static bool taken_back(const struct wa_message *m)
{
	switch (m->kind) {
	case WA_MSG_REACTION:
	case WA_MSG_ENC_REACTION: return !m->text.len;
	case WA_MSG_PIN:
	case WA_MSG_KEEP: return !m->on;
	case WA_MSG_POLL_VOTE: return m->vote && m->vote->n == 0;
	default: return false;
	}
}

/* By the clock of who says it, where that is told: the server counts in seconds. */
static int64_t said_at(const struct wa_event *ev)
{
	const struct wa_message *m = ev->message;

	if (m->going && m->going->timestamp_ms)
		return m->going->timestamp_ms;
	return m->timestamp_ms ? m->timestamp_ms : ev->info->timestamp_ms;
}

static void put_mark(struct wb_tx *tx, const struct wa_event *ev, const struct wb_names *n, const char *kind,
		     const struct db_message *t, json_t *value)
{
	const struct wa_message *m = ev->message;
	bool one = m->kind == WA_MSG_PIN || m->kind == WA_MSG_KEEP || m->kind == WA_MSG_REVOKE;
	char *text = taken_back(m) ? NULL : json_dumps(value, JSON_COMPACT);
	struct db_mark mark = { .message = t->id, .kind = kind, .jid = n->sender_jid, .lid = n->sender_lid,
				.key = one ? kind : m->kind == WA_MSG_COMMENT ? ev->info->id : "",
				.from_me = ev->info->from_me,
				.ts_ms = said_at(ev),
				.value = text ? text : "" };

	db_batch_mark_put(wb_tx_batch(tx), &mark);
	free(text);
}

static json_t *target_json(const char *id, struct wa_span wa_id)
{
	json_t *t = json_object();

	if (id && *id)
		json_object_set_new(t, "id", json_string(id));
	json_object_set_new(t, "wa_id", json_stringn((const char *)wa_id.ptr, wa_id.len));
	return t;
}

void wb_session_put_target(struct wb_session *s, const struct wa_event *ev, const struct wb_names *n, json_t *o,
			   struct wa_arena *a)
{
	struct db_message t;
	bool known = find_target(s, ev, n, a, &t);

	json_object_set_new(o, "target", target_json(known ? t.id : NULL, ev->message->target_id));
}

/* A vote or an answer that nobody could open. */
static bool is_sealed(const struct wa_message *m)
{
	return (m->kind == WA_MSG_POLL_VOTE && !m->vote) || (m->kind == WA_MSG_CALENDAR_ANSWER && !m->going) ||
	       m->kind == WA_MSG_ENC_REACTION || m->kind == WA_MSG_ENC_EDIT;
}

/* ---- votes whose commit is under way count already ---- */

struct voting {
	struct wb_gateway *gw;
	char poll[DB_ID_LEN + 1];
};

static void on_vote_stored(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct voting *v = ctx;
	json_t *list = json_object_get(v->gw->votes, v->poll);

	(void)code;
	(void)err;
	(void)res;
	json_array_remove(list, 0);	/* commits end in the order they began */
	if (!json_array_size(list))
		json_object_del(v->gw->votes, v->poll);
	free(v);
}

static json_t *pending_votes(struct wb_tx *tx, struct wb_gateway *gw, const char *poll, const struct wb_names *n,
			     json_t *options)
{
	struct voting *v = wb_zalloc(sizeof(*v));
	json_t *list;

	if (!gw->votes)
		gw->votes = json_object();
	if (!json_object_get(gw->votes, poll))
		json_object_set_new(gw->votes, poll, json_array());
	list = json_object_get(gw->votes, poll);
	json_array_append_new(list, json_pack("{s:s, s:s, s:O}", "jid", n->sender_jid, "lid", n->sender_lid, "options",
					      options));
	v->gw = gw;
	(void)snprintf(v->poll, sizeof(v->poll), "%s", poll);
	wb_tx_hook(tx, on_vote_stored, v);
	return list;
}

static void put_news(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev, const struct wb_names *n,
		     const char *event, const struct db_message *t, json_t *value, struct wa_arena *a)
{
	const struct wa_message *m = ev->message;
	json_t *o = wb_session_message_json(ev, n, "", wa_message_kind_str(m->kind), wa_arena_str(a, m->text), NULL);

	json_object_set_new(o, "target", target_json(t ? t->id : NULL, m->target_id));
	json_object_update(o, value);
	if (m->kind == WA_MSG_PIN || m->kind == WA_MSG_KEEP)
		json_object_set_new(o, "on", json_boolean(m->on));
	if (is_sealed(m))
		json_object_set_new(o, "sealed", json_true());
	else if (m->kind == WA_MSG_POLL_VOTE && t && json_object_get(value, "options"))
		json_object_set_new(o, "tally", wb_message_tally(s->reg->gw, t, pending_votes(tx, s->reg->gw, t->id, n,
									 json_object_get(value, "options"))));
	/* about a message we know it is news only once */
	wb_session_put_event(s, tx, event, t ? t->id : "", o, t != NULL && !is_sealed(m));
}

void wb_session_on_act(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev,
		       const struct wb_names *n, struct wa_arena *a)
{
	const struct wa_message *m = ev->message;
	struct db_message t;
	bool known = find_target(s, ev, n, a, &t);
	json_t *value = value_of(m, known ? &t : NULL);

	for (size_t i = 0; i < WA_ARRAY_LEN(acts); i++) {
		if (acts[i].kind != m->kind)
			continue;
		if (known && !is_sealed(m)) {
			if (acts[i].mark)
				put_mark(tx, ev, n, acts[i].mark, &t, value);
			else
				put_edit(s, tx, ev, &t, a);
		}
		if (acts[i].event)
			put_news(s, tx, ev, n, acts[i].event, known ? &t : NULL, value, a);
	}
	if (known && m->kind == WA_MSG_POLL_VOTE && m->vote && !ev->info->from_me)
		wb_session_on_menu_vote(s, tx, ev, n, &t, a);
	json_decref(value);
}

/* ---- our own, when the server has taken them ---- */

static void own_info(struct wb_session *s, const char *wa_id, const char *chat, struct wa_msg_info *in,
		     struct wb_names *n)
{
	struct wa_jid jid = { 0 };

	memset(in, 0, sizeof(*in));
	memset(n, 0, sizeof(*n));
	in->id = wa_id;
	in->from_me = true;
	in->timestamp_ms = wb_now(s->reg->gw);
	if (wa_jid_parse(wa_span_str(chat), &jid, NULL) == 0)
		in->chat = jid;
	in->group = jid.server == WA_SRV_GROUP;
	wb_jid_forms(&in->chat, NULL, n->chat_jid, n->chat_lid);
	n->chat = chat;
	(void)snprintf(n->sender_jid, sizeof(n->sender_jid), "%s", s->jid ? s->jid : "");
	(void)snprintf(n->sender_lid, sizeof(n->sender_lid), "%s", s->lid ? s->lid : "");
	(void)snprintf(n->sender, sizeof(n->sender), "%s", s->jid ? s->jid : "");
}

void wb_session_own_act(struct wb_session *s, struct wb_tx *tx, const char *wa_id, const char *chat, json_t *content)
{
	struct wb_content_media_ref ref;
	struct wa_msg_info in;
	struct wa_message m;
	struct wb_names n;
	struct wa_arena a;
	json_t *doc = NULL;
	struct wa_event ev = { .kind = WA_EV_MESSAGE, .id = wa_id, .info = &in, .message = &m };

	own_info(s, wa_id, chat, &in, &n);
	wa_arena_init(&a, ARENA_MAX);
	if (wb_stored_content(content, &a, &m, &ref, &doc, NULL) == 0) {
		if (m.kind == WA_MSG_TIMER)
			wb_session_on_timer(s, tx, &ev, &n);
		else
			wb_session_on_act(s, tx, &ev, &n, &a);
	}
	json_decref(doc);
	wa_arena_clear(&a);
}
