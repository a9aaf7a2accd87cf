/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stored deliveries become orders. Each is worked on in one transaction that
 * also marks it done, so that a crash at any point means: again, from the
 * start, with the same result. Several are under way at once; two about the
 * same order collide on its row and the loser is read again.
 */
#include "delivery.h"

#include "locale.h"
#include "phone.h"
#include "record.h"
#include "text.h"

#define RETRY_MS    INT64_C(5000)
#define NUMBERS_MAX 6

/* What one delivery turned out to be. */
struct work {
	struct orders *o;
	const struct store *s;
	const char *delivery;
	struct source_order parsed;
	struct wb_tx *tx;
};

static void finish(struct work *w, const char *state, const char *reason, const char *order_id)
{
	delivery_done(w->tx, w->o, w->delivery, state, reason, order_id);
}

static bool list_has(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

static void add_number(json_t *numbers, const char *e164)
{
	char variants[WB_PHONE_CANDIDATES][WB_PHONE_E164_SIZE];
	size_t n = wb_phone_candidates(e164, variants);

	for (size_t i = 0; i < n && json_array_size(numbers) < NUMBERS_MAX; i++)
		if (!list_has(numbers, variants[i]))
			json_array_append_new(numbers, json_string(variants[i]));
}

/* Every number the order names, best first. *ret_why: why there is none. */
static json_t *collect_numbers(struct orders *o, const struct store *s, const json_t *doc,
			       const char **ret_why)
{
	const json_t *phones = source_list(doc, "phones");
	json_t *numbers = json_array();

	*ret_why = "no_phone";
	for (size_t i = 0; i < json_array_size(phones); i++) {
		const json_t *one = json_array_get(phones, i);
		const char *country = source_str(one, "country");
		char parts[WB_PHONE_PARTS][WB_PHONE_TEXT_MAX];
		size_t n = wb_phone_split(source_str(one, "raw"), parts);

		if (!*country)
			country = source_str(doc, "country");
		if (!*country)
			country = s->country;
		for (size_t k = 0; k < n; k++) {
			char e164[32], reason[64] = "";

			if (o->host->phone_parse(o->self, parts[k], country, e164, reason) == 0)
				add_number(numbers, e164);
			else if (strcmp(reason, "empty") != 0)
				*ret_why = strcmp(reason, "missing_country") == 0
						   ? "missing_phone_country"
						   : "invalid_phone";
		}
	}
	return numbers;
}

static bool too_old(struct orders *o, const json_t *doc)
{
	int32_t offset;
	int64_t at;

	if (o->max_age_ms == 0 ||
	    wb_time_parse(wa_span_str(source_str(doc, "created_at")), &at, &offset) < 0)
		return false;
	return at * 1000 < now_ms(o) - o->max_age_ms;
}

/* Why an order that is new to us gets no confirmation; NULL: it does. */
static const char *not_wanted(struct work *w)
{
	const json_t *payment = source_object(w->parsed.order, "payment");

	if (store_flag(w->s, "cod_only", false) && strcmp(source_str(payment, "class"), "cod") != 0)
		return "not_cash_on_delivery";
	if (w->parsed.event == SOURCE_FULFILMENT)
		return "unknown_order";
	if (w->parsed.event == SOURCE_UPDATED && *source_str(w->parsed.order, "fulfilment"))
		return "fulfilled";
	if (w->parsed.event == SOURCE_UPDATED && too_old(w->o, w->parsed.order))
		return "too_old";
	return NULL;
}

static int fill_order(struct work *w, struct order *ord, const char **ret_why)
{
	const json_t *doc = w->parsed.order;
	const char *number = source_str(doc, "number");
	char country[3];
	json_t *numbers = collect_numbers(w->o, w->s, doc, ret_why);

	memset(ord, 0, sizeof(*ord));
	w->o->host->ulid(ord->id);
	snprintf(ord->store_id, sizeof(ord->store_id), "%s", w->s->id);
	snprintf(ord->external_id, sizeof(ord->external_id), "%s", source_str(doc, "external_id"));
	snprintf(ord->number, sizeof(ord->number), "%s", *number ? number : ord->external_id);
	snprintf(ord->session, sizeof(ord->session), "%s", w->s->session);
	snprintf(ord->source_updated, sizeof(ord->source_updated), "%s",
		 source_str(doc, "updated_at"));
	ord->doc = json_incref(w->parsed.order);
	ord->contact = json_pack("{s:O}", "numbers", numbers);
	if (json_array_size(numbers) > 0) {
		*ret_why = NULL;
		json_object_set(ord->contact, "phone", json_array_get(numbers, 0));
		if (!*source_str(doc, "country") &&
		    wb_phone_country(json_string_value(json_array_get(numbers, 0)), country) == 1)
			json_object_set_new(w->parsed.order, "country", json_string(country));
	}
	json_decref(numbers);
	return ord->contact ? WA_OK : WA_ENOMEM;
}

static int create_order(struct work *w)
{
	int64_t delay = store_minutes(w->s, "delay_minutes", 0), now = now_ms(w->o);
	const char *no_number = NULL;
	struct order ord;
	int r = fill_order(w, &ord, &no_number);

	if (r == 0 && w->parsed.event != SOURCE_CANCELLED && !no_number)
		order_set_due(&ord, DUE_CHECK, now + delay);
	if (r == 0)
		r = order_insert(w->tx, w->o, &ord, ORDER_BY_STORE);
	/* the cancellation came before the order: it must not be confirmed when that arrives */
	if (r == 0 && w->parsed.event == SOURCE_CANCELLED)
		r = order_change(w->tx, w->o, &ord, ORDER_CANCELLED, ORDER_BY_STORE, "store");
	else if (r == 0 && no_number)
		r = order_change(w->tx, w->o, &ord, ORDER_FAILED, ORDER_BY_SYSTEM, no_number);
	else if (r == 0 && delay > 0)
		r = order_change(w->tx, w->o, &ord, ORDER_HELD, ORDER_BY_SYSTEM, "delay");
	if (r == 0)
		finish(w, "processed", "created", ord.id);
	order_clear(&ord);
	return r;
}

/* The shop corrected the order before it was sent. No number at all: keep the old ones. */
static void renew_numbers(struct work *w, struct order *ord)
{
	const char *why;
	json_t *numbers = collect_numbers(w->o, w->s, w->parsed.order, &why);

	if (json_array_size(numbers) > 0) {
		json_object_set(ord->contact, "numbers", numbers);
		json_object_set(ord->contact, "phone", json_array_get(numbers, 0));
		ord->contact_changed = true;
	}
	json_decref(numbers);
}

static int fulfilment_rank(const json_t *doc)
{
	const char *f = source_str(doc, "fulfilment");

	return strcmp(f, "delivered") == 0 ? 2 : strcmp(f, "shipped") == 0;
}

/* The goods went on; they never come back by a webhook that was late. What is told of an order nobody may
 * answer any more is only this. */
static bool goods_moved(const struct work *w, const struct order *ord)
{
	return ord->state != ORDER_CANCELLED && fulfilment_rank(w->parsed.order) > fulfilment_rank(ord->doc);
}

static int write_fulfilment(struct work *w, struct order *ord, const char *previous)
{
	json_t *extra = json_pack("{s:s}", "previous_fulfilment", previous);
	int r = order_touch(w->tx, w->o, ord);

	if (r == 0)
		r = order_event(w->tx, w->o, ord, "order.fulfilment", extra);
	json_decref(extra);
	if (r == 0)
		finish(w, "processed", "fulfilment", ord->id);
	return r;
}

/* doc becomes the order's, which keeps how far the goods are. */
static int take_doc(struct work *w, struct order *ord, json_t *doc)
{
	bool moved = goods_moved(w, ord);
	const json_t *from = moved ? w->parsed.order : ord->doc;
	char previous[16], now[16];
	int r;

	snprintf(previous, sizeof(previous), "%s", source_str(ord->doc, "fulfilment"));
	snprintf(now, sizeof(now), "%s", source_str(from, "fulfilment"));
	json_incref(doc);
	json_decref(ord->doc);
	ord->doc = doc;
	ord->doc_changed = true;
	if (*now)
		json_object_set_new(ord->doc, "fulfilment", json_string(now));
	if (moved)
		return write_fulfilment(w, ord, previous);
	r = order_touch(w->tx, w->o, ord);
	if (r == 0)
		finish(w, "processed", "updated", ord->id);
	return r;
}

static int update_order(struct work *w, struct order *ord)
{
	const char *updated = source_str(w->parsed.order, "updated_at");
	int64_t new_s, old_s;
	int32_t offset;
	int r = WA_OK;

	if (w->parsed.event == SOURCE_CANCELLED &&
	    order_may(ord->state, ORDER_CANCELLED, ORDER_BY_STORE)) {
		if (ord->state == ORDER_QUEUED && *ord->message_id)
			w->o->host->tx_cancel_message(w->tx, ord->message_id);
		order_set_due(ord, DUE_NOTHING, 0);
		r = order_change(w->tx, w->o, ord, ORDER_CANCELLED, ORDER_BY_STORE, "store");
		if (r == 0)
			finish(w, "processed", "cancelled", ord->id);
		return r;
	}
	if (w->parsed.event == SOURCE_FULFILMENT || order_is_final(ord->state)) {
		if (goods_moved(w, ord))
			return take_doc(w, ord, ord->doc);
		finish(w, "processed", order_is_final(ord->state) ? "closed" : "nothing_new", ord->id);
		return WA_OK;
	}
	if (wb_time_parse(wa_span_str(updated), &new_s, &offset) == 0 &&
	    wb_time_parse(wa_span_str(ord->source_updated), &old_s, &offset) == 0 &&
	    new_s <= old_s) {
		finish(w, "processed", "nothing_new", ord->id);
		return WA_OK;
	}
	/* a deletion carries no more than the id: what is known stays */
	if (w->parsed.event == SOURCE_CANCELLED) {
		finish(w, "processed", "closed", ord->id);
		return WA_OK;
	}
	if (ord->state == ORDER_RECEIVED || ord->state == ORDER_HELD)
		renew_numbers(w, ord);
	snprintf(ord->source_updated, sizeof(ord->source_updated), "%s", updated);
	return take_doc(w, ord, w->parsed.order);
}

static int apply(struct work *w)
{
	const char *why;
	struct order ord;
	int r;

	if (w->parsed.event == SOURCE_IGNORED) {
		finish(w, "ignored", w->parsed.why, NULL);
		return WA_OK;
	}
	r = order_find_external(w->o, w->s->id, source_str(w->parsed.order, "external_id"), &ord);
	if (r == 1) {
		r = update_order(w, &ord);
		order_clear(&ord);
		return r;
	}
	if (r < 0)
		return r;
	why = not_wanted(w);
	if (why) {
		finish(w, "ignored", why, NULL);
		return WA_OK;
	}
	return create_order(w);
}

static void on_done(void *ctx, int32_t code, const char *message)
{
	struct job *j = ctx;
	struct orders *o = j->o;

	job_end(j);
	if (code == WB_OK || code == WB_ECONFLICT || code == WB_EDUP) {
		wake_at(o, 0);
		return;
	}
	log_event(o, WB_ERROR, "orders.delivery_not_processed", "error", message ? message : "",
		  NULL, NULL);
	wake_at(o, now_ms(o) + RETRY_MS);
}

/* Everything about one delivery goes into tx. */
static int work_on(struct orders *o, const char *id, struct wb_tx *tx)
{
	struct work w = { .o = o, .delivery = id, .tx = tx };
	struct source_request req = { 0 };
	struct wa_err err = WA_ERR_INIT;
	const struct source *kind;
	json_t *headers = NULL;
	struct delivery d;
	struct wa_buf body;
	struct store s;
	int r = delivery_find(o, id, &d);

	if (r != 1)
		return r < 0 ? r : WA_ENOTFOUND;
	r = store_find(o, d.store_id, &s);
	if (r != 1)
		return r < 0 ? r : WA_ENOTFOUND;
	r = delivery_raw(o, id, &headers, &body);
	if (r != 1) {
		store_clear(&s);
		return r < 0 ? r : WA_ENOTFOUND;
	}
	kind = source_find(s.kind);
	req.headers = headers;
	req.body = wa_buf_view(&body);
	w.s = &s;
	r = kind ? kind->parse(&req, &w.parsed, &err) : WA_EUNSUPPORTED;
	if (r == 0)
		r = apply(&w);
	else if (r != WA_ENOMEM) {
		log_event(o, WB_WARN, "orders.delivery_unreadable", "delivery", id, "why", err.msg);
		finish(&w, "failed", err.msg[0] ? err.msg : "unreadable", NULL);
		r = WA_OK;
	}
	json_decref(w.parsed.order);
	json_decref(headers);
	wa_buf_clear(&body);
	store_clear(&s);
	return r;
}

static void start_one(struct orders *o, const char *id)
{
	struct job *j = job_start(o, JOB_DELIVERY, id);
	struct wb_tx *tx;
	int r;

	if (!j)
		return;
	tx = tx_new(o);
	r = work_on(o, id, tx);
	if (r < 0) {
		o->host->tx_abort(tx);
		on_done(j, r, wa_code_str(r));
		return;
	}
	o->host->tx_commit(tx, on_done, j);
}

void intake_pump(struct orders *o)
{
	char ids[2 * ORDERS_CHECKS_MAX][ID_SIZE];
	int n = delivery_waiting(o, ids, WA_ARRAY_LEN(ids));

	if (n < 0)
		wake_at(o, now_ms(o) + RETRY_MS);
	for (int i = 0; i < n && job_count(o, JOB_DELIVERY) < ORDERS_CHECKS_MAX; i++)
		start_one(o, ids[i]);
}
