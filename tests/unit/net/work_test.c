/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "work.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

static struct wa_env env;
static struct wb_loop *loop;
static struct wb_work_pool *pool;
static sem_t gate, entered;
static atomic_uint ran;
static unsigned done_ok, done_cancelled;
static pthread_t loop_thread;

static int setup(void **state)
{
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	wa_env_default(&env, NULL);
	atomic_store(&ran, 0);
	done_ok = done_cancelled = 0;
	loop_thread = pthread_self();
	sem_init(&gate, 0, 0);
	sem_init(&entered, 0, 0);
	if (wb_loop_new(&env, &loop, &err))
		return -1;
	return wb_work_pool_new(loop, 0, &pool, &err);
}

static int teardown(void **state)
{
	(void)state;
	wb_work_pool_free(pool);
	wb_loop_free(loop);
	return 0;
}

static void run(void *ctx)
{
	(void)ctx;
	if (pthread_equal(pthread_self(), loop_thread))
		abort();
	atomic_fetch_add(&ran, 1);
}

static void run_blocked(void *ctx)
{
	run(ctx);
	sem_post(&entered);
	sem_wait(&gate);
}

static void run_slowly(void *ctx)
{
	sem_post(&entered);
	usleep(30000);
	run(ctx);
}

static void done(void *ctx, bool cancelled)
{
	(void)ctx;
	assert_true(pthread_equal(pthread_self(), loop_thread));
	if (cancelled)
		done_cancelled++;
	else
		done_ok++;
}

static void add(wb_fn *fn, struct wb_work **ret)
{
	struct wa_err err = WA_ERR_INIT;

	assert_int_equal(wb_work(pool, "test", fn, done, NULL, ret, &err), 0);
}

static void runs_jobs_elsewhere_and_reports_here(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		add(run, NULL);
	assert_int_equal(wb_work_pending(pool), 1000);
	while (wb_work_pending(pool))
		wb_loop_once(loop, 100);
	assert_int_equal(done_ok, 1000);
	assert_int_equal(atomic_load(&ran), 1000);
}

static void settling_waits_for_what_runs(void **state)
{
	struct wb_work *running, *waiting;

	(void)state;
	add(run_slowly, &running);
	sem_wait(&entered);
	add(run_blocked, NULL);
	sem_wait(&entered);
	add(run, &waiting);
	wb_work_settle(waiting);
	assert_int_equal(atomic_load(&ran), 1);		/* the blocked one has counted itself */
	wb_work_settle(running);
	assert_int_equal(atomic_load(&ran), 2);
	assert_int_equal(done_ok + done_cancelled, 0);
	sem_post(&gate);
	while (wb_work_pending(pool))
		wb_loop_once(loop, 100);
	assert_int_equal(atomic_load(&ran), 2);
	assert_int_equal(done_cancelled, 2);
}

static void cancels_waiting_and_running_jobs(void **state)
{
	struct wb_work *running, *waiting;

	(void)state;
	for (int i = 0; i < WB_WORK_THREADS - 1; i++)
		add(run_blocked, NULL);
	add(run_blocked, &running);
	for (int i = 0; i < WB_WORK_THREADS; i++)
		sem_wait(&entered);
	add(run, &waiting);
	wb_work_cancel(waiting);
	wb_work_cancel(running);
	wb_loop_once(loop, 1000);
	/* never started: reported at once */
	assert_int_equal(done_cancelled, 1);
	for (int i = 0; i < WB_WORK_THREADS; i++)
		sem_post(&gate);
	while (wb_work_pending(pool))
		wb_loop_once(loop, 100);
	assert_int_equal(done_cancelled, 2);
	assert_int_equal(done_ok, WB_WORK_THREADS - 1);
	assert_int_equal(atomic_load(&ran), WB_WORK_THREADS);
}

static void bounds_the_queue(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	int r = 0, n = 0;

	(void)state;
	for (int i = 0; i < WB_WORK_THREADS; i++)
		add(run_blocked, NULL);
	for (int i = 0; i < WB_WORK_THREADS; i++)
		sem_wait(&entered);
	while (r == 0 && n < 2 * WB_WORK_QUEUE_MAX) {
		r = wb_work(pool, "test", run, done, NULL, NULL, &err);
		n += r == 0;
	}
	assert_int_equal(r, WA_ELIMIT);
	assert_int_equal(n, WB_WORK_QUEUE_MAX);
	for (int i = 0; i < WB_WORK_THREADS; i++)
		sem_post(&gate);
	while (wb_work_pending(pool))
		wb_loop_once(loop, 100);
}

static void reports_every_job_when_freed(void **state)
{
	struct wa_err err = WA_ERR_INIT;

	(void)state;
	for (int i = 0; i < 100; i++)
		add(run, NULL);
	wb_work_pool_free(pool);
	assert_int_equal(done_cancelled + done_ok, 100);
	wb_loop_once(loop, 0);
	assert_int_equal(wb_work_pool_new(loop, 1, &pool, &err), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(runs_jobs_elsewhere_and_reports_here),
		T(settling_waits_for_what_runs), T(cancels_waiting_and_running_jobs),
		T(bounds_the_queue),
		T(reports_every_job_when_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
