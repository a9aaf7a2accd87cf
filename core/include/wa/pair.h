/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_PAIR_H
#define WA_PAIR_H

/*
 * Linking a companion device: device identity (ADV), QR text, pairing code.
 * Pure functions for both sides: the companion (our client) and the primary
 * (the sandbox's simulated phone). Protocol 1.5 and 1.6.
 */
#include "signal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Companion: verify the container of pair-success and sign. Fills dev->adv (full copy),
 * dev->account_identity; `reply` gets the ADVSignedDeviceIdentity without accountSignatureKey.
 * WA_ECRYPTO detail 401: hmac or signature mismatch (msg says which). */
WA_API int wa_adv_accept(const struct wa_env *env, struct wa_device *dev, struct wa_span container,
			 struct wa_buf *reply, uint32_t *ret_key_index, struct wa_err *err) WA_MUST_USE;

struct wa_adv_params {
	uint32_t raw_id;
	uint64_t timestamp;	/* seconds */
	uint32_t key_index;	/* >= 1 */
	bool hosted;
};
/* Primary: make the container for a companion. */
WA_API int wa_adv_issue(const struct wa_env *env, const struct wa_keypair *account,
			const struct wa_pub *companion, const struct wa_key *adv_secret,
			const struct wa_adv_params *p, struct wa_buf *container, struct wa_err *err) WA_MUST_USE;
/* Server/primary: the reply of pair-device-sign; checks device signature and that
 * accountSignatureKey was stripped. `container` is what was issued. */
WA_API int wa_adv_check_reply(struct wa_span container, struct wa_span reply, const struct wa_pub *account,
			      const struct wa_pub *companion, struct wa_err *err) WA_MUST_USE;
/* Anyone: a full ADVSignedDeviceIdentity as sent in <device-identity>: both signatures. */
WA_API int wa_adv_check_identity(struct wa_span identity, const struct wa_pub *companion, struct wa_err *err) WA_MUST_USE;
/* The same of another account's device, as the server hands it out with its prekeys. It may come without
 * the account's key: `account` (NULL unknown) is used then. WA_ENOTFOUND: no key to check it with. */
WA_API int wa_adv_check_device(struct wa_span identity, const struct wa_pub *companion,
			       const struct wa_pub *account, struct wa_err *err) WA_MUST_USE;

/* Which companions a phone vouches for: ADVKeyIndexList. */
#define WA_KEY_INDEXES_MAX 256
struct wa_key_indexes {
	uint32_t raw_id;
	uint64_t timestamp;	/* Unix seconds */
	uint32_t current;	/* the newest index at that time */
	uint32_t valid[WA_KEY_INDEXES_MAX];
	size_t n;
};
/* Read an ADVSignedKeyIndexList; account: the phone's identity key, NULL: not known, its signature is not
 * checked. WA_ECRYPTO: it is wrong (prefix 06 02, as WhatsApp's web client has it). */
WA_API int wa_adv_key_index_open(struct wa_span list, const struct wa_pub *account, struct wa_key_indexes *ret_k,
				 struct wa_err *err) WA_MUST_USE;
/* Is a companion with this key index one of them? Also one linked after the list was made. */
WA_API bool wa_key_index_valid(const struct wa_key_indexes *k, uint32_t key_index);
/* Primary: signed key index list (prefix 06 02). */
WA_API int wa_adv_key_index_list(const struct wa_env *env, const struct wa_keypair *account, uint32_t raw_id,
				 uint64_t timestamp, const uint32_t *valid, size_t n, struct wa_buf *out,
				 struct wa_err *err) WA_MUST_USE;

/* QR text: https://wa.me/settings/linked_devices#ref,noise,identity,adv,type */
WA_API int wa_qr_text(struct wa_span ref, const struct wa_device *d, char client_type, struct wa_buf *out,
		      struct wa_err *err) WA_MUST_USE;
struct wa_qr { char ref[256]; struct wa_pub noise, identity; struct wa_key adv_secret; char client_type; };
WA_API int wa_qr_parse(struct wa_span text, struct wa_qr *ret_qr, struct wa_err *err) WA_MUST_USE; /* both forms */

