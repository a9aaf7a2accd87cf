/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a phone says and shows besides words: any kind of message as content
 * JSON (core/content), and what people do with one (marks): reactions, votes,
 * answers, pins. What is sealed under a message's secret is opened and sealed
 * here as a phone does it.
 */
#include "group.h"

#include "client_int.h"

#include <content.h>
#include <wa/addon.h>

#define ARENA_MAX (4u << 20)

/* ---- shown ---- */

void sb_chat_content(struct sb_chat_msg *c, const struct wa_message *m, struct wa_span raw)
{
	if (m->secret.len == sizeof(c->secret)) {
		memcpy(c->secret, m->secret.ptr, sizeof(c->secret));
		c->has_secret = true;
	}
	if (m->kind == WA_MSG_TEXT && !m->n_mentions && !m->link && !m->forwarded && !m->expiration_s &&
	    !m->text_argb && !m->background_argb && !m->font)
		return;
	c->content = wb_content_json(m, NULL);
	c->raw = raw.len ? malloc(raw.len) : NULL;
	if (c->raw) {
		memcpy(c->raw, raw.ptr, raw.len);
		c->raw_len = raw.len;
	}
}

void sb_chat_content_free(struct sb_chat_msg *c)
{
	json_decref(c->content);
	json_decref(c->marks);
	free(c->raw);
}

/* A mark replaces the one which the same person made before. */
static void put_mark(struct sb_account *a, struct sb_chat_msg *c, const struct sb_account *by, json_t *take_value,
		     const char *kind, bool gone)
{
	json_t *old;
	size_t i;

	if (!c->marks)
		c->marks = json_array();
	json_array_foreach(c->marks, i, old) {
		if (strcmp(json_string_value(json_object_get(old, "kind")), kind) != 0 ||
		    strcmp(json_string_value(json_object_get(old, "by")), by->pn) != 0)
			continue;
		json_array_remove(c->marks, i);
		break;
	}
	json_object_set_new(take_value, "kind", json_string(kind));
	json_object_set_new(take_value, "by", json_string(by->pn));
	if (gone)
		json_decref(take_value);
	else
		json_array_append_new(c->marks, take_value);
	sb_chat_touch(a, c);
}

static json_t *vote_json(const struct sb_chat_msg *poll, const struct wa_vote *v)
{
	json_t *list = json_array(), *text, *o = json_object();
	size_t i;

	json_array_foreach(json_object_get(poll->content, "options"), i, text) {
		uint8_t hash[WA_HASH_LEN];

		wa_poll_option_hash(wa_span(json_string_value(text), json_string_length(text)), hash);
		for (size_t k = 0; k < v->n; k++)
			if (memcmp(hash, v->options[k], sizeof(hash)) == 0)
				json_array_append(list, text);
	}
	json_object_set_new(o, "options", list);
	return o;
}

static struct wa_addon addon_of(const struct sb_account *author, const struct sb_account *by,
				const struct sb_chat_msg *c, int use)
{
	return (struct wa_addon){ .use = use,
				  .secret = wa_span(c->secret, sizeof(c->secret)),
				  .target_id = wa_span_str(c->id),
				  .author = { author->lid_jid, author->pn_jid },
				  .sender = { by->lid_jid, by->pn_jid } };
}

/* 1 it was opened or was open, 0 it cannot be. */
static bool open_sealed(struct sb_account *a, const struct sb_incoming *in, const struct sb_chat_msg *c,
			struct wa_message *m, struct wa_arena *ar)
{
	const struct sb_account *author = c->from_me ? a : c->peer, *by = in->from_me ? a : in->chat;
	SB_AUTO_BUF struct wa_buf plain = { 0 };
	struct wa_addon ad;

