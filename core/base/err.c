/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base.h"

#include <stdarg.h>

static const struct code_info {
	int code;
	int http;
	bool retryable;
	const char *name;
} codes[] = {
	{ WA_OK, 200, false, "ok" },
	{ WA_ENOMEM, 503, true, "no_memory" },
	{ WA_EINVALID, 422, false, "invalid" },
	{ WA_ENOTFOUND, 404, false, "not_found" },
	{ WA_ECONFLICT, 409, false, "conflict" },
	{ WA_ESTATE, 409, true, "state" },
	{ WA_EAUTH, 401, false, "auth" },
	{ WA_EDENIED, 403, false, "denied" },
	{ WA_EPROTO, 502, false, "protocol" },
	{ WA_ECRYPTO, 502, false, "crypto" },
	{ WA_EPEER, 502, false, "peer" },
	{ WA_EIO, 503, true, "io" },
	{ WA_ETIMEDOUT, 504, true, "timed_out" },
	{ WA_ELIMIT, 429, true, "limit" },
	{ WA_ESTORE, 503, true, "store" },
	{ WA_EINTERNAL, 500, false, "internal" },
	{ WA_EDUP, 200, false, "duplicate" },
	{ WA_EUNSUPPORTED, 501, false, "unsupported" },
};

static const struct code_info *find(int code)
{
	static const struct code_info unknown = { 0, 500, false, "unknown" };

	for (size_t i = 0; i < WA_ARRAY_LEN(codes); i++)
		if (codes[i].code == code)
			return &codes[i];
	return &unknown;
}

const char *wa_code_str(int code)
{
	return find(code)->name;
}

int wa_code_http(int code)
{
	return find(code)->http;
}

bool wa_code_retryable(int code)
{
	return find(code)->retryable;
}

static void WA_PRINTF(4, 0) fill(struct wa_err *err, int code, int detail, const char *fmt,
				 va_list ap)
{
	if (!err)
		return;
	err->code = code;
	err->detail = detail;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
}

/* in parentheses: base.h may have made macros of these two */
int (wa_err_set)(struct wa_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, code, 0, fmt, ap);
	va_end(ap);
	return code;
}

int (wa_err_detail)(struct wa_err *err, int code, int detail, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, code, detail, fmt, ap);
	va_end(ap);
	return code;
}
