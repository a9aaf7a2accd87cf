/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_TEXT_H
#define WA_TEXT_H

/*
 * Text: UTF-8, hex, base64, Crockford base32, numbers. Encoders that write to
 * a char array need the size said and end with a NUL. Decoders are strict and
 * return WA_EINVALID for anything they would not themselves write, except
 * where said.
 */
#include "base.h"

/* Well-formed UTF-8: no overlong forms, no surrogates, at most U+10FFFF. */
bool wa_utf8_valid(struct wa_span s);
/* The longest prefix of s of at most max bytes that does not cut a character. */
size_t wa_utf8_clip(struct wa_span s, size_t max);
/* The length of the UTF-8 character at s.ptr (s is not empty), its code point in *ret; 1 and U+FFFD
 * for a broken one. */
size_t wa_utf8_next(struct wa_span s, uint32_t *ret);
void wa_utf8_put(struct wa_buf *b, uint32_t c);

/* ASCII case folded comparison. */
bool wa_span_ieq(struct wa_span a, struct wa_span b);
bool wa_span_starts(struct wa_span s, const char *prefix);
struct wa_span wa_span_trim(struct wa_span s);	/* without ASCII white space at both ends */

/* Decimal, optional '-'; whole span, min <= value <= max, else WA_EINVALID. */
int wa_parse_i64(struct wa_span s, int64_t min, int64_t max, int64_t *ret) WA_MUST_USE;

/* out: 2 * in.len + 1. Lower case; the decoder takes both cases. */
char *wa_hex_encode(struct wa_span in, char *out);
/* Exactly len bytes from 2 * len digits. */
int wa_hex_decode(struct wa_span text, void *out, size_t len) WA_MUST_USE;

enum wa_b64 {
	WA_B64_STD,		/* + and /, padded */
	WA_B64_STD_NOPAD,
	WA_B64_URL,		/* - and _, not padded */
};

#define WA_B64_LEN(n) (((n) + 2) / 3 * 4 + 1)	/* array size that fits any variant */

char *wa_b64_encode(struct wa_span in, int variant, char *out);
void wa_b64_put(struct wa_buf *b, struct wa_span in, int variant);
/* Padding is accepted but not required; the alphabet must be the variant's
 * (the STD variants are one). Appends to out. */
int wa_b64_decode(struct wa_span text, int variant, struct wa_buf *out) WA_MUST_USE;
/* Exactly len bytes. */
int wa_b64_decode_fixed(struct wa_span text, int variant, void *out, size_t len) WA_MUST_USE;

/* WhatsApp's pairing code alphabet: 123456789ABCDEFGHJKLMNPQRSTVWXYZ.
 * 5 bytes <-> 8 characters; the decoder takes lower case and skips '-'. */
char *wa_code8_encode(const uint8_t in[5], char out[9]);
int wa_code8_decode(struct wa_span text, uint8_t out[5]) WA_MUST_USE;

#endif
