/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The second reading of a part of history: from fields to the slices the host sees. */
#include "history_int.h"

#include "pb.h"

#define SLICE_BYTES   (2u << 20) /* decoded, in one event */
#define SLICE_CHATS   64
#define SLICE_OTHERS  128        /* names, calls, who left: each */
#define DAY_MS        (24 * 3600 * 1000LL)
#define SECRET_MS     (30 * DAY_MS) /* what is older is hardly answered any more; polls are */
#define STATUS_CHAT   "status@broadcast"
#define MUTED_FOR_GOOD -1

/* Conversation.endOfHistoryTransferType */
#define END_NOTHING_LEFT 1

struct slice {
	struct wa_client *c;
	struct history *q;
	struct history_part *p;
	struct wa_history *h;
	struct wa_history_chat *chats;
	struct wa_history_message *messages;
	struct wa_history_name *names;
	struct wa_history_left *left;
	struct wa_history_call *calls;
	size_t n_messages;
	size_t before; /* bytes of the batch's arena when it began */
	int64_t oldest_ms;
};

static void *slice_array(struct slice *s, size_t n, size_t size)
{
	void *p = wa_arena_alloc(&s->c->ev_arena, n * size);

	if (!p)
		client_nomem(s->c);
	return p;
}

static bool slice_begin(struct slice *s, struct wa_client *c, struct history *q)
{
	uint32_t days = c->depth_of.max_days;

	memset(s, 0, sizeof(*s));
	s->c = c;
	s->q = q;
	s->p = q->part;
	s->before = c->ev_arena.used;
	s->oldest_ms = days && s->p->head.type != WA_HISTORY_ON_DEMAND
			       ? client_now(c) + c->server_offset_ms - days * DAY_MS : 0;
	s->h = slice_array(s, 1, sizeof(*s->h));
	s->chats = slice_array(s, SLICE_CHATS, sizeof(*s->chats));
	s->messages = slice_array(s, WA_HISTORY_SLICE_MESSAGES, sizeof(*s->messages));
	return !c->failed;
}

static bool slice_full(const struct slice *s)
{
	const struct wa_history *h = s->h;

	return s->n_messages == WA_HISTORY_SLICE_MESSAGES || h->n_chats == SLICE_CHATS ||
	       h->n_names == SLICE_OTHERS || h->n_left == SLICE_OTHERS || h->n_calls == SLICE_OTHERS ||
	       s->c->ev_arena.used - s->before > SLICE_BYTES;
}

/* ---- depth ---- */

static struct wa_span count_key(const struct wa_jid *chat, char out[HISTORY_KEY_MAX])
{
	out[0] = 'c';
	wa_jid_text(chat, out + 1);
	return wa_span_str(out);
}

static void load_count(struct slice *s)
{
	struct history_chat *chat = &s->p->chat;
	char key[HISTORY_KEY_MAX];
	struct wa_buf b;

	chat->counted = true;
	wa_buf_init(&b, 64);
	if (wa_records_get(s->c->rec, WA_REC_HISTORY, count_key(&chat->jid, key), &b, NULL) == 1 && b.len == 12) {
		for (size_t i = 0; i < 4; i++)
			chat->taken = chat->taken << 8 | b.ptr[i];
		for (size_t i = 4; i < 12; i++)
			chat->oldest_ms = chat->oldest_ms << 8 | b.ptr[i];
	}
	wa_buf_clear(&b);
}

static void save_count(struct slice *s)
{
	struct history_chat *chat = &s->p->chat;
	char key[HISTORY_KEY_MAX];
	struct wa_buf b;

	if (!chat->taken_changed)
		return;
	chat->taken_changed = false;
	wa_buf_init(&b, 64);
	wa_buf_be32(&b, chat->taken);
	wa_buf_be64(&b, (uint64_t)chat->oldest_ms);
	history_put(s->c, count_key(&chat->jid, key), wa_buf_view(&b));
	wa_buf_clear(&b);
}

