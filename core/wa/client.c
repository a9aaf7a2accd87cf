/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The façade: life, and what the host calls. */
#include "client_int.h"

#include <text.h>

#include <stdlib.h>

#define CACHE_DEFAULT (32u << 10)

/* What a plain connection accepts when nothing newer is configured. */
static const uint32_t default_version[3] = { 2, 3000, 1045649367 };

void wa_client_version(uint32_t out[3])
{
	memcpy(out, default_version, sizeof(default_version));
}

const char *wa_client_state_str(int st)
{
	static const char *const names[] = { "idle",  "handshake", "linking",
					     "login", "ready",     "closing" };

	return st >= 0 && (size_t)st < WA_ARRAY_LEN(names) ? names[st] : "unknown";
}

const char *wa_event_kind_str(int kind)
{
	static const char *const names[] = {
		[WA_EV_QR] = "qr",
		[WA_EV_PAIR_CODE] = "pair_code",
		[WA_EV_PAIRED] = "paired",
		[WA_EV_PAIR_ERROR] = "pair_error",
		[WA_EV_READY] = "ready",
		[WA_EV_OFFLINE_DONE] = "offline_done",
		[WA_EV_CLOSED] = "closed",
		[WA_EV_MESSAGE] = "message",
		[WA_EV_UNDECRYPTABLE] = "undecryptable",
		[WA_EV_ACK] = "ack",
		[WA_EV_NACK] = "nack",
		[WA_EV_RECEIPT] = "receipt",
		[WA_EV_RETRY_SENT] = "retry_sent",
		[WA_EV_PRESENCE] = "presence",
		[WA_EV_CHATSTATE] = "chatstate",
		[WA_EV_LID] = "lid",
		[WA_EV_PUSH_NAME] = "push_name",
		[WA_EV_IDENTITY] = "identity",
		[WA_EV_DEVICES] = "devices",
		[WA_EV_UNKNOWN] = "unknown",
		[WA_EV_SENT] = "sent",
		[WA_EV_GROUP] = "group",
		[WA_EV_SYNC] = "sync",
		[WA_EV_SYNC_DONE] = "sync_done",
		[WA_EV_SYNC_ERROR] = "sync_error",
		[WA_EV_HISTORY] = "history",
		[WA_EV_HISTORY_PROGRESS] = "history_progress",
		[WA_EV_MEDIA_RETRY] = "media_retry",
		[WA_EV_CALL] = "call",
		[WA_EV_NEWSLETTER] = "newsletter",
		[WA_EV_PICTURE] = "picture",
		[WA_EV_ABOUT] = "about",
		[WA_EV_BLOCKLIST] = "blocklist",
		[WA_EV_PRIVACY] = "privacy",
		[WA_EV_RESTRICTION] = "restriction",
		[WA_EV_PASSKEY] = "passkey",
		[WA_EV_DEVICE_REMOVED] = "device_removed",
		[WA_EV_OWN_DEVICES] = "own_devices",
		[WA_EV_BUSINESS_NAME] = "business_name",
	};

	return kind > 0 && (size_t)kind < WA_ARRAY_LEN(names) ? names[kind] : "unknown";
}

/* ---- life ---- */

static int load_device(struct wa_client *c, struct wa_err *err)
{
	struct wa_buf b;
	int found;

	wa_buf_init(&b, 1u << 16);
	found = wa_records_get(c->rec, WA_REC_DEVICE, wa_span(NULL, 0), &b, err);
	if (found > 0)
		found = wa_device_decode(wa_buf_view(&b), &c->dev, err);
	else if (found == 0) {
		found = wa_device_generate(c->env, &c->dev, err);
		if (found == 0)
			client_save_device(c);
	}
	wa_buf_wipe(&b);
	return found;
}

