/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes as text: hex, base64, the pairing code's base32. */
#include "text.h"

static const char hex_digits[] = "0123456789abcdef";

char *wa_hex_encode(struct wa_span in, char *out)
{
	char *p = out;

	for (size_t i = 0; i < in.len; i++) {
		*p++ = hex_digits[in.ptr[i] >> 4];
		*p++ = hex_digits[in.ptr[i] & 15];
	}
	*p = 0;
	return out;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int wa_hex_decode(struct wa_span text, void *out, size_t len)
{
	uint8_t *o = out;

	if (text.len / 2 != len || text.len % 2)
		return WA_EINVALID;
	for (size_t i = 0; i < len; i++) {
		int high = hex_value(text.ptr[2 * i]), low = hex_value(text.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return WA_EINVALID;
		o[i] = (uint8_t)(high << 4 | low);
	}
	return WA_OK;
}

static const char b64_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char b64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t b64_length(size_t n, int variant)
{
	return variant == WA_B64_STD ? (n + 2) / 3 * 4 : n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0);
}

static void b64_write(struct wa_span in, int variant, uint8_t *out)
{
	const char *abc = variant == WA_B64_URL ? b64_url : b64_std;

	for (size_t i = 0; i < in.len; i += 3) {
		size_t n = in.len - i < 3 ? in.len - i : 3;
		uint32_t v = (uint32_t)in.ptr[i] << 16;

		if (n > 1)
			v |= (uint32_t)in.ptr[i + 1] << 8;
		if (n > 2)
			v |= in.ptr[i + 2];
		for (size_t k = 0; k < 4; k++) {
			if (k <= n)
				*out++ = (uint8_t)abc[v >> (18 - 6 * k) & 63];
			else if (variant == WA_B64_STD)
				*out++ = '=';
		}
	}
}

char *wa_b64_encode(struct wa_span in, int variant, char *out)
{
	b64_write(in, variant, (uint8_t *)out);
	out[b64_length(in.len, variant)] = 0;
	return out;
}

void wa_b64_put(struct wa_buf *b, struct wa_span in, int variant)
{
	uint8_t *p = wa_buf_grow(b, b64_length(in.len, variant));

	if (p)
		b64_write(in, variant, p);
}

static int b64_value(uint8_t c, int variant)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (variant == WA_B64_URL ? '-' : '+'))
		return 62;
	if (c == (variant == WA_B64_URL ? '_' : '/'))
		return 63;
	return -1;
}

/* Without its padding; false when that is wrong. */
static bool b64_strip(struct wa_span *text)
{
	size_t pad = 0;

	while (pad < 2 && text->len > pad && text->ptr[text->len - 1 - pad] == '=')
		pad++;
	if (pad > 0 && text->len % 4 != 0)
		return false;
	text->len -= pad;
	return text->len % 4 != 1;
}

static int b64_read(struct wa_span text, int variant, uint8_t *out)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < text.len; i++) {
		int v = b64_value(text.ptr[i], variant);

		if (v < 0)
			return WA_EINVALID;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*out++ = (uint8_t)(bits >> have);
		}
	}
	/* leftover bits that are set would give two texts for the same bytes */
	return bits & ((1u << have) - 1) ? WA_EINVALID : WA_OK;
}

int wa_b64_decode(struct wa_span text, int variant, struct wa_buf *out)
{
	uint8_t *p;
	size_t len;
	int r;

	if (!b64_strip(&text))
		return WA_EINVALID;
	len = text.len / 4 * 3 + text.len % 4 * 3 / 4;
	p = wa_buf_grow(out, len);
	if (!p)
		return out->failed;
	r = b64_read(text, variant, p);
	if (r < 0)
		out->len -= len;
	return r;
}

int wa_b64_decode_fixed(struct wa_span text, int variant, void *out, size_t len)
{
	if (!b64_strip(&text) || text.len / 4 * 3 + text.len % 4 * 3 / 4 != len)
		return WA_EINVALID;
	return b64_read(text, variant, out);
}

static const char code8_abc[] = "123456789ABCDEFGHJKLMNPQRSTVWXYZ";

char *wa_code8_encode(const uint8_t in[5], char out[9])
{
	uint64_t v = 0;

	for (int i = 0; i < 5; i++)
		v = v << 8 | in[i];
	for (int i = 0; i < 8; i++)
		out[i] = code8_abc[v >> (35 - 5 * i) & 31];
	out[8] = 0;
	return out;
}

int wa_code8_decode(struct wa_span text, uint8_t out[5])
{
	uint64_t v = 0;
	int n = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		const char *at;

		if (c == '-')
			continue;
		if (c >= 'a' && c <= 'z')
			c = (uint8_t)(c - 32);
		at = c ? strchr(code8_abc, c) : NULL;
		if (!at || ++n > 8)
			return WA_EINVALID;
		v = v << 5 | (uint64_t)(at - code8_abc);
	}
	if (n != 8)
		return WA_EINVALID;
	for (int i = 0; i < 5; i++)
		out[i] = (uint8_t)(v >> (32 - 8 * i));
	return WA_OK;
}
