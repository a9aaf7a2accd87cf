/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Timers, posts from other threads, jobs on the pool. */
#include "host_priv.h"

/* ---- timers: plugins hold a number, so that one which has fired may be cancelled ---- */

struct timer {
	struct wb_handle h;
	uint64_t id;
	struct wb_timer *t;
	bool repeat;
	int64_t repeat_ms;
	struct wb_plugins *host;
	wb_plugin_timer_fn *fn;
	void *ctx;
};

static void timer_free(struct timer *t)
{
	wa_map_del(&t->host->timers, wa_map_u64(&t->id));
	wb_timer_free(t->t);
	free(t);
}

static void timer_revoke(struct wb_handle *h)
{
	timer_free(container_of(h, struct timer, h));
}

static void on_timer(void *ctx)
{
	struct timer *t = ctx;
	struct wb_plugin *pl = t->h.pl;
	wb_plugin_timer_fn *fn = t->fn;
	void *fn_ctx = t->ctx;
	struct wb_watch w;

	if (t->repeat) {
		wb_timer_start(t->t, (uint64_t)t->repeat_ms);
	} else {
		wb_handle_del(&t->h);
		timer_free(t);
	}
	w = wb_plugin_enter(pl);
	fn(fn_ctx);
	wb_plugin_leave(pl, &w);
}

struct wb_plugin_timer *wb_host_timer(struct wb_plugin *self, int64_t delay_ms, int64_t repeat_ms,
				      wb_plugin_timer_fn *fn, void *ctx)
{
	struct timer *t = wb_zalloc(sizeof(*t));

	t->host = self->host;
	t->id = ++self->host->next_timer;
	t->repeat = repeat_ms > 0;
	t->repeat_ms = repeat_ms;
	t->fn = fn;
	t->ctx = ctx;
	t->t = wb_timer_new(wb_plugin_gateway(self)->loop, self->name, on_timer, t);
	if (!t->t || wa_map_put(&self->host->timers, wa_map_u64(&t->id), t, NULL) < 0)
		abort();
	wb_handle_add(self, &t->h, timer_revoke, "timers");
	wb_timer_start(t->t, (uint64_t)(delay_ms > 0 ? delay_ms : 0));
	return (struct wb_plugin_timer *)(void *)(uintptr_t)t->id;
}

static struct wb_plugins *the_host;	/* of this process: the table's functions carry no owner */

void wb_host_timers_of(struct wb_plugins *p)
{
	the_host = p;
}

void wb_host_timer_cancel(struct wb_plugin_timer *handle)
{
	uint64_t id = (uint64_t)(uintptr_t)handle;
	struct timer *t = handle && the_host ? wa_map_get(&the_host->timers, wa_map_u64(&id)) : NULL;

	if (!t)
		return;
	wb_handle_del(&t->h);
	timer_free(t);
}

/* ---- post ---- */

struct post {
	struct wb_plugin *pl;	/* stays allocated until the loop is gone */
	wb_post_fn *fn;
	void *ctx;
};

static void on_post(void *ctx)
{
	struct post *p = ctx;
	struct wb_watch w;

	if (!p->pl->dead) {
		w = wb_plugin_enter(p->pl);
		p->fn(p->ctx);
		wb_plugin_leave(p->pl, &w);
	}
	free(p);
}

void wb_host_post(struct wb_plugin *self, wb_post_fn *fn, void *ctx)
{
	struct post *p = wb_zalloc(sizeof(*p));

	*p = (struct post){ self, fn, ctx };
	if (wb_loop_post(wb_plugin_gateway(self)->loop, on_post, p) < 0)
		abort();
}

/* ---- work ---- */

struct work {
	struct wb_handle h;
	struct wb_plugin *owner;	/* its code is busy until done */
	struct wb_work *w;
	wb_post_fn *run, *done;
	void *ctx;
};

static void work_revoke(struct wb_handle *h)
{
	struct work *wk = container_of(h, struct work, h);

	if (wk->w)
		wb_work_cancel(wk->w);	/* on_work_done frees it */
}

void wb_host_work_settle(struct wb_plugin *pl)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &pl->handles) {
		struct wb_handle *h = container_of(it, struct wb_handle, link);
		struct work *wk = container_of(h, struct work, h);

		if (h->revoke == work_revoke && wk->w)
			wb_work_settle(wk->w);
	}
}

static void work_run(void *ctx)
{
	struct work *wk = ctx;

	wk->run(wk->ctx);
}

static void on_work_done(void *ctx, bool cancelled)
{
	struct work *wk = ctx;
	struct wb_plugin *pl = wk->h.pl;
	struct wb_watch w;

	(void)cancelled;
	if (pl) {
		wb_handle_del(&wk->h);
		w = wb_plugin_enter(pl);
		wk->done(wk->ctx);
		wb_plugin_leave(pl, &w);
	}
	wk->owner->busy--;
	wb_plugin_unmap(wk->owner);
	free(wk);
}

static void work_inline(void *ctx)
{
	struct work *wk = ctx;

	if (wk->h.pl)
		wk->run(wk->ctx);
	on_work_done(wk, false);
}

void wb_host_work(struct wb_plugin *self, wb_post_fn *run, wb_post_fn *done, void *ctx)
{
	struct wb_gateway *gw = wb_plugin_gateway(self);
	struct work *wk = wb_zalloc(sizeof(*wk));

	wk->owner = self;
	wk->run = run;
	wk->done = done;
	wk->ctx = ctx;
	self->busy++;
	wb_handle_add(self, &wk->h, work_revoke, "work");
	if (wb_work(gw->work, self->name, work_run, on_work_done, wk, &wk->w, NULL) < 0) {
		wk->w = NULL;
		wb_loop_defer(gw->loop, work_inline, wk);	/* the pool is full */
	}
}