static int take_options(struct wa_client *c, const struct wa_client_opts *o, struct wa_err *err)
{
	c->env = o->env;
	c->ops = o->ops;
	c->ctx = o->ctx;
	if (o->root_key) {
		c->root = *o->root_key;
		c->has_root = true;
	}
	memcpy(c->version, o->version[0] ? o->version : default_version, sizeof(c->version));
	span_copy(c->os_name, sizeof(c->os_name), wa_span_str(o->os_name ? o->os_name : "Warbler"));
	c->client_type = o->client_type ? o->client_type : '1';
	c->want_online = o->mark_online;
	c->depth_of = o->history;
	if (o->pair_phone) {
		if (strlen(o->pair_phone) >= sizeof(c->pair_phone))
			return wa_err_set(err, WA_EINVALID, "phone number is too long");
		span_copy(c->pair_phone, sizeof(c->pair_phone), wa_span_str(o->pair_phone));
	}
	if (o->pair_code) {
		if (!wa_pair_code_valid(o->pair_code))
			return wa_err_set(err, WA_EINVALID,
					  "pairing code needs 8 characters of its alphabet");
		span_copy(c->pair_code, sizeof(c->pair_code), wa_span_str(o->pair_code));
	}
	return 0;
}

static void init_state(struct wa_client *c)
{
	uint8_t r[4];

	c->open_id = 1;
	c->gate_tail = &c->gate;
	c->phase_deadline = c->ping_at = c->count_at = c->keys_at = c->told_deadline = INT64_MAX;
	wa_arena_init(&c->ev_arena, EVENT_ARENA_MAX);
	wa_list_init(&c->iqs);
	wa_list_init(&c->blobs);
	wa_list_init(&c->ready);
	wa_list_init(&c->waiting);
	wa_list_init(&c->await);
	wa_list_init(&c->bundles);
	c->env->random(c->env->ctx, r, sizeof(r));
	c->iq_prefix = (uint32_t)r[0] << 24 | (uint32_t)r[1] << 16 | (uint32_t)r[2] << 8 | r[3];
}

int wa_client_new(const struct wa_client_opts *o, struct wa_client **ret_c, struct wa_err *err)
{
	struct wa_client *c;
	int rc;

	if (!o->env || !o->store || !o->ops || !o->ops->batch)
		return wa_err_set(err, WA_EINVALID, "client needs env, store and ops.batch");
	c = calloc(1, sizeof(*c));
	if (!c)
		return wa_err_set(err, WA_ENOMEM, "no memory for a client");
	rc = take_options(c, o, err);
	if (rc) {
		free(c);
		return rc;
	}
	init_state(c);
	c->rec = wa_records_new(o->store, o->store_ctx,
				o->cache_bytes ? o->cache_bytes : CACHE_DEFAULT);
	rc = c->rec ? load_device(c, err) : wa_err_set(err, WA_ENOMEM, "no memory for records");
	if (rc == 0)
		rc = wa_signal_new(c->env, c->rec, &c->dev, &c->sig, err);
	if (rc) {
		wa_client_free(c);
		return rc;
	}
	*ret_c = c;
	return 0;
}

void wa_client_free(struct wa_client *c)
{
	if (!c)
		return;
	c->depth++; /* nothing is said any more, nothing more is taken */
	c->state = WA_ST_IDLE;
	blob_abort(c);
	media_hosts_clear(c);
	media_retry_clear(c);
	history_clear(c);
	placeholder_clear(c);
	turn_clear(c);
	retry_clear(c);
	wa_stream_free(c->stream);
	wa_signal_free(c->sig);
	wa_records_free(c->rec);
	wa_map_clear(&c->sends);
	wa_map_clear(&c->lanes);
	wa_device_wipe(&c->dev);
	wa_wipe(c->pair_code, sizeof(c->pair_code));
	free(c);
}

int wa_client_state(const struct wa_client *c)
{
	return c->state;
}

const struct wa_device *wa_client_device(const struct wa_client *c)
{
	return &c->dev;
}

