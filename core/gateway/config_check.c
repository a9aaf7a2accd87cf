/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values with a form of their own, checked when they are set. */
#include "config_priv.h"

#include <when.h>
#include "text.h"

static int check_zone(const char *text, struct wa_err *err)
{
	struct wb_zones *zs = wb_zones_new(NULL);
	const struct wb_zone *z;
	int r = zs ? wb_zones_get(zs, text, &z, err) : WA_ENOMEM;

	wb_zones_free(zs);
	return r == 1 ? WA_OK : r == 0 ? WA_EINVALID : r;
}

static int check_hours(const char *text, struct wa_err *err)
{
	struct wb_hours h;

	return *text ? wb_hours_parse(text, &h, err) : WA_OK;
}

/* "20,40,80" */
static int check_counts(const char *text, struct wa_err *err)
{
	const char *p = text;
	int64_t v;

	while (*p) {
		size_t n = strcspn(p, ",");

		if (wa_parse_i64(wa_span_trim(wa_span(p, n)), 1, 10000000, &v) < 0)
			return wa_err_set(err, WA_EINVALID, "want numbers from 1 on, separated by commas");
		p += n + (p[n] == ',');
	}
	return WA_OK;
}

/* A list: items separated by '\n'. */
static int check_classes(const char *text, struct wa_err *err)
{
	static const char *const classes[] = { "transactional", "reply", "marketing", "reminder" };
	const char *p = text;

	while (*p) {
		size_t n = strcspn(p, "\n"), i = 0;

		while (i < WA_ARRAY_LEN(classes) && !wa_span_is(wa_span(p, n), classes[i]))
			i++;
		if (i == WA_ARRAY_LEN(classes))
			return wa_err_set(err, WA_EINVALID, "'%.*s' is none of transactional, reply, marketing, reminder",
					  (int)n, p);
		p += n + (p[n] == '\n');
	}
	return WA_OK;
}

int wb_config_check(const struct wb_config_key *k, const char *text, struct wa_err *err)
{
	static const struct {
		const char *path;
		int (*check)(const char *text, struct wa_err *err);
	} checks[] = {
		{ "pacing.zone", check_zone },
		{ "pacing.quiet_hours", check_hours },
		{ "pacing.quiet_classes", check_classes },
		{ "pacing.warm_up", check_counts },
	};
	struct wa_err why = WA_ERR_INIT;

	for (size_t i = 0; i < WA_ARRAY_LEN(checks); i++)
		if (strcmp(checks[i].path, k->path) == 0 && checks[i].check(text, &why) < 0)
			return wa_err_set(err, WA_EINVALID, "%s: %s", k->path, why.msg);
	return WA_OK;
}
