/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The protobufs of an answer: snapshot, patch, recovery, and where a file is. Views into the bytes. */
#include "sync_int.h"

#include "pb.h"

static struct wa_span nested(struct wa_span in)
{
	struct wa_span v = { NULL, 0 };

	return wa_pb_find(in, 1, &v) == 1 ? v : wa_span(NULL, 0);
}

static uint64_t nested_number(struct wa_span in)
{
	struct wa_pb_field f;
	uint64_t v = 0;

	while (wa_pb_next(&in, &f) == 1)
		if (f.number == 1 && f.wire == 0)
			v = f.varint;
	return v;
}

/* SyncdSnapshot: version 1, records 2, mac 3, keyId 4. */
int sync_read_snapshot(struct wa_span in, struct sync_head *h)
{
	struct wa_pb_field f;
	int rc;

	h->body = in;
	h->field = 2;
	while ((rc = wa_pb_next(&in, &f)) == 1) {
		if (f.wire != 2)
			continue;
		if (f.number == 1)
			h->version = nested_number(f.bytes);
		else if (f.number == 3)
			h->snapshot_mac = f.bytes;
		else if (f.number == 4)
			h->key_id = nested(f.bytes);
	}
	return rc;
}

/* SyncdPatch. ret_ref: externalMutations, empty when they are inside. */
int sync_read_patch(struct wa_span in, struct sync_head *h, struct wa_span *ret_ref)
{
	struct wa_pb_field f;
	int rc;

	*ret_ref = wa_span(NULL, 0);
	h->body = in;
	h->field = 2;
	while ((rc = wa_pb_next(&in, &f)) == 1) {
		if (f.wire != 2)
			continue;
		if (f.number == 1)
			h->version = nested_number(f.bytes);
		else if (f.number == 3)
			*ret_ref = f.bytes;
		else if (f.number == 4)
			h->snapshot_mac = f.bytes;
		else if (f.number == 5)
			h->patch_mac = f.bytes;
		else if (f.number == 6)
			h->key_id = nested(f.bytes);
	}
	return rc;
}

/* SyncdSnapshotRecovery: version 1, collectionName 2, mutationRecords 3, collectionLthash 4. The
 * hash takes the place of the MAC: the phone's session vouches for it. */
int sync_read_recovery(struct wa_span in, int collection, struct sync_head *h)
{
	struct wa_span name = { NULL, 0 };
	struct wa_pb_field f;
	int rc;

	h->body = in;
	h->field = 3;
	while ((rc = wa_pb_next(&in, &f)) == 1) {
		if (f.wire != 2)
			continue;
		if (f.number == 1)
			h->version = nested_number(f.bytes);
		else if (f.number == 2)
			name = f.bytes;
		else if (f.number == 4)
			h->snapshot_mac = f.bytes;
	}
	if (rc == 0 && (!wa_span_is(name, wa_sync_collection_str(collection)) ||
			h->snapshot_mac.len != WA_LTHASH_LEN))
		rc = WA_EPROTO;
	return rc;
}

/* ExternalBlobReference */
int sync_read_reference(struct wa_span in, struct wa_blob *b, struct wa_arena *a)
{
	struct wa_pb_field f;
	int rc;

	memset(b, 0, sizeof(*b));
	b->type = WA_MEDIA_APP_STATE;
	while ((rc = wa_pb_next(&in, &f)) == 1) {
		if (f.number == 1 && f.wire == 2)
			b->media_key = f.bytes;
		else if (f.number == 2 && f.wire == 2 && f.bytes.len < SYNC_PATH_MAX)
			b->direct_path = wa_arena_str(a, f.bytes);
		else if (f.number == 4 && f.wire == 0)
			b->length = f.varint;
		else if (f.number == 5 && f.wire == 2)
			b->file_sha256 = f.bytes;
		else if (f.number == 6 && f.wire == 2)
			b->file_enc_sha256 = f.bytes;
	}
	if (rc || !b->direct_path || b->media_key.len != 32 || b->file_enc_sha256.len != 32)
		return WA_EPROTO;
	return b->length > SYNC_FILE_MAX ? WA_ELIMIT : 0;
}

/* SyncdPlainTextRecord: value 1, keyId 2, mac 3. */
int sync_read_plain(struct wa_span in, struct wa_syncd_record *r, struct wa_span *ret_data)
{
	struct wa_pb_field f;
	int rc;

	memset(r, 0, sizeof(*r));
	*ret_data = wa_span(NULL, 0);
	while ((rc = wa_pb_next(&in, &f)) == 1) {
		if (f.wire != 2)
			continue;
		if (f.number == 1)
			*ret_data = f.bytes;
		else if (f.number == 2)
			r->key_id = f.bytes;
		else if (f.number == 3)
			r->value_mac = f.bytes;
	}
	return rc || r->value_mac.len != WA_SYNCD_MAC ? WA_EPROTO : 0;
}

/* SyncActionData of a recovery, not sealed. */
int sync_open_plain(struct wa_span data, const struct wa_syncd_keys *k, struct wa_syncd_entry *e,
		    uint8_t index_mac[WA_SYNCD_MAC])
{
	struct wa_pb_field f;
	int rc;

	memset(e, 0, sizeof(*e));
	while ((rc = wa_pb_next(&data, &f)) == 1) {
		if (f.number == 1 && f.wire == 2)
			e->index = f.bytes;
		else if (f.number == 2 && f.wire == 2)
			e->value = f.bytes;
		else if (f.number == 4 && f.wire == 0)
			e->version = (int)(f.varint & 0x7fffffff);
	}
	wa_syncd_index_mac(k, e->index, index_mac);
	return rc;
}
