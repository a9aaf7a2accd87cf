/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What retention walks over and takes away, and the space it leaves. */
#include "fixture.h"

#include <db_media.h>
#include <db_message.h>
#include <db_retain.h>
#include <sys/stat.h>

#define S "shop1"
#define PN "4915112345@s.whatsapp.net"

static int setup(void **state)
{
	fix_setup(state);
	fix_session(*state, S);
	return 0;
}

static void add_message(struct db_batch *b, const char *id, int64_t ts_ms, int status)
{
	db_batch_message_add(b, &(struct db_message){ .id = id, .session = S, .chat = "x@g.us", .sender = PN,
						      .wa_id = id, .kind = "text", .text = "hello",
						      .quoted = "", .reason = "", .status = status,
						      .ts_ms = ts_ms });
}

struct seen {
	char ids[256];
	int64_t bytes;
	char chat[64], sender[64];
};

static int see(void *ctx, const struct db_keep_row *row)
{
	struct seen *s = ctx;
	size_t n = strlen(s->ids);

	snprintf(s->ids + n, sizeof(s->ids) - n, "%s ", row->id);
	s->bytes += row->bytes;
	snprintf(s->chat, sizeof(s->chat), "%s", row->chat);
	snprintf(s->sender, sizeof(s->sender), "%s", row->sender);
	return 0;
}

typedef int keep_fn(struct db *db, const struct db_keep_query *q, db_keep_fn *fn, void *ctx,
		    struct wa_err *err);

static struct seen walk(struct fix *f, keep_fn *fn, struct db_keep_query q)
{
	struct seen s = { .bytes = 0 };

	q.limit = q.limit ? q.limit : 100;
	assert_int_equal(fn(f->db, &q, see, &s, NULL), 0);
	return s;
}

static void messages_in_pages_both_ways(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = db_batch_new(f->db);
	struct seen s;

	add_message(b, "A", 1000, DB_DELIVERED);
	add_message(b, "C", 2000, DB_DELIVERED);
	add_message(b, "B", 2000, DB_READ);
	add_message(b, "D", 3000, DB_QUEUED);	/* still to leave: not retention's */
	add_message(b, "E", 4000, DB_SENDING);
	add_message(b, "F", 5000, DB_FAILED);
	assert_int_equal(fix_commit(f, b), WA_OK);

	s = walk(f, db_keep_messages, (struct db_keep_query){ .session = S });
	assert_string_equal(s.ids, "A B C F ");
	assert_true(s.bytes > 4 * 5);
	assert_string_equal(s.sender, "");
	s = walk(f, db_keep_messages, (struct db_keep_query){ .session = S, .newest_first = true, .people = true });
	assert_string_equal(s.ids, "F C B A ");
	assert_string_equal(s.chat, "x@g.us");
	assert_string_equal(s.sender, PN);
	s = walk(f, db_keep_messages, (struct db_keep_query){ .session = S, .ts_ms = 2000, .id = "B", .limit = 1 });
	assert_string_equal(s.ids, "C ");
	s = walk(f, db_keep_messages,
		 (struct db_keep_query){ .session = S, .newest_first = true, .ts_ms = 2000, .id = "C" });
	assert_string_equal(s.ids, "B A ");
	s = walk(f, db_keep_messages, (struct db_keep_query){ .session = "other" });
	assert_string_equal(s.ids, "");
}

static void add_media(struct db_batch *b, const char *id, const char *message, const char *file)
{
	db_batch_media_add(b, &(struct db_media){ .id = id, .session = *message ? S : "", .message = message,
						  .type = "image", .file = file, .created_ms = 1000,
						  .body = str("body") });
}

static void media_with_its_file_and_its_people(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = db_batch_new(f->db);
	struct seen s;

	add_message(b, "M", 1000, DB_DELIVERED);
	add_media(b, "A", "M", "file1");
	add_media(b, "B", "", "file2");
	db_batch_media_file_put(b, "file1", 700);
	assert_int_equal(fix_commit(f, b), WA_OK);
	s = walk(f, db_keep_media, (struct db_keep_query){ .session = S, .people = true });
	assert_string_equal(s.ids, "A ");
	assert_int_equal(s.bytes, 700);
	assert_string_equal(s.sender, PN);
	s = walk(f, db_keep_media, (struct db_keep_query){ .session = "", .newest_first = true, .people = true });
	assert_string_equal(s.ids, "B ");
	assert_int_equal(s.bytes, 0);
	b = db_batch_new(f->db);
	db_batch_media_forget(b, "A");
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM media"), 1);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM message"), 1);
}

