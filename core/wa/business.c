/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Business profiles. */
#include <wa/account.h>

#include "client_int.h"

#include <stdlib.h>

#define BIZ_ARENA_MAX (1u << 20)
#define READ_VERSION  "244"
#define WRITE_VERSION "3"

struct ask {
	wa_business_fn *fn;
	void *arg;
};

/* Text of a child; NULL: there is no such child. */
static const char *child_text(struct wa_arena *a, const struct wa_node *n, const char *tag)
{
	const struct wa_node *k = wa_node_get(n, tag);

	return k ? wa_arena_str(a, wa_node_bytes(k)) : NULL;
}

static void read_hours(struct wa_arena *a, const struct wa_node *p, struct wa_business *b)
{
	const struct wa_node *h = wa_node_get(p, "business_hours"), *it;

	if (!h)
		return;
	b->timezone = wa_arena_str(a, wa_node_attr_get(h, "timezone"));
	for (it = wa_node_first(h); it && b->n_hours < WA_BIZ_HOURS_MAX; it = it->next) {
		struct wa_business_hours *d = &b->hours[b->n_hours];

		if (!wa_node_is(it, "business_hours_config"))
			continue;
		d->day = wa_arena_str(a, wa_node_attr_get(it, "day_of_week"));
		d->mode = wa_arena_str(a, wa_node_attr_get(it, "mode"));
		d->open_min = (int)wa_node_attr_num(it, "open_time", 0) % 1440;
		d->close_min = (int)wa_node_attr_num(it, "close_time", 0) % 1440;
		b->n_hours++;
	}
}

static void read_profile(struct wa_arena *a, const struct wa_node *p, struct wa_business *b)
{
	const struct wa_node *it, *k;

	(void)wa_node_attr_jid_get(p, "jid", &b->jid);
	b->description = child_text(a, p, "description");
	b->address = child_text(a, p, "address");
	b->email = child_text(a, p, "email");
	for (it = wa_node_first(p); it; it = it->next)
		if (wa_node_is(it, "website") && b->n_websites < WA_BIZ_WEBSITES_MAX)
			b->websites[b->n_websites++] = wa_arena_str(a, wa_node_bytes(it));
	for (k = wa_node_first(wa_node_get(p, "categories")); k; k = k->next) {
		if (!wa_node_is(k, "category") || b->n_categories == WA_BIZ_CATEGORIES_MAX)
			continue;
		b->categories[b->n_categories] = wa_arena_str(a, wa_node_bytes(k));
		b->category_ids[b->n_categories++] = wa_arena_str(a, wa_node_attr_get(k, "id"));
	}
	b->cart = child_text(a, wa_node_get(p, "profile_options"), "cart_enabled");
	read_hours(a, p, b);
}

static void on_profile(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *p = wa_node_get(wa_node_get(node, "business_profile"), "profile");
	struct wa_business b;
	struct ask *k = arg;
	struct wa_arena a;

	(void)c;
	memset(&b, 0, sizeof(b));
	wa_arena_init(&a, BIZ_ARENA_MAX);
	if (code == 0 && p)
		read_profile(&a, p, &b);
	if (wa_arena_failed(&a))
		code = WA_ENOMEM;
	if (code == 404) { /* also a way to say that there is none */
		code = 0;
		p = NULL;
	}
	k->fn(k->arg, code, code == 0 && p ? &b : NULL);
	wa_arena_clear(&a);
	free(k);
}

int wa_client_business_get(struct wa_client *c, const struct wa_jid *who, wa_business_fn *fn, void *arg,
			   struct wa_err *err)
{
	struct wa_jid jid = wa_jid_bare(who), pn;
	struct wa_node *iq, *n;
	struct wa_arena a;
	struct ask *k;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (!wa_jid_is_user(&jid) || !jid.user[0])
		return wa_err_set(err, WA_EINVALID, "not a person");
	k = calloc(1, sizeof(*k));
	if (!k)
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	k->fn = fn;
	k->arg = arg;
	client_enter(c);
	/* Businesses are known by their number. */
	if (jid.server == WA_SRV_LID && wa_signal_pn_of(c->sig, &jid, &pn) == 1)
		jid = pn;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "w:biz");
	n = wa_node_child(&a, iq, "business_profile");
	wa_node_attr(&a, n, "v", READ_VERSION);
	wa_node_attr_jid(&a, wa_node_child(&a, n, "profile"), "jid", &jid);
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_profile, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

static bool hours_valid(const struct wa_business *b)
{
	static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };
	static const char *const modes[] = { "open_24h", "specific_hours", "appointment_only", "closed" };
	size_t i, k, ok;

	for (i = 0; i < b->n_hours; i++) {
		const struct wa_business_hours *h = &b->hours[i];

		for (k = ok = 0; k < WA_ARRAY_LEN(days); k++)
			ok += h->day && strcmp(h->day, days[k]) == 0;
		for (k = 0; k < WA_ARRAY_LEN(modes); k++)
			ok += h->mode && strcmp(h->mode, modes[k]) == 0;
		if (ok != 2 || h->open_min < 0 || h->open_min > 1440 || h->close_min < 0 || h->close_min > 1440)
			return false;
	}
	return b->n_hours == 0 || (b->timezone && *b->timezone);
}

static void put_text(struct wa_arena *a, struct wa_node *p, const char *tag, const char *text)
{
	if (text)
		wa_node_data(a, wa_node_child(a, p, tag), wa_span_str(text));
}

static void put_hours(struct wa_arena *a, struct wa_node *p, const struct wa_business *b)
{
	struct wa_node *h = wa_node_child(a, p, "business_hours"), *d;
	size_t i;

	wa_node_attr(a, h, "timezone", b->timezone);
	for (i = 0; i < b->n_hours; i++) {
		d = wa_node_child(a, h, "business_hours_config");
		wa_node_attr(a, d, "day_of_week", b->hours[i].day);
		wa_node_attr(a, d, "mode", b->hours[i].mode);
		if (strcmp(b->hours[i].mode, "specific_hours") == 0) {
			wa_node_attr_int(a, d, "open_time", b->hours[i].open_min);
			wa_node_attr_int(a, d, "close_time", b->hours[i].close_min);
		}
	}
}

int wa_client_business_set(struct wa_client *c, const struct wa_business *b, wa_done_fn *fn, void *arg,
			   struct wa_err *err)
{
	struct wa_node *iq, *p;
	struct wa_arena a;
	size_t i;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (b->n_websites > WA_BIZ_WEBSITES_MAX || b->n_hours > WA_BIZ_HOURS_MAX || !hours_valid(b))
		return wa_err_set(err, WA_EINVALID, "opening hours or web sites are not valid");
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "w:biz");
	p = wa_node_child(&a, iq, "business_profile");
	wa_node_attr(&a, p, "v", WRITE_VERSION);
	wa_node_attr(&a, p, "mutation_type", "delta");
	put_text(&a, p, "address", b->address);
	put_text(&a, p, "email", b->email);
	put_text(&a, p, "description", b->description);
	for (i = 0; b->set_websites && i < b->n_websites; i++)
		put_text(&a, p, "website", b->websites[i]);
	if (b->set_websites && b->n_websites == 0)
		wa_node_child(&a, p, "website");
	if (b->set_hours)
		put_hours(&a, p, b);
	iq_done(c, &a, iq, NULL, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}