	if (!m->enc || m->kind == WA_MSG_REACTION || m->kind == WA_MSG_EDIT)
		return true;
	if (!c->has_secret)
		return false;
	ad = addon_of(author, by, c, m->enc->use);
	wa_buf_init(&plain, ARENA_MAX);
	if (wa_addon_open(&ad, m->enc, &plain, NULL) < 0) {
		sb_violation(a->s, in->from, NULL, "message.sealed", "message %s: no key opens it", in->id);
		return false;
	}
	return wa_message_opened(m, wa_buf_view(&plain), ar, NULL) == 0;
}

static void apply(struct sb_account *a, const struct sb_account *by, struct sb_chat_msg *c, const struct wa_message *m)
{
	json_t *all = wb_content_json(m, NULL), *v = json_object();

	switch (m->kind) {
	case WA_MSG_REACTION:
		json_object_set(v, "text", json_object_get(all, "text"));
		put_mark(a, c, by, v, "reaction", !m->text.len);
		break;
	case WA_MSG_POLL_VOTE:
		json_decref(v);
		put_mark(a, c, by, vote_json(c, m->vote), "vote", m->vote->n == 0);
		break;
	case WA_MSG_CALENDAR_ANSWER:
		json_object_set(v, "answer", json_object_get(all, "answer"));
		json_object_set(v, "guests", json_object_get(all, "guests"));
		put_mark(a, c, by, v, "answer", false);
		break;
	case WA_MSG_PIN:
		json_object_set(v, "duration_s", json_object_get(all, "duration_s"));
		put_mark(a, c, by, v, "pin", !m->on);
		break;
	case WA_MSG_KEEP:
		put_mark(a, c, by, v, "keep", !m->on);
		break;
	case WA_MSG_COMMENT:
		json_object_set(v, "text", json_object_get(all, "text"));
		put_mark(a, c, by, v, "comment", false);
		break;
	default:
		json_decref(v);
		break;
	}
	json_decref(all);
}

bool sb_content_act(struct sb_account *a, const struct sb_incoming *in)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct wa_message m = *in->m;
	struct sb_chat_msg *c;
	char id[80];

	if (m.kind == WA_MSG_TIMER)
		return true;
	if (!wb_content_is_act(m.kind) && m.kind != WA_MSG_COMMENT)
		return false;
	if (m.kind == WA_MSG_EDIT || m.kind == WA_MSG_REVOKE)
		return false;	/* changes_other */
	(void)snprintf(id, sizeof(id), "%.*s", WA_SPAN_ARG(m.target_id));
	c = sb_chat_find(a, in->group && m.target_from_me == in->from_me ? a : in->chat, id, m.target_from_me == in->from_me);
	c = c ? c : sb_chat_find(a, in->chat, id, true);
	c = c ? c : sb_chat_find(a, in->chat, id, false);
	if (!c)
		return true;
	wa_arena_init(&ar, ARENA_MAX);
	if (open_sealed(a, in, c, &m, &ar))
		apply(a, in->from_me ? a : in->chat, c, &m);
	return true;
}

/* ---- said ---- */

static int use_of(int kind)
{
	switch (kind) {
	case WA_MSG_POLL_VOTE: return WA_ADDON_POLL_VOTE;
	case WA_MSG_CALENDAR_ANSWER: return WA_ADDON_EVENT_ANSWER;
	case WA_MSG_ENC_REACTION: return WA_ADDON_REACTION;
	case WA_MSG_COMMENT: return WA_ADDON_COMMENT;
	case WA_MSG_ENC_EDIT: return WA_ADDON_MESSAGE_EDIT;
	default: return 0;
	}
}

static int seal(struct sb_account *a, const struct sb_chat_msg *c, struct wa_message *m, struct wa_enc *enc,
		struct wa_arena *ar, struct wa_err *err)
{
	SB_AUTO_BUF struct wa_buf plain = { 0 }, out = { 0 };
	struct wa_addon ad = addon_of(c->from_me ? a : c->peer, a, c, use_of(m->kind));
	struct wa_message said = { .kind = WA_MSG_TEXT, .text = m->text, .protocol_type = -1 };
	uint8_t *iv = wa_arena_alloc(ar, 12);
	int rc;

