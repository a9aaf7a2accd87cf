/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_CALL_H
#define WA_CALL_H

/*
 * Calls: what the server tells about them, and rejecting. No media: a call is
 * never taken. Each stanza is acknowledged by libwa after its event is committed.
 * Source: protocol 1.25, from whatsmeow and Baileys.
 */
#include "client.h"

#ifdef __cplusplus
extern "C" {
#endif

enum wa_call_kind {
	WA_CALL_OFFER,		/* it rings */
	WA_CALL_OFFER_NOTICE,	/* a group call goes on, or one rang while we were away */
	WA_CALL_PREACCEPT,	/* a device got it */
	WA_CALL_ACCEPT,		/* another device of ours, or the callee, took it */
	WA_CALL_TRANSPORT,	/* relay details: of no consequence here */
	WA_CALL_TERMINATE,	/* over: reason */
	WA_CALL_REJECT,		/* refused by us on another device, or by the callee */
	WA_CALL_OTHER,		/* name says which */
};
WA_API const char *wa_call_kind_str(int kind);	/* "offer" */

struct wa_call_event {
	int kind;		/* enum wa_call_kind */
	const char *name;	/* tag of the child */
	const char *call_id;
	struct wa_jid from;	/* who says so; a person (LID where known) */
	struct wa_jid creator, creator_pn;	/* who calls; null unknown */
	struct wa_jid group;	/* null: not a group's */
	bool group_call, video, offline;
	const char *reason;	/* TERMINATE: "timeout" "busy" "accepted_elsewhere" … ; "" none */
	const char *platform, *version;	/* of the caller; "" unknown */
	int64_t timestamp_ms;
};

/* Refuse a call that rings. caller: creator of the offer. */
WA_API int wa_client_call_reject(struct wa_client *c, const char *call_id, const struct wa_jid *caller,
				 wa_done_fn *fn, void *arg, struct wa_err *err) WA_MUST_USE;
/* A link to a call that anybody may open; start_s: Unix seconds of a planned one, 0 none. The
 * answer's text is the token: https://call.whatsapp.com/voice|video/<token>. */
WA_API int wa_client_call_link(struct wa_client *c, bool video, int64_t start_s, wa_done_fn *fn, void *arg,
			       struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
