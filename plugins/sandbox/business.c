/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Business profiles, products and orders. An account becomes a business by REST. */
#include "person.h"

#define PRODUCTS_MAX 500

static const char *const texts[] = { "description", "address", "email" };

static json_t *business(const struct sb_account *a)
{
	return a->person ? a->person->business : NULL;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "";
}

static void put_text(struct wa_arena *a, struct wa_node *parent, const char *tag, const char *text)
{
	wa_node_data(a, wa_node_child(a, parent, tag), wa_span_str(text));
}

/* details { verifiedName = 4 } as field 1: all that readers look at */
bool sb_verified_name(const struct sb_account *a, struct wa_buf *out)
{
	const char *name = text_of(business(a), "name");
	size_t len = strlen(*name ? name : a->name);

	if (!business(a) || len > 120)
		return false;
	wa_buf_u8(out, 1 << 3 | 2);
	wa_buf_u8(out, (uint8_t)(len + 2));
	wa_buf_u8(out, 4 << 3 | 2);
	wa_buf_u8(out, (uint8_t)len);
	wa_buf_span(out, wa_span(*name ? name : a->name, len));
	return wa_buf_end(out, NULL) == 0;
}

static void put_hours(struct wa_arena *a, struct wa_node *p, const json_t *hours)
{
	struct wa_node *h = wa_node_child(a, p, "business_hours"), *d;
	json_t *day;
	size_t i;

	wa_node_attr(a, h, "timezone", text_of(hours, "timezone"));
	json_array_foreach(json_object_get(hours, "days"), i, day)
	{
		d = wa_node_child(a, h, "business_hours_config");
		wa_node_attr(a, d, "day_of_week", text_of(day, "day"));
		wa_node_attr(a, d, "mode", text_of(day, "mode"));
		if (json_object_get(day, "open")) {
			wa_node_attr_int(a, d, "open_time", json_integer_value(json_object_get(day, "open")));
			wa_node_attr_int(a, d, "close_time", json_integer_value(json_object_get(day, "close")));
		}
	}
}

static void get_profile(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *ask = wa_node_get(wa_node_get(iq, "business_profile"), "profile");
	struct sb_account *of;
	struct wa_node *n, *p, *k;
	struct wa_jid jid;
	json_t *b, *site;
	size_t i;

	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "business_profile");
	of = wa_node_attr_jid_get(ask, "jid", &jid) ? sb_find(c->s, &jid) : NULL;
	b = of ? business(of) : NULL;
	if (b) {
		p = wa_node_child(&a, n, "profile");
		wa_node_attr_jid(&a, p, "jid", &jid);
		for (i = 0; i < WA_ARRAY_LEN(texts); i++)
			if (*text_of(b, texts[i]))
				put_text(&a, p, texts[i], text_of(b, texts[i]));
		json_array_foreach(json_object_get(b, "websites"), i, site)
			put_text(&a, p, "website", json_string_value(site) ? json_string_value(site) : "");
		k = wa_node_child(&a, wa_node_child(&a, p, "categories"), "category");
		wa_node_attr(&a, k, "id", "1");
		wa_node_data(&a, k, wa_span_str(*text_of(b, "category") ? text_of(b, "category") : "Shop"));
		if (json_object_get(b, "hours"))
			put_hours(&a, p, json_object_get(b, "hours"));
	}
	sb_iq_result(c, iq, &a, n);
}

static json_t *read_hours(const struct wa_node *h, struct wa_arena *a)
{
	json_t *days = json_array(), *day;
	const struct wa_node *d;

	for (d = wa_node_first(h); d; d = d->next) {
		if (!wa_node_is(d, "business_hours_config"))
			continue;
		day = json_pack("{ss ss}", "day", sb_attr(a, d, "day_of_week"), "mode", sb_attr(a, d, "mode"));
		if (wa_node_has(d, "open_time")) {
			json_object_set_new(day, "open", json_integer(wa_node_attr_num(d, "open_time", 0)));
			json_object_set_new(day, "close", json_integer(wa_node_attr_num(d, "close_time", 0)));
		}
		json_array_append_new(days, day);
	}
	return json_pack("{ss so}", "timezone", sb_attr(a, h, "timezone"), "days", days);
}

