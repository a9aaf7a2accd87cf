/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h1.h"

#include "base.h"
#include "text.h"

/* Chunk sizes, extensions and trailers of one body. */
#define CHUNK_OVERHEAD_MAX (64u << 10)
#define CHUNK_LINE_MAX 256

static bool is_token(uint8_t c)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	return c && strchr("!#$%&'*+-.^_`|~", c);
}

size_t wb_h1_head_len(struct wa_span in, size_t *from)
{
	size_t at = *from;

	while (at < in.len) {
		const uint8_t *nl = memchr(in.ptr + at, '\n', in.len - at);
		size_t i;

		if (!nl)
			break;
		i = (size_t)(nl - in.ptr) + 1;
		if (i < in.len && in.ptr[i] == '\n')
			return i + 1;
		if (i + 1 < in.len && in.ptr[i] == '\r' && in.ptr[i + 1] == '\n')
			return i + 2;
		/* The empty line may begin right here: look at it again with more bytes. */
		if (i + 1 >= in.len) {
			*from = (size_t)(nl - in.ptr);
			return 0;
		}
		at = i;
	}
	*from = in.len;
	return 0;
}

/* The next line without its end; false when there is none. */
static bool next_line(struct wa_span *rest, struct wa_span *ret_line)
{
	const uint8_t *nl = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
	size_t n;

	if (!nl)
		return false;
	n = (size_t)(nl - rest->ptr);
	*ret_line = wa_span(rest->ptr, n && nl[-1] == '\r' ? n - 1 : n);
	*rest = wa_span(nl + 1, rest->len - n - 1);
	return true;
}

static int parse_target(struct wa_span t, struct wa_arena *a, struct wb_h1_head *h)
{
	if (t.len == 0)
		return 400;
	for (size_t i = 0; i < t.len; i++)
		if (t.ptr[i] <= 0x20 || t.ptr[i] >= 0x7f)
			return 400;
	/* Absolute form: every server has to take it. */
	if (wa_span_starts(t, "http://") || wa_span_starts(t, "https://")) {
		size_t host = t.ptr[4] == 's' ? 8 : 7;
		const uint8_t *slash = memchr(t.ptr + host, '/', t.len - host);

		t = slash ? wa_span(slash, t.len - (size_t)(slash - t.ptr)) : wa_span_str("/");
	}
	if (t.ptr[0] != '/' && !wa_span_is(t, "*"))
		return 400;
	h->target = wa_arena_str(a, t);
	return h->target ? 0 : 500;
}

static int parse_request_line(struct wa_span line, struct wa_arena *a, struct wb_h1_head *h)
{
	size_t m = 0, v;
	int status;

	while (m < line.len && is_token(line.ptr[m]))
		m++;
	if (m == 0 || m > 20 || m >= line.len || line.ptr[m] != ' ')
		return 400;
	/* " HTTP/1.x" at the end */
	if (line.len < m + 1 + 9)
		return 400;
	v = line.len - 9;
	if (memcmp(line.ptr + v, " HTTP/", 6) != 0 || line.ptr[v + 7] != '.' || v <= m)
		return 400;
	if (line.ptr[v + 6] != '1')
		return 505;
	if (line.ptr[v + 8] != '0' && line.ptr[v + 8] != '1')
		return 505;
	h->minor = (unsigned)(line.ptr[v + 8] - '0');
	h->keep_alive = h->minor == 1;
	status = parse_target(wa_span(line.ptr + m + 1, v - m - 1), a, h);
	if (status)
		return status;
	h->method = wa_arena_str(a, wa_span(line.ptr, m));
	return h->method ? 0 : 500;
}

/* Does a comma separated value contain the token? */
static bool has_token(struct wa_span list, const char *token)
{
	while (list.len) {
		const uint8_t *comma = memchr(list.ptr, ',', list.len);
		size_t n = comma ? (size_t)(comma - list.ptr) : list.len;

		if (wa_span_ieq(wa_span_trim(wa_span(list.ptr, n)), wa_span_str(token)))
			return true;
		list = comma ? wa_span(comma + 1, list.len - n - 1) : wa_span(NULL, 0);
	}
	return false;
}

struct framing {
	bool length;
	bool chunked;
	bool host;
};

/* Headers that say where the request ends. */
static int note_framing(struct wa_span name, struct wa_span value, struct framing *f,
			struct wb_h1_head *h)
{
	int64_t n;

	switch (name.len) {
	case 4:
		if (wa_span_ieq(name, wa_span_str("host"))) {
			if (f->host)
				return 400;
			f->host = true;
		}
		return 0;
	case 6:
		if (!wa_span_ieq(name, wa_span_str("expect")))
			return 0;
		if (!wa_span_ieq(value, wa_span_str("100-continue")))
			return 417;
		h->expect = h->minor == 1;
		return 0;
	case 10:
		if (!wa_span_ieq(name, wa_span_str("connection")))
			return 0;
		if (has_token(value, "close"))
			h->keep_alive = false;
		else if (h->minor == 0 && has_token(value, "keep-alive"))
			h->keep_alive = true;
		return 0;
	case 14:
		if (!wa_span_ieq(name, wa_span_str("content-length")))
			return 0;
		if (value.len == 0 || value.ptr[0] == '-' || f->length ||
		    wa_parse_i64(value, 0, INT64_MAX, &n))
			return 400;
		f->length = true;
		h->length = n;
		return 0;
	case 17:
		if (!wa_span_ieq(name, wa_span_str("transfer-encoding")))
			return 0;
		if (f->chunked || h->minor == 0)
			return 400;
		if (!wa_span_ieq(value, wa_span_str("chunked")))
			return 501;
		f->chunked = true;
		return 0;
	default:
		return 0;
	}
}

