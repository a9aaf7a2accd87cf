/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inside.h"

#define BULK_MAX  64 /* runs remembered */
#define PERIOD_MS 5
#define BURST     200 /* texts in one turn, so that the loop breathes */

struct sb_bulk *sb_bulk_find(struct sandbox *s, uint32_t id)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &s->bulks)
	{
		struct sb_bulk *b = container_of(l, struct sb_bulk, link);

		if (b->id == id)
			return b;
	}
	return NULL;
}

/* 3EBB, the run in 4 hex digits, the number in 10. */
struct sb_bulk *sb_bulk_of(struct sandbox *s, const char *id)
{
	uint8_t run[2];

	if (wa_list_empty(&s->bulks) || strncmp(id, "3EBB", 4) != 0 || strlen(id) != 18 ||
	    wa_hex_decode(wa_span(id + 4, 4), run, 2))
		return NULL;
	return sb_bulk_find(s, (uint32_t)run[0] << 8 | run[1]);
}

static void bulk_free(struct sb_bulk *b)
{
	sb_timer_del(b->s, &b->timer);
	wa_list_del(&b->link);
	free(b->text);
	free(b);
}

void sb_bulk_clear(struct sandbox *s, const struct sb_account *of)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &s->bulks)
	{
		struct sb_bulk *b = container_of(l, struct sb_bulk, link);

		if (!of || b->from == of || b->to == of)
			bulk_free(b);
	}
}

static void step(void *arg)
{
	struct sb_bulk *b = arg;
	struct sandbox *s = b->s;
	struct wa_message m;
	int64_t now = sb_now(s);
	uint64_t due =
		b->rate > 0 ? (uint64_t)((double)(now - b->start_ms + PERIOD_MS) * b->rate / 1000.0)
			    : b->count;

	memset(&m, 0, sizeof(m));
	m.kind = WA_MSG_TEXT;
	m.text = wa_span_str(b->text);
	m.protocol_type = -1;
	for (int i = 0; i < BURST && b->sent < b->count && b->sent < due; i++) {
		char id[32];
		SB_ERR(err);

		snprintf(id, sizeof(id), "3EBB%04X%010llX", b->id & 0xffffu,
			 (unsigned long long)b->sent);
		b->sent++;
		if (sb_sim_send(b->from->devices[0]->sim, b->to, id, &m,
				b->from->by_pn ? WA_SRV_PN : WA_SRV_LID, &err))
			b->failed++;
	}
	if (b->sent < b->count)
		sb_timer_set(s, &b->timer, now + (b->sent < due ? 1 : PERIOD_MS), step, b);
	else
		b->end_ms = now;
}

struct sb_bulk *sb_bulk_start(struct sb_account *from, struct sb_account *to, const char *text,
			      uint64_t count, double rate, struct wa_err *err)
{
	struct sandbox *s = from->s;
	struct sb_bulk *b = calloc(1, sizeof(*b));
	struct wa_list *l;
	size_t n = 0;

	WA_LIST_EACH(l, &s->bulks)
	n++;
	if (b && n >= BULK_MAX)
		bulk_free(container_of(wa_list_first(&s->bulks), struct sb_bulk, link));
	if (b)
		b->text = sb_strdup(text);
	if (!b || !b->text) {
		free(b);
		wa_err_set(err, WA_ENOMEM, "no memory for a bulk run");
		return NULL;
	}
	b->s = s;
	b->id = ++s->next_bulk & 0xffffu;
	b->from = from;
	b->to = to;
	b->count = count;
	b->rate = rate;
	b->start_ms = sb_now(s);
	wa_list_push_back(&s->bulks, &b->link);
	sb_timer_set(s, &b->timer, b->start_ms, step, b);
	return b;
}

void sb_bulk_reply(struct sb_account *a, struct sb_account *peer)
{
	struct wa_list *l;

	for (l = a->s->bulks.prev; l != &a->s->bulks; l = l->prev) { /* the newest counts */
		struct sb_bulk *b = container_of(l, struct sb_bulk, link);

		if (b->from == a && b->to == peer) {
			b->replies++;
			b->last_reply_ms = sb_now(a->s);
			return;
		}
	}
}
