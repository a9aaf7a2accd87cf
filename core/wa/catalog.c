/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of businesses: catalogues, collections, orders. */
#include <wa/account.h>

#include "client_int.h"

#include <stdlib.h>

#define CATALOG_ARENA_MAX (8u << 20)
#define LIMIT_MAX         100
#define TEXT_MAX          4096
#define PICTURE_PX        "100"

struct ask {
	wa_catalog_fn *catalog;
	wa_collections_fn *collections;
	wa_order_fn *order;
	void *arg;
	struct wa_arena arena;
};

static const char *child_text(struct wa_arena *a, const struct wa_node *n, const char *tag)
{
	return wa_arena_str(a, wa_node_bytes(wa_node_get(n, tag)));
}

static int64_t child_num(const struct wa_node *n, const char *tag)
{
	struct wa_span s = wa_node_bytes(wa_node_get(n, tag));
	int64_t v = 0;
	size_t i;

	if (s.len > 18)
		return 0;
	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return 0;
		v = 10 * v + (s.ptr[i] - '0');
	}
	return v;
}

static void read_product(struct wa_arena *a, const struct wa_node *n, struct wa_catalog_product *p)
{
	const struct wa_node *image = wa_node_get(wa_node_get(n, "media"), "image");

	p->id = child_text(a, n, "id");
	p->name = child_text(a, n, "name");
	p->description = child_text(a, n, "description");
	p->currency = child_text(a, n, "currency");
	p->retailer_id = child_text(a, n, "retailer_id");
	p->url = child_text(a, n, "url");
	p->status = child_text(a, wa_node_get(n, "status_info"), "status");
	p->price_1000 = child_num(n, "price");
	p->quantity = (int)(child_num(n, "quantity") % INT32_MAX);
	p->hidden = wa_node_attr_is(n, "is_hidden", "true");
	if (!image)	/* orders */
		image = wa_node_get(n, "image");
	p->image_url = child_text(a, image, "request_image_url");
	if (p->image_url && !*p->image_url)
		p->image_url = child_text(a, image, "original_image_url");
	if (p->image_url && !*p->image_url)
		p->image_url = child_text(a, image, "url");
}

/* The <product> children; NULL: there are none, or memory ran out (the arena says). */
static struct wa_catalog_product *read_products(struct wa_arena *a, const struct wa_node *parent, size_t *ret_n)
{
	const struct wa_node *it;
	struct wa_catalog_product *list;
	size_t n = 0;

	*ret_n = 0;
	for (it = wa_node_first(parent); it && n < WA_PRODUCTS_MAX; it = it->next)
		n += wa_node_is(it, "product");
	if (n == 0)
		return NULL;
	list = wa_arena_alloc(a, n * sizeof(*list));
	if (!list)
		return NULL;
	for (it = wa_node_first(parent); it && *ret_n < n; it = it->next)
		if (wa_node_is(it, "product"))
			read_product(a, it, &list[(*ret_n)++]);
	return list;
}

static void on_catalog(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *n = wa_node_get(node, "product_catalog");
	const struct wa_node *after = wa_node_get(wa_node_get(n, "paging"), "after");
	struct wa_catalog cat = { 0 };
	struct ask *k = arg;

	(void)c;
	if (code == 0) {
		cat.products = read_products(&k->arena, n, &cat.n);
		if (wa_node_bytes(after).len)
			cat.next = wa_arena_str(&k->arena, wa_node_bytes(after));
		if (wa_arena_failed(&k->arena))
			code = WA_ENOMEM;
	}
	k->catalog(k->arg, code, code ? NULL : &cat);
	wa_arena_clear(&k->arena);
	free(k);
}

static void on_collections(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *it = wa_node_first(wa_node_get(node, "collections"));
	struct wa_collection list[WA_COLLECTIONS_MAX];
	struct ask *k = arg;
	size_t n = 0;

	(void)c;
	for (; code == 0 && it && n < WA_COLLECTIONS_MAX; it = it->next) {
		struct wa_collection *o = &list[n];

		if (!wa_node_is(it, "collection"))
			continue;
		o->id = child_text(&k->arena, it, "id");
		o->name = child_text(&k->arena, it, "name");
		o->status = child_text(&k->arena, wa_node_get(it, "status_info"), "status");
		o->products = read_products(&k->arena, it, &o->n);
		n++;
	}
	if (code == 0 && wa_arena_failed(&k->arena))
		code = WA_ENOMEM;
	k->collections(k->arg, code, list, code ? 0 : n);
	wa_arena_clear(&k->arena);
	free(k);
}

