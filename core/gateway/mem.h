/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_MEM_H
#define WB_MEM_H

/*
 * Small allocations of the gateway's own bookkeeping. There is no sensible
 * way on without a few hundred bytes, and a restart loses nothing (everything
 * that matters is committed): exhaustion aborts. Not for sizes that a
 * stranger chooses.
 */
#include <base.h>

static inline void *wb_zalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

static inline char *wb_strdup(const char *s)
{
	char *p = strdup(s ? s : "");

	if (!p)
		abort();
	return p;
}

static inline void *wb_realloc(void *take_p, size_t size)
{
	void *p = realloc(take_p, size);

	if (!p)
		abort();
	return p;
}

/* Replace a malloc'ed string. */
static inline void wb_restr(char **p, const char *s)
{
	char *n = wb_strdup(s);

	free(*p);
	*p = n;
}

#endif
