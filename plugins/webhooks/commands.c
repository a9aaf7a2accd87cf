/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"

#include <string.h>

#include "base.h"
#include "filter.h"

/* What a command is about. */
struct about {
	const char *session, *chat, *message; /* NULL: the event has none */
};

enum { NEEDS_CHAT = 1, NEEDS_MESSAGE = 2 };

typedef bool make_fn(const json_t *o, const struct about *a, struct command *c);

static bool path_put(struct command *c, const char *fmt, const char *one, const char *two)
{
	char a[192], b[192];
	const char *in[] = { one, two };
	char *out[] = { a, b };

	for (int i = 0; i < 2; i++) {
		size_t n = 0;

		for (const char *p = in[i]; *p; p++) {
			bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
				     (*p >= '0' && *p <= '9') || strchr("-_.@", *p);

			if (n + 4 > sizeof(a))
				return false;
			n += (size_t)snprintf(out[i] + n, sizeof(a) - n, plain ? "%c" : "%%%02X",
					      (unsigned char)*p);
		}
		out[i][n] = '\0';
	}
	for (int i = 0; *fmt; fmt++) {
		size_t used = strlen(c->path);

		if (used + 2 > sizeof(c->path))
			return false;
		if (*fmt == '?' && i < 2)
			(void)snprintf(c->path + used, sizeof(c->path) - used, "%s", out[i++]);
		else
			(void)snprintf(c->path + used, sizeof(c->path) - used, "%c", *fmt);
	}
	return true;
}

/* Only what a command may say goes on. */
static void copy(json_t *to, const json_t *from, const char *key)
{
	json_t *v = json_object_get(from, key);

	if (v)
		(void)json_object_set(to, key, v);
}

static bool message(const json_t *o, const struct about *a, const char *to, struct command *c)
{
	c->method = "POST";
	c->body = json_pack("{s:s, s:s}", "session", a->session, "to", to);
	copy(c->body, o, "text");
	copy(c->body, o, "content");
	copy(c->body, o, "class");
	if (json_is_true(json_object_get(o, "quote")) && a->message)
		(void)json_object_set_new(c->body, "quoted", json_string(a->message));
	return c->body && path_put(c, "/v1/messages", "", "");
}

static bool make_reply(const json_t *o, const struct about *a, struct command *c)
{
	return message(o, a, a->chat, c);
}

static bool make_send(const json_t *o, const struct about *a, struct command *c)
{
	const char *to = json_string_value(json_object_get(o, "to"));

	return to && message(o, a, to, c);
}

static bool make_react(const json_t *o, const struct about *a, struct command *c)
{
	c->method = "POST";
	c->body = json_object();
	copy(c->body, o, "emoji");
	return c->body && path_put(c, "/v1/messages/?/react", a->message, "");
}

static bool make_mark_read(const json_t *o, const struct about *a, struct command *c)
{
	(void)o;
	c->method = "POST";
	c->body = json_pack("{s:[s]}", "messages", a->message);
	return c->body && path_put(c, "/v1/sessions/?/chats/?/read", a->session, a->chat);
}

static bool make_typing(const json_t *o, const struct about *a, struct command *c)
{
	(void)o;
	c->method = "POST";
	c->body = json_pack("{s:s}", "state", "composing");
	return c->body && path_put(c, "/v1/sessions/?/chats/?/state", a->session, a->chat);
}

static bool make_forward(const json_t *o, const struct about *a, struct command *c)
{
	c->method = "POST";
	c->body = json_object();
	copy(c->body, o, "to");
	return c->body && path_put(c, "/v1/messages/?/forward", a->message, "");
}

static bool make_hold(const json_t *o, const struct about *a, struct command *c)
{
	c->method = "PUT";
	c->body = json_pack("{s:s, s:i}", "owner", "human", "minutes", 60);
	copy(c->body, o, "owner");
	copy(c->body, o, "minutes");
	return c->body && path_put(c, "/v1/sessions/?/chats/?/hold", a->session, a->chat);
}

static bool make_release(const json_t *o, const struct about *a, struct command *c)
{
	(void)o;
	c->method = "DELETE";
	return path_put(c, "/v1/sessions/?/chats/?/hold", a->session, a->chat);
}

static const struct {
	const char *name;
	unsigned needs;
	make_fn *make;
} kinds[] = {
	{ "reply", NEEDS_CHAT, make_reply },
	{ "send", 0, make_send },
	{ "react", NEEDS_MESSAGE, make_react },
	{ "mark_read", NEEDS_CHAT | NEEDS_MESSAGE, make_mark_read },
	{ "typing", NEEDS_CHAT, make_typing },
	{ "forward", NEEDS_MESSAGE, make_forward },
	{ "hold", NEEDS_CHAT, make_hold },
	{ "release", NEEDS_CHAT, make_release },
};

int command_kind(const char *name)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool refuse(char why[WHY_MAX], const char *text)
{
	(void)snprintf(why, WHY_MAX, "%s", text);
	return false;
}

bool command_make(const json_t *o, const json_t *doc, uint32_t allowed, struct command *ret,
		  char why[WHY_MAX])
{
	const json_t *data = json_object_get(doc, "data");
	const char *type = json_string_value(json_object_get(o, "type"));
	const char *kind = json_string_value(json_object_get(doc, "kind"));
	struct about a = { .session = json_string_value(json_object_get(doc, "session")),
			   .chat = chat_of(data) };
	int k = type ? command_kind(type) : -1;

	memset(ret, 0, sizeof(*ret));
	if (k < 0)
		return refuse(why, "there is no such command");
	if (!(allowed & 1u << k))
		return refuse(why, "this endpoint is not allowed to give this command");
	if (kind && strncmp(kind, "message.", 8) == 0)
		a.message = json_string_value(json_object_get(data, "id"));
	if (!a.session)
		return refuse(why, "the event belongs to no session");
	if ((kinds[k].needs & NEEDS_CHAT) && !a.chat)
		return refuse(why, "the event has no chat");
	if ((kinds[k].needs & NEEDS_MESSAGE) && (!a.message || !*a.message))
		return refuse(why, "the event is about no message");
	if (kinds[k].make(o, &a, ret))
		return true;
	json_decref(ret->body);
	ret->body = NULL;
	return refuse(why, "the command lacks something");
}
