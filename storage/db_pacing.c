/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_pacing.h"

#include "db_int.h"

size_t db_batch_pacing_add(struct db_batch *b, const char *session, int64_t day, bool marketing, int64_t oldest)
{
	const char *s = db_batch_str(b, session);

	if (oldest)
		DB_OP(b, 0, "DELETE FROM pacing_day WHERE session = $1 AND day < $2", db_text(s), db_int(oldest));
	return DB_OP(b, 0,
		     "INSERT INTO pacing_day (session, day, sent, marketing) VALUES ($1, $2, 1, $3)"
		     " ON CONFLICT (session, day) DO UPDATE SET sent = sent + 1, marketing = marketing + $3",
		     db_text(s), db_int(day), db_int(marketing));
}

struct counts {
	int64_t sent, marketing;
};

static int on_row(void *ctx, const struct db_row *row)
{
	*(struct counts *)ctx = (struct counts){ db_row_int(row, 0), db_row_int(row, 1) };
	return 1;
}

int db_pacing_get(struct db *db, const char *session, int64_t day, int64_t *ret_sent, int64_t *ret_marketing,
		  struct wa_err *err)
{
	const struct db_value v[] = { db_text(session), db_int(day) };
	struct counts c = { 0, 0 };
	int r = db_query(db, "SELECT sent, marketing FROM pacing_day WHERE session = $1 AND day = $2", v, 2, on_row, &c,
			 err);

	if (r < 0)
		return r;
	*ret_sent = c.sent;
	*ret_marketing = c.marketing;
	return c.sent > 0;
}
