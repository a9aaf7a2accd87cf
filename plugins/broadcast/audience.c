/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audience.h"

#include "text.h"

static const struct {
	const char *name;
	enum source_kind kind;
} kinds[] = {
	{ "lists", SOURCE_LIST },
	{ "labels", SOURCE_LABEL },
	{ "groups", SOURCE_GROUP },
	{ "orders", SOURCE_ORDERS },
};

static void fill(struct source *s, enum source_kind kind, bool bars, const json_t *item)
{
	*s = (struct source){ .kind = kind, .bars = bars };
	switch (kind) {
	case SOURCE_LIST: s->id = json_string_value(item); break;
	case SOURCE_LABEL:
		s->session = kit_member(item, "session");
		s->id = kit_member(item, "label");
		break;
	case SOURCE_GROUP:
		s->session = kit_member(item, "session");
		s->id = kit_member(item, "group");
		break;
	case SOURCE_ORDERS: s->query = item; break;
	case SOURCE_OWN: s->session = json_string_value(item); break;
	}
}

/* Counts *n down over the sources of a part of the document. */
static bool in_part(const json_t *part, bool bars, size_t *n, struct source *ret)
{
	for (size_t k = 0; k < WA_ARRAY_LEN(kinds); k++) {
		const json_t *list = json_object_get(part, kinds[k].name);

		if (*n < json_array_size(list)) {
			fill(ret, kinds[k].kind, bars, json_array_get(list, *n));
			return true;
		}
		*n -= json_array_size(list);
	}
	return false;
}

static bool own_list(const struct broadcast *x, bool bars, size_t *n, struct source *ret)
{
	*ret = (struct source){ .kind = SOURCE_LIST, .bars = bars };
	if (!list_own(x->b, x->id, bars ? AUDIENCE_BARRED : AUDIENCE_LIST, ret->own))
		ret->own[0] = 0;	/* none was given: an empty source, so that numbers stay */
	return (*n)-- == 0;
}

int audience_source(const struct broadcast *x, size_t n, struct source *ret)
{
	const json_t *sessions = json_object_get(x->doc, "sessions");

	if (n < json_array_size(sessions)) {
		fill(ret, SOURCE_OWN, true, json_array_get(sessions, n));
		return 1;
	}
	n -= json_array_size(sessions);
	return own_list(x, true, &n, ret) || in_part(json_object_get(x->doc, "exclude"), true, &n, ret) ||
	       own_list(x, false, &n, ret) || in_part(json_object_get(x->doc, "audience"), false, &n, ret);
}

static bool item_ok(enum source_kind kind, const json_t *item)
{
	static const char *const of_orders[] = { "state", "store_id", "from", "to" };
	const char *key;
	json_t *v;
	bool ok;

	switch (kind) {
	case SOURCE_LIST: return json_is_string(item);
	case SOURCE_LABEL:
		return json_object_size(item) == 2 && *kit_member(item, "session") && *kit_member(item, "label");
	case SOURCE_GROUP:
		return json_object_size(item) == 2 && *kit_member(item, "session") && *kit_member(item, "group");
	case SOURCE_ORDERS:
		if (!json_is_object(item))
			return false;
		json_object_foreach((json_t *)(uintptr_t)item, key, v) {
			ok = false;
			for (size_t i = 0; i < WA_ARRAY_LEN(of_orders); i++)
				ok = ok || (strcmp(key, of_orders[i]) == 0 && json_is_string(v));
			if (!ok)
				return false;
		}
		return true;
	case SOURCE_OWN: break;
	}
	return false;
}

static bool part_ok(const json_t *part, const char *name, size_t *n, char why[160])
{
	size_t known = 0, i;
	json_t *item;

	if (part && !json_is_object(part)) {
		(void)snprintf(why, 160, "%s: an object", name);
		return false;
	}
	for (size_t k = 0; k < WA_ARRAY_LEN(kinds); k++) {
		const json_t *list = json_object_get(part, kinds[k].name);

		known += list != NULL;
		*n += json_array_size(list);
		if (list && !json_is_array(list)) {
			(void)snprintf(why, 160, "%s.%s: a list", name, kinds[k].name);
			return false;
		}
		json_array_foreach(list, i, item) {
			if (item_ok(kinds[k].kind, item))
				continue;
			(void)snprintf(why, 160,
				       "%s.%s[%zu]: a list is its id; a label {\"session\", \"label\"}; a group "
				       "{\"session\", \"group\"}; orders {\"state\", \"store_id\", \"from\", \"to\"}",
				       name, kinds[k].name, i);
			return false;
		}
	}
	if (known == json_object_size(part))
		return true;
	(void)snprintf(why, 160, "%s: lists, labels, groups, orders, recipients", name);
	return false;
}

bool audience_ok(const json_t *doc, char why[160])
{
	size_t n = 0;

	if (!part_ok(json_object_get(doc, "audience"), "audience", &n, why) ||
	    !part_ok(json_object_get(doc, "exclude"), "exclude", &n, why))
		return false;
	if (n > AUDIENCE_SOURCES_MAX)
		(void)snprintf(why, 160, "more than %d sources", AUDIENCE_SOURCES_MAX);
	return n <= AUDIENCE_SOURCES_MAX;
}
