/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A collection that the server cannot give us whole: the phone sends its own. */
#include "peer.h"
#include "sync_int.h"

#include "pb.h"

#include <zlib.h>

#define INFLATE_STEP (64u << 10)

/* PeerDataOperationRequestMessage{type 1, syncdCollectionFatalRecoveryRequest 7} */
void sync_recover_ask(struct wa_client *c, int collection)
{
	const struct peer_opts opts = { .priority = "high" };
	struct wa_buf request, pdo, message;

	wa_buf_init(&request, 1024);
	wa_buf_init(&pdo, 2048);
	wa_buf_init(&message, 4096);
	wa_pb_put(&request, 1, wa_span_str(wa_sync_collection_str(collection)));
	wa_pb_put_varint(&request, 2, (uint64_t)(client_now(c) + c->server_offset_ms));
	wa_pb_put_varint(&pdo, 1, PEER_PDO_SYNC_RECOVERY);
	wa_pb_put(&pdo, 7, wa_buf_view(&request));
	peer_wrap(&message, PEER_PDO_REQUEST, 16, wa_buf_view(&pdo));
	if (!message.failed)
		peer_send(c, wa_buf_view(&message), &opts, NULL, NULL, NULL);
	wa_buf_clear(&request);
	wa_buf_clear(&pdo);
	wa_buf_clear(&message);
}

/* gzip, at most SYNC_FILE_MAX. */
static int inflate_all(struct wa_span in, struct wa_buf *out)
{
	z_stream z = { 0 };
	int rc;

	if (in.len > UINT32_MAX || inflateInit2(&z, 15 + 32) != Z_OK)
		return WA_EPROTO;
	z.next_in = wa_pb_bytes(in).data;
	z.avail_in = (unsigned)in.len;
	do {
		uint8_t *p = wa_buf_grow(out, INFLATE_STEP);

		if (!p) {
			inflateEnd(&z);
			return WA_ELIMIT;
		}
		z.next_out = p;
		z.avail_out = INFLATE_STEP;
		rc = inflate(&z, Z_NO_FLUSH);
		out->len -= z.avail_out;
	} while (rc == Z_OK && (z.avail_in || z.avail_out == 0));
	inflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : WA_EPROTO;
}

static int collection_of(struct wa_span recovery)
{
	struct wa_span name;

	return wa_pb_find(recovery, 2, &name) == 1 ? wa_sync_collection_find(name) : -1;
}

static void take(struct wa_client *c, struct wa_span recovery)
{
	struct sync *s = c->sync;
	int i = collection_of(recovery);

	/* Only what we asked for. */
	if (i < 0 || !s || !s->cols[i].recover_at) {
		WA_LOG(c->env, WA_WARN, "sync.recovery_ignored", WA_I("collection", i));
		return;
	}
	s->cols[i].held = sync_job_new(c, i, true);
	if (!s->cols[i].held)
		return;
	s->cols[i].recover_at = 0;
	sync_job_recovery(s->cols[i].held, recovery);
	/* It ends where the phone was: later patches are the server's. */
	s->cols[i].want = true;
}

/* SyncDSnapshotFatalRecoveryResponse{collectionSnapshot 1, isCompressed 2} */
void sync_recovery(struct wa_client *c, const struct wa_msg_info *info, struct wa_span request,
		   struct wa_span result)
{
	struct wa_span snapshot = { NULL, 0 };
	bool compressed = false;
	struct wa_pb_field f;
	struct wa_buf plain;

	(void)info;
	(void)request;
	while (wa_pb_next(&result, &f) == 1) {
		if (f.number == 1 && f.wire == 2)
			snapshot = f.bytes;
		else if (f.number == 2 && f.wire == 0)
			compressed = f.varint != 0;
	}
	wa_buf_init(&plain, SYNC_FILE_MAX);
	if (!compressed)
		take(c, snapshot);
	else if (inflate_all(snapshot, &plain) == 0)
		take(c, wa_buf_view(&plain));
	wa_buf_wipe(&plain);
}

int wa_client_sync_fatal(struct wa_client *c, int collection, struct wa_err *err)
{
	const struct peer_opts opts = { .priority = "high" };
	struct wa_buf content, message;
	int rc;

	if (collection < 0 || collection >= WA_SYNC_COLLECTIONS)
		return wa_err_set(err, WA_EINVALID, "no such collection");
	if (c->state != WA_ST_READY || c->dead || c->failed)
		return wa_err_set(err, WA_ESTATE, "not connected");
	client_enter(c);
	wa_buf_init(&content, 1024);
	wa_buf_init(&message, 2048);
	wa_pb_put(&content, 1, wa_span_str(wa_sync_collection_str(collection)));
	wa_pb_put_varint(&content, 2, (uint64_t)(client_now(c) + c->server_offset_ms));
	peer_wrap(&message, PEER_SYNC_FATAL, 10, wa_buf_view(&content));
	rc = wa_buf_end(&message, err);
	if (rc == 0)
		peer_send(c, wa_buf_view(&message), &opts, NULL, NULL, NULL);
	wa_buf_clear(&content);
	wa_buf_clear(&message);
	client_leave(c);
	return rc;
}
