/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_SIGNAL_H
#define WA_SIGNAL_H

/*
 * One device's end-to-end cryptography: identity, prekeys, sessions with other
 * devices, LID <-> phone-number identities. Built on libsignal-protocol-c.
 * Used by the client (client.h) and by simulated phones.
 *
 * Reads go through the record overlay to wa_store_ops.load; writes collect in
 * the overlay as changes. The owner takes them (wa_records_take), commits
 * them, and only then lets out what depended on them.
 */
#include "env.h"
#include "jid.h"
#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- records: overlay of uncommitted writes + byte-budget cache over a store ---- */
struct wa_records;
/* ops and store_ctx outlive it. cache_bytes: of what was only read. NULL: no memory. */
WA_API struct wa_records *wa_records_new(const struct wa_store_ops *ops, void *store_ctx,
					 size_t cache_bytes);
WA_API void wa_records_free(struct wa_records *r);
WA_API int wa_records_get(struct wa_records *r, int kind, struct wa_span key, struct wa_buf *out,
			  struct wa_err *err) WA_MUST_USE;	/* 1/0/<0 */
WA_API int wa_records_put(struct wa_records *r, int kind, struct wa_span key, struct wa_span value) WA_MUST_USE;
/* Of a record that is not there: fine. */
WA_API int wa_records_del(struct wa_records *r, int kind, struct wa_span key) WA_MUST_USE;
/* Is there something to seal? */
WA_API bool wa_records_dirty(const struct wa_records *r);
/* The writes since the last seal, last one per key, as an array valid until the next call on r.
 * They now belong to batch `id` and stay readable until wa_records_committed(id). Ids increase;
 * not inside a scope. Cannot fail. */
WA_API size_t wa_records_seal(struct wa_records *r, uint64_t id, const struct wa_change **ret_changes);
/* Batch id and all before it are in the store. */
WA_API void wa_records_committed(struct wa_records *r, uint64_t id);
/* Scope: writes since begin can be thrown away when a decryption fails half-way. Scopes nest
 * (at most 8 deep); what an inner one keeps, an outer one can still throw away. */
WA_API void wa_records_begin(struct wa_records *r);
WA_API void wa_records_rollback(struct wa_records *r);
WA_API void wa_records_keep(struct wa_records *r);	/* end of scope, keep */
/* Forget what was only read, e.g. when a connection falls idle: then r costs next to nothing. */
WA_API void wa_records_trim(struct wa_records *r);

