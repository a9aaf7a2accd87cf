/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch.h"

#include <event2/event.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <mem.h>

#define SETTLE_MS 60		/* an editor writes, renames and touches in a row */
#define RETRY_MS 3000
#define FOLDERS_MAX 4
#define MASK (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | \
	      IN_ONLYDIR)

struct folder {
	char *path;
	int wd;			/* -1: not there */
};

struct wb_watcher {
	int fd;
	struct event *ready;
	struct wb_timer *settle, *retry;
	struct folder folders[FOLDERS_MAX];
	size_t n;
	wb_fn *changed;
	void *ctx;
};

/* True when a folder is there that was not before. */
static bool watch_all(struct wb_watcher *w)
{
	bool news = false, missing = false;

	for (size_t i = 0; i < w->n; i++) {
		struct folder *f = &w->folders[i];

		if (f->wd >= 0)
			continue;
		f->wd = inotify_add_watch(w->fd, f->path, MASK);
		news |= f->wd >= 0;
		missing |= f->wd < 0;
	}
	if (missing)
		wb_timer_start(w->retry, RETRY_MS);
	return news;
}

static void on_settled(void *ctx)
{
	struct wb_watcher *w = ctx;

	(void)watch_all(w);
	w->changed(w->ctx);
}

static void on_retry(void *ctx)
{
	struct wb_watcher *w = ctx;

	if (watch_all(w))
		w->changed(w->ctx);
}

static void gone(struct wb_watcher *w, int wd)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->folders[i].wd == wd)
			w->folders[i].wd = -1;
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
	struct wb_watcher *w = ctx;
	_Alignas(struct inotify_event) char buf[4096];
	ssize_t n;

	(void)what;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + n;) {
			struct inotify_event e;

			memcpy(&e, p, sizeof(e));
			p += sizeof(e) + e.len;
			if (e.mask & IN_MOVE_SELF)
				(void)inotify_rm_watch(w->fd, e.wd);	/* IN_IGNORED follows */
			if (e.mask & IN_IGNORED)
				gone(w, e.wd);
		}
		wb_timer_start(w->settle, SETTLE_MS);
	}
}

static void add(struct wb_watcher *w, const char *dir, const char *sub)
{
	struct folder *f = &w->folders[w->n];

	if (asprintf(&f->path, "%s%s", dir, sub) < 0)
		abort();
	f->wd = -1;
	w->n++;
}

struct wb_watcher *wb_watcher_new(struct wb_loop *loop, const char *const *dirs, size_t n, wb_fn *changed, void *ctx)
{
	struct wb_watcher *w = wb_zalloc(sizeof(*w));

	w->changed = changed;
	w->ctx = ctx;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w->settle = wb_timer_new(loop, "script.watch", on_settled, w);
	w->retry = wb_timer_new(loop, "script.watch", on_retry, w);
	if (w->fd >= 0)
		w->ready = event_new(wb_loop_base(loop), w->fd, EV_READ | EV_PERSIST, on_ready, w);
	if (!w->ready || !w->settle || !w->retry || event_add(w->ready, NULL) < 0) {
		wb_watcher_free(w);
		return NULL;
	}
	for (size_t i = 0; i < n && w->n + 2 <= FOLDERS_MAX; i++)
		if (dirs[i]) {
			add(w, dirs[i], "");
			add(w, dirs[i], "/lib");
		}
	(void)watch_all(w);
	return w;
}

void wb_watcher_free(struct wb_watcher *w)
{
	if (!w)
		return;
	if (w->ready)
		event_free(w->ready);
	if (w->fd >= 0)
		close(w->fd);
	wb_timer_free(w->settle);
	wb_timer_free(w->retry);
	for (size_t i = 0; i < w->n; i++)
		free(w->folders[i].path);
	free(w);
}
