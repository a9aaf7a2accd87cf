/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin_file.h"

#include <base.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool wb_plugin_name_ok(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n > 0 && n <= WB_PLUGIN_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

/* ---- the copy ---- */

static int copy_bytes(int from, int to, struct wa_err *err)
{
	char buf[65536];
	size_t sum = 0;
	ssize_t n;

	if (lseek(from, 0, SEEK_SET) < 0)
		return wa_err_detail(err, WA_EIO, errno, "plugin file: %s", strerror(errno));
	while ((n = read(from, buf, sizeof(buf))) > 0) {
		sum += (size_t)n;
		if (sum > WB_PLUGIN_FILE_MAX)
			return wa_err_set(err, WA_ELIMIT, "plugin file larger than %u bytes", WB_PLUGIN_FILE_MAX);
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(to, buf + done, (size_t)(n - done));
			if (w < 0)
				return wa_err_detail(err, WA_EIO, errno, "plugin copy: %s", strerror(errno));
		}
	}
	return n < 0 ? wa_err_detail(err, WA_EIO, errno, "plugin file: %s", strerror(errno)) : 0;
}

/* An anonymous file with the bytes of `from`; -1 where the system has or allows none. */
static int make_copy(int from, int *ret_fd, struct wa_err *err)
{
	int fd = memfd_create("warbler-plugin", MFD_CLOEXEC), r;

	*ret_fd = -1;
	if (fd < 0)
		return 0;
	r = copy_bytes(from, fd, err);
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

static int map_copy(struct wb_module *m, struct wa_err *err)
{
	char path[64];

	/* not /proc/self: a debugger has to find it, too */
	snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)getpid(), m->fd);
	m->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	return m->dl ? 0 : wa_err_set(err, WA_EINVALID, "%s", dlerror());
}

static int map(struct wb_module *m, const char *path, struct wa_err *err)
{
	struct wa_err first = WA_ERR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return wa_err_set(err, WA_ENOTFOUND, "%s: %s", path, strerror(errno));
	r = make_copy(fd, &m->fd, err);
	close(fd);
	if (r < 0 || (m->fd >= 0 && map_copy(m, &first) == 0))
		return r;
	/* a system that maps no code from memory: the file itself, whose own error is clearer as well */
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	m->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	return m->dl ? 0 : wa_err_set(err, WA_EINVALID, "%s", dlerror());
}

/* ---- what it says of itself ---- */

size_t wb_module_params(const struct wb_plugin_def *d)
{
	size_t n = 0;

	while (d->params && d->params[n].name && n < WB_PLUGIN_PARAMS_MAX)
		n++;
	return n;
}

size_t wb_module_migrations(const struct wb_plugin_def *d)
{
	size_t n = 0;

	while (d->migrations && d->migrations[n].sql && n < WB_PLUGIN_MIGRATIONS_MAX)
		n++;
	return n;
}

static int check_lists(const struct wb_plugin_def *d, struct wa_err *err)
{
	size_t params = wb_module_params(d), n = wb_module_migrations(d);

	if (params == WB_PLUGIN_PARAMS_MAX || n == WB_PLUGIN_MIGRATIONS_MAX)
		return wa_err_set(err, WA_ELIMIT, "too many parameters or migrations, or no end of their list");
	for (size_t i = 0; i < params; i++)
		if (d->params[i].type < WB_PARAM_TEXT || d->params[i].type > WB_PARAM_LIST)
			return wa_err_set(err, WA_EINVALID, "parameter %s: unknown type", d->params[i].name);
	for (size_t i = 0; i < n; i++)
		if (d->migrations[i].number != (int32_t)i + 1 || !d->migrations[i].name)
			return wa_err_set(err, WA_EINVALID, "migration %d: numbers go 1, 2, 3 …, each with a name",
					  d->migrations[i].number);
	return 0;
}

static int check(struct wb_module *m, const char *name, struct wa_err *err)
{
	const struct wb_plugin_def *d = dlsym(m->dl, "wb_plugin");

	if (!d)
		return wa_err_set(err, WA_EINVALID, "exports no wb_plugin (WB_PLUGIN_DEFINE)");
	if (d->abi >> 16 != WB_ABI_MAJOR)
		return wa_err_set(err, WA_EUNSUPPORTED, "built for ABI %u, this host has %u", d->abi >> 16,
				  WB_ABI_MAJOR);
	if (d->size < offsetof(struct wb_plugin_def, stop) + sizeof(d->stop) || !d->name || !d->start)
		return wa_err_set(err, WA_EINVALID, "incomplete definition");
	if (!wb_plugin_name_ok(d->name))
		return wa_err_set(err, WA_EINVALID, "calls itself \"%.40s\": [a-z0-9_]{1,%d}", d->name,
				  WB_PLUGIN_NAME_MAX);
	if (name && strcmp(d->name, name) != 0)
		return wa_err_set(err, WA_EINVALID, "calls itself %s", d->name);
	m->def = d;
	return check_lists(d, err);
}

int wb_module_open(struct wb_module *m, const char *path, const char *name, struct wa_err *err)
{
	int r;

	*m = (struct wb_module){ .fd = -1 };
	r = map(m, path, err);
	if (r == 0)
		r = check(m, name, err);
	if (r < 0)
		wb_module_close(m);
	return r;
}

int wb_module_again(const struct wb_module *old, struct wb_module *m, struct wa_err *err)
{
	int r;

	*m = (struct wb_module){ .fd = -1 };
	r = old->fd < 0 ? 0 : make_copy(old->fd, &m->fd, err);
	if (r == 0 && m->fd < 0)
		return wa_err_set(err, WA_EUNSUPPORTED, "no copy of the plugin's file");
	if (r == 0)
		r = map_copy(m, err);
	if (r == 0)
		r = check(m, old->def->name, err);
	if (r < 0)
		wb_module_close(m);
	return r;
}

void wb_module_close(struct wb_module *m)
{
	if (!m->dl) {
		if (m->fd >= 0)
			close(m->fd);
		m->fd = -1;
		return;
	}
	m->def = NULL;
#ifndef WARBLER_SANITIZED
	dlclose(m->dl);
	if (m->fd >= 0)
		close(m->fd);
#endif
	/* a sanitizer's report needs the symbols of what it reports: there the mapping stays, and the number
	 * of its copy must not be used again, for it is the name the dynamic linker knows it by */
	m->dl = NULL;
	m->fd = -1;
}
