/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WebMessageInfo: a message as the phone keeps it, with what became of it. */
#include "history_int.h"

#include <wa/addon.h>

#include "pb.h"

#define REACTIONS_MAX 64
#define VOTES_MAX     256
#define MESSAGE_ARENA_MAX (4u << 20)

/* WebMessageInfo */
#define INFO_KEY       1
#define INFO_MESSAGE   2
#define INFO_TIME      3
#define INFO_STATUS    4
#define INFO_SENDER    5
#define INFO_STARRED   17
#define INFO_PUSH_NAME 19
#define INFO_REACTION  41
#define INFO_VOTE      45
#define INFO_SECRET    49
#define INFO_PIN       54

struct key {
	struct wa_span chat, id, participant;
	bool from_me;
};

struct parts {
	struct key key;
	struct wa_span message, sender, push_name, secret, pin;
	uint64_t time_s, status;
	bool starred;
	size_t n_reactions, n_votes;
};

static int read_key(struct wa_span s, struct key *ret)
{
	struct wa_pb_field f;
	int rc;

	memset(ret, 0, sizeof(*ret));
	while ((rc = wa_pb_next(&s, &f)) == 1) {
		if (f.number == 1 && f.wire == 2)
			ret->chat = f.bytes;
		else if (f.number == 2 && f.wire == 0)
			ret->from_me = f.varint != 0;
		else if (f.number == 3 && f.wire == 2)
			ret->id = f.bytes;
		else if (f.number == 4 && f.wire == 2)
			ret->participant = f.bytes;
	}
	return rc;
}

static int read_number(struct parts *p, const struct wa_pb_field *f)
{
	switch (f->number) {
	case INFO_TIME:
		p->time_s = f->varint;
		break;
	case INFO_STATUS:
		p->status = f->varint;
		break;
	case INFO_STARRED:
		p->starred = f->varint != 0;
		break;
	default:
		break;
	}
	return 0;
}

static int read_bytes(struct parts *p, const struct wa_pb_field *f)
{
	switch (f->number) {
	case INFO_KEY:
		return read_key(f->bytes, &p->key);
	case INFO_MESSAGE:
		p->message = f->bytes;
		break;
	case INFO_SENDER:
		p->sender = f->bytes;
		break;
	case INFO_PUSH_NAME:
		p->push_name = f->bytes;
		break;
	case INFO_REACTION:
		p->n_reactions += p->n_reactions < REACTIONS_MAX;
		break;
	case INFO_VOTE:
		p->n_votes += p->n_votes < VOTES_MAX;
		break;
	case INFO_SECRET:
		p->secret = f->bytes.len == 32 ? f->bytes : wa_span(NULL, 0);
		break;
	case INFO_PIN:
		p->pin = f->bytes;
		break;
	default:
		break;
	}
	return 0;
}

static int read_parts(struct wa_span s, struct parts *ret)
{
	struct wa_pb_field f;
	int rc, bad = 0;

	memset(ret, 0, sizeof(*ret));
	while ((rc = wa_pb_next(&s, &f)) == 1 && bad == 0)
		bad = f.wire == 0 ? read_number(ret, &f) : f.wire == 2 ? read_bytes(ret, &f) : 0;
	return bad ? bad : rc;
}

int64_t webmessage_time(struct wa_span s)
{
	struct wa_pb_field f;
	int64_t at = 0;

	while (wa_pb_next(&s, &f) == 1)
		if (f.number == INFO_TIME && f.wire == 0 && f.varint <= TIME_MAX_S)
			at = (int64_t)f.varint * 1000;
	return at;
}

struct wa_jid history_person(struct wa_client *c, struct wa_span text, struct wa_jid *ret_pn)
{
	struct wa_jid none = { .server = WA_SRV_NONE }, j;

	if (ret_pn)
		*ret_pn = none;
	if (text.len == 0 || text.len >= WA_JID_TEXT_MAX || wa_jid_parse(text, &j, NULL))
		return none;
	j = wa_jid_bare(&j);
	j = wa_signal_canonical(c->sig, &j);
	j = jid_person(&j);
	if (ret_pn && j.server == WA_SRV_PN)
		*ret_pn = j;
	else if (ret_pn && j.server == WA_SRV_LID && wa_signal_pn_of(c->sig, &j, ret_pn) != 1)
		*ret_pn = none;
	return j;
}

