/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The outbox with a played WhatsApp below it: what is handed to libwa, when, and what follows. */
#include "fixture.h"
#include <db_contact.h>
#include <db_outbox.h>

#define SENT_MAX 512
#define NO_PACING "pacing = { enabled = false }\noutbox = { in_flight = 16, attempts = 3, retry_ms = 1000 }\n"

struct wa_client *__wrap_wb_session_client(struct wb_session *s);
int __wrap_wa_client_send(struct wa_client *c, const struct wa_send *s, struct wa_err *err);
void __wrap_wb_session_check(struct wb_gateway *gw, const char *session, const char *digits,
			     wb_number_fn *fn, void *ctx);

static struct {
	char id[SENT_MAX][32];
	char to[SENT_MAX][WA_JID_TEXT_MAX];
	int n;
	int checks;
	bool absent;		/* the number checked is not on WhatsApp */
	int check_code;
} wa;

struct wa_client *__wrap_wb_session_client(struct wb_session *s)
{
	return (struct wa_client *)(void *)s;	/* only passed on to the function below */
}

int __wrap_wa_client_send(struct wa_client *c, const struct wa_send *s, struct wa_err *err)
{
	(void)c;
	(void)err;
	assert_true(s->raw.len > 0);
	snprintf(wa.id[wa.n], sizeof(wa.id[0]), "%s", s->id);
	wa_jid_text(&s->to, wa.to[wa.n]);
	wa.n++;
	return 0;
}

void __wrap_wb_session_check(struct wb_gateway *gw, const char *session, const char *digits,
			     wb_number_fn *fn, void *ctx)
{
	char jid[64];
	struct wb_number n = { .code = wa.check_code, .exists = !wa.absent, .query = digits,
			       .jid = jid, .lid = "" };

	(void)gw;
	(void)session;
	wa.checks++;
	snprintf(jid, sizeof(jid), "%s@s.whatsapp.net", digits);
	fn(ctx, &n);
}

static void open_with(struct fix *f, const char *extra)
{
	memset(&wa, 0, sizeof(wa));
	fix_open(f, extra);
}

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));

	open_with(f, NO_PACING);
	assert_int_equal(wb_session_create(f->gw, &(struct wb_session_new){ .id = "s" }, NULL, NULL,
					   NULL, NULL), 0);
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

static int add(struct fix *f, const char *to, const char *text, int64_t due, char id[27])
{
	struct wb_tx *tx = wb_tx_new(f->gw);
	int r = wb_outbox_add(tx, &(struct wb_outbox_new){ .session = "s", .to = to, .text = text,
							   .due_ms = due, .meta_json = "{\"o\":7}" },
			      id, NULL);

	if (r < 0) {
		wb_tx_abort(tx);
		return r;
	}
	return fix_commit(f, tx);
}

static void must_add(struct fix *f, const char *to, const char *text, int64_t due, char id[27])
{
	char own[27];

	assert_int_equal(add(f, to, text, due, id ? id : own), 0);
	fix_settle(f);
}

static void go(struct fix *f)
{
	wb_outbox_ready(f->gw->outbox, "s");
	fix_settle(f);
}

/* libwa's reports, each in a batch */
static void sent(struct fix *f, int i)
{
	struct wb_tx *tx = wb_tx_new(f->gw);

	wb_outbox_on_sent(tx, "s", wa.id[i], 2);
	assert_int_equal(fix_commit(f, tx), 0);
}

static void ack(struct fix *f, int i)
{
	struct wb_tx *tx = wb_tx_new(f->gw);

	wb_outbox_on_ack(tx, "s", wa.id[i]);
	assert_int_equal(fix_commit(f, tx), 0);
	fix_settle(f);
}

static void nack(struct fix *f, int i, int code, const char *text)
{
	struct wb_tx *tx = wb_tx_new(f->gw);

	wb_outbox_on_nack(tx, "s", wa.id[i], code, text);
	assert_int_equal(fix_commit(f, tx), 0);
	fix_settle(f);
}

static void expect(struct fix *f, const char *id, const char *state, int status, const char *reason)
{
	struct db_outbox row;
	struct db_message m;
	struct wa_arena a;

	wa_arena_init(&a, 1u << 20);
	assert_int_equal(db_outbox_get(f->gw->db, id, &a, &row, NULL), 1);
	assert_string_equal(row.state, state);
	assert_int_equal(db_message_get(f->gw->db, id, &a, &m, NULL), 1);
	assert_int_equal(m.status, status);
	assert_string_equal(m.reason, reason);
	wa_arena_clear(&a);
}

