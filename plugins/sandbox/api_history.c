/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"

#define HISTORY_CHATS_MAX    10000
#define HISTORY_MESSAGES_MAX 1000000 /* of all chats together */
#define HISTORY_PARTS_MAX    200

static int64_t number(const struct sb_call *c, const char *name, int64_t fallback)
{
	const json_t *v = json_object_get(c->body, name);

	return json_is_integer(v) ? json_integer_value(v) : fallback;
}

int sb_api_history(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	int64_t chats = number(c, "chats", 10), messages = number(c, "messages", 10),
		older = number(c, "older", 0), parts = number(c, "parts", 1);

	if (!a)
		return status;
	if (chats < 0 || chats > HISTORY_CHATS_MAX || messages < 0 || older < 0 || parts < 1 ||
	    parts > HISTORY_PARTS_MAX || messages > HISTORY_MESSAGES_MAX || older > HISTORY_MESSAGES_MAX ||
	    chats * (messages + older) > HISTORY_MESSAGES_MAX)
		return sb_api_fail(c->ret, 400, "invalid",
				   "at most %d chats, %d messages together, %d parts", HISTORY_CHATS_MAX,
				   HISTORY_MESSAGES_MAX, HISTORY_PARTS_MAX);
	a->history = (struct sb_history){ .chats = (uint32_t)chats, .per_chat = (uint32_t)messages,
					  .older = (uint32_t)older, .parts = (uint32_t)parts,
					  .file = json_is_true(json_object_get(c->body, "file")),
					  .at_ms = sb_now(c->s) - 60000 };
	return 204;
}
