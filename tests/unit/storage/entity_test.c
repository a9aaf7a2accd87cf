/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every entity, written and read back. */
#include "fixture.h"

#include <db_apikey.h>
#include <db_chat.h>
#include <db_consent.h>
#include <db_contact.h>
#include <db_idem.h>
#include <db_kv.h>
#include <db_content.h>
#include <db_message.h>
#include <db_outbox.h>
#include <db_record.h>
#include <db_session.h>

#define S "shop1"
#define PN "4915112345678@s.whatsapp.net"
#define LID "987654321@lid"
#define LIST_LEN 256
#define ULID(c) "01JD000000000000000000000" c

static struct wa_arena arena;

static int setup(void **state)
{
	fix_setup(state);
	wa_arena_init(&arena, 1 << 20);
	fix_session(*state, S);
	return 0;
}

static int teardown(void **state)
{
	wa_arena_clear(&arena);
	return fix_teardown(state);
}

/* Adds the word and a space to a list of LIST_LEN bytes. */
static void append(char *list, const char *word)
{
	size_t n = strlen(list);

	snprintf(list + n, LIST_LEN - n, "%s ", word);
}

static struct db_batch *batch(struct fix *f)
{
	return db_batch_new(f->db);
}

/* -------------------------------------------------------------- sessions */

static int count_session(void *ctx, const struct db_session *s)
{
	append(ctx, s->id);
	return 0;
}

static void sessions(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	struct wa_span config = str("{\"a\":1}");
	struct db_session s;
	char ids[LIST_LEN] = "";

	assert_false(db_session_id_ok("a:b"));
	assert_false(db_session_id_ok(""));
	db_batch_session_create(b, &(struct db_session){ .id = S });
	assert_int_equal(fix_commit(f, b), WA_ECONFLICT);
	b = batch(f);
	db_batch_session_create(b, &(struct db_session){ .id = DB_SYSTEM });
	assert_int_equal(fix_commit(f, b), WA_EINVALID);
	b = batch(f);
	db_batch_session_delete(b, DB_SYSTEM);
	assert_int_equal(fix_commit(f, b), WA_EINVALID);

	b = batch(f);
	db_batch_session_update(b, S, NULL, &config);
	db_batch_session_run(b, S, false);
	db_batch_session_status(b, S, "online", "linked", 42);
	db_batch_session_account(b, S, PN, LID, "Push");
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_session_get(f->db, S, &arena, &s, NULL), 1);
	assert_string_equal(s.name, "a name");
	assert_false(s.run);
	assert_string_equal(s.status, "online");
	assert_string_equal(s.reason, "linked");
	assert_int_equal(s.since_ms, 42);
	assert_string_equal(s.jid, PN);
	assert_string_equal(s.lid, LID);
	assert_string_equal(s.push_name, "Push");
	assert_true(s.created_ms > 0);
	assert_true(wa_span_is(s.config, "{\"a\":1}"));
	assert_int_equal(db_session_get(f->db, "none", &arena, &s, NULL), 0);

	b = batch(f);
	db_batch_session_run(b, "none", true);
	assert_int_equal(fix_commit(f, b), WA_ENOTFOUND);
	b = batch(f);
	db_batch_session_delete(b, "none");
	assert_int_equal(fix_commit(f, b), WA_ENOTFOUND);
	fix_session(f, "a");
	fix_session(f, "b");
	assert_int_equal(db_session_each(f->db, "a", 10, count_session, ids, NULL), 0);
	assert_string_equal(ids, "b shop1 ");
}

/* --------------------------------------------------------------- records */

static int get(struct fix *f, const char *session, int kind, const char *key, const char *expected)
{
	struct wa_buf out;
	int r;

	wa_buf_init(&out, 1 << 20);
	wa_buf_str(&out, "before|");
	r = db_record_get(f->db, session, kind, str(key), &out, NULL);
	wa_buf_consume(&out, 7);
	if (r == 1)
		assert_string_equal(wa_buf_cstr(&out), expected);
	else
		assert_int_equal(out.len, 0);
	wa_buf_clear(&out);
	return r;
}

static int each_record(void *ctx, struct wa_span key, struct wa_span value)
{
	char pair[64];

	snprintf(pair, sizeof(pair), "%.*s=%.*s", WA_SPAN_ARG(key), WA_SPAN_ARG(value));
	append(ctx, pair);
	return 0;
}

