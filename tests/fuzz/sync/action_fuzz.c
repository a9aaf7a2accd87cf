/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any index and value: never refused for their content; what is understood is written the same way again. */
#include <wa/syncd.h>

#include <base.h>
#include <text.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct wa_sync_action *first, struct wa_arena *a)
{
	struct wa_sync_action second = { .remove = first->remove };
	struct wa_sync_encoded enc;
	struct wa_syncd_entry e;

	if (wa_sync_action_encode(first, 1, a, &enc, NULL))
		return; /* a name may be missing, say */
	e = (struct wa_syncd_entry){ enc.index, enc.value, enc.version };
	if (wa_sync_action_decode(enc.collection, &e, a, &second, NULL)) {
		if (!wa_arena_failed(a))
			abort();
		return;
	}
	if (second.kind != first->kind || second.on != first->on ||
	    !wa_jid_eq(&second.chat, &first->chat) || second.range.n != first->range.n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t n = nul ? (size_t)(nul - data) : size;
	struct wa_syncd_entry e = { .index = wa_span(data, n), .version = 1 };
	struct wa_sync_action act = { .remove = size & 1 };
	struct wa_arena a;

	if (nul)
		e.value = wa_span(nul + 1, size - n - 1);
	wa_arena_init(&a, 1u << 20);
	if (wa_sync_action_decode(WA_SYNC_REGULAR, &e, &a, &act, NULL) == 0) {
		if (act.kind != WA_SYNC_OTHER && !wa_utf8_valid(wa_span_str(act.index)))
			abort();
		again(&act, &a);
	} else if (!wa_arena_failed(&a)) {
		abort();
	}
	wa_arena_clear(&a);
	return 0;
}
