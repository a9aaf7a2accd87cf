/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export.h"

#include "clock.h"
#include "columns.h"
#include "csv.h"
#include "record.h"

#define PAGE_ROWS 200

struct export {
	struct bc *b;
	struct wb_plugin_req *req;
	char id[ID_SIZE];
	struct wa_buf out;
	int64_t last;
	bool results;
	json_t *vars;		/* of a list: the variables that became columns */
	bool looked;		/* for them */
};

static void export_free(void *data)
{
	struct export *x = data;

	wa_buf_wipe(&x->out);
	json_decref(x->vars);
	x->b->exports--;
	free(x);
}

static void put_text(struct wa_buf *out, const char *s)
{
	csv_put(out, wa_span_str(s));
}

static void put_cell(struct wa_buf *out, const char *s)
{
	wa_buf_u8(out, ',');
	put_text(out, s);
}

static void put_value(struct wa_buf *out, const json_t *v)
{
	char *text;

	if (json_is_string(v)) {
		put_cell(out, json_string_value(v));
		return;
	}
	text = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;
	put_cell(out, text ? text : "");
	free(text);
}

/* ---- a list ---- */

static void note_vars(void *ctx, int64_t n, const json_t *doc)
{
	struct export *x = ctx;
	const char *key;
	json_t *v;

	(void)n;
	json_object_foreach(json_object_get(doc, "vars"), key, v)
		if (json_object_size(x->vars) < CSV_COLUMNS_MAX - 2)
			json_object_set_new(x->vars, key, json_true());
}

static void put_member(void *ctx, int64_t n, const json_t *doc)
{
	struct export *x = ctx;
	const char *key;
	json_t *v;

	(void)n;
	put_text(&x->out, kit_member(doc, "to"));
	put_cell(&x->out, kit_member(doc, "name"));
	json_object_foreach(x->vars, key, v)
		put_value(&x->out, json_object_get(json_object_get(doc, "vars"), key));
	wa_buf_str(&x->out, "\r\n");
}

static void put_headings(struct export *x)
{
	const char *key;
	json_t *v;

	wa_buf_str(&x->out, "to,name");
	json_object_foreach(x->vars, key, v)
		put_cell(&x->out, key);
	wa_buf_str(&x->out, "\r\n");
}

/* Once over the members for the names of the columns, once more for the rows. */
static int list_page(struct bc *b, struct export *x)
{
	int n = member_each(b, x->id, x->last, PAGE_ROWS, x->looked ? put_member : note_vars, x, &x->last);

	if (n == 0 && !x->looked) {
		x->looked = true;
		x->last = 0;
		put_headings(x);
		return 1;
	}
	return n;
}

/* ---- results ---- */

static void put_result(void *ctx, const struct recipient *r)
{
	struct export *x = ctx;
	const int64_t times[] = { r->queued_ms, r->sent_ms, r->delivered_ms, r->read_ms, r->replied_ms,
				  r->opted_out_ms };
	char text[WA_TIME_TEXT];

	x->last = r->n;
	put_text(&x->out, kit_member(r->doc, "to"));
	put_cell(&x->out, kit_member(r->doc, "name"));
	put_cell(&x->out, r->state);
	put_cell(&x->out, r->reason);
	put_cell(&x->out, r->session);
	put_cell(&x->out, r->message);
	for (size_t i = 0; i < WA_ARRAY_LEN(times); i++)
		put_cell(&x->out, times[i] ? wa_time_format(times[i], text) : "");
	wa_buf_str(&x->out, "\r\n");
}

static int result_page(struct bc *b, struct export *x)
{
	if (!x->looked) {
		wa_buf_str(&x->out, "to,name,state,reason,session,message,queued_at,sent_at,delivered_at,read_at,"
				    "replied_at,opted_out_at\r\n");
		x->looked = true;
	}
	return recipient_page(b, &(struct recipient_filter){ .broadcast = x->id, .after = x->last,
							     .limit = PAGE_ROWS },
			      put_result, x);
}

/* ---- both ---- */

static void finish(struct bc *b, struct export *x, int code)
{
	const struct wb_header headers[] = {
		{ "content-disposition", x->results ? "attachment; filename=\"broadcast.csv\""
						    : "attachment; filename=\"list.csv\"" },
		{ "cache-control", "no-store" },
	};

	if (code == 0)
		code = wa_buf_end(&x->out, NULL);
	if (code)
		kit_problem(&b->kit, x->req, code, "the file could not be made");
	else
		b->host->http_reply(x->req, 200, "text/csv; charset=utf-8",
				    (struct wb_str){ (const char *)x->out.ptr, x->out.len }, headers,
				    WA_ARRAY_LEN(headers));
}

static bool run(struct job *j)
{
	struct export *x = j->data;
	int64_t start = wa_mono_ms();
	int n;

	do {
		n = x->results ? result_page(j->b, x) : list_page(j->b, x);
		if (n <= 0 || x->out.failed) {
			finish(j->b, x, n < 0 ? n : 0);
			return true;
		}
	} while (!slice_over(start));
	return false;
}

static void begin(struct bc *b, struct wb_plugin_req *req, const char *id, bool results)
{
	struct export *x = b->exports < EXPORTS_MAX ? calloc(1, sizeof(*x)) : NULL;

	if (!x) {
		kit_problem(&b->kit, req, WA_ELIMIT, "other files are being made: try again in a moment");
		return;
	}
	b->exports++;
	x->b = b;
	x->req = req;
	x->results = results;
	x->vars = json_object();
	(void)snprintf(x->id, sizeof(x->id), "%s", id);
	wa_buf_init(&x->out, EXPORT_MAX);
	if (!job_start(b, run, x, export_free))
		kit_problem(&b->kit, req, WA_ENOMEM, "out of memory");
}

void export_list(struct bc *b, struct wb_plugin_req *take_req, const char *list)
{
	begin(b, take_req, list, false);
}

void export_results(struct bc *b, struct wb_plugin_req *take_req, const char *broadcast)
{
	begin(b, take_req, broadcast, true);
}
