/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filters of wb.on, compared without any Lua:
 *
 *	session, chat, from, kind	one or several; chat and from: JID, LID or number
 *	group, own, backfilled, held	true or false
 *	text, contains, starts, ends	one or several texts; case and diacritics do not matter, nor for text
 *					the marks around what was said ("Stop!")
 *	matches				a regular expression (RE2), any case
 *	any other name, of events that are no messages: a member of data, "order.state" inside of others
 */
#include <event.h>
#include <match.h>
#include "host_int.h"

#define VALUES_MAX 256
#define TERMS_MAX 32

enum term_kind { TERM_SESSION, TERM_CHAT, TERM_FROM, TERM_KIND, TERM_TEXT, TERM_CONTAINS, TERM_STARTS,
		 TERM_ENDS, TERM_MATCHES, TERM_GROUP, TERM_OWN, TERM_BACKFILLED, TERM_HELD, TERM_MEMBER };

struct term {
	int kind;
	char *path;		/* TERM_MEMBER */
	json_t *values;		/* array; texts are folded already where that counts */
	struct wb_regex *regex;
	bool flag;
};

struct script_filter {
	size_t n;
	struct term terms[TERMS_MAX];
};

static const struct {
	const char *name;
	int kind;
	char type;		/* s texts, b boolean, r regex */
} names[] = {
	{ "session", TERM_SESSION, 's' }, { "chat", TERM_CHAT, 's' },
	{ "from", TERM_FROM, 's' },	  { "kind", TERM_KIND, 's' },
	{ "text", TERM_TEXT, 's' },	  { "contains", TERM_CONTAINS, 's' },
	{ "starts", TERM_STARTS, 's' },	  { "ends", TERM_ENDS, 's' },
	{ "matches", TERM_MATCHES, 'r' }, { "group", TERM_GROUP, 'b' },
	{ "own", TERM_OWN, 'b' },	  { "backfilled", TERM_BACKFILLED, 'b' },
	{ "held", TERM_HELD, 'b' },
};

void script_filter_free(struct script_filter *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		free(f->terms[i].path);
		json_decref(f->terms[i].values);
		wb_regex_free(f->terms[i].regex);
	}
	free(f);
}

/* ---- making ---- */

static bool folds(int kind)
{
	return kind == TERM_TEXT || kind == TERM_CONTAINS || kind == TERM_STARTS || kind == TERM_ENDS;
}

static json_t *fold(const json_t *v)
{
	struct wa_span text = wa_span(json_string_value(v), json_string_length(v));
	struct wa_buf out;
	json_t *r;

	wa_buf_init(&out, 4 * text.len + 16);
	wb_fold_text(text, WB_FOLD_CASE | WB_FOLD_MARKS | WB_FOLD_SPACE, &out);
	r = json_stringn((const char *)out.ptr, out.len);
	wa_buf_clear(&out);
	return r ? r : json_string("");
}

static int take_values(struct term *t, const char *name, const json_t *v, bool texts, char why[160])
{
	size_t n = json_is_array(v) ? json_array_size(v) : 1;

	t->values = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *one = json_is_array(v) ? json_array_get(v, i) : (json_t *)(uintptr_t)v;

		if (texts ? !json_is_string(one) : json_is_object(one) || json_is_array(one)) {
			snprintf(why, 160, "'%.60s' must be a text or a list of texts", name);
			return WA_EINVALID;
		}
		if (folds(t->kind))
			json_array_append_new(t->values, fold(one));
		else
			json_array_append(t->values, one);
	}
	if (n == 0 || n > VALUES_MAX) {
		snprintf(why, 160, "'%.60s' must have 1 to %d values", name, VALUES_MAX);
		return WA_EINVALID;
	}
	return 0;
}

