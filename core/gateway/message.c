/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages as JSON: in events, in REST, in the trace. */
#include <clock.h>
#include <db_contact.h>
#include <db_group.h>
#include <db_outbox.h>
#include <text.h>
#include <ulid.h>
#include "gateway.h"
#include "media.h"
#include "message.h"

#define ARENA_MAX (2u << 20)

static void put(json_t *o, const char *name, const char *text)
{
	if (text && *text)
		json_object_set_new(o, name, json_string(text));
}

void wb_jid_forms(const struct wa_jid *a, const struct wa_jid *b, char jid[WA_JID_TEXT_MAX],
		  char lid[WA_JID_TEXT_MAX])
{
	const struct wa_jid *both[2] = { a, b };

	jid[0] = lid[0] = 0;
	for (int i = 0; i < 2; i++) {
		struct wa_jid bare;

		if (!both[i] || wa_jid_is_null(both[i]))
			continue;
		bare = wa_jid_bare(both[i]);
		if (bare.server == WA_SRV_LID || bare.server == WA_SRV_HOSTED_LID)
			wa_jid_text(&bare, lid);
		else if (!jid[0])
			wa_jid_text(&bare, jid);
	}
}

json_t *wb_message_parts_json(const struct wb_message_parts *p)
{
	json_t *o = json_object();
	char time[WA_TIME_TEXT];

	put(o, "id", p->id);
	put(o, "wa_id", p->wa_id);
	json_object_set_new(o, "direction", json_string(p->out ? "out" : "in"));
	json_object_set_new(o, "chat", wb_person_json(p->chat_jid, p->chat_lid, NULL));
	put(json_object_get(o, "chat"), "name", p->chat_name);
	json_object_set_new(o, "sender", wb_person_json(p->sender_jid, p->sender_lid, NULL));
	json_object_set_new(o, "group", json_boolean(p->group));
	put(o, "push_name", p->push_name);
	put(o, "kind", p->kind);
	json_object_set_new(o, "text", json_string(p->text ? p->text : ""));
	if ((p->quoted_id && *p->quoted_id) || (p->quoted_wa_id && *p->quoted_wa_id)) {
		json_t *q = json_object();

		put(q, "id", p->quoted_id);
		put(q, "wa_id", p->quoted_wa_id);
		json_object_set_new(o, "quoted", q);
	}
	json_object_set_new(o, "timestamp", json_string(wa_time_format(p->ts_ms, time)));
	if (p->offline)
		json_object_set_new(o, "offline", json_true());
	put(o, "status", p->status);
	put(o, "reason", p->reason);
	put(o, "class", p->message_class);
	if (p->meta)
		json_object_set(o, "meta", p->meta);
	if (p->content)
		json_object_set(o, "content", p->content);
	return o;
}

json_t *wb_message_content(struct wb_gateway *gw, const struct db_message *m)
{
	json_t *o, *file;
	struct wb_media_info i;
	struct wa_arena a;

	if (!m->content || !*m->content)
		return NULL;
	o = json_loads(m->content, 0, NULL);
	file = json_object_get(o, "media");
	if (file && !json_object_get(file, "id")) {
		wa_arena_init(&a, ARENA_MAX);
		if (wb_media_of_message(gw, m->id, &a, &i, NULL) == 1)
			json_object_set_new(o, "media", wb_media_json(i.id, &i.m));
		wa_arena_clear(&a);
	}
	return o;
}

/* "subject" of a group's document, which is compact and may list a thousand members: not parsed as a whole. In
 * text within it the quotes of such a member would be escaped. */
static const char *subject_in(const char *doc, struct wa_arena *a)
{
	static const char key[] = "\"subject\":\"";
	const char *from = strstr(doc, key), *end;
	json_t *text;
	char *copy = NULL;

	if (!from)
		return "";
	from += sizeof(key) - 2;
	for (end = from + 1; *end && *end != '"'; end++)
		end += *end == '\\' && end[1];
	text = *end ? json_loadb(from, (size_t)(end + 1 - from), JSON_DECODE_ANY, NULL) : NULL;
	if (text)
		copy = wa_arena_str(a, wa_span(json_string_value(text), json_string_length(text)));
	json_decref(text);
	return copy ? copy : "";
}

