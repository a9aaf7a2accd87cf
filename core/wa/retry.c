/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "I could not decrypt this": what we say, and what we do when others say it. */
#include "group_int.h"

#include <stdlib.h>

#define TABLE_SIZE        64
#define TABLE_GROUP       1024 /* once somebody in a group asks: its members ask together */
#define RETRIES_MAX       5
#define RECREATE_MS       (3600 * 1000LL)
#define SENT_VERSION      1
#define SENT_MAX          (5u << 20)
#define REASON_NO_SESSION 1
#define REASON_NO_PREKEY  3
#define NACK_UNHANDLED    500

/* Counters of a few recent messages; the oldest is overwritten. */
struct retry_entry {
	uint64_t key;
	unsigned count;
	bool has_base;
	uint8_t base[33];
	int64_t recreated_ms;
};

struct retry_table {
	size_t next, size;
	struct retry_entry *entries;
};

void retry_clear(struct wa_client *c)
{
	if (c->retries)
		free(c->retries->entries);
	free(c->retries);
	c->retries = NULL;
}

static struct retry_table *table(struct wa_client *c, bool group)
{
	size_t size = group ? TABLE_GROUP : TABLE_SIZE;
	struct retry_table *t = c->retries;
	struct retry_entry *grown;

	if (!t)
		t = c->retries = calloc(1, sizeof(*t));
	if (!t || t->size >= size)
		return t;
	grown = realloc(t->entries, size * sizeof(*grown));
	if (!grown)
		return NULL;
	memset(grown + t->size, 0, (size - t->size) * sizeof(*grown));
	if (t->next >= t->size)
		t->next = t->size;
	t->entries = grown;
	t->size = size;
	return t;
}

static struct retry_entry *entry(struct wa_client *c, const char *direction, struct wa_span id,
				 const struct wa_jid *device, bool group)
{
	char text[WA_JID_TEXT_MAX], key[512];
	struct retry_table *t = table(c, group);
	struct retry_entry *e;
	uint64_t h;
	size_t i;

	if (!t)
		return NULL;
	snprintf(key, sizeof(key), "%s %s %.*s", direction, wa_jid_text(device, text),
		 (int)(id.len < 256 ? id.len : 256), id.len ? (const char *)id.ptr : "");
	h = wa_hash(wa_span_str(key));
	for (i = 0; i < t->size; i++)
		if (t->entries[i].key == h)
			return &t->entries[i];
	e = &t->entries[t->next++ % t->size];
	memset(e, 0, sizeof(*e));
	e->key = h;
	return e;
}

/* ---- we ask ---- */

static void put_keys(struct wa_client *c, struct wa_arena *a, struct wa_node *receipt)
{
	static const uint8_t type = 0x05;
	struct wa_node *keys = wa_node_child(a, receipt, "keys");
	struct wa_err err = WA_ERR_INIT;
	struct wa_prekey_pub spare;

	wa_node_data(a, wa_node_child(a, keys, "type"), wa_span(&type, 1));
	wa_node_data(a, wa_node_child(a, keys, "identity"), wa_span(c->dev.identity.pub.b, 32));
	if (prekey_spare(c, &spare, &err) == 0)
		prekey_put_key(a, keys, &spare);
	else
		WA_LOG(c->env, WA_WARN, "retry.no_prekey", WA_S("error", err.msg));
	prekey_put_skey(c, a, keys);
	wa_node_data(a, wa_node_child(a, keys, "device-identity"),
		     wa_span(c->dev.adv, c->dev.adv_len));
}

static void send_retry(struct wa_client *c, const struct wa_node *n, unsigned count, int reason)
{
	struct wa_node *r, *retry;
	struct wa_arena a;
	struct wa_jid j;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	r = wa_node_new(&a, "receipt");
	wa_node_attr_span(&a, r, "id", wa_node_attr_get(n, "id"));
	if (wa_node_attr_jid_get(n, "from", &j))
		wa_node_attr_jid(&a, r, "to", &j);
	wa_node_attr(&a, r, "type", "retry");
	if (wa_node_attr_jid_get(n, "participant", &j))
		wa_node_attr_jid(&a, r, "participant", &j);
	if (wa_node_attr_jid_get(n, "recipient", &j))
		wa_node_attr_jid(&a, r, "recipient", &j);
	if (wa_node_has(n, "category"))
		wa_node_attr_span(&a, r, "category", wa_node_attr_get(n, "category"));
	retry = wa_node_child(&a, r, "retry");
	wa_node_attr_int(&a, retry, "count", count);
	wa_node_attr_span(&a, retry, "id", wa_node_attr_get(n, "id"));
	wa_node_attr_span(&a, retry, "t", wa_node_attr_get(n, "t"));
	wa_node_attr(&a, retry, "v", "1");
	if (reason)
		wa_node_attr_int(&a, retry, "error", reason);
	put_be(&a, r, "registration", c->dev.registration_id, 4);
	if (count > 1 || reason == REASON_NO_SESSION || reason == REASON_NO_PREKEY)
		put_keys(c, &a, r);
	client_send(c, r);
	wa_arena_clear(&a);
}

