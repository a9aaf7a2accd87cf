/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folders: which scripts there are, what has changed. */
#include <crypto.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host_int.h"

#define SCRIPTS_MAX 1000

int script_read_file(const char *path, size_t max, struct wa_buf *out, struct wa_err *err)
{
	struct stat sb;
	uint8_t *p;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode)) {
		if (fd >= 0)
			close(fd);
		return wa_err_detail(err, WA_EIO, errno, "%.160s cannot be read", path);
	}
	if ((size_t)sb.st_size > max) {
		close(fd);
		return wa_err_set(err, WA_ELIMIT, "%.160s is larger than %zu KiB", path, max >> 10);
	}
	p = wa_buf_grow(out, (size_t)sb.st_size);
	n = p ? read(fd, p, (size_t)sb.st_size) : -1;
	close(fd);
	if (n < 0)
		return wa_err_detail(err, WA_EIO, errno, "%.160s cannot be read", path);
	out->len -= (size_t)sb.st_size - (size_t)n;
	return 0;
}

int script_lib_path(const struct wb_scripts *sc, const char *name, char *out, size_t size)
{
	const char *dirs[] = { sc->dir, sc->shipped };
	char file[128];

	snprintf(file, sizeof(file), "%s", name);
	for (char *p = file; *p; p++)
		if (*p == '.')
			*p = '/';
	for (size_t i = 0; i < WA_ARRAY_LEN(dirs); i++) {
		if (!dirs[i])
			continue;
		snprintf(out, size, "%s/lib/%s.lua", dirs[i], file);
		if (access(out, R_OK) == 0)
			return 1;
	}
	return 0;
}

/* ---- what changed ---- */

static void add_digest(struct wa_buf *all, struct wa_span text)
{
	uint8_t d[32];

	wa_sha256(text, d);
	wa_buf_put(all, d, sizeof(d));
}

void script_digest(struct wa_span source, const json_t *libs, uint8_t out[32])
{
	struct wa_buf all, text;
	const char *name;
	json_t *path;

	wa_buf_init(&all, 1u << 20);
	add_digest(&all, source);
	json_object_foreach((json_t *)(uintptr_t)libs, name, path) {
		wa_buf_init(&text, WB_SCRIPT_SOURCE_MAX);
		(void)!script_read_file(json_string_value(path), WB_SCRIPT_SOURCE_MAX, &text, NULL);
		wa_buf_str(&all, name);
		add_digest(&all, wa_buf_view(&text));
		wa_buf_clear(&text);
	}
	wa_sha256(wa_buf_view(&all), out);
	wa_buf_clear(&all);
}

/* Loads it again when its file, or a library it uses, is not what was tried last. */
static void look(struct wb_script *s)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf text;
	uint8_t now[32];

	if (!script_wanted(s)) {
		script_peek_forget(s);
		if (s->st)
			(void)script_apply_wish(s, &err);
		return;
	}
	wa_buf_init(&text, WB_SCRIPT_SOURCE_MAX);
	if (script_read_file(s->path, WB_SCRIPT_SOURCE_MAX, &text, &err) < 0) {
		script_error_set(&s->error, s->name, err.msg, s->host->world->ops->now_ms(s->host->world));
	} else {
		script_digest(wa_buf_view(&text), s->st ? s->st->libs : NULL, now);
		/* one that failed is tried at every change: a library it lacked may be there now */
		if (s->failed || !s->st || memcmp(now, s->stamp, sizeof(now)) != 0)
			(void)script_load(s, wa_buf_view(&text), &err);
	}
	wa_buf_clear(&text);
}

/* ---- what is there ---- */

bool script_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n >= 5 && strcmp(name + n - 5, "_test") == 0)
		return false;	/* conversations of `warbler script test` */
	return n > 0 && n <= WB_SCRIPT_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static void found(struct wb_scripts *sc, const char *dir, const char *file, bool shipped)
{
	char name[WB_SCRIPT_NAME_MAX + 1], path[4096];
	size_t n = strlen(file);
	struct wb_script *s;

	if (n < 5 || n - 4 >= sizeof(name) || strcmp(file + n - 4, ".lua") != 0)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)(n - 4), file);
	n = strlen(name);
	if (n > 5 && strcmp(name + n - 5, "_test") == 0)
		return;		/* conversations for `warbler script test` */
	/* NAME_test.lua holds the conversations NAME is tested with */
	if (!script_name_ok(name) || (n > 9 && strcmp(file + n - 9, "_test.lua") == 0))
		return;
	s = wb_scripts_find(sc, name);
	if (s && s->listed)
		return;		/* an own one hides the shipped one */
	if (!s)
		s = script_new(sc, name);
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (!s->path || strcmp(s->path, path) != 0)
		wb_restr(&s->path, path);
	s->shipped = shipped;
	s->listed = true;
}

static void scan(struct wb_scripts *sc, const char *dir, bool shipped)
{
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *e;
	int n = 0;

	while (d && n < SCRIPTS_MAX && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		found(sc, dir, e->d_name, shipped);
		n++;
	}
	if (d)
		closedir(d);
}

void wb_scripts_rescan(struct wb_scripts *sc)
{
	struct wa_list *it, *tmp;

	WA_LIST_EACH(it, &sc->scripts)
		container_of(it, struct wb_script, link)->listed = false;
	scan(sc, sc->dir, false);
	scan(sc, sc->shipped, true);
	WA_LIST_EACH_SAFE(it, tmp, &sc->scripts) {
		struct wb_script *s = container_of(it, struct wb_script, link);

		if (s->listed) {
			look(s);
		} else if (s->path) {
			script_end(s, "its file is gone");
			script_position_forget(sc, s->name);
			script_free(s);
		}
	}
}
