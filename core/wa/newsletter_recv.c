/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the server tells of channels: posts, numbers, settings, our own following. */
#include "newsletter_int.h"

#include <stdlib.h>

#define NACK_PROTOBUF 491

static struct wa_newsletter_event *event_new(struct wa_client *c, int kind, const struct wa_jid *channel)
{
	struct wa_newsletter_event *e = wa_arena_alloc(&c->ev_arena, sizeof(*e));
	struct wa_event *ev;

	if (!e) {
		client_nomem(c);
		return NULL;
	}
	e->kind = kind;
	e->jid = *channel;
	ev = client_event(c, WA_EV_NEWSLETTER);
	ev->newsletter = e;
	ev->chat = *channel;
	return e;
}

/* ---- messages ---- */

static void publish(struct wa_client *c, const struct wa_node *n, const struct wa_jid *channel,
		    const struct wa_newsletter_message *nm)
{
	struct wa_msg_info *info = wa_arena_alloc(&c->ev_arena, sizeof(*info));
	struct wa_event *e;

	if (!info) {
		client_nomem(c);
		return;
	}
	info->id = nm->id && *nm->id ? nm->id : wa_arena_fmt(&c->ev_arena, "%lld", (long long)nm->server_id);
	info->chat = info->sender = *channel;
	info->from_me = wa_node_attr_is(n, "is_sender", "true");
	info->offline = wa_node_has(n, "offline");
	info->timestamp_ms = nm->timestamp_ms;
	info->server_id = nm->server_id;
	e = client_event(c, WA_EV_MESSAGE);
	e->info = info;
	e->message = nm->message;
	e->raw = nm->message->raw;
	e->id = info->id;
	e->chat = e->sender = *channel;
	e->timestamp_ms = info->timestamp_ms;
}

static bool seen(struct wa_client *c, const struct wa_jid *channel, int64_t server_id, bool mark)
{
	char key[WA_JID_TEXT_MAX + 40];
	size_t n = strlen(wa_jid_text(channel, key)) + 1;
	struct wa_buf b;
	int found;

	n += (size_t)snprintf(key + n, 40, "%c%lld", 0, (long long)server_id);
	if (mark) {
		if (wa_records_put(c->rec, WA_REC_SEEN, wa_span(key, n), wa_span("", 0)))
			client_nomem(c);
		return true;
	}
	wa_buf_init(&b, 4096);
	found = wa_records_get(c->rec, WA_REC_SEEN, wa_span(key, n), &b, NULL);
	wa_buf_clear(&b);
	if (found < 0)
		client_nomem(c);
	return found == 1;
}

/* False: it holds no message that can be read. */
static bool take(struct wa_client *c, const struct wa_node *n, const struct wa_jid *channel)
{
	struct wa_newsletter_message nm;
	struct wa_arena own;
	bool edit = wa_node_has(n, "edit");

	wa_arena_init(&own, 32u << 20);
	if (!newsletter_read_message(&own, n, &nm) || !nm.message) {
		wa_arena_clear(&own);
		return false;
	}
	wa_arena_join(&c->ev_arena, &own);
	if (!edit && seen(c, channel, nm.server_id, false))
		return true;
	if (!edit)
		(void)seen(c, channel, nm.server_id, true);
	publish(c, n, channel, &nm);
	return true;
}

void newsletter_message(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	const struct wa_node *plain = wa_node_get(n, "plaintext");

	/* Nobody is told that we have it: there is an ack, no receipt. */
	client_ack(c, n, take(c, n, from) || wa_node_bytes(plain).len == 0 ? 0 : NACK_PROTOBUF);
}

/* ---- notification type=newsletter ---- */

static void counts(struct wa_client *c, const struct wa_node *n, const struct wa_jid *channel)
{
	struct wa_newsletter_message *m = wa_arena_alloc(&c->ev_arena, sizeof(*m));
	struct wa_newsletter_event *e;

	if (!m || !newsletter_read_message(&c->ev_arena, n, m))
		return;
	m->raw = wa_span(NULL, 0);
	m->message = NULL;
	e = event_new(c, WA_NL_COUNTS, channel);
	if (e)
		e->message = m;
}

static void one_count(struct wa_client *c, const struct wa_node *n, const struct wa_jid *channel)
{
	struct wa_newsletter_message *m = wa_arena_alloc(&c->ev_arena, sizeof(*m));
	struct wa_newsletter_event *e;
	struct wa_span text = wa_node_bytes(n);
	char number[24];

	if (!m || (m->server_id = wa_node_attr_num(n, "message_id", 0)) <= 0)
		return;
	span_copy(number, sizeof(number), text);
	m->id = m->type = "";
	m->views = wa_node_is(n, "view") && text.len ? strtoll(number, NULL, 10) : -1;
	if (m->views < -1)
		m->views = -1;
	e = event_new(c, WA_NL_COUNTS, channel);
	if (e)
		e->message = m;
}

static void participant(struct wa_client *c, const struct wa_node *n, const struct wa_jid *channel)
{
	struct wa_newsletter_event *e;
	struct wa_jid user;
	char role[16];

	if (!wa_node_attr_jid_get(n, "jid", &user))
		return;
	e = event_new(c, WA_NL_ROLE, channel);
	if (!e)
		return;
	span_copy(role, sizeof(role), wa_node_attr_get(n, "role"));
	e->user = wa_signal_canonical(c->sig, &user);
	e->role = newsletter_role(role);
}

