/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session_account.h"

#include <clock.h>
#include <db_fact.h>
#include "media.h"
#include "session_priv.h"

#define ARENA_MAX (1u << 20)
#define LOCK_RECHECK_MS 60000	/* a lock whose end is not known */

/* ---- profiles ---- */

json_t *wb_profile_known(struct wb_gateway *gw, const char *session, const char *who)
{
	const char *text = NULL;
	struct wa_arena a;
	json_t *o = NULL;

	wa_arena_init(&a, ARENA_MAX);
	if (db_fact_get(gw->db, session, "profile", who, &a, &text, NULL, NULL) == 1)
		o = json_loads(text, 0, NULL);
	wa_arena_clear(&a);
	return o;
}

void wb_profile_learn(struct wb_tx *tx, const char *session, const char *who, json_t *take_changes)
{
	struct wb_gateway *gw = wb_tx_gateway(tx);
	json_t *o = wb_profile_known(gw, session, who), *v;
	char time[WA_TIME_TEXT], *text;
	const char *key;

	if (!o)
		o = json_object();
	json_object_foreach(take_changes, key, v) {
		if (json_is_null(v))
			json_object_del(o, key);
		else
			json_object_set(o, key, v);
	}
	json_object_set_new(o, "seen_at", json_string(wa_time_format(wb_now(gw), time)));
	text = json_dumps(o, JSON_COMPACT);
	if (text)
		db_batch_fact_put(wb_tx_batch(tx), session, "profile", who, wa_span_str(text));
	free(text);
	json_decref(o);
	json_decref(take_changes);
}

void wb_profile_picture(struct wb_tx *tx, const char *session, const char *who, const char *id)
{
	json_t *known = wb_profile_known(wb_tx_gateway(tx), session, who);
	const char *media = json_string_value(json_object_get(known, "picture_media"));

	if (media)
		wb_media_drop(tx, session, media);
	json_decref(known);
	wb_profile_learn(tx, session, who, json_pack("{s:o, s:n, s:n}", "picture_id",
						     *id ? json_string(id) : json_null(), "picture_url",
						     "picture_media"));
}

static json_t *about_person(struct wb_session *s, const struct wa_jid *who)
{
	json_t *o = json_object();

	json_object_set_new(o, "contact", wb_session_person(s, who));
	return o;
}

static void on_picture(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	const char *id = ev->text ? ev->text : "";
	char who[WA_JID_TEXT_MAX];
	json_t *o;
	bool group = ev->jid.server == WA_SRV_GROUP;


	if (!group && !wa_jid_is_user(&ev->jid))
		return;
	wa_jid_text(&ev->jid, who);
	o = group ? json_pack("{s:s}", "group", who) : about_person(s, &ev->jid);
	if (group && wa_jid_is_user(&ev->sender))
		json_object_set_new(o, "by", wb_session_person(s, &ev->sender));
	json_object_set_new(o, "picture_id", *id ? json_string(id) : json_null());
	json_object_set_new(o, "removed", json_boolean(!*id));
	wb_profile_picture(tx, s->id, who, id);
	wb_session_put_event(s, tx, group ? "group.picture" : "contact.picture", "", o, false);
}

static void on_about(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	const char *text = ev->text ? ev->text : "";
	char who[WA_JID_TEXT_MAX];
	json_t *o = about_person(s, &ev->sender);

	/* "" says only that something changed: what is known is void. */
	json_object_set_new(o, "about", *text ? json_string(text) : json_null());
	wb_profile_learn(tx, s->id, wa_jid_text(&ev->sender, who),
			 json_pack("{s:o}", "about", *text ? json_string(text) : json_null()));
	wb_session_put_event(s, tx, "contact.about", "", o, false);
}

static void on_blocklist(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	json_t *o = wa_jid_is_null(&ev->jid) ? json_object() : about_person(s, &ev->jid);

	if (wa_jid_is_null(&ev->jid))
		json_object_set_new(o, "reload", json_true());
	else
		json_object_set_new(o, "blocked", json_boolean(ev->code != 0));
	wb_session_put_event(s, tx, "account.blocks", "", o, false);
}

static void on_privacy(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	json_t *o = json_object();

	if (ev->text && strcmp(ev->text, "default_timer") == 0)
		json_object_set_new(o, "default_timer_s", json_integer(ev->count));
	wb_session_put_event(s, tx, "account.privacy", "", o, false);
}

