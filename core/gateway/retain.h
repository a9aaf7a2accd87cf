/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_RETAIN_H
#define WB_RETAIN_H

/*
 * What grows with time and may be thrown away by the owner's rules: a registry of
 * kinds, those of the gateway (messages, media, events) and those that plugins
 * add (<warbler/plugin.h>, struct wb_retain). Who decides what goes is
 * plugins/retention; here it only says how.
 */
#include <warbler/plugin.h>
#include <wa/error.h>

struct wb_gateway;

/* The kinds of the gateway itself. */
int wb_retain_core(struct wb_gateway *gw, struct wa_err *err) WA_MUST_USE;
/* owner: a plugin, for revoke. Texts are copied. WA_ECONFLICT: the name is taken; WA_EINVALID. */
int wb_retain_add(struct wb_gateway *gw, const void *owner, const struct wb_retain *kind, struct wa_err *err)
	WA_MUST_USE;
void wb_retain_revoke(struct wb_gateway *gw, const void *owner);
/* In the order added; non-zero from fn stops and is returned. What it is given lives for the call. */
int wb_retain_each(struct wb_gateway *gw, wb_retain_each_fn *fn, void *ctx);
void wb_retain_free(struct wb_gateway *gw);

#endif
