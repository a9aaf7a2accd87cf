/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_PB_H
#define WA_PB_H

/*
 * protobuf-c on our memory: unpacked messages live in an arena, so that its
 * maximum bounds what hostile bytes can make us allocate, and nothing needs
 * to be freed one by one. Never call xxx__free_unpacked() on them.
 */
#include <wa/arena.h>
#include <wa/buf.h>

#include <protobuf-c/protobuf-c.h>

#define WA_PB_ARENA_MAX (64u << 10)	/* for small messages: ADV, device record */

/* NULL: malformed, or more than the arena allows (wa_arena_failed() tells). */
void *wa_pb_unpack(const ProtobufCMessageDescriptor *desc, struct wa_span bytes,
		   struct wa_arena *a);
int wa_pb_pack(const ProtobufCMessage *m, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;

/* By hand, where unpacking everything would be waste: */

/* One field after the other; views into the message. */
struct wa_pb_field {
	uint32_t number;
	unsigned wire;		/* 0 varint, 1 64 bits, 2 bytes, 5 32 bits */
	uint64_t varint;	/* wire 0 */
	struct wa_span bytes;	/* the others: as they stand */
};
/* 1: *ret_f, *at moved behind it; 0: no more; WA_EPROTO malformed. */
int wa_pb_next(struct wa_span *at, struct wa_pb_field *ret_f) WA_MUST_USE;

/* The last length-delimited field of that number at the top level; 1/0, WA_EPROTO malformed. */
int wa_pb_find(struct wa_span msg, uint32_t number, struct wa_span *ret) WA_MUST_USE;
void wa_pb_put(struct wa_buf *out, uint32_t number, struct wa_span value);
void wa_pb_put_varint(struct wa_buf *out, uint32_t number, uint64_t value);
/* size 4 or 8: fixed32, fixed64 and what is stored like them */
void wa_pb_put_fixed(struct wa_buf *out, uint32_t number, uint64_t bits, size_t size);
size_t wa_pb_put_len(uint32_t number, size_t value_len);	/* bytes wa_pb_put() writes */
/* Tag and length only: value_len bytes are to follow. */
void wa_pb_put_head(struct wa_buf *out, uint32_t number, size_t value_len);

/* A field's view of bytes; protobuf-c does not write through it when packing. */
static inline ProtobufCBinaryData wa_pb_bytes(struct wa_span s)
{
	union {
		const uint8_t *in;
		uint8_t *out;
	} ptr = { s.ptr };

	return (ProtobufCBinaryData){ s.len, ptr.out };
}

static inline struct wa_span wa_pb_span(ProtobufCBinaryData b)
{
	return wa_span(b.data, b.len);
}

#endif
