/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of files, texts, places and people. */
#include "message_schema.h"
#include "pb.h"

#include <base.h>

/* ---- media ---- */

#define IMAGE_ROWS                                                                            \
	WA_TEXT(1, wa_media, url), WA_TEXT(2, wa_media, mimetype),                                \
	WA_FIELD(4, wa_media, file_sha256), WA_FIELD(5, wa_media, length),                        \
	WA_FIELD(6, wa_media, height), WA_FIELD(7, wa_media, width),                              \
	WA_FIELD(8, wa_media, media_key), WA_FIELD(9, wa_media, file_enc_sha256),                 \
	WA_TEXT(11, wa_media, direct_path), WA_FIELD(12, wa_media, key_time_s),                   \
	WA_FIELD(16, wa_media, thumbnail), WA_TEXT(26, wa_media, thumb_direct_path),              \
	WA_FIELD(27, wa_media, thumb_sha256), WA_FIELD(28, wa_media, thumb_enc_sha256),           \
	WA_TEXT(32, wa_media, alt)

#define VIDEO_ROWS                                                                            \
	WA_TEXT(1, wa_media, url), WA_TEXT(2, wa_media, mimetype),                                \
	WA_FIELD(3, wa_media, file_sha256), WA_FIELD(4, wa_media, length),                        \
	WA_FIELD(5, wa_media, seconds), WA_FIELD(6, wa_media, media_key),                         \
	WA_FIELD(8, wa_media, gif), WA_FIELD(9, wa_media, height),                                \
	WA_FIELD(10, wa_media, width), WA_FIELD(11, wa_media, file_enc_sha256),                   \
	WA_TEXT(13, wa_media, direct_path), WA_FIELD(14, wa_media, key_time_s),                   \
	WA_FIELD(16, wa_media, thumbnail), WA_FIELD(18, wa_media, sidecar),                       \
	WA_TEXT(21, wa_media, thumb_direct_path), WA_FIELD(22, wa_media, thumb_sha256),           \
	WA_FIELD(23, wa_media, thumb_enc_sha256), WA_TEXT(26, wa_media, alt)

#define DOCUMENT_ROWS                                                                         \
	WA_TEXT(1, wa_media, url), WA_TEXT(2, wa_media, mimetype), WA_TEXT(3, wa_media, title),   \
	WA_FIELD(4, wa_media, file_sha256), WA_FIELD(5, wa_media, length),                        \
	WA_FIELD(6, wa_media, pages), WA_FIELD(7, wa_media, media_key),                           \
	WA_TEXT(8, wa_media, file_name), WA_FIELD(9, wa_media, file_enc_sha256),                  \
	WA_TEXT(10, wa_media, direct_path), WA_FIELD(11, wa_media, key_time_s),                   \
	WA_TEXT(13, wa_media, thumb_direct_path), WA_FIELD(14, wa_media, thumb_sha256),           \
	WA_FIELD(15, wa_media, thumb_enc_sha256), WA_FIELD(16, wa_media, thumbnail),              \
	WA_FIELD(18, wa_media, height), WA_FIELD(19, wa_media, width), WA_TEXT(21, wa_media, alt)

const struct wa_mfield wa_fields_image[] = { IMAGE_ROWS, WA_END };
const struct wa_mfield wa_fields_video[] = { VIDEO_ROWS, WA_END };
const struct wa_mfield wa_fields_document[] = { DOCUMENT_ROWS, WA_END };

const struct wa_mfield wa_fields_image_message[] = {
	IMAGE_ROWS,
	WA_MEMBER_TEXT(3, text),
	WA_CONTEXT(17),
	WA_MEMBER(25, view_once),
	WA_END,
};

const struct wa_mfield wa_fields_video_message[] = {
	VIDEO_ROWS,
	WA_MEMBER_TEXT(7, text),
	WA_CONTEXT(17),
	WA_MEMBER(20, view_once),
	WA_END,
};

const struct wa_mfield wa_fields_document_message[] = {
	DOCUMENT_ROWS,
	WA_CONTEXT(17),
	WA_MEMBER_TEXT(20, text),
	WA_END,
};

const struct wa_mfield wa_fields_audio[] = {
	WA_TEXT(1, wa_media, url),
	WA_TEXT(2, wa_media, mimetype),
	WA_FIELD(3, wa_media, file_sha256),
	WA_FIELD(4, wa_media, length),
	WA_FIELD(5, wa_media, seconds),
	WA_FIELD(6, wa_media, ptt),
	WA_FIELD(7, wa_media, media_key),
	WA_FIELD(8, wa_media, file_enc_sha256),
	WA_TEXT(9, wa_media, direct_path),
	WA_FIELD(10, wa_media, key_time_s),
	WA_CONTEXT(17),
	WA_FIELD(18, wa_media, sidecar),
	WA_FIELD(19, wa_media, waveform),
	WA_MEMBER_AS(20, WA_F_FIXED32, background_argb),
	WA_MEMBER(21, view_once),
	WA_TEXT(22, wa_media, alt),
	WA_END,
};

