/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What end-to-end encryption costs, as JSON lines: {"name":…,"per_second":…}.
 * Everything goes through wa_signal with records sealed and committed to a
 * store in memory once per operation, as a careful host would.
 */
#include <wa/signal.h>

#include <base.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct side {
	struct wa_memstore *store;
	struct wa_records *rec;
	struct wa_device dev;
	struct wa_signal *sig;
	struct wa_jid jid;
	uint64_t batch;
};

static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, wa_code_str(rc));
	exit(1);
}

static int64_t now_ms(void *ctx)
{
	(void)ctx;
	return 0;
}

static void random_bytes(void *ctx, void *out, size_t len)
{
	(void)ctx;
	wa_random(out, len);
}

static const struct wa_env env = { now_ms, random_bytes, NULL, NULL };

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(const char *name, double seconds, double n)
{
	printf("{\"name\":\"signal.%s\",\"per_second\":%.0f,\"us_each\":%.2f}\n", name, n / seconds,
	       seconds / n * 1e6);
	fflush(stdout);
}

static void open_side(struct side *s, const char *user)
{
	memset(s, 0, sizeof(*s));
	s->jid = wa_jid_make(WA_SRV_LID, user, 1);
	s->store = wa_memstore_new();
	s->rec = wa_records_new(wa_memstore_ops(), s->store, 1 << 20);
	check(wa_device_generate(&env, &s->dev, NULL), "device");
	check(wa_signal_new(&env, s->rec, &s->dev, &s->sig, NULL), "signal");
}

static void close_side(struct side *s)
{
	wa_signal_free(s->sig);
	wa_records_free(s->rec);
	wa_memstore_free(s->store);
	wa_device_wipe(&s->dev);
}

static void commit(struct side *s)
{
	const struct wa_change *c;
	size_t n = wa_records_seal(s->rec, ++s->batch, &c);

	check(wa_memstore_apply(s->store, c, n), "commit");
	wa_records_committed(s->rec, s->batch);
}

static int encrypt(struct side *from, struct side *to, struct wa_buf *out)
{
	static const char text[] = "\x0a\x1cYour order 1042 is confirmed";
	int type;

	wa_buf_reset(out);
	check(wa_signal_encrypt(from->sig, &to->jid, wa_span(text, sizeof(text) - 1), &type, out,
				NULL), "encrypt");
	commit(from);
	return type;
}

static void decrypt(struct side *to, struct side *from, int type, struct wa_span cipher)
{
	static struct wa_buf plain = { .max = 4096 };

	wa_buf_reset(&plain);
	check(wa_signal_decrypt(to->sig, &from->jid, type, cipher, &plain, NULL), "decrypt");
	commit(to);
}

static void bundle_of(struct side *s, struct wa_bundle *b)
{
	struct wa_prekey_pub key;

	check(wa_signal_prekeys_generate(s->sig, &key, 1, NULL), "prekey");
	commit(s);
	*b = (struct wa_bundle){ s->dev.registration_id, s->dev.identity.pub, s->dev.sprekey_id,
				 s->dev.sprekey.pub, s->dev.sprekey_sig, true, key.id, key.pub };
}

static void meet(struct side *a, struct side *b)
{
	struct wa_bundle bundle;
	struct wa_buf text;
	int type;

	wa_buf_init(&text, 4096);
	bundle_of(b, &bundle);
	check(wa_signal_start_session(a->sig, &b->jid, &bundle, NULL), "start");
	type = encrypt(a, b, &text);
	decrypt(b, a, type, wa_buf_view(&text));
	type = encrypt(b, a, &text);
	decrypt(a, b, type, wa_buf_view(&text));
	wa_buf_clear(&text);
}

/* One direction, no answers: neither side turns the ratchet. */
static void bench_one_chain(struct side *a, struct side *b)
{
	enum { N = 20000 };
	struct wa_buf *texts = calloc(N, sizeof(*texts));
	int *types = calloc(N, sizeof(*types));
	double t;

	if (!texts || !types)
		exit(1);
	for (int i = 0; i < N; i++)
		wa_buf_init(&texts[i], 4096);
	t = cpu();
	for (int i = 0; i < N; i++)
		types[i] = encrypt(a, b, &texts[i]);
	report("encrypt", cpu() - t, N);
	t = cpu();
	for (int i = 0; i < N; i++)
		decrypt(b, a, types[i], wa_buf_view(&texts[i]));
	report("decrypt_same_chain", cpu() - t, N);
	for (int i = 0; i < N; i++)
		wa_buf_clear(&texts[i]);
	free(texts);
	free(types);
}

