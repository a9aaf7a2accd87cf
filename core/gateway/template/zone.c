/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time: RFC 3339 in, offsets of time zones. The C library's TZ is one variable
 * for the whole process; a message needs the zone of its shop, so the system's
 * compiled zone files (TZif, RFC 8536) are read here.
 */
#include "locale.h"

#include "text.h"

#define ZONE_FILE_MAX 65536
#define ZONE_NAME_MAX 64
#define ZONE_ROOT     "/usr/share/zoneinfo/"
#define TZIF_HEADER   44

static bool digits(struct wa_span s, size_t at, size_t n, int *ret)
{
	int v = 0;

	if (at + n > s.len)
		return false;
	for (size_t i = at; i < at + n; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		v = v * 10 + (s.ptr[i] - '0');
	}
	*ret = v;
	return true;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t days_of(int y, int m, int d)
{
	int64_t year = m <= 2 ? y - 1 : y;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t yoe = year - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* "Z", "+03:00", "+0300", "-03" and nothing else: seconds. */
static bool parse_offset(struct wa_span s, int32_t *ret)
{
	int h, m = 0;

	if (s.len == 1 && (s.ptr[0] == 'Z' || s.ptr[0] == 'z')) {
		*ret = 0;
		return true;
	}
	if (s.len < 3 || (s.ptr[0] != '+' && s.ptr[0] != '-') || !digits(s, 1, 2, &h) || h > 14)
		return false;
	if (s.len == 6 && s.ptr[3] == ':') {
		if (!digits(s, 4, 2, &m))
			return false;
	} else if (s.len == 5) {
		if (!digits(s, 3, 2, &m))
			return false;
	} else if (s.len != 3) {
		return false;
	}
	if (m > 59)
		return false;
	*ret = (s.ptr[0] == '-' ? -1 : 1) * (h * 3600 + m * 60);
	return true;
}

static bool month_has(int y, int m, int d)
{
	static const int8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

	return m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] && (m != 2 || d < 29 || leap);
}

int wb_time_parse(struct wa_span text, int64_t *ret_unix_s, int32_t *ret_offset)
{
	struct wa_span s = wa_span_trim(text);
	int y, mo, d, h = 0, mi = 0, sec = 0;
	int32_t offset = INT32_MIN;
	size_t at = 10;

	if (!digits(s, 0, 4, &y) || s.len < 10 || s.ptr[4] != '-' || !digits(s, 5, 2, &mo) ||
	    s.ptr[7] != '-' || !digits(s, 8, 2, &d) || !month_has(y, mo, d))
		return WA_EINVALID;
	if (s.len > 10) {
		if ((s.ptr[10] != 'T' && s.ptr[10] != 't' && s.ptr[10] != ' ') || s.len < 16 ||
		    !digits(s, 11, 2, &h) || s.ptr[13] != ':' || !digits(s, 14, 2, &mi))
			return WA_EINVALID;
		at = 16;
		if (at < s.len && s.ptr[at] == ':') {
			if (!digits(s, 17, 2, &sec))
				return WA_EINVALID;
			at = 19;
		}
		if (at < s.len && s.ptr[at] == '.')
			for (at++; at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9';)
				at++;
		if (at < s.len && !parse_offset(wa_span(s.ptr + at, s.len - at), &offset))
			return WA_EINVALID;
	}
	if (h > 23 || mi > 59 || sec > 60)
		return WA_EINVALID;
	*ret_unix_s = days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec -
		      (offset == INT32_MIN ? 0 : offset);
	*ret_offset = offset;
	return WA_OK;
}

static int64_t be(const uint8_t *p, size_t n)
{
	uint64_t v = n == 4 && p[0] & 0x80 ? ~0ull : 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

struct tzif {
	const uint8_t *times, *kinds, *types;
	size_t n_times, n_types;
	size_t size; /* bytes of this block, with its header */
};

/* One block; time_size is 4 in the first of a file and 8 in the second. */
static bool read_block(struct wa_span f, size_t time_size, struct tzif *z)
{
	size_t count[6]; /* isut, isstd, leap, time, type, char */

	if (f.len < TZIF_HEADER || memcmp(f.ptr, "TZif", 4) != 0)
		return false;
	for (size_t i = 0; i < 6; i++) {
		count[i] = (size_t)be(f.ptr + 20 + 4 * i, 4);
		if (count[i] > ZONE_FILE_MAX)
			return false;
	}
	z->n_times = count[3];
	z->n_types = count[4];
	z->times = f.ptr + TZIF_HEADER;
	z->kinds = z->times + z->n_times * time_size;
	z->types = z->kinds + z->n_times;
	z->size = TZIF_HEADER + z->n_times * (time_size + 1) + z->n_types * 6 + count[5] +
		  count[2] * (time_size + 4) + count[1] + count[0];
	return z->size <= f.len && z->n_types > 0;
}

static bool offset_in(struct wa_span f, int64_t unix_s, int32_t *ret)
{
	struct tzif z;
	size_t low = 0, high, type;

	if (!read_block(f, 4, &z) || f.ptr[4] < '2')
		return false;
	if (!read_block(wa_span(f.ptr + z.size, f.len - z.size), 8, &z))
		return false;
	high = z.n_times;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (be(z.times + 8 * mid, 8) <= unix_s)
			low = mid + 1;
		else
			high = mid;
	}
	type = low > 0 ? z.kinds[low - 1] : 0;
	if (type >= z.n_types)
		return false;
	*ret = (int32_t)be(z.types + 6 * type, 4);
	return true;
}

static bool name_is_safe(const char *zone)
{
	size_t n = strlen(zone);

	return n > 0 && n < ZONE_NAME_MAX && zone[0] != '/' && !strstr(zone, "..") &&
	       strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
		       n;
}

int wb_zone_offset(const char *zone, int64_t unix_s, int32_t *ret_offset)
{
	char path[sizeof(ZONE_ROOT) + ZONE_NAME_MAX];
	uint8_t *data;
	bool found;
	FILE *f;

	if (parse_offset(wa_span_str(zone), ret_offset))
		return 1;
	if (!name_is_safe(zone))
		return 0;
	snprintf(path, sizeof(path), ZONE_ROOT "%s", zone);
	f = fopen(path, "rbe");
	if (!f)
		return 0;
	data = malloc(ZONE_FILE_MAX);
	found = data && offset_in(wa_span(data, fread(data, 1, ZONE_FILE_MAX, f)), unix_s,
				  ret_offset);
	free(data);
	fclose(f);
	return found;
}
