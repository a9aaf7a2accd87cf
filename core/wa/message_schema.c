/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which field of Message is which kind, and which kind becomes which field. */
#include "message_schema.h"
#include "pb.h"

#include <base.h>

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
	6, WA_MSG_TEXT, wa_fields_text, PART(link, wa_link), 0, wa_text_finish
};

static const struct wa_kind kinds[] = {
	{ 3, WA_MSG_IMAGE, wa_fields_image_message, MEDIA, WA_MEDIA_IMAGE, NULL },
	{ 4, WA_MSG_CONTACT, wa_fields_contact, PART(cards, wa_cards), 0, wa_contact_finish },
	{ 5, WA_MSG_LOCATION, wa_fields_location_message, PART(location, wa_location), 0, NULL },
	{ 7, WA_MSG_DOCUMENT, wa_fields_document_message, MEDIA, WA_MEDIA_DOCUMENT, NULL },
	{ 8, WA_MSG_AUDIO, wa_fields_audio, MEDIA, WA_MEDIA_AUDIO, NULL },
	{ 9, WA_MSG_VIDEO, wa_fields_video_message, MEDIA, WA_MEDIA_VIDEO, NULL },
	{ 12, WA_MSG_PROTOCOL, protocol, 0, 0, 0, finish_protocol },
	{ 13, WA_MSG_CONTACT, wa_fields_contacts, PART(cards, wa_cards), 0, NULL },
	{ 16, WA_MSG_PAYMENT, wa_fields_note_2, 0, 0, 0, NULL },
	{ 18, WA_MSG_LIVE_LOCATION, wa_fields_live_location,
	  PART(location, wa_location), 0, NULL },
	{ 22, WA_MSG_PAYMENT, wa_fields_note_4, 0, 0, 0, NULL },
	{ 23, WA_MSG_PAYMENT, wa_fields_nothing, 0, 0, 0, NULL },
	{ 24, WA_MSG_PAYMENT, wa_fields_nothing, 0, 0, 0, NULL },
	{ 25, WA_MSG_MENU, wa_fields_template, PART(menu, wa_menu), 0,
	  wa_menu_finish },
	{ 26, WA_MSG_STICKER, wa_fields_sticker, MEDIA, WA_MEDIA_STICKER, NULL },
	{ 28, WA_MSG_GROUP_INVITE, wa_fields_group_invite,
	  PART(invite, wa_group_invite), 0, NULL },
	{ 29, WA_MSG_CHOICE, wa_fields_template_reply,
	  PART(choice, wa_choice), 0, wa_choice_finish },
	{ 30, WA_MSG_PRODUCT, wa_fields_product, PART(product, wa_product), 0,
	  wa_product_finish },
	{ 36, WA_MSG_MENU, wa_fields_list, PART(menu, wa_menu), 0, wa_menu_finish },
	{ 38, WA_MSG_ORDER, wa_fields_order, PART(order, wa_order), 0, NULL },
	{ 39, WA_MSG_CHOICE, wa_fields_list_response,
	  PART(choice, wa_choice), 0, wa_choice_finish },
	{ 41, WA_MSG_PAYMENT, wa_fields_note_text, 0, 0, 0, NULL },
	{ 42, WA_MSG_MENU, wa_fields_buttons, PART(menu, wa_menu), 0,
	  wa_menu_finish },
	{ 43, WA_MSG_CHOICE, wa_fields_buttons_response,
	  PART(choice, wa_choice), 0, wa_choice_finish },
	{ 44, WA_MSG_PAYMENT, wa_fields_nothing, 0, 0, 0, NULL },
	{ 45, WA_MSG_MENU, wa_fields_native, PART(menu, wa_menu), 0,
	  wa_menu_finish },
	{ 46, WA_MSG_REACTION, wa_fields_reaction, 0, 0, 0, NULL },
	{ 48, WA_MSG_CHOICE, wa_fields_native_response,
	  PART(choice, wa_choice), 0, wa_choice_finish },
	{ 49, WA_MSG_POLL, wa_fields_poll, PART(poll, wa_poll), 0, wa_poll_finish },
	{ 50, WA_MSG_POLL_VOTE, wa_fields_poll_vote, PART(enc, wa_enc), 0, wa_enc_finish },
	{ 51, WA_MSG_KEEP, wa_fields_on_off, 0, 0, 0, NULL },
	{ 56, WA_MSG_ENC_REACTION, wa_fields_enc_addon, PART(enc, wa_enc), 0,
	  wa_enc_finish },
	{ 60, WA_MSG_POLL, wa_fields_poll, PART(poll, wa_poll), 0, wa_poll_finish },
	{ 63, WA_MSG_PIN, wa_fields_on_off, 0, 0, 0, NULL },
	{ 64, WA_MSG_POLL, wa_fields_poll, PART(poll, wa_poll), 0, wa_poll_finish },
	{ 66, WA_MSG_VIDEO, wa_fields_video_message, MEDIA, WA_MEDIA_VIDEO, NULL },
	{ 69, WA_MSG_CALL_LOG, wa_fields_nothing, 0, 0, 0, NULL },
	{ 71, WA_MSG_COMMENT, wa_fields_enc_addon, PART(enc, wa_enc), 0, wa_enc_finish },
	{ 75, WA_MSG_CALENDAR, wa_fields_calendar, PART(calendar, wa_calendar), 0, NULL },
	{ 76, WA_MSG_CALENDAR_ANSWER, wa_fields_enc_addon, PART(enc, wa_enc), 0,
	  wa_enc_finish },
	{ 77, WA_MSG_COMMENT, wa_fields_comment, 0, 0, 0, NULL },
	{ 82, WA_MSG_ENC_EDIT, wa_fields_enc_edit, PART(enc, wa_enc), 0,
	  wa_enc_finish },
	{ 83, WA_MSG_ALBUM, wa_fields_album, 0, 0, 0, NULL },
	{ 86, WA_MSG_OTHER, wa_fields_pack, 0, 0, 0, NULL },
	{ 88, WA_MSG_POLL_RESULT, wa_fields_poll_result, PART(poll, wa_poll), 0,
	  NULL },
	{ 111, WA_MSG_POLL, wa_fields_poll, PART(poll, wa_poll), 0, wa_poll_finish },
	{ 114, WA_MSG_POLL_RESULT, wa_fields_poll_result, PART(poll, wa_poll),
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
