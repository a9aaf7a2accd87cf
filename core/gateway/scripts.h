/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_GATEWAY_SCRIPTS_H
#define WB_GATEWAY_SCRIPTS_H

/*
 * The Lua host as the gateway sees it: core/script stands above this library and is
 * reached through a table, so that the gateway runs (and is tested) without it.
 */
#include "gateway.h"

typedef void wb_scripts_call_fn(void *ctx, int code, const char *message, const json_t *value);

struct wb_script_ops {
	int (*start)(struct wb_gateway *gw, struct wa_err *err);	/* sets gw->scripts; after plugins and API */
	void (*stop)(struct wb_gateway *gw);	/* no Lua runs any more, positions are on their way to storage */
	void (*free)(struct wb_gateway *gw);
	int (*call)(struct wb_gateway *gw, const char *script, const char *function, const json_t *args,
		    wb_scripts_call_fn *fn, void *ctx);
	/* core/script/flow.h */
	json_t *(*flows)(struct wb_scripts *sc, const char *session, const char *chat, const char *script,
			 const char *after, size_t limit);
	int (*flow_end)(struct wb_scripts *sc, const char *id, const char *reason, bool human, int64_t until_ms,
			const char *note, void (*done)(void *ctx, int code, const char *message), void *ctx,
			struct wa_err *err);
};

/* A function a script exported. WA_ENOTFOUND at once when there is none (or no host); otherwise fn
 * runs exactly once, later. args: a JSON array. */
static inline int wb_scripts_call(struct wb_gateway *gw, const char *script, const char *function,
				  const json_t *args, wb_scripts_call_fn *fn, void *ctx)
{
	if (!gw->scripts)
		return WA_ENOTFOUND;
	return gw->script_ops->call(gw, script, function, args, fn, ctx);
}

#endif
