/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scripts as documents, and what REST does with them. */
#include <clock.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "host_int.h"

/* ---- documents ---- */

static json_t *time_json(int64_t ms)
{
	char text[WA_TIME_TEXT];

	return ms ? json_string(wa_time_format(ms, text)) : json_null();
}

json_t *script_error_json(const struct script_error *e)
{
	if (!e->ms)
		return json_null();
	return json_pack("{s:s s:i s:s s:o}", "file", e->file, "line", e->line, "message", e->message, "time",
			 time_json(e->ms));
}

static const char *state_of(const struct wb_script *s)
{
	if (s->st)
		return script_suspended(s) ? "suspended" : "running";
	return script_wanted(s) ? "failed" : "off";
}

static json_t *suspended_json(const struct wb_script *s)
{
	if (!script_suspended(s))
		return json_null();
	return json_pack("{s:o s:s s:i}", "until", time_json(s->trip.until_ms), "reason", s->trip.reason, "count",
			 (int)s->trip.strikes);
}

static json_t *declared_json(const json_t *declared)
{
	json_t *out = json_array(), *d;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)declared, name, d) {
		json_t *one = json_copy(d);

		json_object_set_new(one, "name", json_string(name));
		if (!json_object_get(one, "type"))
			json_object_set_new(one, "type", json_string("text"));
		json_array_append_new(out, one);
	}
	return out;
}

static json_t *handlers_json(struct wb_state *st)
{
	json_t *out = json_array();
	struct wa_list *it;

	if (!st)
		return out;
	WA_LIST_EACH(it, &st->handlers) {
		const struct script_handler *h = container_of(it, struct script_handler, link);

		json_array_append_new(out, json_pack("{s:s s:i}", "event", h->kinds, "line", h->line));
	}
	return out;
}

static json_t *stats_json(struct wb_script *s)
{
	int64_t behind = s->st && s->behind ? s->host->next - s->next : 0;

	return json_pack("{s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I}", "calls", (json_int_t)s->stats.calls, "errors",
			 (json_int_t)s->stats.errors, "stopped", (json_int_t)s->stats.stopped, "waiting",
			 (json_int_t)s->n_tasks, "queued", (json_int_t)s->n_jobs, "behind", (json_int_t)behind, "memory",
			 (json_int_t)(s->st ? s->st->used : 0), "memory_max",
			 (json_int_t)s->host->limits.memory, "p50_us", (json_int_t)script_percentile(s, 50), "p99_us",
			 (json_int_t)script_percentile(s, 99));
}

static json_t *one_json(struct wb_script *s)
{
	const json_t *sessions = s->sessions ? s->sessions : s->st ? s->st->sessions : NULL;
	const json_t *declared = script_declares(s);
	const char *summary = s->st ? s->st->summary : s->off_summary;
	json_t *o = json_pack("{s:s s:s s:b s:b s:s s:s s:o s:o s:o s:o s:o s:o s:o}", "name", s->name, "file",
			      s->path ? s->path : "", "shipped", s->shipped, "enabled", script_wanted(s), "state",
			      state_of(s), "summary", summary ? summary : "", "error",
			      script_error_json(&s->error), "suspended", suspended_json(s), "settings",
			      script_settings_json(s), "declared", declared_json(declared), "handlers",
			      handlers_json(s->st), "loaded", time_json(s->st ? s->loaded_ms : 0), "stats",
			      stats_json(s));

	if (o && sessions)
		json_object_set_new(o, "sessions", json_deep_copy(sessions));
	return o;
}

json_t *wb_script_json(struct wb_scripts *sc, const char *name)
{
	struct wb_script *s = wb_scripts_find(sc, name);

	return s ? one_json(s) : NULL;
}

json_t *wb_scripts_json(struct wb_scripts *sc)
{
	json_t *out = json_array();
	struct wa_list *it;

	WA_LIST_EACH(it, &sc->scripts)
		json_array_append_new(out, one_json(container_of(it, struct wb_script, link)));
	return out;
}

