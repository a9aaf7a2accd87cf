/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/sessions */
#include "api_int.h"

#include <session_account.h>

#include <db_session.h>
#include <qr.h>

#define QR_SCALE 8

static json_t *session_json(struct wb_api *api, const char *id)
{
	struct wb_session *s = wb_session_find(api->gw, id);
	struct wb_session_info i;
	json_t *o, *restriction;

	if (!s)
		return NULL;
	wb_session_info(s, &i);
	o = json_pack("{s:s, s:s, s:s, s:s}", "id", i.id, "name", i.name, "desired", i.run ? "running" : "stopped",
		      "status", wb_session_state_str(i.state));
	api_put_text(o, "reason", i.reason);
	api_put_time(o, "since", i.since_ms);
	api_put_time(o, "created_at", i.created_ms);
	api_put_text(o, "jid", i.jid);
	api_put_text(o, "lid", i.lid);
	api_put_text(o, "phone", i.phone);
	api_put_text(o, "push_name", i.push_name);
	if (i.retry_ms)
		api_put_time(o, "next_attempt", i.retry_ms);
	api_put_text(o, "pair_code", i.pair_code);
	json_object_set_new(o, "linked", json_boolean(i.jid[0] != '\0'));
	json_object_set_new(o, "in_flight", json_integer((json_int_t)i.in_flight));
	json_object_set_new(o, "settings", wb_session_settings_json(s));
	restriction = wb_session_restriction_json(s);
	if (restriction)
		json_object_set_new(o, "restriction", restriction);
	return o;
}

void api_sessions_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *after = wb_req_query(req, "cursor");
	json_t *list = json_array(), *o;
	struct wb_session_info i;
	struct wb_session *s;
	size_t limit, n = 0;

	if (!api_limit(req, &limit)) {
		json_decref(list);
		return;
	}
	for (s = wb_session_next(api->gw, after); s && n < limit; n++) {
		wb_session_info(s, &i);
		json_array_append_new(list, session_json(api, i.id));
		s = wb_session_next(api->gw, i.id);
	}
	o = json_pack("{s:o}", "sessions", list);
	json_object_set_new(o, "next", s && n ? json_string(i.id) : json_null());
	wb_reply_json(req, 200, o);
}

/* With an Idempotency-Key the answer is the session as it was made. */
static void put_answer(void *ctx, struct wb_tx *tx, struct wb_session *s)
{
	struct api_reply *p = ctx;
	struct wb_session_info i;

	if (!p->idem.has)
		return;
	wb_session_info(s, &i);
	p->body = session_json(p->api, i.id);
	api_idem_put(p->api, p->req, &p->idem, wb_tx_batch(tx), p->status, p->body);
}

void api_sessions_create(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wb_session_new n = { .start = true, .also = put_answer };
	struct wa_err err = WA_ERR_INIT;
	struct api_idem idem;
	struct api_reply *p;
	int start = 1;
	json_error_t je;
	json_t *doc, *settings = NULL;

	if (!api_body(req, true, &doc))
		return;
	if (doc && wb_json_unpack(doc, &je, JSON_STRICT, "{s?s, s?s, s?b, s?o}", "id", &n.id, "name", &n.name, "start",
				  &start, "settings", &settings)) {
		api_refuse_json(req, &je);
		return;
	}
	if (settings && wb_settings_check(settings, &err)) {
		wb_reply_problem(req, 422, "invalid", err.msg);
		return;
	}
	n.settings = settings;
	if ((n.id && !db_session_id_ok(n.id)) || (n.name && strlen(n.name) > 128)) {
		wb_reply_problem(req, 422, "invalid",
				 "id: 1 to 64 of A-Z a-z 0-9 _ -; name: at most 128 characters");
		return;
	}
	if (!api_idem_begin(api, req, &idem))
		return;
	n.start = start;
	p = api_reply_new(api, req, 201, NULL);
	if (!p)
		return;
	p->make = session_json;
	p->idem = idem;
	n.also_ctx = p;
	if (wb_session_create(api->gw, &n, p->id, api_reply_done, p, &err)) {
		free(p);
		wb_reply_err(req, &err);
	}
}

void api_session_get(struct wb_req *req, void *ctx)
{
	const char *id = wb_req_param(req, "id");

	if (api_session(ctx, req, id))
		wb_reply_json(req, 200, session_json(ctx, id));
}

/* A command on {id} whose answer is the session, after the commit. */
static void command(struct wb_req *req, struct wb_api *api, void (*fn)(struct wb_session *, wb_tx_fn *, void *),
		    bool gone)
{
	const char *id = wb_req_param(req, "id");
	struct wb_session *s = api_session(api, req, id);
	struct api_reply *p = s ? api_reply_new(api, req, 200, NULL) : NULL;

	if (!p)
		return;
	(void)snprintf(p->id, sizeof(p->id), "%s", id);
	p->make = gone ? NULL : session_json;
	fn(s, api_reply_done, p);
}

void api_session_patch(struct wb_req *req, void *ctx)
{
	const char *id = wb_req_param(req, "id"), *name = NULL;
	struct wb_session *s = api_session(ctx, req, id);
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p;
	json_error_t je;
	json_t *doc, *settings = NULL;

	if (!s || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s?s, s?o}", "name", &name, "settings", &settings)) {
		api_refuse_json(req, &je);
		return;
	}
	if (name && (!*name || strlen(name) > 128)) {
		wb_reply_problem(req, 422, "invalid", "name: 1 to 128 characters");
		return;
	}
	if (settings && wb_settings_check(settings, &err)) {
		wb_reply_problem(req, 422, "invalid", err.msg);
		return;
	}
	p = api_reply_new(ctx, req, 200, NULL);
	if (!p)
		return;
	(void)snprintf(p->id, sizeof(p->id), "%s", id);
	p->make = session_json;
	wb_session_change(s, name, settings, api_reply_done, p);
}

