/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_ERROR_H
#define WA_ERROR_H

/*
 * One list of error codes for libwa, storage and the gateway. A code answers
 * "what can the caller do?"; one table (base/err.c) gives each its name, HTTP
 * status and whether trying again may help. Detail travels in a struct the
 * caller provides, last parameter, NULL allowed, untouched on success.
 */
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum wa_code {
	WA_OK = 0,
	WA_ENOMEM = -1,		/* no_memory */
	WA_EINVALID = -2,	/* invalid: the caller's argument or document */
	WA_ENOTFOUND = -3,	/* not_found */
	WA_ECONFLICT = -4,	/* conflict: exists already, or lost a race */
	WA_ESTATE = -5,		/* state: not possible now, e.g. not connected */
	WA_EAUTH = -6,		/* auth: who are you */
	WA_EDENIED = -7,	/* denied: known, but not allowed */
	WA_EPROTO = -8,		/* protocol: the peer sent something malformed */
	WA_ECRYPTO = -9,	/* crypto: a MAC, signature or key did not fit */
	WA_EPEER = -10,		/* peer: the peer answered with an error (detail) */
	WA_EIO = -11,		/* io: disk or network (detail: errno) */
	WA_ETIMEDOUT = -12,	/* timed_out */
	WA_ELIMIT = -13,	/* limit: too large, too deep, too many, too fast */
	WA_ESTORE = -14,	/* store: the database refused (detail: its code) */
	WA_EINTERNAL = -15,	/* internal: our mistake */
	WA_EDUP = -16,		/* duplicate: already done, nothing to do */
	WA_EUNSUPPORTED = -17,	/* unsupported */
};

struct wa_err {
	int code;	/* enum wa_code */
	int detail;	/* errno, sqlite code, peer's code; 0 when none */
	char msg[240];	/* one line, lower case, facts, never a secret */
};

#define WA_ERR_INIT { 0, 0, { 0 } }

/* Fill `err` (NULL allowed) and return `code`, so that callers write
 * `return wa_err_set(err, WA_EPROTO, "frame of %zu bytes", n);` */
WA_API int wa_err_set(struct wa_err *err, int code, const char *fmt, ...) WA_PRINTF(3, 4);
WA_API int wa_err_detail(struct wa_err *err, int code, int detail, const char *fmt, ...)
	WA_PRINTF(4, 5);

WA_API const char *wa_code_str(int code);		/* "not_found"; "unknown" otherwise */
WA_API int wa_code_http(int code);		/* 404 */
WA_API bool wa_code_retryable(int code);

#ifdef __cplusplus
}
#endif
#endif
