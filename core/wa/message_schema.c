/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of messages, menus apart. Facts: names and numbers of the schema. */
#include "message_schema.h"
#include "pb.h"

#include <base.h>

/* ---- key, context ---- */

const struct wa_mfield wa_fields_key[] = {
	WA_MEMBER(1, target_chat),
	{ .number = 2, .type = WA_F_BOOL, .in_message = true, .always = true,
	  .offset = offsetof(struct wa_message, target_from_me) },
	WA_MEMBER_TEXT(3, target_id),
	WA_MEMBER(4, target_sender),
	WA_END,
};

static int read_quote(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire != 2)
		return 0;
	c->m->quoted_raw = f->bytes;
	c->m->quoted_text = wa_codec_excerpt(c, f->bytes);
	return 0;
}

static void write_quote(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	const struct wa_message *m = c->in;
	struct wa_buf quoted;

	(void)base;
	if (m->quoted_id.len == 0)
		return;
	wa_buf_init(&quoted, WA_RAW_MAX);
	if (m->quoted_raw.len == 0 || wa_message_bare(m->quoted_raw, &quoted)) {
		wa_buf_reset(&quoted);
		wa_pb_put(&quoted, 1, m->quoted_text);
	}
	wa_pb_put(out, number, wa_buf_view(&quoted));
	wa_buf_clear(&quoted);
}

static int read_mention(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_message *m = c->m;
	struct wa_jid who = f->wire == 2 ? wa_codec_jid(f->bytes) : (struct wa_jid){ 0 };
	struct wa_jid *grown;

	(void)base;
	if (wa_jid_is_null(&who) || m->n_mentions == WA_MENTIONS_MAX)
		return 0;
	/* Room doubles at powers of two; what was is the arena's to forget. */
	if ((m->n_mentions & (m->n_mentions - 1)) == 0) {
		grown = wa_arena_alloc(c->a, (m->n_mentions ? 2 * m->n_mentions : 1) *
						     sizeof(*grown));
		if (!grown)
			return wa_codec_fail(c);
		if (m->n_mentions)
			memcpy(grown, m->mentions, m->n_mentions * sizeof(*grown));
		m->mentions = c->mentions = grown;
	}
	c->mentions[m->n_mentions++] = who;
	return 0;
}

static void write_mentions(struct wa_codec *c, const void *base, uint32_t number,
			   struct wa_buf *out)
{
	char text[WA_JID_TEXT_MAX];

	(void)base;
	for (size_t i = 0; i < c->in->n_mentions; i++) {
		struct wa_jid who = wa_jid_bare(&c->in->mentions[i]);

		wa_pb_put(out, number, wa_span_str(wa_jid_text(&who, text)));
	}
}

static int read_score(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire == 0) {
		c->m->forwarding_score = (uint32_t)f->varint;
		c->m->forwarded |= f->varint != 0;
	}
	return 0;
}

static void write_score(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	(void)base;
	if (c->in->forwarded)
		wa_pb_put_varint(out, number, c->in->forwarding_score ? c->in->forwarding_score : 1);
}

const struct wa_mfield wa_fields_context[] = {
	WA_MEMBER_TEXT(1, quoted_id),
	WA_MEMBER(2, quoted_sender),
	WA_HOOK(3, read_quote, write_quote),
	WA_MEMBER(4, quoted_chat),
	WA_HOOK(15, read_mention, write_mentions),
	WA_HOOK(21, read_score, write_score),
	WA_MEMBER(22, forwarded),
	WA_MEMBER(25, expiration_s),
	WA_MEMBER(70, mention_all),
	WA_END,
};

/* ---- MessageContextInfo ---- */

#define ASSOCIATION_ALBUM 1

static const struct wa_mfield album_key[] = {
	{ .number = 2, .type = WA_F_BOOL, .in_message = true, .always = true,
	  .offset = offsetof(struct wa_message, album_from_me) },
	WA_MEMBER_TEXT(3, album_id),
	WA_MEMBER(4, album_sender),
	WA_MEMBER(1, target_chat),
	WA_END,
};

