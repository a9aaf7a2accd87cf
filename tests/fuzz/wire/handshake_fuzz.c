/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes from a stranger before and during the handshake. The first byte picks
 * the target: a server's stream, a client's stream, or the certificate check.
 * Keys are fixed, so that a recorded handshake in the corpus goes all the way.
 */
#include <wa/sig.h>
#include <wa/stream.h>

#include "base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t now_ms(void *ctx)
{
	(void)ctx;
	return 1750000000000;
}

static void fixed_random(void *ctx, void *out, size_t len)
{
	(void)ctx;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)(i * 31 + 7);
}

static int on_node(void *ctx, const struct wa_node *node, struct wa_err *err)
{
	(void)ctx;
	(void)err;
	return node ? 0 : WA_EINTERNAL;
}

static const struct wa_env env = { .now_ms = now_ms, .random = fixed_random };
static const struct wa_stream_ops ops = { .node = on_node };

static void feed(struct wa_stream *s, const uint8_t *p, size_t len)
{
	size_t half = len / 2;
	int first = wa_stream_feed(s, wa_span(p, half), NULL);
	int second = wa_stream_feed(s, wa_span(p + half, len - half), NULL);

	if (first < 0 && second != WA_ESTATE)
		abort(); /* failures are final */
	wa_stream_wrote(s, wa_stream_output(s).len);
	wa_stream_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wa_stream_client_opts opts = { .payload = { (const uint8_t *)"payload", 7 } };
	struct wa_cert_chain chain;
	struct wa_keypair root;
	struct wa_stream *s;

	if (size < 1)
		return 0;
	wa_keypair_new(&env, &root);
	opts.noise = root;
	opts.root = &root.pub;
	switch (data[0] % 3) {
	case 0:
		if (wa_cert_chain_make(&env, &root, 1700000000, 1900000000, &chain, NULL) < 0 ||
		    wa_stream_new_server(&env, &ops, NULL, &chain, &s, NULL) < 0)
			abort();
		feed(s, data + 1, size - 1);
		break;
	case 1:
		if (wa_stream_new_client(&env, &ops, NULL, &opts, &s, NULL) < 0 ||
		    wa_stream_start(s, NULL) < 0)
			abort();
		feed(s, data + 1, size - 1);
		break;
	default:
		if (wa_cert_chain_check(wa_span(data + 1, size - 1), &root.pub, &root.pub,
					now_ms(NULL), NULL) > 0)
			abort();
		break;
	}
	return 0;
}
