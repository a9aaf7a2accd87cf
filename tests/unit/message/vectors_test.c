/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every kind against stock Baileys: what we make of a content has the fields
 * Baileys writes for it, and what we read from Baileys' bytes makes them again.
 * Compared as wa_message_dump shows it, which does not depend on the order of fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../core/wa/client_int.h"

#include <text.h>

#include "../../vectors/message/baileys_kinds.h"

#define S(text) { (const uint8_t *)(text), sizeof(text) - 1 }
#define B(array, n) { array, n }

static uint8_t f1[64], f2[64], f3[64], f4[64], f5[64], f6[64], f7[64], f8[64], f9[64], f10[64],
	f50[64];
static struct wa_arena arena;

#define FILE_PARTS                                                                            \
	.media_key = B(f2, 32), .file_sha256 = B(f1, 32), .file_enc_sha256 = B(f3, 32),           \
	.key_time_s = 1700000000
#define THUMBS                                                                                \
	.thumbnail = B(f4, 5), .thumb_direct_path = S("/t"), .thumb_sha256 = B(f5, 32),           \
	.thumb_enc_sha256 = B(f6, 32)

static const struct wa_media image = {
	FILE_PARTS, THUMBS, .type = WA_MEDIA_IMAGE, .url = S("https://mmg.example/i"),
	.mimetype = S("image/jpeg"), .length = 5000000000, .height = 600, .width = 800,
	.direct_path = S("/v/i?x=1"), .alt = S("a cat"),
};
#define VIDEO                                                                                 \
	FILE_PARTS, THUMBS, .type = WA_MEDIA_VIDEO, .url = S("https://mmg.example/v"),            \
	.mimetype = S("video/mp4"), .length = 77, .seconds = 9, .height = 600, .width = 800,      \
	.direct_path = S("/v/v?x=1"), .sidecar = B(f8, 10), .alt = S("a film")
static const struct wa_media video = { VIDEO };
static const struct wa_media gif = { VIDEO, .gif = true };
static const struct wa_media ptv = { VIDEO, .ptv = true };
#define AUDIO                                                                                 \
	FILE_PARTS, .type = WA_MEDIA_AUDIO, .url = S("https://mmg.example/a"),                    \
	.mimetype = S("audio/ogg; codecs=opus"), .length = 77, .seconds = 9,                      \
	.direct_path = S("/v/a?x=1"), .sidecar = B(f8, 10)
static const struct wa_media audio = { AUDIO };
static const struct wa_media ptt = { AUDIO, .ptt = true, .waveform = B(f50, 64) };
static const struct wa_media document = {
	FILE_PARTS, THUMBS, .type = WA_MEDIA_DOCUMENT, .url = S("https://mmg.example/d"),
	.mimetype = S("application/pdf"), .title = S("Offer"), .length = 77, .pages = 3,
	.file_name = S("offer.pdf"), .direct_path = S("/v/d?x=1"), .height = 20, .width = 10,
};
static const struct wa_media sticker = {
	FILE_PARTS, .type = WA_MEDIA_STICKER, .url = S("https://mmg.example/s"),
	.mimetype = S("image/webp"), .length = 77, .height = 512, .width = 512,
	.direct_path = S("/v/s?x=1"), .animated = true, .thumbnail = B(f4, 5),
};
static const struct wa_link preview = {
	.url = S("https://example.org"), .title = S("Example"), .description = S("A page"),
	.thumbnail = B(f4, 5), .has_image = true, .width = 400, .height = 300,
	.image = { FILE_PARTS, .type = WA_MEDIA_LINK_THUMB, .direct_path = S("/l") },
};
#define PLACE                                                                                 \
	{                                                                                     \
		.latitude = 52.5, .longitude = -13.25, .name = S("Gate"), .address = S("Street 1"), \
		.url = S("https://example.org"), .comment = S("here"), .thumbnail = B(f4, 5),     \
		.accuracy_m = 12, .speed_mps = 1.5, .bearing_deg = 90                             \
	}