static void records(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	char pairs[LIST_LEN] = "";
	struct told t;

	db_batch_record_put(b, S, 1, str("k"), str("v"));
	db_batch_record_put(b, S, 1, str("empty"), wa_span(NULL, 0));
	db_batch_record_put(b, S, 2, str("k"), str("other kind"));
	db_batch_record_put(b, S, 1, str("k"), str("newer"));
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(get(f, S, 1, "k", "newer"), 1);
	assert_int_equal(get(f, S, 1, "empty", ""), 1);
	assert_int_equal(get(f, S, 2, "k", "other kind"), 1);
	assert_int_equal(get(f, S, 3, "k", ""), 0);
	assert_int_equal(get(f, "nobody", 1, "k", ""), 0);
	assert_int_equal(db_record_count(f->db, S, 1, NULL), 2);
	assert_int_equal(db_record_each(f->db, S, 2, 10, each_record, pairs, NULL), 0);
	assert_string_equal(pairs, "k=other kind ");

	b = batch(f);
	db_batch_record_put(b, "nobody", 1, str("k"), str("v"));
	assert_int_equal(fix_commit(f, b), WA_ENOTFOUND);
	b = batch(f);
	db_batch_record_del(b, S, 1, str("k"));
	db_batch_record_prune(b, S, 2, INT64_MAX, 10);
	db_batch_record_prune(b, NULL, 1, 1, 10);
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[1], 1);
	assert_int_equal(t.rows[2], 0);
	assert_int_equal(get(f, S, 1, "k", ""), 0);
	b = batch(f);
	db_batch_record_clear(b, S);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_record_count(f->db, S, 1, NULL), 0);
}

static void records_in_flight_are_read(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	struct db_value canary[] = { db_text("canary"), db_blob(str("x")) };
	struct told t = { 0 };

	db_batch_record_put(b, S, 1, str("k"), str("v1"));
	assert_int_equal(fix_commit(f, b), WA_OK);
	fix_hold(f);
	b = batch(f);
	db_batch_record_put(b, S, 1, str("k"), str("v2"));
	db_batch_submit(b, NULL, NULL);
	assert_int_equal(get(f, S, 1, "k", "v2"), 1);
	b = batch(f);
	db_batch_record_put(b, S, 1, str("k"), str("lost"));
	db_batch_record_put(b, S, 1, str("k"), str("v3"));
	db_batch_record_del(b, S, 1, str("gone"));
	assert_int_equal(get(f, S, 1, "k", "v2"), 1);	/* not submitted yet */
	db_batch_sql(b, "INSERT INTO meta (key, value) VALUES ($1, $2)", canary, 2, 0);
	db_batch_submit(b, told_done, &t);
	assert_int_equal(get(f, S, 1, "k", "v3"), 1);
	assert_int_equal(get(f, S, 1, "gone", ""), 0);
	fix_release(f);
	/* the last batch failed: what it wrote is gone, the one before it stays */
	assert_int_equal(t.code, WA_ECONFLICT);
	assert_int_equal(get(f, S, 1, "k", "v2"), 1);
	assert_int_equal(f->db->pending.len, 0);
}

/* -------------------------------------------------------------- contacts */

static int each_contact(void *ctx, const struct db_contact *c)
{
	append(ctx, c->push_name);
	return 0;
}

