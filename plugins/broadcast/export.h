/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_EXPORT_H
#define BROADCAST_EXPORT_H

/*
 * CSV out, built a page of storage at a time while the loop goes on, then
 * answered as one file. Cells that a spreadsheet would take for formulas are
 * made harmless (csv_put). At most EXPORTS_MAX files are built at once, none
 * larger than EXPORT_MAX.
 */
#include "broadcast.h"

#define EXPORTS_MAX 2
#define EXPORT_MAX (256u << 20)

/* Each answers req, now or later. */
void export_list(struct bc *b, struct wb_plugin_req *take_req, const char *list);
void export_results(struct bc *b, struct wb_plugin_req *take_req, const char *broadcast);

#endif