/* Does the host want this message? */
static bool deep_enough(struct slice *s, int64_t at_ms)
{
	const struct wa_history_depth *d = &s->c->depth_of;
	struct history_chat *chat = &s->p->chat;

	if (s->p->head.type == WA_HISTORY_ON_DEMAND)
		return true;
	if (at_ms < s->oldest_ms || (d->max_total && s->q->taken >= d->max_total))
		return false;
	if (!d->max_per_chat)
		return true;
	if (!chat->counted)
		load_count(s);
	return chat->taken < d->max_per_chat || at_ms >= chat->oldest_ms;
}

static void count_taken(struct slice *s, int64_t at_ms)
{
	struct history_chat *chat = &s->p->chat;

	if (s->p->head.type == WA_HISTORY_ON_DEMAND)
		return;
	s->q->taken++;
	s->q->changed |= s->c->depth_of.max_total != 0;
	if (s->c->depth_of.max_per_chat && (chat->taken == 0 || at_ms < chat->oldest_ms)) {
		chat->taken++;
		chat->oldest_ms = at_ms;
		chat->taken_changed = true;
	}
}

/* ---- messages ---- */

static struct wa_history_chat *piece(struct slice *s)
{
	struct history_chat *chat = &s->p->chat;
	size_t n = s->h->n_chats;
	struct wa_history_chat *last;

	if (n && !s->chats[n - 1].complete && wa_jid_eq(&s->chats[n - 1].jid, &chat->jid))
		return &s->chats[n - 1];
	last = &s->chats[s->h->n_chats++];
	last->jid = chat->jid;
	last->pn = chat->pn;
	last->messages = s->messages + s->n_messages;
	return last;
}

static void keep_secret(struct slice *s, const struct wa_history_message *m)
{
	int64_t now = client_now(s->c) + s->c->server_offset_ms;

	if (m->secret.len && (secret_lasting(m->message->kind) ||
			      m->info.timestamp_ms > now - SECRET_MS))
		secret_keep(s->c, &m->info, m->secret);
}

static void take_message(struct slice *s, struct wa_span info)
{
	struct history_chat *chat = &s->p->chat;
	struct wa_history_message *m = &s->messages[s->n_messages];

	if (!deep_enough(s, webmessage_time(info))) {
		s->p->head.skipped++;
		return;
	}
	if (webmessage_read(s->c, info, &chat->jid, &chat->pn, m) != 1) {
		memset(m, 0, sizeof(*m));
		return;
	}
	piece(s)->n_messages++;
	s->n_messages++;
	s->p->head.messages++;
	count_taken(s, m->info.timestamp_ms);
	keep_secret(s, m);
}

static void status_message(struct slice *s, struct wa_span info)
{
	struct history_chat *chat = &s->p->chat;

	memset(chat, 0, sizeof(*chat));
	chat->jid = wa_jid_make(WA_SRV_BROADCAST, "status", 0);
	chat->named = true;
	take_message(s, info);
}

/* ---- what a conversation says about itself ---- */

static int64_t seconds_ms(uint64_t s)
{
	return s <= TIME_MAX_S ? (int64_t)s * 1000 : 0;
}

static int64_t muted_until(uint64_t v)
{
	/* Seconds, milliseconds, or all ones. */
	if (v > (uint64_t)TIME_MAX_S * 1000)
		return MUTED_FOR_GOOD;
	return v > (uint64_t)TIME_MAX_S / 50 ? (int64_t)v : seconds_ms(v);
}

static void chat_number(struct wa_history_chat *m, uint32_t number, uint64_t v)
{
	switch (number) {
	case CHAT_UNREAD:
		m->unread = v <= INT32_MAX ? (uint32_t)v : 0;
		break;
	case CHAT_READ_ONLY:
		m->read_only = v != 0;
		break;
	case CHAT_EPHEMERAL:
		m->ephemeral_s = v <= UINT32_MAX ? (uint32_t)v : 0;
		break;
	case CHAT_END_TYPE:
		m->end = v == END_NOTHING_LEFT;
		break;
	case CHAT_TIME:
		m->last_ms = seconds_ms(v);
		break;
	case CHAT_ARCHIVED:
		m->archived = v != 0;
		break;
	case CHAT_MARKED:
		m->marked_unread = v != 0;
		break;
	case CHAT_PINNED:
		m->pinned = v != 0;
		m->pinned_ms = seconds_ms(v);
		break;
	case CHAT_MUTED:
		m->muted_until_ms = muted_until(v);
		break;
	case CHAT_LOCKED:
		m->locked = v != 0;
		break;
	default:
		break;
	}
}