static void contacts_of_two_names_become_one(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	struct db_contact c;
	char names[LIST_LEN] = "";
	struct told t;

	db_batch_contact_put(b, S, &(struct db_contact){ .jid = PN, .phone = "4915112345678" });
	db_batch_contact_put(b, S, &(struct db_contact){ .lid = LID, .push_name = "Ann" });
	db_batch_contact_opt(b, S, LID, true);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM contact"), 2);
	b = batch(f);
	db_batch_contact_put(b, S, &(struct db_contact){ .jid = PN, .lid = LID, .name = "Ann B" });
	db_batch_contact_put(b, S, &(struct db_contact){ .jid = PN, .name = "Ann B" });
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[0], 1);
	assert_int_equal(t.rows[1], 0);		/* nothing new */
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM contact"), 1);
	assert_int_equal(db_contact_get(f->db, S, LID, &arena, &c, NULL), 1);
	assert_string_equal(c.jid, PN);
	assert_string_equal(c.lid, LID);
	assert_string_equal(c.phone, "4915112345678");
	assert_string_equal(c.push_name, "Ann");
	assert_string_equal(c.name, "Ann B");
	assert_true(c.opted_out);
	assert_int_equal(db_contact_get(f->db, S, PN, &arena, &c, NULL), 1);
	assert_int_equal(db_contact_get(f->db, S, "x@lid", &arena, &c, NULL), 0);
	assert_int_equal(db_contact_each(f->db, S, NULL, 10, each_contact, names, NULL), 0);
	assert_string_equal(names, "Ann ");
	b = batch(f);
	db_batch_contact_del(b, S, PN);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_contact_get(f->db, S, LID, &arena, &c, NULL), 0);
	b = batch(f);
	db_batch_contact_put(b, S, &(struct db_contact){ .phone = "1" });
	assert_int_equal(fix_commit(f, b), WA_EINVALID);
}

/* ----------------------------------------------------------------- chats */

static int each_chat(void *ctx, const struct db_chat *c)
{
	append(ctx, c->jid);
	return 0;
}

static void chats(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	struct db_chat c;
	char jids[LIST_LEN] = "";

	db_batch_chat_touch(b, S, "a@lid", 100, 1);
	db_batch_chat_touch(b, S, "a@lid", 50, 2);
	db_batch_chat_touch(b, S, "b@lid", 200, 0);
	db_batch_chat_touch(b, S, "c@g.us", 100, 0);
	db_batch_chat_name(b, S, "c@g.us", "Group");
	db_batch_chat_archive(b, S, "c@g.us", true);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_chat_get(f->db, S, "a@lid", &arena, &c, NULL), 1);
	assert_int_equal(c.last_ms, 100);
	assert_int_equal(c.unread, 3);
	assert_int_equal(db_chat_get(f->db, S, "c@g.us", &arena, &c, NULL), 1);
	assert_string_equal(c.name, "Group");
	assert_true(c.archived);
	assert_int_equal(db_chat_each(f->db, S, 0, NULL, 1, each_chat, jids, NULL), 0);
	assert_string_equal(jids, "b@lid ");
	jids[0] = '\0';
	assert_int_equal(db_chat_each(f->db, S, 200, "b@lid", 10, each_chat, jids, NULL), 0);
	assert_int_equal(strlen(jids), strlen("a@lid c@g.us "));
	b = batch(f);
	db_batch_chat_read(b, S, "a@lid");
	db_batch_chat_del(b, S, "b@lid");
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_chat_get(f->db, S, "a@lid", &arena, &c, NULL), 1);
	assert_int_equal(c.unread, 0);
	assert_int_equal(db_chat_get(f->db, S, "b@lid", &arena, &c, NULL), 0);
}

/* -------------------------------------------------------------- messages */

static struct db_message message(const char *id, const char *wa_id, int64_t ts_ms)
{
	return (struct db_message){
		.id = id, .session = S, .chat = PN, .sender = PN, .wa_id = wa_id, .from_me = true,
		.kind = "text", .text = "hello", .raw = str("raw"), .quoted = "q1", .ts_ms = ts_ms,
		.status = DB_QUEUED,
	};
}

static int each_message(void *ctx, const struct db_message *m)
{
	append(ctx, m->wa_id);
	return 0;
}