static int read_association(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_span at = f->bytes, key = { NULL, 0 };
	struct wa_pb_field in;
	uint64_t type = 0;
	int rc;

	if (f->wire != 2)
		return 0;
	while ((rc = wa_pb_next(&at, &in)) == 1) {
		if (in.number == 1 && in.wire == 0)
			type = in.varint;
		else if (in.number == 2 && in.wire == 2)
			key = in.bytes;
	}
	if (rc < 0)
		return wa_codec_fail(c);
	return type == ASSOCIATION_ALBUM ? wa_fields_read(c, album_key, base, key) : 0;
}

static void write_association(struct wa_codec *c, const void *base, uint32_t number,
			      struct wa_buf *out)
{
	struct wa_buf b;

	if (c->in->album_id.len == 0)
		return;
	wa_buf_init(&b, WA_RAW_MAX);
	wa_pb_put_varint(&b, 1, ASSOCIATION_ALBUM);
	wa_fields_put(c, 2, album_key, base, true, &b);
	wa_pb_put(out, number, wa_buf_view(&b));
	wa_buf_clear(&b);
}

static int read_secret(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire == 2 && f->bytes.len == 32)
		c->m->secret = f->bytes;
	return 0;
}

static void write_secret(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	(void)base;
	if (c->in->secret.len)
		wa_pb_put(out, number, c->in->secret);
}

const struct wa_mfield wa_fields_info[] = {
	WA_HOOK(3, read_secret, write_secret),
	WA_MEMBER(5, duration_s),
	WA_HOOK(10, read_association, write_association),
	WA_END,
};

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

static const struct wa_mfield image[] = { IMAGE_ROWS, WA_MEMBER_TEXT(3, text), WA_CONTEXT(17),
					 WA_MEMBER(25, view_once), WA_END };
static const struct wa_mfield video[] = { VIDEO_ROWS, WA_MEMBER_TEXT(7, text), WA_CONTEXT(17),
					 WA_MEMBER(20, view_once), WA_END };
static const struct wa_mfield document[] = { DOCUMENT_ROWS, WA_CONTEXT(17),
					    WA_MEMBER_TEXT(20, text), WA_END };

