/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token.h"

#include <pthread.h>

#define TOKEN_MAX_LEN 64	/* longer texts are not looked up */
#define INDEX_SLOTS 4096	/* power of two, three times the tokens: short probes */

static const struct wa_span tokens[] = {
#define TOKEN(s) { (const uint8_t *)(s), sizeof(s) - 1 },
#include "token.def"
#undef TOKEN
};

_Static_assert(WA_ARRAY_LEN(tokens) == WA_TOKEN_COUNT, "the dictionary is complete");

/* Hash index over the constant table, made at the first look-up; number 0 marks a free slot. */
static uint16_t token_index[INDEX_SLOTS];
static pthread_once_t token_index_once = PTHREAD_ONCE_INIT;

/* FNV-1a. Unkeyed is safe: the table is fixed, a stranger cannot lengthen a probe. */
static uint32_t hash(struct wa_span s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.ptr[i]) * 16777619u;
	return h ^ h >> 15;
}

/* Where the text is, or the free slot where it belongs. */
static uint16_t *slot_of(struct wa_span text)
{
	uint32_t i = hash(text) % INDEX_SLOTS;

	while (token_index[i] && !wa_span_eq(tokens[token_index[i]], text))
		i = (i + 1) % INDEX_SLOTS;
	return &token_index[i];
}

static void make_index(void)
{
	for (unsigned n = 1; n < WA_TOKEN_COUNT; n++) {
		uint16_t *slot = slot_of(tokens[n]);

		/* a text in two tables keeps its shorter code, which comes first */
		if (!*slot)
			*slot = (uint16_t)n;
	}
}

struct wa_span wa_token_text(unsigned number)
{
	return tokens[number];
}

int wa_token_find(struct wa_span text)
{
	uint16_t n;

	if (text.len == 0 || text.len > TOKEN_MAX_LEN)
		return -1;
	(void)pthread_once(&token_index_once, make_index);
	n = *slot_of(text);
	return n ? n : -1;
}
