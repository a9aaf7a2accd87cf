/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_int.h"

const char *db_rd_str(struct db_reader *rd, struct wa_span s)
{
	const char *p = wa_arena_str(rd->a, s);

	return p ? p : "";
}

const char *db_rd_text(struct db_reader *rd, int col)
{
	return db_rd_str(rd, wa_span_str(db_row_text(rd->row, col)));
}

struct wa_span db_rd_open(struct db_reader *rd, int col, const char *scope, const char *label,
			  struct wa_span row_id)
{
	struct wa_span sealed = db_row_span(rd->row, col);
	uint8_t *p;

	if (rd->code < 0 || db_row_null(rd->row, col))
		return wa_span(NULL, 0);
	if (sealed.len < WA_SEAL_EXTRA) {
		rd->code = wa_err_set(rd->err, WA_ECRYPTO, "%s: sealed value of %zu bytes", label,
				      sealed.len);
		return wa_span(NULL, 0);
	}
	p = wa_arena_alloc(rd->a, sealed.len - WA_SEAL_EXTRA);
	if (!p)
		return wa_span(NULL, 0);
	rd->code = db_conn_unseal(rd->row->conn, scope, label, row_id, sealed, p, rd->err);
	return rd->code < 0 ? wa_span(NULL, 0) : wa_span(p, sealed.len - WA_SEAL_EXTRA);
}

void db_rd_body(struct db_reader *rd, int col, const char *scope, const char *label,
		struct wa_span row_id, struct wa_span *fields, size_t n)
{
	struct wa_span body = db_rd_open(rd, col, scope, label, row_id);
	int r = db_unpack(body, fields, n, rd->err);

	if (rd->code == WA_OK)
		rd->code = r;
}

int db_rd_end(struct db_reader *rd)
{
	if (rd->code == WA_OK && wa_arena_failed(rd->a))
		rd->code = wa_err_set(rd->err, WA_ELIMIT, "row too large");
	return rd->code;
}
