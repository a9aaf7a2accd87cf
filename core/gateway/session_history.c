/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was before linking: slices of history go into storage without telling
 * anybody of each message (no webhook, no answer of a rule); how far it is gets
 * told, and is kept for who asks.
 */
#include <content.h>
#include <db_chat.h>
#include <db_contact.h>
#include <db_content.h>
#include <db_record.h>
#include <ulid.h>
#include <wa/history.h>
#include "media.h"
#include "message.h"
#include "session_priv.h"

#define ARENA_MAX    (4u << 20)
#define REC_PROGRESS 1000	/* beside libwa's records: how far history is, as JSON */
#define PROGRESS_KEY "history"
#define STATE_MAX    (64u << 10)

/* ---- messages ---- */

static int status_of(const struct wa_history_message *m)
{
	if (!m->info.from_me)
		return m->status >= WA_HS_READ ? DB_READ : DB_DELIVERED;
	switch (m->status) {
	case WA_HS_DELIVERED:
		return DB_DELIVERED;
	case WA_HS_READ:
		return DB_READ;
	case WA_HS_PLAYED:
		return DB_PLAYED;
	default:
		return DB_SENT;
	}
}

/* Takes value. */
static void put_mark(struct wb_tx *tx, const char *id, const char *kind, const struct wa_jid *who, bool from_me,
		     int64_t ts_ms, json_t *value)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX], *text = json_dumps(value, JSON_COMPACT);

	json_decref(value);
	wb_jid_forms(who, NULL, jid, lid);
	db_batch_mark_put(wb_tx_batch(tx), &(struct db_mark){ .message = id, .kind = kind, .jid = jid, .lid = lid,
							      .key = strcmp(kind, "pin") == 0 ? kind : "",
							      .from_me = from_me, .ts_ms = ts_ms,
							      .value = text ? text : "{}" });
	free(text);
}

static void put_marks(struct wb_session *s, struct wb_tx *tx, const struct wa_history_message *m, const char *id,
		      const char *content)
{
	struct wa_jid me = wa_jid_bare(&wa_client_device(s->client)->pn);

	for (size_t i = 0; i < m->n_reactions; i++) {
		const struct wa_history_reaction *r = &m->reactions[i];

		put_mark(tx, id, "reaction", &r->sender, r->from_me, r->timestamp_ms,
			 json_pack("{s:o}", "text", json_stringn((const char *)r->text.ptr, r->text.len)));
	}
	for (size_t i = 0; i < m->n_votes; i++) {
		const struct wa_history_vote *v = &m->votes[i];

		put_mark(tx, id, "vote", &v->sender, v->from_me, v->timestamp_ms,
			 json_pack("{s:o}", "options", wb_session_vote_options(content, v->vote)));
	}
	if (m->pinned_ms && !wa_jid_is_null(&m->pinned_by))
		put_mark(tx, id, "pin", &m->pinned_by, m->pinned_by_me, m->pinned_ms, json_object());
	if (m->starred)
		put_mark(tx, id, "star", &me, true, m->info.timestamp_ms, json_object());
}

static void put_message(struct wb_session *s, struct wb_tx *tx, const struct wa_history_message *m, struct wa_arena *a)
{
	const struct wa_msg_info *in = &m->info;
	char id[WA_ULID_LEN + 1], media[DB_ID_LEN + 1];
	struct wb_names n;
	json_t *content;
	char *stored;

	if (wb_content_is_act(m->message->kind) || m->message->kind == WA_MSG_TIMER)
		return;	/* what it did is in what it was done to */
	wb_session_names(in, &n);
	content = wb_session_content(m->message);
	stored = content ? json_dumps(content, JSON_COMPACT) : NULL;
	wa_ulid(id, wb_now(s->reg->gw));
	db_batch_message_add(wb_tx_batch(tx),
			     &(struct db_message){ .id = id, .session = s->id, .chat = n.chat, .sender = n.sender,
						   .wa_id = in->id, .from_me = in->from_me,
						   .kind = wb_session_kind(m->message),
						   .text = wa_arena_str(a, wb_content_words(m->message)),
						   .raw = wb_session_raw(m->raw),
						   .quoted = wa_arena_str(a, m->message->quoted_id),
						   .content = stored, .ts_ms = in->timestamp_ms,
						   .status = status_of(m), .reason = "", .backfilled = true });
	if (wb_session_file(m->message))
		wb_media_add(tx, s->id, id, wb_session_file(m->message), media);
	put_marks(s, tx, m, id, stored);
	json_decref(content);
	free(stored);
}

/* ---- chats and people ---- */

