/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "meta.h"

#include <stdio.h>
#include <base.h>
#include <text.h>

struct scan {
	const uint8_t *p, *end;
	struct wb_meta *m;
	/* how good what was found is: og: beats twitter: beats the plain one */
	int title, description, image;
};

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool looking_at(const struct scan *s, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(s->end - s->p) >= n && wa_span_ieq(wa_span(s->p, n), wa_span_str(word));
}

/* Moves behind the next `word`; at the end when there is none. */
static void skip_past(struct scan *s, const char *word)
{
	while (s->p < s->end && !looking_at(s, word))
		s->p++;
	s->p += s->p < s->end ? strlen(word) : 0;
}

/* ---- text ---- */

struct out {
	char *buf;
	size_t len, size;
	bool space;
};

static void put_code(struct out *o, uint32_t c)
{
	uint8_t b[4];
	size_t n;

	if (c <= ' ' || c == 0xa0) {
		o->space = o->len > 0;
		return;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return;
	n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	b[0] = (uint8_t)(n == 1 ? c : n == 2 ? 0xc0 | c >> 6 : n == 3 ? 0xe0 | c >> 12 : 0xf0 | c >> 18);
	for (size_t i = 1; i < n; i++)
		b[i] = (uint8_t)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
	if (o->len + n + o->space >= o->size)
		return;
	if (o->space)
		o->buf[o->len++] = ' ';
	o->space = false;
	memcpy(o->buf + o->len, b, n);
	o->len += n;
}

static const struct {
	const char *name;
	uint32_t code;
} entities[] = {
	{ "amp;", '&' }, { "lt;", '<' }, { "gt;", '>' }, { "quot;", '"' }, { "apos;", '\'' }, { "nbsp;", ' ' },
	{ "ndash;", 0x2013 }, { "mdash;", 0x2014 }, { "hellip;", 0x2026 }, { "rsquo;", 0x2019 },
	{ "lsquo;", 0x2018 }, { "rdquo;", 0x201d }, { "ldquo;", 0x201c }, { "copy;", 0xa9 }, { "reg;", 0xae },
};

/* p behind '&'; the bytes the entity takes, 0: none. */
static size_t entity(const uint8_t *p, const uint8_t *end, uint32_t *ret)
{
	uint32_t v = 0;
	size_t i = 1, digits = 0;
	bool hex;

	for (size_t k = 0; k < WA_ARRAY_LEN(entities); k++) {
		size_t n = strlen(entities[k].name);

		if ((size_t)(end - p) >= n && memcmp(p, entities[k].name, n) == 0) {
			*ret = entities[k].code;
			return n;
		}
	}
	if (end - p < 3 || p[0] != '#')
		return 0;
	hex = p[1] == 'x' || p[1] == 'X';
	i += hex;
	for (; p + i < end && digits < 7; i++, digits++) {
		uint8_t c = p[i];

		if (c >= '0' && c <= '9')
			v = v * (hex ? 16 : 10) + (uint32_t)(c - '0');
		else if (hex && (c | 32) >= 'a' && (c | 32) <= 'f')
			v = v * 16 + (uint32_t)((c | 32) - 'a' + 10);
		else
			break;
	}
	if (!digits || p + i >= end || p[i] != ';')
		return 0;
	*ret = v;
	return i + 1;
}

/* One UTF-8 character; bytes that are none count as Latin-1, as old pages have it. */
static size_t decode(const uint8_t *p, const uint8_t *end, uint32_t *ret)
{
	for (size_t n = 1; n <= 4 && p + n <= end; n++) {
		static const uint8_t mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };

		if (!wa_utf8_valid(wa_span(p, n)))
			continue;
		*ret = p[0] & mask[n];
		for (size_t i = 1; i < n; i++)
			*ret = *ret << 6 | (p[i] & 0x3f);
		return n;
	}
	*ret = *p;
	return 1;
}

static void copy_text(struct wa_span from, char *to, size_t size)
{
	struct out o = { to, 0, size, false };
	const uint8_t *p = from.ptr, *end = p + from.len;

	while (p < end) {
		uint32_t c = 0;
		size_t n = *p == '&' ? entity(p + 1, end, &c) : 0;

		p += n ? n + 1 : decode(p, end, &c);
		put_code(&o, c);
	}
	to[o.len] = '\0';
}

/* ---- tags ---- */

/* One attribute; false at the end of the tag (behind '>'). */
static bool attribute(struct scan *s, struct wa_span *name, struct wa_span *value)
{
	const uint8_t *from;

	while (s->p < s->end && (is_space(*s->p) || *s->p == '/'))
		s->p++;
	if (s->p >= s->end || *s->p == '>') {
		s->p += s->p < s->end;
		return false;
	}
	from = s->p;
	while (s->p < s->end && !is_space(*s->p) && *s->p != '=' && *s->p != '>' && (*s->p != '/' || s->p == from))
		s->p++;
	*name = wa_span(from, (size_t)(s->p - from));
	*value = wa_span(NULL, 0);
	while (s->p < s->end && is_space(*s->p))
		s->p++;
	if (s->p >= s->end || *s->p != '=') {
		if (!name->len && s->p < s->end)
			s->p++;
		return true;
	}
	s->p++;
	while (s->p < s->end && is_space(*s->p))
		s->p++;
	if (s->p < s->end && (*s->p == '"' || *s->p == '\'')) {
		uint8_t quote = *s->p++;

		from = s->p;
		while (s->p < s->end && *s->p != quote)
			s->p++;
		*value = wa_span(from, (size_t)(s->p - from));
		s->p += s->p < s->end;
	} else {
		from = s->p;
		while (s->p < s->end && !is_space(*s->p) && *s->p != '>')
			s->p++;
		*value = wa_span(from, (size_t)(s->p - from));
	}
	return true;
}

