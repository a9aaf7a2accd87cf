/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server demands a passkey before it links: its challenge goes to the host,
 * the authenticator's answer to the server, then both sides show a code. What
 * follows is the pair-success of the other ways (link.c).
 */
#include "client_int.h"

#include <crypto.h>
#include <text.h>

#include <stdlib.h>

#include "json_text.h"
#include "pb.h"

#define LIFE_MS       (10 * 60 * 1000) /* of a challenge */
#define HANDOFF_MS    (5 * 60 * 1000)
#define OPTIONS_MAX   16384
#define ASSERTION_MAX 32768
#define RAW_ID_MAX    1024

struct passkey {
	struct wa_passkey p;
	struct wa_key handoff, key;
	int64_t handoff_until;
	bool asked, has_ref, sent, proved, has_key, confirmed;
	struct wa_pub primary;
	uint8_t primary_nonce[32];
	uint8_t raw_id[RAW_ID_MAX];
	size_t raw_id_len;
	struct wa_buf assertion;
};

void passkey_clear(struct wa_client *c)
{
	if (!c->passkey)
		return;
	wa_buf_wipe(&c->passkey->assertion);
	wa_wipe(c->passkey, sizeof(*c->passkey));
	free(c->passkey);
	c->passkey = NULL;
}

static void tell(struct wa_client *c, const char *step, struct wa_span raw, const char *id, int code)
{
	struct wa_event *e = client_event(c, WA_EV_PASSKEY);

	e->text = client_text(c, step);
	e->raw = raw.len ? wa_span(wa_arena_dup(&c->ev_arena, raw.ptr, raw.len), raw.len) : raw;
	if (raw.len && !e->raw.ptr)
		client_nomem(c);
	e->id = id ? client_text(c, id) : NULL;
	e->code = code;
	e->expires_ms = client_now(c) + LIFE_MS;
}

static void failed(struct wa_client *c, int code, const char *why)
{
	struct wa_span none = { NULL, 0 };

	WA_LOG(c->env, WA_WARN, "passkey.failed", WA_S("reason", why), WA_I("code", code));
	tell(c, "failed", none, why, code);
}

/* From now on the QR's secret proves only that we showed it. */
static void demand(struct wa_client *c, struct wa_span options)
{
	struct passkey *k;

	if (options.len > OPTIONS_MAX || !wa_utf8_valid(options)) {
		failed(c, 400, "malformed challenge");
		return;
	}
	passkey_clear(c);
	k = c->passkey = calloc(1, sizeof(*k));
	if (!k) {
		client_nomem(c);
		return;
	}
	wa_buf_init(&k->assertion, ASSERTION_MAX);
	k->asked = true;
	wa_passkey_handoff(&c->dev.adv_secret, &k->handoff);
	k->handoff_until = client_now(c) + HANDOFF_MS;
	c->env->random(c->env->ctx, c->dev.adv_secret.b, sizeof(c->dev.adv_secret.b));
	client_save_device(c);
	link_wait(c, client_now(c) + LIFE_MS);
	tell(c, "required", options, NULL, 0);
}

static void on_options(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct wa_span options = wa_node_bytes(wa_node_get(node, "passkey_request_options"));

	(void)arg;
	if (c->state != WA_ST_LINKING)
		return;
	if (code || options.len == 0)
		failed(c, code > 0 ? code : 408, "no challenge");
	else
		demand(c, options);
}

static void ask(struct wa_client *c, const char *tag, iq_fn *fn)
{
	struct wa_node *iq;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "md");
	wa_node_child(&a, iq, tag);
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, fn, NULL);
	wa_arena_clear(&a);
}

void passkey_demanded(struct wa_client *c, const struct wa_node *n)
{
	struct wa_span options = wa_node_bytes(wa_node_get(n, "passkey_request_options"));

	if (c->state != WA_ST_LINKING || c->dev.paired)
		return;
	if (options.len)
		demand(c, options);
	else
		ask(c, "passkey_request_options", on_options);
}

/* ---- the assertion ---- */

static void child(struct wa_arena *a, struct wa_node *parent, const char *tag, struct wa_span bytes)
{
	wa_node_data(a, wa_node_child(a, parent, tag), bytes);
}

static void on_prologue(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	(void)arg;
	(void)node;
	if (!c->passkey || c->state != WA_ST_LINKING)
		return;
	if (code) {
		c->passkey->sent = false;
		failed(c, code > 0 ? code : 408, "assertion refused");
		return;
	}
	wa_wipe(&c->passkey->handoff, sizeof(c->passkey->handoff));
	c->passkey->handoff_until = 0;
}

static void send_prologue(struct wa_client *c, struct passkey *k)
{
	struct wa_node *iq, *pro;
	struct wa_buf payload;
	struct wa_arena a;
	uint8_t proof[32];

	wa_arena_init(&a, STANZA_ARENA_MAX);
	wa_buf_init(&payload, 4096);
	if (wa_passkey_prologue(&k->p, &payload, NULL)) {
		client_nomem(c);
	} else {
		iq = iq_new(&a, "set", "md");
		pro = wa_node_child(&a, iq, "passkey_prologue");
		child(&a, pro, "credential_id", wa_span(k->raw_id, k->raw_id_len));
		child(&a, pro, "webauthn_assertion", wa_buf_view(&k->assertion));
		child(&a, pro, "prologue_payload", wa_buf_view(&payload));
		k->proved = client_now(c) < k->handoff_until;
		if (k->proved) {
			wa_passkey_proof(&k->handoff, wa_buf_view(&payload), proof);
			child(&a, pro, "pairing_handoff_proof", wa_span(proof, sizeof(proof)));
		}
		iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_prologue, NULL);
	}
	wa_buf_clear(&payload);
	wa_arena_clear(&a);
}