static const struct wa_mfield audio[] = {
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

static const struct wa_mfield sticker[] = {
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

static const struct wa_mfield album[] = {
	WA_MEMBER(2, album_images),
	WA_MEMBER(3, album_videos),
	WA_CONTEXT(17),
	WA_END,
};

/* ---- text ---- */

static int finish_text(struct wa_codec *c, const struct wa_kind *k, void *part)
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

static const struct wa_mfield text[] = {
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
static const struct wa_mfield location[] = { LOCATION_ROWS, WA_CONTEXT(17), WA_END };

static const struct wa_mfield live_location[] = {
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

static int finish_contact(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_cards *cards = part;

	(void)c;
	(void)k;
	cards->n = 1;
	return 0;
}

static const struct wa_mfield contact[] = {
	WA_TEXT(1, wa_cards, cards[0].name),
	WA_TEXT(16, wa_cards, cards[0].vcard),
	WA_CONTEXT(17),
	WA_END,
};

static const struct wa_mfield contacts[] = {
	WA_TEXT(1, wa_cards, name),
	WA_HOOK(2, read_card, write_cards),
	WA_CONTEXT(17),
	WA_END,
};

static const struct wa_mfield group_invite[] = {
	WA_FIELD(1, wa_group_invite, group),
	WA_TEXT(2, wa_group_invite, code),
	WA_FIELD(3, wa_group_invite, expires_s),
	WA_TEXT(4, wa_group_invite, name),
	WA_FIELD(5, wa_group_invite, thumbnail),
	WA_TEXT(6, wa_group_invite, caption),
	WA_CONTEXT(7),
	WA_END,
};

/* ---- polls ---- */

struct option {
	struct wa_span name;
	uint32_t votes;
};
static const struct wa_mfield option[] = {
	WA_TEXT(1, option, name),
	WA_FIELD(2, option, votes),
	WA_END,
};
static const struct wa_mfield option_name[] = { WA_TEXT(1, option, name), WA_END };

static int read_option(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_poll *p = base;
	struct option o = { .votes = 0 };
	int rc;

	if (f->wire != 2 || p->n == WA_POLL_OPTIONS_MAX)
		return 0;
	rc = wa_fields_read(c, option, &o, f->bytes);
	p->options[p->n] = o.name;
	p->counts[p->n++] = o.votes;
	return rc;
}

static void write_options(struct wa_codec *c, const void *base, uint32_t number,
			  struct wa_buf *out)
{
	const struct wa_poll *p = base;

	for (size_t i = 0; i < p->n; i++) {
		struct option o = { .name = p->options[i] };

		wa_fields_put(c, number, option_name, &o, true, out);
	}
}

static int read_correct(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_poll *p = base;
	struct option o = { .votes = 0 };
	int rc = f->wire == 2 ? wa_fields_read(c, option_name, &o, f->bytes) : 0;

	for (size_t i = 0; rc == 0 && i < p->n && p->correct == 0; i++)
		if (wa_span_eq(p->options[i], o.name))
			p->correct = (uint32_t)i + 1;
	return rc;
}

static void write_correct(struct wa_codec *c, const void *base, uint32_t number,
			  struct wa_buf *out)
{
	const struct wa_poll *p = base;

	if (p->correct && p->correct <= p->n) {
		struct option o = { .name = p->options[p->correct - 1] };

		wa_fields_put(c, number, option_name, &o, true, out);
	}
}

static const struct wa_mfield poll[] = {
	WA_TEXT(2, wa_poll, name),
	WA_HOOK(3, read_option, write_options),
	{ .number = 4, .type = WA_F_U32, .always = true,
	  .offset = offsetof(struct wa_poll, selectable) },
	WA_CONTEXT(5),
	WA_FIELD(7, wa_poll, quiz),
	WA_HOOK(8, read_correct, write_correct),
	WA_END,
};

static const struct wa_mfield poll_result[] = {
	WA_TEXT(1, wa_poll, name),
	WA_HOOK(2, read_option, NULL),
	WA_CONTEXT(3),
	WA_FIELD(4, wa_poll, quiz),
	WA_END,
};

static int finish_poll(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_poll *p = part;

	(void)c;
	p->announcement = k->number == 60;
	return 0;
}

/* ---- add-ons ---- */

static const struct wa_mfield vote_value[] = {
	WA_FIELD(1, wa_enc, payload),
	WA_FIELD(2, wa_enc, iv),
	WA_END,
};
static const struct wa_mfield poll_vote[] = {
	WA_KEY(1),
	WA_SUB(2, vote_value),
	WA_MEMBER(4, timestamp_ms),
	WA_END,
};
static const struct wa_mfield enc_addon[] = {
	WA_KEY(1),
	WA_FIELD(2, wa_enc, payload),
	WA_FIELD(3, wa_enc, iv),
	WA_END,
};

/* SecretEncryptedMessage.secretEncType */
static const struct {
	int type, use;
} secret_types[] = {
	{ 1, WA_ADDON_EVENT_EDIT },
	{ 2, WA_ADDON_MESSAGE_EDIT },
	{ 4, WA_ADDON_POLL_EDIT },
	{ 5, WA_ADDON_POLL_ADD_OPTION },
};

static int read_secret_type(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_enc *enc = base;

	(void)c;
	for (size_t i = 0; f->wire == 0 && i < WA_ARRAY_LEN(secret_types); i++)
		if ((uint64_t)secret_types[i].type == f->varint)
			enc->use = secret_types[i].use;
	return 0;
}

static void write_secret_type(struct wa_codec *c, const void *base, uint32_t number,
			      struct wa_buf *out)
{
	const struct wa_enc *enc = base;

	(void)c;
	for (size_t i = 0; i < WA_ARRAY_LEN(secret_types); i++)
		if (secret_types[i].use == enc->use)
			wa_pb_put_varint(out, number, (uint64_t)secret_types[i].type);
}

static const struct wa_mfield enc_edit[] = {
	WA_KEY(1),
	WA_FIELD(2, wa_enc, payload),
	WA_FIELD(3, wa_enc, iv),
	WA_HOOK(4, read_secret_type, write_secret_type),
	WA_END,
};

static int finish_enc(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_enc *enc = part;

	(void)c;
	switch (k->kind) {
	case WA_MSG_POLL_VOTE:
		enc->use = WA_ADDON_POLL_VOTE;
		break;
	case WA_MSG_CALENDAR_ANSWER:
		enc->use = WA_ADDON_EVENT_ANSWER;
		break;
	case WA_MSG_ENC_REACTION:
		enc->use = WA_ADDON_REACTION;
		break;
	case WA_MSG_COMMENT:
		enc->use = WA_ADDON_COMMENT;
		break;
	default:
		break;
	}
	return 0;
}

/* The words of a Message inside: comments, notes of payments. */
static int read_words(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire == 2)
		c->m->text = wa_codec_excerpt(c, f->bytes);
	return 0;
}

static const struct wa_mfield comment[] = { WA_HOOK(1, read_words, NULL), WA_KEY(2), WA_END };
static const struct wa_mfield note_2[] = { WA_HOOK(2, read_words, NULL), WA_END };
static const struct wa_mfield note_4[] = { WA_HOOK(4, read_words, NULL), WA_END };
static const struct wa_mfield note_text[] = { WA_MEMBER_TEXT(1, text), WA_END };
static const struct wa_mfield nothing[] = { WA_END };
static const struct wa_mfield pack[] = { WA_MEMBER_TEXT(2, text), WA_CONTEXT(11), WA_END };

static const struct wa_mfield reaction[] = {
	WA_KEY(1),
	{ .number = 2, .type = WA_F_TEXT, .in_message = true, .always = true,
	  .offset = offsetof(struct wa_message, text) },
	WA_MEMBER(4, timestamp_ms),
	WA_END,
};

/* 1 does it, 2 undoes it: pins and keeps */
static int read_on(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire == 0)
		c->m->on = f->varint == 1;
	return 0;
}

static void write_on(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	(void)base;
	wa_pb_put_varint(out, number, c->in->on ? 1 : 2);
}

static const struct wa_mfield on_off[] = {
	WA_KEY(1),
	WA_HOOK(2, read_on, write_on),
	WA_MEMBER(3, timestamp_ms),
	WA_END,
};

/* ---- events, shops ---- */

static void write_has_reminder(struct wa_codec *c, const void *base, uint32_t number,
			       struct wa_buf *out)
{
	const struct wa_calendar *e = base;

	(void)c;
	if (e->reminder_s)
		wa_pb_put_varint(out, number, 1);
}

static const struct wa_mfield calendar[] = {
	WA_CONTEXT(1),
	WA_FIELD(2, wa_calendar, cancelled),
	WA_TEXT(3, wa_calendar, name),
	WA_TEXT(4, wa_calendar, description),
	WA_SUB_IF(5, wa_fields_location, wa_calendar, location, has_location),
	WA_TEXT(6, wa_calendar, join_link),
	WA_FIELD(7, wa_calendar, start_s),
	WA_FIELD(8, wa_calendar, end_s),
	WA_FIELD(9, wa_calendar, guests_allowed),
	WA_FIELD(10, wa_calendar, call),
	WA_HOOK(11, NULL, write_has_reminder),
	WA_FIELD(12, wa_calendar, reminder_s),
	WA_END,
};

static const struct wa_mfield product_snapshot[] = {
	WA_SUB_IF(1, wa_fields_image, wa_product, image, has_image),
	WA_TEXT(2, wa_product, id),
	WA_TEXT(3, wa_product, title),
	WA_TEXT(4, wa_product, description),
	WA_TEXT(5, wa_product, currency),
	WA_FIELD(6, wa_product, price_1000),
	WA_TEXT(7, wa_product, retailer_id),
	WA_TEXT(8, wa_product, url),
	WA_FIELD(9, wa_product, images),
	WA_FIELD(12, wa_product, sale_price_1000),
	WA_END,
};

static int finish_product(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_product *p = part;

	(void)c;
	(void)k;
	p->image.type = p->has_image ? WA_MEDIA_IMAGE : WA_MEDIA_NONE;
	return 0;
}

static const struct wa_mfield product[] = {
	WA_SUB(1, product_snapshot),
	WA_FIELD(2, wa_product, owner),
	WA_TEXT(5, wa_product, body),
	WA_TEXT(6, wa_product, footer),
	WA_CONTEXT(17),
	WA_END,
};

static const struct wa_mfield order[] = {
	WA_TEXT(1, wa_order, id),
	WA_FIELD(2, wa_order, thumbnail),
	WA_FIELD(3, wa_order, items),
	WA_FIELD(4, wa_order, status),
	WA_TEXT(6, wa_order, message),
	WA_TEXT(7, wa_order, title),
	WA_FIELD(8, wa_order, seller),
	WA_TEXT(9, wa_order, token),
	WA_FIELD(10, wa_order, total_1000),
	WA_TEXT(11, wa_order, currency),
	WA_CONTEXT(17),
	WA_END,
};

/* ---- protocol ---- */

static int read_edited(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire == 2)
		c->edited = f->bytes;
	return 0;
}

static int read_label_time(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire == 0 && f->varint <= INT64_MAX / 1000)
		c->m->timestamp_ms = (int64_t)f->varint * 1000;
	return 0;
}