struct seen {
	int n;
	char kind[64], json[2048];
};

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct seen *s = ctx;

	s->n++;
	snprintf(s->kind, sizeof(s->kind), "%s", ev->kind);
	snprintf(s->json, sizeof(s->json), "%.*s", (int)ev->json.len, ev->json.ptr);
}

static void sent_means_the_server_said_so(void **state)
{
	struct fix *f = *state;
	struct seen seen = { 0 };
	char id[27];
	json_t *trace;
	char *text;

	wb_bus_subscribe(f->gw->bus, f, "test", "message.*", on_event, &seen);
	go(f);
	must_add(f, "+4915112345678", "hello", 0, id);
	assert_int_equal(wa.n, 1);
	assert_string_equal(wa.to[0], "4915112345678@s.whatsapp.net");
	expect(f, id, "queued", DB_QUEUED, "");
	sent(f, 0);
	expect(f, id, "sending", DB_QUEUED, "");
	assert_int_equal(seen.n, 0);
	ack(f, 0);
	expect(f, id, "sent", DB_SENT, "");
	assert_string_equal(seen.kind, "message.sent");
	assert_non_null(strstr(seen.json, "\"meta\":{\"o\":7}"));
	assert_non_null(strstr(seen.json, "\"status\":\"sent\""));
	assert_non_null(strstr(seen.json, id));
	assert_int_equal(wb_outbox_depth(f->gw->outbox), 0);
	trace = wb_message_trace(f->gw, id);
	text = json_dumps(trace, JSON_COMPACT);
	assert_non_null(strstr(text, "\"step\":\"accepted\""));
	assert_non_null(strstr(text, "\"step\":\"sent\",\"detail\":\"2 devices\""));
	free(text);
	json_decref(trace);
}

static void bad_messages_are_refused_at_the_door(void **state)
{
	struct fix *f = *state;
	char id[27];

	assert_int_equal(add(f, "nobody", "x", 0, id), WA_EINVALID);
	assert_int_equal(add(f, "4915112345678", "", 0, id), WA_EINVALID);
	assert_int_equal(add(f, "4915112345678", "\xff", 0, id), WA_EINVALID);
	assert_int_equal(add(f, "1@call", "x", 0, id), WA_EUNSUPPORTED);
	assert_int_equal(wb_outbox_depth(f->gw->outbox), 0);
}

static void a_chat_keeps_its_order_and_the_future_blocks_nothing(void **state)
{
	struct fix *f = *state;
	char ids[4][27];
	struct db_outbox row;
	struct wa_arena a;

	must_add(f, "4915111111111", "later", f->now + 60000, ids[0]);
	must_add(f, "4915111111111", "one", 0, ids[1]);
	must_add(f, "4915111111111", "two", 0, ids[2]);
	must_add(f, "4915111111111", "three", 0, ids[3]);
	go(f);
	assert_int_equal(wa.n, 3);
	wa_arena_init(&a, 1u << 20);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(db_outbox_get(f->gw->db, ids[i + 1], &a, &row, NULL), 1);
		assert_string_equal(row.wa_id, wa.id[i]);
	}
	for (int i = 0; i < 3; i++) {
		sent(f, i);
		ack(f, i);
	}
	f->now += 60001;
	go(f);
	assert_int_equal(wa.n, 4);
	wa_arena_clear(&a);
}

static void a_number_is_asked_about_once(void **state)
{
	struct fix *f = *state;

	go(f);
	must_add(f, "4915111111111", "one", 0, NULL);
	must_add(f, "4915111111111", "two", 0, NULL);
	assert_int_equal(wa.n, 2);
	assert_int_equal(wa.checks, 1);
	must_add(f, "12345@lid", "three", 0, NULL);
	assert_int_equal(wa.n, 3);
	assert_int_equal(wa.checks, 1);		/* what WhatsApp gave needs no question */
}

static void a_number_that_is_not_there_fails(void **state)
{
	struct fix *f = *state;
	struct seen seen = { 0 };
	char ids[2][27];

	wb_bus_subscribe(f->gw->bus, f, "test", "message.failed", on_event, &seen);
	must_add(f, "4915111111111", "one", 0, ids[0]);
	must_add(f, "4915111111111", "two", 0, ids[1]);
	wa.absent = true;
	go(f);
	assert_int_equal(wa.n, 0);
	expect(f, ids[0], "failed", DB_FAILED, "not_on_whatsapp");
	expect(f, ids[1], "failed", DB_FAILED, "not_on_whatsapp");
	assert_int_equal(seen.n, 2);
	assert_non_null(strstr(seen.json, "\"reason\":\"not_on_whatsapp\""));
}

