/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conversations of scripts: where they stand, ending them, handing them to a person. */
#include "api_int.h"

#include <hold.h>
#include <scripts.h>
#include <ulid.h>

#define MINUTES_MAX (366 * 24 * 60)

void api_flows_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wb_gateway *gw = api->gw;
	const char *session = wb_req_query(req, "session"), *chat = wb_req_query(req, "chat");
	const char *cursor = wb_req_query(req, "cursor");
	struct wa_err err = WA_ERR_INIT;
	char key[WA_JID_TEXT_MAX];
	json_t *list, *o, *next;
	size_t limit;

	if (!api_limit(req, &limit))
		return;
	if (cursor && !wa_ulid_valid(wa_span_str(cursor))) {
		wb_reply_problem(req, 422, "invalid", "cursor: not one of ours");
		return;
	}
	if (chat && wb_chat_key(gw, session ? session : "", chat, key, &err) < 0) {
		wb_reply_err(req, &err);
		return;
	}
	list = gw->scripts ? gw->script_ops->flows(gw->scripts, session, chat ? key : NULL,
						   wb_req_query(req, "script"), cursor, limit) :
			     json_array();
	next = json_null();
	if (json_array_size(list) == limit)
		next = json_incref(json_object_get(json_array_get(list, limit - 1), "id"));
	o = json_pack("{s:o, s:o}", "flows", list, "next", next);
	wb_reply_json(req, 200, o);
}

static void on_ended(void *ctx, int code, const char *message)
{
	struct wa_err err = WA_ERR_INIT;

	if (code < 0)
		wa_err_set(&err, code, "%s", message);
	api_reply_done(ctx, code, &err, NULL);
}

static void end_flow(struct wb_api *api, struct wb_req *req, const char *reason, bool human, int64_t until_ms,
		     const char *note)
{
	struct wb_gateway *gw = api->gw;
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p = api_reply_new(api, req, 204, NULL);
	int r;

	if (!p)
		return;
	r = gw->scripts ? gw->script_ops->flow_end(gw->scripts, wb_req_param(req, "flow"), reason, human, until_ms,
						   note, on_ended, p, &err) :
			  wa_err_set(&err, WA_ENOTFOUND, "there is no such active flow");
	if (r < 0) {
		free(p);
		wb_reply_err(req, &err);
	}
}

void api_flow_delete(struct wb_req *req, void *ctx)
{
	end_flow(ctx, req, "cancelled", false, 0, NULL);
}

/* {"note": …, "minutes": …} */
void api_flow_handover(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *note = NULL;
	json_int_t minutes = 0;
	json_error_t je;
	json_t *doc;

	if (!api_body(req, true, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s?s, s?I}", "note", &note, "minutes", &minutes)) {
		api_refuse_json(req, &je);
		return;
	}
	if (minutes < 0 || minutes > MINUTES_MAX || (note && strlen(note) > WB_HOLD_NOTE_MAX)) {
		wb_reply_problem(req, 422, "invalid", "minutes: 1 to 527040; note: at most 500 bytes");
		return;
	}
	end_flow(api, req, "handover", true, minutes ? wb_now(api->gw) + (int64_t)minutes * 60000 : 0, note);
}
