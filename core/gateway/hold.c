/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <db_hold.h>
#include <jansson.h>
#include <list.h>
#include <map.h>
#include "gateway.h"
#include "hold.h"
#include "mem.h"
#include "outbox_priv.h"

#define KEY_MAX (DB_SESSION_ID_MAX + 1 + WA_JID_TEXT_MAX)
#define FIRST_WAIT_MAX_MS (24 * 3600 * 1000)
#define RETRY_MS 5000

struct held {
	char *key;		/* session|chat */
	char *session, *chat, *owner, *note;
	int64_t since_ms, until_ms;
};

struct wb_holds {
	struct wb_gateway *gw;
	struct wa_map map;	/* key -> struct held */
	struct wb_sub *sub;	/* sessions that go */
	struct wb_timer *timer;	/* the next that ends by itself */
};

static bool make_key(char key[KEY_MAX + 1], const char *session, const char *chat)
{
	int n = snprintf(key, KEY_MAX + 1, "%s|%s", session, chat);

	return n > 0 && n <= KEY_MAX;
}

static void held_free(struct held *h)
{
	free(h->key);
	free(h->session);
	free(h->chat);
	free(h->owner);
	free(h->note);
	free(h);
}

static struct held *find(const struct wb_holds *h, const char *session, const char *chat)
{
	char key[KEY_MAX + 1];

	return *chat && make_key(key, session, chat) ? wa_map_get(&h->map, wa_span_str(key)) : NULL;
}

static void drop(struct wb_holds *h, struct held *it)
{
	wa_map_del(&h->map, wa_span_str(it->key));
	held_free(it);
}

/* ---- spelling ---- */

/* Both forms that are known of a chat; each "" when not. */
static int chat_forms(struct wb_gateway *gw, const char *session, const char *chat,
		      char jid[WA_JID_TEXT_MAX], char lid[WA_JID_TEXT_MAX], struct wa_err *err)
{
	const char *cj = "", *cl = "";
	char text[WA_JID_TEXT_MAX];
	struct wa_jid j;
	int r = wb_recipient(chat, &j, err);

	if (r < 0)
		return r;
	wa_jid_text(&j, text);
	snprintf(jid, WA_JID_TEXT_MAX, "%s", j.server == WA_SRV_LID ? "" : text);
	snprintf(lid, WA_JID_TEXT_MAX, "%s", j.server == WA_SRV_LID ? text : "");
	if (j.server != WA_SRV_LID && j.server != WA_SRV_PN)
		return 0;
	r = wb_outbox_contact(gw->outbox, session, text, &cj, &cl, err);
	if (r == 1 && *cj)
		snprintf(jid, WA_JID_TEXT_MAX, "%s", cj);
	if (r == 1 && *cl)
		snprintf(lid, WA_JID_TEXT_MAX, "%s", cl);
	return r < 0 && r != WA_ENOTFOUND ? r : 0;
}

int wb_chat_key(struct wb_gateway *gw, const char *session, const char *chat,
		char ret_key[WA_JID_TEXT_MAX], struct wa_err *err)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];
	int r = chat_forms(gw, session, chat, jid, lid, err);

	if (r == 0)
		snprintf(ret_key, WA_JID_TEXT_MAX, "%s", *jid ? jid : lid);
	return r;
}

bool wb_hold_owner_ok(const char *owner)
{
	size_t n = strlen(owner);

	return n > 0 && n <= WB_HOLD_OWNER_MAX &&
	       strspn(owner, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@+-") == n;
}

/* The hold of a chat under either of its forms; NULL none. */
static struct held *look(struct wb_gateway *gw, const char *session, const char *chat)
{
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];
	struct held *it;

	if (!gw->holds || gw->holds->map.len == 0)
		return NULL;
	it = find(gw->holds, session, chat);
	if (it || chat_forms(gw, session, chat, jid, lid, NULL) < 0)
		return it;
	it = find(gw->holds, session, jid);
	return it ? it : find(gw->holds, session, lid);
}

int wb_hold_get(struct wb_gateway *gw, const char *session, const char *chat, struct wb_hold *ret_hold)
{
	struct held *it = look(gw, session, chat);

	if (!it || (it->until_ms && it->until_ms <= wb_now(gw)))
		return 0;
	if (ret_hold)
		*ret_hold = (struct wb_hold){ .owner = it->owner, .note = it->note,
					      .since_ms = it->since_ms, .until_ms = it->until_ms };
	return 1;
}