/* ---- restrictions ---- */

static void put_time(json_t *o, const char *key, int64_t ms)
{
	char time[WA_TIME_TEXT];

	json_object_set_new(o, key, ms > 0 ? json_string(wa_time_format(ms, time)) : json_null());
}

json_t *wb_restriction_json(const struct wa_restriction *r, int64_t now)
{
	bool locked = r->locked && (r->until_ms == 0 || r->until_ms > now);
	json_t *o = json_pack("{s:b, s:s}", "locked", locked, "kind", locked ? r->kind : "DEFAULT"), *cap;

	put_time(o, "until", locked ? r->until_ms : 0);
	if (*r->cap) {
		cap = json_pack("{s:s, s:I, s:I}", "status", r->cap, "total", (json_int_t)r->cap_total, "used",
				(json_int_t)r->cap_used);
		put_time(cap, "from", r->cap_from_ms);
		put_time(cap, "until", r->cap_until_ms);
		json_object_set_new(o, "cap", cap);
	}
	return o;
}

/* As stored: numbers, so that time goes on. */
static json_t *restriction_fact(const struct wa_restriction *r)
{
	return json_pack("{s:b, s:s, s:I, s:s, s:I, s:I, s:I, s:I}", "locked", r->locked, "kind", r->kind, "until",
			 (json_int_t)r->until_ms, "cap", r->cap, "total", (json_int_t)r->cap_total, "used",
			 (json_int_t)r->cap_used, "from", (json_int_t)r->cap_from_ms, "to",
			 (json_int_t)r->cap_until_ms);
}

static json_t *restriction_load(struct wb_session *s)
{
	const char *text = NULL;
	struct wa_arena a;

	if (s->restriction)
		return s->restriction;
	wa_arena_init(&a, ARENA_MAX);
	if (db_fact_get(s->reg->gw->db, s->id, "restriction", "", &a, &text, NULL, NULL) == 1)
		s->restriction = json_loads(text, 0, NULL);
	wa_arena_clear(&a);
	if (!s->restriction)	/* json_null() costs nothing and says: looked up, none */
		s->restriction = json_null();
	return s->restriction;
}

static int64_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

json_t *wb_session_restriction_json(struct wb_session *s)
{
	const json_t *o = restriction_load(s);
	const char *cap = json_string_value(json_object_get(o, "cap"));
	struct wa_restriction r = { .locked = json_is_true(json_object_get(o, "locked")),
				    .kind = json_string_value(json_object_get(o, "kind")),
				    .until_ms = num(o, "until"), .cap = cap ? cap : "",
				    .cap_total = num(o, "total"), .cap_used = num(o, "used"),
				    .cap_from_ms = num(o, "from"), .cap_until_ms = num(o, "to") };
	int64_t now = wb_now(s->reg->gw);

	if (!r.kind || (!(r.locked && (r.until_ms == 0 || r.until_ms > now)) && (!*r.cap || strcmp(r.cap, "none") == 0)))
		return NULL;
	return wb_restriction_json(&r, now);
}

int64_t wb_session_first_contact(struct wb_session *s, const char *chat)
{
	const json_t *o = restriction_load(s);
	int64_t now = wb_now(s->reg->gw), until = 0;
	const char *cap = json_string_value(json_object_get(o, "cap"));

	if (json_is_true(json_object_get(o, "locked")))
		until = num(o, "until") ? num(o, "until") : now + LOCK_RECHECK_MS;
	if (cap && strcmp(cap, "capped") == 0) {
		int64_t end = num(o, "to") ? num(o, "to") : now + LOCK_RECHECK_MS;

		until = end > until ? end : until;
	}
	if (until <= now || db_chat_spoken(s->reg->gw->db, s->id, chat, NULL) != 0)
		return 0;
	return until;
}

static void on_restriction(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	json_t *o = wb_restriction_json(ev->restriction, wb_now(s->reg->gw));
	char *text;

	json_decref(s->restriction);
	s->restriction = restriction_fact(ev->restriction);
	text = s->restriction ? json_dumps(s->restriction, JSON_COMPACT) : NULL;
	if (text)
		db_batch_fact_put(wb_tx_batch(tx), s->id, "restriction", "", wa_span_str(text));
	free(text);
	WB_GATEWAY_LOG(s->reg->gw, WA_WARN, "session.restricted", WA_S("session", s->id),
		       WA_S("kind", ev->restriction->kind), WA_S("cap", ev->restriction->cap));
	wb_session_put_event(s, tx, "session.restricted", "", o, false);
	/* what waited may go, or waits from now on */
	if (!ev->restriction->locked)
		wb_outbox_restriction(s->reg->gw->outbox, s->id);
}

