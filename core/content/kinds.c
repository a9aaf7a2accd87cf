/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each kind of message says, member by member. */
#include <text.h>
#include <wa/addon.h>
#include "fields.h"

#define M(name, type, member) { name, type, offsetof(struct wa_message, member), false, false, 0, 0, NULL }
#define M_ALWAYS(name, type, member) \
	{ name, type, offsetof(struct wa_message, member), false, true, 0, 0, NULL }
#define M_MUST(name, type, member) \
	{ name, type, offsetof(struct wa_message, member), true, true, 0, 0, NULL }
#define P(s, name, type, member) { name, type, offsetof(struct s, member), false, false, 0, 0, NULL }
#define P_MUST(s, name, type, member) { name, type, offsetof(struct s, member), true, true, 0, 0, NULL }
#define P_NAMES(s, name, member, list, must) \
	{ name, WB_F_NAMES, offsetof(struct s, member), must, false, 0, 0, list }

const struct wb_field wb_location_fields[] = {
	{ "latitude", WB_F_REAL, offsetof(struct wa_location, latitude), true, true, -90, 90, NULL },
	{ "longitude", WB_F_REAL, offsetof(struct wa_location, longitude), true, true, -180, 180, NULL },
	P(wa_location, "name", WB_F_TEXT, name),
	P(wa_location, "address", WB_F_TEXT, address),
	P(wa_location, "url", WB_F_TEXT, url),
	P(wa_location, "comment", WB_F_TEXT, comment),
	P(wa_location, "thumbnail", WB_F_BYTES, thumbnail),
	P(wa_location, "accuracy_m", WB_F_U32, accuracy_m),
	P(wa_location, "bearing_deg", WB_F_U32, bearing_deg),
	{ "speed_mps", WB_F_REAL, offsetof(struct wa_location, speed_mps), false, false, 0, 1e6, NULL },
	P(wa_location, "sequence", WB_F_I64, sequence),
	P(wa_location, "time_offset_s", WB_F_U32, time_offset_s),
	WB_FIELD_END
};

/* Besides id and url. */
const struct wb_field wb_media_fields[] = {
	P(wa_media, "mimetype", WB_F_TEXT, mimetype),
	P(wa_media, "size", WB_F_U64, length),
	P(wa_media, "sha256", WB_F_HEX, file_sha256),
	P(wa_media, "file_name", WB_F_TEXT, file_name),
	P(wa_media, "title", WB_F_TEXT, title),
	P(wa_media, "width", WB_F_U32, width),
	P(wa_media, "height", WB_F_U32, height),
	P(wa_media, "seconds", WB_F_U32, seconds),
	P(wa_media, "pages", WB_F_U32, pages),
	P(wa_media, "gif", WB_F_BOOL, gif),
	P(wa_media, "ptv", WB_F_BOOL, ptv),
	P(wa_media, "ptt", WB_F_BOOL, ptt),
	P(wa_media, "animated", WB_F_BOOL, animated),
	P(wa_media, "thumbnail", WB_F_BYTES, thumbnail),
	P(wa_media, "waveform", WB_F_BYTES, waveform),
	P(wa_media, "alt", WB_F_TEXT, alt),
	WB_FIELD_END
};

static const struct wb_field text_own[] = {
	M("text_colour", WB_F_COLOUR, text_argb), M("background", WB_F_COLOUR, background_argb), WB_FIELD_END
};
static const struct wb_field audio_own[] = { M("background", WB_F_COLOUR, background_argb), WB_FIELD_END };
static const struct wb_field at_own[] = { M("at", WB_F_MILLIS, timestamp_ms), WB_FIELD_END };
static const struct wb_field pin_own[] = {
	M_ALWAYS("on", WB_F_BOOL, on), M("duration_s", WB_F_U32, duration_s), WB_FIELD_END
};
static const struct wb_field keep_own[] = { M_ALWAYS("on", WB_F_BOOL, on), WB_FIELD_END };
static const struct wb_field timer_own[] = { M_MUST("expires_s", WB_F_U32, expiration_s), WB_FIELD_END };
static const struct wb_field album_own[] = {
	M("images", WB_F_U32, album_images), M("videos", WB_F_U32, album_videos), WB_FIELD_END
};

