/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_HOST_LUA_H
#define WB_HOST_LUA_H

/*
 * Where plugins and scripts meet: functions of plugins that scripts call, and functions of scripts that
 * plugins call. The gateway knows nothing of Lua; core/script reads this registry and offers the other
 * direction through scripts.h.
 */
#include <base.h>

struct wb_gateway;
struct wb_lua_call;

/* Code 0 and a JSON value, or < 0 and a message. Exactly once, on the loop, never inside the call that
 * asked. Borrowed for the call. */
typedef void wb_lua_answer_fn(void *ctx, int code, struct wa_span json, const char *message);

/* ---- functions of plugins ---- */

/* args: a JSON array, copied. NULL: err says why (WA_ENOTFOUND: no such plugin or function), and fn is
 * not called. A plugin that is unloaded meanwhile answers WA_ESTATE. */
struct wb_lua_call *wb_plugin_lua_ask(struct wb_gateway *gw, const char *plugin, const char *function,
				      struct wa_span args, wb_lua_answer_fn *fn, void *ctx, struct wa_err *err);
/* The asker is gone: fn is not called. Valid until fn was called. */
void wb_plugin_lua_forget(struct wb_lua_call *c);

struct wb_lua_info {
	const char *plugin, *name, *args_help, *summary;	/* never NULL */
};
/* Every function, in the order registered, of one plugin (NULL: of all); non-zero from fn stops. */
void wb_plugin_lua_each(struct wb_gateway *gw, const char *plugin,
			int (*fn)(void *ctx, const struct wb_lua_info *i), void *ctx);

#endif