static void set_profile(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *p = wa_node_get(iq, "business_profile"), *k;
	json_t *b = business(c->dev->acc), *sites = json_array();

	wa_arena_init(&a, SB_STANZA_MAX);
	if (!b || !wa_node_attr_is(p, "mutation_type", "delta")) {
		json_decref(sites);
		sb_iq_error(c, iq, b ? 400 : 403);
		return;
	}
	for (k = wa_node_first(p); k; k = k->next) {
		for (size_t i = 0; i < WA_ARRAY_LEN(texts); i++)
			if (wa_node_is(k, texts[i]))
				json_object_set_new(b, texts[i],
						    json_string(wa_arena_str(&a, wa_node_bytes(k))));
		if (wa_node_is(k, "website") && wa_node_bytes(k).len)
			json_array_append_new(sites, json_string(wa_arena_str(&a, wa_node_bytes(k))));
		if (wa_node_is(k, "business_hours"))
			json_object_set_new(b, "hours", read_hours(k, &a));
	}
	if (wa_node_get(p, "website"))
		json_object_set(b, "websites", sites);
	json_decref(sites);
	sb_keep_account(c->dev->acc);
	sb_iq_result(c, iq, NULL, NULL);
}

void sb_iq_biz(struct sb_conn *c, const struct wa_node *iq)
{
	if (!wa_node_get(iq, "business_profile"))
		sb_iq_error(c, iq, 501);
	else if (wa_node_attr_is(iq, "type", "get"))
		get_profile(c, iq);
	else
		set_profile(c, iq);
}

/* ---- products ---- */

static void put_product(struct wa_arena *a, struct wa_node *parent, const json_t *o)
{
	static const char *const fields[] = { "id", "name", "description", "currency", "retailer_id", "url" };
	struct wa_node *n = wa_node_child(a, parent, "product"), *m;

	wa_node_attr(a, n, "is_hidden", json_is_true(json_object_get(o, "hidden")) ? "true" : "false");
	for (size_t i = 0; i < WA_ARRAY_LEN(fields); i++)
		put_text(a, n, fields[i], text_of(o, fields[i]));
	put_text(a, n, "price",
		 wa_arena_fmt(a, "%lld", (long long)json_integer_value(json_object_get(o, "price"))));
	m = wa_node_child(a, wa_node_child(a, n, "media"), "image");
	put_text(a, m, "request_image_url", text_of(o, "image"));
	put_text(a, m, "original_image_url", text_of(o, "image"));
	put_text(a, wa_node_child(a, n, "status_info"), "status", "APPROVED");
}

static void catalog(struct sb_conn *c, const struct wa_node *iq, const struct wa_node *ask, const char *jid_key)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sb_account *of;
	struct wa_node *n, *to;
	struct wa_jid jid;
	json_t *o;
	size_t i;

	of = wa_node_attr_jid_get(ask, jid_key, &jid) ? sb_find(c->s, &jid) : NULL;
	if (!of || !business(of)) {
		sb_iq_error(c, iq, 404);
		return;
	}
	wa_arena_init(&a, 4 * SB_STANZA_MAX);
	n = to = wa_node_new(&a, strcmp(jid_key, "jid") == 0 ? "product_catalog" : "collections");
	if (strcmp(jid_key, "biz_jid") == 0) {
		to = wa_node_child(&a, n, "collection");
		put_text(&a, to, "id", "1");
		put_text(&a, to, "name", "All");
		put_text(&a, wa_node_child(&a, to, "status_info"), "status", "APPROVED");
	}
	json_array_foreach(of->person->products, i, o) put_product(&a, to, o);
	sb_iq_result(c, iq, &a, n);
}

static json_t *find_product(json_t *list, const char *id, size_t *ret_i)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		*ret_i = i;
		if (strcmp(text_of(o, "id"), id) == 0)
			return o;
	}
	return NULL;
}

