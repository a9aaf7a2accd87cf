/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_SERVICE_H
#define WA_SERVICE_H

/*
 * What the server offers apart from people and messages: its switches (AB
 * props), notices, the list of bots, and questions that this library has no
 * function for.
 *
 * Commands return WA_ESTATE when the client is not ready, WA_EINVALID for what
 * cannot be asked; then nothing is called. Otherwise the function is called
 * exactly once, also on timeout and loss, with `code` as in wa_done_fn
 * (client.h). What it gets lives for that call.
 *
 * Source: protocol 1.10 and 1.26 (abt, tos, bot), from Baileys and whatsmeow.
 */
#include "client.h"
#include "node.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- any question ---- */

/* answer: the <iq type=result|error>; NULL when none came (code < 0). */
typedef void wa_query_fn(void *arg, int code, const struct wa_node *answer);
/*
 * Ask the server something of one's own. iq: an <iq> without id, built in a (the caller's; it may be
 * cleared afterwards); it gets its id here. Nothing is checked: what the server does not like it may
 * answer with the end of the connection.
 */
WA_API int wa_client_query(struct wa_client *c, struct wa_arena *a, struct wa_node *iq, wa_query_fn *fn, void *arg,
			   struct wa_err *err) WA_MUST_USE;

/* ---- AB props: numbered switches and values by which the server steers its clients ---- */

#define WA_PROPS_MAX 8192

struct wa_prop {
	uint32_t code;
	const char *value;	/* "1", "true", a number, JSON … */
};
struct wa_props {
	const char *hash;	/* hand it in next time; "" none */
	int64_t refresh_s;	/* ask again after this many seconds; 0 not told */
	bool delta;		/* only what changed since the hash that was handed in */
	const struct wa_prop *list;
	size_t n;
};
/* p NULL with code != 0. */
typedef void wa_props_fn(void *arg, int code, const struct wa_props *p);
/* hash: of the props one has, NULL or "" none: the answer is empty when nothing changed. libwa itself
 * does not steer by them. */
WA_API int wa_client_props(struct wa_client *c, const char *hash, wa_props_fn *fn, void *arg, struct wa_err *err)
	WA_MUST_USE;

/* ---- notices ---- */

/* Say that the account's owner has accepted a notice (terms of service). id: as the server named it;
 * stage: "5" accepted in WhatsApp's own clients, digits. Only ever on his word. */
WA_API int wa_client_notice_accept(struct wa_client *c, const char *id, const char *stage, wa_done_fn *fn, void *arg,
				   struct wa_err *err) WA_MUST_USE;

/* ---- bots ---- */

#define WA_BOTS_MAX 1024

struct wa_bot {
	struct wa_jid jid;
	const char *persona;	/* persona id; "" none */
};
typedef void wa_bots_fn(void *arg, int code, const struct wa_bot *list, size_t n);
/* Meta's bots that this account may write to. */
WA_API int wa_client_bots(struct wa_client *c, wa_bots_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
