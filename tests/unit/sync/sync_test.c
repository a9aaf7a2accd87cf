/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The codec of the app state against what stock Baileys seals; what entries mean, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <wa/syncd.h>

#include "pb.h"
#include "sync_index.h"

#include <base.h>
#include <text.h>

#include <stdlib.h>

#include "sync/baileys_patches.h"

#define HEX_MAX 8192

struct bytes {
	uint8_t b[HEX_MAX];
	size_t len;
};

static struct wa_span from_hex(const char *text, struct bytes *out)
{
	out->len = strlen(text) / 2;
	assert_true(out->len <= HEX_MAX);
	assert_int_equal(wa_hex_decode(wa_span_str(text), out->b, out->len), 0);
	return wa_span(out->b, out->len);
}

static void expand(struct wa_syncd_keys *k)
{
	struct bytes data;

	wa_syncd_expand(from_hex(sync_key_data, &data), k);
}

struct patch {
	struct wa_span mutation, snapshot_mac, patch_mac;
};

static void split(struct wa_span in, struct patch *p)
{
	struct wa_pb_field f;

	memset(p, 0, sizeof(*p));
	while (wa_pb_next(&in, &f) == 1) {
		if (f.number == 2)
			p->mutation = f.bytes;
		else if (f.number == 4)
			p->snapshot_mac = f.bytes;
		else if (f.number == 5)
			p->patch_mac = f.bytes;
	}
}

/* ---- Baileys' patches ---- */

struct col {
	struct wa_lthash hash;
	uint64_t version;
	struct {
		uint8_t index[32], value[32];
	} e[32];
	size_t n;
};

static void mix(struct col *c, const struct wa_syncd_record *r)
{
	size_t i = 0;

	while (i < c->n && memcmp(c->e[i].index, r->index_mac.ptr, 32) != 0)
		i++;
	if (i < c->n)
		wa_lthash_sub(&c->hash, c->e[i].value);
	else
		c->n++;
	memcpy(c->e[i].index, r->index_mac.ptr, 32);
	memcpy(c->e[i].value, r->value_mac.ptr, 32);
	if (r->op == WA_SYNCD_SET)
		wa_lthash_add(&c->hash, r->value_mac.ptr);
	c->version++;
}

static void opens_and_hashes(void **state)
{
	static struct bytes raw, value, want;
	struct col cols[WA_SYNC_COLLECTIONS] = { 0 };
	struct wa_syncd_keys k;
	uint8_t mac[32];

	(void)state;
	expand(&k);
	for (size_t i = 0; i < WA_ARRAY_LEN(sync_vectors); i++) {
		const char *name = sync_vectors[i].collection;
		struct col *c = &cols[wa_sync_collection_find(wa_span_str(name))];
		struct wa_syncd_record r;
		struct wa_syncd_entry e;
		struct wa_arena a;
		struct patch p;

		wa_arena_init(&a, 1u << 20);
		split(from_hex(sync_vectors[i].patch, &raw), &p);
		assert_int_equal(wa_syncd_read_mutation(p.mutation, &r, NULL), 0);
		assert_int_equal(r.op, sync_vectors[i].op);
		assert_int_equal(
			wa_syncd_open(&k, r.key_id, r.op, r.index_mac, r.blob, &a, &e, NULL), 0);
		assert_true(wa_span_is(e.index, sync_vectors[i].index));
		assert_true(wa_span_eq(e.value, from_hex(sync_vectors[i].value, &value)));
		assert_int_equal(e.version, sync_vectors[i].version);
		mix(c, &r);
		assert_true(wa_span_eq(from_hex(sync_vectors[i].hash, &want),
				       wa_span(c->hash.sum, WA_LTHASH_LEN)));
		wa_syncd_snapshot_mac(&k, &c->hash, c->version, name, mac);
		assert_true(wa_span_eq(p.snapshot_mac, wa_span(mac, 32)));
		wa_syncd_patch_mac(&k, mac, r.value_mac, c->version, name, mac);
		assert_true(wa_span_eq(p.patch_mac, wa_span(mac, 32)));
		wa_arena_clear(&a);
	}
}

