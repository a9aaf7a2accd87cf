/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_WORLD_GATEWAY_H
#define WB_WORLD_GATEWAY_H

/* Between world_gateway.c (requests, events, the rest) and world_kv.c (key-value). */
#include <gateway.h>
#include <map.h>
#include <mem.h>
#include "script.h"

struct gw_world {
	struct wb_world w;		/* first */
	struct wb_gateway *gw;
	struct wa_map spaces;		/* key-value name spaces that exist */
	struct wa_map fresh;		/* "space\nkey" -> struct fresh: not durable yet */
};

static inline struct gw_world *gw_world(struct wb_world *w)
{
	return (struct gw_world *)w;
}

/* A callback for the end of this turn: what cannot even begin is told later, like everything else. */
struct gw_done {
	wb_world_done_fn *done;
	void *ctx;
	int code;
	char message[160];
};
void gw_later(struct gw_world *g, wb_world_done_fn *done, void *ctx, int code, const char *message);
/* For wb_tx_commit: ctx is a struct gw_done, freed. */
void gw_committed(void *ctx, int code, const struct wa_err *err, const struct db_result *res);
struct gw_done *gw_done_new(wb_world_done_fn *done, void *ctx);

int gw_kv_get(struct wb_world *w, const char *space, const char *key, struct wa_buf *out);
void gw_kv_put(struct wb_world *w, const char *space, const char *key, struct wa_span value, int64_t expires_ms,
	       wb_world_done_fn *done, void *ctx);
void gw_kv_add(struct wb_world *w, const char *space, const char *key, int64_t delta, int64_t expires_ms,
	       wb_world_add_fn *fn, void *ctx);
int gw_kv_each(struct wb_world *w, const char *space, const char *prefix, wb_world_kv_fn *fn, void *ctx);
void gw_kv_free(struct gw_world *g);

#endif
