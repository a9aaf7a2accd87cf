/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_IMPORT_H
#define WB_IMPORT_H

/*
 * Linked devices that come from elsewhere, and go elsewhere.
 *
 *	import_baileys.c	the folder of Baileys' multi-file auth state, as {"creds.json": {...}, ...}
 *	import_whatsmeow.c	whatsmeow's SQLite file (tables whatsmeow_*), read in memory
 *	import_bundle.c		our own sealed bundle: one session, whole
 *	import.c		any of them becomes a stored session; one session becomes a bundle
 *
 * A device must never run twice: its ratchets would part and messages would be
 * lost. An import is refused while this gateway has the same device; an export
 * wants its session stopped. What runs elsewhere nobody here can know: stop it
 * there first (WhatsApp ends the older of two connections: "replaced").
 */
#include <jansson.h>
#include <wa/import.h>
#include "tx.h"

struct wb_gateway;
struct wb_session;

#define WB_IMPORT_FILE_MAX (64u << 20)	/* a bundle, an SQLite file, a folder's files together */
#define WB_PASSPHRASE_MIN 8
#define WB_PASSPHRASE_MAX 1024

/* What came over, for the owner: {"source", "jid", "sessions", "sessions_dropped", "identities",
 * "prekeys", "sender_keys", "sync_keys", "lids", "notes": [...]}. */
struct wb_import {
	struct wa_import *im;
	struct wa_device dev;
	json_t *report;
};
int wb_import_begin(struct wb_import *i, const char *source, struct wa_err *err) WA_MUST_USE;
void wb_import_end(struct wb_import *i);		/* also of a zeroed one; wipes */
void wb_import_count(struct wb_import *i, const char *what);	/* report[what]++ */
void wb_import_note(struct wb_import *i, const char *text);

/* Pure; any thread. `files`: content of the files by their names. */
int wb_import_baileys(struct wb_import *i, const json_t *files, struct wa_err *err) WA_MUST_USE;
/* jid: which device of the file, "" when there is only one. */
int wb_import_whatsmeow(struct wb_import *i, struct wa_span file, const char *jid, struct wa_err *err) WA_MUST_USE;

/*
 * The bundle: "WBSB" 1, argon2id's limits (BE32 passes, BE32 KiB), salt 16, nonce 24, then
 * XChaCha20-Poly1305 over the records with everything before as additional data. Records: name,
 * then (kind byte, BE16 key, BE32 value)... Takes a second and 64 MiB: for the work pool.
 */
int wb_bundle_seal(const char *name, const struct wa_change *records, size_t n, const char *passphrase,
		   struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* WA_ECRYPTO: the passphrase is another one, or a byte was changed. Name into ret_name. */
int wb_bundle_open(struct wa_span bundle, const char *passphrase, struct wb_import *i, char ret_name[129],
		   struct wa_err *err) WA_MUST_USE;

/* All records of a stopped session, in one arena; WA_ESTATE unless it is stopped and linked. */
int wb_export_records(struct wb_session *s, struct wa_arena *a, struct wa_change **ret_records, size_t *ret_n,
		      struct wa_err *err) WA_MUST_USE;

struct wb_import_opts {
	const char *id;		/* NULL: one is made */
	const char *name;	/* NULL: the push name, else the id */
	bool start;
};
/* A new session with these credentials. WA_ECONFLICT: the id is taken, or this device is here already.
 * done: after the commit; i may be ended when this returns. */
int wb_import_store(struct wb_gateway *gw, const struct wb_import *i, const struct wb_import_opts *o,
		    char ret_id[DB_SESSION_ID_MAX + 1], wb_tx_fn *done, void *ctx, struct wa_err *err) WA_MUST_USE;

#endif
