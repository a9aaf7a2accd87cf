/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a mutation, a record, a snapshot's entry; and as the whole of a patch, walked as the client does. */
#include <wa/syncd.h>

#include "pb.h"

#include <base.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key_data[32] = { 7 };

static void one(const struct wa_syncd_keys *k, const struct wa_syncd_record *r)
{
	struct wa_syncd_entry e;
	struct wa_buf b;
	struct wa_syncd_record back;
	struct wa_arena a;

	if (r->index_mac.len != WA_SYNCD_MAC || r->value_mac.len != WA_SYNCD_MAC || !r->key_id.len)
		abort();
	wa_arena_init(&a, 1u << 20);
	/* Nobody has sealed it with this key. */
	if (wa_syncd_open(k, r->key_id, r->op, r->index_mac, r->blob, &a, &e, NULL) == 0)
		abort();
	wa_arena_clear(&a);
	wa_buf_init(&b, 4u << 20);
	wa_syncd_put_mutation(&b, r);
	if (wa_buf_end(&b, NULL) == 0 &&
	    (wa_syncd_read_mutation(wa_buf_view(&b), &back, NULL) || back.op != r->op ||
	     !wa_span_eq(back.blob, r->blob) || !wa_span_eq(back.key_id, r->key_id)))
		abort();
	wa_buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wa_span in = wa_span(data, size), at = in;
	struct wa_syncd_record r;
	struct wa_syncd_keys k;
	struct wa_pb_field f;

	wa_syncd_expand(wa_span(key_data, sizeof(key_data)), &k);
	if (wa_syncd_read_mutation(in, &r, NULL) == 0)
		one(&k, &r);
	if (wa_syncd_read_record(in, &r, NULL) == 0)
		one(&k, &r);
	while (wa_pb_next(&at, &f) == 1)
		if (f.number == 2 && f.wire == 2 && wa_syncd_read_mutation(f.bytes, &r, NULL) == 0)
			one(&k, &r);
	return 0;
}
