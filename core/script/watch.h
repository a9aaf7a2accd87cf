/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SCRIPT_WATCH_H
#define WB_SCRIPT_WATCH_H

/*
 * Tells when something below a few folders (themselves and their lib/) has changed: written, renamed to, removed.
 * Changes of a moment are told once. A folder that is not there yet, or goes, is looked for every few seconds.
 */
#include <loop.h>

struct wb_watcher;

/* dirs: NULL entries are skipped. NULL when the system has no watches left: then only requests reload. */
struct wb_watcher *wb_watcher_new(struct wb_loop *loop, const char *const *dirs, size_t n, wb_fn *changed, void *ctx);
void wb_watcher_free(struct wb_watcher *w);	/* NULL allowed */

#endif
