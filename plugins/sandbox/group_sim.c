/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Phones as members of groups: sender keys, receiving, sending, retries. */
#include "group.h"

#define MESSAGE_MAX (4u << 20)

/* Who of a group holds the key this phone sends with. */
struct held {
	uint64_t *ids;
	size_t n;
};

static void held_free(struct held *h)
{
	free(h->ids);
	free(h);
}

void sb_held_clear(struct sb_sim *m)
{
	struct wa_span key;
	void *value;
	size_t it = 0;

	while (wa_map_next(&m->held, &it, &key, &value))
		held_free(value);
	wa_map_clear(&m->held);
}

static uint64_t hash_of(const struct sb_device *d)
{
	char key[40];

	snprintf(key, sizeof(key), "%s:%u", d->acc->pn, d->id);
	return wa_hash(wa_span_str(key));
}

static bool has(const struct held *h, uint64_t id)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->ids[i] == id)
			return true;
	return false;
}

/* ---- receiving ---- */

static void receipt(struct sb_sim *m, const struct wa_jid *group, const struct wa_jid *author,
		    const char *id, const char *type)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *r;

	wa_arena_init(&a, SB_STANZA_MAX);
	r = wa_node_new(&a, "receipt");
	wa_node_attr(&a, r, "id", id);
	wa_node_attr_jid(&a, r, "to", group);
	wa_node_attr(&a, r, "type", *type ? type : NULL);
	wa_node_attr_jid(&a, r, "participant", author);
	if (strcmp(type, "read") == 0)
		wa_node_attr_int(&a, r, "t", sb_now(m->dev->acc->s) / 1000);
	sb_receipt(m->dev, NULL, r);
}

struct got {
	struct sb_sim *m;
	const struct wa_node *n;
	struct sb_incoming in;
	struct wa_jid group, author, addr;
	bool spoke;
};

static bool opened(struct got *g, struct wa_span plain)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sb_account *own = g->m->dev->acc;
	struct wa_message msg;
	struct wa_jid named;
	SB_ERR(err);

	wa_arena_init(&a, MESSAGE_MAX);
	if (wa_message_decode(plain, &a, &msg, &err)) {
		sb_violation(own->s, g->in.from, NULL, "message.protobuf", "message %s: %s",
			     g->in.id, err.msg);
		return false;
	}
	if (msg.skdm.len) {
		if (wa_jid_parse(msg.skdm_group, &named, NULL) || !wa_jid_eq(&named, &g->group))
			sb_violation(own->s, g->in.from, NULL, "group.key_name",
				     "message %s brings the key of another group", g->in.id);
		else if (wa_signal_group_process(g->m->sig, &g->group, &g->addr, msg.skdm, &err))
			sb_violation(own->s, g->in.from, NULL, "group.key", "message %s: %s",
				     g->in.id, err.msg);
	}
	if (msg.kind == WA_MSG_SKDM)
		return true;
	if (!wa_jid_is_null(&msg.destination))
		sb_violation(own->s, g->in.from, NULL, "message.destination",
			     "message %s: deviceSentMessage in a group", g->in.id);
	g->spoke = true;
	own->received++;
	receipt(g->m, &g->group, &g->author, g->in.id, g->in.from_me ? "sender" : "");
	if (g->m->dev->id == 0) {
		g->in.m = &msg;
		sb_phone_message(own, &g->in);
		if (own->auto_read && !g->in.from_me)
			receipt(g->m, &g->group, &g->author, g->in.id, "read");
		g->in.m = NULL;
	}
	return true;
}

/* 0 read; else the reason to ask again */
static int open_enc(struct got *g, const struct wa_node *enc)
{
	SB_AUTO_BUF struct wa_buf plain = { 0 };
	bool sk = wa_node_attr_is(enc, "type", "skmsg");
	SB_ERR(err);
	int rc;

	wa_buf_init(&plain, MESSAGE_MAX);
	if (sk)
		rc = wa_signal_group_decrypt(g->m->sig, &g->group, &g->addr, wa_node_bytes(enc),
					     &plain, &err);
	else
		rc = wa_signal_decrypt(g->m->sig, &g->addr,
				       wa_node_attr_is(enc, "type", "pkmsg") ? WA_ENC_PKMSG
									     : WA_ENC_MSG,
				       wa_node_bytes(enc), &plain, &err);
	if (rc == WA_EDUP)
		return 0;
	if (rc)
		return err.detail > 0 ? err.detail : 7;
	return opened(g, wa_buf_view(&plain)) ? 0 : 4;
}

