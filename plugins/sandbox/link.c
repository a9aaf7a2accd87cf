/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inside.h"

#define DEVICE_ID_MAX 98    /* 99 means hosted */
#define TYPED_MS      60000 /* a typed code waits so long for its client */

/* A code being worked on off the loop: PBKDF2 takes tens of milliseconds. */
struct sb_work {
	struct wa_list link;
	struct sandbox *s; /* NULL: the sandbox is gone */
	uint64_t serial;   /* of the connection */
	char pn[20];
	char code[16];
	uint8_t in[80], out[80];
	struct wa_keypair eph;
	struct wa_pub companion;
	uint8_t pool[256]; /* random bytes drawn on the loop */
	size_t pool_at;
	int rc;
};

void sb_link_state(struct sb_account *a, const char *state, const char *detail)
{
	sb_copy(a->link_state, sizeof(a->link_state), state);
	sb_copy(a->link_detail, sizeof(a->link_detail), detail);
}

static unsigned free_device_id(struct sb_account *a)
{
	if (a->next_device <= DEVICE_ID_MAX)
		return a->next_device++;
	for (unsigned id = 1; id <= DEVICE_ID_MAX; id++)
		if (!sb_device_find(a, id) && !sb_recently_gone(a, id))
			return id;
	return 0;
}

void sb_link_offer(struct sb_conn *c)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_jid server = WA_JID_SERVER;
	struct wa_node *iq, *pd;
	char id[32];

	wa_arena_init(&a, SB_STANZA_MAX);
	iq = wa_node_new(&a, "iq");
	wa_node_attr_jid(&a, iq, "from", &server);
	wa_node_attr(&a, iq, "type", "set");
	sb_new_id(c->s, id);
	wa_node_attr(&a, iq, "id", id);
	wa_node_attr(&a, iq, "xmlns", "md");
	pd = wa_node_child(&a, iq, "pair-device");
	for (int i = 0; i < SB_REFS; i++) {
		char b64[WA_B64_LEN(24)];
		uint8_t r[24];

		sb_random(c->s, r, sizeof(r));
		snprintf(c->reg->refs[i], sizeof(c->reg->refs[i]), "2@%s",
			 wa_b64_encode(wa_span(r, sizeof(r)), WA_B64_URL, b64));
		wa_node_data(&a, wa_node_child(&a, pd, "ref"), wa_span_str(c->reg->refs[i]));
	}
	sb_send(c, iq);
}

int sb_pair(struct sb_conn *c, struct sb_account *acc, const struct wa_key *adv_secret, struct wa_err *err)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	SB_AUTO_BUF struct wa_buf b = { 0 };
	struct wa_jid server = WA_JID_SERVER, j;
	struct wa_node *iq, *ps, *n;
	struct sb_reg *r = c->reg;
	struct wa_adv_params p = { .raw_id = acc->raw_id,
				   .timestamp = (uint64_t)(sb_now(c->s) / 1000),
				   .key_index = acc->next_key_index };
	unsigned id;
	int rc;

	wa_arena_init(&a, SB_STANZA_MAX);
	wa_buf_init(&b, sizeof(r->container));
	if (r->acc)
		return wa_err_set(err, WA_ECONFLICT, "this client is being linked already");
	if (acc->n_devices >= SB_DEVICES_MAX || !(id = free_device_id(acc)))
		return wa_err_set(err, WA_ELIMIT, "account %s has too many devices", acc->pn);
	rc = wa_adv_issue(c->s->env, &acc->devices[0]->sim->wd.identity, &r->identity, adv_secret,
			  &p, &b, err);
	if (rc)
		return rc;
	acc->next_key_index++;
	r->acc = acc;
	r->device = (uint16_t)id;
	r->key_index = p.key_index;
	r->container_len = b.len;
	memcpy(r->container, b.ptr, b.len);
	iq = wa_node_new(&a, "iq");
	wa_node_attr_jid(&a, iq, "from", &server);
	wa_node_attr(&a, iq, "type", "set");
	sb_new_id(c->s, r->iq);
	wa_node_attr(&a, iq, "id", r->iq);
	wa_node_attr(&a, iq, "xmlns", "md");
	wa_node_attr_int(&a, iq, "t", sb_now(c->s) / 1000);
	ps = wa_node_child(&a, iq, "pair-success");
	wa_node_data(&a, wa_node_child(&a, ps, "device-identity"), wa_buf_view(&b));
	n = wa_node_child(&a, ps, "device");
	j = wa_jid_device(&acc->pn_jid, id);
	wa_node_attr_jid(&a, n, "jid", &j);
	j = wa_jid_device(&acc->lid_jid, id);
	wa_node_attr_jid(&a, n, "lid", &j);
	wa_node_attr(&a, wa_node_child(&a, ps, "platform"), "name", "android");
	sb_send(c, iq);
	sb_link_state(acc, "pairing", "");
	return 0;
}

