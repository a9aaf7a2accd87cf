/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A device moves in from whatsmeow's tables and out in a bundle: its Signal sessions go on. */
#include "fixture.h"

#include <import.h>
#include <sqlite3.h>
#include <wa/sig.h>

#include "../signal/peer.h"

static struct peer us, friend;

static void exec(sqlite3 *db, const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* whatsmeow's schema, as far as we read it. */
static const char schema[] =
	"CREATE TABLE whatsmeow_device (jid TEXT PRIMARY KEY, lid TEXT, facebook_uuid uuid, registration_id BIGINT,"
	" noise_key bytea, identity_key bytea, signed_pre_key bytea, signed_pre_key_id INTEGER,"
	" signed_pre_key_sig bytea, adv_key bytea, adv_details bytea, adv_account_sig bytea,"
	" adv_account_sig_key bytea, adv_device_sig bytea, platform TEXT, business_name TEXT, push_name TEXT);"
	"CREATE TABLE whatsmeow_identity_keys (our_jid TEXT, their_id TEXT, identity bytea);"
	"CREATE TABLE whatsmeow_pre_keys (jid TEXT, key_id INTEGER, key bytea, uploaded BOOLEAN);"
	"CREATE TABLE whatsmeow_sessions (our_jid TEXT, their_id TEXT, session bytea);"
	"CREATE TABLE whatsmeow_sender_keys (our_jid TEXT, chat_id TEXT, sender_id TEXT, sender_key bytea);"
	"CREATE TABLE whatsmeow_app_state_sync_keys (jid TEXT, key_id bytea, key_data bytea, timestamp BIGINT,"
	" fingerprint bytea);"
	"CREATE TABLE whatsmeow_lid_map (lid TEXT PRIMARY KEY, pn TEXT);";

static void row(sqlite3 *db, const char *sql, const char *text, struct wa_span blob)
{
	sqlite3_stmt *q;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	sqlite3_bind_text(q, 1, text, -1, SQLITE_TRANSIENT);
	sqlite3_bind_blob(q, 2, blob.ptr, (int)blob.len, SQLITE_TRANSIENT);
	assert_int_equal(sqlite3_step(q), SQLITE_DONE);
	sqlite3_finalize(q);
}

static void put_device(sqlite3 *db, const char *jid)
{
	static const uint8_t zeros[64];
	const struct wa_device *d = &us.dev;
	sqlite3_stmt *q;

	assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO whatsmeow_device VALUES (?1,'77:5@lid',NULL,?2,?3,?4,?5,?6,"
						"?7,?8,?9,?10,?11,?12,'android','','Moved')", -1, &q, NULL), SQLITE_OK);
	sqlite3_bind_text(q, 1, jid, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(q, 2, d->registration_id);
	sqlite3_bind_blob(q, 3, d->noise.priv.b, 32, SQLITE_TRANSIENT);
	sqlite3_bind_blob(q, 4, d->identity.priv.b, 32, SQLITE_TRANSIENT);
	sqlite3_bind_blob(q, 5, d->sprekey.priv.b, 32, SQLITE_TRANSIENT);
	sqlite3_bind_int64(q, 6, d->sprekey_id);
	sqlite3_bind_blob(q, 7, d->sprekey_sig.b, 64, SQLITE_TRANSIENT);
	sqlite3_bind_blob(q, 8, zeros, 32, SQLITE_TRANSIENT);
	sqlite3_bind_blob(q, 9, zeros, 20, SQLITE_TRANSIENT);
	sqlite3_bind_blob(q, 10, zeros, 64, SQLITE_TRANSIENT);
	sqlite3_bind_blob(q, 11, zeros, 32, SQLITE_TRANSIENT);
	sqlite3_bind_blob(q, 12, zeros, 64, SQLITE_TRANSIENT);
	assert_int_equal(sqlite3_step(q), SQLITE_DONE);
	sqlite3_finalize(q);
}

/* Our session with the friend, as libsignal wrote it. */
static void session_of(struct wa_buf *out)
{
	wa_buf_init(out, 65536);
	assert_int_equal(wa_memstore_ops()->load(us.store, WA_REC_SESSION, wa_span_str("491700000002.0"), out, NULL), 1);
}

static int setup(void **state)
{
	(void)state;
	peer_open(&us, "491700000001", WA_SRV_PN, 5, 1);
	peer_open(&friend, "491700000002", WA_SRV_PN, 0, 2);
	peer_meet(&us, &friend);
	peer_say(&us, &friend, "hello");
	peer_say(&friend, &us, "hello yourself");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_close(&us);
	peer_close(&friend);
	return 0;
}

static unsigned char *database(sqlite3_int64 *ret_len, bool two)
{
	struct wa_buf session;
	unsigned char *file;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	exec(db, schema);
	put_device(db, "491700000001:5@s.whatsapp.net");
	if (two)
		put_device(db, "491700000003:1@s.whatsapp.net");
	session_of(&session);
	row(db, "INSERT INTO whatsmeow_sessions VALUES ('491700000001:5@s.whatsapp.net', ?1, ?2)", "491700000002:0",
	    wa_buf_view(&session));
	row(db, "INSERT INTO whatsmeow_sessions VALUES ('491700000001:5@s.whatsapp.net', ?1, ?2)", "491700000009:0",
	    wa_span("garbage", 7));
	row(db, "INSERT INTO whatsmeow_sessions VALUES ('someone else', ?1, ?2)", "491700000008:0",
	    wa_buf_view(&session));
	row(db, "INSERT INTO whatsmeow_identity_keys VALUES ('491700000001:5@s.whatsapp.net', ?1, ?2)",
	    "491700000002:0", wa_span(friend.dev.identity.pub.b, 32));
	row(db, "INSERT INTO whatsmeow_pre_keys VALUES ('491700000001:5@s.whatsapp.net', 40 + length(?1), ?2, 1)", "x",
	    wa_span(us.dev.noise.priv.b, 32));
	exec(db, "INSERT INTO whatsmeow_lid_map VALUES ('88', '491700000002')");
	file = sqlite3_serialize(db, "main", ret_len, 0);
	wa_buf_clear(&session);
	sqlite3_close(db);
	return file;
}

static json_int_t report(const struct wb_import *i, const char *what)
{
	return json_integer_value(json_object_get(i->report, what));
}

/* What came over, as the store of the same device. */
static void move_in(const struct wb_import *i)
{
	const struct wa_change *c;
	size_t n = wa_import_records(i->im, &c);

	peer_close(&us);
	peer_open(&us, "491700000001", WA_SRV_PN, 5, 3);
	assert_int_equal(wa_memstore_apply(us.store, c, n), 0);
	peer_crash(&us);
	us.dev = i->dev;
}

static void whatsmeow(void **state)
{
	struct wb_import i;
	sqlite3_int64 len;
	unsigned char *file = database(&len, false);

	(void)state;
	assert_int_equal(wb_import_begin(&i, "whatsmeow", NULL), 0);
	assert_int_equal(wb_import_whatsmeow(&i, wa_span(file, (size_t)len), "", NULL), 0);
	assert_int_equal(report(&i, "sessions"), 1);
	assert_int_equal(report(&i, "sessions_dropped"), 1);
	assert_int_equal(report(&i, "identities"), 1);
	assert_int_equal(report(&i, "prekeys"), 1);
	assert_int_equal(report(&i, "lids"), 1);
	assert_int_equal(i.dev.next_prekey_id, 42);
	assert_string_equal(i.dev.push_name, "Moved");
	assert_int_equal(i.dev.lid.device, 5);
	move_in(&i);
	peer_say(&friend, &us, "still there?");
	peer_say(&us, &friend, "in another house");
	wb_import_end(&i);
	sqlite3_free(file);
}

static void whatsmeow_refused(void **state)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_import i;
	sqlite3_int64 len;
	unsigned char *file = database(&len, true);

	(void)state;
	assert_int_equal(wb_import_begin(&i, "whatsmeow", NULL), 0);
	assert_int_equal(wb_import_whatsmeow(&i, wa_span(file, (size_t)len), "", &err), WA_EINVALID);
	assert_non_null(strstr(err.msg, "several devices"));
	assert_int_equal(wb_import_whatsmeow(&i, wa_span(file, (size_t)len), "1@s.whatsapp.net", &err), WA_ENOTFOUND);
	assert_int_equal(wb_import_whatsmeow(&i, wa_span("not a database at all", 21), "", &err), WA_EINVALID);
	assert_int_equal(wb_import_whatsmeow(&i, wa_span(file, (size_t)len), "491700000001:5@s.whatsapp.net", &err), 0);
	wb_import_end(&i);
	sqlite3_free(file);
}

