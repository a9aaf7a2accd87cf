/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Linking with a passkey: the server demands an assertion of the account's
 * credential, the phone exchanges nonces with the companion, both show a code.
 * No stock client here can take part; the bytes are those whatsmeow documents
 * (<wa/pair.h>), judged as a relying party must (WebAuthn level 3, 7.2).
 */
#include "api.h"

#include <crypto.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "pb.h"

#define RP_ID        "whatsapp.com"
#define ORIGIN       "https://web.whatsapp.com"
#define TIMEOUT_MS   600000
#define JSON_MAX     32768
#define AUTH_MIN     37
#define FLAG_PRESENT 0x01
#define FLAG_KNOWN   0x04 /* user verified */

static struct wa_node *notification(struct sb_conn *c, struct wa_arena *a, const char *type)
{
	struct wa_jid server = WA_JID_SERVER;
	struct wa_node *n = wa_node_new(a, "notification");
	char id[32];

	wa_node_attr_jid(a, n, "from", &server);
	wa_node_attr(a, n, "type", type);
	sb_new_id(c->s, id);
	wa_node_attr(a, n, "id", id);
	wa_node_attr_int(a, n, "t", sb_now(c->s) / 1000);
	return n;
}

static char *options_json(const struct sb_conn *c)
{
	const struct sb_passkey *k = &c->reg->passkey;
	const struct sb_credential *cred = &k->acc->credential;
	char challenge[WA_B64_LEN(32)], id[WA_B64_LEN(sizeof(cred->id))], *text;
	json_t *o = json_pack("{ss sI ss s[{ss ss s[ss]}] ss s{}}", "challenge",
			      wa_b64_encode(wa_span(k->challenge, 32), WA_B64_URL, challenge), "timeout",
			      (json_int_t)TIMEOUT_MS, "rpId", RP_ID, "allowCredentials", "id",
			      wa_b64_encode(wa_span(cred->id, cred->id_len), WA_B64_URL, id), "type", "public-key",
			      "transports", "internal", "hybrid", "userVerification", "required", "extensions");

	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

int sb_passkey_demand(struct sb_conn *c, struct sb_account *acc, const struct wa_key *adv_secret, struct wa_err *err)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sb_passkey *k = &c->reg->passkey;
	struct wa_node *n;
	char *options;

	if (acc->credential.id_len == 0)
		return wa_err_set(err, WA_ESTATE, "account %s has no passkey: POST …/passkey", acc->pn);
	memset(k, 0, sizeof(*k));
	k->acc = acc;
	k->stage = SB_PASSKEY_DEMANDED;
	sb_random(c->s, k->challenge, sizeof(k->challenge));
	wa_passkey_handoff(adv_secret, &k->handoff);
	options = options_json(c);
	if (!options)
		return wa_err_set(err, WA_ENOMEM, "no memory for a challenge");
	wa_arena_init(&a, SB_STANZA_MAX);
	n = notification(c, &a, "passkey_prologue_request");
	wa_node_data(&a, wa_node_child(&a, n, "passkey_request_options"), wa_span_str(options));
	sb_send(c, n);
	free(options);
	sb_link_state(acc, "passkey", "waiting for the assertion");
	return 0;
}

/* ---- the assertion ---- */

static bool member(const json_t *o, const char *key, struct wa_buf *out)
{
	const char *text = json_string_value(json_object_get(o, key));

	wa_buf_init(out, JSON_MAX);
	return text && wa_b64_decode(wa_span_str(text), WA_B64_URL, out) == 0;
}

static bool signature_fits(const struct sb_credential *cred, struct wa_span auth, struct wa_span client,
			   struct wa_span sig)
{
	const unsigned char *der = cred->key;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)cred->key_len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t hash[32];
	bool ok;

	wa_sha256(client, hash);
	ok = key && ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	     EVP_DigestVerifyUpdate(ctx, auth.ptr, auth.len) == 1 &&
	     EVP_DigestVerifyUpdate(ctx, hash, sizeof(hash)) == 1 &&
	     EVP_DigestVerifyFinal(ctx, sig.ptr, sig.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}

static const char *client_data_wrong(const struct sb_passkey *k, struct wa_span client)
{
	char challenge[WA_B64_LEN(32)];
	const char *type, *sent, *origin, *why = NULL;
	json_t *o = json_loadb((const char *)client.ptr, client.len, 0, NULL);

	wa_b64_encode(wa_span(k->challenge, 32), WA_B64_URL, challenge);
	if (!o || json_unpack(o, "{ss ss ss}", "type", &type, "challenge", &sent, "origin", &origin))
		why = "clientDataJSON is malformed";
	else if (strcmp(type, "webauthn.get") != 0)
		why = "clientDataJSON is not of webauthn.get";
	else if (strcmp(sent, challenge) != 0)
		why = "the challenge is another one";
	else if (strcmp(origin, ORIGIN) != 0)
		why = "the origin is not " ORIGIN;
	json_decref(o);
	return why;
}

