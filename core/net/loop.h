/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_LOOP_H
#define WB_LOOP_H

/*
 * The one loop: libevent (epoll) on one thread. Everything here is called on
 * that thread, except wb_loop_post() and wb_loop_stop(), which any thread may call.
 *
 * One turn: ready callbacks -> deferred functions -> end-of-turn hooks ->
 * deferred functions. A turn hook is the place to group work (one commit per
 * turn, one flush per socket).
 *
 * Life: new -> run (until stop) -> free. Free runs the deferred functions that
 * are left; timers and hooks must be freed by their owners before.
 *
 * `owner` arguments name who a callback belongs to ("webhooks", "ws.data");
 * borrowed, must live as long as the loop (static text). A callback slower than
 * WB_SLOW_MS is logged as `loop.slow` and counted.
 */
#include <wa/env.h>
#include <wa/error.h>

#define WB_SLOW_MS 20

struct event_base;
struct wb_loop;
struct wb_timer;
struct wb_turn;

typedef void wb_fn(void *ctx);

/* `env` is borrowed for the loop's life: the log goes there. SIGPIPE is ignored from here on. */
int wb_loop_new(const struct wa_env *env, struct wb_loop **ret_loop, struct wa_err *err) WA_MUST_USE;
void wb_loop_free(struct wb_loop *l);
void wb_loop_run(struct wb_loop *l);		/* until wb_loop_stop() */
void wb_loop_once(struct wb_loop *l, int max_wait_ms); /* one turn; <0 waits for ever */
void wb_loop_stop(struct wb_loop *l);		/* any thread; the current turn is finished */
struct event_base *wb_loop_base(struct wb_loop *l);
const struct wa_env *wb_loop_env(const struct wb_loop *l);
int64_t wb_loop_now_ms(const struct wb_loop *l);	/* monotonic, not Unix time */

/* Run fn on the loop thread, in the order posted. Any thread. Aborts nothing
 * and never blocks; WA_ENOMEM is the only failure. */
int wb_loop_post(struct wb_loop *l, wb_fn *fn, void *ctx) WA_MUST_USE;

/* Run fn at the end of this turn, after the current callback has returned: the
 * place where closed objects free their memory. Cannot be cancelled. Never
 * fails: memory for it is taken with abort() on exhaustion. */
void wb_loop_defer(struct wb_loop *l, wb_fn *fn, void *ctx);
void wb_loop_defer_free(struct wb_loop *l, void *take_ptr);	/* free() at the end of the turn */

/* Timers. After stop or free returns the callback never runs. A timer may be
 * stopped, restarted or freed inside its own callback. NULL when out of memory. */
struct wb_timer *wb_timer_new(struct wb_loop *l, const char *owner, wb_fn *fn, void *ctx);
void wb_timer_start(struct wb_timer *t, uint64_t delay_ms);	/* once; restarts when running */
void wb_timer_every(struct wb_timer *t, uint64_t period_ms);	/* until stopped */
void wb_timer_stop(struct wb_timer *t);		/* NULL allowed */
bool wb_timer_running(const struct wb_timer *t);
void wb_timer_free(struct wb_timer *t);		/* NULL allowed */

/* End-of-turn hook. Removal inside a hook is allowed. NULL when out of memory. */
struct wb_turn *wb_loop_on_turn(struct wb_loop *l, const char *owner, wb_fn *fn, void *ctx);
void wb_turn_free(struct wb_turn *t);		/* NULL allowed */

/* A Unix signal (SIGTERM, SIGHUP) as a callback on the loop. Freed with the loop. */
int wb_loop_on_signal(struct wb_loop *l, int signo, wb_fn *fn, void *ctx, struct wa_err *err)
	WA_MUST_USE;

/*
 * Slow-callback watch for code that enters callbacks by itself:
 *
 *	struct wb_watch w = wb_watch_begin(loop, "http.handler");
 *	fn(ctx);
 *	wb_watch_end(loop, &w);
 *
 * Nesting is fine: the time of an inner watch is not counted for the outer one.
 */
struct wb_watch {
	const char *owner;
	int64_t start_ns;
	int64_t nested_ns;	/* what the outer watch had collected before */
};
struct wb_watch wb_watch_begin(struct wb_loop *l, const char *owner);
void wb_watch_end(struct wb_loop *l, const struct wb_watch *w);
/* Told of every slow callback; one listener, fn NULL removes it. */
void wb_loop_on_slow(struct wb_loop *l, void (*fn)(void *ctx, const char *owner, int64_t ms), void *ctx);

struct wb_loop_stats {
	uint64_t turns;
	uint64_t callbacks;	/* watched ones */
	uint64_t slow;		/* over WB_SLOW_MS */
	uint64_t slow_max_ms;
	const char *slow_owner;	/* of slow_max_ms; NULL when none */
	/* The most CPU time a slow one took, up to 5 ms too much: far below slow_max_ms, others had the processor
	 * or the callback waited for a disk or a lock. */
	uint64_t slow_cpu_max_ms;
	uint64_t posted;
	uint64_t deferred;
};
void wb_loop_stats(struct wb_loop *l, struct wb_loop_stats *ret_stats);

#endif
