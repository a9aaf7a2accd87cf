/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_IMPORT_H
#define WA_IMPORT_H

/*
 * Credentials that another implementation of the protocol has kept, as records
 * of this one (store.h), so that its owner need not link again: identity,
 * prekeys, Signal sessions with everybody, sender keys, LID map, app-state keys.
 *
 *	wa_import_new -> wa_import_... for all there is -> wa_import_records -> the host stores them
 *
 * Sessions and sender keys are written as libsignal's records (its public
 * LocalStorageProtocol.proto) and read back by libsignal at once: what it does
 * not take is refused with WA_EPROTO and left out; a new session is negotiated
 * with the first message then. Everything is copied. Functions refuse more than
 * WA_IMPORT_BYTES_MAX altogether with WA_ELIMIT.
 */
#include "signal.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WA_IMPORT_BYTES_MAX (256u << 20)
#define WA_IMPORT_CHAINS_MAX 64
#define WA_IMPORT_STATES_MAX 41	/* one current session and forty former ones */

struct wa_import;
WA_API int wa_import_new(struct wa_import **ret_im, struct wa_err *err) WA_MUST_USE;
WA_API void wa_import_free(struct wa_import *im);	/* NULL allowed; wipes */

/* First: who we are. Also checks that public and private keys belong together. */
WA_API int wa_import_device(struct wa_import *im, const struct wa_device *d, struct wa_err *err) WA_MUST_USE;

/* address: Signal address "user[_domain].device" */
WA_API int wa_import_identity(struct wa_import *im, const char *address, const struct wa_pub *pub,
			      struct wa_err *err) WA_MUST_USE;
/* One that was uploaded and not used yet. */
WA_API int wa_import_prekey(struct wa_import *im, uint32_t id, const struct wa_priv *priv, struct wa_err *err)
	WA_MUST_USE;

/* A message key that was skipped: `seed`, from which the three keys are derived. */
struct wa_import_mkey {
	uint32_t index;
	struct wa_key seed;
};
struct wa_import_chain {
	struct wa_pub ratchet;
	struct wa_priv ratchet_priv;	/* of our own chain */
	bool has_key;			/* a closed chain has only skipped keys */
	struct wa_key key;
	uint32_t index;			/* of the next message */
	const struct wa_import_mkey *skipped;
	size_t n_skipped;
};
struct wa_import_session {
	uint32_t remote_registration_id;
	struct wa_pub remote_identity;
	struct wa_key root;
	uint32_t previous_counter;
	struct wa_pub base_key;		/* of whoever began */
	bool has_sender;
	struct wa_import_chain sender;
	struct wa_import_chain receivers[WA_IMPORT_CHAINS_MAX];
	size_t n_receivers;		/* newest last */
	bool pending;			/* begun by us, and not answered yet */
	bool pending_has_prekey;
	uint32_t pending_prekey, pending_sprekey;
};
/* states[0] is the current one, the rest former ones. Wants wa_import_device before. */
WA_API int wa_import_session(struct wa_import *im, const char *address, const struct wa_import_session *states,
			     size_t n, struct wa_err *err) WA_MUST_USE;
/* The same from a libsignal record as it stands. */
WA_API int wa_import_session_record(struct wa_import *im, const char *address, struct wa_span record,
				    struct wa_err *err) WA_MUST_USE;

struct wa_import_sender_key {
	uint32_t id, iteration;
	struct wa_key chain;
	struct wa_pub signing;
	const struct wa_import_mkey *skipped;
	size_t n_skipped;
};
/* Keys of others only: states newest first. Our own are made anew, and given to all members again. */
WA_API int wa_import_sender_key(struct wa_import *im, const char *group, const char *address,
				const struct wa_import_sender_key *states, size_t n, struct wa_err *err) WA_MUST_USE;
/* The same from a libsignal record as it stands. */
WA_API int wa_import_sender_key_record(struct wa_import *im, const char *group, const char *address,
				       struct wa_span record, struct wa_err *err) WA_MUST_USE;

/* Number and LID are one person; users without server. */
WA_API int wa_import_lid(struct wa_import *im, const char *pn_user, const char *lid_user, struct wa_err *err)
	WA_MUST_USE;
/* fingerprint: protobuf, may be empty. newest: the one to write with. The states of the collections are
 * not taken over: they are read anew with these keys. */
WA_API int wa_import_sync_key(struct wa_import *im, struct wa_span id, struct wa_span data, int64_t timestamp,
			      struct wa_span fingerprint, bool newest, struct wa_err *err) WA_MUST_USE;
/* Trusted-contact token: theirs for us, and when (Unix seconds) it and ours were issued; 0 never. */
WA_API int wa_import_token(struct wa_import *im, const char *lid_user, struct wa_span token, int64_t t_s,
			   int64_t sender_t_s, struct wa_err *err) WA_MUST_USE;
/* messageSecret of a message, 32 bytes: votes and answers to it are opened with it. */
WA_API int wa_import_secret(struct wa_import *im, const char *chat, const char *sender, const char *id,
			    struct wa_span secret, struct wa_err *err) WA_MUST_USE;

/* A record of our own as it is (a bundle of this program); only its size is checked. */
WA_API int wa_import_record(struct wa_import *im, int kind, struct wa_span key, struct wa_span value,
			    struct wa_err *err) WA_MUST_USE;

/* All of it, valid until the next call with im. */
WA_API size_t wa_import_records(const struct wa_import *im, const struct wa_change **ret_changes);

#ifdef __cplusplus
}
#endif
#endif
