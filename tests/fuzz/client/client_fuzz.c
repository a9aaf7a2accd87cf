/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any stanza to a client that is linked and ready, or (first byte 1) still
 * linking: it may close the session with a reason, it may not crash, hang or
 * break the gate. The rest of the input is the stanza's plaintext.
 */
#include "mini.h"

#include <stdlib.h>

#define INPUTS 200	/* before everything is made anew */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mini ready, linking;
static unsigned n_ready, n_linking;

static struct mini *get_ready(void)
{
	if (n_ready == INPUTS) {
		mini_clear(&ready);
		n_ready = 0;
	}
	if (n_ready++ == 0) {
		mini_init(&ready, 1);
		mini_link(&ready);
	}
	if (wa_client_state(ready.c) == WA_ST_IDLE)
		mini_connect(&ready);
	return &ready;
}

static struct mini *get_linking(void)
{
	if (n_linking && (n_linking == INPUTS || wa_client_device(linking.c)->paired)) {
		mini_clear(&linking);
		n_linking = 0;
	}
	if (n_linking++ == 0)
		mini_init(&linking, 2);
	if (wa_client_state(linking.c) == WA_ST_IDLE)
		mini_connect(&linking);
	return &linking;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wa_node *n;
	struct wa_arena a;
	struct mini *m;

	if (size < 2 || size > 65536)
		return 0;
	wa_arena_init(&a, (size_t)16 << 20);
	if (wa_node_decode(wa_span(data + 1, size - 1), &a, &n, NULL) == 0) {
		m = data[0] == 1 ? get_linking() : get_ready();
		m->n_ev = 0;
		m->n_got = 0;
		mini_send(m, n);
		mini_run(m);
	}
	wa_arena_clear(&a);
	return 0;
}