static void chat_field(struct slice *s, const struct history_item *it)
{
	struct history_chat *chat = &s->p->chat;

	if (it->number == CHAT_ID) {
		chat->jid = history_person(s->c, it->bytes, &chat->pn);
		chat->named = !wa_jid_is_null(&chat->jid);
	} else if ((it->number == CHAT_NAME || (it->number == CHAT_DISPLAY && !chat->name[0])) &&
		   it->bytes.len && !memchr(it->bytes.ptr, 0, it->bytes.len)) {
		span_copy(chat->name, sizeof(chat->name), it->bytes);
	} else {
		chat_number(&chat->meta, it->number, it->value);
	}
}

static void chat_end(struct slice *s)
{
	struct history_chat *chat = &s->p->chat;
	struct wa_history_chat *m, *at;

	if (!chat->named)
		return;
	s->p->head.conversations++;
	save_count(s);
	at = piece(s);
	m = &chat->meta;
	m->jid = at->jid;
	m->pn = at->pn;
	m->messages = at->messages;
	m->n_messages = at->n_messages;
	m->complete = true;
	m->name = chat->name[0] ? history_text(s->c, wa_span_str(chat->name)) : NULL;
	*at = *m;
	memset(chat, 0, sizeof(*chat));
}

/* ---- the rest ---- */

static void take_name(struct slice *s, struct wa_span bytes)
{
	struct wa_history_name *n;
	struct wa_span id = { NULL, 0 }, name = { NULL, 0 };

	if (!s->names)
		s->names = slice_array(s, SLICE_OTHERS, sizeof(*s->names));
	if (!s->names || wa_pb_find(bytes, 1, &id) != 1 || wa_pb_find(bytes, 2, &name) != 1 || !name.len)
		return;
	n = &s->names[s->h->n_names];
	n->jid = history_person(s->c, id, NULL);
	n->name = history_text(s->c, name);
	if (!wa_jid_is_user(&n->jid))
		return;
	if (client_own(s->c, &n->jid))
		presence_own_name(s->c, wa_span_str(n->name));
	else
		s->h->n_names++;
}

static void left_one(struct slice *s, const struct wa_jid *group, struct wa_span bytes)
{
	struct wa_history_left *l = &s->left[s->h->n_left];
	struct wa_pb_field f;

	memset(l, 0, sizeof(*l));
	l->group = *group;
	while (wa_pb_next(&bytes, &f) == 1) {
		if (f.number == 1 && f.wire == 2)
			l->who = history_person(s->c, f.bytes, NULL);
		else if (f.number == 2 && f.wire == 0)
			l->removed = f.varint == 1;
		else if (f.number == 3 && f.wire == 0)
			l->at_ms = seconds_ms(f.varint);
	}
	if (!wa_jid_is_null(&l->who))
		s->h->n_left++;
}

static void take_left(struct slice *s, struct wa_span bytes)
{
	struct wa_span group = { NULL, 0 };
	struct wa_pb_field f;
	struct wa_jid j;

	if (!s->left)
		s->left = slice_array(s, SLICE_OTHERS, sizeof(*s->left));
	if (!s->left || wa_pb_find(bytes, 1, &group) != 1)
		return;
	j = history_person(s->c, group, NULL);
	while (s->h->n_left < SLICE_OTHERS && wa_pb_next(&bytes, &f) == 1)
		if (f.number == 2 && f.wire == 2)
			left_one(s, &j, f.bytes);
}

