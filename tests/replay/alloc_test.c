/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that runs out, at every place of a conversation: login, a message in
 * each direction, a lost connection. The allocator is wrapped by the linker and
 * fails once, inside calls of the client only. Afterwards the client may be
 * dead or may have refused something, but what is stored is a device that logs
 * in, sends and receives; the leak checker looks on.
 */
#include "test.h"

#include <stdlib.h>

#include <base.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);

static unsigned inside;	/* of calls of the client; its upcalls are outside again */
static long fail_at = -1;	/* so many allocations from now; < 0: never */
static long made;

static bool fails(void)
{
	if (!inside)
		return false;
	made++;
	return fail_at >= 0 && fail_at-- == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t m)
{
	return fails() ? NULL : __real_calloc(n, m);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

#define INSIDE_INT(name, params, args)		\
	int __real_##name params;		\
	int __wrap_##name params;		\
	int __wrap_##name params		\
	{					\
		int r;				\
						\
		inside++;			\
		r = __real_##name args;		\
		inside--;			\
		return r;			\
	}
#define INSIDE_VOID(name, params, args)		\
	void __real_##name params;		\
	void __wrap_##name params;		\
	void __wrap_##name params		\
	{					\
		inside++;			\
		__real_##name args;		\
		inside--;			\
	}

INSIDE_INT(wa_client_connected, (struct wa_client *c, struct wa_err *err), (c, err))
INSIDE_INT(wa_client_feed, (struct wa_client *c, struct wa_span b, struct wa_err *err), (c, b, err))
INSIDE_INT(wa_client_send, (struct wa_client *c, const struct wa_send *s, struct wa_err *err), (c, s, err))
INSIDE_VOID(wa_client_disconnected, (struct wa_client *c), (c))
INSIDE_VOID(wa_client_tick, (struct wa_client *c), (c))
INSIDE_VOID(wa_client_committed, (struct wa_client *c, uint64_t id), (c, id))

static void (*real_batch)(void *ctx, const struct wa_batch *b);

static void batch(void *ctx, const struct wa_batch *b)
{
	unsigned was = inside;

	inside = 0;
	real_batch(ctx, b);
	inside = was;
}

static struct wa_jid bob(void)
{
	return wa_jid_make(WA_SRV_PN, BOB_PN, 0);
}

static void receive(struct mini *m, const char *id, const char *text)
{
	mini_session(m, &m->bob[0]);
	if (m->srv && wa_client_state(m->c) == WA_ST_READY)
		mini_send(m, mini_message(m, &m->bob[0], id, mini_text(m, text)));
	mini_run(m);
}

/* What may fail anywhere; nothing is promised but that it ends. */
static void conversation(struct mini *m)
{
	struct wa_jid to = bob();

	mini_connect_any(m);
	(void)mini_send_text(m, "3EB0FA11000000000000A1", &to, "first");
	mini_run(m);
	receive(m, "IN1", "hello");
	(void)mini_send_text(m, "3EB0FA11000000000000A2", &to, "second");
	mini_run(m);
	mini_drop(m);
	mini_connect_any(m);
	receive(m, "IN2", "again");
}

/* What must work with what is stored. */
static void all_is_well(struct mini *m)
{
	struct wa_jid to = bob();
	const struct wa_node *msg;
	size_t before;

	mini_restart(m);
	mini_login(m);
	assert_int_equal(mini_send_text(m, "3EB0FA11000000000000FF", &to, "still here"), 0);
	mini_run(m);
	msg = mini_got(m, "message", "id", "3EB0FA11000000000000FF");
	assert_non_null(msg);
	assert_string_equal(mini_read(m, &m->bob[0], msg, NULL), "still here");
	before = mini_evs(m, WA_EV_MESSAGE);
	mini_session(m, &m->bob[1]);
	mini_send(m, mini_message(m, &m->bob[1], "IN9", mini_text(m, "and you")));
	mini_run(m);
	assert_int_equal(mini_evs(m, WA_EV_MESSAGE), before + 1);
	assert_string_equal(mini_ev(m, WA_EV_MESSAGE)->body, "and you");
	assert_false(m->reused_id);
}

/* Linked, with all keys uploaded; then the conversation with the n-th allocation failing. */
static long once(long n)
{
	struct mini m;
	long seen;

	mini_init(&m, 7);
	real_batch = m.ops.batch;
	m.ops.batch = batch;
	mini_link(&m);
	mini_restart(&m);
	made = 0;
	fail_at = n;
	conversation(&m);
	seen = made;
	fail_at = -1;
	all_is_well(&m);
	mini_clear(&m);
	return seen;
}

static void memory_runs_out_anywhere(void **state)
{
	long all = once(-1);

	(void)state;
	assert_true(all > 300);
	for (long n = 0; n < all; n++)
		(void)once(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_runs_out_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