json_t *wb_script_log_json(struct wb_scripts *sc, const char *name, size_t limit)
{
	static const char *const levels[] = { "debug", "info", "warn", "error" };
	struct wb_script *s = wb_scripts_find(sc, name);
	json_t *out;
	size_t n;

	if (!s)
		return NULL;
	out = json_array();
	n = limit && limit < s->n_log ? limit : s->n_log;
	for (size_t i = HOST_LOG_LINES - n; i < HOST_LOG_LINES; i++) {
		const struct script_line *l = &s->log[(s->i_log + i) % HOST_LOG_LINES];
		json_t *o = json_pack("{s:o s:s s:s}", "time", time_json(l->ms), "level", levels[l->level & 3], "text",
				      l->text);

		if (!o)		/* text that is not UTF-8 */
			o = json_pack("{s:o s:s s:s}", "time", time_json(l->ms), "level", levels[l->level & 3], "text",
				      "(not UTF-8)");
		if (l->again)
			json_object_set_new(o, "repeated", json_integer(l->again));
		json_array_append_new(out, o);
	}
	return out;
}

/* ---- sources ---- */

int wb_script_source(struct wb_scripts *sc, const char *name, struct wa_buf *out, struct wa_err *err)
{
	struct wb_script *s = wb_scripts_find(sc, name);

	if (!s || !s->path)
		return wa_err_set(err, WA_ENOTFOUND, "no such script");
	return script_read_file(s->path, WB_SCRIPT_SOURCE_MAX, out, err);
}

static int checked_name(struct wb_scripts *sc, const char *name, struct wa_span source, struct wa_err *err)
{
	if (!script_name_ok(name))
		return wa_err_set(err, WA_EINVALID, "a script's name is [a-z0-9_-]{1,%d}, not ending in _test",
				  WB_SCRIPT_NAME_MAX);
	if (source.len > WB_SCRIPT_SOURCE_MAX)
		return wa_err_set(err, WA_ELIMIT, "a script has at most %u KiB", WB_SCRIPT_SOURCE_MAX >> 10);
	if (!sc->dir)
		return wa_err_set(err, WA_ESTATE, "there is no scripts folder");
	return 0;
}

int wb_script_check(struct wb_scripts *sc, const char *name, struct wa_span source, json_t **ret_error,
		    struct wa_err *err)
{
	struct wb_script *s = wb_scripts_find(sc, name);
	bool made = !s;
	struct script_error e;
	int r = checked_name(sc, name, source, err);

	if (r < 0)
		return r;
	if (made)
		s = script_new(sc, name);
	r = script_try(s, source, NULL, &e);
	if (r < 0) {
		if (ret_error)
			*ret_error = script_error_json(&e);
		(void)wa_err_set(err, WA_EINVALID, "%s:%d: %.180s", e.file, e.line, e.message);
	}
	if (made)
		script_free(s);
	return r < 0 ? WA_EINVALID : 0;
}

/* What was renamed or removed in it is so after a crash, too. */
static int sync_dir(const char *dir, struct wa_err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -1 : fsync(fd), e = errno;

	if (fd >= 0)
		close(fd);
	return r < 0 ? wa_err_detail(err, WA_EIO, e, "%.160s: %s", dir, strerror(e)) : 0;
}

/* Under another name first, so that nobody ever reads half of it. */
static int write_file(const char *path, struct wa_span text, struct wa_err *err)
{
	char tmp[4200];
	ssize_t n;
	int fd, e = 0;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return wa_err_detail(err, WA_EIO, errno, "%.160s: %s", path, strerror(errno));
	n = write(fd, text.ptr, text.len);
	if (n != (ssize_t)text.len)
		e = n < 0 ? errno : ENOSPC;
	else if (fsync(fd) < 0)
		e = errno;
	if (close(fd) < 0 && !e)
		e = errno;
	if (!e && rename(tmp, path) < 0)
		e = errno;
	if (e) {
		unlink(tmp);
		return wa_err_detail(err, WA_EIO, e, "%.160s: %s", path, strerror(e));
	}
	return 0;
}

int wb_script_put(struct wb_scripts *sc, const char *name, struct wa_span source, json_t **ret_error,
		  struct wa_err *err)
{
	char path[4096];
	int r = wb_script_check(sc, name, source, ret_error, err);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/%s.lua", sc->dir, name);
	r = write_file(path, source, err);
	if (r == 0)
		r = sync_dir(sc->dir, err);
	if (r == 0)
		wb_scripts_rescan(sc);
	return r;
}

