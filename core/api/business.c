/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Business profiles, catalogues, products and orders. */
#include "account.h"

#define PAGE_DEFAULT 50
#define PAGE_MAX     100

static json_t *business_json(const struct wa_business *b)
{
	json_t *o = json_object(), *list, *hours, *day;

	api_put_text(o, "description", b->description);
	api_put_text(o, "address", b->address);
	api_put_text(o, "email", b->email);
	list = json_array();
	for (size_t i = 0; i < b->n_websites; i++)
		json_array_append_new(list, json_string(b->websites[i]));
	json_object_set_new(o, "websites", list);
	list = json_array();
	for (size_t i = 0; i < b->n_categories; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "id", b->category_ids[i], "name", b->categories[i]));
	json_object_set_new(o, "categories", list);
	if (b->n_hours) {
		list = json_array();
		for (size_t i = 0; i < b->n_hours; i++) {
			day = json_pack("{s:s, s:s}", "day", b->hours[i].day, "mode", b->hours[i].mode);
			if (strcmp(b->hours[i].mode, "specific_hours") == 0) {
				json_object_set_new(day, "open", json_integer(b->hours[i].open_min));
				json_object_set_new(day, "close", json_integer(b->hours[i].close_min));
			}
			json_array_append_new(list, day);
		}
		hours = json_pack("{s:s, s:o}", "timezone", b->timezone ? b->timezone : "", "days", list);
		json_object_set_new(o, "hours", hours);
	}
	return o;
}

static void on_business(void *arg, int code, const struct wa_business *b)
{
	struct ask *k = arg;

	if (code == 0 && b)
		api_ask_reply(k, business_json(b));
	else
		api_ask_ok(k, code ? code : 404, code ? NULL : "this account is no business");
}

void api_contact_business(struct wb_req *req, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct ask *k = api_ask_who(ctx, req, &c);

	if (k)
		api_ask_begin(k, wa_client_business_get(c, &k->who, on_business, k, &err), &err);
}

/* False: not what is documented. */
static bool read_hours(json_t *hours, struct wa_business *b)
{
	json_t *days = json_object_get(hours, "days"), *d;
	size_t i;

	b->set_hours = true;
	b->timezone = json_string_value(json_object_get(hours, "timezone"));
	if (!b->timezone || !json_is_array(days) || json_array_size(days) > WA_BIZ_HOURS_MAX)
		return false;
	json_array_foreach(days, i, d) {
		struct wa_business_hours *h = &b->hours[b->n_hours++];

		h->day = json_string_value(json_object_get(d, "day"));
		h->mode = json_string_value(json_object_get(d, "mode"));
		h->open_min = (int)json_integer_value(json_object_get(d, "open"));
		h->close_min = (int)json_integer_value(json_object_get(d, "close"));
		if (!h->day || !h->mode)
			return false;
	}
	return true;
}

static bool read_websites(json_t *list, struct wa_business *b)
{
	json_t *v;
	size_t i;

	b->set_websites = true;
	if (!json_is_array(list) || json_array_size(list) > WA_BIZ_WEBSITES_MAX)
		return false;
	json_array_foreach(list, i, v) {
		b->websites[b->n_websites++] = json_string_value(v);
		if (!json_is_string(v))
			return false;
	}
	return true;
}

/* {"description", "address", "email", "websites", "hours"} */
void api_business_patch(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct wa_business b = { 0 };
	json_t *doc, *sites = NULL, *hours = NULL;
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p;
	json_error_t je;

	if (!c || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s?s, s?s, s?s, s?o, s?o}", "description", &b.description, "address",
			   &b.address, "email", &b.email, "websites", &sites, "hours", &hours) ||
	    (sites && !read_websites(sites, &b)) || (hours && !read_hours(hours, &b))) {
		wb_reply_problem(req, 422, "invalid", "description, address, email, websites, hours: see the description");
		return;
	}
	p = api_reply_new(ctx, req, 204, NULL);
	if (p)
		api_ask_begun(p, wa_client_business_set(c, &b, api_ask_done, p, &err), &err);
}

/* ---- products ---- */

static json_t *product_json(const struct wa_catalog_product *p)
{
	json_t *o = json_pack("{s:s, s:s, s:I, s:b}", "id", p->id, "name", p->name, "price_1000",
			      (json_int_t)p->price_1000, "hidden", p->hidden);

	api_put_text(o, "description", p->description);
	api_put_text(o, "currency", p->currency);
	api_put_text(o, "retailer_id", p->retailer_id);
	api_put_text(o, "url", p->url);
	api_put_text(o, "image_url", p->image_url);
	api_put_text(o, "status", p->status);
	if (p->quantity)
		json_object_set_new(o, "quantity", json_integer(p->quantity));
	return o;
}

