/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inside.h"

#define WATCH_MS 1000

static void jid_or_text(const struct wa_node *n, const char *key, char out[WA_JID_TEXT_MAX])
{
	struct wa_jid j;

	out[0] = 0;
	if (wa_node_has(n, key) && wa_node_attr_jid_get(n, key, &j))
		wa_jid_text(&j, out);
}

static char *put(char **at, struct wa_span s)
{
	char *p = *at;

	if (s.len)
		memcpy(p, s.ptr, s.len);
	p[s.len] = 0;
	*at += s.len + 1;
	return p;
}

struct sb_item *sb_item_make(const struct wa_node *n, struct wa_span bytes, uint64_t seq)
{
	char from[WA_JID_TEXT_MAX], participant[WA_JID_TEXT_MAX], recipient[WA_JID_TEXT_MAX];
	struct wa_span id = wa_node_attr_get(n, "id"), type = wa_node_attr_get(n, "type");
	struct sb_item *it;
	char *at;

	jid_or_text(n, "from", from);
	jid_or_text(n, "participant", participant);
	jid_or_text(n, "recipient", recipient);
	it = malloc(sizeof(*it) + n->tag.len + id.len + type.len + strlen(from) +
		    strlen(participant) + strlen(recipient) + 6 + bytes.len);
	if (!it)
		return NULL;
	memset(it, 0, sizeof(*it));
	at = (char *)(it + 1);
	it->seq = seq;
	it->tag = put(&at, n->tag);
	it->id = put(&at, id);
	it->from = put(&at, wa_span_str(from));
	it->participant = put(&at, wa_span_str(participant));
	it->type = put(&at, type);
	it->recipient = put(&at, wa_span_str(recipient));
	it->bytes = (uint8_t *)at;
	it->len = (uint32_t)bytes.len;
	memcpy(at, bytes.ptr, bytes.len);
	return it;
}

void sb_queue_push(struct sb_device *d, struct sb_item *it)
{
	wa_list_push_back(&d->queue, &it->link);
	d->queued++;
	if (!d->sim && !wa_list_linked(&d->busy))
		wa_list_push_back(&d->acc->s->busy, &d->busy);
}

void sb_item_send(struct sb_device *d, struct sb_item *it)
{
	if (!d->conn || !d->active || d->conn->frozen)
		return;
	it->sent_ms = sb_now(d->acc->s);
	sb_send_bytes(d->conn, wa_span(it->bytes, it->len));
}

void sb_item_replay(struct sb_device *d, struct sb_item *it, int index)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *n;
	struct wa_node copy;
	struct wa_attr offline = { 0 };
	char text[16];

	wa_arena_init(&a, SB_STANZA_MAX);
	if (!d->conn || wa_node_decode(wa_span(it->bytes, it->len), &a, &n, NULL))
		return;
	snprintf(text, sizeof(text), "%d", index);
	offline.key = wa_span_str("offline");
	offline.text = wa_span_str(text);
	offline.next = n->attrs; /* the wire does not mind the order */
	copy = *n;
	copy.attrs = &offline;
	it->sent_ms = sb_now(d->acc->s);
	sb_send(d->conn, &copy);
}

void sb_deliver(struct sb_device *d, const struct wa_node *n)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };
	struct sandbox *s = d->acc->s;
	struct sb_item *it;
	SB_ERR(err);

	wa_buf_init(&b, SB_OUT_MAX);
	if (d->queued >= SB_QUEUE_MAX || wa_node_encode(n, &b, &err)) {
		sb_log(s, WA_ERROR, "sandbox.undeliverable", "error",
		       err.msg[0] ? err.msg : "queue is full");
		return;
	}
	it = sb_item_make(n, wa_buf_view(&b), d->next_seq++);
	if (!it) {
		sb_log(s, WA_ERROR, "sandbox.no_memory", "what", "queue");
		return;
	}
	sb_queue_push(d, it);
	if (d->sim) {
		if (d->acc->online)
			sb_ready(d);
		return;
	}
	sb_keep_item(d, it);
	sb_item_send(d, it);
}

void sb_queue_drop(struct sb_device *d, struct sb_item *it)
{
	wa_list_del(&it->link);
	d->queued--;
	if (!d->sim)
		sb_drop_item(d, it->seq);
	if (!d->queued)
		wa_list_del(&d->busy);
	free(it);
}

void sb_queue_clear(struct sb_device *d)
{
	struct wa_list *l;

	while ((l = wa_list_first(&d->queue)))
		sb_queue_drop(d, container_of(l, struct sb_item, link));
}

void sb_unsent(struct sb_device *d)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &d->queue)
	{
		container_of(l, struct sb_item, link)->sent_ms = 0;
		container_of(l, struct sb_item, link)->told = false;
	}
}