static struct wa_jid own(const struct wa_client *c)
{
	return wa_jid_bare(wa_jid_is_null(&c->dev.lid) ? &c->dev.pn : &c->dev.lid);
}

/* Who reacted or voted: the key's participant, we, or the other person of the chat. */
static struct wa_jid actor(struct wa_client *c, const struct key *k, const struct wa_msg_info *in)
{
	if (k->from_me)
		return own(c);
	if (k->participant.len)
		return history_person(c, k->participant, NULL);
	return in->group ? history_person(c, wa_span(NULL, 0), NULL) : in->chat;
}

static bool take_reaction(struct wa_client *c, struct wa_span s, const struct wa_msg_info *in,
			  struct wa_history_reaction *ret)
{
	struct wa_pb_field f;
	struct key k = { .from_me = false };

	memset(ret, 0, sizeof(*ret));
	while (wa_pb_next(&s, &f) == 1) {
		if (f.number == 1 && f.wire == 2 && read_key(f.bytes, &k))
			return false;
		if (f.number == 2 && f.wire == 2)
			ret->text = f.bytes;
		if (f.number == 4 && f.wire == 0 && f.varint <= TIME_MAX_S * 1000ULL)
			ret->timestamp_ms = (int64_t)f.varint;
	}
	ret->from_me = k.from_me;
	ret->sender = actor(c, &k, in);
	ret->text = wa_span(wa_arena_str(&c->ev_arena, ret->text), ret->text.len);
	return ret->text.len > 0 && ret->text.ptr && !wa_jid_is_null(&ret->sender);
}

static bool take_vote(struct wa_client *c, struct wa_span s, const struct wa_msg_info *in,
		      struct wa_history_vote *ret)
{
	struct wa_vote *v = wa_arena_alloc(&c->ev_arena, sizeof(*v));
	struct key k = { .from_me = false };
	struct wa_pb_field f;
	bool has = false;

	memset(ret, 0, sizeof(*ret));
	while (v && wa_pb_next(&s, &f) == 1) {
		if (f.number == 1 && f.wire == 2 && read_key(f.bytes, &k))
			return false;
		if (f.number == 2 && f.wire == 2)
			has = wa_vote_decode(f.bytes, v, NULL) == 0;
		if (f.number == 3 && f.wire == 0 && f.varint <= TIME_MAX_S * 1000ULL)
			ret->timestamp_ms = (int64_t)f.varint;
	}
	ret->vote = v;
	ret->from_me = k.from_me;
	ret->sender = actor(c, &k, in);
	return has && !wa_jid_is_null(&ret->sender);
}

/* PinInChat: who pinned it is in the key of the message that did. */
static void take_pin(struct wa_client *c, struct wa_span s, struct wa_history_message *m)
{
	struct key k = { .from_me = false };
	struct wa_pb_field f;
	uint64_t type = 0, at = 0;

	while (wa_pb_next(&s, &f) == 1) {
		if (f.number == 1 && f.wire == 0)
			type = f.varint;
		if (f.number == 2 && f.wire == 2 && read_key(f.bytes, &k))
			return;
		if (f.number == 3 && f.wire == 0 && f.varint <= TIME_MAX_S * 1000ULL)
			at = f.varint;
	}
	if (type != 1)
		return;
	m->pinned_ms = at ? (int64_t)at : m->info.timestamp_ms;
	m->pinned_by_me = k.from_me;
	m->pinned_by = actor(c, &k, &m->info);
}

static void take_replies(struct wa_client *c, struct wa_span s, const struct parts *p,
			 struct wa_history_message *m)
{
	struct wa_history_reaction *r = NULL;
	struct wa_history_vote *v = NULL;
	struct wa_pb_field f;