static const struct {
	const char *name;
	int what;	/* 't', 'd', 'i', 'u' */
	int rank;
} known[] = {
	{ "og:title", 't', 3 }, { "twitter:title", 't', 2 },
	{ "og:description", 'd', 3 }, { "twitter:description", 'd', 2 }, { "description", 'd', 1 },
	{ "og:image:secure_url", 'i', 4 }, { "og:image", 'i', 3 }, { "og:image:url", 'i', 3 },
	{ "twitter:image", 'i', 2 }, { "og:url", 'u', 1 },
};

static void take(struct scan *s, int what, int rank, struct wa_span content)
{
	struct wb_meta *m = s->m;

	if (what == 't' && rank > s->title) {
		s->title = rank;
		copy_text(content, m->title, sizeof(m->title));
	} else if (what == 'd' && rank > s->description) {
		s->description = rank;
		copy_text(content, m->description, sizeof(m->description));
	} else if (what == 'i' && rank > s->image && content.len < sizeof(m->image)) {
		s->image = rank;
		copy_text(content, m->image, sizeof(m->image));
	} else if (what == 'u' && content.len < sizeof(m->url)) {
		copy_text(content, m->url, sizeof(m->url));
	}
}

static void meta_tag(struct scan *s)
{
	struct wa_span name, value, key = wa_span(NULL, 0), content = wa_span(NULL, 0);

	while (attribute(s, &name, &value)) {
		if (wa_span_ieq(name, wa_span_str("property")) ||
		    (wa_span_ieq(name, wa_span_str("name")) && !key.len))
			key = wa_span_trim(value);
		else if (wa_span_ieq(name, wa_span_str("content")))
			content = value;
	}
	for (size_t i = 0; key.len && content.len && i < WA_ARRAY_LEN(known); i++)
		if (wa_span_ieq(key, wa_span_str(known[i].name)))
			take(s, known[i].what, known[i].rank, content);
}

static void title_tag(struct scan *s)
{
	const uint8_t *from;

	skip_past(s, ">");
	from = s->p;
	while (s->p < s->end && *s->p != '<')
		s->p++;
	take(s, 't', 1, wa_span(from, (size_t)(s->p - from)));
}

void wb_meta_scan(struct wa_span html, struct wb_meta *ret_m)
{
	struct scan s = { html.ptr, html.ptr + (html.len < WB_META_SCAN_MAX ? html.len : WB_META_SCAN_MAX), ret_m,
			  0, 0, 0 };

	memset(ret_m, 0, sizeof(*ret_m));
	while (s.p < s.end) {
		const uint8_t *at = memchr(s.p, '<', (size_t)(s.end - s.p));

		if (!at)
			return;
		s.p = at + 1;
		if (looking_at(&s, "!--")) {
			skip_past(&s, "-->");
		} else if (looking_at(&s, "script")) {
			skip_past(&s, "</script");
		} else if (looking_at(&s, "style")) {
			skip_past(&s, "</style");
		} else if (looking_at(&s, "meta")) {
			s.p += 4;
			meta_tag(&s);
		} else if (looking_at(&s, "title")) {
			title_tag(&s);
		} else if (looking_at(&s, "body") || looking_at(&s, "/head")) {
			return;
		}
	}
}

/* ---- links ---- */

static bool starts(struct wa_span s, const char *word)
{
	size_t n = strlen(word);

	return s.len >= n && wa_span_ieq(wa_span(s.ptr, n), wa_span_str(word));
}

static bool is_http(struct wa_span s)
{
	return starts(s, "http://") || starts(s, "https://");
}

struct wa_span wb_first_link(struct wa_span text)
{
	for (size_t i = 0; i + 8 < text.len; i++) {
		struct wa_span rest = wa_span(text.ptr + i, text.len - i);
		size_t n = 0;

		if ((text.ptr[i] | 32) != 'h' || !is_http(rest))
			continue;
		while (n < rest.len && rest.ptr[n] > ' ' && rest.ptr[n] != '<' && rest.ptr[n] != '>' && rest.ptr[n] != '"')
			n++;
		/* what ends a sentence does not belong to it */
		while (n && strchr(".,;:!?)]}'*_~", rest.ptr[n - 1]))
			n--;
		rest.len = n;
		if (n > (starts(rest, "https") ? 8u : 7u) && n < 2048)
			return rest;
	}
	return wa_span(NULL, 0);
}

bool wb_link_resolve(struct wa_span base, const char *ref, char *out, size_t size)
{
	struct wa_span r = wa_span_str(ref);
	size_t scheme = starts(base, "https") ? 8 : 7, host, dir;
	int n;

	if (!is_http(base) || !r.len)
		return false;
	for (host = scheme; host < base.len && !strchr("/?#", base.ptr[host]); host++)
		;
	for (size_t i = dir = host; i < base.len && !strchr("?#", base.ptr[i]); i++)
		dir = base.ptr[i] == '/' ? i : dir;
	if (is_http(r))
		n = snprintf(out, size, "%s", ref);
	else if (starts(r, "//"))
		n = snprintf(out, size, "%.*s%s", (int)scheme - 2, (const char *)base.ptr, ref);
	else if (ref[0] == '/')
		n = snprintf(out, size, "%.*s%s", (int)host, (const char *)base.ptr, ref);
	else if (memchr(r.ptr, ':', r.len < 12 ? r.len : 12))
		return false;	/* data:, javascript: ... */
	else
		n = snprintf(out, size, "%.*s/%s", (int)dir, (const char *)base.ptr, ref);
	return n > 0 && (size_t)n < size;
}