static uint64_t seen_hash(const char *tag, const char *id)
{
	char key[160];
	int n = snprintf(key, sizeof(key), "%s %s", tag, id);

	return wa_hash(wa_span(key, n < (int)sizeof(key) ? (size_t)n : sizeof(key)));
}

void sb_seen_add(struct sb_device *d, const char *tag, const char *id)
{
	if (!d->seen)
		d->seen = calloc(SB_SEEN, sizeof(*d->seen));
	if (d->seen)
		d->seen[d->seen_at++ % SB_SEEN] = seen_hash(tag, id);
}

bool sb_seen(const struct sb_device *d, const char *tag, const char *id)
{
	uint64_t h = seen_hash(tag, id);

	for (size_t i = 0; d->seen && i < SB_SEEN; i++)
		if (d->seen[i] == h)
			return true;
	return false;
}

/* NULL when the ack copies what it must; else the attribute that differs. */
static const char *differs(const struct sb_item *it, const struct wa_node *ack)
{
	char text[WA_JID_TEXT_MAX];
	bool message = strcmp(it->tag, "message") == 0;

	jid_or_text(ack, "to", text);
	if (strcmp(text, it->from) != 0)
		return "to";
	jid_or_text(ack, "participant", text);
	if (strcmp(text, it->participant) != 0)
		return "participant";
	jid_or_text(ack, "recipient", text);
	if (text[0] && strcmp(text, it->recipient) != 0)
		return "recipient";
	if (!wa_node_has(ack, "type"))
		return message || !it->type[0] || strcmp(it->type, "encrypt") == 0 ? NULL : "type";
	return wa_span_is(wa_node_attr_get(ack, "type"), it->type) ? NULL : "type";
}

/* Receipts share ids: prefer the one that fits whole, fall back to the id. */
static struct sb_item *find_item(struct sb_device *d, const char *tag, const char *id,
				 const struct wa_node *ack)
{
	struct sb_item *loose = NULL;
	struct wa_list *l;

	WA_LIST_EACH(l, &d->queue)
	{
		struct sb_item *it = container_of(l, struct sb_item, link);

		if (!it->sent_ms || strcmp(it->id, id) != 0 || strcmp(it->tag, tag) != 0)
			continue;
		if (!ack || !differs(it, ack))
			return it;
		loose = loose ? loose : it;
	}
	return loose;
}

void sb_ack(struct sb_device *d, const struct wa_node *n)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sandbox *s = d->acc->s;
	const char *tag, *id, *wrong;
	struct sb_item *it;

	wa_arena_init(&a, SB_STANZA_MAX);
	tag = sb_attr(&a, n, "class");
	id = sb_attr(&a, n, "id");
	if (!*tag || !*id || !wa_node_has(n, "to")) {
		sb_violation(s, d, n, "ack.malformed", "class, id or to is missing");
		return;
	}
	if (!wa_node_attr_jid_typed(n, "to"))
		sb_violation(s, d, n, "jid.untyped", "`to` of an ack is text");
	it = find_item(d, tag, id, n);
	if (!it) {
		/* stock clients ack a message after its receipt, too */
		if (!sb_seen(d, tag, id))
			sb_violation(s, d, n, "ack.unasked",
				     "nothing of this class and id was delivered");
		return;
	}
	wrong = differs(it, n);
	if (wrong)
		sb_violation(s, d, n, "ack.attribute", "`%s` is not what was delivered", wrong);
	sb_seen_add(d, tag, id);
	sb_queue_drop(d, it);
}

bool sb_receipt_clears(struct sb_device *d, const char *id)
{
	struct sb_item *it = find_item(d, "message", id, NULL);

	if (!it)
		return sb_seen(d, "message", id);
	sb_seen_add(d, "message", id);
	sb_queue_drop(d, it);
	return true;
}

void sb_watch(void *arg)
{
	struct sandbox *s = arg;
	int64_t now = sb_now(s);
	struct wa_list *l, *k;

	sb_timer_set(s, &s->watch, now + WATCH_MS, sb_watch, s);
	WA_LIST_EACH(l, &s->busy)
	{
		struct sb_device *d = container_of(l, struct sb_device, busy);

		if (!d->conn || d->conn->frozen)
			continue;
		WA_LIST_EACH(k, &d->queue)
		{
			struct sb_item *it = container_of(k, struct sb_item, link);

			if (!it->sent_ms || now - it->sent_ms < s->unacked_ms)
				break;
			if (it->told)
				continue;
			it->told = true;
			sb_violation(s, d, NULL, "unacknowledged", "%s %s of %s, sent %lld ms ago",
				     it->tag, it->id, it->from, (long long)(now - it->sent_ms));
		}
	}
}
