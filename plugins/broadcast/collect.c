/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources become recipients, a page at a time. */
#include "audience.h"
#include "check.h"

#include "clock.h"
#include "text.h"

#define PAGE_ROWS 100
#define ANSWER_PATH_MAX 512

/* A page on its way into a transaction. */
struct collecting {
	struct bc *b;
	struct broadcast *x;
	const struct source *s;
	struct wb_tx *tx;
	int code;
};

static void take_doc(struct collecting *k, const struct person *p, const json_t *doc)
{
	if (k->s->bars)
		recipient_bar(k->tx, k->b, k->x->id, p);
	else if (k->code == 0)
		k->code = recipient_add(k->tx, k->b, k->x->id, p, doc);
}

static void take_person(struct collecting *k, const json_t *o, const char *name, json_t *take_vars)
{
	struct person p;
	json_t *doc;

	if (!person_of(o, &p)) {
		json_decref(take_vars);
		return;
	}
	doc = person_doc_make(&p, name, take_vars);
	take_doc(k, &p, doc);
	json_decref(doc);
}

/* ---- lists ---- */

static void on_member(void *ctx, int64_t n, const json_t *doc)
{
	struct person p = { .phone = "" };

	(void)n;
	(void)snprintf(p.phone, sizeof(p.phone), "%s", kit_member(doc, "phone"));
	(void)snprintf(p.lid, sizeof(p.lid), "%s", kit_member(doc, "lid"));
	take_doc(ctx, &p, doc);
}

static void list_turn(struct job *j, struct check *c, const struct source *s)
{
	struct bc *b = c->x->b;
	const char *id = s->id ? s->id : s->own;
	struct collecting k = { b, c->x, s, b->host->tx_begin(b->self), 0 };
	int64_t after = 0, last = 0;
	char at[STEP_MAX];
	struct list l;
	int n;

	if (s->id && *s->id && (list_find(b, s->id, "", &l) != 1)) {
		b->host->tx_abort(k.tx);
		check_fail(j, "list_not_found");
		return;
	}
	if (s->id)
		list_clear(&l);
	if (*c->at && wa_parse_i64(wa_span_str(c->at), 0, INT64_MAX, &after) < 0)
		after = 0;
	n = *id ? member_each(b, id, after, PAGE_ROWS, on_member, &k, &last) : 0;
	if (n < 0 || k.code < 0) {
		b->host->tx_abort(k.tx);
		check_later(j, 1000);
		return;
	}
	(void)snprintf(at, sizeof(at), "%lld", (long long)last);
	check_commit(j, k.tx, n < PAGE_ROWS ? c->step + 1 : c->step, n < PAGE_ROWS ? "" : at);
}

/* ---- what the REST API knows ---- */

static void take_own(struct collecting *k, const json_t *answer)
{
	take_person(k, answer, "", NULL);
}

static void take_label(struct collecting *k, const json_t *answer)
{
	json_t *use;
	size_t i;

	json_array_foreach(json_object_get(answer, "uses"), i, use) {
		json_t *o = json_object_get(use, "wa_id") ? NULL :
							    json_pack("{s:s}", "jid", kit_member(use, "chat"));

		if (o)
			take_person(k, o, "", NULL);
		json_decref(o);
	}
}

static void take_group(struct collecting *k, const json_t *answer)
{
	json_t *m;
	size_t i;

	json_array_foreach(json_object_get(answer, "participants"), i, m)
		take_person(k, m, kit_member(m, "name"),
			    json_pack("{s:s}", "group", kit_member(answer, "subject")));
}

/* The time of an order, or of the filter; `whole`: a date means its end. */
static int64_t when(struct broadcast *x, const char *text, bool whole)
{
	int64_t at = 0;

	if (!*text || wb_time_read(text, x->zone, &at, NULL, NULL) < 0)
		return 0;
	return whole && strlen(text) == 10 ? wb_day_start(x->zone, at, 1) - 1 : at;
}

/* Newest first; false: what follows is older than wanted. */
static bool take_orders(struct collecting *k, const json_t *answer)
{
	int64_t from = when(k->x, kit_member(k->s->query, "from"), false);
	int64_t to = when(k->x, kit_member(k->s->query, "to"), true), at;
	const json_t *customer, *total;
	json_t *order, *vars;
	size_t i;

	json_array_foreach(json_object_get(answer, "orders"), i, order) {
		if (wa_time_parse(wa_span_str(kit_member(order, "created_at")), &at) < 0)
			continue;
		if (from && at < from)
			return false;
		if (to && at > to)
			continue;
		customer = json_object_get(order, "customer");
		total = json_object_get(order, "total");
		vars = json_pack("{s:s, s:s, s:s}", "order_number", kit_member(order, "number"), "order_state",
				 kit_member(order, "state"), "order_date", kit_member(order, "created_at"));
		if (*kit_member(total, "amount"))
			json_object_set_new(vars, "order_total",
					    json_sprintf("%s %s", kit_member(total, "amount"), kit_member(total, "currency")));
		take_person(k, customer, kit_member(customer, "name"), vars);
	}
	return true;
}