static const struct wa_location place = PLACE;
static const struct wa_location live = {
	.latitude = 1.25, .longitude = 2.5, .accuracy_m = 3, .speed_mps = 0.5, .bearing_deg = 10,
	.sequence = 1700000000001, .time_offset_s = 60, .thumbnail = B(f4, 5),
};
static const struct wa_cards ann = {
	.cards = { { S("Ann"), S("BEGIN:VCARD\nFN:Ann\nEND:VCARD") } }, .n = 1,
};
static const struct wa_cards both = {
	.name = S("2 contacts"),
	.cards = { { S("Ann"), S("BEGIN:VCARD\nFN:Ann\nEND:VCARD") },
		   { S("Ben"), S("BEGIN:VCARD\nFN:Ben\nEND:VCARD") } },
	.n = 2,
};
#define POLL .name = S("Colour?"), .options = { S("red"), S("green"), S("blue") }, .n = 3
static const struct wa_poll poll = { POLL };
static const struct wa_poll poll_single = { POLL, .selectable = 1 };
static const struct wa_poll poll_announcement = { POLL, .selectable = 2, .announcement = true };
static const struct wa_poll quiz = { POLL, .selectable = 1, .quiz = true, .correct = 2 };
#define ENC .payload = B(f9, 40), .iv = B(f10, 12)
static const struct wa_enc enc = { ENC };
static const struct wa_enc event_edit = { ENC, .use = WA_ADDON_EVENT_EDIT };
static const struct wa_calendar party = {
	.name = S("Party"), .description = S("bring cake"), .join_link = S("https://call.example"),
	.location = PLACE, .has_location = true, .cancelled = true, .guests_allowed = true,
	.call = true, .start_s = 1700000000, .end_s = 1700003600, .reminder_s = 900,
};
static const struct wa_group_invite invite = {
	.group = { .user = "120363", .server = WA_SRV_GROUP }, .code = S("abc"), .name = S("Team"),
	.caption = S("join us"), .thumbnail = B(f4, 5), .expires_s = 1700000000,
};
static const struct wa_menu buttons = {
	.form = WA_MENU_BUTTONS, .title = S("Head"), .body = S("Body"), .footer = S("Foot"),
	.buttons = { { .id = S("y"), .text = S("Yes") }, { .id = S("n"), .text = S("No") } },
	.n_buttons = 2,
};
static const struct wa_menu buttons_image = {
	.form = WA_MENU_BUTTONS, .body = S("Body"),
	.buttons = { { .id = S("y"), .text = S("Yes") } }, .n_buttons = 1,
};
static const struct wa_menu list = {
	.form = WA_MENU_LIST, .title = S("Head"), .body = S("Body"), .footer = S("Foot"),
	.button_text = S("Open"), .sections = { S("One"), S("Two") }, .n_sections = 2,
	.rows = { { S("a"), S("A"), S("first"), 0 }, { S("b"), S("B"), { NULL, 0 }, 0 },
		  { S("c"), S("C"), { NULL, 0 }, 1 } },
	.n_rows = 3,
};
static const struct wa_menu template = {
	.form = WA_MENU_TEMPLATE, .title = S("Head"), .body = S("Body"), .footer = S("Foot"),
	.buttons = { { .kind = WA_BUTTON_REPLY, .id = S("y"), .text = S("Yes") },
		     { .kind = WA_BUTTON_URL, .text = S("Site"), .value = S("https://example.org") },
		     { .kind = WA_BUTTON_CALL, .text = S("Call"), .value = S("+4930") } },
	.n_buttons = 3,
};
static const struct wa_menu native = {
	.form = WA_MENU_NATIVE, .title = S("Head"), .body = S("Body"), .footer = S("Foot"),
	.buttons = { { .kind = WA_BUTTON_REPLY, .id = S("y"), .text = S("Yes \"!\"") },
		     { .kind = WA_BUTTON_URL, .text = S("Site"), .value = S("https://example.org") },
		     { .kind = WA_BUTTON_CALL, .text = S("Call"), .value = S("+4930") },
		     { .kind = WA_BUTTON_COPY, .text = S("Copy"), .value = S("X1") },
		     { .kind = WA_BUTTON_FLOW, .flow = S("send_location"), .value = S("{}") } },
	.n_buttons = 5,
};
static const struct wa_choice chosen_button = { .form = WA_MENU_BUTTONS, .id = S("y"),
						.text = S("Yes") };
static const struct wa_choice chosen_row = { .form = WA_MENU_LIST, .id = S("a"), .text = S("A"),
					     .description = S("first") };
static const struct wa_choice chosen_template = { .form = WA_MENU_TEMPLATE, .id = S("y"),
						  .text = S("Yes"), .index = 2 };
static const struct wa_choice chosen_native = { .form = WA_MENU_NATIVE, .id = S("y"),
						.text = S("Yes"), .flow = S("quick_reply") };
