/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A source becomes a running state; the one before goes on until then. */
#include "host_int.h"

struct source {
	struct wa_span text;
	const char *chunk;
};

static int run_source(lua_State *L)
{
	const struct source *src = lua_touserdata(L, 1);

	lua_settop(L, 0);
	if (luaL_loadbufferx(L, (const char *)src->text.ptr, src->text.len, src->chunk, "t") != LUA_OK)
		return lua_error(L);
	lua_call(L, 0, 0);
	return 0;
}

static void discard(struct wb_script *s)
{
	struct wb_state *st = s->trying;

	for (size_t i = 0; wb_script_parts[i]; i++)
		if (wb_script_parts[i]->discard)
			wb_script_parts[i]->discard(s);
	s->trying = NULL;
	script_state_free(st);
}

int script_try(struct wb_script *s, struct wa_span source, struct wb_state **ret_st,
	       struct script_error *e)
{
	char chunk[WB_SCRIPT_NAME_MAX + 8], text[512];
	struct source src = { source, chunk };
	struct wa_err err = WA_ERR_INIT;
	int64_t now = s->host->world->ops->now_ms(s->host->world);
	struct wb_state *st;
	int status;

	if (script_state_new(s, &st, &err) < 0) {
		script_error_set(e, s->name, err.msg, now);
		return err.code;
	}
	snprintf(chunk, sizeof(chunk), "@%s.lua", s->name);
	s->trying = st;
	st->loading = true;
	script_budget_begin(st, st->L, true);
	lua_pushcfunction(st->L, run_source);
	lua_pushlightuserdata(st->L, &src);
	status = lua_pcall(st->L, 1, 0, 0);
	(void)script_budget_end(st);
	lua_sethook(st->L, NULL, 0, 0);
	st->loading = false;
	if (status != LUA_OK) {
		script_error_text(st->L, status, text, sizeof(text));
		script_error_set(e, s->name, text, now);
		discard(s);
		return WA_EINVALID;
	}
	if (ret_st) {
		*ret_st = st;
		s->trying = NULL;
	} else {
		discard(s);
	}
	return 0;
}

void script_peek_forget(struct wb_script *s)
{
	json_decref(WA_TAKE(s->off_declared));
	free(WA_TAKE(s->off_summary));
}

void script_peek(struct wb_script *s)
{
	struct wa_err err = WA_ERR_INIT;
	struct script_error e;
	struct wb_state *st = NULL;
	struct wa_buf text;

	wa_buf_init(&text, WB_SCRIPT_SOURCE_MAX);
	if (s->path && script_read_file(s->path, WB_SCRIPT_SOURCE_MAX, &text, &err) == 0 &&
	    script_try(s, wa_buf_view(&text), &st, &e) == 0 && st) {
		s->off_declared = st->declared ? json_incref(st->declared) : json_object();
		s->off_summary = st->summary ? wb_strdup(st->summary) : NULL;
		s->trying = st;
		discard(s);
	}
	wa_buf_clear(&text);
}

/* The state goes; events that are not finished stay. */
static void end_state(struct wb_script *s, const char *why)
{
	struct wb_state *st = s->st;

	st->ending = true;	/* who is told may ask again at once */
	script_tasks_kill(s, WA_ESTATE, why);
	for (size_t i = 0; wb_script_parts[i]; i++)
		if (wb_script_parts[i]->closing)
			wb_script_parts[i]->closing(s);
	s->st = NULL;
	wa_list_del(&s->run);
	script_state_free(st);
}

static void begin_state(struct wb_script *s, struct wb_state *st)
{
	bool first = !s->st;

	if (!first)
		end_state(s, "the script was loaded again");
	script_peek_forget(s);
	s->st = st;
	s->loaded_ms = s->host->world->ops->now_ms(s->host->world);
	memset(&s->error, 0, sizeof(s->error));
	memset(&s->trip, 0, sizeof(s->trip));
	if (first)
		script_dispatch_start(s);
	for (size_t i = 0; wb_script_parts[i]; i++)
		if (wb_script_parts[i]->loaded)
			wb_script_parts[i]->loaded(s);
	script_jobs_again(s);
	script_read_on(s->host);
	wb_script_log(s, WA_INFO, first ? "loaded" : "loaded again");
}

int script_load(struct wb_script *s, struct wa_span source, struct wa_err *err)
{
	struct script_error e;
	struct wb_state *st = NULL;
	bool same;
	int r;

	script_digest(source, s->st ? s->st->libs : NULL, s->stamp);
	r = script_try(s, source, &st, &e);
	s->failed = r < 0;
	if (r == 0 && st) {
		script_digest(source, st->libs, s->stamp);
		begin_state(s, st);
		return 0;
	}
	same = s->error.line == e.line && strcmp(s->error.message, e.message) == 0;
	s->error = e;
	if (!same)
		wb_script_log(s, WA_ERROR, "does not load: %s:%d: %s%s", e.file, e.line, e.message,
			      s->st ? "; the version before goes on" : "");
	return wa_err_set(err, r, "%s:%d: %.180s", e.file, e.line, e.message);
}

int script_load_file(struct wb_script *s, struct wa_err *err)
{
	struct wa_buf text;
	int r;

	wa_buf_init(&text, WB_SCRIPT_SOURCE_MAX);
	r = s->path ? script_read_file(s->path, WB_SCRIPT_SOURCE_MAX, &text, err) :
		      wa_err_set(err, WA_ENOTFOUND, "the script has no file");
	if (r == 0)
		r = script_load(s, wa_buf_view(&text), err);
	else
		script_error_set(&s->error, s->name, err ? err->msg : "its file cannot be read",
				 s->host->world->ops->now_ms(s->host->world));
	wa_buf_clear(&text);
	return r;
}

void script_end(struct wb_script *s, const char *why)
{
	if (s->st) {
		end_state(s, why);
		wb_script_log(s, WA_INFO, "ended: %s", why);
	}
	script_jobs_drop(s);
}

/* ---- on or off ---- */

bool script_wanted(const struct wb_script *s)
{
	if (s->wish_known)
		return s->wish;
	if (!s->shipped)
		return true;
	for (char **p = s->host->enabled; p && *p; p++)
		if (strcmp(*p, s->name) == 0)
			return true;
	return false;
}

int script_apply_wish(struct wb_script *s, struct wa_err *err)
{
	if (script_wanted(s))
		return s->st || !s->path ? 0 : script_load_file(s, err);
	script_end(s, "switched off");
	memset(&s->error, 0, sizeof(s->error));
	script_position_forget(s->host, s->name);
	return 0;
}

/* ---- from memory ---- */

int wb_scripts_load(struct wb_scripts *sc, const char *name, struct wa_span source, struct wa_err *err)
{
	struct wb_script *s = wb_scripts_find(sc, name);

	if (!script_name_ok(name))
		return wa_err_set(err, WA_EINVALID, "a script's name is [a-z0-9_-]{1,%d}", WB_SCRIPT_NAME_MAX);
	if (!s)
		s = script_new(sc, name);
	return script_load(s, source, err);
}
