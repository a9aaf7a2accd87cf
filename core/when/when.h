/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_WHEN_H
#define WB_WHEN_H

/*
 * When things happen: time zones, local time, recurring rules, opening hours.
 *
 * Times are Unix milliseconds (UTC). Nothing here looks at a clock: "now" is
 * always an argument, so that tests choose it. Nothing here is shared between
 * threads; everything works without the C library's TZ variable.
 *
 *	struct wb_zones *zones = wb_zones_new(NULL);
 *	const struct wb_zone *berlin;
 *	struct wb_when w;
 *	int64_t next;
 *
 *	if (wb_zones_get(zones, "Europe/Berlin", &berlin, &err) == 1 &&
 *	    wb_when_parse("mon-fri 09:00,13:30", berlin, &w, &err) == 0 &&
 *	    wb_when_next(&w, now_ms, &next) == 1)
 *		...
 *
 * Clock changes. A local time that does not exist (the clock jumps over it)
 * stands for the first moment after the jump; one that happens twice stands
 * for the first of the two. So a rule for 02:30 runs once on every day. Rules
 * that name every hour (cron with "*" as its hour) follow real time instead,
 * as intervals do: nothing extra at a jump, and the repeated hour has its runs
 * as well.
 *
 * Errors are sentences with a position ("character 7"), made to be shown to
 * the person who wrote the text.
 */
#include "base.h"

/* ---- zones ---- */

#define WB_ZONE_NAME_MAX 64

struct wb_zone;		/* one zone, immutable */
struct wb_zones;	/* those looked at so far */

/* dir: where compiled zone files (TZif, RFC 8536) are; NULL the system's database. NULL: no memory.
 * A zone is read once; new data of the system is seen by a new wb_zones. */
struct wb_zones *wb_zones_new(const char *dir);
void wb_zones_free(struct wb_zones *zs);

/* "Europe/Berlin", "UTC", "Z", "+03:00", "-0330". 1 found, 0 no such zone (err says which),
 * <0. The zone lives as long as zs. */
int wb_zones_get(struct wb_zones *zs, const char *name, const struct wb_zone **ret,
		 struct wa_err *err) WA_MUST_USE;

/* The bytes of a TZif file, version 2 or newer. The zone is the caller's. */
int wb_zone_parse(struct wa_span tzif, const char *name, struct wb_zone **ret,
		  struct wa_err *err) WA_MUST_USE;
void wb_zone_free(struct wb_zone *z);

const char *wb_zone_name(const struct wb_zone *z);	/* as it was asked for */
int32_t wb_zone_seconds(const struct wb_zone *z, int64_t unix_s);	/* east of UTC */

/* ---- local time ---- */

struct wb_local {
	int32_t year;
	int32_t month, day;		/* 1.. */
	int32_t hour, minute, second;
	int32_t weekday;		/* 0 Sunday .. 6 Saturday */
	int32_t offset_s;		/* east of UTC; only written, never read */
};

enum wb_local_kind {
	WB_LOCAL_ONCE,		/* the usual: both moments are the same */
	WB_LOCAL_NEVER,		/* jumped over: both are the first moment after the jump */
	WB_LOCAL_TWICE,		/* both moments, the earlier first */
};

/* zone NULL is UTC here and below. */
void wb_local_of(const struct wb_zone *z, int64_t ms, struct wb_local *ret);
/* Year to second of l, which must be a date that exists. Returns enum wb_local_kind. */
int wb_local_to(const struct wb_zone *z, const struct wb_local *l, int64_t ret_ms[2]);
bool wb_date_exists(int64_t year, int64_t month, int64_t day);
int64_t wb_days_of(int64_t year, int64_t month, int64_t day);	/* since 1970-01-01 */
void wb_days_to(int64_t days, struct wb_local *ret);		/* year, month, day, weekday */
/* The first moment of the local day that holds ms, shifted by that many days. */
int64_t wb_day_start(const struct wb_zone *z, int64_t ms, int64_t days);

#define WB_TIME_TEXT_MAX 40
/* RFC 3339 with the zone's offset: "2026-11-22T16:05:00+01:00"; UTC ends with "Z". */
const char *wb_time_text(const struct wb_zone *z, int64_t ms, char out[WB_TIME_TEXT_MAX]);
/* "Z", "+03:00", "+0300", "-03" and nothing behind: seconds east of UTC. */
bool wb_offset_read(const char *s, int32_t *ret_s);
/* RFC 3339; without an offset it is local time in z: "2026-12-01T09:00", "2026-12-01 09:00:00",
 * "2026-12-01" (its first moment). *ret_kind (NULL allowed) gets enum wb_local_kind. */
int wb_time_read(const char *text, const struct wb_zone *z, int64_t *ret_ms, int *ret_kind,
		 struct wa_err *err) WA_MUST_USE;

/* ---- rules ---- */

