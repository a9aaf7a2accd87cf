/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Protobuf to members and back, by the tables of message_schema.h. */
#include "message_schema.h"
#include "pb.h"

#include <base.h>
#include <text.h>

int wa_codec_fail(struct wa_codec *c)
{
	if (c->a->nomem)
		return wa_err_set(c->err, WA_ENOMEM, "no memory for a message");
	if (wa_arena_failed(c->a))
		return wa_err_set(c->err, WA_ELIMIT, "message does not fit into its arena");
	return wa_err_set(c->err, WA_EPROTO, "message is malformed");
}

/* Valid UTF-8 of at most WA_TEXT_MAX bytes; each byte that fits nowhere becomes U+FFFD. */
struct wa_span wa_codec_text(struct wa_codec *c, struct wa_span s)
{
	struct wa_buf fixed;
	size_t i = 0;

	if (wa_utf8_valid(s)) {
		s.len = wa_utf8_clip(s, WA_TEXT_MAX);
		return s;
	}
	wa_buf_init(&fixed, WA_TEXT_MAX);
	while (i < s.len && !fixed.failed) {
		size_t n = 1, left = s.len - i;

		while (n <= 4 && n <= left && !wa_utf8_valid(wa_span(s.ptr + i, n)))
			n++;
		if (n <= 4 && n <= left) {
			wa_buf_put(&fixed, s.ptr + i, n);
			i += n;
		} else {
			wa_buf_str(&fixed, "\xef\xbf\xbd");
			i++;
		}
	}
	s = wa_span(wa_arena_dup(c->a, fixed.ptr, fixed.len), fixed.len);
	wa_buf_clear(&fixed);
	return s.ptr ? s : wa_span(NULL, 0);
}

struct wa_jid wa_codec_jid(struct wa_span s)
{
	struct wa_jid j;

	if (s.len == 0 || wa_jid_parse(s, &j, NULL))
		return (struct wa_jid){ 0 };
	return j;
}

/* ---- reading ---- */

static uint64_t fixed_value(struct wa_span s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.len && i < 8; i++)
		v |= (uint64_t)s.ptr[i] << (8 * i);
	return v;
}

/* The wire type a field of ours has; what comes otherwise is ignored, as an unknown field is. */
static unsigned wire_of(uint8_t type)
{
	switch (type) {
	case WA_F_BOOL:
	case WA_F_INT:
	case WA_F_U32:
	case WA_F_U64:
	case WA_F_I64:
		return 0;
	case WA_F_DOUBLE:
		return 1;
	case WA_F_FLOAT:
	case WA_F_FIXED32:
		return 5;
	default:
		return 2;
	}
}

static void read_number(const struct wa_mfield *t, void *at, const struct wa_pb_field *f)
{
	uint64_t bits = f->wire == 0 ? f->varint : fixed_value(f->bytes);
	uint32_t low = (uint32_t)bits;
	int32_t number;
	float single;

	switch (t->type) {
	case WA_F_BOOL:
		/* What a wrapper says is not taken back inside. */
		*(bool *)at = bits != 0 || (t->in_message && *(bool *)at);
		break;
	case WA_F_INT:
		memcpy(&number, &low, sizeof(number));
		*(int *)at = number;
		break;
	case WA_F_U32:
	case WA_F_FIXED32:
		*(uint32_t *)at = low;
		break;
	case WA_F_U64:
	case WA_F_I64:
	case WA_F_DOUBLE:
		memcpy(at, &bits, sizeof(bits));
		break;
	case WA_F_FLOAT:
		memcpy(&single, &low, sizeof(single));
		*(double *)at = (double)single;
		break;
	default:
		break;
	}
}

static int read_field(struct wa_codec *c, const struct wa_mfield *t, void *base,
		      const struct wa_pb_field *f)
{
	char *at = (t->in_message ? (char *)c->m : (char *)base) + t->offset;
	int rc = 0;

	switch (t->type) {
	case WA_F_BYTES:
		*(struct wa_span *)(void *)at = f->bytes;
		break;
	case WA_F_TEXT:
		*(struct wa_span *)(void *)at = wa_codec_text(c, f->bytes);
		break;
	case WA_F_JID:
		*(struct wa_jid *)(void *)at = wa_codec_jid(f->bytes);
		break;
	case WA_F_SUB:
		rc = wa_fields_read(c, t->sub, at, f->bytes);
		if (rc == 0 && t->flag)
			*((bool *)((char *)base + t->flag)) = true;
		break;
	case WA_F_CONTEXT:
		if (!c->quoting)
			rc = wa_fields_read(c, wa_fields_context, c->m, f->bytes);
		break;
	case WA_F_KEY:
		rc = wa_fields_read(c, wa_fields_key, c->m, f->bytes);
		break;
	case WA_F_HOOK:
		rc = t->read ? t->read(c, base, f) : 0;
		break;
	default:
		read_number(t, at, f);
		break;
	}
	return rc;
}