void retry_ask(struct wa_client *c, const struct wa_node *n, const struct wa_msg_info *info,
	       int reason)
{
	struct retry_entry *t = entry(c, "ask", wa_span_str(info->id), &info->sender, false);
	int64_t resent = wa_node_attr_num(wa_node_get(n, "enc"), "count", 0);
	struct wa_msg_info *copy = wa_arena_dup(&c->ev_arena, info, sizeof(*info));
	struct wa_event *e = client_event(c, WA_EV_UNDECRYPTABLE);
	bool final;

	if (!t || !copy) {
		client_nomem(c);
		return;
	}
	/* After a restart the resent message tells how often we have asked. */
	if (resent > t->count && resent <= RETRIES_MAX)
		t->count = (unsigned)resent;
	final = t->count >= RETRIES_MAX;
	if (!final)
		send_retry(c, n, ++t->count, reason);
	else if (!wa_node_attr_is(n, "category", "peer"))
		placeholder_want(c, info);
	client_ack(c, n, NACK_UNHANDLED);
	e->info = copy;
	e->id = copy->id;
	e->chat = copy->chat;
	e->sender = copy->sender;
	e->timestamp_ms = copy->timestamp_ms;
	e->code = reason;
	e->count = (int)t->count;
	e->final = final;
}

/* ---- they ask ---- */

void retry_store(struct wa_client *c, const char *id, const struct wa_jid *chat,
		 int64_t timestamp_s, struct wa_span plain)
{
	char text[WA_JID_TEXT_MAX];
	struct wa_buf b;

	(void)wa_jid_text(chat, text);
	wa_buf_init(&b, SENT_MAX);
	wa_buf_u8(&b, SENT_VERSION);
	wa_buf_be64(&b, (uint64_t)timestamp_s);
	wa_buf_u8(&b, (uint8_t)strlen(text));
	wa_buf_str(&b, text);
	wa_buf_span(&b, plain);
	if (wa_buf_end(&b, NULL) ||
	    wa_records_put(c->rec, WA_REC_SENT, wa_span_str(id), wa_buf_view(&b)))
		client_nomem(c);
	wa_buf_wipe(&b);
}

static bool parse_sent(struct wa_span s, struct resend *r)
{
	uint64_t t = 0;
	size_t i;

	if (s.len < 10 || s.ptr[0] != SENT_VERSION || s.len < 10u + s.ptr[9])
		return false;
	for (i = 1; i < 9; i++)
		t = t << 8 | s.ptr[i];
	r->timestamp_s = (int64_t)t;
	if (wa_jid_parse(wa_span(s.ptr + 10, s.ptr[9]), &r->chat, NULL))
		return false;
	r->plain = wa_span(s.ptr + 10 + s.ptr[9], s.len - 10 - s.ptr[9]);
	return true;
}

int retry_sent(struct wa_client *c, const char *id, struct wa_buf *b, struct wa_jid *ret_chat,
	       struct wa_span *ret_plain)
{
	struct resend r = { .id = id };
	int rc;

	wa_buf_init(b, SENT_MAX);
	rc = wa_records_get(c->rec, WA_REC_SENT, wa_span_str(id), b, NULL);
	if (rc == 1 && !parse_sent(wa_buf_view(b), &r))
		rc = 0;
	*ret_chat = r.chat;
	*ret_plain = r.plain;
	return rc;
}

/* Does the answer need a new session, and can the receipt's own keys make it? */
static bool need_fetch(struct wa_client *c, const struct wa_node *n, const struct wa_jid *addr,
		       struct retry_entry *t, unsigned count)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_bundle b;
	uint8_t base[33];
	bool fetch = false, same;
	int has;

	if (wa_node_get(n, "keys")) {
		if (prekey_read_bundle(n, &b) == 0 &&
		    wa_signal_start_session(c->sig, addr, &b, &err) == 0) {
			client_identity(c);
			return false;
		}
		WA_LOG(c->env, WA_WARN, "retry.bad_keys", WA_S("error", err.msg));
	}
	has = wa_signal_base_key(c->sig, addr, base, NULL);
	if (has != 1)
		return true;
	same = t->has_base && memcmp(t->base, base, sizeof(base)) == 0;
	if (count >= 2 && (same || client_now(c) - t->recreated_ms > RECREATE_MS))
		fetch = true;
	if (fetch)
		t->recreated_ms = client_now(c);
	memcpy(t->base, base, sizeof(base));
	t->has_base = true;
	return fetch;
}

