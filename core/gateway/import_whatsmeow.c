/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * whatsmeow's sqlstore, its SQLite form: tables whatsmeow_*. The file is read
 * from memory, never written. Sessions and sender keys lie there as the
 * protobufs that libsignal reads too.
 */
#include "import.h"

#include <sqlite3.h>
#include <wa/sig.h>

#include <base.h>
#include <text.h>

#define ROWS_MAX 500000
#define STEPS_MAX 100000000	/* of SQLite's machine for one statement: a hostile schema may loop */

static struct wa_span blob(sqlite3_stmt *q, int col)
{
	const void *p = sqlite3_column_blob(q, col);

	return wa_span(p, p ? (size_t)sqlite3_column_bytes(q, col) : 0);
}

static const char *text(sqlite3_stmt *q, int col)
{
	const unsigned char *s = sqlite3_column_text(q, col);

	return s ? (const char *)s : "";
}

static bool fixed(sqlite3_stmt *q, int col, void *out, size_t len)
{
	struct wa_span s = blob(q, col);

	if (s.len != len)
		return false;
	memcpy(out, s.ptr, len);
	return true;
}

typedef void row_fn(struct wb_import *i, sqlite3_stmt *q);

static int stop(void *unused)
{
	(void)unused;
	return 1;
}

/* Every row of a table for this device; a table that is not there (older files) has none. */
static void each(struct wb_import *i, sqlite3 *db, const char *sql, const char *jid, row_fn *fn)
{
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK) {
		if (sqlite3_bind_parameter_count(q) > 0)
			sqlite3_bind_text(q, 1, jid, -1, SQLITE_TRANSIENT);
		sqlite3_progress_handler(db, STEPS_MAX, stop, NULL);
		for (int n = 0; n < ROWS_MAX && sqlite3_step(q) == SQLITE_ROW; n++)
			fn(i, q);
	}
	sqlite3_finalize(q);
}

static void counted(struct wb_import *i, int r, const char *what)
{
	if (r == 0)
		wb_import_count(i, what);
}

/* ---- the device ---- */

static const char device_sql[] =
	"SELECT jid, lid, registration_id, noise_key, identity_key, signed_pre_key, signed_pre_key_id, "
	"signed_pre_key_sig, adv_key, adv_details, adv_account_sig_key, adv_account_sig, adv_device_sig, "
	"push_name, platform, business_name FROM whatsmeow_device WHERE ?1 = '' OR jid = ?1 ORDER BY jid LIMIT 2";

static void put_field(struct wa_buf *out, int n, struct wa_span v)
{
	wa_buf_u8(out, (uint8_t)(n << 3 | 2));
	if (v.len >= 128)
		wa_buf_u8(out, (uint8_t)((v.len & 127) | 128));
	wa_buf_u8(out, (uint8_t)(v.len >= 128 ? v.len >> 7 : v.len));
	wa_buf_span(out, v);
}

static bool adv_of(sqlite3_stmt *q, struct wa_device *d)
{
	struct wa_buf b;
	bool ok;

	wa_buf_init(&b, sizeof(d->adv));
	for (int k = 0; k < 4; k++)
		put_field(&b, k + 1, blob(q, 9 + k));
	ok = !b.failed && fixed(q, 10, d->account_identity.b, 32);
	if (ok) {
		memcpy(d->adv, b.ptr, b.len);
		d->adv_len = b.len;
	}
	wa_buf_clear(&b);
	return ok;
}

static void copy_text(char *out, size_t size, const char *s)
{
	if (strlen(s) < size)
		memcpy(out, s, strlen(s) + 1);
}

