/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages of channels: fetched, reacted to, seen, and posted. */
#include "newsletter_int.h"
#include "send_int.h"

#include <stdlib.h>

#define PAGE_ARENA_MAX (32u << 20)
#define CODE_MAX       64
#define VIEWS_MAX      256
#define MEDIA_ID_MAX   1024
#define EDIT_POST      "3"
#define EDIT_DELETE    "8"

struct ask {
	wa_newsletter_messages_fn *fn;
	void *arg;
	bool updates;
};

static int check(struct wa_client *c, const struct wa_jid *channel, struct wa_err *err)
{
	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (channel->server != WA_SRV_NEWSLETTER || !channel->user[0])
		return wa_err_set(err, WA_EINVALID, "not a channel");
	return 0;
}

static int by_server_id(const void *a, const void *b)
{
	const struct wa_newsletter_message *x = a, *y = b;

	return x->server_id < y->server_id ? -1 : x->server_id > y->server_id;
}

/* <messages> of the answer, or within <message_updates>. */
static void on_messages(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *list = wa_node_get(node, "messages"), *it;
	struct wa_newsletter_message *out = NULL;
	struct ask *k = arg;
	struct wa_arena a;
	size_t n = 0, max = 0;

	(void)c;
	if (!list)
		list = wa_node_get(wa_node_get(node, "message_updates"), "messages");
	wa_arena_init(&a, PAGE_ARENA_MAX);
	for (it = wa_node_first(list); it && max < WA_NEWSLETTER_PAGE_MAX; it = it->next)
		max++;
	if (code == 0 && max)
		out = wa_arena_alloc(&a, max * sizeof(*out));
	for (it = wa_node_first(list); out && it && n < max; it = it->next)
		if (wa_node_is(it, "message"))
			n += newsletter_read_message(&a, it, &out[n]);
	if (wa_arena_failed(&a))
		code = WA_ENOMEM;
	if (out)
		qsort(out, n, sizeof(*out), by_server_id);
	k->fn(k->arg, code, out, code ? 0 : n);
	wa_arena_clear(&a);
	free(k);
}

int wa_client_newsletter_messages(struct wa_client *c, const struct wa_jid *channel, unsigned count, int64_t before,
				  wa_newsletter_messages_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_node *iq, *m;
	struct wa_arena a;
	struct ask *k;
	int rc = check(c, channel, err);

	if (rc)
		return rc;
	if (count == 0 || count > WA_NEWSLETTER_PAGE_MAX || before < 0)
		return wa_err_set(err, WA_EINVALID, "1 to %d messages", WA_NEWSLETTER_PAGE_MAX);
	k = calloc(1, sizeof(*k));
	if (!k)
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	*k = (struct ask){ .fn = fn, .arg = arg };
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "newsletter");
	m = wa_node_child(&a, iq, "messages");
	wa_node_attr(&a, m, "type", "jid");
	wa_node_attr_jid(&a, m, "jid", channel);
	wa_node_attr_int(&a, m, "count", count);
	if (before)
		wa_node_attr_int(&a, m, "before", before);
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_messages, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

/* An iq to the channel itself. */
static struct wa_node *channel_iq(struct wa_arena *a, const char *type, const struct wa_jid *channel)
{
	struct wa_node *n = wa_node_new(a, "iq");

	wa_node_attr(a, n, "xmlns", "newsletter");
	wa_node_attr(a, n, "type", type);
	wa_node_attr_jid(a, n, "to", channel);
	return n;
}

