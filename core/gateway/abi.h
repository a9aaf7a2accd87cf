/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_ABI_H
#define WB_ABI_H

/*
 * <warbler/plugin.h> for the host's own files. The ABI and core/net, core/http
 * use a few equal tags for different things (a plugin sees a handle where we
 * see the object), so those of the ABI are called abi_* on this side. Tags are
 * no part of a binary interface: plugins are not touched by it.
 *
 * struct wb_event, wb_event_new, wb_tx, wb_sub and enum wb_code are the same
 * on both sides.
 */
#define wb_host abi_host
#define wb_route abi_route
#define wb_http abi_http
#define wb_fetch abi_fetch
#define wb_fetch_req abi_fetch_req
#define wb_fetch_fn abi_fetch_fn
#define wb_ws abi_ws
#define wb_ws_ops abi_ws_ops
#define wb_ws_listener abi_ws_listener
#define wb_ws_listen abi_ws_listen
#define wb_timer abi_timer
#define wb_timer_fn abi_timer_fn
#define wb_send abi_send
#define wb_check_fn abi_check_fn
#define wb_check abi_check
#include <warbler/plugin.h>
#undef wb_host
#undef wb_route
#undef wb_http
#undef wb_fetch
#undef wb_fetch_req
#undef wb_fetch_fn
#undef wb_ws
#undef wb_ws_ops
#undef wb_ws_listener
#undef wb_ws_listen
#undef wb_timer
#undef wb_timer_fn
#undef wb_send
#undef wb_check_fn
#undef wb_check

#endif
