/* SPDX-License-Identifier: GPL-3.0-or-later */
/* REST: channels that phones own, follow and post to. */
#include "api.h"
#include "channel.h"

static struct sb_channel *channel(struct sb_call *c, int *ret_status)
{
	struct sb_channel *ch = sb_channel_find(c->s, c->params[0]);

	if (!ch || ch->deleted)
		*ret_status = sb_api_fail(c->ret, 404, "not_found", "no channel %s", c->params[0]);
	return ch && !ch->deleted ? ch : NULL;
}

static int answer(struct sb_call *c, int code)
{
	return code ? sb_api_fail(c->ret, code, "denied", "the server would answer %d", code) : 204;
}

int sb_api_channels(struct sb_call *c)
{
	json_t *list = json_array();
	struct wa_list *l;

	WA_LIST_EACH(l, &c->s->channels)
	json_array_append_new(list, sb_channel_json(container_of(l, struct sb_channel, link), NULL));
	return sb_api_ok(c, json_pack("{so}", "channels", list));
}

int sb_api_channel_new(struct sb_call *c)
{
	int status = 0;
	struct sb_account *a = sb_api_account(c, sb_api_text(c, "owner"), &status);
	struct sb_channel *ch;
	SB_ERR(err);

	if (!a)
		return status;
	ch = sb_channel_new(a, sb_api_text(c, "name"), sb_api_text(c, "description"), &err);
	if (!ch)
		return sb_api_err(c->ret, &err);
	*c->ret = json_pack("{ss ss}", "id", ch->jid.user, "invite", ch->invite);
	return 201;
}

/* number, on */
int sb_api_channel_follow(struct sb_call *c)
{
	int status = 0;
	struct sb_channel *ch = channel(c, &status);
	struct sb_account *a = ch ? sb_api_account(c, sb_api_text(c, "number"), &status) : NULL;
	struct sb_follower *f;

	if (!a)
		return status;
	status = sb_channel_follow(ch, a, NULL, !json_is_false(json_object_get(c->body, "on")));
	f = sb_follower(ch, a);
	if (!status && f && json_is_true(json_object_get(c->body, "admin")))
		sb_channel_add(ch, a, SB_ROLE_ADMIN);
	return answer(c, status);
}

/* A file given to phones, plain on the media host. */
static int plain_file(struct sandbox *s, const char *id, struct wa_arena *a, struct wa_media *ret, struct wa_err *err)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };
	struct wa_media f;
	char path[256];
	int r;

	if (sb_media_given(s, id, a, &f) != 1)
		return wa_err_set(err, WA_ENOTFOUND, "no such file was given");
	wa_buf_init(&b, 64u << 20);
	r = sb_blob_read(s, f.type, wa_arena_str(a, f.direct_path), f.media_key, f.file_enc_sha256, f.file_sha256, &b,
			 err);
	if (r == 0)
		r = sb_blob_plain(s, wa_buf_view(&b), path, err);
	if (r < 0)
		return r;
	*ret = (struct wa_media){ .type = f.type,
				  .direct_path = wa_span_str(wa_arena_str(a, wa_span_str(path))),
				  .url = wa_span_str(wa_arena_fmt(a, "https://%s%s", s->media_host, path)),
				  .file_sha256 = wa_span(wa_arena_dup(a, f.file_sha256.ptr, 32), 32),
				  .mimetype = f.mimetype,
				  .length = f.length };
	return 0;
}

/* number (who posts), text; media: id of a given picture, film, sound or document */
int sb_api_channel_post(struct sb_call *c)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };
	int status = 0, code;
	struct sb_channel *ch = channel(c, &status);
	struct sb_account *a = ch ? sb_api_account(c, sb_api_text(c, "number"), &status) : NULL;
	struct wa_message m = { .kind = WA_MSG_TEXT, .text = wa_span_str(sb_api_text(c, "text")), .protocol_type = -1 };
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	const char *file = sb_api_text(c, "media"), *type = "text";
	struct wa_media media;
	int64_t server_id = 0;
	char id[32];
	SB_ERR(err);

	if (!a)
		return status;
	wa_buf_init(&b, SB_STANZA_MAX);
	wa_arena_init(&ar, SB_STANZA_MAX);
	if (*file) {
		if (plain_file(c->s, file, &ar, &media, &err))
			return sb_api_err(c->ret, &err);
		m.kind = media.type == WA_MEDIA_VIDEO	 ? WA_MSG_VIDEO
			 : media.type == WA_MEDIA_AUDIO	 ? WA_MSG_AUDIO
			 : media.type == WA_MEDIA_DOCUMENT ? WA_MSG_DOCUMENT
							   : WA_MSG_IMAGE;
		m.media = &media;
		type = "media";
	}
	if (wa_message_encode(&m, &b, &err))
		return sb_api_err(c->ret, &err);
	sb_new_message_id(c->s, id);
	code = sb_channel_post(ch, a, NULL, id, type, "", wa_buf_view(&b), &server_id);
	if (code)
		return answer(c, code);
	*c->ret = json_pack("{ss sI}", "id", id, "server_id", (json_int_t)server_id);
	return 201;
}

static json_t *post_json(const struct sb_post *p)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_message m = { 0 };
	json_t *codes = json_array();
	struct wa_span key;
	size_t it = 0;
	void *v;

	wa_arena_init(&a, SB_STANZA_MAX);
	if (p->len == 0 || wa_message_decode(wa_span(p->bytes, p->len), &a, &m, NULL))
		m.text = wa_span("", 0);
	while (wa_map_next(&p->reactions, &it, &key, &v))
		json_array_append_new(codes, json_string(v));
	return json_pack("{ss sI ss so? sb sI so}", "id", p->id, "server_id", (json_int_t)p->server_id, "type", p->type,
			 "text", json_stringn((const char *)m.text.ptr, m.text.len), "deleted", p->len == 0, "views",
			 (json_int_t)p->views, "reactions", codes);
}

int sb_api_channel_posts(struct sb_call *c)
{
	int status = 0;
	struct sb_channel *ch = channel(c, &status);
	json_t *list;

	if (!ch)
		return status;
	list = json_array();
	for (size_t i = 0; i < ch->n_posts; i++)
		json_array_append_new(list, post_json(ch->posts[i]));
	return sb_api_ok(c, json_pack("{so sI}", "posts", list, "followers", (json_int_t)ch->people.len));
}

/* number, server_id, code */
int sb_api_channel_react(struct sb_call *c)
{
	int status = 0;
	struct sb_channel *ch = channel(c, &status);
	struct sb_account *a = ch ? sb_api_account(c, sb_api_text(c, "number"), &status) : NULL;

	if (!a)
		return status;
	return answer(c, sb_channel_react(ch, a, json_integer_value(json_object_get(c->body, "server_id")),
					  sb_api_text(c, "code")));
}
