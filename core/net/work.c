/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "work.h"

#include <pthread.h>
#include <signal.h>

#include "base.h"
#include "list.h"

/* Where a job is. Written under the pool's lock. */
enum work_state { WORK_QUEUED, WORK_RUNNING, WORK_DONE };

struct wb_work {
	struct wb_work_pool *pool;
	const char *owner;
	wb_fn *run;
	wb_work_done_fn *done;
	void *ctx;
	enum work_state state;
	bool cancelled;		/* loop thread only */
	struct wa_list link;	/* in queue or finished */
};

struct wb_work_pool {
	struct wb_loop *loop;
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_cond_t ended;		/* some job no longer runs */
	struct wa_list queue;		/* waiting to run */
	struct wa_list finished;	/* done is due */
	bool posted;			/* a delivery is on its way to the loop */
	bool stop;
	bool dead;
	size_t queued;
	size_t pending;			/* loop thread only */
	unsigned threads;
	pthread_t thread[];
};

/* Loop thread: hand out what is finished. */
static void deliver(struct wb_work_pool *p)
{
	for (;;) {
		struct wa_list *it;
		struct wb_work *w;
		struct wb_watch watch;

		pthread_mutex_lock(&p->lock);
		it = wa_list_pop_front(&p->finished);
		pthread_mutex_unlock(&p->lock);
		if (!it)
			return;
		w = container_of(it, struct wb_work, link);
		p->pending--;
		watch = wb_watch_begin(p->loop, w->owner);
		w->done(w->ctx, w->cancelled || p->dead);
		wb_watch_end(p->loop, &watch);
		free(w);
	}
}

static void on_finished(void *ctx)
{
	struct wb_work_pool *p = ctx;

	pthread_mutex_lock(&p->lock);
	p->posted = false;
	pthread_mutex_unlock(&p->lock);
	if (p->dead) {
		/* wb_work_pool_free() has delivered everything and left the memory to us. */
		free(p);
		return;
	}
	deliver(p);
}

/* Called with the lock held. */
static void finish(struct wb_work_pool *p, struct wb_work *w)
{
	w->state = WORK_DONE;
	wa_list_push_back(&p->finished, &w->link);
	pthread_cond_broadcast(&p->ended);
	if (p->posted || p->stop)
		return;
	/* Out of memory: the next job that finishes delivers this one too. */
	if (wb_loop_post(p->loop, on_finished, p) == WA_OK)
		p->posted = true;
}

static void *worker(void *arg)
{
	struct wb_work_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct wa_list *it;
		struct wb_work *w;

		while (!p->stop && wa_list_empty(&p->queue))
			pthread_cond_wait(&p->more, &p->lock);
		if (p->stop)
			break;
		it = wa_list_pop_front(&p->queue);
		p->queued--;
		w = container_of(it, struct wb_work, link);
		w->state = WORK_RUNNING;
		pthread_mutex_unlock(&p->lock);
		w->run(w->ctx);
		pthread_mutex_lock(&p->lock);
		finish(p, w);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void stop_threads(struct wb_work_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
}

int wb_work_pool_new(struct wb_loop *loop, unsigned threads, struct wb_work_pool **ret_pool,
		     struct wa_err *err)
{
	unsigned n = threads ? threads : WB_WORK_THREADS;
	struct wb_work_pool *p = calloc(1, sizeof(*p) + n * sizeof(p->thread[0]));
	sigset_t all, old;

	if (!p)
		return wa_err_set(err, WA_ENOMEM, "no memory for the work pool");
	p->loop = loop;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	pthread_cond_init(&p->ended, NULL);
	wa_list_init(&p->queue);
	wa_list_init(&p->finished);
	/* Signals belong to the loop thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (p->threads < n && pthread_create(&p->thread[p->threads], NULL, worker, p) == 0)
		p->threads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (p->threads < n) {
		stop_threads(p);
		pthread_cond_destroy(&p->more);
		pthread_cond_destroy(&p->ended);
		pthread_mutex_destroy(&p->lock);
		free(p);
		return wa_err_set(err, WA_EIO, "cannot start a work thread");
	}
	*ret_pool = p;
	return WA_OK;
}

void wb_work_pool_free(struct wb_work_pool *p)
{
	struct wa_list *it;

	if (!p)
		return;
	stop_threads(p);
	p->dead = true;
	while ((it = wa_list_pop_front(&p->queue)))
		wa_list_push_back(&p->finished, it);
	deliver(p);
	pthread_cond_destroy(&p->more);
	pthread_cond_destroy(&p->ended);
	if (!p->posted) {
		pthread_mutex_destroy(&p->lock);
		free(p);
	}
}

int wb_work(struct wb_work_pool *p, const char *owner, wb_fn *run, wb_work_done_fn *done, void *ctx,
	    struct wb_work **ret_work, struct wa_err *err)
{
	struct wb_work *w = calloc(1, sizeof(*w));

	if (!w)
		return wa_err_set(err, WA_ENOMEM, "no memory for a job");
	w->pool = p;
	w->owner = owner;
	w->run = run;
	w->done = done;
	w->ctx = ctx;
	pthread_mutex_lock(&p->lock);
	if (p->queued >= WB_WORK_QUEUE_MAX || p->stop) {
		pthread_mutex_unlock(&p->lock);
		free(w);
		return wa_err_set(err, WA_ELIMIT, "%d jobs are waiting already",
				  WB_WORK_QUEUE_MAX);
	}
	wa_list_push_back(&p->queue, &w->link);
	p->queued++;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	p->pending++;
	if (ret_work)
		*ret_work = w;
	return WA_OK;
}

void wb_work_cancel(struct wb_work *w)
{
	struct wb_work_pool *p = w->pool;

	w->cancelled = true;
	pthread_mutex_lock(&p->lock);
	if (w->state == WORK_QUEUED) {
		wa_list_del(&w->link);
		p->queued--;
		finish(p, w);
	}
	pthread_mutex_unlock(&p->lock);
}

void wb_work_settle(struct wb_work *w)
{
	struct wb_work_pool *p = w->pool;

	wb_work_cancel(w);
	pthread_mutex_lock(&p->lock);
	while (w->state == WORK_RUNNING)
		pthread_cond_wait(&p->ended, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

size_t wb_work_pending(const struct wb_work_pool *p)
{
	return p->pending;
}
