/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.time, wb.hours. */
#include "bind_time.h"

#define ZONES_META "warbler.zones"
#define MS_MIN (-62135596800000LL)	/* year 1 */
#define MS_MAX 253402300799999LL	/* year 9999 */
static const char zones_key;

static int zones_gc(lua_State *L)
{
	struct wb_zones **z = luaL_checkudata(L, 1, ZONES_META);

	wb_zones_free(WA_TAKE(*z));
	return 0;
}

/* The state's zones, read when they are first named. */
struct wb_zones *wb_bind_zones(lua_State *L)
{
	struct wb_zones **z;

	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &zones_key) == LUA_TUSERDATA) {
		z = lua_touserdata(L, -1);
		lua_pop(L, 1);
		return *z;
	}
	lua_pop(L, 1);
	z = lua_newuserdatauv(L, sizeof(struct wb_zones *), 0);
	*z = NULL;
	(void)luaL_newmetatable(L, ZONES_META);
	lua_pushcfunction(L, zones_gc);
	lua_setfield(L, -2, "__gc");
	lua_setmetatable(L, -2);
	*z = wb_zones_new(NULL);
	if (!*z)
		(void)luaL_error(L, "out of memory");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &zones_key);
	return wb_bind_zones(L);
}

const struct wb_zone *wb_bind_zone(lua_State *L, int arg)
{
	const char *name = luaL_optstring(L, arg, NULL);
	const struct wb_zone *z = NULL;
	struct wa_err err = WA_ERR_INIT;

	if (name && wb_zones_get(wb_bind_zones(L), name, &z, &err) != 1)
		(void)luaL_argerror(L, arg, lua_pushfstring(L, "zone: %s", err.msg));
	return z;
}

bool wb_bind_time_read(const char *text, int64_t *ret_ms)
{
	return wb_time_read(text, NULL, ret_ms, NULL, NULL) == 0;
}

static int64_t now_ms(lua_State *L)
{
	struct wb_world *w = wb_lua_world(L);

	return w->ops->now_ms(w);
}

static int64_t check_ms(lua_State *L, int arg)
{
	lua_Integer ms;

	if (lua_isnoneornil(L, arg))
		return now_ms(L);
	luaL_argexpected(L, lua_type(L, arg) == LUA_TNUMBER, arg, "time in milliseconds (wb.time.now())");
	ms = (lua_Integer)luaL_checknumber(L, arg);
	luaL_argcheck(L, luaL_checknumber(L, arg) >= (lua_Number)MS_MIN && luaL_checknumber(L,
	  arg) <= (lua_Number)MS_MAX, arg,
		      "a time in milliseconds, between the years 1 and 9999");
	return ms;
}

static int l_now(lua_State *L)
{
	lua_pushinteger(L, now_ms(L));
	return 1;
}

/* Appends what %c stands for; false: there is no such letter. */
static bool put_field(struct wa_buf *b, char c, const struct wb_local *l)
{
	static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
	  "Saturday" };
	static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July",
	  "August",
					      "September", "October", "November", "December" };

	switch (c) {
	case 'Y': wa_buf_fmt(b, "%04d", (int)l->year); return true;
	case 'm': wa_buf_fmt(b, "%02d", (int)l->month); return true;
	case 'd': wa_buf_fmt(b, "%02d", (int)l->day); return true;
	case 'e': wa_buf_fmt(b, "%d", (int)l->day); return true;
	case 'H': wa_buf_fmt(b, "%02d", (int)l->hour); return true;
	case 'M': wa_buf_fmt(b, "%02d", (int)l->minute); return true;
	case 'S': wa_buf_fmt(b, "%02d", (int)l->second); return true;
	case 'F': wa_buf_fmt(b, "%04d-%02d-%02d", (int)l->year, (int)l->month, (int)l->day); return true;
	case 'A': wa_buf_str(b, days[l->weekday]); return true;
	case 'a': wa_buf_fmt(b, "%.3s", days[l->weekday]); return true;
	case 'B': wa_buf_str(b, months[l->month - 1]); return true;
	case 'b': wa_buf_fmt(b, "%.3s", months[l->month - 1]); return true;
	case '%': wa_buf_u8(b, '%'); return true;
	default: return false;
	}
}

