/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_MEDIA_H
#define WA_MEDIA_H

/*
 * Files on WhatsApp's media hosts: keys, streaming encryption and decryption,
 * where to put them and where to get them. No I/O here: the host moves bytes.
 *
 * A file is AES-256-CBC with PKCS#7 padding, followed by the first 10 bytes of
 * HMAC-SHA256(MAC key, IV || ciphertext). Keys: HKDF-SHA256(media key, info of
 * the type, 112 bytes) = IV 16 | cipher key 32 | MAC key 32 | reference key 32.
 *
 * Source: protocol 1.20, from whatsmeow and Baileys; sizes and MACs by recorded files.
 *
 * Reading a stored file: verify all of it once (wa_media_check), then decrypt
 * any range of it, as often as wanted. Nothing unverified is ever decrypted.
 */
#include "client.h"
#include "content.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WA_MEDIA_KEY_LEN 32
#define WA_MEDIA_MAC_LEN 10
#define WA_MEDIA_MAX (2147483648ull + 65536)	/* bytes: documents up to 2 GiB */

/* "/mms/image"; NULL: is never uploaded. mms-type of downloads is its last part. */
WA_API const char *wa_media_path(int type);
WA_API const char *wa_media_type_str(int type);	/* "image" */
/* To a channel files go as they are: their token is the SHA-256 of the plain file, base64url.
 * "/newsletter/newsletter-image"; NULL: not to channels. Source: protocol.md 1.20 (whatsmeow). */
WA_API const char *wa_media_channel_path(int type);

/* ---- writing ---- */
struct wa_media_enc;
struct wa_media_sums {			/* what a message says about its file */
	uint8_t file_sha256[32], file_enc_sha256[32];
	uint64_t length, enc_length;	/* plain; stored: ciphertext and MAC */
};
/* sidecar: also compute the streaming sidecar (audio, video): over IV || stored file, for each 64 KiB
 * of it the first 10 bytes of the HMAC of those and the 16 bytes that follow. No open client writes
 * one, so this form is unproven; files play without. */
WA_API int wa_media_enc_new(int type, struct wa_span key, bool sidecar, struct wa_media_enc **ret_e,
			    struct wa_err *err) WA_MUST_USE;
/* Appends what is ready: whole cipher blocks, the rest is held back. */
WA_API int wa_media_enc_update(struct wa_media_enc *e, struct wa_span plain, struct wa_buf *out,
			       struct wa_err *err) WA_MUST_USE;
/* The last block and the MAC go to out; ret_sidecar may be NULL. */
WA_API int wa_media_enc_final(struct wa_media_enc *e, struct wa_buf *out, struct wa_media_sums *ret_sums,
			      struct wa_buf *ret_sidecar, struct wa_err *err) WA_MUST_USE;
WA_API void wa_media_enc_free(struct wa_media_enc *e);	/* NULL allowed */

/* ---- checking: MAC and file_enc_sha256 over the stored bytes; plain hash on the way ---- */
struct wa_media_check;
/* key: 32 bytes, or WA_EINVALID. */
WA_API int wa_media_check_new(int type, struct wa_span key, struct wa_media_check **ret_k,
			      struct wa_err *err) WA_MUST_USE;
/* Stored bytes in order, in pieces of any size. */
WA_API int wa_media_check_update(struct wa_media_check *k, struct wa_span stored, struct wa_err *err) WA_MUST_USE;
/* Empty expectations are not compared. WA_ECRYPTO when something differs. ret_length: of the plain file. */
WA_API int wa_media_check_final(struct wa_media_check *k, struct wa_span file_enc_sha256, struct wa_span file_sha256,
				uint64_t *ret_length, struct wa_err *err) WA_MUST_USE;
WA_API void wa_media_check_free(struct wa_media_check *k);

/* ---- reading a checked file ----
 * Which stored bytes are needed for plain bytes [from, from+len)? */
WA_API void wa_media_range(uint64_t from, uint64_t len, uint64_t stored_length, uint64_t *ret_at, uint64_t *ret_len);
/* Decrypt them: `stored` is exactly that range. Appends the plain bytes asked for. */
WA_API int wa_media_read(int type, struct wa_span key, uint64_t from, uint64_t len, struct wa_span stored,
			 uint64_t stored_length, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;

/* ---- hosts ---- */
#define WA_MEDIA_HOSTS_MAX 16
struct wa_media_conn {			/* answer of iq w:m media_conn */
	const char *auth;
	int64_t expires_ms;		/* Unix */
	const char *hosts[WA_MEDIA_HOSTS_MAX];	/* with port where not 443; fallbacks after the first */
	size_t n;
};
typedef void wa_media_conn_fn(void *arg, int code, const struct wa_media_conn *mc);
/* Answered from memory while it is fresh, then fn runs at once; `fresh` asks anew. Exactly one call of fn,
 * none when an error is returned. mc is borrowed for the call. code as in wa_done_fn. */
WA_API int wa_client_media_conn(struct wa_client *c, bool fresh, wa_media_conn_fn *fn, void *arg,
				struct wa_err *err) WA_MUST_USE;

/* ---- expired files ----
 * Ask our phone to upload the file of a message again: ends in WA_EV_MEDIA_RETRY (code 0 with the
 * new direct path; 2 not found on the phone; 1, 3 errors), or never when the phone is off. */
WA_API int wa_client_media_retry(struct wa_client *c, const struct wa_msg_info *info, struct wa_span media_key,
				 struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
