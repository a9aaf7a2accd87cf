/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From stanza to message: who wrote where, decrypt, unwrap, and the answer the
 * server waits for. The answer leaves only after the batch that holds the
 * message is committed.
 */
#include "client_int.h"
#include "peer.h"

#define ENCS_MAX              16
#define NACK_PARSING          487
#define NACK_STANZA           488
#define NACK_PROTOBUF         491
#define NACK_SECRET           495
#define NACK_UNHANDLED        500
#define PLAIN_MAX             (8u << 20)
#define MESSAGE_ARENA_MAX     (32u << 20) /* one message, decoded */

enum outcome { GOT_NOTHING, GOT_MESSAGE, GOT_DUPLICATE, GOT_FAILED, GOT_BAD };

struct incoming {
	const struct wa_node *node;
	struct wa_msg_info info;
	struct wa_jid device; /* whose session decrypts */
	bool peer;            /* between own devices only */
	bool published; /* what a person wrote is in the batch */
	struct wa_span secret; /* of that; in the batch's arena */
	int nack;
	int retry_reason;
};

/* ---- who and where ---- */

static bool attr_jid(const struct wa_node *n, const char *key, struct wa_jid *ret)
{
	return wa_node_attr_jid_get(n, key, ret) == 1;
}

static void learn_attrs(struct wa_client *c, const struct wa_node *n)
{
	static const char *const pairs[][2] = {
		{ "from", "sender_lid" },
		{ "from", "sender_pn" },
		{ "participant", "participant_lid" },
		{ "participant", "participant_pn" },
		{ "recipient", "peer_recipient_lid" },
		{ "recipient", "peer_recipient_pn" },
		{ "recipient", "recipient_lid" },
		{ "recipient", "recipient_pn" },
	};
	struct wa_jid a, b;
	size_t i;

	for (i = 0; i < WA_ARRAY_LEN(pairs); i++)
		if (attr_jid(n, pairs[i][0], &a) && attr_jid(n, pairs[i][1], &b))
			client_learn(c, &a, &b);
}

static void pn_form(struct wa_client *c, const struct wa_jid *j, struct wa_jid *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (j->server == WA_SRV_PN)
		*ret = *j;
	else if (j->server == WA_SRV_LID && wa_signal_pn_of(c->sig, j, ret) != 1)
		memset(ret, 0, sizeof(*ret));
}

static bool read_info(struct wa_client *c, const struct wa_node *n, struct incoming *in)
{
	struct wa_msg_info *info = &in->info;
	struct wa_jid from, participant, recipient;

	if (!wa_node_has(n, "id") || !attr_jid(n, "from", &from))
		return false;
	learn_attrs(c, n);
	info->id = client_span(c, wa_node_attr_get(n, "id"));
	info->group = from.server == WA_SRV_GROUP || from.server == WA_SRV_BROADCAST;
	if (info->group) {
		if (!attr_jid(n, "participant", &participant))
			return false;
		info->chat = from;
		info->sender = participant;
	} else {
		info->sender = from;
		info->chat = wa_jid_bare(&from);
	}
	info->from_me = client_own(c, &info->sender);
	if (info->from_me && !info->group && attr_jid(n, "recipient", &recipient))
		info->chat = wa_jid_bare(&recipient);
	in->device = wa_signal_canonical(c->sig, &info->sender);
	info->sender = jid_person(&in->device);
	if (!info->group) {
		info->chat = wa_signal_canonical(c->sig, &info->chat);
		info->chat = jid_person(&info->chat);
	}
	pn_form(c, &info->sender, &info->sender_pn);
	if (!info->group)
		pn_form(c, &info->chat, &info->chat_pn);
	info->offline = wa_node_has(n, "offline");
	info->timestamp_ms = attr_ms(n, "t", 0);
	if (wa_node_has(n, "notify"))
		info->push_name = client_span(c, wa_node_attr_get(n, "notify"));
	in->peer = info->from_me && wa_node_attr_is(n, "category", "peer");
	return true;
}

/* ---- seen ---- */