static int take_regex(struct term *t, const char *name, const json_t *v, char why[160])
{
	struct wb_regex_err e = { 0 };

	if (!json_is_string(v)) {
		snprintf(why, 160, "'%.60s' must be a text", name);
		return WA_EINVALID;
	}
	if (wb_regex_compile(wa_span(json_string_value(v), json_string_length(v)), WB_REGEX_NOCASE, &t->regex,
			     &e) < 0) {
		snprintf(why, 160, "'%.60s': %.90s", name, e.msg);
		return WA_EINVALID;
	}
	return 0;
}

static bool about_messages(const char *kinds)
{
	return strncmp(kinds, "message.", 8) == 0;
}

static int take_term(struct script_filter *f, const char *kinds, const char *name, const json_t *v,
		     char why[160])
{
	struct term *t = &f->terms[f->n];

	if (f->n == TERMS_MAX) {
		snprintf(why, 160, "too many conditions");
		return WA_EINVALID;
	}
	memset(t, 0, sizeof(*t));
	f->n++;
	for (size_t i = 0; i < WA_ARRAY_LEN(names); i++) {
		if (strcmp(names[i].name, name) != 0)
			continue;
		/* of other events these words are members of data */
		if (!about_messages(kinds) && names[i].kind != TERM_SESSION && names[i].kind != TERM_CHAT)
			break;
		t->kind = names[i].kind;
		if (names[i].type == 's')
			return take_values(t, name, v, true, why);
		if (names[i].type == 'r')
			return take_regex(t, name, v, why);
		t->flag = json_is_true(v);
		if (!json_is_boolean(v))
			snprintf(why, 160, "'%s' must be true or false", name);
		return json_is_boolean(v) ? 0 : WA_EINVALID;
	}
	if (about_messages(kinds)) {
		snprintf(why, 160, "unknown condition '%.40s' (session, chat, from, kind, group, own, text, contains, "
			 "starts, ends, matches, backfilled, held)", name);
		return WA_EINVALID;
	}
	t->kind = TERM_MEMBER;
	t->path = wb_strdup(name);
	return take_values(t, name, v, false, why);
}

int script_filter_new(const char *kinds, const json_t *doc, struct script_filter **ret, char why[160])
{
	struct script_filter *f;
	const char *name;
	json_t *v;
	int r = 0;

	*ret = NULL;
	if (!doc || json_object_size(doc) == 0)
		return 0;
	f = wb_zalloc(sizeof(*f));
	json_object_foreach((json_t *)(uintptr_t)doc, name, v) {
		r = take_term(f, kinds, name, v, why);
		if (r < 0)
			break;
	}
	if (r < 0)
		script_filter_free(f);
	else
		*ret = f;
	return r;
}

bool script_filter_held(const struct script_filter *f)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (f->terms[i].kind == TERM_HELD)
			return f->terms[i].flag;
	return false;
}

/* ---- comparing ---- */

static bool is_one(const json_t *values, const char *s)
{
	for (size_t i = 0; i < json_array_size(values); i++)
		if (strcmp(json_string_value(json_array_get(values, i)), s) == 0)
			return true;
	return false;
}

static bool same_digits(const char *number, const char *digits)
{
	while (*number || *digits) {
		while (*number && (*number < '0' || *number > '9'))
			number++;
		while (*digits && (*digits < '0' || *digits > '9'))
			digits++;
		if (*number != *digits)
			return false;
		if (*number) {
			number++;
			digits++;
		}
	}
	return true;
}

static bool is_person(const json_t *values, const json_t *p)
{
	const char *forms[] = { json_is_string(p) ? json_string_value(p) : NULL,
				json_string_value(json_object_get(p, "jid")),
				json_string_value(json_object_get(p, "lid")) };
	const char *phone = json_string_value(json_object_get(p, "phone"));

	for (size_t i = 0; i < json_array_size(values); i++) {
		const char *v = json_string_value(json_array_get(values, i));

		for (size_t k = 0; k < WA_ARRAY_LEN(forms); k++)
			if (forms[k] && strcmp(forms[k], v) == 0)
				return true;
		if (phone && !strchr(v, '@') && strpbrk(v, "0123456789") && same_digits(v, phone))
			return true;
	}
	return false;
}