#define SHOP { .user = "49151", .server = WA_SRV_PN }
static const struct wa_product cup = {
	.id = S("77"), .title = S("Cup"), .description = S("blue"), .currency = S("EUR"),
	.retailer_id = S("SKU"), .url = S("https://shop.example"), .body = S("buy"),
	.footer = S("now"), .price_1000 = 9990, .sale_price_1000 = 8990, .images = 2,
	.owner = SHOP, .has_image = true,
	.image = { FILE_PARTS, THUMBS, .type = WA_MEDIA_IMAGE, .url = S("https://mmg.example/i"),
		   .mimetype = S("image/jpeg"), .length = 5000000000, .height = 600, .width = 800,
		   .direct_path = S("/v/i?x=1"), .alt = S("a cat") },
};
static const struct wa_order order = {
	.id = S("55"), .thumbnail = B(f4, 5), .items = 3, .status = 1, .message = S("please"),
	.title = S("Shop"), .seller = SHOP, .token = S("tok"), .total_1000 = 29970,
	.currency = S("EUR"),
};
static const struct wa_jid mentioned[] = { { .user = "222", .server = WA_SRV_LID }, SHOP };
static const uint8_t quoted_image[1024];

#define BOB { .user = "222", .server = WA_SRV_LID }
#define GROUP { .user = "120363", .server = WA_SRV_GROUP }
#define TARGET                                                                                \
	.target_id = S("3EB0TARGET"), .target_chat = GROUP, .target_sender = BOB
#define AT .timestamp_ms = 1700000000123
#define SECRET .secret = B(f7, 32)
#define CONTEXT                                                                               \
	.quoted_id = S("3EB0QUOTED"), .quoted_sender = BOB, .quoted_text = S("before"),           \
	.mentions = mentioned, .n_mentions = 2, .forwarded = true, .forwarding_score = 3,         \
	.expiration_s = 86400

static const struct {
	const char *name;
	struct wa_message m;
} made[] = {
	{ "text", { .kind = WA_MSG_TEXT, .text = S("Gr\xc3\xbc\xc3\x9f") } },
	{ "text_rich", { .kind = WA_MSG_TEXT, .text = S("see https://example.org"),
			 .link = &preview, CONTEXT, SECRET } },
	{ "status", { .kind = WA_MSG_TEXT, .text = S("hello"), .text_argb = 0xffffffff,
		      .background_argb = 0xff00aa55, .font = 2 } },
	{ "mention_all", { .kind = WA_MSG_TEXT, .text = S("@all"), .mention_all = true } },
	{ "image", { .kind = WA_MSG_IMAGE, .media = &image, .text = S("look"), CONTEXT } },
	{ "video", { .kind = WA_MSG_VIDEO, .media = &video, .text = S("look") } },
	{ "gif", { .kind = WA_MSG_VIDEO, .media = &gif } },
	{ "ptv", { .kind = WA_MSG_VIDEO, .media = &ptv } },
	{ "audio", { .kind = WA_MSG_AUDIO, .media = &audio, .expiration_s = 604800 } },
	{ "ptt", { .kind = WA_MSG_AUDIO, .media = &ptt, .background_argb = 0xff112233 } },
	{ "document", { .kind = WA_MSG_DOCUMENT, .media = &document } },
	{ "document_caption", { .kind = WA_MSG_DOCUMENT, .media = &document,
				.text = S("the offer") } },
	{ "sticker", { .kind = WA_MSG_STICKER, .media = &sticker } },
	{ "view_once", { .kind = WA_MSG_IMAGE, .media = &image, .view_once = true, SECRET } },
	{ "album", { .kind = WA_MSG_ALBUM, .album_images = 2, .album_videos = 1 } },
	{ "album_child", { .kind = WA_MSG_IMAGE, .media = &image, .target_chat = GROUP,
			   .album_id = S("3EB0ALBUM"), .album_from_me = true,
			   .album_sender = { .user = "111", .server = WA_SRV_LID } } },
	{ "location", { .kind = WA_MSG_LOCATION, .location = &place } },
	{ "live_location", { .kind = WA_MSG_LIVE_LOCATION, .location = &live,
			     .text = S("on my way") } },
	{ "contact", { .kind = WA_MSG_CONTACT, .cards = &ann } },
	{ "contacts", { .kind = WA_MSG_CONTACT, .cards = &both } },
	{ "poll", { .kind = WA_MSG_POLL, .poll = &poll, SECRET } },
	{ "poll_single", { .kind = WA_MSG_POLL, .poll = &poll_single, SECRET } },
	{ "poll_announcement", { .kind = WA_MSG_POLL, .poll = &poll_announcement, SECRET } },
	{ "quiz", { .kind = WA_MSG_POLL, .poll = &quiz, SECRET } },
	{ "poll_vote", { .kind = WA_MSG_POLL_VOTE, .enc = &enc, TARGET, AT } },
	{ "event", { .kind = WA_MSG_CALENDAR, .calendar = &party, SECRET } },
	{ "event_answer", { .kind = WA_MSG_CALENDAR_ANSWER, .enc = &enc, TARGET } },
	{ "enc_reaction", { .kind = WA_MSG_ENC_REACTION, .enc = &enc, TARGET } },
	{ "comment", { .kind = WA_MSG_COMMENT, .enc = &enc, TARGET } },
	{ "enc_edit", { .kind = WA_MSG_ENC_EDIT, .enc = &event_edit, TARGET } },
	{ "reaction", { .kind = WA_MSG_REACTION, .text = S("\xf0\x9f\x91\x8d"), TARGET, AT } },
	{ "edit", { .kind = WA_MSG_EDIT, .text = S("better"), TARGET, AT } },
	{ "edit_caption", { .kind = WA_MSG_EDIT, .media = &image, .text = S("better"), TARGET, AT } },
	{ "revoke", { .kind = WA_MSG_REVOKE, TARGET } },
	{ "pin", { .kind = WA_MSG_PIN, .on = true, .duration_s = 604800, TARGET, AT } },
	{ "unpin", { .kind = WA_MSG_PIN, TARGET, AT } },
	{ "keep", { .kind = WA_MSG_KEEP, .on = true, TARGET, AT } },
	{ "timer", { .kind = WA_MSG_TIMER, .expiration_s = 604800 } },
	{ "timer_off", { .kind = WA_MSG_TIMER } },
	{ "member_label", { .kind = WA_MSG_MEMBER_LABEL, .text = S("Coach"),
			    .timestamp_ms = 1700000000000 } },
	{ "group_invite", { .kind = WA_MSG_GROUP_INVITE, .invite = &invite } },
	{ "buttons", { .kind = WA_MSG_MENU, .menu = &buttons } },
	{ "buttons_image", { .kind = WA_MSG_MENU, .menu = &buttons_image, .media = &image } },
	{ "list", { .kind = WA_MSG_MENU, .menu = &list } },
	{ "template", { .kind = WA_MSG_MENU, .menu = &template } },
	{ "native", { .kind = WA_MSG_MENU, .menu = &native } },
	{ "buttons_response", { .kind = WA_MSG_CHOICE, .choice = &chosen_button } },
	{ "list_response", { .kind = WA_MSG_CHOICE, .choice = &chosen_row } },
	{ "template_reply", { .kind = WA_MSG_CHOICE, .choice = &chosen_template } },
	{ "native_response", { .kind = WA_MSG_CHOICE, .choice = &chosen_native } },
	{ "product", { .kind = WA_MSG_PRODUCT, .product = &cup } },
	{ "order", { .kind = WA_MSG_ORDER, .order = &order } },
	{ "ephemeral", { .kind = WA_MSG_TEXT, .text = S("soon gone"), .ephemeral = true } },
};

