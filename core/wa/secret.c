/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Message secrets: what votes, answers, comments and edits of a message are
 * encrypted under. Nearly every message has one and few are ever asked for, so
 * one record for each would be dear. Polls and events, which are answered for
 * weeks, have WA_REC_SECRET. Of anything else the secret stands in a record
 * that is written anyway: WA_REC_SENT of our own, WA_REC_SEEN of what came.
 */
#include "pb.h"
#include "client_int.h"

#include <crypto.h>

#define ADDON_MAX (1u << 20)

/* chat, NUL, sender, NUL, id; both bare: whichever device wrote it. */
size_t secret_key(const struct wa_jid *chat, const struct wa_jid *sender, const char *id,
		  char out[SECRET_KEY_MAX])
{
	struct wa_jid bare = wa_jid_bare(sender);
	size_t n = strlen(wa_jid_text(chat, out)) + 1, len = strlen(id);

	n += strlen(wa_jid_text(&bare, out + n)) + 1;
	if (len > MSG_ID_MAX)
		len = MSG_ID_MAX;
	memcpy(out + n, id, len);
	return n + len;
}

bool secret_lasting(int kind)
{
	return kind == WA_MSG_POLL || kind == WA_MSG_CALENDAR;
}

void secret_keep(struct wa_client *c, const struct wa_msg_info *info, struct wa_span secret)
{
	char key[SECRET_KEY_MAX];
	size_t n = secret_key(&info->chat, &info->sender, info->id, key);

	if (secret.len == 32 && wa_records_put(c->rec, WA_REC_SECRET, wa_span(key, n), secret))
		client_nomem(c);
}

static int load(struct wa_client *c, const struct wa_jid *chat, const struct wa_jid *sender,
		const char *id, uint8_t out[32], struct wa_err *err)
{
	char key[SECRET_KEY_MAX];
	struct wa_buf b;
	int rc;

	wa_buf_init(&b, 64);
	rc = wa_records_get(c->rec, WA_REC_SECRET, wa_span(key, secret_key(chat, sender, id, key)),
			    &b, err);
	if (rc == 1 && b.len == 32)
		memcpy(out, b.ptr, 32);
	else if (rc == 1)
		rc = 0;
	wa_buf_wipe(&b);
	return rc;
}

/* Both names of a person, LID first; an unknown one is null. Groups have one. */
static void names(struct wa_client *c, const struct wa_jid *j, struct wa_jid ret[2])
{
	struct wa_jid bare = wa_jid_bare(j), canonical;

	memset(ret, 0, 2 * sizeof(*ret));
	if (client_own(c, j)) {
		ret[0] = wa_jid_bare(&c->dev.lid);
		ret[1] = wa_jid_bare(&c->dev.pn);
		return;
	}
	if (!wa_jid_is_user(j)) {
		ret[0] = bare;
		return;
	}
	canonical = wa_signal_canonical(c->sig, &bare);
	ret[0] = jid_person(&canonical);
	if (ret[0].server == WA_SRV_LID && wa_signal_pn_of(c->sig, &ret[0], &ret[1]) != 1)
		memset(&ret[1], 0, sizeof(ret[1]));
}

/* In a serialized Message: 1/0. */
static int in_raw(struct wa_span raw, uint8_t out[32])
{
	struct wa_span context, secret;

	if (wa_pb_find(raw, 35, &context) != 1 || wa_pb_find(context, 3, &secret) != 1 ||
	    secret.len != 32)
		return 0;
	memcpy(out, secret.ptr, 32);
	return 1;
}

/* What we sent, as kept for retries. */
static int load_sent(struct wa_client *c, const struct wa_jid chats[2], const char *id,
		     uint8_t out[32])
{
	struct wa_jid chat;
	struct wa_span plain;
	struct wa_buf b;
	int rc = retry_sent(c, id, &b, &chat, &plain);

	if (rc == 1)
		rc = wa_jid_eq(&chat, &chats[0]) || wa_jid_eq(&chat, &chats[1]) ? in_raw(plain, out)
										: 0;
	wa_buf_wipe(&b);
	return rc;
}

