/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_JID_H
#define WA_JID_H

/*
 * A WhatsApp address, by value: no ownership, no allocation.
 * Text form: user[:device]@server; the server itself is "@s.whatsapp.net".
 * Source: protocol 1.3 and 1.12.
 */
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum wa_server {
	WA_SRV_NONE,		/* no JID */
	WA_SRV_PN,		/* s.whatsapp.net: phone number */
	WA_SRV_LID,		/* lid */
	WA_SRV_GROUP,		/* g.us */
	WA_SRV_BROADCAST,	/* broadcast; status@broadcast */
	WA_SRV_NEWSLETTER,
	WA_SRV_LEGACY,		/* c.us */
	WA_SRV_HOSTED,
	WA_SRV_HOSTED_LID,
	WA_SRV_MSGR,
	WA_SRV_INTEROP,
	WA_SRV_BOT,
	WA_SRV_CALL,
};

#define WA_JID_USER_MAX 63	/* longer users are refused as malformed */
#define WA_JID_TEXT_MAX 96	/* fits any text form and its NUL */

struct wa_jid {
	char user[WA_JID_USER_MAX + 1];	/* NUL-terminated; "" for the server itself */
	uint16_t device;		/* 0: the account or its primary device */
	uint16_t integrator;		/* interop only */
	uint8_t server;			/* enum wa_server */
};

/* Accepts "user@server", "user:dev@server", "user.agent:dev@server", "@server", "server". */
WA_API int wa_jid_parse(struct wa_span text, struct wa_jid *ret_jid, struct wa_err *err) WA_MUST_USE;
WA_API struct wa_jid wa_jid_make(int server, const char *user, unsigned device);
WA_API const char *wa_jid_text(const struct wa_jid *j, char out[WA_JID_TEXT_MAX]); /* returns out */
WA_API struct wa_jid wa_jid_bare(const struct wa_jid *j);	/* without device; hosted kept */
WA_API struct wa_jid wa_jid_device(const struct wa_jid *j, unsigned device);
WA_API bool wa_jid_eq(const struct wa_jid *a, const struct wa_jid *b);	/* with device */
WA_API bool wa_jid_same_user(const struct wa_jid *a, const struct wa_jid *b);
WA_API const char *wa_server_str(int server);			/* "s.whatsapp.net" */
static inline bool wa_jid_is_null(const struct wa_jid *j)
{
	return j->server == WA_SRV_NONE;
}
/* pn or lid (hosted forms too): something with devices and Signal sessions. */
WA_API bool wa_jid_is_user(const struct wa_jid *j);

#define WA_JID_SERVER wa_jid_make(WA_SRV_PN, "", 0)

#ifdef __cplusplus
}
#endif
#endif