static int setup(void **state)
{
	uint8_t *const all[] = { NULL, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10 };

	(void)state;
	for (size_t i = 1; i < WA_ARRAY_LEN(all); i++)
		memset(all[i], (int)i, 64);
	memset(f50, 50, 64);
	wa_arena_init(&arena, 16 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wa_arena_clear(&arena);
	return 0;
}

static struct wa_span from_hex(const char *hex)
{
	size_t n = strlen(hex) / 2;
	uint8_t *p = wa_arena_alloc(&arena, n + 1);

	assert_int_equal(wa_hex_decode(wa_span_str(hex), p, n), 0);
	return wa_span(p, n);
}

static const char *find(const char *name)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds_made); i++)
		if (strcmp(kinds_made[i].name, name) == 0)
			return kinds_made[i].hex;
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds_read); i++)
		if (strcmp(kinds_read[i].name, name) == 0)
			return kinds_read[i].hex;
	fail_msg("no vector %s", name);
	return "";
}

static const char *dump(struct wa_span raw)
{
	struct wa_buf b;
	char *text;

	wa_buf_init(&b, 1 << 20);
	assert_int_equal(wa_message_dump(raw, &b, NULL), 0);
	text = wa_arena_str(&arena, wa_buf_view(&b));
	wa_buf_clear(&b);
	return text;
}

static struct wa_span encode(const char *name, const struct wa_message *m)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_span out;
	struct wa_buf b;

	wa_buf_init(&b, 1 << 20);
	if (wa_message_encode(m, &b, &err))
		fail_msg("%s: %s", name, err.msg);
	out = wa_span(wa_arena_dup(&arena, b.ptr, b.len), b.len);
	wa_buf_clear(&b);
	return out;
}

