/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Lua host without the gateway around it.
 *
 * lua_rule: 10,000 messages through 50 scripts of one rule each, as fast as they go: median of the time of a
 * message, by rule; once where every rule answers to it, once where filters keep Lua out.
 * lua_p99: messages at a steady rate through 50 scripts; from arrival to the last script's end, once with the 50
 * alone, once with an endless loop, a memory hog and a script that always fails among them.
 * lua_memory: of one script after 10,000 and after a million calls.
 */
#include <stdio.h>
#include <time.h>
#include <host_int.h>

#define SCRIPTS 50
#define MESSAGES 10000
#define STEADY 4000		/* lua_p99 */
#define RATE 400		/* per second */

struct timer {
	struct timer *next;
	wb_world_fn *fn;
	void *ctx;
	int64_t due;
	bool on;
};

struct bench_world {
	struct wb_world w;
	struct timer *timers;
	char *log[MESSAGES + 1];	/* JSON of events, by seq */
	int64_t last;
	size_t good;			/* calls of the good scripts */
	int64_t finished[MESSAGES + 1];	/* by message: when the last good script was done */
	unsigned done[MESSAGES + 1];
};

/* Of this process: the program never sleeps, so this is time without what other programs take of the machine. */
static int64_t mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t w_now(struct wb_world *w)
{
	(void)w;
	return 1800000000000 + mono_ns() / 1000000;
}

static struct wb_world_timer *w_timer_new(struct wb_world *w, wb_world_fn *fn, void *ctx)
{
	struct bench_world *b = (struct bench_world *)w;
	struct timer *t = wb_zalloc(sizeof(*t));

	*t = (struct timer){ .next = b->timers, .fn = fn, .ctx = ctx };
	b->timers = t;
	return (struct wb_world_timer *)t;
}

static void w_timer_start(struct wb_world_timer *wt, int64_t delay_ms)
{
	struct timer *t = (struct timer *)wt;

	t->due = mono_ns() + delay_ms * 1000000;
	t->on = true;
}

static void w_timer_stop(struct wb_world_timer *wt)
{
	((struct timer *)wt)->on = false;
}

/* Of chains: freed at the sweep, since they may be in the middle of a walk. */
static void w_timer_free(struct wb_world_timer *wt)
{
	struct timer *t = (struct timer *)wt;

	if (t) {
		t->on = false;
		t->fn = NULL;
	}
}

static bool w_turn(struct bench_world *b)
{
	int64_t now = mono_ns();
	struct timer **at = &b->timers;
	bool any = false;

	for (struct timer *t = b->timers; t; t = t->next)
		if (t->on && t->due <= now) {
			t->on = false;
			t->fn(t->ctx);
			any = true;
		}
	while (*at) {
		struct timer *t = *at;

		if (t->fn) {
			at = &t->next;
		} else {
			*at = t->next;
			free(t);
		}
	}
	return any;
}

static int w_kv_get(struct wb_world *w, const char *space, const char *key, struct wa_buf *out)
{
	(void)w;
	(void)space;
	(void)key;
	(void)out;
	return 0;
}

static void w_kv_put(struct wb_world *w, const char *space, const char *key, struct wa_span value, int64_t expires_ms,
		     wb_world_done_fn *done, void *ctx)
{
	(void)w;
	(void)space;
	(void)key;
	(void)value;
	(void)expires_ms;
	if (done)
		done(ctx, 0, "");
}

static int64_t w_last_seq(struct wb_world *w)
{
	return ((struct bench_world *)w)->last;
}

static struct wb_event event_of(struct bench_world *b, int64_t seq)
{
	return (struct wb_event){ .size = sizeof(struct wb_event), .seq = seq, .ts_ms = w_now(&b->w),
				  .id = "01JDA0000000000000000000AB", .kind = "message.received", .session = "shop",
				  .subject = "01JDA0000000000000000000AA",
				  .json = { b->log[seq], strlen(b->log[seq]) } };
}

static int w_events_since(struct wb_world *w, int64_t after, const char *kinds, size_t limit, wb_world_event_fn *fn,
			  void *ctx, int64_t *ret_scanned)
{
	struct bench_world *b = (struct bench_world *)w;
	int n = 0;

	(void)kinds;
	for (int64_t seq = after + 1; seq <= b->last && (size_t)n < limit; seq++, n++) {
		struct wb_event ev = event_of(b, seq);

		if (fn(ctx, &ev))
			break;
		*ret_scanned = seq;
	}
	return n;
}

