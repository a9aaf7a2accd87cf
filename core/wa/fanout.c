/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One send from recipient to stanza: LID, device lists, sessions, a ciphertext for each device. */
#include "group_send.h"

#include <stdlib.h>

#define CIPHER_EXTRA 1024 /* bytes a ciphertext and its node may add to a text, at most */
#define ASKS_MAX     3    /* times one send asks for the same thing */

static enum step ask_user(struct wa_client *c, struct send *s, const struct wa_jid *user)
{
	if (!asked_has(c, 'u', user) && s->asks++ >= ASKS_MAX) {
		send_fail(c, s, 404, "no_device_list");
		return STEP_FAILED;
	}
	usync_want(c, user);
	return STEP_WAIT;
}

static int add_targets(struct wa_client *c, struct send *s, const struct device_list *l, bool own)
{
	bool pn = s->chat.server == WA_SRV_PN || s->chat.server == WA_SRV_HOSTED;
	struct target *grown = realloc(s->targets, (s->n_targets + l->n) * sizeof(*grown));
	size_t i;

	if (!grown)
		return WA_ENOMEM;
	s->targets = grown;
	for (i = 0; i < l->n; i++) {
		struct target *t = &s->targets[s->n_targets];

		memset(t, 0, sizeof(*t));
		t->own = own;
		t->addr = t->wire = usync_device(l, i);
		/* The stanza's form decides that of every device in it. */
		if (own && pn)
			t->wire = wa_jid_device(&c->dev.pn, t->addr.device);
		s->n_targets++;
	}
	return 0;
}

/* phash covers every device of both accounts, this one included; the stanza goes to the others. */
static int drop_self(struct wa_client *c, struct send *s)
{
	struct wa_jid *all = calloc(s->n_targets ? s->n_targets : 1, sizeof(*all));
	size_t i, n = 0;
	int rc = WA_ENOMEM;

	if (all) {
		for (i = 0; i < s->n_targets; i++)
			all[i] = s->targets[i].wire;
		rc = wa_phash(all, s->n_targets, s->phash);
	}
	free(all);
	for (i = 0; i < s->n_targets; i++)
		if (!s->targets[i].own || s->targets[i].wire.device != c->dev.pn.device)
			s->targets[n++] = s->targets[i];
	s->n_targets = n;
	return rc;
}

/* One stanza carries the text once for each device. */
static bool fits(const struct send *s)
{
	return s->n_targets == 0 ||
	       s->plain_len + CIPHER_EXTRA <= STANZA_ARENA_MAX / 2 / s->n_targets;
}

static enum step find_devices(struct wa_client *c, struct send *s)
{
	bool self = client_own(c, &s->to);
	struct wa_jid chat =
		self ? wa_jid_bare(wa_jid_is_null(&c->dev.lid) ? &c->dev.pn : &c->dev.lid)
		     : wa_signal_canonical(c->sig, &s->to);
	struct wa_jid me = wa_jid_bare(wa_jid_is_null(&c->dev.lid) ? &c->dev.pn : &c->dev.lid);
	struct device_list theirs = { .n = 0 }, ours = { .n = 0 };
	enum step own_step = STEP_GO;
	int rc;

	chat = wa_jid_bare(&chat);
	rc = usync_cached(c, &me, &ours);
	if (rc == 0)
		own_step = ask_user(c, s, &me);
	if (rc < 0 || own_step == STEP_FAILED)
		goto failed;
	if (!self) {
		bool ask_lid = chat.server == WA_SRV_PN && !s->lid_asked;

		rc = usync_cached(c, &chat, &theirs);
		if (rc < 0)
			goto failed;
		if (rc == 0 || ask_lid) {
			/* Who has no LID after that is written to by number. */
			s->lid_asked = true;
			return ask_user(c, s, &chat);
		}
	}
	if (own_step == STEP_WAIT)
		return STEP_WAIT;
	s->chat = chat;
	rc = add_targets(c, s, &theirs, false);
	if (rc == 0)
		rc = add_targets(c, s, &ours, true);
	if (rc == 0)
		rc = drop_self(c, s);
	if (rc == 0 && !fits(s)) {
		send_fail(c, s, 413, send_reason(413));
		return STEP_FAILED;
	}
	if (rc == 0)
		return STEP_GO;
failed:
	if (own_step != STEP_FAILED)
		send_fail(c, s, 0, "internal");
	return STEP_FAILED;
}

static enum step find_sessions(struct wa_client *c, struct send *s)
{
	enum step step = STEP_GO;
	size_t i;

