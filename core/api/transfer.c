/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linked devices in and out. Passphrases and parsing are the work pool's. */
#include "api_int.h"

#include <import.h>

struct transfer {
	struct wb_api *api;
	struct wb_req *req;
	/* in */
	char *text;			/* of the request; wiped */
	size_t len;
	struct wb_import in;
	char id[DB_SESSION_ID_MAX + 1], name[129];
	bool start;
	/* out */
	struct wa_arena arena;
	struct wa_change *records;
	size_t n;
	char passphrase[WB_PASSPHRASE_MAX + 1];
	struct wa_buf bundle;
	int code;
	struct wa_err err;
};

static void transfer_free(struct transfer *t)
{
	for (size_t i = 0; i < t->n; i++) {
		union {
			const uint8_t *in;
			uint8_t *out;
		} v = { t->records[i].value.ptr };

		wa_wipe(v.out, t->records[i].value.len);
	}
	wa_arena_clear(&t->arena);
	if (t->text)
		wa_wipe(t->text, t->len);
	free(t->text);
	wb_import_end(&t->in);
	wa_buf_wipe(&t->bundle);
	wa_wipe(t->passphrase, sizeof(t->passphrase));
	free(t);
}

static struct transfer *transfer_new(struct wb_api *api, struct wb_req *req)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t) {
		wb_reply_problem(req, 500, "no_memory", "no memory");
		return NULL;
	}
	t->api = api;
	t->req = req;
	wa_arena_init(&t->arena, 2 * WB_IMPORT_FILE_MAX);
	wa_buf_init(&t->bundle, WB_IMPORT_FILE_MAX + 4096);
	return t;
}

static void begin(struct transfer *t, wb_fn *run, wb_work_done_fn *done)
{
	struct wa_err err = WA_ERR_INIT;

	if (wb_work(t->api->gw->work, "api.transfer", run, done, t, NULL, &err) == 0)
		return;
	wb_reply_err(t->req, &err);
	transfer_free(t);
}

/* ---- out ---- */

static void seal(void *ctx)
{
	struct transfer *t = ctx;

	t->code = wb_bundle_seal(t->name, t->records, t->n, t->passphrase, &t->bundle, &t->err);
}

static void on_sealed(void *ctx, bool cancelled)
{
	struct transfer *t = ctx;

	if (cancelled)
		wb_reply_problem(t->req, 503, "state", "stopping");
	else if (t->code < 0)
		wb_reply_err(t->req, &t->err);
	else {
		wb_reply_header(t->req, "Content-Disposition", "attachment; filename=\"session.wbsb\"");
		wb_reply_header(t->req, "Cache-Control", "no-store");
		wb_reply_raw(t->req, 200, "application/octet-stream", wa_buf_view(&t->bundle));
	}
	transfer_free(t);
}

void api_session_export(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wb_session *s = api_session(api, req, wb_req_param(req, "id"));
	struct wa_err err = WA_ERR_INIT;
	struct wb_session_info info;
	struct transfer *t;
	const char *pass;
	json_t *doc;

	if (!s || !api_body(req, false, &doc))
		return;
	pass = json_string_value(json_object_get(doc, "passphrase"));
	if (!pass || strlen(pass) < WB_PASSPHRASE_MIN || strlen(pass) > WB_PASSPHRASE_MAX) {
		wb_reply_problem(req, 422, "invalid", "passphrase: 8 to 1024 bytes");
		return;
	}
	t = transfer_new(api, req);
	if (!t)
		return;
	memcpy(t->passphrase, pass, strlen(pass) + 1);
	wb_session_info(s, &info);
	snprintf(t->name, sizeof(t->name), "%s", info.name);
	if (wb_export_records(s, &t->arena, &t->records, &t->n, &err) < 0) {
		wb_reply_err(req, &err);
		transfer_free(t);
		return;
	}
	begin(t, seal, on_sealed);
}

/* ---- in ---- */

/* The bytes of a base64 member. */
static int decoded(const json_t *doc, const char *key, struct wa_buf *out, struct wa_err *err)
{
	const char *s = json_string_value(json_object_get(doc, key));

	wa_buf_init(out, WB_IMPORT_FILE_MAX);
	if (!s || wa_b64_decode(wa_span_str(s), WA_B64_STD, out) < 0)
		return wa_err_set(err, WA_EINVALID, "%s: base64 is wanted", key);
	return 0;
}

