/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a message to stanzas: a queue per chat, so that order is kept; many
 * chats at once. The first of each chat is the one being worked on:
 *
 *	ready	may take its next step
 *	waiting	for a device list or a key bundle
 *	await	its stanza is behind the gate or out; the server's ack is due
 */
#include "group_send.h"

#include <crypto.h>
#include <text.h>

#include <stdlib.h>

#define WINDOW 256 /* sends that ask the server at the same time */

/* ---- reasons ---- */

const char *send_reason(int code)
{
	static const struct {
		int code;
		const char *text;
	} reasons[] = {
		{ 400, "bad_request" },
		{ 401, "not_authorized" },
		{ 403, "forbidden" },
		{ 404, "not_on_whatsapp" },
		{ 405, "not_allowed" },
		{ 406, "not_acceptable" },
		{ 408, "timeout" },
		{ 409, "conflict" },
		{ 410, "gone" },
		{ 413, "too_large" },
		{ 420, "recipient_changed" },
		{ 421, "addressing_mode_stale" },
		{ 429, "rate_limited" },
		{ 463, "reachout_timelock" },
		{ 475, "terms_not_accepted" },
		{ 479, "stanza_invalid" },
		{ 500, "server_error" },
		{ 501, "not_implemented" },
		{ 503, "server_busy" },
	};
	size_t i;

	for (i = 0; i < WA_ARRAY_LEN(reasons); i++)
		if (reasons[i].code == code)
			return reasons[i].text;
	return code >= 500 ? "server_error" : "refused";
}

/* ---- queue ---- */

static void work_free(struct send *s)
{
	free(s->targets);
	s->targets = NULL;
	s->n_targets = 0;
	wa_arena_clear(&s->arena);
	s->participants = NULL;
	wa_buf_wipe(&s->dsm);
	if (s->plain)
		wa_wipe(s->plain, s->plain_len);
	free(s->plain);
	s->plain = NULL;
	free(s->media_id);
	s->media_id = NULL;
}

static void unlink_send(struct wa_client *c, struct send *s)
{
	wa_list_del(&s->link);
	if (s->waiting)
		c->n_waiting--;
	s->waiting = false;
}

/* The next one of the chat takes the place of the head. */
static void lane_leave(struct wa_client *c, struct send *s)
{
	struct lane *l = s->lane;
	struct wa_list *next;

	s->lane = NULL;
	if (!l || l->head != s)
		return;
	next = wa_list_pop_front(&l->queue);
	if (next) {
		l->head = container_of(next, struct send, link);
		wa_list_push_back(&c->ready, next);
		return;
	}
	(void)wa_map_del(&c->lanes, wa_span_str(l->key));
	free(l);
	if (c->lanes.len == 0)
		wa_map_clear(&c->lanes);
}

void send_free(struct wa_client *c, struct send *s)
{
	unlink_send(c, s);
	lane_leave(c, s);
	if (!s->resend)
		(void)wa_map_del(&c->sends, wa_span_str(s->id));
	if (s->alias[0] && wa_map_get(&c->sends, wa_span_str(s->alias)) == s)
		(void)wa_map_del(&c->sends, wa_span_str(s->alias));
	if (c->sends.len == 0)
		wa_map_clear(&c->sends);
	work_free(s);
	group_send_free(s->group);
	if (s->resend)
		c->n_resends--;
	free(s);
}

struct wa_event *send_result(struct wa_client *c, int kind, const struct send *s)
{
	struct wa_event *e = client_event(c, kind);

	e->id = client_text(c, s->id);
	e->chat = wa_jid_is_null(&s->chat) ? s->to : s->chat;
	return e;
}

void send_fail(struct wa_client *c, struct send *s, int code, const char *text)
{
	struct wa_event *e;

	if (s->peer) {
		send_peer_end(c, s, code ? code : WA_EIO, text);
		return;
	}
	if (s->group && !s->resend && s->deadline_ms)
		group_refused(c, s, code);
	if (!s->resend) {
		e = send_result(c, WA_EV_NACK, s);
		e->code = code;
		e->text = client_text(c, text);
	} else if (s->ack) {
		client_send(c, s->ack);
	}
	send_free(c, s);
}

