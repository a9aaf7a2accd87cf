/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "filter.h"

#include <string.h>

#include "base.h"

/* '*' any run; greedy with one place to come back to. */
static bool glob(const char *pat, size_t n, const char *s)
{
	size_t p = 0, star = SIZE_MAX;
	const char *back = NULL;

	while (*s) {
		if (p < n && pat[p] == '*') {
			star = p++;
			back = s;
		} else if (p < n && pat[p] == *s) {
			p++;
			s++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			s = ++back;
		} else {
			return false;
		}
	}
	while (p < n && pat[p] == '*')
		p++;
	return p == n;
}

bool kinds_match(const char *kinds, const char *kind)
{
	for (const char *p = kinds; *p;) {
		size_t n = strcspn(p, ",");

		if (glob(p, n, kind))
			return true;
		p += n + (p[n] == ',');
	}
	return false;
}

/* A number in any spelling as digits; everything with '@' as it is. */
static bool name_of(const char *text, char out[FILTER_NAME_LEN])
{
	size_t n = 0;

	if (strlen(text) >= FILTER_NAME_LEN || !*text)
		return false;
	if (strchr(text, '@')) {
		(void)snprintf(out, FILTER_NAME_LEN, "%s", text);
		return true;
	}
	for (; *text; text++) {
		if (*text >= '0' && *text <= '9')
			out[n++] = *text;
		else if (!strchr("+ -().", *text))
			return false;
	}
	out[n] = '\0';
	return n >= 5;
}

static int names_parse(const json_t *list, const char *field, char ***ret, size_t *ret_n,
		       char why[WHY_MAX])
{
	char name[FILTER_NAME_LEN];
	size_t i;
	json_t *item;

	if (!list)
		return WA_OK;
	if (!json_is_array(list) || json_array_size(list) == 0 ||
	    json_array_size(list) > FILTER_NAMES_MAX) {
		snprintf(why, WHY_MAX, "filter.%s: a list of 1 to %d numbers or JIDs", field,
			 FILTER_NAMES_MAX);
		return WA_EINVALID;
	}
	*ret = calloc(json_array_size(list), sizeof(**ret));
	if (!*ret)
		return WA_ENOMEM;
	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item) || !name_of(json_string_value(item), name)) {
			snprintf(why, WHY_MAX,
				 "filter.%s: a phone number with country code, or a JID", field);
			return WA_EINVALID;
		}
		(*ret)[i] = strdup(name);
		if (!(*ret)[i])
			return WA_ENOMEM;
		*ret_n = i + 1;
	}
	return WA_OK;
}

/* One of the words; 0 when o is NULL, -1 for something else. */
static int word(const json_t *o, const char *one, const char *two)
{
	const char *s = json_string_value(o);

	if (!o)
		return 0;
	if (!s)
		return -1;
	return strcmp(s, one) == 0 ? 1 : strcmp(s, two) == 0 ? 2 : -1;
}

static int where_parse(const json_t *list, struct filter *f, char why[WHY_MAX])
{
	size_t i;
	json_t *item;

	if (!list)
		return WA_OK;
	if (!json_is_array(list) || json_array_size(list) > CONDITIONS_MAX) {
		snprintf(why, WHY_MAX, "filter.where: a list of at most %d conditions",
			 CONDITIONS_MAX);
		return WA_EINVALID;
	}
	json_array_foreach(list, i, item)
	{
		int r = condition_new(item, &f->where[f->n_where], why);

		if (r)
			return r;
		f->n_where++;
	}
	return WA_OK;
}

