/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the owner sets for one session: a JSON object, stored sealed. A session without any holds none. */
#include "outbox_pace.h"
#include "session_account.h"
#include "session_priv.h"

#include <db_session.h>

#define TEXT_MAX 2048

static int check_proxy(const json_t *v, struct wa_err *err)
{
	return wb_proxy_check(json_string_value(v), err);
}

/* One row for each setting; docs: core/api/openapi.yaml. */
static const struct setting {
	const char *key;
	json_type type;
	int (*check)(const json_t *v, struct wa_err *err);	/* NULL: any value of the type */
	bool secret;	/* a URL whose password is not shown */
} settings[] = {
	{ "proxy", JSON_STRING, check_proxy, true },
	{ "calls", JSON_STRING, wb_calls_setting_check, false },
	{ "call_message", JSON_STRING, NULL, false },
	{ "pacing_daily", JSON_INTEGER, wb_pace_check_count, false },
	{ "pacing_marketing_daily", JSON_INTEGER, wb_pace_check_count, false },
	{ "pacing_per_minute", JSON_INTEGER, wb_pace_check_rate, false },
	{ "pacing_quiet_hours", JSON_STRING, wb_pace_check_hours, false },
	{ "pacing_zone", JSON_STRING, wb_pace_check_zone, false },
	{ "pacing_typing_ms", JSON_INTEGER, wb_pace_check_typing, false },
	{ "pacing_warm_up", JSON_TRUE, NULL, false },
};

static const struct setting *find(const char *key)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(settings); i++)
		if (strcmp(settings[i].key, key) == 0)
			return &settings[i];
	return NULL;
}

static int check(const char *key, const json_t *v, struct wa_err *err)
{
	const struct setting *k = find(key);

	if (!k)
		return wa_err_set(err, WA_EINVALID, "settings: %.40s is not known", key);
	if (json_is_null(v))
		return WA_OK;
	if (json_typeof(v) != k->type && !(k->type == JSON_TRUE && json_is_boolean(v)))
		return wa_err_set(err, WA_EINVALID, "settings.%s: a value of another type", key);
	if (json_is_string(v) && json_string_length(v) > TEXT_MAX)
		return wa_err_set(err, WA_ELIMIT, "settings.%s: more than %d bytes", key, TEXT_MAX);
	return k->check ? k->check(v, err) : WA_OK;
}

int wb_settings_check(const json_t *changes, struct wa_err *err)
{
	const char *key;
	json_t *v;
	int r = WA_OK;

	if (!json_is_object(changes))
		return wa_err_set(err, WA_EINVALID, "settings: an object");
	json_object_foreach((json_t *)(uintptr_t)changes, key, v) {
		r = check(key, v, err);
		if (r < 0)
			break;
	}
	return r;
}

const json_t *wb_session_setting(const struct wb_session *s, const char *key)
{
	return json_object_get(s->settings, key);
}

void wb_session_settings_load(struct wb_session *s, struct wa_span stored)
{
	json_decref(s->settings);
	s->settings = stored.len ? json_loadb((const char *)stored.ptr, stored.len, 0, NULL) : NULL;
}

void wb_session_settings_put(struct wb_session *s, struct wb_tx *tx, const json_t *changes)
{
	json_t *all = s->settings ? json_copy(s->settings) : json_object();
	struct wa_span doc;
	const char *key;
	json_t *v;
	char *text;

	json_object_foreach((json_t *)(uintptr_t)changes, key, v) {
		if (json_is_null(v))
			json_object_del(all, key);
		else
			json_object_set(all, key, v);
	}
	text = json_dumps(all, JSON_COMPACT);
	doc = wa_span_str(text ? text : "{}");
	db_batch_session_update(wb_tx_batch(tx), s->id, NULL, &doc);
	wb_session_settings_load(s, doc);
	wb_outbox_limits_changed(wb_tx_gateway(tx)->outbox, s->id);
	json_decref(all);
	free(text);
}

/* The URL without its user and password. */
static json_t *redacted(const char *url)
{
	const char *at = strrchr(url, '@'), *scheme = strstr(url, "://");

	if (!at || !scheme)
		return json_string(url);
	return json_sprintf("%.*s***@%s", (int)(scheme + 3 - url), url, at + 1);
}

json_t *wb_session_settings_json(const struct wb_session *s)
{
	json_t *o = json_object(), *v;
	const char *key;

	json_object_foreach(s->settings, key, v) {
		const struct setting *k = find(key);

		if (k && k->secret)
			json_object_set_new(o, key, redacted(json_string_value(v)));
		else
			json_object_set(o, key, v);
	}
	return o;
}
