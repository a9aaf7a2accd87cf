/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stanzas as stock Baileys encodes them (vectors/wire/nodes.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <wa/node.h>

#include "crypto.h"
#include "nodes.h"
#include "text.h"

#define WIRE_MAX 65536

static void say(const struct wa_node *n, struct wa_buf *out)
{
	char jid[WA_JID_TEXT_MAX];

	wa_buf_str(out, "(");
	wa_buf_span(out, n->tag);
	for (const struct wa_attr *a = n->attrs; a; a = a->next) {
		wa_buf_str(out, " ");
		wa_buf_span(out, a->key);
		wa_buf_str(out, a->jid ? "=<" : "=\"");
		wa_buf_span(out, a->jid ? wa_span_str(wa_jid_text(a->jid, jid)) : a->text);
		wa_buf_str(out, a->jid ? ">" : "\"");
	}
	if (n->content == WA_CONTENT_NODES) {
		wa_buf_str(out, " [");
		for (const struct wa_node *c = n->children; c; c = c->next) {
			say(c, out);
			wa_buf_str(out, c->next ? " " : "]");
		}
	} else if (n->content != WA_CONTENT_NONE) {
		uint8_t digest[WA_SHA256_LEN];
		char hex[2 * WA_SHA256_LEN + 1];

		wa_sha256(wa_node_bytes(n), digest);
		for (size_t i = 0; i < sizeof(digest); i++)
			(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
		wa_buf_str(out, " #");
		wa_buf_str(out, hex);
	}
	wa_buf_str(out, ")");
}

static void assert_says(struct wa_span wire, const char *says)
{
	const struct wa_node *n;
	struct wa_arena a;
	struct wa_buf text;
	struct wa_err err = WA_ERR_INIT;

	wa_arena_init(&a, 1 << 20);
	wa_buf_init(&text, 1 << 20);
	if (wa_node_decode(wire, &a, &n, &err))
		fail_msg("%s: %.80s", err.msg, says);
	say(n, &text);
	wa_buf_str(&text, "");
	assert_int_equal(text.failed, 0);
	assert_int_equal(text.len, strlen(says));
	assert_memory_equal(text.ptr, says, text.len);
	wa_buf_clear(&text);
	wa_arena_clear(&a);
}

static void reads_what_baileys_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(vec_nodes); i++) {
		static uint8_t bytes[WIRE_MAX];
		size_t len = strlen(vec_nodes[i].wire) / 2;

		assert_true(len <= sizeof(bytes));
		assert_int_equal(wa_hex_decode(wa_span_str(vec_nodes[i].wire), bytes, len), 0);
		assert_says(wa_span(bytes, len), vec_nodes[i].says);
	}
}

/* What we make of it says the same. */
static void says_the_same_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(vec_nodes); i++) {
		static uint8_t bytes[WIRE_MAX];
		size_t len = strlen(vec_nodes[i].wire) / 2;
		const struct wa_node *n;
		struct wa_arena a;
		struct wa_buf again;

		wa_arena_init(&a, 1 << 20);
		wa_buf_init(&again, 1 << 20);
		assert_int_equal(wa_hex_decode(wa_span_str(vec_nodes[i].wire), bytes, len), 0);
		assert_int_equal(wa_node_decode(wa_span(bytes, len), &a, &n, NULL), 0);
		assert_int_equal(wa_node_encode(n, &again, NULL), 0);
		assert_says(wa_buf_view(&again), vec_nodes[i].says);
		wa_buf_clear(&again);
		wa_arena_clear(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_baileys_writes),
		cmocka_unit_test(says_the_same_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
