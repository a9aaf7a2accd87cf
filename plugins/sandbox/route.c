/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "group.h"
#include "person.h"

#include "adv.pb-c.h"

struct sb_delayed {
	struct wa_list link;
	struct sb_timer timer;
	struct sb_conn *c;
	struct wa_buf bytes;
};

/* One message on its way through the server. */
struct letter {
	struct sb_device *from;
	struct sb_conn *c; /* NULL: from a simulated device */
	const struct wa_node *n;
	const char *id;
	struct wa_jid to;
	struct sb_account *dest;
	int form; /* enum wa_server of `to` */
	bool resend, peer;
	uint32_t listed_dest, listed_own; /* bit i: devices[i] got a copy */
	bool identity_ok;                 /* judged once per message */
	bool identity_judged;
	char group_hash[16]; /* of a group's devices, when the sender's differs; "" */
};

static void delayed_free(struct sandbox *s, struct sb_delayed *w)
{
	sb_timer_del(s, &w->timer);
	wa_list_del(&w->link);
	wa_buf_clear(&w->bytes);
	free(w);
}

static void delayed_fire(void *arg)
{
	struct sb_delayed *w = arg;

	sb_send_bytes(w->c, wa_buf_view(&w->bytes));
	delayed_free(w->c->s, w);
}

void sb_delayed_clear(struct sandbox *s, const struct sb_conn *of)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &s->delayed)
	{
		struct sb_delayed *w = container_of(l, struct sb_delayed, link);

		if (!of || w->c == of)
			delayed_free(s, w);
	}
}

static void delay_ack(struct sb_conn *c, const struct wa_node *ack, int64_t delay_ms)
{
	struct sb_delayed *w = calloc(1, sizeof(*w));

	if (!w)
		return;
	wa_buf_init(&w->bytes, SB_STANZA_MAX);
	w->c = c;
	if (wa_node_encode(ack, &w->bytes, NULL)) {
		wa_buf_clear(&w->bytes);
		free(w);
		return;
	}
	wa_list_push_back(&c->s->delayed, &w->link);
	sb_timer_set(c->s, &w->timer, sb_now(c->s) + delay_ms, delayed_fire, w);
}

static void copy_jid(struct wa_arena *a, struct wa_node *to, const struct wa_node *from,
		     const char *key, const char *as)
{
	struct wa_jid j;

	if (wa_node_has(from, key) && wa_node_attr_jid_get(from, key, &j))
		wa_node_attr_jid(a, to, as, &j);
}

static struct wa_node *make_ack(struct wa_arena *a, struct sandbox *s, const struct wa_node *n,
				bool with_type)
{
	struct wa_node *ack = wa_node_new(a, "ack");
	char *tag = wa_arena_str(a, n->tag);

	wa_node_attr(a, ack, "class", tag ? tag : "");
	wa_node_attr_span(a, ack, "id", wa_node_attr_get(n, "id"));
	copy_jid(a, ack, n, "to", "from");
	copy_jid(a, ack, n, "participant", "participant");
	copy_jid(a, ack, n, "recipient", "recipient");
	if (with_type && wa_node_has(n, "type"))
		wa_node_attr_span(a, ack, "type", wa_node_attr_get(n, "type"));
	wa_node_attr_int(a, ack, "t", sb_now(s) / 1000);
	return ack;
}

void sb_answer(struct sb_device *d, struct sb_conn *c, const struct wa_node *n)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };

	if (!c)
		return;
	wa_arena_init(&a, SB_STANZA_MAX);
	sb_send(c, make_ack(&a, d->acc->s, n, true));
}

static void ack_message(struct letter *m, int error)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sandbox *s = m->from->acc->s;
	struct sb_account *acc = m->from->acc;
	struct wa_node *ack;
	struct sb_fault *f;
	char hash[16];

	if (!m->c) {
		if (m->from->id == 0)
			sb_phone_ack(acc, m->id, m->dest ? m->dest : acc, error);
		return;
	}
	wa_arena_init(&a, SB_STANZA_MAX);
	ack = make_ack(&a, s, m->n, false);
	if (error) {
		wa_node_attr_int(&a, ack, "error", error);
		wa_map_del(&m->c->ids, wa_span_str(m->id)); /* what was refused may come again */
	}
	if (m->group_hash[0])
		wa_node_attr(&a, ack, "phash", m->group_hash);
	if (m->dest && wa_node_has(m->n, "phash")) {
		struct wa_jid all[2 * SB_DEVICES_MAX];
		size_t n = 0;

		for (size_t i = 0; i < m->dest->n_devices; i++)
			all[n++] = sb_jid(m->dest->devices[i], m->form);
		for (size_t i = 0; m->dest != acc && i < acc->n_devices; i++)
			all[n++] = sb_jid(acc->devices[i], m->form);
		if (wa_phash(all, n, hash) == 0 && !wa_node_attr_is(m->n, "phash", hash))
			wa_node_attr(&a, ack, "phash", hash);
	}
	if (sb_fault_hit(s, SB_FAULT_DROP_BEFORE_ACK, acc, m->from->id)) {
		sb_kill(m->c);
	} else if (sb_fault_hit(s, SB_FAULT_LOSE_ACK, acc, m->from->id)) {
		return;
	} else if ((f = sb_fault_hit(s, SB_FAULT_DELAY_ACK, acc, m->from->id))) {
		delay_ack(m->c, ack, f->delay_ms);
	} else {
		sb_send(m->c, ack);
		if (sb_fault_hit(s, SB_FAULT_DROP_AFTER_ACK, acc, m->from->id))
			sb_close(m->c);
	}
}