static void messages(void **state)
{
	struct fix *f = *state;
	struct db_message m = message(ULID("1"), "W1", 1000), got;
	struct db_message_query q = { .session = S, .limit = 2 };
	struct db_batch *b = batch(f);
	char ids[LIST_LEN] = "";
	struct told t;

	db_batch_message_add(b, &m);
	m = message(ULID("2"), "W2", 1000);
	db_batch_message_add(b, &m);
	m = message(ULID("3"), "W3", 2000);
	m.chat = "x@g.us";
	m.from_me = false;
	m.backfilled = true;
	m.status = DB_DELIVERED;
	db_batch_message_add(b, &m);
	m.id = ULID("4");
	db_batch_message_add(b, &m);		/* the same again, under another id */
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[2], 1);
	assert_int_equal(t.rows[3], 0);

	assert_int_equal(db_message_get(f->db, ULID("1"), &arena, &got, NULL), 1);
	assert_string_equal(got.chat, PN);
	assert_string_equal(got.sender, PN);
	assert_string_equal(got.text, "hello");
	assert_true(wa_span_is(got.raw, "raw"));
	assert_string_equal(got.quoted, "q1");
	assert_true(got.from_me);
	assert_false(got.backfilled);
	assert_int_equal(got.status, DB_QUEUED);
	assert_int_equal(db_message_find(f->db, S, "x@g.us", "W3", false, &arena, &got, NULL), 1);
	assert_true(got.backfilled);
	assert_int_equal(db_message_find(f->db, S, "x@g.us", "W3", true, &arena, &got, NULL), 0);
	assert_int_equal(db_message_find_wa(f->db, S, "W2", &arena, &got, NULL), 1);
	assert_string_equal(got.id, ULID("2"));

	assert_int_equal(db_message_each(f->db, &q, each_message, ids, NULL), 0);
	assert_string_equal(ids, "W3 W2 ");
	q.before_ms = 1000;
	q.before_id = ULID("2");
	assert_int_equal(db_message_each(f->db, &q, each_message, ids, NULL), 0);
	assert_string_equal(ids, "W3 W2 W1 ");
	q = (struct db_message_query){ .session = S, .chat = PN, .limit = 9 };
	ids[0] = '\0';
	assert_int_equal(db_message_each(f->db, &q, each_message, ids, NULL), 0);
	assert_string_equal(ids, "W2 W1 ");

	b = batch(f);
	db_batch_message_edit(b, ULID("1"), "edited", "", 1500);
	db_batch_message_edit(b, ULID("9"), "nobody", "", 1500);
	db_batch_message_del(b, ULID("2"));
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[0], 1);
	assert_int_equal(t.rows[1], 0);
	assert_int_equal(db_message_get(f->db, ULID("2"), &arena, &got, NULL), 0);
}

static void edit_keeps_the_rest(void **state)
{
	struct fix *f = *state;
	struct db_message m = message(ULID("1"), "W1", 1000), got;
	struct db_batch *b = batch(f);

	db_batch_message_add(b, &m);
	db_batch_message_edit(b, ULID("1"), "edited", "{}", 1500);
	db_batch_message_edit(b, ULID("1"), "an older edit", "", 1400);
	db_batch_message_made(b, ULID("1"), str("raw2"), NULL);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_message_get(f->db, ULID("1"), &arena, &got, NULL), 1);
	assert_string_equal(got.text, "edited");
	assert_string_equal(got.content, "{}");
	assert_true(wa_span_is(got.raw, "raw2"));
	assert_string_equal(got.chat, PN);
	assert_string_equal(got.quoted, "q1");
}

static int64_t move(struct fix *f, int status)
{
	struct db_batch *b = batch(f);
	struct told t;

	db_batch_message_status(b, ULID("1"), status, "");
	db_batch_event_if_changed(b, &(struct db_event_new){ .kind = "message.ack", .session = S },
				  NULL);
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.seq[0] > 0, t.rows[0]);
	return t.rows[0];
}

static void status_never_goes_back(void **state)
{
	struct fix *f = *state;
	struct db_message m = message(ULID("1"), "W1", 1000), got;
	struct db_batch *b = batch(f);

	db_batch_message_add(b, &m);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(move(f, DB_SENDING), 1);
	assert_int_equal(move(f, DB_CANCELLED), 0);
	assert_int_equal(move(f, DB_QUEUED), 0);
	assert_int_equal(move(f, DB_READ), 1);
	assert_int_equal(move(f, DB_SENT), 0);
	assert_int_equal(move(f, DB_DELIVERED), 0);
	assert_int_equal(move(f, DB_READ), 0);
	assert_int_equal(move(f, DB_FAILED), 0);
	assert_int_equal(move(f, DB_PLAYED), 1);
	m = message(ULID("2"), "W2", 1000);
	b = batch(f);
	db_batch_message_add(b, &m);
	db_batch_message_status(b, ULID("2"), DB_SENT, "");
	db_batch_message_status(b, ULID("2"), DB_FAILED, "nack 463");
	db_batch_message_status(b, ULID("2"), DB_DELIVERED, "");
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_message_get(f->db, ULID("2"), &arena, &got, NULL), 1);
	assert_int_equal(got.status, DB_FAILED);
	assert_string_equal(got.reason, "nack 463");
	for (int s = DB_QUEUED; s <= DB_CANCELLED; s++)
		assert_int_equal(db_status_parse(db_status_str(s)), s);
	assert_true(db_status_parse("no") < 0);
}