int64_t client_now(const struct wa_client *c)
{
	return c->env->now_ms(c->env->ctx);
}

bool client_up(const struct wa_client *c)
{
	return c->stream && !c->drop_stream && c->state != WA_ST_IDLE &&
	       c->state != WA_ST_HANDSHAKE;
}

bool client_own(const struct wa_client *c, const struct wa_jid *j)
{
	struct wa_jid who = jid_person(j);

	return (!wa_jid_is_null(&c->dev.pn) && wa_jid_same_user(&who, &c->dev.pn)) ||
	       (!wa_jid_is_null(&c->dev.lid) && wa_jid_same_user(&who, &c->dev.lid));
}

void client_nomem(struct wa_client *c)
{
	c->failed = true;
}

void client_save_device(struct wa_client *c)
{
	struct wa_buf b;

	wa_buf_init(&b, 1u << 16);
	if (wa_device_encode(&c->dev, &b, NULL) ||
	    wa_records_put(c->rec, WA_REC_DEVICE, wa_span(NULL, 0), wa_buf_view(&b)))
		client_nomem(c);
	wa_buf_wipe(&b);
}

void client_learn(struct wa_client *c, const struct wa_jid *a, const struct wa_jid *b)
{
	struct wa_jid one = jid_person(a), other = jid_person(b);
	const struct wa_jid *pn = one.server == WA_SRV_PN ? &one : &other;
	const struct wa_jid *lid = one.server == WA_SRV_PN ? &other : &one;
	struct wa_jid bare_pn, bare_lid;
	struct wa_event *e;
	int rc;

	if (pn->server != WA_SRV_PN || lid->server != WA_SRV_LID || !pn->user[0] || !lid->user[0])
		return;
	bare_pn = wa_jid_bare(pn);
	bare_lid = wa_jid_bare(lid);
	rc = wa_signal_learn_lid(c->sig, &bare_pn, &bare_lid, NULL);
	if (rc == WA_ENOMEM || rc == WA_ESTORE)
		client_nomem(c);
	if (rc != 1)
		return;
	e = client_event(c, WA_EV_LID);
	e->jid = bare_pn;
	e->lid = bare_lid;
}

void client_learn_many(struct wa_client *c, const struct wa_jid *a, const struct wa_jid *b)
{
	size_t before = c->n_events;

	client_learn(c, a, b);
	if (c->n_events > before)
		c->events[before].final = true;
}

bool wa_client_same_person(struct wa_client *c, const struct wa_jid *a, const struct wa_jid *b)
{
	struct wa_jid one = wa_signal_canonical(c->sig, a), other = wa_signal_canonical(c->sig, b);

	one = jid_person(&one);
	other = jid_person(&other);
	return wa_jid_same_user(&one, &other);
}

void client_identity(struct wa_client *c)
{
	struct wa_jid who;

	if (wa_signal_identity_changed(c->sig, &who))
		client_event(c, WA_EV_IDENTITY)->sender = who;
}

/* ---- what the host calls ---- */

int wa_client_connected(struct wa_client *c, struct wa_err *err)
{
	int rc;

	if (c->dead)
		return wa_err_set(err, WA_ESTATE, "client is dead: make a new one");
	if (c->state != WA_ST_IDLE || c->stream)
		return wa_err_set(err, WA_ESTATE, "client is %s", wa_client_state_str(c->state));
	client_enter(c);
	rc = conn_open(c, err);
	client_leave(c);
	return rc;
}

int wa_client_feed(struct wa_client *c, struct wa_span bytes, struct wa_err *err)
{
	struct wa_err e = WA_ERR_INIT;
	int rc;

	if (c->state == WA_ST_IDLE || !c->stream)
		return wa_err_set(err, WA_ESTATE, "client has no connection");
	client_enter(c);
	c->last_rx = client_now(c);
	rc = wa_stream_feed(c->stream, bytes, &e);
	if (rc && c->state == WA_ST_IDLE)
		rc = 0; /* closed by what it read: the event has said so */
	if (rc) {
		WA_LOG(c->env, WA_WARN, "client.feed_failed", WA_S("error", e.msg));
		if (err)
			*err = e;
		client_close(c, WA_NEXT_RECONNECT, 0,
			     c->state == WA_ST_HANDSHAKE ? "handshake_failed" : "protocol_error");
	}
	client_leave(c);
	return rc;
}

