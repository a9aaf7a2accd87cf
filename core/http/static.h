/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_STATIC_H
#define WB_STATIC_H

/*
 * Files over HTTP: a set embedded in the binary (the dashboard) or a folder on
 * disk. ETag and 304, content types, gzip made once per file and kept,
 * `index.html` for a folder. Paths are decoded, and anything with "..",
 * a NUL, a leading dot or a symbolic link out of the folder is 404.
 *
 * Use: a route "/ui/" + "*" whose handler calls wb_static_serve(st, req,
 * wb_req_param(req, "*")).
 */
#include "server.h"

#define WB_STATIC_FILE_MAX (16u << 20)

struct wb_static;

struct wb_static_file {
	const char *path;	/* "app.js", no leading slash */
	struct wa_span bytes;	/* static memory */
};

/* Borrowed for the life of the set. NULL: out of memory. */
struct wb_static *wb_static_embedded(const struct wb_static_file *files, size_t n);
int wb_static_folder(const char *folder, struct wb_static **ret_st, struct wa_err *err) WA_MUST_USE;
void wb_static_free(struct wb_static *st);	/* NULL allowed */
/* Headers of every answer, e.g. "Content-Security-Policy"; value borrowed. At most 8. */
void wb_static_header(struct wb_static *st, const char *name, const char *value);
/* `fallback`, served with 200 when path is not found (single-page apps); NULL: 404 problem. */
void wb_static_serve(struct wb_static *st, struct wb_req *req, const char *path,
		     const char *fallback);
const char *wb_content_type(const char *path);	/* by suffix; "application/octet-stream" */

#endif
