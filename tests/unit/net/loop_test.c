/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

#include "clock.h"
#include "log.h"

static struct wa_env env;
static struct wb_loop *loop;
static char order[64];
static unsigned slow_logged;
static char slow_owner[64];

static void note(const char *s)
{
	size_t n = strlen(order);

	snprintf(order + n, sizeof(order) - n, "%s", s);
}

static void on_log(void *ctx, int level, const char *event, const struct wa_field *f, size_t n)
{
	(void)ctx;
	(void)level;
	if (strcmp(event, "loop.slow") != 0 || n < 1)
		return;
	slow_logged++;
	snprintf(slow_owner, sizeof(slow_owner), "%.*s", WA_SPAN_ARG(f[0].text));
}

static int setup(void **state)
{
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	wa_env_default(&env, NULL);
	env.log = on_log;
	order[0] = 0;
	slow_logged = 0;
	return wb_loop_new(&env, &loop, &err);
}

static int teardown(void **state)
{
	(void)state;
	wb_loop_free(loop);
	return 0;
}

static void stop_cb(void *ctx)
{
	(void)ctx;
	note("s");
	wb_loop_stop(loop);
}

static void deferred2(void *ctx)
{
	(void)ctx;
	note("2");
}

static void deferred(void *ctx)
{
	(void)ctx;
	note("d");
	wb_loop_defer(loop, deferred2, NULL);
}

static void posted(void *ctx)
{
	(void)ctx;
	note("p");
	wb_loop_defer(loop, deferred, NULL);
	note("q");
}

static struct wb_turn *hook;
static unsigned turns;

static void on_turn(void *ctx)
{
	(void)ctx;
	if (turns++ == 0)
		note("t");
}

static void orders_callbacks_deferred_work_and_hooks(void **state)
{
	(void)state;
	turns = 0;
	hook = wb_loop_on_turn(loop, "test.turn", on_turn, NULL);
	assert_int_equal(wb_loop_post(loop, posted, NULL), 0);
	assert_int_equal(wb_loop_post(loop, stop_cb, NULL), 0);
	wb_loop_run(loop);
	/* callbacks, what they deferred, the hook, what was deferred meanwhile */
	assert_string_equal(order, "pqsdt2");
	wb_turn_free(hook);
}

static void remove_hook(void *ctx)
{
	note("h");
	wb_turn_free(*(struct wb_turn **)ctx);
}

static void lets_a_hook_remove_itself(void **state)
{
	struct wb_turn *t;

	(void)state;
	t = wb_loop_on_turn(loop, "test.turn", remove_hook, &t);
	wb_loop_once(loop, 0);
	wb_loop_once(loop, 0);
	assert_string_equal(order, "h");
}

struct ticker {
	struct wb_timer *t;
	unsigned n;
};

static void tick(void *ctx)
{
	struct ticker *k = ctx;

	if (++k->n == 3)
		wb_timer_stop(k->t);
}

static void free_self(void *ctx)
{
	struct ticker *k = ctx;

	k->n++;
	wb_timer_free(k->t);
}

static void never(void *ctx)
{
	(void)ctx;
	fail_msg("a cancelled timer ran");
}

static struct wb_timer *victim;

static void cancel_other(void *ctx)
{
	(void)ctx;
	wb_timer_stop(victim);
	note("c");
}

static void runs_and_cancels_timers(void **state)
{
	struct ticker every = { 0 }, self = { 0 };
	struct wb_timer *canceller = wb_timer_new(loop, "t", cancel_other, NULL), *end;

	(void)state;
	every.t = wb_timer_new(loop, "t", tick, &every);
	self.t = wb_timer_new(loop, "t", free_self, &self);
	victim = wb_timer_new(loop, "t", never, NULL);
	end = wb_timer_new(loop, "t", stop_cb, NULL);
	wb_timer_every(every.t, 1);
	wb_timer_start(self.t, 1);
	/* both due in the same turn: the first must still stop the second */
	wb_timer_start(canceller, 2);
	wb_timer_start(victim, 2);
	wb_timer_start(end, 5000);
	wb_timer_start(end, 40);
	assert_true(wb_timer_running(end));
	wb_loop_run(loop);
	assert_int_equal(every.n, 3);
	assert_int_equal(self.n, 1);
	assert_string_equal(order, "cs");
	assert_false(wb_timer_running(end));
	wb_timer_free(every.t);
	wb_timer_free(canceller);
	wb_timer_free(victim);
	wb_timer_free(end);
}

#define POSTS 5000
static unsigned arrived[2];

static void count_post(void *ctx)
{
	unsigned *n = ctx;

	if (++*n == POSTS && arrived[0] + arrived[1] == 2 * POSTS)
		wb_loop_stop(loop);
}

static void *poster(void *ctx)
{
	for (int i = 0; i < POSTS; i++)
		if (wb_loop_post(loop, count_post, ctx))
			abort();
	return NULL;
}

static void takes_posts_from_other_threads(void **state)
{
	pthread_t t[2];

	(void)state;
	arrived[0] = arrived[1] = 0;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, poster, &arrived[i]), 0);
	wb_loop_run(loop);
	assert_int_equal(arrived[0], POSTS);
	assert_int_equal(arrived[1], POSTS);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}

static void busy(int64_t ms)
{
	int64_t end = wa_mono_ms() + ms;

	while (wa_mono_ms() < end)
		;
}

static void slow(void *ctx)
{
	struct wb_watch w = wb_watch_begin(loop, "inner");

	(void)ctx;
	busy(WB_SLOW_MS + 15);
	wb_watch_end(loop, &w);
	wb_loop_stop(loop);
}

static void names_the_owner_of_a_slow_callback(void **state)
{
	struct wb_timer *t = wb_timer_new(loop, "outer", slow, NULL);
	struct wb_loop_stats st;

	(void)state;
	wb_timer_start(t, 0);
	wb_loop_run(loop);
	wb_loop_stats(loop, &st);
	/* the inner one is slow; the time it took is not held against the outer one */
	assert_int_equal(st.slow, 1);
	assert_int_equal(slow_logged, 1);
	assert_string_equal(slow_owner, "inner");
	assert_string_equal(st.slow_owner, "inner");
	assert_true(st.slow_max_ms >= WB_SLOW_MS);
	assert_true(st.slow_cpu_max_ms > 0);	/* it was busy; how much of that time it had is up to the machine */
	assert_true(st.callbacks >= 2);
	wb_timer_free(t);
}

static void handles_signals(void **state)
{
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	assert_int_equal(wb_loop_on_signal(loop, SIGUSR1, stop_cb, NULL, &err), 0);
	raise(SIGUSR1);
	wb_loop_run(loop);
	assert_string_equal(order, "s");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(orders_callbacks_deferred_work_and_hooks),
		T(lets_a_hook_remove_itself),
		T(runs_and_cancels_timers),
		T(takes_posts_from_other_threads),
		T(names_the_owner_of_a_slow_callback),
		T(handles_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
