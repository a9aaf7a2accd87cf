/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the server hands out for us is compared with what we have; the signed prekey grows old. */
#include "test.h"

#include <base.h>

#define CHECKED_MS 61000	/* the comparison has been made by then */
#define MONTH_MS (31LL * 24 * 3600 * 1000)

static void nothing_differs(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 1);
	mini_link(&m);
	mini_pass(&m, CHECKED_MS);
	assert_int_equal(mini_count(&m, "iq", "xmlns", "encrypt"), 3);	/* count, upload, digest */
	assert_int_equal(m.uploads, 1);
	assert_int_equal(m.rotations, 0);
	mini_clear(&m);
}

static void bundle_lost(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 2);
	mini_link(&m);
	m.no_digest = true;
	mini_pass(&m, CHECKED_MS);
	assert_int_equal(m.uploads, 2);
	assert_false(m.reused_id);
	assert_int_equal(m.n_keys, 2 * PREKEYS_EXPECTED);
	mini_clear(&m);
}

/* Another identity under our name, keys we never made, a signed prekey of somebody else. */
static void bundle_wrong(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 3);
	mini_link(&m);
	m.identity.b[0] ^= 1;
	mini_pass(&m, CHECKED_MS);
	assert_int_equal(m.uploads, 2);
	mini_clear(&m);

	mini_init(&m, 4);
	mini_link(&m);
	m.keys[m.n_keys - 1].id = 0x7fffff;
	mini_pass(&m, CHECKED_MS);
	assert_int_equal(m.uploads, 2);
	mini_clear(&m);

	mini_init(&m, 5);
	mini_link(&m);
	m.skey.b[3] ^= 1;
	mini_pass(&m, CHECKED_MS);
	assert_int_equal(m.uploads, 1);
	assert_int_equal(m.rotations, 1);	/* only that one is sent again */
	mini_clear(&m);
}

static void month_old(void **state)
{
	struct wa_pub first;
	struct mini m;

	(void)state;
	mini_init(&m, 6);
	mini_link(&m);
	first = m.skey;
	mini_drop(&m);
	m.now += MONTH_MS;
	mini_restart(&m);
	mini_login(&m);
	mini_pass(&m, CHECKED_MS);
	assert_int_equal(m.rotations, 1);
	assert_int_equal(m.skey_id, 2);
	assert_memory_not_equal(m.skey.b, first.b, 32);
	mini_session(&m, &m.bob[0]);
	mini_send(&m, mini_message(&m, &m.bob[0], "N1", mini_text(&m, "with the new one")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "with the new one");
	mini_pass(&m, CHECKED_MS);
	assert_int_equal(m.rotations, 1);
	mini_clear(&m);
}

static int done_code;

static void on_done(void *arg, int code, const char *text)
{
	(void)arg;
	(void)text;
	done_code = code;
}

/* A session that was started with the key before is still read, one with the key before that is not. */
static void late_messages(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 7);
	mini_link(&m);
	mini_session(&m, &m.bob[0]);
	mini_session(&m, &m.bob[1]);
	done_code = 99;
	assert_int_equal(wa_client_rotate_prekey(m.c, on_done, NULL, NULL), 0);
	mini_run(&m);
	assert_int_equal(done_code, 0);
	mini_send(&m, mini_message(&m, &m.bob[0], "L1", mini_text(&m, "late")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "late");
	assert_int_equal(wa_client_rotate_prekey(m.c, NULL, NULL, NULL), 0);
	mini_run(&m);
	assert_int_equal(m.skey_id, 3);
	mini_send(&m, mini_message(&m, &m.bob[1], "L2", mini_text(&m, "too late")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_UNDECRYPTABLE)->id, "L2");
	mini_clear(&m);
}

/* The answer never came and the server still has the old key: the next login puts it right. */
static void rotation_lost(void **state)
{
	struct mini m;

	(void)state;
	mini_init(&m, 8);
	mini_link(&m);
	mini_pass(&m, CHECKED_MS);
	m.mute_rotate = true;
	assert_int_equal(wa_client_rotate_prekey(m.c, on_done, NULL, NULL), 0);
	mini_run(&m);
	assert_int_equal(m.skey_id, 1);
	mini_drop(&m);
	assert_int_equal(done_code, WA_EIO);
	m.mute_rotate = false;
	mini_restart(&m);
	mini_login(&m);
	mini_session(&m, &m.bob[0]);		/* still with the old key */
	mini_send(&m, mini_message(&m, &m.bob[0], "L1", mini_text(&m, "old key")));
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "old key");
	mini_pass(&m, CHECKED_MS);
	assert_int_equal(m.skey_id, 2);
	mini_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_differs), cmocka_unit_test(bundle_lost),
		cmocka_unit_test(bundle_wrong),	   cmocka_unit_test(month_old),
		cmocka_unit_test(late_messages),   cmocka_unit_test(rotation_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
