/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PLUGIN_FILE_H
#define WB_PLUGIN_FILE_H

/*
 * The file of a plugin, mapped. What is mapped is a private copy in memory, so that the file may be
 * replaced while the plugin runs: writing over a mapped file would end the process, and the dynamic
 * linker would give the old code to who loads the same path again. The copy can be seen by debuggers as
 * /proc/<pid>/fd/<n>.
 *
 * Every function may be called from any thread.
 */
#include <stddef.h>
#include <wa/error.h>
#include <warbler/plugin.h>

#define WB_PLUGIN_NAME_MAX 32
#define WB_PLUGIN_FILE_MAX (256u << 20)	/* bytes */
#define WB_PLUGIN_MIGRATIONS_MAX 256
#define WB_PLUGIN_PARAMS_MAX 128

struct wb_module {
	void *dl;				/* NULL: not mapped */
	int fd;					/* of the copy; -1: the file itself is mapped */
	const struct wb_plugin_def *def;	/* inside the mapping */
};

bool wb_plugin_name_ok(const char *name);	/* [a-z0-9_]{1,32} */
/* Mapped, its constructors have run, and its definition is sound: ABI, size, name, parameters, migrations.
 * name NULL: whatever it calls itself. On failure nothing is left behind. */
int wb_module_open(struct wb_module *m, const char *path, const char *name, struct wa_err *err) WA_MUST_USE;
/* The same bytes mapped once more, with variables as at first. WA_EUNSUPPORTED when there is no copy. */
int wb_module_again(const struct wb_module *old, struct wb_module *m, struct wa_err *err) WA_MUST_USE;
void wb_module_close(struct wb_module *m);
size_t wb_module_params(const struct wb_plugin_def *d);
size_t wb_module_migrations(const struct wb_plugin_def *d);

#endif
