/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <list.h>
#include "gateway.h"
#include "mem.h"

#define PAGE 64			/* events read ahead by a cursor */
#define SLICE_MS 5		/* catching up, per turn */
#define LAG_MAX 4096		/* an idle cursor's stored position is at most this old */

struct wb_sub {
	struct wa_list link;
	struct wb_bus *bus;
	const void *owner;
	const char *name;
	char *kinds;
	wb_event_fn *fn;
	void *ctx;
	uint64_t born;		/* bus->gen when added */
	bool dead;
	/* cursors */
	char *cursor;		/* NULL: live subscription */
	bool ready;		/* wants the next event */
	int64_t pos;		/* last seq delivered or passed over */
	int64_t stored;		/* position last written by us or read */
	struct wb_event *page[PAGE];
	size_t n_page, i_page;
	int64_t page_end;	/* pos when the page is used up */
};

struct wb_bus {
	struct wb_gateway *gw;
	struct wa_list subs;
	struct wb_timer *kick;
	int64_t last_seq;
	uint64_t gen;
	unsigned depth;
	bool buried;		/* dead subscriptions wait to be freed */
};

static void on_kick(void *ctx);

int wb_bus_new(struct wb_gateway *gw, struct wb_bus **ret_bus, struct wa_err *err)
{
	struct wb_bus *bus = wb_zalloc(sizeof(*bus));

	bus->gw = gw;
	wa_list_init(&bus->subs);
	bus->last_seq = db_event_last_seq(gw->db, err);
	bus->kick = wb_timer_new(gw->loop, "bus.cursor", on_kick, bus);
	if (bus->last_seq < 0 || !bus->kick) {
		int r = bus->last_seq < 0 ? (int)bus->last_seq : wa_err_set(err, WA_ENOMEM, "bus");

		wb_bus_free(bus);
		return r;
	}
	*ret_bus = bus;
	return 0;
}

static void drop_page(struct wb_sub *sub)
{
	while (sub->i_page < sub->n_page)
		free(sub->page[sub->i_page++]);
	sub->i_page = sub->n_page = 0;
}

static void sub_free(struct wb_sub *sub)
{
	wa_list_del(&sub->link);
	drop_page(sub);
	free(sub->kinds);
	free(sub->cursor);
	free(sub);
}

static void sweep(struct wb_bus *bus)
{
	struct wa_list *it, *tmp;

	if (bus->depth || !bus->buried)
		return;
	bus->buried = false;
	WA_LIST_EACH_SAFE(it, tmp, &bus->subs) {
		struct wb_sub *sub = container_of(it, struct wb_sub, link);

		if (sub->dead)
			sub_free(sub);
	}
}

void wb_bus_free(struct wb_bus *bus)
{
	struct wa_list *it, *tmp;

	if (!bus)
		return;
	WA_LIST_EACH_SAFE(it, tmp, &bus->subs)
		sub_free(container_of(it, struct wb_sub, link));
	wb_timer_free(bus->kick);
	free(bus);
}

struct wb_sub *wb_bus_subscribe(struct wb_bus *bus, const void *owner, const char *name,
				const char *kinds, wb_event_fn *fn, void *ctx)
{
	struct wb_sub *sub = wb_zalloc(sizeof(*sub));

	sub->bus = bus;
	sub->owner = owner;
	sub->name = name;
	sub->kinds = wb_strdup(kinds);
	sub->fn = fn;
	sub->ctx = ctx;
	sub->born = bus->gen;
	wa_list_push_back(&bus->subs, &sub->link);
	return sub;
}

static void store_pos(struct wb_sub *sub, int64_t seq)
{
	struct wb_tx *tx = wb_tx_new(sub->bus->gw);

	sub->stored = seq;
	db_batch_cursor(wb_tx_batch(tx), sub->cursor, seq);
	wb_tx_commit(tx, NULL, NULL);
}

