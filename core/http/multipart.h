/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_MULTIPART_H
#define WB_MULTIPART_H

/*
 * multipart/form-data (RFC 7578) as it comes: pure, no I/O. Parts are told in
 * order, their content in pieces as they are cut by the network; nothing of a
 * part's content is kept but what could be the beginning of a boundary.
 */
#include <wa/buf.h>

#define WB_MULTIPART_BOUNDARY_MAX 70	/* RFC 2046 */
#define WB_MULTIPART_HEAD_MAX 8192	/* of one part's headers */
#define WB_MULTIPART_PARTS_MAX 64

struct wb_part {
	const char *name;		/* of the field */
	const char *file_name;		/* "" none */
	const char *mimetype;		/* "" none */
};

struct wb_multipart_ops {
	/* Strings die with the call. Non-zero from any of them ends the parsing with it. */
	int (*begin)(void *ctx, const struct wb_part *p);
	int (*data)(void *ctx, struct wa_span bytes);
	int (*end)(void *ctx);
};

struct wb_multipart {
	char boundary[WB_MULTIPART_BOUNDARY_MAX + 5];	/* "\r\n--" and it */
	size_t boundary_len;
	int state;
	struct wa_buf hold;		/* a head, or what may be a boundary */
	size_t parts;
	const struct wb_multipart_ops *ops;
	void *ctx;
};

/* From the Content-Type header; WA_EINVALID: not multipart/form-data with a boundary. */
int wb_multipart_init(struct wb_multipart *m, const char *content_type, const struct wb_multipart_ops *ops,
		      void *ctx) WA_MUST_USE;
void wb_multipart_clear(struct wb_multipart *m);
/* 0; WA_EPROTO malformed, WA_ELIMIT; what a function of ops returned. */
int wb_multipart_feed(struct wb_multipart *m, struct wa_span bytes) WA_MUST_USE;
bool wb_multipart_done(const struct wb_multipart *m);	/* the last boundary has come */

#endif