static void on_order(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *n = wa_node_get(node, "order"), *price = wa_node_get(n, "price");
	struct wa_order_details o = { 0 };
	struct ask *k = arg;

	(void)c;
	if (code == 0 && !n)
		code = WA_EPROTO;
	if (code == 0) {
		o.total_1000 = child_num(price, "total");
		o.currency = child_text(&k->arena, price, "currency");
		o.products = read_products(&k->arena, n, &o.n);
		if (wa_arena_failed(&k->arena))
			code = WA_ENOMEM;
	}
	k->order(k->arg, code, code ? NULL : &o);
	wa_arena_clear(&k->arena);
	free(k);
}

static struct ask *ask_new(void *arg, struct wa_err *err)
{
	struct ask *k = calloc(1, sizeof(*k));

	if (!k) {
		wa_err_set(err, WA_ENOMEM, "no memory for a question");
		return NULL;
	}
	k->arg = arg;
	wa_arena_init(&k->arena, CATALOG_ARENA_MAX);
	return k;
}

static void put_text(struct wa_arena *a, struct wa_node *p, const char *tag, const char *text)
{
	wa_node_data(a, wa_node_child(a, p, tag), wa_span_str(text));
}

static int check(struct wa_client *c, const struct wa_jid *who, unsigned limit, struct wa_err *err)
{
	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (who && (!wa_jid_is_user(who) || !who->user[0] || limit == 0 || limit > LIMIT_MAX))
		return wa_err_set(err, WA_EINVALID, "a person and 1 to %d products", LIMIT_MAX);
	return 0;
}

/* Catalogues belong to phone numbers. */
static struct wa_jid owner_of(struct wa_client *c, const struct wa_jid *who)
{
	struct wa_jid jid = wa_jid_bare(who), pn;

	return jid.server == WA_SRV_LID && wa_signal_pn_of(c->sig, &jid, &pn) == 1 ? pn : jid;
}

int wa_client_catalog(struct wa_client *c, const struct wa_jid *who, unsigned limit, const char *after,
		      wa_catalog_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_jid jid;
	struct wa_node *iq, *n;
	struct wa_arena a;
	struct ask *k;
	int rc = check(c, who, limit, err);

	if (rc || !(k = ask_new(arg, err)))
		return rc ? rc : WA_ENOMEM;
	k->catalog = fn;
	client_enter(c);
	jid = owner_of(c, who);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "w:biz:catalog");
	n = wa_node_child(&a, iq, "product_catalog");
	wa_node_attr_jid(&a, n, "jid", &jid);
	wa_node_attr(&a, n, "allow_shop_source", "true");
	put_text(&a, n, "limit", wa_arena_fmt(&a, "%u", limit));
	put_text(&a, n, "width", PICTURE_PX);
	put_text(&a, n, "height", PICTURE_PX);
	if (after && *after)
		put_text(&a, n, "after", after);
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_catalog, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

int wa_client_collections(struct wa_client *c, const struct wa_jid *who, unsigned limit, wa_collections_fn *fn,
			  void *arg, struct wa_err *err)
{
	struct wa_jid jid;
	struct wa_node *iq, *n;
	struct wa_arena a;
	struct ask *k;
	int rc = check(c, who, limit, err);

	if (rc || !(k = ask_new(arg, err)))
		return rc ? rc : WA_ENOMEM;
	k->collections = fn;
	client_enter(c);
	jid = owner_of(c, who);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "w:biz:catalog");
	wa_node_attr(&a, iq, "smax_id", "35");
	n = wa_node_child(&a, iq, "collections");
	wa_node_attr_jid(&a, n, "biz_jid", &jid);
	put_text(&a, n, "collection_limit", wa_arena_fmt(&a, "%u", limit));
	put_text(&a, n, "item_limit", wa_arena_fmt(&a, "%u", limit));
	put_text(&a, n, "width", PICTURE_PX);
	put_text(&a, n, "height", PICTURE_PX);
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_collections, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