size_t recv_seen_key(const struct wa_msg_info *i, char out[RECV_SEEN_MAX])
{
	size_t n = strlen(wa_jid_text(&i->chat, out)) + 1, len = strlen(i->id);

	n += strlen(wa_jid_text(&i->sender, out + n)) + 1;
	if (len > 255)
		len = 255;
	memcpy(out + n, i->id, len);
	return n + len;
}

int recv_seen_secret(struct wa_client *c, const struct wa_msg_info *i, uint8_t ret_secret[32])
{
	char key[RECV_SEEN_MAX];
	struct wa_buf b;
	int rc;

	wa_buf_init(&b, 1u << 16);
	rc = wa_records_get(c->rec, WA_REC_SEEN, wa_span(key, recv_seen_key(i, key)), &b, NULL);
	if (rc == 1 && b.len == 32)
		memcpy(ret_secret, b.ptr, 32);
	else if (rc == 1)
		rc = 0;
	wa_buf_wipe(&b);
	return rc;
}

bool recv_seen(struct wa_client *c, const struct wa_msg_info *i)
{
	char key[RECV_SEEN_MAX];
	struct wa_buf b;
	int rc;

	wa_buf_init(&b, 1u << 16);
	rc = wa_records_get(c->rec, WA_REC_SEEN, wa_span(key, recv_seen_key(i, key)), &b, NULL);
	wa_buf_wipe(&b);
	if (rc < 0)
		client_nomem(c); /* it might be told twice */
	return rc == 1;
}

void recv_mark_seen(struct wa_client *c, const struct wa_msg_info *i, struct wa_span secret)
{
	char key[RECV_SEEN_MAX];

	if (secret.len != 32)
		secret = wa_span("", 0);
	if (wa_records_put(c->rec, WA_REC_SEEN, wa_span(key, recv_seen_key(i, key)), secret))
		client_nomem(c);
}

/* ---- content ---- */

void recv_publish(struct wa_client *c, const struct wa_msg_info *i, const struct wa_message *m)
{
	struct wa_msg_info *info = wa_arena_dup(&c->ev_arena, i, sizeof(*i));
	struct wa_message *copy = wa_arena_dup(&c->ev_arena, m, sizeof(*m));
	struct wa_event *e;

	if (!info || !copy) {
		client_nomem(c);
		return;
	}
	e = client_event(c, WA_EV_MESSAGE);
	e->info = info;
	e->message = copy;
	e->raw = copy->raw;
	e->id = info->id;
	e->chat = info->chat;
	e->sender = info->sender;
	e->timestamp_ms = info->timestamp_ms;
}

static int take_skdm(struct wa_client *c, const struct incoming *in, const struct wa_message *m)
{
	struct wa_jid group;

	if (m->skdm.len == 0)
		return 0;
	if (!in->info.group || wa_jid_parse(m->skdm_group, &group, NULL) ||
	    !wa_jid_eq(&group, &in->info.chat))
		return WA_EPROTO;
	return wa_signal_group_process(c->sig, &group, &in->device, m->skdm, NULL);
}

static enum outcome take_content(struct wa_client *c, struct incoming *in, struct wa_span plain)
{
	struct wa_message m;
	struct wa_arena own;
	struct wa_err err = WA_ERR_INIT;
	int rc;

