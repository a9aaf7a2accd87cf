/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_CONFIG_H
#define WB_CONFIG_H

/*
 * Configuration: one table of keys (wb_config_keys), filled from defaults, then
 * from one Lua file, then from the environment, each over the last.
 *
 * The file is Lua 5.4, text only, run with string, table, math and the harmless
 * part of the base library (os.getenv too), under a budget of instructions and
 * memory. It either returns a table or assigns globals:
 *
 *	server = { listen = "127.0.0.1", port = 8080 }
 *	plugins = { enabled = { "webhooks", "orders" }, webhooks = { attempts = 10 } }
 *
 * The environment: WARBLER_ and the path in capitals, '.' as '_':
 * WARBLER_SERVER_PORT=8081; lists are separated by commas.
 *
 * Unknown keys, wrong types and values out of range are WA_EINVALID, with
 * "file:line: ..." in the message. plugins.<name>.<param> cannot be judged before the
 * plugin is loaded: wb_config_plugin() and wb_config_plugin_check() do that.
 *
 * Strings live as long as the configuration. Secrets are wiped when it is freed.
 */
#include <wa/buf.h>

enum wb_config_type { WB_C_TEXT, WB_C_INT, WB_C_BOOL, WB_C_LIST };

struct wb_config_key {
	const char *path;	/* "server.port" */
	int type;		/* enum wb_config_type */
	const char *fallback;	/* as text; lists separated by commas */
	const char *help;	/* one line */
	bool secret;		/* never printed or logged */
	int64_t min, max;	/* of WB_C_INT, when max > min */
	const char *choices;	/* of WB_C_TEXT: "full|normal"; NULL: any */
};
extern const struct wb_config_key wb_config_keys[];	/* ends with path NULL */

#define WB_CONFIG_FILE_MAX (1u << 20)
#define WB_CONFIG_LIST_MAX 256
#define WB_CONFIG_TEXT_MAX 4096

struct wb_config;

/* file NULL: none. env NULL: none, else like environ. */
int wb_config_load(const char *file, char *const *env, struct wb_config **ret_c, struct wa_err *err)
	WA_MUST_USE;
/* The same from memory; `name` stands in messages. */
int wb_config_parse(struct wa_span lua, const char *name, char *const *env, struct wb_config **ret_c,
		    struct wa_err *err) WA_MUST_USE;
void wb_config_free(struct wb_config *c);	/* NULL allowed */

/* The path must be in the table (assert). */
const char *wb_config_text(const struct wb_config *c, const char *path);	/* "" when empty */
int64_t wb_config_int(const struct wb_config *c, const char *path);
bool wb_config_bool(const struct wb_config *c, const char *path);
const char *wb_config_item(const struct wb_config *c, const char *path, size_t i);	/* NULL past the end */
bool wb_config_is_set(const struct wb_config *c, const char *path);	/* not the default */
/* Set from the command line or a test: as text, checked like the environment. */
int wb_config_set(struct wb_config *c, const char *path, const char *text, struct wa_err *err)
	WA_MUST_USE;

/* plugins.<plugin>.<param> as text (lists: a JSON array); NULL when not given. The type
 * (enum wb_config_type) is checked. 0 or <0. */
int wb_config_plugin(struct wb_config *c, const char *plugin, const char *param, int type,
		     const char **ret_text, struct wa_err *err) WA_MUST_USE;
/* Override one, as text. */
int wb_config_plugin_set(struct wb_config *c, const char *plugin, const char *param,
			 const char *text, struct wa_err *err) WA_MUST_USE;
/* The values of plugins.<plugin> as they stand in `from`, a file read again; what the command line or the
 * environment said stays. */
int wb_config_plugin_adopt(struct wb_config *c, const struct wb_config *from, const char *plugin,
			   struct wa_err *err) WA_MUST_USE;
/* WA_EINVALID naming file and line when a key of plugins.<plugin> is not in `params`. */
int wb_config_plugin_check(const struct wb_config *c, const char *plugin,
			   const char *const *params, size_t n, struct wa_err *err) WA_MUST_USE;
/* Names of WARBLER_* variables that mean nothing; NULL past the end. For a warning. */
const char *wb_config_stray(const struct wb_config *c, size_t i);

/* The value of wb_config_keys[i] as text; lists separated by '\n'. For reloading. */
const char *wb_config_raw(const struct wb_config *c, size_t i);
void wb_config_help(struct wa_buf *out);	/* the table, for people */
const char *wb_config_type_str(int type);

#endif
