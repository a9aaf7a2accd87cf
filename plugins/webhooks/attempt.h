/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_ATTEMPT_H
#define WEBHOOKS_ATTEMPT_H

/*
 * One attempt to deliver one event: transform, signed request, answer, the
 * commands in it. Ends in exactly one call of done, never from inside
 * attempt_start(), or with attempt_cancel(). It writes the delivery log.
 */
#include "endpoint.h"

#define ATTEMPT_REPLAY 1u /* header webhook-replay: true */
#define ATTEMPT_TEST   2u /* no commands, nothing in the log */

#define ANSWER_MAX      (64 * 1024) /* bytes read of an answer */
#define LOGGED_MAX      2048        /* bytes of request and answer that the log keeps */
#define TRANSFORMED_MAX (1 << 20)

enum outcome_kind { OUT_DELIVERED, OUT_SKIPPED, OUT_FAILED, OUT_UNTRANSFORMED };

struct outcome {
	enum outcome_kind kind;
	int32_t status;         /* 0: no answer */
	int64_t retry_after_ms; /* 0: not said */
	int64_t ms;             /* request to answer */
	char why[REASON_LEN];   /* of a failure */
	const json_t
		*detail; /* request, answer, commands, as the log keeps them; until done returns */
};

typedef void attempt_done(void *ctx, const struct outcome *o);
struct attempt;

/* NULL: out of memory. number: which try, from 1. */
struct attempt *attempt_start(struct endpoint *e, struct happening *h, int32_t number,
			      uint32_t flags, attempt_done *done, void *ctx);
void attempt_cancel(struct attempt *a);     /* NULL allowed */
void attempt_end_tests(struct endpoint *e); /* with a failure: e goes */
void attempts_free(struct webhooks *w);     /* all of them: the plugin ends */

const char *outcome_str(enum outcome_kind kind);

#endif