void api_session_delete(struct wb_req *req, void *ctx)
{
	command(req, ctx, wb_session_delete, true);
}

void api_session_start(struct wb_req *req, void *ctx)
{
	command(req, ctx, wb_session_start, false);
}

void api_session_stop(struct wb_req *req, void *ctx)
{
	command(req, ctx, wb_session_stop, false);
}

void api_session_restart(struct wb_req *req, void *ctx)
{
	command(req, ctx, wb_session_restart, false);
}

void api_session_logout(struct wb_req *req, void *ctx)
{
	command(req, ctx, wb_session_logout, false);
}

/* ?format=json (default), png, text (the string to encode), terminal (block characters) */
void api_session_qr(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));
	const char *format = wb_req_query(req, "format");
	struct wa_err err = WA_ERR_INIT;
	struct wb_session_info i;
	struct wa_buf out;
	int r;

	if (!s)
		return;
	wb_session_info(s, &i);
	if (!i.qr[0]) {
		wb_reply_problem(req, 409, "state",
				 i.jid[0] ? "this session is linked: log it out to link it anew"
					  : "there is no QR right now: start the session and wait for session.qr");
		return;
	}
	wb_reply_header(req, "Cache-Control", "no-store");
	if (!format || strcmp(format, "json") == 0) {
		json_t *o = json_pack("{s:s}", "qr", i.qr);

		api_put_time(o, "expires", i.qr_expires_ms);
		wb_reply_json(req, 200, o);
		return;
	}
	wa_buf_init(&out, 1 << 20);
	if (strcmp(format, "text") == 0) {
		wb_reply_raw(req, 200, "text/plain; charset=utf-8", wa_span_str(i.qr));
	} else if (strcmp(format, "png") == 0 || strcmp(format, "terminal") == 0) {
		bool png = format[0] == 'p';

		r = png ? wb_qr_png(i.qr, QR_SCALE, &out, &err) : wb_qr_blocks(i.qr, &out, &err);
		if (r)
			wb_reply_err(req, &err);
		else
			wb_reply_raw(req, 200, png ? "image/png" : "text/plain; charset=utf-8", wa_buf_view(&out));
	} else {
		wb_reply_problem(req, 422, "invalid", "format: json, png, text or terminal");
	}
	wa_buf_clear(&out);
}

void api_session_code(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));
	const char *phone = NULL, *code = NULL;
	struct wa_err err = WA_ERR_INIT;
	json_error_t je;
	json_t *doc;

	if (!s || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:s, s?s}", "phone", &phone, "code", &code))
		api_refuse_json(req, &je);
	else if (wb_session_pair_code(s, phone, code, &err))
		wb_reply_err(req, &err);
	else
		wb_reply_json(req, 202,
			      json_pack("{s:s}", "detail", "the code comes as event session.code and as pair_code of the session"));
}

static void check_done(void *ctx, const struct wb_number *c)
{
	struct api_reply *p = ctx;

	if (c->code) {
		wb_reply_problem(p->req, wa_code_http(c->code), wa_code_str(c->code),
				 c->code == WA_ESTATE ? "the session is not connected" : "WhatsApp did not answer");
	} else {
		json_t *o = json_pack("{s:s, s:b}", "query", c->query, "exists", c->exists);

		api_put_text(o, "jid", c->jid);
		api_put_text(o, "lid", c->lid);
		wb_reply_json(p->req, 200, o);
	}
	free(p);
}

void api_session_check(struct wb_req *req, void *ctx)
{
	const char *id = wb_req_param(req, "id"), *phone = wb_req_query(req, "phone");
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p;
	struct wa_jid jid;

	if (!api_session(ctx, req, id))
		return;
	if (!phone || wb_recipient(phone, &jid, &err) || jid.server != WA_SRV_PN) {
		wb_reply_problem(req, 422, "invalid", phone && err.msg[0] ? err.msg : "phone: a number with its country code");
		return;
	}
	p = api_reply_new(ctx, req, 200, NULL);
	if (p)
		wb_session_check(((struct wb_api *)ctx)->gw, id, jid.user, check_done, p);
}

void api_session_pacing(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id");
	json_t *doc;

	if (!api_session(api, req, id))
		return;
	doc = wb_outbox_pacing_json(api->gw->outbox, id);
	if (doc)
		wb_reply_json(req, 200, doc);
	else
		wb_reply_problem(req, 503, "store", "the counters could not be read");
}

void api_session_presence(struct wb_req *req, void *ctx)
{
	struct wb_session *s = api_session(ctx, req, wb_req_param(req, "id"));
	const char *subscribe = NULL;
	struct wa_err err = WA_ERR_INIT;
	struct wa_client *c;
	struct wa_jid jid;
	int available = -1, r = WA_OK;
	json_error_t je;
	json_t *doc;

	if (!s || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s?b, s?s}", "available", &available, "subscribe", &subscribe)) {
		api_refuse_json(req, &je);
		return;
	}
	c = wb_session_client(s);
	if (!c) {
		wb_reply_problem(req, 409, "state", "the session is not connected");
		return;
	}
	if (available >= 0)
		r = wa_client_presence(c, available, &err);
	if (!r && subscribe) {
		r = wb_recipient(subscribe, &jid, &err);
		if (!r)
			r = wa_client_presence_subscribe(c, &jid, &err);
	}
	if (r)
		wb_reply_err(req, &err);
	else
		wb_reply_empty(req, 204);
}