static const struct wb_field poll_part[] = {
	P_MUST(wa_poll, "name", WB_F_TEXT, name), P(wa_poll, "selectable", WB_F_U32, selectable),
	P(wa_poll, "quiz", WB_F_BOOL, quiz), P(wa_poll, "correct", WB_F_U32, correct),
	P(wa_poll, "announcement", WB_F_BOOL, announcement), WB_FIELD_END
};
static const struct wb_field calendar_part[] = {
	P_MUST(wa_calendar, "name", WB_F_TEXT, name), P(wa_calendar, "description", WB_F_TEXT, description),
	P(wa_calendar, "join_link", WB_F_TEXT, join_link), P_MUST(wa_calendar, "start", WB_F_SECONDS, start_s),
	P(wa_calendar, "end", WB_F_SECONDS, end_s), P(wa_calendar, "reminder_s", WB_F_U32, reminder_s),
	P(wa_calendar, "cancelled", WB_F_BOOL, cancelled), P(wa_calendar, "guests_allowed", WB_F_BOOL, guests_allowed),
	P(wa_calendar, "call", WB_F_BOOL, call), WB_FIELD_END
};
static const char *const goings[] = { "", "yes", "no", "maybe", NULL };
static const struct wb_field going_part[] = {
	P_NAMES(wa_going_answer, "answer", going, goings, true), P(wa_going_answer, "guests", WB_F_U32, guests),
	P(wa_going_answer, "at", WB_F_MILLIS, timestamp_ms), WB_FIELD_END
};
static const struct wb_field invite_part[] = {
	P_MUST(wa_group_invite, "group", WB_F_JID, group), P_MUST(wa_group_invite, "code", WB_F_TEXT, code),
	P(wa_group_invite, "name", WB_F_TEXT, name), P(wa_group_invite, "caption", WB_F_TEXT, caption),
	P(wa_group_invite, "thumbnail", WB_F_BYTES, thumbnail), P(wa_group_invite, "expires", WB_F_SECONDS, expires_s),
	WB_FIELD_END
};
static const char *const forms[] = { "buttons", "list", "template", "native", NULL };
static const struct wb_field menu_part[] = {
	P_NAMES(wa_menu, "form", form, forms, false), P(wa_menu, "title", WB_F_TEXT, title),
	P_MUST(wa_menu, "body", WB_F_TEXT, body), P(wa_menu, "footer", WB_F_TEXT, footer),
	P(wa_menu, "button_text", WB_F_TEXT, button_text), WB_FIELD_END
};
static const struct wb_field choice_part[] = {
	P(wa_choice, "id", WB_F_TEXT, id), P(wa_choice, "title", WB_F_TEXT, text),
	P(wa_choice, "description", WB_F_TEXT, description), P(wa_choice, "params", WB_F_TEXT, params),
	P_NAMES(wa_choice, "form", form, forms, false), P(wa_choice, "index", WB_F_U32, index),
	P(wa_choice, "flow", WB_F_TEXT, flow), WB_FIELD_END
};
static const struct wb_field product_part[] = {
	P_MUST(wa_product, "id", WB_F_TEXT, id), P(wa_product, "title", WB_F_TEXT, title),
	P(wa_product, "description", WB_F_TEXT, description), P(wa_product, "currency", WB_F_TEXT, currency),
	P(wa_product, "price_1000", WB_F_I64, price_1000), P(wa_product, "sale_price_1000", WB_F_I64, sale_price_1000),
	P(wa_product, "retailer_id", WB_F_TEXT, retailer_id), P(wa_product, "url", WB_F_TEXT, url),
	P(wa_product, "body", WB_F_TEXT, body), P(wa_product, "footer", WB_F_TEXT, footer),
	P(wa_product, "images", WB_F_U32, images), P_MUST(wa_product, "owner", WB_F_JID, owner), WB_FIELD_END
};
static const struct wb_field order_part[] = {
	P_MUST(wa_order, "id", WB_F_TEXT, id), P(wa_order, "token", WB_F_TEXT, token),
	P(wa_order, "title", WB_F_TEXT, title), P(wa_order, "message", WB_F_TEXT, message),
	P(wa_order, "currency", WB_F_TEXT, currency), P(wa_order, "total_1000", WB_F_I64, total_1000),
	P(wa_order, "items", WB_F_U32, items), P(wa_order, "status", WB_F_U32, status),
	P(wa_order, "seller", WB_F_JID, seller), P(wa_order, "thumbnail", WB_F_BYTES, thumbnail), WB_FIELD_END
};
_Static_assert(sizeof(int) == sizeof(uint32_t), "order.status is read as U32");

