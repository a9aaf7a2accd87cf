/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups: documents that change inside the transaction. */
#include "fixture.h"

#include <db_group.h>
#include <db_session.h>

#define S "shop1"
#define G "120363000000000001@g.us"

static struct wa_arena arena;

static int setup(void **state)
{
	fix_setup(state);
	wa_arena_init(&arena, 8u << 20);
	fix_session(*state, S);
	return 0;
}

static int teardown(void **state)
{
	wa_arena_clear(&arena);
	return fix_teardown(state);
}

/* Appends the change, unless it is there already. */
static int append(struct wa_span old, struct wa_span change, struct wa_buf *out)
{
	if (wa_span_is(change, "bad"))
		return WA_EINVALID;
	if (old.len >= change.len &&
	    memcmp(old.ptr + old.len - change.len, change.ptr, change.len) == 0)
		return 0;
	wa_buf_span(out, old);
	wa_buf_span(out, change);
	return 1;
}

static int count(void *ctx, const struct db_group *g)
{
	(void)g;
	++*(int *)ctx;
	return 0;
}

static void changes_follow_each_other(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = db_batch_new(f->db);
	struct db_group g;
	struct told t;
	int n = 0;

	db_batch_group_change(b, S, G, str("made"), append);
	db_batch_group_change(b, S, G, str("+one"), append);
	db_batch_group_change(b, S, G, str("+one"), append);
	assert_int_equal(fix_commit_told(f, b, &t), 0);
	assert_int_equal(t.rows[0], 1);
	assert_int_equal(t.rows[1], 1);
	assert_int_equal(t.rows[2], 0); /* nothing new: events that follow it stay away */
	assert_int_equal(db_group_get(f->db, S, G, &arena, &g, NULL), 1);
	assert_string_equal(g.json, "made+one");
	assert_string_equal(g.jid, G);
	assert_int_equal(db_group_get(f->db, S, "1@g.us", &arena, &g, NULL), 0);
	b = db_batch_new(f->db);
	db_batch_group_change(b, S, "2@g.us", str("other"), append);
	assert_int_equal(fix_commit(f, b), 0);
	assert_int_equal(db_group_each(f->db, S, NULL, 10, count, &n, NULL), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(db_group_each(f->db, S, NULL, 1, count, &n, NULL), 0);
	assert_int_equal(n, 1);
	/* a merge that fails takes its batch with it */
	b = db_batch_new(f->db);
	db_batch_group_change(b, S, G, str("+two"), append);
	db_batch_group_change(b, S, G, str("bad"), append);
	assert_int_equal(fix_commit(f, b), WA_EINVALID);
	wa_arena_reset(&arena);
	assert_int_equal(db_group_get(f->db, S, G, &arena, &g, NULL), 1);
	assert_string_equal(g.json, "made+one");
}

static void nothing_is_legible_and_all_goes_with_the_session(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = db_batch_new(f->db);

	db_batch_group_change(b, S, G, str("{\"subject\":\"Secret circle\"}"), append);
	assert_int_equal(fix_commit(f, b), 0);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM chat_group WHERE instr(body, 'Secret')"
				    " OR instr(body, '120363') OR instr(hash, '120363')"), 0);
	b = db_batch_new(f->db);
	db_batch_session_delete(b, S);
	assert_int_equal(fix_commit(f, b), 0);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM chat_group"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(changes_follow_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_legible_and_all_goes_with_the_session, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
