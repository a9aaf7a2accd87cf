/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "multipart.h"

#include "base.h"
#include "text.h"

#define VALUE_MAX 1024

enum { PREAMBLE, AFTER_BOUNDARY, HEAD, DATA, DONE };

/* The value of `name` in "x; name=value; name2=\"value\"", unquoted; false: absent or malformed. */
static bool parameter(struct wa_span s, const char *name, char *out, size_t size)
{
	size_t i = 0, n = strlen(name);

	while (i < s.len && s.ptr[i] != ';')
		i++;
	while (i < s.len) {
		size_t start, len = 0;
		bool quoted, match;

		for (i++; i < s.len && (s.ptr[i] == ' ' || s.ptr[i] == '\t'); i++)
			;
		start = i;
		while (i < s.len && s.ptr[i] != '=' && s.ptr[i] != ';')
			i++;
		if (i == s.len || s.ptr[i] == ';')
			continue;
		match = i - start == n && wa_span_ieq(wa_span(s.ptr + start, n), wa_span_str(name));
		quoted = ++i < s.len && s.ptr[i] == '"';
		i += quoted;
		while (i < s.len && (quoted ? s.ptr[i] != '"' : s.ptr[i] != ';')) {
			if (quoted && s.ptr[i] == '\\' && i + 1 < s.len)
				i++;
			if (match && (len + 1 >= size || s.ptr[i] < ' '))
				return false;
			if (match)
				out[len++] = (char)s.ptr[i];
			i++;
		}
		if (match) {
			out[len] = 0;
			return true;
		}
		while (i < s.len && s.ptr[i] != ';')
			i++;
	}
	return false;
}

int wb_multipart_init(struct wb_multipart *m, const char *content_type, const struct wb_multipart_ops *ops,
		      void *ctx)
{
	struct wa_span type = wa_span_str(content_type ? content_type : "");
	char boundary[WB_MULTIPART_BOUNDARY_MAX + 1];

	memset(m, 0, sizeof(*m));
	if (type.len < 19 || !wa_span_ieq(wa_span(type.ptr, 19), wa_span_str("multipart/form-data")) ||
	    !parameter(type, "boundary", boundary, sizeof(boundary)) || !*boundary)
		return WA_EINVALID;
	m->boundary_len = (size_t)snprintf(m->boundary, sizeof(m->boundary), "\r\n--%s", boundary);
	m->ops = ops;
	m->ctx = ctx;
	wa_buf_init(&m->hold, WB_MULTIPART_HEAD_MAX);
	/* the first boundary needs no line break before it */
	wa_buf_str(&m->hold, "\r\n");
	return m->hold.failed ? m->hold.failed : WA_OK;
}

void wb_multipart_clear(struct wb_multipart *m)
{
	wa_buf_clear(&m->hold);
}

bool wb_multipart_done(const struct wb_multipart *m)
{
	return m->state == DONE;
}

static int content(struct wb_multipart *m, struct wa_span bytes)
{
	if (m->state != DATA || bytes.len == 0)
		return WA_OK;
	return m->ops->data(m->ctx, bytes);
}

/* Bytes up to a boundary. What was held back is compared as if it stood before them. */
static int scan(struct wb_multipart *m, struct wa_span *in)
{
	int r;

	while (in->len) {
		/* `hold` is a beginning of the boundary: does this byte go on with it? */
		if (m->hold.len && in->ptr[0] == (uint8_t)m->boundary[m->hold.len]) {
			wa_buf_u8(&m->hold, in->ptr[0]);
			*in = wa_span(in->ptr + 1, in->len - 1);
			if (m->hold.len < m->boundary_len)
				continue;
			wa_buf_reset(&m->hold);
			r = m->state == DATA ? m->ops->end(m->ctx) : WA_OK;
			m->state = AFTER_BOUNDARY;
			return r;
		}
		if (m->hold.len) {
			/* It was none. A boundary has one CR, its first byte: nothing inside of what
			 * was held can begin another. */
			struct wa_span held = wa_span(m->boundary, m->hold.len);

			wa_buf_reset(&m->hold);
			r = content(m, held);
			if (r)
				return r;
		}
		if (in->ptr[0] == '\r') {
			wa_buf_u8(&m->hold, '\r');
			*in = wa_span(in->ptr + 1, in->len - 1);
		} else {
			const uint8_t *cr = memchr(in->ptr, '\r', in->len);
			size_t n = cr ? (size_t)(cr - in->ptr) : in->len;

			r = content(m, wa_span(in->ptr, n));
			*in = wa_span(in->ptr + n, in->len - n);
			if (r)
				return r;
		}
	}
	return m->hold.failed;
}

