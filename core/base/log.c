/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"

#include <errno.h>
#include <sodium.h>
#include <unistd.h>

#include "clock.h"
#include "text.h"

#define LOG_LINE_MAX 8192	/* bytes of a line with its newline */
#define LOG_VALUE_MAX 2048	/* bytes of one value before escaping */

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *const level_text[] = { "DEBUG", "INFO", "WARN", "ERROR" };

static int clamp_level(int level)
{
	return level < WA_DEBUG ? WA_DEBUG : level > WA_ERROR ? WA_ERROR : level;
}

const char *wa_level_str(int level)
{
	return level_names[clamp_level(level)];
}

int wa_level_parse(struct wa_span s, int *ret_level)
{
	for (int i = WA_DEBUG; i <= WA_ERROR; i++) {
		if (wa_span_ieq(s, wa_span_str(level_names[i]))) {
			*ret_level = i;
			return WA_OK;
		}
	}
	return WA_EINVALID;
}

void wa_log_init(struct wa_log *log, int fd, int format, int level)
{
	*log = (struct wa_log){ .fd = fd, .format = format, .level = level, .now_ms = wa_now_ms };
	wa_random(log->key, sizeof(log->key));
}

/* Inside quotes: what would end them, control bytes, broken UTF-8. C1 controls
 * (U+0080..9F) and line separators can move a terminal's cursor, too. */
static void put_escaped(struct wa_buf *b, struct wa_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];

		if (c == '"' || c == '\\') {
			wa_buf_u8(b, '\\');
			wa_buf_u8(b, c);
		} else if (c == '\n') {
			wa_buf_str(b, "\\n");
		} else if (c < 0x20 || c == 0x7f) {
			wa_buf_fmt(b, "\\u%04x", c);
		} else if (c < 0x80) {
			wa_buf_u8(b, c);
		} else {
			size_t n = 2;

			while (n <= 4 && n <= s.len - i && !wa_utf8_valid(wa_span(s.ptr + i, n)))
				n++;
			if (n > 4 || n > s.len - i) {
				wa_buf_str(b, "\\ufffd");
			} else if (c == 0xc2 && s.ptr[i + 1] < 0xa0) {
				wa_buf_fmt(b, "\\u%04x", s.ptr[i + 1]);
				i += n - 1;
			} else {
				wa_buf_put(b, s.ptr + i, n);
				i += n - 1;
			}
		}
	}
}

/* Text values that could be misread are quoted. */
static bool is_plain(struct wa_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f || s.ptr[i] == '"' || s.ptr[i] == '=' ||
		    s.ptr[i] == '\\')
			return false;
	return s.len > 0;
}

static void put_text(struct wa_buf *b, int format, struct wa_span s)
{
	bool cut = s.len > LOG_VALUE_MAX;

	s.len = wa_utf8_clip(s, LOG_VALUE_MAX);
	if (format == WA_LOG_TEXT && !cut && is_plain(s)) {
		wa_buf_span(b, s);
		return;
	}
	wa_buf_u8(b, '"');
	put_escaped(b, s);
	if (cut)
		wa_buf_str(b, "...");
	wa_buf_u8(b, '"');
}

static void put_redacted(struct wa_buf *b, const struct wa_log *log, struct wa_span s)
{
	uint8_t h[crypto_shorthash_BYTES];
	char text[2 + 2 * 4] = "~";

	if (s.len == 0) {
		put_text(b, log->format, s);
		return;
	}
	crypto_shorthash(h, s.ptr, s.len, log->key);
	wa_hex_encode(wa_span(h, 4), text + 1);
	put_text(b, log->format, wa_span_str(text));
}

static void put_field(struct wa_buf *b, const struct wa_log *log, const struct wa_field *f)
{
	if (log->format == WA_LOG_JSON)
		wa_buf_fmt(b, ",\"%s\":", f->name);
	else
		wa_buf_fmt(b, " %s=", f->name);
	if (f->kind == 'i')
		wa_buf_fmt(b, "%lld", (long long)f->num);
	else if (f->kind == 'r' && !log->reveal)
		put_redacted(b, log, f->text);
	else
		put_text(b, log->format, f->text);
}

void wa_log_format(const struct wa_log *log, int level, const char *event,
		   const struct wa_field *fields, size_t n, struct wa_buf *out)
{
	bool json = log->format == WA_LOG_JSON;
	size_t start = out->len, room = LOG_LINE_MAX - (json ? 2 : 1);
	char time[WA_TIME_TEXT];

	wa_time_format(log->now_ms(), time);
	if (json)
		wa_buf_fmt(out, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%.100s\"", time,
			   wa_level_str(level), event);
	else
		wa_buf_fmt(out, "%s %s %.100s", time, level_text[clamp_level(level)], event);
	for (size_t i = 0; i < n; i++) {
		size_t before = out->len;

		put_field(out, log, &fields[i]);
		if (out->len - start > room) {
			/* this field and the rest do not fit; the line stays well-formed */
			out->len = before;
			break;
		}
	}
	wa_buf_str(out, json ? "}\n" : "\n");
}

static bool write_line(int fd, struct wa_span s)
{
	ssize_t r;

	do {
		r = write(fd, s.ptr, s.len);
	} while (r < 0 && errno == EINTR);
	return r >= 0 && (size_t)r == s.len;
}

void wa_log_emit(void *ctx, int level, const char *event, const struct wa_field *fields, size_t n)
{
	struct wa_log *log = ctx;
	struct wa_buf line;

	if (!log || level < log->level)
		return;
	/* one field can pass the line's limit before it is taken back */
	wa_buf_init(&line, LOG_LINE_MAX + 8 * LOG_VALUE_MAX);
	wa_log_format(log, level, event, fields, n, &line);
	if (line.failed || !write_line(log->fd, wa_buf_view(&line)))
		__atomic_add_fetch(&log->lost, 1, __ATOMIC_RELAXED);
	wa_buf_clear(&line);
}

static int64_t env_now(void *ctx)
{
	(void)ctx;
	return wa_now_ms();
}

static void env_random(void *ctx, void *out, size_t len)
{
	(void)ctx;
	wa_random(out, len);
}

void wa_env_default(struct wa_env *env, struct wa_log *log)
{
	*env = (struct wa_env){
		.now_ms = env_now,
		.random = env_random,
		.log = log ? wa_log_emit : NULL,
		.ctx = log,
	};
}
