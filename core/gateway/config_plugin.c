/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plugins.<name>.<param>: kept as written until the plugin declares what it takes. */
#include <ctype.h>
#include <jansson.h>
#include <base.h>
#include <text.h>
#include "config_priv.h"

static struct wb_config_plugin_value *find(const struct wb_config *c, const char *path)
{
	for (struct wb_config_plugin_value *p = c->plugins; p; p = p->next)
		if (strcmp(p->path, path) == 0)
			return p;
	return NULL;
}

void wb_config_plugin_value_free(struct wb_config_plugin_value *p)
{
	if (p->text)
		wa_wipe(p->text, strlen(p->text));
	free(p->path);
	free(p->text);
	free(p->where);
	free(p);
}

int wb_config_plugin_put(struct wb_config *c, const char *path, int type, bool loose,
			 const char *text, const char *where, struct wa_err *err)
{
	struct wb_config_plugin_value *p = find(c, path);
	char *t = strdup(text), *w = strdup(where);

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (p) {
			p->path = strdup(path);
			p->next = c->plugins;
			c->plugins = p;
		}
	}
	if (!p || !p->path || !t || !w) {
		free(t);
		free(w);
		return wa_err_set(err, WA_ENOMEM, "configuration");
	}
	if (p->text)
		wa_wipe(p->text, strlen(p->text));
	free(p->text);
	free(p->where);
	p->text = t;
	p->where = w;
	p->type = type;
	p->loose = loose;
	return 0;
}

int wb_config_plugin_set(struct wb_config *c, const char *plugin, const char *param,
			 const char *text, struct wa_err *err)
{
	char path[256];

	snprintf(path, sizeof(path), "plugins.%s.%s", plugin, param);
	return wb_config_plugin_put(c, path, WB_C_TEXT, true, text, param, err);
}

/* Of the plugin, and written in a file: "warbler.lua:12", while others are named without a line. */
static bool in_file(const struct wb_config_plugin_value *p, const char *prefix)
{
	return strncmp(p->path, prefix, strlen(prefix)) == 0 && strchr(p->where, ':');
}

int wb_config_plugin_adopt(struct wb_config *c, const struct wb_config *from, const char *plugin,
			   struct wa_err *err)
{
	struct wb_config_plugin_value **at = &c->plugins, *p;
	char prefix[128];
	int r = 0;

	(void)snprintf(prefix, sizeof(prefix), "plugins.%s.", plugin);
	while ((p = *at)) {
		if (!in_file(p, prefix)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		wb_config_plugin_value_free(p);
	}
	for (p = from->plugins; p && r == 0; p = p->next)
		if (in_file(p, prefix) && !find(c, p->path))
			r = wb_config_plugin_put(c, p->path, p->type, p->loose, p->text, p->where, err);
	return r;
}

/* Comma separated text -> JSON array. */
static char *list_json(const char *text)
{
	json_t *a = json_array();
	char *out;

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, ",");
		struct wa_span s = wa_span_trim(wa_span(p, n));

		if (s.len)
			json_array_append_new(a, json_stringn((const char *)s.ptr, s.len));
		p += n;
		p += *p == ',';
	}
	out = json_dumps(a, JSON_COMPACT);
	json_decref(a);
	return out;
}

/* Text of the environment or the command line becomes what was declared. */
static int convert(struct wb_config_plugin_value *p, int type, struct wa_err *err)
{
	int64_t num;
	char *list;

	if (type == WB_C_INT && wa_parse_i64(wa_span_str(p->text), INT64_MIN, INT64_MAX, &num) < 0)
		return wa_err_set(err, WA_EINVALID, "%s: %s must be an integer", p->where, p->path);
	if (type == WB_C_BOOL && strcmp(p->text, "true") != 0 && strcmp(p->text, "false") != 0)
		return wa_err_set(err, WA_EINVALID, "%s: %s must be true or false", p->where, p->path);
	if (type == WB_C_LIST) {
		list = list_json(p->text);
		if (!list)
			return wa_err_set(err, WA_ENOMEM, "configuration");
		free(p->text);
		p->text = list;
	}
	p->type = type;
	p->loose = false;
	return 0;
}

static int from_env(struct wb_config *c, const char *path, struct wa_err *err)
{
	char name[300];
	size_t n = (size_t)snprintf(name, sizeof(name), "WARBLER_%s", path);

	for (size_t i = 0; i < n && i < sizeof(name) - 1; i++)
		name[i] = name[i] == '.' ? '_' : (char)toupper((unsigned char)name[i]);
	for (char *const *e = c->env; e && *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return wb_config_plugin_put(c, path, WB_C_TEXT, true, *e + n + 1, name, err);
	return 0;
}

int wb_config_plugin(struct wb_config *c, const char *plugin, const char *param, int type,
		     const char **ret_text, struct wa_err *err)
{
	struct wb_config_plugin_value *p;
	char path[256];
	int r;

	snprintf(path, sizeof(path), "plugins.%s.%s", plugin, param);
	r = from_env(c, path, err);
	if (r < 0)
		return r;
	p = find(c, path);
	if (p && p->loose)
		r = convert(p, type, err);
	else if (p && p->type != type)
		r = wa_err_set(err, WA_EINVALID, "%s: %s must be %s %s", p->where, path,
			       type == WB_C_INT ? "an" : "a", wb_config_type_str(type));
	if (r < 0)
		return r;
	*ret_text = p ? p->text : NULL;
	return 0;
}

int wb_config_plugin_check(const struct wb_config *c, const char *plugin,
			   const char *const *params, size_t n, struct wa_err *err)
{
	char prefix[128];
	size_t len = (size_t)snprintf(prefix, sizeof(prefix), "plugins.%s.", plugin);

	for (const struct wb_config_plugin_value *p = c->plugins; p; p = p->next) {
		size_t i;

		if (strncmp(p->path, prefix, len) != 0)
			continue;
		for (i = 0; i < n && strcmp(params[i], p->path + len) != 0; i++)
			;
		if (i == n)
			return wa_err_set(err, WA_EINVALID, "%s: unknown key %s", p->where, p->path);
	}
	return 0;
}
