/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What transfers with the media hosts share: their number, the hosts, and how they are spoken to. */
#include "media_priv.h"

/* ---- places ---- */

void media_slot_take(struct wb_media_store *ms, struct media_slot *s, void (*start)(struct media_slot *s))
{
	s->start = start;
	if (ms->active >= MEDIA_ACTIVE_MAX) {
		wa_list_push_back(&ms->transfers, &s->link);
		return;
	}
	ms->active++;
	s->held = true;
	start(s);
}

void media_slot_free(struct wb_media_store *ms, struct media_slot *s)
{
	wa_list_del(&s->link);
	if (!s->held)
		return;
	s->held = false;
	ms->active--;
	while (!ms->stopping && ms->active < MEDIA_ACTIVE_MAX && !wa_list_empty(&ms->transfers)) {
		struct media_slot *next =
			container_of(wa_list_pop_front(&ms->transfers), struct media_slot, link);

		ms->active++;
		next->held = true;
		next->start(next);
	}
}

/* ---- hosts ---- */

struct media_hosts_ask {
	media_conn_fn *fn;	/* NULL: nobody wants to know any more */
	void *ctx;
	bool inside;		/* media_hosts_get is on the stack */
	bool done;
};

static void add_host(struct media_conn *mc, const char *host)
{
	for (size_t i = 0; i < mc->n; i++)
		if (strcmp(mc->hosts[i], host) == 0)
			return;
	if (mc->n < MEDIA_HOSTS)
		snprintf(mc->hosts[mc->n++], sizeof(mc->hosts[0]), "%s", host);
}

static void on_conn(void *arg, int code, const struct wa_media_conn *mc)
{
	struct media_hosts_ask *a = arg;
	struct media_conn c = { .n = 0 };

	for (size_t i = 0; mc && i < mc->n; i++)
		add_host(&c, mc->hosts[i]);
	if (mc)
		snprintf(c.auth, sizeof(c.auth), "%s", mc->auth);
	a->done = true;
	if (a->fn)
		a->fn(a->ctx, code == 0 ? 0 : code > 0 ? WA_EPEER : code, &c);
	wa_wipe(c.auth, sizeof(c.auth));
	if (!a->inside)
		free(a);
}

struct media_hosts_ask *media_hosts_get(struct wb_media_store *ms, const char *session, bool fresh,
					media_conn_fn *fn, void *ctx)
{
	struct wb_session *s = session && *session ? wb_session_find(ms->gw, session) : NULL;
	struct wa_client *c = s ? wb_session_client(s) : NULL;
	struct media_hosts_ask *a;
	struct media_conn mc = { .n = 0 };

	if (!c) {
		add_host(&mc, MEDIA_HOST);
		fn(ctx, 0, &mc);
		return NULL;
	}
	a = wb_zalloc(sizeof(*a));
	a->fn = fn;
	a->ctx = ctx;
	a->inside = true;
	if (wa_client_media_conn(c, fresh, on_conn, a, NULL) < 0) {
		free(a);
		fn(ctx, WA_ESTATE, &mc);
		return NULL;
	}
	a->inside = false;
	if (a->done) {
		free(a);
		return NULL;
	}
	return a;
}

void media_hosts_cancel(struct media_hosts_ask *a)
{
	if (a)
		a->fn = NULL;
}

/* ---- requests ---- */

void media_fetch_opts(struct wb_media_store *ms, const char *session, struct wb_fetch_req *r)
{
	const char *ca = wb_config_text(ms->gw->config, "whatsapp.ca_file");
	struct wb_session *s = session ? wb_session_find(ms->gw, session) : NULL;

	r->allow_private = wb_config_bool(ms->gw->config, "whatsapp.media_private");
	r->ca_file = *ca ? ca : NULL;
	r->proxy = s ? json_string_value(wb_session_setting(s, "proxy")) : NULL;
	r->stall_ms = 30000;
	r->owner = "media";
}