static int w_held(struct wb_world *w, const char *session, const char *chat, char ret_owner[96])
{
	(void)w;
	(void)session;
	(void)chat;
	(void)ret_owner;
	return 0;
}

static void w_log(struct wb_world *w, const char *script, int level, const char *text)
{
	(void)w;
	(void)script;
	(void)level;
	(void)text;
}

static void w_observe(struct wb_world *w, const char *script, uint64_t us)
{
	(void)w;
	(void)script;
	(void)us;
}

/* The rules count themselves: wb.metrics would, too. The value is the message's seq. */
static void w_metric(struct wb_world *w, const char *script, const char *name, int64_t value, bool set)
{
	struct bench_world *b = (struct bench_world *)w;

	(void)script;
	(void)name;
	(void)set;
	b->good++;
	if (value > 0 && value <= MESSAGES && ++b->done[value] == SCRIPTS)
		b->finished[value] = mono_ns();
}

static int w_flow_each(struct wb_world *w, wb_world_flow_fn *fn, void *ctx)
{
	(void)w;
	(void)fn;
	(void)ctx;
	return 0;
}

static const struct wb_world_ops ops = {
	.now_ms = w_now, .timer_new = w_timer_new, .timer_start = w_timer_start, .timer_stop = w_timer_stop,
	.timer_free = w_timer_free, .kv_get = w_kv_get, .kv_put = w_kv_put, .last_seq = w_last_seq,
	.events_since = w_events_since, .held = w_held, .log = w_log, .observe = w_observe, .metric = w_metric,
	.flow_each = w_flow_each,
};

static struct bench_world *world_new(void)
{
	struct bench_world *b = wb_zalloc(sizeof(*b));

	b->w.ops = &ops;
	for (int i = 1; i <= MESSAGES; i++)
		if (asprintf(&b->log[i], "{\"id\":\"01JDA0000000000000000000AA\",\"wa_id\":\"3EB0C0FFEE\",\"direction\":\"in\","
			     "\"chat\":{\"jid\":\"1202555%04d@s.whatsapp.net\",\"phone\":\"+1202555%04d\"},"
			     "\"sender\":{\"jid\":\"1202555%04d@s.whatsapp.net\",\"phone\":\"+1202555%04d\"},"
			     "\"group\":false,\"kind\":\"text\",\"text\":\"Hello, is my order %d ready?\",\"push_name\":\"Ann\","
			     "\"timestamp\":\"2026-11-22T16:00:00Z\",\"offline\":false}",
			     i % 500, i % 500, i % 500, i % 500, i) < 0)
			abort();
	return b;
}

static void world_free(struct bench_world *b)
{
	while (b->timers) {
		struct timer *t = b->timers;

		b->timers = t->next;
		free(t);
	}
	for (int i = 1; i <= MESSAGES; i++)
		free(b->log[i]);
	free(b);
}

static void load(struct wb_scripts *sc, const char *name, const char *source)
{
	struct wa_err err = WA_ERR_INIT;

	if (wb_scripts_load(sc, name, wa_span_str(source), &err) < 0) {
		fprintf(stderr, "%s: %s\n", name, err.msg);
		exit(1);
	}
}

static struct wb_scripts *host_new(struct bench_world *b, const char *rule)
{
	struct wb_scripts_opts o = { .world = &b->w };
	struct wa_err err = WA_ERR_INIT;
	struct wb_scripts *sc;
	char name[16];

