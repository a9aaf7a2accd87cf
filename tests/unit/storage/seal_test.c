/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Master key, data keys, what is (not) readable in the files. */
#include "fixture.h"

#include <db_apikey.h>
#include <db_chat.h>
#include <db_consent.h>
#include <db_contact.h>
#include <db_idem.h>
#include <db_kv.h>
#include <db_message.h>
#include <db_outbox.h>
#include <db_record.h>
#include <db_session.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "XyzzyMarkerXyzzy"
#define MARKED_JID "4915112" MARK "@s.whatsapp.net"

static int open_code(const struct db_opts *o, struct wa_err *err)
{
	struct db *db = NULL;
	int r = db_open(o, &db, err);

	if (r == WA_OK)
		db_close(db);
	return r;
}

static void key_file_is_made_once_and_private(void **state)
{
	struct fix *f = *state;
	struct db_opts o = fix_opts(f);
	struct stat st;

	assert_int_equal(open_code(&o, NULL), WA_OK);
	assert_int_equal(stat(f->key_file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 65);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(open_code(&o, NULL), WA_OK);
	/* an existing database without its key is not given a new one */
	assert_int_equal(unlink(f->key_file), 0);
	assert_int_equal(open_code(&o, NULL), WA_ENOTFOUND);
	assert_int_not_equal(access(f->key_file, F_OK), 0);
}

static void wrong_key_is_refused(void **state)
{
	struct fix *f = *state;
	struct db_opts o = fix_opts(f);
	uint8_t key[32] = { 1 };
	struct wa_err err = WA_ERR_INIT;
	FILE *file;

	o.key = key;
	assert_int_equal(open_code(&o, &err), WA_OK);
	key[31] = 1;
	assert_int_equal(open_code(&o, &err), WA_ECRYPTO);
	assert_non_null(strstr(err.msg, "master key"));
	key[31] = 0;
	assert_int_equal(open_code(&o, &err), WA_OK);
	o.key = NULL;
	file = fopen(f->key_file, "w");
	assert_non_null(file);
	fputs("not hex\n", file);
	fclose(file);
	assert_int_equal(open_code(&o, &err), WA_EINVALID);
	o.key_file = NULL;
	assert_int_equal(open_code(&o, &err), WA_EINVALID);
}

static void second_process_is_refused(void **state)
{
	struct fix *f = *state;
	struct db_opts o = fix_opts(f);
	struct wa_err err = WA_ERR_INIT;

	assert_int_equal(open_code(&o, &err), WA_ESTATE);
	assert_non_null(strstr(err.msg, "in use"));
}

static void sealed_value_is_bound_to_its_place(void **state)
{
	struct fix *f = *state;
	struct wa_buf sealed, out;
	uint8_t h1[32], h2[32];

	wa_buf_init(&sealed, 1000);
	wa_buf_init(&out, 1000);
	fix_session(f, "a");
	fix_session(f, "b");
	assert_int_equal(db_seal(f->db, "a", "t.c", str("1"), str("plain"), &sealed, NULL), WA_OK);
	assert_int_equal(
		db_open_sealed(f->db, "a", "t.c", str("1"), wa_buf_view(&sealed), &out, NULL),
		WA_OK);
	assert_string_equal(wa_buf_cstr(&out), "plain");
	wa_buf_reset(&out);
	assert_int_equal(
		db_open_sealed(f->db, "a", "t.c", str("2"), wa_buf_view(&sealed), &out, NULL),
		WA_ECRYPTO);
	assert_int_equal(
		db_open_sealed(f->db, "a", "t.d", str("1"), wa_buf_view(&sealed), &out, NULL),
		WA_ECRYPTO);
	assert_int_equal(
		db_open_sealed(f->db, "b", "t.c", str("1"), wa_buf_view(&sealed), &out, NULL),
		WA_ECRYPTO);
	assert_int_equal(
		db_open_sealed(f->db, "c", "t.c", str("1"), wa_buf_view(&sealed), &out, NULL),
		WA_ENOTFOUND);
	assert_int_equal(db_open_sealed(f->db, "a", "t.c", str("1"), str("short"), &out, NULL),
			 WA_ECRYPTO);
	assert_int_equal(out.len, 0);
	sealed.ptr[sealed.len / 2] ^= 1;
	assert_int_equal(
		db_open_sealed(f->db, "a", "t.c", str("1"), wa_buf_view(&sealed), &out, NULL),
		WA_ECRYPTO);
	assert_int_equal(db_hash(f->db, "a", str("x"), h1, 32, NULL), WA_OK);
	assert_int_equal(db_hash(f->db, "b", str("x"), h2, 32, NULL), WA_OK);
	assert_memory_not_equal(h1, h2, 32);
	assert_int_equal(db_hash(f->db, "a", str("x"), h2, 32, NULL), WA_OK);
	assert_memory_equal(h1, h2, 32);
	assert_int_equal(db_hash(f->db, "a", str("x"), h2, 8, NULL), WA_EINVALID);
	wa_buf_clear(&sealed);
	wa_buf_clear(&out);
}

static bool file_holds(const char *path, const char *needle)
{
	FILE *file = fopen(path, "rb");
	static char bytes[8 << 20];
	size_t n;

	assert_non_null(file);
	n = fread(bytes, 1, sizeof(bytes), file);
	assert_true(n < sizeof(bytes));
	fclose(file);
	return memmem(bytes, n, needle, strlen(needle)) != NULL;
}

static void write_marked(struct fix *f)
{
	struct db_batch *b = db_batch_new(f->db);
	struct wa_span config = str(MARK);

	db_batch_session_update(b, "shop1", NULL, &config);
	db_batch_session_account(b, "shop1", MARKED_JID, MARKED_JID, MARK);
	db_batch_record_put(b, "shop1", 1, str(MARKED_JID), str(MARK));
	db_batch_contact_put(b, "shop1", &(struct db_contact){ .jid = MARKED_JID, .phone = MARK });
	db_batch_chat_touch(b, "shop1", MARKED_JID, 1, 1);
	db_batch_message_add(b, &(struct db_message){ .id = "m1", .session = "shop1",
						      .chat = MARKED_JID, .sender = MARKED_JID,
						      .wa_id = "W1", .kind = "text", .text = MARK,
						      .raw = str(MARK) });
	db_batch_message_receipt(b, "shop1", MARKED_JID, "W1", false, MARKED_JID, DB_READ, 1);
	db_batch_outbox_add(b, &(struct db_outbox){ .id = "m1", .session = "shop1",
						    .chat = MARKED_JID, .payload = str(MARK),
						    .idem_scope = "k", .idem_key = MARK,
						    .idem_request = str(MARK) });
	db_batch_idem_put(b, "k", MARK, str(MARK), &(struct db_idem){ .body = str(MARK) });
	db_batch_apikey_add(b, &(struct db_apikey){ .id = "k" }, str(MARK));
	db_batch_consent_set(
		b, &(struct db_consent){ .scope = "all", .who = MARK, .opted_out = true });
	db_batch_kv_put(b, "p", MARK, str(MARK), 0);
	db_batch_event(b,
		       &(struct db_event_new){ .kind = "x", .session = "shop1", .json = str(MARK) },
		       NULL);
	db_batch_event(b, &(struct db_event_new){ .kind = "x", .json = str(MARK) }, NULL);
	/* proof that the search would find it */
	db_batch_meta(b, "plain", "PlainTextToFind");
	assert_int_equal(fix_commit(f, b), WA_OK);
}

static void files_hold_no_plain_text(void **state)
{
	struct fix *f = *state;
	char wal[160];

	fix_session(f, "shop1");
	assert_int_equal(db_migrate_plugin(f->db, "p", NULL, 0, NULL), WA_OK);
	write_marked(f);
	snprintf(wal, sizeof(wal), "%s-wal", f->path);
	assert_true(file_holds(wal, "PlainTextToFind"));
	assert_false(file_holds(wal, MARK));
	db_close(f->db);
	f->db = NULL;
	assert_true(file_holds(f->path, "PlainTextToFind"));
	assert_false(file_holds(f->path, MARK));
}

static int first_event(void *ctx, const struct db_event *ev)
{
	*(size_t *)ctx = ev->json.len;
	return 1;
}

static void deleting_a_session_destroys_key_and_rows(void **state)
{
	struct fix *f = *state;
	static const char *const tables[] = { "record", "contact", "chat", "message",
					      "message_receipt", "outbox", "session" };
	struct db_batch *b;
	struct told t;
	size_t json_len = 99;
	struct wa_buf out;
	int64_t keys;

	wa_buf_init(&out, 1000);
	fix_session(f, "shop1");
	fix_session(f, "other");
	assert_int_equal(db_migrate_plugin(f->db, "p", NULL, 0, NULL), WA_OK);
	write_marked(f);
	b = db_batch_new(f->db);
	db_batch_record_put(b, "other", 1, str("k"), str("stays"));
	assert_int_equal(fix_commit(f, b), WA_OK);
	/* the read connection has its key cached now */
	assert_int_equal(db_record_get(f->db, "shop1", 1, str(MARKED_JID), &out, NULL), 1);
	keys = fix_int(f, "SELECT COUNT(*) FROM data_key");
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM message_receipt"), 1);

	b = db_batch_new(f->db);
	db_batch_session_delete(b, "shop1");
	db_batch_event(b, &(struct db_event_new){ .kind = "session.deleted", .session = "shop1",
						  .json = str("{}") }, NULL);
	assert_int_equal(fix_commit_told(f, b, &t), WA_OK);
	for (size_t i = 0; i < WA_ARRAY_LEN(tables); i++) {
		char sql[128];

		snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM %s", tables[i]);
		assert_int_equal(fix_int(f, sql), strcmp(tables[i], "record") == 0 ||
							  strcmp(tables[i], "session") == 0);
	}
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM data_key"), keys - 1);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM data_key WHERE scope = 'shop1'"), 0);
	/* its events keep their numbers and lose their contents; the news of the end is readable */
	fix_check_seq(f, 3);
	assert_int_equal(db_events_since(f->db, 0, NULL, 9, first_event, &json_len, NULL, NULL), 1);
	assert_int_equal(json_len, 0);
	assert_int_equal(db_events_since(f->db, 2, NULL, 9, first_event, &json_len, NULL, NULL), 1);
	assert_int_equal(json_len, 2);

	/* nothing can be written for it any more; made anew it is another */
	b = db_batch_new(f->db);
	db_batch_record_put(b, "shop1", 1, str("k"), str("v"));
	assert_int_equal(fix_commit(f, b), WA_ENOTFOUND);
	fix_session(f, "shop1");
	assert_int_equal(db_record_get(f->db, "shop1", 1, str(MARKED_JID), &out, NULL), 0);
	b = db_batch_new(f->db);
	db_batch_record_put(b, "shop1", 1, str("k"), str("v"));
	assert_int_equal(fix_commit(f, b), WA_OK);
	wa_buf_reset(&out);
	assert_int_equal(db_record_get(f->db, "shop1", 1, str("k"), &out, NULL), 1);
	assert_int_equal(db_record_get(f->db, "other", 1, str("k"), &out, NULL), 1);
	assert_string_equal(wa_buf_cstr(&out), "vstays");
	wa_buf_clear(&out);
}

