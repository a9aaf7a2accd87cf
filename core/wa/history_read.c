/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HistorySync as a stream: see the header. */
#include "history_read.h"

#include <base.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define INFLATE_STEP   (32u << 10)
#define INFLATE_BUSY   (256u << 10) /* inflated in one call without finding anything */
#define TAG_LEN_MAX    20           /* tag and length, both as long as varints get */
#define FIELD_CHATS    2
#define CHAT_MESSAGES  2

struct part {
	struct part *next;
	size_t len;
	uint8_t bytes[];
};

struct history_reader {
	struct part *first, *last, *at; /* at: being inflated; NULL: all are */
	size_t at_used, held;
	bool eof, z_open, z_end, last_pass, skip_messages;
	z_stream z;
	uint64_t inflated;
	struct wa_buf plain;
	size_t pos;         /* of plain, up to which it is read */
	uint64_t chat_left; /* of the conversation being read */
	bool in_chat;
	uint64_t pass_over; /* bytes of a field nobody wants */
};

static void *z_alloc(void *ctx, unsigned n, unsigned size)
{
	(void)ctx;
	return calloc(n, size);
}

static void z_free(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

struct history_reader *history_reader_new(void)
{
	struct history_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->z.zalloc = z_alloc;
	r->z.zfree = z_free;
	wa_buf_init(&r->plain, 2 * HISTORY_ITEM_MAX + 2 * INFLATE_STEP);
	return r;
}

void history_reader_free(struct history_reader *r)
{
	struct part *p;

	if (!r)
		return;
	while ((p = r->first)) {
		r->first = p->next;
		wa_wipe(p->bytes, p->len);
		free(p);
	}
	if (r->z_open)
		(void)inflateEnd(&r->z);
	wa_buf_wipe(&r->plain);
	free(r);
}

int history_reader_feed(struct history_reader *r, struct wa_span part, struct wa_err *err)
{
	struct part *p;

	if (part.len == 0)
		return 0;
	if (r->eof)
		return wa_err_set(err, WA_ESTATE, "history was over already");
	if (part.len > HISTORY_FILE_MAX - r->held)
		return wa_err_set(err, WA_ELIMIT, "history is too large");
	p = malloc(sizeof(*p) + part.len);
	if (!p)
		return wa_err_set(err, WA_ENOMEM, "no memory for history");
	p->next = NULL;
	p->len = part.len;
	memcpy(p->bytes, part.ptr, part.len);
	if (r->last)
		r->last->next = p;
	else
		r->first = p;
	r->last = p;
	if (!r->at)
		r->at = p;
	r->held += part.len;
	return 0;
}

void history_reader_eof(struct history_reader *r)
{
	r->eof = true;
}

void history_reader_rewind(struct history_reader *r)
{
	if (r->z_open)
		(void)inflateEnd(&r->z);
	r->z_open = r->z_end = r->in_chat = r->skip_messages = false;
	r->at = r->first;
	r->at_used = r->pos = 0;
	r->inflated = r->chat_left = r->pass_over = 0;
	wa_buf_wipe(&r->plain);
}

void history_reader_last_pass(struct history_reader *r)
{
	r->last_pass = true;
}

void history_reader_skip_messages(struct history_reader *r, bool skip)
{
	r->skip_messages = skip;
}

/* ---- inflating ---- */

static void part_done(struct history_reader *r)
{
	struct part *p = r->at;

	r->at = p->next;
	r->at_used = 0;
	if (!r->last_pass || p != r->first)
		return;
	r->first = p->next;
	if (!r->first)
		r->last = NULL;
	r->held -= p->len;
	wa_wipe(p->bytes, p->len);
	free(p);
}

static int inflate_some(struct history_reader *r, uint8_t *out, size_t size, size_t *ret_n,
			struct wa_err *err)
{
	size_t left = r->at->len - r->at_used;
	int rc;

	if (!r->z_open) {
		if (inflateInit(&r->z) != Z_OK)
			return wa_err_set(err, WA_ENOMEM, "no memory to inflate history");
		r->z_open = true;
	}
	r->z.next_in = r->at->bytes + r->at_used;
	r->z.avail_in = (unsigned)left;
	r->z.next_out = out;
	r->z.avail_out = (unsigned)size;
	rc = inflate(&r->z, Z_NO_FLUSH);
	*ret_n = size - r->z.avail_out;
	r->at_used += left - r->z.avail_in;
	if (rc == Z_STREAM_END)
		r->z_end = true;
	else if (rc == Z_MEM_ERROR)
		return wa_err_set(err, WA_ENOMEM, "no memory to inflate history");
	else if (rc != Z_OK && rc != Z_BUF_ERROR && *ret_n == 0) /* what came out before is read first */
		return wa_err_set(err, WA_EPROTO, "history is not a zlib stream");
	if (r->at_used == r->at->len)
		part_done(r);
	return 0;
}

/* 1: at least one byte more; 0: nothing to inflate at present; <0. */
static int fill(struct history_reader *r, struct wa_err *err)
{
	size_t room = INFLATE_STEP, before, n = 0;
	uint8_t *out;
	int rc;

	if (r->z_end)
		return 0;
	if (r->pos > r->plain.len / 2) {
		wa_buf_consume(&r->plain, r->pos);
		r->pos = 0;
	}
	before = r->plain.len;
	out = wa_buf_grow(&r->plain, room);
	if (!out)
		return wa_buf_end(&r->plain, err);
	rc = 0;
	while (rc == 0 && n == 0 && r->at && !r->z_end)
		rc = inflate_some(r, out, room, &n, err);
	r->plain.len = before + n;
	r->inflated += n;
	if (rc == 0 && r->inflated > HISTORY_PLAIN_MAX)
		rc = wa_err_set(err, WA_ELIMIT, "history inflates to too much");
	return rc ? rc : n > 0;
}

/* ---- reading ---- */

static bool varint(struct history_reader *r, size_t *at, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && *at < r->plain.len; shift += 7) {
		uint8_t b = r->plain.ptr[(*at)++];

		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static uint64_t little(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static size_t available(const struct history_reader *r)
{
	return r->plain.len - r->pos;
}

/* Bytes of the conversation are used up together with those of the stream. */
static int used(struct history_reader *r, size_t n, struct wa_err *err)
{
	r->pos += n;
	if (!r->in_chat)
		return 0;
	if (n > r->chat_left)
		return wa_err_set(err, WA_EPROTO, "a conversation ends inside a field");
	r->chat_left -= n;
	return 0;
}

/* 1: done with it; 0: more bytes are needed. */
static int pass_over(struct history_reader *r, struct wa_err *err)
{
	uint64_t n = available(r) < r->pass_over ? available(r) : r->pass_over;
	int rc = used(r, (size_t)n, err);

	r->pass_over -= n;
	return rc ? rc : r->pass_over == 0;
}

struct field {
	uint64_t tag, value;
	size_t head; /* bytes of tag, and of length or number */
	uint64_t len; /* of what follows */
};

/* 1: its head is there; 0: more bytes are needed; <0 */
static int read_head(struct history_reader *r, struct field *f, struct wa_err *err)
{
	size_t at = r->pos;
	bool got = varint(r, &at, &f->tag);

	f->len = f->value = 0;
	if (got) {
		switch (f->tag & 7) {
		case 0:
			got = varint(r, &at, &f->value);
			break;
		case 2:
			got = varint(r, &at, &f->len);
			break;
		case 1:
		case 5:
			f->len = (f->tag & 7) == 1 ? 8 : 4;
			break;
		default:
			return wa_err_set(err, WA_EPROTO, "history has a field of unknown form");
		}
	}
	if (!got)
		return available(r) >= TAG_LEN_MAX
			       ? wa_err_set(err, WA_EPROTO, "history has a number without end")
			       : 0;
	if (f->tag >> 3 == 0 || f->tag >> 3 > UINT32_MAX)
		return wa_err_set(err, WA_EPROTO, "history has a field without number");
	f->head = at - r->pos;
	if (r->in_chat && (f->head > r->chat_left || f->len > r->chat_left - f->head))
		return wa_err_set(err, WA_EPROTO, "a field is longer than its conversation");
	return 1;
}

static int begin_chat(struct history_reader *r, const struct field *f, struct history_item *ret,
		      struct wa_err *err)
{
	int rc = used(r, f->head, err);

	if (rc)
		return rc;
	r->in_chat = true;
	r->skip_messages = false;
	r->chat_left = f->len;
	*ret = (struct history_item){ .kind = HISTORY_CHAT, .number = FIELD_CHATS };
	return HISTORY_ITEM;
}

static int give(struct history_reader *r, const struct field *f, struct history_item *ret,
		struct wa_err *err)
{
	const uint8_t *body = r->plain.ptr + r->pos + f->head;
	uint32_t number = (uint32_t)(f->tag >> 3);
	int rc;

	*ret = (struct history_item){ .number = number, .value = f->value };
	ret->kind = !r->in_chat ? HISTORY_FIELD :
		    number == CHAT_MESSAGES && (f->tag & 7) == 2 ? HISTORY_MESSAGE : HISTORY_CHAT_FIELD;
	if ((f->tag & 7) == 2)
		ret->bytes = wa_span(body, (size_t)f->len);
	else if (f->len)
		ret->value = little(body, (size_t)f->len);
	rc = used(r, f->head + (size_t)f->len, err);
	return rc ? rc : HISTORY_ITEM;
}

/* One step with what is inflated: enum history_step, HISTORY_MORE when that is not enough, or
 * HISTORY_BUSY when something was passed over. */
static int step(struct history_reader *r, struct history_item *ret, struct wa_err *err)
{
	struct field f = { 0 };
	int rc;

	if (r->pass_over) {
		rc = pass_over(r, err);
		return rc < 0 ? rc : rc ? HISTORY_BUSY : HISTORY_MORE;
	}
	if (r->in_chat && r->chat_left == 0) {
		r->in_chat = false;
		*ret = (struct history_item){ .kind = HISTORY_CHAT_END };
		return HISTORY_ITEM;
	}
	rc = read_head(r, &f, err);
	if (rc <= 0)
		return rc < 0 ? rc : HISTORY_MORE;
	if (!r->in_chat && f.tag == (FIELD_CHATS << 3 | 2))
		return begin_chat(r, &f, ret, err);
	if (f.len > HISTORY_ITEM_MAX ||
	    (r->in_chat && r->skip_messages && f.tag == (CHAT_MESSAGES << 3 | 2))) {
		rc = used(r, f.head, err);
		r->pass_over = f.len;
		return rc ? rc : HISTORY_BUSY;
	}
	if (available(r) < f.head + f.len)
		return HISTORY_MORE;
	return give(r, &f, ret, err);
}

int history_reader_next(struct history_reader *r, struct history_item *ret, struct wa_err *err)
{
	uint64_t before = r->inflated;
	int rc;

	for (;;) {
		rc = step(r, ret, err);
		if (rc < 0 || rc == HISTORY_ITEM)
			return rc;
		if (rc == HISTORY_BUSY)
			continue;
		if (r->inflated - before >= INFLATE_BUSY)
			return HISTORY_BUSY;
		rc = fill(r, err);
		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
	}
	if (r->z_end && available(r) == 0 && !r->in_chat && !r->pass_over)
		return HISTORY_END;
	if (r->z_end || r->eof)
		return wa_err_set(err, WA_EPROTO, "history is cut off");
	return HISTORY_MORE;
}
