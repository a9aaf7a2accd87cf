/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_WORLD_FLOW_H
#define WB_WORLD_FLOW_H

/* Flows and files of struct wb_world, in the gateway: rows of table `flow` and the hold of the chat; files. */
#include "world.h"

struct wb_gateway;

void wb_gateway_flow_put(struct wb_gateway *gw, const struct wb_world_flow_put *f, wb_world_done_fn *done,
			 void *ctx);
int wb_gateway_flow_each(struct wb_gateway *gw, wb_world_flow_fn *fn, void *ctx);
/* world_files.c */
void wb_gateway_file_append(struct wb_gateway *gw, const char *script, const char *name, const char *text,
			    const char *header, bool once, wb_world_done_fn *done, void *ctx);

#endif