static void lost_connections_cost_no_attempt_and_keep_the_id(void **state)
{
	struct fix *f = *state;
	char id[27];

	go(f);
	must_add(f, "4915111111111", "one", 0, id);
	for (int i = 0; i < 5; i++) {
		sent(f, i);
		wb_outbox_lost(f->gw->outbox, "s");
		fix_settle(f);
		assert_int_equal(wa.n, i + 1);	/* nothing leaves without a connection */
		expect(f, id, "queued", DB_QUEUED, "");
		go(f);
		assert_int_equal(wa.n, i + 2);
		assert_string_equal(wa.id[i + 1], wa.id[0]);
	}
	sent(f, 5);
	ack(f, 5);
	expect(f, id, "sent", DB_SENT, "");
}

static void refusals_are_final_and_trouble_is_retried(void **state)
{
	struct fix *f = *state;
	char ids[2][27];

	go(f);
	must_add(f, "4915111111111", "one", 0, ids[0]);
	sent(f, 0);
	nack(f, 0, 463, NULL);
	expect(f, ids[0], "failed", DB_FAILED, "restricted");

	must_add(f, "4915122222222", "two", 0, ids[1]);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(wa.n, i + 1);
		sent(f, i);
		nack(f, i, 503, NULL);
		go(f);
		assert_int_equal(wa.n, i + 1);	/* not before its time */
		f->now += 60000;
		go(f);
	}
	assert_int_equal(wa.n, 4);
	expect(f, ids[1], "failed", DB_FAILED, "too_many_attempts");
}

static void a_row_that_is_retried_holds_those_behind_it(void **state)
{
	struct fix *f = *state;

	go(f);
	must_add(f, "4915111111111", "one", 0, NULL);
	sent(f, 0);
	nack(f, 0, 503, NULL);
	must_add(f, "4915111111111", "two", 0, NULL);
	assert_int_equal(wa.n, 1);
	f->now += 2000;
	go(f);
	assert_int_equal(wa.n, 2);
	assert_string_equal(wa.id[1], wa.id[0]);
	sent(f, 1);
	ack(f, 1);
	assert_int_equal(wa.n, 3);
}

static void what_was_sending_at_a_crash_is_sent_again(void **state)
{
	struct fix *f = *state;
	char ids[3][27], first[32];

	go(f);
	must_add(f, "4915111111111", "one", 0, ids[0]);
	must_add(f, "4915122222222", "two", 0, ids[1]);
	sent(f, 0);
	sent(f, 1);
	ack(f, 1);
	memcpy(first, wa.id[0], sizeof(first));
	must_add(f, "4915133333333", "three", f->now + 5000, ids[2]);
	fix_close(f);			/* nobody told the outbox what became of "one" */

	open_with(f, NO_PACING);
	go(f);
	assert_int_equal(wa.n, 1);
	assert_string_equal(wa.id[0], first);
	sent(f, 0);
	ack(f, 0);
	expect(f, ids[0], "sent", DB_SENT, "");
	expect(f, ids[1], "sent", DB_SENT, "");
	f->now += 5001;
	go(f);
	assert_int_equal(wa.n, 2);
}

static void the_far_future_is_read_when_it_comes_near(void **state)
{
	struct fix *f = *state;

	go(f);
	must_add(f, "4915111111111", "tomorrow", f->now + 24 * 3600000, NULL);
	assert_int_equal(wb_outbox_depth(f->gw->outbox), 0);
	for (int i = 0; i < 49; i++) {
		f->now += 1800000;
		go(f);
	}
	assert_int_equal(wa.n, 1);
}

static void pacing_spaces_and_limits(void **state)
{
	struct fix *f = *state;

	fix_close(f);
	open_with(f, "pacing = { per_minute = 60, burst = 3, recipient_ms = 5000, daily = 6 }");
	go(f);
	must_add(f, "4915111111111", "one", 0, NULL);
	must_add(f, "4915111111111", "two", 0, NULL);
	assert_int_equal(wa.n, 1);		/* the same person: spaced */
	must_add(f, "4915122222222", "three", 0, NULL);
	must_add(f, "4915133333333", "four", 0, NULL);
	must_add(f, "4915144444444", "five", 0, NULL);
	assert_int_equal(wa.n, 3);		/* the burst is used up */
	f->now += 1001;
	go(f);
	assert_int_equal(wa.n, 4);
	f->now += 4000;
	go(f);
	assert_int_equal(wa.n, 5);		/* "two" */
	must_add(f, "4915155555555", "six", 0, NULL);
	assert_int_equal(wa.n, 6);
	must_add(f, "4915166666666", "seven", 0, NULL);
	f->now += 3600000;
	go(f);
	assert_int_equal(wa.n, 6);		/* the day's cap */
	f->now += 24 * 3600000LL;
	go(f);
	assert_int_equal(wa.n, 7);
}