static struct wa_message read_one(const char *name)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_message m;

	if (wa_message_decode(from_hex(find(name)), &arena, &m, &err))
		fail_msg("%s: %s", name, err.msg);
	return m;
}

static void same(const char *name, struct wa_span ours)
{
	const char *theirs = dump(from_hex(find(name)));

	if (strcmp(dump(ours), theirs) != 0)
		fail_msg("%s\nours   %s\ntheirs %s", name, dump(ours), theirs);
}

static void test_made_as_baileys(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(made); i++)
		same(made[i].name, encode(made[i].name, &made[i].m));
}

/* Reading loses nothing that we can write. */
static void test_read_and_made_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(kinds_made); i++) {
		const char *name = kinds_made[i].name;
		struct wa_message m = read_one(name);

		same(name, encode(name, &m));
	}
}

/* What is not on the wire but told. */
static void test_kinds_told(void **state)
{
	struct wa_message m;

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(made); i++) {
		m = read_one(made[i].name);
		if (m.kind != made[i].m.kind)
			fail_msg("%s is %s", made[i].name, wa_message_kind_str(m.kind));
		assert_int_equal(m.view_once, made[i].m.view_once);
		assert_int_equal(m.ephemeral, made[i].m.ephemeral);
		if (made[i].m.media) {
			assert_int_equal(m.media->type, made[i].m.media->type);
			assert_int_equal(m.media->ptv, made[i].m.media->ptv);
		}
		if (made[i].m.text.len)
			assert_true(wa_span_eq(m.text, made[i].m.text));
		if (made[i].m.menu)
			assert_int_equal(m.menu->form, made[i].m.menu->form);
		if (made[i].m.choice) {
			assert_int_equal(m.choice->form, made[i].m.choice->form);
			assert_true(wa_span_eq(m.choice->id, made[i].m.choice->id));
		}
	}
	m = read_one("text_rich");
	assert_true(wa_span_is(m.link_title, "Example"));
	assert_true(wa_span_is(m.quoted_text, "before"));
	assert_int_equal(m.link->image.type, WA_MEDIA_LINK_THUMB);
	assert_int_equal(m.link->image.width, 400);
	m = read_one("quiz");
	assert_int_equal(m.poll->correct, 2);
	assert_true(m.poll->quiz);
	m = read_one("poll_vote");
	assert_int_equal(m.enc->use, WA_ADDON_POLL_VOTE);
	m = read_one("native");
	assert_int_equal(m.menu->n_buttons, 5);
	assert_int_equal(m.menu->buttons[1].kind, WA_BUTTON_URL);
	assert_true(wa_span_is(m.menu->buttons[0].text, "Yes \"!\""));
	m = read_one("status_reply");
	assert_true(wa_span_is(m.quoted_text, "my day"));
	assert_int_equal(m.quoted_chat.server, WA_SRV_BROADCAST);
	m = read_one("list");
	assert_int_equal(m.menu->rows[2].section, 1);
	assert_true(wa_span_is(m.text, "Body"));
}

static void test_read_only(void **state)
{
	static const struct {
		const char *name;
		int kind;
		const char *text;
	} rows[] = {
		{ "poll_result", WA_MSG_POLL_RESULT, "Colour?" },
		{ "payment", WA_MSG_PAYMENT, "for lunch" },
		{ "call_log", WA_MSG_CALL_LOG, "" },
		{ "sticker_pack", WA_MSG_OTHER, "Cats" },
		{ "comment_plain", WA_MSG_COMMENT, "nice" },
		{ "view_once_v2", WA_MSG_VIDEO, "" },
		{ "view_once_ext", WA_MSG_AUDIO, "" },
		{ "lottie", WA_MSG_STICKER, "" },
		{ "group_mentioned", WA_MSG_TEXT, "hi group" },
		{ "bot_invoke", WA_MSG_TEXT, "hi bot" },
		{ "associated", WA_MSG_IMAGE, "" },
		{ "event_cover", WA_MSG_IMAGE, "" },
		{ "group_status", WA_MSG_TEXT, "status" },
		{ "edit_direct", WA_MSG_EDIT, "better" },
		{ "template_both", WA_MSG_MENU, "Body" },
		{ "key_share", WA_MSG_PROTOCOL, "" },
		{ "from_the_future", WA_MSG_OTHER, "" },
	};
	struct wa_message m;

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		m = read_one(rows[i].name);
		if (m.kind != rows[i].kind || !wa_span_is(m.text, rows[i].text))
			fail_msg("%s is %s \"%.*s\"", rows[i].name, wa_message_kind_str(m.kind),
				 WA_SPAN_ARG(m.text));
	}
	m = read_one("poll_result");
	assert_int_equal(m.poll->counts[1], 5);
	m = read_one("payment");
	assert_string_equal(m.kind_name, "requestPaymentMessage");
	m = read_one("view_once_v2");
	assert_true(m.view_once);
	m = read_one("associated");
	assert_true(wa_span_is(m.album_id, "3EB0ALBUM"));
	assert_false(m.album_from_me);
	m = read_one("template_both");
	assert_int_equal(m.menu->n_buttons, 3);
	m = read_one("comment_plain");
	assert_true(wa_span_is(m.target_id, "3EB0TARGET"));
}

