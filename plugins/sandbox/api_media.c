/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The media host as tests see it, and files for phones to send. */
#include "api.h"

#define FILE_MAX (160u << 10) /* in base64 within the API's body */

int sb_api_media(struct sb_call *c)
{
	return sb_api_ok(c, sb_media_json(c->s));
}

int sb_api_media_give(struct sb_call *c)
{
	const char *text = sb_api_text(c, "base64");
	SB_AUTO_BUF struct wa_buf b = { 0 };
	char id[32];
	SB_ERR(err);

	wa_buf_init(&b, FILE_MAX);
	if (wa_b64_decode(wa_span_str(text), WA_B64_STD, &b) < 0 || b.failed)
		return sb_api_fail(c->ret, 400, "invalid", "base64 of up to %u bytes", FILE_MAX);
	if (sb_media_give(c->s, wa_buf_view(&b), sb_api_text(c, "type"), sb_api_text(c, "mimetype"), id, &err) < 0)
		return sb_api_err(c->ret, &err);
	*c->ret = json_pack("{ss}", "id", id);
	return 201;
}

int sb_api_media_lose(struct sb_call *c)
{
	sb_media_lose(c->s);
	return 204;
}