/* Ping-pong: every decryption turns the ratchet. Flat means the last tenth costs the first. */
static void bench_turns(struct side *a, struct side *b)
{
	enum { TURNS = 10000, PART = TURNS / 10 };
	double first = 0, last = 0, total = 0;
	struct wa_buf text;

	wa_buf_init(&text, 4096);
	for (int i = 0; i < TURNS; i++) {
		struct side *from = i % 2 ? b : a, *to = i % 2 ? a : b;
		int type = encrypt(from, to, &text);
		double t = cpu(), used;

		decrypt(to, from, type, wa_buf_view(&text));
		used = cpu() - t;
		total += used;
		if (i < PART)
			first += used;
		if (i >= TURNS - PART)
			last += used;
	}
	report("decrypt_turn", total, TURNS);
	printf("{\"name\":\"signal.turn_growth\",\"ratio\":%.2f}\n", last / first);
	wa_buf_clear(&text);
}

static void bench_keys(struct side *a)
{
	enum { N = 2000 };
	struct wa_prekey_pub *keys = calloc(N, sizeof(*keys));
	double t = cpu();

	if (!keys)
		exit(1);
	check(wa_signal_prekeys_generate(a->sig, keys, N, NULL), "prekeys");
	commit(a);
	report("prekey", cpu() - t, N);
	free(keys);
}

static void bench_start(struct side *a, struct side *b)
{
	enum { N = 500 };
	struct wa_bundle bundle;
	double t;

	bundle_of(b, &bundle);
	t = cpu();
	for (int i = 0; i < N; i++) {
		char user[16];
		struct wa_jid to;

		(void)snprintf(user, sizeof(user), "%d", 1000 + i);
		to = wa_jid_make(WA_SRV_LID, user, 0);
		check(wa_signal_start_session(a->sig, &to, &bundle, NULL), "start");
		commit(a);
	}
	report("start_session", cpu() - t, N);
}

static void bench_group(struct side *a, struct side *b)
{
	enum { N = 2000 };
	struct wa_jid group = wa_jid_make(WA_SRV_GROUP, "1203630", 0);
	struct wa_buf *texts = calloc(N, sizeof(*texts)), skdm, plain;
	double t;

	if (!texts)
		exit(1);
	wa_buf_init(&skdm, 4096);
	wa_buf_init(&plain, 4096);
	t = cpu();
	for (int i = 0; i < N; i++) {
		wa_buf_init(&texts[i], 4096);
		check(wa_signal_group_encrypt(a->sig, &group, &a->jid, wa_span_str("hello group"),
					      i ? NULL : &skdm, &texts[i], NULL), "group encrypt");
		commit(a);
	}
	report("group_encrypt", cpu() - t, N);
	check(wa_signal_group_process(b->sig, &group, &a->jid, wa_buf_view(&skdm), NULL), "skdm");
	t = cpu();
	for (int i = 0; i < N; i++) {
		wa_buf_reset(&plain);
		check(wa_signal_group_decrypt(b->sig, &group, &a->jid, wa_buf_view(&texts[i]),
					      &plain, NULL), "group decrypt");
		commit(b);
	}
	report("group_decrypt", cpu() - t, N);
	for (int i = 0; i < N; i++)
		wa_buf_clear(&texts[i]);
	free(texts);
	wa_buf_clear(&skdm);
	wa_buf_clear(&plain);
}

/* What a device costs that is linked and does nothing. */
static void bench_idle_memory(void)
{
	enum { N = 1000 };
	struct side *sides = calloc(N, sizeof(*sides));
	size_t before, after;

	if (!sides)
		exit(1);
	for (int i = 0; i < N; i++) {
		sides[i].store = wa_memstore_new();
		check(wa_device_generate(&env, &sides[i].dev, NULL), "device");
	}
	before = mallinfo2().uordblks;
	for (int i = 0; i < N; i++) {
		sides[i].rec = wa_records_new(wa_memstore_ops(), sides[i].store, 32768);
		check(wa_signal_new(&env, sides[i].rec, &sides[i].dev, &sides[i].sig, NULL), "new");
	}
	after = mallinfo2().uordblks;
	printf("{\"name\":\"signal.idle_memory\",\"bytes\":%zu}\n", (after - before) / N);
	for (int i = 0; i < N; i++)
		close_side(&sides[i]);
	free(sides);
}

int main(void)
{
	struct side a, b;

	open_side(&a, "100");
	open_side(&b, "200");
	meet(&a, &b);
	bench_one_chain(&a, &b);
	bench_turns(&a, &b);
	bench_keys(&a);
	bench_start(&a, &b);
	bench_group(&a, &b);
	close_side(&a);
	close_side(&b);
	bench_idle_memory();
	return 0;
}