/* ---- kinds with lists or objects inside ---- */

static const struct wb_field link_fields[] = {
	P_MUST(wa_link, "url", WB_F_TEXT, url), P(wa_link, "title", WB_F_TEXT, title),
	P(wa_link, "description", WB_F_TEXT, description), P(wa_link, "thumbnail", WB_F_BYTES, thumbnail),
	P(wa_link, "width", WB_F_U32, width), P(wa_link, "height", WB_F_U32, height), WB_FIELD_END
};
static const char *const text_more[] = { "link", "font", NULL };

static int text_get(const json_t *o, struct wa_message *m, void *part, struct wa_arena *a, struct wa_err *err)
{
	const json_t *v = json_object_get(o, "link"), *font = json_object_get(o, "font");
	const struct wb_field *tables[] = { link_fields };
	struct wa_link *l;
	int r;

	(void)part;
	if (font && (!json_is_integer(font) || json_integer_value(font) < 0 || json_integer_value(font) > 10))
		return wa_err_set(err, WA_EINVALID, "font: a number from 0 to 10");
	m->font = (int)json_integer_value(font);
	if (!v)
		return 0;
	if (!json_is_object(v))
		return wa_err_set(err, WA_EINVALID, "link: an object");
	l = wa_arena_alloc(a, sizeof(*l));
	if (!l)
		return wa_err_set(err, WA_ENOMEM, "link");
	r = wb_fields_only(v, tables, 1, NULL, "link", err);
	if (r == 0)
		r = wb_fields_get(v, link_fields, l, a, "link", err);
	m->link = l;
	return r;
}

static void text_put(json_t *o, const struct wa_message *m, const void *part)
{
	struct wa_link old = { .url = m->link_url, .title = m->link_title, .description = m->link_description };
	const struct wa_link *l = m->link ? m->link : &old;
	json_t *v;

	(void)part;
	if (m->font)
		json_object_set_new(o, "font", json_integer(m->font));
	if (!l->url.len)
		return;
	v = json_object();
	wb_fields_put(v, link_fields, l);
	json_object_set_new(o, "link", v);
}

static const char *const poll_more[] = { "options", NULL };

static int poll_get(const json_t *o, struct wa_message *m, void *part, struct wa_arena *a, struct wa_err *err)
{
	struct wa_poll *p = part;
	const json_t *list, *v;
	size_t i;
	int r = wb_get_list(o, "options", WA_POLL_OPTIONS_MAX, &list, "", err);

	(void)m;
	(void)a;
	if (r < 0)
		return r;
	if (!list || json_array_size(list) < 1)
		return wa_err_set(err, WA_EINVALID, "options: at least one");
	json_array_foreach(list, i, v) {
		if (!json_is_string(v) || !json_string_length(v) || json_string_length(v) > WB_CONTENT_TEXT_MAX)
			return wa_err_set(err, WA_EINVALID, "options: texts");
		p->options[p->n++] = wa_span(json_string_value(v), json_string_length(v));
		for (size_t k = 0; k + 1 < p->n; k++)
			if (wa_span_eq(p->options[k], p->options[p->n - 1]))
				return wa_err_set(err, WA_EINVALID, "options: two are the same");
	}
	if (p->selectable > p->n || p->correct > p->n)
		return wa_err_set(err, WA_EINVALID, "%s: more than there are options",
				  p->correct > p->n ? "correct" : "selectable");
	return 0;
}

