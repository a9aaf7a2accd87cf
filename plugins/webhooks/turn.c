/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose turn it is: work is done in small steps, endpoint after endpoint, at most SLICE_MS in one
 * turn of the loop; receivers that do not answer get a share. */
#include "clock.h"
#include "endpoint.h"

#define SLICE_MS       4
#define UNPROVEN_SHARE 8  /* one turn in so many is theirs, when all want one */
#define UNPROVEN_MAX   24 /* requests to one receiver; fewer than its connections (32) */

static void on_pump(void *ctx);

static void pump_soon(struct webhooks *w)
{
	if (!w->pump)
		w->pump = w->host->timer(w->self, 0, 0, on_pump, w);
}

static void queue(struct endpoint *e)
{
	struct webhooks *w = e->hooks;

	if (!wa_list_linked(&e->busy))
		wa_list_push_back(e->proven ? &w->busy : &w->busy_unproven, &e->busy);
}

/* Whose turn it is: receivers that answer come first, but the others come. */
static struct endpoint *next_busy(struct webhooks *w, unsigned turn)
{
	struct wa_list *l = turn % UNPROVEN_SHARE ? wa_list_pop_front(&w->busy)
						  : wa_list_pop_front(&w->busy_unproven);

	if (!l)
		l = wa_list_pop_front(&w->busy);
	if (!l)
		l = wa_list_pop_front(&w->busy_unproven);
	return l ? container_of(l, struct endpoint, busy) : NULL;
}

void endpoint_wake(struct endpoint *e)
{
	if (e->state != EP_ACTIVE)
		return;
	queue(e);
	pump_soon(e->hooks);
}

bool host_enter(struct endpoint *e)
{
	struct receiver *b = e->host;

	if (e->proven)
		return true;
	if (b->unproven >= UNPROVEN_MAX) {
		if (!wa_list_linked(&e->crowd) && e->failures)
			wa_list_push_back(&b->waiting, &e->crowd);
		else if (!wa_list_linked(&e->crowd)) /* need not stand behind those that failed */
			wa_list_push_front(&b->waiting, &e->crowd);
		return false;
	}
	b->unproven++;
	return true;
}

void host_leave(struct endpoint *e, bool was_proven)
{
	struct receiver *b = e->host;
	struct wa_list *next;

	if (was_proven)
		return;
	b->unproven--;
	next = wa_list_pop_front(&b->waiting);
	if (next)
		endpoint_wake(container_of(next, struct endpoint, crowd));
}

static void on_pump(void *ctx)
{
	struct webhooks *w = ctx;
	int64_t until = wa_mono_ms() + SLICE_MS;
	struct endpoint *e;

	w->pump = NULL;
	while ((e = next_busy(w, ++w->turn))) {
		if (endpoint_step(e))
			queue(e);
		if (wa_mono_ms() >= until)
			break;
	}
	if (!wa_list_empty(&w->busy) || !wa_list_empty(&w->busy_unproven))
		pump_soon(w);
}

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct webhooks *w = ctx;
	struct wa_list *it;
	bool any = false;

	WA_LIST_EACH(it, &w->endpoints)
	{
		struct endpoint *e = container_of(it, struct endpoint, link);

		if (e->state != EP_ACTIVE)
			continue;
		any = true;
		queue(e);
	}
	if (!any)
		return;
	happening_note(w, ev);
	pump_soon(w);
}

void turns_start(struct webhooks *w)
{
	struct wa_list *it;

	w->live = w->host->subscribe(w->self, "*", on_event, w);
	WA_LIST_EACH(it, &w->endpoints)
	endpoint_start(container_of(it, struct endpoint, link));
}