static int each_receipt(void *ctx, const struct db_receipt *r)
{
	char line[64];

	snprintf(line, sizeof(line), "%s:%s", r->device, db_status_str(r->status));
	append(ctx, line);
	return 0;
}

static int each_trace(void *ctx, const struct db_trace *t)
{
	append(ctx, t->step);
	return 0;
}

static void receipts_fold_into_one_status(void **state)
{
	struct fix *f = *state;
	struct db_message m = message(ULID("1"), "W1", 1000), got;
	struct db_batch *b = batch(f);
	char lines[LIST_LEN] = "";
	struct told t;

	db_batch_message_add(b, &m);
	db_batch_message_receipt(b, S, PN, "W1", true, "a:0@lid", DB_DELIVERED, 10);
	db_batch_message_receipt(b, S, PN, "W1", true, "a:1@lid", DB_DELIVERED, 20);
	db_batch_message_receipt(b, S, PN, "W1", true, "a:1@lid", DB_READ, 30);
	db_batch_message_receipt(b, S, PN, "W1", true, "a:1@lid", DB_DELIVERED, 40);
	db_batch_message_receipt(b, S, PN, "W1", true, "a:0@lid", DB_READ, 50);
	db_batch_message_receipt(b, S, PN, "none", true, "a:0@lid", DB_READ, 50);
	db_batch_message_trace(b, ULID("1"), 5, "accepted", "");
	db_batch_message_trace(b, ULID("1"), 5, "encrypted", "2 devices");
	db_batch_message_trace(b, ULID("1"), 4, "due", "");
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[1], 1);
	assert_int_equal(t.rows[2], 0);
	assert_int_equal(t.rows[3], 1);
	assert_int_equal(t.rows[4], 0);
	assert_int_equal(t.rows[5], 0);
	assert_int_equal(t.rows[6], 0);
	assert_int_equal(db_message_get(f->db, ULID("1"), &arena, &got, NULL), 1);
	assert_int_equal(got.status, DB_READ);
	assert_int_equal(db_message_receipt_each(f->db, ULID("1"), each_receipt, lines, NULL), 0);
	assert_string_equal(lines, "a:1@lid:read a:0@lid:read ");
	lines[0] = '\0';
	assert_int_equal(db_message_trace_each(f->db, ULID("1"), each_trace, lines, NULL), 0);
	assert_string_equal(lines, "due accepted encrypted ");
}

/* ---------------------------------------------------------------- outbox */

static int each_outbox(void *ctx, const struct db_outbox *o)
{
	append(ctx, o->wa_id);
	return 0;
}

static void are(struct fix *f, const char *session, const char *state, const char *expected)
{
	char ids[LIST_LEN] = "";

	assert_int_equal(db_outbox_each(f->db, session, state, NULL, 10, each_outbox, ids, NULL), 0);
	assert_string_equal(ids, expected);
}

