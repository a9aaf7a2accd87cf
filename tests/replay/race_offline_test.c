/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backlog comes again: the line dies after every number of answers, and the
 * server sends anew what it has no acknowledgement for, also what it has one
 * for but lost. Each message is told once and answered at least once.
 */
#include "test.h"

#include <base.h>

#define BACKLOG 24

static void told_once(const struct mini *m)
{
	size_t seen = 0;

	for (size_t i = 0; i < m->n_ev; i++) {
		char id[16];

		if (m->ev[i].kind != WA_EV_MESSAGE)
			continue;
		snprintf(id, sizeof(id), "O%02zu", seen++);
		assert_string_equal(m->ev[i].id, id);
		assert_string_equal(m->ev[i].body, id);
	}
	assert_int_equal(seen, BACKLOG);
}

static void answered(struct mini *m, const char *id, bool *ret)
{
	*ret = mini_got(m, "receipt", "id", id) != NULL;
}

/* forget: of so many acknowledgements the server loses every third. */
static void lost_after(size_t answers, bool forget, bool restart)
{
	const struct wa_node *n[BACKLOG];
	bool done[BACKLOG] = { false };
	char id[16], idx[16];
	struct mini m;

	mini_init(&m, 40 + answers);
	mini_link(&m);
	for (size_t i = 0; i < BACKLOG; i++) {
		struct wa_node *x;

		snprintf(id, sizeof(id), "O%02zu", i);
		snprintf(idx, sizeof(idx), "%zu", i);
		x = mini_message(&m, &m.bob[i % 2], id, mini_text(&m, id));
		wa_node_attr(&m.arena, x, "offline", idx);
		n[i] = x;
	}
	for (int try = 0; try < 4; try++) {
		m.drop_after = 0;
		mini_drop(&m);
		if (restart)
			mini_restart(&m);
		mini_login(&m);
		m.drop_after = try < 3 ? answers : 0;
		for (size_t i = 0; i < BACKLOG; i++)
			if (!done[i] || (forget && i % 3 == 0))
				mini_send(&m, n[i]);
		mini_run(&m);
		for (size_t i = 0; i < BACKLOG; i++) {
			snprintf(id, sizeof(id), "O%02zu", i);
			answered(&m, id, &done[i]);
		}
	}
	for (size_t i = 0; i < BACKLOG; i++)
		assert_true(done[i]);
	told_once(&m);
	assert_null(mini_got(&m, "receipt", "type", "retry"));
	mini_clear(&m);
}

static void line_dies(void **state)
{
	(void)state;
	for (size_t k = 1; k <= BACKLOG; k++)
		lost_after(k, false, k % 2);
}

static void server_forgets(void **state)
{
	(void)state;
	for (size_t k = 1; k <= BACKLOG; k += 3)
		lost_after(k, true, k % 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_dies),
		cmocka_unit_test(server_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
