/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Linking this device to a phone: QR codes that rotate, pairing codes, and the
 * device identity both end in. Nothing here survives the connection except
 * what the device record holds.
 */
#include "client_int.h"

#include <stdlib.h>

#define REFS_MAX     12
#define REF_LEN_MAX  255
#define FIRST_REF_MS 60000
#define NEXT_REF_MS  20000
#define CODE_LIFE_MS 180000
#define WRAPPED_LEN  80

struct link_job;

struct link_state {
	char refs[REFS_MAX][REF_LEN_MAX + 1];
	size_t n_refs, next_ref;
	int64_t turn_at; /* next QR, or end of the pairing code */
	bool by_code, waits;
	char code[9];
	struct wa_jid phone;
	char pairing_ref[REF_LEN_MAX + 1];
	struct link_job *job;
};

/* Key derivation from a code costs tens of milliseconds: it may run in a worker, which sees
 * nothing of the client. Random bytes are drawn beforehand. */
struct link_job {
	struct wa_client *c; /* NULL: linking was given up meanwhile */
	bool unwrap;
	char code[9];
	struct wa_pub eph;
	struct wa_pub primary_identity;
	uint8_t wrapped[WRAPPED_LEN];
	struct wa_env env;
	uint8_t random[96];
	size_t used;
	int rc;
};

void link_clear(struct wa_client *c)
{
	passkey_clear(c);
	if (!c->link)
		return;
	if (c->link->job)
		c->link->job->c = NULL;
	wa_wipe(c->link, sizeof(*c->link));
	free(c->link);
	c->link = NULL;
}

static void pair_error(struct wa_client *c, int code, const char *text)
{
	struct wa_event *e = client_event(c, WA_EV_PAIR_ERROR);

	e->code = code;
	e->text = client_text(c, text);
	WA_LOG(c->env, WA_WARN, "link.failed", WA_S("reason", text), WA_I("code", code));
	client_close_flushed(c, WA_NEXT_RELINK, code, "pair_error");
}

/* ---- QR ---- */

static void show_qr(struct wa_client *c)
{
	struct link_state *l = c->link;
	struct wa_err err = WA_ERR_INIT;
	struct wa_event *e;
	struct wa_buf text;

	if (l->next_ref == l->n_refs) {
		client_close(c, WA_NEXT_RELINK, 408, "qr_timeout");
		return;
	}
	l->turn_at = client_now(c) + (l->next_ref == 0 ? FIRST_REF_MS : NEXT_REF_MS);
	wa_buf_init(&text, 4096);
	if (wa_qr_text(wa_span_str(l->refs[l->next_ref++]), &c->dev, c->client_type, &text, &err)) {
		pair_error(c, 500, err.msg);
	} else {
		e = client_event(c, WA_EV_QR);
		e->text = client_span(c, wa_buf_view(&text));
		e->expires_ms = l->turn_at;
	}
	wa_buf_wipe(&text);
}

static void start_code(struct wa_client *c);

static void pair_device(struct wa_client *c, const struct wa_node *n, const struct wa_node *pd)
{
	const struct wa_node *ch;

	iq_result(c, n);
	if (c->dev.paired || c->state != WA_ST_LINKING)
		return;
	link_clear(c);
	c->link = calloc(1, sizeof(*c->link));
	if (!c->link) {
		client_nomem(c);
		return;
	}
	for (ch = wa_node_first(pd); ch && c->link->n_refs < REFS_MAX; ch = ch->next) {
		struct wa_span ref = wa_node_bytes(ch);

		if (!wa_node_is(ch, "ref") || ref.len == 0 || ref.len > REF_LEN_MAX ||
		    memchr(ref.ptr, 0, ref.len))
			continue;
		span_copy(c->link->refs[c->link->n_refs++], REF_LEN_MAX + 1, ref);
	}
	c->phase_deadline = INT64_MAX;
	if (c->pair_phone[0])
		start_code(c);
	else
		show_qr(c);
}

/* ---- pairing code ---- */

static void draw(void *ctx, void *out, size_t len)
{
	struct link_job *j = ctx;

	if (len > sizeof(j->random) - j->used) {
		memset(out, 0, len);
		j->rc = WA_EINTERNAL;
		return;
	}
	memcpy(out, j->random + j->used, len);
	j->used += len;
}

static void job_run(void *arg)
{
	struct link_job *j = arg;
	int rc = j->unwrap ? wa_pair_unwrap(j->code, j->wrapped, &j->eph, NULL)
			   : wa_pair_wrap(&j->env, j->code, &j->eph, j->wrapped, NULL);

	if (j->rc == 0)
		j->rc = rc;
}