static struct sb_conn *find_ref(struct sandbox *s, const char *ref)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &s->conns)
	{
		struct sb_conn *c = container_of(l, struct sb_conn, link);

		for (int i = 0; c->reg && !c->closing && i < SB_REFS; i++)
			if (c->reg->refs[i][0] && strcmp(c->reg->refs[i], ref) == 0)
				return c;
	}
	return NULL;
}

int sb_scan(struct sb_account *a, struct wa_span text, struct wa_err *err)
{
	struct wa_qr qr;
	struct sb_conn *c;
	int rc = wa_qr_parse(text, &qr, err);

	if (rc)
		return rc;
	c = find_ref(a->s, qr.ref);
	if (!c) {
		rc = wa_err_set(err, WA_ENOTFOUND, "this QR code has expired");
	} else if (memcmp(qr.noise.b, c->noise.b, 32) != 0 ||
		   memcmp(qr.identity.b, c->reg->identity.b, 32) != 0) {
		sb_violation(a->s, NULL, NULL, "qr.keys",
			     "the QR code shows other keys than the client registered");
		rc = wa_err_set(err, WA_ECRYPTO,
				"the QR code does not fit the client that shows it");
	} else if (sb_fault_hit(a->s, SB_FAULT_PASSKEY, a, -1)) {
		rc = sb_passkey_demand(c, a, &qr.adv_secret, err);
	} else {
		rc = sb_pair(c, a, &qr.adv_secret, err);
	}
	wa_wipe(&qr, sizeof(qr));
	return rc;
}

/* ---- pairing code ---- */

static void pool_random(void *ctx, void *out, size_t len)
{
	struct sb_work *w = ctx;

	if (len > sizeof(w->pool) - w->pool_at)
		abort(); /* wrap draws a salt and an IV: the pool is larger */
	memcpy(out, w->pool + w->pool_at, len);
	w->pool_at += len;
}

static void code_run(void *arg)
{
	struct sb_work *w = arg;
	struct wa_env env = { .random = pool_random, .ctx = w };

	w->rc = wa_pair_unwrap(w->code, w->in, &w->companion, NULL);
	if (!w->rc)
		w->rc = wa_pair_wrap(&env, w->code, &w->eph.pub, w->out, NULL);
}

static struct sb_conn *by_serial(struct sandbox *s, uint64_t serial)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &s->conns)
	{
		struct sb_conn *c = container_of(l, struct sb_conn, link);

		if (c->serial == serial)
			return c;
	}
	return NULL;
}

static void send_primary_hello(struct sb_conn *c, struct sb_account *acc, const struct sb_work *w)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_jid server = WA_JID_SERVER;
	struct wa_node *n, *reg;
	char id[32];

	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "notification");
	wa_node_attr_jid(&a, n, "from", &server);
	wa_node_attr(&a, n, "type", "link_code_companion_reg");
	sb_new_id(c->s, id);
	wa_node_attr(&a, n, "id", id);
	wa_node_attr_int(&a, n, "t", sb_now(c->s) / 1000);
	reg = wa_node_child(&a, n, "link_code_companion_reg");
	wa_node_attr(&a, reg, "stage", "primary_hello");
	wa_node_data(&a, wa_node_child(&a, reg, "link_code_pairing_wrapped_primary_ephemeral_pub"),
		     wa_span(w->out, sizeof(w->out)));
	wa_node_data(&a, wa_node_child(&a, reg, "primary_identity_pub"),
		     wa_span(acc->devices[0]->sim->wd.identity.pub.b, 32));
	wa_node_data(&a, wa_node_child(&a, reg, "link_code_pairing_ref"),
		     wa_span_str(acc->hello.ref));
	sb_send(c, n);
}

static void code_done(void *arg)
{
	struct sb_work *w = arg;
	struct sandbox *s = w->s;
	struct sb_account *acc;
	struct sb_conn *c;

	if (s) {
		sb_enter(s);
		wa_list_del(&w->link);
		acc = sb_find_pn(s, w->pn);
		c = by_serial(s, w->serial);
		if (acc && c && c->reg && !w->rc && acc->hello_valid && acc->hello.conn == c) {
			c->reg->primary_eph = w->eph;
			c->reg->companion_eph = w->companion;
			c->reg->code_typed = true;
			send_primary_hello(c, acc, w);
		} else if (acc) {
			sb_link_state(acc, "failed", "the client that asked for a code has gone");
		}
		sb_leave(s);
	}
	wa_wipe(w, sizeof(*w));
	free(w);
}

