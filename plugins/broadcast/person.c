/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "person.h"

#include "columns.h"
#include "text.h"

/* "1234:5@lid" -> its user part, digits alone. */
static size_t user_digits(const char *text)
{
	return strspn(text, "0123456789");
}

static bool read_jid(const char *text, struct person *ret)
{
	size_t n = user_digits(text);
	const char *at = text + n;

	if (*at == ':')
		at += 1 + user_digits(at + 1);
	if (n < 3 || n > 20 || *at != '@')
		return false;
	if (strcmp(at, "@lid") == 0) {
		snprintf(ret->lid, sizeof(ret->lid), "%.*s@lid", (int)n, text);
		return true;
	}
	if (strcmp(at, "@s.whatsapp.net") != 0 && strcmp(at, "@c.us") != 0)
		return false;
	snprintf(ret->phone, sizeof(ret->phone), "+%.*s", (int)n, text);
	return true;
}

int person_read(struct bc *b, const char *text, const char *country, struct person *ret, char reason[64])
{
	struct person p = { .phone = "" };

	while (*text == ' ' || *text == '\'')
		text++;
	if (!*text) {
		snprintf(reason, 64, "empty");
		return WA_EINVALID;
	}
	if (strchr(text, '@')) {
		if (!read_jid(text, &p)) {
			snprintf(reason, 64, "not_a_person");
			return WA_EINVALID;
		}
	} else if (b->host->phone_parse(b->self, text, country ? country : "", p.phone, reason) < 0) {
		return WA_EINVALID;
	}
	*ret = p;
	return WA_OK;
}

bool person_of(const json_t *o, struct person *ret)
{
	const char *const forms[] = { kit_member(o, "jid"), kit_member(o, "lid") };
	const char *phone = kit_member(o, "phone");
	struct person p = { .phone = "" };

	for (size_t i = 0; i < WA_ARRAY_LEN(forms); i++)
		if (*forms[i])
			(void)read_jid(forms[i], &p);
	if (!*p.phone && *phone == '+' && strlen(phone) < sizeof(p.phone))
		snprintf(p.phone, sizeof(p.phone), "%s", phone);
	*ret = p;
	return *p.phone || *p.lid;
}

const char *person_to(const struct person *p)
{
	return *p->phone ? p->phone : p->lid;
}

static void hash(struct bc *b, const char *kind, const char *user, uint8_t ret[KEY_SIZE])
{
	char text[80];
	int n = snprintf(text, sizeof(text), "%s:%.*s", kind, (int)user_digits(user), user);

	b->host->hash(b->self, (struct wb_str){ text, (size_t)n }, ret);
}

bool person_phone_key(struct bc *b, const struct person *p, uint8_t ret[KEY_SIZE])
{
	if (*p->phone)
		hash(b, "pn", p->phone + 1, ret);
	return *p->phone != 0;
}

bool person_lid_key(struct bc *b, const struct person *p, uint8_t ret[KEY_SIZE])
{
	if (*p->lid)
		hash(b, "lid", p->lid, ret);
	return *p->lid != 0;
}

void person_key(struct bc *b, const struct person *p, uint8_t ret[KEY_SIZE])
{
	if (!person_phone_key(b, p, ret))
		(void)person_lid_key(b, p, ret);
}

json_t *person_doc_make(const struct person *p, const char *name, json_t *take_vars)
{
	json_t *o = json_pack("{s:s}", "to", person_to(p));

	if (*p->phone)
		json_object_set_new(o, "phone", json_string(p->phone));
	if (*p->lid)
		json_object_set_new(o, "lid", json_string(p->lid));
	if (*name)
		json_object_set_new(o, "name",
				    json_stringn(name, wa_utf8_clip(wa_span_str(name), NAME_TEXT_MAX)));
	if (json_object_size(take_vars))
		json_object_set(o, "vars", take_vars);
	json_decref(take_vars);
	return o;
}

/* Scalars as texts: what a template may say. NULL: a wrong one. */
static json_t *read_vars(const json_t *in)
{
	json_t *vars = json_object(), *v;
	const char *key;

	if (!in || json_is_null(in))
		return vars;
	json_object_foreach((json_t *)(uintptr_t)in, key, v) {
		char name[COLUMNS_NAME_MAX + 1];
		bool ok = columns_variable(wa_span_str(key), name) &&
			  json_object_size(vars) < PERSON_VARS_MAX &&
			  (!json_is_string(v) || json_string_length(v) <= PERSON_VALUE_MAX);

		if (ok && json_is_string(v))
			json_object_set(vars, name, v);
		else if (ok && (json_is_number(v) || json_is_boolean(v)))
			json_object_set(vars, name, v);
		else
			ok = ok && json_is_null(v);
		if (!ok) {
			json_decref(vars);
			return NULL;
		}
	}
	return vars;
}

json_t *person_doc(struct bc *b, const json_t *in, const char *country, struct person *ret, char reason[64])
{
	const char *to = json_is_string(in) ? json_string_value(in) : kit_member(in, "to");
	json_t *vars;

	if (!json_is_string(in) && !*to)
		to = kit_member(in, "phone");
	if (person_read(b, to, country, ret, reason) < 0)
		return NULL;
	vars = json_is_object(json_object_get(in, "vars")) || !json_object_get(in, "vars") ?
		       read_vars(json_object_get(in, "vars")) : NULL;
	if (!vars) {
		snprintf(reason, 64, "invalid_vars");
		return NULL;
	}
	return person_doc_make(ret, kit_member(in, "name"), vars);
}