static void test_whole_quote(void **state)
{
	struct wa_message m = read_one("text"), quoted = read_one("image"), back;
	struct wa_span bytes;

	(void)state;
	m.quoted_id = wa_span_str("Q");
	m.quoted_raw = quoted.raw;
	bytes = encode("quote", &m);
	assert_int_equal(wa_message_decode(bytes, &arena, &back, NULL), 0);
	assert_true(wa_span_is(back.quoted_text, "look"));
	assert_int_equal(wa_message_decode(back.quoted_raw, &arena, &back, NULL), 0);
	assert_int_equal(back.kind, WA_MSG_IMAGE);
	assert_int_equal(back.quoted_id.len, 0);	/* quotes end here */
	assert_int_equal(back.media->length, 5000000000);
	m.quoted_raw = wa_span(quoted_image, sizeof(quoted_image));	/* no message at all */
	m.quoted_text = wa_span_str("words");
	bytes = encode("quote", &m);
	assert_int_equal(wa_message_decode(bytes, &arena, &back, NULL), 0);
	assert_true(wa_span_is(back.quoted_text, "words"));
}

static void forward(const char *name, bool again, struct wa_message *ret)
{
	struct wa_buf b;

	wa_buf_init(&b, 1 << 20);
	assert_int_equal(wa_message_forward(from_hex(find(name)), again, &b, NULL), 0);
	assert_int_equal(wa_message_decode(wa_buf_view(&b), &arena, ret, NULL), 0);
	wa_buf_clear(&b);
}

static void test_forward(void **state)
{
	static const char *const refused[] = { "poll", "reaction", "edit", "poll_vote", "view_once",
					       "revoke", "pin", "payment", "album", "key_share" };
	struct wa_message m;
	struct wa_buf b;

	(void)state;
	forward("text", false, &m);
	assert_true(wa_span_is(m.text, "Gr\xc3\xbc\xc3\x9f"));
	assert_false(m.forwarded);
	forward("text", true, &m);
	assert_int_equal(m.forwarding_score, 1);
	forward("text_rich", true, &m);
	assert_int_equal(m.forwarding_score, 4);
	assert_int_equal(m.quoted_id.len, 0);
	assert_int_equal(m.n_mentions, 0);
	assert_int_equal(m.secret.len, 0);
	assert_int_equal(m.expiration_s, 0);
	assert_true(wa_span_is(m.link_title, "Example"));
	forward("image", false, &m);
	assert_int_equal(m.forwarding_score, 3);
	assert_true(wa_span_is(m.text, "look"));
	forward("document_caption", true, &m);
	assert_true(wa_span_is(m.text, "the offer"));
	assert_true(m.forwarded);
	assert_int_equal(m.raw.ptr[0], 0xaa);	/* documentWithCaptionMessage */
	forward("sticker_pack", true, &m);
	assert_true(m.forwarded);
	wa_buf_init(&b, 1 << 20);
	for (size_t i = 0; i < WA_ARRAY_LEN(refused); i++)
		if (wa_message_forward(from_hex(find(refused[i])), true, &b, NULL) != WA_EUNSUPPORTED)
			fail_msg("%s was forwarded", refused[i]);
	assert_int_equal(wa_message_forward(wa_span("\x0a\x05x", 3), true, &b, NULL), WA_EPROTO);
	wa_buf_clear(&b);
}

static struct wa_addon addon_of(int use)
{
	return (struct wa_addon){
		.use = use, SECRET, .target_id = wa_span_str("3EB0TARGET"), .author = { BOB },
		.sender = { { .user = "111", .server = WA_SRV_LID } },
	};
}

