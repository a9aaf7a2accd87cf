/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "group.h"

#include "pb.h"

#define MESSAGE_MAX (4u << 20)
#define CACHE_BYTES 4096

int sb_sim_new(struct sb_device *d, struct wa_err *err)
{
	struct sb_sim *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return wa_err_set(err, WA_ENOMEM, "no memory for a phone");
	m->dev = d;
	m->store = wa_memstore_new();
	rc = m->store ? wa_device_generate(d->acc->s->env, &m->wd, err)
		      : wa_err_set(err, WA_ENOMEM, "no memory");
	if (rc) {
		wa_memstore_free(m->store);
		free(m);
		return rc;
	}
	d->sim = m;
	sb_sim_adopt(m);
	return 0;
}

/* The server's view of a device follows from the device itself. */
void sb_sim_adopt(struct sb_sim *m)
{
	struct sb_device *d = m->dev;

	m->wd.pn = sb_jid(d, WA_SRV_PN);
	m->wd.lid = sb_jid(d, WA_SRV_LID);
	m->wd.paired = true;
	d->noise = m->wd.noise.pub;
	d->identity = m->wd.identity.pub;
	d->registration_id = m->wd.registration_id;
	d->sprekey_id = m->wd.sprekey_id;
	d->sprekey = m->wd.sprekey.pub;
	d->sprekey_sig = m->wd.sprekey_sig;
}

/* Most simulated devices never speak: Signal comes with the first word. */
int sb_sim_open(struct sb_sim *m, struct wa_err *err)
{
	int rc;

	if (m->sig)
		return 0;
	if (!m->rec)
		m->rec = wa_records_new(wa_memstore_ops(), m->store, CACHE_BYTES);
	if (!m->rec)
		return wa_err_set(err, WA_ENOMEM, "no memory for a phone");
	rc = wa_signal_new(m->dev->acc->s->env, m->rec, &m->wd, &m->sig, err);
	if (!rc)
		sb_sim_commit(m);
	return rc;
}

void sb_sim_free(struct sb_sim *m)
{
	if (!m)
		return;
	sb_held_clear(m);
	wa_signal_free(m->sig);
	wa_records_free(m->rec);
	wa_memstore_free(m->store);
	wa_device_wipe(&m->wd);
	free(m);
}

void sb_sim_commit(struct sb_sim *m)
{
	const struct wa_change *ch;
	size_t n;

	if (!m->rec || !wa_records_dirty(m->rec))
		return;
	n = wa_records_seal(m->rec, ++m->batch, &ch);
	if (wa_memstore_apply(m->store, ch, n))
		sb_log(m->dev->acc->s, WA_ERROR, "sandbox.no_memory", "what", "phone records");
	for (size_t i = 0; i < n; i++)
		sb_keep_record(m->dev, &ch[i]);
	wa_records_committed(m->rec, m->batch);
}

void sb_sim_forget(struct sb_sim *m, struct sb_account *peer)
{
	if (sb_sim_open(m, NULL))
		return;
	for (size_t i = 0; i < peer->n_devices; i++) {
		struct wa_jid j = sb_jid(peer->devices[i], WA_SRV_LID);

		if (wa_signal_drop_session(m->sig, &j))
			sb_log(m->dev->acc->s, WA_ERROR, "sandbox.forget_failed", "phone",
			       m->dev->acc->pn);
	}
	sb_sim_commit(m);
}

/* ---- sending ---- */

int sb_sim_session(struct sb_sim *m, struct sb_device *to, const struct wa_bundle *b, bool fresh,
		   struct wa_err *err)
{
	struct wa_jid j = sb_jid(to, WA_SRV_LID);
	struct wa_bundle fetched;
	int rc = wa_signal_has_session(m->sig, &j, err);

	if (rc < 0 || (rc == 1 && !fresh && !b))
		return rc < 0 ? rc : 0;
	if (!b) {
		rc = sb_bundle(to, &fetched, err);
		if (rc)
			return rc;
		sb_prekeys_low(to);
		b = &fetched;
	}
	return wa_signal_start_session(m->sig, &j, b, err);
}

