/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_MEX_H
#define WA_MEX_H

/*
 * Mex: GraphQL questions in JSON, inside iq w:mex. The ids of the queries
 * belong to one release of WhatsApp's web client; who asks names the member of
 * `data` he wants, and gets it whatever else changes.
 */
#include "client_int.h"

#include <jansson.h>

/* code 0: data is what was asked for, borrowed (perhaps JSON null); > 0: the server's error, text its
 * words; < 0: enum wa_code. text is never NULL. */
typedef void mex_fn(struct wa_client *c, void *arg, int code, const char *text, json_t *data);

/* Takes variables (NULL: memory ran out, reported to fn). fn is called exactly once. */
void mex_ask(struct wa_client *c, const char *query_id, json_t *take_variables, const char *member, mex_fn *fn,
	     void *arg);
/* The parser alone, for fuzzing too: a new reference in ret_doc, its member in ret_data. */
int mex_read(struct wa_span json, const char *member, json_t **ret_doc, json_t **ret_data, char *text, size_t size);

/* notification type=mex */
void mex_notification(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from);

/* Text of a member, "" when there is none; numbers come as text or as numbers. */
const char *mex_text(const json_t *o, const char *key);
int64_t mex_num(const json_t *o, const char *key, int64_t fallback);
const json_t *mex_get(const json_t *o, const char *key);	/* NULL unless it is an object */

/* restriction.c, newsletter.c: their part of the notifications; true: it was theirs. */
bool restriction_mex(struct wa_client *c, const char *op, const json_t *data);
bool newsletter_mex(struct wa_client *c, const char *op, const json_t *doc);

#endif