static void outbox_open_states(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	struct db_outbox o = {
		.session = S, .chat = "a@lid", .class = "reply", .payload = str("{}")
	};
	char ids[LIST_LEN] = "";

	o.id = ULID("2"), o.wa_id = "A2", o.due_ms = 100;
	db_batch_outbox_add(b, &o);
	o.id = ULID("1"), o.wa_id = "A1", o.due_ms = 5000;
	db_batch_outbox_add(b, &o);
	o.id = ULID("4"), o.wa_id = "B1", o.due_ms = 200, o.chat = "b@lid";
	db_batch_outbox_add(b, &o);
	assert_int_equal(fix_commit(f, b), WA_OK);
	are(f, S, "queued", "A1 A2 B1 ");
	are(f, NULL, "queued", "A1 A2 B1 ");
	are(f, "another", "queued", "");
	are(f, S, "sending", "");
	assert_int_equal(db_outbox_each(f->db, S, "queued", ULID("1"), 1, each_outbox, ids, NULL),
			 0);
	assert_string_equal(ids, "A2 ");

	b = batch(f);
	db_batch_outbox_claim(b, ULID("1"), "node1", 9000);
	assert_int_equal(fix_commit(f, b), WA_OK);
	b = batch(f);
	db_batch_outbox_claim(b, ULID("1"), "node2", 9000);
	assert_int_equal(fix_commit(f, b), WA_ECONFLICT);
	/* what a restart finds */
	are(f, S, "sending", "A1 ");
	are(f, NULL, "sending", "A1 ");
	are(f, S, "queued", "A2 B1 ");
	b = batch(f);
	db_batch_outbox_retry(b, ULID("1"), 1000, "socket closed");
	assert_int_equal(fix_commit(f, b), WA_OK);
	are(f, S, "queued", "A1 A2 B1 ");
	b = batch(f);
	db_batch_outbox_finish(b, ULID("1"), "sent", "");
	db_batch_outbox_cancel(b, ULID("2"), "by hand");
	assert_int_equal(fix_commit(f, b), WA_OK);
	are(f, S, "queued", "B1 ");
	are(f, S, "sending", "");
	are(f, NULL, "sent", "");	/* only what is open is listed */
}

static void outbox_final_states(void **state)
{
	size_t pruned;
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	struct db_outbox o = { .id = ULID("1"), .session = S, .chat = "a@lid", .class = "reply",
			       .wa_id = "A1", .payload = str("doc"), .created_ms = 10 }, got;
	struct told t;

	db_batch_outbox_add(b, &o);
	o.id = ULID("2");
	db_batch_outbox_add(b, &o);
	db_batch_outbox_claim(b, ULID("1"), "n", 5);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_outbox_get(f->db, ULID("1"), &arena, &got, NULL), 1);
	assert_string_equal(got.state, "sending");
	assert_int_equal(got.attempts, 1);
	assert_int_equal(got.fence, 1);
	assert_string_equal(got.chat, "a@lid");
	assert_true(wa_span_is(got.payload, "doc"));
	b = batch(f);
	db_batch_outbox_finish(b, ULID("1"), "sent", "");
	db_batch_outbox_finish(b, ULID("1"), "failed", "late");
	db_batch_outbox_cancel(b, ULID("2"), "by hand");
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[0], 1);
	assert_int_equal(t.rows[1], 0);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM outbox WHERE state = 'sent'"), 1);
	b = batch(f);
	db_batch_outbox_cancel(b, ULID("1"), "too late");
	assert_int_equal(fix_commit(f, b), WA_ECONFLICT);
	b = batch(f);
	pruned = db_batch_outbox_prune(b, 11, 10);
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[pruned], 2);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM outbox"), 0);
}

static void outbox_idempotency(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	struct db_outbox o = { .id = ULID("1"), .session = S, .chat = "a@lid", .class = "reply",
			       .wa_id = "A1", .idem_scope = "key1", .idem_key = "abc",
			       .idem_request = str("body") };
	char id[DB_ID_LEN + 1];

	assert_int_equal(db_outbox_find_idem(f->db, "key1", "abc", str("body"), id, NULL), 0);
	db_batch_outbox_add(b, &o);
	assert_int_equal(fix_commit(f, b), WA_OK);
	o.id = ULID("2");
	b = batch(f);
	db_batch_outbox_add(b, &o);
	assert_int_equal(fix_commit(f, b), WA_EDUP);
	o.idem_request = str("other body");
	b = batch(f);
	db_batch_outbox_add(b, &o);
	assert_int_equal(fix_commit(f, b), WA_ECONFLICT);
	assert_int_equal(db_outbox_find_idem(f->db, "key1", "abc", str("body"), id, NULL), 1);
	assert_string_equal(id, ULID("1"));
	assert_int_equal(db_outbox_find_idem(f->db, "key1", "abc", str("x"), id, NULL),
			 WA_ECONFLICT);
	o.idem_scope = "key2";
	b = batch(f);
	db_batch_outbox_add(b, &o);
	assert_int_equal(fix_commit(f, b), WA_OK);
}

/* ------------------------------------------------------------ the others */

