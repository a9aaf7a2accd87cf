/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the wire costs: a message to two devices as a node, encoded and decoded,
 * and the Noise transport cipher over frames of its size. CPU time of this
 * process; one JSON line per figure.
 */
#include <noise.h>
#include <wa/node.h>

#include <base.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define N 200000
#define CIPHER_LEN 180	/* a short text, padded, as libsignal makes it */

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(const char *name, double seconds)
{
	printf("{\"name\":\"%s\",\"per_second\":%.0f,\"us_each\":%.3f}\n", name, N / seconds,
	       seconds / N * 1e6);
	fflush(stdout);
}

static void must(int r)
{
	if (r == 0)
		return;
	fprintf(stderr, "bench_wire: %s\n", wa_code_str(r));
	exit(1);
}

static struct wa_node *message(struct wa_arena *a)
{
	static const uint8_t cipher[CIPHER_LEN] = { 0x33 };
	struct wa_jid to = wa_jid_make(WA_SRV_LID, "100000000000001", 0);
	struct wa_node *n = wa_node_new(a, "message"), *list = wa_node_child(a, n, "participants");

	wa_node_attr(a, n, "id", "3EB0C431C26A1916E07A");
	wa_node_attr_jid(a, n, "to", &to);
	wa_node_attr(a, n, "type", "text");
	wa_node_attr(a, n, "phash", "2:AbCdEfGh");
	for (uint16_t d = 0; d < 2; d++) {
		struct wa_jid device = wa_jid_device(&to, d);
		struct wa_node *one = wa_node_child(a, list, "to"), *enc;

		wa_node_attr_jid(a, one, "jid", &device);
		enc = wa_node_child(a, one, "enc");
		wa_node_attr(a, enc, "v", "2");
		wa_node_attr(a, enc, "type", "msg");
		wa_node_data(a, enc, wa_span(cipher, sizeof(cipher)));
	}
	return n;
}

static void bench_node(struct wa_buf *out)
{
	struct wa_arena a;
	double t = cpu_s();

	wa_arena_init(&a, 1 << 20);
	for (int i = 0; i < N; i++) {
		wa_arena_reset(&a);
		wa_buf_reset(out);
		must(wa_node_encode(message(&a), out, NULL));
	}
	report("node.build_encode", cpu_s() - t);
	t = cpu_s();
	for (int i = 0; i < N; i++) {
		const struct wa_node *n;

		wa_arena_reset(&a);
		must(wa_node_decode(wa_buf_view(out), &a, &n, NULL));
	}
	report("node.decode", cpu_s() - t);
	wa_arena_clear(&a);
}

static void bench_cipher(struct wa_span plain)
{
	struct wa_cipher seal = { .key = { { 7 } } }, open = seal;
	uint8_t *all = malloc((plain.len + WA_GCM_TAG) * (size_t)N), *back = malloc(plain.len);
	double t;

	if (!back || !all)
		exit(1);
	t = cpu_s();
	for (size_t i = 0; i < N; i++)
		must(wa_cipher_seal(&seal, plain, all + i * (plain.len + WA_GCM_TAG)));
	report("noise.seal", cpu_s() - t);
	t = cpu_s();
	for (size_t i = 0; i < N; i++)
		must(wa_cipher_open(&open, wa_span(all + i * (plain.len + WA_GCM_TAG), plain.len + WA_GCM_TAG),
				    back));
	report("noise.open", cpu_s() - t);
	free(all);
	free(back);
}

int main(void)
{
	struct wa_buf out;

	wa_buf_init(&out, 1 << 16);
	bench_node(&out);
	bench_cipher(wa_buf_view(&out));
	wa_buf_clear(&out);
	return 0;
}
