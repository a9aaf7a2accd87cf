/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer of mex: errors are told within bounds, what names a channel becomes one. */
#include "newsletter_int.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_one(const json_t *o)
{
	struct wa_newsletter n;
	struct wa_arena a;

	for (int partial = 0; partial < 2; partial++) {
		wa_arena_init(&a, 1u << 20);
		if (newsletter_read(&a, o, partial, &n) && !wa_arena_failed(&a) &&
		    (n.jid.server != WA_SRV_NEWSLETTER || n.followers < 0 || n.created_ms < 0 || (!partial && !n.name)))
			abort();
		wa_arena_clear(&a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *doc = NULL, *found = NULL;
	char text[40];
	size_t i;
	int code = mex_read(wa_span(data, size), "x", &doc, &found, text, sizeof(text));

	if (strlen(text) >= sizeof(text) || (code == 0) != (doc != NULL))
		abort();
	if (code == 0) {
		read_one(found);
		for (i = 0; i < json_array_size(found); i++)
			read_one(json_array_get(found, i));
	}
	json_decref(doc);
	return 0;
}
