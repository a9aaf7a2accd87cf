/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_H1_H
#define WB_H1_H

/*
 * HTTP/1.1 requests from bytes: pure, no I/O. The caller feeds the connection's
 * input; the parser borrows from it until the head is complete, then the head's
 * text is copied into the request's arena.
 *
 * Strict where laxness is an attack: both Content-Length and Transfer-Encoding,
 * two lengths, folded lines, white space before a colon, control bytes and
 * codings other than chunked are refused.
 */
#include <wa/arena.h>
#include <wa/buf.h>

#define WB_H1_HEADERS_MAX 100

struct wb_h1_header {
	const char *name;	/* as sent */
	const char *value;	/* trimmed */
};

struct wb_h1_head {
	const char *method;
	const char *target;	/* "/path?query"; absolute form is reduced to that */
	unsigned minor;		/* HTTP/1.minor */
	struct wb_h1_header *headers;
	size_t n_headers;
	int64_t length;		/* of the body; -1: chunked */
	bool keep_alive;
	bool expect;		/* wants 100 Continue */
};

/* Length of the head with its empty line, 0 when more bytes are needed. `from`
 * is where to look on, 0 at first (in/out). */
size_t wb_h1_head_len(struct wa_span in, size_t *from);
/* ret_head is readable in any case. Returns 0 or the HTTP status to refuse with (400, 431, 501, 505, 500). */
int wb_h1_parse(struct wa_span head, struct wa_arena *a, struct wb_h1_head *ret_head);

/* Chunked bodies, as they come. */
enum wb_chunk_state { WB_CHUNK_SIZE, WB_CHUNK_DATA, WB_CHUNK_END, WB_CHUNK_TRAILER, WB_CHUNK_DONE };
struct wb_chunked {
	enum wb_chunk_state state;
	uint64_t left;		/* of this chunk */
	size_t overhead;	/* bytes of sizes and trailers, bounded */
};
/* Appends to out; *ret_used is what was consumed of in. Returns 0, or 400, 413
 * (out is full). Done when state is WB_CHUNK_DONE. */
int wb_chunked_feed(struct wb_chunked *c, struct wa_span in, struct wa_buf *out, size_t *ret_used);

#endif
