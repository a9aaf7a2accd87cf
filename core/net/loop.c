/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base.h"
#include "list.h"

#define CPU_READ_NS 5000000

struct job {
	struct job *next;
	wb_fn *fn;
	void *ctx;
};

struct job_queue {
	struct job *head;
	struct job **tail;
};

struct wb_signal {
	struct wb_loop *loop;
	struct event *ev;
	wb_fn *fn;
	void *ctx;
	struct wa_list link;
};

struct wb_timer {
	struct wb_loop *loop;
	struct event *ev;
	const char *owner;
	wb_fn *fn;
	void *ctx;
};

struct wb_turn {
	struct wb_loop *loop;
	const char *owner;
	wb_fn *fn;
	void *ctx;
	bool dead;
	struct wa_list link;
};

struct wb_loop {
	const struct wa_env *env;
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	atomic_bool stop;

	pthread_mutex_t lock;		/* guards posted */
	struct job_queue posted;
	struct job_queue deferred;

	struct wa_list turns;
	bool in_turns;
	struct wa_list signals;

	int64_t nested_ns;		/* watched time inside the watch now open */
	int64_t cpu_ns, cpu_at_ns;	/* this thread's CPU time, and when that was read: seldom, it is a system call */
	struct wb_loop_stats stats;
	void (*on_slow)(void *ctx, const char *owner, int64_t ms);
	void *slow_ctx;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static void queue_init(struct job_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void queue_push(struct job_queue *q, struct job *j)
{
	j->next = NULL;
	*q->tail = j;
	q->tail = &j->next;
}

/* Takes everything that is queued now; what is pushed meanwhile stays for the next time. */
static void queue_run(struct wb_loop *l, struct job *head, const char *owner)
{
	while (head) {
		struct job *j = head;
		struct wb_watch w = wb_watch_begin(l, owner);

		head = j->next;
		j->fn(j->ctx);
		wb_watch_end(l, &w);
		free(j);
	}
}

static void run_posted(struct wb_loop *l)
{
	struct job *head;

	pthread_mutex_lock(&l->lock);
	head = l->posted.head;
	queue_init(&l->posted);
	pthread_mutex_unlock(&l->lock);
	queue_run(l, head, "loop.post");
}

static void run_deferred(struct wb_loop *l)
{
	struct job *head = l->deferred.head;

	queue_init(&l->deferred);
	queue_run(l, head, "loop.defer");
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
	struct wb_loop *l = ctx;
	uint64_t n;

	(void)what;
	if (read((int)fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		WA_LOG(l->env, WA_ERROR, "loop.wake", WA_I("errno", errno));
	run_posted(l);
}

static void wake(struct wb_loop *l)
{
	uint64_t one = 1;
	ssize_t n;

	/* EAGAIN means the counter is full: the loop is about to wake anyway. */
	do
		n = write(l->wake_fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

int wb_loop_new(const struct wa_env *env, struct wb_loop **ret_loop, struct wa_err *err)
{
	struct wb_loop *l = calloc(1, sizeof(*l));
	struct event_config *cfg = event_config_new();

	if (!l || !cfg)
		goto fail;
	/* Peers hang up while being written to: an error of that write, not of the process. */
	signal(SIGPIPE, SIG_IGN);
	l->env = env;
	l->wake_fd = -1;
	queue_init(&l->posted);
	queue_init(&l->deferred);
	wa_list_init(&l->turns);
	wa_list_init(&l->signals);
	pthread_mutex_init(&l->lock, NULL);
	/* Other threads reach the loop by eventfd only: libevent needs no locks. */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	l->base = event_base_new_with_config(cfg);
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!l->base || l->wake_fd < 0)
		goto fail;
	l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
	if (!l->wake || event_add(l->wake, NULL))
		goto fail;
	event_config_free(cfg);
	*ret_loop = l;
	return WA_OK;
fail:
	if (cfg)
		event_config_free(cfg);
	if (l && l->wake)
		event_free(l->wake);
	if (l && l->base)
		event_base_free(l->base);
	if (l && l->wake_fd >= 0)
		close(l->wake_fd);
	free(l);
	return wa_err_set(err, WA_ENOMEM, "cannot create the event loop");
}

void wb_loop_free(struct wb_loop *l)
{
	struct wa_list *it, *tmp;

	if (!l)
		return;
	run_posted(l);
	while (l->deferred.head)
		run_deferred(l);
	WA_LIST_EACH_SAFE(it, tmp, &l->signals) {
		struct wb_signal *s = container_of(it, struct wb_signal, link);

		event_free(s->ev);
		free(s);
	}
	event_free(l->wake);
	event_base_free(l->base);
	close(l->wake_fd);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static void run_turns(struct wb_loop *l)
{
	struct wa_list *it, *tmp;

	l->in_turns = true;
	WA_LIST_EACH(it, &l->turns) {
		struct wb_turn *t = container_of(it, struct wb_turn, link);
		struct wb_watch w;

		if (t->dead)
			continue;
		w = wb_watch_begin(l, t->owner);
		t->fn(t->ctx);
		wb_watch_end(l, &w);
	}
	l->in_turns = false;
	WA_LIST_EACH_SAFE(it, tmp, &l->turns) {
		struct wb_turn *t = container_of(it, struct wb_turn, link);

		if (!t->dead)
			continue;
		wa_list_del(&t->link);
		free(t);
	}
}

static void end_of_turn(struct wb_loop *l)
{
	l->stats.turns++;
	if (l->deferred.head)
		run_deferred(l);
	run_turns(l);
	if (l->deferred.head)
		run_deferred(l);
}

void wb_loop_once(struct wb_loop *l, int max_wait_ms)
{
	int flags = EVLOOP_ONCE;

	if (max_wait_ms == 0 || l->deferred.head || atomic_load(&l->stop)) {
		flags |= EVLOOP_NONBLOCK;
	} else if (max_wait_ms > 0) {
		struct timeval tv = { max_wait_ms / 1000, (max_wait_ms % 1000) * 1000 };

		event_base_loopexit(l->base, &tv);
	}
	event_base_loop(l->base, flags);
	end_of_turn(l);
}

void wb_loop_run(struct wb_loop *l)
{
	while (!atomic_load(&l->stop)) {
		/* Work deferred by deferred work is due before the next wait. */
		event_base_loop(l->base, EVLOOP_ONCE | (l->deferred.head ? EVLOOP_NONBLOCK : 0));
		end_of_turn(l);
	}
	atomic_store(&l->stop, false);
}

void wb_loop_stop(struct wb_loop *l)
{
	atomic_store(&l->stop, true);
	wake(l);
}

struct event_base *wb_loop_base(struct wb_loop *l)
{
	return l->base;
}

const struct wa_env *wb_loop_env(const struct wb_loop *l)
{
	return l->env;
}

int64_t wb_loop_now_ms(const struct wb_loop *l)
{
	(void)l;
	return mono_ns() / 1000000;
}

int wb_loop_post(struct wb_loop *l, wb_fn *fn, void *ctx)
{
	struct job *j = malloc(sizeof(*j));
	bool first;

	if (!j)
		return WA_ENOMEM;
	j->fn = fn;
	j->ctx = ctx;
	pthread_mutex_lock(&l->lock);
	first = !l->posted.head;
	queue_push(&l->posted, j);
	l->stats.posted++;
	/* Under the lock: after it the loop may run the job and be freed. */
	if (first)
		wake(l);
	pthread_mutex_unlock(&l->lock);
	return WA_OK;
}

void wb_loop_defer(struct wb_loop *l, wb_fn *fn, void *ctx)
{
	struct job *j = malloc(sizeof(*j));

	/* A lost deferred free would be a leak, a lost deferred step a hang: neither is a state
	 * to go on in. */
	if (!j)
		abort();
	j->fn = fn;
	j->ctx = ctx;
	queue_push(&l->deferred, j);
	l->stats.deferred++;
}

void wb_loop_defer_free(struct wb_loop *l, void *take_ptr)
{
	if (take_ptr)
		wb_loop_defer(l, free, take_ptr);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct wb_timer *t = ctx;
	struct wb_loop *l = t->loop;
	struct wb_watch w = wb_watch_begin(l, t->owner);

	(void)fd;
	(void)what;
	t->fn(t->ctx);
	wb_watch_end(l, &w);
}

struct wb_timer *wb_timer_new(struct wb_loop *l, const char *owner, wb_fn *fn, void *ctx)
{
	struct wb_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->loop = l;
	t->owner = owner;
	t->fn = fn;
	t->ctx = ctx;
	t->ev = event_new(l->base, -1, 0, on_timer, t);
	if (!t->ev) {
		free(t);
		return NULL;
	}
	return t;
}

static void timer_arm(struct wb_timer *t, uint64_t ms, short flags)
{
	struct timeval tv = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };

	event_del(t->ev);
	event_assign(t->ev, t->loop->base, -1, flags, on_timer, t);
	event_add(t->ev, &tv);
}

void wb_timer_start(struct wb_timer *t, uint64_t delay_ms)
{
	timer_arm(t, delay_ms, 0);
}

void wb_timer_every(struct wb_timer *t, uint64_t period_ms)
{
	timer_arm(t, period_ms, EV_PERSIST);
}

void wb_timer_stop(struct wb_timer *t)
{
	if (t)
		event_del(t->ev);
}

bool wb_timer_running(const struct wb_timer *t)
{
	return evtimer_pending(t->ev, NULL);
}

void wb_timer_free(struct wb_timer *t)
{
	if (!t)
		return;
	event_free(t->ev);
	free(t);
}

struct wb_turn *wb_loop_on_turn(struct wb_loop *l, const char *owner, wb_fn *fn, void *ctx)
{
	struct wb_turn *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->loop = l;
	t->owner = owner;
	t->fn = fn;
	t->ctx = ctx;
	wa_list_push_back(&l->turns, &t->link);
	return t;
}

void wb_turn_free(struct wb_turn *t)
{
	if (!t)
		return;
	if (t->loop->in_turns) {
		t->dead = true;
		return;
	}
	wa_list_del(&t->link);
	free(t);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
	struct wb_signal *s = ctx;
	struct wb_watch w = wb_watch_begin(s->loop, "loop.signal");

	(void)fd;
	(void)what;
	s->fn(s->ctx);
	wb_watch_end(s->loop, &w);
}

int wb_loop_on_signal(struct wb_loop *l, int signo, wb_fn *fn, void *ctx, struct wa_err *err)
{
	struct wb_signal *s = calloc(1, sizeof(*s));

	if (!s)
		return wa_err_set(err, WA_ENOMEM, "no memory for a signal handler");
	s->loop = l;
	s->fn = fn;
	s->ctx = ctx;
	s->ev = evsignal_new(l->base, signo, on_signal, s);
	if (!s->ev || event_add(s->ev, NULL)) {
		if (s->ev)
			event_free(s->ev);
		free(s);
		return wa_err_set(err, WA_EIO, "cannot handle signal %d", signo);
	}
	wa_list_push_back(&l->signals, &s->link);
	return WA_OK;
}

struct wb_watch wb_watch_begin(struct wb_loop *l, const char *owner)
{
	struct wb_watch w = { owner, mono_ns(), l->nested_ns };

	if (w.start_ns - l->cpu_at_ns >= CPU_READ_NS) {
		l->cpu_at_ns = w.start_ns;
		l->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	}
	l->nested_ns = 0;
	return w;
}

void wb_watch_end(struct wb_loop *l, const struct wb_watch *w)
{
	int64_t all = mono_ns() - w->start_ns;
	int64_t ms = (all - l->nested_ns) / 1000000, cpu;

	l->nested_ns = w->nested_ns + all;
	l->stats.callbacks++;
	if (ms <= WB_SLOW_MS)
		return;
	cpu = (clock_ns(CLOCK_THREAD_CPUTIME_ID) - l->cpu_ns) / 1000000;
	l->stats.slow++;
	if ((uint64_t)cpu > l->stats.slow_cpu_max_ms)
		l->stats.slow_cpu_max_ms = (uint64_t)cpu;
	if ((uint64_t)ms > l->stats.slow_max_ms) {
		l->stats.slow_max_ms = (uint64_t)ms;
		l->stats.slow_owner = w->owner;
	}
	WA_LOG(l->env, WA_WARN, "loop.slow", WA_S("owner", w->owner), WA_I("ms", ms), WA_I("cpu_ms", cpu));
	if (l->on_slow)
		l->on_slow(l->slow_ctx, w->owner, ms);
}

void wb_loop_on_slow(struct wb_loop *l, void (*fn)(void *ctx, const char *owner, int64_t ms), void *ctx)
{
	l->on_slow = fn;
	l->slow_ctx = ctx;
}

void wb_loop_stats(struct wb_loop *l, struct wb_loop_stats *ret_stats)
{
	/* Other threads count what they post. */
	pthread_mutex_lock(&l->lock);
	*ret_stats = l->stats;
	pthread_mutex_unlock(&l->lock);
}