static int lane_join(struct wa_client *c, struct send *s)
{
	struct wa_jid j = wa_signal_canonical(c->sig, &s->to), pn;
	char key[WA_JID_TEXT_MAX];
	struct lane *l;

	j = wa_jid_bare(&j);
	l = wa_map_get(&c->lanes, wa_span_str(wa_jid_text(&j, key)));
	/* What was queued before the LID was known still goes first. */
	if (!l && wa_signal_pn_of(c->sig, &j, &pn) == 1)
		l = wa_map_get(&c->lanes, wa_span_str(wa_jid_text(&pn, key)));
	(void)wa_jid_text(&j, key);
	if (l) {
		s->lane = l;
		wa_list_push_back(&l->queue, &s->link);
		return 0;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return WA_ENOMEM;
	memcpy(l->key, key, sizeof(key));
	wa_list_init(&l->queue);
	if (wa_map_put(&c->lanes, wa_span_str(key), l, NULL)) {
		free(l);
		return WA_ENOMEM;
	}
	l->head = s;
	s->lane = l;
	wa_list_push_back(&c->ready, &s->link);
	return 0;
}

static struct send *send_new(const char *id, const struct wa_jid *to)
{
	struct send *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	wa_list_init(&s->link);
	wa_arena_init(&s->arena, STANZA_ARENA_MAX);
	wa_buf_init(&s->dsm, PLAIN_MAX);
	span_copy(s->id, sizeof(s->id), wa_span_str(id));
	s->to = *to;
	return s;
}

/* Kinds that say something new, which others may refer to: they carry a secret. */
static bool has_secret(int kind)
{
	switch (kind) {
	case WA_MSG_EDIT:
	case WA_MSG_REVOKE:
	case WA_MSG_REACTION:
	case WA_MSG_POLL_VOTE:
	case WA_MSG_CALENDAR_ANSWER:
	case WA_MSG_ENC_REACTION:
	case WA_MSG_ENC_EDIT:
	case WA_MSG_PIN:
	case WA_MSG_KEEP:
	case WA_MSG_TIMER:
	case WA_MSG_MEMBER_LABEL:
		return false;
	default:
		return true;
	}
}

static int fill_message(struct wa_client *c, struct send *s, const struct wa_message *message,
			struct wa_buf *out, struct wa_err *err)
{
	struct secret_sealed sealed = { .enc = { 0 } };
	struct wa_message m = *message;
	uint8_t secret[32];
	int rc;

	wa_buf_init(&sealed.payload, PLAIN_MAX);
	if (has_secret(m.kind) && m.secret.len == 0) {
		c->env->random(c->env->ctx, secret, sizeof(secret));
		m.secret = wa_span(secret, sizeof(secret));
	}
	if (m.kind != WA_MSG_TEXT && wa_jid_is_null(&m.target_chat))
		m.target_chat = wa_signal_canonical(c->sig, &s->to);
	if (m.timestamp_ms == 0 && !has_secret(m.kind) && m.kind != WA_MSG_REVOKE)
		m.timestamp_ms = client_now(c) + c->server_offset_ms;
	rc = secret_seal(c, &s->to, &m, &sealed, err);
	if (rc == 0)
		rc = wa_message_encode(&m, out, err);
	send_kind_of(&m, &s->kind);
	wa_buf_clear(&sealed.payload);
	wa_wipe(secret, sizeof(secret));
	return rc;
}

static int fill_plain(struct wa_client *c, struct send *s, const struct wa_send *o,
		      struct wa_err *err)
{
	struct wa_buf b;
	int rc;

	wa_buf_init(&b, PLAIN_MAX);
	if (o->message) {
		rc = fill_message(c, s, o->message, &b, err);
	} else {
		wa_buf_span(&b, o->raw);
		rc = wa_buf_end(&b, err);
		send_kind_of_raw(o->raw, &s->kind);
	}
	if (rc == 0)
		s->plain = wa_buf_take(&b, &s->plain_len);
	wa_buf_wipe(&b);
	return rc;
}

static bool to_many(const struct wa_jid *to)
{
	return to->server == WA_SRV_GROUP || to->server == WA_SRV_BROADCAST;
}

static int check_send(struct wa_client *c, const struct wa_send *o, struct wa_err *err)
{
	size_t len = o->id ? strlen(o->id) : 0;

	if (c->state != WA_ST_READY || c->dead || c->failed)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (len == 0 || len > MSG_ID_MAX)
		return wa_err_set(err, WA_EINVALID, "message id of %zu characters", len);
	if (!o->message && o->raw.len == 0)
		return wa_err_set(err, WA_EINVALID, "nothing to send");
	if ((o->to.server == WA_SRV_BROADCAST && strcmp(o->to.user, "status") != 0))
		return wa_err_set(err, WA_EUNSUPPORTED, "cannot be sent to");
	if ((!wa_jid_is_user(&o->to) && o->to.server != WA_SRV_LEGACY && !to_many(&o->to) &&
	     o->to.server != WA_SRV_NEWSLETTER) ||
	    !o->to.user[0])
		return wa_err_set(err, WA_EINVALID, "recipient is not a user");
	if (wa_map_has(&c->sends, wa_span_str(o->id)))
		return wa_err_set(err, WA_ECONFLICT, "message id is being sent already");
	if (c->sends.len >= SEND_QUEUE_MAX)
		return wa_err_set(err, WA_ELIMIT, "%d sends under way", SEND_QUEUE_MAX);
	return 0;
}

int wa_client_send(struct wa_client *c, const struct wa_send *o, struct wa_err *err)
{
	struct wa_jid to = wa_jid_bare(&o->to);
	struct send *s;
	int rc = check_send(c, o, err);

	if (rc)
		return rc;
	if (to.server == WA_SRV_LEGACY)
		to.server = WA_SRV_PN;
	s = send_new(o->id, &to);
	if (!s)
		return wa_err_set(err, WA_ENOMEM, "no memory for a send");
	client_enter(c);
	rc = to_many(&to) ? group_send_new(s, o, err) : 0;
	s->newsletter = to.server == WA_SRV_NEWSLETTER;
	if (rc == 0)
		rc = s->newsletter ? newsletter_fill(s, o, err) : fill_plain(c, s, o, err);
	if (rc == 0 && wa_map_put(&c->sends, wa_span_str(s->id), s, NULL))
		rc = wa_err_set(err, WA_ENOMEM, "no memory for a send");
	if (rc == 0 && s->alias[0] && wa_map_has(&c->sends, wa_span_str(s->alias)))
		rc = wa_err_set(err, WA_ECONFLICT, "the post is being sent or changed");
	if (rc == 0 && s->alias[0] && wa_map_put(&c->sends, wa_span_str(s->alias), s, NULL))
		rc = wa_err_set(err, WA_ENOMEM, "no memory for a send");
	if (rc == 0 && lane_join(c, s))
		rc = wa_err_set(err, WA_ENOMEM, "no memory for a send");
	if (rc)
		send_free(c, s);
	client_leave(c);
	return rc;
}

void wa_client_message_id(struct wa_client *c, char out[32])
{
	static const char hex[] = "0123456789ABCDEF";
	uint8_t in[8 + WA_JID_USER_MAX + 8 + 16], digest[WA_SHA256_LEN];
	uint64_t t = (uint64_t)(client_now(c) / 1000);
	size_t n = 0, len = strlen(c->dev.pn.user), i;

	for (i = 0; i < 8; i++)
		in[n++] = (uint8_t)(t >> (56 - 8 * i));
	memcpy(in + n, c->dev.pn.user, len);
	n += len;
	memcpy(in + n, "@c.us", 5);
	n += 5;
	c->env->random(c->env->ctx, in + n, 16);
	n += 16;
	wa_sha256(wa_span(in, n), digest);
	memcpy(out, "3EB0", 4);
	for (i = 0; i < 9; i++) {
		out[4 + 2 * i] = hex[digest[i] >> 4];
		out[5 + 2 * i] = hex[digest[i] & 15];
	}
	out[22] = '\0';
}

void send_await(struct wa_client *c, struct send *s)
{
	work_free(s);
	lane_leave(c, s);
	s->deadline_ms = client_now(c) + ACK_TIMEOUT_MS;
	wa_list_push_back(&c->await, &s->link);
}

void send_pump(struct wa_client *c)
{
	struct wa_list *l;

	while (c->n_waiting < WINDOW && c->gate_bytes < OUTPUT_HIGH && !c->failed &&
	       wa_client_output(c).len < OUTPUT_HIGH && (l = wa_list_first(&c->ready))) {
		struct send *s = container_of(l, struct send, link);

		if (!client_slice(c, 0))
			return;
		wa_list_del(l);
		switch (fanout_step(c, s)) {
		case STEP_GO:
			fanout_complete(c, s);
			break;
		case STEP_WAIT:
			s->waiting = true;
			c->n_waiting++;
			wa_list_push_back(&c->waiting, l);
			break;
		case STEP_SLICE:
			wa_list_push_front(&c->ready, l);
			return;
		case STEP_FAILED:
			break;
		}
	}
}

/* ---- what wakes and ends them ---- */

void send_wake(struct wa_client *c)
{
	struct wa_list *l;

	while ((l = wa_list_first(&c->waiting))) {
		unlink_send(c, container_of(l, struct send, link));
		wa_list_push_back(&c->ready, l);
	}
}

void send_user_failed(struct wa_client *c, const struct wa_jid *user, int code, const char *text)
{
	struct wa_list *it, *tmp, failed;
	bool own = client_own(c, user);

	wa_list_init(&failed);
	WA_LIST_EACH_SAFE(it, tmp, &c->waiting)
	{
		struct send *s = container_of(it, struct send, link);

		if (s->group) {
			/* Who has no devices is left out; what was not answered at all is not known. */
			if ((code == 404 && !own) || !group_send_has(s, user))
				continue;
		} else if (s->resend || s->targets || (!own && !wa_jid_same_user(&s->to, user))) {
			struct wa_jid canon;

			if (s->resend || s->targets)
				continue;
			canon = wa_signal_canonical(c->sig, &s->to);
			if (!wa_jid_same_user(&canon, user))
				continue;
		}
		unlink_send(c, s);
		wa_list_push_back(&failed, it);
	}
	while ((it = wa_list_first(&failed)))
		send_fail(c, container_of(it, struct send, link), code, text);
}

void send_device_failed(struct wa_client *c, const struct wa_jid *device)
{
	struct wa_list *lists[2] = { &c->waiting, &c->ready }, *it;
	size_t k, i;

	for (k = 0; k < 2; k++)
		WA_LIST_EACH(it, lists[k])
		{
			struct send *s = container_of(it, struct send, link);

			for (i = 0; i < s->n_targets; i++)
				if (wa_jid_eq(&s->targets[i].addr, device))
					s->targets[i].failed = true;
		}
}

/*
 * The server does not know a LID that we had from before: the number may have another by now, or
 * none. What we know is forgotten; who sends again makes us ask, and what is refused after that
 * was asked about is refused for good.
 */
static bool address_stale(struct wa_client *c, const struct send *s)
{
	struct wa_jid pn, now = wa_signal_canonical(c->sig, &s->to);

	if (s->resend || s->peer || s->group || s->newsletter || client_own(c, &s->chat))
		return false;
	if (!wa_jid_same_user(&now, &s->chat))
		return true; /* we were told in between */
	if (s->lid_asked || wa_signal_pn_of(c->sig, &s->chat, &pn) != 1)
		return false;
	usync_forget(c, &s->chat);
	if (wa_signal_forget_lid(c->sig, &pn))
		client_nomem(c);
	return true;
}

void send_ack(struct wa_client *c, const struct wa_node *n)
{
	struct wa_span phash = wa_node_attr_get(n, "phash");
	struct send *s = wa_map_get(&c->sends, wa_node_attr_get(n, "id"));
	int64_t t = attr_ms(n, "t", 0), code = wa_node_attr_num(n, "error", 0);
	struct wa_event *e;
	struct wa_jid me;

	if (!s || s->deadline_ms == 0)
		return;
	if (s->group && !wa_node_has(n, "error"))
		group_acked(c, s, phash.len && !wa_span_is(phash, s->phash));
	if (phash.len && !wa_span_is(phash, s->phash) && !s->group) {
		/* The server knows other devices than we do: ask again next time. */
		usync_forget(c, &s->chat);
		me = wa_jid_bare(&c->dev.pn);
		usync_forget(c, &me);
	}
	if (wa_node_has(n, "error")) {
		if (code < 1 || code > 9999)
			code = 500;
		if (code == 404 && address_stale(c, s))
			send_fail(c, s, 0, "recipient_changed");
		else if (code == 463 && !s->resend && !s->peer && wa_jid_is_user(&s->chat) &&
		    restriction_refused(c, s->id, &s->chat))
			send_free(c, s);
		else
			send_fail(c, s, (int)code, send_reason((int)code));
		return;
	}
	if (s->peer) {
		send_peer_end(c, s, 0, "");
		return;
	}
	e = send_result(c, WA_EV_ACK, s);
	e->timestamp_ms = t > 0 ? t : client_now(c);
	if (s->newsletter)
		e->count = (int)(wa_node_attr_num(n, "server_id", 0) % INT32_MAX);
	if (wa_jid_is_user(&s->chat) && !s->resend)
		trust_issue(c, &s->chat);
	send_free(c, s);
}

void send_tick(struct wa_client *c, int64_t now)
{
	struct wa_list *l;

	while ((l = wa_list_first(&c->await))) {
		struct send *s = container_of(l, struct send, link);

		if (s->deadline_ms > now)
			break;
		send_fail(c, s, 408, "timeout");
	}
}

int64_t send_deadline(const struct wa_client *c)
{
	struct wa_list *l = wa_list_first(&c->await);

	return l ? container_of(l, struct send, link)->deadline_ms : INT64_MAX;
}

void send_abort(struct wa_client *c)
{
	struct wa_list *lists[3] = { &c->await, &c->waiting, &c->ready }, *l;
	size_t i;

	for (i = 0; i < 3; i++) /* the oldest of a chat first; ends of lanes refill `ready` */
		while ((l = wa_list_first(lists[i]))) {
			struct send *s = container_of(l, struct send, link);

			s->ack = NULL;
			send_fail(c, s, 0, "connection_lost");
		}
	wa_map_clear(&c->asked);
	want_clear(&c->want_users);
}

void send_peer_end(struct wa_client *c, struct send *s, int code, const char *text)
{
	peer_done_fn *done = s->peer_done;
	void *arg = s->peer_arg;

	send_free(c, s);
	if (done)
		done(c, arg, code, text);
}

int send_peer(struct wa_client *c, const char *id, const struct wa_jid *to, struct wa_span plain,
	      const struct peer_opts *o, peer_done_fn *done, void *arg)
{
	struct send *s = send_new(id, to);

	if (!s)
		return WA_ENOMEM;
	s->peer = true;
	s->peer_opts = *o;
	s->chat = *to;
	s->kind.type = "text";
	s->plain = malloc(plain.len ? plain.len : 1);
	s->targets = calloc(1, sizeof(*s->targets));
	if (!s->plain || !s->targets || wa_map_put(&c->sends, wa_span_str(s->id), s, NULL)) {
		work_free(s);
		free(s);
		return WA_ENOMEM;
	}
	if (plain.len)
		memcpy(s->plain, plain.ptr, plain.len);
	s->plain_len = plain.len;
	s->n_targets = 1;
	s->targets[0].wire = *to;
	s->targets[0].addr = wa_signal_canonical(c->sig, to);
	s->peer_done = done;
	s->peer_arg = arg;
	wa_list_push_back(&c->ready, &s->link);
	return 0;
}

void send_group_changed(struct wa_client *c, const struct wa_jid *group)
{
	struct wa_list *lists[2] = { &c->waiting, &c->ready }, *it;
	size_t k;

	for (k = 0; k < 2; k++)
		WA_LIST_EACH(it, lists[k])
		{
			struct send *s = container_of(it, struct send, link);

			if (s->group && wa_jid_eq(&s->to, group))
				s->group->stale = true;
		}
	send_wake(c);
}

void send_group_failed(struct wa_client *c, const struct wa_jid *group, int code, const char *text)
{
	struct wa_list *it, *tmp, failed;

	wa_list_init(&failed);
	WA_LIST_EACH_SAFE(it, tmp, &c->waiting)
	{
		struct send *s = container_of(it, struct send, link);

		if (!s->group || !wa_jid_eq(&s->to, group))
			continue;
		unlink_send(c, s);
		wa_list_push_back(&failed, it);
	}
	while ((it = wa_list_first(&failed)))
		send_fail(c, container_of(it, struct send, link), code, text);
}

int send_repair(struct wa_client *c, const char *id, const struct wa_jid *group)
{
	struct send *s = send_new(id, group);

	if (!s)
		return WA_ENOMEM;
	c->n_resends++;
	s->resend = true;
	if (group_send_new(s, NULL, NULL)) {
		send_free(c, s);
		return WA_ENOMEM;
	}
	s->group->repair = true;
	wa_list_push_back(&c->ready, &s->link);
	return 0;
}

int send_again(struct wa_client *c, const struct resend *r)
{
	struct wa_jid bare = wa_jid_bare(&r->to);
	struct send *s = c->n_resends < RESENDS_MAX ? send_new(r->id, &bare) : NULL;

	if (c->n_resends >= RESENDS_MAX)
		return WA_ELIMIT;
	if (!s)
		return WA_ENOMEM;
	c->n_resends++;
	s->resend = true;
	s->to = r->to;
	s->participant = r->participant;
	s->chat = r->chat;
	s->count = r->count;
	s->fetch = r->fetch;
	s->resend_own = r->own;
	s->timestamp_s = r->timestamp_s;
	s->plain = malloc(r->plain.len ? r->plain.len : 1);
	s->targets = calloc(1, sizeof(*s->targets));
	if (!s->plain || !s->targets) {
		send_free(c, s);
		return WA_ENOMEM;
	}
	if (r->plain.len)
		memcpy(s->plain, r->plain.ptr, r->plain.len);
	s->plain_len = r->plain.len;
	send_kind_of_raw(r->plain, &s->kind);
	s->ack = r->receipt ? client_ack_node(&s->arena, r->receipt, 0) : NULL;
	s->n_targets = 1;
	s->targets[0].wire = r->to;
	s->targets[0].addr = wa_signal_canonical(c->sig, &r->to);
	s->targets[0].own = r->own;
	wa_list_push_back(&c->ready, &s->link);
	return 0;
}
