/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of a message as a phone opens it, for the page. */
#include "api.h"

#define FILE_MAX (4u << 20)

static struct sb_chat_msg *message_with_file(struct sb_account *a, const char *id, struct wa_arena *ar,
					     struct wa_message *m)
{
	for (size_t i = a->chat.len; i-- > 0;)
		if (strcmp(a->chat.msgs[i]->id, id) == 0 && sb_content_again(a->chat.msgs[i], ar, m) == 0 && m->media)
			return a->chat.msgs[i];
	return NULL;
}

static char *base64_of(struct wa_span bytes)
{
	char *text = malloc(WA_B64_LEN(bytes.len));

	if (text)
		wa_b64_encode(bytes, WA_B64_STD, text);
	return text;
}

int sb_api_file(struct sb_call *c)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	SB_AUTO_BUF struct wa_buf plain = { 0 };
	int status = 0;
	struct sb_account *a = sb_api_account(c, c->params[0], &status);
	char path[4096], mimetype[128], *text;
	struct wa_message m;
	SB_ERR(err);

	if (!a)
		return status;
	wa_arena_init(&ar, FILE_MAX);
	if (!message_with_file(a, c->params[1], &ar, &m))
		return sb_api_fail(c->ret, 404, "not_found", "no message %s with a file", c->params[1]);
	if (m.media->length > FILE_MAX || m.media->direct_path.len >= sizeof(path))
		return sb_api_fail(c->ret, 413, "limit", "shown up to %u bytes", FILE_MAX);
	(void)snprintf(path, sizeof(path), "%.*s", WA_SPAN_ARG(m.media->direct_path));
	(void)snprintf(mimetype, sizeof(mimetype), "%.*s", WA_SPAN_ARG(m.media->mimetype));
	wa_buf_init(&plain, FILE_MAX + 64);
	if (sb_blob_read(c->s, m.media->type, path, m.media->media_key, m.media->file_enc_sha256, m.media->file_sha256,
			 &plain, &err))
		return sb_api_err(c->ret, &err);
	text = base64_of(wa_buf_view(&plain));
	if (text)
		*c->ret = json_pack("{ss ss}", "mimetype", mimetype, "base64", text);
	free(text);
	return *c->ret ? 200 : sb_api_fail(c->ret, 500, "internal", "no memory, or a mimetype that is no text");
}