/* ---- the device itself (WA_REC_DEVICE) ---- */
struct wa_device {
	struct wa_keypair noise;
	struct wa_keypair identity;
	struct wa_keypair pairing_ephemeral;
	uint32_t registration_id;
	uint32_t sprekey_id;
	struct wa_keypair sprekey;
	struct wa_sig sprekey_sig;
	int64_t sprekey_ms;			/* when it was made, Unix; 0: before this was noted */
	struct wa_key adv_secret;
	uint32_t next_prekey_id;		/* never reused; 24 bits */
	uint32_t first_unuploaded_prekey_id;
	bool paired;
	struct wa_jid pn;			/* own JID with device, once paired */
	struct wa_jid lid;
	struct wa_pub account_identity;		/* the primary's identity key */
	char push_name[128];
	char platform[32];
	char business_name[128];
	uint8_t adv[1024];			/* full ADVSignedDeviceIdentity, accountSignatureKey included */
	size_t adv_len;
};
/* A new device: all keys fresh, not paired. */
WA_API int wa_device_generate(const struct wa_env *env, struct wa_device *ret_dev, struct wa_err *err) WA_MUST_USE;
/* The value of WA_REC_DEVICE. Secret. */
WA_API int wa_device_encode(const struct wa_device *d, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* WA_EPROTO: damaged; WA_EUNSUPPORTED: of another version. */
WA_API int wa_device_decode(struct wa_span bytes, struct wa_device *ret_dev, struct wa_err *err) WA_MUST_USE;
WA_API void wa_device_wipe(struct wa_device *d);

/* ---- Signal ---- */
struct wa_signal;
/* `dev` and `rec` are borrowed for the object's life. */
WA_API int wa_signal_new(const struct wa_env *env, struct wa_records *rec, struct wa_device *dev,
			 struct wa_signal **ret_s, struct wa_err *err) WA_MUST_USE;
WA_API void wa_signal_free(struct wa_signal *s);

struct wa_bundle {			/* what a prekey fetch returns for one device */
	uint32_t registration_id;
	struct wa_pub identity;
	uint32_t sprekey_id;
	struct wa_pub sprekey;
	struct wa_sig sprekey_sig;
	bool has_prekey;
	uint32_t prekey_id;
	struct wa_pub prekey;
};

enum wa_enc_type { WA_ENC_MSG, WA_ENC_PKMSG, WA_ENC_SKMSG };

WA_API int wa_signal_has_session(struct wa_signal *s, const struct wa_jid *device, struct wa_err *err); /* 1/0/<0 */
/* Checks the signed prekey's signature. Replaces an existing session (the old state is archived). */
WA_API int wa_signal_start_session(struct wa_signal *s, const struct wa_jid *device,
				   const struct wa_bundle *b, struct wa_err *err) WA_MUST_USE;
/* The next message to it starts a new one. */
WA_API int wa_signal_drop_session(struct wa_signal *s, const struct wa_jid *device) WA_MUST_USE;
/* All sessions and identities of a user (identity change). */
WA_API int wa_signal_drop_user(struct wa_signal *s, const struct wa_jid *user, const uint16_t *devices,
			       size_t n) WA_MUST_USE;
/* `plain` is a serialized Message: padding (1..16) is added here. */
WA_API int wa_signal_encrypt(struct wa_signal *s, const struct wa_jid *device, struct wa_span plain,
			     int *ret_type, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* Padding is checked strictly and stripped. WA_EDUP: seen before (ack plainly). WA_ENOTFOUND with
 * detail 1: no session; detail 3: unknown prekey. WA_ECRYPTO: bad MAC or untrusted.
 * detail is the retry reason of protocol 1.17. On failure nothing is changed.
 * A used one-time prekey is deleted by the same batch. */
WA_API int wa_signal_decrypt(struct wa_signal *s, const struct wa_jid *device, int type,
			     struct wa_span cipher, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* Sender keys: distribution and group messages; `group` text names the key. */
WA_API int wa_signal_group_encrypt(struct wa_signal *s, const struct wa_jid *group,
				   const struct wa_jid *self, struct wa_span plain,
				   struct wa_buf *ret_skdm, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* Our sender key as it stands, to give it to one more device; made when there is none. */
WA_API int wa_signal_group_key(struct wa_signal *s, const struct wa_jid *group, const struct wa_jid *self,
			       struct wa_buf *ret_skdm, struct wa_err *err) WA_MUST_USE;
/* As wa_signal_decrypt; WA_ENOTFOUND: no key of this sender. */
WA_API int wa_signal_group_decrypt(struct wa_signal *s, const struct wa_jid *group,
				   const struct wa_jid *sender, struct wa_span cipher,
				   struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* Take the sender key somebody distributes. */
WA_API int wa_signal_group_process(struct wa_signal *s, const struct wa_jid *group,
				   const struct wa_jid *sender, struct wa_span skdm,
				   struct wa_err *err) WA_MUST_USE;
/* Forget our own sender key, so that the next message starts a new one (somebody left the group). */
WA_API int wa_signal_group_drop(struct wa_signal *s, const struct wa_jid *group, const struct wa_jid *self) WA_MUST_USE;
/* Trust is on first use and a changed identity is accepted, but told: true when the last
 * start_session or decrypt of `device` (ret_device) replaced a known identity by another. Asking
 * clears it. */
WA_API bool wa_signal_identity_changed(struct wa_signal *s, struct wa_jid *ret_device);
/* Identity known for a device; 1/0/<0. */
WA_API int wa_signal_identity(struct wa_signal *s, const struct wa_jid *device, struct wa_pub *ret_pub,
			      struct wa_err *err);
/* Note an identity that came otherwise (at linking: the phone's). */
WA_API int wa_signal_set_identity(struct wa_signal *s, const struct wa_jid *device, const struct wa_pub *pub) WA_MUST_USE;
/* base key of the current session with a device (to notice retries that do not help); 1/0/<0 */
WA_API int wa_signal_base_key(struct wa_signal *s, const struct wa_jid *device, uint8_t out[33], struct wa_err *err);

/* One-time prekeys: generate the next n (ids continue, never reused), as ids + public keys for upload. */
struct wa_prekey_pub { uint32_t id; struct wa_pub pub; };
WA_API int wa_signal_prekeys_generate(struct wa_signal *s, struct wa_prekey_pub *out, size_t n, struct wa_err *err) WA_MUST_USE;
/* A new signed prekey takes the place of the device's; the one before stays readable (WA_REC_SPREKEY)
 * for messages that are on their way, the one before that goes. */
WA_API int wa_signal_sprekey_rotate(struct wa_signal *s, struct wa_err *err) WA_MUST_USE;
/* Public half of one existing prekey (bundles in retry receipts take a fresh one). */
WA_API int wa_signal_prekey_load(struct wa_signal *s, uint32_t id, struct wa_prekey_pub *ret, struct wa_err *err); /* 1/0/<0 */

/* LID first. Learn a pair; moves sessions and identities of the pn's devices to the LID address.
 * Returns 1 when the pair is new or changed, 0 known, <0. */
WA_API int wa_signal_learn_lid(struct wa_signal *s, const struct wa_jid *pn, const struct wa_jid *lid, struct wa_err *err);
/* The pair is not known any more, neither way; sessions stay. */
WA_API int wa_signal_forget_lid(struct wa_signal *s, const struct wa_jid *pn) WA_MUST_USE;
/* The LID form of a user/device JID when known, else the JID itself. */
WA_API struct wa_jid wa_signal_canonical(struct wa_signal *s, const struct wa_jid *j);
WA_API int wa_signal_lid_of(struct wa_signal *s, const struct wa_jid *pn, struct wa_jid *ret_lid);	/* 1/0/<0 */
WA_API int wa_signal_pn_of(struct wa_signal *s, const struct wa_jid *lid, struct wa_jid *ret_pn);	/* 1/0/<0 */

/* "2:" + base64 of SHA-256 over sorted device JIDs (protocol 1.13). out needs 16 bytes. */
WA_API int wa_phash(const struct wa_jid *devices, size_t n, char out[16]) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
