/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_SIGNAL_INT_H
#define WA_SIGNAL_INT_H

/*
 * Inside of wa_signal, shared by signal*.c.
 *
 *	signal.c	life, sessions, encrypt, decrypt
 *	signal_group.c	sender keys
 *	signal_prekey.c	one-time prekeys
 *	signal_lid.c	addresses, LID <-> pn, moving sessions to the LID
 *	signal_store.c	libsignal's store callbacks, on wa_records
 *	signal_crypto.c	libsignal's crypto callbacks, on core/crypto
 */
#include "records.h"

#include <wa/signal.h>

#include <base.h>

#include <signal/signal_protocol.h>

#define WA_PREKEY_ID_MAX 0xfffffeu	/* 24 bits; the last one means "no prekey" to libsignal */
#define WA_SPREKEY_RECORD (32 + 64)	/* private key, signature */
#define WA_TYPED_PUB 33			/* 0x05, public key */

/* Why libsignal failed, where its code does not tell; read from its log line. */
enum wa_signal_hint { HINT_NONE, HINT_FUTURE, HINT_MAC, HINT_SIGNATURE, HINT_NO_KEY };

struct wa_signal {
	const struct wa_env *env;
	struct wa_records *rec;
	struct wa_device *dev;
	signal_context *ctx;
	signal_protocol_store_context *store;
	enum wa_signal_hint hint;
	struct wa_err store_err;	/* what a store callback ran into; code 0: nothing */
	const struct wa_jid *peer;	/* whom the operation under way is about, or NULL */
	bool changed;			/* that peer's identity differs from the known one */
	bool report;			/* the same, of an operation that succeeded */
	struct wa_jid reported;
};

/* Where a device's session is kept: "user[_domain]" and device, and both as one record key. */
struct wa_addr {
	char name[WA_JID_USER_MAX + 8];
	char text[WA_JID_USER_MAX + 16];
	signal_protocol_address sg;	/* points into name: not to be copied */
};

static inline struct wa_span wa_addr_key(const struct wa_addr *a)
{
	return wa_span_str(a->text);
}

/* signal_lid.c */
int wa_addr_make(const struct wa_jid *device, struct wa_addr *ret, struct wa_err *err) WA_MUST_USE;
/* The canonical device and its address. A session still kept under the phone number moves there
 * first, if there is none under the LID. */
int wa_signal_locate(struct wa_signal *s, const struct wa_jid *device, struct wa_jid *ret_canonical,
		     struct wa_addr *ret, struct wa_err *err) WA_MUST_USE;
/* Move or merge what is kept under the phone number to the LID; 1 when a session was. */
int wa_signal_adopt(struct wa_signal *s, const struct wa_jid *lid, struct wa_err *err) WA_MUST_USE;

/* device.c: over 0x05 and the signed prekey, by the identity */
void wa_device_sign_sprekey(const struct wa_env *env, struct wa_device *d);

/* signal_store.c */
int wa_signal_store_attach(struct wa_signal *s) WA_MUST_USE;	/* a libsignal code */
/* signal_crypto.c */
int wa_signal_crypto_attach(struct wa_signal *s) WA_MUST_USE;

/* signal.c: an operation is a scope of the records; op_end rolls back when rc != 0 and turns
 * libsignal's code into ours. */
void wa_signal_op_begin(struct wa_signal *s, const struct wa_jid *peer);
int wa_signal_op_end(struct wa_signal *s, int rc, const char *what, struct wa_err *err);
/* Pad and copy: 1..16 bytes of their own number. */
int wa_signal_pad(struct wa_signal *s, struct wa_span plain, struct wa_buf *out) WA_MUST_USE;
/* Length without padding, or WA_EPROTO. */
int wa_signal_unpad(struct wa_span padded, size_t *ret_len) WA_MUST_USE;

/* The typed key as text of libsignal's kind; NULL without memory. */
ec_public_key *wa_signal_pub(struct wa_signal *s, const struct wa_pub *pub);

#endif