static int l_format(lua_State *L)
{
	int64_t ms = check_ms(L, 1);
	const char *format;
	const struct wb_zone *z = wb_bind_zone(L, 2);
	char text[WB_TIME_TEXT_MAX];
	struct wb_local l;
	struct wa_buf *b;

	format = luaL_optstring(L, 3, NULL);
	if (!format) {
		lua_pushstring(L, wb_time_text(z, ms, text));
		return 1;
	}
	wb_local_of(z, ms, &l);
	b = wb_bind_buf(L, 4096);
	for (; *format; format++) {
		if (*format != '%')
			wa_buf_u8(b, (uint8_t)*format);
		else if (!put_field(b, *++format, &l))
			return luaL_argerror(L, 3, "% and one of Y m d e H M S F A a B b %");
	}
	wb_bind_push_buf(L, b);
	return 1;
}

static int l_parse(lua_State *L)
{
	const char *text = luaL_checkstring(L, 1);
	const struct wb_zone *z = wb_bind_zone(L, 2);
	struct wa_err err = WA_ERR_INIT;
	int64_t ms;

	if (wb_time_read(text, z, &ms, NULL, &err))
		return wb_bind_fail_err(L, &err);
	lua_pushinteger(L, ms);
	return 1;
}

static void set_int(lua_State *L, const char *name, lua_Integer v)
{
	lua_pushinteger(L, v);
	lua_setfield(L, -2, name);
}

static int l_parts(lua_State *L)
{
	int64_t ms = check_ms(L, 1);
	const struct wb_zone *z = wb_bind_zone(L, 2);
	static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };
	struct wb_local l;

	wb_local_of(z, ms, &l);
	lua_newtable(L);
	set_int(L, "year", l.year);
	set_int(L, "month", l.month);
	set_int(L, "day", l.day);
	set_int(L, "hour", l.hour);
	set_int(L, "min", l.minute);
	set_int(L, "sec", l.second);
	set_int(L, "wday", l.weekday + 1);
	set_int(L, "offset", l.offset_s);
	lua_pushstring(L, days[l.weekday]);
	lua_setfield(L, -2, "weekday");
	return 1;
}

static int32_t part(lua_State *L, const char *name, lua_Integer fallback, lua_Integer min, lua_Integer max)
{
	return (int32_t)wb_bind_opt_int(L, 1, name, fallback, min, max);
}

static int l_make(lua_State *L)
{
	const struct wb_zone *z;
	struct wb_local l = { 0 };
	int64_t ms[2];

	luaL_checktype(L, 1, LUA_TTABLE);
	z = wb_bind_zone(L, 2);
	l.year = part(L, "year", 0, 1, 9999);
	l.month = part(L, "month", 1, 1, 12);
	l.day = part(L, "day", 1, 1, 31);
	l.hour = part(L, "hour", 0, 0, 23);
	l.minute = part(L, "min", 0, 0, 59);
	l.second = part(L, "sec", 0, 0, 59);
	luaL_argcheck(L, l.year > 0, 1, "year is missing");
	if (!wb_date_exists(l.year, l.month, l.day))
		return wb_lua_fail(L, WA_EINVALID, "there is no such day");
	(void)wb_local_to(z, &l, ms);
	lua_pushinteger(L, ms[0]);
	return 1;
}

/* Days and months follow the calendar of the zone, so that 09:00 stays 09:00 when the clocks change. */
static int l_add(lua_State *L)
{
	int64_t at = check_ms(L, 1), exact, both[2];
	const struct wb_zone *z = wb_bind_zone(L, 3);
	lua_Integer days, months;
	struct wb_local l, date;
	int64_t day;

	luaL_checktype(L, 2, LUA_TTABLE);
	days = wb_bind_opt_int(L, 2, "days", 0, -4000000, 4000000) + 7 * wb_bind_opt_int(L, 2, "weeks", 0, -500000,
	  500000);
	months = wb_bind_opt_int(L, 2, "months", 0, -100000, 100000) + 12 * wb_bind_opt_int(L, 2, "years", 0, -9000,
	  9000);
	exact = 3600000 * wb_bind_opt_int(L, 2, "hours", 0, -100000000, 100000000) +
		60000 * wb_bind_opt_int(L, 2, "minutes", 0, -4000000000, 4000000000) +
		1000 * wb_bind_opt_int(L, 2, "seconds", 0, -200000000000, 200000000000);
	if (days || months) {
		wb_local_of(z, at, &l);
		months += (lua_Integer)l.year * 12 + l.month - 1;
		luaL_argcheck(L, months >= 12 && months < 12 * 10000, 2, "the year must stay between 1 and 9999");
		l.year = (int32_t)(months / 12);
		l.month = (int32_t)(months % 12 + 1);
		while (!wb_date_exists(l.year, l.month, l.day))
			l.day--;
		day = wb_days_of(l.year, l.month, l.day) + days;
		luaL_argcheck(L, day > MS_MIN / 86400000 && day < MS_MAX / 86400000, 2,
		  "the year must stay between 1 and 9999");
		wb_days_to(day, &date);
		l.year = date.year, l.month = date.month, l.day = date.day;
		(void)wb_local_to(z, &l, both);
		at = both[0];
	}
	at += exact;
	luaL_argcheck(L, at >= MS_MIN && at <= MS_MAX, 2, "the year must stay between 1 and 9999");
	lua_pushinteger(L, at);
	return 1;
}

