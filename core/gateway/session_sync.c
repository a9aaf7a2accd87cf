/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * App state: what the phone and the other companions change becomes rows and
 * events; so do our own changes, once the server has them.
 */
#include <db_chat.h>
#include <db_contact.h>
#include <db_content.h>
#include <db_message.h>
#include <db_sync.h>
#include <wa/sync.h>
#include "session_priv.h"

#define ARENA_MAX (4u << 20)

struct change {
	struct wb_session *s;
	struct wb_tx *tx;
	const struct wa_event *ev;
	const struct wa_sync_action *a;
	char chat[WA_JID_TEXT_MAX];	/* as storage knows it */
};

static struct db_batch *batch(const struct change *c)
{
	return wb_tx_batch(c->tx);
}

/* The event of a change; nothing when the row was like that already. */
static void tell(const struct change *c, const char *kind, const char *subject, json_t *take_o)
{
	if (!wa_jid_is_null(&c->a->chat))
		json_object_set_new(take_o, "chat", wb_session_person(c->s, &c->ev->jid));
	json_object_set_new(take_o, "own", json_boolean(c->ev->sync->own));
	wb_session_put_event(c->s, c->tx, kind, subject, take_o, true);
}

/* ---- chats ---- */

static void chat_flag(const struct change *c, int flag, int64_t value, const char *kind, const char *name)
{
	json_t *o = json_object();

	db_batch_chat_flag(batch(c), c->s->id, c->chat, flag, value);
	json_object_set_new(o, name, json_boolean(value != 0));
	if (flag == DB_CHAT_MUTED_MS)
		json_object_set_new(o, "muted_until_ms", json_integer(value));
	tell(c, kind, "", o);
}

static void on_archive(const struct change *c)
{
	bool on = c->a->on && !c->a->remove;

	if (on)
		db_batch_chat_flag(batch(c), c->s->id, c->chat, DB_CHAT_PINNED_MS, 0);
	chat_flag(c, DB_CHAT_ARCHIVED, on, "chat.archived", "archived");
}

static void on_pin(const struct change *c)
{
	bool on = c->a->on && !c->a->remove;
	int64_t since = c->a->timestamp_ms > 0 ? c->a->timestamp_ms : 1;

	chat_flag(c, DB_CHAT_PINNED_MS, on ? since : 0, "chat.pinned", "pinned");
}

static void on_mute(const struct change *c)
{
	bool on = c->a->on && !c->a->remove;

	chat_flag(c, DB_CHAT_MUTED_MS, on ? c->a->until_ms : 0, "chat.muted", "muted");
}

static void on_read(const struct change *c)
{
	json_t *o = json_object();

	if (c->a->remove) {
		json_decref(o);
		return;
	}
	json_object_set_new(o, "read", json_boolean(c->a->on));
	if (c->a->on) {
		db_batch_chat_flag(batch(c), c->s->id, c->chat, DB_CHAT_MARKED_UNREAD, 0);
		db_batch_chat_read(batch(c), c->s->id, c->chat);
	} else {
		db_batch_chat_flag(batch(c), c->s->id, c->chat, DB_CHAT_MARKED_UNREAD, 1);
	}
	tell(c, "chat.read", "", o);
}

/* Up to the newest message its author knew, or to the time of the deed. */
static int64_t until(const struct change *c)
{
	int64_t ms = c->a->timestamp_ms;

	if (c->a->range.last_ms > ms)
		ms = c->a->range.last_ms;
	return ms + 999;	/* ranges are in seconds */
}

static void on_clear(const struct change *c)
{
	if (c->a->remove)
		return;
	db_batch_chat_clear(batch(c), c->s->id, c->chat, until(c), !c->a->delete_starred);
	tell(c, "chat.cleared", "", json_object());
}

static void on_delete_chat(const struct change *c)
{
	if (c->a->remove)
		return;
	db_batch_chat_clear(batch(c), c->s->id, c->chat, until(c), false);
	db_batch_chat_del(batch(c), c->s->id, c->chat);
	tell(c, "chat.deleted", "", json_object());
}

/* ---- messages ---- */

/* Our id of the message; false: it is not stored. */
static bool find_message(const struct change *c, char ret_id[DB_ID_LEN + 1])
{
	struct db_message m;
	struct wa_arena a;
	bool found = false;

	wa_arena_init(&a, ARENA_MAX);
	if (db_message_find(c->s->reg->gw->db, c->s->id, c->chat, c->a->id, c->a->from_me, &a, &m, NULL) == 1) {
		snprintf(ret_id, DB_ID_LEN + 1, "%s", m.id);
		found = true;
	}
	wa_arena_clear(&a);
	return found;
}

