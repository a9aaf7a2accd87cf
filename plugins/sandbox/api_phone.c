/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"

#include <clock.h>

#define LIST_DEFAULT 200
#define LIST_MAX     1000

static json_t *message_json(const struct sb_chat_msg *m)
{
	char when[WA_TIME_TEXT];
	json_t *o = json_pack(
		"{sI sI ss ss ss sb si ss ss ss ss? sI sb}", "seq", (json_int_t)m->seq, "number",
		(json_int_t)m->number, "id", m->id, "chat", m->group ? m->group : m->peer->pn, "chat_name", m->peer->name,
		"from_me", m->from_me, "device", (int)m->device, "kind", m->kind, "text", m->text,
		"status", sb_status_str(m->status), "quoted_id", m->quoted_id, "duplicates",
		(json_int_t)m->duplicates, "offline", m->offline);

	if (!o) /* a client may send text that is not UTF-8 */
		return json_pack("{sI sI ss sb ss}", "seq", (json_int_t)m->seq, "number",
				 (json_int_t)m->number, "chat", m->peer->pn, "from_me", m->from_me,
				 "status", sb_status_str(m->status));
	json_object_set_new(o, "at", json_string(wa_time_format(m->ts_ms, when)));
	if (m->group)
		json_object_set_new(o, "sender", json_string(m->peer->pn));
	if (m->code)
		json_object_set_new(o, "error", json_integer(m->code));
	if (m->content)
		json_object_set(o, "content", m->content);
	if (m->marks)
		json_object_set(o, "marks", m->marks);
	return o;
}

int sb_api_messages(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	int64_t since = sb_api_query_int(c, "since", 0),
		limit = sb_api_query_int(c, "limit", LIST_DEFAULT);
	const char *chat = sb_api_query(c, "chat");
	uint64_t cursor = since > 0 ? (uint64_t)since : 0;
	bool typing;
	json_t *list;
	size_t start;

	if (!a)
		return status;
	limit = limit < 1 ? 1 : limit > LIST_MAX ? LIST_MAX : limit;
	list = json_array();
	/* without a cursor: the newest; with one: every change since, oldest position first */
	start = since <= 0 && a->chat.len > (size_t)limit && !*chat ? a->chat.len - (size_t)limit
								    : 0;
	for (size_t i = start; i < a->chat.len; i++) {
		const struct sb_chat_msg *m = a->chat.msgs[i];

		if ((int64_t)m->seq <= since ||
		    (*chat && strcmp(m->group ? m->group : m->peer->pn, *chat == '+' ? chat + 1 : chat) != 0))
			continue;
		json_array_append_new(list, message_json(m));
		cursor = m->seq > cursor ? m->seq : cursor;
	}
	typing = a->typing.peer && a->typing.until_ms > sb_now(c->s);
	return sb_api_ok(c, json_pack("{so sI ss? sb}", "messages", list, "cursor",
				      (json_int_t)cursor, "typing",
				      typing ? a->typing.peer->pn : NULL, "online", a->online));
}

int sb_api_send(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status), *to;
	const char *text = sb_api_text(c, "text");
	char id[32];
	SB_ERR(err);

	if (!a || !(to = sb_api_account(c, sb_api_text(c, "to"), &status)))
		return status;
	if (json_object_get(c->body, "content")) {
		if (sb_phone_content(a, to, json_object_get(c->body, "content"), id, &err))
			return sb_api_err(c->ret, &err);
		*c->ret = json_pack("{ss ss}", "id", id, "chat", to->pn);
		return 201;
	}
	if (!*text || strlen(text) > SB_TEXT_MAX)
		return sb_api_fail(c->ret, 400, "invalid", "text has 1 to %d bytes, or content", SB_TEXT_MAX);
	if (sb_phone_text(a, to, text, sb_api_text(c, "quote"), id, &err))
		return sb_api_err(c->ret, &err);
	*c->ret = json_pack("{ss ss}", "id", id, "chat", to->pn);
	return 201;
}

int sb_api_read(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status), *peer;

	if (!a || !(peer = sb_api_account(c, sb_api_text(c, "chat"), &status)))
		return status;
	return sb_api_ok(c, json_pack("{sI}", "read", (json_int_t)sb_phone_read(a, peer)));
}

int sb_api_typing(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status), *to;

	if (!a || !(to = sb_api_account(c, sb_api_text(c, "to"), &status)))
		return status;
	sb_phone_says_typing(a, to, !json_is_false(json_object_get(c->body, "on")));
	return 204;
}

int sb_api_forget(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status), *peer;

	if (!a || !(peer = sb_api_account(c, sb_api_text(c, "chat"), &status)))
		return status;
	for (size_t i = 0; i < a->n_devices; i++)
		if (a->devices[i]->sim)
			sb_sim_forget(a->devices[i]->sim, peer);
	return 204;
}