	/* Small bytes can ask for much memory: one message must not use up what the batch has. */
	wa_arena_init(&own, MESSAGE_ARENA_MAX);
	rc = wa_message_decode(plain, &own, &m, &err);
	if (rc == WA_ENOMEM) { /* not the message's fault: it comes again */
		wa_arena_clear(&own);
		client_nomem(c);
		return GOT_BAD;
	}
	if (rc) {
		wa_arena_clear(&own);
		WA_LOG(c->env, WA_WARN, "recv.bad_message", WA_S("error", err.msg));
		in->nack = NACK_PROTOBUF;
		return GOT_BAD;
	}
	wa_arena_join(&c->ev_arena, &own);
	if (!wa_jid_is_null(&m.destination) && !in->info.from_me) {
		/* Only our own devices say where else they wrote. */
		in->nack = NACK_PROTOBUF;
		return GOT_BAD;
	}
	if (!wa_jid_is_null(&m.destination) && !in->info.group) {
		in->info.chat = wa_jid_bare(&m.destination);
		in->info.chat = wa_signal_canonical(c->sig, &in->info.chat);
		in->info.chat = jid_person(&in->info.chat);
		pn_form(c, &in->info.chat, &in->info.chat_pn);
	}
	if (take_skdm(c, in, &m))
		WA_LOG(c->env, WA_WARN, "recv.bad_sender_key", WA_I("len", (int64_t)m.skdm.len));
	if (in->info.from_me && in->info.push_name && in->info.sender.device == 0)
		presence_own_name(c, wa_span_str(in->info.push_name));
	if (m.kind == WA_MSG_PROTOCOL) {
		c->history_note |= in->info.from_me && m.protocol_type == PEER_HISTORY;
		if (in->info.from_me && !peer_in(c, &in->info, m.protocol_type, m.raw))
			WA_LOG(c->env, WA_INFO, "recv.protocol_ignored",
			       WA_I("type", m.protocol_type));
		return GOT_MESSAGE;
	}
	if (m.kind != WA_MSG_SKDM && !in->peer) {
		if (secret_lasting(m.kind))
			secret_keep(c, &in->info, m.secret);
		in->secret = m.secret;
		secret_open(c, &in->info, &m, &c->ev_arena);
		recv_publish(c, &in->info, &m);
		in->published = true;
	}
	return GOT_MESSAGE;
}

static int enc_type(const struct wa_node *enc)
{
	if (wa_node_attr_is(enc, "type", "pkmsg"))
		return WA_ENC_PKMSG;
	if (wa_node_attr_is(enc, "type", "msg"))
		return WA_ENC_MSG;
	if (wa_node_attr_is(enc, "type", "skmsg"))
		return WA_ENC_SKMSG;
	return -1;
}

static int decrypt(struct wa_client *c, struct incoming *in, int type, struct wa_span cipher,
		   struct wa_buf *out, struct wa_err *err)
{
	if (type == WA_ENC_SKMSG)
		return in->info.group ? wa_signal_group_decrypt(c->sig, &in->info.chat, &in->device,
								cipher, out, err)
				      : wa_err_set(err, WA_EPROTO, "group cipher outside a group");
	return wa_signal_decrypt(c->sig, &in->device, type, cipher, out, err);
}

static enum outcome take_bot(struct wa_client *c, struct incoming *in, const struct wa_node *enc)
{
	struct wa_err err = WA_ERR_INIT;
	enum outcome got = GOT_BAD;
	struct wa_buf plain;
	int rc;

	wa_buf_init(&plain, PLAIN_MAX);
	rc = bot_open(c, in->node, &in->info.sender, wa_node_bytes(enc), &plain, &err);
	if (rc == WA_ENOMEM || rc == WA_ESTORE) {
		client_nomem(c);
	} else if (rc) {
		WA_LOG(c->env, WA_WARN, "recv.bot_unreadable", WA_S("id", in->info.id),
		       WA_S("error", err.msg));
		in->nack = NACK_SECRET;
	} else {
		got = take_content(c, in, wa_buf_view(&plain));
	}
	wa_buf_wipe(&plain);
	return got;
}

static enum outcome take_enc(struct wa_client *c, struct incoming *in, const struct wa_node *enc)
{
	int type = enc_type(enc), rc;
	struct wa_err err = WA_ERR_INIT;
	enum outcome got;
	struct wa_buf plain;

	if (wa_node_attr_is(enc, "type", "msmsg"))
		return take_bot(c, in, enc);
	if (type < 0 || (wa_node_has(enc, "v") && !wa_node_attr_is(enc, "v", "2"))) {
		client_unknown(c, "enc", wa_node_attr_get(enc, "type"));
		in->nack = NACK_STANZA;
		return GOT_BAD;
	}
	wa_buf_init(&plain, PLAIN_MAX);
	rc = decrypt(c, in, type, wa_node_bytes(enc), &plain, &err);
	if (rc == 0) {
		client_identity(c);
		got = take_content(c, in, wa_buf_view(&plain));
	} else if (rc == WA_EDUP) {
		got = GOT_DUPLICATE;
	} else if (rc == WA_ENOMEM || rc == WA_ESTORE) {
		client_nomem(c); /* not the peer's fault: it comes again */
		got = GOT_BAD;
	} else {
		WA_LOG(c->env, WA_WARN, "recv.undecryptable", WA_S("id", in->info.id),
		       WA_SN("type", wa_node_attr_get(enc, "type")), WA_S("error", err.msg));
		in->retry_reason = err.detail > 0 && err.detail < 100 ? err.detail : 0;
		got = GOT_FAILED;
	}
	wa_buf_wipe(&plain);
	return got;
}