	if (!iv || !c->has_secret)
		return wa_err_set(err, WA_ESTATE, "the secret of message %s is not known", c->id);
	wa_buf_init(&plain, ARENA_MAX);
	wa_buf_init(&out, ARENA_MAX);
	sb_random(a->s, iv, 12);
	if (m->vote)
		rc = wa_vote_encode(m->vote, &plain, err);
	else if (m->going)
		rc = wa_going_encode(m->going, &plain, err);
	else
		rc = wa_message_encode(&said, &plain, err);
	if (!rc)
		rc = wa_addon_seal(&ad, wa_buf_view(&plain), iv, &out, err);
	if (rc)
		return rc;
	enc->use = ad.use;
	enc->iv = wa_span(iv, 12);
	enc->payload = wa_span(wa_arena_dup(ar, out.ptr, out.len), out.len);
	m->enc = enc;
	return enc->payload.ptr ? 0 : wa_err_set(err, WA_ENOMEM, "no memory for a message");
}

/* Where something is said: to a person, or in a group (what a phone says there is kept under itself). */
struct place {
	struct sb_account *to;
	struct sb_group *g;	/* NULL: to the person */
	int server;
};

static struct sb_chat_msg *find_in(struct sb_account *a, const struct place *at, struct wa_span id_text)
{
	struct sb_chat_msg *c;
	char id[80];

	(void)snprintf(id, sizeof(id), "%.*s", WA_SPAN_ARG(id_text));
	if (!at->g) {
		c = sb_chat_find(a, at->to, id, false);
		return c ? c : sb_chat_find(a, at->to, id, true);
	}
	for (size_t i = a->chat.len; i-- > 0;) {
		c = a->chat.msgs[i];
		if (c->group && strcmp(c->group, at->g->id) == 0 && strcmp(c->id, id) == 0)
			return c;
	}
	return NULL;
}

/* The message it is about; who wrote it decides the key it is named by. */
static int find_target(struct sb_account *a, const struct place *at, struct wa_message *m,
		       struct sb_chat_msg **ret_c, struct wa_err *err)
{
	*ret_c = NULL;
	if (!m->target_id.len)
		return 0;
	*ret_c = find_in(a, at, m->target_id);
	if (!*ret_c)
		return wa_err_set(err, WA_ENOTFOUND, "no message %.*s in this chat", WA_SPAN_ARG(m->target_id));
	m->target_from_me = (*ret_c)->from_me;
	m->target_chat = at->g ? at->g->jid : sb_user_jid(at->to, at->server);
	if (at->g)
		m->target_sender = sb_user_jid((*ret_c)->peer, at->server);
	return 0;
}

static void quote(struct sb_account *a, const struct place *at, struct wa_message *m)
{
	const struct sb_chat_msg *q = m->quoted_id.len ? find_in(a, at, m->quoted_id) : NULL;

	if (!m->quoted_id.len)
		return;
	m->quoted_sender = !q ? at->to->lid_jid : q->from_me ? a->lid_jid : q->peer->lid_jid;
	if (q)
		m->quoted_text = wa_span_str(q->text);
}

/* Its own phone shows it at once. */
static int show(struct sb_account *a, const struct place *at, const char *id, const struct wa_message *m,
		struct sb_chat_msg *target, struct wa_err *err)
{
	SB_AUTO_BUF struct wa_buf raw = { 0 };
	struct sb_chat_msg *c;