static const char *auth_data_wrong(struct wa_span auth)
{
	uint8_t hash[32];

	wa_sha256(wa_span_str(RP_ID), hash);
	if (auth.len < AUTH_MIN || memcmp(auth.ptr, hash, 32) != 0)
		return "authenticatorData is not for " RP_ID;
	if ((auth.ptr[32] & (FLAG_PRESENT | FLAG_KNOWN)) != (FLAG_PRESENT | FLAG_KNOWN))
		return "the user was not verified";
	return NULL;
}

/* NULL: the account's owner was there. */
static const char *assertion_wrong(const struct sb_passkey *k, struct wa_span credential, struct wa_span json)
{
	struct wa_buf raw, client, auth, sig;
	json_t *o = json_loadb((const char *)json.ptr, json.len, 0, NULL), *r = json_object_get(o, "response");
	const struct sb_credential *cred = &k->acc->credential;
	const char *why;
	bool read = member(o, "rawId", &raw);

	read = member(r, "clientDataJSON", &client) && read;
	read = member(r, "authenticatorData", &auth) && read;
	read = member(r, "signature", &sig) && read;
	if (!read)
		why = "the assertion lacks a part";
	else if (!wa_span_eq(wa_buf_view(&raw), wa_span(cred->id, cred->id_len)) ||
		 !wa_span_eq(credential, wa_buf_view(&raw)))
		why = "it is of another credential";
	else if ((why = client_data_wrong(k, wa_buf_view(&client))))
		;
	else if ((why = auth_data_wrong(wa_buf_view(&auth))))
		;
	else if (!signature_fits(cred, wa_buf_view(&auth), wa_buf_view(&client), wa_buf_view(&sig)))
		why = "the signature does not fit";
	wa_buf_clear(&raw);
	wa_buf_clear(&client);
	wa_buf_clear(&auth);
	wa_buf_clear(&sig);
	json_decref(o);
	return why;
}

static void refuse(struct sb_conn *c, const struct wa_node *iq, int code, const char *why)
{
	sb_violation(c->s, NULL, iq, "passkey", "%s", why);
	sb_link_state(c->reg->passkey.acc, "failed", why);
	sb_iq_error(c, iq, code);
}

static void continuation(struct sb_conn *c)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	SB_AUTO_BUF struct wa_buf b = { 0 };
	struct sb_passkey *k = &c->reg->passkey;
	struct wa_node *n;

	wa_arena_init(&a, SB_STANZA_MAX);
	wa_buf_init(&b, 1024);
	wa_keypair_new(c->s->env, &k->primary);
	sb_random(c->s, k->nonce, sizeof(k->nonce));
	wa_pb_put(&b, 1, wa_span(k->primary.pub.b, 32));
	wa_pb_put(&b, 2, wa_span(k->nonce, 32));
	n = notification(c, &a, "crsc_continuation");
	wa_node_data(&a, wa_node_child(&a, n, "primary_ephemeral_identity"), wa_buf_view(&b));
	sb_send(c, n);
}

static void on_prologue(struct sb_conn *c, const struct wa_node *iq, const struct wa_node *p)
{
	struct sb_passkey *k = &c->reg->passkey;
	struct wa_span payload = wa_node_bytes(wa_node_get(p, "prologue_payload"));
	const struct wa_node *proof = wa_node_get(p, "pairing_handoff_proof");
	const char *why = assertion_wrong(k, wa_node_bytes(wa_node_get(p, "credential_id")),
					  wa_node_bytes(wa_node_get(p, "webauthn_assertion")));
	uint8_t mac[32];
	SB_ERR(err);

	wa_passkey_proof(&k->handoff, payload, mac);
	if (!why && wa_passkey_read(payload, &k->seen, &err))
		why = err.msg;
	if (!why && (!k->ref[0] || strcmp(k->seen.ref, k->ref) != 0))
		why = "the prologue names another reference than the server gave";
	if (!why && proof && !wa_span_eq(wa_node_bytes(proof), wa_span(mac, sizeof(mac))))
		why = "the handoff proof is not of the device that showed the QR";
	if (why || k->stage != SB_PASSKEY_DEMANDED) {
		refuse(c, iq, 401, why ? why : "no assertion is awaited");
		return;
	}
	k->stage = SB_PASSKEY_ASSERTED;
	sb_iq_result(c, iq, NULL, NULL);
	continuation(c);
}