/* "Stop!", "¿precio?": without the marks at the ends of what was said. */
static struct wa_span without_marks(struct wa_span s)
{
	static const char *const first[] = { "\"", "'", "(", "\xc2\xa1", "\xc2\xbf" };	/* ¡ ¿ */
	static const char *const last[] = { ".", "!", "?", ",", ";", ":", "\"", "'", ")", " ", "\xe2\x80\xa6", "\xd8\x9f",
					    "\xd8\x8c", "\xe3\x80\x82", "\xef\xbc\x81", "\xef\xbc\x9f" }; /* … ؟ ، 。 ！ ？ */
	size_t i, n;

	for (i = 0; i < WA_ARRAY_LEN(first); i++) {
		n = strlen(first[i]);
		if (s.len > n && memcmp(s.ptr, first[i], n) == 0) {
			s.ptr += n;
			s.len -= n;
			i = SIZE_MAX;
		}
	}
	for (i = 0; i < WA_ARRAY_LEN(last); i++) {
		n = strlen(last[i]);
		if (s.len > n && memcmp(s.ptr + s.len - n, last[i], n) == 0) {
			s.len -= n;
			i = SIZE_MAX;
		}
	}
	return s;
}

static bool is_text(const char *text, const char *wanted)
{
	struct wa_span s;

	if (strcmp(text, wanted) == 0)
		return true;
	s = without_marks(wa_span_str(text));
	return s.len == strlen(wanted) && memcmp(s.ptr, wanted, s.len) == 0;
}

static bool has_text(const struct term *t, const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < json_array_size(t->values); i++) {
		const char *v = json_string_value(json_array_get(t->values, i));
		size_t n = strlen(v);

		if (t->kind == TERM_TEXT ? is_text(text, v) :
		    t->kind == TERM_CONTAINS ? strstr(text, v) != NULL :
		    n <= len && memcmp(t->kind == TERM_STARTS ? text : text + len - n, v, n) == 0)
			return true;
	}
	return false;
}

static bool has_member(const struct term *t, const json_t *o)
{
	char part[128];

	for (const char *p = t->path; o && *p;) {
		size_t n = strcspn(p, ".");

		snprintf(part, sizeof(part), "%.*s", (int)n, p);
		o = json_object_get(o, part);
		p += n + (p[n] == '.');
	}
	for (size_t i = 0; o && i < json_array_size(t->values); i++)
		if (json_equal(json_array_get(t->values, i), o))
			return true;
	return false;
}

static bool term_match(const struct term *t, struct wb_script_event *e, const json_t *data)
{
	switch (t->kind) {
	case TERM_SESSION: return is_one(t->values, e->ev->session);
	case TERM_CHAT: return is_person(t->values, json_object_get(data, "chat"));
	case TERM_FROM: return is_person(t->values, json_object_get(data, "sender"));
	case TERM_KIND: return is_one(t->values, e->type);
	case TERM_GROUP: return e->group == t->flag;
	case TERM_OWN: return e->own == t->flag;
	case TERM_BACKFILLED: return e->backfilled == t->flag;
	case TERM_HELD: return true;	/* looked at when its turn comes */
	case TERM_MATCHES: return wb_regex_match(t->regex, wa_span_str(e->text), 0, NULL, 0) == 1;
	case TERM_MEMBER: return has_member(t, data);
	default: return has_text(t, script_event_folded(e));
	}
}

bool script_filter_match(const struct script_filter *f, struct wb_script_event *e)
{
	const json_t *data;

	if (!f)
		return true;
	data = wb_script_event_data(e);
	for (size_t i = 0; i < f->n; i++)
		if (!term_match(&f->terms[i], e, data))
			return false;
	return true;
}
