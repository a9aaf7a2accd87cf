/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls: told, and refused when the owner of the session wants that. */
#include "session_account.h"

#include <clock.h>
#include "message.h"
#include "session_priv.h"

#define CALLS_MAX 32		/* ringing at once; the oldest is forgotten */
#define RING_MS 120000		/* nothing rings longer */
#define WINDOW_MS 86400000	/* one message to a caller in this time */

struct wb_call {
	char id[65];
	struct wa_jid caller, caller_pn, group;
	bool video, group_call, accepted, rejected;
	int64_t since_ms;
};

struct wb_calls {
	struct wb_call list[CALLS_MAX];
	size_t n;
};

int wb_calls_setting_check(const json_t *v, struct wa_err *err)
{
	const char *t = json_string_value(v);

	if (strcmp(t, "ring") != 0 && strcmp(t, "reject") != 0)
		return wa_err_set(err, WA_EINVALID, "settings.calls: ring or reject");
	return 0;
}

void wb_session_calls_free(struct wb_session *s)
{
	free(s->calls);
	s->calls = NULL;
}

static struct wb_call *find(struct wb_session *s, const char *id)
{
	for (size_t i = 0; s->calls && i < s->calls->n; i++)
		if (strcmp(s->calls->list[i].id, id) == 0)
			return &s->calls->list[i];
	return NULL;
}

static void drop(struct wb_session *s, struct wb_call *c)
{
	size_t i = (size_t)(c - s->calls->list);

	memmove(c, c + 1, (s->calls->n - i - 1) * sizeof(*c));
	if (--s->calls->n == 0)
		wb_session_calls_free(s);
}

static void drop_old(struct wb_session *s)
{
	int64_t now = wb_now(s->reg->gw);

	while (s->calls && now - s->calls->list[0].since_ms > RING_MS)
		drop(s, &s->calls->list[0]);
}

static struct wb_call *add(struct wb_session *s, const struct wa_call_event *e)
{
	struct wb_call *c;

	drop_old(s);
	if (s->calls && s->calls->n == CALLS_MAX)
		drop(s, &s->calls->list[0]);
	if (!s->calls)
		s->calls = wb_zalloc(sizeof(*s->calls));
	c = &s->calls->list[s->calls->n++];
	memset(c, 0, sizeof(*c));
	snprintf(c->id, sizeof(c->id), "%s", e->call_id);
	c->caller = e->creator;
	c->caller_pn = e->creator_pn;
	c->group = e->group;
	c->video = e->video;
	c->group_call = e->group_call;
	c->since_ms = wb_now(s->reg->gw);
	return c;
}

static json_t *call_json(const struct wb_call *c)
{
	json_t *o = json_pack("{s:s, s:b, s:b}", "id", c->id, "video", c->video, "group_call", c->group_call);
	char text[WA_JID_TEXT_MAX], jid[WA_JID_TEXT_MAX], lid[WA_JID_TEXT_MAX];

	wb_jid_forms(&c->caller, &c->caller_pn, jid, lid);
	json_object_set_new(o, "caller", wb_person_json(jid, lid, NULL));
	if (!wa_jid_is_null(&c->group))
		json_object_set_new(o, "group", json_string(wa_jid_text(&c->group, text)));
	json_object_set_new(o, "since", json_string(wa_time_format(c->since_ms, text)));
	return o;
}

json_t *wb_session_calls_json(struct wb_session *s)
{
	json_t *list = json_array();

	drop_old(s);
	for (size_t i = 0; s->calls && i < s->calls->n; i++)
		json_array_append_new(list, call_json(&s->calls->list[i]));
	return list;
}

int wb_session_call_find(struct wb_session *s, const char *call, struct wa_jid *ret_caller)
{
	struct wb_call *c;

	drop_old(s);
	c = find(s, call);
	if (!c)
		return 0;
	*ret_caller = c->caller;
	return 1;
}

