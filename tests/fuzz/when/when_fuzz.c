/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first byte chooses: a compiled zone file, or a text that is tried as rule, hours and time. */
#include "when.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void zone(struct wa_span file)
{
	static const int64_t at[] = { -2000000000, 0, 1325239200, 1774746000, 1792889999, 4102444800 };
	struct wb_zone *z;
	struct wb_when w;
	int64_t next;

	if (wb_zone_parse(file, "Fuzz/Zone", &z, NULL) < 0)
		return;
	for (size_t i = 0; i < WA_ARRAY_LEN(at); i++) {
		struct wb_local l;
		int64_t ms[2];

		wb_local_of(z, at[i] * 1000, &l);
		wb_local_to(z, &l, ms);
		if (wb_when_parse("daily 02:30; monthly last 9", z, &w, NULL) < 0 ||
		    wb_when_next(&w, at[i] * 1000, &next) < 0)
			abort();
	}
	wb_zone_free(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wb_when w;
	struct wb_hours h;
	struct wa_err err;
	int64_t ms = 1792889999000, next;
	char *text;

	if (size == 0)
		return 0;
	if (data[0] == 'T') {
		zone(wa_span(data, size));
		return 0;
	}
	text = strndup((const char *)data, size);
	if (!text)
		return 0;
	if (wb_when_parse(text, NULL, &w, &err) == 0)
		for (int i = 0; i < 5 && wb_when_next(&w, ms, &next) == 1; i++) {
			if (next <= ms)
				abort();
			ms = next;
		}
	if (wb_hours_parse(text, &h, &err) == 0 && wb_hours_next_close(&h, NULL, ms, &next) == 1 &&
	    wb_hours_open(&h, NULL, next))
		abort();
	(void)!wb_time_read(text, NULL, &ms, NULL, &err);
	free(text);
	return 0;
}
