/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "content.h"

#include <string.h>

#include "template.h"
#include "text.h"

#define TEMPLATES_MAX 64
#define DEPTH_MAX 16

/* A test asks the orders plugin, which reads the answers, whether it takes each word as an opt-out. */
static const struct {
	const char *language, *word, *text;
} hints[] = {
	{ "en", "STOP", "Reply STOP to receive no more messages." },
	{ "ar", "إيقاف", "أرسل «إيقاف» لعدم تلقي المزيد من الرسائل." },
	{ "es", "BAJA", "Responde BAJA para no recibir más mensajes." },
	{ "pt", "PARAR", "Responda PARAR para não receber mais mensagens." },
	{ "fr", "ARRET", "Répondez ARRET pour ne plus recevoir de messages." },
	{ "id", "BERHENTI", "Balas BERHENTI untuk tidak menerima pesan lagi." },
	{ "de", "STOP", "Antworte STOP, um keine Nachrichten mehr zu erhalten." },
};

const char *content_hint_at(size_t i, const char **ret_word)
{
	if (i >= WA_ARRAY_LEN(hints))
		return NULL;
	*ret_word = hints[i].word;
	return hints[i].text;
}

struct content {
	json_t *message;	/* {"text"} or {"content"}, with its variables */
	const char *hint;	/* NULL none */
	struct wb_template_env env;
	char *locale, *zone;
	size_t n;
	struct wb_template *templates[TEMPLATES_MAX];	/* in the order of the walk */
	size_t n_needed;
	char needed[CONTENT_NEEDED_MAX][64];
};

const char *content_hint(const char *language)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(hints); i++)
		if (strncmp(hints[i].language, language, 2) == 0 &&
		    (language[2] == 0 || language[2] == '-' || language[2] == '_'))
			return hints[i].text;
	return NULL;
}

void content_free(struct content *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		wb_template_free(c->templates[i]);
	json_decref(c->message);
	free(c->locale);
	free(c->zone);
	free(c);
}

static void need(struct content *c, const char *name, size_t len)
{
	if (len == 0 || len >= sizeof(c->needed[0]) || c->n_needed == CONTENT_NEEDED_MAX)
		return;
	for (size_t i = 0; i < c->n_needed; i++)
		if (strlen(c->needed[i]) == len && memcmp(c->needed[i], name, len) == 0)
			return;
	memcpy(c->needed[c->n_needed], name, len);
	c->needed[c->n_needed++][len] = 0;
}

/* Plain tags outside of sections, without a default. The source compiled, so every tag ends. */
static void note_needs(struct content *c, const char *source)
{
	const char *p = source, *end;
	int depth = 0;

	while ((p = strstr(p, "{{")) && (end = strstr(p, "}}"))) {
		const char *t = p + 2;
		size_t name;

		t += strspn(t, " \t\r\n");
		name = strcspn(t, " \t\r\n|}");
		if (*t == '#' || *t == '^')
			depth++;
		else if (*t == '/')
			depth--;
		else if (*t != '!' && depth == 0 && !(name == 1 && *t == '.')) {
			const char *d = strstr(t, "default");

			if (!d || d > end)
				need(c, t, name);
		}
		p = end + 2;
	}
}

/* Does it compile? Takes its place in the list. */
static bool add_template(struct content *c, const char *source, char why[240])
{
	struct wb_template_err e;
	struct wb_template *t;

	if (c->n == TEMPLATES_MAX) {
		(void)snprintf(why, 240, "more than %d texts with variables", TEMPLATES_MAX);
		return false;
	}
	if (wb_template_compile(wa_span_str(source), NULL, &t, &e) < 0) {
		(void)snprintf(why, 240, "line %u, column %u: %s", e.line, e.column, e.msg);
		return false;
	}
	c->templates[c->n++] = t;
	note_needs(c, source);
	return true;
}

static bool compile_all(struct content *c, const json_t *v, int depth, char why[240])
{
	const char *key;
	json_t *item;
	size_t i;

	if (depth > DEPTH_MAX) {
		(void)snprintf(why, 240, "the content is nested too deeply");
		return false;
	}
	if (json_is_string(v))
		return !strstr(json_string_value(v), "{{") || add_template(c, json_string_value(v), why);
	if (json_is_object(v)) {
		json_object_foreach((json_t *)(uintptr_t)v, key, item)
			if (!compile_all(c, item, depth + 1, why))
				return false;
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, item)
			if (!compile_all(c, item, depth + 1, why))
				return false;
	}
	return true;
}

static char *dup_or_null(const char *s)
{
	return s && *s ? strdup(s) : NULL;
}

static const char *word(const json_t *doc, const char *key)
{
	return json_string_value(json_object_get(doc, key));
}