int sb_sim_enc(struct sb_sim *m, struct wa_arena *a, struct wa_node *parent, struct sb_device *to,
	       struct wa_span plain, bool *pk, int count, struct wa_err *err)
{
	SB_AUTO_BUF struct wa_buf out = { 0 };
	struct wa_jid j = sb_jid(to, WA_SRV_LID);
	struct wa_node *enc;
	int type, rc;

	wa_buf_init(&out, MESSAGE_MAX);
	rc = wa_signal_encrypt(m->sig, &j, plain, &type, &out, err);
	if (rc)
		return rc;
	*pk = *pk || type == WA_ENC_PKMSG;
	enc = wa_node_child(a, parent, "enc");
	wa_node_attr(a, enc, "v", "2");
	wa_node_attr(a, enc, "type", type == WA_ENC_PKMSG ? "pkmsg" : "msg");
	if (count)
		wa_node_attr_int(a, enc, "count", count);
	wa_node_data(a, enc, wa_buf_view(&out));
	return 0;
}

void sb_sim_identity(struct sb_sim *m, struct wa_arena *a, struct wa_node *n, bool pk)
{
	if (pk && m->dev->id)
		wa_node_data(a, wa_node_child(a, n, "device-identity"),
			     wa_span(m->wd.adv, m->wd.adv_len));
}

static int put_copies(struct sb_sim *m, struct wa_arena *a, struct wa_node *parts,
		      struct sb_account *acc, struct wa_span plain, int server, bool *pk,
		      struct wa_err *err)
{
	for (size_t i = 0; i < acc->n_devices; i++) {
		struct sb_device *d = acc->devices[i];
		struct wa_jid j = sb_jid(d, server);
		struct wa_node *to;
		int rc;

		if (d == m->dev)
			continue;
		rc = sb_sim_session(m, d, NULL, false, err);
		if (rc)
			return rc;
		to = wa_node_child(a, parts, "to");
		wa_node_attr_jid(a, to, "jid", &j);
		rc = sb_sim_enc(m, a, to, d, plain, pk, 0, err);
		if (rc)
			return rc;
	}
	return 0;
}

int sb_sim_send(struct sb_sim *m, struct sb_account *to, const char *id,
		const struct wa_message *msg, int server, struct wa_err *err)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	SB_AUTO_BUF struct wa_buf plain = { 0 }, sent = { 0 };
	struct sb_account *own = m->dev->acc;
	struct wa_jid chat = sb_user_jid(to, server);
	struct wa_node *n, *parts;
	bool pk = false;
	int rc;

	wa_arena_init(&a, 2 * MESSAGE_MAX);
	wa_buf_init(&plain, MESSAGE_MAX);
	wa_buf_init(&sent, MESSAGE_MAX);
	rc = sb_sim_open(m, err);
	if (!rc)
		rc = wa_message_encode(msg, &plain, err);
	if (!rc)
		rc = wa_message_wrap_sent(wa_buf_view(&plain), &chat, &sent, err);
	if (rc)
		return rc;
	n = wa_node_new(&a, "message");
	wa_node_attr(&a, n, "id", id);
	wa_node_attr_jid(&a, n, "to", &chat);
	parts = wa_node_child(&a, n, "participants");
	if (to != own)
		rc = put_copies(m, &a, parts, to, wa_buf_view(&plain), server, &pk, err);
	if (!rc)
		rc = put_copies(m, &a, parts, own, wa_buf_view(&sent), server, &pk, err);
	sb_sim_commit(m);
	if (rc)
		return rc;
	sb_sim_identity(m, &a, n, pk);
	sb_content_stanza(&a, n, msg);
	sb_message(m->dev, NULL, n);
	return 0;
}