struct wb_sub *wb_bus_cursor(struct wb_bus *bus, const void *owner, const char *name,
			     const char *cursor, const char *kinds, wb_event_fn *fn, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_sub *sub;
	int64_t pos = 0;
	int r = db_cursor_get(bus->gw->db, cursor, &pos, &err);

	if (r < 0) {
		WB_GATEWAY_LOG(bus->gw, WA_ERROR, "bus.cursor", WA_S("cursor", cursor),
			       WA_S("error", err.msg));
		return NULL;
	}
	sub = wb_bus_subscribe(bus, owner, name, kinds, fn, ctx);
	sub->cursor = wb_strdup(cursor);
	sub->ready = true;
	sub->pos = sub->stored = r ? pos : bus->last_seq;
	if (!r)
		store_pos(sub, sub->pos);	/* a new reader starts here, also after a crash */
	if (sub->pos < bus->last_seq)
		wb_timer_start(bus->kick, 0);
	return sub;
}

static void call(struct wb_sub *sub, const struct wb_event *ev)
{
	struct wb_loop *loop = sub->bus->gw->loop;
	struct wb_watch w = wb_watch_begin(loop, sub->name);

	sub->fn(sub->ctx, ev);
	wb_watch_end(loop, &w);
}

/* A cursor at the end of the log takes the event as it passes. */
static void offer(struct wb_sub *sub, const struct wb_event *ev)
{
	if (!sub->ready || sub->i_page < sub->n_page || sub->pos != ev->seq - 1)
		return;		/* it reads storage when it is ready */
	sub->pos = ev->seq;
	if (wb_event_match(sub->kinds, ev->kind)) {
		sub->ready = false;
		call(sub, ev);
	} else if (sub->pos - sub->stored > LAG_MAX) {
		store_pos(sub, sub->pos);
	}
}

void wb_bus_publish(struct wb_bus *bus, const struct wb_event *ev)
{
	uint64_t gen = ++bus->gen;
	struct wa_list *it;

	bus->last_seq = ev->seq;
	bus->depth++;
	WA_LIST_EACH(it, &bus->subs) {
		struct wb_sub *sub = container_of(it, struct wb_sub, link);

		if (sub->dead || sub->born >= gen)
			continue;
		if (sub->cursor)
			offer(sub, ev);
		else if (wb_event_match(sub->kinds, ev->kind))
			call(sub, ev);
	}
	bus->depth--;
	sweep(bus);
}

static int add_page(void *ctx, const struct wb_event *ev)
{
	struct wb_sub *sub = ctx;

	if (ev->seq > sub->bus->last_seq)
		return 1;	/* durable, but not announced yet */
	sub->page[sub->n_page] = wb_event_dup(ev);
	if (!sub->page[sub->n_page])
		abort();
	sub->n_page++;
	return 0;
}

/* Reads the next page; false when there is nothing (more) to read now. */
static bool read_page(struct wb_sub *sub)
{
	struct wb_bus *bus = sub->bus;
	struct wa_err err = WA_ERR_INIT;
	int64_t scanned = sub->pos;
	int r;

	drop_page(sub);
	if (sub->pos >= bus->last_seq)
		return false;
	r = wb_bus_since(bus, sub->pos, sub->kinds, NULL, PAGE, add_page, sub, &scanned, &err);
	if (r < 0) {
		WB_GATEWAY_LOG(bus->gw, WA_ERROR, "bus.read", WA_S("cursor", sub->cursor),
			       WA_S("error", err.msg));
		wb_timer_start(bus->kick, 1000);
		return false;
	}
	if (scanned > bus->last_seq)
		scanned = bus->last_seq;
	sub->page_end = scanned;
	if (sub->n_page == 0)
		sub->pos = scanned;
	return true;
}

/* Gives a cursor what it is ready for; true when it has more to do at once. */
static bool advance(struct wb_sub *sub)
{
	struct wb_event *ev;

	if (sub->dead || !sub->cursor || !sub->ready)
		return false;
	if (sub->i_page == sub->n_page && !read_page(sub))
		return false;
	if (sub->n_page == 0)
		return true;
	ev = sub->page[sub->i_page++];
	sub->pos = sub->i_page == sub->n_page ? sub->page_end : ev->seq;
	sub->ready = false;
	call(sub, ev);
	free(ev);
	return sub->ready;
}

