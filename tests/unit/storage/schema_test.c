/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The migrated schema equals schema.sql (`storage_schema_test --write` renews
 * it, so that reviews see the change); migrations of plugins; copies before
 * migrations; refusal of newer databases. */
#include "fixture.h"

#include <db_session.h>
#include <unistd.h>

#define SCHEMA TEST_SOURCE_DIR "/unit/storage/schema.sql"

static int dump_row(void *ctx, const struct db_row *row)
{
	wa_buf_fmt(ctx, "%s;\n\n", db_row_text(row, 0));
	return 0;
}

static void dump(struct fix *f, struct wa_buf *out)
{
	struct wa_err err = WA_ERR_INIT;

	if (db_query(f->db,
		     "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY tbl_name, type "
		     "DESC,"
		     " name",
		     NULL, 0, dump_row, out, &err) < 0)
		fail_msg("%s", err.msg);
}

static void schema_is_the_reviewed_one(void **state)
{
	struct wa_buf out;
	static char file[1 << 20];
	size_t n;
	FILE *in = fopen(SCHEMA, "rb");

	assert_non_null(in);
	n = fread(file, 1, sizeof(file) - 1, in);
	file[n] = '\0';
	fclose(in);
	wa_buf_init(&out, sizeof(file));
	dump(*state, &out);
	assert_string_equal(wa_buf_cstr(&out), file);
	wa_buf_clear(&out);
}

static void every_table_is_strict(void **state)
{
	assert_int_equal(fix_int(*state, "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'"
					 " AND sql NOT LIKE '%STRICT%'"), 0);
	assert_true(fix_int(*state, "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'") >
		    10);
	assert_int_equal(fix_int(*state, "PRAGMA user_version"), (int64_t)db_n_migrations);
	assert_int_equal(fix_int(*state, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"),
			 1);
}

static const struct db_migration plugin[] = {
	{ 1, "first", "CREATE TABLE p_one (a TEXT) STRICT; INSERT INTO p_one VALUES ('x');" },
	{ 2, "second", "CREATE TABLE p_two (a TEXT) STRICT;" },
	{ 3, "broken",
	  "CREATE TABLE p_three (a TEXT) STRICT; CREATE TABLE p_one (a TEXT) STRICT;" },
};

static void plugin_migrations_run_once(void **state)
{
	struct fix *f = *state;
	char copy[160];

	assert_int_equal(db_migrate_plugin(f->db, "p", plugin, 1, NULL), WA_OK);
	snprintf(copy, sizeof(copy), "%s.before-p-0002", f->path);
	assert_int_not_equal(access(copy, F_OK), 0);
	fix_reopen(f);
	assert_int_equal(db_migrate_plugin(f->db, "p", plugin, 2, NULL), WA_OK);
	assert_int_equal(access(copy, F_OK), 0);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM p_one"), 1);
	/* a broken one leaves nothing behind */
	assert_true(db_migrate_plugin(f->db, "p", plugin, 3, NULL) < 0);
	assert_int_equal(fix_int(f, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'p_three'"),
			 0);
	assert_int_equal(fix_int(f, "SELECT MAX(number) FROM plugin_migration WHERE plugin = 'p'"),
			 2);
	/* an older plugin than the tables */
	assert_int_equal(db_migrate_plugin(f->db, "p", plugin, 1, NULL), WA_ESTATE);
	assert_int_equal(db_migrate_plugin(f->db, "q", plugin + 1, 1, NULL), WA_EINVALID);
	assert_int_equal(db_migrate_plugin(f->db, "Not/OK", NULL, 0, NULL), WA_EINVALID);
}

static void newer_database_is_refused(void **state)
{
	struct fix *f = *state;
	struct db_opts o = fix_opts(f);
	struct wa_err err = WA_ERR_INIT;
	struct db *db;
	sqlite3 *h;

	db_close(f->db);
	f->db = NULL;
	assert_int_equal(sqlite3_open(f->path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "PRAGMA user_version = 9999", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(h);
	assert_int_equal(db_open(&o, &db, &err), WA_ESTATE);
	assert_non_null(strstr(err.msg, "newer"));
}

static void migration_of_an_existing_database_takes_a_copy(void **state)
{
	struct fix *f = *state;
	struct db_migration m[64];
	size_t n = db_n_migrations;
	char copy[160];
	sqlite3 *h;

	assert_true(n + 2 <= WA_ARRAY_LEN(m));
	memcpy(m, db_migrations, n * sizeof(m[0]));
	m[n] = (struct db_migration){ (int)n + 1, "new", "CREATE TABLE fresh (a TEXT) STRICT;" };
	m[n + 1] =
		(struct db_migration){ (int)n + 2, "bad", "CREATE TABLE fresh (a TEXT) STRICT;" };
	fix_session(f, "before");
	assert_int_equal(db_migrate(f->db, m, n + 1, NULL), WA_OK);
	assert_int_equal(fix_int(f, "PRAGMA user_version"), (int64_t)n + 1);
	snprintf(copy, sizeof(copy), "%s.before-%04d", f->path, (int)n + 1);
	assert_int_equal(sqlite3_open_v2(copy, &h, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "SELECT id FROM session", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "SELECT a FROM fresh", NULL, NULL, NULL), SQLITE_ERROR);
	sqlite3_close(h);
	/* one that fails changes nothing */
	assert_true(db_migrate(f->db, m, n + 2, NULL) < 0);
	assert_int_equal(fix_int(f, "PRAGMA user_version"), (int64_t)n + 1);
}

static int write_schema(void)
{
	void *state;
	struct wa_buf out;
	FILE *file;

	fix_setup(&state);
	wa_buf_init(&out, 1 << 20);
	dump(state, &out);
	file = fopen(SCHEMA, "wb");
	if (!file)
		return 1;
	fwrite(out.ptr, 1, out.len, file);
	fclose(file);
	wa_buf_clear(&out);
	fix_teardown(&state);
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(schema_is_the_reviewed_one),
		T(every_table_is_strict),
		T(plugin_migrations_run_once),
		T(newer_database_is_refused),
		T(migration_of_an_existing_database_takes_a_copy),
	};

	if (argc > 1 && strcmp(argv[1], "--write") == 0)
		return write_schema();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
