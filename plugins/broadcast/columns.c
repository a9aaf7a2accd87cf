/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "columns.h"

#include "text.h"

/* Headings of spreadsheets, compared without case, spaces and punctuation in ASCII. */
static const char *const number_headings[] = {
	"phone",   "phonenumber", "mobile", "mobilephone", "mobilenumber", "cell",  "cellphone",
	"number",  "whatsapp",	  "to",	    "tel",	   "telephone",	   "jid",   "msisdn",
	"telefon", "telefono",	  "teléfono", "telefone",  "celular",	   "móvil", "handy",
	"handynummer", "telefonnummer", "nomor", "nohp",   "hp",	   "phone1value",
	"الهاتف",  "رقمالهاتف",   "جوال",   "الجوال",	   "رقمالجوال",	   "موبايل", "رقم",
};
static const char *const name_headings[] = {
	"name", "fullname", "customer", "customername", "nombre", "nome", "nama", "nom", "الاسم", "اسم",
};

static size_t plain(struct wa_span s, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len && n + 1 < size; i++) {
		uint8_t b = s.ptr[i];

		if (b >= 'A' && b <= 'Z')
			b = (uint8_t)(b + 32);
		if (b >= 0x80 || (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9'))
			out[n++] = (char)b;
	}
	out[n] = 0;
	return n;
}

static bool is_one_of(struct wa_span heading, const char *const *list, size_t n)
{
	char text[64];

	plain(heading, text, sizeof(text));
	for (size_t i = 0; i < n; i++)
		if (strcmp(text, list[i]) == 0)
			return true;
	return false;
}

bool columns_variable(struct wa_span heading, char out[COLUMNS_NAME_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < heading.len && n < COLUMNS_NAME_MAX; i++) {
		uint8_t b = heading.ptr[i];

		if (b >= 'A' && b <= 'Z')
			b = (uint8_t)(b + 32);
		if ((b >= 'a' && b <= 'z') || (b >= '0' && b <= '9' && n > 0))
			out[n++] = (char)b;
		else if (n > 0 && out[n - 1] != '_')
			out[n++] = '_';
	}
	while (n > 0 && out[n - 1] == '_')
		n--;
	out[n] = 0;
	return n > 0;
}

bool columns_is_number(struct wa_span cell)
{
	size_t digits = 0, others = 0;

	if (cell.len > 4 && memchr(cell.ptr, '@', cell.len))
		return cell.ptr[0] >= '0' && cell.ptr[0] <= '9';
	for (size_t i = 0; i < cell.len; i++) {
		if (cell.ptr[i] >= '0' && cell.ptr[i] <= '9')
			digits++;
		else if (!memchr("+-() ./'", cell.ptr[i], 8))
			others++;
	}
	return digits >= 7 && digits <= 16 && others == 0;
}

/* A column by heading or "#2"; -1 none. */
static int column_by(const char *wish, size_t len, const struct wa_span *cells, size_t n, bool header)
{
	struct wa_span w = wa_span_trim(wa_span(wish, len));
	int64_t place;

	if (w.len > 1 && w.ptr[0] == '#' &&
	    wa_parse_i64(wa_span(w.ptr + 1, w.len - 1), 1, (int64_t)n, &place) == 0)
		return (int)place - 1;
	for (size_t i = 0; i < n && header; i++)
		if (wa_span_ieq(cells[i], w))
			return (int)i;
	return -1;
}

static int no_column(const char *wish, size_t len, char why[160])
{
	snprintf(why, 160, "there is no column \"%.*s\": name a heading of the first row, or a place like #2",
		 (int)(len > 60 ? 60 : len), wish);
	return WA_EINVALID;
}

static int add_var(struct columns *c, int column, const char *name, char why[160])
{
	for (size_t i = 0; i < c->n_vars; i++)
		if (strcmp(c->vars[i].name, name) == 0)
			return WA_OK;	/* two headings that read the same: the first counts */
	if (c->n_vars == COLUMNS_VARS_MAX) {
		snprintf(why, 160, "more than %d variables: choose columns with map", COLUMNS_VARS_MAX);
		return WA_EINVALID;
	}
	c->vars[c->n_vars].column = column;
	snprintf(c->vars[c->n_vars++].name, COLUMNS_NAME_MAX + 1, "%s", name);
	return WA_OK;
}

static int read_map(struct columns *c, const char *map, const struct wa_span *cells, size_t n, char why[160])
{
	char name[COLUMNS_NAME_MAX + 1];
	int r = WA_OK;

	while (*map && r == WA_OK) {
		size_t len = strcspn(map, ",");
		const char *eq = memchr(map, '=', len);
		int column;

		if (!eq || !columns_variable(wa_span(map, (size_t)(eq - map)), name)) {
			snprintf(why, 160, "map: variable=column, separated by commas");
			return WA_EINVALID;
		}
		column = column_by(eq + 1, len - (size_t)(eq + 1 - map), cells, n, c->header);
		if (column < 0)
			return no_column(eq + 1, len - (size_t)(eq + 1 - map), why);
		r = add_var(c, column, name, why);
		map += len + (map[len] == ',');
	}
	return r;
}

static int every_other(struct columns *c, const struct wa_span *cells, size_t n, char why[160])
{
	char name[COLUMNS_NAME_MAX + 1];
	int r = WA_OK;

	for (size_t i = 0; i < n && r == WA_OK; i++) {
		if ((int)i == c->to || (int)i == c->name)
			continue;
		if (!c->header || !columns_variable(cells[i], name))
			snprintf(name, sizeof(name), "column_%zu", i + 1);
		r = add_var(c, (int)i, name, why);
	}
	return r;
}

int columns_find(struct columns *ret, const struct wa_span *cells, size_t n, const struct columns_wish *w,
		 char why[160])
{
	struct columns c = { .to = -1, .name = -1 };
	bool numbers = false;
	int r;

	for (size_t i = 0; i < n; i++)
		numbers = numbers || columns_is_number(cells[i]);
	c.header = w->header < 0 ? !numbers : w->header == 1;
	if (w->to) {
		c.to = column_by(w->to, strlen(w->to), cells, n, c.header);
		if (c.to < 0)
			return no_column(w->to, strlen(w->to), why);
	}
	if (w->name) {
		c.name = column_by(w->name, strlen(w->name), cells, n, c.header);
		if (c.name < 0)
			return no_column(w->name, strlen(w->name), why);
	}
	for (size_t i = 0; i < n; i++) {
		bool found = c.header ? is_one_of(cells[i], number_headings, WA_ARRAY_LEN(number_headings))
				      : columns_is_number(cells[i]);

		if (c.to < 0 && found)
			c.to = (int)i;
		if (c.name < 0 && c.header && is_one_of(cells[i], name_headings, WA_ARRAY_LEN(name_headings)))
			c.name = (int)i;
	}
	if (c.to < 0 && n == 1)
		c.to = 0;
	if (c.to < 0) {
		snprintf(why, 160, "which column has the phone numbers? Say it with to=");
		return WA_EINVALID;
	}
	r = w->map ? read_map(&c, w->map, cells, n, why) : every_other(&c, cells, n, why);
	if (r == WA_OK)
		*ret = c;
	return r;
}