/* What came: known by the device that sent it, which an add-on does not tell. */
static int load_seen(struct wa_client *c, const struct wa_jid *chat, const struct wa_jid *sender,
		     const char *id, uint8_t out[32])
{
	struct wa_msg_info info = { .chat = *chat, .sender = wa_jid_bare(sender), .id = id };
	struct device_list l = { .n = 0 };
	int rc = recv_seen_secret(c, &info, out);

	/* An old list still names who wrote then. */
	if (rc == 0 && usync_cached(c, sender, &l) < 0)
		return WA_ESTORE;
	for (size_t i = 0; i < l.n && rc == 0; i++) {
		if (l.devices[i].id == 0)
			continue;
		info.sender = wa_jid_device(&info.sender, l.devices[i].id);
		rc = recv_seen_secret(c, &info, out);
	}
	return rc;
}

int wa_client_secret(struct wa_client *c, const struct wa_jid *chat, const struct wa_jid *sender,
		     const char *id, uint8_t out[32], struct wa_err *err)
{
	struct wa_jid chats[2], senders[2];
	int rc = 0;

	names(c, chat, chats);
	names(c, sender, senders);
	for (size_t i = 0; i < 4 && rc == 0; i++)
		if (!wa_jid_is_null(&chats[i / 2]) && !wa_jid_is_null(&senders[i % 2]))
			rc = load(c, &chats[i / 2], &senders[i % 2], id, out, err);
	if (rc == 0 && client_own(c, sender))
		rc = load_sent(c, chats, id, out);
	for (size_t i = 0; i < 4 && rc == 0; i++)
		if (!wa_jid_is_null(&chats[i / 2]) && !wa_jid_is_null(&senders[i % 2]))
			rc = load_seen(c, &chats[i / 2], &senders[i % 2], id, out);
	return rc;
}

/* What a message we send needs later, from its serialized form. */
void secret_keep_raw(struct wa_client *c, const struct wa_jid *chat, const struct wa_jid *sender,
		     const char *id, struct wa_span raw)
{
	struct wa_msg_info info = { .id = id, .chat = *chat, .sender = wa_jid_bare(sender) };
	uint8_t secret[32];

	if (in_raw(raw, secret))
		secret_keep(c, &info, wa_span(secret, sizeof(secret)));
	wa_wipe(secret, sizeof(secret));
}

/* ---- add-ons ---- */

static bool is_addon(const struct wa_message *m)
{
	switch (m->kind) {
	case WA_MSG_POLL_VOTE:
	case WA_MSG_CALENDAR_ANSWER:
	case WA_MSG_ENC_REACTION:
	case WA_MSG_COMMENT:
	case WA_MSG_ENC_EDIT:
		return true;
	default:
		return false;
	}
}

/* Who wrote the target, as its key and the chat tell; fromMe is the add-on's sender. */
static struct wa_jid author_of(struct wa_client *c, const struct wa_message *m,
			       const struct wa_jid *chat, const struct wa_jid *sender)
{
	if (m->target_from_me)
		return *sender;
	if (!wa_jid_is_null(&m->target_sender))
		return m->target_sender;
	if (client_own(c, sender))
		return *chat;
	return wa_jid_is_null(&c->dev.lid) ? c->dev.pn : c->dev.lid;
}

/* 1 found, 0 not, <0 */
static int prepare(struct wa_client *c, const struct wa_message *m, const struct wa_jid *chat,
		   const struct wa_jid *sender, int use, uint8_t secret[32], struct wa_addon *ret_a,
		   struct wa_err *err)
{
	struct wa_jid author = author_of(c, m, chat, sender);
	char id[MSG_ID_MAX + 1];

	span_copy(id, sizeof(id), m->target_id);
	*ret_a = (struct wa_addon){ .use = use, .secret = wa_span(secret, 32),
				    .target_id = m->target_id };
	names(c, &author, ret_a->author);
	names(c, sender, ret_a->sender);
	return wa_client_secret(c, chat, &author, id, secret, err);
}

void secret_open(struct wa_client *c, const struct wa_msg_info *info, struct wa_message *m,
		 struct wa_arena *a)
{
	struct wa_addon addon;
	uint8_t secret[32];
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf plain;
	int rc;

	if (!is_addon(m) || !m->enc || m->enc->payload.len == 0 || m->enc->use == 0)
		return;
	rc = prepare(c, m, &info->chat, &info->sender, m->enc->use, secret, &addon, &err);
	if (rc == WA_ENOMEM || rc == WA_ESTORE)
		client_nomem(c); /* closed it would stay closed: it comes again */
	if (rc <= 0) {
		WA_LOG(c->env, WA_INFO, "recv.secret_unknown", WA_S("id", info->id));
		return;
	}
	wa_buf_init(&plain, ADDON_MAX);
	rc = wa_addon_open(&addon, m->enc, &plain, &err);
	if (rc == 0)
		rc = wa_message_opened(m, wa_buf_view(&plain), a, &err);
	if (rc)
		WA_LOG(c->env, WA_WARN, "recv.addon_unreadable", WA_S("id", info->id),
		       WA_S("error", err.msg));
	wa_buf_wipe(&plain);
	wa_wipe(secret, sizeof(secret));
}

