/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_TYPES_H
#define WA_TYPES_H

/*
 * Words every header here uses.
 *
 * A wa_span is borrowed bytes: it owns nothing and is passed by value. Keys
 * are fixed-size structs so that a public key cannot be taken for a private
 * one. Functions return 0 (WA_OK) or a negative enum wa_code (error.h);
 * look-ups return 1 found, 0 not found, <0 failure. Out parameters named
 * ret_x are written on success only. Parameters named take_x change owner,
 * on failure too. Unmarked pointers are borrowed for the call.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WA_API __attribute__((visibility("default")))
#define WA_MUST_USE __attribute__((warn_unused_result))
#define WA_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define WA_API
#define WA_MUST_USE
#define WA_PRINTF(f, a)
#endif

/* Borrowed bytes. ptr may be NULL when len is 0. */
struct wa_span {
	const uint8_t *ptr;
	size_t len;
};

static inline struct wa_span wa_span(const void *ptr, size_t len)
{
	struct wa_span s;

	s.ptr = (const uint8_t *)ptr;
	s.len = len;
	return s;
}

/* The bytes of a C string without its NUL; NULL gives the empty span. */
static inline struct wa_span wa_span_str(const char *s)
{
	return wa_span(s, s ? strlen(s) : 0);
}

/* Not constant time: never for secrets. */
static inline bool wa_span_eq(struct wa_span a, struct wa_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool wa_span_is(struct wa_span a, const char *s)
{
	return wa_span_eq(a, wa_span_str(s));
}

/* printf helpers: printf("%.*s", WA_SPAN_ARG(s)) */
#define WA_SPAN_ARG(s) (int)(s).len, (const char *)(s).ptr

/* Curve25519, 32 bytes, without WhatsApp's 0x05 type byte. */
struct wa_pub { uint8_t b[32]; };
struct wa_priv { uint8_t b[32]; };	/* wipe with wa_wipe() */
struct wa_keypair { struct wa_pub pub; struct wa_priv priv; };
struct wa_key { uint8_t b[32]; };	/* a symmetric key or a shared secret */
struct wa_sig { uint8_t b[64]; };	/* XEd25519 signature */

#ifdef __cplusplus
}
#endif
#endif
