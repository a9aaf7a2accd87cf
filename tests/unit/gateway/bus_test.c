/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixture.h"

#define MAX 256

struct log {
	struct fix *f;
	struct wb_sub *sub;
	struct wb_sub *other;		/* to remove when called */
	struct log *add;		/* to subscribe when called */
	int64_t seqs[MAX];
	int n;
	bool next;			/* cursors: ask for the next at once */
};

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct log *l = ctx;

	l->seqs[l->n++ % MAX] = ev->seq;
	if (l->other) {
		wb_bus_unsubscribe(l->other);
		l->other = NULL;
	}
	if (l->add) {
		l->add->sub = wb_bus_subscribe(l->f->gw->bus, l, "test", "", on_event, l->add);
		l->add = NULL;
	}
	if (l->next)
		wb_bus_next(l->sub);
}

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));

	fix_open(f, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fix_remove(*state);
	free(*state);
	return 0;
}

static void events_come_after_the_commit_in_order(void **state)
{
	struct fix *f = *state;
	struct log l = { .f = f };

	wb_bus_subscribe(f->gw->bus, f, "test", "a.*", on_event, &l);
	fix_emit(f, "a.x", "{}");
	fix_emit(f, "b.x", "{}");
	fix_emit(f, "a.y", "{}");
	assert_int_equal(l.n, 2);
	assert_int_equal(l.seqs[0], 1);
	assert_int_equal(l.seqs[1], 3);
	assert_int_equal(wb_bus_last_seq(f->gw->bus), 3);
}

static void a_failed_transaction_announces_nothing(void **state)
{
	struct fix *f = *state;
	struct log l = { .f = f };
	struct wb_tx *tx = wb_tx_new(f->gw);

	wb_bus_subscribe(f->gw->bus, f, "test", "", on_event, &l);
	wb_tx_event(tx, &(struct wb_event_new){ .kind = "a.x", .json = { "{}", 2 } });
	wb_tx_fail(tx, WA_EDENIED, "no");
	assert_int_equal(fix_commit(f, tx), WA_EDENIED);
	tx = wb_tx_new(f->gw);
	wb_tx_event(tx, &(struct wb_event_new){ .kind = "Bad Kind", .json = { "{}", 2 } });
	assert_int_equal(fix_commit(f, tx), WA_EINVALID);
	assert_int_equal(l.n, 0);
	fix_emit(f, "a.x", "{}");
	assert_int_equal(l.seqs[0], 1);		/* no hole */
}

static void the_removed_are_not_called_and_the_added_wait(void **state)
{
	struct fix *f = *state;
	struct log first = { .f = f }, second = { .f = f }, third = { .f = f };

	wb_bus_subscribe(f->gw->bus, f, "test", "", on_event, &first);
	first.other = wb_bus_subscribe(f->gw->bus, f, "test", "", on_event, &second);
	first.add = &third;
	fix_emit(f, "a.x", "{}");
	assert_int_equal(first.n, 1);
	assert_int_equal(second.n, 0);
	assert_int_equal(third.n, 0);
	fix_emit(f, "a.x", "{}");
	assert_int_equal(first.n, 2);
	assert_int_equal(third.n, 1);
}

static void one_that_removes_itself_is_fine(void **state)
{
	struct fix *f = *state;
	struct log l = { .f = f };

	l.other = wb_bus_subscribe(f->gw->bus, f, "test", "", on_event, &l);
	fix_emit(f, "a.x", "{}");
	fix_emit(f, "a.x", "{}");
	assert_int_equal(l.n, 1);
	assert_int_equal(wb_bus_count(f->gw->bus, f), 0);
}

struct nested {
	struct fix *f;
	int n;
	int64_t last;
};

/* commits from inside an event, and lets storage finish it there */
static void on_nested(void *ctx, const struct wb_event *ev)
{
	struct nested *n = ctx;

	assert_true(ev->seq > n->last || n->n > 0);
	n->last = ev->seq > n->last ? ev->seq : n->last;
	if (n->n++ < 2)
		fix_emit(n->f, "a.nested", "{}");
}

