/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What 10,000 entries of app state in one answer cost our client, as JSON
 * lines, in one process with the sandbox. Only the client's own calls are timed
 * (they are wrapped by the linker): CPU of all of them, and the longest single
 * one, for which a host's loop is held. Memory is what the process has on the
 * heap beyond what it had before, at most: the answer itself included.
 */
#include "world.h"

#include <wa/sync.h>

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ME    "4915100000001"
#define COUNT 10000

static double total, longest;
static size_t calls, peak, before;
static unsigned depth;

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static double enter(void)
{
	return depth++ ? 0 : cpu();
}

static void leave(double began)
{
	double took;
	size_t now;

	if (--depth)
		return;
	took = cpu() - began;
	total += took;
	calls++;
	if (took > longest)
		longest = took;
	now = heap();
	if (now > before && now - before > peak)
		peak = now - before;
}

int __real_wa_client_feed(struct wa_client *c, struct wa_span bytes, struct wa_err *err);
void __real_wa_client_tick(struct wa_client *c);
void __real_wa_client_committed(struct wa_client *c, uint64_t id);
int __wrap_wa_client_feed(struct wa_client *c, struct wa_span bytes, struct wa_err *err);
void __wrap_wa_client_tick(struct wa_client *c);
int __real_wa_client_sync_change(struct wa_client *c, const struct wa_sync_action *actions, size_t n,
				 wa_done_fn *fn, void *arg, struct wa_err *err);
int __wrap_wa_client_sync_change(struct wa_client *c, const struct wa_sync_action *actions, size_t n,
				 wa_done_fn *fn, void *arg, struct wa_err *err);
void __wrap_wa_client_committed(struct wa_client *c, uint64_t id);

int __wrap_wa_client_feed(struct wa_client *c, struct wa_span bytes, struct wa_err *err)
{
	double t = enter();
	int rc = __real_wa_client_feed(c, bytes, err);

	leave(t);
	return rc;
}

int __wrap_wa_client_sync_change(struct wa_client *c, const struct wa_sync_action *actions, size_t n,
				 wa_done_fn *fn, void *arg, struct wa_err *err)
{
	double t = enter();
	int rc = __real_wa_client_sync_change(c, actions, n, fn, arg, err);

	leave(t);
	return rc;
}

void __wrap_wa_client_tick(struct wa_client *c)
{
	double t = enter();

	__real_wa_client_tick(c);
	leave(t);
}

void __wrap_wa_client_committed(struct wa_client *c, uint64_t id)
{
	double t = enter();

	__real_wa_client_committed(c, id);
	leave(t);
}

static void report(const char *name, unsigned n)
{
	printf("{\"name\":\"sync.%s\",\"ms\":%.1f,\"us_entry\":%.2f,\"held_ms\":%.2f,\"peak_mib\":%.1f,\"calls\":%zu}\n",
	       name, total * 1e3, total / n * 1e6, longest * 1e3, (double)peak / (1u << 20), calls);
	fflush(stdout);
	total = longest = 0;
	calls = peak = 0;
	before = heap();
}

static void done(void *arg, int code, const char *text)
{
	(void)text;
	assert_int_equal(code, 0);
	++*(int *)arg;
}

int main(void)
{
	struct wa_sync_action acts[WA_SYNC_CHANGES_MAX] = { { 0 } };
	char body[64];
	struct world w;
	struct actor *a;
	int answered = 0;

	world_start(&w);
	world_account(&w, ME);
	a = world_client(&w);
	world_link(&w, a, ME);
	world_run(&w, 2000);
	snprintf(body, sizeof(body), "{\"count\":%d}", COUNT);
	before = heap();
	total = longest = 0;
	calls = peak = 0;
	a->syncs = 0;
	world_do(&w, "POST", "/accounts/" ME "/app-state/bulk", body);
	world_run(&w, 5000);
	assert_int_equal(a->syncs, COUNT);
	report("receive_10000", COUNT);
	for (int i = 0; i < WA_SYNC_CHANGES_MAX; i++) {
		char digits[20];

		snprintf(digits, sizeof(digits), "1888%07d", i);
		acts[i] = (struct wa_sync_action){ .kind = WA_SYNC_ARCHIVE, .on = true };
		acts[i].chat = wa_jid_make(WA_SRV_PN, digits, 0);
	}
	assert_int_equal(wa_client_sync_change(a->c, acts, WA_SYNC_CHANGES_MAX, done, &answered, NULL), 0);
	world_run(&w, 2000);
	assert_int_equal(answered, 1);
	report("change_256", WA_SYNC_CHANGES_MAX);
	world_end(&w);
	return 0;
}
