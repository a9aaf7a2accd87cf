/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Configuration values: checking, environment, look-up. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <base.h>
#include <text.h>
#include "config_priv.h"

#define ENV_PREFIX "WARBLER_"

/* Variables of the launcher and the command line, not keys. */
static const char *const env_known[] = { "WARBLER_CONFIG", "WARBLER_API_KEY", "WARBLER_URL" };

static size_t n_keys(void)
{
	size_t n = 0;

	while (wb_config_keys[n].path)
		n++;
	return n;
}

const struct wb_config_key *wb_config_key(const char *path)
{
	for (const struct wb_config_key *k = wb_config_keys; k->path; k++)
		if (strcmp(k->path, path) == 0)
			return k;
	return NULL;
}

const char *wb_config_type_str(int type)
{
	static const char *const names[] = { "text", "integer", "boolean", "list" };

	return type >= 0 && type <= WB_C_LIST ? names[type] : "?";
}

static bool is_bool(const char *s, bool *ret)
{
	*ret = strcmp(s, "true") == 0 || strcmp(s, "1") == 0;
	return *ret || strcmp(s, "false") == 0 || strcmp(s, "0") == 0;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t n = strlen(text);

	for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (strncmp(p, text, n) == 0 && (p[n] == '|' || !p[n]) && n > 0)
			return true;
	return false;
}

/* Writes the normal form of text, or tells what is wrong with it. */
static int normalise(const struct wb_config_key *k, const char *text, char **ret, struct wa_err *err)
{
	int64_t num;
	bool b;

	if (k->type == WB_C_INT) {
		if (wa_parse_i64(wa_span_str(text), INT64_MIN, INT64_MAX, &num) < 0)
			return wa_err_set(err, WA_EINVALID, "%s must be an integer", k->path);
		if (k->max > k->min && (num < k->min || num > k->max))
			return wa_err_set(err, WA_EINVALID, "%s must be %lld to %lld", k->path,
					  (long long)k->min, (long long)k->max);
	} else if (k->type == WB_C_BOOL) {
		if (!is_bool(text, &b))
			return wa_err_set(err, WA_EINVALID, "%s must be true or false", k->path);
		text = b ? "true" : "false";
	} else if (k->choices && !is_choice(k->choices, text)) {
		return wa_err_set(err, WA_EINVALID, "%s must be one of %s", k->path, k->choices);
	}
	if (wb_config_check(k, text, err) < 0)
		return WA_EINVALID;
	*ret = strdup(text);
	return *ret ? 0 : wa_err_set(err, WA_ENOMEM, "configuration");
}

static void wipe_free(char *s)
{
	if (s)
		wa_wipe(s, strlen(s));
	free(s);
}

int wb_config_put(struct wb_config *c, const struct wb_config_key *k, const char *text,
		  const char *where, struct wa_err *err)
{
	struct wb_config_value *v = &c->values[k - wb_config_keys];
	struct wa_err e = WA_ERR_INIT;
	char *norm;
	int r = normalise(k, text, &norm, &e);

	if (r < 0)
		return wa_err_set(err, r, "%s%s%s", where ? where : "", where ? ": " : "", e.msg);
	wipe_free(v->text);
	v->text = norm;
	v->set = true;
	return 0;
}

/* "a,b , c" -> "a\nb\nc" */
static char *split_list(const char *text)
{
	struct wa_buf b;
	const char *p = text;
	char *out;

	wa_buf_init(&b, WB_CONFIG_TEXT_MAX * 4);
	while (*p) {
		size_t n = strcspn(p, ",");
		struct wa_span item = wa_span_trim(wa_span(p, n));

		if (item.len) {
			if (b.len)
				wa_buf_u8(&b, '\n');
			wa_buf_span(&b, item);
		}
		p += n;
		p += *p == ',';
	}
	out = strdup(wa_buf_cstr(&b));
	wa_buf_clear(&b);
	return out;
}

/* Text from outside Lua: lists are comma separated. */
static int put_text(struct wb_config *c, const struct wb_config_key *k, const char *text,
		    const char *where, struct wa_err *err)
{
	char *list;
	int r;

	if (strlen(text) > WB_CONFIG_TEXT_MAX)
		return wa_err_set(err, WA_ELIMIT, "%s: value too long", where ? where : k->path);
	if (k->type != WB_C_LIST)
		return wb_config_put(c, k, text, where, err);
	list = split_list(text);
	if (!list)
		return wa_err_set(err, WA_ENOMEM, "configuration");
	r = wb_config_put(c, k, list, where, err);
	free(list);
	return r;
}

