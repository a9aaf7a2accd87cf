/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What keeps the account from writing to people it does not know: the reach-out
 * time-lock and the cap on new chats. Read with mex, told by notifications, and
 * looked up when a message is refused with 463.
 */
#include "mex.h"

#include <wa/account.h>

#include <stdlib.h>

#define QUERY_LOCK  "23983697327930364"
#define QUERY_CAP   "24503548349331633"
#define LOCK_UNTOLD 60000 /* a lock without an end: looked at again after that long */
#define KIND_MAX    64

#define LOCK_MEMBER "xwa2_fetch_account_reachout_timelock"
#define CAP_MEMBER  "xwa2_message_capping_info"

/* What was told last; lives in WA_REC_CACHE so that a restart does not tell it again. */
struct state {
	struct wa_restriction r;
	char kind[KIND_MAX], cap[KIND_MAX];
};

struct ask {
	struct state st;
	wa_restriction_fn *fn;
	void *arg;
};

struct refused { /* a message that got 463 */
	char id[MSG_ID_MAX + 1];
	struct wa_jid chat;
};

static const char *const cap_words[] = { "none", "first_warning", "second_warning", "capped" };

static void lower(char *out, size_t size, const char *text)
{
	size_t i;

	for (i = 0; text[i] && i + 1 < size; i++)
		out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
	out[i] = '\0';
}

static void state_init(struct state *st)
{
	memset(st, 0, sizeof(*st));
	st->r.cap_total = st->r.cap_used = -1;
}

static void state_point(struct state *st)
{
	st->r.kind = st->kind;
	st->r.cap = st->cap;
}

static int64_t seconds_ms(const json_t *o, const char *key)
{
	int64_t s = mex_num(o, key, 0);

	if (s > TIME_MAX_S)	/* some of them are in milliseconds */
		s /= 1000;
	return s < 0 || s > TIME_MAX_S ? 0 : s * 1000;
}

static void read_lock(struct wa_client *c, const json_t *o, struct state *st)
{
	st->r.locked = json_is_true(json_object_get(o, "is_active"));
	snprintf(st->kind, sizeof(st->kind), "%s", mex_text(o, "enforcement_type"));
	if (!st->kind[0] || !st->r.locked)
		snprintf(st->kind, sizeof(st->kind), "DEFAULT");
	st->r.until_ms = st->r.locked ? seconds_ms(o, "time_enforcement_ends") : 0;
	if (st->r.locked && st->r.until_ms == 0)
		st->r.until_ms = client_now(c) + c->server_offset_ms + LOCK_UNTOLD;
}

static void read_cap(const json_t *o, struct state *st)
{
	char word[KIND_MAX];
	size_t i;

	lower(word, sizeof(word), mex_text(o, "capping_status"));
	st->cap[0] = '\0';
	for (i = 0; i < WA_ARRAY_LEN(cap_words); i++)
		if (strcmp(word, cap_words[i]) == 0)
			snprintf(st->cap, sizeof(st->cap), "%s", word);
	st->r.cap_total = mex_num(o, "total_quota", -1);
	st->r.cap_used = mex_num(o, "used_quota", -1);
	st->r.cap_from_ms = seconds_ms(o, "cycle_start_timestamp");
	st->r.cap_until_ms = seconds_ms(o, "cycle_end_timestamp");
}

/* ---- what was told last ---- */

static const char cache_key[] = "restriction";

static void recall(struct wa_client *c, struct state *ret)
{
	json_t *o = NULL;
	struct wa_buf b;

	state_init(ret);
	wa_buf_init(&b, 4096);
	if (wa_records_get(c->rec, WA_REC_CACHE, wa_span_str(cache_key), &b, NULL) == 1)
		o = json_loadb((const char *)b.ptr, b.len, 0, NULL);
	if (o) {
		ret->r.locked = json_is_true(json_object_get(o, "locked"));
		snprintf(ret->kind, sizeof(ret->kind), "%s", mex_text(o, "kind"));
		ret->r.until_ms = mex_num(o, "until", 0);
		snprintf(ret->cap, sizeof(ret->cap), "%s", mex_text(o, "cap"));
		ret->r.cap_total = mex_num(o, "total", -1);
		ret->r.cap_used = mex_num(o, "used", -1);
		ret->r.cap_from_ms = mex_num(o, "from", 0);
		ret->r.cap_until_ms = mex_num(o, "to", 0);
	}
	json_decref(o);
	wa_buf_clear(&b);
	if (!ret->kind[0])
		snprintf(ret->kind, sizeof(ret->kind), "DEFAULT");
	state_point(ret);
}

