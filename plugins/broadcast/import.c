/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "import.h"

#include "clock.h"
#include "columns.h"
#include "csv.h"
#include "map.h"
#include "person.h"
#include "phone.h"
#include "text.h"

#define ROWS_PER_TX 500

struct import {
	struct wb_plugin_req *req;
	char list[ID_SIZE];
	uint8_t *body;		/* of a file */
	struct csv csv;
	struct columns columns;
	json_t *members;	/* or a JSON list, and how far it is */
	size_t at;
	char country[3];
	bool preview, ended, warm;
	struct wa_map seen;	/* identities of this file */
	int64_t rows, added, updated, skipped, problems_n;
	json_t *problems, *shown, *headings;
	int code;
	char why[160];
	struct job *job;
};

static void import_free(void *data)
{
	struct import *im = data;

	csv_close(&im->csv);
	if (im->body)
		wa_wipe(im->body, im->csv.in.len);
	free(im->body);
	wa_map_clear(&im->seen);
	json_decref(im->members);
	json_decref(im->problems);
	json_decref(im->shown);
	json_decref(im->headings);
	free(im);
}

bool query_true(struct bc *b, struct wb_plugin_req *req, const char *name)
{
	const char *q = b->host->http_query(req, name);

	return q && (strcmp(q, "true") == 0 || strcmp(q, "1") == 0);
}

static void add_problem(struct import *im, int64_t row, const char *code, struct wa_span value)
{
	im->problems_n++;
	im->skipped++;
	if (json_array_size(im->problems) < IMPORT_PROBLEMS_MAX)
		json_array_append_new(im->problems,
				      json_pack("{s:I, s:s, s:s%}", "row", (json_int_t)row, "code", code, "value",
						value.ptr ? (const char *)value.ptr : "",
						wa_utf8_clip(value, 80)));
}

static void answer(struct bc *b, struct import *im)
{
	json_t *o;

	if (im->code) {
		kit_problem(&b->kit, im->req, im->code, im->why);
		return;
	}
	o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:O}", "rows", (json_int_t)im->rows, "added",
		      (json_int_t)im->added, "updated", (json_int_t)im->updated, "skipped",
		      (json_int_t)im->skipped, "problems_total", (json_int_t)im->problems_n, "problems",
		      im->problems);
	if (im->headings)
		json_object_set(o, "columns", im->headings);
	if (im->preview)
		json_object_set(o, "preview", im->shown);
	kit_reply(&b->kit, im->req, 200, o);
}

/* One person; tx NULL: only looked at. */
static int take(struct bc *b, struct import *im, struct wb_tx *tx, const json_t *in, int64_t row)
{
	const char *to = json_is_string(in) ? json_string_value(in) : kit_member(in, "to");
	char reason[64] = "";
	uint8_t key[KEY_SIZE];
	struct person p;
	json_t *doc = person_doc(b, in, im->country, &p, reason);
	int r = WA_OK;

	im->rows++;
	if (!doc) {
		add_problem(im, row, reason, wa_span_str(to));
		return WA_OK;
	}
	person_key(b, &p, key);
	if (wa_map_has(&im->seen, wa_span(key, sizeof(key)))) {
		add_problem(im, row, "duplicate", wa_span_str(to));
		json_decref(doc);
		return WA_OK;
	}
	r = wa_map_put(&im->seen, wa_span(key, sizeof(key)), im, NULL);
	if (r == 0 && tx)
		r = member_put(tx, b, im->list, &p, doc);
	if (r == 0 && im->preview && json_array_size(im->shown) < IMPORT_PREVIEW_ROWS)
		json_array_append(im->shown, doc);
	json_decref(doc);
	if (r == WA_ELIMIT) {
		add_problem(im, row, "too_long", wa_span_str(to));
		return WA_OK;
	}
	if (r < 0)
		return r;
	if (*im->list && member_has(b, im->list, key))
		im->updated++;
	else
		im->added++;
	return r;
}

static json_t *row_doc(const struct import *im)
{
	const struct columns *k = &im->columns;
	const struct csv *c = &im->csv;
	json_t *vars = json_object(), *o;

	for (size_t i = 0; i < k->n_vars; i++) {
		size_t at = (size_t)k->vars[i].column;

		if (at < c->n && c->cells[at].len > 0)
			json_object_set_new(vars, k->vars[i].name,
					    json_stringn((const char *)c->cells[at].ptr, c->cells[at].len));
	}
	o = json_pack("{s:o}", "vars", vars);
	if ((size_t)k->to < c->n)
		json_object_set_new(o, "to", json_stringn(c->cells[k->to].ptr ? (const char *)c->cells[k->to].ptr : "",
							  c->cells[k->to].len));
	if (k->name >= 0 && (size_t)k->name < c->n && c->cells[k->name].len > 0)
		json_object_set_new(o, "name", json_stringn((const char *)c->cells[k->name].ptr,
							    wa_utf8_clip(c->cells[k->name], NAME_TEXT_MAX)));
	return o;
}

