/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reply.h"

#include <json.h>
#include "clock.h"
#include "rule.h"
#include "template.h"
#include "text.h"

#define DEPTH_MAX 8
#define VARS_MAX 96
#define URL_MAX 2048

static const struct wb_template_var fixed[] = {
	{ "name", "how the sender calls himself, or the number" },
	{ "first_name", "the first word of it" },
	{ "phone", "the sender's number with '+'" },
	{ "text", "what was written" },
	{ "chat", "JID of the chat" },
	{ "chat_name", "name of the chat or group" },
	{ "session", "the session" },
	{ "time", "now: {{time|date:time}}" },
	{ "group.0", "all that a regular expression took" },
};

/* The variables of a rule: the fixed ones and its groups. */
struct names {
	struct wb_template_var vars[VARS_MAX];
	char text[VARS_MAX][64];
	size_t n;
};

static void add_name(struct names *all, const char *name)
{
	struct wb_template_var *v = &all->vars[all->n];

	if (all->n + 1 >= VARS_MAX)
		return;
	snprintf(all->text[all->n], sizeof(all->text[0]), "group.%s", name);
	v->path = all->text[all->n];
	v->help = "";
	all->n++;
}

static void list_names(const struct wb_regex *const *patterns, size_t n, struct names *all)
{
	size_t most = 0;
	char number[24];

	memset(all, 0, sizeof(*all));
	memcpy(all->vars, fixed, sizeof(fixed));
	all->n = WA_ARRAY_LEN(fixed);
	for (size_t i = 0; i < n; i++) {
		size_t groups = wb_regex_groups(patterns[i]);

		most = groups > most ? groups : most;
		for (size_t g = 1; g <= groups; g++)
			if (wb_regex_group_name(patterns[i], g))
				add_name(all, wb_regex_group_name(patterns[i], g));
	}
	for (size_t g = 1; g <= most; g++) {
		snprintf(number, sizeof(number), "%zu", g);
		add_name(all, number);
	}
}

static int check_text(const char *text, const struct names *all, char why[WHY_SIZE])
{
	struct wb_template *t = NULL;
	struct wb_template_err err;

	if (!strstr(text, "{{"))
		return WA_OK;
	if (wb_template_compile(wa_span_str(text), all->vars, &t, &err) < 0) {
		snprintf(why, WHY_SIZE, "replies: line %u, column %u: %s", err.line, err.column, err.msg);
		return WA_EINVALID;
	}
	wb_template_free(t);
	return WA_OK;
}

static int check_texts(const json_t *v, const struct names *all, int depth, char why[WHY_SIZE])
{
	const char *key;
	json_t *item;
	size_t i;
	int code = WA_OK;

	if (depth > DEPTH_MAX) {
		snprintf(why, WHY_SIZE, "replies: nested too deeply");
		return WA_EINVALID;
	}
	if (json_is_string(v))
		return check_text(json_string_value(v), all, why);
	json_object_foreach((json_t *)(uintptr_t)v, key, item)
		if (code == WA_OK)
			code = check_texts(item, all, depth + 1, why);
	json_array_foreach((json_t *)(uintptr_t)v, i, item)
		if (code == WA_OK)
			code = check_texts(item, all, depth + 1, why);
	return code;
}

static int check_media(const json_t *media, char why[WHY_SIZE])
{
	const char *id = NULL, *url = NULL, *type = "image", *file = NULL;
	static const char *const types[] = { "image", "video", "audio", "document", "sticker" };
	json_error_t je;
	bool known = false;

	if (wb_json_unpack((json_t *)(uintptr_t)media, &je, JSON_STRICT, "{s?s, s?s, s?s, s?s}", "id", &id, "url", &url,
			   "type", &type, "file_name", &file)) {
		snprintf(why, WHY_SIZE, "replies: media: %.180s", je.text);
		return WA_EINVALID;
	}
	for (size_t i = 0; i < WA_ARRAY_LEN(types); i++)
		known |= strcmp(type, types[i]) == 0;
	if (!id == !url || (id && strlen(id) > 64) || !known) {
		snprintf(why, WHY_SIZE, "replies: media has an id or a url, and a type: image, video, audio, "
					"document or sticker");
		return WA_EINVALID;
	}
	/* never a path of this machine */
	if (url && ((strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) || strlen(url) > URL_MAX)) {
		snprintf(why, WHY_SIZE, "replies: media.url is an http:// or https:// address");
		return WA_EINVALID;
	}
	return WA_OK;
}