#define JUDGE(m, kind, ...) sb_violation((m)->from->acc->s, (m)->from, (m)->n, kind, __VA_ARGS__)

/* <device-identity>: both signatures, and by our phone. */
static bool identity_fits(struct letter *m)
{
	struct wa_span id = wa_node_bytes(wa_node_get(m->n, "device-identity"));
	struct sb_device *d = m->from;
	struct sb_device *phone = sb_device_find(d->acc, 0);
	Wa__ADVSignedDeviceIdentity *adv;
	uint64_t hash;
	SB_ERR(err);

	if (m->identity_judged)
		return m->identity_ok;
	m->identity_judged = true;
	if (d->id == 0)
		return m->identity_ok = true;
	if (!id.len) {
		JUDGE(m, "device_identity.missing",
		      "a prekey message goes without device-identity");
		return false;
	}
	hash = wa_hash(id);
	if (hash == d->adv_hash)
		return m->identity_ok = true;
	if (wa_adv_check_identity(id, &d->identity, &err)) {
		JUDGE(m, "device_identity.signature", "%s", err.msg);
		return false;
	}
	adv = wa__advsigned_device_identity__unpack(NULL, id.len, id.ptr);
	m->identity_ok = adv && adv->has_accountsignaturekey &&
			 adv->accountsignaturekey.len == 32 &&
			 memcmp(adv->accountsignaturekey.data, phone->identity.b, 32) == 0;
	if (adv)
		wa__advsigned_device_identity__free_unpacked(adv, NULL);
	if (!m->identity_ok)
		JUDGE(m, "device_identity.account", "signed by another account's phone");
	else
		d->adv_hash = hash;
	return m->identity_ok;
}

static bool enc_fits(struct letter *m, const struct wa_node *enc)
{
	struct wa_span data = wa_node_bytes(enc);
	bool pk = wa_node_attr_is(enc, "type", "pkmsg");

	if (!enc || !wa_node_attr_is(enc, "v", "2") ||
	    (!pk && !wa_node_attr_is(enc, "type", "msg"))) {
		JUDGE(m, "enc.malformed", "no enc, or not v=2 and pkmsg or msg");
		return false;
	}
	if (enc->content != WA_CONTENT_BYTES || data.len < 2 || data.ptr[0] != 0x33) {
		JUDGE(m, "enc.content", "not a Signal message of version 3");
		return false;
	}
	return !pk || identity_fits(m);
}

static void put_enc(struct wa_arena *a, struct wa_node *to, const struct wa_node *enc, bool corrupt)
{
	struct wa_node *out = wa_node_child(a, to, "enc");
	struct wa_span data = wa_node_bytes(enc);
	const struct wa_attr *at;
	uint8_t *copy;

	for (at = enc->attrs; at; at = at->next) {
		char *key = wa_arena_str(a, at->key);

		if (key && !at->jid)
			wa_node_attr_span(a, out, key, at->text);
	}
	copy = wa_arena_dup(a, data.ptr, data.len);
	if (copy && corrupt)
		copy[data.len > 15 ? data.len - 15 : 0] ^=
			0x10; /* text or MAC of msg and pkmsg alike */
	wa_node_data(a, out, wa_span(copy, copy ? data.len : 0));
}

/* Children that go with the message to everybody: meta, biz, bot, reporting … */
static void put_others(struct wa_arena *a, struct wa_node *to, const struct wa_node *n)
{
	static const char *const ours[] = { "participants", "enc", "device-identity", "tctoken",
					    "cstoken" };
	const struct wa_node *k;

	for (k = wa_node_first(n); k; k = k->next) {
		bool skip = false;
		struct wa_node *copy;

		for (size_t i = 0; i < WA_ARRAY_LEN(ours); i++)
			skip = skip || wa_node_is(k, ours[i]);
		if (skip)
			continue;
		copy = wa_arena_dup(a, k, sizeof(*k));
		if (!copy)
			return;
		copy->next = NULL;
		wa_node_append(to, copy);
	}
}