static const char *name_of(const struct db_contact *c)
{
	return *c->name ? c->name : *c->business_name ? c->business_name : c->push_name;
}

const char *wb_chat_name(struct wb_gateway *gw, const char *session, const char *chat, struct wa_arena *a)
{
	struct db_contact c;
	struct db_group g;

	if (strstr(chat, "@g.us"))
		return db_group_get(gw->db, session, chat, a, &g, NULL) == 1 ? subject_in(g.json, a) : "";
	return db_contact_get(gw->db, session, chat, a, &c, NULL) == 1 ? name_of(&c) : "";
}

/* Both forms of a person as far as the contacts know them; text lives in a. */
static void forms_of(struct wb_gateway *gw, const char *session, const char *text,
		     struct wa_arena *a, const char **ret_jid, const char **ret_lid)
{
	struct db_contact c;
	bool is_lid = strstr(text, "@lid") != NULL;

	*ret_jid = is_lid ? "" : text;
	*ret_lid = is_lid ? text : "";
	if (!*text || strstr(text, "@g.us") ||
	    db_contact_get(gw->db, session, text, a, &c, NULL) != 1)
		return;
	if (*c.jid)
		*ret_jid = c.jid;
	if (*c.lid)
		*ret_lid = c.lid;
}

/* Our own account of a session. */
static bool own_forms(struct wb_gateway *gw, const char *session, struct wa_arena *a,
		      const char **ret_jid, const char **ret_lid)
{
	struct wb_session *s = wb_session_find(gw, session);
	struct wb_session_info i;

	if (!s)
		return false;
	wb_session_info(s, &i);
	*ret_jid = wa_arena_str(a, wa_span_str(i.jid));
	*ret_lid = wa_arena_str(a, wa_span_str(i.lid));
	return true;
}

json_t *wb_message_json(struct wb_gateway *gw, const struct db_message *m)
{
	struct wb_message_parts p = { .id = m->id, .wa_id = m->wa_id, .out = m->from_me,
				      .group = strstr(m->chat, "@g.us") != NULL, .kind = m->kind,
				      .text = m->text, .quoted_wa_id = m->quoted, .ts_ms = m->ts_ms,
				      .offline = m->backfilled, .status = db_status_str(m->status),
				      .reason = m->reason };
	struct db_message quoted;
	struct db_contact sender;
	struct db_outbox row;
	struct wa_arena a;
	json_t *o, *payload = NULL;

	p.content = wb_message_content(gw, m);
	wa_arena_init(&a, ARENA_MAX);
	forms_of(gw, m->session, m->chat, &a, &p.chat_jid, &p.chat_lid);
	p.chat_name = wb_chat_name(gw, m->session, m->chat, &a);
	if (!m->from_me && db_contact_get(gw->db, m->session, m->sender, &a, &sender, NULL) == 1)
		p.push_name = sender.push_name;
	if (!m->from_me || !own_forms(gw, m->session, &a, &p.sender_jid, &p.sender_lid))
		forms_of(gw, m->session, m->sender, &a, &p.sender_jid, &p.sender_lid);
	if (*m->quoted &&
	    db_message_find_wa(gw->db, m->session, m->quoted, &a, &quoted, NULL) == 1)
		p.quoted_id = quoted.id;
	if (m->from_me && db_outbox_get(gw->db, m->id, &a, &row, NULL) == 1) {
		payload = json_loadb((const char *)row.payload.ptr, row.payload.len, 0, NULL);
		p.meta = json_object_get(payload, "meta");
		p.message_class = row.class;
	}
	o = wb_message_parts_json(&p);
	json_decref(payload);
	json_decref(p.content);
	wa_arena_clear(&a);
	return o;
}

/* ---- trace ---- */

