/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_ENV_H
#define WA_ENV_H

/*
 * What libwa is given instead of taking it: clock, random bytes, log.
 * libwa calls nothing else of the operating system.
 */
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum wa_level { WA_DEBUG, WA_INFO, WA_WARN, WA_ERROR };

/* A log field. Redacted text (phone numbers, JIDs, message texts) prints as
 * a short keyed tag unless the owner sets log.private. */
struct wa_field {
	const char *name;
	char kind;		/* 's' text, 'r' redacted text, 'i' integer */
	struct wa_span text;
	int64_t num;
};

#define WA_S(n, v) ((struct wa_field){ (n), 's', wa_span_str(v), 0 })
#define WA_SN(n, span) ((struct wa_field){ (n), 's', (span), 0 })
#define WA_R(n, v) ((struct wa_field){ (n), 'r', wa_span_str(v), 0 })
#define WA_RN(n, span) ((struct wa_field){ (n), 'r', (span), 0 })
#define WA_I(n, v) ((struct wa_field){ (n), 'i', { NULL, 0 }, (int64_t)(v) })

typedef void wa_log_fn(void *ctx, int level, const char *event, const struct wa_field *fields,
		       size_t n);

struct wa_env {
	int64_t (*now_ms)(void *ctx);			/* Unix time, milliseconds */
	void (*random)(void *ctx, void *out, size_t len);	/* must not fail */
	wa_log_fn *log;					/* NULL: silent */
	void *ctx;
};

#define WA_LOG(env, level, event, ...)                                                            \
	do {                                                                                      \
		const struct wa_field wa_log_f_[] = { __VA_ARGS__ };                              \
		if ((env)->log)                                                                   \
			(env)->log((env)->ctx, (level), (event), wa_log_f_,                       \
				   sizeof(wa_log_f_) / sizeof(wa_log_f_[0]));                     \
	} while (0)

#ifdef __cplusplus
}
#endif
#endif