static json_t *headings_json(const struct import *im)
{
	const struct columns *k = &im->columns;
	const struct csv *c = &im->csv;
	json_t *vars = json_object(), *o = json_object();

	for (size_t i = 0; i < k->n_vars; i++) {
		size_t at = (size_t)k->vars[i].column;
		json_t *t = k->header && at < c->n ?
				    json_stringn(c->cells[at].ptr ? (const char *)c->cells[at].ptr : "", c->cells[at].len) :
				    json_sprintf("#%zu", at + 1);

		json_object_set_new(vars, k->vars[i].name, t);
	}
	json_object_set_new(o, "to", json_sprintf("#%d", k->to + 1));
	json_object_set_new(o, "name", k->name < 0 ? json_null() : json_sprintf("#%d", k->name + 1));
	json_object_set_new(o, "vars", vars);
	json_object_set_new(o, "header", json_boolean(k->header));
	json_object_set_new(o, "delimiter", json_stringn(&c->delimiter, 1));
	json_object_set_new(o, "encoding", json_string(c->windows ? "windows-1252" : "utf-8"));
	return o;
}

/* 1 a row was taken, 0 the end, <0. */
static int next_row(struct bc *b, struct import *im, struct wb_tx *tx)
{
	json_t *in;
	int r;

	if (im->members) {
		in = json_array_get(im->members, im->at);
		if (!in)
			return 0;
		im->at++;
		r = take(b, im, tx, in, (int64_t)im->at);
		return r < 0 ? r : 1;
	}
	r = csv_next(&im->csv);
	if (r <= 0)
		return r;
	if (im->csv.problem) {
		im->rows++;
		add_problem(im, (int64_t)im->csv.line, im->csv.problem, wa_span("", 0));
		return 1;
	}
	in = row_doc(im);
	r = take(b, im, tx, in, (int64_t)im->csv.line);
	json_decref(in);
	return r < 0 ? r : 1;
}

static void on_slice(void *ctx, int32_t code, const char *message)
{
	struct import *im = ctx;

	if (code && !im->code) {
		im->code = code == WB_ECONFLICT ? WA_ENOTFOUND : code;
		(void)snprintf(im->why, sizeof(im->why), "%s",
			       code == WB_ECONFLICT ? "the list was deleted meanwhile" : message);
	}
	job_wake(im->job);
}

static bool full(struct bc *b, struct import *im)
{
	struct list l;
	int64_t have;

	if (im->preview || list_find(b, im->list, NULL, &l) != 1)
		return false;
	have = l.count;
	list_clear(&l);
	if (have + ROWS_PER_TX <= MEMBERS_MAX)
		return false;
	im->code = WA_ELIMIT;
	(void)snprintf(im->why, sizeof(im->why), "a list holds at most %d people", MEMBERS_MAX);
	return true;
}

static void on_warm(void *ctx)
{
	job_wake(ctx);
}

/* The first number read on the loop would hold it up: libphonenumber reads its tables beside it. */
static bool warm(struct job *j, struct import *im)
{
	if (im->warm || wb_phone_ready())
		return true;
	im->warm = true;
	job_wait(j);
	j->b->host->work(j->b->self, wb_phone_warm, on_warm, j);
	return false;
}

static bool run(struct job *j)
{
	struct import *im = j->data;
	int64_t start = wa_mono_ms();
	struct wb_tx *tx;
	int r = 1, n = 0;

	if (!warm(j, im))
		return false;
	if (im->code || im->ended || full(j->b, im)) {
		answer(j->b, im);
		return true;
	}
	tx = im->preview ? NULL : j->b->host->tx_begin(j->b->self);
	while (n++ < ROWS_PER_TX && !slice_over(start) && (r = next_row(j->b, im, tx)) == 1)
		;
	im->ended = r == 0;
	if (r < 0) {
		im->code = r;
		(void)snprintf(im->why, sizeof(im->why), "the rows could not be stored");
	}
	if (!tx)
		return false;
	if (r < 0) {
		j->b->host->tx_abort(tx);
		return false;
	}
	const struct wb_value v[] = { kit_text(im->list), kit_int(now_ms(j->b)) };
	j->b->host->tx_sql(tx, "UPDATE broadcast_list SET updated_ms = $2 WHERE id = $1", v, 2, 0);
	job_wait(j);
	j->b->host->tx_commit(tx, on_slice, im);
	return false;
}