static const struct wa_mfield member_label[] = {
	WA_MEMBER_TEXT(1, text),
	WA_HOOK(2, read_label_time, NULL),
	WA_END,
};
static const struct wa_mfield protocol[] = {
	WA_KEY(1),
	WA_MEMBER(2, protocol_type),
	WA_MEMBER(4, expiration_s),
	WA_HOOK(14, read_edited, NULL),
	WA_MEMBER(15, timestamp_ms),
	WA_SUB(27, member_label),
	WA_END,
};

static int finish_protocol(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_message *m = c->m;

	(void)k;
	(void)part;
	if (m->protocol_type < 0)
		m->protocol_type = WA_PROTOCOL_REVOKE; /* the first value is what is not written */
	if (m->protocol_type == WA_PROTOCOL_REVOKE && m->target_id.len) {
		m->kind = WA_MSG_REVOKE;
	} else if (m->protocol_type == WA_PROTOCOL_TIMER) {
		m->kind = WA_MSG_TIMER;
	} else if (m->protocol_type == WA_PROTOCOL_LABEL) {
		m->kind = WA_MSG_MEMBER_LABEL;
	} else if (m->protocol_type == WA_PROTOCOL_EDIT && m->target_id.len && c->edited.ptr) {
		struct wa_span edited = c->edited;
		int rc;

		c->edited = wa_span(NULL, 0);
		rc = wa_codec_content(c, edited);
		m->kind = WA_MSG_EDIT;
		return rc;
	}
	return 0;
}