int wb_script_delete(struct wb_scripts *sc, const char *name, struct wa_err *err)
{
	struct wb_script *s = wb_scripts_find(sc, name);

	if (!s || !s->path)
		return wa_err_set(err, WA_ENOTFOUND, "no such script");
	if (s->shipped)
		return wa_err_set(err, WA_EDENIED, "a shipped script can be switched off, not deleted");
	if (unlink(s->path) < 0 && errno != ENOENT)
		return wa_err_detail(err, WA_EIO, errno, "%.160s: %s", s->path, strerror(errno));
	wb_scripts_rescan(sc);
	return sync_dir(sc->dir, err);
}

int wb_script_reload(struct wb_scripts *sc, const char *name, json_t **ret_error, struct wa_err *err)
{
	struct wb_script *s = wb_scripts_find(sc, name);
	int r;

	if (!s)
		return wa_err_set(err, WA_ENOTFOUND, "no such script");
	if (!script_wanted(s))
		return wa_err_set(err, WA_ESTATE, "the script is switched off");
	r = script_load_file(s, err);
	if (r < 0 && ret_error)
		*ret_error = script_error_json(&s->error);
	return r;
}

/* ---- exports ---- */

struct call {
	wb_script_call_fn *fn;
	void *ctx;
	json_t *args;
	int ref;
};

static int push_export(lua_State *L, void *ctx)
{
	const struct call *c = ctx;
	size_t n = json_array_size(c->args);

	luaL_checkstack(L, (int)n + 2, "arguments");
	lua_rawgeti(L, LUA_REGISTRYINDEX, c->ref);
	for (size_t i = 0; i < n; i++)
		wb_lua_push_json(L, json_array_get(c->args, i));
	return (int)n;
}

static int take_result(lua_State *L)
{
	lua_State *co = lua_touserdata(L, 1);
	json_t **ret = lua_touserdata(L, 2);

	luaL_checkstack(L, 4, "result");
	lua_pushvalue(co, lua_tointeger(L, 3) > 0 ? -(int)lua_tointeger(L, 3) : -1);
	lua_xmove(co, L, 1);
	*ret = json_incref(wb_lua_to_json(L, -1));
	return 0;
}

static void on_exported(void *ctx, int code, const char *message, lua_State *co, int nres)
{
	struct call *c = ctx;
	json_t *value = NULL;
	char text[256];
	int status;

	if (code == 0 && nres > 0 && lua_checkstack(co, 2)) {
		lua_State *L = script_state_of(co)->L;

		lua_pushcfunction(L, take_result);
		lua_pushlightuserdata(L, co);
		lua_pushlightuserdata(L, &value);
		lua_pushinteger(L, nres);
		status = lua_pcall(L, 3, 0, 0);
		if (status != LUA_OK) {
			script_error_text(L, status, text, sizeof(text));
			lua_settop(L, 0);
			code = WA_EINVALID;
			message = text;
		}
	}
	if (code == 0 && !value)
		value = json_null();
	c->fn(c->ctx, code, message, value);
	json_decref(value);
	json_decref(c->args);
	free(c);
}

int wb_scripts_export_call(struct wb_scripts *sc, const char *script, const char *function,
			   const json_t *args, wb_script_call_fn *fn, void *ctx)
{
	struct wb_script *s = wb_scripts_find(sc, script);
	struct wa_list *it;
	char label[96];

	if (!s || !s->st || s->st->ending || sc->stopping)
		return WA_ENOTFOUND;
	WA_LIST_EACH(it, &s->st->exports) {
		const struct script_export *e = container_of(it, struct script_export, link);
		struct call *c;

		if (strcmp(e->name, function) != 0)
			continue;
		c = wb_zalloc(sizeof(*c));
		*c = (struct call){ fn, ctx, json_deep_copy(args), e->ref };
		snprintf(label, sizeof(label), "function %.64s", function);
		wb_task_start(s, label, NULL, NULL, push_export, on_exported, c);
		return 0;
	}
	return WA_ENOTFOUND;
}
