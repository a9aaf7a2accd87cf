/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where labels are, in pages; what was sent on a day. */
#include "fixture.h"

#include <db_pacing.h>
#include <db_sync.h>

#define S "shop1"

static int setup(void **state)
{
	fix_setup(state);
	fix_session(*state, S);
	return 0;
}

struct page {
	uint8_t place[64];
	char wa_id[32];
	size_t place_len;
	int n;
	bool seen[20];
};

static int on_use(void *ctx, const struct db_label_use *u)
{
	struct page *p = ctx;
	long who = strtol(u->chat + 4, NULL, 10) * 2 + (*u->wa_id != 0);

	assert_in_range(who, 0, 19);
	assert_false(p->seen[who]);
	p->seen[who] = true;
	p->n++;
	p->place_len = u->place.len;
	memcpy(p->place, u->place.ptr, u->place.len);
	snprintf(p->wa_id, sizeof(p->wa_id), "%s", u->wa_id);
	return 0;
}

static void labels_are_read_in_pages(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = db_batch_new(f->db);
	struct page p = { .n = 0 };
	char chat[32];
	int before = -1;

	for (int i = 0; i < 10; i++) {	/* ten chats, and a message in each */
		snprintf(chat, sizeof(chat), "1555%d@s.whatsapp.net", i);
		db_batch_label_use(b, S, "3", chat, "", true);
		db_batch_label_use(b, S, "3", chat, "3EB0", true);
		db_batch_label_use(b, S, "4", chat, "", true);
	}
	assert_int_equal(fix_commit(f, b), 0);
	while (p.n > before) {
		struct db_label_use after = { .wa_id = p.wa_id, .place = wa_span(p.place, p.place_len) };

		before = p.n;
		assert_int_equal(db_label_use_each(f->db, S, "3", NULL, p.n ? &after : NULL, 3, on_use, &p, NULL), 0);
		assert_true(p.n <= before + 3);
	}
	assert_int_equal(p.n, 20);
}

static void days_are_counted_and_forgotten(void **state)
{
	struct fix *f = *state;
	int64_t sent = -1, marketing = -1;
	struct db_batch *b = db_batch_new(f->db);

	assert_int_equal(db_pacing_get(f->db, S, 100, &sent, &marketing, NULL), 0);
	assert_int_equal(sent + marketing, 0);
	db_batch_pacing_add(b, S, 100, true, 0);
	db_batch_pacing_add(b, S, 100, false, 0);
	db_batch_pacing_add(b, S, 101, false, 0);
	assert_int_equal(fix_commit(f, b), 0);
	assert_int_equal(db_pacing_get(f->db, S, 100, &sent, &marketing, NULL), 1);
	assert_int_equal(sent, 2);
	assert_int_equal(marketing, 1);
	b = db_batch_new(f->db);
	db_batch_pacing_add(b, S, 102, true, 101);
	assert_int_equal(fix_commit(f, b), 0);
	assert_int_equal(fix_int(f, "SELECT min(day) FROM pacing_day"), 101);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(labels_are_read_in_pages, setup, fix_teardown),
		cmocka_unit_test_setup_teardown(days_are_counted_and_forgotten, setup, fix_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