	if (p->n_reactions)
		r = wa_arena_alloc(&c->ev_arena, p->n_reactions * sizeof(*r));
	if (p->n_votes)
		v = wa_arena_alloc(&c->ev_arena, p->n_votes * sizeof(*v));
	while ((r || v) && wa_pb_next(&s, &f) == 1) {
		if (f.wire != 2)
			continue;
		if (f.number == INFO_REACTION && r && m->n_reactions < p->n_reactions)
			m->n_reactions += take_reaction(c, f.bytes, &m->info, &r[m->n_reactions]);
		if (f.number == INFO_VOTE && v && m->n_votes < p->n_votes)
			m->n_votes += take_vote(c, f.bytes, &m->info, &v[m->n_votes]);
	}
	m->reactions = r;
	m->votes = v;
}

static bool take_info(struct wa_client *c, const struct parts *p, const struct wa_jid *chat,
		      const struct wa_jid *chat_pn, struct wa_msg_info *in)
{
	struct wa_span author = p->key.participant.len ? p->key.participant : p->sender;

	memset(in, 0, sizeof(*in));
	if (p->key.id.len == 0 || p->key.id.len > MSG_ID_MAX || memchr(p->key.id.ptr, 0, p->key.id.len))
		return false;
	if (chat && !wa_jid_is_null(chat)) {
		in->chat = *chat;
		in->chat_pn = *chat_pn;
	} else {
		in->chat = history_person(c, p->key.chat, &in->chat_pn);
	}
	in->group = in->chat.server == WA_SRV_GROUP || in->chat.server == WA_SRV_BROADCAST;
	in->from_me = p->key.from_me;
	if (in->from_me) {
		in->sender = own(c);
		in->sender_pn = wa_jid_bare(&c->dev.pn);
	} else if (in->group) {
		in->sender = history_person(c, author, &in->sender_pn);
	} else {
		in->sender = in->chat;
		in->sender_pn = in->chat_pn;
	}
	in->offline = true;
	in->timestamp_ms = p->time_s <= TIME_MAX_S ? (int64_t)p->time_s * 1000 : 0;
	in->id = client_span(c, p->key.id);
	if (p->push_name.len)
		in->push_name = client_span(c, p->push_name);
	return !wa_jid_is_null(&in->chat) && !wa_jid_is_null(&in->sender);
}

/* The phone keeps a message without its wrapping for own devices, but with the others. */
static int take_message(struct wa_client *c, const struct parts *p, struct wa_history_message *m)
{
	struct wa_message *msg;
	struct wa_arena one;
	int rc;

	/* Small bytes can ask for much memory: one message must not use up what the batch has. */
	wa_arena_init(&one, MESSAGE_ARENA_MAX);
	msg = wa_arena_alloc(&one, sizeof(*msg));
	rc = msg ? wa_message_decode(p->message, &one, msg, NULL) : WA_ENOMEM;
	if (rc == WA_ENOMEM)
		client_nomem(c); /* it is not for that that it would be left out */
	if (rc || msg->kind == WA_MSG_PROTOCOL || msg->kind == WA_MSG_SKDM) {
		wa_arena_clear(&one);
		return 0;
	}
	wa_arena_join(&c->ev_arena, &one);
	m->message = msg;
	m->raw = msg->raw;
	m->secret = p->secret.len ? wa_span(wa_arena_dup(&c->ev_arena, p->secret.ptr, 32), 32) : msg->secret;
	if (!m->secret.ptr)
		m->secret.len = 0;
	return 1;
}

int webmessage_read(struct wa_client *c, struct wa_span bytes, const struct wa_jid *chat,
		    const struct wa_jid *chat_pn, struct wa_history_message *ret)
{
	struct parts p;

	memset(ret, 0, sizeof(*ret));
	if (read_parts(bytes, &p))
		return WA_EPROTO;
	if (p.message.len == 0 || !take_info(c, &p, chat, chat_pn, &ret->info))
		return 0;
	ret->status = p.status <= WA_HS_PLAYED ? (int)p.status : WA_HS_ERROR;
	ret->starred = p.starred;
	if (take_message(c, &p, ret) != 1)
		return 0;
	take_replies(c, bytes, &p, ret);
	take_pin(c, p.pin, ret);
	return 1;
}