static int read_device(struct wb_import *i, sqlite3_stmt *q, struct wa_err *err)
{
	struct wa_device *d = &i->dev;

	if (wa_jid_parse(wa_span_str(text(q, 0)), &d->pn, NULL) < 0 || !fixed(q, 3, d->noise.priv.b, 32) ||
	    !fixed(q, 4, d->identity.priv.b, 32) || !fixed(q, 5, d->sprekey.priv.b, 32) ||
	    !fixed(q, 7, d->sprekey_sig.b, 64) || !fixed(q, 8, d->adv_secret.b, 32) || !adv_of(q, d))
		return wa_err_set(err, WA_EINVALID, "whatsmeow_device has a key of a wrong size");
	if (wa_jid_parse(wa_span_str(text(q, 1)), &d->lid, NULL) < 0)
		memset(&d->lid, 0, sizeof(d->lid));
	wa_pub_from(&d->noise.priv, &d->noise.pub);
	wa_pub_from(&d->identity.priv, &d->identity.pub);
	wa_pub_from(&d->sprekey.priv, &d->sprekey.pub);
	/* of use while linking only */
	wa_random(d->pairing_ephemeral.priv.b, 32);
	wa_pub_from(&d->pairing_ephemeral.priv, &d->pairing_ephemeral.pub);
	d->registration_id = (uint32_t)sqlite3_column_int64(q, 2);
	d->sprekey_id = (uint32_t)sqlite3_column_int64(q, 6);
	copy_text(d->push_name, sizeof(d->push_name), text(q, 13));
	copy_text(d->platform, sizeof(d->platform), text(q, 14));
	copy_text(d->business_name, sizeof(d->business_name), text(q, 15));
	d->paired = true;
	return 0;
}

static int device(struct wb_import *i, sqlite3 *db, const char *jid, char found[WA_JID_TEXT_MAX], struct wa_err *err)
{
	sqlite3_stmt *q = NULL;
	int r;

	if (sqlite3_prepare_v2(db, device_sql, -1, &q, NULL) != SQLITE_OK) {
		sqlite3_finalize(q);
		return wa_err_set(err, WA_EINVALID, "this is no database of whatsmeow");
	}
	sqlite3_bind_text(q, 1, jid, -1, SQLITE_TRANSIENT);
	sqlite3_progress_handler(db, STEPS_MAX, stop, NULL);
	if (sqlite3_step(q) != SQLITE_ROW) {
		r = wa_err_set(err, WA_ENOTFOUND, "there is no such device in this database");
	} else {
		r = read_device(i, q, err);
		snprintf(found, WA_JID_TEXT_MAX, "%s", text(q, 0));
		if (r == 0 && sqlite3_step(q) == SQLITE_ROW)
			r = wa_err_set(err, WA_EINVALID, "there are several devices in this database: name one (%s, %s …)",
				       found, text(q, 0));
	}
	sqlite3_finalize(q);
	return r;
}

/* ---- rows ---- */

static void last_prekey(struct wb_import *i, sqlite3_stmt *q)
{
	i->dev.next_prekey_id = (uint32_t)sqlite3_column_int64(q, 0) + 1;
	i->dev.first_unuploaded_prekey_id = (uint32_t)sqlite3_column_int64(q, 1) + 1;
}

static void prekey(struct wb_import *i, sqlite3_stmt *q)
{
	struct wa_priv priv;

	if (fixed(q, 1, priv.b, 32))
		counted(i, wa_import_prekey(i->im, (uint32_t)sqlite3_column_int64(q, 0), &priv, NULL), "prekeys");
	wa_wipe(&priv, sizeof(priv));
}

/* "user[_domain]:device" there, "user[_domain].device" here. */
static bool address_of(const char *theirs, char out[128])
{
	const char *sep = strrchr(theirs, ':');

	if (!sep || strlen(theirs) >= 128)
		return false;
	snprintf(out, 128, "%.*s.%s", (int)(sep - theirs), theirs, sep + 1);
	return true;
}

static void session(struct wb_import *i, sqlite3_stmt *q)
{
	char address[128];
	int r = address_of(text(q, 0), address) ? wa_import_session_record(i->im, address, blob(q, 1), NULL) : WA_EINVALID;

	wb_import_count(i, r == 0 ? "sessions" : "sessions_dropped");
}

static void identity(struct wb_import *i, sqlite3_stmt *q)
{
	char address[128];
	struct wa_pub pub;

	if (address_of(text(q, 0), address) && fixed(q, 1, pub.b, 32))
		counted(i, wa_import_identity(i->im, address, &pub, NULL), "identities");
}

static void sender_key(struct wb_import *i, sqlite3_stmt *q)
{
	char address[128];
	size_t own = strlen(i->dev.pn.user), lid = strlen(i->dev.lid.user);

	if (!address_of(text(q, 1), address))
		return;
	if ((strncmp(address, i->dev.pn.user, own) == 0 && address[own] == '.') ||
	    (lid && strncmp(address, i->dev.lid.user, lid) == 0 && address[lid] == '_'))
		return;		/* ours: made anew */
	counted(i, wa_import_sender_key_record(i->im, text(q, 0), address, blob(q, 2), NULL), "sender_keys");
}