/* Under the same IV our bytes are Baileys' bytes. */
static void seals_the_same(void **state)
{
	static struct bytes raw, value;
	struct wa_syncd_keys k;

	(void)state;
	expand(&k);
	for (size_t i = 0; i < WA_ARRAY_LEN(sync_vectors); i++) {
		struct wa_syncd_record r;
		struct wa_buf blob, mutation;
		struct patch p;

		split(from_hex(sync_vectors[i].patch, &raw), &p);
		assert_int_equal(wa_syncd_read_mutation(p.mutation, &r, NULL), 0);
		wa_buf_init(&blob, HEX_MAX);
		wa_buf_init(&mutation, HEX_MAX);
		assert_int_equal(wa_syncd_seal(&k, r.key_id, r.op, r.blob.ptr,
					       wa_span_str(sync_vectors[i].index),
					       from_hex(sync_vectors[i].value, &value),
					       sync_vectors[i].version, &blob, NULL),
				 0);
		assert_true(wa_span_eq(wa_buf_view(&blob), r.blob));
		wa_syncd_put_mutation(&mutation, &r);
		assert_true(wa_span_eq(wa_buf_view(&mutation), p.mutation));
		wa_buf_clear(&blob);
		wa_buf_clear(&mutation);
	}
}

static void refuses_changed_bytes(void **state)
{
	static struct bytes raw;
	struct wa_syncd_keys k;
	struct wa_syncd_record r;
	struct wa_syncd_entry e;
	struct patch p;
	uint8_t blob[HEX_MAX], index[32];

	(void)state;
	expand(&k);
	split(from_hex(sync_vectors[0].patch, &raw), &p);
	assert_int_equal(wa_syncd_read_mutation(p.mutation, &r, NULL), 0);
	for (size_t i = 0; i < r.blob.len; i += 7) {
		struct wa_arena a;

		wa_arena_init(&a, 1u << 20);
		memcpy(blob, r.blob.ptr, r.blob.len);
		blob[i] ^= 1;
		assert_int_equal(wa_syncd_open(&k, r.key_id, r.op, r.index_mac,
					       wa_span(blob, r.blob.len), &a, &e, NULL),
				 WA_ECRYPTO);
		wa_arena_clear(&a);
	}
	struct wa_arena a;

	wa_arena_init(&a, 1u << 20);
	memcpy(index, r.index_mac.ptr, 32);
	index[31] ^= 1;
	assert_int_equal(
		wa_syncd_open(&k, r.key_id, r.op, wa_span(index, 32), r.blob, &a, &e, NULL),
		WA_ECRYPTO);
	assert_int_equal(wa_syncd_open(&k, r.key_id, WA_SYNCD_REMOVE, r.index_mac, r.blob, &a, &e,
				       NULL),
			 WA_ECRYPTO);
	wa_arena_clear(&a);
}

/* ---- what entries mean ---- */

/* Decoded and encoded again: the same index, collection and version. */
static void round_trip(void **state)
{
	static struct bytes value;

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(sync_vectors); i++) {
		int c = wa_sync_collection_find(wa_span_str(sync_vectors[i].collection));
		struct wa_syncd_entry e = { .index = wa_span_str(sync_vectors[i].index),
					    .value = from_hex(sync_vectors[i].value, &value),
					    .version = sync_vectors[i].version };
		struct wa_sync_action a = { .remove = sync_vectors[i].op == WA_SYNCD_REMOVE };
		struct wa_sync_encoded again;
		struct wa_arena ar;

		wa_arena_init(&ar, 1u << 20);
		assert_int_equal(wa_sync_action_decode(c, &e, &ar, &a, NULL), 0);
		assert_int_not_equal(a.kind, WA_SYNC_OTHER);
		assert_int_equal(a.timestamp_ms, 1700000123456);
		assert_int_equal(wa_sync_action_encode(&a, 1, &ar, &again, NULL), 0);
		assert_true(wa_span_eq(again.index, e.index));
		assert_int_equal(again.version, e.version);
		/* Baileys keeps stars elsewhere than everybody else */
		if (a.kind != WA_SYNC_STAR)
			assert_int_equal(again.collection, c);
		wa_arena_clear(&ar);
	}
}