/* ---- those that end by themselves ---- */

static void arm(struct wb_holds *h)
{
	int64_t next = 0, now = wb_now(h->gw), ms;
	struct wa_span key;
	size_t it = 0;
	void *v;

	while (wa_map_next(&h->map, &it, &key, &v)) {
		const struct held *x = v;

		if (x->until_ms && (!next || x->until_ms < next))
			next = x->until_ms;
	}
	if (!next || h->gw->draining) {
		wb_timer_stop(h->timer);
		return;
	}
	ms = next > now ? next - now : 0;
	wb_timer_start(h->timer, (uint64_t)(ms < FIRST_WAIT_MAX_MS ? ms : FIRST_WAIT_MAX_MS));
}

static void put_event(struct wb_tx *tx, const char *kind, const char *session, const char *chat,
		      const char *owner, const char *note, int64_t until_ms, bool if_changed)
{
	bool lid = strstr(chat, "@lid") != NULL;
	json_t *o = json_pack("{s:o, s:s}", "chat", wb_person_json(lid ? "" : chat, lid ? chat : "", NULL),
			      "owner", owner);
	struct wb_event_new ev = { .kind = kind, .session = session };
	char *json;

	if (note && *note)
		json_object_set_new(o, "note", json_string(note));
	if (until_ms)
		json_object_set_new(o, "until_ms", json_integer(until_ms));
	json = json_dumps(o, JSON_COMPACT);
	ev.json = (struct wb_str){ json, json ? strlen(json) : 0 };
	if (if_changed)
		wb_tx_event_if_changed(tx, &ev);
	else
		wb_tx_event(tx, &ev);
	free(json);
	json_decref(o);
}

/* ---- changes ---- */

/* What a transaction does to the map once it is durable. */
struct change {
	struct wb_gateway *gw;
	char *session, *chat;
	struct held *put;	/* NULL: released */
	int64_t expired_by;	/* only if it ends by itself until then; 0 anyway */
};

static void on_change(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct change *c = ctx;
	struct wb_holds *h = c->gw->holds;
	struct held *old;

	(void)err;
	(void)res;
	if (code == 0 && h) {
		old = find(h, c->session, c->chat);
		if (old && (!c->expired_by || (old->until_ms && old->until_ms <= c->expired_by)))
			drop(h, old);
		if (c->put && wa_map_put(&h->map, wa_span_str(c->put->key), c->put, NULL) < 0)
			abort();
		c->put = NULL;
		arm(h);
	} else if (h && c->expired_by) {
		wb_timer_start(h->timer, RETRY_MS);
	}
	if (c->put)
		held_free(c->put);
	free(c->session);
	free(c->chat);
	free(c);
}

static struct change *change(struct wb_tx *tx, const char *session, const char *chat)
{
	struct change *c = wb_zalloc(sizeof(*c));

	c->gw = wb_tx_gateway(tx);
	c->session = wb_strdup(session);
	c->chat = wb_strdup(chat);
	wb_tx_hook(tx, on_change, c);
	return c;
}

static struct held *held_new(const struct db_hold *d)
{
	struct held *x = wb_zalloc(sizeof(*x));
	char key[KEY_MAX + 1];

	if (!make_key(key, d->session, d->chat))
		abort();	/* both were checked to fit */
	x->key = wb_strdup(key);
	x->session = wb_strdup(d->session);
	x->chat = wb_strdup(d->chat);
	x->owner = wb_strdup(d->owner);
	x->note = wb_strdup(d->note);
	x->since_ms = d->since_ms;
	x->until_ms = d->until_ms;
	return x;
}