int sb_sim_resend(struct sb_sim *m, struct sb_device *dest, struct sb_account *chat, const char *id,
		  const struct wa_message *msg, int count, int server, const struct wa_bundle *b,
		  struct wa_err *err)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	SB_AUTO_BUF struct wa_buf plain = { 0 }, sent = { 0 };
	struct wa_jid to = sb_jid(dest, server), j = sb_user_jid(chat, server);
	bool own = dest->acc == m->dev->acc, pk = false;
	struct wa_node *n;
	int rc;

	wa_arena_init(&a, 2 * MESSAGE_MAX);
	wa_buf_init(&plain, MESSAGE_MAX);
	wa_buf_init(&sent, MESSAGE_MAX);
	rc = sb_sim_open(m, err);
	if (!rc)
		rc = wa_message_encode(msg, &plain, err);
	if (!rc && own)
		rc = wa_message_wrap_sent(wa_buf_view(&plain), &j, &sent, err);
	if (!rc)
		rc = sb_sim_session(m, dest, b, count >= 2, err);
	if (rc)
		return rc;
	n = wa_node_new(&a, "message");
	wa_node_attr(&a, n, "id", id);
	wa_node_attr_jid(&a, n, "to", &to);
	wa_node_attr(&a, n, "type", "text");
	wa_node_attr(&a, n, "device_fanout", "false");
	if (own)
		wa_node_attr_jid(&a, n, "recipient", &j);
	rc = sb_sim_enc(m, &a, n, dest, wa_buf_view(own ? &sent : &plain), &pk, count, err);
	sb_sim_commit(m);
	if (rc)
		return rc;
	sb_sim_identity(m, &a, n, pk);
	sb_message(m->dev, NULL, n);
	return 0;
}

int sb_sim_peer(struct sb_sim *m, struct sb_device *dest, struct wa_span plain, struct wa_err *err)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_jid to = sb_jid(dest, WA_SRV_PN);
	struct wa_node *n;
	bool pk = false;
	char id[32];
	int rc = sb_sim_open(m, err);

	wa_arena_init(&a, MESSAGE_MAX);
	if (!rc)
		rc = sb_sim_session(m, dest, NULL, false, err);
	if (rc)
		return rc;
	sb_new_message_id(m->dev->acc->s, id);
	n = wa_node_new(&a, "message");
	wa_node_attr(&a, n, "id", id);
	wa_node_attr_jid(&a, n, "to", &to);
	wa_node_attr(&a, n, "type", "text");
	wa_node_attr(&a, n, "category", "peer");
	rc = sb_sim_enc(m, &a, n, dest, plain, &pk, 0, err);
	sb_sim_commit(m);
	if (!rc)
		sb_message(m->dev, NULL, n);
	return rc;
}

void sb_sim_receipt(struct sb_sim *m, const struct wa_jid *to, const char *const *ids, size_t n,
		    const char *type, const struct wa_jid *recipient)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *r, *list;

	if (!n)
		return;
	wa_arena_init(&a, SB_STANZA_MAX);
	r = wa_node_new(&a, "receipt");
	wa_node_attr(&a, r, "id", ids[0]);
	wa_node_attr_jid(&a, r, "to", to);
	if (*type)
		wa_node_attr(&a, r, "type", type);
	if (strncmp(type, "read", 4) == 0)
		wa_node_attr_int(&a, r, "t", sb_now(m->dev->acc->s) / 1000);
	if (recipient)
		wa_node_attr_jid(&a, r, "recipient", recipient);
	if (n > 1) {
		list = wa_node_child(&a, r, "list");
		for (size_t i = 1; i < n; i++)
			wa_node_attr(&a, wa_node_child(&a, list, "item"), "id", ids[i]);
	}
	sb_receipt(m->dev, NULL, r);
}

/* ---- receiving ---- */

/* How many retries were asked for this message, this one included. */
static int asked(struct sb_sim *m, const char *from, const char *id)
{
	char key[200];
	struct sb_asked *k;
	uint64_t h;

	snprintf(key, sizeof(key), "%s %s", from, id);
	h = wa_hash(wa_span_str(key));
	for (size_t i = 0; i < WA_ARRAY_LEN(m->asked); i++)
		if (m->asked[i].hash == h)
			return ++m->asked[i].count;
	k = &m->asked[m->asked_at++ % WA_ARRAY_LEN(m->asked)];
	k->hash = h;
	k->count = 1;
	return 1;
}