static void decode(const char *index, struct wa_span value, struct wa_arena *ar,
		   struct wa_sync_action *a)
{
	struct wa_syncd_entry e = { .index = wa_span_str(index), .value = value };

	memset(a, 0, sizeof(*a));
	assert_int_equal(wa_sync_action_decode(WA_SYNC_REGULAR, &e, ar, a, NULL), 0);
}

static void fields(void **state)
{
	static struct bytes value;
	struct wa_sync_action a;
	struct wa_arena ar;

	(void)state;
	wa_arena_init(&ar, 1u << 20);
	for (size_t i = 0; i < WA_ARRAY_LEN(sync_vectors); i++) {
		decode(sync_vectors[i].index, from_hex(sync_vectors[i].value, &value), &ar, &a);
		switch (a.kind) {
		case WA_SYNC_MUTE:
			assert_int_equal(a.until_ms, 1800000000000);
			assert_true(a.on);
			break;
		case WA_SYNC_ARCHIVE:
			assert_int_equal(a.range.last_ms, 1700000000000);
			assert_int_equal(a.range.n, 1);
			assert_string_equal(a.range.messages[0].id, "3EB0ABCDEF");
			assert_true(a.range.messages[0].from_me);
			break;
		case WA_SYNC_STAR:
			assert_string_equal(a.id, "3EB0ABCDEF");
			assert_true(a.on && a.from_me && wa_jid_is_null(&a.sender));
			break;
		case WA_SYNC_CLEAR_CHAT:
			assert_true(a.delete_starred && !a.delete_media);
			break;
		case WA_SYNC_LABEL_EDIT:
			assert_string_equal(a.name, "Label");
			assert_int_equal(a.color, 5);
			assert_true(a.on);
			break;
		case WA_SYNC_QUICK_REPLY:
			assert_string_equal(a.name, "s");
			assert_string_equal(a.text, "text");
			assert_string_equal(a.label, "1700000001");
			break;
		case WA_SYNC_PUSH_NAME:
			assert_string_equal(a.name, "Näme");
			break;
		default:
			break;
		}
	}
	wa_arena_clear(&ar);
}

/* Settings no open client writes: bytes made by hand from the field numbers of WhatsApp's schema. */
static void settings(void **state)
{
	static const struct {
		const char *index;
		int kind;
		const char *value; /* SyncActionValue */
		size_t len;
		const char *text; /* what it says, besides on */
	} cases[] = {
		{ "[\"setting_locale\"]", WA_SYNC_LOCALE, "\x82\x01\x07\x0a\x05" "de_DE", 10, "de_DE" },
		{ "[\"time_format\"]", WA_SYNC_TIME_FORMAT, "\xf2\x01\x02\x08\x01", 5, NULL },
		{ "[\"setting_relayAllCalls\"]", WA_SYNC_RELAY_CALLS, "\xca\x02\x02\x08\x01", 5, NULL },
		{ "[\"setting_unarchiveChats\"]", WA_SYNC_UNARCHIVE, "\xba\x01\x02\x08\x01", 5, NULL },
		{ "[\"lock\",\"1@lid\"]", WA_SYNC_LOCK, "\x92\x03\x02\x08\x01", 5, NULL },
		{ "[\"userStatusMute\",\"1@lid\"]", WA_SYNC_STATUS_MUTE, "\xea\x01\x02\x08\x01", 5, NULL },
		{ "[\"pnForLidChat\",\"1@lid\"]", WA_SYNC_PN_FOR_LID,
		  "\xaa\x02\x12\x0a\x10" "1@s.whatsapp.net", 21, NULL },
		{ "[\"lid_contact\",\"1@lid\"]", WA_SYNC_LID_CONTACT, "\xea\x03\x08\x0a\x03" "Ann\x12\x01" "A", 11,
		  "Ann" },
	};
	struct wa_sync_action a;
	struct wa_arena ar;

	(void)state;
	wa_arena_init(&ar, 1u << 20);
	for (size_t i = 0; i < WA_ARRAY_LEN(cases); i++) {
		decode(cases[i].index, wa_span(cases[i].value, cases[i].len), &ar, &a);
		assert_int_equal(a.kind, cases[i].kind);
		if (strstr(cases[i].index, "lid"))
			assert_string_equal(a.chat.user, "1");
		if (a.kind == WA_SYNC_LOCALE)
			assert_string_equal(a.text, cases[i].text);
		else if (a.kind == WA_SYNC_LID_CONTACT)
			assert_string_equal(a.name, cases[i].text);
		else if (a.kind == WA_SYNC_PN_FOR_LID)
			assert_int_equal(a.pn.server, WA_SRV_PN);
		else
			assert_true(a.on);
	}
	wa_arena_clear(&ar);
}

