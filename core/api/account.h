/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_API_ACCOUNT_H
#define WB_API_ACCOUNT_H

/* Shared by profile.c, picture.c, business.c, privacy.c, calls.c and channels.c. */
#include "api_int.h"

#include <session_account.h>
#include <wa/sync.h>

/* A question to WhatsApp whose answer is more than done or not. */
struct ask {
	struct api_reply *p;
	char session[DB_SESSION_ID_MAX + 1];
	char key[WA_JID_TEXT_MAX];	/* of the person's profile */
	struct wa_jid who;
	char name[128];
	bool preview, download;
	char media[DB_ID_LEN + 1];	/* the picture as a file */
};

/* NULL: answered. */
struct ask *api_ask_new(struct wb_api *api, struct wb_req *req, struct wb_session *s, const struct wa_jid *who);
/* False: the refusal was answered, k is gone. */
bool api_ask_ok(struct ask *k, int code, const char *text);
void api_ask_reply(struct ask *k, json_t *take_body);	/* with p's status; k is gone */
void api_ask_begin(struct ask *k, int r, const struct wa_err *err);	/* r < 0: answered, k is gone */
/* A question about the person of {chat} on the connected session of {id}; NULL: answered. */
struct ask *api_ask_who(struct wb_api *api, struct wb_req *req, struct wa_client **ret_c);
/* The name profiles are stored under: the LID where it is known. */
const char *api_profile_key(struct wb_api *api, struct wb_req *req, const char *session, const char *jid);
/* The person of {chat}; false: answered. */
bool api_who(struct wb_req *req, struct wa_jid *ret_jid, char text[WA_JID_TEXT_MAX]);

#endif