void sb_group_sim_message(struct sb_sim *m, const struct wa_node *n, const char *id)
{
	struct sb_account *own = m->dev->acc, *sender;
	struct got g = { .m = m, .n = n };
	const struct wa_node *k;
	int worst = 0, reason;

	if (!wa_node_attr_jid_get(n, "from", &g.group) ||
	    !wa_node_attr_jid_get(n, "participant", &g.author) ||
	    !(sender = sb_find(own->s, &g.author)) || sb_sim_open(m, NULL))
		return;
	g.addr = wa_jid_device(&sender->lid_jid, g.author.device);
	g.in = (struct sb_incoming){ .from = sb_device_find(sender, g.author.device),
				     .chat = sender,
				     .group = sb_group_find(own->s, &g.group),
				     .status = g.group.server == WA_SRV_BROADCAST,
				     .id = id,
				     .from_me = sender == own,
				     .offline = wa_node_has(n, "offline"),
				     .ts_ms = wa_node_attr_num(n, "t", 0) * 1000,
				     .server = g.author.server };
	if (sb_fault_hit(own->s, SB_FAULT_KEY_LOST, own, m->dev->id) &&
	    wa_signal_group_drop(m->sig, &g.group, &g.addr) < 0)
		return;
	if (sb_fault_hit(own->s, SB_FAULT_RETRY, own, m->dev->id))
		worst = 7;
	for (k = worst ? NULL : wa_node_first(n); k; k = k->next) {
		if (!wa_node_is(k, "enc"))
			continue;
		reason = open_enc(&g, k);
		worst = reason ? reason : worst;
	}
	sb_sim_commit(m);
	if (worst && !g.spoke)
		sb_sim_ask_again(m, n, id, &g.group, worst, false);
}

/* ---- sending ---- */

static struct held *held_of(struct sb_sim *m, const struct sb_group *g)
{
	struct held *h = wa_map_get(&m->held, wa_span_str(g->id));

	if (!h && (h = calloc(1, sizeof(*h))) &&
	    wa_map_put(&m->held, wa_span_str(g->id), h, NULL)) {
		free(h);
		h = NULL;
	}
	return h;
}

/* Somebody who holds the key is gone: a new one. */
static int rotate(struct sb_sim *m, struct sb_group *g, struct held *h)
{
	struct wa_jid self = sb_jid(m->dev, WA_SRV_LID);
	size_t met = 0;

	for (size_t i = 0; i < g->n_members; i++)
		for (size_t k = 0; k < g->members[i].acc->n_devices; k++)
			met += has(h, hash_of(g->members[i].acc->devices[k]));
	if (met == h->n)
		return 0;
	h->n = 0;
	return wa_signal_group_drop(m->sig, &g->jid, &self) < 0 ? WA_ENOMEM : 0;
}

static int put_keys(struct sb_sim *m, struct sb_group *g, struct held *h, struct wa_arena *a,
		    struct wa_node *parts, struct wa_span key, bool *pk, struct wa_err *err)
{
	for (size_t i = 0; i < g->n_members; i++) {
		struct sb_account *acc = g->members[i].acc;
		uint64_t *grown = realloc(h->ids, (h->n + acc->n_devices) * sizeof(*grown));

		if (!grown)
			return wa_err_set(err, WA_ENOMEM, "no memory for a group");
		h->ids = grown;
		for (size_t k = 0; k < acc->n_devices; k++) {
			struct sb_device *d = acc->devices[k];
			struct wa_jid j = sb_jid(d, sb_group_form(g));
			struct wa_node *to;
			int rc;

			if (d == m->dev || has(h, hash_of(d)))
				continue;
			rc = sb_sim_session(m, d, NULL, false, err);
			if (rc)
				return rc;
			to = wa_node_child(a, parts, "to");
			wa_node_attr_jid(a, to, "jid", &j);
			rc = sb_sim_enc(m, a, to, d, key, pk, 0, err);
			if (rc)
				return rc;
			h->ids[h->n++] = hash_of(d);
		}
	}
	return 0;
}

