/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_SYNC_INDEX_H
#define WA_SYNC_INDEX_H

#include <wa/arena.h>
#include <wa/buf.h>

#include <base.h>

#define SYNC_PARTS_MAX 8
#define SYNC_INDEX_MAX 4096 /* bytes of an index */

/* One text in quotes, escaped as JSON.stringify does it: all devices must write the same bytes. */
void sync_index_put(struct wa_buf *b, const char *s);
/* The parts of an index, in the arena; 0 when it is not an array of texts. */
size_t sync_index_split(struct wa_span in, struct wa_arena *arena, const char *parts[SYNC_PARTS_MAX]);

#endif
