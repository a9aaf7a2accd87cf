/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The allocator, wrapped by the linker: each allocation of a decode fails in
 * turn, and the memory of an idle stream is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <wa/sig.h>
#include <wa/stream.h>

#include "base.h"
#include "log.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static long fail_at;	/* this many allocations from now; < 0: never */
static size_t live;	/* bytes asked for and not freed */

static bool fails(void)
{
	return fail_at >= 0 && fail_at-- == 0;
}

static void *count(void *p)
{
	live += p ? malloc_usable_size(p) : 0;
	return p;
}

static void uncount(void *p)
{
	live -= p ? malloc_usable_size(p) : 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : count(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t m)
{
	return fails() ? NULL : count(__real_calloc(n, m));
}

void *__wrap_realloc(void *p, size_t n)
{
	if (fails())
		return NULL;
	uncount(p);
	return count(__real_realloc(p, n));
}

void __wrap_free(void *p)
{
	uncount(p);
	__real_free(p);
}

static void decoding_survives_every_failed_allocation(void **state)
{
	struct wa_arena build, a;
	struct wa_buf b;
	struct wa_node *n;
	struct wa_jid j = wa_jid_make(WA_SRV_LID, "123", 1);
	long i;
	int r = WA_ENOMEM;

	(void)state;
	fail_at = -1;
	wa_arena_init(&build, 1 << 20);
	wa_buf_init(&b, 1 << 20);
	n = wa_node_new(&build, "iq");
	for (int k = 0; k < 200; k++) {
		struct wa_node *c = wa_node_child(&build, n, "user");

		wa_node_attr_jid(&build, c, "jid", &j);
		wa_node_attr_int(&build, c, "t", k * 1000003);
	}
	assert_int_equal(wa_node_encode(n, &b, NULL), WA_OK);
	wa_arena_clear(&build);
	for (i = 0; r != WA_OK; i++) {
		const struct wa_node *back;
		size_t before = live;

		wa_arena_init(&a, 1 << 20);
		fail_at = i;
		r = wa_node_decode(wa_buf_view(&b), &a, &back, NULL);
		fail_at = -1;
		assert_true(r == WA_OK || r == WA_ENOMEM);
		wa_arena_clear(&a);
		assert_int_equal(live, before);
	}
	assert_true(i > 3);
	wa_buf_clear(&b);
}

static int on_node(void *ctx, const struct wa_node *node, struct wa_err *err)
{
	(void)node;
	(void)err;
	++*(int *)ctx;
	return 0;
}

static const struct wa_stream_ops ops = { .node = on_node };

static int move(struct wa_stream *from, struct wa_stream *to)
{
	struct wa_span out = wa_stream_output(from);
	int r = wa_stream_feed(to, out, NULL);

	wa_stream_wrote(from, out.len);
	return r;
}

struct world {
	struct wa_env env;
	struct wa_keypair root, noise;
	struct wa_cert_chain chain;
	int stanzas;
};

static void world_init(struct world *w)
{
	*w = (struct world){ 0 };
	wa_env_default(&w->env, NULL);
	wa_keypair_new(&w->env, &w->root);
	wa_keypair_new(&w->env, &w->noise);
	assert_int_equal(wa_cert_chain_make(&w->env, &w->root, 1, 4000000000, &w->chain, NULL),
			 WA_OK);
}

/* A handshake and one stanza each way. 0, or what failed. */
static int connect_pair(struct world *w, struct wa_stream **c, struct wa_stream **s)
{
	struct wa_stream_client_opts opts = { .noise = w->noise, .root = &w->root.pub,
					      .payload = wa_span("p", 1) };
	int r;

	*c = *s = NULL;
	r = wa_stream_new_client(&w->env, &ops, &w->stanzas, &opts, c, NULL);
	if (r == 0)
		r = wa_stream_new_server(&w->env, &ops, &w->stanzas, &w->chain, s, NULL);
	if (r == 0)
		r = wa_stream_start(*c, NULL);
	if (r == 0)
		r = move(*c, *s);
	if (r == 0)
		r = move(*s, *c);
	if (r == 0)
		r = move(*c, *s);
	if (r == 0)
		r = wa_stream_send_raw(*c, wa_span("\x00\xf8\x01\x19", 4), NULL);
	if (r == 0)
		r = move(*c, *s);
	if (r == 0)
		r = wa_stream_send_raw(*s, wa_span("\x00\xf8\x01\x19", 4), NULL);
	return r == 0 ? move(*s, *c) : r;
}

static void streams_survive_every_failed_allocation(void **state)
{
	struct wa_stream *c, *s;
	struct world w;
	size_t before;
	int r;

	(void)state;
	fail_at = -1;
	world_init(&w);
	/* what is kept per thread for ciphers is there before we count */
	assert_int_equal(connect_pair(&w, &c, &s), 0);
	wa_stream_free(c);
	wa_stream_free(s);
	before = live;
	r = WA_ENOMEM;
	for (long i = 0; r != WA_OK; i++) {
		fail_at = i;
		r = connect_pair(&w, &c, &s);
		fail_at = -1;
		assert_true(r == WA_OK || r == WA_ENOMEM);
		wa_stream_free(c);
		wa_stream_free(s);
		assert_int_equal(live, before);
		assert_true(i < 1000);
	}
}

static void an_idle_stream_is_small(void **state)
{
	static struct wa_stream *c[100], *s[100];
	struct world w;
	size_t before, each;

	(void)state;
	fail_at = -1;
	world_init(&w);
	assert_int_equal(connect_pair(&w, &c[0], &s[0]), 0);
	before = live;
	for (size_t i = 1; i < 100; i++)
		assert_int_equal(connect_pair(&w, &c[i], &s[i]), 0);
	each = (live - before) / 99 / 2;
	print_message("%zu bytes per idle stream\n", each);
	assert_true(each <= 300);
	assert_int_equal(w.stanzas, 200);
	for (size_t i = 0; i < 100; i++) {
		wa_stream_free(c[i]);
		wa_stream_free(s[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding_survives_every_failed_allocation),
		cmocka_unit_test(streams_survive_every_failed_allocation),
		cmocka_unit_test(an_idle_stream_is_small),
	};

	fail_at = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
