/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functions of plugins that scripts call, and the other way round. */
#include "host_lua.h"
#include "host_priv.h"
#include "scripts.h"

#define ARGS_MAX (1u << 20)	/* bytes of arguments, and of a result */
#define NAME_MAX_LEN 64
#define CALLS_MAX 10000		/* waiting for one plugin */

/* ---- the registry ---- */

struct function {
	struct wb_handle h;
	struct wa_list link;		/* in wb_plugins.lua */
	char *name, *args_help, *summary;
	wb_lua_fn *fn;
	void *ctx;
};

static void function_revoke(struct wb_handle *h)
{
	struct function *f = container_of(h, struct function, h);

	wa_list_del(&f->link);
	free(f->name);
	free(f->args_help);
	free(f->summary);
	free(f);
}

static struct function *find(struct wb_plugins *p, const char *plugin, const char *name)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &p->lua) {
		struct function *f = container_of(it, struct function, link);

		if (strcmp(f->h.pl->name, plugin) == 0 && strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}

static bool name_ok(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n > 0 && n <= NAME_MAX_LEN && *name >= 'a' && *name <= 'z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

int32_t wb_host_lua_function(struct wb_plugin *self, const char *name, const char *args_help,
			     const char *summary, wb_lua_fn *fn, void *ctx)
{
	struct function *f;

	if (!name_ok(name) || !fn)
		return WB_EINVALID;
	if (find(self->host, self->name, name))
		return WB_ECONFLICT;
	f = wb_zalloc(sizeof(*f));
	f->name = wb_strdup(name);
	f->args_help = wb_strdup(args_help ? args_help : "()");
	f->summary = wb_strdup(summary ? summary : "");
	f->fn = fn;
	f->ctx = ctx;
	wa_list_push_back(&self->host->lua, &f->link);
	wb_handle_add(self, &f->h, function_revoke, "lua_functions");
	return 0;
}

void wb_plugin_lua_each(struct wb_gateway *gw, const char *plugin,
			int (*fn)(void *ctx, const struct wb_lua_info *i), void *ctx)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &gw->plugins->lua) {
		struct function *f = container_of(it, struct function, link);
		struct wb_lua_info i = { f->h.pl->name, f->name, f->args_help, f->summary };

		if ((!plugin || strcmp(plugin, i.plugin) == 0) && fn(ctx, &i))
			return;
	}
}

/* ---- a script asks a plugin ---- */

struct wb_lua_call {
	struct wb_handle h;		/* of the plugin that has to answer */
	struct wb_loop *loop;
	wb_lua_answer_fn *fn;		/* NULL: forgotten */
	void *ctx;
	struct wa_buf args;
	int code;
	struct wa_buf result;
	char message[256];
};

static void deliver(void *ctx)
{
	struct wb_lua_call *c = ctx;

	if (c->fn)
		c->fn(c->ctx, c->code, wa_buf_view(&c->result), c->message);
	wa_buf_wipe(&c->args);
	wa_buf_wipe(&c->result);
	free(c);
}

static void answer(struct wb_lua_call *c, int code, struct wa_span json, const char *message)
{
	c->code = code;
	wa_buf_span(&c->result, json);
	if (c->result.failed) {
		c->code = WA_ELIMIT;
		message = "the result is too large";
		wa_buf_clear(&c->result);
	}
	(void)snprintf(c->message, sizeof(c->message), "%s", message ? message : wa_code_str(c->code));
	wb_loop_defer(c->loop, deliver, c);
}

static void call_revoke(struct wb_handle *h)
{
	answer(container_of(h, struct wb_lua_call, h), WA_ESTATE, wa_span(NULL, 0), "the plugin was unloaded");
}

struct wb_lua_call *wb_plugin_lua_ask(struct wb_gateway *gw, const char *plugin, const char *function,
				      struct wa_span args, wb_lua_answer_fn *fn, void *ctx, struct wa_err *err)
{
	struct function *f = find(gw->plugins, plugin, function);
	struct wb_plugin *pl = f ? f->h.pl : NULL;
	struct wb_lua_call *c;
	struct wb_watch w;

	if (!f) {
		wa_err_set(err, WA_ENOTFOUND, "no plugin offers %s.%s", plugin, function);
		return NULL;
	}
	if (args.len > ARGS_MAX) {
		wa_err_set(err, WA_ELIMIT, "arguments of more than %u bytes", ARGS_MAX);
		return NULL;
	}
	if (wb_handles_count(pl) > CALLS_MAX) {
		wa_err_set(err, WA_ELIMIT, "too much waits for the plugin %s", plugin);
		return NULL;
	}
	c = wb_zalloc(sizeof(*c));
	c->loop = gw->loop;
	c->fn = fn;
	c->ctx = ctx;
	wa_buf_init(&c->args, ARGS_MAX);
	wa_buf_init(&c->result, ARGS_MAX);
	wa_buf_span(&c->args, args);
	wb_handle_add(pl, &c->h, call_revoke, "lua_calls");
	w = wb_plugin_enter(pl);
	f->fn(f->ctx, c);
	wb_plugin_leave(pl, &w);
	return c;
}

void wb_plugin_lua_forget(struct wb_lua_call *c)
{
	if (c)
		c->fn = NULL;
}

struct wb_str wb_host_lua_args(struct wb_lua_call *c)
{
	return (struct wb_str){ (const char *)c->args.ptr, c->args.len };
}

void wb_host_lua_return(struct wb_lua_call *take_c, struct wb_str json)
{
	wb_handle_del(&take_c->h);
	answer(take_c, 0, json.ptr ? wa_span(json.ptr, json.len) : wa_span_str("null"), "");
}

void wb_host_lua_fail(struct wb_lua_call *take_c, int32_t code, const char *message)
{
	wb_handle_del(&take_c->h);
	answer(take_c, code < 0 ? code : WA_EINTERNAL, wa_span(NULL, 0), message);
}

/* ---- a plugin asks a script ---- */

struct asked {
	struct wb_handle h;
	wb_lua_result_fn *fn;
	void *ctx;
};

static void asked_revoke(struct wb_handle *h)
{
	(void)h;	/* the answer frees it */
}

static void on_result(void *ctx, int code, const char *message, const json_t *value)
{
	struct asked *a = ctx;
	struct wb_plugin *pl = a->h.pl;
	struct wb_watch w;
	char *text;

	if (pl) {
		text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
		wb_handle_del(&a->h);
		w = wb_plugin_enter(pl);
		a->fn(a->ctx, code, (struct wb_str){ text ? text : "", text ? strlen(text) : 0 },
		      message ? message : "");
		wb_plugin_leave(pl, &w);
		free(text);
	}
	free(a);
}

int32_t wb_host_lua_call(struct wb_plugin *self, const char *script, const char *function, struct wb_str args,
			 wb_lua_result_fn *fn, void *ctx)
{
	struct asked *a;
	json_t *list;
	int r;

	if (args.len > ARGS_MAX)
		return WB_ELIMIT;
	list = args.ptr ? json_loadb(args.ptr, args.len, 0, NULL) : json_array();
	if (!json_is_array(list)) {
		json_decref(list);
		return WB_EINVALID;
	}
	a = wb_zalloc(sizeof(*a));
	a->fn = fn;
	a->ctx = ctx;
	wb_handle_add(self, &a->h, asked_revoke, "lua_asked");
	r = wb_scripts_call(wb_plugin_gateway(self), script, function, list, on_result, a);
	json_decref(list);
	if (r < 0) {
		wb_handle_del(&a->h);
		free(a);
	}
	return r;
}