static void sync_key(struct wb_import *i, sqlite3_stmt *q)
{
	counted(i, wa_import_sync_key(i->im, blob(q, 0), blob(q, 1), sqlite3_column_int64(q, 2), blob(q, 3),
				      sqlite3_column_int(q, 4) != 0, NULL), "sync_keys");
}

static void lid(struct wb_import *i, sqlite3_stmt *q)
{
	counted(i, wa_import_lid(i->im, text(q, 1), text(q, 0), NULL), "lids");
}

static void secret(struct wb_import *i, sqlite3_stmt *q)
{
	(void)!wa_import_secret(i->im, text(q, 0), text(q, 1), text(q, 2), blob(q, 3), NULL);
}

static void token(struct wb_import *i, sqlite3_stmt *q)
{
	const char *jid = text(q, 0);
	size_t n = strcspn(jid, "@");
	char user[64];

	if (strcmp(jid + n, "@lid") != 0 || n >= sizeof(user))
		return;
	memcpy(user, jid, n);
	user[n] = 0;
	(void)!wa_import_token(i->im, user, blob(q, 1), sqlite3_column_int64(q, 2), 0, NULL);
}

static int read_all(struct wb_import *i, sqlite3 *db, const char *jid, struct wa_err *err)
{
	static const struct {
		const char *sql;
		row_fn *fn;
	} tables[] = {
		{ "SELECT key_id, key FROM whatsmeow_pre_keys WHERE jid = ?1", prekey },
		{ "SELECT their_id, session FROM whatsmeow_sessions WHERE our_jid = ?1", session },
		{ "SELECT their_id, identity FROM whatsmeow_identity_keys WHERE our_jid = ?1", identity },
		{ "SELECT chat_id, sender_id, sender_key FROM whatsmeow_sender_keys WHERE our_jid = ?1", sender_key },
		{ "SELECT key_id, key_data, timestamp, fingerprint, timestamp = (SELECT max(timestamp) FROM "
		  "whatsmeow_app_state_sync_keys WHERE jid = ?1) FROM whatsmeow_app_state_sync_keys WHERE jid = ?1",
		  sync_key },
		{ "SELECT lid, pn FROM whatsmeow_lid_map", lid },
		{ "SELECT chat_jid, sender_jid, message_id, key FROM whatsmeow_message_secrets WHERE our_jid = ?1",
		  secret },
		{ "SELECT their_jid, token, timestamp FROM whatsmeow_privacy_tokens WHERE our_jid = ?1", token },
	};
	char found[WA_JID_TEXT_MAX];
	int r = device(i, db, jid, found, err);

	if (r < 0)
		return r;
	i->dev.next_prekey_id = i->dev.first_unuploaded_prekey_id = 1;
	each(i, db, "SELECT ifnull(max(key_id), 0), ifnull(max(key_id) FILTER (WHERE uploaded), 0) FROM "
		    "whatsmeow_pre_keys WHERE jid = ?1", found, last_prekey);
	r = wa_import_device(i->im, &i->dev, err);
	for (size_t k = 0; r == 0 && k < WA_ARRAY_LEN(tables); k++)
		each(i, db, tables[k].sql, found, tables[k].fn);
	if (r == 0)
		wb_import_note(i, "app-state collections are read anew with the keys taken over");
	return r;
}

int wb_import_whatsmeow(struct wb_import *i, struct wa_span file, const char *jid, struct wa_err *err)
{
	unsigned char *copy = file.len && file.len <= WB_IMPORT_FILE_MAX ? sqlite3_malloc64(file.len) : NULL;
	sqlite3 *db = NULL;
	int r = WA_EINVALID;

	if (!copy)
		return wa_err_set(err, WA_ELIMIT, "a database of %zu bytes", file.len);
	memcpy(copy, file.ptr, file.len);
	if (file.len > 20 && copy[18] == 2)	/* written with a WAL: what is in this file counts */
		copy[18] = copy[19] = 1;
	if (sqlite3_open(":memory:", &db) != SQLITE_OK) {
		sqlite3_free(copy);
		r = wa_err_set(err, WA_ENOMEM, "no memory for an import");
	} else if (sqlite3_deserialize(db, "main", copy, (sqlite3_int64)file.len, (sqlite3_int64)file.len,
				       SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY) != SQLITE_OK) {
		r = wa_err_set(err, WA_EINVALID, "this is no SQLite database");
	} else {
		(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		r = read_all(i, db, jid, err);
	}
	sqlite3_close(db);
	return r;
}
