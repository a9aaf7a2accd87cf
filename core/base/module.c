/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base.h"

#define ERROR_SIZE 512

static const void *load_from(const struct wa_module *m, const char *path, char error[512])
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const void *table;
	uint32_t abi = 0;

	if (!lib) {
		snprintf(error, ERROR_SIZE, "%s", dlerror());
		return NULL;
	}
	table = dlsym(lib, m->symbol);
	if (table)
		memcpy(&abi, table, sizeof(abi));
	if (!table || abi != m->abi) {
		snprintf(error, ERROR_SIZE, "%s: not this version's module", path);
		dlclose(lib);
		return NULL;
	}
	return table;
}

/* The folder of `file`, with lib/ or ../lib/ and the module's name behind it. */
static const void *load_beside(const struct wa_module *m, const char *file, char error[512])
{
	static const char *const places[] = { "lib/", "../lib/" };
	const char *slash = strrchr(file, '/');
	const void *table = NULL;
	char path[PATH_MAX];

	for (size_t i = 0; slash && !table && i < WA_ARRAY_LEN(places); i++) {
		int n = snprintf(path, sizeof(path), "%.*s/%s%s", (int)(slash - file), file, places[i],
				 m->file);

		if (n > 0 && (size_t)n < sizeof(path) && access(path, R_OK) == 0)
			table = load_from(m, path, error);
	}
	return table;
}

const void *wa_module_load(const struct wa_module *m, const void *near, char error[512])
{
	const char *named = getenv(m->env);
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	const void *table;
	Dl_info self;

	snprintf(error, ERROR_SIZE, "%s not found", m->file);
	if (named && *named)
		return load_from(m, named, error);
	path[n > 0 ? n : 0] = 0;
	table = load_beside(m, path, error);
	if (!table && dladdr(near, &self) && self.dli_fname)
		table = load_beside(m, self.dli_fname, error);
	if (table)
		return table;
	snprintf(path, sizeof(path), "%s/%s", m->libdir, m->file);
	return access(path, R_OK) == 0 ? load_from(m, path, error) : NULL;
}