static void add_step(json_t *steps, int64_t ts_ms, const char *step, const char *detail)
{
	json_t *o = json_object();
	char time[WA_TIME_TEXT];

	put(o, "time", wa_time_format(ts_ms, time));
	put(o, "step", step);
	put(o, "detail", detail);
	json_array_append_new(steps, o);
}

static int on_step(void *ctx, const struct db_trace *t)
{
	add_step(ctx, t->ts_ms, t->step, t->detail);
	return 0;
}

static int on_receipt(void *ctx, const struct db_receipt *r)
{
	json_t *o = json_object();
	char time[WA_TIME_TEXT];

	put(o, "device", r->device);
	put(o, "status", db_status_str(r->status));
	put(o, "time", wa_time_format(r->ts_ms, time));
	json_array_append_new(ctx, o);
	return 0;
}

json_t *wb_message_trace(struct wb_gateway *gw, const char *id)
{
	struct db_message m;
	struct db_outbox row;
	struct wa_arena a;
	char time[WA_TIME_TEXT];
	json_t *o = NULL, *steps, *receipts;
	const char *why;
	int64_t until;

	wa_arena_init(&a, ARENA_MAX);
	if (db_message_get(gw->db, id, &a, &m, NULL) == 1) {
		o = json_object();
		steps = json_array();
		receipts = json_array();
		put(o, "id", id);
		put(o, "session", m.session);
		put(o, "wa_id", m.wa_id);
		put(o, "status", db_status_str(m.status));
		put(o, "reason", m.reason);
		if (m.from_me && db_outbox_get(gw->db, id, &a, &row, NULL) == 1) {
			json_object_set_new(o, "attempts", json_integer(row.attempts));
			put(o, "due", wa_time_format(row.due_ms, time));
			if (row.next_ms && strcmp(row.state, "queued") == 0)
				put(o, "next_attempt", wa_time_format(row.next_ms, time));
			add_step(steps, row.created_ms, "accepted", "");
		} else {
			add_step(steps, wa_ulid_ms(wa_span_str(id)), m.from_me ? "seen" : "received",
				 "");
		}
		if (db_message_trace_each(gw->db, id, on_step, steps, NULL) < 0 ||
		    db_message_receipt_each(gw->db, id, on_receipt, receipts, NULL) < 0)
			json_object_set_new(o, "incomplete", json_true());
		why = wb_outbox_waits(gw->outbox, id, &until);
		if (why)
			json_object_set_new(o, "waits_for", json_string(why));
		if (why && until)
			put(o, "waits_until", wa_time_format(until, time));
		json_object_set_new(o, "steps", steps);
		json_object_set_new(o, "receipts", receipts);
	}
	wa_arena_clear(&a);
	return o;
}

/* ---- recipients ---- */

int wb_recipient(const char *to, struct wa_jid *ret_jid, struct wa_err *err)
{
	const char *digits = *to == '+' || *to == ' ' ? to + 1 : to;	/* an unescaped + of a query is a space */
	size_t n = strlen(digits);
	struct wa_jid j;
	int r;

	if (n >= 5 && n <= 15 && strspn(digits, "0123456789") == n) {
		*ret_jid = wa_jid_make(WA_SRV_PN, digits, 0);
		return 0;
	}
	if (!strchr(to, '@'))
		return wa_err_set(err, WA_EINVALID, "recipient: a JID or an international number");
	r = wa_jid_parse(wa_span_str(to), &j, err);
	if (r < 0)
		return r;
	if (j.server == WA_SRV_LEGACY)
		j.server = WA_SRV_PN;
	if (!j.user[0] || (!wa_jid_is_user(&j) && j.server != WA_SRV_GROUP && j.server != WA_SRV_NEWSLETTER &&
			   (j.server != WA_SRV_BROADCAST || strcmp(j.user, "status") != 0)))
		return wa_err_set(err, WA_EUNSUPPORTED, "recipient: a person, a group or a channel");
	*ret_jid = wa_jid_bare(&j);
	return 0;
}