/* Pairing code, companion side. code: 8 characters, NUL-terminated. PBKDF2 costs ~30 ms: call from a worker
 * when on a loop. */
WA_API void wa_pair_code_make(const struct wa_env *env, char ret_code[9]);
WA_API int wa_pair_code_valid(const char *code);	/* 8 characters of the alphabet */
WA_API int wa_pair_code_key(const char *code, const uint8_t salt[32], struct wa_key *ret) WA_MUST_USE;
/* salt 32 | IV 16 | AES-CTR(pub) = 80 bytes */
WA_API int wa_pair_wrap(const struct wa_env *env, const char *code, const struct wa_pub *eph, uint8_t out[80], struct wa_err *err) WA_MUST_USE;
/* Any code opens it: a wrong one gives a wrong key, which shows later. */
WA_API int wa_pair_unwrap(const char *code, const uint8_t in[80], struct wa_pub *ret_eph, struct wa_err *err) WA_MUST_USE;
/* companion_finish: makes the bundle and dev->adv_secret. */
WA_API int wa_pair_finish_make(const struct wa_env *env, struct wa_device *dev, const struct wa_pub *primary_eph,
			       const struct wa_pub *primary_identity, struct wa_buf *bundle, struct wa_err *err) WA_MUST_USE;
/* primary: opens the bundle, gives the adv secret. */
WA_API int wa_pair_finish_open(const struct wa_keypair *primary_eph, const struct wa_keypair *primary_identity,
			       const struct wa_pub *companion_eph, const struct wa_pub *companion_identity,
			       struct wa_span bundle, struct wa_key *ret_adv_secret, struct wa_err *err) WA_MUST_USE;

/*
 * Linking with a passkey, which the server demands of some accounts. Source: whatsmeow,
 * pair-passkey.go (2026); no other implementation could be asked. The companion commits to a nonce
 * before it learns the primary's, so that the code people compare cannot be steered.
 */
struct wa_passkey {			/* companion: one attempt */
	struct wa_keypair eph;
	uint8_t nonce[32];
	char ref[256];			/* the server's, as text */
	uint32_t device_type;		/* DeviceProps.PlatformType */
};
struct wa_passkey_seen {		/* server, primary: what a companion began with */
	struct wa_pub eph;
	bool has_eph;
	uint32_t device_type;
	char ref[256];
	uint8_t identity[512], commitment[32];
	size_t identity_len;
};
/* A fresh attempt: ephemeral key and nonce. */
WA_API void wa_passkey_new(const struct wa_env *env, uint32_t device_type, struct wa_span ref, struct wa_passkey *ret);
/* ProloguePayload */
WA_API int wa_passkey_prologue(const struct wa_passkey *p, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* The other side reads it. */
WA_API int wa_passkey_read(struct wa_span payload, struct wa_passkey_seen *ret, struct wa_err *err) WA_MUST_USE;
WA_API bool wa_passkey_fits(const struct wa_passkey_seen *p, const uint8_t nonce[32]);	/* what it committed to */
/* That the device which showed the QR is the one which answers: key from the QR's secret, proof over the payload. */
WA_API void wa_passkey_handoff(const struct wa_key *adv_secret, struct wa_key *ret);
WA_API void wa_passkey_proof(const struct wa_key *handoff, struct wa_span payload, uint8_t out[32]);
/* XXXX-XXXX, the same on both sides. */
WA_API void wa_passkey_code(const uint8_t nonce[32], const struct wa_pub *primary, const uint8_t primary_nonce[32],
			    char ret_code[10]);
/* What the request is sealed with: both sides get the same. */
WA_API int wa_passkey_key(const struct wa_priv *priv, const struct wa_pub *pub, uint32_t device_type, const char *ref,
			  struct wa_key *ret, struct wa_err *err) WA_MUST_USE;
/* EncryptedPairingRequest: the companion's keys and its new secret. */
WA_API int wa_passkey_seal(const struct wa_env *env, const struct wa_key *key, const struct wa_device *dev,
			   struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* The other side opens it. WA_ECRYPTO: not sealed with this key. */
WA_API int wa_passkey_open(const struct wa_key *key, struct wa_span sealed, struct wa_pub *ret_noise,
			   struct wa_pub *ret_identity, struct wa_key *ret_adv, struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