static void send_hello(struct wa_client *c, const struct link_job *j);
static void send_finish(struct wa_client *c, const struct link_job *j);

static void job_done(void *arg)
{
	struct link_job *j = arg;
	struct wa_client *c = j->c;

	if (c) {
		client_enter(c);
		c->link->job = NULL;
		if (j->rc)
			pair_error(c, 500, "internal-error");
		else if (j->unwrap)
			send_finish(c, j);
		else
			send_hello(c, j);
		client_leave(c);
	}
	wa_wipe(j, sizeof(*j));
	free(j);
}

static struct link_job *job_new(struct wa_client *c, bool unwrap)
{
	struct link_job *j = calloc(1, sizeof(*j));

	if (!j) {
		client_nomem(c);
		return NULL;
	}
	j->c = c;
	j->unwrap = unwrap;
	memcpy(j->code, c->link->code, sizeof(j->code));
	c->env->random(c->env->ctx, j->random, sizeof(j->random));
	j->env.random = draw;
	j->env.ctx = j;
	c->link->job = j;
	return j;
}

static void job_start(struct wa_client *c, struct link_job *j)
{
	if (c->ops->work) {
		c->ops->work(c->ctx, job_run, j, job_done);
		return;
	}
	job_run(j);
	job_done(j);
}

static void start_code(struct wa_client *c)
{
	struct link_state *l = c->link;
	struct link_job *j;

	l->by_code = true;
	l->turn_at = client_now(c) + CODE_LIFE_MS;
	l->phone = wa_jid_make(WA_SRV_PN, c->pair_phone, 0);
	l->pairing_ref[0] = '\0';
	if (c->pair_code[0])
		memcpy(l->code, c->pair_code, sizeof(l->code));
	else
		wa_pair_code_make(c->env, l->code);
	j = job_new(c, false);
	if (!j)
		return;
	j->eph = c->dev.pairing_ephemeral.pub;
	job_start(c, j);
}

static struct wa_node *code_iq(struct wa_client *c, struct wa_arena *a, const char *stage,
			       struct wa_node **ret_reg)
{
	struct wa_node *iq = iq_new(a, "set", "md");
	struct wa_node *reg = wa_node_child(a, iq, "link_code_companion_reg");

	wa_node_attr_jid(a, reg, "jid", &c->link->phone);
	wa_node_attr(a, reg, "stage", stage);
	*ret_reg = reg;
	return iq;
}

static void child_data(struct wa_arena *a, struct wa_node *parent, const char *tag, const void *ptr,
		       size_t len)
{
	wa_node_data(a, wa_node_child(a, parent, tag), wa_span(ptr, len));
}

/* The server wants "Browser (System)"; the browser must be one it knows. */
static const char *platform_display(char type)
{
	switch (type) {
	case '2':
		return "Edge (Linux)";
	case '3':
		return "Firefox (Linux)";
	case '5':
		return "Opera (Linux)";
	case '6':
		return "Safari (Mac OS)";
	default:
		return "Chrome (Linux)";
	}
}

static void on_hello(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct link_state *l = c->link;
	struct wa_event *e;
	struct wa_span ref;

	(void)arg;
	if (!l || !l->by_code || c->state != WA_ST_LINKING)
		return;
	if (code) {
		pair_error(c, code > 0 ? code : 408, "code_refused");
		return;
	}
	ref = wa_node_bytes(
		wa_node_get(wa_node_get(node, "link_code_companion_reg"), "link_code_pairing_ref"));
	if (ref.len == 0 || ref.len > REF_LEN_MAX) {
		pair_error(c, 500, "no pairing reference");
		return;
	}
	span_copy(l->pairing_ref, sizeof(l->pairing_ref), ref);
	e = client_event(c, WA_EV_PAIR_CODE);
	e->text = client_text(c, l->code);
	e->expires_ms = l->turn_at;
}

static void send_hello(struct wa_client *c, const struct link_job *j)
{
	static const uint8_t nonce[1] = { 0 };
	char type[2] = { c->client_type, '\0' };
	struct wa_node *iq, *reg;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = code_iq(c, &a, "companion_hello", &reg);
	wa_node_attr(&a, reg, "should_show_push_notification", "true");
	child_data(&a, reg, "link_code_pairing_wrapped_companion_ephemeral_pub", j->wrapped,
		   sizeof(j->wrapped));
	child_data(&a, reg, "companion_server_auth_key_pub", c->dev.noise.pub.b, 32);
	wa_node_text(&a, wa_node_child(&a, reg, "companion_platform_id"), type);
	wa_node_text(&a, wa_node_child(&a, reg, "companion_platform_display"),
		     platform_display(c->client_type));
	child_data(&a, reg, "link_code_pairing_nonce", nonce, sizeof(nonce));
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_hello, NULL);
	wa_arena_clear(&a);
}