static int head_done(struct wb_multipart *m)
{
	char name[VALUE_MAX] = "", file[VALUE_MAX] = "", type[VALUE_MAX] = "";
	struct wa_span rest = wa_buf_view(&m->hold);
	struct wb_part p = { name, file, type };
	bool named = false;

	while (rest.len) {
		const uint8_t *nl = memchr(rest.ptr, '\n', rest.len);
		size_t n = nl ? (size_t)(nl - rest.ptr) : rest.len;
		struct wa_span line = wa_span_trim(wa_span(rest.ptr, n));
		const uint8_t *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
		struct wa_span key = wa_span(line.ptr, colon ? (size_t)(colon - line.ptr) : 0), value;

		rest = nl ? wa_span(nl + 1, rest.len - n - 1) : wa_span(NULL, 0);
		if (!colon)
			continue;
		value = wa_span_trim(wa_span(colon + 1, line.len - key.len - 1));
		if (wa_span_ieq(key, wa_span_str("content-disposition"))) {
			named = parameter(value, "name", name, sizeof(name));
			if (!parameter(value, "filename", file, sizeof(file)))
				file[0] = 0;
		} else if (wa_span_ieq(key, wa_span_str("content-type")) && value.len < sizeof(type)) {
			memcpy(type, value.ptr, value.len);
			type[value.len] = 0;
		}
	}
	if (!named || !wa_utf8_valid(wa_span_str(name)) || !wa_utf8_valid(wa_span_str(file)))
		return WA_EPROTO;
	if (++m->parts > WB_MULTIPART_PARTS_MAX)
		return WA_ELIMIT;
	wa_buf_reset(&m->hold);
	m->state = DATA;
	return m->ops->begin(m->ctx, &p);
}

/* Headers up to the empty line, byte by byte: they are short. */
static int head(struct wb_multipart *m, struct wa_span *in)
{
	while (in->len) {
		wa_buf_u8(&m->hold, in->ptr[0]);
		*in = wa_span(in->ptr + 1, in->len - 1);
		if (m->hold.failed)
			return m->hold.failed;
		if (m->hold.len >= 4 && memcmp(m->hold.ptr + m->hold.len - 4, "\r\n\r\n", 4) == 0)
			return head_done(m);
	}
	return WA_OK;
}

/* "--": the end; else white space and a line break, which stays for the head. */
static int after_boundary(struct wb_multipart *m, struct wa_span *in)
{
	while (in->len) {
		wa_buf_u8(&m->hold, in->ptr[0]);
		*in = wa_span(in->ptr + 1, in->len - 1);
		if (m->hold.len > 256)
			return WA_EPROTO;
		if (m->hold.len == 2 && memcmp(m->hold.ptr, "--", 2) == 0) {
			m->state = DONE;
			return WA_OK;
		}
		if (m->hold.len >= 2 && m->hold.ptr[m->hold.len - 1] == '\n') {
			wa_buf_reset(&m->hold);
			wa_buf_str(&m->hold, "\r\n");
			m->state = HEAD;
			return WA_OK;
		}
	}
	return m->hold.failed;
}

int wb_multipart_feed(struct wb_multipart *m, struct wa_span in)
{
	int r = WA_OK;

	while (r == WA_OK && in.len) {
		switch (m->state) {
		case AFTER_BOUNDARY:
			r = after_boundary(m, &in);
			break;
		case HEAD:
			r = head(m, &in);
			break;
		case DONE:
			return WA_OK;	/* an epilogue is ignored */
		default:
			r = scan(m, &in);
			break;
		}
	}
	return r;
}