	for (i = 0; i < s->n_targets; i++) {
		struct target *t = &s->targets[i];
		int rc;

		if (t->failed)
			continue;
		if (s->resend && s->fetch) {
			/* Asked once; the answer replaces the session or fails the target. */
			rc = s->asks && !asked_has(c, 'd', &t->addr);
			s->asks = 1;
		} else {
			rc = wa_signal_has_session(c->sig, &t->addr, NULL);
		}
		if (rc < 0)
			t->failed = true;
		if (rc == 0) {
			prekey_bundle_want(c, &t->addr);
			step = STEP_WAIT;
		}
	}
	s->sessions_ok = step == STEP_GO;
	return step;
}

static bool group_chat(const struct wa_jid *chat)
{
	return chat->server == WA_SRV_GROUP || chat->server == WA_SRV_BROADCAST;
}

static struct wa_span plain_for(struct wa_client *c, struct send *s, const struct target *t)
{
	if (group_chat(&s->chat)) { /* the key comes along, and own devices get what members get */
		if (s->dsm.len == 0 && group_resend_plain(c, &s->chat,
							  wa_span(s->plain, s->plain_len), &s->dsm))
			client_nomem(c);
		return wa_buf_view(&s->dsm);
	}
	if (!t->own)
		return wa_span(s->plain, s->plain_len);
	if (s->dsm.len == 0 &&
	    wa_message_wrap_sent(wa_span(s->plain, s->plain_len), &s->chat, &s->dsm, NULL))
		client_nomem(c);
	return wa_buf_view(&s->dsm);
}

struct wa_node *fanout_enc(struct send *s, int type, struct wa_span cipher)
{
	struct wa_node *enc = wa_node_new(&s->arena, "enc");

	wa_node_attr(&s->arena, enc, "v", "2");
	wa_node_attr(&s->arena, enc, "type", type == WA_ENC_SKMSG   ? "skmsg"
					       : type == WA_ENC_PKMSG ? "pkmsg"
								      : "msg");
	if (s->kind.mediatype)
		wa_node_attr(&s->arena, enc, "mediatype", s->kind.mediatype);
	if (s->kind.hide)
		wa_node_attr(&s->arena, enc, "decrypt-fail", "hide");
	if (s->resend)
		wa_node_attr_int(&s->arena, enc, "count", s->count);
	wa_node_data(&s->arena, enc, cipher);
	return enc;
}

/* False: its session was damaged and is gone; with a new one it goes on. */
static bool encrypt_one(struct wa_client *c, struct send *s, struct target *t)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_node *to, *enc;
	struct wa_buf cipher;
	int type, rc;

	wa_buf_init(&cipher, PLAIN_MAX + 4096);
	rc = wa_signal_encrypt(c->sig, &t->addr, plain_for(c, s, t), &type, &cipher, &err);
	if (rc == WA_ENOTFOUND && !t->renewed) {
		t->renewed = true;
		wa_buf_clear(&cipher);
		return false;
	}
	if (rc) {
		WA_LOG(c->env, WA_WARN, "send.encrypt_failed", WA_I("device", t->addr.device),
		       WA_S("error", err.msg));
		t->failed = true;
	} else {
		if (!s->participants)
			s->participants = wa_node_new(&s->arena, "participants");
		enc = fanout_enc(s, type, wa_buf_view(&cipher));
		if (s->resend || s->peer) {
			wa_node_append(s->participants, enc);
		} else {
			to = wa_node_child(&s->arena, s->participants, "to");
			wa_node_attr_jid(&s->arena, to, "jid", &t->wire);
			wa_node_append(to, enc);
		}
		s->pkmsg |= type == WA_ENC_PKMSG;
		s->n_people += !t->own;
		s->n_done++;
	}
	wa_buf_clear(&cipher);
	return true;
}

static enum step encrypt_all(struct wa_client *c, struct send *s)
{
	bool people = false;
	size_t i;

	for (; s->next < s->n_targets; s->next++) {
		if (s->targets[s->next].failed)
			continue;
		if (!client_slice(c, COST_ENCRYPT))
			return STEP_SLICE;
		if (!encrypt_one(c, s, &s->targets[s->next])) {
			prekey_bundle_want(c, &s->targets[s->next].addr);
			s->sessions_ok = false;
			return STEP_WAIT;
		}
	}
	for (i = 0; i < s->n_targets; i++)
		people |= !s->targets[i].own;
	if (s->n_done == 0 || (people && s->n_people == 0)) {
		send_fail(c, s, 0, s->n_targets ? "no_device_reached" : "no_devices");
		return STEP_FAILED;
	}
	return STEP_GO;
}

static void put_identity(struct wa_client *c, struct send *s, struct wa_node *msg)
{
	if (s->pkmsg && c->dev.adv_len)
		wa_node_data(&s->arena, wa_node_child(&s->arena, msg, "device-identity"),
			     wa_span(c->dev.adv, c->dev.adv_len));
}

