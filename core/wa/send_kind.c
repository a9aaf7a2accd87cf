/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a message stanza says about the content nobody but its readers can see. */
#include "client_int.h"

static const struct {
	const char *field; /* of the Message protobuf */
	struct message_kind kind;
} kinds[] = {
	{ "imageMessage", { "media", "image", NULL, false, NULL } },
	{ "videoMessage", { "media", "video", NULL, false, NULL } },
	{ "ptvMessage", { "media", "video", NULL, false, NULL } },
	{ "audioMessage", { "media", "audio", NULL, false, NULL } },
	{ "documentMessage", { "media", "document", NULL, false, NULL } },
	{ "documentWithCaptionMessage", { "media", "document", NULL, false, NULL } },
	{ "stickerMessage", { "media", "sticker", NULL, false, NULL } },
	{ "contactMessage", { "media", "vcard", NULL, false, NULL } },
	{ "contactsArrayMessage", { "media", "contact_array", NULL, false, NULL } },
	{ "liveLocationMessage", { "media", "livelocation", NULL, false, NULL } },
	{ "listMessage", { "media", "list", NULL, false, NULL } },
	{ "listResponseMessage", { "media", "list_response", NULL, false, NULL } },
	{ "buttonsResponseMessage", { "media", "buttons_response", NULL, false, NULL } },
	{ "orderMessage", { "media", "order", NULL, false, NULL } },
	{ "productMessage", { "media", "product", NULL, false, NULL } },
	{ "interactiveResponseMessage", { "media", "native_flow_response", NULL, false, NULL } },
	{ "encReactionMessage", { "reaction", NULL, NULL, true, NULL } },
	{ "pollCreationMessage", { "poll", NULL, NULL, false, "creation" } },
	{ "pollCreationMessageV2", { "poll", NULL, NULL, false, "creation" } },
	{ "pollCreationMessageV3", { "poll", NULL, NULL, false, "creation" } },
	{ "pollUpdateMessage", { "poll", NULL, NULL, true, "vote" } },
	{ "pinInChatMessage", { "text", NULL, "2", true, NULL } },
};

void send_kind_of(const struct wa_message *m, struct message_kind *ret)
{
	size_t i;

	*ret = (struct message_kind){ .type = "text" };
	switch (m->kind) {
	case WA_MSG_EDIT:
		ret->edit = "1";
		ret->hide = true;
		break;
	case WA_MSG_REVOKE:
		ret->edit = m->target_from_me ? "7" : "8";
		ret->hide = true;
		break;
	case WA_MSG_REACTION:
		ret->type = "reaction";
		ret->edit = m->text.len ? NULL : "7";
		ret->hide = true;
		break;
	case WA_MSG_TEXT:
		if (m->link_title.len) {
			ret->type = "media";
			ret->mediatype = "url";
		}
		break;
	default:
		for (i = 0; m->kind_name && i < WA_ARRAY_LEN(kinds); i++)
			if (strcmp(m->kind_name, kinds[i].field) == 0)
				*ret = kinds[i].kind;
		break;
	}
}

void send_kind_of_raw(struct wa_span plain, struct message_kind *ret)
{
	struct wa_message m;
	struct wa_arena a;

	*ret = (struct message_kind){ .type = "text" };
	wa_arena_init(&a, STANZA_ARENA_MAX);
	if (wa_message_decode(plain, &a, &m, NULL) == 0)
		send_kind_of(&m, ret);
	wa_arena_clear(&a);
}