int wb_hold_set(struct wb_tx *tx, const char *session, const char *chat, const char *owner,
		int64_t until_ms, const char *note, struct wa_err *err)
{
	struct wb_gateway *gw = wb_tx_gateway(tx);
	char jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];
	struct db_hold d = { .session = session, .owner = owner, .note = note ? note : "",
			     .since_ms = wb_now(gw), .until_ms = until_ms };
	int r;

	if (!wb_session_find(gw, session))
		return wa_err_set(err, WA_ENOTFOUND, "session %s", session);
	if (!wb_hold_owner_ok(owner))
		return wa_err_set(err, WA_EINVALID, "owner: letters, digits and _.:/@+- only, at most %d",
				  WB_HOLD_OWNER_MAX);
	if (strlen(d.note) > WB_HOLD_NOTE_MAX)
		return wa_err_set(err, WA_EINVALID, "note: at most %d bytes", WB_HOLD_NOTE_MAX);
	r = chat_forms(gw, session, chat, jid, lid, err);
	if (r < 0)
		return r;
	d.chat = *jid ? jid : lid;
	if (*jid && *lid && find(gw->holds, session, lid)) {	/* held when the number was not known yet */
		db_batch_hold_del(wb_tx_batch(tx), session, lid);
		change(tx, session, lid);
	}
	db_batch_hold_put(wb_tx_batch(tx), &d);
	change(tx, session, d.chat)->put = held_new(&d);
	put_event(tx, "chat.held", session, d.chat, owner, note, until_ms, false);
	return 0;
}

int wb_hold_release(struct wb_tx *tx, const char *session, const char *chat, const char *owner,
		    struct wa_err *err)
{
	struct wb_gateway *gw = wb_tx_gateway(tx);
	char key[WA_JID_TEXT_MAX];
	struct held *it = look(gw, session, chat);
	char had[WB_HOLD_OWNER_MAX + 1];
	int r;

	if (owner && (!it || strcmp(it->owner, owner) != 0))
		return 0;
	r = it ? 0 : wb_chat_key(gw, session, chat, key, err);	/* a hold may be on its way to storage */
	if (r < 0)
		return r;
	if (it)
		snprintf(key, sizeof(key), "%s", it->chat);
	snprintf(had, sizeof(had), "%s", it ? it->owner : "");
	db_batch_hold_del(wb_tx_batch(tx), session, key);
	put_event(tx, "chat.released", session, key, had, NULL, 0, true);
	change(tx, session, key);
	return 0;
}

static void on_timer(void *ctx)
{
	struct wb_holds *h = ctx;
	struct wb_tx *tx = NULL;
	int64_t now = wb_now(h->gw);
	struct wa_span key;
	size_t it = 0;
	void *v;

	while (wa_map_next(&h->map, &it, &key, &v)) {
		const struct held *x = v;

		if (!x->until_ms || x->until_ms > now)
			continue;
		if (!tx)
			tx = wb_tx_new(h->gw);
		db_batch_hold_expire(wb_tx_batch(tx), x->session, x->chat, now);
		put_event(tx, "chat.released", x->session, x->chat, x->owner, NULL, x->until_ms, true);
		change(tx, x->session, x->chat)->expired_by = now;
	}
	if (tx)
		wb_tx_commit(tx, NULL, NULL);
	else
		arm(h);
}

/* Its rows went with the session's. */
static void on_session_gone(void *ctx, const struct wb_event *ev)
{
	struct wb_holds *h = ctx;
	struct wa_span key;
	size_t it = 0;
	void *v;

	while (wa_map_next(&h->map, &it, &key, &v))
		if (strcmp(((struct held *)v)->session, ev->session) == 0)
			drop(h, v);
}

/* ---- life ---- */

static int load_one(void *ctx, const struct db_hold *d)
{
	struct wb_holds *h = ctx;
	struct held *x = held_new(d);

	return wa_map_put(&h->map, wa_span_str(x->key), x, NULL);
}

int wb_holds_new(struct wb_gateway *gw, struct wb_holds **ret_h, struct wa_err *err)
{
	struct wb_holds *h = wb_zalloc(sizeof(*h));
	int r;

	h->gw = gw;
	*ret_h = h;	/* the caller frees it on failure, with the rest */
	h->timer = wb_timer_new(gw->loop, "holds", on_timer, h);
	h->sub = wb_bus_subscribe(gw->bus, h, "holds", "session.deleted", on_session_gone, h);
	if (!h->timer || !h->sub)
		return wa_err_set(err, WA_ENOMEM, "holds");
	r = db_hold_each(gw->db, load_one, h, err);
	if (r == 0)
		arm(h);
	return r;
}

void wb_holds_free(struct wb_holds *h)
{
	struct wa_span key;
	size_t it = 0;
	void *v;

	if (!h)
		return;
	wb_timer_free(h->timer);
	while (wa_map_next(&h->map, &it, &key, &v))
		drop(h, v);
	wa_map_clear(&h->map);
	free(h);
}