static void on_answer(void *ctx, int32_t status, const char *content_type, struct wb_str body)
{
	struct job *j = ctx;
	struct check *c = j->data;
	struct bc *b = c->x->b;
	struct collecting k = { .b = b, .x = c->x };
	json_t *answer = status == 200 ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
	const char *next = NULL;
	struct source s;
	bool more = true;

	(void)content_type;
	c->waiting--;
	if (c->over || audience_source(c->x, (size_t)c->step - 1, &s) != 1) {
		json_decref(answer);
		job_wake(j);
		return;
	}
	if (!answer) {
		/* a session that was deleted bars nobody; what was asked for and is not there is a mistake */
		if (status == 404 && s.kind == SOURCE_OWN)
			check_commit(j, b->host->tx_begin(b->self), c->step + 1, "");
		else if (status == 404 || status == 422 || status == 400)
			check_fail(j, s.kind == SOURCE_ORDERS ? "orders_not_found" :
				      s.kind == SOURCE_GROUP  ? "group_not_found" : "label_not_found");
		else
			check_later(j, 5000);
		return;
	}
	k.s = &s;
	k.tx = b->host->tx_begin(b->self);
	if (s.kind == SOURCE_OWN)
		take_own(&k, answer);
	else if (s.kind == SOURCE_LABEL)
		take_label(&k, answer);
	else if (s.kind == SOURCE_GROUP)
		take_group(&k, answer);
	else
		more = take_orders(&k, answer);
	next = json_string_value(json_object_get(answer, "next"));
	if (k.code < 0) {
		b->host->tx_abort(k.tx);
		check_later(j, 1000);
	} else if (more && next && strlen(next) >= STEP_MAX) {
		b->host->tx_abort(k.tx);	/* not all of them would be worse than none */
		check_fail(j, "invalid_source");
	} else if (more && next) {
		check_commit(j, k.tx, c->step, next);
	} else {
		check_commit(j, k.tx, c->step + 1, "");
	}
	json_decref(answer);
}

static void put_escaped(struct wa_buf *out, const char *s)
{
	for (; *s; s++)
		if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("-_.~", *s))
			wa_buf_u8(out, (uint8_t)*s);
		else
			wa_buf_fmt(out, "%%%02X", (uint8_t)*s);
}

static void put_path(struct wa_buf *out, const struct source *s, const char *at)
{
	static const char *const filters[] = { "state", "store_id" };

	if (s->kind == SOURCE_ORDERS) {
		wa_buf_fmt(out, "/v1/orders?limit=%d", PAGE_ROWS);
		for (size_t i = 0; i < WA_ARRAY_LEN(filters); i++)
			if (*kit_member(s->query, filters[i])) {
				wa_buf_fmt(out, "&%s=", filters[i]);
				put_escaped(out, kit_member(s->query, filters[i]));
			}
		if (*at)
			wa_buf_fmt(out, "&cursor=%s", at);
		return;
	}
	wa_buf_str(out, "/v1/sessions/");
	put_escaped(out, s->session);
	if (s->kind == SOURCE_OWN)
		return;
	wa_buf_str(out, s->kind == SOURCE_LABEL ? "/labels/" : "/groups/");
	put_escaped(out, s->id);
	if (s->kind == SOURCE_LABEL)
		wa_buf_str(out, "/uses");
	if (*at) {
		wa_buf_str(out, "?cursor=");
		put_escaped(out, at);
	}
}

static void call_turn(struct job *j, struct check *c, const struct source *s)
{
	struct bc *b = c->x->b;
	struct wa_buf path;

	wa_buf_init(&path, ANSWER_PATH_MAX);
	put_path(&path, s, c->at);
	if (path.failed) {
		wa_buf_clear(&path);
		check_fail(j, "invalid_source");
		return;
	}
	job_wait(j);
	c->waiting++;
	b->host->call(b->self,
		      &(struct wb_plugin_call){ .size = sizeof(struct wb_plugin_call),
						.method = "GET",
						.path = wa_buf_cstr(&path) },
		      on_answer, j);
	wa_buf_clear(&path);
}

bool collect_turn(struct job *j, struct check *c)
{
	struct source s;

	if (audience_source(c->x, (size_t)c->step - 1, &s) != 1)
		return false;
	if (s.kind == SOURCE_LIST)
		list_turn(j, c, &s);
	else
		call_turn(j, c, &s);
	return true;
}