int sb_group_send(struct sb_group *g, struct sb_account *acc, const char *id, const struct wa_message *msg,
		  struct wa_err *err)
{
	struct sb_sim *m = acc->devices[0]->sim;
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	SB_AUTO_BUF struct wa_buf plain = { 0 }, skdm = { 0 }, key = { 0 }, cipher = { 0 };
	struct wa_jid self = sb_jid(m->dev, WA_SRV_LID);
	struct held *h = held_of(m, g);
	struct wa_node *n, *parts, *enc;
	char hash[16];
	bool pk = false;
	int rc;

	wa_arena_init(&a, 16 * MESSAGE_MAX);
	wa_buf_init(&plain, MESSAGE_MAX);
	wa_buf_init(&skdm, 4096);
	wa_buf_init(&key, 4096);
	wa_buf_init(&cipher, MESSAGE_MAX);
	rc = h ? sb_sim_open(m, err) : WA_ENOMEM;
	if (!rc)
		rc = wa_message_encode(msg, &plain, err);
	if (!rc)
		rc = rotate(m, g, h);
	if (!rc)
		rc = wa_signal_group_encrypt(m->sig, &g->jid, &self, wa_buf_view(&plain), &skdm, &cipher, err);
	if (!rc)
		rc = wa_message_wrap_skdm(&g->jid, wa_buf_view(&skdm), &key, err);
	n = wa_node_new(&a, "message");
	parts = wa_node_new(&a, "participants");
	if (!rc)
		rc = put_keys(m, g, h, &a, parts, wa_buf_view(&key), &pk, err);
	sb_sim_commit(m);
	if (rc)
		return rc;
	wa_node_attr(&a, n, "id", id);
	wa_node_attr_jid(&a, n, "to", &g->jid);
	wa_node_attr(&a, n, "addressing_mode", g->lid ? "lid" : "pn");
	if (sb_group_phash(g, hash) == 0)
		wa_node_attr(&a, n, "phash", hash);
	if (wa_node_first(parts))
		wa_node_append(n, parts);
	enc = wa_node_child(&a, n, "enc");
	wa_node_attr(&a, enc, "v", "2");
	wa_node_attr(&a, enc, "type", "skmsg");
	wa_node_data(&a, enc, wa_buf_view(&cipher));
	sb_sim_identity(m, &a, n, pk);
	sb_content_stanza(&a, n, msg);
	sb_message(m->dev, NULL, n);
	return 0;
}

static void fill(struct sb_account *a, struct wa_message *m, const char *text, const char *quoted)
{
	struct sb_chat_msg *q = NULL;

	memset(m, 0, sizeof(*m));
	m->kind = WA_MSG_TEXT;
	m->text = wa_span_str(text);
	m->protocol_type = -1;
	if (!quoted || !*quoted)
		return;
	for (size_t i = a->chat.len; i-- > 0 && !q;)
		if (strcmp(a->chat.msgs[i]->id, quoted) == 0)
			q = a->chat.msgs[i];
	if (!q)
		return;
	m->quoted_id = wa_span_str(quoted);
	m->quoted_sender = q->peer->lid_jid;
	m->quoted_text = wa_span_str(q->text);
}