static void poll_put(json_t *o, const struct wa_message *m, const void *part)
{
	const struct wa_poll *p = part;
	json_t *list = json_array(), *votes = m->kind == WA_MSG_POLL_RESULT ? json_array() : NULL;

	for (size_t i = 0; i < p->n; i++) {
		json_array_append_new(list, json_stringn((const char *)p->options[i].ptr, p->options[i].len));
		if (votes)
			json_array_append_new(votes, json_integer(p->counts[i]));
	}
	json_object_set_new(o, "options", list);
	if (votes)
		json_object_set_new(o, "votes", votes);
}

static const char *const vote_more[] = { "options", "hashes", NULL };

static int vote_get(const json_t *o, struct wa_message *m, void *part, struct wa_arena *a, struct wa_err *err)
{
	struct wa_vote *vote = part;
	const json_t *texts, *hashes, *v;
	size_t i;
	int r = wb_get_list(o, "options", WA_POLL_OPTIONS_MAX, &texts, "", err);

	(void)m;
	(void)a;
	if (r >= 0)
		r = wb_get_list(o, "hashes", WA_POLL_OPTIONS_MAX, &hashes, "", err);
	if (r < 0)
		return r;
	if (!texts && !hashes)
		return wa_err_set(err, WA_EINVALID, "options: is needed; an empty list takes the vote back");
	if (texts && hashes)
		return wa_err_set(err, WA_EINVALID, "hashes: not together with options");
	json_array_foreach(texts ? texts : hashes, i, v) {
		struct wa_span s = wa_span(json_string_value(v), json_string_length(v));

		if (!json_is_string(v) ||
		    (hashes && (s.len != 2 * WA_HASH_LEN || wa_hex_decode(s, vote->options[i], WA_HASH_LEN) < 0)))
			return wa_err_set(err, WA_EINVALID, "%s: a list of %s", texts ? "options" : "hashes",
					  texts ? "texts" : "SHA-256 hashes in hex");
		if (texts)
			wa_poll_option_hash(s, vote->options[i]);
		vote->n = i + 1;
	}
	return 0;
}

static void vote_put(json_t *o, const struct wa_message *m, const void *part)
{
	const struct wa_vote *v = part;
	json_t *list = json_array();
	char hex[2 * WA_HASH_LEN + 1];

	(void)m;
	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(list, json_string(wa_hex_encode(wa_span(v->options[i], WA_HASH_LEN), hex)));
	json_object_set_new(o, "hashes", list);
}

static const char *const calendar_more[] = { "location", NULL };

static int calendar_get(const json_t *o, struct wa_message *m, void *part, struct wa_arena *a, struct wa_err *err)
{
	const struct wb_field *tables[] = { wb_location_fields };
	struct wa_calendar *c = part;
	const json_t *v = json_object_get(o, "location");
	int r;

	(void)m;
	if (!v)
		return 0;
	if (!json_is_object(v))
		return wa_err_set(err, WA_EINVALID, "location: an object");
	r = wb_fields_only(v, tables, 1, NULL, "location", err);
	c->has_location = true;
	return r < 0 ? r : wb_fields_get(v, wb_location_fields, &c->location, a, "location", err);
}

static void calendar_put(json_t *o, const struct wa_message *m, const void *part)
{
	const struct wa_calendar *c = part;
	json_t *v;

	(void)m;
	if (!c->has_location)
		return;
	v = json_object();
	wb_fields_put(v, wb_location_fields, &c->location);
	json_object_set_new(o, "location", v);
}

static const char *const on_more[] = { "on", NULL };

/* Not said: on. */
static int on_get(const json_t *o, struct wa_message *m, void *part, struct wa_arena *a, struct wa_err *err)
{
	(void)part;
	(void)a;
	(void)err;
	m->on = !json_object_get(o, "on") || m->on;
	return 0;
}

#define PART(member, s) offsetof(struct wa_message, member), sizeof(struct s)
#define NO_PART 0, 0

