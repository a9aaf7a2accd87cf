/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_MEDIA_H
#define SANDBOX_MEDIA_H

/*
 * The media host, without its socket: uploads judged, downloads answered, ranges,
 * and what a phone does when a client says that a file is gone.
 */
#include "sandbox.h"

struct sb_media_req {
	const char *method;	/* GET, POST, DELETE */
	const char *path;	/* without the query */
	const char *(*query)(void *ctx, const char *name);	/* NULL result: absent */
	const char *(*header)(void *ctx, const char *name);
	void *ctx;
	struct wa_span body;
};

struct sb_media_res {
	int status;
	const char *type;
	struct wa_span body;	/* borrowed until the next call */
	char content_range[80];	/* "" none */
	int64_t delay_ms;	/* answer so much later */
	size_t cut_at;		/* send so many bytes of it, then hang up; 0: all */
};

void sandbox_media(struct sandbox *s, const struct sb_media_req *r, struct sb_media_res *res);
/* Where it listens ("127.0.0.1:7781"), and the certificate to trust. Copied. "" : nowhere. */
void sandbox_set_media(struct sandbox *s, const char *host, const char *ca_file);

#endif