#define WB_WHEN_TEXT_MAX 512
#define WB_WHEN_TIMES_MAX 64
#define WB_INTERVAL_MIN_MS 1000
#define WB_INTERVAL_MAX_MS (366LL * 86400000)

enum wb_when_kind { WB_WHEN_CRON, WB_WHEN_DAYS, WB_WHEN_INTERVAL };

struct wb_when_time {		/* one time of day on some days */
	uint8_t weekdays;	/* bit 0 Sunday */
	uint16_t minute;	/* of the day */
	uint32_t days;		/* of the month: bits 1-31, bit 0 the last day; 0 all */
};

/* A plain value: no memory, copied at will; the zone must outlive it. */
struct wb_when {
	int kind;
	const struct wb_zone *zone;
	uint64_t minutes;	/* cron: bits 0-59 */
	uint32_t hours, days;	/* bits 0-23; bits 1-31, bit 0 the last day */
	uint16_t months;	/* bits 1-12 */
	uint8_t weekdays;	/* bit 0 Sunday */
	bool any_day, any_weekday;	/* written as "*": see wb_cron_parse */
	size_t n_times;
	struct wb_when_time times[WB_WHEN_TIMES_MAX];	/* by minute */
	int64_t every_ms, anchor_ms;
};

/* Any rule, told apart by its looks: five fields or "@daily" is cron, "15m" or "every 15m" an
 * interval, else weekdays. Refuses a rule that never happens. */
int wb_when_parse(const char *text, const struct wb_zone *z, struct wb_when *ret,
		  struct wa_err *err) WA_MUST_USE;

/*
 * "MINUTE HOUR DAY MONTH WEEKDAY": numbers, "*", ranges, lists, steps ("1-5", "*" "/15"), names
 * (jan, mon; weekday 0 and 7 are Sunday), "L" as day: the last of the month. Also @hourly, @daily,
 * @midnight, @weekly, @monthly, @yearly, @annually. Day and weekday as cron has always had it:
 * when neither starts with "*", a day matches that fits EITHER of them; else it must fit both.
 */
int wb_cron_parse(const char *text, const struct wb_zone *z, struct wb_when *ret,
		  struct wa_err *err) WA_MUST_USE;

/*
 * Parts separated by ";", each "DAYS TIME[,TIME...]". DAYS: "mon-fri", "sat,sun", "fri-mon" (over
 * the week's end), "daily", "weekdays", "weekends", "monthly 1", "monthly 1,15,last"; without DAYS it
 * is every day. TIME: "9", "09:00". A month that has no such day is passed over.
 */
int wb_days_parse(const char *text, const struct wb_zone *z, struct wb_when *ret,
		  struct wa_err *err) WA_MUST_USE;

/* "90s", "15m", "2h", "1d", "1w", "1h30m", with or without "every". Real time: a day is 24 hours
 * whatever the clocks do. Runs are at anchor_ms + k * every_ms (set it; 0 counts from 1970). */
int wb_interval_parse(const char *text, int64_t *ret_ms, struct wa_err *err) WA_MUST_USE;

/* The first run later than after_ms: 1 and *ret_ms, 0 none within twelve years. */
int wb_when_next(const struct wb_when *w, int64_t after_ms, int64_t *ret_ms);

/* ---- opening hours ---- */

#define WB_HOURS_SPANS_MAX 32
#define WB_HOURS_HOLIDAYS_MAX 128

struct wb_hours_span {
	uint8_t weekdays;	/* on which it begins; bit 0 Sunday */
	uint16_t from, to;	/* minutes; to <= from: ends on the next day */
};

struct wb_hours_date {
	int16_t year;		/* 0: every year */
	uint8_t month, day;
};

/* A plain value, about 600 bytes. */
struct wb_hours {
	size_t n_spans, n_holidays;
	struct wb_hours_span spans[WB_HOURS_SPANS_MAX];
	struct wb_hours_date holidays[WB_HOURS_HOLIDAYS_MAX];
};

/*
 * "mon-fri 09:00-18:00; sat 10-14; holidays 2026-12-25,12-26". Several spans a day by comma
 * ("mon-fri 9-12,13-18"); without days it is every day ("22:00-08:00" passes midnight);
 * "always" is every hour. A span belongs to the day on which it begins: on a holiday none begins.
 */
int wb_hours_parse(const char *text, struct wb_hours *ret, struct wa_err *err) WA_MUST_USE;
bool wb_hours_open(const struct wb_hours *h, const struct wb_zone *z, int64_t ms);
/* When it opens or closes next, later than ms: 1, or 0 never (within 400 days). Spans that touch
 * are one. While open, the next opening is the one after the coming closing. */
int wb_hours_next_open(const struct wb_hours *h, const struct wb_zone *z, int64_t ms,
		       int64_t *ret_ms);
int wb_hours_next_close(const struct wb_hours *h, const struct wb_zone *z, int64_t ms,
			int64_t *ret_ms);

#endif