int wa_fields_read(struct wa_codec *c, const struct wa_mfield *t, void *base, struct wa_span bytes)
{
	const struct wa_mfield *row;
	struct wa_pb_field f;
	int rc, more;

	if (c->depth == WA_DEPTH_MAX)
		return wa_err_set(c->err, WA_ELIMIT, "message is wrapped too deep");
	c->depth++;
	rc = 0;
	while (rc == 0 && (more = wa_pb_next(&bytes, &f)) != 0) {
		if (more < 0) {
			rc = wa_codec_fail(c);
			break;
		}
		for (row = t; row->type != WA_F_END && row->number != f.number; row++)
			;
		if (row->type != WA_F_END && f.wire == wire_of(row->type))
			rc = read_field(c, row, base, &f);
		else if (row->type == WA_F_HOOK && f.wire == 0 && row->read)
			rc = row->read(c, base, &f);
	}
	c->depth--;
	return rc;
}

/* ---- writing ---- */

static void write_float(uint32_t number, double value, struct wa_buf *out)
{
	float single = (float)value;
	uint32_t bits;

	memcpy(&bits, &single, sizeof(bits));
	if (bits)
		wa_pb_put_fixed(out, number, bits, 4);
}

static void write_jid(uint32_t number, const struct wa_jid *j, struct wa_buf *out)
{
	struct wa_jid bare = wa_jid_bare(j);
	char text[WA_JID_TEXT_MAX];

	if (!wa_jid_is_null(j))
		wa_pb_put(out, number, wa_span_str(wa_jid_text(&bare, text)));
}

static void write_varint(const struct wa_mfield *t, uint64_t value, struct wa_buf *out)
{
	if (value || t->always)
		wa_pb_put_varint(out, t->number, value);
}

static void check_text(struct wa_codec *c, const struct wa_mfield *t, struct wa_span s)
{
	if (c->failed || t->type != WA_F_TEXT)
		return;
	if (s.len > WA_TEXT_MAX)
		c->failed = wa_err_set(c->err, WA_ELIMIT, "text of %zu bytes; at most %d", s.len,
				       WA_TEXT_MAX);
	else if (!wa_utf8_valid(s))
		c->failed = wa_err_set(c->err, WA_EINVALID, "text is not UTF-8");
}

static void write_field(struct wa_codec *c, const struct wa_mfield *t, const void *base,
			struct wa_buf *out)
{
	const void *at = (t->in_message ? (const char *)c->in : (const char *)base) + t->offset;
	const struct wa_span *s = at;
	uint64_t bits;

	switch (t->type) {
	case WA_F_BOOL:
		write_varint(t, *(const bool *)at, out);
		break;
	case WA_F_INT: /* negative ones take ten bytes, as for any int32 */
		write_varint(t, (uint64_t)(int64_t)*(const int *)at, out);
		break;
	case WA_F_U32:
		write_varint(t, *(const uint32_t *)at, out);
		break;
	case WA_F_U64:
		write_varint(t, *(const uint64_t *)at, out);
		break;
	case WA_F_I64:
		write_varint(t, (uint64_t)*(const int64_t *)at, out);
		break;
	case WA_F_DOUBLE:
		memcpy(&bits, at, sizeof(bits));
		wa_pb_put_fixed(out, t->number, bits, 8);
		break;
	case WA_F_FLOAT:
		write_float(t->number, *(const double *)at, out);
		break;
	case WA_F_FIXED32:
		if (*(const uint32_t *)at)
			wa_pb_put_fixed(out, t->number, *(const uint32_t *)at, 4);
		break;
	case WA_F_BYTES:
	case WA_F_TEXT:
		check_text(c, t, *s);
		if (s->len || t->always)
			wa_pb_put(out, t->number, *s);
		break;
	case WA_F_JID:
		write_jid(t->number, at, out);
		break;
	case WA_F_SUB:
		if (!t->flag || *((const bool *)((const char *)base + t->flag)))
			wa_fields_put(c, t->number, t->sub, at, t->flag != 0 || t->always, out);
		break;
	case WA_F_CONTEXT:
		wa_fields_put(c, t->number, wa_fields_context, c->in, false, out);
		break;
	case WA_F_KEY:
		wa_fields_put(c, t->number, wa_fields_key, c->in, true, out);
		break;
	case WA_F_HOOK:
		if (t->write)
			t->write(c, base, t->number, out);
		break;
	default:
		break;
	}
}

void wa_fields_write(struct wa_codec *c, const struct wa_mfield *t, const void *base,
		     struct wa_buf *out)
{
	for (; t->type != WA_F_END; t++)
		write_field(c, t, base, out);
}

void wa_fields_put(struct wa_codec *c, uint32_t number, const struct wa_mfield *t, const void *base,
		   bool always, struct wa_buf *out)
{
	struct wa_buf inner;

	wa_buf_init(&inner, WA_RAW_MAX);
	wa_fields_write(c, t, base, &inner);
	if (inner.failed)
		out->failed = inner.failed;
	else if (inner.len || always)
		wa_pb_put(out, number, wa_buf_view(&inner));
	wa_buf_clear(&inner);
}
