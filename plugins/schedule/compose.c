/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose.h"

#include "template.h"

#define N_PARTS 5

static const char *const part_names[N_PARTS] = { "text", "caption", "body", "title", "footer" };

struct compose {
	struct wb_template *text;
	const json_t *content;
	struct wb_template *parts[N_PARTS];	/* of the content; NULL as written */
	const json_t *vars;
	struct wb_template_env env;
	int64_t now_ms;
};

static int compile(const char *source, struct wb_template **ret, char why[WHY_SIZE])
{
	struct wb_template_err err = { .msg = "" };
	int r = wb_template_compile(wa_span_str(source), NULL, ret, &err);

	if (r < 0)
		snprintf(why, WHY_SIZE, "line %u, column %u: %.150s", err.line, err.column, err.msg);
	return r;
}

void compose_free(struct compose *c)
{
	if (!c)
		return;
	wb_template_free(c->text);
	for (size_t i = 0; i < N_PARTS; i++)
		wb_template_free(c->parts[i]);
	free(c);
}

static int open_content(struct compose *c, char why[WHY_SIZE])
{
	int r = 0;

	if (!json_is_object(c->content) || !json_is_string(json_object_get(c->content, "kind"))) {
		snprintf(why, WHY_SIZE, "want a content object with its kind");
		return WA_EINVALID;
	}
	for (size_t i = 0; i < N_PARTS && r == 0; i++) {
		const char *text = json_string_value(json_object_get(c->content, part_names[i]));

		if (text && strstr(text, "{{"))
			r = compile(text, &c->parts[i], why);
	}
	return r;
}

int compose_new(const json_t *doc, const char *source, const char *zone, int64_t now_ms, struct compose **ret,
		char why[WHY_SIZE])
{
	struct compose *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return WA_ENOMEM;
	c->vars = json_object_get(doc, "vars");
	c->content = json_object_get(doc, "content");
	c->env.locale = json_string_value(json_object_get(doc, "locale"));
	c->env.zone = zone;
	c->now_ms = now_ms;
	if (!source)
		source = json_string_value(json_object_get(doc, "text"));
	r = c->content ? open_content(c, why) : compile(source ? source : "", &c->text, why);
	if (r < 0) {
		compose_free(c);
		return r;
	}
	*ret = c;
	return WA_OK;
}

int compose_check(const json_t *doc, char why[WHY_SIZE])
{
	const json_t *text = json_object_get(doc, "text"), *tmpl = json_object_get(doc, "template");
	const json_t *name = json_object_get(tmpl, "name"), *language = json_object_get(tmpl, "language");
	struct compose *c = NULL;
	int r;

	if ((text != NULL) + (tmpl != NULL) + (json_object_get(doc, "content") != NULL) != 1) {
		snprintf(why, WHY_SIZE, "what? One of text, template, content is needed");
		return WA_EINVALID;
	}
	if (tmpl && (!json_is_string(name) || !json_is_string(language) || json_object_size(tmpl) != 2)) {
		snprintf(why, WHY_SIZE, "want {\"name\": ..., \"language\": ...}");
		return WA_EINVALID;
	}
	if (text && json_string_length(text) == 0) {
		snprintf(why, WHY_SIZE, "want a text");
		return WA_EINVALID;
	}
	r = compose_new(doc, NULL, NULL, 0, &c, why);
	compose_free(c);
	return r;
}

static json_t *variables(const struct compose *c, const json_t *recipient)
{
	json_t *v = json_pack("{s:I}", "now", (json_int_t)c->now_ms);
	const json_t *own = json_object_get(recipient, "vars");

	if (v && c->vars)
		json_object_update(v, (json_t *)(uintptr_t)c->vars);
	json_object_set(v, "to", json_object_get(recipient, "to"));
	if (json_object_get(recipient, "name"))
		json_object_set(v, "name", json_object_get(recipient, "name"));
	if (v && json_is_object(own))
		json_object_update(v, (json_t *)(uintptr_t)own);
	return v;
}

static int render(const struct compose *c, const struct wb_template *t, const json_t *vars, char **ret)
{
	struct wa_buf out;
	int r;

	wa_buf_init(&out, WB_TEMPLATE_OUTPUT_MAX);
	r = wb_template_render(t, vars, &c->env, &out, NULL);
	if (r == 0) {
		const char *text = wa_buf_cstr(&out);

		*ret = text ? strdup(text) : NULL;
		r = *ret ? 0 : WA_ENOMEM;
	}
	wa_buf_clear(&out);
	return r;
}

int compose_render(const struct compose *c, const json_t *recipient, char **ret_text, char **ret_content)
{
	json_t *vars = variables(c, recipient), *copy;
	int r = vars ? 0 : WA_ENOMEM;

	*ret_text = *ret_content = NULL;
	if (r == 0 && c->text)
		r = render(c, c->text, vars, ret_text);
	if (r == 0 && c->content) {
		copy = json_copy((json_t *)(uintptr_t)c->content);	/* only its own texts change */
		for (size_t i = 0; i < N_PARTS && r == 0; i++) {
			char *part = NULL;

			if (!c->parts[i])
				continue;
			r = render(c, c->parts[i], vars, &part);
			if (r == 0)
				json_object_set_new(copy, part_names[i], json_string(part));
			free(part);
		}
		if (r == 0 && !(*ret_content = json_dumps(copy, JSON_COMPACT)))
			r = WA_ENOMEM;
		json_decref(copy);
	}
	json_decref(vars);
	return r;
}
