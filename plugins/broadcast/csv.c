/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "csv.h"

#include "text.h"

/* 0x80 to 0x9f of Windows-1252; those it leaves out are themselves. */
static const uint16_t windows_1252[32] = {
	0x20ac, 0x81,	0x201a, 0x192,	0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,	0x2030, 0x160,
	0x2039, 0x152,	0x8d,	0x17d,	0x8f,	0x90,	0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x2dc,	0x2122, 0x161,	0x203a, 0x153,	0x9d,	0x17e,	0x178,
};

/* The one the first line has most of; of equals, the one that goes on. */
static char guess_delimiter(struct wa_span in, char quote)
{
	static const char choices[] = { ',', ';', '\t', '|' };
	size_t first[sizeof(choices)] = { 0 }, all[sizeof(choices)] = { 0 }, best = 0;
	bool quoted = false, more = false;

	for (size_t i = 0; i < in.len && i < CSV_ROW_MAX; i++) {
		char b = (char)in.ptr[i];

		if (b == quote)
			quoted = !quoted;
		more = more || (!quoted && i > 0 && (b == '\n' || b == '\r'));
		for (size_t k = 0; k < sizeof(choices) && !quoted; k++) {
			first[k] += !more && b == choices[k];
			all[k] += b == choices[k];
		}
	}
	for (size_t k = 1; k < sizeof(choices); k++)
		if (first[k] > first[best] || (first[k] == first[best] && first[k] && all[k] > all[best]))
			best = k;
	return choices[best];
}

int csv_open(struct csv *c, struct wa_span body, const struct csv_options *o, char why[160])
{
	memset(c, 0, sizeof(*c));
	wa_buf_init(&c->text, CSV_ROW_MAX);
	if (body.len >= 2 && ((body.ptr[0] == 0xff && body.ptr[1] == 0xfe) ||
			      (body.ptr[0] == 0xfe && body.ptr[1] == 0xff))) {
		snprintf(why, 160, "the file is UTF-16: save it as UTF-8 or as plain CSV");
		return WA_EINVALID;
	}
	if (body.len >= 3 && memcmp(body.ptr, "\xef\xbb\xbf", 3) == 0)
		body = wa_span(body.ptr + 3, body.len - 3);
	c->in = body;
	c->quote = o->quote ? o->quote : '"';
	c->windows = o->encoding == CSV_WINDOWS_1252 ||
		     (o->encoding == CSV_AUTO && !wa_utf8_valid(body));
	c->delimiter = o->delimiter ? o->delimiter : guess_delimiter(body, c->quote);
	if (c->delimiter == c->quote || c->delimiter == '\n' || c->delimiter == '\r') {
		snprintf(why, 160, "the delimiter cannot be this character");
		return WA_EINVALID;
	}
	if (wa_span_trim(body).len == 0) {
		snprintf(why, 160, "the file is empty");
		return WA_EINVALID;
	}
	return WA_OK;
}

void csv_close(struct csv *c)
{
	wa_buf_wipe(&c->text);
}

static void put_byte(struct csv *c, uint8_t b)
{
	if (b < 0x20 && b != '\t' && b != '\n')
		b = ' ';
	if (!c->windows || b < 0x80)
		wa_buf_u8(&c->text, b);
	else
		wa_utf8_put(&c->text, b < 0xa0 ? windows_1252[b - 0x80] : b);
}

static void end_cell(struct csv *c, size_t from)
{
	if (c->n == CSV_COLUMNS_MAX) {
		c->problem = "too_many_columns";
		return;
	}
	if (c->text.len - from > CSV_CELL_MAX && !c->problem)
		c->problem = "too_long";
	c->ends[c->n++] = c->text.len;
}

/* The line break at c->at, if there is one. */
static bool end_line(struct csv *c)
{
	uint8_t b = c->in.ptr[c->at];

	if (b != '\n' && b != '\r')
		return false;
	c->at++;
	if (b == '\r' && c->at < c->in.len && c->in.ptr[c->at] == '\n')
		c->at++;
	c->lines++;
	return true;
}

/* A quoted part, behind its opening quote. */
static void quoted_part(struct csv *c)
{
	while (c->at < c->in.len) {
		uint8_t b = c->in.ptr[c->at];

		if ((char)b == c->quote) {
			c->at++;
			if (c->at >= c->in.len || (char)c->in.ptr[c->at] != c->quote)
				return;
		}
		if (end_line(c)) {
			put_byte(c, '\n');
			continue;
		}
		put_byte(c, b);
		c->at++;
	}
	c->problem = "unclosed_quote";
}

static void read_row(struct csv *c)
{
	size_t from = 0;
	bool fresh = true;	/* only white space in this cell so far */

	c->n = 0;
	c->problem = NULL;
	wa_buf_reset(&c->text);
	c->line = c->lines + 1;
	while (c->at < c->in.len && !end_line(c)) {
		uint8_t b = c->in.ptr[c->at++];

		if ((char)b == c->delimiter) {
			end_cell(c, from);
			from = c->text.len;
			fresh = true;
		} else if ((char)b == c->quote && fresh) {
			c->text.len = from;
			quoted_part(c);
			fresh = false;
		} else {
			fresh = fresh && b == ' ';
			put_byte(c, b);
		}
	}
	if (c->at >= c->in.len && c->in.len > 0 && c->in.ptr[c->in.len - 1] != '\n' &&
	    c->in.ptr[c->in.len - 1] != '\r')
		c->lines++;
	end_cell(c, from);
}

int csv_next(struct csv *c)
{
	while (c->at < c->in.len) {
		size_t start = 0;
		bool some = false;

		read_row(c);
		if (c->text.failed == WA_ENOMEM)
			return WA_ENOMEM;
		if (c->text.failed) {
			c->problem = "too_long";
			c->n = 0;
			return 1;
		}
		for (size_t i = 0; i < c->n; i++) {
			c->cells[i] = wa_span_trim(wa_span(c->text.ptr ? c->text.ptr + start : NULL,
							   c->ends[i] - start));
			start = c->ends[i];
			some = some || c->cells[i].len > 0;
			if (!c->problem && !wa_utf8_valid(c->cells[i]))
				c->problem = "not_utf8";
		}
		if (some || c->problem)
			return 1;
	}
	return 0;
}

static bool is_number(struct wa_span s)
{
	for (size_t i = 1; i < s.len; i++)
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	return s.len > 1 && s.ptr[0] == '+';
}

void csv_put(struct wa_buf *out, struct wa_span cell)
{
	bool formula = cell.len > 0 && memchr("=+-@\t\r", cell.ptr[0], 6) && !is_number(cell);
	bool quote = formula;

	for (size_t i = 0; i < cell.len && !quote; i++)
		quote = memchr(",;\"\n\r\t", cell.ptr[i], 6) != NULL;
	if (!quote) {
		wa_buf_span(out, cell);
		return;
	}
	wa_buf_u8(out, '"');
	if (formula)
		wa_buf_u8(out, '\'');
	for (size_t i = 0; i < cell.len; i++) {
		if (cell.ptr[i] == '"')
			wa_buf_u8(out, '"');
		wa_buf_u8(out, cell.ptr[i]);
	}
	wa_buf_u8(out, '"');
}