static void only_so_many_are_under_way(void **state)
{
	struct fix *f = *state;
	char to[32];

	go(f);
	for (int i = 0; i < 40; i++) {
		snprintf(to, sizeof(to), "49151%08d", i);
		must_add(f, to, "x", 0, NULL);
	}
	assert_int_equal(wa.n, 16);
	assert_int_equal(wb_outbox_in_flight(f->gw->outbox, "s"), 16);
	for (int i = 0; i < 40; i++) {
		sent(f, i);
		ack(f, i);
	}
	assert_int_equal(wa.n, 40);
}

static int consent(struct fix *f, const char *who, bool out)
{
	struct wb_tx *tx = wb_tx_new(f->gw);

	assert_int_equal(wb_consent_set(tx, "*", who, out, "test", NULL), 0);
	return fix_commit(f, tx);
}

static void who_opted_out_gets_nothing(void **state)
{
	struct fix *f = *state;
	char id[27], waiting[27];

	must_add(f, "4915111111111", "one", 0, waiting);
	assert_int_equal(consent(f, "+4915111111111", true), 0);
	assert_int_equal(add(f, "4915111111111", "two", 0, id), WA_EDENIED);
	go(f);
	assert_int_equal(wa.n, 0);
	expect(f, waiting, "failed", DB_FAILED, "opted_out");
	assert_int_equal(consent(f, "4915111111111@s.whatsapp.net", false), 0);
	must_add(f, "4915111111111", "three", 0, NULL);
	assert_int_equal(wa.n, 1);
}

/* The number was looked up, and known to nobody, before its other name was learnt. */
static void who_opted_out_under_another_name_gets_nothing(void **state)
{
	static const char pn[] = "4915111111111@s.whatsapp.net", lid[] = "777@lid";
	struct fix *f = *state;
	struct wb_tx *tx;
	char id[27];

	must_add(f, "4915111111111", "one", 0, NULL);
	assert_int_equal(consent(f, lid, true), 0);
	must_add(f, "4915111111111", "two", 0, NULL);
	tx = wb_tx_new(f->gw);
	wb_outbox_contact_put(tx, "s", pn, lid);
	db_batch_contact_put(wb_tx_batch(tx), "s", &(struct db_contact){ .jid = pn, .lid = lid });
	assert_int_equal(fix_commit(f, tx), 0);
	assert_int_equal(add(f, "4915111111111", "three", 0, id), WA_EDENIED);
	assert_int_equal(add(f, lid, "four", 0, id), WA_EDENIED);
}

/* The same by a plugin, which is told the content of what is no plain text. */
static void a_plugin_may_refuse(void **state)
{
	struct fix *f = *state;
	char one[27], two[27];

	assert_int_equal(wb_plugin_load(f->gw->plugins, "veto", NULL), 0);
	must_add(f, "4915111111111", "a forbidden word", 0, one);
	must_add(f, "4915111111112", "a kind word", 0, two);
	go(f);
	expect(f, one, "failed", DB_FAILED, "a forbidden word");
	assert_int_equal(wa.n, 1);
	assert_int_equal(wb_plugin_unload(f->gw->plugins, "veto", NULL), 0);
	must_add(f, "4915111111111", "forbidden no more", 0, NULL);
	assert_int_equal(wa.n, 2);
}

static void an_opt_out_outlives_the_process(void **state)
{
	struct fix *f = *state;
	char id[27];

	assert_int_equal(consent(f, "4915111111111", true), 0);
	fix_close(f);
	open_with(f, NO_PACING);
	assert_int_equal(add(f, "4915111111111", "one", 0, id), WA_EDENIED);
	must_add(f, "4915111111112", "two", 0, NULL);
}

static int veto(void *ctx, const char *message_id, const struct wb_send *s, char reason[121])
{
	int *calls = ctx;

	(*calls)++;
	assert_int_equal(strlen(message_id), 26);
	assert_string_equal(s->session, "s");
	assert_string_equal(s->meta_json, "{\"o\":7}");
	if (strcmp(s->text, "bad") != 0)
		return 0;
	snprintf(reason, 121, "not polite");
	return WB_EDENIED;
}

