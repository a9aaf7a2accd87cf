/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phone tells the LIDs of everybody it knows, when the account's chats move
 * from phone numbers to LIDs. It may be thousands: they are remembered first
 * and learned a few per turn.
 */
#include "history_int.h"

#include <zlib.h>

#include "pb.h"

#define PAYLOAD_MAX (8u << 20)
#define PER_BATCH   64

static struct wa_span position_key(void)
{
	return wa_span_str("mp");
}

/* Some phones compress it. */
static int unpack(struct wa_span s, struct wa_buf *out)
{
	z_stream z = { .next_in = NULL };
	bool packed = s.len > 2 && s.ptr[0] == 0x1f && s.ptr[1] == 0x8b;
	int rc = Z_OK;

	if (!packed) {
		wa_buf_span(out, s);
		return wa_buf_end(out, NULL);
	}
	if (inflateInit2(&z, 15 + 32) != Z_OK)
		return WA_ENOMEM;
	union {
		const uint8_t *in;
		uint8_t *next;
	} from = { s.ptr };

	z.next_in = from.next;
	z.avail_in = (unsigned)s.len;
	while (rc == Z_OK) {
		size_t before = out->len;
		uint8_t *p = wa_buf_grow(out, 1u << 14);

		if (!p)
			break;
		z.next_out = p;
		z.avail_out = 1u << 14;
		rc = inflate(&z, Z_NO_FLUSH);
		out->len = before + ((1u << 14) - z.avail_out);
	}
	(void)inflateEnd(&z);
	return rc == Z_STREAM_END ? wa_buf_end(out, NULL) : WA_EPROTO;
}

void lidsync_mapping(struct wa_client *c, const struct wa_msg_info *info, struct wa_span content)
{
	struct wa_span payload;
	struct wa_buf plain;
	struct history *h;

	(void)info;
	if (wa_pb_find(content, 1, &payload) != 1)
		return;
	wa_buf_init(&plain, PAYLOAD_MAX);
	h = history_get(c);
	if (unpack(payload, &plain)) {
		WA_LOG(c->env, WA_WARN, "lidsync.malformed", WA_I("len", (int64_t)payload.len));
	} else if (h) {
		history_put(c, wa_span_str("m"), wa_buf_view(&plain));
		if (wa_records_del(c->rec, WA_REC_HISTORY, position_key()))
			client_nomem(c);
		h->mapping = h->changed = true;
	}
	wa_buf_clear(&plain);
}

static void learn(struct wa_client *c, struct wa_span one)
{
	uint64_t pn = 0, assigned = 0, latest = 0;
	struct wa_jid a, b;
	struct wa_pb_field f;
	char text[24];

	while (wa_pb_next(&one, &f) == 1) {
		if (f.wire != 0)
			continue;
		if (f.number == 1)
			pn = f.varint;
		else if (f.number == 2)
			assigned = f.varint;
		else if (f.number == 3)
			latest = f.varint;
	}
	if (pn == 0 || (assigned == 0 && latest == 0))
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)pn);
	a = wa_jid_make(WA_SRV_PN, text, 0);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)(latest ? latest : assigned));
	b = wa_jid_make(WA_SRV_LID, text, 0);
	client_learn_many(c, &a, &b);
}

static void end(struct wa_client *c, struct history *h)
{
	h->mapping = false;
	if (wa_records_del(c->rec, WA_REC_HISTORY, wa_span_str("m")) ||
	    wa_records_del(c->rec, WA_REC_HISTORY, position_key()))
		client_nomem(c);
}

static size_t position(struct wa_client *c)
{
	struct wa_span v;
	size_t n = 0, i;
	int rc = wa_records_view(c->rec, WA_REC_HISTORY, position_key(), &v, NULL);

	if (rc < 0)
		client_nomem(c);
	if (rc == 1)
		for (i = 0; i < v.len && i < 4; i++)
			n = n << 8 | v.ptr[i];
	return n;
}

void lidsync_work(struct wa_client *c, struct history *h)
{
	struct wa_buf payload, at;
	struct wa_pb_field f;
	struct wa_span rest;
	bool cut = false;
	size_t done, n = 0;
	int rc;

	wa_buf_init(&payload, PAYLOAD_MAX);
	wa_buf_init(&at, 16);
	done = position(c);
	rc = wa_records_get(c->rec, WA_REC_HISTORY, wa_span_str("m"), &payload, NULL);
	if (rc < 0)
		client_nomem(c);
	if (rc != 1 || done > payload.len) {
		end(c, h);
		goto out;
	}
	rest = wa_span(payload.ptr + done, payload.len - done);
	while (n++ < PER_BATCH && !(cut = !client_slice(c, COST_HISTORY)) && (rc = wa_pb_next(&rest, &f)) == 1)
		if (f.number == 1 && f.wire == 2)
			learn(c, f.bytes);
	if (!cut && rc != 1) {
		end(c, h);
		goto out;
	}
	wa_buf_be32(&at, (uint32_t)(payload.len - rest.len));
	history_put(c, position_key(), wa_buf_view(&at));
out:
	wa_buf_clear(&at);
	wa_buf_clear(&payload);
}