/* Where the line goes: a text, or the caption of a file. */
static bool takes_hint(const json_t *message)
{
	static const char *const kinds[] = { "text", "image", "video", "document" };
	const char *kind = word(json_object_get(message, "content"), "kind");

	if (json_object_get(message, "text"))
		return true;
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds); i++)
		if (kind && strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

struct content *content_compile(const json_t *doc, char why[240])
{
	const json_t *text = json_object_get(doc, "text"), *object = json_object_get(doc, "content");
	const char *hint = word(doc, "opt_out_hint");
	struct content *c;

	if (!text == !object || (text && (!json_is_string(text) || json_string_length(text) == 0)) ||
	    (object && !word(object, "kind"))) {
		(void)snprintf(why, 240, "text, or content with its kind: one of them is needed");
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		(void)snprintf(why, 240, "out of memory");
		return NULL;
	}
	c->message = text ? json_pack("{s:O}", "text", text) : json_pack("{s:O}", "content", object);
	c->hint = hint ? content_hint(hint) : NULL;
	c->locale = dup_or_null(word(doc, "language"));
	c->zone = dup_or_null(word(doc, "zone"));
	c->env = (struct wb_template_env){ .locale = c->locale, .zone = c->zone };
	if (hint && !c->hint)
		(void)snprintf(why, 240, "opt_out_hint: en, ar, es, pt, fr, id or de");
	else if (hint && !takes_hint(c->message))
		(void)snprintf(why, 240, "opt_out_hint: only below a text, a picture, a film or a document");
	else if (compile_all(c, c->message, 0, why))
		return c;
	content_free(c);
	return NULL;
}

const char *content_needs(const struct content *c, size_t n)
{
	return n < c->n_needed ? c->needed[n] : NULL;
}

static bool has(const json_t *person, const char *name)
{
	const json_t *v = json_object_get(json_object_get(person, "vars"), name);
	const char *s;

	if (!v && (strcmp(name, "name") == 0 || strcmp(name, "phone") == 0))
		v = json_object_get(person, name);
	s = json_string_value(v);
	return v && (!s || *s);
}

const char *content_missing(const struct content *c, const json_t *person)
{
	for (size_t i = 0; i < c->n_needed; i++)
		if (!has(person, c->needed[i]))
			return c->needed[i];
	return NULL;
}

struct rendering {
	const struct content *c;
	json_t *vars;
	size_t at, bytes;
	int code;
};

static json_t *render_text(struct rendering *r, const json_t *v)
{
	struct wa_buf out;
	json_t *ret = NULL;

	if (!strstr(json_string_value(v), "{{"))
		return json_incref((json_t *)(uintptr_t)v);
	wa_buf_init(&out, WB_TEMPLATE_OUTPUT_MAX);
	r->code = wb_template_render(r->c->templates[r->at++], r->vars, &r->c->env, &out, NULL);
	r->bytes += out.len;
	if (r->code == 0 && r->bytes > CONTENT_TEXT_MAX)
		r->code = WA_ELIMIT;
	if (r->code == 0)
		ret = json_stringn(out.len ? (const char *)out.ptr : "", out.len);
	wa_buf_wipe(&out);
	return ret;
}

static json_t *render(struct rendering *r, const json_t *v)
{
	const char *key;
	json_t *item, *out, *one;
	size_t i;

	if (json_is_string(v))
		return render_text(r, v);
	if (json_is_object(v)) {
		out = json_object();
		json_object_foreach((json_t *)(uintptr_t)v, key, item) {
			one = render(r, item);
			if (!one || json_object_set_new(out, key, one) < 0)
				break;
		}
	} else if (json_is_array(v)) {
		out = json_array();
		json_array_foreach(v, i, item) {
			one = render(r, item);
			if (!one || json_array_append_new(out, one) < 0)
				break;
		}
	} else {
		return json_incref((json_t *)(uintptr_t)v);
	}
	if (r->code == 0)
		return out;
	json_decref(out);
	return NULL;
}

static void add_hint(json_t *message, const char *hint)
{
	json_t *object = json_object_get(message, "content");
	json_t *at = object ? object : message;
	const char *text = word(at, "text");

	json_object_set_new(at, "text", text && *text ? json_sprintf("%s\n\n%s", text, hint) : json_string(hint));
}

json_t *content_render(const struct content *c, const json_t *person, int *ret_code)
{
	struct rendering r = { .c = c };
	const json_t *own = json_object_get(person, "vars");
	json_t *out;

	r.vars = own ? json_copy((json_t *)(uintptr_t)own) : json_object();
	for (size_t i = 0; i < 2; i++) {
		const char *name = i ? "phone" : "name";

		if (!json_object_get(r.vars, name) && json_object_get(person, name))
			json_object_set(r.vars, name, json_object_get(person, name));
	}
	out = render(&r, c->message);
	json_decref(r.vars);
	if (out && c->hint)
		add_hint(out, c->hint);
	if (!out)
		*ret_code = r.code ? r.code : WA_ENOMEM;
	return out;
}