int wb_config_set(struct wb_config *c, const char *path, const char *text, struct wa_err *err)
{
	const struct wb_config_key *k = wb_config_key(path);

	if (!k)
		return wa_err_set(err, WA_EINVALID, "unknown key %s", path);
	return put_text(c, k, text, NULL, err);
}

/* "server.tls_cert" -> "WARBLER_SERVER_TLS_CERT" */
static void env_name(const char *path, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, ENV_PREFIX "%s", path);

	for (size_t i = 0; i < n && i < size - 1; i++)
		out[i] = out[i] == '.' ? '_' : (char)toupper((unsigned char)out[i]);
}

static bool env_is_known(const char *name)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(env_known); i++)
		if (strcmp(env_known[i], name) == 0)
			return true;
	return strncmp(name, ENV_PREFIX "PLUGINS_", sizeof(ENV_PREFIX "PLUGINS_") - 1) == 0;
}

static int note_stray(struct wb_config *c, const char *name)
{
	char **p = realloc(c->stray, (c->n_stray + 1) * sizeof(*p));

	if (!p)
		return WA_ENOMEM;
	c->stray = p;
	c->stray[c->n_stray] = strdup(name);
	return c->stray[c->n_stray++] ? 0 : WA_ENOMEM;
}

static int apply_env(struct wb_config *c, char *const *env, struct wa_err *err)
{
	char name[128];
	int r = 0;

	c->env = env;
	for (; env && *env && r == 0; env++) {
		const char *eq = strchr(*env, '=');
		const struct wb_config_key *k;

		if (!eq || strncmp(*env, ENV_PREFIX, sizeof(ENV_PREFIX) - 1) != 0)
			continue;
		for (k = wb_config_keys; k->path; k++) {
			env_name(k->path, name, sizeof(name));
			if (strlen(name) == (size_t)(eq - *env) &&
			    strncmp(name, *env, strlen(name)) == 0)
				break;
		}
		if (k->path) {
			r = put_text(c, k, eq + 1, name, err);
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(eq - *env), *env);
		if (!env_is_known(name) && note_stray(c, name) < 0)
			r = wa_err_set(err, WA_ENOMEM, "configuration");
	}
	return r;
}

static int config_new(struct wb_config **ret_c, struct wa_err *err)
{
	struct wb_config *c = calloc(1, sizeof(*c));
	size_t n = n_keys();

	assert(n > 0);
	if (!c)
		return wa_err_set(err, WA_ENOMEM, "configuration");
	c->values = calloc(n, sizeof(*c->values));
	for (size_t i = 0; c->values && i < n; i++) {
		const struct wb_config_key *k = &wb_config_keys[i];

		c->values[i].text = k->type == WB_C_LIST ? split_list(k->fallback) :
							   strdup(k->fallback);
		if (!c->values[i].text)
			break;
		if (i == n - 1) {
			*ret_c = c;
			return 0;
		}
	}
	wb_config_free(c);
	return wa_err_set(err, WA_ENOMEM, "configuration");
}

static int config_fill(struct wb_config *c, struct wa_span lua, const char *name, char *const *env,
		       struct wa_err *err)
{
	int r = 0;

	c->file = strdup(name);
	if (!c->file)
		return wa_err_set(err, WA_ENOMEM, "configuration");
	if (lua.len)
		r = wb_config_lua(c, lua, name, err);
	return r < 0 ? r : apply_env(c, env, err);
}

int wb_config_parse(struct wa_span lua, const char *name, char *const *env, struct wb_config **ret_c,
		    struct wa_err *err)
{
	struct wb_config *c = NULL;
	int r = config_new(&c, err);

	if (r < 0)
		return r;
	r = config_fill(c, lua, name, env, err);
	if (r < 0) {
		wb_config_free(c);
		return r;
	}
	*ret_c = c;
	return 0;
}

