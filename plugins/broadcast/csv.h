/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_CSV_H
#define BROADCAST_CSV_H

/*
 * Comma-separated values, as people's spreadsheets write them: any delimiter
 * of , ; tab |, quoted cells with delimiters, line breaks and doubled quotes
 * inside, CR, LF or CRLF, a byte order mark, UTF-8 or Windows-1252.
 *
 * A pull parser: one row in memory at a time, so that a caller can work in
 * slices. The input must outlive the reader; cells live until the next call.
 *
 *	struct csv c;
 *	if (csv_open(&c, body, &(struct csv_options){ 0 }, why))
 *		...
 *	while (csv_next(&c) == 1)
 *		if (!c.problem) use(c.cells, c.n);
 *	csv_close(&c);
 *
 * Cells come without white space at their ends, as UTF-8 without control
 * characters but tab and line feed.
 */
#include "base.h"

#define CSV_COLUMNS_MAX 64
#define CSV_CELL_MAX 8192	/* bytes */
#define CSV_ROW_MAX 65536

enum csv_encoding { CSV_AUTO, CSV_UTF8, CSV_WINDOWS_1252 };

struct csv_options {
	char delimiter;		/* 0: the one of , ; tab | that the first line has most of */
	char quote;		/* 0: " */
	enum csv_encoding encoding;	/* CSV_AUTO: UTF-8 when all of it is, else Windows-1252 */
};

struct csv {
	struct wa_span in;
	size_t at;
	char delimiter, quote;
	bool windows;
	size_t line;		/* where the row begins, from 1 */
	size_t lines;		/* read so far */
	const char *problem;	/* a stable word when this row cannot be used; NULL none:
				 * unclosed_quote, too_many_columns, too_long, not_utf8 */
	size_t n;
	struct wa_span cells[CSV_COLUMNS_MAX];
	struct wa_buf text;
	size_t ends[CSV_COLUMNS_MAX];
};

/* WA_EINVALID with a sentence in why: UTF-16, no text, a delimiter that is the quote. */
int csv_open(struct csv *c, struct wa_span body, const struct csv_options *o, char why[160]) WA_MUST_USE;
/* 1: a row (see problem); empty lines are passed over. 0: the end. WA_ENOMEM. */
int csv_next(struct csv *c) WA_MUST_USE;
void csv_close(struct csv *c);	/* a zeroed struct is fine */

/* One cell for writing, quoted when it must be. What a spreadsheet would take for a formula gets an
 * apostrophe in front; a plain phone number keeps its '+'. */
void csv_put(struct wa_buf *out, struct wa_span cell);

#endif
