/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_LOG_H
#define WA_LOG_H

/*
 * The log: one event, one line, one write(2), so that lines of several
 * threads and processes never mix.
 *
 *	text: 2026-11-22T09:38:00.123Z WARN stream.closed session=a1 code=515
 *	json: {"time":"...","level":"warn","event":"stream.closed","session":"a1","code":515}
 *
 * Control bytes and broken UTF-8 are escaped; lines over 8 KiB are cut.
 * Redacted fields ('r') print as ~ and 8 hex digits of a hash keyed per
 * process, unless `reveal` is set: the same value gives the same tag, and
 * the tag does not give the value. A line that cannot be written is counted
 * in `lost`; logging never fails and never blocks its caller for longer than
 * the write.
 */
#include "base.h"

enum wa_log_format { WA_LOG_TEXT, WA_LOG_JSON };

struct wa_log {
	int fd;
	int level;		/* enum wa_level; lower ones are dropped */
	int format;		/* enum wa_log_format */
	bool reveal;		/* the owner's log.private */
	uint8_t key[16];	/* of redaction */
	int64_t (*now_ms)(void);	/* wa_now_ms; tests replace it */
	unsigned long lost;
};

void wa_log_init(struct wa_log *log, int fd, int format, int level);
/* wa_log_fn with ctx = struct wa_log *; a NULL ctx is silent. */
void wa_log_emit(void *ctx, int level, const char *event, const struct wa_field *fields, size_t n);
/* Format without writing: what wa_log_emit prints, with its newline. */
void wa_log_format(const struct wa_log *log, int level, const char *event,
		   const struct wa_field *fields, size_t n, struct wa_buf *out);
const char *wa_level_str(int level);			/* "debug" */
int wa_level_parse(struct wa_span s, int *ret_level) WA_MUST_USE;

/* The real clock and random source; log may be NULL (silent). env->ctx = log. */
void wa_env_default(struct wa_env *env, struct wa_log *log);

#endif
