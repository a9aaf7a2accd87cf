/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A web page of a stranger. */
#include "meta.h"

#include <base.h>
#include <stdlib.h>
#include <string.h>
#include <text.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wb_meta m;
	char url[2048];
	struct wa_span link;

	wb_meta_scan(wa_span(data, size), &m);
	if (!wa_utf8_valid(wa_span_str(m.title)) || !wa_utf8_valid(wa_span_str(m.description)) ||
	    !wa_utf8_valid(wa_span_str(m.image)) || !wa_utf8_valid(wa_span_str(m.url)))
		abort();
	link = wb_first_link(wa_span(data, size));
	if (link.len && (link.ptr < data || link.ptr + link.len > data + size))
		abort();
	(void)wb_link_resolve(link, m.image, url, sizeof(url));
	return 0;
}
