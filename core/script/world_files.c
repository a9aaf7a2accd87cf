/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that scripts append to: <data_dir>/script-files/<script>/<name>, mode 0600. They are plain text on purpose
 * (somebody opens them with a spreadsheet), so what is in them is as safe as the folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <gateway.h>
#include <mem.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <work.h>
#include "world_flow.h"

#define FILE_BYTES_MAX (256ll << 20)
#define TAIL (64u << 10)	/* `once` looks so far back */

struct append {
	char dir[4200], path[4400];
	char *text, *header;
	bool once;
	int code;
	char message[160];
	wb_world_done_fn *done;
	void *ctx;
};

static bool in_tail(int fd, off_t size, const char *text)
{
	size_t want = strlen(text), n = size > (off_t)(TAIL + want) ? TAIL + want : (size_t)size;
	char *tail = wb_zalloc(n + 1);
	ssize_t got = pread(fd, tail, n, size - (off_t)n);
	bool found = got >= 0 && memmem(tail, (size_t)got, text, want) != NULL;

	free(tail);
	return found;
}

static bool write_all(int fd, const char *s)
{
	size_t n = strlen(s);

	while (n > 0) {
		ssize_t w = write(fd, s, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		s += w;
		n -= (size_t)w;
	}
	return true;
}

static int append_to(int fd, const struct append *a)
{
	struct stat st;

	/* two threads of the pool may have the same file */
	if (flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
		return WA_EIO;
	if (!S_ISREG(st.st_mode))
		return WA_EDENIED;
	if (st.st_size > FILE_BYTES_MAX)
		return WA_ELIMIT;
	if (a->once && in_tail(fd, st.st_size, a->text))
		return 0;
	if (st.st_size == 0 && !write_all(fd, a->header))
		return WA_EIO;
	return write_all(fd, a->text) && fdatasync(fd) == 0 ? 0 : WA_EIO;
}

/* On the pool. */
static void run(void *ctx)
{
	struct append *a = ctx;
	char *slash = strrchr(a->dir, '/');
	int fd;

	*slash = 0;
	(void)!mkdir(a->dir, 0700);
	*slash = '/';
	(void)!mkdir(a->dir, 0700);
	fd = open(a->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	a->code = fd < 0 ? WA_EIO : append_to(fd, a);
	if (a->code < 0)
		snprintf(a->message, sizeof(a->message), "%s",
			 a->code == WA_ELIMIT ? "the file has 256 MiB" :
			 a->code == WA_EDENIED ? "that is no ordinary file" : strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void finish(void *ctx, bool cancelled)
{
	struct append *a = ctx;

	a->done(a->ctx, cancelled ? WA_ESTATE : a->code, a->message);
	free(a->text);
	free(a->header);
	free(a);
}

static void refused(void *ctx)
{
	finish(ctx, true);
}

void wb_gateway_file_append(struct wb_gateway *gw, const char *script, const char *name, const char *text,
			    const char *header, bool once, wb_world_done_fn *done, void *ctx)
{
	struct append *a = wb_zalloc(sizeof(*a));

	snprintf(a->dir, sizeof(a->dir), "%.4000s/script-files/%s", wb_config_text(gw->config, "data_dir"), script);
	snprintf(a->path, sizeof(a->path), "%s/%s", a->dir, name);
	a->text = wb_strdup(text);
	a->header = wb_strdup(header);
	a->once = once;
	a->done = done;
	a->ctx = ctx;
	if (wb_work(gw->work, "script.files", run, finish, a, NULL, NULL) < 0)
		wb_loop_defer(gw->loop, refused, a);
}
