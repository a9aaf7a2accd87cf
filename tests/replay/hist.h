/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_REPLAY_HIST_H
#define TESTS_REPLAY_HIST_H

/* A phone's history for tests: HistorySync written by hand, announced as a peer message. */
#include <string.h>
#include <zlib.h>

#include "pb.h"
#include "test.h"

static inline void hist_text(struct wa_buf *b, uint32_t field, const char *s)
{
	wa_pb_put(b, field, wa_span_str(s));
}

/* HistorySyncMsg of a text */
static inline void hist_message(struct wa_buf *chat, const char *jid, const char *id, bool from_me,
				int64_t t_s, const char *text)
{
	uint8_t secret[32];
	struct wa_buf key, msg, info, one;

	memset(secret, 7, sizeof(secret));
	wa_buf_init(&key, 1u << 16);
	wa_buf_init(&msg, 1u << 20);
	wa_buf_init(&info, 1u << 20);
	wa_buf_init(&one, 1u << 20);
	hist_text(&key, 1, jid);
	wa_pb_put_varint(&key, 2, from_me);
	hist_text(&key, 3, id);
	hist_text(&msg, 1, text);
	wa_pb_put(&info, 1, wa_buf_view(&key));
	wa_pb_put(&info, 2, wa_buf_view(&msg));
	wa_pb_put_varint(&info, 3, (uint64_t)t_s);
	wa_pb_put_varint(&info, 4, 4);
	wa_pb_put(&info, 49, wa_span(secret, 32));
	wa_pb_put(&one, 1, wa_buf_view(&info));
	wa_pb_put(chat, 2, wa_buf_view(&one));
	assert_int_equal(wa_buf_end(chat, NULL), 0);
	wa_buf_clear(&key);
	wa_buf_clear(&msg);
	wa_buf_clear(&info);
	wa_buf_clear(&one);
}

/* A conversation of n texts "id<first>", newest first, one a minute before t_s. */
static inline void hist_chat(struct wa_buf *sync, const char *jid, const char *other, unsigned first,
			     unsigned n, int64_t t_s)
{
	struct wa_buf chat;
	char id[32], text[32];

	wa_buf_init(&chat, 1u << 28);
	hist_text(&chat, 1, jid);
	for (unsigned i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "H%u", first + i);
		snprintf(text, sizeof(text), "old %u", first + i);
		hist_message(&chat, jid, id, i % 2, t_s - 60 * (int64_t)i, text);
	}
	wa_pb_put_varint(&chat, 6, 3);
	wa_pb_put_varint(&chat, 12, (uint64_t)t_s);
	hist_text(&chat, 13, "Old friends");
	if (other)
		hist_text(&chat, strstr(jid, "@lid") ? 39 : 42, other);
	wa_pb_put(sync, 2, wa_buf_view(&chat));
	assert_int_equal(wa_buf_end(sync, NULL), 0);
	wa_buf_clear(&chat);
}

static inline void hist_deflate(struct wa_span plain, struct wa_buf *out)
{
	uLongf n = compressBound(plain.len);
	uint8_t *p = wa_buf_grow(out, n);

	assert_non_null(p);
	assert_int_equal(compress2(p, &n, plain.ptr, plain.len, 6), Z_OK);
	out->len = n;
}

struct hist_note {
	const char *id;
	int type;
	unsigned chunk, progress;
	const char *request;
	bool file; /* on a media host instead of inline */
};

/* The notification as its phone would send it, with payload inline. */
static inline void hist_announce(struct mini *m, const struct hist_note *h, struct wa_span packed)
{
	static const uint8_t key[32] = { 1 };
	struct wa_buf note, proto, msg;
	struct wa_node *n;

	wa_buf_init(&note, 1u << 24);
	wa_buf_init(&proto, 1u << 24);
	wa_buf_init(&msg, 1u << 24);
	if (h->file) {
		wa_pb_put(&note, 1, wa_span(key, 32));
		wa_pb_put(&note, 3, wa_span(key, 32));
		wa_pb_put(&note, 4, wa_span(key, 32));
		hist_text(&note, 5, "/mms/h?x=1");
	} else {
		wa_pb_put(&note, 11, packed);
	}
	wa_pb_put_varint(&note, 6, (uint64_t)h->type);
	if (h->chunk)
		wa_pb_put_varint(&note, 7, h->chunk);
	wa_pb_put_varint(&note, 9, h->progress);
	if (h->request)
		hist_text(&note, 12, h->request);
	wa_pb_put_varint(&proto, 2, 5);
	wa_pb_put(&proto, 6, wa_buf_view(&note));
	wa_pb_put(&msg, 12, wa_buf_view(&proto));
	n = mini_message(m, &m->phone, h->id, wa_buf_view(&msg));
	wa_node_attr(&m->arena, n, "category", "peer");
	mini_send(m, n);
	wa_buf_clear(&note);
	wa_buf_clear(&proto);
	wa_buf_clear(&msg);
}

#endif