void wa_client_disconnected(struct wa_client *c)
{
	client_enter(c);
	if (c->close_pending)
		client_close(c, c->close_next, c->close_code, c->close_text);
	else
		client_close(c, WA_NEXT_RECONNECT, 0, "connection_lost");
	client_leave(c);
}

struct wa_span wa_client_output(const struct wa_client *c)
{
	return c->stream && !c->drop_stream ? wa_stream_output(c->stream) : wa_span(NULL, 0);
}

void wa_client_wrote(struct wa_client *c, size_t n)
{
	if (!c->stream || n == 0)
		return;
	client_enter(c);
	wa_stream_wrote(c->stream, n);
	client_leave(c);
}

static void take_min(int64_t *at, int64_t other)
{
	if (other < *at)
		*at = other;
}

int64_t wa_client_deadline_ms(const struct wa_client *c)
{
	int64_t at = INT64_MAX;

	if (c->state == WA_ST_IDLE)
		return at;
	if (c->work_left)
		return 0;
	at = c->phase_deadline;
	take_min(&at, conn_deadline(c));
	take_min(&at, iq_deadline(c));
	take_min(&at, link_deadline(c));
	take_min(&at, send_deadline(c));
	take_min(&at, sync_deadline(c));
	take_min(&at, history_deadline(c));
	take_min(&at, placeholder_deadline(c));
	return at;
}

void wa_client_tick(struct wa_client *c)
{
	int64_t now;

	if (c->state == WA_ST_IDLE)
		return;
	client_enter(c);
	now = client_now(c);
	conn_tick(c, now);
	link_tick(c, now);
	iq_tick(c, now);
	send_tick(c, now);
	sync_tick(c, now);
	history_tick(c, now);
	placeholder_tick(c, now);
	client_leave(c);
}

void wa_client_committed(struct wa_client *c, uint64_t batch_id)
{
	if (batch_id <= c->committed || batch_id >= c->open_id)
		return;
	client_enter(c);
	c->committed = batch_id;
	client_leave(c);
}

void wa_client_commit_failed(struct wa_client *c)
{
	client_enter(c);
	client_die(c, "store_failed");
	client_leave(c);
}

void wa_client_close(struct wa_client *c)
{
	client_enter(c);
	client_close_flushed(c, WA_NEXT_STOP, 0, "closed");
	client_leave(c);
}

static void on_logout(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	(void)arg;
	(void)node;
	WA_LOG(c->env, WA_INFO, "client.logout", WA_I("code", code));
	client_close(c, WA_NEXT_LOGGED_OUT, 0, "logged_out");
}

int wa_client_logout(struct wa_client *c, struct wa_err *err)
{
	struct wa_node *iq, *rm;
	struct wa_arena a;

	if (c->state != WA_ST_READY && c->state != WA_ST_LOGIN)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (c->logging_out)
		return 0;
	client_enter(c);
	c->logging_out = true;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "md");
	rm = wa_node_child(&a, iq, "remove-companion-device");
	wa_node_attr_jid(&a, rm, "jid", &c->dev.pn);
	wa_node_attr(&a, rm, "reason", "user_initiated");
	iq_send(c, &a, iq, LOGOUT_TIMEOUT_MS, on_logout, NULL);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

int wa_client_pair_by_code(struct wa_client *c, const char *digits, const char *code,
			   struct wa_err *err)
{
	int rc;

	client_enter(c);
	rc = link_by_code(c, digits, code, err);
	client_leave(c);
	return rc;
}
