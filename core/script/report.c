/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What scripts say and how they do: the last lines, errors, counters. */
#include <stdarg.h>
#include "host_int.h"

#define TELL_MS 1000	/* errors go to the gateway's log at most that often */

static int64_t now_ms(const struct wb_script *s)
{
	return s->host->world->ops->now_ms(s->host->world);
}

/* ---- lines ---- */

/* The same line as the last one is only counted. */
static void keep(struct wb_script *s, int level, const char *text)
{
	struct script_line *last = s->n_log ? &s->log[(s->i_log + HOST_LOG_LINES - 1) % HOST_LOG_LINES] : NULL;
	struct script_line *l = &s->log[s->i_log];

	if (last && last->level == level && strcmp(last->text, text) == 0) {
		last->again++;
		last->ms = now_ms(s);
		return;
	}
	free(l->text);
	*l = (struct script_line){ .ms = now_ms(s), .level = level, .text = wb_strdup(text) };
	s->i_log = (s->i_log + 1) % HOST_LOG_LINES;
	if (s->n_log < HOST_LOG_LINES)
		s->n_log++;
}

void wb_script_log(struct wb_script *s, int level, const char *fmt, ...)
{
	struct wb_world *w = s->host->world;
	char text[HOST_LOG_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	keep(s, level, text);
	w->ops->log(w, s->name, level, text);
}

void script_tell_error(struct wb_script *s, const char *what, const char *message)
{
	struct wb_world *w = s->host->world;
	char text[HOST_LOG_TEXT];
	int64_t now = now_ms(s);

	script_error_set(&s->error, s->name, message, now);
	snprintf(text, sizeof(text), "%s: %s", what, message);
	keep(s, WA_ERROR, text);
	if (s->told_ms && now - s->told_ms < TELL_MS && now >= s->told_ms) {
		s->untold++;
		return;
	}
	if (s->untold > 0)
		snprintf(text, sizeof(text), "%s: %s (and %u errors before it)", what, message, s->untold);
	s->told_ms = now;
	s->untold = 0;
	w->ops->log(w, s->name, WA_ERROR, text);
}

void script_log_free(struct wb_script *s)
{
	for (size_t i = 0; i < HOST_LOG_LINES; i++)
		free(s->log[i].text);
}

/* ---- errors ---- */

void script_error_set(struct script_error *e, const char *name, const char *text, int64_t now_ms)
{
	const char *colon = strstr(text, ".lua:");
	char *end = NULL;
	long line = colon ? strtol(colon + 5, &end, 10) : 0;

	memset(e, 0, sizeof(*e));
	e->ms = now_ms;
	if (colon && end && *end == ':' && line > 0 && !memchr(text, ' ', (size_t)(colon - text)) &&
	    (size_t)(colon - text) + 5 < sizeof(e->file)) {
		snprintf(e->file, sizeof(e->file), "%.*s.lua", (int)(colon - text), text);
		e->line = (int)line;
		snprintf(e->message, sizeof(e->message), "%s", end[1] == ' ' ? end + 2 : end + 1);
		return;
	}
	snprintf(e->file, sizeof(e->file), "%s.lua", name);
	snprintf(e->message, sizeof(e->message), "%s", text);
}

/* ---- counters ---- */

/* Four buckets to an octave: 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16 ... microseconds. */
static unsigned bucket(uint64_t us)
{
	unsigned octave = 0;

	if (us < 8)
		return (unsigned)us;
	while (us >= 8 && octave < 14) {
		us >>= 1;
		octave++;
	}
	return us < 8 ? 4 + octave * 4 + (unsigned)(us - 4) : 63;
}

static uint64_t bucket_top(unsigned b)
{
	return b < 8 ? b : (uint64_t)(b % 4 + 5) << ((b - 4) / 4);
}

void script_count(struct wb_script *s, uint64_t us, int code)
{
	struct wb_world *w = s->host->world;

	s->stats.calls++;
	if (code)
		s->stats.errors++;
	s->stats.hist[bucket(us)]++;
	w->ops->observe(w, s->name, us);
}

uint64_t script_percentile(const struct wb_script *s, unsigned percent)
{
	uint64_t n = 0, seen = 0;

	for (unsigned i = 0; i < WA_ARRAY_LEN(s->stats.hist); i++)
		n += s->stats.hist[i];
	for (unsigned i = 0; i < WA_ARRAY_LEN(s->stats.hist) && n > 0; i++) {
		seen += s->stats.hist[i];
		if (seen * 100 >= n * percent)
			return bucket_top(i);
	}
	return 0;
}