static void on_star(const struct change *c)
{
	bool on = c->a->on && !c->a->remove;
	struct db_mark mark = { .kind = "star", .key = "", .from_me = true, .ts_ms = c->a->timestamp_ms,
				.jid = c->s->jid ? c->s->jid : "", .lid = c->s->lid ? c->s->lid : "",
				.value = on ? "true" : "" };
	char id[DB_ID_LEN + 1];
	json_t *o;

	if (!find_message(c, id))
		return;
	mark.message = id;
	db_batch_mark_put(batch(c), &mark);
	o = json_object();
	json_object_set_new(o, "id", json_string(id));
	json_object_set_new(o, "starred", json_boolean(on));
	tell(c, "message.starred", id, o);
}

static void on_delete_for_me(const struct change *c)
{
	char id[DB_ID_LEN + 1];
	json_t *o;

	if (c->a->remove || !find_message(c, id))
		return;
	db_batch_message_del(batch(c), id);
	o = json_object();
	json_object_set_new(o, "id", json_string(id));
	tell(c, "message.deleted", id, o);
}

/* ---- labels, quick replies, settings ---- */

static void put_item(const struct change *c, int item, const char *kind, const char *key, json_t *take_doc)
{
	char *text = json_dumps(take_doc, JSON_COMPACT);

	if (text)
		db_batch_item_put(batch(c), c->s->id, item, key, text);
	free(text);
	tell(c, kind, key, take_doc);
}

static void del_item(const struct change *c, int item, const char *kind, const char *key)
{
	db_batch_item_del(batch(c), c->s->id, item, key);
	tell(c, kind, key, json_pack("{s:s}", "id", key));
}

static void on_label(const struct change *c)
{
	const struct wa_sync_action *a = c->a;

	if (a->remove || !a->on) {
		db_batch_label_forget(batch(c), c->s->id, a->label);
		del_item(c, DB_ITEM_LABEL, "label.deleted", a->label);
		return;
	}
	put_item(c, DB_ITEM_LABEL, "label.updated", a->label,
		 json_pack("{s:s, s:s, s:i, s:b}", "id", a->label, "name", a->name ? a->name : "", "color", a->color,
			   "predefined", a->number != 0));
}

static void on_label_use(const struct change *c)
{
	const struct wa_sync_action *a = c->a;
	bool on = a->on && !a->remove;
	json_t *o = json_pack("{s:s}", "label", a->label);
	char id[DB_ID_LEN + 1];

	db_batch_label_use(batch(c), c->s->id, a->label, c->chat, a->id ? a->id : "", on);
	if (a->id)
		json_object_set_new(o, "wa_id", json_string(a->id));
	if (a->id && find_message(c, id))
		json_object_set_new(o, "message", json_string(id));
	tell(c, on ? "label.assigned" : "label.unassigned", a->label, o);
}

static void on_quick_reply(const struct change *c)
{
	const struct wa_sync_action *a = c->a;

	if (a->remove || !a->on)
		del_item(c, DB_ITEM_QUICK_REPLY, "quick_reply.deleted", a->label);
	else
		put_item(c, DB_ITEM_QUICK_REPLY, "quick_reply.updated", a->label,
			 json_pack("{s:s, s:s, s:s}", "id", a->label, "shortcut", a->name ? a->name : "", "text",
				   a->text ? a->text : ""));
}

static const struct {
	int kind;
	const char *key;
	bool flag;		/* a boolean; else a text */
	bool inverted;
} settings[] = {
	{ WA_SYNC_PUSH_NAME, "push_name", false, false },
	{ WA_SYNC_LOCALE, "locale", false, false },
	{ WA_SYNC_UNARCHIVE, "unarchive_chats", true, false },
	{ WA_SYNC_NO_LINK_PREVIEWS, "link_previews", true, true },
	{ WA_SYNC_TIME_FORMAT, "time_24h", true, false },
	{ WA_SYNC_RELAY_CALLS, "relay_calls", true, false },
};

static void on_setting(const struct change *c)
{
	const struct wa_sync_action *a = c->a;
	const char *text = a->name ? a->name : a->text ? a->text : "";
	size_t i = 0;

	while (i < WA_ARRAY_LEN(settings) && settings[i].kind != a->kind)
		i++;
	if (i == WA_ARRAY_LEN(settings))
		return;
	if (a->remove)
		del_item(c, DB_ITEM_SETTING, "settings.updated", settings[i].key);
	else if (settings[i].flag)
		put_item(c, DB_ITEM_SETTING, "settings.updated", settings[i].key,
			 json_pack("{s:s, s:b}", "setting", settings[i].key, "value", a->on != settings[i].inverted));
	else
		put_item(c, DB_ITEM_SETTING, "settings.updated", settings[i].key,
			 json_pack("{s:s, s:s}", "setting", settings[i].key, "value", text));
}

/* ---- people ---- */