static void settings(struct wa_client *c, const struct wa_node *n, const struct wa_jid *channel)
{
	const struct wa_node *s = wa_node_get(n, "settings"), *name = wa_node_get(s, "name");
	const struct wa_node *about = wa_node_get(s, "description");
	struct wa_newsletter *nl = wa_arena_alloc(&c->ev_arena, sizeof(*nl));
	struct wa_newsletter_event *e;

	if (!s || !nl)
		return;
	nl->jid = *channel;
	nl->name = name ? client_span(c, wa_node_bytes(name)) : NULL;
	nl->description = about ? client_span(c, wa_node_bytes(about)) : NULL;
	e = event_new(c, WA_NL_CHANGED, channel);
	if (e)
		e->newsletter = nl;
}

void newsletter_notification(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	const struct wa_node *it, *m;

	if (from->server != WA_SRV_NEWSLETTER)
		return;
	for (it = wa_node_first(n); it; it = it->next) {
		if (wa_node_is(it, "live_updates")) {
			for (m = wa_node_first(wa_node_get(it, "messages")); m; m = m->next)
				counts(c, m, from);
		} else if (wa_node_is(it, "message")) {
			if (!take(c, it, from))
				counts(c, it, from);
		} else if (wa_node_is(it, "reaction") || wa_node_is(it, "view")) {
			one_count(c, it, from);
		} else if (wa_node_is(it, "participant")) {
			participant(c, it, from);
		} else if (wa_node_is(it, "update")) {
			settings(c, it, from);
		}
	}
}

/* ---- notification type=mex ---- */

static const struct {
	const char *member;
	int kind;
} members[] = {
	{ "xwa2_notify_newsletter_on_join", WA_NL_JOINED },
	{ "xwa2_notify_newsletter_on_leave", WA_NL_LEFT },
	{ "xwa2_notify_newsletter_on_mute_change", WA_NL_MUTED },
	{ "xwa2_notify_newsletter_on_update", WA_NL_CHANGED },
	{ "xwa2_notify_newsletter_on_metadata_update", WA_NL_CHANGED },
	{ "xwa2_notify_newsletter_on_state_change", WA_NL_CHANGED },
};

static void told(struct wa_client *c, int kind, const json_t *o)
{
	struct wa_newsletter *nl = wa_arena_alloc(&c->ev_arena, sizeof(*nl));
	struct wa_newsletter_event *e;

	if (!nl || !newsletter_read(&c->ev_arena, o, kind != WA_NL_JOINED, nl))
		return;
	if (kind == WA_NL_MUTED && json_object_get(o, "mute"))
		nl->muted = strcmp(mex_text(o, "mute"), "ON") == 0;
	e = event_new(c, kind, &nl->jid);
	if (e)
		e->newsletter = nl;
}

/* The older form: {"operation", "updates": [{"jid", "settings", "user"}]}. */
static void updates(struct wa_client *c, const char *op, const json_t *list)
{
	bool promote = strcmp(op, "NotificationNewsletterAdminPromote") == 0;
	bool demote = strcmp(op, "NotificationNewsletterAdminDemote") == 0;
	struct wa_jid channel, user;
	size_t i;

	for (i = 0; i < json_array_size(list) && i < WA_NEWSLETTERS_MAX; i++) {
		const json_t *o = json_array_get(list, i), *s = mex_get(o, "settings");
		struct wa_newsletter_event *e;
		struct wa_newsletter *nl;

		if (wa_jid_parse(wa_span_str(mex_text(o, "jid")), &channel, NULL) ||
		    channel.server != WA_SRV_NEWSLETTER)
			continue;
		if ((promote || demote) && wa_jid_parse(wa_span_str(mex_text(o, "user")), &user, NULL) == 0) {
			e = event_new(c, WA_NL_ROLE, &channel);
			if (e) {
				e->user = wa_signal_canonical(c->sig, &user);
				e->role = promote ? WA_NL_ADMIN : WA_NL_FOLLOWER;
			}
			continue;
		}
		nl = s ? wa_arena_alloc(&c->ev_arena, sizeof(*nl)) : NULL;
		if (!nl)
			continue;
		nl->jid = channel;
		nl->name = json_is_string(json_object_get(s, "name")) ? client_text(c, mex_text(s, "name")) : NULL;
		nl->description = json_is_string(json_object_get(s, "description"))
					  ? client_text(c, mex_text(s, "description"))
					  : NULL;
		e = event_new(c, WA_NL_CHANGED, &channel);
		if (e)
			e->newsletter = nl;
	}
}

bool newsletter_mex(struct wa_client *c, const char *op, const json_t *doc)
{
	const json_t *data = mex_get(doc, "data");
	size_t i;

	for (i = 0; i < WA_ARRAY_LEN(members); i++)
		if (mex_get(data, members[i].member)) {
			told(c, members[i].kind, mex_get(data, members[i].member));
			return true;
		}
	if (strncmp(op, "NotificationNewsletter", 22) != 0)
		return false;
	updates(c, op, json_object_get(doc, "updates"));
	return true;
}