static void put_be(struct wa_arena *a, struct wa_node *parent, const char *tag, uint32_t v,
		   size_t len)
{
	uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	wa_node_data(a, wa_node_child(a, parent, tag), wa_span(b + 4 - len, len));
}

static void put_keys(struct sb_sim *m, struct wa_arena *a, struct wa_node *r)
{
	struct wa_node *keys = wa_node_child(a, r, "keys"), *k;
	struct wa_prekey_pub pre;

	wa_node_data(a, wa_node_child(a, keys, "type"), wa_span("\5", 1));
	wa_node_data(a, wa_node_child(a, keys, "identity"), wa_span(m->wd.identity.pub.b, 32));
	if (wa_signal_prekeys_generate(m->sig, &pre, 1, NULL) == 0) {
		k = wa_node_child(a, keys, "key");
		put_be(a, k, "id", pre.id, 3);
		wa_node_data(a, wa_node_child(a, k, "value"), wa_span(pre.pub.b, 32));
	}
	k = wa_node_child(a, keys, "skey");
	put_be(a, k, "id", m->wd.sprekey_id, 3);
	wa_node_data(a, wa_node_child(a, k, "value"), wa_span(m->wd.sprekey.pub.b, 32));
	wa_node_data(a, wa_node_child(a, k, "signature"), wa_span(m->wd.sprekey_sig.b, 64));
	if (m->dev->id)
		wa_node_data(a, wa_node_child(a, keys, "device-identity"),
			     wa_span(m->wd.adv, m->wd.adv_len));
	sb_sim_commit(m);
}

void sb_sim_ask_again(struct sb_sim *m, const struct wa_node *n, const char *id,
		      const struct wa_jid *from, int reason, bool own)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *r, *k;
	char text[WA_JID_TEXT_MAX];
	struct wa_jid j;
	int count = asked(m, wa_jid_text(from, text), id);

	if (count > SB_RETRIES_MAX)
		return;
	wa_arena_init(&a, SB_STANZA_MAX);
	m->dev->acc->retries_sent++;
	r = wa_node_new(&a, "receipt");
	wa_node_attr(&a, r, "id", id);
	wa_node_attr_jid(&a, r, "to", from);
	wa_node_attr(&a, r, "type", "retry");
	if (own && wa_node_attr_jid_get(n, "recipient", &j))
		wa_node_attr_jid(&a, r, "recipient", &j);
	if (wa_node_attr_jid_get(n, "participant", &j))
		wa_node_attr_jid(&a, r, "participant", &j);
	k = wa_node_child(&a, r, "retry");
	wa_node_attr_int(&a, k, "count", count);
	wa_node_attr(&a, k, "id", id);
	wa_node_attr_span(&a, k, "t", wa_node_attr_get(n, "t"));
	wa_node_attr(&a, k, "v", "1");
	if (reason)
		wa_node_attr_int(&a, k, "error", reason);
	put_be(&a, r, "registration", m->wd.registration_id, 4);
	if (count >= 2 || reason == 1 || reason == 3)
		put_keys(m, &a, r);
	sb_receipt(m->dev, NULL, r);
}

static void opened(struct sb_sim *m, const struct wa_node *n, struct sb_incoming *in,
		   struct wa_span plain, const struct wa_jid *from)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sb_account *own = m->dev->acc;
	struct wa_message msg;
	struct wa_jid chat;
	SB_ERR(err);

	wa_arena_init(&a, MESSAGE_MAX);
	if (wa_message_decode(plain, &a, &msg, &err)) {
		sb_violation(own->s, in->from, NULL, "message.protobuf", "message %s: %s", in->id,
			     err.msg);
		return;
	}
	if (wa_node_attr_is(n, "category", "peer")) {
		sb_sim_receipt(m, from, &in->id, 1, "peer_msg", NULL);
		if (in->from && in->from_me && m->dev->id == 0)
			sb_peer_in(in->from, in->id, msg.raw);
		return;
	}
	in->m = &msg;
	if (in->from_me) {
		if (!wa_jid_is_null(&msg.destination) && sb_find(own->s, &msg.destination))
			in->chat = sb_find(own->s, &msg.destination);
		else
			sb_violation(own->s, in->from, NULL, "message.destination",
				     "message %s to an own device without deviceSentMessage",
				     in->id);
	}
	chat = sb_user_jid(in->chat, in->server);
	sb_sim_receipt(m, from, &in->id, 1, in->from_me ? "sender" : "",
		       in->from_me ? &chat : NULL);
	own->received++;
	if (m->dev->id == 0)
		sb_phone_message(own, in);
	in->m = NULL; /* it lives here only */
}

