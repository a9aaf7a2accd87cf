/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "group.h"
#include "person.h"

#define RUN_BUDGET  512 /* stanzas for simulated endpoints in one entry; the rest waits a turn */
#define TURN_BUDGET 16
#define WATCH_MS    1000
#define CERT_LIFE_S (10 * 365 * 86400LL)

int64_t sb_now(const struct sandbox *s)
{
	return s->env->now_ms(s->env->ctx);
}

void sb_random(struct sandbox *s, void *out, size_t len)
{
	s->env->random(s->env->ctx, out, len);
}

void sb_log(struct sandbox *s, int level, const char *event, const char *name, const char *value)
{
	WA_LOG(s->env, level, event, WA_S(name, value));
}

char *sb_strndup(struct wa_span t)
{
	char *p = malloc(t.len + 1);

	if (!p)
		return NULL;
	if (t.len)
		memcpy(p, t.ptr, t.len);
	p[t.len] = 0;
	return p;
}

char *sb_strdup(const char *p)
{
	return sb_strndup(wa_span_str(p));
}

void sb_copy(char *out, size_t size, const char *text)
{
	size_t n = wa_utf8_clip(wa_span_str(text), size - 1);

	if (n)
		memcpy(out, text, n);
	out[n] = 0;
}

void sb_timer_set(struct sandbox *s, struct sb_timer *t, int64_t at_ms, void (*fn)(void *),
		  void *arg)
{
	t->fn = fn;
	t->arg = arg;
	if (wa_heap_set(&s->timers, &t->item, at_ms))
		sb_log(s, WA_ERROR, "sandbox.no_memory", "what", "timer");
}

void sb_timer_del(struct sandbox *s, struct sb_timer *t)
{
	wa_heap_del(&s->timers, &t->item);
}

void sb_new_id(struct sandbox *s, char out[32])
{
	snprintf(out, 32, "%llu", (unsigned long long)++s->next_id);
}

void sb_ready(struct sb_device *d)
{
	if (!wa_list_linked(&d->ready))
		wa_list_push_back(&d->acc->s->ready, &d->ready);
}

void sb_enter(struct sandbox *s)
{
	s->depth++;
}

static void run_queue(struct sandbox *s)
{
	unsigned budget = RUN_BUDGET;
	struct wa_list *l;

	while (budget && (l = wa_list_pop_front(&s->ready))) {
		struct sb_device *d = container_of(l, struct sb_device, ready);

		budget = budget > TURN_BUDGET ? budget - TURN_BUDGET : 0;
		if (sb_sim_turn(d, TURN_BUDGET))
			sb_ready(d);
	}
}

static void arm(struct sandbox *s)
{
	struct wa_heap_item *min = wa_heap_min(&s->timers);
	int64_t at = min ? min->key : INT64_MAX;

	if (!wa_list_empty(&s->ready))
		at = sb_now(s);
	if (at == s->armed_ms)
		return;
	s->armed_ms = at;
	if (s->host.arm)
		s->host.arm(s->host.ctx, at);
}

void sb_leave(struct sandbox *s)
{
	if (s->depth > 1) {
		s->depth--;
		return;
	}
	run_queue(s);
	sb_flush(s);
	arm(s);
	s->depth--;
}

void sandbox_tick(struct sandbox *s)
{
	struct wa_heap_item *it;
	int64_t now = sb_now(s);

	sb_enter(s);
	s->armed_ms = INT64_MIN; /* it has fired */
	while ((it = wa_heap_pop_until(&s->timers, now))) {
		struct sb_timer *t = container_of(it, struct sb_timer, item);

		t->fn(t->arg);
	}
	sb_leave(s);
}

int sandbox_new(const struct sandbox_host *host, const struct sandbox_opts *opts,
		struct sandbox **ret_s, struct wa_err *err)
{
	struct sandbox *s = calloc(1, sizeof(*s));
	struct wa_list *heads[] = { &s->accounts, &s->conns,      &s->dirty,   &s->ready,
				    &s->busy,     &s->violations, &s->faults,  &s->bulks,
				    &s->works,    &s->delayed,    &s->replies, &s->dirty_devices,
				    &s->dirty_groups, &s->dirty_channels,
				    &s->groups, &s->channels, &s->rings };

	if (!s)
		return wa_err_set(err, WA_ENOMEM, "no memory for the sandbox");
	for (size_t i = 0; i < WA_ARRAY_LEN(heads); i++)
		wa_list_init(heads[i]);
	s->host = *host;
	s->env = &s->host.env;
	sandbox_set_url(s, opts->url, opts->ca_file);
	s->answer_delay_ms = opts->answer_delay_ms;
	s->unacked_ms = opts->unacked_ms ? opts->unacked_ms : 20000;
	s->armed_ms = INT64_MIN;
	s->started_ms = sb_now(s);
	/* ids of one run never meet those of the run before, which may wait in queues */
	s->next_id = (uint64_t)s->started_ms * 100;
	*ret_s = s;
	return 0;
}

int sandbox_start(struct sandbox *s, struct wa_err *err)
{
	int64_t now_s = sb_now(s) / 1000;
	int rc;

	sb_restore_all(s);
	if (!s->has_root) {
		wa_keypair_new(s->env, &s->root);
		s->has_root = true;
		sb_keep_root(s);
	}
	rc = wa_cert_chain_make(s->env, &s->root, now_s - 86400, now_s + CERT_LIFE_S, &s->chain,
				err);
	if (rc)
		return rc;
	s->started = true;
	sb_enter(s);
	sb_timer_set(s, &s->watch, sb_now(s) + WATCH_MS, sb_watch, s);
	sb_leave(s);
	return 0;
}

void sandbox_set_url(struct sandbox *s, const char *url, const char *ca_file)
{
	sb_copy(s->url, sizeof(s->url), url ? url : "");
	sb_copy(s->ca_file, sizeof(s->ca_file), ca_file ? ca_file : "");
}

void sandbox_root_hex(const struct sandbox *s, char out[65])
{
	wa_hex_encode(wa_span(s->root.pub.b, 32), out);
}

void sandbox_free(struct sandbox *s)
{
	struct wa_list *l, *tmp;

	if (!s)
		return;
	s->ending = true;
	s->host.put = NULL; /* what dies with the process stays kept */
	WA_LIST_EACH_SAFE(l, tmp, &s->works)
	{
		/* its run may be under way elsewhere: done() frees it and does nothing else */
		wa_list_del(l);
		sb_work_orphan(l);
	}
	sb_delayed_clear(s, NULL);
	WA_LIST_EACH_SAFE(l, tmp, &s->conns)
	{
		struct sb_conn *c = container_of(l, struct sb_conn, link);

		if (c->dev)
			c->dev->conn = NULL;
		sb_conn_free(c);
	}
	sb_groups_clear(s);
	sb_replies_clear(s, NULL);
	sb_bulk_clear(s, NULL);
	sb_media_free(s);
	sb_faults_clear(s);
	sb_violations_clear(s);
	WA_LIST_EACH_SAFE(l, tmp, &s->accounts)
	sb_account_free(container_of(l, struct sb_account, link));
	sb_kept_clear(s);
	sb_subscribers_clear(s);
	sb_channels_free(s);
	wa_map_clear(&s->by_pn);
	wa_map_clear(&s->by_lid);
	wa_heap_clear(&s->timers);
	wa_wipe(&s->root.priv, sizeof(s->root.priv));
	wa_wipe(&s->chain.leaf, sizeof(s->chain.leaf));
	free(s);
}
