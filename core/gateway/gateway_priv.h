/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_GATEWAY_PRIV_H
#define WB_GATEWAY_PRIV_H

/* Between gateway.c and gateway_info.c. */
#include "gateway.h"

int wb_gateway_collect(struct wb_gateway *gw, struct wa_err *err) WA_MUST_USE;

#endif