static void on_nonce(struct sb_conn *c, const struct wa_node *iq, struct wa_span nonce)
{
	struct sb_passkey *k = &c->reg->passkey;
	char code[10], detail[64];

	if (k->stage != SB_PASSKEY_ASSERTED || nonce.len != 32 || !wa_passkey_fits(&k->seen, nonce.ptr)) {
		refuse(c, iq, 400, "the nonce is not the one that was committed to");
		return;
	}
	k->stage = SB_PASSKEY_COMPARED;
	wa_passkey_code(nonce.ptr, &k->primary.pub, k->nonce, code);
	snprintf(detail, sizeof(detail), "%s", code);
	sb_link_state(k->acc, "passkey", detail);
	sb_iq_result(c, iq, NULL, NULL);
}

static void on_request(struct sb_conn *c, const struct wa_node *iq, struct wa_span sealed)
{
	struct sb_passkey *k = &c->reg->passkey;
	struct wa_pub noise, identity;
	struct wa_key key, adv;
	SB_ERR(err);

	if (k->stage != SB_PASSKEY_COMPARED ||
	    wa_passkey_key(&k->primary.priv, &k->seen.eph, k->seen.device_type, k->ref, &key, &err) ||
	    wa_passkey_open(&key, sealed, &noise, &identity, &adv, &err)) {
		refuse(c, iq, 400, err.code ? err.msg : "no pairing request is awaited");
		return;
	}
	if (memcmp(noise.b, c->noise.b, 32) != 0 || memcmp(identity.b, c->reg->identity.b, 32) != 0) {
		refuse(c, iq, 401, "the pairing request names other keys than the client registered");
		return;
	}
	sb_iq_result(c, iq, NULL, NULL);
	k->stage = SB_PASSKEY_NONE;
	if (sb_pair(c, k->acc, &adv, &err))
		sb_link_state(k->acc, "failed", err.msg);
	wa_wipe(&key, sizeof(key));
	wa_wipe(&adv, sizeof(adv));
}

static void on_ref(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sb_passkey *k = &c->reg->passkey;
	uint8_t r[24];
	struct wa_node *n;

	sb_random(c->s, r, sizeof(r));
	snprintf(k->ref, sizeof(k->ref), "2@");
	wa_b64_encode(wa_span(r, sizeof(r)), WA_B64_URL, k->ref + 2);
	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "ref");
	wa_node_data(&a, n, wa_span_str(k->ref));
	sb_iq_result(c, iq, &a, n);
}

static void on_options(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	char *options = options_json(c);
	struct wa_node *n;

	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "passkey_request_options");
	wa_node_data(&a, n, wa_span_str(options ? options : "{}"));
	sb_iq_result(c, iq, &a, n);
	free(options);
}

bool sb_passkey_iq(struct sb_conn *c, const struct wa_node *iq)
{
	bool get = wa_node_attr_is(iq, "type", "get");
	const struct wa_node *n;

	if (!wa_node_attr_is(iq, "xmlns", "md") || !c->reg->passkey.acc)
		return false;
	if (get && wa_node_get(iq, "ref"))
		on_ref(c, iq);
	else if (get && wa_node_get(iq, "passkey_request_options"))
		on_options(c, iq);
	else if (!get && (n = wa_node_get(iq, "passkey_prologue")))
		on_prologue(c, iq, n);
	else if (!get && (n = wa_node_get(iq, "companion_nonce")))
		on_nonce(c, iq, wa_node_bytes(n));
	else if (!get && (n = wa_node_get(iq, "encrypted_pairing_request")))
		on_request(c, iq, wa_node_bytes(n));
	else
		return false;
	return true;
}

/* ---- REST: the account's credential ---- */

int sb_api_passkey(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	struct sb_credential *cred;
	struct wa_buf id, key;
	bool ok;

	if (!a)
		return status;
	cred = &a->credential;
	ok = member(c->body, "credential_id", &id);
	ok = member(c->body, "public_key", &key) && ok;
	if (ok && id.len && id.len <= sizeof(cred->id) && key.len && key.len <= sizeof(cred->key)) {
		memcpy(cred->id, id.ptr, id.len);
		memcpy(cred->key, key.ptr, key.len);
		cred->id_len = id.len;
		cred->key_len = key.len;
		status = 204;
	} else {
		status = sb_api_fail(c->ret, 400, "invalid",
				     "credential_id and public_key (SubjectPublicKeyInfo) in base64url");
	}
	wa_buf_clear(&id);
	wa_buf_clear(&key);
	return status;
}