static void remember(struct wa_client *c, const struct state *st)
{
	json_t *o = json_pack("{s:b, s:s, s:I, s:s, s:I, s:I, s:I, s:I}", "locked", st->r.locked, "kind",
			      st->kind, "until", (json_int_t)st->r.until_ms, "cap", st->cap, "total",
			      (json_int_t)st->r.cap_total, "used", (json_int_t)st->r.cap_used, "from",
			      (json_int_t)st->r.cap_from_ms, "to", (json_int_t)st->r.cap_until_ms);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	if (!text || wa_records_put(c->rec, WA_REC_CACHE, wa_span_str(cache_key), wa_span_str(text)))
		client_nomem(c);
	free(text);
	json_decref(o);
}

static bool same(const struct state *a, const struct state *b)
{
	return a->r.locked == b->r.locked && a->r.until_ms == b->r.until_ms &&
	       a->r.cap_total == b->r.cap_total && a->r.cap_used == b->r.cap_used &&
	       a->r.cap_from_ms == b->r.cap_from_ms && a->r.cap_until_ms == b->r.cap_until_ms &&
	       strcmp(a->kind, b->kind) == 0 && strcmp(a->cap, b->cap) == 0;
}

static void tell(struct wa_client *c, struct state *st)
{
	struct wa_restriction *r;
	struct state had;

	recall(c, &had);
	if (same(&had, st))
		return;
	remember(c, st);
	r = wa_arena_alloc(&c->ev_arena, sizeof(*r));
	if (!r) {
		client_nomem(c);
		return;
	}
	*r = st->r;
	r->kind = client_text(c, st->kind);
	r->cap = client_text(c, st->cap);
	client_event(c, WA_EV_RESTRICTION)->restriction = r;
}

bool restriction_mex(struct wa_client *c, const char *op, const json_t *data)
{
	const json_t *lock = mex_get(data, "xwa2_notify_account_reachout_timelock");
	const json_t *cap = mex_get(data, "xwa2_notify_new_chat_messages_capping_info_update");
	struct state st;

	if (strcmp(op, "NotificationUserReachoutTimelockUpdate") != 0 &&
	    strcmp(op, "MessageCappingInfoNotification") != 0)
		return false;
	recall(c, &st);
	if (lock)
		read_lock(c, lock, &st);
	if (cap)
		read_cap(cap, &st);
	if (lock || cap)
		tell(c, &st);
	return true;
}

/* ---- asking ---- */

static void ask_lock(struct wa_client *c, mex_fn *fn, void *arg)
{
	mex_ask(c, QUERY_LOCK, json_object(), LOCK_MEMBER, fn, arg);
}

static void on_cap(struct wa_client *c, void *arg, int code, const char *text, json_t *data)
{
	struct ask *k = arg;

	(void)text;
	/* Not every server has caps: the lock counts all the same. */
	if (code == 0)
		read_cap(data, &k->st);
	tell(c, &k->st);
	state_point(&k->st);
	k->fn(k->arg, code < 0 && code != WA_EPROTO ? code : 0, &k->st.r);
	free(k);
}

static void on_lock(struct wa_client *c, void *arg, int code, const char *text, json_t *data)
{
	struct ask *k = arg;

	(void)text;
	if (code) {
		k->fn(k->arg, code, NULL);
		free(k);
		return;
	}
	recall(c, &k->st);
	read_lock(c, data, &k->st);
	mex_ask(c, QUERY_CAP, json_pack("{s:{s:s}}", "input", "type", "INDIVIDUAL_NEW_CHAT_MSG"), CAP_MEMBER,
		on_cap, k);
}

int wa_client_restriction(struct wa_client *c, wa_restriction_fn *fn, void *arg, struct wa_err *err)
{
	struct ask *k;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	k = calloc(1, sizeof(*k));
	if (!k)
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	k->fn = fn;
	k->arg = arg;
	client_enter(c);
	ask_lock(c, on_lock, k);
	client_leave(c);
	return 0;
}

/* ---- 463 ---- */

static void nack(struct wa_client *c, const struct refused *r, const char *text)
{
	struct wa_event *e = client_event(c, WA_EV_NACK);

	e->id = client_text(c, r->id);
	e->chat = r->chat;
	e->code = 463;
	e->text = client_text(c, text);
}

static void on_why(struct wa_client *c, void *arg, int code, const char *text, json_t *data)
{
	struct refused *r = arg;
	struct state st;

	(void)text;
	if (code == 0) {
		recall(c, &st);
		read_lock(c, data, &st);
		tell(c, &st);
		nack(c, r, st.r.locked ? "restricted" : "token_missing");
		if (!st.r.locked)
			trust_reissue(c, &r->chat);
	} else {
		nack(c, r, "reachout_timelock");
	}
	free(r);
}

bool restriction_refused(struct wa_client *c, const char *id, const struct wa_jid *chat)
{
	struct refused *r = calloc(1, sizeof(*r));

	if (!r)
		return false;
	span_copy(r->id, sizeof(r->id), wa_span_str(id));
	r->chat = *chat;
	ask_lock(c, on_why, r);
	return true;
}
