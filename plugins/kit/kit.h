/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_KIT_H
#define WB_KIT_H

/*
 * What every plugin with a REST resource and tables needs, on top of
 * <warbler/plugin.h>: values, bodies, answers, a commit that is answered when it
 * is durable. Linked into the plugins that use it.
 *
 *	struct kit kit;			in the plugin's state
 *	kit_init(&kit, host, self);	in start()
 *	kit_clear(&kit);		in stop(), last: answers that wait are let go
 */
#include <jansson.h>
#include <warbler/plugin.h>
#include <list.h>
#include <stdbool.h>

struct kit {
	const struct wb_plugin_host *host;
	struct wb_plugin *self;
	struct wa_list waiting;		/* commits under way */
};

void kit_init(struct kit *k, const struct wb_plugin_host *host, struct wb_plugin *self);
void kit_clear(struct kit *k);

/* ---- values ---- */

static inline struct wb_value kit_int(int64_t v)
{
	return (struct wb_value){ .type = WB_INT, .num = v };
}

struct wb_value kit_text(const char *s);	/* borrowed; NULL gives SQL NULL */
struct wb_value kit_blob(const void *ptr, size_t len);
struct wb_str kit_str(const char *s);
#define KIT_N(a) ((int32_t)(sizeof(a) / sizeof((a)[0])))
#define KIT_SQL(k, tx, flags, sql, ...)                                                           \
	(k)->host->tx_sql((tx), (sql), (const struct wb_value[]){ __VA_ARGS__ },                  \
			  KIT_N(((const struct wb_value[]){ __VA_ARGS__ })), (flags))
/* Text of a column, copied into out and cut at size. */
void kit_copy(const struct wb_value *v, char *out, size_t size);

/* A parameter within [min, max]; what is outside, or no number, is logged and counts as the nearer end. */
int64_t kit_param_int(const struct kit *k, const char *name, int64_t min, int64_t max);
bool kit_param_bool(const struct kit *k, const char *name);

/* RFC 3339, UTC; NULL for 0. */
json_t *kit_time(int64_t ms);

/* Seals text into out (appended; <0), and opens it: NULL when it cannot be. */
struct kit_bytes {
	char *ptr;
	size_t len;
};
int kit_seal(const struct kit *k, const char *row, const char *text, size_t len, struct kit_bytes *ret);
char *kit_unseal(const struct kit *k, const char *row, const struct wb_value *v);	/* free() it */

/* ---- requests ---- */

/* Registers each with ctx; size and ctx of the routes are filled in here. 0 or <0. */
int kit_routes(const struct kit *k, const struct wb_plugin_route *routes, int32_t n, void *ctx);

/* Answer with a JSON document, or with what a code of enum wb_code means. */
void kit_reply(const struct kit *k, struct wb_plugin_req *take_req, int32_t status, json_t *take_body);
void kit_problem(const struct kit *k, struct wb_plugin_req *take_req, int code, const char *detail);
void kit_invalid(const struct kit *k, struct wb_plugin_req *take_req, const char *detail);	/* 422 */
/* The body as an object; an absent one is {} when `optional`. NULL: answered. */
json_t *kit_body(const struct kit *k, struct wb_plugin_req *req, bool optional);
/* ?limit=, 1 to max; false: answered. */
bool kit_limit(const struct kit *k, struct wb_plugin_req *req, int32_t fallback, int32_t max, int32_t *ret);

/* Commits; then `then` (NULL allowed) is told the code, and the answer is given: take_answer (NULL: 204)
 * with `status`, or what went wrong. */
typedef void kit_then_fn(void *ctx, int32_t code);
void kit_commit(struct kit *k, struct wb_plugin_req *take_req, struct wb_tx *take_tx, int32_t status,
		json_t *take_answer, kit_then_fn *then, void *ctx);

/* One event with a JSON document as its data. */
void kit_event(const struct kit *k, struct wb_tx *tx, const char *kind, const char *session, const char *subject,
	       json_t *take_data);

#endif
