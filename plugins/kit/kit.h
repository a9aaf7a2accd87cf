/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_KIT_H
#define WB_KIT_H

/*
 * What every plugin with a REST resource and tables needs, on top of
 * <warbler/plugin.h>: values, sealed columns, bodies, answers, a commit that is
 * answered when it is durable. Linked into the plugins that use it; all of it
 * runs on the loop.
 *
 *	struct kit kit;			in the plugin's state
 *	kit_init(&kit, host, self);	in start()
 *	kit_clear(&kit);		in stop(), last: answers that wait are let go
 */
#include <jansson.h>
#include <json.h>
#include <warbler/plugin.h>

#include "base.h"
#include "list.h"

#define KIT_ID_SIZE    66	/* an id or a session's name, and its end */
#define KIT_ROW_SIZE   128
#define KIT_SEALED_MAX (32u << 20)

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
struct wb_value kit_blob(const void *ptr, size_t len);	/* likewise */
struct wb_value kit_when(int64_t ms);		/* 0 gives SQL NULL */
struct wb_str kit_str(const char *s);
#define KIT_N(a) ((int32_t)(sizeof(a) / sizeof((a)[0])))
#define KIT_SQL(k, tx, flags, sql, ...)                                                           \
	(k)->host->tx_sql((tx), (sql), (const struct wb_value[]){ __VA_ARGS__ },                  \
			  KIT_N(((const struct wb_value[]){ __VA_ARGS__ })), (flags))
/* Text of a column, copied into out and cut at size; "" for what is no text. */
void kit_copy(const struct wb_value *v, char *out, size_t size);

/* A parameter within [min, max]; what is outside, or no number, is logged and counts as the nearer end. */
int64_t kit_param_int(const struct kit *k, const char *name, int64_t min, int64_t max);
bool kit_param_bool(const struct kit *k, const char *name);

/* RFC 3339, UTC; NULL for 0. */
json_t *kit_time(int64_t ms);

/* A text of an object, borrowed; "" when absent. */
const char *kit_member(const json_t *o, const char *name);

/* ---- sealed columns ----
 * `row` says what the bytes belong to ("order:01J…", KIT_ROW() writes it), so that columns cannot be
 * swapped. All of these init `out`, which the caller clears; after an error it is empty, and kit_sealed() of
 * it is SQL NULL, so that the commit into a NOT NULL column fails. 0 or <0. */
char *kit_row(char out[KIT_ROW_SIZE], const char *what, const char *id);
#define KIT_ROW(what, id) kit_row((char[KIT_ROW_SIZE]){ 0 }, (what), (id))	/* lives as long as the block */
int kit_seal(const struct kit *k, const char *row, struct wa_span plain, struct wa_buf *out);
int kit_seal_json(const struct kit *k, const char *row, const json_t *doc, struct wa_buf *out);
static inline struct wb_value kit_sealed(const struct wa_buf *out)
{
	return kit_blob(out->len ? out->ptr : NULL, out->len);
}
int kit_unseal(const struct kit *k, const char *row, const struct wb_value *v, struct wa_buf *out);
/* NULL when it cannot be opened, or there is nothing. */
json_t *kit_unseal_json(const struct kit *k, const char *row, const struct wb_value *v);
char *kit_unseal_text(const struct kit *k, const char *row, const struct wb_value *v);	/* free() it */

/* ---- requests ---- */

/* Registers each with ctx, and with max_body where it names none (0: the host's). 0 or <0. */
#define KIT_ROUTE(method_, pattern_, scope_, summary_, fn_)                                       \
	{ .method = (method_), .pattern = (pattern_), .scope = (scope_), .summary = (summary_), .fn = (fn_) }
int kit_routes(const struct kit *k, const struct wb_plugin_route *routes, int32_t n, uint32_t max_body, void *ctx);

/* Answer with a JSON document, with nothing (204), or with what a code of enum wb_code means. */
void kit_reply(const struct kit *k, struct wb_plugin_req *take_req, int32_t status, json_t *take_body);
void kit_empty(const struct kit *k, struct wb_plugin_req *take_req);
void kit_problem(const struct kit *k, struct wb_plugin_req *take_req, int code, const char *detail);
void kit_invalid(const struct kit *k, struct wb_plugin_req *take_req, const char *detail);	/* 422 */
/* The body as an object; an absent one is {} when `optional`. NULL: answered, 400 for what is no JSON. */
json_t *kit_body(const struct kit *k, struct wb_plugin_req *req, bool optional);
const char *kit_query(const struct kit *k, struct wb_plugin_req *req, const char *name);	/* "" none */
/* ?limit=, 1 to max; false: answered. */
bool kit_limit(const struct kit *k, struct wb_plugin_req *req, int32_t fallback, int32_t max, int32_t *ret);

/* ?cursor= where it is a row's number, 0 the beginning; false: answered. */
bool kit_cursor(const struct kit *k, struct wb_plugin_req *req, int64_t *ret);

/* Commits, then answers: take_answer (NULL: 204) with `status`, or what went wrong. */
void kit_commit(struct kit *k, struct wb_plugin_req *take_req, struct wb_tx *take_tx, int32_t status,
		json_t *take_answer);
/* Before the answer `then` is told the code, with id (copied; NULL gives ""). Nobody is told after kit_clear(). */
typedef void kit_then_fn(void *ctx, int32_t code, const char *id);
void kit_commit_then(struct kit *k, struct wb_plugin_req *take_req, struct wb_tx *take_tx, int32_t status,
		     json_t *take_answer, kit_then_fn *then, void *ctx, const char *id);

/* One event with a JSON document as its data. */
void kit_event(const struct kit *k, struct wb_tx *tx, const char *kind, const char *session, const char *subject,
	       json_t *take_data);

#endif
