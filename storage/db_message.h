/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_MESSAGE_H
#define WB_DB_MESSAGE_H

/*
 * Messages, their per-device receipts and their trace.
 *
 *	queued -> sending -> sent -> delivered -> read -> played
 *	   |         |         |
 *	   |         +---------+--> failed (with reason)
 *	   +--> cancelled, failed
 *
 * A status never goes back; failed and cancelled are final. An inbound message
 * starts as delivered and becomes read or played when we said so. The status
 * of an outbound message is the furthest that any device of the recipient has
 * reported.
 */
#include "db.h"

enum db_status {
	DB_QUEUED,
	DB_SENDING,
	DB_SENT,
	DB_DELIVERED,
	DB_READ,
	DB_PLAYED,
	DB_FAILED,
	DB_CANCELLED,
};
const char *db_status_str(int status);		/* "queued" */
int db_status_parse(const char *text);		/* <0 unknown */

struct db_message {
	const char *id;		/* ULID */
	const char *session;
	const char *chat;	/* JID */
	const char *sender;	/* JID */
	const char *wa_id;	/* WhatsApp's id, unique per (session, chat, from_me) */
	bool from_me;		/* direction out */
	const char *kind;	/* "text", "image", ... */
	const char *text;	/* "" none */
	struct wa_span raw;	/* the protobuf as sent or received; may be empty */
	const char *quoted;	/* wa_id of the quoted message; "" none */
	const char *content;	/* what it says as JSON; "" or NULL: only the text */
	int64_t ts_ms;
	int status;		/* enum db_status */
	const char *reason;	/* of failed and cancelled; "" otherwise */
	bool backfilled;	/* from history or an offline queue */
};

/* An existing (session, chat, wa_id, from_me) changes nothing: rows is 0, the
 * batch goes on; guard with db_batch_event_if_changed. An existing id fails
 * with WA_ECONFLICT. */
size_t db_batch_message_add(struct db_batch *b, const struct db_message *m);

/* rows is 1 when the status moved, 0 when it was there already or may not (see above). */
size_t db_batch_message_status(struct db_batch *b, const char *id, int status, const char *reason);
/* A device's receipt (DB_DELIVERED, DB_READ, DB_PLAYED) for one of our messages
 * (from_me), folded into its status. rows is 1 when the status moved. An
 * unknown message is no error: rows is 0. */
size_t db_batch_message_receipt(struct db_batch *b, const char *session, const char *chat,
				const char *wa_id, bool from_me, const char *device, int status,
				int64_t ts_ms);
/* One step of a message's life, e.g. "accepted", "encrypted", "acked"; `detail` holds no personal
 * data. */
size_t db_batch_message_trace(struct db_batch *b, const char *id, int64_t ts_ms, const char *step,
			      const char *detail);
size_t db_batch_message_del(struct db_batch *b, const char *id);

int db_message_get(struct db *db, const char *id, struct wa_arena *a, struct db_message *ret_m,
		   struct wa_err *err) WA_MUST_USE;
int db_message_find(struct db *db, const char *session, const char *chat, const char *wa_id,
		    bool from_me, struct wa_arena *a, struct db_message *ret_m,
		    struct wa_err *err) WA_MUST_USE;
/* By wa_id alone (a quote, a receipt that names another chat form); the newest. */
int db_message_find_wa(struct db *db, const char *session, const char *wa_id, struct wa_arena *a,
		       struct db_message *ret_m, struct wa_err *err) WA_MUST_USE;

/* The oldest that is known of a chat. 1, 0, <0. */
int db_message_oldest(struct db *db, const char *session, const char *chat, struct wa_arena *a,
		      struct db_message *ret_m, struct wa_err *err) WA_MUST_USE;

/* The newest. 1, 0, <0. */
int db_message_newest(struct db *db, const char *session, const char *chat, struct wa_arena *a,
		      struct db_message *ret_m, struct wa_err *err) WA_MUST_USE;

/* Fields of the sealed body, for db_content.c too. */
enum { DB_MESSAGE_CHAT, DB_MESSAGE_SENDER, DB_MESSAGE_TEXT, DB_MESSAGE_RAW, DB_MESSAGE_QUOTED,
       DB_MESSAGE_CONTENT, DB_MESSAGE_FIELDS };
#define DB_MESSAGE_LABEL "message.body"

typedef int db_message_fn(void *ctx, const struct db_message *m);	/* m dies with the call */
struct db_message_query {
	const char *session;
	const char *chat;	/* NULL: all chats */
	int64_t before_ms;	/* newest first, older than (before_ms, before_id); */
	const char *before_id;	/* NULL: from the newest */
	size_t limit;
};
/* Without what only says something about another message (edits, reactions, votes ...). */
int db_message_each(struct db *db, const struct db_message_query *q, db_message_fn *fn, void *ctx,
		    struct wa_err *err) WA_MUST_USE;

struct db_trace {
	int64_t ts_ms;
	const char *step;
	const char *detail;
};
typedef int db_trace_fn(void *ctx, const struct db_trace *t);
int db_message_trace_each(struct db *db, const char *id, db_trace_fn *fn, void *ctx,
			  struct wa_err *err) WA_MUST_USE;

struct db_receipt {
	const char *device;	/* JID */
	int status;
	int64_t ts_ms;
};
typedef int db_receipt_fn(void *ctx, const struct db_receipt *r);
int db_message_receipt_each(struct db *db, const char *id, db_receipt_fn *fn, void *ctx,
			    struct wa_err *err) WA_MUST_USE;

#endif