static int64_t cut(struct fix *f, bool of_session, int64_t seq)
{
	struct db_batch *b = db_batch_new(f->db);
	struct told t;

	db_batch_event_cut(b, of_session, seq);
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	return t.rows[0];
}

static void the_log_keeps_its_newest_and_what_a_cursor_needs(void **state)
{
	struct fix *f = *state;
	struct db_batch *b = db_batch_new(f->db);
	struct seen s;

	for (int i = 0; i < 5; i++)
		db_batch_event(b, &(struct db_event_new){ .kind = "x", .session = i == 2 ? S : "",
							  .ts_ms = 1000 + i, .json = str("{\"a\":1}") }, NULL);
	db_batch_cursor(b, "hook", 2);
	assert_int_equal(fix_commit(f, b), WA_OK);
	s = walk(f, db_keep_events, (struct db_keep_query){ .session = "" });
	assert_string_equal(s.ids, "1 2 3 4 ");
	s = walk(f, db_keep_events, (struct db_keep_query){ .session = "", .newest_first = true, .id = "4" });
	assert_string_equal(s.ids, "3 2 1 ");
	s = walk(f, db_keep_events, (struct db_keep_query){ .session = S });
	assert_string_equal(s.ids, "3 ");

	assert_int_equal(cut(f, false, 1), 1);
	assert_int_equal(cut(f, false, 2), 1);
	assert_int_equal(cut(f, true, 3), 1);		/* emptied, still there */
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM event WHERE seq = 3 AND body IS NULL"), 1);
	s = walk(f, db_keep_events, (struct db_keep_query){ .session = S });
	assert_string_equal(s.ids, "");
	assert_int_equal(cut(f, false, 3), 0);		/* the cursor stands before it */
	b = db_batch_new(f->db);
	db_batch_sql(b, "UPDATE cursor SET updated_ms = 1", NULL, 0, 0);	/* nobody has read for long */
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(cut(f, false, 3), 1);
	assert_int_equal(cut(f, false, 4), 1);
	assert_int_equal(cut(f, false, 5), 0);		/* the newest */
	assert_int_equal(db_event_first_seq(f->db, NULL), 5);
	fix_reopen(f);
	b = db_batch_new(f->db);
	db_batch_event(b, &(struct db_event_new){ .kind = "x", .json = str("{}") }, NULL);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_event_last_seq(f->db, NULL), 6);
}

static void freed_pages_go_back_to_the_file_system(void **state)
{
	struct fix *f = *state;
	static char big[3000];
	struct db_batch *b = db_batch_new(f->db);
	int64_t bytes = 0, unused = 0, full = 0;
	struct stat st;
	struct told t;
	char id[16];

	memset(big, 'x', sizeof(big));
	for (int i = 0; i < 500; i++) {
		snprintf(id, sizeof(id), "%06d", i);
		db_batch_message_add(b, &(struct db_message){ .id = id, .session = S, .chat = PN, .sender = PN,
							      .wa_id = id, .kind = "text", .quoted = "", .reason = "",
							      .raw = wa_span(big, sizeof(big)), .text = "",
							      .status = DB_READ, .ts_ms = i });
	}
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_space(f->db, &full, &unused, NULL), 0);
	b = db_batch_new(f->db);
	db_batch_sql(b, "DELETE FROM message", NULL, 0, 0);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_space(f->db, &bytes, &unused, NULL), 0);
	assert_int_equal(bytes, full);
	assert_true(unused > 1000000);
	b = db_batch_new(f->db);
	db_batch_trim(b, 100);
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[0], 100);
	b = db_batch_new(f->db);
	db_batch_trim(b, 100000);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_space(f->db, &bytes, &unused, NULL), 0);
	assert_int_equal(unused, 0);
	assert_true(bytes < full / 2);
	fix_reopen(f);		/* the WAL is in the file */
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, bytes);
}

/* A database made before pages could be given back. */
static void an_old_file_is_rewritten_once(void **state)
{
	struct fix *f = *state;
	sqlite3 *h;

	db_close(f->db);
	f->db = NULL;
	assert_int_equal(sqlite3_open(f->path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM;", NULL,
				      NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
	fix_open(f);
	assert_int_equal(fix_int(f, "PRAGMA auto_vacuum"), 2);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM session"), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, fix_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(messages_in_pages_both_ways),
		T(media_with_its_file_and_its_people),
		T(the_log_keeps_its_newest_and_what_a_cursor_needs),
		T(freed_pages_go_back_to_the_file_system),
		T(an_old_file_is_rewritten_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
