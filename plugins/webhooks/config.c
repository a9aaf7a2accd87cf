/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base.h"
#include "commands.h"
#include "happening.h"
#include "text.h"

static char *make_native(struct happening *h)
{
	const char *text = happening_text(h);

	return text ? strdup(text) : NULL;
}

static const struct shape shapes[] = {
	{ "native", make_native },
};

static int bad(char why[WHY_MAX], const char *text)
{
	(void)snprintf(why, WHY_MAX, "%s", text);
	return WA_EINVALID;
}

/* Ours, or the transport's: an owner must not break the one or the other. */
static bool header_forbidden(const char *name)
{
	static const char *const whole[] = {
		"host",       "content-length", "content-type", "transfer-encoding",
		"connection", "upgrade",        "te",           "trailer",
		"expect",     "keep-alive",     "user-agent",   "accept-encoding"
	};

	for (size_t i = 0; i < WA_ARRAY_LEN(whole); i++)
		if (wa_span_ieq(wa_span_str(name), wa_span_str(whole[i])))
			return true;
	return wa_span_ieq(wa_span(name, strnlen(name, 8)), wa_span_str("webhook-")) ||
	       wa_span_ieq(wa_span(name, strnlen(name, 6)), wa_span_str("proxy-"));
}

static bool header_ok(const char *name, const char *value)
{
	if (!*name || strlen(name) > HEADER_NAME_MAX || strlen(value) > HEADER_VALUE_MAX)
		return false;
	for (const char *p = name; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') &&
		    !(*p >= '0' && *p <= '9') && !strchr("-_", *p))
			return false;
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return true;
}

static int headers_parse(const json_t *list, struct config *c, char why[WHY_MAX])
{
	size_t i;
	json_t *o;

	if (!list)
		return WA_OK;
	if (!json_is_array(list) || json_array_size(list) > CUSTOM_HEADERS_MAX)
		return bad(why, "headers: a list of at most 16 {name, value, secret}");
	json_array_foreach(list, i, o)
	{
		const char *name = NULL, *value = NULL;
		int secret = 0;

		if (json_unpack_ex(o, NULL, JSON_STRICT, "{s:s, s:s, s?b}", "name", &name, "value",
				   &value, "secret", &secret) ||
		    !header_ok(name, value))
			return bad(why, "headers: name (letters, digits, - and _) and value (no "
					"control characters)");
		if (header_forbidden(name))
			return bad(why, "headers: this name belongs to Warbler or to HTTP");
		c->headers[i].name = strdup(name);
		c->headers[i].value = strdup(value);
		c->secret[i] = secret;
		c->n_headers = i + 1;
		if (!c->headers[i].name || !c->headers[i].value)
			return WA_ENOMEM;
	}
	return WA_OK;
}

static bool script_name_ok(const char *s)
{
	return *s && strlen(s) <= 64 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
		       strlen(s);
}

static int transform_parse(const json_t *o, struct config *c, char why[WHY_MAX])
{
	const char *script, *function;

	if (!o || json_is_null(o))
		return WA_OK;
	if (json_unpack_ex((json_t *)(uintptr_t)o, NULL, JSON_STRICT, "{s:s, s:s}", "script",
			   &script, "function", &function) ||
	    !script_name_ok(script) || !script_name_ok(function))
		return bad(why, "transform: {\"script\": name, \"function\": what it exports}");
	c->script = strdup(script);
	c->function = strdup(function);
	return c->script && c->function ? WA_OK : WA_ENOMEM;
}

static int commands_parse(const json_t *list, struct config *c, char why[WHY_MAX])
{
	size_t i;
	json_t *item;

	if (!list)
		return WA_OK;
	if (!json_is_array(list))
		return bad(why, "allow_commands: a list of commands");
	json_array_foreach(list, i, item)
	{
		int kind = json_is_string(item) ? command_kind(json_string_value(item)) : -1;

		if (kind < 0)
			return bad(why, "allow_commands: reply, send, react, mark_read, typing, "
					"forward, hold, release");
		c->commands |= 1u << kind;
	}
	return WA_OK;
}