static int open_any(struct transfer *t, const json_t *doc)
{
	const char *pass = json_string_value(json_object_get(doc, "passphrase"));
	const char *device = json_string_value(json_object_get(doc, "device"));
	bool bundle = json_object_get(doc, "bundle"), whatsmeow = json_object_get(doc, "whatsmeow");
	const json_t *files = json_object_get(doc, "baileys");
	struct wa_buf file;
	int r;

	if (bundle + whatsmeow + (files != NULL) != 1)
		return wa_err_set(&t->err, WA_EINVALID, "one of bundle, baileys, whatsmeow is wanted");
	r = wb_import_begin(&t->in, bundle ? "bundle" : files ? "baileys" : "whatsmeow", &t->err);
	if (r < 0)
		return r;
	if (files)
		return wb_import_baileys(&t->in, files, &t->err);
	r = decoded(doc, bundle ? "bundle" : "whatsmeow", &file, &t->err);
	if (r == 0 && bundle)
		r = wb_bundle_open(wa_buf_view(&file), pass ? pass : "", &t->in, t->name, &t->err);
	else if (r == 0)
		r = wb_import_whatsmeow(&t->in, wa_buf_view(&file), device ? device : "", &t->err);
	wa_buf_wipe(&file);
	return r;
}

static void parse(void *ctx)
{
	struct transfer *t = ctx;
	json_t *doc = json_loadb(t->text, t->len, JSON_REJECT_DUPLICATES, NULL);
	const char *id = json_string_value(json_object_get(doc, "id"));
	const char *name = json_string_value(json_object_get(doc, "name"));

	if (!json_is_object(doc) || (id && strlen(id) >= sizeof(t->id)) || (name && strlen(name) >= sizeof(t->name)))
		t->code = wa_err_set(&t->err, WA_EINVALID, "a JSON object with id, name and one of bundle, baileys, "
							   "whatsmeow is wanted");
	else
		t->code = open_any(t, doc);
	if (t->code == 0) {
		snprintf(t->id, sizeof(t->id), "%s", id ? id : "");
		if (name)
			snprintf(t->name, sizeof(t->name), "%s", name);
		t->start = !json_is_false(json_object_get(doc, "start"));
	}
	json_decref(doc);
}

static void on_stored(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct transfer *t = ctx;

	(void)res;
	if (code)
		wb_reply_err(t->req, err);
	else
		wb_reply_json(t->req, 201, json_pack("{s:s, s:O}", "session", t->id, "report", t->in.report));
	transfer_free(t);
}

static void on_parsed(void *ctx, bool cancelled)
{
	struct transfer *t = ctx;
	struct wb_import_opts o = { t->id[0] ? t->id : NULL, t->name[0] ? t->name : NULL, t->start };
	char id[DB_SESSION_ID_MAX + 1];
	int r = cancelled ? wa_err_set(&t->err, WA_ESTATE, "stopping") : t->code;

	if (r == 0)
		r = wb_import_store(t->api->gw, &t->in, &o, id, on_stored, t, &t->err);
	if (r == 0) {
		memcpy(t->id, id, sizeof(t->id));
		return;
	}
	/* the document is wrong, not a peer */
	if (r == WA_ECRYPTO || r == WA_EPROTO)
		wb_reply_problem(t->req, 422, "invalid", t->err.msg);
	else
		wb_reply_err(t->req, &t->err);
	transfer_free(t);
}

void api_session_import(struct wb_req *req, void *ctx)
{
	struct wa_span body = wb_req_body(req);
	struct transfer *t = transfer_new(ctx, req);

	if (!t)
		return;
	t->text = malloc(body.len + 1);
	if (!t->text) {
		wb_reply_problem(req, 500, "no_memory", "no memory");
		transfer_free(t);
		return;
	}
	t->len = body.len;
	if (body.len)
		memcpy(t->text, body.ptr, body.len);
	begin(t, parse, on_parsed);
}

/* ---- keys ---- */

void api_session_rotate(struct wb_req *req, void *ctx)
{
	struct wa_client *c = api_client(ctx, req, NULL);
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p = c ? api_reply_new(ctx, req, 204, NULL) : NULL;

	if (p)
		(void)api_ask_begun(p, wa_client_rotate_prekey(c, api_ask_done, p, &err), &err);
}