void sb_work_orphan(struct wa_list *l)
{
	container_of(l, struct sb_work, link)->s = NULL;
}

static void work_on_code(struct sb_account *a, const char *code)
{
	struct sb_work *w = calloc(1, sizeof(*w));

	if (!w) {
		sb_link_state(a, "failed", "no memory");
		return;
	}
	w->s = a->s;
	w->serial = a->hello.conn->serial;
	sb_copy(w->pn, sizeof(w->pn), a->pn);
	sb_copy(w->code, sizeof(w->code), code);
	memcpy(w->in, a->hello.wrapped, 80);
	wa_keypair_new(a->s->env, &w->eph);
	sb_random(a->s, w->pool, sizeof(w->pool));
	wa_list_push_back(&a->s->works, &w->link);
	sb_link_state(a, "pairing", "");
	if (a->s->host.work) {
		a->s->host.work(a->s->host.ctx, code_run, code_done, w);
	} else {
		code_run(w);
		code_done(w);
	}
}

int sb_type_code(struct sb_account *a, const char *text, struct wa_err *err)
{
	char code[16];
	size_t n = 0;

	for (; *text; text++) { /* people type dashes, spaces and small letters */
		char ch = *text >= 'a' && *text <= 'z' ? (char)(*text - 32) : *text;

		if (ch != '-' && ch != ' ' && n < sizeof(code) - 1)
			code[n++] = ch;
	}
	code[n] = 0;
	if (!wa_pair_code_valid(code))
		return wa_err_set(err, WA_EINVALID, "a pairing code has 8 characters");
	if (a->hello_valid) {
		work_on_code(a, code);
		return 0;
	}
	/* the client shows its code before it has told us */
	memcpy(a->typed, code, sizeof(a->typed));
	a->typed_ms = sb_now(a->s);
	sb_link_state(a, "code", "waiting for the client that shows this code");
	return 0;
}

static void hello(struct sb_conn *c, const struct wa_node *iq, const struct wa_node *reg)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_span wrapped = wa_node_bytes(
		wa_node_get(reg, "link_code_pairing_wrapped_companion_ephemeral_pub"));
	struct wa_span noise = wa_node_bytes(wa_node_get(reg, "companion_server_auth_key_pub"));
	struct sb_account *acc;
	struct wa_node *n;
	struct wa_jid jid;

	wa_arena_init(&a, SB_STANZA_MAX);
	acc = wa_node_attr_jid_get(reg, "jid", &jid) ? sb_find(c->s, &jid) : NULL;
	if (wrapped.len != 80 || noise.len != 32 || memcmp(noise.ptr, c->noise.b, 32) != 0 ||
	    !wa_node_get(reg, "companion_platform_id") ||
	    !wa_node_get(reg, "companion_platform_display") ||
	    !wa_node_get(reg, "link_code_pairing_nonce")) {
		sb_violation(c->s, NULL, iq, "link_code.hello", "a part is missing or malformed");
		sb_iq_error(c, iq, 400);
		return;
	}
	if (!acc) {
		sb_iq_error(c, iq, 404);
		return;
	}
	memcpy(acc->hello.wrapped, wrapped.ptr, 80);
	memcpy(acc->hello.ref, c->reg->refs[0], sizeof(acc->hello.ref));
	acc->hello.conn = c;
	acc->hello_valid = true;
	sb_link_state(acc, "code", "waiting for the code to be typed");
	n = wa_node_new(&a, "link_code_companion_reg");
	wa_node_data(&a, wa_node_child(&a, n, "link_code_pairing_ref"),
		     wa_span_str(acc->hello.ref));
	sb_iq_result(c, iq, &a, n);
	if (acc->typed[0] && sb_now(c->s) - acc->typed_ms < TYPED_MS)
		work_on_code(acc, acc->typed);
	acc->typed[0] = 0;
}

