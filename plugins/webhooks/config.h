/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_CONFIG_H
#define WEBHOOKS_CONFIG_H

/*
 * What an owner sets on an endpoint besides URL, kinds, session and secret.
 * Kept as one sealed JSON object, compiled here:
 *
 *	{"name": "…", "payload": "native", "filter": {…}, "concurrency": 4,
 *	 "headers": [{"name": "X-Env", "value": "prod", "secret": false}],
 *	 "transform": {"script": "shape", "function": "order"},
 *	 "allow_commands": ["reply", "react"]}
 */
#include <warbler/plugin.h>

#include "filter.h"

#define CONCURRENCY_DEFAULT 4
#define CONCURRENCY_MAX     32
#define CUSTOM_HEADERS_MAX  16
#define HEADER_NAME_MAX     64
#define HEADER_VALUE_MAX    1024
#define NAME_MAX_LEN        100
#define COMMANDS_MAX        8 /* in one answer */

struct happening;

/* The forms an event can be sent in. A new one is a row of the table in config.c. */
struct shape {
	const char *name;
	char *(*make)(struct happening *h); /* malloc'ed text; NULL: out of memory */
};

struct config {
	struct filter filter;
	struct wb_header headers[CUSTOM_HEADERS_MAX];
	bool secret[CUSTOM_HEADERS_MAX]; /* beside headers */
	size_t n_headers;
	char *script, *function; /* NULL: no transform */
	const struct shape *shape;
	int concurrency;   /* 1: all events of the endpoint in log order */
	uint32_t commands; /* bits of the kinds that are allowed */
};

/* o: exactly the keys above, all optional. WA_EINVALID with why, WA_ENOMEM; freed in both cases. */
int config_parse(const json_t *o, struct config *ret, char why[WHY_MAX]);
void config_free(struct config *c); /* wipes header values, zeroes it */
/* Without the values of secret headers. NULL: out of memory. */
json_t *config_shown(const json_t *o);
/* Secret headers that came without a value get the one they have in old. */
void config_keep_secrets(json_t *o, const json_t *old);

#endif