static void on_ref(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct wa_span ref = wa_node_bytes(wa_node_get(node, "ref"));
	struct passkey *k = c->passkey;

	(void)arg;
	if (!k || c->state != WA_ST_LINKING)
		return;
	if (code || ref.len == 0 || ref.len >= sizeof(k->p.ref) || memchr(ref.ptr, 0, ref.len)) {
		k->sent = false;
		failed(c, code > 0 ? code : 408, "no reference");
		return;
	}
	wa_passkey_new(c->env, (uint32_t)payload_platform(c), ref, &k->p);
	k->has_ref = true;
	send_prologue(c, k);
}

static int take_assertion(struct passkey *k, struct wa_span json, struct wa_err *err)
{
	struct wa_arena a;
	struct wa_span id;
	struct wa_buf raw;
	int rc;

	wa_arena_init(&a, 1u << 18);
	wa_buf_init(&raw, RAW_ID_MAX);
	id = wa_json_string(json, "rawId", &a);
	rc = id.len ? wa_b64_decode(id, WA_B64_URL, &raw) : WA_EINVALID;
	if (rc == 0 && raw.len) {
		memcpy(k->raw_id, raw.ptr, raw.len);
		k->raw_id_len = raw.len;
		wa_buf_reset(&k->assertion);
		wa_buf_span(&k->assertion, json);
		rc = wa_buf_end(&k->assertion, err);
	} else {
		rc = wa_err_set(err, WA_EINVALID, "the assertion has no rawId in base64url");
	}
	wa_buf_clear(&raw);
	wa_arena_clear(&a);
	return rc;
}

int wa_client_passkey_assertion(struct wa_client *c, struct wa_span json, struct wa_err *err)
{
	struct passkey *k = c->passkey;
	int rc;

	if (!k || !k->asked || c->state != WA_ST_LINKING)
		return wa_err_set(err, WA_ESTATE, "no passkey is demanded");
	if (k->sent)
		return wa_err_set(err, WA_ECONFLICT, "an assertion is with the server already");
	if (json.len > ASSERTION_MAX)
		return wa_err_set(err, WA_ELIMIT, "an assertion has at most %d bytes", ASSERTION_MAX);
	rc = take_assertion(k, json, err);
	if (rc)
		return rc;
	client_enter(c);
	k->sent = true;
	ask(c, "ref", on_ref);
	client_leave(c);
	return 0;
}

/* ---- the code ---- */

static void on_nonce(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct passkey *k = c->passkey;
	struct wa_err err = WA_ERR_INIT;
	struct wa_span none = { NULL, 0 };
	char text[10];

	(void)arg;
	(void)node;
	if (!k || c->state != WA_ST_LINKING)
		return;
	if (code || wa_passkey_key(&k->p.eph.priv, &k->primary, k->p.device_type, k->p.ref, &k->key, &err)) {
		failed(c, code > 0 ? code : 500, code ? "nonce refused" : err.msg);
		return;
	}
	k->has_key = true;
	wa_passkey_code(k->p.nonce, &k->primary, k->primary_nonce, text);
	tell(c, "confirmation", none, text, 0);
	c->events[c->n_events - 1].final = k->proved;
}

void passkey_continued(struct wa_client *c, const struct wa_node *n)
{
	struct wa_span content = wa_node_bytes(wa_node_get(n, "primary_ephemeral_identity")), pub, nonce;
	struct passkey *k = c->passkey;
	struct wa_node *iq;
	struct wa_arena a;

	if (!k || !k->has_ref || k->has_key || c->state != WA_ST_LINKING)
		return;
	if (wa_pb_find(content, 1, &pub) != 1 || wa_pb_find(content, 2, &nonce) != 1 || pub.len != 32 ||
	    nonce.len != 32) {
		failed(c, 400, "malformed continuation");
		return;
	}
	memcpy(k->primary.b, pub.ptr, 32);
	memcpy(k->primary_nonce, nonce.ptr, 32);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "md");
	child(&a, iq, "companion_nonce", wa_span(k->p.nonce, 32));
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_nonce, NULL);
	wa_arena_clear(&a);
}

static void on_request(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	(void)arg;
	(void)node;
	if (!c->passkey || c->state != WA_ST_LINKING || code == 0 || c->dev.paired)
		return;
	c->passkey->confirmed = false;
	failed(c, code > 0 ? code : 408, "pairing request refused");
}

int wa_client_passkey_confirm(struct wa_client *c, struct wa_err *err)
{
	struct passkey *k = c->passkey;
	struct wa_buf sealed;
	struct wa_node *iq;
	struct wa_arena a;
	int rc;

	if (!k || !k->has_key || k->confirmed || c->state != WA_ST_LINKING)
		return wa_err_set(err, WA_ESTATE, "nothing is to be confirmed");
	wa_buf_init(&sealed, 4096);
	rc = wa_passkey_seal(c->env, &k->key, &c->dev, &sealed, err);
	if (rc == 0) {
		client_enter(c);
		k->confirmed = true;
		wa_arena_init(&a, STANZA_ARENA_MAX);
		iq = iq_new(&a, "set", "md");
		child(&a, iq, "encrypted_pairing_request", wa_buf_view(&sealed));
		iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_request, NULL);
		wa_arena_clear(&a);
		client_leave(c);
	}
	wa_buf_clear(&sealed);
	return rc;
}