/* ---- all of them ---- */

#define PART(p, s) offsetof(struct wa_message, p), sizeof(struct s)
#define MEDIA PART(media, wa_media)

const struct wa_kind wa_kind_text = {
	6, WA_MSG_TEXT, text, PART(link, wa_link), 0, finish_text
};

static const struct wa_kind kinds[] = {
	{ 3, WA_MSG_IMAGE, image, MEDIA, WA_MEDIA_IMAGE, NULL },
	{ 4, WA_MSG_CONTACT, contact, PART(cards, wa_cards), 0, finish_contact },
	{ 5, WA_MSG_LOCATION, location, PART(location, wa_location), 0, NULL },
	{ 7, WA_MSG_DOCUMENT, document, MEDIA, WA_MEDIA_DOCUMENT, NULL },
	{ 8, WA_MSG_AUDIO, audio, MEDIA, WA_MEDIA_AUDIO, NULL },
	{ 9, WA_MSG_VIDEO, video, MEDIA, WA_MEDIA_VIDEO, NULL },
	{ 12, WA_MSG_PROTOCOL, protocol, 0, 0, 0, finish_protocol },
	{ 13, WA_MSG_CONTACT, contacts, PART(cards, wa_cards), 0, NULL },
	{ 16, WA_MSG_PAYMENT, note_2, 0, 0, 0, NULL },
	{ 18, WA_MSG_LIVE_LOCATION, live_location,
	  PART(location, wa_location), 0, NULL },
	{ 22, WA_MSG_PAYMENT, note_4, 0, 0, 0, NULL },
	{ 23, WA_MSG_PAYMENT, nothing, 0, 0, 0, NULL },
	{ 24, WA_MSG_PAYMENT, nothing, 0, 0, 0, NULL },
	{ 25, WA_MSG_MENU, wa_fields_template, PART(menu, wa_menu), 0,
	  wa_menu_finish },
	{ 26, WA_MSG_STICKER, sticker, MEDIA, WA_MEDIA_STICKER, NULL },
	{ 28, WA_MSG_GROUP_INVITE, group_invite,
	  PART(invite, wa_group_invite), 0, NULL },
	{ 29, WA_MSG_CHOICE, wa_fields_template_reply,
	  PART(choice, wa_choice), 0, wa_choice_finish },
	{ 30, WA_MSG_PRODUCT, product, PART(product, wa_product), 0,
	  finish_product },
	{ 36, WA_MSG_MENU, wa_fields_list, PART(menu, wa_menu), 0, wa_menu_finish },
	{ 38, WA_MSG_ORDER, order, PART(order, wa_order), 0, NULL },
	{ 39, WA_MSG_CHOICE, wa_fields_list_response,
	  PART(choice, wa_choice), 0, wa_choice_finish },
	{ 41, WA_MSG_PAYMENT, note_text, 0, 0, 0, NULL },
	{ 42, WA_MSG_MENU, wa_fields_buttons, PART(menu, wa_menu), 0,
	  wa_menu_finish },
	{ 43, WA_MSG_CHOICE, wa_fields_buttons_response,
	  PART(choice, wa_choice), 0, wa_choice_finish },
	{ 44, WA_MSG_PAYMENT, nothing, 0, 0, 0, NULL },
	{ 45, WA_MSG_MENU, wa_fields_native, PART(menu, wa_menu), 0,
	  wa_menu_finish },
	{ 46, WA_MSG_REACTION, reaction, 0, 0, 0, NULL },
	{ 48, WA_MSG_CHOICE, wa_fields_native_response,
	  PART(choice, wa_choice), 0, wa_choice_finish },
	{ 49, WA_MSG_POLL, poll, PART(poll, wa_poll), 0, finish_poll },
	{ 50, WA_MSG_POLL_VOTE, poll_vote, PART(enc, wa_enc), 0, finish_enc },
	{ 51, WA_MSG_KEEP, on_off, 0, 0, 0, NULL },
	{ 56, WA_MSG_ENC_REACTION, enc_addon, PART(enc, wa_enc), 0,
	  finish_enc },
	{ 60, WA_MSG_POLL, poll, PART(poll, wa_poll), 0, finish_poll },
	{ 63, WA_MSG_PIN, on_off, 0, 0, 0, NULL },
	{ 64, WA_MSG_POLL, poll, PART(poll, wa_poll), 0, finish_poll },
	{ 66, WA_MSG_VIDEO, video, MEDIA, WA_MEDIA_VIDEO, NULL },
	{ 69, WA_MSG_CALL_LOG, nothing, 0, 0, 0, NULL },
	{ 71, WA_MSG_COMMENT, enc_addon, PART(enc, wa_enc), 0, finish_enc },
	{ 75, WA_MSG_CALENDAR, calendar, PART(calendar, wa_calendar), 0, NULL },
	{ 76, WA_MSG_CALENDAR_ANSWER, enc_addon, PART(enc, wa_enc), 0,
	  finish_enc },
	{ 77, WA_MSG_COMMENT, comment, 0, 0, 0, NULL },
	{ 82, WA_MSG_ENC_EDIT, enc_edit, PART(enc, wa_enc), 0,
	  finish_enc },
	{ 83, WA_MSG_ALBUM, album, 0, 0, 0, NULL },
	{ 86, WA_MSG_OTHER, pack, 0, 0, 0, NULL },
	{ 88, WA_MSG_POLL_RESULT, poll_result, PART(poll, wa_poll), 0,
	  NULL },
	{ 111, WA_MSG_POLL, poll, PART(poll, wa_poll), 0, finish_poll },
	{ 114, WA_MSG_POLL_RESULT, poll_result, PART(poll, wa_poll),
	  0, NULL },
};