static void failed_delete_leaves_the_key(void **state)
{
	struct fix *f = *state;
	struct db_batch *b;
	struct db_value v[] = { db_text("canary"), db_blob(str("x")) };
	struct wa_buf out;

	wa_buf_init(&out, 1000);
	fix_session(f, "shop1");
	b = db_batch_new(f->db);
	db_batch_record_put(b, "shop1", 1, str("k"), str("v"));
	assert_int_equal(fix_commit(f, b), WA_OK);
	b = db_batch_new(f->db);
	db_batch_session_delete(b, "shop1");
	db_batch_session_create(b, &(struct db_session){ .id = "shop1" });
	db_batch_sql(b, "INSERT INTO meta (key, value) VALUES ($1, $2)", v, 2, 0);
	assert_int_equal(fix_commit(f, b), WA_ECONFLICT);
	/* the key of the rolled back creation must not be in use */
	b = db_batch_new(f->db);
	db_batch_record_put(b, "shop1", 1, str("k2"), str("v2"));
	assert_int_equal(fix_commit(f, b), WA_OK);
	fix_reopen(f);
	assert_int_equal(db_record_get(f->db, "shop1", 1, str("k"), &out, NULL), 1);
	assert_int_equal(db_record_get(f->db, "shop1", 1, str("k2"), &out, NULL), 1);
	assert_string_equal(wa_buf_cstr(&out), "vv2");
	wa_buf_clear(&out);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)
#define T_CLOSED(name) cmocka_unit_test_setup_teardown(name, fix_setup_closed, fix_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T_CLOSED(key_file_is_made_once_and_private),
		T_CLOSED(wrong_key_is_refused),
		T(second_process_is_refused),
		T(sealed_value_is_bound_to_its_place),
		T(files_hold_no_plain_text),
		T(deleting_a_session_destroys_key_and_rows),
		T(failed_delete_leaves_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