void fanout_put_tail(struct wa_client *c, struct send *s, struct wa_node *msg)
{
	struct wa_arena *a = &s->arena;

	put_identity(c, s, msg);
	send_kind_put(a, msg, &s->kind);
	report_put(c, a, msg, s->id, &s->chat, wa_span(s->plain, s->plain_len));
}

static void put_stanza(struct wa_client *c, struct send *s)
{
	struct wa_arena *a = &s->arena;
	struct wa_node *msg = wa_node_new(a, "message");
	struct wa_jid pn;

	wa_node_attr(a, msg, "id", s->id);
	wa_node_attr_jid(a, msg, "to", &s->chat);
	wa_node_attr(a, msg, "type", s->kind.type);
	if (s->kind.edit)
		wa_node_attr(a, msg, "edit", s->kind.edit);
	if (s->chat.server == WA_SRV_LID && !client_own(c, &s->chat) &&
	    wa_signal_pn_of(c->sig, &s->chat, &pn) == 1)
		wa_node_attr_jid(a, msg, "peer_recipient_pn", &pn);
	wa_node_append(msg, s->participants);
	fanout_put_tail(c, s, msg);
	if (!client_own(c, &s->chat))
		trust_put_message(c, a, msg, &s->chat);
	client_send(c, msg);
}

static void put_resend(struct wa_client *c, struct send *s)
{
	struct wa_arena *a = &s->arena;
	struct wa_node *msg = wa_node_new(a, "message");

	wa_node_attr_jid(a, msg, "to", group_chat(&s->chat) ? &s->chat : &s->to);
	wa_node_attr(a, msg, "id", s->id);
	wa_node_attr(a, msg, "type", s->kind.type);
	wa_node_attr_int(a, msg, "t", s->timestamp_s);
	wa_node_attr(a, msg, "device_fanout", "false");
	if (!wa_jid_is_null(&s->participant))
		wa_node_attr_jid(a, msg, "participant", &s->participant);
	if (s->resend_own && !group_chat(&s->chat))
		wa_node_attr_jid(a, msg, "recipient", &s->chat);
	if (s->kind.edit)
		wa_node_attr(a, msg, "edit", s->kind.edit);
	wa_node_append(msg, s->participants->children);
	put_identity(c, s, msg);
	client_send(c, msg);
}

static void put_peer(struct wa_client *c, struct send *s)
{
	struct wa_arena *a = &s->arena;
	struct wa_node *msg = wa_node_new(a, "message");

	wa_node_attr(a, msg, "id", s->id);
	wa_node_attr_jid(a, msg, "to", &s->to);
	wa_node_attr(a, msg, "type", s->kind.type);
	wa_node_attr(a, msg, "category", "peer");
	if (s->peer_opts.priority)
		wa_node_attr(a, msg, "push_priority", s->peer_opts.priority);
	if (s->peer_opts.privacy_sensitive)
		wa_node_attr(a, msg, "privacy_sensitive", "1");
	wa_node_attr(a, wa_node_child(a, msg, "meta"), "appdata", "default");
	wa_node_append(msg, s->participants->children);
	put_identity(c, s, msg);
	client_send(c, msg);
}

/* What others may answer for weeks, and what they may ask for again. */
static void keep_sent(struct wa_client *c, struct send *s)
{
	struct wa_span plain = wa_span(s->plain, s->plain_len);

	if (s->kind.lasting)
		secret_keep_raw(c, &s->chat, wa_jid_is_null(&c->dev.lid) ? &c->dev.pn : &c->dev.lid,
				s->id, plain);
	retry_store(c, s->id, &s->chat, client_now(c) / 1000, plain);
}

void fanout_complete(struct wa_client *c, struct send *s)
{
	if (s->peer) {
		put_peer(c, s);
		send_await(c, s);
		return;
	}
	if (s->resend) {
		struct wa_event *e = send_result(c, WA_EV_RETRY_SENT, s);

		put_resend(c, s);
		if (s->ack)
			client_send(c, s->ack);
		e->sender = s->to;
		e->count = (int)s->count;
		send_free(c, s);
		return;
	}
	if (s->newsletter) {
		newsletter_complete(c, s);
		return;
	}
	if (s->group)
		group_complete(c, s);
	else
		put_stanza(c, s);
	keep_sent(c, s);
	send_result(c, WA_EV_SENT, s)->count = (int)s->n_done;
	send_await(c, s);
}

enum step fanout_step(struct wa_client *c, struct send *s)
{
	enum step r = STEP_GO;

	if (s->newsletter)
		return STEP_GO;
	if (s->group)
		return group_step(c, s);
	if (!s->targets)
		r = find_devices(c, s);
	if (r == STEP_GO && !s->sessions_ok)
		r = find_sessions(c, s);
	if (r == STEP_GO)
		r = encrypt_all(c, s);
	return r;
}
