/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_BIND_TIME_H
#define WB_BIND_TIME_H

/* Zones of a Lua state: read once, gone with it. */
#include <when.h>
#include "bind.h"

struct wb_zones *wb_bind_zones(lua_State *L);
/* The zone named by the argument; NULL (UTC) when there is none. Raises for an unknown one. */
const struct wb_zone *wb_bind_zone(lua_State *L, int arg);

#endif