static const char *push_name(const struct sb_device *d)
{
	return d->name[0] ? d->name : d->acc->name;
}

static void pass(struct letter *m, struct sb_device *dest, const struct wa_node *enc)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sandbox *s = m->from->acc->s;
	struct wa_jid from = sb_jid(m->from, m->form), other;
	struct wa_node *n;
	bool own = dest->acc == m->from->acc;

	if (!own && sb_blocks(dest->acc, m->from->acc))
		return; /* taken, and gone */
	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "message");
	wa_node_attr_jid(&a, n, "from", &from);
	wa_node_attr(&a, n, "id", m->id);
	wa_node_attr_int(&a, n, "t", sb_now(s) / 1000);
	wa_node_attr_span(&a, n, "type", wa_node_attr_get(m->n, "type"));
	if (push_name(m->from)[0])
		wa_node_attr(&a, n, "notify", push_name(m->from));
	if (wa_node_has(m->n, "edit"))
		wa_node_attr_span(&a, n, "edit", wa_node_attr_get(m->n, "edit"));
	if (m->peer) {
		wa_node_attr(&a, n, "category", "peer");
	} else if (own) {
		struct sb_account *chat = m->dest;
		struct wa_jid j;

		/* a resend to a device of our own names the chat in `recipient` */
		if (wa_node_attr_jid_get(m->n, "recipient", &j) && sb_find(s, &j))
			chat = sb_find(s, &j);
		j = sb_user_jid(chat, m->form);
		other = sb_other_form(chat, m->form);
		wa_node_attr_jid(&a, n, "recipient", &j);
		wa_node_attr_jid(&a, n,
				 m->form == WA_SRV_LID ? "peer_recipient_pn" : "peer_recipient_lid",
				 &other);
	} else {
		other = sb_other_form(m->from->acc, m->form);
		wa_node_attr_jid(&a, n, m->form == WA_SRV_LID ? "sender_pn" : "sender_lid", &other);
	}
	if (!m->peer && dest->conn && sb_fault_hit(s, SB_FAULT_UNAVAILABLE, dest->acc, dest->id)) {
		wa_node_child(&a, n, "unavailable");
		sb_deliver(dest, n);
		return;
	}
	put_enc(&a, n, enc, sb_fault_hit(s, SB_FAULT_CORRUPT, dest->acc, dest->id) != NULL);
	if (wa_node_attr_is(enc, "type", "pkmsg") && m->from->id != 0) {
		struct wa_node *di = wa_node_child(&a, n, "device-identity");

		wa_node_data(&a, di, wa_node_bytes(wa_node_get(m->n, "device-identity")));
	}
	put_others(&a, n, m->n);
	sb_deliver(dest, n);
	dest->msgs_in++;
}

static size_t index_of(const struct sb_account *a, const struct sb_device *d)
{
	for (size_t i = 0; i < a->n_devices; i++)
		if (a->devices[i] == d)
			return i;
	return 0;
}

static void one_copy(struct letter *m, const struct wa_node *to)
{
	const struct wa_node *enc = wa_node_get(to, "enc");
	struct sb_account *acc;
	struct sb_device *d;
	uint32_t *listed, bit;
	struct wa_jid j;

	if (!wa_node_is(to, "to") || !wa_node_attr_jid_typed(to, "jid") ||
	    !wa_node_attr_jid_get(to, "jid", &j)) {
		JUDGE(m, "jid.untyped", "a participant without a JID");
		return;
	}
	acc = sb_find(m->from->acc->s, &j);
	if (!acc || (acc != m->dest && acc != m->from->acc)) {
		JUDGE(m, "fanout.stranger", "%s@%s has no part in this chat", j.user,
		      wa_server_str(j.server));
		return;
	}
	if (j.server != m->form)
		JUDGE(m, "fanout.form", "a device in another form than `to`");
	d = sb_device_find(acc, j.device);
	if (!d) {
		if (!sb_recently_gone(acc, j.device))
			JUDGE(m, "fanout.stranger", "%s has no device %u", j.user, j.device);
		return;
	}
	if (d == m->from) {
		JUDGE(m, "fanout.self", "a copy for the sending device itself");
		return;
	}
	listed = acc == m->dest ? &m->listed_dest : &m->listed_own;
	bit = 1u << index_of(acc, d);
	if (*listed & bit) {
		JUDGE(m, "fanout.twice", "two copies for device %u of %s", j.device, j.user);
		return;
	}
	*listed |= bit;
	if (enc_fits(m, enc))
		pass(m, d, enc);
}

static void judge_missing(struct letter *m, const struct sb_account *acc, uint32_t listed)
{
	for (size_t i = 0; i < acc->n_devices; i++) {
		const struct sb_device *d = acc->devices[i];

		if (d == m->from || (listed & 1u << i) ||
		    sb_now(acc->s) - d->linked_ms < SB_GRACE_MS)
			continue;
		JUDGE(m, "fanout.missing", "no copy for device %u of %s", d->id, acc->pn);
	}
}

