/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PLUGIN_HOST_H
#define WB_PLUGIN_HOST_H

/*
 * The plugin host: loads modules, gives them the host table of
 * <warbler/plugin.h>, and takes back everything they registered when they go.
 * A plugin is named; <plugins.dir>/<name>.so is its file.
 */
#include <jansson.h>
#include "tx.h"

struct wb_plugins;
struct wb_plugin;

int wb_plugins_new(struct wb_gateway *gw, struct wb_plugins **ret_p, struct wa_err *err) WA_MUST_USE;
void wb_plugins_stop(struct wb_plugins *p);	/* stops and unloads all, last loaded first */
/* The memory: after the loop is gone, since other threads may have posted to it. NULL allowed. */
void wb_plugins_free(struct wb_plugins *p);
/* Blocks for its migrations: start-up and tests. */
int wb_plugin_load(struct wb_plugins *p, const char *name, struct wa_err *err) WA_MUST_USE;
int wb_plugin_unload(struct wb_plugins *p, const char *name, struct wa_err *err) WA_MUST_USE;

/*
 * Loading and reloading while the loop runs. Its parameters are read again from the
 * configuration's file. File and migrations are read and applied on the pool; a reload
 * touches the old one only when the new one is mapped, its parameters are right and its tables are made:
 * then, in one turn, the old one is stopped and the new one started. When that does not start, the bytes of
 * the old one are started again, on the tables as they are now. done runs exactly once, later: code 0, or
 * err says what happened and which one runs now.
 */
typedef void wb_plugin_done_fn(void *ctx, int code, const struct wa_err *err);
int wb_plugin_load_later(struct wb_plugins *p, const char *name, wb_plugin_done_fn *done, void *ctx,
			 struct wa_err *err) WA_MUST_USE;
int wb_plugin_reload_later(struct wb_plugins *p, const char *name, wb_plugin_done_fn *done, void *ctx,
			   struct wa_err *err) WA_MUST_USE;
/* By name; NULL: not loaded. */
const struct wb_plugin *wb_plugin_get(const struct wb_plugins *p, const char *name);
/* In the order loaded; NULL past the end. */
const struct wb_plugin *wb_plugin_at(const struct wb_plugins *p, size_t i);
const char *wb_plugin_name(const struct wb_plugin *pl);
/* {"name", "version", "summary", "license", "params": [{"name", "type", "value" or
 * absent when secret, "help", "default"}]}; new reference. */
json_t *wb_plugin_json(const struct wb_plugin *pl);
/* The same, and {"abi", "file", "loaded_at", "enabled_at_start", "handles": {kind: how many}, "slow_callbacks":
 * {"count", "longest_ms", "limit_ms"}, "lua_functions": [{"name", "args", "summary"}]}. */
json_t *wb_plugin_json_whole(const struct wb_plugin *pl);
/* Whether plugins.enabled has it: what the next start of the program will do. */
bool wb_plugin_enabled(const struct wb_gateway *gw, const char *name);
/* How many things of any kind it has registered. */
size_t wb_plugin_handles(const struct wb_plugin *pl);

#endif