static int parse(const json_t *o, struct filter *f, char why[WHY_MAX])
{
	static const char *const known[] = { "chats", "contacts", "direction", "chat_type",
					     "where" };
	const char *key;
	json_t *v;
	int r;

	if (!json_is_object(o)) {
		snprintf(why, WHY_MAX, "filter: an object is needed");
		return WA_EINVALID;
	}
	json_object_foreach((json_t *)(uintptr_t)o, key, v)
	{
		size_t i = 0;

		while (i < WA_ARRAY_LEN(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == WA_ARRAY_LEN(known)) {
			snprintf(why, WHY_MAX, "filter: there is no %.40s", key);
			return WA_EINVALID;
		}
	}
	f->direction = word(json_object_get(o, "direction"), "in", "out");
	f->chat_type = word(json_object_get(o, "chat_type"), "private", "group");
	if (f->direction < 0 || f->chat_type < 0) {
		snprintf(why, WHY_MAX,
			 "filter: direction is in or out, chat_type private or group");
		return WA_EINVALID;
	}
	r = names_parse(json_object_get(o, "chats"), "chats", &f->chats, &f->n_chats, why);
	if (!r)
		r = names_parse(json_object_get(o, "contacts"), "contacts", &f->contacts,
				&f->n_contacts, why);
	return r ? r : where_parse(json_object_get(o, "where"), f, why);
}

int filter_parse(const json_t *o, struct filter *ret, char why[WHY_MAX])
{
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!o)
		return WA_OK;
	r = parse(o, ret, why);
	if (r)
		filter_free(ret);
	return r;
}

static void names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

void filter_free(struct filter *f)
{
	names_free(f->chats, f->n_chats);
	names_free(f->contacts, f->n_contacts);
	for (size_t i = 0; i < f->n_where; i++)
		condition_free(f->where[i]);
	memset(f, 0, sizeof(*f));
}

/* ---- events ---- */

static const char *text_in(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

const char *chat_of(const json_t *data)
{
	const json_t *chat = json_object_get(data, "chat");
	const char *s;

	if (json_is_string(chat))
		return json_string_value(chat);
	s = text_in(chat, "jid");
	if (!s)
		s = text_in(chat, "lid");
	return s ? s : text_in(data, "group"); /* group.*: its JID; of messages it is a bool */
}

static bool ends(const char *s, const char *tail)
{
	size_t n = strlen(s), t = strlen(tail);

	return n >= t && strcmp(s + n - t, tail) == 0;
}

static int type_of(const json_t *data)
{
	const json_t *group = json_object_get(data, "group");
	const char *chat = chat_of(data);

	if (json_is_boolean(group))
		return json_is_true(group) ? CHAT_GROUP : CHAT_PRIVATE;
	if (!chat)
		return CHAT_ANY;
	if (ends(chat, "@g.us"))
		return CHAT_GROUP;
	return ends(chat, "@newsletter") || ends(chat, "@broadcast") ? CHAT_ANY : CHAT_PRIVATE;
}

/* Does one form of a person or chat equal one of the names? */
static bool form_in(char *const *names, size_t n, const char *form)
{
	size_t user;

	if (!form)
		return false;
	form += *form == '+';
	user = ends(form, "@s.whatsapp.net") ? strcspn(form, "@:") : strlen(form);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], form) == 0)
			return true;
		if (!strchr(names[i], '@') && strlen(names[i]) == user &&
		    memcmp(names[i], form, user) == 0)
			return true;
	}
	return false;
}

static bool person_in(char *const *names, size_t n, const json_t *p)
{
	if (json_is_string(p))
		return form_in(names, n, json_string_value(p));
	return form_in(names, n, text_in(p, "jid")) || form_in(names, n, text_in(p, "lid")) ||
	       form_in(names, n, text_in(p, "phone"));
}

static bool contact_in(const struct filter *f, const json_t *data)
{
	static const char *const roles[] = { "sender", "contact", "caller", "by" };

	for (size_t i = 0; i < WA_ARRAY_LEN(roles); i++)
		if (person_in(f->contacts, f->n_contacts, json_object_get(data, roles[i])))
			return true;
	return type_of(data) == CHAT_PRIVATE &&
	       person_in(f->contacts, f->n_contacts, json_object_get(data, "chat"));
}

bool filter_pass(const struct filter *f, const json_t *doc)
{
	const json_t *data = json_object_get(doc, "data");

	if (f->direction) {
		const char *d = text_in(data, "direction");

		if (!d || strcmp(d, f->direction == DIR_IN ? "in" : "out") != 0)
			return false;
	}
	if (f->chat_type && type_of(data) != f->chat_type)
		return false;
	if (f->n_chats && !person_in(f->chats, f->n_chats, json_object_get(data, "chat")) &&
	    !form_in(f->chats, f->n_chats, text_in(data, "group")))
		return false;
	if (f->n_contacts && !contact_in(f, data))
		return false;
	for (size_t i = 0; i < f->n_where; i++)
		if (!condition_holds(f->where[i], doc))
			return false;
	return true;
}
