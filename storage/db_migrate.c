/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_int.h"

#include <errno.h>
#include <unistd.h>

#define PLUGIN_NAME_MAX 56

int db_backup(struct db *db, const char *path, struct wa_err *err)
{
	int r;

	/* VACUUM INTO refuses an existing file; the last copy taken for this step may go */
	if (unlink(path) != 0 && errno != ENOENT)
		return wa_err_detail(err, WA_EIO, errno, "%s: cannot be replaced", path);
	pthread_mutex_lock(&db->wlock);
	r = DB_RUN(&db->w, "VACUUM INTO $1", NULL, NULL, NULL, err, db_text(path));
	pthread_mutex_unlock(&db->wlock);
	return r;
}

static int copy_before(struct db *db, const char *what, int number, struct wa_err *err)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s.before-%s%s%04d", db->path, what, *what ? "-" : "",
			 number);

	if (n < 0 || (size_t)n >= sizeof(path))
		return wa_err_set(err, WA_EINVALID, "database path too long");
	WA_LOG(&db->env, WA_INFO, "storage.backup", WA_S("path", path));
	return db_backup(db, path, err);
}

/* One migration and the statement that records it, in one transaction. */
static int apply(struct db *db, const char *sql, const char *record, const struct db_value *v,
		 size_t n, struct wa_err *err)
{
	int r = db_conn_exec(&db->w, "BEGIN IMMEDIATE", err);

	if (r < 0)
		return r;
	r = db_conn_exec(&db->w, sql, err);
	if (r == WA_OK)
		r = db_conn_run(&db->w, record, v, n, NULL, NULL, NULL, err);
	if (r == WA_OK)
		r = db_conn_exec(&db->w, "COMMIT", err);
	if (r < 0 && !sqlite3_get_autocommit(db->w.h))
		(void)db_conn_exec(&db->w, "ROLLBACK", NULL);
	return r;
}

int db_migrate(struct db *db, const struct db_migration *m, size_t n, struct wa_err *err)
{
	int64_t have = 0;
	size_t first = 0;
	int r = db_conn_int(&db->w, "PRAGMA user_version", NULL, 0, &have, err);

	if (r < 0)
		return r;
	if (have < 0 || (n && have > m[n - 1].number) || (!n && have))
		return wa_err_set(err, WA_ESTATE,
				  "database version %lld is newer than this program's %d",
				  (long long)have, n ? m[n - 1].number : 0);
	while (first < n && m[first].number <= have)
		first++;
	if (have > 0 && first < n) {
		r = copy_before(db, "", m[first].number, err);
		if (r < 0)
			return r;
	}
	for (size_t i = first; i < n; i++) {
		char version[48];

		snprintf(version, sizeof(version), "PRAGMA user_version = %d", m[i].number);
		r = apply(db, m[i].sql, version, NULL, 0, err);
		if (r < 0)
			return r;
		WA_LOG(&db->env, WA_INFO, "storage.migrated", WA_I("number", m[i].number),
		       WA_S("name", m[i].name));
	}
	return WA_OK;
}

/* Of a plugin, or what is kept for a script: "script:<name>". */
static bool plugin_name_ok(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= PLUGIN_NAME_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-:") == n;
}

static int make_scope(struct db *db, const char *plugin, struct wa_err *err)
{
	char scope[DB_SCOPE_MAX];
	const struct db_keys *k;
	int r;

	snprintf(scope, sizeof(scope), DB_PLUGIN_SCOPE "%s", plugin);
	r = db_keys_get(&db->w, scope, &k, err);
	return r == WA_ENOTFOUND ? db_keys_create(&db->w, scope, err) : r;
}

static int migrate_plugin(struct db *db, const char *plugin, const struct db_migration *m, size_t n,
			  struct wa_err *err)
{
	int64_t have = 0;
	struct db_value name = db_text(plugin);
	int r = db_conn_int(&db->w, "SELECT MAX(number) FROM plugin_migration WHERE plugin = $1",
			    &name, 1, &have, err);

	if (r >= 0 && (uint64_t)have > n)
		r = wa_err_set(err, WA_ESTATE,
			       "tables of %s are at %lld, newer than this plugin's %zu", plugin,
			       (long long)have, n);
	for (size_t i = (size_t)have; r >= 0 && i < n; i++) {
		struct db_value v[] = { name, db_int(m[i].number), db_text(m[i].name),
					db_int(db->env.now_ms(db->env.ctx)) };

		if (m[i].number != (int)i + 1)
			return wa_err_set(err, WA_EINVALID, "migration %d of %s out of order",
					  m[i].number, plugin);
		r = apply(db, m[i].sql,
			  "INSERT INTO plugin_migration (plugin, number, name, applied_ms)"
			  " VALUES ($1, $2, $3, $4)", v, WA_ARRAY_LEN(v), err);
	}
	return r < 0 ? r : make_scope(db, plugin, err);
}

int db_migrate_plugin(struct db *db, const char *plugin, const struct db_migration *migrations,
		      size_t n, struct wa_err *err)
{
	int64_t have = 0;
	struct db_value name = db_text(plugin);
	int r;

	if (!plugin_name_ok(plugin))
		return wa_err_set(err, WA_EINVALID, "plugin name '%.60s'", plugin);
	pthread_mutex_lock(&db->wlock);
	r = db_conn_int(&db->w, "SELECT MAX(number) FROM plugin_migration WHERE plugin = $1", &name,
			1, &have, err);
	pthread_mutex_unlock(&db->wlock);
	if (r >= 0 && have > 0 && (size_t)have < n)
		r = copy_before(db, plugin, (int)have + 1, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&db->wlock);
	r = migrate_plugin(db, plugin, migrations, n, err);
	pthread_mutex_unlock(&db->wlock);
	return r;
}