static void hooks_may_refuse(void **state)
{
	struct fix *f = *state;
	int calls = 0;
	char id[27];

	assert_int_equal(wb_outbox_hook(f->gw->outbox, &calls, veto, &calls), 0);
	go(f);
	must_add(f, "4915111111111", "bad", 0, id);
	expect(f, id, "failed", DB_FAILED, "not polite");
	must_add(f, "4915111111111", "good", 0, NULL);
	assert_int_equal(wa.n, 1);
	assert_int_equal(calls, 2);
	wb_outbox_revoke(f->gw->outbox, &calls);
	must_add(f, "4915111111111", "bad", 0, NULL);
	assert_int_equal(calls, 2);
	assert_int_equal(wa.n, 2);
}

static int cancel(struct fix *f, const char *id)
{
	struct wb_tx *tx = wb_tx_new(f->gw);
	int r = wb_outbox_cancel(tx, id, NULL);

	if (r < 0) {
		wb_tx_abort(tx);
		return r;
	}
	return fix_commit(f, tx);
}

static void what_has_not_left_can_be_cancelled(void **state)
{
	struct fix *f = *state;
	struct seen seen = { 0 };
	char ids[2][27];

	wb_bus_subscribe(f->gw->bus, f, "test", "message.cancelled", on_event, &seen);
	must_add(f, "4915111111111", "one", 0, ids[0]);
	assert_int_equal(cancel(f, ids[0]), 0);
	expect(f, ids[0], "cancelled", DB_CANCELLED, "cancelled");
	assert_int_equal(seen.n, 1);
	go(f);
	assert_int_equal(wa.n, 0);
	must_add(f, "4915111111111", "two", f->now + 1000, ids[1]);
	assert_int_equal(cancel(f, ids[1]), 0);
	f->now += 2000;
	go(f);
	assert_int_equal(wa.n, 0);
	must_add(f, "4915111111111", "three", 0, ids[1]);
	assert_int_equal(cancel(f, ids[1]), WA_ESTATE);
	assert_int_equal(cancel(f, "01ARZ3NDEKTSV4RRFFQ69G5FAV"), WA_ENOTFOUND);
}

static int add_once(struct fix *f, const char *text, char id[27])
{
	struct wb_tx *tx = wb_tx_new(f->gw);

	assert_int_equal(wb_outbox_add(tx, &(struct wb_outbox_new){
						   .session = "s", .to = "4915111111111",
						   .text = text, .idem_scope = "k", .idem_key = "1",
						   .idem_request = wa_span_str(text) },
				       id, NULL), 0);
	return fix_commit(f, tx);
}

static void an_idempotency_key_counts_once(void **state)
{
	struct fix *f = *state;
	char id[27], again[27], found[27];

	go(f);
	assert_int_equal(add_once(f, "x", id), 0);
	assert_int_equal(add_once(f, "x", again), WA_EDUP);
	assert_int_equal(add_once(f, "y", again), WA_ECONFLICT);
	assert_int_equal(db_outbox_find_idem(f->gw->db, "k", "1", wa_span_str("x"), found, NULL), 1);
	assert_string_equal(found, id);
	fix_settle(f);
	assert_int_equal(wa.n, 1);
}

static void a_deleted_session_takes_its_rows_along(void **state)
{
	struct fix *f = *state;

	go(f);
	must_add(f, "4915111111111", "one", f->now + 1000, NULL);
	assert_int_equal(wb_outbox_depth(f->gw->outbox), 1);
	wb_outbox_gone(f->gw->outbox, "s");
	assert_int_equal(wb_outbox_depth(f->gw->outbox), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sent_means_the_server_said_so),
		T(bad_messages_are_refused_at_the_door),
		T(a_chat_keeps_its_order_and_the_future_blocks_nothing),
		T(a_number_is_asked_about_once),
		T(a_number_that_is_not_there_fails),
		T(lost_connections_cost_no_attempt_and_keep_the_id),
		T(refusals_are_final_and_trouble_is_retried),
		T(a_row_that_is_retried_holds_those_behind_it),
		T(what_was_sending_at_a_crash_is_sent_again),
		T(the_far_future_is_read_when_it_comes_near),
		T(pacing_spaces_and_limits),
		T(only_so_many_are_under_way),
		T(who_opted_out_gets_nothing),
		T(who_opted_out_under_another_name_gets_nothing),
		T(an_opt_out_outlives_the_process),
		T(hooks_may_refuse),
		T(a_plugin_may_refuse),
		T(what_has_not_left_can_be_cancelled),
		T(an_idempotency_key_counts_once),
		T(a_deleted_session_takes_its_rows_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