static struct import *import_new(struct bc *b, struct wb_plugin_req *req, const char *list)
{
	struct import *im = calloc(1, sizeof(*im));
	const char *country = b->host->http_query(req, "country");

	if (!im)
		return NULL;
	im->req = req;
	(void)snprintf(im->list, sizeof(im->list), "%s", list);
	if (country && strlen(country) == 2)
		memcpy(im->country, country, 2);
	im->preview = query_true(b, req, "preview");
	im->problems = json_array();
	im->shown = json_array();
	return im;
}

static void begin(struct bc *b, struct import *take_im)
{
	struct wb_plugin_req *req = take_im->req;

	take_im->job = job_start(b, run, take_im, import_free);
	if (!take_im->job)
		kit_problem(&b->kit, req, WA_ENOMEM, "out of memory");
}

void import_members(struct bc *b, struct wb_plugin_req *take_req, const char *list, json_t *take_members)
{
	struct import *im = import_new(b, take_req, list);

	if (!im || !json_is_array(take_members)) {
		if (im)
			import_free(im);
		json_decref(take_members);
		kit_problem(&b->kit, take_req, WA_EINVALID, "a list of members is needed: [{\"to\", \"name\", \"vars\"}]");
		return;
	}
	im->members = take_members;
	begin(b, im);
}

static bool one_char(const char *q, char *ret)
{
	if (!q || !*q)
		return true;
	if (strcmp(q, "tab") == 0 || strcmp(q, "\\t") == 0)
		*ret = '\t';
	else if (q[1] == 0 && q[0] > ' ' && q[0] < 0x7f)
		*ret = q[0];
	else
		return false;
	return true;
}

/* The file's first row says what its columns are. */
static int open_file(struct bc *b, struct import *im)
{
	const char *header = b->host->http_query(im->req, "header");
	const char *encoding = b->host->http_query(im->req, "encoding");
	const struct columns_wish wish = {
		.to = b->host->http_query(im->req, "to"),
		.name = b->host->http_query(im->req, "name"),
		.map = b->host->http_query(im->req, "map"),
		.header = !header || !*header ? -1 : query_true(b, im->req, "header"),
	};
	const struct wb_str body = b->host->http_body(im->req);
	struct csv_options o = { 0 };
	int r;

	if (encoding && *encoding)
		o.encoding = strcmp(encoding, "windows-1252") == 0 ? CSV_WINDOWS_1252 : CSV_UTF8;
	if (!one_char(b->host->http_query(im->req, "delimiter"), &o.delimiter) ||
	    !one_char(b->host->http_query(im->req, "quote"), &o.quote)) {
		(void)snprintf(im->why, sizeof(im->why), "delimiter, quote: one character, or tab");
		return WA_EINVALID;
	}
	im->body = malloc(body.len + 1);
	if (!im->body)
		return WA_ENOMEM;
	if (body.len)
		memcpy(im->body, body.ptr, body.len);
	r = csv_open(&im->csv, wa_span(im->body, body.len), &o, im->why);
	if (r == 0)
		r = csv_next(&im->csv) == 1 ? WA_OK : WA_EINVALID;
	if (r == 0)
		r = columns_find(&im->columns, im->csv.cells, im->csv.n, &wish, im->why);
	if (r < 0)
		return r;
	im->headings = headings_json(im);
	if (im->columns.header)
		return WA_OK;
	csv_close(&im->csv);	/* no heading: the first row is a person, so again from the start */
	return csv_open(&im->csv, wa_span(im->body, body.len), &o, im->why);
}

void import_csv(struct bc *b, struct wb_plugin_req *take_req, const char *list)
{
	struct import *im = import_new(b, take_req, list);
	char why[160];
	int r = im ? open_file(b, im) : WA_ENOMEM;

	if (r == 0) {
		begin(b, im);
		return;
	}
	(void)snprintf(why, sizeof(why), "%s", im && *im->why ? im->why : "the file could not be read");
	if (im)
		import_free(im);
	kit_problem(&b->kit, take_req, r, why);
}
