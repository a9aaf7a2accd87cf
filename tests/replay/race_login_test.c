/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The line dies after each stanza the client says between the transport and a
 * message sent and one received. The next connections get there: the message
 * arrives under its id, what came is told once, no prekey is offered twice.
 */
#include "test.h"

#include <base.h>

#define POINTS 30

static struct wa_jid bob(void)
{
	return wa_jid_make(WA_SRV_PN, BOB_PN, 0);
}

static bool acked(struct mini *m, const char *id)
{
	for (size_t i = 0; i < m->n_ev; i++)
		if (m->ev[i].kind == WA_EV_ACK && strcmp(m->ev[i].id, id) == 0)
			return true;
	return false;
}

/* ret: did the line die at all? */
static bool lost_at(size_t point, bool kill)
{
	struct wa_jid to = bob();
	const struct wa_node *in;
	bool dropped = false;
	struct mini m;

	mini_init(&m, 300 + point);
	mini_link(&m);
	mini_drop(&m);
	m.count = 1; /* keys are low: an upload belongs to it */
	in = mini_message(&m, &m.bob[0], "IN1", mini_text(&m, "hello"));
	m.drop_after = point;
	for (int try = 0; try < 5 && !(acked(&m, "OUT1") && mini_got(&m, "receipt", "id", "IN1")); try++) {
		if (try) {
			dropped = true;
			mini_drop(&m);
			if (kill)
				mini_restart(&m);
		}
		mini_connect(&m);
		if (!m.srv)
			continue;
		if (!acked(&m, "OUT1"))
			(void)mini_send_text(&m, "OUT1", &to, "to Bob");
		mini_run(&m);
		if (m.srv && !mini_got(&m, "receipt", "id", "IN1"))
			mini_send(&m, in);
		mini_run(&m);
	}
	assert_true(acked(&m, "OUT1"));
	assert_non_null(mini_got(&m, "receipt", "id", "IN1"));
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 1);
	assert_string_equal(mini_read(&m, &m.bob[0], mini_got(&m, "message", "id", "OUT1"), NULL), "to Bob");
	m.drop_after = 0;
	mini_drop(&m);
	mini_login(&m);
	assert_int_equal(mini_evs(&m, WA_EV_MESSAGE), 1);
	assert_false(m.reused_id);
	mini_clear(&m);
	return dropped;
}

static void anywhere(void **state)
{
	size_t deaths = 0;

	(void)state;
	for (size_t k = 1; k <= POINTS; k++) {
		deaths += lost_at(k, false);
		deaths += lost_at(k, true);
	}
	assert_true(deaths >= 12); /* it really happened along the way */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
