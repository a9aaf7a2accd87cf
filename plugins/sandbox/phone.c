/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "group.h"
#include "person.h"

#define TYPING_MS  15000
#define READ_BATCH 256
#define RESEND_ARENA_MAX (4u << 20)

static struct wa_span chat_key(char buf[128], const struct sb_account *peer, const char *id,
			       bool from_me)
{
	int n = snprintf(buf, 128, "%c%s %s", from_me ? '>' : '<', peer->pn, id);

	return wa_span(buf, n > 0 && n < 128 ? (size_t)n : 127);
}

struct sb_chat_msg *sb_chat_find(struct sb_account *a, struct sb_account *peer, const char *id,
				 bool from_me)
{
	char key[128];

	return wa_map_get(&a->chat.by_id, chat_key(key, peer, id, from_me));
}

static void msg_free(struct sb_chat_msg *m)
{
	free(m->id);
	free(m->text);
	free(m->quoted_id);
	free(m->group);
	free(m->kind);
	sb_chat_content_free(m);
	free(m);
}

void sb_chat_touch(struct sb_account *a, struct sb_chat_msg *m)
{
	m->seq = ++a->s->chat_seq;
}

static void forget_oldest(struct sb_account *a)
{
	struct sb_chat *c = &a->chat;
	size_t n = c->len / 4;
	char key[128];

	for (size_t i = 0; i < n; i++) {
		struct sb_chat_msg *m = c->msgs[i];

		wa_map_del(&c->by_id, chat_key(key, m->peer, m->id, m->from_me));
		msg_free(m);
	}
	memmove(c->msgs, c->msgs + n, (c->len - n) * sizeof(struct sb_chat_msg *));
	c->len -= n;
}