static const struct wb_kind kinds[] = {
	{ WA_MSG_TEXT, text_own, NULL, NO_PART, text_more, text_get, text_put, false, false },
	{ WA_MSG_EDIT, at_own, NULL, NO_PART, NULL, NULL, NULL, true, true },
	{ WA_MSG_REVOKE, at_own, NULL, NO_PART, NULL, NULL, NULL, true, false },
	{ WA_MSG_REACTION, at_own, NULL, NO_PART, NULL, NULL, NULL, true, false },
	{ WA_MSG_IMAGE, NULL, NULL, NO_PART, NULL, NULL, NULL, false, true },
	{ WA_MSG_VIDEO, NULL, NULL, NO_PART, NULL, NULL, NULL, false, true },
	{ WA_MSG_AUDIO, audio_own, NULL, NO_PART, NULL, NULL, NULL, false, true },
	{ WA_MSG_DOCUMENT, NULL, NULL, NO_PART, NULL, NULL, NULL, false, true },
	{ WA_MSG_STICKER, NULL, NULL, NO_PART, NULL, NULL, NULL, false, true },
	{ WA_MSG_ALBUM, album_own, NULL, NO_PART, NULL, NULL, NULL, false, false },
	{ WA_MSG_LOCATION, NULL, wb_location_fields, PART(location, wa_location), NULL, NULL, NULL, false, false },
	{ WA_MSG_LIVE_LOCATION, NULL, wb_location_fields, PART(location, wa_location), NULL, NULL, NULL, false,
	  false },
	{ WA_MSG_CONTACT, NULL, NULL, PART(cards, wa_cards), wb_cards_more, wb_cards_get, wb_cards_put, false, false },
	{ WA_MSG_POLL, NULL, poll_part, PART(poll, wa_poll), poll_more, poll_get, poll_put, false, false },
	{ WA_MSG_POLL_VOTE, at_own, NULL, PART(vote, wa_vote), vote_more, vote_get, vote_put, true, false },
	{ WA_MSG_POLL_RESULT, NULL, poll_part, PART(poll, wa_poll), NULL, NULL, poll_put, false, false },
	{ WA_MSG_CALENDAR, NULL, calendar_part, PART(calendar, wa_calendar), calendar_more, calendar_get, calendar_put,
	  false, false },
	{ WA_MSG_CALENDAR_ANSWER, NULL, going_part, PART(going, wa_going_answer), NULL, NULL, NULL, true, false },
	{ WA_MSG_ENC_REACTION, at_own, NULL, NO_PART, NULL, NULL, NULL, true, false },
	{ WA_MSG_COMMENT, NULL, NULL, NO_PART, NULL, NULL, NULL, true, false },
	{ WA_MSG_ENC_EDIT, at_own, NULL, NO_PART, NULL, NULL, NULL, true, false },
	{ WA_MSG_PIN, pin_own, NULL, NO_PART, on_more, on_get, NULL, true, false },
	{ WA_MSG_KEEP, keep_own, NULL, NO_PART, on_more, on_get, NULL, true, false },
	{ WA_MSG_TIMER, timer_own, NULL, NO_PART, NULL, NULL, NULL, false, false },
	{ WA_MSG_GROUP_INVITE, NULL, invite_part, PART(invite, wa_group_invite), NULL, NULL, NULL, false, false },
	{ WA_MSG_MENU, NULL, menu_part, PART(menu, wa_menu), wb_menu_more, wb_menu_get, wb_menu_put, false, true },
	{ WA_MSG_CHOICE, NULL, choice_part, PART(choice, wa_choice), NULL, NULL, NULL, false, false },
	{ WA_MSG_PRODUCT, NULL, product_part, PART(product, wa_product), NULL, NULL, NULL, false, true },
	{ WA_MSG_ORDER, NULL, order_part, PART(order, wa_order), NULL, NULL, NULL, false, false },
	{ WA_MSG_MEMBER_LABEL, NULL, NULL, NO_PART, NULL, NULL, NULL, false, false },
};

const struct wb_kind *wb_kind_of(int kind)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == kind)
			return &kinds[i];
	return NULL;
}