/* ---- answers ---- */

static void answer_good(struct wa_client *c, const struct incoming *in)
{
	const struct wa_node *n = in->node;

	if (in->info.chat.server == WA_SRV_BROADCAST && strcmp(in->info.chat.user, "status") == 0 &&
	    !in->info.from_me)
		client_ack(c, n, 0);
	else if (in->peer)
		receipt_out(c, n, "peer_msg");
	else if (in->info.from_me)
		receipt_out(c, n, "sender");
	else
		receipt_out(c, n, c->online ? NULL : "inactive");
	if (c->history_note && !c->history_held)
		history_receipt(c, in->info.id);
}

static void unavailable(struct wa_client *c, struct incoming *in, const struct wa_node *u)
{
	struct wa_msg_info *info = wa_arena_dup(&c->ev_arena, &in->info, sizeof(in->info));
	struct wa_event *e = client_event(c, WA_EV_UNDECRYPTABLE);

	if (!info)
		client_nomem(c);
	e->info = info;
	e->final = true;
	e->text = wa_node_has(u, "type") ? client_span(c, wa_node_attr_get(u, "type"))
					 : "unavailable";
	if (!in->peer)
		placeholder_want(c, &in->info);
	client_ack(c, in->node, 0);
}

static enum outcome take_all(struct wa_client *c, struct incoming *in)
{
	enum outcome worst = GOT_NOTHING, got;
	const struct wa_node *ch;
	size_t n = 0;

	for (ch = wa_node_first(in->node); ch && n < ENCS_MAX && !c->failed; ch = ch->next) {
		if (!wa_node_is(ch, "enc"))
			continue;
		n++;
		got = take_enc(c, in, ch);
		/* A key that came twice does not spoil the message after it. */
		if (got > worst && !(got == GOT_DUPLICATE && worst == GOT_MESSAGE))
			worst = got;
		else if (got == GOT_MESSAGE && worst == GOT_DUPLICATE)
			worst = GOT_MESSAGE;
	}
	/* Who has the message asks for nothing: it would come twice. A key that failed is asked for
	 * when it is missed. */
	return in->published ? GOT_MESSAGE : worst;
}

void recv_message(struct wa_client *c, const struct wa_node *n)
{
	struct incoming in = { .node = n };
	struct wa_msg_info before;
	const struct wa_node *u = wa_node_get(n, "unavailable");
	struct wa_jid channel;

	if (attr_jid(n, "from", &channel) && channel.server == WA_SRV_NEWSLETTER && wa_node_has(n, "id")) {
		newsletter_message(c, n, &channel);
		return;
	}
	if (!read_info(c, n, &in)) {
		client_unknown(c, "message", wa_span_str("without sender"));
		client_ack(c, n, NACK_PARSING);
		return;
	}
	before = in.info;
	c->history_note = c->history_held = c->history_full = false;
	if (recv_seen(c, &before)) {
		/* It is stored; its receipt may not have got through. */
		answer_good(c, &in);
		return;
	}
	switch (take_all(c, &in)) {
	case GOT_MESSAGE:
		if (c->history_full)
			break;
		recv_mark_seen(c, &before, in.secret);
		answer_good(c, &in);
		break;
	case GOT_DUPLICATE:
		client_ack(c, n, 0);
		break;
	case GOT_FAILED:
		retry_ask(c, n, &in.info, in.retry_reason);
		break;
	case GOT_BAD:
		client_ack(c, n, in.nack ? in.nack : NACK_UNHANDLED);
		break;
	case GOT_NOTHING:
		if (u) {
			unavailable(c, &in, u);
		} else if (wa_node_get(n, "plaintext")) {
			client_unknown(c, "message", wa_span_str("plaintext"));
			client_ack(c, n, 0);
		} else {
			client_unknown(c, "message", wa_span_str("without content"));
			client_ack(c, n, NACK_STANZA);
		}
		break;
	}
}