struct sb_chat_msg *sb_chat_add(struct sb_account *a, struct sb_account *peer, const char *id,
				bool from_me, struct wa_span text, const char *kind)
{
	struct sb_chat *c = &a->chat;
	struct sb_chat_msg *m;
	char key[128];

	if (c->len >= SB_CHAT_MAX)
		forget_oldest(a);
	if (c->len == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct sb_chat_msg **grown = realloc(c->msgs, cap * sizeof(struct sb_chat_msg *));

		if (!grown)
			return NULL;
		c->msgs = grown;
		c->cap = cap;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->id = sb_strdup(id);
	m->text = sb_strndup(text);
	m->kind = sb_strdup(kind);
	m->peer = peer;
	m->from_me = from_me;
	m->ts_ms = sb_now(a->s);
	m->number = ++c->next_number;
	if (!m->id || !m->text || !m->kind ||
	    wa_map_put(&c->by_id, chat_key(key, peer, id, from_me), m, NULL)) {
		msg_free(m);
		return NULL;
	}
	c->msgs[c->len++] = m;
	sb_chat_touch(a, m);
	return m;
}

void sb_chat_clear(struct sb_account *a)
{
	for (size_t i = 0; i < a->chat.len; i++)
		msg_free(a->chat.msgs[i]);
	free(a->chat.msgs);
	wa_map_clear(&a->chat.by_id);
	memset(&a->chat, 0, sizeof(a->chat));
}

/* An account goes away: what others remember of it, too. */
void sb_chat_forget_peer(struct sb_account *a, const struct sb_account *peer)
{
	struct sb_chat *c = &a->chat;
	size_t kept = 0;
	char key[128];

	for (size_t i = 0; i < c->len; i++) {
		struct sb_chat_msg *m = c->msgs[i];

		if (m->peer != peer) {
			c->msgs[kept++] = m;
			continue;
		}
		wa_map_del(&c->by_id, chat_key(key, peer, m->id, m->from_me));
		msg_free(m);
	}
	c->len = kept;
	if (a->typing.peer == peer)
		a->typing.peer = NULL;
}

bool sb_phone_again(struct sb_account *a, struct sb_account *chat, const char *id, bool from_me)
{
	struct sb_chat_msg *m = sb_chat_find(a, chat, id, from_me);

	if (!m)
		return false;
	m->duplicates++;
	a->duplicates++;
	sb_chat_touch(a, m);
	return true;
}

/* What an edit or a revoke means. In groups admins delete what others wrote. */
static struct sb_chat_msg *changed(struct sb_account *a, const struct sb_incoming *in, const char *id)
{
	const struct wa_message *m = in->m;
	struct sb_account *author;

	if (!in->group || m->target_from_me)
		return sb_chat_find(a, in->chat, id, in->from_me);
	author = m->kind == WA_MSG_REVOKE ? sb_find(a->s, &m->target_sender) : NULL;
	return author ? sb_chat_find(a, author, id, author == a) : NULL;
}

/* Edits, revokes and the like change what is there; true: that was all. */
static bool changes_other(struct sb_account *a, const struct sb_incoming *in)
{
	const struct wa_message *m = in->m;
	char id[80];
	struct sb_chat_msg *old;
	char *text;

	if (m->kind == WA_MSG_PROTOCOL || m->kind == WA_MSG_SKDM)
		return true;
	if (m->kind != WA_MSG_EDIT && m->kind != WA_MSG_REVOKE)
		return false;
	snprintf(id, sizeof(id), "%.*s", WA_SPAN_ARG(m->target_id));
	old = changed(a, in, id);
	text = old ? sb_strndup(m->kind == WA_MSG_EDIT ? m->text : wa_span(NULL, 0)) : NULL;
	if (!text)
		return true;
	free(old->text);
	old->text = text;
	if (m->kind == WA_MSG_REVOKE) {
		char *kind = sb_strdup("revoked");

		if (kind) {
			free(old->kind);
			old->kind = kind;
		}
	}
	sb_chat_touch(a, old);
	return true;
}

void sb_phone_message(struct sb_account *a, const struct sb_incoming *in)
{
	const struct wa_message *m = in->m;
	struct sb_chat_msg *c;

	if (!in->from_me)
		sb_bulk_reply(a, in->chat);
	if (changes_other(a, in) || sb_content_act(a, in) || sb_phone_again(a, in->chat, in->id, in->from_me))
		return;
	if (a->typing.peer == in->chat)
		a->typing.peer = NULL;
	if (!a->sink) {
		c = sb_chat_add(a, in->chat, in->id, in->from_me, m->text, wa_message_kind_str(m->kind));
		if (!c)
			return;
		sb_chat_content(c, m, m->raw);
		c->status = in->from_me ? SB_SENT : SB_RECEIVED;
		c->device = in->from ? in->from->id : 0;
		c->server = (uint8_t)in->server;
		c->offline = in->offline;
		if (in->ts_ms > 0)
			c->ts_ms = in->ts_ms;
		if (in->group)
			c->group = sb_strdup(in->group->id);
		else if (in->status)
			c->group = sb_strdup("status@broadcast");
		if (m->quoted_id.len)
			c->quoted_id = sb_strndup(m->quoted_id);
	}
	if (in->from_me)
		return;
	if (in->status)
		return;
	if (in->group) {
		sb_rules_apply(a, in);
		return;
	}
	if (a->auto_read && !a->sink) {
		sb_phone_read(a, in->chat);
	} else if (a->auto_read && a->devices[0]->sim) {
		struct wa_jid chat = sb_user_jid(in->chat, in->server);

		sb_sim_receipt(a->devices[0]->sim, &chat, &in->id, 1, "read", NULL);
	}
	sb_rules_apply(a, in);
}

void sb_phone_ack(struct sb_account *a, const char *id, struct sb_account *chat, int error)
{
	struct sb_bulk *run = sb_bulk_of(a->s, id);
	struct sb_chat_msg *m = chat ? sb_chat_find(a, chat, id, true) : NULL;

	if (run && error)
		run->failed++;
	else if (run)
		run->acked++;
	if (!m)
		return;
	if (error) {
		m->status = SB_FAILED;
		m->code = error;
	} else if (m->status == SB_PENDING) {
		m->status = SB_SENT;
	}
	sb_chat_touch(a, m);
}

void sb_phone_receipt(struct sb_account *a, struct sb_account *peer, const char *id,
		      const char *type)
{
	struct sb_bulk *run = sb_bulk_of(a->s, id);
	struct sb_chat_msg *m;
	bool self = strcmp(type, "read-self") == 0 || strcmp(type, "played-self") == 0;
	bool read = strcmp(type, "read") == 0 || strcmp(type, "played") == 0;

	if (strcmp(type, "sender") == 0)
		return;
	if (run && !self) {
		if (read)
			run->read++;
		else
			run->delivered++;
	}
	m = sb_chat_find(a, peer, id, !self);
	if (!m)
		return;
	if (self)
		m->status = SB_SEEN_HERE;
	else if (read)
		m->status = SB_READ;
	else if (m->status < SB_DELIVERED)
		m->status = SB_DELIVERED;
	else
		return;
	sb_chat_touch(a, m);
}

void sb_phone_typing(struct sb_account *a, struct sb_account *peer, bool on)
{
	a->typing.peer = on ? peer : NULL;
	a->typing.until_ms = sb_now(a->s) + TYPING_MS;
}

/* ---- what the person does ---- */

void sb_new_message_id(struct sandbox *s, char out[32])
{
	uint8_t r[9];
	char hex[2 * sizeof(r) + 1];

	sb_random(s, r, sizeof(r));
	wa_hex_encode(wa_span(r, sizeof(r)), hex);
	for (char *p = hex; *p; p++)
		if (*p >= 'a')
			*p = (char)(*p - 32);
	snprintf(out, 32, "3A%s", hex);
}

static void fill_text(struct sb_account *a, struct sb_account *to, struct wa_message *m,
		      const char *text, const char *quoted)
{
	const struct sb_chat_msg *q = NULL;

	memset(m, 0, sizeof(*m));
	m->kind = WA_MSG_TEXT;
	m->text = wa_span_str(text);
	m->protocol_type = -1;
	if (!quoted || !*quoted)
		return;
	q = sb_chat_find(a, to, quoted, false);
	m->quoted_sender = to->lid_jid;
	if (!q && (q = sb_chat_find(a, to, quoted, true)))
		m->quoted_sender = a->lid_jid;
	m->quoted_id = wa_span_str(quoted);
	if (q)
		m->quoted_text = wa_span_str(q->text);
}

int sb_phone_text(struct sb_account *a, struct sb_account *to, const char *text, const char *quoted,
		  char ret_id[32], struct wa_err *err)
{
	struct wa_message m;
	struct sb_chat_msg *c = NULL;
	char id[32];
	int rc, server = a->by_pn ? WA_SRV_PN : WA_SRV_LID;

	if (!a->online)
		return wa_err_set(err, WA_ESTATE, "the phone of %s is offline", a->pn);
	sb_new_message_id(a->s, id);
	if (!a->sink) {
		c = sb_chat_add(a, to, id, true, wa_span_str(text), "text");
		if (!c)
			return wa_err_set(err, WA_ENOMEM, "no memory for a message");
		c->server = (uint8_t)server;
		c->status = SB_PENDING;
		if (quoted && *quoted)
			c->quoted_id = sb_strdup(quoted);
	}
	fill_text(a, to, &m, text, quoted);
	a->sent++;
	if (!a->sink)
		sb_token_issue(a, to, sb_now(a->s) / 1000, false);
	rc = sb_sim_send(a->devices[0]->sim, to, id, &m, server, err);
	if (rc && c)
		c->status = SB_FAILED;
	if (ret_id)
		memcpy(ret_id, id, sizeof(id));
	return rc;
}

void sb_phone_retry(struct sb_account *a, struct sb_device *asker, struct sb_account *chat,
		    const char *id, int count, int server, const struct wa_bundle *b)
{
	struct sb_chat_msg *c = sb_chat_find(a, chat, id, true);
	struct sb_bulk *run = sb_bulk_of(a->s, id);
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct wa_message m;
	SB_ERR(err);

	if (count > SB_RETRIES_MAX || (c && c->resent >= SB_RETRIES_MAX * SB_DEVICES_MAX))
		return;
	if (!c && !run)
		return;
	wa_arena_init(&ar, RESEND_ARENA_MAX);
	if (!c || sb_content_again(c, &ar, &m))
		fill_text(a, chat, &m, c ? c->text : run->text, c ? c->quoted_id : NULL);
	if (c)
		c->resent++;
	if (sb_sim_resend(a->devices[0]->sim, asker, chat, id, &m, count, server, b, &err))
		sb_log(a->s, WA_WARN, "sandbox.resend_failed", "error", err.msg);
}

size_t sb_phone_read(struct sb_account *a, struct sb_account *peer)
{
	const char *ids[READ_BATCH];
	size_t n = 0;
	int server = WA_SRV_LID;

	for (size_t i = a->chat.len; i-- > 0 && n < READ_BATCH;) {
		struct sb_chat_msg *m = a->chat.msgs[i];

		if (m->from_me || m->group || m->peer != peer || m->status != SB_RECEIVED)
			continue;
		m->status = SB_SEEN_HERE;
		sb_chat_touch(a, m);
		if (n == 0)
			server = m->server;
		ids[n++] = m->id;
	}
	if (n) {
		struct wa_jid chat = sb_user_jid(peer, server);

		sb_sim_receipt(a->devices[0]->sim, &chat, ids, n, "read", NULL);
		a->read_in += n;
	}
	return n;
}

void sb_phone_says_typing(struct sb_account *a, struct sb_account *to, bool on)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct wa_jid j = sb_user_jid(to, a->by_pn ? WA_SRV_PN : WA_SRV_LID);
	struct wa_node *n;

	wa_arena_init(&ar, SB_STANZA_MAX);
	n = wa_node_new(&ar, "chatstate");
	wa_node_attr_jid(&ar, n, "to", &j);
	wa_node_child(&ar, n, on ? "composing" : "paused");
	sb_chatstate(a->devices[0], n);
}