static void call_number(struct wa_history_call *l, const struct wa_pb_field *f)
{
	switch (f->number) {
	case 1:
		l->result = f->varint <= 99 ? (int)f->varint : 0;
		break;
	case 4:
		l->duration_s = f->varint <= UINT32_MAX ? (uint32_t)f->varint : 0;
		break;
	case 5:
		/* Seconds from one phone, milliseconds from another. */
		l->start_ms = f->varint > (uint64_t)TIME_MAX_S / 50 && f->varint < INT64_MAX
				      ? (int64_t)f->varint : seconds_ms(f->varint);
		break;
	case 6:
		l->incoming = f->varint != 0;
		break;
	case 7:
		l->video = f->varint != 0;
		break;
	default:
		break;
	}
}

static void take_call(struct slice *s, struct wa_span bytes)
{
	struct wa_history_call *l;
	struct wa_pb_field f;

	if (!s->calls)
		s->calls = slice_array(s, SLICE_OTHERS, sizeof(*s->calls));
	if (!s->calls)
		return;
	l = &s->calls[s->h->n_calls];
	memset(l, 0, sizeof(*l));
	while (wa_pb_next(&bytes, &f) == 1) {
		if (f.wire == 0)
			call_number(l, &f);
		else if (f.wire == 2 && f.number == 11)
			l->id = history_text(s->c, f.bytes);
		else if (f.wire == 2 && f.number == 12)
			l->creator = history_person(s->c, f.bytes, NULL);
		else if (f.wire == 2 && f.number == 13)
			l->group = history_person(s->c, f.bytes, NULL);
	}
	if (l->id && l->id[0])
		s->h->n_calls++;
}

static void take_field(struct slice *s, const struct history_item *it)
{
	switch (it->number) {
	case SYNC_STATUS:
		status_message(s, it->bytes);
		break;
	case SYNC_NAME:
		take_name(s, it->bytes);
		break;
	case SYNC_LEFT:
		take_left(s, it->bytes);
		break;
	case SYNC_CALL:
		take_call(s, it->bytes);
		break;
	default:
		break;
	}
}

/* ---- reading on ---- */

static void take_item(struct slice *s, const struct history_item *it)
{
	struct history_part *p = s->p;
	bool told = ++p->items <= p->skip; /* before an interruption */
	struct wa_span info;

	switch (it->kind) {
	case HISTORY_CHAT:
		memset(&p->chat, 0, sizeof(p->chat));
		break;
	case HISTORY_CHAT_FIELD:
		chat_field(s, it);
		break;
	case HISTORY_MESSAGE:
		if (!told && p->chat.named && wa_pb_find(it->bytes, 1, &info) == 1)
			take_message(s, info);
		break;
	case HISTORY_CHAT_END:
		if (!told)
			chat_end(s);
		break;
	default:
		if (!told)
			take_field(s, it);
		break;
	}
}

/* Something to tell: an event, and how far we are. */
static bool publish(struct slice *s)
{
	struct wa_history *h = s->h;

	if (s->n_messages + h->n_chats + h->n_names + h->n_left + h->n_calls == 0)
		return false;
	if (s->p->chat.named)
		save_count(s);
	h->type = s->p->head.type;
	h->chunk = s->p->head.chunk;
	h->progress = s->p->head.progress;
	h->request = client_text(s->c, s->p->request);
	h->messages = s->p->head.messages;
	h->conversations = s->p->head.conversations;
	h->skipped = s->p->head.skipped;
	h->chats = s->chats;
	h->names = s->names;
	h->left = s->left;
	h->calls = s->calls;
	client_event(s->c, WA_EV_HISTORY)->history = h;
	return true;
}

int history_tell_slice(struct wa_client *c, struct history *q, bool *ret_told, struct wa_err *err)
{
	struct history_item it;
	struct slice s;
	int rc = HISTORY_BUSY;

	*ret_told = false;
	if (!slice_begin(&s, c, q))
		return HISTORY_BUSY;
	while (!slice_full(&s) && !c->failed && client_slice(c, COST_HISTORY)) {
		rc = history_reader_next(s.p->reader, &it, err);
		if (rc == HISTORY_BUSY && client_slice(c, COST_INFLATE))
			continue;
		if (rc != HISTORY_ITEM)
			break;
		take_item(&s, &it);
		rc = HISTORY_BUSY;
	}
	*ret_told = publish(&s);
	return rc;
}