static void fan_out(struct letter *m)
{
	const struct wa_node *parts = wa_node_get(m->n, "participants"), *k;
	struct sb_device *d;

	if (parts) {
		for (k = wa_node_first(parts); k; k = k->next)
			one_copy(m, k);
	} else {
		d = sb_device_find(m->dest, m->to.device);
		if (d && enc_fits(m, wa_node_get(m->n, "enc"))) {
			m->listed_dest |= 1u << index_of(m->dest, d);
			pass(m, d, wa_node_get(m->n, "enc"));
		}
	}
	judge_missing(m, m->dest, m->listed_dest);
	if (m->dest != m->from->acc)
		judge_missing(m, m->from->acc, m->listed_own);
}

/* To one device only: an answer to its retry receipt, or a word to our own phone. */
static int single(struct letter *m)
{
	const struct wa_node *enc = wa_node_get(m->n, "enc"), *k;
	struct sb_device *d = sb_device_find(m->dest, m->to.device);
	struct wa_jid j;

	/* stock clients repeat the one device as participants */
	for (k = wa_node_first(wa_node_get(m->n, "participants")); k; k = k->next)
		if (!wa_node_attr_jid_get(k, "jid", &j) || !wa_jid_eq(&j, &m->to))
			JUDGE(m, "message.single", "participants in a message to one device");
	if (!d)
		return sb_recently_gone(m->dest, m->to.device) ? 0 : 404;
	if (m->peer && (m->dest != m->from->acc || (m->to.device != 0) == (m->from->id != 0))) {
		JUDGE(m, "message.peer",
		      "a peer message goes between a phone and a companion of its own");
		return 403;
	}
	if (enc_fits(m, enc))
		pass(m, d, enc);
	return 0;
}

static bool message_fits(struct letter *m)
{
	static const char *const types[] = { "text",  "media",       "reaction", "poll",
					     "event", "medianotify", "pay" };
	bool known = false;

	for (size_t i = 0; i < WA_ARRAY_LEN(types); i++)
		known = known || wa_node_attr_is(m->n, "type", types[i]);
	if (!*m->id || strlen(m->id) > 64) {
		JUDGE(m, "message.id", "missing or too long");
		return false;
	}
	if (!wa_node_attr_jid_typed(m->n, "to") || !wa_node_attr_jid_get(m->n, "to", &m->to)) {
		JUDGE(m, "jid.untyped", "`to` is missing or text");
		return false;
	}
	if (!known)
		JUDGE(m, "message.type", "no such type of message");
	return true;
}

static int route(struct letter *m)
{
	struct sb_device *d = m->from;
	struct sb_fault *f;

	if (m->c && (f = sb_fault_hit(d->acc->s, SB_FAULT_NACK, d->acc, d->id)))
		return f->code ? f->code : 479;
	if (m->to.server == WA_SRV_BROADCAST || m->to.server == WA_SRV_GROUP)
		return sb_group_message(d, m->n, &m->to, m->group_hash);
	m->dest = sb_find(d->acc->s, &m->to);
	if (!m->dest)
		return 404;
	if (m->c && m->dest != d->acc && (f = sb_fault_hit(d->acc->s, SB_FAULT_LID_SWITCHED, m->dest, 0))) {
		if (sb_lid_switch(m->dest, f->code == 0, NULL) == 0 && f->code)
			return f->code;
	}
	if (sb_lid_stale(m->dest, &m->to))
		return 404;
	m->form = m->to.server == WA_SRV_LID ? WA_SRV_LID : WA_SRV_PN;
	m->peer = wa_node_attr_is(m->n, "category", "peer");
	m->resend = wa_node_attr_is(m->n, "device_fanout", "false");
	if (m->c && !m->peer && !m->resend && !m->to.device) {
		int refused = sb_token_judge(d, m->dest, m->n);

		if (refused)
			return refused;
	}
	d->msgs_out++;
	d->acc->s->messages++;
	if (m->peer || m->resend || (m->dest == d->acc && m->to.device))
		return single(m);
	fan_out(m);
	return 0;
}

void sb_message(struct sb_device *d, struct sb_conn *c, const struct wa_node *n)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct letter m = { .from = d, .c = c, .n = n };

	if (sb_channel_message(d, c, n))
		return;
	wa_arena_init(&a, SB_STANZA_MAX);
	m.id = sb_attr(&a, n, "id");
	if (c && sb_fault_hit(d->acc->s, SB_FAULT_DROP_AT_MESSAGE, d->acc, d->id)) {
		sb_kill(c);
		return;
	}
	if (message_fits(&m))
		ack_message(&m, route(&m));
}