static void on_finish(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	(void)arg;
	(void)node;
	if (code && c->state == WA_ST_LINKING && !c->dev.paired)
		pair_error(c, code > 0 ? code : 408, "code_refused");
}

static void send_finish(struct wa_client *c, const struct link_job *j)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_node *iq, *reg;
	struct wa_buf bundle;
	struct wa_arena a;

	wa_buf_init(&bundle, 4096);
	if (wa_pair_finish_make(c->env, &c->dev, &j->eph, &j->primary_identity, &bundle, &err)) {
		wa_buf_wipe(&bundle);
		pair_error(c, 500, err.msg);
		return;
	}
	client_save_device(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = code_iq(c, &a, "companion_finish", &reg);
	wa_node_data(&a, wa_node_child(&a, reg, "link_code_pairing_wrapped_key_bundle"),
		     wa_buf_view(&bundle));
	child_data(&a, reg, "companion_identity_public", c->dev.identity.pub.b, 32);
	child_data(&a, reg, "link_code_pairing_ref", c->link->pairing_ref,
		   strlen(c->link->pairing_ref));
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_finish, NULL);
	wa_arena_clear(&a);
	wa_buf_wipe(&bundle);
}

/* The phone's owner has typed the code. */
void link_notification(struct wa_client *c, const struct wa_node *n)
{
	const struct wa_node *reg = wa_node_get(n, "link_code_companion_reg");
	struct wa_span wrapped, identity, ref;
	struct link_state *l = c->link;
	struct link_job *j;

	if (!l || !l->by_code || !l->pairing_ref[0] || l->job || c->dev.paired ||
	    !wa_node_attr_is(reg, "stage", "primary_hello"))
		return;
	wrapped =
		wa_node_bytes(wa_node_get(reg, "link_code_pairing_wrapped_primary_ephemeral_pub"));
	identity = wa_node_bytes(wa_node_get(reg, "primary_identity_pub"));
	ref = wa_node_bytes(wa_node_get(reg, "link_code_pairing_ref"));
	if (!wa_span_is(ref, l->pairing_ref))
		return; /* the answer to an older code */
	if (wrapped.len != WRAPPED_LEN || identity.len != 32) {
		pair_error(c, 400, "malformed primary_hello");
		return;
	}
	j = job_new(c, true);
	if (!j)
		return;
	memcpy(j->wrapped, wrapped.ptr, WRAPPED_LEN);
	memcpy(j->primary_identity.b, identity.ptr, 32);
	job_start(c, j);
}

static bool digits_valid(const char *s)
{
	size_t n = strlen(s);

	return n >= 5 && n <= 15 && strspn(s, "0123456789") == n && s[0] != '0';
}

int link_by_code(struct wa_client *c, const char *digits, const char *code, struct wa_err *err)
{
	if (c->state != WA_ST_LINKING || c->dev.paired)
		return wa_err_set(err, WA_ESTATE, "not linking");
	if (c->link && c->link->job)
		return wa_err_set(err, WA_ESTATE, "a pairing code is being made");
	if (!digits || !digits_valid(digits))
		return wa_err_set(err, WA_EINVALID,
				  "phone number needs 5 to 15 digits, no leading 0");
	if (code && !wa_pair_code_valid(code))
		return wa_err_set(err, WA_EINVALID,
				  "pairing code needs 8 characters of its alphabet");
	span_copy(c->pair_phone, sizeof(c->pair_phone), wa_span_str(digits));
	span_copy(c->pair_code, sizeof(c->pair_code), wa_span_str(code));
	if (c->link)
		start_code(c);
	return 0;
}

/* ---- the end of both ways ---- */

static void refuse(struct wa_client *c, const struct wa_node *n, int code, const char *text)
{
	struct wa_jid to;
	struct wa_node *iq, *e;
	struct wa_arena a;

	if (!wa_node_attr_jid_get(n, "from", &to))
		to = WA_JID_SERVER;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = wa_node_new(&a, "iq");
	wa_node_attr_jid(&a, iq, "to", &to);
	wa_node_attr(&a, iq, "type", "error");
	wa_node_attr_span(&a, iq, "id", wa_node_attr_get(n, "id"));
	e = wa_node_child(&a, iq, "error");
	wa_node_attr_int(&a, e, "code", code);
	wa_node_attr(&a, e, "text", text);
	client_send(c, iq);
	wa_arena_clear(&a);
	pair_error(c, code, text);
}