static int parse_header(struct wa_span line, struct wa_arena *a, struct framing *f,
			struct wb_h1_head *h)
{
	struct wb_h1_header *out = &h->headers[h->n_headers];
	struct wa_span name, value;
	size_t colon = 0;

	while (colon < line.len && is_token(line.ptr[colon]))
		colon++;
	if (colon == 0 || colon >= line.len || line.ptr[colon] != ':')
		return 400;
	name = wa_span(line.ptr, colon);
	value = wa_span_trim(wa_span(line.ptr + colon + 1, line.len - colon - 1));
	for (size_t i = 0; i < value.len; i++)
		if ((value.ptr[i] < 0x20 && value.ptr[i] != '\t') || value.ptr[i] == 0x7f)
			return 400;
	out->name = wa_arena_str(a, name);
	out->value = wa_arena_str(a, value);
	if (!out->name || !out->value)
		return 500;
	h->n_headers++;
	return note_framing(name, value, f, h);
}

int wb_h1_parse(struct wa_span head, struct wa_arena *a, struct wb_h1_head *h)
{
	struct framing f = { 0 };
	struct wa_span rest = head, line;
	size_t lines = 0;
	int status;

	memset(h, 0, sizeof(*h));
	h->method = "";
	h->target = "/";
	if (!next_line(&rest, &line))
		return 400;
	status = parse_request_line(line, a, h);
	if (status)
		return status;
	for (size_t i = 0; i < rest.len; i++)
		lines += rest.ptr[i] == '\n';
	/* The empty line is counted too. */
	if (lines > WB_H1_HEADERS_MAX + 1)
		return 431;
	h->headers = wa_arena_alloc(a, (lines + 1) * sizeof(*h->headers));
	if (!h->headers)
		return 500;
	while (next_line(&rest, &line) && line.len) {
		status = parse_header(line, a, &f, h);
		if (status)
			return status;
	}
	if (f.chunked && f.length)
		return 400;
	if (h->minor == 1 && !f.host)
		return 400;
	if (f.chunked)
		h->length = -1;
	return 0;
}

static int chunk_size(struct wb_chunked *c, struct wa_span line)
{
	size_t digits = 0;

	c->left = 0;
	for (; digits < line.len; digits++) {
		uint8_t ch = line.ptr[digits];
		unsigned v;

		if (ch >= '0' && ch <= '9')
			v = ch - '0';
		else if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f')
			v = (unsigned)(ch | 0x20) - 'a' + 10;
		else
			break;
		if (digits >= 15)
			return 400;
		c->left = c->left * 16 + v;
	}
	if (digits == 0)
		return 400;
	/* Extensions are allowed, and ignored. */
	if (digits < line.len && line.ptr[digits] != ';' && line.ptr[digits] != ' ' &&
	    line.ptr[digits] != '\t')
		return 400;
	c->state = c->left ? WB_CHUNK_DATA : WB_CHUNK_TRAILER;
	return 0;
}

static int chunk_line(struct wb_chunked *c, struct wa_span line)
{
	switch (c->state) {
	case WB_CHUNK_SIZE:
		return chunk_size(c, line);
	case WB_CHUNK_END:
		if (line.len)
			return 400;
		c->state = WB_CHUNK_SIZE;
		return 0;
	case WB_CHUNK_TRAILER:
		if (!line.len)
			c->state = WB_CHUNK_DONE;
		return 0;
	case WB_CHUNK_DATA:
	case WB_CHUNK_DONE:
	default:
		return 400;
	}
}

int wb_chunked_feed(struct wb_chunked *c, struct wa_span in, struct wa_buf *out, size_t *ret_used)
{
	struct wa_span rest = in, line;

	*ret_used = 0;
	while (c->state != WB_CHUNK_DONE && rest.len) {
		struct wa_span before = rest;
		int status;

		if (c->state == WB_CHUNK_DATA) {
			size_t n = c->left < rest.len ? (size_t)c->left : rest.len;

			if (c->left > out->max - out->len)
				return 413;
			wa_buf_put(out, rest.ptr, n);
			if (out->failed)
				return out->failed == WA_ELIMIT ? 413 : 500;
			c->left -= n;
			rest = wa_span(rest.ptr + n, rest.len - n);
			if (c->left == 0)
				c->state = WB_CHUNK_END;
		} else {
			if (!next_line(&rest, &line))
				return rest.len > CHUNK_LINE_MAX && c->state != WB_CHUNK_TRAILER ?
					400 : rest.len > CHUNK_OVERHEAD_MAX ? 431 : 0;
			c->overhead += before.len - rest.len;
			if (c->overhead > CHUNK_OVERHEAD_MAX + out->len * 8)
				return 400;
			status = chunk_line(c, line);
			if (status)
				return status;
		}
		*ret_used = in.len - rest.len;
	}
	return 0;
}
