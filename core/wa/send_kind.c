/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a message stanza says about the content nobody but its readers can see. */
#include "client_int.h"

/* By kind, where nothing else matters. */
static const struct {
	int kind;
	struct message_kind said;
} kinds[] = {
	{ WA_MSG_IMAGE, { .type = "media", .mediatype = "image" } },
	{ WA_MSG_VIDEO, { .type = "media", .mediatype = "video" } },
	{ WA_MSG_AUDIO, { .type = "media", .mediatype = "audio" } },
	{ WA_MSG_DOCUMENT, { .type = "media", .mediatype = "document" } },
	{ WA_MSG_STICKER, { .type = "media", .mediatype = "sticker" } },
	{ WA_MSG_LIVE_LOCATION, { .type = "media", .mediatype = "livelocation" } },
	{ WA_MSG_CONTACT, { .type = "media", .mediatype = "vcard" } },
	{ WA_MSG_ORDER, { .type = "media", .mediatype = "order" } },
	{ WA_MSG_PRODUCT, { .type = "media", .mediatype = "product" } },
	{ WA_MSG_GROUP_INVITE, { .type = "media", .mediatype = "url" } },
	{ WA_MSG_POLL, { .type = "poll", .polltype = "creation" } },
	{ WA_MSG_POLL_VOTE, { .type = "poll", .polltype = "vote", .hide = true } },
	{ WA_MSG_CALENDAR, { .type = "event", .event_type = "creation" } },
	{ WA_MSG_CALENDAR_ANSWER, { .type = "event", .event_type = "response", .hide = true } },
	{ WA_MSG_ENC_REACTION, { .type = "reaction", .hide = true } },
	{ WA_MSG_ENC_EDIT, { .type = "text", .edit = "1", .hide = true } },
	{ WA_MSG_EDIT, { .type = "text", .edit = "1", .hide = true } },
	{ WA_MSG_PIN, { .type = "text", .edit = "2", .hide = true } },
	{ WA_MSG_MEMBER_LABEL, { .type = "text", .label = true } },
};

static void menu_kind(const struct wa_message *m, struct message_kind *ret)
{
	switch (m->menu ? m->menu->form : -1) {
	case WA_MENU_BUTTONS:
		ret->biz = "buttons";
		break;
	case WA_MENU_LIST:
		ret->type = "media";
		ret->mediatype = "list";
		ret->biz = "list";
		break;
	case WA_MENU_NATIVE:
		ret->biz = "interactive";
		break;
	default:
		break;
	}
}

static void choice_kind(const struct wa_message *m, struct message_kind *ret)
{
	static const char *const types[] = {
		[WA_MENU_BUTTONS] = "buttons_response",
		[WA_MENU_LIST] = "list_response",
		[WA_MENU_TEMPLATE] = NULL,
		[WA_MENU_NATIVE] = "native_flow_response",
	};

	if (!m->choice || (size_t)m->choice->form >= WA_ARRAY_LEN(types) ||
	    !types[m->choice->form])
		return;
	ret->type = "media";
	ret->mediatype = types[m->choice->form];
}

static void media_kind(const struct wa_message *m, struct message_kind *ret)
{
	if (!m->media)
		return;
	if (m->kind == WA_MSG_VIDEO && (m->media->gif || m->media->ptv))
		ret->mediatype = m->media->ptv ? "ptv" : "gif";
	if (m->kind == WA_MSG_AUDIO && m->media->ptt)
		ret->mediatype = "ptt";
}

void send_kind_of(const struct wa_message *m, struct message_kind *ret)
{
	*ret = (struct message_kind){ .type = "text" };
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == m->kind)
			*ret = kinds[i].said;
	ret->lasting = secret_lasting(m->kind);
	switch (m->kind) {
	case WA_MSG_TEXT:
		if (m->link_title.len || (m->link && m->link->title.len)) {
			ret->type = "media";
			ret->mediatype = "url";
		}
		break;
	case WA_MSG_VIDEO:
	case WA_MSG_AUDIO:
		media_kind(m, ret);
		break;
	case WA_MSG_CONTACT:
		if (m->cards && m->cards->n != 1)
			ret->mediatype = "contact_array";
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
	case WA_MSG_KEEP:
		ret->edit = !m->on && m->target_from_me ? "7" : NULL;
		break;
	case WA_MSG_MENU:
		menu_kind(m, ret);
		break;
	case WA_MSG_CHOICE:
		choice_kind(m, ret);
		break;
	default:
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

/* <biz>: menus are shown by clients that know of them only with it. */
static void put_biz(struct wa_arena *a, struct wa_node *msg, const char *form)
{
	struct wa_node *biz = wa_node_child(a, msg, "biz"), *child, *flow;

	child = wa_node_child(a, biz, form);
	if (strcmp(form, "list") == 0) {
		wa_node_attr(a, child, "type", "single_select");
		wa_node_attr(a, child, "v", "2");
	} else if (strcmp(form, "interactive") == 0) {
		wa_node_attr(a, child, "type", "native_flow");
		wa_node_attr(a, child, "v", "1");
		flow = wa_node_child(a, child, "native_flow");
		wa_node_attr(a, flow, "v", "9");
		wa_node_attr(a, flow, "name", "mixed");
	}
}

void send_kind_put(struct wa_arena *a, struct wa_node *msg, const struct message_kind *k)
{
	struct wa_node *meta;

	if (k->polltype || k->event_type || k->label) {
		meta = wa_node_child(a, msg, "meta");
		if (k->polltype)
			wa_node_attr(a, meta, "polltype", k->polltype);
		if (k->event_type)
			wa_node_attr(a, meta, "event_type", k->event_type);
		if (k->label) {
			wa_node_attr(a, meta, "tag_reason", "user_update");
			wa_node_attr(a, meta, "appdata", "member_tag");
		}
	}
	if (k->biz)
		put_biz(a, msg, k->biz);
}
