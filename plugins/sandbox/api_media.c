/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The media host as tests see it, and files for phones to send. */
#include "api.h"

#define FILE_MAX      (160u << 10) /* in base64 within the API's body */
#define ZEROS_MAX     (8u << 20)   /* of a file that nobody looks into */
#define THUMBNAIL_MAX (4u << 20)

int sb_api_media(struct sb_call *c)
{
	return sb_api_ok(c, sb_media_json(c->s));
}

static int lie(struct sb_call *c, const json_t *doc, const char *id)
{
	struct sb_media_lie l = { 0 };
	const char *path = json_string_value(json_object_get(doc, "direct_path"));
	json_int_t thumbnail = json_integer_value(json_object_get(doc, "thumbnail_size"));

	if (thumbnail < 0 || thumbnail > THUMBNAIL_MAX || (path && strlen(path) >= sizeof(l.direct_path)))
		return sb_api_fail(c->ret, 400, "invalid", "lie: direct_path, length, thumbnail_size of up to %u",
				   THUMBNAIL_MAX);
	l.thumbnail_len = (size_t)thumbnail;
	l.has_length = json_is_integer(json_object_get(doc, "length"));
	l.length = (uint64_t)json_integer_value(json_object_get(doc, "length"));
	sb_copy(l.direct_path, sizeof(l.direct_path), path ? path : "");
	(void)sb_media_misdescribe(c->s, id, &l);
	return 0;
}

int sb_api_media_give(struct sb_call *c)
{
	static const uint8_t zeros[1024];
	const char *text = sb_api_text(c, "base64");
	json_int_t size = json_integer_value(json_object_get(c->body, "size"));
	SB_AUTO_BUF struct wa_buf b = { 0 };
	char id[32];
	int r;
	SB_ERR(err);

	wa_buf_init(&b, *text ? FILE_MAX : ZEROS_MAX);
	for (json_int_t n = 0; !*text && n < size && !b.failed; n += (json_int_t)sizeof(zeros))
		wa_buf_put(&b, zeros, sizeof(zeros));
	if (b.failed || (*text && (wa_b64_decode(wa_span_str(text), WA_B64_STD, &b) < 0 || b.failed)))
		return sb_api_fail(c->ret, 400, "invalid", "base64 of up to %u bytes, or size of up to %u", FILE_MAX,
				   ZEROS_MAX);
	if (sb_media_give(c->s, wa_buf_view(&b), sb_api_text(c, "type"), sb_api_text(c, "mimetype"), id, &err) < 0)
		return sb_api_err(c->ret, &err);
	if (json_object_get(c->body, "lie") && (r = lie(c, json_object_get(c->body, "lie"), id)))
		return r;
	*c->ret = json_pack("{ss}", "id", id);
	return 201;
}

int sb_api_media_lose(struct sb_call *c)
{
	sb_media_lose(c->s);
	return 204;
}
