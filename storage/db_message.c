/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_message.h"

#include "db_int.h"

#define LABEL DB_MESSAGE_LABEL

static const char *const status_text[] = {
	[DB_QUEUED] = "queued",		[DB_SENDING] = "sending", [DB_SENT] = "sent",
	[DB_DELIVERED] = "delivered",	[DB_READ] = "read",	  [DB_PLAYED] = "played",
	[DB_FAILED] = "failed",		[DB_CANCELLED] = "cancelled",
};

const char *db_status_str(int status)
{
	if (status < 0 || (size_t)status >= WA_ARRAY_LEN(status_text))
		return "unknown";
	return status_text[status];
}

int db_status_parse(const char *text)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(status_text); i++)
		if (strcmp(text, status_text[i]) == 0)
			return (int)i;
	return WA_EINVALID;
}

/* body: chat, sender, text, raw, quoted, content (DB_MESSAGE_*); row = id. */
static struct wa_span pack_body(struct db_batch *b, const struct db_message *m)
{
	return DB_PACK(b, wa_span_str(m->chat), wa_span_str(m->sender), wa_span_str(m->text),
		       m->raw, wa_span_str(m->quoted), wa_span_str(m->content ? m->content : ""));
}

size_t db_batch_message_add(struct db_batch *b, const struct db_message *m)
{
	const char *session = db_batch_str(b, m->session), *id = db_batch_str(b, m->id);
	struct wa_span chat = wa_span_str(db_batch_str(b, m->chat));

	return DB_OP(b, 0,
		     "INSERT INTO message (id, session, chat, wa_id, from_me, kind, ts_ms, status,"
		     " reason, backfilled, body)"
		     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
		     " ON CONFLICT (session, wa_id, chat, from_me) DO NOTHING",
		     db_text(id), db_text(session), db_hashed(session, chat),
		     db_text(db_batch_str(b, m->wa_id)), db_int(m->from_me),
		     db_text(db_batch_str(b, m->kind)), db_int(m->ts_ms),
		     db_text(db_status_str(m->status)), db_text(db_batch_str(b, m->reason)),
		     db_int(m->backfilled),
		     db_sealed(session, LABEL, wa_span_str(id), pack_body(b, m)));
}

/* ---------------------------------------------------------------- status */

/* One text per target names the states it may be reached from: the diagram in the header.
 * Not with IN: SQLite would build a table for the list each time. */
#define MOVE(from) \
	"UPDATE message SET status = $2, reason = $3 WHERE id = $1 AND (" from ")"
#define IF(state) "status = '" state "'"
#define OR(state) " OR " IF(state)
static const char *const move_sql[] = {
	[DB_QUEUED] = MOVE(IF("")),
	[DB_SENDING] = MOVE(IF("queued")),
	[DB_SENT] = MOVE(IF("queued") OR("sending")),
	[DB_DELIVERED] = MOVE(IF("queued") OR("sending") OR("sent")),
	[DB_READ] = MOVE(IF("queued") OR("sending") OR("sent") OR("delivered")),
	[DB_PLAYED] = MOVE(IF("queued") OR("sending") OR("sent") OR("delivered") OR("read")),
	[DB_FAILED] = MOVE(IF("queued") OR("sending") OR("sent")),
	[DB_CANCELLED] = MOVE(IF("queued")),
};

static bool status_ok(int status)
{
	return status >= 0 && (size_t)status < WA_ARRAY_LEN(move_sql);
}

size_t db_batch_message_status(struct db_batch *b, const char *id, int status, const char *reason)
{
	if (!status_ok(status)) {
		db_batch_fail(b, WA_EINVALID, "message status");
		return b->n_ops;
	}
	return DB_OP(b, 0, move_sql[status], db_text(db_batch_str(b, id)),
		     db_text(db_status_str(status)), db_text(db_batch_str(b, reason)));
}

struct receipt {
	const char *session, *chat, *wa_id, *device;
	bool from_me;
	int status;
	int64_t ts_ms;
	struct wa_span body;
};

static int id_row(void *ctx, const struct db_row *row)
{
	snprintf(ctx, DB_SESSION_ID_MAX + 1, "%s", db_row_text(row, 0));
	return 1;
}

static int exec_receipt(struct db_exec *x, const void *args, int64_t *ret_rows, struct wa_err *err)
{
	const struct receipt *p = args;
	char id[DB_SESSION_ID_MAX + 1];
	int64_t news = 0;
	int r = DB_RUN(x->c,
		       "SELECT id FROM message WHERE session = $1 AND wa_id = $2 AND chat = $3"
		       " AND from_me = $4",
		       id_row, id, NULL, err, db_text(p->session), db_text(p->wa_id),
		       db_hashed(p->session, wa_span_str(p->chat)), db_int(p->from_me));

	if (r <= 0)
		return r;
	r = DB_RUN(x->c,
		   "INSERT INTO message_receipt (message, device, status, ts_ms, body)"
		   " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (message, device) DO UPDATE"
		   " SET status = excluded.status, ts_ms = excluded.ts_ms"
		   " WHERE message_receipt.status = 'delivered' AND excluded.status <> 'delivered'"
		   " OR message_receipt.status = 'read' AND excluded.status = 'played'",
		   NULL, NULL, &news, err, db_text(id),
		   db_hashed(p->session, wa_span_str(p->device)), db_text(db_status_str(p->status)),
		   db_int(p->ts_ms),
		   db_sealed(p->session, "message_receipt.body", wa_span_str(id), p->body));
	if (r < 0 || news == 0)
		return r;
	return DB_RUN(x->c, move_sql[p->status], NULL, NULL, ret_rows, err, db_text(id),
		      db_text(db_status_str(p->status)), db_text(""));
}

size_t db_batch_message_receipt(struct db_batch *b, const char *session, const char *chat,
				const char *wa_id, bool from_me, const char *device, int status,
				int64_t ts_ms)
{
	struct receipt *p = db_batch_alloc(b, sizeof(*p));

	if (status != DB_DELIVERED && status != DB_READ && status != DB_PLAYED)
		db_batch_fail(b, WA_EINVALID, "receipt status");
	if (!p)
		return b->n_ops;
	*p = (struct receipt){
		.session = db_batch_str(b, session),
		.chat = db_batch_str(b, chat),
		.wa_id = db_batch_str(b, wa_id),
		.device = db_batch_str(b, device),
		.from_me = from_me,
		.status = status,
		.ts_ms = ts_ms,
		.body = DB_PACK(b, wa_span_str(device)),
	};
	return db_batch_call(b, exec_receipt, p);
}

size_t db_batch_message_trace(struct db_batch *b, const char *id, int64_t ts_ms, const char *step,
			      const char *detail)
{
	return DB_OP(b, 0,
		     "INSERT INTO message_trace (message, ts_ms, number, step, detail)"
		     " VALUES ($1, $2, COALESCE((SELECT MAX(number) + 1 FROM message_trace"
		     " WHERE message = $1 AND ts_ms = $2), 0), $3, $4)",
		     db_text(db_batch_str(b, id)), db_int(ts_ms), db_text(db_batch_str(b, step)),
		     db_text(db_batch_str(b, detail)));
}

size_t db_batch_message_del(struct db_batch *b, const char *id)
{
	return DB_OP(b, 0, "DELETE FROM message WHERE id = $1", db_text(db_batch_str(b, id)));
}