static void on_message(struct sb_sim *m, const struct wa_node *n, const char *id)
{
	SB_AUTO_BUF struct wa_buf plain = { 0 };
	const struct wa_node *enc = wa_node_get(n, "enc");
	struct sb_account *own = m->dev->acc, *sender;
	struct sb_incoming in = { .id = id,
				  .ts_ms = wa_node_attr_num(n, "t", 0) * 1000,
				  .offline = wa_node_has(n, "offline") };
	struct wa_jid from, addr;
	SB_ERR(err);
	int rc;

	wa_buf_init(&plain, MESSAGE_MAX);
	if (wa_node_attr_jid_get(n, "from", &from) &&
	    (from.server == WA_SRV_GROUP || from.server == WA_SRV_BROADCAST)) {
		sb_group_sim_message(m, n, id);
		return;
	}
	sender = wa_node_attr_jid_get(n, "from", &from) ? sb_find(own->s, &from) : NULL;
	if (!sender || !enc || sb_sim_open(m, &err))
		return;
	in.from = sb_device_find(sender, from.device);
	in.from_me = sender == own;
	in.chat = sender;
	in.server = from.server == WA_SRV_LID ? WA_SRV_LID : WA_SRV_PN;
	addr = wa_jid_device(&sender->lid_jid, from.device);
	if (sb_fault_hit(own->s, SB_FAULT_RETRY, own, m->dev->id)) {
		sb_sim_ask_again(m, n, id, &from, 7, in.from_me);
		return;
	}
	rc = wa_signal_decrypt(m->sig, &addr,
			       wa_node_attr_is(enc, "type", "pkmsg") ? WA_ENC_PKMSG : WA_ENC_MSG,
			       wa_node_bytes(enc), &plain, &err);
	sb_sim_commit(m);
	if (rc == WA_EDUP) {
		if (m->dev->id == 0)
			sb_phone_again(own, in.chat, id, in.from_me);
		return;
	}
	if (rc) {
		if (rc == WA_EPROTO && strstr(err.msg, "padding"))
			sb_violation(own->s, in.from, NULL, "message.content", "message %s: %s", id,
				     err.msg);
		sb_sim_ask_again(m, n, id, &from, err.detail, in.from_me);
		return;
	}
	opened(m, n, &in, wa_buf_view(&plain), &from);
}

static bool read_be(const struct wa_node *n, size_t len, uint32_t *ret)
{
	struct wa_span s = wa_node_bytes(n);

	if (s.len != len)
		return false;
	*ret = 0;
	for (size_t i = 0; i < len; i++)
		*ret = *ret << 8 | s.ptr[i];
	return true;
}

static bool read_fixed(const struct wa_node *n, void *out, size_t len)
{
	struct wa_span s = wa_node_bytes(n);

	if (s.len != len)
		return false;
	memcpy(out, s.ptr, len);
	return true;
}

