/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PREVIEW_H
#define WB_PREVIEW_H

/*
 * Previews of links in texts we send: the page's own words for itself, and its
 * picture. Fetched only when the sender asks for it; addresses of the inside
 * are refused as for every URL that a stranger may have written (fetch.h).
 *
 * The whole takes at most WB_PREVIEW_MS; what is there by then is used. What a
 * page said, also that it said nothing, is remembered for an hour.
 */
#include <wa/content.h>
#include <stdbool.h>

#define WB_PREVIEW_MS 4000
#define WB_PREVIEW_PAGE_MAX (512u << 10)
#define WB_PREVIEW_IMAGE_MAX (4u << 20)
#define WB_PREVIEW_CACHE 256
#define WB_PREVIEW_CACHE_MS 3600000

struct wb_gateway;
struct wb_previews;

struct wb_previews *wb_previews_new(struct wb_gateway *gw);
void wb_previews_free(struct wb_previews *p);	/* those under way are told: none. NULL allowed */

/* link: borrowed for the call; NULL: there is none. */
typedef void wb_preview_fn(void *ctx, const struct wa_link *link);
/* Of the first http(s) link of a text. False: it has none, or too many are under way; else fn is
 * called once, later. */
bool wb_preview(struct wb_previews *p, const char *text, wb_preview_fn *fn, void *ctx);

#endif
