/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file from a stranger: the first byte chooses encoding, delimiter and
 * whether the first row names columns. What is read and written again must
 * read the same.
 */
#include "columns.h"
#include "csv.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct csv *c)
{
	struct csv again;
	struct wa_buf out;
	char why[160];

	wa_buf_init(&out, 1u << 20);
	for (size_t i = 0; i < c->n; i++) {
		if (i)
			wa_buf_u8(&out, ',');
		csv_put(&out, c->cells[i]);
	}
	/* out of a full buffer, of a row of nothing, and of cells that begin with a line break nothing is asked */
	if (!out.failed && csv_open(&again, wa_buf_view(&out), &(struct csv_options){ .delimiter = ',' }, why) == 0) {
		if (csv_next(&again) == 1 && !again.problem && again.n != c->n)
			abort();
		csv_close(&again);
	}
	wa_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char delimiters[] = { 0, ',', ';', '\t' };
	const struct columns_wish wish = { .map = size > 0 && (data[0] & 64) ? "a=#1,b=#2" : NULL,
					   .header = size > 0 && (data[0] & 32) ? 1 : -1 };
	struct csv_options o = { 0 };
	struct columns columns;
	char why[160], name[COLUMNS_NAME_MAX + 1];
	struct csv c;
	int rows = 0;

	if (size < 1)
		return 0;
	o.delimiter = delimiters[data[0] & 3];
	o.encoding = (enum csv_encoding)((data[0] >> 2) % 3);
	if (csv_open(&c, wa_span(data + 1, size - 1), &o, why) < 0) {
		csv_close(&c);
		return 0;
	}
	while (csv_next(&c) == 1) {
		for (size_t i = 0; i < c.n && !c.problem; i++) {
			if (!wa_utf8_valid(c.cells[i]) || c.cells[i].len > CSV_CELL_MAX)
				abort();
			(void)columns_is_number(c.cells[i]);
			(void)columns_variable(c.cells[i], name);
		}
		if (rows++ == 0)
			(void)!columns_find(&columns, c.cells, c.n, &wish, why);
		if (!c.problem && !c.windows)
			write_again(&c);
	}
	csv_close(&c);
	return 0;
}