/* The owner's words, through the outbox: consent and pacing count, and once for each caller a day. */
static void say(struct wb_session *s, const struct wb_call *c)
{
	const char *text = json_string_value(wb_session_setting(s, "call_message"));
	char to[WA_JID_TEXT_MAX], key[WA_JID_TEXT_MAX + 64], id[DB_ID_LEN + 1];
	struct wb_outbox_new m = { .session = s->id, .to = to, .text = text, .message_class = "reply",
				   .idem_scope = "call", .idem_key = key };
	struct wa_err err = WA_ERR_INIT;
	struct wb_tx *tx;

	if (!text || !*text || c->group_call)
		return;
	wa_jid_text(wa_jid_is_null(&c->caller_pn) ? &c->caller : &c->caller_pn, to);
	snprintf(key, sizeof(key), "%s|%s|%lld", s->id, to, (long long)(wb_now(s->reg->gw) / WINDOW_MS));
	m.idem_request = wa_span_str(key);
	tx = wb_tx_new(s->reg->gw);
	if (wb_outbox_add(tx, &m, id, &err) < 0) {
		WB_GATEWAY_LOG(s->reg->gw, WA_INFO, "call.message", WA_S("session", s->id), WA_S("error", err.msg));
		wb_tx_abort(tx);
	} else {
		wb_tx_commit(tx, NULL, NULL);	/* a repeat within the window fails here, which is what is wanted */
	}
}

struct refusing {
	struct wb_gateway *gw;
	char session[DB_SESSION_ID_MAX + 1], call[65];
};

static void on_refused(void *arg, int code, const char *text)
{
	struct refusing *r = arg;

	if (code)
		WB_GATEWAY_LOG(r->gw, WA_WARN, "call.reject", WA_S("session", r->session), WA_I("code", code),
			       WA_S("error", text));
	free(r);
}

/* Not from inside the batch: libwa's stanza waits for a batch of its own. */
static void refuse(void *arg)
{
	struct refusing *r = arg;
	struct wb_session *s = wb_session_find(r->gw, r->session);
	struct wa_client *c = s ? wb_session_client(s) : NULL;
	struct wb_call *call = s ? find(s, r->call) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (!c || !call) {
		free(r);
		return;
	}
	say(s, call);
	if (wa_client_call_reject(c, call->id, &call->caller, on_refused, r, &err) < 0)
		on_refused(r, err.code, err.msg);
}

static void on_offer(struct wb_session *s, struct wb_tx *tx, const struct wa_call_event *e)
{
	const char *want = json_string_value(wb_session_setting(s, "calls"));
	struct wb_call *c = find(s, e->call_id);
	struct refusing *r;
	json_t *o;

	if (c || strlen(e->call_id) >= sizeof(c->id))
		return;
	c = add(s, e);
	o = call_json(c);
	json_object_set_new(o, "offline", json_boolean(e->offline));
	wb_session_put_event(s, tx, "call.offer", "", o, false);
	if (!want || strcmp(want, "reject") != 0 || e->offline)
		return;
	c->rejected = true;
	wb_session_put_event(s, tx, "call.rejected", "", call_json(c), false);
	r = wb_zalloc(sizeof(*r));
	r->gw = s->reg->gw;
	snprintf(r->session, sizeof(r->session), "%s", s->id);
	snprintf(r->call, sizeof(r->call), "%s", c->id);
	wb_loop_defer(s->reg->gw->loop, refuse, r);
}

/* Over. Nobody took it and nobody refused it: it was missed. */
static void on_end(struct wb_session *s, struct wb_tx *tx, const struct wa_call_event *e)
{
	struct wb_call *c = find(s, e->call_id), gone;
	json_t *o;

	if (c)
		gone = *c;
	else
		gone = (struct wb_call){ .caller = e->creator, .caller_pn = e->creator_pn, .group = e->group, .video = e->video,
					 .group_call = e->group_call, .since_ms = e->timestamp_ms,
					 .accepted = true };
	if (!c)
		snprintf(gone.id, sizeof(gone.id), "%s", e->call_id);
	o = call_json(&gone);
	if (*e->reason)
		json_object_set_new(o, "reason", json_string(e->reason));
	if (e->kind == WA_CALL_REJECT || strcmp(e->reason, "rejected_elsewhere") == 0)
		wb_session_put_event(s, tx, "call.rejected", "", o, false);
	else
		wb_session_put_event(s, tx, gone.accepted || gone.rejected || strcmp(e->reason, "accepted_elsewhere") == 0
						    ? "call.terminated" : "call.missed", "", o, false);
	if (c)
		drop(s, c);
}

void wb_session_on_call(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	const struct wa_call_event *e = ev->call;
	struct wb_call *c;

	if (e->kind == WA_CALL_OFFER || e->kind == WA_CALL_OFFER_NOTICE) {
		on_offer(s, tx, e);
	} else if (e->kind == WA_CALL_ACCEPT) {
		c = find(s, e->call_id);
		if (c && !c->accepted) {
			c->accepted = true;
			wb_session_put_event(s, tx, "call.accepted", "", call_json(c), false);
		}
	} else if (e->kind == WA_CALL_TERMINATE || e->kind == WA_CALL_REJECT) {
		on_end(s, tx, e);
	}
}
