/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Switches, notices, bots, and questions we know nothing of. */
#include <wa/service.h>

#include "client_int.h"

#include <stdlib.h>

#define NOTICE_MAX 32 /* digits */

struct ask {
	void *arg;
	union {
		wa_query_fn *query;
		wa_props_fn *props;
		wa_bots_fn *bots;
	} fn;
};

static struct ask *ask_new(struct wa_client *c, void *arg, struct wa_err *err)
{
	struct ask *k = NULL;

	if (c->state != WA_ST_READY) {
		(void)wa_err_set(err, WA_ESTATE, "not connected");
		return NULL;
	}
	k = calloc(1, sizeof(*k));
	if (k)
		k->arg = arg;
	else
		(void)wa_err_set(err, WA_ENOMEM, "no memory for a question");
	return k;
}

static int not_asked(const struct wa_client *c)
{
	return c->state == WA_ST_READY ? WA_ENOMEM : WA_ESTATE;
}

/* ---- any question ---- */

static void on_query(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct ask *k = arg;

	(void)c;
	k->fn.query(k->arg, code, node);
	free(k);
}

int wa_client_query(struct wa_client *c, struct wa_arena *a, struct wa_node *iq, wa_query_fn *fn, void *arg,
		    struct wa_err *err)
{
	struct ask *k;

	if (!wa_node_is(iq, "iq") || wa_node_has(iq, "id") || !wa_node_has(iq, "xmlns") ||
	    !(wa_node_attr_is(iq, "type", "get") || wa_node_attr_is(iq, "type", "set")))
		return wa_err_set(err, WA_EINVALID, "a question is an iq of type get or set, without id");
	k = ask_new(c, arg, err);
	if (!k)
		return not_asked(c);
	k->fn.query = fn;
	client_enter(c);
	iq_send(c, a, iq, IQ_TIMEOUT_MS, on_query, k);
	client_leave(c);
	return 0;
}

/* ---- props ---- */

static void on_props(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *props = wa_node_get(node, "props"), *p;
	struct wa_props r = { 0 };
	struct wa_prop *list = NULL;
	struct ask *k = arg;
	struct wa_arena a;

	(void)c;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	if (code == 0 && !props)
		code = WA_EPROTO;
	if (code == 0) {
		for (p = wa_node_first(props); p && r.n < WA_PROPS_MAX; p = p->next)
			r.n++;
		list = wa_arena_alloc(&a, (r.n + 1) * sizeof(*list));
		r.n = 0;
		for (p = wa_node_first(props); p && list && r.n < WA_PROPS_MAX; p = p->next) {
			int64_t id = wa_node_attr_num(p, "config_code", -1);

			if (!wa_node_is(p, "prop") || id < 0 || id > UINT32_MAX)
				continue;
			list[r.n].code = (uint32_t)id;
			list[r.n++].value = wa_arena_str(&a, wa_node_attr_get(p, "config_value"));
		}
		r.list = list;
		r.hash = wa_arena_str(&a, wa_node_attr_get(props, "hash"));
		r.refresh_s = wa_node_attr_num(props, "refresh", 0);
		r.delta = wa_node_attr_is(props, "delta_update", "true");
		if (wa_arena_failed(&a))
			code = WA_ENOMEM;
	}
	k->fn.props(k->arg, code, code ? NULL : &r);
	wa_arena_clear(&a);
	free(k);
}

int wa_client_props(struct wa_client *c, const char *hash, wa_props_fn *fn, void *arg, struct wa_err *err)
{
	struct ask *k = ask_new(c, arg, err);
	struct wa_node *iq, *props;
	struct wa_arena a;

	if (!k)
		return not_asked(c);
	k->fn.props = fn;
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "abt");
	props = wa_node_child(&a, iq, "props");
	wa_node_attr(&a, props, "protocol", "1");
	if (hash && *hash)
		wa_node_attr(&a, props, "hash", hash);
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_props, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

/* ---- notices ---- */

static bool digits(const char *s)
{
	size_t n = strlen(s);

	return n && n <= NOTICE_MAX && strspn(s, "0123456789") == n;
}

int wa_client_notice_accept(struct wa_client *c, const char *id, const char *stage, wa_done_fn *fn, void *arg,
			    struct wa_err *err)
{
	struct wa_node *iq, *notice;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (!digits(id) || !digits(stage))
		return wa_err_set(err, WA_EINVALID, "a notice and its stage are numbers");
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "tos");
	notice = wa_node_child(&a, iq, "notice");
	wa_node_attr(&a, notice, "id", id);
	wa_node_attr(&a, notice, "stage", stage);
	iq_done(c, &a, iq, NULL, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

/* ---- bots ---- */

/* Several sections; the one of type "all" has every bot. */
static void on_bots(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *bots = wa_node_get(node, "bot"), *s, *b;
	struct wa_bot *list = NULL;
	struct ask *k = arg;
	struct wa_arena a;
	size_t n = 0;

	(void)c;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	if (code == 0 && !bots)
		code = WA_EPROTO;
	if (code == 0) {
		list = wa_arena_alloc(&a, WA_BOTS_MAX * sizeof(*list));
		for (s = wa_node_first(bots); s && list; s = s->next) {
			if (!wa_node_attr_is(s, "type", "all"))
				continue;
			for (b = wa_node_first(s); b && n < WA_BOTS_MAX; b = b->next)
				if (wa_node_attr_jid_get(b, "jid", &list[n].jid) == 1)
					list[n++].persona = wa_arena_str(&a, wa_node_attr_get(b, "persona_id"));
		}
		if (wa_arena_failed(&a))
			code = WA_ENOMEM;
	}
	k->fn.bots(k->arg, code, list, code ? 0 : n);
	wa_arena_clear(&a);
	free(k);
}

int wa_client_bots(struct wa_client *c, wa_bots_fn *fn, void *arg, struct wa_err *err)
{
	struct ask *k = ask_new(c, arg, err);
	struct wa_node *iq;
	struct wa_arena a;

	if (!k)
		return not_asked(c);
	k->fn.bots = fn;
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "bot");
	wa_node_attr(&a, wa_node_child(&a, iq, "bot"), "v", "2");
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_bots, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}