int sb_group_say(struct sb_group *g, struct sb_account *a, const char *text, const char *quoted,
		 char ret_id[32], struct wa_err *err)
{
	struct sb_chat_msg *c;
	struct wa_message msg;
	char id[32];

	if (!sb_group_member(g, a))
		return wa_err_set(err, WA_EDENIED, "%s is no member", a->pn);
	if (!a->online)
		return wa_err_set(err, WA_ESTATE, "the phone of %s is offline", a->pn);
	sb_new_message_id(a->s, id);
	fill(a, &msg, text, quoted);
	if (!a->sink) {
		c = sb_chat_add(a, a, id, true, wa_span_str(text), "text");
		if (!c)
			return wa_err_set(err, WA_ENOMEM, "no memory for a message");
		c->group = sb_strdup(g->id);
		c->status = SB_PENDING;
		c->server = (uint8_t)sb_group_form(g);
	}
	a->sent++;
	if (ret_id)
		memcpy(ret_id, id, sizeof(id));
	return sb_group_send(g, a, id, &msg, err);
}

/* ---- somebody could not read it ---- */

static void again(struct sb_sim *m, struct sb_group *g, struct sb_device *to, const char *id,
		  int count, const struct wa_bundle *b)
{
	struct sb_account *own = m->dev->acc;
	struct sb_chat_msg *c = sb_chat_find(own, own, id, true);
	SB_AUTO_ARENA struct wa_arena a = { 0 }, said = { 0 };
	SB_AUTO_BUF struct wa_buf skdm = { 0 }, plain = { 0 };
	struct wa_jid self = sb_jid(m->dev, WA_SRV_LID), j = sb_jid(to, sb_group_form(g));
	struct wa_message msg;
	struct wa_node *n;
	bool pk = false;
	SB_ERR(err);

	if (!c || count > SB_RETRIES_MAX || !sb_group_member(g, to->acc) || sb_sim_open(m, &err))
		return;
	wa_arena_init(&a, 2 * MESSAGE_MAX);
	wa_buf_init(&skdm, 4096);
	wa_buf_init(&plain, MESSAGE_MAX);
	wa_arena_init(&said, MESSAGE_MAX);
	if (sb_content_again(c, &said, &msg))
		fill(own, &msg, c->text, c->quoted_id);
	c->resent++;
	if (wa_signal_group_key(m->sig, &g->jid, &self, &skdm, &err) ||
	    wa_message_wrap_skdm(&g->jid, wa_buf_view(&skdm), &plain, &err) ||
	    wa_message_encode(&msg, &plain, &err) ||
	    sb_sim_session(m, to, b, count >= 2, &err)) {
		sb_log(own->s, WA_WARN, "sandbox.resend_failed", "error", err.msg);
		return;
	}
	n = wa_node_new(&a, "message");
	wa_node_attr(&a, n, "id", id);
	wa_node_attr_jid(&a, n, "to", &g->jid);
	wa_node_attr_jid(&a, n, "participant", &j);
	wa_node_attr(&a, n, "type", "text");
	wa_node_attr(&a, n, "device_fanout", "false");
	if (sb_sim_enc(m, &a, n, to, wa_buf_view(&plain), &pk, count, &err) == 0) {
		sb_sim_commit(m);
		sb_sim_identity(m, &a, n, pk);
		sb_message(m->dev, NULL, n);
	}
}

void sb_group_sim_receipt(struct sb_sim *m, const struct wa_node *n, const char *id,
			  const char *type)
{
	struct sb_account *own = m->dev->acc, *acc;
	struct wa_jid from, part;
	struct sb_device *d;
	struct sb_group *g;
	struct wa_bundle b;
	bool keys = wa_node_get(n, "keys") != NULL;

	if (m->dev->id != 0 || !wa_node_attr_jid_get(n, "from", &from) ||
	    !wa_node_attr_jid_get(n, "participant", &part) || !(acc = sb_find(own->s, &part)))
		return;
	if (strcmp(type, "retry") != 0) {
		sb_phone_receipt(own, own, id, type);
		return;
	}
	g = sb_group_find(own->s, &from);
	d = sb_device_find(acc, part.device);
	if (!g || !d)
		return;
	if (keys && (!sb_sim_read_keys(n, &b) || memcmp(b.identity.b, d->identity.b, 32) != 0)) {
		sb_violation(own->s, d, n, "receipt.keys",
			     "the keys of a retry receipt are malformed or another device's");
		return;
	}
	again(m, g, d, id, (int)wa_node_attr_num(wa_node_get(n, "retry"), "count", 1),
	      keys ? &b : NULL);
}