static void test_addons(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(addons_sealed); i++) {
		struct wa_addon a = addon_of(addons_sealed[i].use);
		struct wa_span sealed = from_hex(addons_sealed[i].sealed);
		struct wa_span plain = from_hex(addons_sealed[i].plain);
		struct wa_enc e = { .payload = sealed, .iv = B(f10, 12) };
		struct wa_buf b;

		wa_buf_init(&b, 4096);
		assert_int_equal(wa_addon_seal(&a, plain, f10, &b, NULL), 0);
		assert_true(wa_span_eq(wa_buf_view(&b), sealed));
		wa_buf_reset(&b);
		/* Whichever name stands in whichever place. */
		a.author[1] = a.author[0];
		a.author[0] = wa_jid_make(WA_SRV_PN, "222", 3);
		a.sender[1] = a.sender[0];
		a.sender[0] = wa_jid_make(WA_SRV_PN, "111", 0);
		assert_int_equal(wa_addon_open(&a, &e, &b, NULL), 0);
		assert_true(wa_span_eq(wa_buf_view(&b), plain));
		a.author[1] = a.author[0];
		assert_int_equal(wa_addon_open(&a, &e, &b, NULL), WA_ECRYPTO);
		e.iv.len = 11;
		assert_int_equal(wa_addon_open(&a, &e, &b, NULL), WA_EPROTO);
		wa_buf_clear(&b);
	}
}

static void test_opened(void **state)
{
	struct wa_message m = read_one("poll_vote");
	uint8_t hash[WA_HASH_LEN];
	struct wa_buf b;

	(void)state;
	assert_int_equal(wa_message_opened(&m, from_hex(addons_sealed[0].plain), &arena, NULL), 0);
	assert_int_equal(m.vote->n, 2);
	wa_poll_option_hash(wa_span_str("blue"), hash);
	assert_memory_equal(m.vote->options[1], hash, WA_HASH_LEN);
	m = read_one("event_answer");
	assert_int_equal(wa_message_opened(&m, from_hex(addons_sealed[1].plain), &arena, NULL), 0);
	assert_int_equal(m.going->going, WA_GOING_YES);
	assert_int_equal(m.going->guests, 2);
	assert_int_equal(m.going->timestamp_ms, 1700000000123);
	wa_buf_init(&b, 4096);
	assert_int_equal(wa_going_encode(m.going, &b, NULL), 0);
	assert_true(wa_span_eq(wa_buf_view(&b), from_hex(addons_sealed[1].plain)));
	wa_buf_clear(&b);
	m = read_one("enc_reaction");
	assert_int_equal(wa_message_opened(&m, wa_span("\x12\x01x\x20\x05", 5), &arena, NULL), 0);
	assert_int_equal(m.kind, WA_MSG_REACTION);
	assert_true(wa_span_is(m.text, "x"));
	assert_int_equal(m.timestamp_ms, 5);
	assert_true(wa_span_is(m.target_id, "3EB0TARGET"));
	m = read_one("comment");
	assert_int_equal(wa_message_opened(&m, from_hex(find("text")), &arena, NULL), 0);
	assert_int_equal(m.kind, WA_MSG_COMMENT);
	assert_true(wa_span_is(m.text, "Gr\xc3\xbc\xc3\x9f"));
	m = read_one("enc_edit");
	assert_int_equal(wa_message_opened(&m, from_hex(find("event")), &arena, NULL), 0);
	assert_int_equal(m.kind, WA_MSG_EDIT);
	assert_true(wa_span_is(m.calendar->name, "Party"));
	assert_true(wa_span_is(m.target_id, "3EB0TARGET"));
	m = read_one("poll_vote");
	assert_int_equal(wa_message_opened(&m, wa_span("\x0a\x01x", 3), &arena, NULL), WA_EPROTO);
}

static void test_report_tokens(void **state)
{
	size_t some = 0;

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(report_tokens); i++) {
		struct wa_span raw = from_hex(report_tokens[i].message);
		uint8_t token[REPORT_TOKEN_LEN];
		char hex[2 * REPORT_TOKEN_LEN + 1] = "";
		struct wa_jid from, to;

		assert_int_equal(wa_jid_parse(wa_span_str(report_tokens[i].from), &from, NULL), 0);
		assert_int_equal(wa_jid_parse(wa_span_str(report_tokens[i].to), &to, NULL), 0);
		if (report_token(raw, "3EB0TOKEN", &from, &to, token) == 1)
			(void)wa_hex_encode(wa_span(token, sizeof(token)), hex);
		if (strcmp(hex, report_tokens[i].token) != 0)
			fail_msg("%s: %s, not %s", report_tokens[i].name, hex,
				 report_tokens[i].token);
		some += hex[0] != '\0';
	}
	assert_true(some > 40);
}

