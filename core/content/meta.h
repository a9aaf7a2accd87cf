/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_CONTENT_META_H
#define WB_CONTENT_META_H

/* What a web page says of itself for previews: og:, twitter: and plain meta tags, and its title. */
#include <wa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WB_META_SCAN_MAX (512u << 10)	/* bytes of a page looked at */

struct wb_meta {			/* UTF-8, entities resolved, white space folded; "" not said */
	char title[300], description[600];
	char image[2048], url[2048];	/* as written: may be relative */
};
/* Any bytes are fine; only what comes before the page's body is read. */
void wb_meta_scan(struct wa_span html, struct wb_meta *ret_m);

/* The first http(s) URL of a text, as it would be tapped; empty: none. */
struct wa_span wb_first_link(struct wa_span text);
/* `ref` as seen from page `base` (both http(s)); false: neither absolute nor resolvable, or too long. */
bool wb_link_resolve(struct wa_span base, const char *ref, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
