/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_CONFIG_PRIV_H
#define WB_CONFIG_PRIV_H

/* Inside of config*.c only. */
#include <map.h>
#include "config.h"

struct wb_config_value {
	char *text;		/* lists: items separated by '\n' */
	bool set;
};

struct wb_config_plugin_value {
	struct wb_config_plugin_value *next;
	char *path;		/* "plugins.webhooks.attempts" */
	int type;		/* as written; WB_C_TEXT also for what came from the environment */
	bool loose;		/* text to be converted to whatever type is declared */
	char *text;		/* lists: a JSON array */
	char *where;		/* "warbler.lua:12" or the variable's name */
};

struct wb_config {
	struct wb_config_value *values;	/* beside wb_config_keys */
	struct wb_config_plugin_value *plugins;
	char *file;
	char **stray;
	size_t n_stray;
	char *const *env;
};

const struct wb_config_key *wb_config_key(const char *path);
int wb_config_put(struct wb_config *c, const struct wb_config_key *k, const char *text,
		  const char *where, struct wa_err *err) WA_MUST_USE;
void wb_config_plugin_value_free(struct wb_config_plugin_value *p);
int wb_config_plugin_put(struct wb_config *c, const char *path, int type, bool loose,
			 const char *text, const char *where, struct wa_err *err) WA_MUST_USE;
int wb_config_lua(struct wb_config *c, struct wa_span source, const char *name, struct wa_err *err)
	WA_MUST_USE;

/* Whether the text of a key has the form that it wants (config_check.c). */
int wb_config_check(const struct wb_config_key *k, const char *text, struct wa_err *err) WA_MUST_USE;
/* The line on which the value of `path` is given in a Lua text; 1 when it cannot be told. */
int wb_config_line(struct wa_span source, const char *path);

#endif
