/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /v1/media/{id}/convert: the file in the form a kind of message wants; stickers with wishes. */
#include "api_int.h"

#include <media.h>

static const struct {
	const char *name;
	int kind;
} kinds[] = {
	{ "image", WB_CONVERT_IMAGE },	 { "video", WB_CONVERT_VIDEO },	  { "gif", WB_CONVERT_GIF },
	{ "video_note", WB_CONVERT_VIDEO_NOTE }, { "audio", WB_CONVERT_AUDIO }, { "voice", WB_CONVERT_VOICE },
	{ "sticker", WB_CONVERT_STICKER }, { "picture", WB_CONVERT_PICTURE },
};

static bool read_ask(const json_t *doc, struct wb_convert_ask *how)
{
	const char *as = json_string_value(json_object_get(doc, "as"));
	const json_t *pack = json_object_get(doc, "pack"), *emojis = json_object_get(pack, "emojis");
	struct wb_sticker_opts *o = &how->sticker;

	how->kind = -1;
	for (size_t i = 0; as && i < WA_ARRAY_LEN(kinds); i++)
		if (strcmp(as, kinds[i].name) == 0)
			how->kind = kinds[i].kind;
	how->force = json_is_true(json_object_get(doc, "force"));
	o->crop = json_is_true(json_object_get(doc, "crop"));
	o->circle = json_is_true(json_object_get(doc, "circle"));
	o->pack_id = json_string_value(json_object_get(pack, "id"));
	o->pack_name = json_string_value(json_object_get(pack, "name"));
	o->publisher = json_string_value(json_object_get(pack, "publisher"));
	for (size_t i = 0; i < WA_ARRAY_LEN(o->emojis) && i < json_array_size(emojis); i++)
		o->emojis[i] = json_string_value(json_array_get(emojis, i));
	return how->kind >= 0;
}

static void reply(struct wb_req *req, struct wb_gateway *gw, const char *id, int status)
{
	struct wa_err err = WA_ERR_INIT;
	struct wb_media_info i;
	int r = wb_media_get(gw, id, wb_req_arena(req), &i, &err);

	if (r < 0)
		wb_reply_err(req, &err);
	else if (r == 0)
		wb_reply_problem(req, 404, "not_found", "no media has this id");
	else
		wb_reply_json(req, status, api_media_json(&i));
}

static void on_prepared(void *ctx, int code, const char *reason, const struct wa_err *err, const char *id)
{
	struct api_reply *p = ctx;

	if (code == 0)
		reply(p->req, p->api->gw, id, 201);
	else if (*reason && code != WA_ESTATE)
		/* ffmpeg_missing, codec_missing: this machine's; the rest: the file's */
		wb_reply_problem(p->req, strstr(reason, "_missing") ? 501 : code == WA_ETIMEDOUT ? 504 : 422, reason,
				 err->msg);
	else
		wb_reply_err(p->req, err);
	free(p);
}

void api_media_convert(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wb_convert_ask how = { 0 };
	struct wa_err err = WA_ERR_INIT;
	char id[DB_ID_LEN + 1];
	struct api_reply *p;
	json_t *doc;
	int r;

	if (!api_body(req, false, &doc))
		return;
	if (!read_ask(doc, &how)) {
		wb_reply_problem(req, 422, "invalid",
				 "as: image, video, gif, video_note, audio, voice, sticker or picture");
		return;
	}
	p = api_reply_new(api, req, 201, NULL);
	if (!p)
		return;
	r = wb_media_prepare(api->gw, wb_req_param(req, "id"), &how, on_prepared, p, id, NULL, &err);
	if (r == 0)
		return;
	free(p);
	if (r < 0)
		wb_reply_err(req, &err);
	else
		reply(req, api->gw, id, 200);
}
