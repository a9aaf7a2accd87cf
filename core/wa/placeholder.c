/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages this device cannot read: the phone can, and is asked for them, once
 * each, a little later (the sender may still help).
 */
#include "history_int.h"

#include <stdlib.h>

#include "pb.h"

#define WAIT_MS     5000
#define PENDING_MAX 64
#define PER_TICK    8	/* asked in one turn */
#define KEY_MAX     (1 + MSG_ID_MAX)

struct placeholder {
	struct wa_list link;
	int64_t at;
	struct wa_jid chat, sender;
	bool from_me, group;
	char id[MSG_ID_MAX + 1];
};

struct placeholders {
	struct wa_list list;
	size_t n;
};

static struct wa_span key_of(struct wa_span id, char out[KEY_MAX])
{
	out[0] = 'p';
	memcpy(out + 1, id.ptr, id.len);
	return wa_span(out, 1 + id.len);
}

static bool was_asked(struct wa_client *c, struct wa_span id)
{
	struct wa_span v;
	char key[KEY_MAX];

	return wa_records_view(c->rec, WA_REC_HISTORY, key_of(id, key), &v, NULL) == 1;
}

static void drop(struct placeholders *p, struct placeholder *one)
{
	wa_list_del(&one->link);
	p->n--;
	free(one);
}

void placeholder_clear(struct wa_client *c)
{
	struct wa_list *l;

	if (!c->placeholders)
		return;
	while ((l = wa_list_first(&c->placeholders->list)))
		drop(c->placeholders, container_of(l, struct placeholder, link));
	free(c->placeholders);
	c->placeholders = NULL;
}

static struct placeholders *table(struct wa_client *c)
{
	if (c->placeholders)
		return c->placeholders;
	c->placeholders = calloc(1, sizeof(*c->placeholders));
	if (c->placeholders)
		wa_list_init(&c->placeholders->list);
	return c->placeholders;
}

static bool is_pending(const struct placeholders *p, const char *id)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &p->list)
		if (strcmp(container_of(it, struct placeholder, link)->id, id) == 0)
			return true;
	return false;
}

static bool want(struct wa_client *c, const struct wa_msg_info *info, int64_t wait_ms)
{
	struct wa_span id = wa_span_str(info->id);
	struct placeholders *p;
	struct placeholder *one;

	if (id.len == 0 || id.len > MSG_ID_MAX || was_asked(c, id))
		return true;
	p = table(c);
	if (p && is_pending(p, info->id))
		return true;
	if (!p || p->n >= PENDING_MAX || !(one = calloc(1, sizeof(*one))))
		return false;
	one->at = client_now(c) + wait_ms;
	one->chat = info->chat;
	one->sender = info->sender;
	one->from_me = info->from_me;
	one->group = info->group;
	span_copy(one->id, sizeof(one->id), id);
	wa_list_push_back(&p->list, &one->link);
	p->n++;
	return true;
}

void placeholder_want(struct wa_client *c, const struct wa_msg_info *info)
{
	if (!want(c, info, WAIT_MS))
		WA_LOG(c->env, WA_WARN, "placeholder.too_many", WA_S("id", info->id));
}

int wa_client_placeholder_request(struct wa_client *c, const struct wa_msg_info *message, struct wa_err *err)
{
	bool taken;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	client_enter(c);
	taken = want(c, message, 0);
	client_leave(c);
	return taken ? 0 : wa_err_set(err, WA_ELIMIT, "too many messages are waiting for the phone");
}

static void ask(struct wa_client *c, const struct placeholder *p)
{
	char chat[WA_JID_TEXT_MAX], sender[WA_JID_TEXT_MAX], key[KEY_MAX];
	struct wa_buf b;

	wa_buf_init(&b, 512);
	wa_buf_str(&b, wa_jid_text(&p->chat, chat));
	wa_buf_u8(&b, 0);
	wa_buf_str(&b, wa_jid_text(&p->sender, sender));
	history_put(c, key_of(wa_span_str(p->id), key), wa_buf_view(&b));
	wa_buf_clear(&b);
	history_ask_message(c, &p->chat, &p->sender, p->from_me, p->group, p->id);
}

void placeholder_tick(struct wa_client *c, int64_t now)
{
	struct wa_list *l;
	int n = 0;

	if (!c->placeholders || c->state != WA_ST_READY)
		return;
	while (n++ < PER_TICK && (l = wa_list_first(&c->placeholders->list))) {
		struct placeholder *p = container_of(l, struct placeholder, link);

		if (p->at > now)
			return;
		ask(c, p);
		drop(c->placeholders, p);
	}
	if (c->placeholders->n == 0)
		placeholder_clear(c);
}

int64_t placeholder_deadline(const struct wa_client *c)
{
	struct wa_list *l = c->placeholders ? wa_list_first(&c->placeholders->list) : NULL;

	return l && c->state == WA_ST_READY ? container_of(l, struct placeholder, link)->at : INT64_MAX;
}

/* As we knew it when we asked: that is how it is told from others. */
static bool restore(struct wa_client *c, struct wa_span key, struct wa_msg_info *info)
{
	struct wa_span v, chat, sender;
	const uint8_t *nul;

	if (wa_records_view(c->rec, WA_REC_HISTORY, key, &v, NULL) != 1)
		return false;
	nul = v.len ? memchr(v.ptr, 0, v.len) : NULL;
	if (!nul)
		return false;
	chat = wa_span(v.ptr, (size_t)(nul - v.ptr));
	sender = wa_span(nul + 1, v.len - chat.len - 1);
	return wa_jid_parse(chat, &info->chat, NULL) == 0 && wa_jid_parse(sender, &info->sender, NULL) == 0;
}

void placeholder_answer(struct wa_client *c, const struct wa_msg_info *from, struct wa_span request,
			struct wa_span result)
{
	struct wa_jid none = { .server = WA_SRV_NONE };
	struct wa_history_message m;
	struct wa_msg_info known;
	struct wa_span web, key;
	char text[KEY_MAX];

	(void)from;
	(void)request;
	if (wa_pb_find(result, 1, &web) != 1 || webmessage_read(c, web, &none, &none, &m) != 1)
		return;
	if (!m.info.id)
		return; /* no memory for it, which the batch knows */
	key = key_of(wa_span_str(m.info.id), text);
	known = m.info;
	if (!restore(c, key, &known))
		return; /* not asked for */
	if (wa_records_del(c->rec, WA_REC_HISTORY, key))
		client_nomem(c);
	if (recv_seen(c, &known))
		return; /* the sender has helped meanwhile */
	recv_mark_seen(c, &known, m.secret);
	m.info.offline = false;
	if (secret_lasting(m.message->kind))
		secret_keep(c, &m.info, m.secret);
	recv_publish(c, &m.info, m.message);
}