static int shape_parse(const json_t *o, struct config *c, char why[WHY_MAX])
{
	const char *name = o ? json_string_value(o) : shapes[0].name;

	for (size_t i = 0; name && i < WA_ARRAY_LEN(shapes); i++)
		if (strcmp(shapes[i].name, name) == 0)
			c->shape = &shapes[i];
	return c->shape ? WA_OK : bad(why, "payload: there is only native");
}

static int small_parse(const json_t *o, struct config *c, char why[WHY_MAX])
{
	static const char *const known[] = { "name",    "payload",   "filter",        "concurrency",
					     "headers", "transform", "allow_commands" };
	const json_t *n = json_object_get(o, "concurrency");
	const json_t *name = json_object_get(o, "name");
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)o, key, v)
	{
		size_t i = 0;

		while (i < WA_ARRAY_LEN(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == WA_ARRAY_LEN(known)) {
			(void)snprintf(why, WHY_MAX, "there is no field %.40s", key);
			return WA_EINVALID;
		}
	}
	if (name && (!json_is_string(name) || json_string_length(name) > NAME_MAX_LEN))
		return bad(why, "name: a text of at most 100 bytes");
	c->concurrency = CONCURRENCY_DEFAULT;
	if (n && (!json_is_integer(n) || json_integer_value(n) < 1 ||
		  json_integer_value(n) > CONCURRENCY_MAX))
		return bad(why, "concurrency: 1 to 32");
	if (n)
		c->concurrency = (int)json_integer_value(n);
	return WA_OK;
}

int config_parse(const json_t *o, struct config *ret, char why[WHY_MAX])
{
	int r;

	memset(ret, 0, sizeof(*ret));
	why[0] = '\0';
	r = small_parse(o, ret, why);
	if (!r)
		r = filter_parse(json_object_get(o, "filter"), &ret->filter, why);
	if (!r)
		r = headers_parse(json_object_get(o, "headers"), ret, why);
	if (!r)
		r = transform_parse(json_object_get(o, "transform"), ret, why);
	if (!r)
		r = commands_parse(json_object_get(o, "allow_commands"), ret, why);
	if (!r)
		r = shape_parse(json_object_get(o, "payload"), ret, why);
	if (r)
		config_free(ret);
	return r;
}

void config_free(struct config *c)
{
	filter_free(&c->filter);
	for (size_t i = 0; i < c->n_headers; i++) {
		char *value = (char *)(uintptr_t)c->headers[i].value;

		if (value)
			wa_wipe(value, strlen(value));
		free(value);
		free((char *)(uintptr_t)c->headers[i].name);
	}
	free(c->script);
	free(c->function);
	memset(c, 0, sizeof(*c));
}

json_t *config_shown(const json_t *o)
{
	json_t *shown = json_deep_copy(o);
	size_t i;
	json_t *h;

	json_array_foreach(json_object_get(shown, "headers"), i, h)
	{
		if (json_is_true(json_object_get(h, "secret")))
			(void)json_object_del(h, "value");
	}
	return shown;
}

void config_keep_secrets(json_t *o, const json_t *old)
{
	size_t i, k;
	json_t *h, *was;

	json_array_foreach(json_object_get(o, "headers"), i, h)
	{
		const char *name = json_string_value(json_object_get(h, "name"));

		if (!name || json_object_get(h, "value") ||
		    !json_is_true(json_object_get(h, "secret")))
			continue;
		json_array_foreach(json_object_get(old, "headers"), k, was)
		{
			const char *it = json_string_value(json_object_get(was, "name"));

			if (it && strcmp(it, name) == 0)
				(void)json_object_set(h, "value", json_object_get(was, "value"));
		}
	}
}
