/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was before linking: how far it is, and more of it. */
#include "api_int.h"

#include <wa/history.h>

#define COUNT_DEFAULT 50

void api_history_get(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));

	if (s)
		wb_reply_json(req, 200, wb_session_history_json(s));
}

/* Answered when the phone has been asked; its answer comes as an event. */
void api_chat_history(struct wb_req *req, void *ctx)
{
	char text[WA_JID_TEXT_MAX], request[32];
	struct wa_err err = WA_ERR_INIT;
	int count = COUNT_DEFAULT;
	struct wb_session *s;
	struct wa_jid chat;
	json_error_t je;
	json_t *doc;

	if (!api_client(ctx, req, &s) || !api_body(req, true, &doc))
		return;
	if (doc && wb_json_unpack(doc, &je, JSON_STRICT, "{s?i}", "count", &count)) {
		api_refuse_json(req, &je);
		return;
	}
	if (count < 1 || count > WA_HISTORY_ON_DEMAND_MAX) {
		wb_reply_problem(req, 422, "invalid", "count: 1 to 500");
		return;
	}
	if (wb_recipient(wb_req_param(req, "chat"), &chat, &err)) {
		wb_reply_err(req, &err);
		return;
	}
	if (wb_session_history_ask(s, &chat, wa_jid_text(&chat, text), (uint32_t)count, request, &err)) {
		wb_reply_err(req, &err);
		return;
	}
	wb_reply_json(req, 202, json_pack("{s:s, s:i}", "request", request, "count", count));
}
