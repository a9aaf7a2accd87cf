/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any plaintext: a stanza that decodes encodes again, and the second turn gives the same bytes. */
#include <wa/node.h>

#define LIMIT ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wa_arena a1, a2;
	struct wa_buf b1, b2, text;
	const struct wa_node *n1, *n2;

	wa_arena_init(&a1, LIMIT);
	wa_arena_init(&a2, LIMIT);
	wa_buf_init(&b1, LIMIT);
	wa_buf_init(&b2, LIMIT);
	wa_buf_init(&text, LIMIT);
	if (wa_node_decode(wa_span(data, size), &a1, &n1, NULL) == WA_OK) {
		wa_node_print(n1, &text);
		if (wa_node_encode(n1, &b1, NULL) == WA_OK) {
			if (wa_node_decode(wa_buf_view(&b1), &a2, &n2, NULL) < 0 ||
			    wa_node_encode(n2, &b2, NULL) < 0 ||
			    !wa_span_eq(wa_buf_view(&b1), wa_buf_view(&b2)))
				abort();
		}
	}
	wa_arena_clear(&a1);
	wa_arena_clear(&a2);
	wa_buf_clear(&b1);
	wa_buf_clear(&b2);
	wa_buf_clear(&text);
	return 0;
}
