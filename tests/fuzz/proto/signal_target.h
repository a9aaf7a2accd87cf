/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef FUZZ_SIGNAL_TARGET_H
#define FUZZ_SIGNAL_TARGET_H

/* A device that strangers write to: keys are the same in every run. */
#include <wa/signal.h>

#include <base.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct target {
	struct wa_memstore *store;
	struct wa_records *rec;
	struct wa_device dev;
	struct wa_signal *sig;
};

static uint64_t target_seed = 1;

static int64_t target_now(void *ctx)
{
	(void)ctx;
	return 0;
}

static void target_random(void *ctx, void *out, size_t len)
{
	uint8_t *b = out;

	(void)ctx;
	for (size_t i = 0; i < len; i++) {
		target_seed ^= target_seed << 13;
		target_seed ^= target_seed >> 7;
		target_seed ^= target_seed << 17;
		b[i] = (uint8_t)(target_seed >> 32);
	}
}

static const struct wa_env target_env = { target_now, target_random, NULL, NULL };

static void target_open(struct target *t)
{
	struct wa_prekey_pub key;

	target_seed = 1;
	t->store = wa_memstore_new();
	t->rec = wa_records_new(wa_memstore_ops(), t->store, 65536);
	if (!t->store || !t->rec || wa_device_generate(&target_env, &t->dev, NULL) ||
	    wa_signal_new(&target_env, t->rec, &t->dev, &t->sig, NULL) ||
	    wa_signal_prekeys_generate(t->sig, &key, 1, NULL))
		abort();
}

/* Failure must leave nothing behind. */
static void target_commit(struct target *t)
{
	static uint64_t batch;
	const struct wa_change *changes;
	size_t n = wa_records_seal(t->rec, ++batch, &changes);

	if (wa_memstore_apply(t->store, changes, n))
		abort();
	wa_records_committed(t->rec, batch);
}

static void target_close(struct target *t)
{
	wa_signal_free(t->sig);
	wa_records_free(t->rec);
	wa_memstore_free(t->store);
}

#endif