static int l_day_start(lua_State *L)
{
	int64_t ms = check_ms(L, 1);
	const struct wb_zone *z = wb_bind_zone(L, 2);

	lua_pushinteger(L, wb_day_start(z, ms, 0));
	return 1;
}

static int l_next(lua_State *L)
{
	const char *rule = luaL_checkstring(L, 1);
	const struct wb_zone *z = wb_bind_zone(L, 2);
	int64_t after = check_ms(L, 3), ms;
	struct wa_err err = WA_ERR_INIT;
	struct wb_when w;

	if (wb_when_parse(rule, z, &w, &err))
		return luaL_argerror(L, 1, lua_pushstring(L, err.msg));
	if (wb_when_next(&w, after, &ms) != 1)
		return wb_lua_fail(L, WA_ENOTFOUND, "this never happens");
	lua_pushinteger(L, ms);
	return 1;
}

static int l_duration(lua_State *L)
{
	lua_pushinteger(L, wb_bind_duration(L, 1, WB_INTERVAL_MAX_MS));
	return 1;
}

static const struct wb_bind_fn time_fns[] = {
	{ "now", l_now, "", "ms: integer", "Now.", "return wb.time.now() > 1700000000000", "true", WB_BIND_C },
	{ "format", l_format, "ms?: integer, zone?: string, format?: string", "text: string",
	  "A time as text: RFC 3339, or with `%Y %m %d %H %M %S`, `%e` (day without zero), `%F` (date), `%A %a` "
	  "(weekday), `%B %b` (month), `%%`.",
	  "return wb.time.format(1767225600000, 'Asia/Riyadh', '%A %H:%M')", "\"Thursday 03:00\"", WB_BIND_C },
	{ "parse", l_parse, "text: string, zone?: string", "ms: integer|nil, message?: string, code?: string",
	  "RFC 3339, or a local time in the zone: `\"2026-12-01 09:00\"`, `\"2026-12-01\"`.",
	  "return wb.time.parse('2026-12-01 09:00', 'Europe/Berlin')", "1796112000000", WB_BIND_C },
	{ "parts", l_parts, "ms?: integer, zone?: string", "parts: table",
	  "`year`, `month`, `day`, `hour`, `min`, `sec`, `wday` (1 Sunday), `weekday` (`\"mon\"`), `offset` (seconds "
	  "east of UTC).",
	  "local t = wb.time.parts(1796112000000, 'Europe/Berlin')\nreturn { t.hour, t.weekday, t.offset }",
	  "[9, \"tue\", 3600]", WB_BIND_C },
	{ "make", l_make, "parts: table, zone?: string", "ms: integer|nil, message?: string, code?: string",
	  "The other way: at least `year`. A time the clocks jump over is the first moment after the jump.",
	  "return wb.time.make({ year = 2026, month = 12, day = 1, hour = 9 }, 'Europe/Berlin')", "1796112000000",
	  WB_BIND_C },
	{ "add", l_add, "ms: integer|nil, by: table, zone?: string", "ms: integer",
	  "Adds `years`, `months`, `weeks`, `days` by the calendar of the zone, and `hours`, `minutes`, `seconds` of "
	  "real time. 09:00 plus a day is "
	  "09:00, also when the clocks change. nil: from now.",
	  "-- the clocks go back in the night to 25 October\nlocal t = wb.time.parse('2026-10-24 09:00', "
	  "'Europe/Berlin')\n"
	  "return wb.time.format(wb.time.add(t, { days = 1 }, 'Europe/Berlin'), 'Europe/Berlin')",
	  "\"2026-10-25T09:00:00+01:00\"", WB_BIND_C },
	{ "day_start", l_day_start, "ms?: integer, zone?: string", "ms: integer", "The first moment of that day.",
	  "return wb.time.format(wb.time.day_start(1796112000000, 'Europe/Berlin'), 'Europe/Berlin')",
	  "\"2026-12-01T00:00:00+01:00\"", WB_BIND_C },
	{ "next", l_next, "rule: string, zone?: string, after?: integer",
	  "ms: integer|nil, message?: string, code?: string",
	  "When a rule of `wb.every` comes next.",
	  "return wb.time.format(wb.time.next('mon-fri 09:00', 'Europe/Berlin', 1796112000000), 'Europe/Berlin')",
	  "\"2026-12-02T09:00:00+01:00\"", WB_BIND_C },
	{ "duration", l_duration, "text: string", "ms: integer", "`\"1h30m\"` in milliseconds.",
	  "return wb.time.duration('1h30m')", "5400000", WB_BIND_C },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_time, "time", time_fns, NULL,
	       "Times are milliseconds since 1970 (UTC); nil stands for now. Zones are names such as "
	       "`\"Europe/Berlin\"`, or `\"+03:00\"`; without one "
	       "it is UTC.")

