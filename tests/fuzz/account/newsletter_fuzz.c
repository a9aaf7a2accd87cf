/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message of a channel, as a stanza's plaintext. */
#include "newsletter_int.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wa_newsletter_message m;
	const struct wa_node *n;
	struct wa_arena a, out;

	if (size > 65536)
		return 0;
	wa_arena_init(&a, 4u << 20);
	wa_arena_init(&out, 16u << 20);
	if (wa_node_decode(wa_span(data, size), &a, &n, NULL) == 0 && newsletter_read_message(&out, n, &m) &&
	    !wa_arena_failed(&out) &&
	    (m.server_id <= 0 || m.views < -1 || m.n_reactions > WA_NEWSLETTER_CODES_MAX || (m.message && !m.raw.len)))
		abort();
	wa_arena_clear(&out);
	wa_arena_clear(&a);
	return 0;
}
