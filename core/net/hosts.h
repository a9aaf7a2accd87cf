/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_HOSTS_H
#define WB_HOSTS_H

/* The list of contacted hosts, seen by its owner (net.c). Readers use net.h. */
#include "net.h"

struct wb_hosts *wb_hosts_new(void);	/* NULL: out of memory */
void wb_hosts_free(struct wb_hosts *h);

#endif
