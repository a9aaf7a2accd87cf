/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbered parts: RECENT and FULL come in chunks, each with its number. One
 * that does not come although a later one did is asked for again.
 */
#include "history_int.h"

#define GAP_WAIT_MS  30000  /* after the last part, before a gap counts */
#define GAP_AGAIN_MS 120000 /* a phone needs time to make one anew */
#define ASKS_MAX     2
#define PROGRESS_ALL 100

static const int types[2] = { WA_HISTORY_RECENT, WA_HISTORY_FULL };

static struct history_chunks *chunks_of(struct history *h, int type)
{
	return type == WA_HISTORY_RECENT ? &h->chunks[0] : type == WA_HISTORY_FULL ? &h->chunks[1] : NULL;
}

void history_chunks_encode(const struct history *h, struct wa_buf *out)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		wa_buf_u8(out, h->chunks[i].progress);
		wa_buf_be16(out, h->chunks[i].max);
		wa_buf_u8(out, h->chunks[i].asked);
		wa_buf_put(out, h->chunks[i].seen, sizeof(h->chunks[i].seen));
	}
}

/* HISTORY_CHUNKS_LEN bytes. After a restart what was missing is looked for anew. */
void history_chunks_decode(struct history *h, const uint8_t *p)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		struct history_chunks *k = &h->chunks[i];

		k->progress = p[0];
		k->max = (uint16_t)(p[1] << 8 | p[2]);
		k->asked = p[3];
		memcpy(k->seen, p + 4, sizeof(k->seen));
		if (k->max >= HISTORY_CHUNKS_MAX)
			k->max = 0;
		p += 4 + sizeof(k->seen);
	}
}

static bool is_seen(const struct history_chunks *k, uint32_t n)
{
	return k->seen[n / 8] & 1u << n % 8;
}

static size_t missing(const struct history_chunks *k, uint32_t *out, size_t max)
{
	size_t n = 0;
	uint32_t i;

	for (i = 1; i <= k->max && n < max; i++)
		if (!is_seen(k, i))
			out[n++] = i;
	return n;
}

static bool gaps(const struct history_chunks *k)
{
	uint32_t one;

	return missing(k, &one, 1) > 0 && k->asked <= ASKS_MAX;
}

int64_t history_chunk_gap(const struct history *h, int64_t now)
{
	return gaps(&h->chunks[0]) || gaps(&h->chunks[1]) ? now + GAP_WAIT_MS : INT64_MAX;
}

void history_chunk_done(struct wa_client *c, struct history *h, const struct history_part *p, bool good)
{
	struct history_chunks *k = chunks_of(h, p->head.type);
	uint32_t n = p->head.chunk;

	if (!k)
		return;
	if (p->head.progress > k->progress)
		k->progress = (uint8_t)p->head.progress;
	if (n > 0 && n < HISTORY_CHUNKS_MAX) {
		if (n > k->max)
			k->max = (uint16_t)n;
		if (good)
			k->seen[n / 8] |= (uint8_t)(1u << n % 8);
		else
			k->seen[n / 8] &= (uint8_t)~(1u << n % 8);
	}
	h->changed = true;
	h->gap_at = history_chunk_gap(h, client_now(c));
}

bool history_chunks_whole(const struct wa_client *c, const struct history *h)
{
	const struct history_chunks *recent = &h->chunks[0], *full = &h->chunks[1];

	return !gaps(recent) && !gaps(full) &&
	       (full->progress == PROGRESS_ALL ||
		(recent->progress == PROGRESS_ALL && !c->depth_of.full));
}

static void tell(struct wa_client *c, struct history *h, size_t which)
{
	struct history_chunks *k = &h->chunks[which];
	struct wa_history e = { .type = types[which], .progress = k->progress };
	size_t i;

	e.n_missing = missing(k, e.missing, WA_HISTORY_MISSING_MAX);
	if (e.n_missing == 0 || k->asked > ASKS_MAX)
		return;
	e.final = ++k->asked > ASKS_MAX;
	h->changed = true;
	history_progress(c, &e, WA_HISTORY_MISSING);
	WA_LOG(c->env, WA_WARN, "history.missing", WA_S("type", wa_history_type_str(e.type)),
	       WA_I("first", e.missing[0]), WA_I("count", (int64_t)e.n_missing));
	for (i = 0; i < e.n_missing && !e.final; i++)
		history_ask_chunk(c, e.type, e.missing[i]);
	if (e.final && history_chunks_whole(c, h))
		history_progress(c, &e, WA_HISTORY_DONE);
}

void history_chunk_tick(struct wa_client *c, struct history *h, int64_t now)
{
	tell(c, h, 0);
	tell(c, h, 1);
	h->gap_at = gaps(&h->chunks[0]) || gaps(&h->chunks[1]) ? now + GAP_AGAIN_MS : INT64_MAX;
}