int wa_client_newsletter_updates(struct wa_client *c, const struct wa_jid *channel, unsigned count, int64_t since_s,
				 int64_t after, wa_newsletter_messages_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_node *iq, *m;
	struct wa_arena a;
	struct ask *k;
	int rc = check(c, channel, err);

	if (rc)
		return rc;
	if (count == 0 || count > WA_NEWSLETTER_PAGE_MAX || since_s < 0 || since_s > TIME_MAX_S || after < 0)
		return wa_err_set(err, WA_EINVALID, "1 to %d messages", WA_NEWSLETTER_PAGE_MAX);
	k = calloc(1, sizeof(*k));
	if (!k)
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	*k = (struct ask){ .fn = fn, .arg = arg };
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = channel_iq(&a, "get", channel);
	m = wa_node_child(&a, iq, "message_updates");
	wa_node_attr_int(&a, m, "count", count);
	if (since_s)
		wa_node_attr_int(&a, m, "since", since_s);
	if (after)
		wa_node_attr_int(&a, m, "after", after);
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_messages, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

static void live_seconds(const struct wa_node *answer, char *out, size_t size)
{
	span_copy(out, size, wa_node_attr_get(wa_node_get(answer, "live_updates"), "duration"));
}

int wa_client_newsletter_live(struct wa_client *c, const struct wa_jid *channel, wa_done_fn *fn, void *arg,
			      struct wa_err *err)
{
	struct wa_node *iq;
	struct wa_arena a;
	int rc = check(c, channel, err);

	if (rc)
		return rc;
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = channel_iq(&a, "set", channel);
	wa_node_child(&a, iq, "live_updates");
	iq_done(c, &a, iq, live_seconds, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

int wa_client_newsletter_react(struct wa_client *c, const struct wa_jid *channel, int64_t server_id,
			       const char *code, wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_node *n, *r;
	struct wa_arena a;
	int rc = check(c, channel, err);

	if (rc)
		return rc;
	if (server_id <= 0 || strlen(code) > CODE_MAX)
		return wa_err_set(err, WA_EINVALID, "a message's server id and an emoji");
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	n = wa_node_new(&a, "message");
	wa_node_attr_jid(&a, n, "to", channel);
	wa_node_attr(&a, n, "type", "reaction");
	wa_node_attr_int(&a, n, "server_id", server_id);
	if (!*code)
		wa_node_attr(&a, n, "edit", "7");
	r = wa_node_child(&a, n, "reaction");
	if (*code)
		wa_node_attr(&a, r, "code", code);
	iq_done(c, &a, n, NULL, fn, arg); /* answered by the ack of its id */
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

int wa_client_newsletter_viewed(struct wa_client *c, const struct wa_jid *channel, const int64_t *server_ids,
				size_t n, wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_node *r, *list;
	struct wa_arena a;
	size_t i;
	int rc = check(c, channel, err);

	if (rc)
		return rc;
	if (n == 0 || n > VIEWS_MAX)
		return wa_err_set(err, WA_EINVALID, "1 to %d messages", VIEWS_MAX);
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	r = wa_node_new(&a, "receipt");
	wa_node_attr_jid(&a, r, "to", channel);
	wa_node_attr(&a, r, "type", "view");
	list = wa_node_child(&a, r, "list");
	for (i = 0; i < n; i++)
		wa_node_attr_int(&a, wa_node_child(&a, list, "item"), "server_id", server_ids[i]);
	iq_done(c, &a, r, NULL, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

/* ---- posts ---- */

/* An edit is the new content under the old id, a deletion nothing under it. */
static int fill_change(struct send *s, const struct wa_message *change, struct wa_err *err)
{
	struct wa_message m = *change;
	struct wa_buf b;
	int rc;

	if (m.target_id.len == 0 || m.target_id.len > MSG_ID_MAX)
		return wa_err_set(err, WA_EINVALID, "an edit names its message");
	span_copy(s->alias, sizeof(s->alias), m.target_id);
	s->kind = (struct message_kind){ .type = "text", .edit = m.kind == WA_MSG_EDIT ? EDIT_POST : EDIT_DELETE };
	if (m.kind == WA_MSG_REVOKE)
		return 0;
	memset(&m, 0, sizeof(m));
	m.kind = WA_MSG_TEXT;
	m.protocol_type = -1;
	m.text = change->text;
	wa_buf_init(&b, PLAIN_MAX);
	rc = wa_message_encode(&m, &b, err);
	if (rc == 0)
		s->plain = wa_buf_take(&b, &s->plain_len);
	wa_buf_wipe(&b);
	return rc;
}

static int fill_raw(struct send *s, struct wa_span raw, struct wa_err *err)
{
	send_kind_of_raw(raw, &s->kind);
	s->kind.edit = NULL;
	s->plain = malloc(raw.len);
	if (!s->plain)
		return wa_err_set(err, WA_ENOMEM, "no memory for a send");
	memcpy(s->plain, raw.ptr, raw.len);
	s->plain_len = raw.len;
	return 0;
}

/* Posts are plain, and nobody needs a secret to read them. */
int newsletter_fill(struct send *s, const struct wa_send *o, struct wa_err *err)
{
	struct wa_message m;
	struct wa_arena a;
	struct wa_buf b;
	int rc;

	wa_arena_init(&a, PAGE_ARENA_MAX);
	if (o->message)
		m = *o->message;
	rc = o->message ? 0 : wa_message_decode(o->raw, &a, &m, err);
	if (rc == 0 && (m.kind == WA_MSG_REACTION || m.kind == WA_MSG_ENC_REACTION)) {
		rc = wa_err_set(err, WA_EUNSUPPORTED, "reactions in channels name the server id");
	} else if (rc == 0 && (m.kind == WA_MSG_EDIT || m.kind == WA_MSG_REVOKE)) {
		rc = fill_change(s, &m, err);
	} else if (rc == 0 && !o->message) {
		rc = fill_raw(s, o->raw, err);
	} else if (rc == 0) {
		m.secret = wa_span(NULL, 0);
		wa_buf_init(&b, PLAIN_MAX);
		rc = wa_message_encode(&m, &b, err);
		if (rc == 0)
			rc = fill_raw(s, wa_buf_view(&b), err);
		wa_buf_wipe(&b);
	}
	wa_arena_clear(&a);
	if (rc == 0 && o->media_id && *o->media_id) {
		if (strlen(o->media_id) > MEDIA_ID_MAX)
			return wa_err_set(err, WA_EINVALID, "the handle of the file is too long");
		s->media_id = strdup(o->media_id);
		if (!s->media_id)
			return wa_err_set(err, WA_ENOMEM, "no memory for a send");
	}
	return rc;
}

void newsletter_complete(struct wa_client *c, struct send *s)
{
	struct wa_arena *a = &s->arena;
	struct wa_node *n = wa_node_new(a, "message"), *p;

	s->chat = s->to;
	wa_node_attr_jid(a, n, "to", &s->to);
	wa_node_attr(a, n, "id", s->alias[0] ? s->alias : s->id);
	wa_node_attr(a, n, "type", s->kind.type);
	if (s->media_id)
		wa_node_attr(a, n, "media_id", s->media_id);
	if (s->kind.edit)
		wa_node_attr(a, n, "edit", s->kind.edit);
	p = wa_node_child(a, n, "plaintext");
	if (s->kind.mediatype)
		wa_node_attr(a, p, "mediatype", s->kind.mediatype);
	if (s->plain_len)
		wa_node_data(a, p, wa_span(s->plain, s->plain_len));
	client_send(c, n);
	send_result(c, WA_EV_SENT, s);
	send_await(c, s);
}