const struct wa_kind *wa_kind_of_field(uint32_t number)
{
	if (number == wa_kind_text.number)
		return &wa_kind_text;
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds); i++)
		if (kinds[i].number == number)
			return &kinds[i];
	return NULL;
}

bool wa_kind_wraps(uint32_t number, struct wa_message *m)
{
	static const uint8_t plain[] = {
		53,	/* documentWithCaptionMessage */
		58,	/* editedMessage */
		62,	/* groupMentionedMessage */
		67,	/* botInvokeMessage */
		74,	/* lottieStickerMessage */
		85,	/* eventCoverImage */
		90,	/* pollCreationOptionImageMessage */
		91,	/* associatedChildMessage */
		93,	/* pollCreationMessageV4 */
		95,	/* statusAddYours */
		96,	/* groupStatusMessage */
		101,	/* questionMessage */
		103,	/* groupStatusMessageV2 */
		104,	/* botForwardedMessage */
		106,	/* questionReplyMessage */
	};

	switch (number) {
	case 37: /* viewOnceMessage, V2, V2Extension */
	case 55:
	case 59:
		m->view_once = true;
		return true;
	case 40: /* ephemeralMessage */
		m->ephemeral = true;
		return true;
	default:
		return memchr(plain, (int)(number & 0xff), sizeof(plain)) != NULL && number < 256;
	}
}