	if (m->kind == WA_MSG_EDIT || m->kind == WA_MSG_REVOKE) {
		char *text = sb_strndup(m->kind == WA_MSG_EDIT ? m->text : wa_span(NULL, 0));

		if (!text)
			return wa_err_set(err, WA_ENOMEM, "no memory for a message");
		free(target->text);
		target->text = text;
		sb_chat_touch(a, target);
		return 0;
	}
	if (target) {
		apply(a, a, target, m);
		return 0;
	}
	c = sb_chat_add(a, at->to, id, true, wb_content_words(m), wa_message_kind_str(m->kind));
	if (!c)
		return wa_err_set(err, WA_ENOMEM, "no memory for a message");
	c->status = SB_PENDING;
	c->server = (uint8_t)at->server;
	if (at->g)
		c->group = sb_strdup(at->g->id);
	wa_buf_init(&raw, ARENA_MAX);
	if (wa_message_encode(m, &raw, NULL) == 0)
		sb_chat_content(c, m, wa_buf_view(&raw));
	return 0;
}

static int say(struct sb_account *a, const struct place *at, const json_t *doc, char ret_id[32], struct wa_err *err)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct wb_content_media_ref ref;
	struct wa_media file;
	struct sb_chat_msg *target;
	uint8_t secret[32];
	struct wa_message m;
	struct wa_enc enc;
	int rc;

	if (!a->online)
		return wa_err_set(err, WA_ESTATE, "the phone of %s is offline", a->pn);
	wa_arena_init(&ar, ARENA_MAX);
	rc = wb_content_parse(doc, &ar, &m, &ref, err);
	if (!rc && m.media && sb_media_given(a->s, ref.id, &ar, &file) != 1)
		rc = wa_err_set(err, WA_ENOTFOUND, "no file %s: give one with POST /media", ref.id);
	else if (!rc && m.media)
		rc = wb_content_media(&m, &file, &ar);
	if (!rc)
		rc = find_target(a, at, &m, &target, err);
	if (rc)
		return rc;
	quote(a, at, &m);
	sb_random(a->s, secret, sizeof(secret));
	m.secret = wa_span(secret, sizeof(secret));
	m.timestamp_ms = m.timestamp_ms ? m.timestamp_ms : sb_now(a->s);
	if (m.going && !m.going->timestamp_ms)
		((struct wa_going_answer *)(uintptr_t)m.going)->timestamp_ms = m.timestamp_ms;
	if (use_of(m.kind))
		rc = seal(a, target, &m, &enc, &ar, err);
	sb_new_message_id(a->s, ret_id);
	if (!rc && !a->sink)
		rc = show(a, at, ret_id, &m, target, err);
	if (rc)
		return rc;
	a->sent++;
	return at->g ? sb_group_send(at->g, a, ret_id, &m, err)
		     : sb_sim_send(a->devices[0]->sim, at->to, ret_id, &m, at->server, err);
}

int sb_phone_content(struct sb_account *a, struct sb_account *to, const json_t *doc, char ret_id[32],
		     struct wa_err *err)
{
	struct place at = { .to = to, .server = a->by_pn ? WA_SRV_PN : WA_SRV_LID };

	return say(a, &at, doc, ret_id, err);
}

int sb_group_content(struct sb_group *g, struct sb_account *a, const json_t *doc, char ret_id[32],
		     struct wa_err *err)
{
	struct place at = { .to = a, .g = g, .server = sb_group_form(g) };

	if (!sb_group_member(g, a))
		return wa_err_set(err, WA_EDENIED, "%s is no member", a->pn);
	return say(a, &at, doc, ret_id, err);
}

int sb_content_again(const struct sb_chat_msg *c, struct wa_arena *ar, struct wa_message *ret_m)
{
	return c->raw ? wa_message_decode(wa_span(c->raw, c->raw_len), ar, ret_m, NULL) : WA_ENOTFOUND;
}

void sb_content_stanza(struct wa_arena *a, struct wa_node *n, const struct wa_message *m)
{
	struct message_kind kind;

	send_kind_of(m, &kind);
	wa_node_attr(a, n, "type", kind.type);
	if (kind.edit)
		wa_node_attr(a, n, "edit", kind.edit);
	send_kind_put(a, n, &kind);
}