static void bundle(void **state)
{
	char name[129];
	const struct wa_change *c;
	struct wb_import i, back;
	sqlite3_int64 len;
	unsigned char *file = database(&len, false);
	struct wa_buf sealed;
	size_t n;

	(void)state;
	assert_int_equal(wb_import_begin(&i, "whatsmeow", NULL), 0);
	assert_int_equal(wb_import_whatsmeow(&i, wa_span(file, (size_t)len), "", NULL), 0);
	n = wa_import_records(i.im, &c);
	wa_buf_init(&sealed, WB_IMPORT_FILE_MAX);
	assert_int_equal(wb_bundle_seal("my shop", c, n, "short", &sealed, NULL), WA_EINVALID);
	wa_buf_reset(&sealed);
	assert_int_equal(wb_bundle_seal("my shop", c, n, "long enough", &sealed, NULL), 0);
	assert_null(memmem(sealed.ptr, sealed.len, us.dev.identity.priv.b, 32));
	assert_int_equal(wb_import_begin(&back, "bundle", NULL), 0);
	assert_int_equal(wb_bundle_open(wa_buf_view(&sealed), "long enough!", &back, name, NULL), WA_ECRYPTO);
	sealed.ptr[14] ^= 1;	/* the salt is authentic too */
	assert_int_equal(wb_bundle_open(wa_buf_view(&sealed), "long enough", &back, name, NULL), WA_ECRYPTO);
	sealed.ptr[14] ^= 1;
	sealed.ptr[5] = 0x7f;	/* a bundle that would keep us busy for years */
	assert_int_equal(wb_bundle_open(wa_buf_view(&sealed), "long enough", &back, name, NULL), WA_EUNSUPPORTED);
	sealed.ptr[5] = 0;
	assert_int_equal(wb_bundle_open(wa_buf_view(&sealed), "long enough", &back, name, NULL), 0);
	assert_string_equal(name, "my shop");
	assert_int_equal(report(&back, "sessions"), 1);
	assert_int_equal(wa_import_records(back.im, &c), n);
	move_in(&back);
	peer_say(&friend, &us, "and now?");
	wa_buf_clear(&sealed);
	wb_import_end(&i);
	wb_import_end(&back);
	sqlite3_free(file);
}