static void finish(struct sb_conn *c, const struct wa_node *iq, const struct wa_node *reg)
{
	struct wa_span bundle =
		wa_node_bytes(wa_node_get(reg, "link_code_pairing_wrapped_key_bundle"));
	struct wa_span ident = wa_node_bytes(wa_node_get(reg, "companion_identity_public"));
	struct wa_span ref = wa_node_bytes(wa_node_get(reg, "link_code_pairing_ref"));
	struct sb_account *acc;
	struct wa_jid jid;
	struct wa_key secret;
	SB_ERR(err);

	acc = wa_node_attr_jid_get(reg, "jid", &jid) ? sb_find(c->s, &jid) : NULL;
	if (!acc || !c->reg->code_typed || acc->hello.conn != c ||
	    !wa_span_is(ref, acc->hello.ref) || ident.len != 32 ||
	    memcmp(ident.ptr, c->reg->identity.b, 32) != 0) {
		sb_violation(c->s, NULL, iq, "link_code.finish",
			     "nobody waits for this, or other keys");
		sb_iq_error(c, iq, 400);
		return;
	}
	if (wa_pair_finish_open(&c->reg->primary_eph, &acc->devices[0]->sim->wd.identity,
				&c->reg->companion_eph, &c->reg->identity, bundle, &secret, &err)) {
		/* the phone cannot tell a wrong code earlier than here */
		sb_link_state(acc, "failed", "the code does not fit");
		sb_iq_error(c, iq, 401);
		return;
	}
	sb_iq_result(c, iq, NULL, NULL);
	acc->hello_valid = false;
	if (sb_pair(c, acc, &secret, &err))
		sb_link_state(acc, "failed", err.msg);
	wa_wipe(&secret, sizeof(secret));
}

void sb_link_iq(struct sb_conn *c, const struct wa_node *iq, const struct wa_node *reg)
{
	if (wa_node_attr_is(reg, "stage", "companion_hello"))
		hello(c, iq, reg);
	else if (wa_node_attr_is(reg, "stage", "companion_finish"))
		finish(c, iq, reg);
	else
		sb_iq_error(c, iq, 400);
}

/* ---- the end of both ways ---- */

static struct sb_device *make_device(struct sb_conn *c, struct wa_span proof, struct wa_err *err)
{
	struct sb_reg *r = c->reg;
	struct sb_device *d = sb_device_alloc(r->acc, r->device, err);

	if (!d)
		return NULL;
	d->key_index = r->key_index;
	d->noise = c->noise;
	d->identity = r->identity;
	d->registration_id = r->registration_id;
	d->sprekey_id = r->sprekey_id;
	d->sprekey = r->sprekey;
	d->sprekey_sig = r->sprekey_sig;
	sb_copy(d->os, sizeof(d->os), r->os);
	d->full_history = r->full_history;
	wa_buf_init(&d->proof, SB_PROOF_MAX);
	wa_buf_span(&d->proof, proof);
	return d;
}

void sb_link_result(struct sb_conn *c, const struct wa_node *iq)
{
	const struct wa_node *sign = wa_node_get(iq, "pair-device-sign");
	const struct wa_node *ident = wa_node_get(sign, "device-identity");
	struct sb_reg *r = c->reg;
	struct sb_account *acc = r->acc;
	struct sb_device *d;
	SB_ERR(err);

	if (!acc || !wa_span_is(wa_node_attr_get(iq, "id"), r->iq))
		return; /* the answer to pair-device */
	r->acc = NULL;
	if (wa_node_attr_is(iq, "type", "error")) {
		sb_link_state(acc, "failed", "the client refused to be linked");
		return;
	}
	if (wa_node_attr_num(ident, "key-index", -1) != (int64_t)r->key_index)
		sb_violation(c->s, NULL, iq, "adv.key_index", "key-index is not %u", r->key_index);
	if (wa_adv_check_reply(wa_span(r->container, r->container_len), wa_node_bytes(ident),
			       &acc->devices[0]->sim->wd.identity.pub, &r->identity, &err)) {
		sb_violation(c->s, NULL, iq, "adv.reply", "%s", err.msg);
		sb_link_state(acc, "failed", err.msg);
		sb_stream_error(c, 500);
		return;
	}
	r->acc = acc;
	d = make_device(c, wa_node_bytes(ident), &err);
	r->acc = NULL;
	if (!d) {
		sb_link_state(acc, "failed", err.msg);
		sb_stream_error(c, 500);
		return;
	}
	sb_link_state(acc, "linked", "");
	sb_keep_account(acc);
	sb_keep_device(d);
	sb_devices_changed(acc, d, -1);
	sb_stream_error(c, 515);
}

void sb_link_forget(struct sb_conn *c)
{
	struct wa_list *l;

	if (!c->reg)
		return;
	WA_LIST_EACH(l, &c->s->accounts)
	{
		struct sb_account *a = container_of(l, struct sb_account, link);

		if (a->hello_valid && a->hello.conn == c) {
			a->hello_valid = false;
			if (strcmp(a->link_state, "linked") != 0)
				sb_link_state(a, "failed", "the client went away");
		}
	}
}

void sb_link_forget_account(struct sb_account *a)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &a->s->conns)
	{
		struct sb_conn *c = container_of(l, struct sb_conn, link);

		if (c->reg && c->reg->acc == a)
			c->reg->acc = NULL;
		if (c->reg && c->reg->passkey.acc == a)
			c->reg->passkey.acc = NULL;
	}
}
