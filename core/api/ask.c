/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that are answered when WhatsApp has answered. */
#include "api_int.h"

struct wa_client *api_client(struct wb_api *api, struct wb_req *req, struct wb_session **ret_s)
{
	struct wb_session *s = api_session(api, req, wb_req_param(req, "id"));
	struct wa_client *c;

	if (!s)
		return NULL;
	c = wb_session_client(s);
	if (!c)
		wb_reply_problem(req, 409, "state", "the session is not connected");
	if (ret_s)
		*ret_s = s;
	return c;
}

bool api_ask_begun(struct api_reply *p, int r, const struct wa_err *err)
{
	if (r >= 0)
		return true;
	wb_reply_err(p->req, err);
	json_decref(p->body);
	free(p);
	return false;
}

static const struct {
	int code;
	int http;
	const char *name;
	const char *text;
} refusals[] = {
	{ 400, 422, "invalid", "WhatsApp does not accept this" },
	{ 401, 403, "denied", "WhatsApp does not allow this to this account" },
	{ 403, 403, "denied", "WhatsApp does not allow this to this account" },
	{ 404, 404, "not_found", "WhatsApp does not know it" },
	{ 405, 403, "denied", "WhatsApp does not allow this" },
	{ 406, 422, "invalid", "WhatsApp does not accept this" },
	{ 409, 409, "conflict", "WhatsApp says it is so already" },
	{ 410, 404, "not_found", "it is gone" },
	{ 419, 422, "limit", "WhatsApp's limit is reached" },
	{ 429, 429, "rate_limited", "WhatsApp asks to slow down: try again later" },
	{ 501, 501, "unsupported", "the server does not offer this" },
};

void api_ask_failed(struct api_reply *p, int code, const char *text)
{
	size_t i = 0;

	if (code < 0) {
		wb_reply_problem(p->req, wa_code_http(code), wa_code_str(code),
				 text && *text ? text :
				 code == WA_ESTATE || code == WA_EIO ? "the session is not connected" :
								       "WhatsApp did not answer");
	} else {
		while (i < WA_ARRAY_LEN(refusals) && refusals[i].code != code)
			i++;
		if (i < WA_ARRAY_LEN(refusals))
			wb_reply_problem(p->req, refusals[i].http, refusals[i].name,
					 text && *text ? text : refusals[i].text);
		else
			wb_reply_problem(p->req, 502, "peer", text && *text ? text : "WhatsApp answered with an error");
	}
	json_decref(p->body);
	free(p);
}

void api_ask_done(void *ctx, int code, const char *text)
{
	struct api_reply *p = ctx;

	if (code) {
		api_ask_failed(p, code, text);
		return;
	}
	if (p->body)
		wb_reply_json(p->req, p->status, p->body);
	else
		wb_reply_empty(p->req, p->status);
	free(p);
}