static void odd_indexes(void **state)
{
	static const char *const others[] = {
		"", "[", "[]", "archive", "[\"archive\"]", "[\"archive\",5]", "[\"archive\",\"x\"",
		"[\"archive\",\"\\ud800\"]", "[\"star\",\"1@lid\"]", "{\"a\":1}",
		"[\"nobody_knows\",\"a\"]", "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]",
	};
	const char *parts[SYNC_PARTS_MAX];
	struct wa_sync_action a;
	struct wa_arena ar;
	struct wa_buf b;

	(void)state;
	wa_arena_init(&ar, 1u << 20);
	for (size_t i = 0; i < WA_ARRAY_LEN(others); i++) {
		decode(others[i], wa_span("\x08\x01\x8a\x01\x02\x08\x01", 7), &ar, &a);
		assert_int_equal(a.kind, WA_SYNC_OTHER);
		assert_string_equal(a.index, others[i]);
	}
	/* what JSON.stringify writes, and what it could have written */
	wa_buf_init(&b, 1000);
	sync_index_put(&b, "a\"\\\n\t\x01\xc3\xa9/");
	assert_string_equal(wa_buf_cstr(&b), "\"a\\\"\\\\\\n\\t\\u0001\xc3\xa9/\"");
	wa_buf_clear(&b);
	assert_int_equal(sync_index_split(wa_span_str(" [ \"a\\u00e9\\/\" , \"\" ] "), &ar, parts), 2);
	assert_string_equal(parts[0], "a\xc3\xa9/");
	assert_string_equal(parts[1], "");
	wa_arena_clear(&ar);
}

static void what_cannot_be(void **state)
{
	const struct wa_sync_action bad[] = {
		{ .kind = WA_SYNC_ARCHIVE, .on = true },
		{ .kind = WA_SYNC_STAR, .chat = wa_jid_make(WA_SRV_PN, "1", 0) },
		{ .kind = WA_SYNC_LABEL_CHAT, .chat = wa_jid_make(WA_SRV_PN, "1", 0) },
		{ .kind = WA_SYNC_LABEL_EDIT, .label = "1", .on = true },
		{ .kind = WA_SYNC_PUSH_NAME, .name = "" },
		{ .kind = WA_SYNC_NCT_SALT },
		{ .kind = WA_SYNC_OTHER },
		{ .kind = WA_SYNC_OTHER, .index = "[\"a\"]", .collection = 5 },
		{ .kind = WA_SYNC_KINDS },
		{ .kind = -1 },
	};
	struct wa_sync_encoded e;
	struct wa_arena ar;

	(void)state;
	wa_arena_init(&ar, 1u << 20);
	for (size_t i = 0; i < WA_ARRAY_LEN(bad); i++)
		assert_int_equal(wa_sync_action_encode(&bad[i], 1, &ar, &e, NULL), WA_EINVALID);
	wa_arena_clear(&ar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_and_hashes), cmocka_unit_test(seals_the_same),
		cmocka_unit_test(refuses_changed_bytes), cmocka_unit_test(round_trip),
		cmocka_unit_test(fields), cmocka_unit_test(settings), cmocka_unit_test(odd_indexes),
		cmocka_unit_test(what_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
