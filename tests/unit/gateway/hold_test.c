/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who has a conversation: in memory as in storage, under every spelling, until when. */
#include <db_contact.h>
#include <hold.h>
#include "fixture.h"

#define CHAT "12025550123@s.whatsapp.net"
#define LID "777001@lid"

static int setup(void **state)
{
	static struct fix f;

	f = (struct fix){ 0 };
	fix_open(&f, NULL);
	assert_int_equal(wb_session_create(f.gw, &(struct wb_session_new){ .id = "a" }, NULL, NULL, NULL, NULL), 0);
	fix_settle(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fix_remove(*state);
	return 0;
}

static void take(struct fix *f, const char *chat, const char *owner, int64_t until_ms)
{
	struct wb_tx *tx = wb_tx_new(f->gw);

	assert_int_equal(wb_hold_set(tx, "a", chat, owner, until_ms, "a note", NULL), 0);
	assert_int_equal(fix_commit(f, tx), 0);
}

static void give_back(struct fix *f, const char *chat, const char *owner)
{
	struct wb_tx *tx = wb_tx_new(f->gw);

	assert_int_equal(wb_hold_release(tx, "a", chat, owner, NULL), 0);
	assert_int_equal(fix_commit(f, tx), 0);
}

static void count_one(void *ctx, const struct wb_event *ev)
{
	int *n = ctx;

	(void)ev;
	(*n)++;
}

static void a_hold_counts_from_its_commit_and_survives(void **state)
{
	struct fix *f = *state;
	struct wb_hold h;
	struct wb_tx *tx = wb_tx_new(f->gw);

	assert_int_equal(wb_hold_set(tx, "a", "+12025550123", "human", 0, NULL, NULL), 0);
	assert_int_equal(wb_hold_get(f->gw, "a", CHAT, NULL), 0);
	assert_int_equal(fix_commit(f, tx), 0);
	assert_int_equal(wb_hold_get(f->gw, "a", "12025550123", &h), 1);
	assert_string_equal(h.owner, "human");
	assert_int_equal(h.since_ms, f->now);
	assert_int_equal(wb_hold_get(f->gw, "a", "+12025550124", NULL), 0);
	assert_int_equal(wb_hold_get(f->gw, "b", CHAT, NULL), 0);
	assert_int_equal(wb_hold_get(f->gw, "a", "nonsense", NULL), 0);

	take(f, CHAT, "flow:shop/lead", 0);	/* the later one has it */
	fix_close(f);
	fix_open(f, NULL);
	assert_int_equal(wb_hold_get(f->gw, "a", CHAT, &h), 1);
	assert_string_equal(h.owner, "flow:shop/lead");
	assert_string_equal(h.note, "a note");
	give_back(f, CHAT, NULL);
	assert_int_equal(wb_hold_get(f->gw, "a", CHAT, NULL), 0);
	fix_close(f);
	fix_open(f, NULL);
	assert_int_equal(wb_hold_get(f->gw, "a", CHAT, NULL), 0);
}

static void both_forms_of_a_person_find_it(void **state)
{
	struct fix *f = *state;
	struct wb_tx *tx;
	struct wb_hold h;

	take(f, LID, "human", 0);	/* the number is not known yet */
	tx = wb_tx_new(f->gw);
	db_batch_contact_put(wb_tx_batch(tx), "a", &(struct db_contact){ .jid = CHAT, .lid = LID, .phone = "12025550123" });
	wb_outbox_contact_put(tx, "a", CHAT, LID);
	assert_int_equal(fix_commit(f, tx), 0);
	assert_int_equal(wb_hold_get(f->gw, "a", CHAT, NULL), 1);
	take(f, CHAT, "plugin:x", 0);
	assert_int_equal(wb_hold_get(f->gw, "a", LID, &h), 1);
	assert_string_equal(h.owner, "plugin:x");
	give_back(f, LID, NULL);
	assert_int_equal(wb_hold_get(f->gw, "a", LID, NULL), 0);
	assert_int_equal(wb_hold_get(f->gw, "a", CHAT, NULL), 0);
}

static void only_its_owner_may_release_by_name_and_events_tell_once(void **state)
{
	struct fix *f = *state;
	int held = 0, released = 0;
	struct wb_sub *a = wb_bus_subscribe(f->gw->bus, f, "t", "chat.held", count_one, &held);
	struct wb_sub *b = wb_bus_subscribe(f->gw->bus, f, "t", "chat.released", count_one, &released);

	give_back(f, CHAT, NULL);
	take(f, CHAT, "human", 0);
	give_back(f, CHAT, "flow:shop/lead");
	assert_int_equal(wb_hold_get(f->gw, "a", CHAT, NULL), 1);
	give_back(f, CHAT, "human");
	give_back(f, CHAT, NULL);
	assert_int_equal(held, 1);
	assert_int_equal(released, 1);
	wb_bus_unsubscribe(a);
	wb_bus_unsubscribe(b);
}

static void a_hold_ends_by_itself(void **state)
{
	struct fix *f = *state;
	int released = 0;
	struct wb_sub *sub = wb_bus_subscribe(f->gw->bus, f, "t", "chat.released", count_one, &released);

	take(f, CHAT, "human", f->now + 5);
	assert_int_equal(wb_hold_get(f->gw, "a", CHAT, NULL), 1);
	f->now += 5;
	assert_int_equal(wb_hold_get(f->gw, "a", CHAT, NULL), 0);
	fix_until(f, &released);
	assert_int_equal(released, 1);
	wb_bus_unsubscribe(sub);
}

static void it_goes_with_its_session(void **state)
{
	struct fix *f = *state;
	int gone = 0;
	struct wb_sub *sub = wb_bus_subscribe(f->gw->bus, f, "t", "session.deleted", count_one, &gone);

	take(f, CHAT, "human", 0);
	wb_session_delete(wb_session_find(f->gw, "a"), NULL, NULL);
	fix_until(f, &gone);
	fix_settle(f);
	assert_int_equal(wb_hold_get(f->gw, "a", CHAT, NULL), 0);
	wb_bus_unsubscribe(sub);
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct fix *f = *state;
	struct wb_tx *tx = wb_tx_new(f->gw);
	char big[WB_HOLD_NOTE_MAX + 2];

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = 0;
	assert_int_equal(wb_hold_set(tx, "nope", CHAT, "human", 0, NULL, NULL), WA_ENOTFOUND);
	assert_int_equal(wb_hold_set(tx, "a", "hello", "human", 0, NULL, NULL), WA_EINVALID);
	assert_int_equal(wb_hold_set(tx, "a", CHAT, "", 0, NULL, NULL), WA_EINVALID);
	assert_int_equal(wb_hold_set(tx, "a", CHAT, "two words", 0, NULL, NULL), WA_EINVALID);
	assert_int_equal(wb_hold_set(tx, "a", CHAT, "human", 0, big, NULL), WA_EINVALID);
	wb_tx_abort(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_hold_counts_from_its_commit_and_survives, setup, teardown),
		cmocka_unit_test_setup_teardown(both_forms_of_a_person_find_it, setup, teardown),
		cmocka_unit_test_setup_teardown(only_its_owner_may_release_by_name_and_events_tell_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hold_ends_by_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(it_goes_with_its_session, setup, teardown),
		cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