/* ---- channels ---- */

static void put_text(json_t *o, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(o, key, json_string(text));
}

json_t *wb_channel_json(const struct wa_newsletter *n)
{
	char jid[WA_JID_TEXT_MAX];
	json_t *o = json_pack("{s:s}", "id", wa_jid_text(&n->jid, jid));

	put_text(o, "name", n->name);
	put_text(o, "description", n->description);
	put_text(o, "handle", n->handle);
	if (n->invite && *n->invite)
		json_object_set_new(o, "link", json_sprintf("https://whatsapp.com/channel/%s", n->invite));
	put_text(o, "state", n->state);
	put_text(o, "picture_id", n->picture_id);
	put_text(o, "picture_path", n->picture_path);
	put_text(o, "reactions", n->reactions);
	if (n->created_ms)
		put_time(o, "created_at", n->created_ms);
	if (n->followers)
		json_object_set_new(o, "followers", json_integer((json_int_t)n->followers));
	json_object_set_new(o, "verified", json_boolean(n->verified));
	json_object_set_new(o, "muted", json_boolean(n->muted));
	put_text(o, "role", wa_newsletter_role_str(n->role));
	return o;
}

json_t *wb_channel_message_json(const struct wa_newsletter_message *m)
{
	json_t *o = json_pack("{s:I}", "server_id", (json_int_t)m->server_id), *codes, *content;

	put_text(o, "wa_id", m->id);
	if (m->timestamp_ms)
		put_time(o, "timestamp", m->timestamp_ms);
	if (m->views >= 0)
		json_object_set_new(o, "views", json_integer((json_int_t)m->views));
	if (m->has_reactions) {
		codes = json_object();
		for (size_t i = 0; i < m->n_reactions; i++)
			json_object_set_new(codes, m->reactions[i].code, json_integer((json_int_t)m->reactions[i].n));
		json_object_set_new(o, "reactions", codes);
	}
	if (m->message) {
		json_object_set_new(o, "kind", json_string(wb_session_kind(m->message)));
		json_object_set_new(o, "text",
				    json_stringn_nocheck((const char *)m->message->text.ptr, m->message->text.len));
		content = wb_session_content(m->message);
		if (content)
			json_object_set_new(o, "content", content);
	}
	return o;
}

static void on_channel(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	static const char *const kinds[] = {
		[WA_NL_CHANGED] = "channel.updated", [WA_NL_JOINED] = "channel.followed",
		[WA_NL_LEFT] = "channel.unfollowed", [WA_NL_MUTED] = "channel.muted",
		[WA_NL_ROLE] = "channel.role",       [WA_NL_COUNTS] = "channel.counts",
	};
	const struct wa_newsletter_event *n = ev->newsletter;
	char jid[WA_JID_TEXT_MAX];
	json_t *o = json_object();

	json_object_set_new(o, "channel", n->newsletter ? wb_channel_json(n->newsletter)
							 : json_pack("{s:s}", "id", wa_jid_text(&n->jid, jid)));
	if (n->kind == WA_NL_ROLE) {
		json_object_set_new(o, "contact", wb_session_person(s, &n->user));
		json_object_set_new(o, "role", json_string(wa_newsletter_role_str(n->role)));
	}
	if (n->message)
		json_object_set_new(o, "message", wb_channel_message_json(n->message));
	wb_session_put_event(s, tx, kinds[n->kind], "", o, false);
}

void wb_session_on_account(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	if (ev->kind == WA_EV_PICTURE)
		on_picture(s, tx, ev);
	else if (ev->kind == WA_EV_ABOUT)
		on_about(s, tx, ev);
	else if (ev->kind == WA_EV_BLOCKLIST)
		on_blocklist(s, tx, ev);
	else if (ev->kind == WA_EV_PRIVACY)
		on_privacy(s, tx, ev);
	else if (ev->kind == WA_EV_RESTRICTION)
		on_restriction(s, tx, ev);
	else if (ev->kind == WA_EV_NEWSLETTER)
		on_channel(s, tx, ev);
	else if (ev->kind == WA_EV_CALL)
		wb_session_on_call(s, tx, ev);
}