static void on_contact(const struct change *c)
{
	const struct wa_sync_action *a = c->a;
	const char *name = a->name && *a->name ? a->name : a->first_name ? a->first_name : "";
	json_t *o;

	if (!a->remove && c->ev->sync->snapshot) {
		wb_session_learn_quiet(c->s, c->tx, &c->ev->jid, &a->lid, NULL, name);
		return;
	}
	/* The row first: a name needs somebody to belong to. */
	if (!a->remove)
		wb_session_learn_quiet(c->s, c->tx, &c->ev->jid, &a->lid, NULL, NULL);
	db_batch_contact_rename(batch(c), c->s->id, c->chat, a->remove ? "" : name);
	o = json_object();
	json_object_set_new(o, "contact", wb_session_person(c->s, &c->ev->jid));
	json_object_set_new(o, "name", json_string(a->remove ? "" : name));
	tell(c, "contact.updated", "", o);
}

/* ---- all of it ---- */

void wb_session_on_sync(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	struct change c = { .s = s, .tx = tx, .ev = ev, .a = &ev->sync->action };
	struct wa_jid bare = wa_jid_bare(&ev->jid);

	wa_jid_text(&bare, c.chat);
	switch ((enum wa_sync_kind)c.a->kind) {
	case WA_SYNC_ARCHIVE: on_archive(&c); break;
	case WA_SYNC_PIN: on_pin(&c); break;
	case WA_SYNC_MUTE: on_mute(&c); break;
	case WA_SYNC_READ: on_read(&c); break;
	case WA_SYNC_STAR: on_star(&c); break;
	case WA_SYNC_DELETE_FOR_ME: on_delete_for_me(&c); break;
	case WA_SYNC_CLEAR_CHAT: on_clear(&c); break;
	case WA_SYNC_DELETE_CHAT: on_delete_chat(&c); break;
	case WA_SYNC_CONTACT:
	case WA_SYNC_LID_CONTACT: on_contact(&c); break;
	case WA_SYNC_LABEL_EDIT: on_label(&c); break;
	case WA_SYNC_LABEL_CHAT:
	case WA_SYNC_LABEL_MESSAGE: on_label_use(&c); break;
	case WA_SYNC_QUICK_REPLY: on_quick_reply(&c); break;
	case WA_SYNC_PUSH_NAME:
	case WA_SYNC_LOCALE:
	case WA_SYNC_UNARCHIVE:
	case WA_SYNC_NO_LINK_PREVIEWS:
	case WA_SYNC_TIME_FORMAT:
	case WA_SYNC_RELAY_CALLS: on_setting(&c); break;
	case WA_SYNC_OTHER:	/* of no consequence to a gateway */
	case WA_SYNC_LOCK:
	case WA_SYNC_STATUS_MUTE:
	case WA_SYNC_PN_FOR_LID:
	case WA_SYNC_NCT_SALT:
	case WA_SYNC_KINDS: break;
	}
}

void wb_session_on_sync_done(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	json_t *o = json_pack("{s:s, s:b}", "collection", ev->text, "ok", ev->kind == WA_EV_SYNC_DONE);

	if (ev->kind == WA_EV_SYNC_ERROR) {
		json_object_set_new(o, "reason", json_string(wa_code_str(ev->code)));
		json_object_set_new(o, "final", json_boolean(ev->final));
	} else {
		json_object_set_new(o, "changes", json_integer(ev->count));
	}
	wb_session_put_event(s, tx, "session.sync", "", o, false);
}

/* ---- the other direction ---- */

void wb_session_range(struct wb_gateway *gw, const char *session, const char *chat, struct wa_arena *a,
		      struct wa_sync_range *ret_r)
{
	struct db_message m;
	int64_t ms = 0;

	memset(ret_r, 0, sizeof(*ret_r));
	if (db_message_newest(gw->db, session, chat, a, &m, NULL) != 1)
		return;
	ms = m.ts_ms;
	ret_r->last_ms = ms;
	ret_r->n = 1;
	ret_r->messages[0] = (struct wa_sync_key){ .id = m.wa_id, .from_me = m.from_me, .timestamp_ms = ms };
	if (!m.from_me && strstr(chat, "@g.us") &&
	    wa_jid_parse(wa_span_str(m.sender), &ret_r->messages[0].sender, NULL))
		ret_r->n = 0;
}

int wb_session_message_change(struct wb_session *s, const struct db_message *m, int kind, bool on, wa_done_fn *done,
			      void *arg, struct wa_err *err)
{
	struct wa_client *c = wb_session_client(s);
	struct wa_sync_action a = { .kind = kind, .on = on, .id = m->wa_id, .from_me = m->from_me,
				    .message_ms = m->ts_ms, .delete_media = true };

	if (!c)
		return wa_err_set(err, WA_ESTATE, "the session is not connected");
	if (wa_jid_parse(wa_span_str(m->chat), &a.chat, err))
		return WA_EINVALID;
	if (!m->from_me && a.chat.server == WA_SRV_GROUP) {
		if (wa_jid_parse(wa_span_str(m->sender), &a.sender, err))
			return WA_EINVALID;
		a.sender = wa_jid_bare(&a.sender);
	}
	return wa_client_sync_change(c, &a, 1, done, arg, err);
}
