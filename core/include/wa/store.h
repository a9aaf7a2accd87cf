/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_STORE_H
#define WA_STORE_H

/*
 * What a device must persist, as records: (kind, key) -> value.
 *
 * libwa reads records one at a time through wa_store_ops.load and never writes
 * one itself. Every write becomes a change of the current batch (client.h); the
 * host commits a batch in one transaction and says so; until then libwa's own
 * overlay answers reads, so the host may commit late and several at once, but
 * in order.
 *
 * Keys are text or small binary; values are opaque to the host and hold
 * secrets: seal them at rest.
 */
#include "buf.h"

#ifdef __cplusplus
extern "C" {
#endif

enum wa_record_kind {
	WA_REC_DEVICE = 1,	/* key "": the whole identity, see signal.h (struct wa_device) */
	WA_REC_SESSION = 2,	/* key: Signal address text "user[_domain].device" */
	WA_REC_IDENTITY = 3,	/* key: Signal address; value: 33-byte public key */
	WA_REC_PREKEY = 4,	/* key: 4-byte BE id; value: state byte, serialized prekey */
	WA_REC_SPREKEY = 5,	/* key: 4-byte BE id; value: private key, signature of a former signed prekey */
	WA_REC_SENDER_KEY = 6,	/* key: group JID, NUL, Signal address */
	WA_REC_LID = 7,		/* key: pn user; value: lid user */
	WA_REC_PN = 8,		/* key: lid user; value: pn user */
	WA_REC_DEVICES = 9,	/* key: bare user JID; value: device list with its time */
	WA_REC_SENT = 10,	/* key: message id; value: what a retry needs to send it again.
				 * libwa never deletes these: the host drops them after days. */
	WA_REC_SEEN = 11,	/* key: chat, NUL, sender, NUL, id; value: the message's secret, or empty.
				 * The host drops these after weeks. */
	WA_REC_CACHE = 12,	/* key: name; small things a connection remembers: routing info … */
	WA_REC_GROUP = 13,	/* key: group JID; value: its members and modes, as last told */
	WA_REC_SYNC_KEY = 14,	/* key: app-state key id; value: key data, times */
	WA_REC_SYNC_STATE = 15,	/* key: collection name; value: version, LTHash */
	WA_REC_SYNC_MAC = 16,	/* key: collection name, NUL, index MAC; value: value MAC */
	WA_REC_SECRET = 17,	/* key: chat, NUL, sender, NUL, id; value: message secret, 32 bytes, of polls
				 * and events (and of what history told); others: WA_REC_SENT, WA_REC_SEEN.
				 * The host drops them when it drops the message. */
	WA_REC_TOKEN = 18,	/* key: lid user; value: trusted-contact tokens, theirs and ours */
	WA_REC_HISTORY = 19,	/* parts of history announced and not yet read, and how far each chat goes */
	WA_REC_KEY_HOLDERS = 20,	/* key: group JID; value: devices that were given our sender key */
};

struct wa_store_ops {
	/* 1: found, value appended to out; 0: none; <0: error. Answers what is committed. */
	int (*load)(void *ctx, int kind, struct wa_span key, struct wa_buf *out, struct wa_err *err);
};

/* One write. value.ptr NULL with del set removes the record. */
struct wa_change {
	int kind;		/* enum wa_record_kind */
	bool del;
	struct wa_span key;
	struct wa_span value;
};

/* A store in memory: tests, examples, simulated phones. */
struct wa_memstore;
WA_API struct wa_memstore *wa_memstore_new(void);
WA_API void wa_memstore_free(struct wa_memstore *m);
WA_API const struct wa_store_ops *wa_memstore_ops(void);	/* ctx = the wa_memstore */
WA_API int wa_memstore_apply(struct wa_memstore *m, const struct wa_change *changes, size_t n);

#ifdef __cplusplus
}
#endif
#endif