static void check_hours(lua_State *L, struct wb_hours *h)
{
	struct wa_err err = WA_ERR_INIT;

	if (wb_hours_parse(luaL_checkstring(L, 1), h, &err))
		(void)luaL_argerror(L, 1, lua_pushstring(L, err.msg));
}

static int l_is_open(lua_State *L)
{
	struct wb_hours h;
	const struct wb_zone *z;

	check_hours(L, &h);
	z = wb_bind_zone(L, 2);
	lua_pushboolean(L, wb_hours_open(&h, z, check_ms(L, 3)));
	return 1;
}

static int next_change(lua_State *L, int (*next)(const struct wb_hours *, const struct wb_zone *, int64_t, int64_t *))
{
	struct wb_hours h;
	const struct wb_zone *z;
	int64_t ms;

	check_hours(L, &h);
	z = wb_bind_zone(L, 2);
	if (next(&h, z, check_ms(L, 3), &ms) != 1)
		return wb_lua_fail(L, WA_ENOTFOUND, "not within a year");
	lua_pushinteger(L, ms);
	return 1;
}

static int l_next_open(lua_State *L)
{
	return next_change(L, wb_hours_next_open);
}

static int l_next_close(lua_State *L)
{
	return next_change(L, wb_hours_next_close);
}

#define HOURS "'mon-fri 09:00-18:00; sat 10-14; holidays 12-25'"
static const struct wb_bind_fn hours_fns[] = {
	{ "is_open", l_is_open, "hours: string, zone?: string, ms?: integer", "open: boolean",
	  "Is it within these hours?",
	  "local hours = " HOURS "\nreturn wb.hours.is_open(hours, 'Europe/Berlin', "
	  "wb.time.parse('2026-12-25T10:00:00+01:00'))", "false", WB_BIND_C },
	{ "next_open", l_next_open, "hours: string, zone?: string, ms?: integer",
	  "ms: integer|nil, message?: string, code?: string",
	  "When it opens next.",
	  "local t = wb.hours.next_open(" HOURS ", 'Europe/Berlin', wb.time.parse('2026-12-24T20:00:00+01:00'))\n"
	  "return wb.time.format(t, 'Europe/Berlin', '%A %F %H:%M')",
	  "\"Saturday 2026-12-26 10:00\"", WB_BIND_C },
	{ "next_close", l_next_close, "hours: string, zone?: string, ms?: integer",
	  "ms: integer|nil, message?: string, code?: string",
	  "When it closes next.",
	  "local t = wb.hours.next_close(" HOURS ", 'Europe/Berlin', wb.time.parse('2026-12-01T10:00:00+01:00'))\n"
	  "return wb.time.format(t, 'Europe/Berlin', '%H:%M')",
	  "\"18:00\"", WB_BIND_C },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_hours, "hours", hours_fns, NULL,
	       "Opening hours, as text: days, spans, holidays (with a year or every year), `\"mon-fri "
	       "09:00-12:00,13:00-18:00; sat 10-14; holidays "
	       "2026-12-25,01-01\"`; `\"22:00-08:00\"` passes midnight; `\"always\"`.")
