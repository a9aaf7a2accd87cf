/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time in templates: what core/when knows, in the forms that values of a message come in. */
#include "locale.h"

#include "text.h"
#include "when.h"

#define TIME_TEXT_MAX 64

int wb_time_parse(struct wa_span text, int64_t *ret_unix_s, int32_t *ret_offset)
{
	struct wa_span s = wa_span_trim(text);
	char copy[TIME_TEXT_MAX];
	const char *tail;
	int64_t ms;

	if (s.len >= sizeof(copy))
		return WA_EINVALID;
	memcpy(copy, s.ptr ? (const char *)s.ptr : "", s.len);
	copy[s.len] = 0;
	if (wb_time_read(copy, NULL, &ms, NULL, NULL) < 0)
		return WA_EINVALID;
	tail = strpbrk(copy + 10, "Zz+-");
	if (!tail || !wb_offset_read(tail, ret_offset))
		*ret_offset = INT32_MIN;
	*ret_unix_s = (ms - ((ms % 1000) + 1000) % 1000) / 1000;
	return WA_OK;
}

int wb_zone_offset(const char *zone, int64_t unix_s, int32_t *ret_offset)
{
	struct wb_zones *zones = wb_zones_new(NULL);
	const struct wb_zone *z;
	int r = zones ? wb_zones_get(zones, zone, &z, NULL) : 0;

	if (r == 1)
		*ret_offset = wb_zone_seconds(z, unix_s);
	wb_zones_free(zones);
	return r == 1;
}