void wb_session_learn_quiet(struct wb_session *s, struct wb_tx *tx, const struct wa_jid *who, const struct wa_jid *pn,
			    const char *push_name, const char *name)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX], phone[40] = "";
	const char *at;

	wb_jid_forms(who, pn, jid, lid);
	at = strstr(jid, "@s.whatsapp.net");
	if (at)
		snprintf(phone, sizeof(phone), "%.*s", (int)(at - jid), jid);
	if (!*jid && !*lid)
		return;
	wb_outbox_contact_put(tx, s->id, jid, lid);
	db_batch_contact_put(wb_tx_batch(tx), s->id,
			     &(struct db_contact){ .jid = jid, .lid = lid, .phone = phone, .push_name = push_name,
						   .name = name });
}

/* What is asked for later says nothing of the chat as it is now. */
static void put_flags(struct wb_session *s, struct wb_tx *tx, const struct wa_history_chat *c, const char *key)
{
	if (c->archived)
		db_batch_chat_archive(wb_tx_batch(tx), s->id, key, true);
	if (c->pinned)
		db_batch_chat_flag(wb_tx_batch(tx), s->id, key, DB_CHAT_PINNED_MS, c->pinned_ms ? c->pinned_ms : 1);
	if (c->muted_until_ms)
		db_batch_chat_flag(wb_tx_batch(tx), s->id, key, DB_CHAT_MUTED_MS, c->muted_until_ms);
	if (c->marked_unread)
		db_batch_chat_flag(wb_tx_batch(tx), s->id, key, DB_CHAT_MARKED_UNREAD, 1);
}

static void put_chat(struct wb_session *s, struct wb_tx *tx, const struct wa_history *h, const struct wa_history_chat *c,
		     struct wa_arena *a)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];
	bool person = wa_jid_is_user(&c->jid);
	int64_t last = c->last_ms;
	const char *key;

	wb_jid_forms(&c->jid, &c->pn, jid, lid);
	key = *jid ? jid : lid;
	for (size_t i = 0; i < c->n_messages; i++) {
		put_message(s, tx, &c->messages[i], a);
		if (c->messages[i].info.timestamp_ms > last)
			last = c->messages[i].info.timestamp_ms;
	}
	if (c->n_messages || last)
		db_batch_chat_touch(wb_tx_batch(tx), s->id, key, last,
				    c->complete && h->type == WA_HISTORY_INITIAL ? c->unread : 0);
	if (!c->complete)
		return;
	if (person)
		wb_session_learn_quiet(s, tx, &c->jid, &c->pn, NULL, c->name);
	else if (c->name && *c->name)
		db_batch_chat_name(wb_tx_batch(tx), s->id, key, c->name);
	if (h->type != WA_HISTORY_ON_DEMAND)
		put_flags(s, tx, c, key);
}

void wb_session_on_history(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	const struct wa_history *h = ev->history;
	struct wa_arena a;

	wa_arena_init(&a, ARENA_MAX);
	for (size_t i = 0; i < h->n_chats; i++)
		put_chat(s, tx, h, &h->chats[i], &a);
	for (size_t i = 0; i < h->n_names; i++)
		wb_session_learn_quiet(s, tx, &h->names[i].jid, NULL, h->names[i].name, NULL);
	if (wa_arena_failed(&a))
		wb_tx_fail(tx, WA_ENOMEM, "history");
	wa_arena_clear(&a);
}

/* ---- how far it is ---- */

json_t *wb_session_history_json(struct wb_session *s)
{
	struct wa_buf b;
	json_t *o = NULL;

	wa_buf_init(&b, STATE_MAX);
	if (db_record_get(s->reg->gw->db, s->id, REC_PROGRESS, wa_span_str(PROGRESS_KEY), &b, NULL) == 1)
		o = json_loadb((const char *)b.ptr, b.len, 0, NULL);
	wa_buf_clear(&b);
	return o ? o : json_pack("{s:s, s:i, s:i, s:i, s:i}", "state", "none", "progress", 0, "messages", 0,
				 "conversations", 0, "skipped", 0);
}

static const char *state_name(int state)
{
	static const char *const names[] = {
		[WA_HISTORY_BEGUN] = "reading",		[WA_HISTORY_PART_DONE] = "waiting",
		[WA_HISTORY_PART_FAILED] = "part_failed", [WA_HISTORY_MISSING] = "missing",
		[WA_HISTORY_DONE] = "done",		[WA_HISTORY_NOTHING] = "nothing_older",
	};

	return state >= 0 && (size_t)state < WA_ARRAY_LEN(names) ? names[state] : "unknown";
}

static void add_to(json_t *o, const char *key, uint64_t n)
{
	json_int_t have = json_integer_value(json_object_get(o, key));

	json_object_set_new(o, key, json_integer(have + (json_int_t)n));
}

