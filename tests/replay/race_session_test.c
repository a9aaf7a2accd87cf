/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both sides start a session at the same moment, and messages keep crossing.
 * Each side must read everything at once, without asking for anything again,
 * and both must end on one session.
 */
#include "test.h"

#include <base.h>

#define ROUNDS   12
#define CROSSING 60

static struct wa_jid bob_lid(void)
{
	return wa_jid_make(WA_SRV_LID, BOB_LID, 0);
}

static const struct wa_node *said(struct mini *m, const char *id)
{
	const struct wa_node *n = mini_got(m, "message", "id", id);

	assert_non_null(n);
	return n;
}

static bool is_first(const struct wa_node *in)
{
	return wa_node_attr_is(wa_node_get(in, "enc"), "type", "pkmsg");
}

static void both_start(void **state)
{
	struct wa_jid to = bob_lid();
	struct wa_node *in;
	char out_id[24], in_id[24];
	struct mini m;

	(void)state;
	mini_init(&m, 1);
	mini_link(&m);
	/* neither knows of the other's */
	mini_session(&m, &m.bob[0]);
	in = mini_message(&m, &m.bob[0], "B0", mini_text(&m, "from Bob 0"));
	assert_true(is_first(in));
	assert_int_equal(mini_send_text(&m, "A0", &to, "to Bob 0"), 0);
	mini_run(&m);
	mini_send(&m, in);
	mini_run(&m);
	assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, "from Bob 0");
	assert_string_equal(mini_read(&m, &m.bob[0], said(&m, "A0"), NULL), "to Bob 0");
	for (int i = 1; i <= ROUNDS; i++) {
		snprintf(out_id, sizeof(out_id), "A%d", i);
		snprintf(in_id, sizeof(in_id), "B%d", i);
		in = mini_message(&m, &m.bob[0], in_id, mini_text(&m, in_id));
		assert_int_equal(mini_send_text(&m, out_id, &to, out_id), 0);
		mini_run(&m);
		mini_send(&m, in);
		mini_run(&m);
		assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, in_id);
		assert_string_equal(mini_read(&m, &m.bob[0], said(&m, out_id), NULL), out_id);
	}
	/* one session was agreed on: neither introduces itself any more */
	assert_false(is_first(in));
	assert_null(mini_got(&m, "receipt", "type", "retry"));
	assert_int_equal(mini_evs(&m, WA_EV_UNDECRYPTABLE), 0);
	mini_clear(&m);
}

/* What was said and is still on its way, in each direction in its order. */
struct line {
	const struct wa_node *n[CROSSING];
	size_t from, to;
};

static void cross(uint64_t seed)
{
	struct wa_jid to = bob_lid();
	struct line in = { .to = 0 }, out = { .to = 0 };
	uint64_t dice = seed * 0x9e3779b97f4a7c15u;
	char id[24];
	struct mini m;

	mini_init(&m, seed);
	mini_link(&m);
	while (in.from < CROSSING || out.from < CROSSING) {
		dice = dice * 6364136223846793005u + 1442695040888963407u;
		switch (dice >> 62) {
		case 0:
			if (out.to == CROSSING)
				break;
			snprintf(id, sizeof(id), "A%zu", out.to);
			assert_int_equal(mini_send_text(&m, id, &to, id), 0);
			mini_run(&m);
			out.n[out.to++] = said(&m, id);
			break;
		case 1:
			if (in.to == CROSSING)
				break;
			snprintf(id, sizeof(id), "B%zu", in.to);
			in.n[in.to++] = mini_message(&m, &m.bob[0], id, mini_text(&m, id));
			break;
		case 2:
			if (in.from == in.to)
				break;
			snprintf(id, sizeof(id), "B%zu", in.from);
			mini_send(&m, in.n[in.from++]);
			mini_run(&m);
			assert_string_equal(mini_ev(&m, WA_EV_MESSAGE)->body, id);
			break;
		default:
			if (out.from == out.to)
				break;
			snprintf(id, sizeof(id), "A%zu", out.from);
			assert_string_equal(mini_read(&m, &m.bob[0], out.n[out.from++], NULL), id);
			break;
		}
	}
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), CROSSING);
	assert_null(mini_got(&m, "receipt", "type", "retry"));
	mini_clear(&m);
}

static void any_order(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		cross(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_start),
		cmocka_unit_test(any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