static void put_one(struct sb_conn *c, const struct wa_node *iq, const struct wa_node *ask, bool add)
{
	static const char *const fields[] = { "name", "description", "currency", "retailer_id" };
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *p = wa_node_get(ask, "product");
	struct sb_person *me = c->dev->acc->person;
	struct wa_node *n;
	json_t *o;
	size_t at = 0;

	wa_arena_init(&a, SB_STANZA_MAX);
	if (!me->products)
		me->products = json_array();
	o = add ? json_object()
		: find_product(me->products, wa_arena_str(&a, wa_node_bytes(wa_node_get(p, "id"))), &at);
	if (!p || !o || json_array_size(me->products) >= PRODUCTS_MAX) {
		if (add)
			json_decref(o);
		sb_iq_error(c, iq, p ? 404 : 400);
		return;
	}
	if (add) {
		json_object_set_new(o, "id", json_string(wa_arena_fmt(&a, "%llu", 70000ull + ++me->next_product)));
		json_array_append_new(me->products, o);
	}
	for (size_t i = 0; i < WA_ARRAY_LEN(fields); i++)
		if (wa_node_get(p, fields[i]))
			json_object_set_new(o, fields[i],
					    json_string(wa_arena_str(&a, wa_node_bytes(wa_node_get(p, fields[i])))));
	if (wa_node_get(p, "price"))
		json_object_set_new(o, "price",
				    json_integer(strtoll(wa_arena_str(&a, wa_node_bytes(wa_node_get(p, "price"))),
							 NULL, 10)));
	json_object_set_new(o, "hidden", json_boolean(wa_node_attr_is(p, "is_hidden", "true")));
	sb_keep_account(c->dev->acc);
	n = wa_node_new(&a, add ? "product_catalog_add" : "product_catalog_edit");
	put_product(&a, n, o);
	sb_iq_result(c, iq, &a, n);
}

static void remove_some(struct sb_conn *c, const struct wa_node *iq, const struct wa_node *ask)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sb_person *me = c->dev->acc->person;
	const struct wa_node *k;
	struct wa_node *n;
	int64_t gone = 0;
	size_t at = 0;

	wa_arena_init(&a, SB_STANZA_MAX);
	for (k = wa_node_first(ask); k; k = k->next)
		if (find_product(me->products, wa_arena_str(&a, wa_node_bytes(wa_node_get(k, "id"))), &at)) {
			json_array_remove(me->products, at);
			gone++;
		}
	sb_keep_account(c->dev->acc);
	n = wa_node_new(&a, "product_catalog_delete");
	wa_node_attr_int(&a, n, "deleted_count", gone);
	sb_iq_result(c, iq, &a, n);
}

void sb_iq_catalog(struct sb_conn *c, const struct wa_node *iq)
{
	const struct wa_node *k = wa_node_first(iq);

	if (wa_node_is(k, "product_catalog"))
		catalog(c, iq, k, "jid");
	else if (wa_node_is(k, "collections"))
		catalog(c, iq, k, "biz_jid");
	else if (!business(c->dev->acc))
		sb_iq_error(c, iq, 403);
	else if (wa_node_is(k, "product_catalog_add") || wa_node_is(k, "product_catalog_edit"))
		put_one(c, iq, k, wa_node_is(k, "product_catalog_add"));
	else if (wa_node_is(k, "product_catalog_delete"))
		remove_some(c, iq, k);
	else
		sb_iq_error(c, iq, 400);
}

/* Any order has the first two products of whoever is a business. */
void sb_iq_order(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *ask = wa_node_get(iq, "order");
	struct wa_node *n, *p;
	int64_t total = 0;
	struct wa_list *l;
	json_t *o;
	size_t i;

	if (!wa_node_attr_get(ask, "id").len || !wa_node_bytes(wa_node_get(ask, "token")).len) {
		sb_iq_error(c, iq, 400);
		return;
	}
	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "order");
	wa_node_attr_span(&a, n, "id", wa_node_attr_get(ask, "id"));
	WA_LIST_EACH(l, &c->s->accounts)
	{
		struct sb_account *acc = container_of(l, struct sb_account, link);

		if (!business(acc))
			continue;
		json_array_foreach(acc->person->products, i, o)
		{
			if (i == 2)
				break;
			p = wa_node_child(&a, n, "product");
			put_text(&a, p, "id", text_of(o, "id"));
			put_text(&a, p, "name", text_of(o, "name"));
			put_text(&a, wa_node_child(&a, p, "image"), "url", text_of(o, "image"));
			put_text(&a, p, "price",
				 wa_arena_fmt(&a, "%lld",
					      (long long)json_integer_value(json_object_get(o, "price"))));
			put_text(&a, p, "currency", text_of(o, "currency"));
			put_text(&a, p, "quantity", "1");
			total += json_integer_value(json_object_get(o, "price"));
		}
		break;
	}
	p = wa_node_child(&a, n, "price");
	put_text(&a, p, "total", wa_arena_fmt(&a, "%lld", (long long)total));
	put_text(&a, p, "currency", "EUR");
	sb_iq_result(c, iq, &a, n);
}
