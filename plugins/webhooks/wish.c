/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an owner says of an endpoint: the document of POST and PATCH. */
#include "routes.h"

#include "sign.h"
#include "text.h"

static bool url_ok(const char *url)
{
	struct wa_span s = wa_span_str(url);

	if (s.len > URL_MAX_LEN || !wa_utf8_valid(s) || strpbrk(url, " \r\n\t\"<>\\^`{|}"))
		return false;
	return (wa_span_starts(s, "https://") && s.len > 8) ||
	       (wa_span_starts(s, "http://") && s.len > 7);
}

/* ["order.*", "message.received"] -> "order.*,message.received"; false: not that */
static bool kinds_from(json_t *list, char out[KINDS_MAX_LEN + 1])
{
	size_t i, used = 0;
	json_t *item;

	if (!list) {
		(void)snprintf(out, KINDS_MAX_LEN + 1, "*");
		return true;
	}
	if (!json_is_array(list) || json_array_size(list) == 0)
		return false;
	json_array_foreach(list, i, item)
	{
		const char *k = json_string_value(item);
		int n;

		if (!k || !*k || strspn(k, "abcdefghijklmnopqrstuvwxyz0123456789_.*") != strlen(k))
			return false;
		n = snprintf(out + used, KINDS_MAX_LEN + 1 - used, "%s%s", i ? "," : "", k);
		if (n < 0 || (size_t)n > KINDS_MAX_LEN - used)
			return false;
		used += (size_t)n;
	}
	return true;
}

void wish_free(struct wish *s)
{
	free(s->url);
	if (s->secret)
		wa_wipe(s->secret, strlen(s->secret));
	free(s->secret);
	free(s->session);
	json_decref(s->settings);
}

/* Moves a text out of doc. false: it is something else. */
static bool take_text(json_t *doc, const char *key, char **ret)
{
	const json_t *v = json_object_get(doc, key);

	if (!v)
		return true;
	if (!json_is_string(v))
		return false;
	*ret = strdup(json_string_value(v));
	(void)json_object_del(doc, key);
	return *ret != NULL;
}

static const char *take_columns(json_t *doc, struct wish *s)
{
	json_t *events = json_object_get(doc, "events");
	const json_t *state = json_object_get(doc, "state");
	const char *word = json_string_value(state);

	s->state = -1;
	if (!take_text(doc, "url", &s->url) || (s->url && !url_ok(s->url)))
		return "url: an http:// or https:// URL of at most 2048 characters is needed";
	if (!take_text(doc, "secret", &s->secret) || (s->secret && !webhook_secret_ok(s->secret)))
		return "secret: whsec_ and base64 of 24 to 64 bytes; leave it out to get a new one";
	if (json_is_null(json_object_get(doc, "session"))) {
		s->all_sessions = true;
		(void)json_object_del(doc, "session");
	}
	if (!take_text(doc, "session", &s->session) || (s->session && strlen(s->session) > 64))
		return "session: at most 64 characters, or null for all";
	s->has_kinds = events != NULL;
	if (!kinds_from(events, s->kinds))
		return "events: a list of event kinds such as \"order.confirmed\" or \"message.*\"";
	if (state && (!word || (strcmp(word, "active") != 0 && strcmp(word, "paused") != 0)))
		return "state: active or paused";
	if (state)
		s->state = strcmp(word, "paused") == 0 ? EP_PAUSED : EP_ACTIVE;
	(void)json_object_del(doc, "events");
	(void)json_object_del(doc, "state");
	return NULL;
}

/* What doc says over what e (NULL: a new one) has; null takes a setting away. */
static json_t *merge(const struct endpoint *e, json_t *doc)
{
	json_t *old = e ? json_loads(e->settings, 0, NULL) : json_object();
	json_t *all = json_deep_copy(old);
	const char *key;
	json_t *v;

	config_keep_secrets(doc, old);
	json_object_foreach(doc, key, v)
	{
		if (json_is_null(v))
			(void)json_object_del(all, key);
		else
			(void)json_object_set(all, key, v);
	}
	json_decref(old);
	return all;
}

bool wish_read(struct webhooks *w, struct wb_plugin_req *req, const struct endpoint *e,
	       struct wish *ret)
{
	json_t *doc = kit_body(&w->kit, req, true);
	char why[WHY_MAX] = "out of memory";
	struct config c;
	const char *bad;
	int r = WA_EINVALID;

	memset(ret, 0, sizeof(*ret));
	if (!doc)
		return false;
	bad = take_columns(doc, ret);
	if (bad) {
		(void)snprintf(why, sizeof(why), "%s", bad);
	} else {
		ret->settings = merge(e, doc);
		r = config_parse(ret->settings, &c, why);
		if (!r)
			config_free(&c);
	}
	json_decref(doc);
	if (!r)
		return true;
	wish_free(ret);
	kit_invalid(&w->kit, req, why);
	return false;
}
