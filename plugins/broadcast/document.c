/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "document.h"

#include "audience.h"
#include "content.h"

#define PER_MINUTE_MAX 6000
#define PER_DAY_MAX 1000000
#define LANGUAGE_MAX 16

static const char *const keys[] = { "name",	"sessions", "text",	  "content", "opt_out_hint", "language",
				    "zone",	"country",  "per_minute", "per_day", "audience",     "exclude" };

static bool known(const char *key)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static bool sessions_ok(struct bc *b, const json_t *list, char why[240])
{
	char status[32];
	const json_t *v, *w;
	size_t i, k;

	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > SESSIONS_MAX) {
		(void)snprintf(why, 240, "sessions: a list of 1 to %d sessions", SESSIONS_MAX);
		return false;
	}
	for (i = 0; i < json_array_size(list); i++) {
		v = json_array_get(list, i);
		if (!json_is_string(v) || json_string_length(v) >= SESSION_SIZE ||
		    b->host->session_status(b->self, json_string_value(v), status) != 1) {
			(void)snprintf(why, 240, "sessions[%zu]: there is no such session", i);
			return false;
		}
		for (k = 0; k < i; k++) {
			w = json_array_get(list, k);
			if (json_equal(v, w)) {
				(void)snprintf(why, 240, "sessions[%zu]: is there twice", i);
				return false;
			}
		}
	}
	return true;
}

static bool number_ok(const json_t *doc, const char *key, int64_t max, char why[240])
{
	const json_t *v = json_object_get(doc, key);

	if (!v || (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= max))
		return true;
	(void)snprintf(why, 240, "%s: a number from 0 (no limit) to %lld", key, (long long)max);
	return false;
}

static bool text_ok(const json_t *doc, const char *key, size_t min, size_t max, char why[240])
{
	const json_t *v = json_object_get(doc, key);

	if (!v || (json_is_string(v) && json_string_length(v) >= min && json_string_length(v) <= max))
		return true;
	(void)snprintf(why, 240, "%s: a text of %zu to %zu bytes", key, min, max);
	return false;
}

bool document_ok(struct bc *b, const json_t *doc, char why[240])
{
	const char *zone = kit_member(doc, "zone"), *key;
	const struct wb_zone *z;
	struct content *c;
	char short_why[160];
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)doc, key, v)
		if (!known(key)) {
			(void)snprintf(why, 240, "there is no field \"%.60s\"", key);
			return false;
		}
	if (!text_ok(doc, "name", 1, NAME_TEXT_MAX, why) || !text_ok(doc, "language", 2, LANGUAGE_MAX, why) ||
	    !text_ok(doc, "zone", 1, WB_ZONE_NAME_MAX, why) || !text_ok(doc, "country", 2, 2, why) ||
	    !text_ok(doc, "opt_out_hint", 2, LANGUAGE_MAX, why) ||
	    !number_ok(doc, "per_minute", PER_MINUTE_MAX, why) || !number_ok(doc, "per_day", PER_DAY_MAX, why) ||
	    !sessions_ok(b, json_object_get(doc, "sessions"), why))
		return false;
	if (!json_object_get(doc, "name")) {
		(void)snprintf(why, 240, "name is missing");
		return false;
	}
	if (*zone && wb_zones_get(b->zones, zone, &z, NULL) != 1) {
		(void)snprintf(why, 240, "zone: there is no such time zone");
		return false;
	}
	if (!audience_ok(doc, short_why)) {
		(void)snprintf(why, 240, "%s", short_why);
		return false;
	}
	c = content_compile(doc, why);
	content_free(c);
	return c != NULL;
}

json_t *document_take_people(json_t *doc, const char *part)
{
	json_t *o = json_object_get(doc, part), *people = json_incref(json_object_get(o, "recipients"));

	if (people)
		json_object_del(o, "recipients");
	return people;
}

json_t *document_merge(const json_t *doc, const json_t *patch)
{
	json_t *out = json_deep_copy(doc), *v;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)patch, key, v) {
		if (json_is_null(v))
			json_object_del(out, key);
		else
			json_object_set_new(out, key, json_deep_copy(v));
		/* one of them says it all */
		if (strcmp(key, "text") == 0 && !json_is_null(v))
			json_object_del(out, "content");
		if (strcmp(key, "content") == 0 && !json_is_null(v))
			json_object_del(out, "text");
	}
	return out;
}

bool document_start(struct bc *b, const json_t *body, const json_t *doc, const char *key, int64_t *ret, char why[240])
{
	const json_t *v = json_object_get(body, key);
	const char *zone = kit_member(doc, "zone");
	const struct wb_zone *z = NULL;
	struct wa_err err = WA_ERR_INIT;

	*ret = 0;
	if (!v || json_is_null(v))
		return true;
	if (*zone && wb_zones_get(b->zones, zone, &z, NULL) != 1)
		z = NULL;
	if (json_is_string(v) && wb_time_read(json_string_value(v), z, ret, NULL, &err) == 0 && *ret > 0)
		return true;
	(void)snprintf(why, 240, "%s: a time like 2026-12-01T09:00, in the broadcast's zone, or with an offset", key);
	return false;
}