const struct wa_mfield wa_fields_sticker[] = {
	WA_TEXT(1, wa_media, url),
	WA_FIELD(2, wa_media, file_sha256),
	WA_FIELD(3, wa_media, file_enc_sha256),
	WA_FIELD(4, wa_media, media_key),
	WA_TEXT(5, wa_media, mimetype),
	WA_FIELD(6, wa_media, height),
	WA_FIELD(7, wa_media, width),
	WA_TEXT(8, wa_media, direct_path),
	WA_FIELD(9, wa_media, length),
	WA_FIELD(10, wa_media, key_time_s),
	WA_FIELD(13, wa_media, animated),
	WA_FIELD(16, wa_media, thumbnail),
	WA_CONTEXT(17),
	WA_TEXT(22, wa_media, alt),
	WA_END,
};

const struct wa_mfield wa_fields_album[] = {
	WA_MEMBER(2, album_images),
	WA_MEMBER(3, album_videos),
	WA_CONTEXT(17),
	WA_END,
};

/* ---- text ---- */

int wa_text_finish(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_link *l = part;

	(void)k;
	l->has_image = l->image.direct_path.len > 0;
	if (l->has_image) {
		l->image.type = WA_MEDIA_LINK_THUMB;
		l->image.width = l->width;
		l->image.height = l->height;
	}
	c->m->link_url = l->url;
	c->m->link_title = l->title;
	c->m->link_description = l->description;
	if (l->url.len == 0 && l->title.len == 0)
		c->m->link = NULL;
	return 0;
}

const struct wa_mfield wa_fields_text[] = {
	WA_MEMBER_TEXT(1, text),
	WA_TEXT(2, wa_link, url),
	WA_TEXT(5, wa_link, description),
	WA_TEXT(6, wa_link, title),
	WA_MEMBER_AS(7, WA_F_FIXED32, text_argb),
	WA_MEMBER_AS(8, WA_F_FIXED32, background_argb),
	WA_MEMBER(9, font),
	WA_FIELD(16, wa_link, thumbnail),
	WA_CONTEXT(17),
	WA_TEXT(19, wa_link, image.direct_path),
	WA_FIELD(20, wa_link, image.file_sha256),
	WA_FIELD(21, wa_link, image.file_enc_sha256),
	WA_FIELD(22, wa_link, image.media_key),
	WA_FIELD(23, wa_link, image.key_time_s),
	WA_FIELD(24, wa_link, height),
	WA_FIELD(25, wa_link, width),
	WA_MEMBER(30, view_once),
	WA_END,
};

/* ---- places and people ---- */

#define LOCATION_ROWS                                                                         \
	WA_FIELD(1, wa_location, latitude), WA_FIELD(2, wa_location, longitude),                  \
	WA_TEXT(3, wa_location, name), WA_TEXT(4, wa_location, address),                          \
	WA_TEXT(5, wa_location, url), WA_FIELD(7, wa_location, accuracy_m),                       \
	WA_FIELD_AS(8, WA_F_FLOAT, wa_location, speed_mps),                                       \
	WA_FIELD(9, wa_location, bearing_deg), WA_TEXT(11, wa_location, comment),                 \
	WA_FIELD(16, wa_location, thumbnail)

const struct wa_mfield wa_fields_location[] = { LOCATION_ROWS, WA_END };
const struct wa_mfield wa_fields_location_message[] = { LOCATION_ROWS, WA_CONTEXT(17), WA_END };

const struct wa_mfield wa_fields_live_location[] = {
	WA_FIELD(1, wa_location, latitude),
	WA_FIELD(2, wa_location, longitude),
	WA_FIELD(3, wa_location, accuracy_m),
	WA_FIELD_AS(4, WA_F_FLOAT, wa_location, speed_mps),
	WA_FIELD(5, wa_location, bearing_deg),
	WA_MEMBER_TEXT(6, text),
	WA_FIELD(7, wa_location, sequence),
	WA_FIELD(8, wa_location, time_offset_s),
	WA_FIELD(16, wa_location, thumbnail),
	WA_CONTEXT(17),
	WA_END,
};

static const struct wa_mfield card[] = {
	WA_TEXT(1, wa_card, name),
	WA_TEXT(16, wa_card, vcard),
	WA_END,
};

static int read_card(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_cards *cards = base;

	if (f->wire != 2 || cards->n == WA_CARDS_MAX)
		return 0;
	return wa_fields_read(c, card, &cards->cards[cards->n++], f->bytes);
}

static void write_cards(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	const struct wa_cards *cards = base;

	for (size_t i = 0; i < cards->n; i++)
		wa_fields_put(c, number, card, &cards->cards[i], true, out);
}

int wa_contact_finish(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_cards *cards = part;

	(void)c;
	(void)k;
	cards->n = 1;
	return 0;
}

const struct wa_mfield wa_fields_contact[] = {
	WA_TEXT(1, wa_cards, cards[0].name),
	WA_TEXT(16, wa_cards, cards[0].vcard),
	WA_CONTEXT(17),
	WA_END,
};

const struct wa_mfield wa_fields_contacts[] = {
	WA_TEXT(1, wa_cards, name),
	WA_HOOK(2, read_card, write_cards),
	WA_CONTEXT(17),
	WA_END,
};

const struct wa_mfield wa_fields_group_invite[] = {
	WA_FIELD(1, wa_group_invite, group),
	WA_TEXT(2, wa_group_invite, code),
	WA_FIELD(3, wa_group_invite, expires_s),
	WA_TEXT(4, wa_group_invite, name),
	WA_FIELD(5, wa_group_invite, thumbnail),
	WA_TEXT(6, wa_group_invite, caption),
	WA_CONTEXT(7),
	WA_END,
};