int wb_config_load(const char *file, char *const *env, struct wb_config **ret_c, struct wa_err *err)
{
	struct wa_buf b;
	const char *base;
	char chunk[4096];
	size_t n;
	FILE *f;
	int r;

	if (!file)
		return wb_config_parse(wa_span(NULL, 0), "environment", env, ret_c, err);
	f = fopen(file, "re");
	if (!f)
		return wa_err_detail(err, errno == ENOENT ? WA_ENOTFOUND : WA_EIO, errno, "%s: %s", file,
				     strerror(errno));
	wa_buf_init(&b, WB_CONFIG_FILE_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		wa_buf_put(&b, chunk, n);
	fclose(f);
	base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	r = wa_buf_end(&b, NULL);
	if (r < 0)
		r = wa_err_set(err, r, "%s: larger than %u bytes", base, WB_CONFIG_FILE_MAX);
	else
		r = wb_config_parse(wa_buf_view(&b), base, env, ret_c, err);
	wa_buf_wipe(&b);
	return r;
}

void wb_config_free(struct wb_config *c)
{
	struct wb_config_plugin_value *p, *next;
	size_t n = n_keys();

	if (!c)
		return;
	for (size_t i = 0; c->values && i < n; i++)
		wipe_free(c->values[i].text);
	for (p = c->plugins; p; p = next) {
		next = p->next;
		wb_config_plugin_value_free(p);
	}
	for (size_t i = 0; i < c->n_stray; i++)
		free(c->stray[i]);
	free(c->stray);
	free(c->values);
	free(c->file);
	free(c);
}

static const struct wb_config_value *value(const struct wb_config *c, const char *path, int type)
{
	const struct wb_config_key *k = wb_config_key(path);

	assert(k && k->type == type);
	return &c->values[k - wb_config_keys];
}

const char *wb_config_text(const struct wb_config *c, const char *path)
{
	return value(c, path, WB_C_TEXT)->text;
}

int64_t wb_config_int(const struct wb_config *c, const char *path)
{
	int64_t num = 0;

	if (wa_parse_i64(wa_span_str(value(c, path, WB_C_INT)->text), INT64_MIN, INT64_MAX, &num) < 0)
		return 0;
	return num;
}

bool wb_config_bool(const struct wb_config *c, const char *path)
{
	return value(c, path, WB_C_BOOL)->text[0] == 't';
}

const char *wb_config_item(const struct wb_config *c, const char *path, size_t i)
{
	static char item[WB_CONFIG_TEXT_MAX + 1];	/* loop thread only */
	const char *p = value(c, path, WB_C_LIST)->text;

	for (; i > 0 && p; i--) {
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	if (!p || !*p)
		return NULL;
	snprintf(item, sizeof(item), "%.*s", (int)strcspn(p, "\n"), p);
	return item;
}

const char *wb_config_raw(const struct wb_config *c, size_t i)
{
	return c->values[i].text;
}

bool wb_config_is_set(const struct wb_config *c, const char *path)
{
	const struct wb_config_key *k = wb_config_key(path);

	assert(k);
	return c->values[k - wb_config_keys].set;
}

const char *wb_config_stray(const struct wb_config *c, size_t i)
{
	return i < c->n_stray ? c->stray[i] : NULL;
}

void wb_config_help(struct wa_buf *out)
{
	char env[128];

	wa_buf_str(out, "Keys of warbler.lua. In the environment: WARBLER_ and the path in capitals.\n\n");
	for (const struct wb_config_key *k = wb_config_keys; k->path; k++) {
		env_name(k->path, env, sizeof(env));
		wa_buf_fmt(out, "%s = %s", k->path, k->type == WB_C_LIST ? "{ " : "");
		if (k->type == WB_C_TEXT)
			wa_buf_fmt(out, "\"%s\"", k->fallback);
		else
			wa_buf_str(out, k->fallback);
		wa_buf_fmt(out, "%s\n    %s", k->type == WB_C_LIST ? " }" : "", k->help);
		if (k->choices)
			wa_buf_fmt(out, " (%s)", k->choices);
		if (k->max > k->min)
			wa_buf_fmt(out, " (%lld to %lld)", (long long)k->min, (long long)k->max);
		wa_buf_fmt(out, "\n    %s, %s%s\n", wb_config_type_str(k->type), env,
			   k->secret ? ", secret" : "");
	}
	wa_buf_str(out, "plugins.<name>.<parameter>\n    parameters of a plugin; see its README.md\n");
}