int reply_part_check(const json_t *part, const struct wb_regex *const *patterns, size_t n, char why[WHY_SIZE])
{
	const json_t *text = json_object_get(part, "text"), *media = json_object_get(part, "media");
	const json_t *content = json_object_get(part, "content");
	struct names *all;
	const char *key;
	json_t *v;
	int code;

	json_object_foreach((json_t *)(uintptr_t)part, key, v)
		if (v != text && v != media && v != content) {
			snprintf(why, WHY_SIZE, "replies: %.40s is not known", key);
			return WA_EINVALID;
		}
	if ((content && (text || media || !json_is_string(json_object_get(content, "kind")))) ||
	    (!content && !text && !media) || (text && (!json_is_string(text) || json_string_length(text) == 0))) {
		snprintf(why, WHY_SIZE, "replies: a part has a text, media (and a text), or content with its kind");
		return WA_EINVALID;
	}
	if (media && check_media(media, why) < 0)
		return WA_EINVALID;
	all = malloc(sizeof(*all));
	if (!all)
		return WA_ENOMEM;
	list_names(patterns, n, all);
	code = check_texts(content ? content : text, all, 0, why);
	free(all);
	return code;
}

static void put_group(json_t *to, const char *name, struct wa_span text, const struct wb_regex_group *g)
{
	if (g->start == SIZE_MAX || g->start + g->len > text.len)
		return;
	json_object_set_new(to, name, json_stringn((const char *)text.ptr + g->start, g->len));
}

json_t *reply_vars(const struct said *m, const struct matched *by, int64_t now_ms)
{
	const char *name = *m->name ? m->name : m->phone;
	json_t *groups = json_object(), *vars;
	char number[24];

	for (size_t i = 0; by && by->by && i < by->n; i++) {
		const char *word = by->by->regex && i ? wb_regex_group_name(by->by->regex, i) : NULL;

		snprintf(number, sizeof(number), "%zu", i);
		put_group(groups, number, by->text, &by->groups[i]);
		if (word)
			put_group(groups, word, by->text, &by->groups[i]);
	}
	vars = json_pack("{s:s, s:s%, s:s, s:s, s:s, s:s, s:I, s:o}", "name", name, "first_name", name,
			 strcspn(name, " "), "phone", m->phone, "chat", m->to, "chat_name",
			 m->group || !*name ? m->chat_name : name, "session", m->session, "time",
			 (json_int_t)now_ms, "group", groups);
	if (vars)
		json_object_set_new(vars, "text", json_stringn((const char *)m->text.ptr, m->text.len));
	return vars;
}

static json_t *render(const char *text, json_t *vars, const struct wb_template_env *env)
{
	struct wb_template *t = NULL;
	json_t *out = NULL;
	struct wa_buf b;

	if (!strstr(text, "{{"))
		return json_string(text);
	if (wb_template_compile(wa_span_str(text), NULL, &t, NULL) < 0)
		return NULL;
	wa_buf_init(&b, WB_TEMPLATE_OUTPUT_MAX);
	if (wb_template_render(t, vars, env, &b, NULL) == 0)
		out = json_stringn((const char *)b.ptr, b.len);
	wa_buf_clear(&b);
	wb_template_free(t);
	return out;
}

/* A copy of v with every text rendered; NULL when one cannot be. */
static json_t *render_all(json_t *v, json_t *vars, const struct wb_template_env *env)
{
	json_t *copy, *item, *one;
	const char *key;
	size_t i;
	bool ok = true;

	if (json_is_string(v))
		return render(json_string_value(v), vars, env);
	if (!json_is_object(v) && !json_is_array(v))
		return json_copy(v);
	copy = json_is_object(v) ? json_object() : json_array();
	json_object_foreach(v, key, item) {
		one = render_all(item, vars, env);
		ok = ok && one && json_object_set_new(copy, key, one) == 0;
	}
	json_array_foreach(v, i, item) {
		one = render_all(item, vars, env);
		ok = ok && one && json_array_append_new(copy, one) == 0;
	}
	if (ok)
		return copy;
	json_decref(copy);
	return NULL;
}

json_t *reply_content(const json_t *part, json_t *vars, const struct wb_template_env *env, const char **ret_url)
{
	json_t *content = json_object_get(part, "content"), *media = json_object_get(part, "media"), *o;
	const char *type = json_string_value(json_object_get(media, "type"));
	json_t *text = json_object_get(part, "text");

	*ret_url = json_string_value(json_object_get(media, "url"));
	if (content)
		return render_all(content, vars, env);
	text = text ? render_all(text, vars, env) : NULL;
	if (!text && json_object_get(part, "text"))
		return NULL;
	if (!media)
		return json_pack("{s:s, s:o}", "kind", "text", "text", text);
	o = json_pack("{s:s, s:{s:s*, s:s*}, s:o*}", "kind", type ? type : "image", "media", "id",
		      json_string_value(json_object_get(media, "id")), "file_name",
		      json_string_value(json_object_get(media, "file_name")), "text", text);
	return o;
}
