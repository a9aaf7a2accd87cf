/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions: the registry, and what the owner wants of them. */
#include <clock.h>
#include <db_record.h>
#include <db_session.h>
#include <text.h>
#include <ulid.h>
#include "session_account.h"
#include "media.h"
#include "session_priv.h"

#define START_TICK_MS 50

const char *wb_session_state_str(int state)
{
	static const char *const names[WB_SS_COUNT] = { "stopped", "linking", "connecting",
							"connected", "backoff", "logged_out",
							"banned", "failed" };

	return state >= 0 && state < WB_SS_COUNT ? names[state] : "?";
}

/* ---- registry ---- */

/* Where id is, or would be. */
static size_t place_of(const struct wb_sessions *reg, const char *id, bool *ret_found)
{
	size_t lo = 0, hi = reg->n;

	*ret_found = false;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(reg->all[mid]->id, id);

		if (c == 0) {
			*ret_found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct wb_session *wb_session_find(struct wb_gateway *gw, const char *id)
{
	bool found = false;
	size_t i;

	if (!gw->sessions || !id)
		return NULL;
	i = place_of(gw->sessions, id, &found);
	return found ? gw->sessions->all[i] : NULL;
}

struct wb_session *wb_session_next(struct wb_gateway *gw, const char *after)
{
	bool found = false;
	size_t i = after ? place_of(gw->sessions, after, &found) : 0;

	i += found;
	return i < gw->sessions->n ? gw->sessions->all[i] : NULL;
}

static void registry_put(struct wb_sessions *reg, struct wb_session *s)
{
	bool found;
	size_t i = place_of(reg, s->id, &found);

	if (reg->n == reg->cap) {
		reg->cap = reg->cap ? reg->cap * 2 : 16;
		reg->all = wb_realloc(reg->all, reg->cap * sizeof(struct wb_session *));
	}
	memmove(&reg->all[i + 1], &reg->all[i], (reg->n - i) * sizeof(struct wb_session *));
	reg->all[i] = s;
	reg->n++;
	reg->by_state[s->state]++;
}

static struct wb_session *registry_add(struct wb_sessions *reg, const char *id, const char *name)
{
	struct wb_session *s = wb_zalloc(sizeof(*s));

	s->reg = reg;
	s->id = wb_strdup(id);
	s->name = wb_strdup(name);
	s->state = WB_SS_STOPPED;
	s->gen = ++reg->gens;
	registry_put(reg, s);
	return s;
}

static void session_free(void *ctx)
{
	struct wb_session *s = ctx;

	free(s->id);
	json_decref(s->settings);
	json_decref(s->restriction);
	wb_session_calls_free(s);
	free(s->name);
	free(s->jid);
	free(s->lid);
	free(s->push_name);
	free(s->reason);
	free(s->close_reason);
	free(s->told_backoff);
	free(s);
}

static void registry_del(struct wb_session *s)
{
	struct wb_sessions *reg = s->reg;
	bool found;
	size_t i = place_of(reg, s->id, &found);

	if (!found)
		return;
	memmove(&reg->all[i], &reg->all[i + 1], (reg->n - i - 1) * sizeof(struct wb_session *));
	reg->n--;
	reg->by_state[s->state]--;
}

size_t wb_sessions_count(const struct wb_sessions *s, int state)
{
	return state < 0 ? s->n : state < WB_SS_COUNT ? s->by_state[state] : 0;
}

/* ---- state ---- */

json_t *wb_session_json(struct wb_session *s)
{
	struct wb_session_info i;
	char time[WA_TIME_TEXT];
	json_t *o = json_object();

	wb_session_info(s, &i);
	json_object_set_new(o, "id", json_string(i.id));
	json_object_set_new(o, "status", json_string(wb_session_state_str(i.state)));
	if (*i.reason)
		json_object_set_new(o, "reason", json_string(i.reason));
	json_object_set_new(o, "since", json_string(wa_time_format(i.since_ms, time)));
	if (*i.jid)
		json_object_set_new(o, "jid", json_string(i.jid));
	if (*i.lid)
		json_object_set_new(o, "lid", json_string(i.lid));
	if (*i.phone)
		json_object_set_new(o, "phone", json_string(i.phone));
	return o;
}

static void put_status_event(struct wb_session *s, struct wb_tx *tx, const char *kind)
{
	json_t *o = wb_session_json(s);
	char *text = json_dumps(o, JSON_COMPACT);

	wb_tx_event(tx, &(struct wb_event_new){ .kind = kind, .session = s->id,
						.json = { text, text ? strlen(text) : 0 } });
	free(text);
	json_decref(o);
}

/* The only writer of s->state. tx NULL: a transaction of its own. Attempts to
 * connect, and their failure for the reason told last, are no events: they
 * would drown what matters. */
void wb_session_set_state(struct wb_session *s, struct wb_tx *tx, int state, const char *reason)
{
	struct wb_gateway *gw = s->reg->gw;
	bool same = s->state == state && strcmp(s->reason ? s->reason : "", reason) == 0;
	struct wb_tx *own = NULL;

	if (same)
		return;
	WB_GATEWAY_LOG(gw, WA_INFO, "session.state", WA_S("session", s->id),
		       WA_S("from", wb_session_state_str(s->state)),
		       WA_S("to", wb_session_state_str(state)), WA_S("reason", reason));
	s->reg->by_state[s->state]--;
	s->reg->by_state[state]++;
	s->state = (uint8_t)state;
	s->since_ms = wb_now(gw);
	if (s->reason || *reason)
		wb_restr(&s->reason, reason);
	if (state == WB_SS_CONNECTING || (state == WB_SS_BACKOFF && s->told_backoff &&
					  strcmp(s->told_backoff, reason) == 0))
		return;
	free(s->told_backoff);
	s->told_backoff = state == WB_SS_BACKOFF ? wb_strdup(reason) : NULL;
	if (!tx)
		tx = own = wb_tx_new(gw);
	db_batch_session_status(wb_tx_batch(tx), s->id, wb_session_state_str(state), reason,
				s->since_ms);
	put_status_event(s, tx, "session.status");
	if (own)
		wb_tx_commit(own, NULL, NULL);
}

static void set_or_clear(char **p, const char *text)
{
	if (text && *text) {
		wb_restr(p, text);
	} else {
		free(*p);
		*p = NULL;
	}
}

void wb_session_store_account(struct wb_session *s, struct wb_tx *tx, const char *jid,
			      const char *lid, const char *push_name)
{
	if (strcmp(jid, s->jid ? s->jid : "") == 0 && strcmp(lid, s->lid ? s->lid : "") == 0 &&
	    strcmp(push_name, s->push_name ? s->push_name : "") == 0)
		return;
	set_or_clear(&s->jid, jid);
	set_or_clear(&s->lid, lid);
	set_or_clear(&s->push_name, push_name);
	db_batch_session_account(wb_tx_batch(tx), s->id, s->jid ? s->jid : "",
				 s->lid ? s->lid : "", s->push_name ? s->push_name : "");
}

struct clearing {
	struct wb_gateway *gw;
	char session[DB_SESSION_ID_MAX + 1];
};

static void on_cleared(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct clearing *c = ctx;
	struct wb_session *s = wb_session_find(c->gw, c->session);

	(void)code;
	(void)err;
	(void)res;
	if (s && s->clearing && --s->clearing == 0 && s->connect_later) {
		s->connect_later = false;
		if (s->run)
			wb_session_connect(s);
	}
	free(c);
}

void wb_session_clear(struct wb_session *s, struct wb_tx *tx)
{
	struct clearing *c = wb_zalloc(sizeof(*c));

	c->gw = s->reg->gw;
	snprintf(c->session, sizeof(c->session), "%s", s->id);
	s->clearing++;
	db_batch_record_clear(wb_tx_batch(tx), s->id);
	db_batch_session_account(wb_tx_batch(tx), s->id, "", "", "");
	free(s->jid);
	free(s->lid);
	free(s->push_name);
	s->jid = s->lid = s->push_name = NULL;
	wb_tx_hook(tx, on_cleared, c);
}

void wb_session_store_run(struct wb_session *s, struct wb_tx *tx, bool run)
{
	if (s->run == run)
		return;
	s->run = run;
	db_batch_session_run(wb_tx_batch(tx), s->id, run);
}

void wb_session_info(struct wb_session *s, struct wb_session_info *ret_info)
{
	static char phone[40];	/* loop thread only */
	const char *at = s->jid ? strchr(s->jid, '@') : NULL;

	phone[0] = 0;
	if (at)
		snprintf(phone, sizeof(phone), "+%.*s", (int)(at - s->jid), s->jid);
	*ret_info = (struct wb_session_info){
		.id = s->id,
		.name = s->name,
		.run = s->run,
		.state = s->state,
		.reason = s->reason ? s->reason : "",
		.since_ms = s->since_ms,
		.jid = s->jid ? s->jid : "",
		.lid = s->lid ? s->lid : "",
		.phone = phone,
		.push_name = s->push_name ? s->push_name : "",
		.created_ms = s->created_ms,
		.retry_ms = s->state == WB_SS_BACKOFF ? s->retry_ms : 0,
		.qr = s->linking && s->linking->qr ? s->linking->qr : "",
		.qr_expires_ms = s->linking ? s->linking->qr_expires_ms : 0,
		.pair_code = s->linking ? s->linking->code : "",
		.in_flight = wb_outbox_in_flight(s->reg->gw->outbox, s->id),
	};
}

struct wa_client *wb_session_any_client(struct wb_session *s, uint32_t *ret_gen)
{
	*ret_gen = s->gen;
	return s->client;
}

void wb_session_wake(struct wb_session *s)
{
	wb_session_touch(s);
}

struct wa_client *wb_session_client(struct wb_session *s)
{
	return s->state == WB_SS_CONNECTED && s->client && !s->closed ? s->client : NULL;
}

/* ---- build and tear down ---- */

static int read_settings(struct wb_sessions *reg, struct wa_err *err)
{
	const struct wb_config *c = reg->gw->config;
	const char *key = wb_config_text(c, "whatsapp.root_key");
	const char *v = wb_config_text(c, "whatsapp.version");
	const char *p = v;
	int64_t num;

	if (*key) {
		if (wa_hex_decode(wa_span_str(key), reg->root_key.b, sizeof(reg->root_key.b)) < 0)
			return wa_err_set(err, WA_EINVALID,
					  "whatsapp.root_key must be 64 hex digits");
		reg->has_root = true;
	}
	if (*key && !reg->gw->no_sessions) {
		WB_GATEWAY_LOG(reg->gw, WA_WARN, "whatsapp.root_key",
			       WA_S("note", "not WhatsApp's own: this gateway trusts another server"),
			       WA_S("url", wb_config_text(c, "whatsapp.url")));
	}
	for (int i = 0; *v && i < 3; i++) {
		size_t n = strcspn(p, ".");

		if (wa_parse_i64(wa_span(p, n), 0, UINT32_MAX, &num) < 0 || (i < 2) != (p[n] == '.'))
			return wa_err_set(err, WA_EINVALID, "whatsapp.version must be a.b.c");
		reg->version[i] = (uint32_t)num;
		p += n + 1;
	}
	return 0;
}

static int on_stored(void *ctx, const struct db_session *row)
{
	struct wb_sessions *reg = ctx;
	struct wb_session *s = registry_add(reg, row->id, row->name);
	int state = WB_SS_STOPPED;

	/* what was final stays; what was alive is not any more */
	for (int i = WB_SS_LOGGED_OUT; i < WB_SS_COUNT; i++)
		if (!row->run && strcmp(row->status, wb_session_state_str(i)) == 0)
			state = i;
	reg->by_state[WB_SS_STOPPED]--;
	reg->by_state[state]++;
	s->state = (uint8_t)state;
	s->run = row->run;
	s->since_ms = row->since_ms;
	s->created_ms = row->created_ms;
	if (state != WB_SS_STOPPED && *row->reason)
		s->reason = wb_strdup(row->reason);
	set_or_clear(&s->jid, row->jid);
	set_or_clear(&s->lid, row->lid);
	set_or_clear(&s->push_name, row->push_name);
	wb_session_settings_load(s, row->config);
	return 0;
}

static void on_timer(void *ctx)
{
	struct wb_sessions *reg = ctx;
	int64_t now = wb_now(reg->gw);
	struct wa_heap_item *it;

	reg->timer_at = 0;
	while ((it = wa_heap_pop_until(&reg->wake, now)))
		wb_session_on_time(container_of(it, struct wb_session, wake));
	it = wa_heap_min(&reg->wake);
	if (it) {
		reg->timer_at = it->key;
		wb_timer_start(reg->timer, (uint64_t)(it->key > now ? it->key - now : 0));
	}
}

void wb_sessions_turn(struct wb_sessions *reg)
{
	struct wa_list now;
	struct wa_list *it;

	wa_list_init(&now);
	while ((it = wa_list_pop_front(&reg->dirty)))
		wa_list_push_back(&now, it);
	while ((it = wa_list_pop_front(&now)))
		wb_session_look(container_of(it, struct wb_session, dirty));
	if (reg->draining)
		wb_sessions_check_drained(reg);
}

int wb_sessions_new(struct wb_gateway *gw, struct wb_sessions **ret_s, struct wa_err *err)
{
	struct wb_sessions *reg = wb_zalloc(sizeof(*reg));
	const char *after = NULL;
	size_t before;
	int r;

	reg->gw = gw;
	wa_list_init(&reg->dirty);
	reg->seen = wb_zalloc(WB_SEEN_SLOTS * sizeof(*reg->seen));
	r = read_settings(reg, err);
	if (r == 0)
		r = wb_version_load(reg, err);
	reg->timer = wb_timer_new(gw->loop, "session.timer", on_timer, reg);
	if (r == 0 && !reg->timer)
		r = wa_err_set(err, WA_ENOMEM, "sessions");
	while (r == 0) {
		before = reg->n;
		r = db_session_each(gw->db, after, 500, on_stored, reg, err);
		if (reg->n == before)
			break;
		after = reg->all[reg->n - 1]->id;
	}
	if (r < 0) {
		wb_sessions_free(reg);
		return r;
	}
	*ret_s = reg;
	return 0;
}

/* Connects a few more of the stored sessions. */
static void start_some(struct wb_sessions *reg, int64_t count)
{
	for (; reg->start_at < reg->n && count > 0; reg->start_at++) {
		struct wb_session *s = reg->all[reg->start_at];

		if (!s->run || s->client || s->state == WB_SS_BACKOFF)
			continue;
		wb_session_connect(s);
		count--;
	}
	if (reg->start_at >= reg->n)
		wb_timer_stop(reg->starter);
}

static void on_start_tick(void *ctx)
{
	struct wb_sessions *reg = ctx;
	int64_t n = wb_config_int(reg->gw->config, "session.start_per_s") * START_TICK_MS / 1000;

	start_some(reg, n > 0 ? n : 1);
}

void wb_sessions_start(struct wb_sessions *reg)
{
	reg->starter = wb_timer_new(reg->gw->loop, "session.start", on_start_tick, reg);
	if (!reg->starter)
		abort();
	wb_timer_every(reg->starter, START_TICK_MS);
	start_some(reg, wb_config_int(reg->gw->config, "session.start_burst"));
}

void wb_sessions_check_drained(struct wb_sessions *reg)
{
	void (*done)(void *ctx) = reg->drained;

	for (size_t i = 0; done && i < reg->n; i++)
		if (reg->all[i]->ws)
			return;
	reg->drained = NULL;
	if (done)
		done(reg->drained_ctx);
}

/* Nobody waits any longer for the answer to a log-out: what was to be deleted is deleted. */
static void hang_up_all(struct wb_sessions *reg)
{
	for (size_t i = reg->n; i-- > 0;) {
		struct wb_session *s = reg->all[i];

		if (s->after == WB_AFTER_DELETE)
			wb_session_remove(s, s->delete_done, s->delete_ctx);
		else
			wb_session_hang_up(s);
	}
}

static void on_drain_late(void *ctx)
{
	struct wb_sessions *reg = ctx;

	hang_up_all(reg);
	wb_sessions_check_drained(reg);
}

void wb_sessions_drain(struct wb_sessions *reg, uint32_t max_ms, void (*done)(void *ctx), void *ctx)
{
	reg->draining = true;
	reg->drained = done;
	reg->drained_ctx = ctx;
	wb_timer_stop(reg->starter);
	reg->drain_timer = wb_timer_new(reg->gw->loop, "session.drain", on_drain_late, reg);
	if (!reg->drain_timer)
		abort();
	for (size_t i = 0; i < reg->n; i++) {
		struct wb_session *s = reg->all[i];

		wa_heap_del(&reg->wake, &s->wake);
		if (s->client && s->ws_open && wa_client_state(s->client) != WA_ST_IDLE)
			wa_client_close(s->client);
		else
			wb_session_hang_up(s);
	}
	wb_timer_start(reg->drain_timer, max_ms);
	wb_sessions_check_drained(reg);
}

void wb_sessions_free(struct wb_sessions *reg)
{
	if (!reg)
		return;
	hang_up_all(reg);
	for (size_t i = 0; i < reg->n; i++) {
		wa_list_del(&reg->all[i]->dirty);
		session_free(reg->all[i]);
	}
	wa_heap_clear(&reg->wake);
	wb_timer_free(reg->timer);
	wb_timer_free(reg->starter);
	wb_timer_free(reg->drain_timer);
	free(reg->all);
	free(reg->seen);
	wb_version_free(reg);
	free(reg);
}

/* ---- the owner's wishes ---- */

/* A session on its way into storage, or out of it. */
struct passage {
	struct wb_gateway *gw;
	struct wb_session *s;
	wb_tx_fn *done;
	void *ctx;
};

static struct passage *passage_new(struct wb_session *s, wb_tx_fn *done, void *ctx)
{
	struct passage *p = wb_zalloc(sizeof(*p));

	*p = (struct passage){ s->reg->gw, s, done, ctx };
	return p;
}

static void passage_end(struct passage *p, int code, const struct wa_err *err,
			const struct db_result *res)
{
	if (p->done)
		p->done(p->ctx, code, err, res);
	free(p);
}

/* Out of memory, but for the struct itself. */
static void forget(struct wb_session *s)
{
	wb_session_hang_up(s);
	registry_del(s);
	wa_list_del(&s->dirty);
	wb_outbox_gone(s->reg->gw->outbox, s->id);
}

static void on_created(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct passage *p = ctx;

	/* not stored: it was never there */
	if (code != 0 && p->gw->sessions && wb_session_find(p->gw, p->s->id) == p->s) {
		forget(p->s);
		wb_loop_defer(p->gw->loop, session_free, p->s);
	}
	passage_end(p, code, err, res);
}

int wb_session_create(struct wb_gateway *gw, const struct wb_session_new *n,
		      char ret_id[DB_SESSION_ID_MAX + 1], wb_tx_fn *done, void *ctx,
		      struct wa_err *err)
{
	char made[DB_SESSION_ID_MAX + 1];
	const char *id = n->id;
	struct wb_session *s;
	struct wb_tx *tx;

	if (!id) {
		wa_ulid(made, wb_now(gw));
		id = made;
	}
	/* "all" is what consent calls every session */
	if (!db_session_id_ok(id) || strcmp(id, "all") == 0)
		return wa_err_set(err, WA_EINVALID, "session id: 1 to 64 of A-Z a-z 0-9 _ -, not \"all\"");
	if (n->name && (strlen(n->name) > 128 || !wa_utf8_valid(wa_span_str(n->name))))
		return wa_err_set(err, WA_EINVALID, "session name");
	if (wb_session_find(gw, id))
		return wa_err_set(err, WA_ECONFLICT, "session %s exists", id);
	s = registry_add(gw->sessions, id, n->name ? n->name : id);
	s->created_ms = s->since_ms = wb_now(gw);
	s->run = n->start;
	tx = wb_tx_new(gw);
	db_batch_session_create(wb_tx_batch(tx),
				&(struct db_session){ .id = id, .name = s->name, .run = s->run,
						      .status = wb_session_state_str(s->state),
						      .reason = "", .since_ms = s->since_ms,
						      .jid = "", .lid = "", .push_name = "",
						      .created_ms = s->created_ms });
	put_status_event(s, tx, "session.created");
	if (n->settings)
		wb_session_settings_put(s, tx, n->settings);
	if (n->also)
		n->also(n->also_ctx, tx, s);
	wb_tx_commit(tx, on_created, passage_new(s, done, ctx));
	if (s->run)
		wb_session_connect(s);
	if (ret_id)
		snprintf(ret_id, DB_SESSION_ID_MAX + 1, "%s", id);
	return 0;
}

void wb_session_change(struct wb_session *s, const char *name, const json_t *settings, wb_tx_fn *done, void *ctx)
{
	struct wb_tx *tx = wb_tx_new(s->reg->gw);

	if (name) {
		wb_restr(&s->name, name);
		db_batch_session_update(wb_tx_batch(tx), s->id, name, NULL);
	}
	if (settings)
		wb_session_settings_put(s, tx, settings);
	wb_tx_commit(tx, done, ctx);
}

/* A session that is being deleted takes no more wishes: true, and tx is used up. */
static bool leaving(struct wb_session *s, struct wb_tx *tx, wb_tx_fn *done, void *ctx)
{
	if (s->after != WB_AFTER_DELETE)
		return false;
	wb_tx_fail(tx, WA_ECONFLICT, "the session is being deleted");
	wb_tx_commit(tx, done, ctx);
	return true;
}

void wb_session_start(struct wb_session *s, wb_tx_fn *done, void *ctx)
{
	struct wb_tx *tx = wb_tx_new(s->reg->gw);

	if (leaving(s, tx, done, ctx))
		return;
	wb_session_store_run(s, tx, true);
	wb_tx_commit(tx, done, ctx);
	if (s->client && s->closed)
		s->after = WB_AFTER_RESTART;	/* on its way down */
	else if (!s->client || s->state == WB_SS_BACKOFF)
		wb_session_connect(s);
}

void wb_session_stop(struct wb_session *s, wb_tx_fn *done, void *ctx)
{
	struct wb_tx *tx = wb_tx_new(s->reg->gw);

	if (leaving(s, tx, done, ctx))
		return;
	wb_session_store_run(s, tx, false);
	s->after = WB_AFTER_WISH;
	if (s->client && s->ws_open && wa_client_state(s->client) != WA_ST_IDLE) {
		wa_client_close(s->client);
	} else {
		wb_session_hang_up(s);
		wb_session_set_state(s, tx, WB_SS_STOPPED, "");
	}
	wb_tx_commit(tx, done, ctx);
}

void wb_session_restart(struct wb_session *s, wb_tx_fn *done, void *ctx)
{
	struct wb_tx *tx = wb_tx_new(s->reg->gw);

	if (leaving(s, tx, done, ctx))
		return;
	wb_session_store_run(s, tx, true);
	wb_tx_commit(tx, done, ctx);
	if (s->client && s->ws_open && wa_client_state(s->client) != WA_ST_IDLE) {
		s->after = WB_AFTER_RESTART;
		wa_client_close(s->client);
	} else {
		wb_session_hang_up(s);
		wb_session_connect(s);
	}
}

static bool log_out_online(struct wb_session *s)
{
	struct wa_err err = WA_ERR_INIT;

	if (!wb_session_client(s) || wa_client_logout(s->client, &err) < 0)
		return false;
	s->logging_out = true;
	return true;
}

void wb_session_logout(struct wb_session *s, wb_tx_fn *done, void *ctx)
{
	struct wb_tx *tx = wb_tx_new(s->reg->gw);

	if (leaving(s, tx, done, ctx))
		return;
	wb_session_store_run(s, tx, false);
	if (!log_out_online(s)) {
		wb_session_hang_up(s);
		wb_session_set_state(s, tx, WB_SS_LOGGED_OUT, "by_owner");
		wb_session_clear(s, tx);
		wb_session_store_account(s, tx, "", "", "");
	}
	wb_tx_commit(tx, done, ctx);
}

static void on_removed(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct passage *p = ctx;

	if (code == 0 || !p->gw->sessions || wb_session_find(p->gw, p->s->id)) {
		session_free(p->s);
	} else {		/* still stored, so still here: it can be deleted again */
		registry_put(p->gw->sessions, p->s);
		wb_session_set_state(p->s, NULL, WB_SS_STOPPED, "store");
	}
	if (code == 0)
		wb_media_forget(p->gw);
	passage_end(p, code, err, res);
}

/* The end: memory at once, storage in one transaction. */
void wb_session_remove(struct wb_session *s, wb_tx_fn *done, void *ctx)
{
	struct wb_gateway *gw = s->reg->gw;
	struct wb_tx *tx = wb_tx_new(gw);

	forget(s);
	s->after = WB_AFTER_WISH;
	s->run = false;
	db_batch_session_delete(wb_tx_batch(tx), s->id);
	put_status_event(s, tx, "session.deleted");
	wb_tx_commit(tx, on_removed, passage_new(s, done, ctx));
}

void wb_session_delete(struct wb_session *s, wb_tx_fn *done, void *ctx)
{
	if (s->after == WB_AFTER_DELETE) {
		(void)leaving(s, wb_tx_new(s->reg->gw), done, ctx);
		return;
	}
	s->run = false;
	if (log_out_online(s)) {
		s->after = WB_AFTER_DELETE;
		s->delete_done = done;
		s->delete_ctx = ctx;
		return;
	}
	wb_session_remove(s, done, ctx);
}

int wb_session_pair_code(struct wb_session *s, const char *phone, const char *code,
			 struct wa_err *err)
{
	const char *digits = *phone == '+' ? phone + 1 : phone;
	size_t n = strlen(digits);

	if (n < 5 || n > 15 || strspn(digits, "0123456789") != n)
		return wa_err_set(err, WA_EINVALID, "phone: digits of an international number");
	if (code && !wa_pair_code_valid(code))
		return wa_err_set(err, WA_EINVALID, "code: 8 of 1-9 and A-Z without I, O, U, 0");
	if (!s->client || s->closed || wa_client_device(s->client)->paired)
		return wa_err_set(err, WA_ESTATE, "session is %s", wb_session_state_str(s->state));
	if (s->state == WB_SS_LINKING)
		return wa_client_pair_by_code(s->client, digits, code, err);
	if (!s->linking)
		s->linking = wb_zalloc(sizeof(*s->linking));
	snprintf(s->linking->phone, sizeof(s->linking->phone), "%s", digits);
	snprintf(s->linking->own_code, sizeof(s->linking->own_code), "%s", code ? code : "");
	return 0;
}
