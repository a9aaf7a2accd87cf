/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the gateway keeps for itself goes when it is old, and not before. */
#include "fixture.h"
#include <db_idem.h>
#include <db_kv.h>
#include <db_outbox.h>
#include <db_record.h>
#include <janitor.h>
#include <time.h>
#include <wa/store.h>

#define DAY_MS 86400000LL

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

static void make(struct fix *f, const char *id)
{
	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = id }, NULL, NULL,
					   NULL, NULL), 0);
	fix_settle(f);
}

static void put_records(struct fix *f, const char *session, int n)
{
	struct wb_tx *tx = wb_tx_new(f->gw);
	char key[32];

	for (int i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		db_batch_record_put(wb_tx_batch(tx), session, WA_REC_SENT, wa_span_str(key),
				    wa_span_str("content"));
		db_batch_record_put(wb_tx_batch(tx), session, WA_REC_SEEN, wa_span_str(key),
				    wa_span_str(""));
		db_batch_record_put(wb_tx_batch(tx), session, WA_REC_SESSION, wa_span_str(key),
				    wa_span_str("ratchet"));
	}
	assert_int_equal(fix_commit(f, tx), 0);
}

static int64_t records(struct fix *f, const char *session, int kind)
{
	return db_record_count(f->gw->db, session, kind, NULL);
}

/* A whole round: its last step is that of the last session, twice to be sure. */
static void round_at(struct fix *f, int64_t now)
{
	int64_t end = wb_loop_now_ms(f->gw->loop) + 1500;

	f->now = now;
	wb_janitor_wake(f->gw->janitor);
	while (wb_loop_now_ms(f->gw->loop) < end)
		wb_loop_once(f->gw->loop, 20);
	fix_settle(f);
}

static void records_of_messages_go_and_ratchets_stay(void **state)
{
	struct fix *f = *state;
	int64_t now = (int64_t)time(NULL) * 1000;	/* storage's own clock stamps records */

	f->now = now;
	make(f, "a");
	make(f, "b");
	put_records(f, "a", 1200);
	put_records(f, "b", 3);
	round_at(f, now + 13 * DAY_MS);
	assert_int_equal(records(f, "a", WA_REC_SENT), 1200);
	round_at(f, now + 15 * DAY_MS);
	assert_int_equal(records(f, "a", WA_REC_SENT), 0);
	assert_int_equal(records(f, "b", WA_REC_SENT), 0);
	assert_int_equal(records(f, "a", WA_REC_SEEN), 1200);
	round_at(f, now + 31 * DAY_MS);
	assert_int_equal(records(f, "a", WA_REC_SEEN), 0);
	assert_int_equal(records(f, "b", WA_REC_SEEN), 0);
	assert_int_equal(records(f, "a", WA_REC_SESSION), 1200);
	assert_int_equal(records(f, "b", WA_REC_SESSION), 3);
}

static int count(void *ctx, const struct db_trace *t)
{
	(void)t;
	++*(int *)ctx;
	return 0;
}

static int traces(struct fix *f, const char *id)
{
	int n = 0;

	assert_int_equal(db_message_trace_each(f->gw->db, id, count, &n, NULL), 0);
	return n;
}

static void put_message(struct fix *f, const char *id, int64_t at, const char *final)
{
	struct wb_tx *tx = wb_tx_new(f->gw);
	struct db_batch *b = wb_tx_batch(tx);

	db_batch_outbox_add(b, &(struct db_outbox){ .id = id, .session = "a", .chat = "1@s.whatsapp.net",
						    .class = "reply", .state = "queued", .wa_id = id,
						    .reason = "", .created_ms = at });
	db_batch_message_add(b, &(struct db_message){ .id = id, .session = "a", .chat = "1@s.whatsapp.net",
						      .sender = "", .wa_id = id, .from_me = true,
						      .kind = "text", .text = "x", .quoted = "", .reason = "",
						      .ts_ms = at, .status = DB_QUEUED });
	db_batch_message_trace(b, id, at, "step", "");
	if (final)
		db_batch_outbox_finish(b, id, final, "");
	assert_int_equal(fix_commit(f, tx), 0);
}

static bool has_row(struct fix *f, const char *id)
{
	struct wa_arena a;
	struct db_outbox o;
	int r;

	wa_arena_init(&a, 1u << 20);
	r = db_outbox_get(f->gw->db, id, &a, &o, NULL);
	wa_arena_clear(&a);
	return r == 1;
}

static void finished_rows_go_and_waiting_ones_stay(void **state)
{
	struct fix *f = *state;
	int64_t now = f->now;
	struct db_message m;
	struct wa_arena a;

	make(f, "a");
	put_message(f, "01HZZZZZZZZZZZZZZZZZZZZZZ1", now, "sent");
	put_message(f, "01HZZZZZZZZZZZZZZZZZZZZZZ2", now, NULL);
	put_message(f, "01HZZZZZZZZZZZZZZZZZZZZZZ3", now + 10 * DAY_MS, "failed");
	round_at(f, now + 31 * DAY_MS);
	assert_false(has_row(f, "01HZZZZZZZZZZZZZZZZZZZZZZ1"));
	assert_int_equal(traces(f, "01HZZZZZZZZZZZZZZZZZZZZZZ1"), 0);
	assert_true(has_row(f, "01HZZZZZZZZZZZZZZZZZZZZZZ2"));
	assert_int_equal(traces(f, "01HZZZZZZZZZZZZZZZZZZZZZZ2"), 1);
	assert_true(has_row(f, "01HZZZZZZZZZZZZZZZZZZZZZZ3"));
	wa_arena_init(&a, 1u << 20);	/* the message is the owner's */
	assert_int_equal(db_message_get(f->gw->db, "01HZZZZZZZZZZZZZZZZZZZZZZ1", &a, &m, NULL), 1);
	wa_arena_clear(&a);
}

static void answers_are_kept_for_two_days(void **state)
{
	struct fix *f = *state;
	struct wb_tx *tx = wb_tx_new(f->gw);
	struct db_idem answer;
	struct wa_arena a;
	int64_t now = f->now;

	db_batch_idem_put(wb_tx_batch(tx), "k", "key", wa_span_str("request"),
			  &(struct db_idem){ .status = 201, .body = wa_span_str("{}"), .created_ms = now });
	assert_int_equal(fix_commit(f, tx), 0);
	wa_arena_init(&a, 1u << 16);
	round_at(f, now + DAY_MS);
	assert_int_equal(db_idem_get(f->gw->db, "k", "key", wa_span_str("request"), &a, &answer, NULL), 1);
	round_at(f, now + 3 * DAY_MS);
	assert_int_equal(db_idem_get(f->gw->db, "k", "key", wa_span_str("request"), &a, &answer, NULL), 0);
	wa_arena_clear(&a);
}

static void a_store_that_fails_is_tried_until_it_is_well(void **state)
{
	struct fix *f = *state;

	f->gw->store_failing = true;
	wb_janitor_wake(f->gw->janitor);
	for (int64_t end = wb_loop_now_ms(f->gw->loop) + 5000; f->gw->store_failing;) {
		assert_true(wb_loop_now_ms(f->gw->loop) < end);
		wb_loop_once(f->gw->loop, 20);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(records_of_messages_go_and_ratchets_stay),
		T(finished_rows_go_and_waiting_ones_stay),
		T(answers_are_kept_for_two_days),
		T(a_store_that_fails_is_tried_until_it_is_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