static int default_use(const struct wa_message *m)
{
	switch (m->kind) {
	case WA_MSG_POLL_VOTE:
		return WA_ADDON_POLL_VOTE;
	case WA_MSG_CALENDAR_ANSWER:
		return WA_ADDON_EVENT_ANSWER;
	case WA_MSG_ENC_REACTION:
		return WA_ADDON_REACTION;
	case WA_MSG_COMMENT:
		return WA_ADDON_COMMENT;
	default:
		return m->enc && m->enc->use ? m->enc->use : WA_ADDON_MESSAGE_EDIT;
	}
}

static int put_answer(const struct wa_message *m, struct wa_buf *out, struct wa_err *err)
{
	struct wa_going_answer going;

	if (!m->going)
		return wa_err_set(err, WA_EINVALID, "event answer without an answer");
	going = *m->going;
	if (going.timestamp_ms == 0)
		going.timestamp_ms = m->timestamp_ms;
	return wa_going_encode(&going, out, err);
}

/* What is sealed: the add-on itself, or a whole Message. */
static int put_plain(const struct wa_message *m, struct wa_span secret, struct wa_buf *out,
		     struct wa_err *err)
{
	struct wa_message inner = { .kind = WA_MSG_TEXT, .text = m->text, .mentions = m->mentions,
				    .n_mentions = m->n_mentions };

	switch (m->kind) {
	case WA_MSG_POLL_VOTE:
		return m->vote ? wa_vote_encode(m->vote, out, err)
			       : wa_err_set(err, WA_EINVALID, "vote without options");
	case WA_MSG_CALENDAR_ANSWER:
		return put_answer(m, out, err);
	case WA_MSG_ENC_REACTION: /* ReactionMessage without its key */
		wa_pb_put(out, 2, m->text);
		wa_pb_put_varint(out, 4, (uint64_t)m->timestamp_ms);
		return wa_buf_end(out, err);
	case WA_MSG_ENC_EDIT:
		inner.calendar = m->calendar;
		inner.poll = m->poll;
		inner.secret = m->calendar || m->poll ? secret : wa_span(NULL, 0);
		inner.kind = m->calendar ? WA_MSG_CALENDAR : m->poll ? WA_MSG_POLL : WA_MSG_TEXT;
		return wa_message_encode(&inner, out, err);
	default:
		return wa_message_encode(&inner, out, err);
	}
}

int secret_seal(struct wa_client *c, const struct wa_jid *chat, struct wa_message *m,
		struct secret_sealed *s, struct wa_err *err)
{
	struct wa_jid me = wa_jid_bare(wa_jid_is_null(&c->dev.lid) ? &c->dev.pn : &c->dev.lid), pn;
	struct wa_addon addon;
	uint8_t secret[32];
	struct wa_buf plain;
	int rc;

	if (!is_addon(m) || (m->enc && m->enc->payload.len))
		return 0;
	rc = prepare(c, m, chat, &me, default_use(m), secret, &addon, err);
	if (rc == 0)
		rc = wa_err_set(err, WA_ENOTFOUND, "the secret of the message is not known");
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < 2; i++) { /* the first form is what is used */
		struct wa_jid *form = i ? addon.sender : addon.author;

		if (wa_jid_is_null(&form[0]))
			form[0] = form[1];
	}
	/* Baileys: whoever made an event is known to its answers by phone number. */
	pn = addon.author[1];
	if (addon.use == WA_ADDON_EVENT_ANSWER && !wa_jid_is_null(&pn))
		addon.author[0] = pn;
	wa_buf_init(&plain, ADDON_MAX);
	rc = put_plain(m, addon.secret, &plain, err);
	c->env->random(c->env->ctx, s->iv, sizeof(s->iv));
	if (rc == 0)
		rc = wa_addon_seal(&addon, wa_buf_view(&plain), s->iv, &s->payload, err);
	wa_buf_wipe(&plain);
	wa_wipe(secret, sizeof(secret));
	s->enc = (struct wa_enc){ .use = addon.use, .payload = wa_buf_view(&s->payload),
				  .iv = wa_span(s->iv, sizeof(s->iv)) };
	m->enc = &s->enc;
	return rc;
}
