/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pb.h"

#include <base.h>

static void *arena_alloc(void *ctx, size_t size)
{
	return wa_arena_alloc(ctx, size ? size : 1);
}

static void arena_free(void *ctx, void *ptr)
{
	(void)ctx;
	(void)ptr;
}

void *wa_pb_unpack(const ProtobufCMessageDescriptor *desc, struct wa_span bytes, struct wa_arena *a)
{
	ProtobufCAllocator alloc = { arena_alloc, arena_free, a };
	static const uint8_t nothing[1];

	return protobuf_c_message_unpack(desc, &alloc, bytes.len, bytes.len ? bytes.ptr : nothing);
}

int wa_pb_pack(const ProtobufCMessage *m, struct wa_buf *out, struct wa_err *err)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *p;

	if (len == 0)
		return wa_buf_end(out, err);
	p = wa_buf_grow(out, len);
	if (!p)
		return wa_buf_end(out, err);
	(void)protobuf_c_message_pack(m, p);
	return 0;
}

static bool read_varint(struct wa_span *s, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && s->len > 0; shift += 7) {
		uint8_t b = *s->ptr;

		s->ptr++;
		s->len--;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* Step over the value of a field; *ret is set for length-delimited ones. */
static bool skip_value(struct wa_span *s, unsigned wire, struct wa_span *ret)
{
	uint64_t v = 0;

	switch (wire) {
	case 0:
		return read_varint(s, &v);
	case 1:
		v = 8;
		break;
	case 2:
		if (!read_varint(s, &v))
			return false;
		break;
	case 5:
		v = 4;
		break;
	default:
		return false;
	}
	if (v > s->len)
		return false;
	*ret = wa_span(s->ptr, (size_t)v);
	s->ptr += v;
	s->len -= (size_t)v;
	return true;
}

int wa_pb_next(struct wa_span *at, struct wa_pb_field *ret_f)
{
	struct wa_span in = *at;
	uint64_t tag;

	memset(ret_f, 0, sizeof(*ret_f));
	if (in.len == 0)
		return 0;
	if (!read_varint(&in, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX)
		return WA_EPROTO;
	ret_f->number = (uint32_t)(tag >> 3);
	ret_f->wire = (unsigned)(tag & 7);
	if (ret_f->wire == 0 ? !read_varint(&in, &ret_f->varint)
			     : !skip_value(&in, ret_f->wire, &ret_f->bytes))
		return WA_EPROTO;
	*at = in;
	return 1;
}

int wa_pb_find(struct wa_span msg, uint32_t number, struct wa_span *ret)
{
	struct wa_span value = { NULL, 0 };
	uint64_t tag;
	int found = 0;

	while (msg.len > 0) {
		if (!read_varint(&msg, &tag) || tag >> 3 == 0 ||
		    !skip_value(&msg, (unsigned)(tag & 7), &value))
			return WA_EPROTO;
		if (tag >> 3 == number && (tag & 7) == 2) {
			*ret = value;
			found = 1;
		}
	}
	return found;
}

static size_t varint_len(uint64_t v)
{
	size_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}

static void put_varint(struct wa_buf *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		wa_buf_u8(out, (uint8_t)(v | 0x80));
	wa_buf_u8(out, (uint8_t)v);
}

void wa_pb_put_head(struct wa_buf *out, uint32_t number, size_t value_len)
{
	put_varint(out, (uint64_t)number << 3 | 2);
	put_varint(out, value_len);
}

void wa_pb_put_varint(struct wa_buf *out, uint32_t number, uint64_t value)
{
	put_varint(out, (uint64_t)number << 3);
	put_varint(out, value);
}

void wa_pb_put_fixed(struct wa_buf *out, uint32_t number, uint64_t bits, size_t size)
{
	put_varint(out, (uint64_t)number << 3 | (size == 8 ? 1 : 5));
	for (size_t i = 0; i < size; i++)
		wa_buf_u8(out, (uint8_t)(bits >> (8 * i)));
}

void wa_pb_put(struct wa_buf *out, uint32_t number, struct wa_span value)
{
	wa_pb_put_head(out, number, value.len);
	wa_buf_span(out, value);
}

size_t wa_pb_put_len(uint32_t number, size_t value_len)
{
	return varint_len((uint64_t)number << 3 | 2) + varint_len(value_len) + value_len;
}