static void nested_publishing_survives(void **state)
{
	struct fix *f = *state;
	struct nested n = { .f = f };
	struct log l = { .f = f };

	wb_bus_subscribe(f->gw->bus, f, "test", "", on_nested, &n);
	wb_bus_subscribe(f->gw->bus, f, "test", "", on_event, &l);
	fix_emit(f, "a.x", "{}");
	assert_int_equal(n.n, 3);
	assert_int_equal(l.n, 3);
}

static void a_cursor_gives_one_event_at_a_time(void **state)
{
	struct fix *f = *state;
	struct log l = { .f = f };

	l.sub = wb_bus_cursor(f->gw->bus, f, "test", "c", "a.*", on_event, &l);
	assert_non_null(l.sub);
	fix_emit(f, "a.1", "{}");
	fix_emit(f, "a.2", "{}");
	fix_emit(f, "b.3", "{}");
	fix_emit(f, "a.4", "{}");
	assert_int_equal(l.n, 1);
	wb_bus_next(l.sub);
	fix_settle(f);
	assert_int_equal(l.n, 2);
	wb_bus_next(l.sub);
	fix_settle(f);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.seqs[2], 4);
	wb_bus_next(l.sub);
	fix_settle(f);
	fix_emit(f, "a.5", "{}");		/* live again */
	assert_int_equal(l.n, 4);
	assert_int_equal(l.seqs[3], 5);
}

static void move(struct fix *f, const char *name, int64_t seq)
{
	struct wb_tx *tx = wb_tx_new(f->gw);

	db_batch_cursor(wb_tx_batch(tx), name, seq);
	assert_int_equal(fix_commit(f, tx), 0);
}

static void a_cursor_resumes_after_a_restart(void **state)
{
	struct fix *f = *state;
	struct log l = { .f = f, .next = true };

	fix_emit(f, "a.old", "{}");
	l.sub = wb_bus_cursor(f->gw->bus, f, "test", "c", "", on_event, &l);
	fix_emit(f, "a.2", "{}");
	fix_emit(f, "a.3", "{}");
	fix_settle(f);
	assert_int_equal(l.n, 2);		/* what was before it is not its business */
	move(f, "c", 2);
	for (int i = 0; i < 150; i++)
		fix_emit(f, i % 2 ? "a.x" : "b.x", "{}");
	fix_close(f);

	memset(&l, 0, sizeof(l));
	l.f = f;
	l.next = true;
	fix_open(f, NULL);
	l.sub = wb_bus_cursor(f->gw->bus, f, "test", "c", "a.*", on_event, &l);
	fix_settle(f);
	assert_int_equal(l.n, 76);		/* a.3 and 75 of 150 */
	assert_int_equal(l.seqs[0], 3);
	fix_emit(f, "a.live", "{}");
	fix_settle(f);
	assert_int_equal(l.n, 77);
}

static int stop_at(void *ctx, const struct wb_event *ev)
{
	int *n = ctx;

	(void)ev;
	return ++*n > 3;
}

static void a_page_tells_where_to_continue(void **state)
{
	struct fix *f = *state;
	int64_t scanned = 0;
	int n = 0;

	for (int i = 0; i < 6; i++)
		fix_emit(f, "a.x", "{}");
	assert_int_equal(wb_bus_since(f->gw->bus, 1, "a.*,b", NULL, 100, stop_at, &n, &scanned, NULL), 3);
	assert_int_equal(scanned, 4);
}

static void owners_are_revoked(void **state)
{
	struct fix *f = *state;
	struct log l = { .f = f }, keep = { .f = f };

	wb_bus_subscribe(f->gw->bus, &l, "test", "", on_event, &l);
	l.sub = wb_bus_cursor(f->gw->bus, &l, "test", "c", "", on_event, &l);
	wb_bus_subscribe(f->gw->bus, f, "test", "", on_event, &keep);
	wb_bus_revoke(f->gw->bus, &l);
	fix_emit(f, "a.x", "{}");
	fix_settle(f);
	assert_int_equal(l.n, 0);
	assert_int_equal(keep.n, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(events_come_after_the_commit_in_order),
		T(a_failed_transaction_announces_nothing),
		T(the_removed_are_not_called_and_the_added_wait),
		T(one_that_removes_itself_is_fine),
		T(nested_publishing_survives),
		T(a_cursor_gives_one_event_at_a_time),
		T(a_cursor_resumes_after_a_restart),
		T(a_page_tells_where_to_continue),
		T(owners_are_revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
