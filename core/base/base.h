/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_BASE_H
#define WA_BASE_H

/*
 * Small words for C code of this repository (private: not installed).
 *
 *	WA_AUTO(free_thing) struct thing *t = NULL;	runs free_thing(&t) at scope end
 *	return WA_TAKE(t);				moves t out: t becomes NULL
 */
#include <wa/arena.h>
#include <wa/buf.h>
#include <wa/env.h>
#include <wa/error.h>
#include <wa/types.h>

#ifdef __clang_analyzer__
/* The analyzer looks into one file at a time: tell it that the code comes back. */
static inline int wa_err_code(int code, int same)
{
	(void)same;
	return code;
}
#define wa_err_set(err, code, ...) wa_err_code(code, wa_err_set(err, code, __VA_ARGS__))
#define wa_err_detail(err, code, ...) wa_err_code(code, wa_err_detail(err, code, __VA_ARGS__))
#endif

#define WA_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* fn takes a pointer to the variable. */
#define WA_AUTO(fn) __attribute__((cleanup(fn)))

/* The value of p, which becomes NULL: ownership leaves a WA_AUTO variable. */
#define WA_TAKE(p)                                                                                \
	__extension__({                                                                           \
		__typeof__(p) wa_take_ = (p);                                                     \
		(p) = NULL;                                                                       \
		wa_take_;                                                                         \
	})

/* The struct that holds member at ptr. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* For WA_AUTO on malloc'ed memory: WA_AUTO(wa_freep) char *s = NULL; */
void wa_freep(void *pointer_to_pointer);

/* Zero memory in a way the compiler keeps. */
void wa_wipe(void *ptr, size_t len);

/* Random bytes from the operating system; never fails (aborts instead). */
void wa_random(void *out, size_t len);

#endif