static json_t *products_json(const struct wa_catalog_product *list, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, product_json(&list[i]));
	return a;
}

static void on_catalog(void *arg, int code, const struct wa_catalog *cat)
{
	struct ask *k = arg;

	if (api_ask_ok(k, code, NULL))
		api_ask_reply(k, json_pack("{s:o, s:o}", "products", products_json(cat->products, cat->n), "next",
					   cat->next ? json_string(cat->next) : json_null()));
}

void api_contact_catalog(struct wb_req *req, void *ctx)
{
	const char *after = wb_req_query(req, "cursor");
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct ask *k;
	int64_t limit;

	if (!api_query_int(req, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit))
		return;
	k = api_ask_who(ctx, req, &c);
	if (k)
		api_ask_begin(k, wa_client_catalog(c, &k->who, (unsigned)limit, after, on_catalog, k, &err), &err);
}

static void on_collections(void *arg, int code, const struct wa_collection *list, size_t n)
{
	json_t *a;
	struct ask *k = arg;

	if (!api_ask_ok(k, code, NULL))
		return;
	a = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_pack("{s:s, s:s, s:o}", "id", list[i].id, "name", list[i].name, "products",
						   products_json(list[i].products, list[i].n)));
	api_ask_reply(k, json_pack("{s:o}", "collections", a));
}

void api_contact_collections(struct wb_req *req, void *ctx)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct ask *k = api_ask_who(ctx, req, &c);

	if (k)
		api_ask_begin(k, wa_client_collections(c, &k->who, PAGE_DEFAULT, on_collections, k, &err), &err);
}

static void on_order(void *arg, int code, const struct wa_order_details *o)
{
	struct ask *k = arg;

	if (api_ask_ok(k, code, NULL))
		api_ask_reply(k, json_pack("{s:I, s:s, s:o}", "total_1000", (json_int_t)o->total_1000, "currency",
					   o->currency, "products", products_json(o->products, o->n)));
}

/* ?token=: of the order message */
void api_order_get(struct wb_req *req, void *ctx)
{
	const char *token = wb_req_query(req, "token");
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct wa_err err = WA_ERR_INIT;
	struct ask *k = c ? api_ask_new(ctx, req, s, NULL) : NULL;

	if (k)
		api_ask_begin(k, wa_client_order(c, wb_req_param(req, "order"), token ? token : "", on_order, k, &err),
			      &err);
}

static void on_product(void *arg, int code, const char *text)
{
	struct ask *k = arg;

	if (api_ask_ok(k, code, text))
		api_ask_reply(k, json_pack("{s:s}", "id", text));
}

static void put_product(struct wb_req *req, struct wb_api *api, const char *id)
{
	struct wb_session *s;
	struct wa_client *c = api_client(api, req, &s);
	struct wa_catalog_product p = { .id = id };
	struct wa_err err = WA_ERR_INIT;
	json_int_t price = 0;
	int hidden = 0;
	json_error_t je;
	struct ask *k;
	json_t *doc;

	if (!c || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s?s, s?s, s?s, s?s, s?s, s?I, s?b}", "name", &p.name, "description",
			   &p.description, "currency", &p.currency, "retailer_id", &p.retailer_id, "image_url",
			   &p.image_url, "price_1000", &price, "hidden", &hidden)) {
		api_refuse_json(req, &je);
		return;
	}
	p.price_1000 = price;
	p.hidden = hidden;
	k = api_ask_new(api, req, s, NULL);
	if (!k)
		return;
	k->p->status = id ? 200 : 201;
	api_ask_begin(k, wa_client_product_put(c, &p, on_product, k, &err), &err);
}

void api_product_create(struct wb_req *req, void *ctx)
{
	put_product(req, ctx, NULL);
}

void api_product_patch(struct wb_req *req, void *ctx)
{
	put_product(req, ctx, wb_req_param(req, "product"));
}

void api_product_delete(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct api_reply *p = c ? api_reply_new(ctx, req, 204, NULL) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (p)
		api_ask_begun(p, wa_client_product_delete(c, wb_req_param(req, "product"), api_ask_done, p, &err), &err);
}
