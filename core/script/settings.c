/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings a script declares and its owner sets; sessions and on/off besides. Kept under "script/<name>". */
#include "host_int.h"

#define SETTINGS_MAX 200
#define TEXT_MAX 65536
#define LIST_MAX 1000
#define ROW_MAX (4u << 20)

static const char *const types[] = { "text", "integer", "number", "boolean", "list", "choice" };

static const char *type_of(const json_t *d)
{
	const char *t = json_string_value(json_object_get(d, "type"));

	return t ? t : "text";
}

/* NULL: the value fits. */
static const char *misfit(const json_t *d, const json_t *v)
{
	const char *t = type_of(d);
	const json_t *min = json_object_get(d, "min"), *max = json_object_get(d, "max");
	const json_t *choices = json_object_get(d, "choices");

	if (strcmp(t, "text") == 0)
		return json_is_string(v) && json_string_length(v) <= TEXT_MAX ? NULL : "must be a text";
	if (strcmp(t, "boolean") == 0)
		return json_is_boolean(v) ? NULL : "must be true or false";
	if (strcmp(t, "list") == 0) {
		if (!json_is_array(v) && !(json_is_object(v) && json_object_size(v) == 0))
			return "must be a list of texts";
		for (size_t i = 0; i < json_array_size(v); i++)
			if (!json_is_string(json_array_get(v, i)) || i >= LIST_MAX)
				return "must be a list of texts";
		return NULL;
	}
	if (strcmp(t, "choice") == 0) {
		for (size_t i = 0; i < json_array_size(choices); i++)
			if (json_equal(json_array_get(choices, i), v))
				return NULL;
		return "must be one of the choices";
	}
	if (strcmp(t, "integer") == 0 ? !json_is_integer(v) : !json_is_number(v))
		return strcmp(t, "integer") == 0 ? "must be an integer" : "must be a number";
	if (json_is_number(min) && json_number_value(v) < json_number_value(min))
		return "is too small";
	if (json_is_number(max) && json_number_value(v) > json_number_value(max))
		return "is too large";
	return NULL;
}

static bool known_type(const char *t)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(types); i++)
		if (strcmp(types[i], t) == 0)
			return true;
	return false;
}

static const char *bad_declaration(const char *name, const json_t *d)
{
	static const char *const members[] = { "type", "default", "summary", "choices", "min", "max", "secret" };
	size_t n = strlen(name);
	const char *key;
	json_t *v;

	if (n == 0 || n > 64 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
		return "a name is [a-z0-9_]{1,64}";
	if (!json_is_object(d))
		return "must be a table with type, default, summary";
	json_object_foreach((json_t *)(uintptr_t)d, key, v) {
		bool known = false;

		for (size_t i = 0; i < WA_ARRAY_LEN(members); i++)
			known |= strcmp(members[i], key) == 0;
		if (!known)
			return "has an unknown member (type, default, summary, choices, min, max, secret)";
	}
	if (!known_type(type_of(d)))
		return "type is text, integer, number, boolean, list or choice";
	if (strcmp(type_of(d), "choice") == 0 && json_array_size(json_object_get(d, "choices")) == 0)
		return "a choice needs choices";
	v = json_object_get(d, "default");
	return v ? misfit(d, v) : NULL;
}

const char *script_settings_declare(const json_t *declared, char *buf, size_t size)
{
	const char *name, *why;
	json_t *d;

	if (json_object_size(declared) > SETTINGS_MAX)
		return snprintf(buf, size, "too many") < 0 ? NULL : buf;
	json_object_foreach((json_t *)(uintptr_t)declared, name, d) {
		why = bad_declaration(name, d);
		if (why) {
			snprintf(buf, size, "%.64s: %s", name, why);
			return buf;
		}
	}
	return NULL;
}

const json_t *script_declared(const struct wb_state *st, const char *name)
{
	return json_object_get(st->declared, name);
}

/* What the owner set, when it still fits; else the default. */
const json_t *script_setting(const struct wb_script *s, const struct wb_state *st, const char *name)
{
	const json_t *d = script_declared(st, name), *v = json_object_get(s->settings, name);

	if (v && !misfit(d, v))
		return v;
	return json_object_get(d, "default");
}

const json_t *script_declares(struct wb_script *s)
{
	if (s->st)
		return s->st->declared;
	if (!s->off_declared && !script_wanted(s))
		script_peek(s);
	return s->off_declared;
}

json_t *script_settings_json(struct wb_script *s)
{
	json_t *out = json_object(), *d;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)script_declares(s), name, d) {
		const json_t *v = json_object_get(s->settings, name);

		if (!v || misfit(d, v))
			v = json_object_get(d, "default");

		if (v && !json_is_true(json_object_get(d, "secret")))
			json_object_set(out, name, (json_t *)(uintptr_t)v);
	}
	return out;
}

/* ---- storage ---- */

static void key_of(const struct wb_script *s, char out[80])
{
	snprintf(out, 80, "script/%s", s->name);
}

