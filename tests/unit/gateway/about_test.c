/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Edits that come in: only an author changes his words, and only in the chat they are in. */
#include "fixture.h"

#include <db_message.h>
#include <session_priv.h>
#include <tx.h>
#include <wa/addon.h>

static const struct wa_jid bob = { .user = "491700000002", .server = WA_SRV_PN };
static const struct wa_jid eve = { .user = "491700000003", .server = WA_SRV_PN };
static const struct wa_jid group = { .user = "120363000000000001", .server = WA_SRV_GROUP };

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));

	fix_open(f, NULL);
	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = "a" }, NULL, NULL,
					   NULL, NULL),
			 0);
	fix_settle(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fix_remove(*state);
	free(*state);
	return 0;
}

/* target NULL: a new message. */
static void comes(struct fix *f, const char *id, const struct wa_jid *chat,
		  const struct wa_jid *sender, bool from_me, const char *target, const char *text)
{
	struct wa_msg_info info = { .id = id,
				    .chat = *chat,
				    .sender = *sender,
				    .from_me = from_me,
				    .group = chat->server == WA_SRV_GROUP,
				    .timestamp_ms = f->now };
	struct wa_message m = { .kind = target ? WA_MSG_EDIT : WA_MSG_TEXT,
				.text = wa_span_str(text),
				.target_id = wa_span_str(target) };
	struct wa_event ev = { .kind = WA_EV_MESSAGE, .id = id, .info = &info, .message = &m };
	struct wb_tx *tx = wb_tx_new(f->gw);

	wb_session_event(wb_session_find(f->gw, "a"), tx, &ev);
	assert_int_equal(fix_commit(f, tx), 0);
}

static void assert_says(struct fix *f, const char *wa_id, const char *text)
{
	struct db_message m;
	struct wa_arena a;

	wa_arena_init(&a, 1u << 20);
	assert_int_equal(db_message_find_wa(f->gw->db, "a", wa_id, &a, &m, NULL), 1);
	assert_string_equal(m.text, text);
	wa_arena_clear(&a);
}

static void the_author_may(void **state)
{
	struct fix *f = *state;

	comes(f, "M1", &bob, &bob, false, NULL, "5 pieces");
	comes(f, "E1", &bob, &bob, false, "M1", "6 pieces");
	assert_says(f, "M1", "6 pieces");
	comes(f, "M2", &bob, &bob, true, NULL, "It costs 10");
	comes(f, "E2", &bob, &bob, true, "M2", "It costs 11");
	assert_says(f, "M2", "It costs 11");
	comes(f, "M3", &group, &bob, false, NULL, "hello");
	comes(f, "E3", &group, &bob, false, "M3", "hello all");
	assert_says(f, "M3", "hello all");
}

static void nobody_else_may(void **state)
{
	struct fix *f = *state;

	comes(f, "M1", &bob, &bob, true, NULL, "It costs 10");
	comes(f, "E1", &bob, &bob, false, "M1", "It costs nothing");
	assert_says(f, "M1", "It costs 10");
	comes(f, "M2", &bob, &bob, false, NULL, "yes");
	comes(f, "E2", &eve, &eve, false, "M2", "no");
	assert_says(f, "M2", "yes");
	comes(f, "M3", &group, &bob, false, NULL, "hello");
	comes(f, "E3", &group, &eve, false, "M3", "bye");
	assert_says(f, "M3", "hello");
}

/* ---- votes ---- */

static const struct wa_jid carl = { .user = "491700000004", .server = WA_SRV_PN };

static void put(struct fix *f, struct wb_tx *tx, const char *id, const struct wa_jid *sender, const struct wa_message *m)
{
	struct wa_msg_info info = { .id = id, .chat = group, .sender = *sender, .group = true, .timestamp_ms = f->now };
	struct wa_event ev = { .kind = WA_EV_MESSAGE, .id = id, .info = &info, .message = m };

	wb_session_event(wb_session_find(f->gw, "a"), tx, &ev);
}

static struct wa_vote vote_for(const char *option)
{
	struct wa_vote v = { .n = 1 };

	wa_poll_option_hash(wa_span_str(option), v.options[0]);
	return v;
}

struct counted {
	size_t n;
	json_int_t red, blue;
};

static int on_event(void *ctx, const struct db_event *ev)
{
	struct counted *c = ctx;
	json_t *data, *tally;

	if (strcmp(ev->kind, "message.poll_vote") != 0)
		return 0;
	data = json_loadb((const char *)ev->json.ptr, ev->json.len, 0, NULL);
	tally = json_object_get(data, "tally");
	c->n++;
	c->red = json_integer_value(json_object_get(json_array_get(tally, 0), "votes"));
	c->blue = json_integer_value(json_object_get(json_array_get(tally, 1), "votes"));
	json_decref(data);
	return 0;
}

/* What is not committed yet counts: of three votes in one transaction the last event tells all. */
static void votes_of_one_commit(void **state)
{
	struct fix *f = *state;
	struct wa_poll poll = { .name = wa_span_str("Colour?"), .n = 2, .selectable = 1,
				.options = { { (const uint8_t *)"Red", 3 }, { (const uint8_t *)"Blue", 4 } } };
	struct wa_message q = { .kind = WA_MSG_POLL, .poll = &poll }, v = { .kind = WA_MSG_POLL_VOTE };
	struct wa_vote red = vote_for("Red"), blue = vote_for("Blue");
	struct counted c = { 0 };
	struct wb_tx *tx = wb_tx_new(f->gw);

	put(f, tx, "P1", &bob, &q);
	assert_int_equal(fix_commit(f, tx), 0);
	v.target_id = wa_span_str("P1");
	tx = wb_tx_new(f->gw);
	v.vote = &red;
	put(f, tx, "V1", &bob, &v);
	put(f, tx, "V2", &eve, &v);
	v.vote = &blue;
	v.timestamp_ms = f->now + 5;
	put(f, tx, "V3", &bob, &v);	/* thought better of it */
	put(f, tx, "V4", &carl, &v);
	assert_int_equal(fix_commit(f, tx), 0);
	assert_int_equal(db_events_since(f->gw->db, 0, NULL, 100, on_event, &c, NULL, NULL), 0);
	assert_int_equal(c.n, 4);
	assert_int_equal(c.red, 1);
	assert_int_equal(c.blue, 2);
	assert_null(json_object_iter(f->gw->votes));	/* nothing is under way any more */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_author_may, setup, teardown),
cmocka_unit_test_setup_teardown(votes_of_one_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_else_may, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
