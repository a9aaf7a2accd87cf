/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the media hosts are, and the word that opens them: asked once, kept while it is good. */
#include "client_int.h"

#include <wa/media.h>

#include <stdlib.h>

#define TTL_DEFAULT_S 300
#define TTL_MAX_S     86400
#define MARGIN_MS     10000	/* not handed out any more so shortly before its end */
#define WAITING_MAX   1024
#define AUTH_MAX      1024
#define HOST_MAX      255

struct waiter {
	struct wa_list link;
	wa_media_conn_fn *fn;
	void *arg;
};

struct media_hosts {
	struct wa_arena mem;		/* what mc points to */
	struct wa_media_conn mc;	/* auth NULL: none */
	struct wa_list waiters;
	size_t n_waiters;
	bool asked;
};

/* A name or literal address, perhaps with a port: nothing that could become another URL. */
static bool host_ok(struct wa_span h)
{
	if (h.len == 0 || h.len > HOST_MAX)
		return false;
	for (size_t i = 0; i < h.len; i++) {
		uint8_t c = h.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '-' || c == ':' || c == '[' || c == ']'))
			return false;
	}
	return true;
}

static int read_answer(struct media_hosts *m, const struct wa_node *n, int64_t now)
{
	struct wa_span auth = wa_node_attr_get(n, "auth");
	int64_t ttl = wa_node_attr_num(n, "ttl", TTL_DEFAULT_S);
	int64_t auth_ttl = wa_node_attr_num(n, "auth_ttl", ttl);
	const struct wa_node *it;

	if (auth_ttl < ttl)
		ttl = auth_ttl;
	if (ttl < 0)
		ttl = 0;
	if (ttl > TTL_MAX_S)
		ttl = TTL_MAX_S;
	wa_arena_clear(&m->mem);
	memset(&m->mc, 0, sizeof(m->mc));
	if (auth.len == 0 || auth.len > AUTH_MAX)
		return WA_EPROTO;
	for (it = wa_node_first(n); it && m->mc.n < WA_MEDIA_HOSTS_MAX; it = it->next)
		if (wa_node_is(it, "host") && host_ok(wa_node_attr_get(it, "hostname")))
			m->mc.hosts[m->mc.n++] =
				wa_arena_str(&m->mem, wa_node_attr_get(it, "hostname"));
	if (m->mc.n == 0)
		return WA_EPROTO;
	m->mc.auth = wa_arena_str(&m->mem, auth);
	m->mc.expires_ms = now + ttl * 1000;
	return wa_arena_failed(&m->mem) ? WA_ENOMEM : WA_OK;
}

static void on_answer(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	struct media_hosts *m = c->media_hosts;
	struct wa_list *l;
	size_t n;

	(void)arg;
	if (!m)
		return;
	m->asked = false;
	if (code == 0)
		code = read_answer(m, wa_node_get(node, "media_conn"), client_now(c));
	if (code == WA_ENOMEM)
		client_nomem(c);
	if (code)
		m->mc.auth = NULL;
	/* Who is told may ask again, or end the connection and this table with it. */
	for (n = m->n_waiters; n && (m = c->media_hosts) && (l = wa_list_first(&m->waiters)); n--) {
		struct waiter *w = container_of(l, struct waiter, link);

		wa_list_del(&w->link);
		m->n_waiters--;
		w->fn(w->arg, code, code ? NULL : &m->mc);
		free(w);
	}
}

static void ask(struct wa_client *c)
{
	struct wa_arena a;
	struct wa_node *iq;

	c->media_hosts->asked = true;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "w:m");
	wa_node_child(&a, iq, "media_conn");
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_answer, NULL);
	wa_arena_clear(&a);
}

static int make(struct wa_client *c)
{
	if (c->media_hosts)
		return WA_OK;
	c->media_hosts = calloc(1, sizeof(*c->media_hosts));
	if (!c->media_hosts)
		return WA_ENOMEM;
	wa_arena_init(&c->media_hosts->mem, 64u << 10);
	wa_list_init(&c->media_hosts->waiters);
	return WA_OK;
}

int wa_client_media_conn(struct wa_client *c, bool fresh, wa_media_conn_fn *fn, void *arg,
			 struct wa_err *err)
{
	struct media_hosts *m;
	struct waiter *w;

	if (c->state != WA_ST_READY && c->state != WA_ST_LOGIN)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (make(c) < 0)
		return wa_err_set(err, WA_ENOMEM, "no memory for media hosts");
	m = c->media_hosts;
	if (!fresh && m->mc.auth && m->mc.expires_ms - MARGIN_MS > client_now(c)) {
		fn(arg, 0, &m->mc);
		return WA_OK;
	}
	if (m->n_waiters >= WAITING_MAX)
		return wa_err_set(err, WA_ELIMIT, "too many wait for the media hosts");
	w = calloc(1, sizeof(*w));
	if (!w)
		return wa_err_set(err, WA_ENOMEM, "no memory for media hosts");
	w->fn = fn;
	w->arg = arg;
	wa_list_push_back(&m->waiters, &w->link);
	m->n_waiters++;
	if (!m->asked) {
		client_enter(c);
		ask(c);
		client_leave(c);
	}
	return WA_OK;
}

void media_hosts_clear(struct wa_client *c)
{
	struct media_hosts *m = c->media_hosts;
	struct wa_list *l;

	if (!m)
		return;
	c->media_hosts = NULL;
	while ((l = wa_list_first(&m->waiters))) {
		struct waiter *w = container_of(l, struct waiter, link);

		wa_list_del(&w->link);
		w->fn(w->arg, WA_EIO, NULL);
		free(w);
	}
	wa_arena_clear(&m->mem);
	free(m);
}