bool sb_sim_read_keys(const struct wa_node *n, struct wa_bundle *b)
{
	const struct wa_node *keys = wa_node_get(n, "keys"), *skey = wa_node_get(keys, "skey");
	const struct wa_node *key = wa_node_get(keys, "key");

	memset(b, 0, sizeof(*b));
	if (!read_be(wa_node_get(n, "registration"), 4, &b->registration_id) ||
	    !read_fixed(wa_node_get(keys, "identity"), b->identity.b, 32) ||
	    !read_be(wa_node_get(skey, "id"), 3, &b->sprekey_id) ||
	    !read_fixed(wa_node_get(skey, "value"), b->sprekey.b, 32) ||
	    !read_fixed(wa_node_get(skey, "signature"), b->sprekey_sig.b, 64))
		return false;
	b->has_prekey = key && read_be(wa_node_get(key, "id"), 3, &b->prekey_id) &&
			read_fixed(wa_node_get(key, "value"), b->prekey.b, 32);
	return true;
}

static void on_retry(struct sb_sim *m, const struct wa_node *n, const struct wa_jid *from,
		     struct sb_account *acc, const char *id)
{
	struct sb_device *asker = sb_device_find(acc, from->device);
	struct sb_account *chat = acc;
	struct wa_bundle b;
	struct wa_jid j;
	bool keys = wa_node_get(n, "keys") != NULL;

	if (!asker)
		return;
	if (keys && !sb_sim_read_keys(n, &b)) {
		sb_violation(acc->s, asker, n, "receipt.keys",
			     "the keys of a retry receipt are malformed");
		return;
	}
	if (keys && memcmp(b.identity.b, asker->identity.b, 32) != 0) {
		sb_violation(acc->s, asker, n, "receipt.keys",
			     "the keys of a retry receipt are another device's");
		return;
	}
	if (acc == m->dev->acc && wa_node_attr_jid_get(n, "recipient", &j) && sb_find(acc->s, &j))
		chat = sb_find(acc->s, &j);
	sb_phone_retry(m->dev->acc, asker, chat, id,
		       (int)wa_node_attr_num(wa_node_get(n, "retry"), "count", 1),
		       from->server == WA_SRV_LID ? WA_SRV_LID : WA_SRV_PN, keys ? &b : NULL);
}

static void on_receipt(struct sb_sim *m, struct wa_arena *a, const struct wa_node *n,
		       const char *id)
{
	const char *type = sb_attr(a, n, "type");
	const struct wa_node *k;
	struct sb_account *acc;
	struct wa_jid from, j;

	if (wa_node_attr_jid_get(n, "from", &from) &&
	    (from.server == WA_SRV_GROUP || from.server == WA_SRV_BROADCAST)) {
		sb_group_sim_receipt(m, n, id, type);
		return;
	}
	if (m->dev->id != 0 || !wa_node_attr_jid_get(n, "from", &from) ||
	    !(acc = sb_find(m->dev->acc->s, &from)))
		return;
	if (strcmp(type, "retry") == 0) {
		on_retry(m, n, &from, acc, id);
		return;
	}
	if (acc == m->dev->acc && wa_node_attr_jid_get(n, "recipient", &j) && sb_find(acc->s, &j))
		acc = sb_find(acc->s, &j);
	sb_phone_receipt(m->dev->acc, acc, id, type);
	for (k = wa_node_first(wa_node_get(n, "list")); k; k = k->next)
		if (wa_node_is(k, "item"))
			sb_phone_receipt(m->dev->acc, acc, sb_attr(a, k, "id"), type);
}

bool sb_sim_turn(struct sb_device *d, unsigned budget)
{
	struct wa_list *l;

	while (budget-- && d->acc->online && (l = wa_list_first(&d->queue))) {
		SB_AUTO_ARENA struct wa_arena a = { 0 };
		struct sb_item *it = container_of(l, struct sb_item, link);
		const struct wa_node *n;

		wa_arena_init(&a, MESSAGE_MAX);
		wa_list_del(&it->link);
		d->queued--;
		if (wa_node_decode(wa_span(it->bytes, it->len), &a, &n, NULL) == 0) {
			if (wa_node_is(n, "message"))
				on_message(d->sim, n, it->id);
			else if (wa_node_is(n, "receipt"))
				on_receipt(d->sim, &a, n, it->id);
		}
		free(it);
	}
	return d->acc->online && !wa_list_empty(&d->queue);
}