static void on_kick(void *ctx)
{
	struct wb_bus *bus = ctx;
	int64_t until = wb_loop_now_ms(bus->gw->loop) + SLICE_MS;
	struct wa_list *it;
	bool more = true;

	bus->depth++;
	while (more && wb_loop_now_ms(bus->gw->loop) <= until) {
		more = false;
		WA_LIST_EACH(it, &bus->subs)
			more |= advance(container_of(it, struct wb_sub, link));
	}
	bus->depth--;
	sweep(bus);
	if (more)
		wb_timer_start(bus->kick, 0);
}

void wb_bus_next(struct wb_sub *sub)
{
	if (sub->dead || sub->ready)
		return;
	sub->ready = true;
	if (sub->i_page < sub->n_page || sub->pos < sub->bus->last_seq)
		wb_timer_start(sub->bus->kick, 0);
}

void wb_bus_unsubscribe(struct wb_sub *sub)
{
	if (!sub)
		return;
	sub->dead = true;
	sub->bus->buried = true;
	sweep(sub->bus);
}

void wb_bus_revoke(struct wb_bus *bus, const void *owner)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &bus->subs) {
		struct wb_sub *sub = container_of(it, struct wb_sub, link);

		if (sub->owner == owner) {
			sub->dead = true;
			bus->buried = true;
		}
	}
	sweep(bus);
}

size_t wb_bus_count(const struct wb_bus *bus, const void *owner)
{
	const struct wa_list *it;
	size_t n = 0;

	for (it = bus->subs.next; it != &bus->subs; it = it->next) {
		const struct wb_sub *sub = (const struct wb_sub *)it;

		n += !sub->dead && (!owner || sub->owner == owner);
	}
	return n;
}

int64_t wb_bus_last_seq(const struct wb_bus *bus)
{
	return bus->last_seq;
}

#define KINDS_MAX 32

struct since {
	wb_bus_each_fn *fn;
	void *ctx;
	int count;
	int64_t last;
	bool stopped;
};

static int on_row(void *ctx, const struct db_event *e)
{
	struct since *s = ctx;
	struct wb_event ev = {
		.size = sizeof(ev),
		.seq = e->seq,
		.ts_ms = e->ts_ms,
		.id = e->id,
		.kind = e->kind,
		.session = e->session,
		.subject = e->subject,
		.json = { (const char *)e->json.ptr, e->json.len },
	};

	if (s->fn(s->ctx, &ev)) {
		s->stopped = true;
		return 1;
	}
	s->last = e->seq;
	s->count++;
	return 0;
}

/* "a.*, b" as an array of words in buf; 0: all. */
static size_t split_kinds(const char *kinds, char *buf, size_t size, const char *words[KINDS_MAX])
{
	size_t n = 0;

	snprintf(buf, size, "%s", kinds ? kinds : "");
	for (char *p = buf; *p && n < KINDS_MAX;) {
		p += strspn(p, ", ");
		if (!*p)
			break;
		words[n++] = p;
		p += strcspn(p, ", ");
		if (*p)
			*p++ = 0;
	}
	return n;
}

int wb_bus_since(struct wb_bus *bus, int64_t after, const char *kinds, const char *session,
		 size_t limit, wb_bus_each_fn *fn, void *ctx, int64_t *ret_scanned,
		 struct wa_err *err)
{
	struct since s = { fn, ctx, 0, after, false };
	const char *words[KINDS_MAX];
	char buf[KINDS_MAX * (WB_EVENT_KIND_MAX + 2)];
	struct db_event_filter f = { .kinds = words, .session = session };
	int64_t scanned = after;
	int r;

	f.n_kinds = split_kinds(kinds, buf, sizeof(buf), words);
	r = db_events_since(bus->gw->db, after, &f, limit, on_row, &s, &scanned, err);
	if (r < 0)
		return r;
	if (ret_scanned)
		*ret_scanned = s.stopped ? s.last : scanned;
	return s.count;
}
