/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_SOURCE_H
#define ORDERS_SOURCE_H

/*
 * Where orders come from. A source is one row of functions: is this request
 * authentic, what is it about, and what does its body say as a normalised
 * order. Pure: no host, no clock, no storage.
 *
 * A new kind of shop is a file source_<kind>.c with its `const struct source`,
 * listed in source.c.
 *
 * The normalised order, the same for every source (all parts may be missing
 * except external_id; texts are clipped, lists are bounded):
 *
 *	{"platform", "external_id", "number", "created_at", "updated_at", "status",
 *	 "payment": {"method", "label", "class": "cod|prepaid|transfer|unknown"},
 *	 "total": {"amount": decimal text, "currency"},
 *	 "customer": {"name", "first_name", "email", "locale"},
 *	 "phones": [{"raw", "source", "country"}], "country",
 *	 "address": {"lines": [], "city", "region", "postcode", "country"},
 *	 "items": [{"name", "variant", "qty", "unit_price": {"amount", "currency"}, "sku"}],
 *	 "note", "urls": {"status"},
 *	 "fulfilment": "shipped|delivered"}	absent: not yet, or the shop does not say
 */
#include <jansson.h>

#include "base.h"

#define SOURCE_ITEMS_MAX 100
#define SOURCE_PHONES_MAX 6
#define SOURCE_NAME_MAX 120	/* bytes of names, numbers, labels */
#define SOURCE_TEXT_MAX 512	/* bytes of notes, address lines, URLs */
#define SOURCE_HEADERS_MAX 64
#define SOURCE_HEADER_MAX 1024	/* bytes of one value */
#define SOURCE_SECRET_MAX 256

enum source_verdict {
	SOURCE_AUTHENTIC,
	SOURCE_PING,		/* a test of the address: answer 200, do nothing */
	SOURCE_REFUSED,
};

enum source_event {
	SOURCE_CREATED,		/* an order that may want a confirmation */
	SOURCE_UPDATED,		/* the same, if it is new to us; else newer data */
	SOURCE_CANCELLED,	/* the shop says no */
	SOURCE_FULFILMENT,	/* where the goods are is new, and nothing else: the order may be no more than its id */
	SOURCE_IGNORED,		/* authentic, but nothing for us: `why` */
};

/* A request as it came. Header names are lower case; the first value of each counts. */
struct source_request {
	const json_t *headers;	/* object of texts */
	struct wa_span body;
};

struct source_secrets {		/* secret.len > 0 */
	struct wa_span secret;
	struct wa_span previous;	/* empty, or valid for a while after a change */
};

struct source_clock {
	int64_t now_s;
	int64_t tolerance_s;	/* how old or new a signed timestamp may be */
};

struct source_id {
	char topic[64];
	char delivery[128];	/* "" when the shop has no trustworthy one */
	char order[128];	/* external id; "" unknown */
};

struct source_order {
	enum source_event event;
	json_t *order;		/* new reference; NULL when ignored */
	const char *why;	/* of SOURCE_IGNORED: a stable word */
};

struct source {
	const char *kind;
	bool makes_secret;	/* we choose the secret when none is given; else the shop does */
	/* *ret_why: one of a few fixed words for the log */
	enum source_verdict (*verify)(const struct source_request *r, const struct source_secrets *s,
				      const struct source_clock *clock, const char **ret_why);
	void (*identify)(const struct source_request *r, struct source_id *ret);
	/* WA_EPROTO when the body is not what this source sends. */
	int (*parse)(const struct source_request *r, struct source_order *ret, struct wa_err *err);
};

extern const struct source source_generic, source_shopify, source_woocommerce;

const struct source *source_find(const char *kind);	/* NULL none */
const struct source *source_at(size_t i);		/* NULL past the end */

/* ---- shared by the sources ---- */

/* "" when absent. name in lower case. */
const char *source_header(const struct source_request *r, const char *name);
/* {"x-topic": "…"} from repeated calls; later values of a name are dropped, as are credentials. */
void source_header_add(json_t *headers, const char *name, const char *value);

/* Text is base64 or hex of HMAC-SHA256(secret, parts…) under either secret; constant time. */
enum source_encoding { SOURCE_HEX, SOURCE_BASE64 };
bool source_hmac_ok(const struct source_secrets *s, const struct wa_span *parts, size_t n,
		    const char *text, enum source_encoding e);

/* The body as an object; new reference. */
int source_json(struct wa_span body, json_t **ret, struct wa_err *err) WA_MUST_USE;

/* Reading strangers' JSON. All accept NULL and wrong types ([] where PHP means {}). */
const json_t *source_object(const json_t *from, const char *key);	/* NULL unless an object */
const json_t *source_list(const json_t *from, const char *key);		/* NULL unless a list */
/* A string, or a number as text; clipped to max bytes; NULL when absent or empty. New reference. */
json_t *source_text(const json_t *from, const char *key, size_t max);
const char *source_str(const json_t *from, const char *key);		/* "" unless a string */

/* Writing the order: each takes its value, which may be NULL (then nothing is set). */
void source_set(json_t *order, const char *key, json_t *take_value);
/* "amount" of any spelling with a currency; nothing when it is no decimal number. */
json_t *source_money(const json_t *amount, const char *currency);
void source_phone(json_t *order, const json_t *from, const char *key, const char *source,
		  const char *country);
/* first and last as one name; NULL when both are empty. */
json_t *source_full_name(const json_t *from, const char *first, const char *last);
/* Payment class from what the shop calls the method; NULL when the words say nothing. */
const char *source_payment_class(const char *const *labels, size_t n);
bool source_is_country(const char *code);	/* two capital letters */

#endif
