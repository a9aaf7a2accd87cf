/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who has a conversation: automatic answers keep out of a held chat. */
#include "api_int.h"

#include <hold.h>

#define MINUTES_MAX (366 * 24 * 60)

static json_t *hold_json(const struct wb_hold *h)
{
	json_t *o = json_pack("{s:b, s:s}", "held", 1, "owner", h->owner);

	api_put_text(o, "note", h->note);
	api_put_time(o, "since", h->since_ms);
	api_put_time(o, "until", h->until_ms);
	return o;
}

void api_hold_get(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	struct wa_err err = WA_ERR_INIT;
	char key[WA_JID_TEXT_MAX];
	struct wb_hold h;

	if (!api_session(api, req, id))
		return;
	if (wb_chat_key(api->gw, id, wb_req_param(req, "chat"), key, &err) < 0)
		wb_reply_err(req, &err);
	else if (wb_hold_get(api->gw, id, key, &h))
		wb_reply_json(req, 200, hold_json(&h));
	else
		wb_reply_json(req, 200, json_pack("{s:b}", "held", 0));
}

/* until (RFC 3339) or minutes from now; neither: 0. False: answered. */
static bool read_until(struct wb_api *api, struct wb_req *req, const char *until, json_int_t minutes,
		       int64_t *ret_ms)
{
	int64_t now = wb_now(api->gw);

	*ret_ms = 0;
	if (until && minutes >= 0) {
		wb_reply_problem(req, 422, "invalid", "until or minutes, not both");
		return false;
	}
	if (until && (wa_time_parse(wa_span_str(until), ret_ms) < 0 || *ret_ms <= now)) {
		wb_reply_problem(req, 422, "invalid", "until: a time to come, RFC 3339");
		return false;
	}
	if (minutes == 0 || minutes > MINUTES_MAX) {
		wb_reply_problem(req, 422, "invalid", "minutes: 1 to 527040");
		return false;
	}
	if (minutes > 0)
		*ret_ms = now + (int64_t)minutes * 60000;
	return true;
}

/* {"owner": "human", "until": … | "minutes": …, "note": …} */
void api_hold_put(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id"), *owner = "human", *until = NULL, *note = NULL;
	struct wb_hold h = { 0 };
	struct wa_err err = WA_ERR_INIT;
	json_int_t minutes = -1;
	struct api_reply *p;
	struct wb_tx *tx;
	json_error_t je;
	json_t *doc;
	int r;

	if (!api_session(api, req, id) || !api_body(req, true, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s?s, s?s, s?I, s?s}", "owner", &owner, "until", &until,
			   "minutes", &minutes, "note", &note)) {
		api_refuse_json(req, &je);
		return;
	}
	if (!read_until(api, req, until, minutes, &h.until_ms))
		return;
	tx = wb_tx_new(api->gw);
	r = wb_hold_set(tx, id, wb_req_param(req, "chat"), owner, h.until_ms, note, &err);
	h.owner = owner;
	h.note = note;
	h.since_ms = wb_now(api->gw);
	p = r == 0 ? api_reply_new(api, req, 200, hold_json(&h)) : NULL;
	if (!p) {
		wb_tx_abort(tx);
		if (r < 0)
			wb_reply_err(req, &err);
		return;
	}
	wb_tx_commit(tx, api_reply_done, p);
}

void api_hold_delete(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p;
	struct wb_tx *tx;

	if (!api_session(api, req, id))
		return;
	tx = wb_tx_new(api->gw);
	if (wb_hold_release(tx, id, wb_req_param(req, "chat"), NULL, &err) < 0) {
		wb_tx_abort(tx);
		wb_reply_err(req, &err);
		return;
	}
	p = api_reply_new(api, req, 204, NULL);
	if (p)
		wb_tx_commit(tx, api_reply_done, p);
	else
		wb_tx_abort(tx);
}