static uint32_t menu_number(const struct wa_menu *menu)
{
	static const uint8_t numbers[] = {
		[WA_MENU_BUTTONS] = 42,
		[WA_MENU_LIST] = 36,
		[WA_MENU_TEMPLATE] = 25,
		[WA_MENU_NATIVE] = 45,
	};

	return menu && (unsigned)menu->form < WA_ARRAY_LEN(numbers) ? numbers[menu->form] : 0;
}

static uint32_t choice_number(const struct wa_choice *choice)
{
	static const uint8_t numbers[] = {
		[WA_MENU_BUTTONS] = 43,
		[WA_MENU_LIST] = 39,
		[WA_MENU_TEMPLATE] = 29,
		[WA_MENU_NATIVE] = 48,
	};

	return choice && (unsigned)choice->form < WA_ARRAY_LEN(numbers) ? numbers[choice->form] : 0;
}

static uint32_t poll_number(const struct wa_poll *p)
{
	return p && p->announcement ? 60 : p && p->selectable == 1 ? 64 : 49;
}

const struct wa_kind *wa_kind_of_message(const struct wa_message *m)
{
	switch (m->kind) {
	case WA_MSG_CONTACT:
		return wa_kind_of_field(m->cards && m->cards->n == 1 ? 4 : 13);
	case WA_MSG_VIDEO:
		return wa_kind_of_field(m->media && m->media->ptv ? 66 : 9);
	case WA_MSG_POLL:
		return wa_kind_of_field(poll_number(m->poll));
	case WA_MSG_MENU:
		return wa_kind_of_field(menu_number(m->menu));
	case WA_MSG_CHOICE:
		return wa_kind_of_field(choice_number(m->choice));
	case WA_MSG_UNKNOWN:
	case WA_MSG_PROTOCOL:
	case WA_MSG_SKDM:
	case WA_MSG_OTHER:
	case WA_MSG_POLL_RESULT:
	case WA_MSG_PAYMENT:
	case WA_MSG_CALL_LOG:
		return NULL;
	default:
		break;
	}
	if (m->kind == WA_MSG_TEXT)
		return &wa_kind_text;
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == m->kind)
			return &kinds[i];
	return NULL;
}

const void *wa_kind_part(const struct wa_kind *k, const struct wa_message *m)
{
	const void *part = NULL;

	if (k->part)
		memcpy(&part, (const char *)m + k->part, sizeof(part));
	return part;
}

void wa_kind_set_part(const struct wa_kind *k, struct wa_message *m, const void *part)
{
	if (k->part)
		memcpy((char *)m + k->part, &part, sizeof(part));
}
