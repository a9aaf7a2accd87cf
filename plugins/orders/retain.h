/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_RETAIN_H
#define ORDERS_RETAIN_H

/* Tells the host of what may be thrown away: kinds "orders" and "raw_payloads". 0 or <0. */
#include "orders.h"

int retain_start(struct orders *o) WA_MUST_USE;

#endif
