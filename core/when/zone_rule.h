/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_ZONE_RULE_H
#define WB_ZONE_RULE_H

/*
 * A POSIX TZ rule with the extensions of RFC 8536 3.3: "CET-1CEST,M3.5.0,M10.5.0/3",
 * "<+01>-1", "IST-1GMT0,M10.5.0,M3.5.0/1" (daylight time before standard).
 */
#include "base.h"

#define WB_ZONE_RULE_MAX 100

struct wb_zone_date {
	char form;	/* 'M' month, week, weekday; 'J' day 1-365 without leap days; 'n' day 0-365 */
	int16_t month, week, weekday, day;
	int32_t time_s;	/* may be negative, or beyond a day */
};

struct wb_zone_rule {
	int32_t standard, daylight;	/* seconds east of UTC */
	bool has_daylight;
	struct wb_zone_date start, end;	/* of daylight time */
};

void wb_zone_rule_fixed(struct wb_zone_rule *r, int32_t offset_s);
bool wb_zone_rule_parse(const char *text, struct wb_zone_rule *ret);
int32_t wb_zone_rule_seconds(const struct wb_zone_rule *r, int64_t unix_s);

#endif
