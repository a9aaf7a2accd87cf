/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SCRIPT_H
#define WB_SCRIPT_H

/*
 * The Lua 5.4 host, as seen from outside: by the REST API, by `warbler serve`
 * and by `warbler script test`. Bindings use script_int.h.
 *
 * A script is one file `<name>.lua`, name [a-z0-9_-]{1,48}, directly in the
 * scripts folder (on unless switched off) or in the folder of shipped scripts
 * (off unless switched on). An own script hides a shipped one of the same name; `<name>_test.lua` is no script.
 * Each has a Lua state of its own: capped memory, allow-listed libraries, no
 * globals but Lua's, `require` of "warbler", of <dir>/lib and <shipped>/lib.
 *
 * Life: wb_scripts_new -> wb_scripts_start (loads, begins to read events) ->
 * wb_scripts_stop (no Lua runs any more; positions are saved) -> wb_scripts_free.
 *
 * A script that fails to load leaves the running one in place; its error is
 * kept (wb_script_json) until a load succeeds.
 *
 * What the host does to the world, it does through struct wb_world (world.h).
 */
#include <jansson.h>
#include <wa/buf.h>
#include "world.h"

#define WB_SCRIPT_NAME_MAX 48
#define WB_SCRIPT_SOURCE_MAX (512u << 10)	/* bytes */

struct wb_gateway;
struct wb_scripts;
struct wb_script;

struct wb_script_limits {
	size_t memory;			/* bytes of one Lua state */
	uint64_t instructions;		/* between two waits of a handler */
	int64_t slice_ms;		/* wall time between two waits */
	int64_t life_ms;		/* of a handler, waiting included */
	unsigned tasks;			/* handlers under way at once, in one script */
};
extern const struct wb_script_limits wb_script_limits;	/* the defaults of the configuration */

struct wb_scripts_opts {
	struct wb_world *world;		/* borrowed; outlives the host */
	const char *dir;		/* own scripts; NULL none */
	const char *shipped;		/* NULL none */
	const char *const *enabled;	/* shipped ones that are on, NULL-terminated; NULL none */
	struct wb_script_limits limits;	/* zeros: the default */
};

int wb_scripts_new(const struct wb_scripts_opts *o, struct wb_scripts **ret_sc, struct wa_err *err)
	WA_MUST_USE;
/* A script that does not load is no failure: it shows its error. */
int wb_scripts_start(struct wb_scripts *sc, struct wa_err *err) WA_MUST_USE;
void wb_scripts_stop(struct wb_scripts *sc);
void wb_scripts_free(struct wb_scripts *sc);		/* NULL allowed */

/* A script from memory, for tests and `warbler script test`; replaces one of that name. When it does
 * not load, err says why ("file:line: reason") and a running one goes on. */
int wb_scripts_load(struct wb_scripts *sc, const char *name, struct wa_span source, struct wa_err *err)
	WA_MUST_USE;
/* One event, committed, in the order of seq: to whoever wants it. The world calls this. */
void wb_scripts_event(struct wb_scripts *sc, const struct wb_event *ev);
/* No task is ready to run and none is between two slices; those that wait do not count. */
bool wb_scripts_quiet(const struct wb_scripts *sc);
size_t wb_scripts_waiting(const struct wb_scripts *sc);	/* tasks under way */

/* ---- managing (REST) ---- */
/*
 * {"name", "file", "shipped", "enabled", "state": "running|off|failed|suspended", "summary",
 *  "sessions": [ids] (absent: all), "error": {"file", "line", "message", "time"} or null,
 *  "suspended": {"until", "reason", "count"} or null,
 *  "settings": {name: value}, "declared": [{"name", "type", "default", "summary", "choices", "min", "max"}],
 *  "handlers": [{"event", "line"}], "loaded": RFC 3339,
 *  "stats": {"calls", "errors", "stopped", "waiting", "queued", "behind", "memory", "memory_max",
 *  "p50_us", "p99_us"}}
 * New reference; NULL: no such script.
 */
json_t *wb_script_json(struct wb_scripts *sc, const char *name);
json_t *wb_scripts_json(struct wb_scripts *sc);		/* array, by name */
/* The last lines, oldest first: [{"time", "level", "text"}]; NULL: no such script. */
json_t *wb_script_log_json(struct wb_scripts *sc, const char *name, size_t limit);
int wb_script_source(struct wb_scripts *sc, const char *name, struct wa_buf *out, struct wa_err *err)
	WA_MUST_USE;
/* Looks whether it would load, in a state of its own that is thrown away. 0, or WA_EINVALID with
 * *ret_error (new reference): {"file", "line", "message"}. */
int wb_script_check(struct wb_scripts *sc, const char *name, struct wa_span source, json_t **ret_error,
		    struct wa_err *err) WA_MUST_USE;
/* Writes <dir>/<name>.lua and runs it; a source that does not load changes nothing. */
int wb_script_put(struct wb_scripts *sc, const char *name, struct wa_span source, json_t **ret_error,
		  struct wa_err *err) WA_MUST_USE;
int wb_script_delete(struct wb_scripts *sc, const char *name, struct wa_err *err) WA_MUST_USE; /* own ones */
/* From its file again. WA_EINVALID with *ret_error when it does not load. */
int wb_script_reload(struct wb_scripts *sc, const char *name, json_t **ret_error, struct wa_err *err)
	WA_MUST_USE;
/* {"enabled": bool, "sessions": [ids] or null, "settings": {name: value or null for the default}}:
 * what is given is changed, checked first. `done` runs when it is durable. */
int wb_script_patch(struct wb_scripts *sc, const char *name, const json_t *patch, wb_world_done_fn *done,
		    void *ctx, struct wa_err *err) WA_MUST_USE;
/* The folders have changed: loads what is new or different, ends what is gone. */
void wb_scripts_rescan(struct wb_scripts *sc);

/*
 * Calls what a script exported with warbler.export(name, fn): a JSON array in, one JSON value out.
 * WA_ENOTFOUND at once when there is none; otherwise fn runs exactly once, later.
 */
typedef void wb_script_call_fn(void *ctx, int code, const char *message, const json_t *value);
int wb_scripts_export_call(struct wb_scripts *sc, const char *script, const char *function,
			   const json_t *args, wb_script_call_fn *fn, void *ctx) WA_MUST_USE;

/* ---- in the gateway ---- */
struct wb_script_ops;				/* core/gateway/scripts.h */
extern const struct wb_script_ops wb_script_gateway_ops;
/* The gateway as a world; free after wb_scripts_free. */
int wb_world_gateway_new(struct wb_gateway *gw, struct wb_world **ret_w, struct wa_err *err) WA_MUST_USE;
void wb_world_gateway_free(struct wb_world *w);

#endif
