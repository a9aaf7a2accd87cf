/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as identity container, reply, identity, key index list and QR text. */
#include <wa/pair.h>

#include <base.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t now_ms(void *ctx)
{
	(void)ctx;
	return 0;
}

static void zeros(void *ctx, void *out, size_t len)
{
	(void)ctx;
	memset(out, 1, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct wa_env env = { now_ms, zeros, NULL, NULL };
	static struct wa_device dev;
	struct wa_span in = wa_span(data, size), second;
	struct wa_key_indexes k;
	struct wa_buf reply;
	uint32_t key_index;
	struct wa_qr qr;
	size_t cut;

	if (!dev.registration_id && wa_device_generate(&env, &dev, NULL))
		abort();
	wa_buf_init(&reply, 8192);
	/* A container needs the secret: nobody guesses it. */
	if (wa_adv_accept(&env, &dev, in, &reply, &key_index, NULL) == 0)
		abort();
	wa_buf_clear(&reply);
	if (wa_adv_check_identity(in, &dev.identity.pub, NULL) == 0)
		abort();
	if (wa_adv_check_device(in, &dev.identity.pub, &dev.identity.pub, NULL) == 0 ||
	    wa_adv_key_index_open(in, &dev.identity.pub, &k, NULL) == 0)
		abort();
	if (wa_adv_key_index_open(in, NULL, &k, NULL) == 0 && k.n > WA_KEY_INDEXES_MAX)
		abort();
	cut = size ? data[0] % size : 0;
	second = wa_span(data + cut, size - cut);
	if (wa_adv_check_reply(wa_span(data, cut), second, &dev.identity.pub, &dev.identity.pub,
			       NULL) == 0 ||
	    wa_adv_check_reply(in, in, &dev.identity.pub, &dev.identity.pub, NULL) == 0)
		abort();
	if (wa_qr_parse(in, &qr, NULL) == 0 && qr.ref[0] == '\0')
		abort();
	return 0;
}