/* What is kept: totals over all parts, and the last state. */
static json_t *merged(struct wb_session *s, const struct wa_event *ev)
{
	const struct wa_history *h = ev->history;
	json_t *o = wb_session_history_json(s);
	bool over = h->state == WA_HISTORY_PART_DONE || h->state == WA_HISTORY_PART_FAILED;

	/* Once it was whole it stays so: what comes later was asked for. */
	if (h->type != WA_HISTORY_ON_DEMAND &&
	    !(over && strcmp(json_string_value(json_object_get(o, "state")), "done") == 0))
		json_object_set_new(o, "state", json_string(state_name(h->state)));
	if (h->type == WA_HISTORY_RECENT || h->type == WA_HISTORY_FULL)
		json_object_set_new(o, "progress", json_integer(h->progress));
	if (over) {
		add_to(o, "messages", h->messages);
		add_to(o, "conversations", h->conversations);
		add_to(o, "skipped", h->skipped);
	}
	json_object_del(o, "missing");
	if (h->state == WA_HISTORY_MISSING) {
		json_t *list = json_array();

		for (size_t i = 0; i < h->n_missing; i++)
			json_array_append_new(list, json_integer(h->missing[i]));
		json_object_set_new(o, "missing", list);
		json_object_set_new(o, "given_up", json_boolean(h->final));
	}
	return o;
}

void wb_session_on_history_progress(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	const struct wa_history *h = ev->history;
	json_t *kept = merged(s, ev), *o = json_deep_copy(kept);
	char *text = json_dumps(kept, JSON_COMPACT);

	db_batch_record_put(wb_tx_batch(tx), s->id, REC_PROGRESS, wa_span_str(PROGRESS_KEY),
			    wa_span_str(text ? text : "{}"));
	free(text);
	json_decref(kept);
	if (h->state == WA_HISTORY_BEGUN) {
		json_decref(o);
		return;
	}
	json_object_set_new(o, "id", json_string(s->id));
	json_object_set_new(o, "part", json_pack("{s:s, s:i, s:s, s:I}", "type", wa_history_type_str(h->type), "chunk",
						 (int)h->chunk, "state", state_name(h->state), "messages",
						 (json_int_t)h->messages));
	if (h->request && *h->request)
		json_object_set_new(o, "request", json_string(h->request));
	if (ev->text)
		json_object_set_new(o, "reason", json_string(ev->text));
	wb_session_put_event(s, tx, h->state == WA_HISTORY_DONE ? "history.done" : "history.progress", "", o, false);
}

void wb_history_depth(const struct wb_config *c, struct wa_history_depth *d)
{
	const char *how = wb_config_text(c, "session.history");

	d->none = strcmp(how, "none") == 0;
	d->full = strcmp(how, "full") == 0;
	d->max_days = (uint32_t)wb_config_int(c, "session.history_days");
	d->max_per_chat = (uint32_t)wb_config_int(c, "session.history_per_chat");
	d->max_total = (uint64_t)wb_config_int(c, "session.history_total");
}

/* The oldest message of a chat, which may be stored under its other name; 1, 0, <0. */
static int oldest(struct wb_session *s, const char *chat_key, struct wa_arena *a, struct db_message *ret, struct wa_err *err)
{
	int r = db_message_oldest(s->reg->gw->db, s->id, chat_key, a, ret, err);
	struct db_contact c;
	const char *other;

	if (r != 0 || (r = db_contact_get(s->reg->gw->db, s->id, chat_key, a, &c, err)) != 1)
		return r;
	other = strcmp(chat_key, c.jid) == 0 ? c.lid : c.jid;
	return *other ? db_message_oldest(s->reg->gw->db, s->id, other, a, ret, err) : 0;
}

int wb_session_history_ask(struct wb_session *s, const struct wa_jid *chat, const char *chat_key, uint32_t count,
			   char ret_request[32], struct wa_err *err)
{
	struct wa_history_ask ask = { .chat = *chat, .count = count };
	struct db_message m;
	struct wa_arena a;
	int r;

	if (!s->client)
		return wa_err_set(err, WA_ESTATE, "the session is not connected");
	wa_arena_init(&a, ARENA_MAX);
	r = oldest(s, chat_key, &a, &m, err);
	if (r == 1) {
		ask.oldest_id = m.wa_id;
		ask.oldest_from_me = m.from_me;
		ask.oldest_ms = m.ts_ms;
		r = wa_client_history_request(s->client, &ask, ret_request, err);
	} else if (r == 0) {
		r = wa_err_set(err, WA_ENOTFOUND, "no message of this chat is known, so none is the oldest");
	}
	wa_arena_clear(&a);
	return r;
}