static void test_dump(void **state)
{
	struct wa_buf b;

	(void)state;
	assert_string_equal(dump(from_hex(find("payment"))),
			    "{\"requestPaymentMessage\":{\"currencyCodeIso4217\":\"EUR\",\"amount1000\":12500,"
			    "\"requestFrom\":\"49151@s.whatsapp.net\",\"noteMessage\":{"
			    "\"extendedTextMessage\":{\"text\":\"for lunch\"}}}}");
	/* field 1023 thrice: text, a message, bytes; a fixed32 and a large number */
	assert_string_equal(dump(from_hex("fa3f0268c2fa3f020801fa3f01ff")),
			    "{\"#1023\":[{\"base64\":\"aMI=\"},{\"#1\":1},{\"base64\":\"/w==\"}]}");
	assert_string_equal(dump(from_hex("f53f01000000f03fffffffffffffffffff01")),
			    "{\"#1022\":[{\"fixed32\":1},{\"varint\":\"18446744073709551615\"}]}");
	wa_buf_init(&b, 4096);
	assert_int_equal(wa_message_dump(wa_span("\x0a\x05x", 3), &b, NULL), WA_EPROTO);
	wa_buf_clear(&b);
}

static void test_refused(void **state)
{
	const struct wa_poll many = { POLL, .selectable = 4 };
	const struct wa_cards none = { .n = 0 };
	const struct {
		struct wa_message m;
		int code;
	} rows[] = {
		{ { .kind = WA_MSG_POLL, .poll = &poll }, WA_EINVALID },	/* no secret */
		{ { .kind = WA_MSG_POLL, .poll = &many, SECRET }, WA_EINVALID },
		{ { .kind = WA_MSG_IMAGE }, WA_EINVALID },
		{ { .kind = WA_MSG_CONTACT, .cards = &none }, WA_EINVALID },
		{ { .kind = WA_MSG_MENU }, WA_EUNSUPPORTED },
		{ { .kind = WA_MSG_POLL_VOTE, .enc = &enc }, WA_EINVALID },	/* of which poll? */
		{ { .kind = WA_MSG_PAYMENT }, WA_EUNSUPPORTED },
		{ { .kind = WA_MSG_IMAGE, .media = &image, .text = S("\xff") }, WA_EINVALID },
	};
	struct wa_buf b;

	(void)state;
	wa_buf_init(&b, 4096);
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		assert_int_equal(wa_message_encode(&rows[i].m, &b, NULL), rows[i].code);
		assert_int_equal(b.len, 0);
	}
	wa_buf_clear(&b);
}

static void test_stanza_words(void **state)
{
	static const struct {
		const char *name, *type, *mediatype;
	} rows[] = {
		{ "text", "text", NULL },
		{ "text_rich", "media", "url" },
		{ "image", "media", "image" },
		{ "gif", "media", "gif" },
		{ "ptv", "media", "ptv" },
		{ "ptt", "media", "ptt" },
		{ "audio", "media", "audio" },
		{ "document_caption", "media", "document" },
		{ "view_once", "media", "image" },
		{ "sticker", "media", "sticker" },
		{ "contact", "media", "vcard" },
		{ "contacts", "media", "contact_array" },
		{ "live_location", "media", "livelocation" },
		{ "location", "text", NULL },
		{ "list", "media", "list" },
		{ "list_response", "media", "list_response" },
		{ "buttons_response", "media", "buttons_response" },
		{ "native_response", "media", "native_flow_response" },
		{ "product", "media", "product" },
		{ "order", "media", "order" },
		{ "group_invite", "media", "url" },
		{ "poll_vote", "poll", NULL },
		{ "event", "event", NULL },
		{ "enc_reaction", "reaction", NULL },
	};

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(rows); i++) {
		struct message_kind k;

		send_kind_of_raw(from_hex(find(rows[i].name)), &k);
		assert_string_equal(k.type, rows[i].type);
		if (rows[i].mediatype)
			assert_string_equal(k.mediatype, rows[i].mediatype);
		else
			assert_null(k.mediatype);
	}
}

/* A productMessage without a product: the whole catalogue, known by its words. */
static void test_catalogue(void **state)
{
	static const uint8_t bytes[] = "\xf2\x01\x14\x12\x03" "1@c" "\x22\x0d\x12\x04" "Teas" "\x1a\x05" "Green";
	struct wa_message m;

	(void)state;
	assert_int_equal(wa_message_decode(wa_span(bytes, sizeof(bytes) - 1), &arena, &m, NULL), 0);
	assert_int_equal(m.kind, WA_MSG_PRODUCT);
	assert_true(wa_span_is(m.product->title, "Teas"));
	assert_true(wa_span_is(m.product->description, "Green"));
	assert_int_equal(m.product->id.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_made_as_baileys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_and_made_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole_quote, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addons, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(test_report_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dump, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stanza_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_catalogue, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