static void sign_reply(struct wa_client *c, const struct wa_node *n, struct wa_span identity,
		       uint32_t key_index)
{
	struct wa_jid to;
	struct wa_node *iq, *sign, *di;
	struct wa_arena a;

	if (!wa_node_attr_jid_get(n, "from", &to))
		to = WA_JID_SERVER;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = wa_node_new(&a, "iq");
	wa_node_attr_jid(&a, iq, "to", &to);
	wa_node_attr(&a, iq, "type", "result");
	wa_node_attr_span(&a, iq, "id", wa_node_attr_get(n, "id"));
	sign = wa_node_child(&a, iq, "pair-device-sign");
	di = wa_node_child(&a, sign, "device-identity");
	wa_node_attr_int(&a, di, "key-index", key_index);
	wa_node_data(&a, di, identity);
	client_send(c, iq);
	wa_arena_clear(&a);
}

static int adopt(struct wa_client *c, const struct wa_device *d)
{
	struct wa_jid primary;

	c->dev = *d;
	primary = wa_jid_device(wa_jid_is_null(&d->lid) ? &d->pn : &d->lid, 0);
	client_save_device(c);
	client_learn(c, &d->pn, &d->lid);
	return wa_signal_set_identity(c->sig, &primary, &d->account_identity);
}

static void pair_success(struct wa_client *c, const struct wa_node *n, const struct wa_node *ps)
{
	struct wa_span container = wa_node_bytes(wa_node_get(ps, "device-identity"));
	const struct wa_node *device = wa_node_get(ps, "device");
	struct wa_device d = c->dev;
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf reply;
	uint32_t key_index = 0;
	struct wa_event *e;
	int rc;

	if (c->dev.paired || c->state != WA_ST_LINKING)
		return;
	wa_buf_init(&reply, 8192);
	span_copy(d.platform, sizeof(d.platform),
		  wa_node_attr_get(wa_node_get(ps, "platform"), "name"));
	span_copy(d.business_name, sizeof(d.business_name),
		  wa_node_attr_get(wa_node_get(ps, "biz"), "name"));
	if (!wa_node_attr_jid_get(device, "jid", &d.pn) || d.pn.server != WA_SRV_PN || !d.pn.device)
		rc = wa_err_set(&err, WA_EPROTO, "pair-success without device jid");
	else
		rc = wa_adv_accept(c->env, &d, container, &reply, &key_index, &err);
	if (rc == 0 && (!wa_node_attr_jid_get(device, "lid", &d.lid) || d.lid.server != WA_SRV_LID))
		memset(&d.lid, 0, sizeof(d.lid));
	if (rc == 0) {
		d.paired = true;
		rc = adopt(c, &d);
	}
	if (rc == WA_ECRYPTO)
		refuse(c, n, 401,
		       strstr(err.msg, "hmac") || strstr(err.msg, "HMAC") ? "hmac-mismatch"
									  : "signature-mismatch");
	else if (rc)
		refuse(c, n, 500, "internal-error");
	else {
		if (c->link)
			c->link->turn_at = INT64_MAX;
		c->phase_deadline = client_now(c) + LOGIN_TIMEOUT_MS; /* 515 is next */
		e = client_event(c, WA_EV_PAIRED);
		e->jid = d.pn;
		e->lid = d.lid;
		e->text = client_text(c, d.platform);
		sign_reply(c, n, wa_buf_view(&reply), key_index);
		conn_unified_session(c);
	}
	wa_buf_wipe(&reply);
	wa_device_wipe(&d);
}

void link_request(struct wa_client *c, const struct wa_node *n)
{
	const struct wa_node *ch;

	if ((ch = wa_node_get(n, "pair-device")))
		pair_device(c, n, ch);
	else if ((ch = wa_node_get(n, "pair-success")))
		pair_success(c, n, ch);
	else
		client_unknown(c, "iq md",
			       wa_node_first(n) ? wa_node_first(n)->tag : wa_span(NULL, 0));
}

void link_tick(struct wa_client *c, int64_t now)
{
	if (!c->link || now < c->link->turn_at || c->state != WA_ST_LINKING)
		return;
	if (c->link->waits)
		client_close(c, WA_NEXT_RELINK, 408, "passkey_timeout");
	else if (c->link->by_code)
		client_close(c, WA_NEXT_RELINK, 408, "code_timeout");
	else
		show_qr(c);
}

void link_wait(struct wa_client *c, int64_t until_ms)
{
	if (!c->link)
		return;
	c->link->waits = true;
	c->link->turn_at = until_ms;
}

int64_t link_deadline(const struct wa_client *c)
{
	return c->link && c->state == WA_ST_LINKING ? c->link->turn_at : INT64_MAX;
}