void script_settings_read(struct wb_script *s)
{
	struct wb_world *w = s->host->world;
	struct wa_buf text;
	char key[80];
	json_t *doc = NULL, *v;

	key_of(s, key);
	wa_buf_init(&text, ROW_MAX);
	if (w->ops->kv_get(w, HOST_SPACE, key, &text) == 1)
		doc = json_loadb((const char *)text.ptr, text.len, 0, NULL);
	wa_buf_wipe(&text);
	v = json_object_get(doc, "enabled");
	s->wish_known = json_is_boolean(v);
	s->wish = json_is_true(v);
	json_decref(s->sessions);
	v = json_object_get(doc, "sessions");
	s->sessions = json_is_array(v) ? json_incref(v) : NULL;
	json_decref(s->settings);
	v = json_object_get(doc, "settings");
	s->settings = json_is_object(v) ? json_incref(v) : json_object();
	json_decref(doc);
}

/* ---- changing ---- */

static int check_patch(struct wb_script *s, const json_t *patch, struct wa_err *err)
{
	const json_t *sessions = json_object_get(patch, "sessions"), *set = json_object_get(patch, "settings");
	const json_t *enabled = json_object_get(patch, "enabled");
	const char *name, *why;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)patch, name, v)
		if (strcmp(name, "enabled") && strcmp(name, "sessions") && strcmp(name, "settings"))
			return wa_err_set(err, WA_EINVALID, "unknown member '%.60s' (enabled, sessions, settings)", name);
	if (enabled && !json_is_boolean(enabled))
		return wa_err_set(err, WA_EINVALID, "enabled must be true or false");
	if (sessions && !json_is_null(sessions) && !json_is_array(sessions))
		return wa_err_set(err, WA_EINVALID, "sessions must be a list of session ids, or null for the script's own");
	for (size_t i = 0; i < json_array_size(sessions); i++)
		if (!json_is_string(json_array_get(sessions, i)))
			return wa_err_set(err, WA_EINVALID, "sessions must be a list of session ids");
	if (set && !json_is_object(set))
		return wa_err_set(err, WA_EINVALID, "settings must be an object");
	json_object_foreach((json_t *)(uintptr_t)set, name, v) {
		const json_t *declared = script_declares(s), *d = json_object_get(declared, name);

		if (!declared)
			return wa_err_set(err, WA_ESTATE, "the script does not load, so its settings are not known");
		if (!d)
			return wa_err_set(err, WA_EINVALID, "the script declares no setting '%.60s'", name);
		why = json_is_null(v) ? NULL : misfit(d, v);
		if (why)
			return wa_err_set(err, WA_EINVALID, "%.60s %s", name, why);
	}
	return 0;
}

struct saving {
	struct host_life *life;
	char name[WB_SCRIPT_NAME_MAX + 1];
	wb_world_done_fn *done;
	void *ctx;
};

/* What storage has now becomes true; before it was only asked for. */
static void on_saved(void *ctx, int code, const char *message)
{
	struct saving *sv = ctx;
	struct wb_scripts *sc = script_life_end(sv->life);
	struct wb_script *s = sc ? wb_scripts_find(sc, sv->name) : NULL;
	struct wa_err err = WA_ERR_INIT;

	if (code == 0 && s && !sc->stopping) {
		script_settings_read(s);
		(void)script_apply_wish(s, &err);	/* a failure shows in the script's document */
	}
	if (sv->done)
		sv->done(sv->ctx, code, message);
	free(sv);
}

static json_t *patched(const struct wb_script *s, const json_t *patch)
{
	json_t *doc = json_object(), *settings = json_deep_copy(s->settings), *v;
	const json_t *enabled = json_object_get(patch, "enabled"), *sessions = json_object_get(patch, "sessions");
	const char *name;

	if (enabled || s->wish_known)
		json_object_set_new(doc, "enabled", json_boolean(enabled ? json_is_true(enabled) : s->wish));
	if (json_is_array(sessions))
		json_object_set_new(doc, "sessions", json_deep_copy(sessions));
	else if (!sessions && s->sessions)
		json_object_set(doc, "sessions", s->sessions);
	json_object_foreach(json_object_get(patch, "settings"), name, v) {
		if (json_is_null(v))
			json_object_del(settings, name);
		else
			json_object_set(settings, name, v);
	}
	json_object_set_new(doc, "settings", settings);
	return doc;
}

int wb_script_patch(struct wb_scripts *sc, const char *name, const json_t *patch, wb_world_done_fn *done,
		    void *ctx, struct wa_err *err)
{
	struct wb_script *s = wb_scripts_find(sc, name);
	struct wb_world *w = sc->world;
	struct saving *sv;
	json_t *doc;
	char key[80], *text;
	int r;

	if (!s)
		return wa_err_set(err, WA_ENOTFOUND, "no such script");
	script_settings_read(s);	/* with what is on its way to storage */
	r = check_patch(s, patch, err);
	if (r < 0)
		return r;
	doc = patched(s, patch);
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	if (!text)
		return wa_err_set(err, WA_ENOMEM, "settings");
	sv = wb_zalloc(sizeof(*sv));
	sv->life = sc->life;
	sc->life->refs++;
	snprintf(sv->name, sizeof(sv->name), "%s", name);
	sv->done = done;
	sv->ctx = ctx;
	key_of(s, key);
	w->ops->kv_put(w, HOST_SPACE, key, wa_span_str(text), 0, on_saved, sv);
	free(text);
	return 0;
}
