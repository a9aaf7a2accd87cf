/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "account.h"

void api_calls_list(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));

	if (s)
		wb_reply_json(req, 200, json_pack("{s:o}", "calls", wb_session_calls_json(s)));
}

void api_call_reject(struct wb_req *req, void *ctx)
{
	const char *call = wb_req_param(req, "call");
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct wa_err err = WA_ERR_INIT;
	struct wa_jid caller;
	struct api_reply *p;

	if (!c)
		return;
	if (!wb_session_call_find(s, call, &caller)) {
		wb_reply_problem(req, 404, "not_found", "no such call rings");
		return;
	}
	p = api_reply_new(ctx, req, 204, NULL);
	if (p)
		api_ask_begun(p, wa_client_call_reject(c, call, &caller, api_ask_done, p, &err), &err);
}

static void on_link(void *arg, int code, const char *text)
{
	struct ask *k = arg;

	if (api_ask_ok(k, code, text))
		api_ask_reply(k, json_pack("{s:s, s:o}", "token", text, "link",
					   json_sprintf("https://call.whatsapp.com/%s/%s",
							k->preview ? "video" : "voice", text)));
}

/* {"video": bool, "start_at": seconds} */
void api_call_link(struct wb_req *req, void *ctx)
{
	struct wb_session *s;
	struct wa_client *c = api_client(ctx, req, &s);
	struct wa_err err = WA_ERR_INIT;
	json_int_t start = 0;
	int video = 0;
	json_error_t je;
	struct ask *k;
	json_t *doc;

	if (!c || !api_body(req, true, &doc))
		return;
	if (doc && wb_json_unpack(doc, &je, JSON_STRICT, "{s?b, s?I}", "video", &video, "start_at", &start)) {
		api_refuse_json(req, &je);
		return;
	}
	k = api_ask_new(ctx, req, s, NULL);
	if (!k)
		return;
	k->preview = video;
	k->p->status = 201;
	api_ask_begin(k, wa_client_call_link(c, video, start, on_link, k, &err), &err);
}