static void idempotent_answers(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	struct db_idem a = { .status = 202, .body = str("{\"id\":1}"), .created_ms = 5 }, got;

	assert_int_equal(db_idem_get(f->db, "k", "abc", str("req"), &arena, &got, NULL), 0);
	db_batch_idem_put(b, "k", "abc", str("req"), &a);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_idem_get(f->db, "k", "abc", str("req"), &arena, &got, NULL), 1);
	assert_int_equal(got.status, 202);
	assert_true(wa_span_is(got.body, "{\"id\":1}"));
	assert_int_equal(db_idem_get(f->db, "k", "abc", str("no"), &arena, &got, NULL),
			 WA_ECONFLICT);
	assert_int_equal(db_idem_get(f->db, "k2", "abc", str("req"), &arena, &got, NULL), 0);
	b = batch(f);
	db_batch_idem_put(b, "k", "abc", str("req"), &a);
	assert_int_equal(fix_commit(f, b), WA_EDUP);
	b = batch(f);
	db_batch_idem_put(b, "k", "abc", str("no"), &a);
	assert_int_equal(fix_commit(f, b), WA_ECONFLICT);
	b = batch(f);
	db_batch_idem_prune(b, 6, 10);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_idem_get(f->db, "k", "abc", str("req"), &arena, &got, NULL), 0);
}

static int each_apikey(void *ctx, const struct db_apikey *k)
{
	append(ctx, k->name);
	return 0;
}

static void api_keys(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	struct db_apikey k = { .id = ULID("1"),
			       .name = "first",
			       .scopes = "messages:send events:read" };
	struct db_apikey got;
	char names[LIST_LEN] = "";

	db_batch_apikey_add(b, &k, str("wbk_secret1"));
	k.id = ULID("2"), k.name = "second";
	db_batch_apikey_add(b, &k, str("wbk_secret2"));
	db_batch_apikey_used(b, ULID("1"), 77);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_apikey_find(f->db, str("wbk_secret1"), &arena, &got, NULL), 1);
	assert_string_equal(got.id, ULID("1"));
	assert_string_equal(got.scopes, "messages:send events:read");
	assert_int_equal(got.last_used_ms, 77);
	assert_int_equal(db_apikey_find(f->db, str("wbk_secret"), &arena, &got, NULL), 0);
	b = batch(f);
	db_batch_apikey_revoke(b, ULID("1"), 99);
	assert_int_equal(fix_commit(f, b), WA_OK);
	b = batch(f);
	db_batch_apikey_revoke(b, ULID("1"), 100);
	assert_int_equal(fix_commit(f, b), WA_ECONFLICT);
	assert_int_equal(db_apikey_get(f->db, ULID("1"), &arena, &got, NULL), 1);
	assert_int_equal(got.revoked_ms, 99);
	assert_int_equal(db_apikey_count(f->db, NULL), 1);
	assert_int_equal(db_apikey_each(f->db, NULL, 10, each_apikey, names, NULL), 0);
	assert_string_equal(names, "first second ");
}

static int each_consent(void *ctx, const struct db_consent *c)
{
	char line[64];

	snprintf(line, sizeof(line), "%s/%s:%d", c->scope, c->who, c->opted_out);
	append(ctx, line);
	return 0;
}

static void consent(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	struct db_consent c = { "all", "4915112345678", true, "keyword", 100 };
	char lines[LIST_LEN] = "";
	struct told t;

	db_batch_consent_set(b, &c);
	db_batch_consent_set(b, &c);
	c.scope = S, c.ts_ms = 200;
	db_batch_consent_set(b, &c);
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[0], 1);
	assert_int_equal(t.rows[1], 0);
	assert_int_equal(db_consent_is_out(f->db, "all", "4915112345678", NULL), 1);
	assert_int_equal(db_consent_is_out(f->db, "all", "4915112345679", NULL), 0);
	c.opted_out = false, c.ts_ms = 300;
	b = batch(f);
	db_batch_consent_set(b, &c);
	db_batch_session_delete(b, S);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_consent_is_out(f->db, S, "4915112345678", NULL), 0);
	assert_int_equal(db_consent_each(f->db, 0, 10, each_consent, lines, NULL), 0);
	assert_string_equal(lines, "shop1/4915112345678:0 all/4915112345678:1 ");
}

static int each_kv(void *ctx, const char *key, struct wa_span value)
{
	each_record(ctx, str(key), value);
	return 0;
}

