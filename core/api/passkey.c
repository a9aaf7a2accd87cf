/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linking with a passkey: the challenge out, the authenticator's answer in, the code confirmed. */
#include "api_int.h"

void api_passkey_get(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));
	json_t *o = s ? wb_session_passkey_json(s) : NULL;

	if (s && !o)
		wb_reply_problem(req, 404, "not_found", "no passkey is demanded");
	else if (o)
		wb_reply_json(req, 200, o);
}

static void linking_done(struct wb_req *req, int r, const struct wa_err *err)
{
	if (r)
		wb_reply_err(req, err);
	else
		wb_reply_empty(req, 202);
}

void api_passkey_put(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));
	struct wa_err err = WA_ERR_INIT;
	json_t *doc;
	char *text;

	if (!s || !api_body(req, false, &doc))
		return;
	text = json_dumps(doc, JSON_COMPACT);
	linking_done(req, wb_session_passkey_answer(s, text ? text : "", &err), &err);
	free(text);
}

void api_passkey_confirm(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));
	struct wa_err err = WA_ERR_INIT;

	if (s)
		linking_done(req, wb_session_passkey_confirm(s, &err), &err);
}
