/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Media rows and the files they share. */
#include "fixture.h"

#include <db_media.h>
#include <db_message.h>
#include <db_session.h>

#define S "shop1"
#define ID(c) "01JD00000000000000000MEDI" c
#define FILE_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FILE_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

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

static void add(struct fix *f, const char *id, const char *session, const char *message, const char *file,
		bool lasting, int64_t rows)
{
	struct db_batch *b = db_batch_new(f->db);
	struct told t = { 0 };
	size_t op = db_batch_media_add(b, &(struct db_media){ .id = id, .session = session, .message = message,
							      .type = "image", .file = file, .lasting = lasting,
							      .created_ms = 1000, .body = str("secret body") });

	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[op], rows);
}

static void message(struct fix *f, const char *id)
{
	struct db_batch *b = db_batch_new(f->db);

	db_batch_message_add(b, &(struct db_message){ .id = id, .session = S, .chat = "1@s.whatsapp.net",
						      .sender = "1@s.whatsapp.net", .wa_id = id, .kind = "image",
						      .text = "", .quoted = "", .reason = "",
						      .status = DB_DELIVERED, .ts_ms = 5 });
	assert_int_equal(fix_commit(f, b), WA_OK);
}

static void rows(void **state)
{
	struct fix *f = *state;
	struct db_media m;
	struct db_batch *b;

	add(f, ID("A"), S, "none", FILE_A, false, 0);	/* no such message */
	message(f, "01JD0000000000000000000MSG");
	add(f, ID("A"), S, "01JD0000000000000000000MSG", FILE_A, false, 1);
	add(f, ID("B"), "", "", FILE_B, true, 1);
	assert_int_equal(db_media_get(f->db, ID("A"), &arena, &m, NULL), 1);
	assert_string_equal(m.session, S);
	assert_true(wa_span_is(m.body, "secret body"));
	assert_false(m.on_disk);
	assert_int_equal(db_media_of_message(f->db, "01JD0000000000000000000MSG", &arena, &m, NULL), 1);
	assert_string_equal(m.id, ID("A"));
	assert_int_equal(db_media_get(f->db, ID("B"), &arena, &m, NULL), 1);
	assert_string_equal(m.session, "");
	assert_true(m.lasting);
	assert_int_equal(db_media_get(f->db, ID("C"), &arena, &m, NULL), 0);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM media WHERE instr(body, 'secret') > 0"), 0);
	b = db_batch_new(f->db);
	db_batch_media_set(b, &(struct db_media){ .id = ID("B"), .session = "", .file = FILE_A, .uploaded_ms = 7,
						  .body = str("new") });
	db_batch_media_del(b, ID("A"));		/* of a message: stays */
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_media_get(f->db, ID("B"), &arena, &m, NULL), 1);
	assert_string_equal(m.file, FILE_A);
	assert_int_equal(m.uploaded_ms, 7);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM media"), 2);
	/* rows of a message go with it, those of a session too */
	b = db_batch_new(f->db);
	db_batch_message_del(b, "01JD0000000000000000000MSG");
	db_batch_media_prune(b, 2000, 10);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM media"), 0);
}

static int count(void *ctx, const struct db_media_file *d)
{
	(void)d;
	++*(int *)ctx;
	return 0;
}

static void files(void **state)
{
	struct fix *f = *state;
	int64_t bytes = 0, n = 0;
	struct db_batch *b;
	struct told t = { 0 };
	size_t op[2];
	int found;

	add(f, ID("A"), "", "", FILE_A, true, 1);
	b = db_batch_new(f->db);
	db_batch_media_file_put(b, FILE_A, 100);
	db_batch_media_file_put(b, FILE_B, 50);
	db_batch_media_file_put(b, FILE_B, 50);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_media_file_totals(f->db, &bytes, &n, NULL), 0);
	assert_int_equal(bytes, 150);
	assert_int_equal(n, 2);
	/* a lasting file is not dropped, before it is somewhere else as well */
	assert_int_equal(db_media_file_evictable(f->db, 10, count, (found = 0, &found), NULL), 0);
	assert_int_equal(found, 1);
	b = db_batch_new(f->db);
	db_batch_media_file_remote(b, FILE_A, true);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_media_file_evictable(f->db, 10, count, (found = 0, &found), NULL), 0);
	assert_int_equal(found, 2);
	assert_int_equal(db_media_file_local(f->db, 10, count, (found = 0, &found), NULL), 0);
	assert_int_equal(found, 1);
	assert_int_equal(db_media_file_orphans(f->db, INT64_MAX, 10, count, (found = 0, &found), NULL), 0);
	assert_int_equal(found, 1);
	assert_int_equal(db_media_file_orphans(f->db, 0, 10, count, (found = 0, &found), NULL), 0);
	assert_int_equal(found, 0);
	/* what somebody names is not forgotten */
	b = db_batch_new(f->db);
	op[0] = db_batch_media_file_forget(b, FILE_A);
	op[1] = db_batch_media_file_forget(b, FILE_B);
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	assert_int_equal(t.rows[op[0]], 0);
	assert_int_equal(t.rows[op[1]], 1);
	b = db_batch_new(f->db);
	db_batch_media_file_evicted(b, FILE_A);
	assert_int_equal(fix_commit(f, b), WA_OK);
	assert_int_equal(db_media_file_totals(f->db, &bytes, &n, NULL), 0);
	assert_int_equal(bytes, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(rows), T(files) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