/* In the group now, or holding our key: a status goes to whom it was addressed. */
static bool group_entitled(struct wa_client *c, const struct wa_jid *chat,
			   const struct wa_jid *device)
{
	struct holders h;
	struct group g;
	bool in = false;

	if (chat->server == WA_SRV_GROUP && group_load(c, chat, &g) > 0) {
		in = group_find(&g, device) != NULL;
		group_clear(&g);
		return in;
	}
	if (holders_load(c, chat, &h) > 0)
		in = holders_has(&h, holder_id(c, device));
	holders_clear(&h);
	return in;
}

static bool resend(struct wa_client *c, const struct wa_node *n, struct resend *r)
{
	struct wa_jid canon = wa_signal_canonical(c->sig, &r->to);
	struct wa_jid chat = wa_signal_canonical(c->sig, &r->chat);
	struct wa_jid who = jid_person(&canon);
	struct retry_entry *t;
	int rc;

	r->own = client_own(c, &canon);
	/* A message is sent again only to those it was sent to. */
	if (!r->own && !(wa_jid_is_null(&r->participant) ? wa_jid_same_user(&who, &chat)
							 : group_entitled(c, &chat, &canon))) {
		WA_LOG(c->env, WA_WARN, "retry.stranger", WA_S("id", r->id));
		return false;
	}
	if (r->own && canon.device == c->dev.pn.device)
		return false;
	t = entry(c, "resend", wa_span_str(r->id), &canon,
		  !wa_jid_is_null(&r->participant));
	if (!t) {
		client_nomem(c);
		return false;
	}
	if (r->count > RETRIES_MAX || ++t->count > RETRIES_MAX) {
		WA_LOG(c->env, WA_WARN, "retry.too_many", WA_S("id", r->id));
		return false;
	}
	r->fetch = need_fetch(c, n, &canon, t, r->count);
	rc = send_again(c, r);
	if (rc == WA_ELIMIT) {
		WA_LOG(c->env, WA_WARN, "retry.busy", WA_S("id", r->id));
		return false; /* acknowledged; it asks once more */
	}
	if (rc)
		client_nomem(c);
	return true;
}

void retry_offer(struct wa_client *c, const char *id, const struct wa_jid *chat,
		 const struct wa_jid *device)
{
	struct resend r = { .id = id, .to = *device, .participant = *device, .count = 1 };
	struct wa_buf b;

	wa_buf_init(&b, SENT_MAX);
	if (wa_records_get(c->rec, WA_REC_SENT, wa_span_str(id), &b, NULL) == 1 &&
	    parse_sent(wa_buf_view(&b), &r) && wa_jid_eq(&r.chat, chat)) {
		r.own = client_own(c, device);
		if (send_again(c, &r) == WA_ENOMEM)
			client_nomem(c);
	}
	wa_buf_wipe(&b);
}

bool retry_asked(struct wa_client *c, const struct wa_node *n)
{
	const struct wa_node *retry = wa_node_get(n, "retry");
	int64_t count = wa_node_attr_num(retry, "count", 1);
	struct wa_span id = wa_node_attr_get(n, "id");
	char text[MSG_ID_MAX + 1];
	struct resend r = { .id = text, .receipt = n };
	struct wa_jid from;
	struct wa_buf b;
	bool taken = false;
	int rc;

	if (!wa_node_attr_jid_get(n, "from", &from) || id.len == 0 || id.len > MSG_ID_MAX)
		return false;
	span_copy(text, sizeof(text), id);
	r.to = from;
	if (from.server == WA_SRV_GROUP || from.server == WA_SRV_BROADCAST) {
		if (!wa_node_attr_jid_get(n, "participant", &r.to) || !wa_jid_is_user(&r.to))
			return false;
		r.participant = r.to;
	}
	r.count = count < 1 ? 1 : count > 99 ? 99 : (unsigned)count;
	wa_buf_init(&b, SENT_MAX);
	rc = wa_records_get(c->rec, WA_REC_SENT, id, &b, NULL);
	if (rc < 0)
		client_nomem(c); /* acknowledged it would be lost */
	if (rc == 1 && parse_sent(wa_buf_view(&b), &r) &&
	    (wa_jid_is_null(&r.participant) || wa_jid_eq(&r.chat, &from)))
		taken = resend(c, n, &r);
	else
		WA_LOG(c->env, WA_INFO, "retry.unknown_message", WA_S("id", text));
	wa_buf_wipe(&b);
	return taken;
}
