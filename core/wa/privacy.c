/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may see and do what: privacy settings, the default timer, the audience of statuses. */
#include <wa/account.h>

#include "client_int.h"

#include <stdlib.h>

#define LISTS_MAX  8
#define PEOPLE_MAX 10000

/* What the server knows of each category. */
static const struct {
	const char *name;
	const char *values[8];
} categories[] = {
	{ "last", { "all", "contacts", "contact_blacklist", "contact_allowlist", "none" } },
	{ "online", { "all", "match_last_seen" } },
	{ "profile", { "all", "contacts", "contact_blacklist", "contact_allowlist", "none" } },
	{ "status", { "all", "contacts", "contact_blacklist", "contact_allowlist", "none" } },
	{ "readreceipts", { "all", "none" } },
	{ "groupadd", { "all", "contacts", "contact_blacklist", "contact_allowlist", "none" } },
	{ "calladd", { "all", "known" } },
	{ "messages", { "all", "contacts" } },
	{ "defense", { "off", "on_standard" } },
	{ "stickers", { "all", "contacts", "contact_allowlist", "none" } },
};

bool wa_privacy_valid(const char *name, const char *value)
{
	size_t i, k;

	for (i = 0; i < WA_ARRAY_LEN(categories); i++) {
		if (strcmp(categories[i].name, name) != 0)
			continue;
		for (k = 0; k < WA_ARRAY_LEN(categories[i].values) && categories[i].values[k]; k++)
			if (strcmp(categories[i].values[k], value) == 0)
				return true;
	}
	return false;
}

struct ask {
	wa_privacy_fn *fn;
	wa_status_privacy_fn *status_fn;
	void *arg;
};

static void on_settings(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *it = wa_node_first(wa_node_get(node, "privacy"));
	struct wa_privacy list[WA_PRIVACY_MAX];
	struct ask *k = arg;
	size_t n = 0;

	for (; code == 0 && it && n < WA_PRIVACY_MAX; it = it->next) {
		if (!wa_node_is(it, "category"))
			continue;
		list[n].name = client_span(c, wa_node_attr_get(it, "name"));
		list[n].value = client_span(c, wa_node_attr_get(it, "value"));
		if (list[n].name && list[n].value)
			n++;
	}
	if (code == 0 && c->failed)
		code = WA_ENOMEM;
	k->fn(k->arg, code, list, code ? 0 : n);
	free(k);
}

/* <privacy/> of a namespace: all that is set. */
static int ask_all(struct wa_client *c, const char *xmlns, const struct ask *what, iq_fn *fn, struct wa_err *err)
{
	struct ask *k;
	struct wa_node *iq;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	k = malloc(sizeof(*k));
	if (!k)
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	*k = *what;
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", xmlns);
	wa_node_child(&a, iq, "privacy");
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, fn, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

int wa_client_privacy(struct wa_client *c, wa_privacy_fn *fn, void *arg, struct wa_err *err)
{
	return ask_all(c, "privacy", &(struct ask){ .fn = fn, .arg = arg }, on_settings, err);
}

int wa_client_privacy_set(struct wa_client *c, const char *name, const char *value, wa_done_fn *fn, void *arg,
			  struct wa_err *err)
{
	struct wa_node *iq, *k;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (!wa_privacy_valid(name, value))
		return wa_err_set(err, WA_EINVALID, "no privacy setting \"%.32s\" with value \"%.32s\"", name, value);
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "privacy");
	k = wa_node_child(&a, wa_node_child(&a, iq, "privacy"), "category");
	wa_node_attr(&a, k, "name", name);
	wa_node_attr(&a, k, "value", value);
	iq_done(c, &a, iq, NULL, fn, arg);
	wa_arena_clear(&a);
	/* Our own receipts follow it at once. */
	if (strcmp(name, "readreceipts") == 0)
		receipt_privacy(c);
	client_leave(c);
	return 0;
}

int wa_client_default_timer(struct wa_client *c, uint32_t seconds, wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_node *iq;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "disappearing_mode");
	wa_node_attr_int(&a, wa_node_child(&a, iq, "disappearing_mode"), "duration", seconds);
	iq_done(c, &a, iq, NULL, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

/* ---- audience of statuses ---- */

static void on_audience(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *it = wa_node_first(wa_node_get(node, "privacy")), *u;
	static const struct wa_status_privacy usual = { "contacts", true, NULL, 0 };
	struct wa_status_privacy list[LISTS_MAX];
	struct wa_jid *people = NULL, *at;
	struct ask *k = arg;
	size_t n = 0, total = 0;

	if (code == 404) { /* nothing was ever chosen */
		k->status_fn(k->arg, 0, &usual, 1);
		free(k);
		return;
	}
	if (code == 0)
		people = calloc(PEOPLE_MAX, sizeof(*people));
	if (code == 0 && !people)
		code = WA_ENOMEM;
	for (at = people; code == 0 && it && n < LISTS_MAX; it = it->next) {
		if (!wa_node_is(it, "list"))
			continue;
		list[n] = (struct wa_status_privacy){ .type = client_span(c, wa_node_attr_get(it, "type")),
						      .is_default = wa_node_attr_is(it, "default", "true"),
						      .people = at };
		for (u = wa_node_first(it); u && total < PEOPLE_MAX; u = u->next)
			if (wa_node_attr_jid_get(u, "jid", at)) {
				at++;
				total++;
				list[n].n++;
			}
		n++;
	}
	k->status_fn(k->arg, code, list, code ? 0 : n);
	free(people);
	free(k);
}

int wa_client_status_privacy(struct wa_client *c, wa_status_privacy_fn *fn, void *arg, struct wa_err *err)
{
	return ask_all(c, "status", &(struct ask){ .status_fn = fn, .arg = arg }, on_audience, err);
}
