/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_SYNCD_H
#define WA_SYNCD_H

/*
 * The codec of the app state, below sync.h: keys, hashes, entries. No state, no
 * I/O. The client uses it, and the phone's half in the sandbox.
 *
 * An entry on the wire (SyncdRecord) is an index blob, HMAC of the index text;
 * a value blob, IV 16 | AES-256-CBC(SyncActionData) | value MAC 32; a key id.
 * A collection has a running hash (LTHash) over the value MACs of its entries,
 * so that adding and taking out costs the same whatever its size.
 * Source: protocol 1.22; proved against patches Baileys made.
 */
#include "arena.h"
#include "buf.h"
#include "sync.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WA_SYNCD_MAC 32
#define WA_SYNCD_IV 16
#define WA_LTHASH_LEN 128

enum wa_syncd_op { WA_SYNCD_SET, WA_SYNCD_REMOVE };	/* as in SyncdMutation */

struct wa_syncd_keys {			/* secret */
	struct wa_key index, value, value_mac, snapshot_mac, patch_mac;
};
/* HKDF-SHA256(key data, info "WhatsApp Mutation Keys", 160). */
WA_API void wa_syncd_expand(struct wa_span key_data, struct wa_syncd_keys *ret_keys);

/* 64 little-endian numbers of 16 bits, each modulo 2^16; zeroes for an empty collection. */
struct wa_lthash { uint8_t sum[WA_LTHASH_LEN]; };
/* Put an entry in, take one out: by its value MAC. */
WA_API void wa_lthash_add(struct wa_lthash *h, const uint8_t value_mac[WA_SYNCD_MAC]);
WA_API void wa_lthash_sub(struct wa_lthash *h, const uint8_t value_mac[WA_SYNCD_MAC]);

/* By what the server knows an entry. index: its JSON text. */
WA_API void wa_syncd_index_mac(const struct wa_syncd_keys *k, struct wa_span index, uint8_t out[WA_SYNCD_MAC]);
/* Over the running hash at this version; collection: its name. */
WA_API void wa_syncd_snapshot_mac(const struct wa_syncd_keys *k, const struct wa_lthash *h, uint64_t version,
				  const char *collection, uint8_t out[WA_SYNCD_MAC]);
/* value_macs: those of the patch's entries, in order, one behind the other. */
WA_API void wa_syncd_patch_mac(const struct wa_syncd_keys *k, const uint8_t snapshot_mac[WA_SYNCD_MAC],
			       struct wa_span value_macs, uint64_t version, const char *collection,
			       uint8_t out[WA_SYNCD_MAC]);

/* Seal one entry: the value blob is appended to out; its last 32 bytes are the value MAC. */
WA_API int wa_syncd_seal(const struct wa_syncd_keys *k, struct wa_span key_id, int op, const uint8_t iv[WA_SYNCD_IV],
			 struct wa_span index, struct wa_span value, int version, struct wa_buf *out,
			 struct wa_err *err) WA_MUST_USE;

struct wa_syncd_entry {			/* views into the arena it was opened into */
	struct wa_span index;		/* JSON text */
	struct wa_span value;		/* SyncActionValue */
	int version;
};
/* Verify and open. WA_ECRYPTO: the value MAC or the index is wrong; WA_EPROTO: not readable. */
WA_API int wa_syncd_open(const struct wa_syncd_keys *k, struct wa_span key_id, int op, struct wa_span index_mac,
			 struct wa_span blob, struct wa_arena *a, struct wa_syncd_entry *ret_e,
			 struct wa_err *err) WA_MUST_USE;

/* ---- SyncdRecord, SyncdMutation ---- */

struct wa_syncd_record {		/* views */
	int op;				/* enum wa_syncd_op */
	struct wa_span index_mac;	/* 32 bytes */
	struct wa_span blob, value_mac;	/* value_mac: the last 32 bytes of blob */
	struct wa_span key_id;
};
/* Views into `in`; an error where a part is missing or too short for its MAC. */
WA_API int wa_syncd_read_record(struct wa_span in, struct wa_syncd_record *ret_r, struct wa_err *err) WA_MUST_USE;
WA_API int wa_syncd_read_mutation(struct wa_span in, struct wa_syncd_record *ret_r, struct wa_err *err) WA_MUST_USE;
/* Appended to out, without tag and length of a surrounding message. */
WA_API void wa_syncd_put_record(struct wa_buf *out, struct wa_span index_mac, struct wa_span blob, struct wa_span key_id);
WA_API void wa_syncd_put_mutation(struct wa_buf *out, const struct wa_syncd_record *r);

/* ---- what an entry means ---- */

/* Index text, SyncActionValue, collection and action version for a change. WA_EINVALID: a field
 * that this kind needs is missing. now_ms is its time when it has none. */
struct wa_sync_encoded {
	struct wa_span index, value;	/* in the arena */
	int collection, version;
};
WA_API int wa_sync_action_encode(const struct wa_sync_action *a, int64_t now_ms, struct wa_arena *arena,
				 struct wa_sync_encoded *ret_e, struct wa_err *err) WA_MUST_USE;
/* Never fails on content: what is not understood is WA_SYNC_OTHER. Texts that are not UTF-8 are empty.
 * WA_ENOMEM, WA_ELIMIT: the arena is full. */
WA_API int wa_sync_action_decode(int collection, const struct wa_syncd_entry *e, struct wa_arena *arena,
				 struct wa_sync_action *ret_a, struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