	if (wb_scripts_new(&o, &sc, &err) < 0 || wb_scripts_start(sc, &err) < 0)
		exit(1);
	for (int i = 0; rule && i < SCRIPTS; i++) {
		snprintf(name, sizeof(name), "s%02d", i);
		load(sc, name, rule);
	}
	return sc;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void post(struct bench_world *b, struct wb_scripts *sc, int64_t seq)
{
	struct wb_event ev = event_of(b, seq);

	b->last = seq;
	wb_scripts_event(sc, &ev);
}

static void bench_rule(const char *figure, const char *rule)
{
	static int64_t took[MESSAGES];
	struct bench_world *b = world_new();
	struct wb_scripts *sc = host_new(b, rule);

	for (int i = 0; i < MESSAGES; i++) {
		int64_t begin = mono_ns();

		post(b, sc, i + 1);
		while (!wb_scripts_quiet(sc))
			(void)w_turn(b);
		took[i] = mono_ns() - begin;
	}
	qsort(took, MESSAGES, sizeof(took[0]), by_size);
	printf("{\"name\":\"%s\",\"us_each\":%.3f}\n", figure, (double)took[MESSAGES / 2] / 1000 / SCRIPTS);
	wb_scripts_free(sc);
	world_free(b);
}

static double bench_p99(const char *rule, bool bad)
{
	static int64_t took[STEADY];
	struct bench_world *b = world_new();
	struct wb_scripts *sc = host_new(b, rule);
	int64_t begin;
	int sent = 0;
	double p99;

	if (bad) {
		load(sc, "s10-endless", "local wb = require 'warbler'\nwb.on('message.received', function() while true do end end)");
		load(sc, "s20-hog", "local wb = require 'warbler'\nwb.on('message.received', function()\n"
				    "local t = {} while true do t[#t + 1] = {} end end)");
		load(sc, "s30-fails", "local wb = require 'warbler'\nwb.on('message.received', function() error('always') end)");
	}
	begin = mono_ns();
	while (b->good < (size_t)STEADY * SCRIPTS) {
		if (sent < STEADY && mono_ns() >= begin + (int64_t)sent * (1000000000 / RATE))
			post(b, sc, ++sent);
		(void)w_turn(b);
	}
	for (int i = 0; i < STEADY; i++)
		took[i] = b->finished[i + 1] - (begin + (int64_t)i * (1000000000 / RATE));
	qsort(took, STEADY, sizeof(took[0]), by_size);
	p99 = (double)took[STEADY * 99 / 100] / 1000;
	fprintf(stderr, "lua_p99 %s: median %.0f us, p99 %.0f us, worst %.0f us\n", bad ? "with bad ones" : "alone",
		(double)took[STEADY / 2] / 1000, p99, (double)took[STEADY - 1] / 1000);
	wb_scripts_free(sc);
	world_free(b);
	return p99;
}

static void bench_memory(const char *rule, int rounds)
{
	struct bench_world *b = world_new();
	struct wb_scripts *sc = host_new(b, NULL);
	size_t first = 0, peak = 0;

	load(sc, "one", rule);
	for (int r = 0; r < rounds; r++) {
		struct wb_script *s = wb_scripts_find(sc, "one");

		/* the log again, under numbers that go on */
		for (int i = 1; i <= MESSAGES; i++) {
			struct wb_event ev = event_of(b, i);

			ev.seq = ++b->last;
			b->last = ev.seq;
			wb_scripts_event(sc, &ev);
			while (!wb_scripts_quiet(sc))
				(void)w_turn(b);
		}
		if (r == 0)
			first = s->st->peak;
		peak = s->st->peak;
	}
	printf("{\"name\":\"lua_memory_10k_calls\",\"bytes\":%zu}\n", first);
	printf("{\"name\":\"lua_memory_%dk_calls\",\"bytes\":%zu}\n", rounds * 10, peak);
	wb_scripts_free(sc);
	world_free(b);
}

int main(void)
{
	static const char other[] = "local wb = require 'warbler'\n"
				    "wb.on('message.received', { contains = 'invoice' }, function(msg) end)";
	static const char timed[] = "local wb = require 'warbler'\n"
				    "wb.on('message.received', { contains = 'order' }, function(msg)\n"
				    "  wb.metrics.gauge('seen', tonumber(msg.text:match('%d+')))\nend)";
	double alone, among;

	bench_rule("lua_rule_runs", timed);
	bench_rule("lua_rule_filtered", other);
	alone = bench_p99(timed, false);
	among = bench_p99(timed, true);
	printf("{\"name\":\"lua_p99_alone\",\"us_each\":%.0f}\n", alone);
	printf("{\"name\":\"lua_p99_with_bad\",\"us_each\":%.0f}\n", among);
	bench_memory(timed, 100);
	return 0;
}