int wa_client_order(struct wa_client *c, const char *id, const char *token, wa_order_fn *fn, void *arg,
		    struct wa_err *err)
{
	struct wa_node *iq, *n, *dim;
	struct wa_arena a;
	struct ask *k;
	int rc = check(c, NULL, 0, err);

	if (rc)
		return rc;
	if (!*id || strlen(id) > TEXT_MAX || !*token || strlen(token) > TEXT_MAX)
		return wa_err_set(err, WA_EINVALID, "an order needs its id and token");
	k = ask_new(arg, err);
	if (!k)
		return WA_ENOMEM;
	k->order = fn;
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "fb:thrift_iq");
	wa_node_attr(&a, iq, "smax_id", "5");
	n = wa_node_child(&a, iq, "order");
	wa_node_attr(&a, n, "op", "get");
	wa_node_attr(&a, n, "id", id);
	dim = wa_node_child(&a, n, "image_dimensions");
	put_text(&a, dim, "width", PICTURE_PX);
	put_text(&a, dim, "height", PICTURE_PX);
	put_text(&a, n, "token", token);
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_order, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

/* ---- our own products ---- */

static void product_id(const struct wa_node *answer, char *out, size_t size)
{
	const struct wa_node *n = wa_node_get(answer, "product_catalog_add");

	if (!n)
		n = wa_node_get(answer, "product_catalog_edit");
	span_copy(out, size, wa_node_bytes(wa_node_get(wa_node_get(n, "product"), "id")));
}

static void put_product(struct wa_arena *a, struct wa_node *parent, const struct wa_catalog_product *p)
{
	struct wa_node *n = wa_node_child(a, parent, "product"), *image;

	wa_node_attr(a, n, "is_hidden", p->hidden ? "true" : "false");
	if (p->id)
		put_text(a, n, "id", p->id);
	else
		wa_node_attr(a, n, "compliance_category", "COUNTRY_ORIGIN_EXEMPT");
	if (p->name)
		put_text(a, n, "name", p->name);
	if (p->description)
		put_text(a, n, "description", p->description);
	if (p->retailer_id)
		put_text(a, n, "retailer_id", p->retailer_id);
	if (p->image_url) {
		image = wa_node_child(a, wa_node_child(a, n, "media"), "image");
		put_text(a, image, "url", p->image_url);
	}
	if (p->currency) {
		put_text(a, n, "price", wa_arena_fmt(a, "%lld", (long long)p->price_1000));
		put_text(a, n, "currency", p->currency);
	}
	put_text(a, parent, "width", PICTURE_PX);
	put_text(a, parent, "height", PICTURE_PX);
}

int wa_client_product_put(struct wa_client *c, const struct wa_catalog_product *p, wa_done_fn *fn, void *arg,
			  struct wa_err *err)
{
	const char *const texts[] = { p->id, p->name, p->description, p->retailer_id, p->image_url, p->currency };
	struct wa_node *iq, *n;
	struct wa_arena a;
	size_t i;
	int rc = check(c, NULL, 0, err);

	if (rc)
		return rc;
	for (i = 0; i < WA_ARRAY_LEN(texts); i++)
		if (texts[i] && strlen(texts[i]) > TEXT_MAX)
			return wa_err_set(err, WA_EINVALID, "a text of the product is too long");
	if (!p->id && (!p->name || !*p->name))
		return wa_err_set(err, WA_EINVALID, "a product needs a name");
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "w:biz:catalog");
	n = wa_node_child(&a, iq, p->id ? "product_catalog_edit" : "product_catalog_add");
	wa_node_attr(&a, n, "v", "1");
	put_product(&a, n, p);
	iq_done(c, &a, iq, product_id, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

int wa_client_product_delete(struct wa_client *c, const char *id, wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_node *iq, *n;
	struct wa_arena a;
	int rc = check(c, NULL, 0, err);

	if (rc)
		return rc;
	if (!*id || strlen(id) > TEXT_MAX)
		return wa_err_set(err, WA_EINVALID, "a product has an id");
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "w:biz:catalog");
	n = wa_node_child(&a, iq, "product_catalog_delete");
	wa_node_attr(&a, n, "v", "1");
	put_text(&a, wa_node_child(&a, n, "product"), "id", id);
	iq_done(c, &a, iq, NULL, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}