static void plugin_key_value(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	char pairs[LIST_LEN] = "";
	struct wa_buf out;

	wa_buf_init(&out, 100);
	db_batch_kv_put(b, "p", "k", str("v"), 0);
	assert_int_equal(fix_commit(f, b), WA_ENOTFOUND);	/* no scope yet */
	assert_int_equal(db_migrate_plugin(f->db, "p", NULL, 0, NULL), WA_OK);
	b = batch(f);
	db_batch_kv_put(b, "p", "flow/1", str("v"), 0);
	db_batch_kv_put(b, "p", "flow/1", str("v2"), 0);
	db_batch_kv_put(b, "p", "other", str("o"), INT64_MAX);
	db_batch_kv_put(b, "p", "old", str("x"), 5);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_kv_get(f->db, "p", "flow/1", &out, NULL), 1);
	assert_string_equal(wa_buf_cstr(&out), "v2");
	assert_int_equal(db_kv_get(f->db, "p", "old", &out, NULL), 0);
	assert_int_equal(db_kv_each(f->db, "p", "flow/", each_kv, pairs, NULL), 0);
	assert_string_equal(pairs, "flow/1=v2 ");
	b = batch(f);
	db_batch_kv_del(b, "p", "flow/1");
	db_batch_kv_prune(b, 6, 10);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM plugin_kv"), 1);
	wa_buf_clear(&out);
}

static int64_t counter(struct fix *f, const char *key)
{
	struct wa_buf out;
	int64_t n;

	wa_buf_init(&out, 100);
	n = db_kv_get(f->db, "p", key, &out, NULL) == 1 ? strtoll(wa_buf_cstr(&out), NULL, 10) : -999;
	wa_buf_clear(&out);
	return n;
}

static int add_one(struct fix *f, const char *key, int64_t delta)
{
	struct db_batch *b = batch(f);

	db_batch_kv_add(b, "p", key, delta, 0);
	return fix_commit(f, b);
}

static void plugin_counters(void **state)
{
	struct fix *f = *state;
	struct db_batch *b, *c;

	assert_int_equal(db_migrate_plugin(f->db, "p", NULL, 0, NULL), WA_OK);
	b = batch(f), c = batch(f);
	db_batch_kv_add(b, "p", "n", 2, INT64_MAX);
	db_batch_kv_add(b, "p", "n", 3, 0);
	db_batch_kv_add(c, "p", "n", -10, 0);	/* made before the other is durable */
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(fix_commit(f, c), WA_OK);
	assert_int_equal(counter(f, "n"), -5);
	assert_int_equal(fix_int(f, "SELECT expires_ms = 9223372036854775807 FROM plugin_kv"), 1);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM plugin_kv"), 1);
	b = batch(f);
	db_batch_kv_put(b, "p", "word", str("12x"), 0);
	db_batch_kv_put(b, "p", "most", str("9223372036854775807"), 0);
	db_batch_kv_put(b, "p", "old", str("7"), 5);	/* expired */
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(add_one(f, "word", 1), WA_EINVALID);
	assert_int_equal(add_one(f, "most", 1), WA_EINVALID);
	assert_int_equal(add_one(f, "most", -1), WA_OK);
	assert_int_equal(add_one(f, "old", 1), WA_OK);
	assert_int_equal(counter(f, "old"), 1);
}

static void meta(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = batch(f);
	struct told t;
	struct wa_buf out;

	wa_buf_init(&out, 100);
	db_batch_meta(b, "installation_id", "one");
	db_batch_meta(b, "installation_id", "two");
	db_batch_meta(b, "canary", "overwritten");
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[2], 0);
	assert_int_equal(db_meta_get(f->db, "installation_id", &out, NULL), 1);
	assert_string_equal(wa_buf_cstr(&out), "two");
	assert_int_equal(db_meta_get(f->db, "none", &out, NULL), 0);
	wa_buf_clear(&out);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sessions), T(records), T(records_in_flight_are_read),
		T(contacts_of_two_names_become_one), T(chats), T(messages), T(edit_keeps_the_rest),
		T(status_never_goes_back), T(receipts_fold_into_one_status),
		T(outbox_open_states), T(outbox_final_states), T(outbox_idempotency),
		T(idempotent_answers), T(api_keys), T(consent), T(plugin_key_value), T(plugin_counters),
		T(meta),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