static int stored_code;

static void on_stored(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	(void)err;
	(void)res;
	stored_code = code;
	*(int *)ctx = 1;
}

/* Into a gateway; a second time it is refused. */
static void stored_once(void **state)
{
	struct wb_import_opts o = { .id = "moved" };
	struct wa_err err = WA_ERR_INIT;
	struct fix f = { 0 };
	struct wb_session_info info;
	struct wb_import i;
	sqlite3_int64 len;
	unsigned char *file = database(&len, false);
	struct wa_arena a;
	struct wa_change *records;
	size_t n, had;
	const struct wa_change *c;
	int done = 0;

	(void)state;
	fix_open(&f, NULL);
	assert_int_equal(wb_import_begin(&i, "whatsmeow", NULL), 0);
	assert_int_equal(wb_import_whatsmeow(&i, wa_span(file, (size_t)len), "", NULL), 0);
	assert_int_equal(wb_import_store(f.gw, &i, &o, NULL, on_stored, &done, NULL), 0);
	fix_until(&f, &done);
	assert_int_equal(stored_code, 0);
	wb_session_info(wb_session_find(f.gw, "moved"), &info);
	assert_string_equal(info.jid, "491700000001@s.whatsapp.net");
	assert_string_equal(info.name, "Moved");
	o.id = "again";
	assert_int_equal(wb_import_store(f.gw, &i, &o, NULL, on_stored, &done, &err), WA_ECONFLICT);
	wa_arena_init(&a, 1u << 20);
	assert_int_equal(wb_export_records(wb_session_find(f.gw, "moved"), &a, &records, &n, NULL), 0);
	had = wa_import_records(i.im, &c);
	assert_int_equal(n, had);
	wa_arena_clear(&a);
	wb_import_end(&i);
	sqlite3_free(file);
	fix_close(&f);
	fix_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whatsmeow, setup, teardown),
		cmocka_unit_test_setup_teardown(whatsmeow_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(bundle, setup, teardown),
		cmocka_unit_test_setup_teardown(stored_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
