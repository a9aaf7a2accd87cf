/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.groups, wb.messages, wb.media, wb.orders, wb.stores: rows, each one REST request. */
#include "bind.h"

#define OR_FAIL "|nil, message?: string, code?: string"
#define DONE "done: true" OR_FAIL
#define GROUP "/v1/sessions/shop/groups/120363001%40g.us"
#define G "'120363001@g.us'"
#define EACH "results: table[]" OR_FAIL
#define EACH_DOES(action) "POST " GROUP "/participants {\"action\":\"" action "\",\"participants\":[\"12025550142@s.whatsapp.net\"]}"
#define EACH_GIVES "{\"participants\":[{\"jid\":\"12025550142@s.whatsapp.net\",\"done\":true}]}"
#define TO_EACH "POST /v1/sessions/{session}/groups/{group}/participants"

static const struct wb_bind_fn group_fns[] = {
	{ "list", NULL, "opts?: table", "groups: table[]" OR_FAIL,
	  "Groups without their members, and the cursor of the next page. `opts`: `limit`, `cursor`, `refresh` "
	  "(true: asks WhatsApp).",
	  "return wb.groups.list()[1].subject", "\"Team\"", "GET /v1/sessions/{session}/groups", NULL, "groups",
	  "GET /v1/sessions/shop/groups",
	  "{\"groups\":[{\"jid\":\"120363001@g.us\",\"subject\":\"Team\"}],\"next\":null}" },
	{ "get", NULL, "group: address, opts?: table", "group: table" OR_FAIL,
	  "A group with its settings and `participants`. `opts.refresh`: asks WhatsApp.",
	  "return wb.groups.get(" G ").subject", "\"Team\"",
	  "GET /v1/sessions/{session}/groups/{group}", NULL, NULL, "GET " GROUP,
	  "{\"jid\":\"120363001@g.us\",\"subject\":\"Team\"}" },
	{ "find", wb_bind_l_find_groups, "text: string, opts?: table", "groups: table[]" OR_FAIL,
	  "Groups whose subject holds these words; at most 50.", "return wb.groups.find('team')[1].jid",
	  "\"120363001@g.us\"", NULL, NULL, NULL,
	  "GET /v1/sessions/shop/groups?limit=500", "{\"groups\":[{\"jid\":\"120363001@g.us\",\"subject\":\"The "
	  "Team\"}],\"next\":null}" },
	{ "members", NULL, "group: address, opts?: table", "members: table[]" OR_FAIL,
	  "Who is in it: `jid`, `lid`, `phone`, `role`.", "return wb.groups.members(" G ")[1].role", "\"admin\"",
	  "GET /v1/sessions/{session}/groups/{group}", NULL, "participants", "GET " GROUP,
	  "{\"participants\":[{\"jid\":\"12025550142@s.whatsapp.net\",\"role\":\"admin\"}]}" },
	{ "create", NULL, "subject: string, participants: address[], opts?: table", "group: table" OR_FAIL,
	  "Makes a group. `opts`: `description`, `announce`, `locked`, `approval` … as in `POST "
	  "/v1/sessions/{id}/groups`. `not_added` lists "
	  "who could not be added.",
	  "return wb.groups.create('Team', { '+12025550111' }).jid", "\"120363001@g.us\"",
	  "POST /v1/sessions/{session}/groups", NULL, NULL,
	  "POST /v1/sessions/shop/groups {\"participants\":[\"+12025550111\"],\"subject\":\"Team\"}",
	  "{\"jid\":\"120363001@g.us\"}" },
	{ "add", NULL, "group: address, participants: address[], opts?: table", EACH,
	  "Adds people: a result for each, with `done`, else `code` and perhaps `invite`.",
	  "return wb.groups.add(" G ", msg.sender)[1].done", "true", TO_EACH, "{\"action\":\"add\"}",
	  "participants", EACH_DOES("add"), EACH_GIVES },
	{ "remove", NULL, "group: address, participants: address[], opts?: table", EACH, "Removes people.",
	  "return wb.groups.remove(" G ", msg.sender)[1].done", "true", TO_EACH, "{\"action\":\"remove\"}",
	  "participants", EACH_DOES("remove"),
	  EACH_GIVES },
	{ "promote", NULL, "group: address, participants: address[], opts?: table", EACH,
	  "Makes them administrators.",
	  "return wb.groups.promote(" G ", msg.sender)[1].done", "true", TO_EACH, "{\"action\":\"promote\"}",
	  "participants",
	  EACH_DOES("promote"), EACH_GIVES },
	{ "demote", NULL, "group: address, participants: address[], opts?: table", EACH, "Makes them members.",
	  "return wb.groups.demote(" G ", msg.sender)[1].done", "true", TO_EACH, "{\"action\":\"demote\"}",
	  "participants", EACH_DOES("demote"),
	  EACH_GIVES },
	{ "set_subject", NULL, "group: address, subject: string, opts?: table", DONE, "Another name.",
	  "return wb.groups.set_subject(" G ", 'Team Berlin')", "true",
	  "PATCH /v1/sessions/{session}/groups/{group}", NULL, NULL,
	  "PATCH " GROUP " {\"subject\":\"Team Berlin\"}", "null" },
	{ "set_description", NULL, "group: address, description: string, opts?: table", DONE, "Another description.",
	  "return wb.groups.set_description(" G ", 'Mondays at nine')", "true",
	  "PATCH /v1/sessions/{session}/groups/{group}", NULL, NULL,
	  "PATCH " GROUP " {\"description\":\"Mondays at nine\"}", "null" },
	{ "set", NULL, "group: address, opts: table", DONE,
	  "Settings: `announce` (only administrators write), `locked`, `add_members` (`\"everybody\"`, "
	  "`\"admins\"`), `approval`, `ephemeral_s`.",
	  "return wb.groups.set(" G ", { announce = true })", "true", "PATCH /v1/sessions/{session}/groups/{group}",
	  NULL, NULL,
	  "PATCH " GROUP " {\"announce\":true}", "null" },
	{ "leave", NULL, "group: address, opts?: table", DONE, "Leaves it.", "return wb.groups.leave(" G ")", "true",
	  "POST /v1/sessions/{session}/groups/{group}/leave", NULL, NULL, "POST " GROUP "/leave {}", "null" },
	{ "invite", NULL, "group: address, opts?: table", "link: string" OR_FAIL, "The invite link.",
	  "return wb.groups.invite(" G ")",
	  "\"https://chat.whatsapp.com/AbC\"", "GET /v1/sessions/{session}/groups/{group}/invite", NULL, "link",
	  "GET " GROUP "/invite",
	  "{\"code\":\"AbC\",\"link\":\"https://chat.whatsapp.com/AbC\"}" },
	{ "requests", NULL, "group: address, opts?: table", "answer: table" OR_FAIL, "Who asks to join.",
	  "return #wb.groups.requests(" G ").requests", "1", "GET /v1/sessions/{session}/groups/{group}/requests",
	  NULL, NULL,
	  "GET " GROUP "/requests", "{\"requests\":[{\"jid\":\"12025550142@s.whatsapp.net\"}]}" },
	{ "approve", NULL, "group: address, participants: address[], opts?: table", "answer: table" OR_FAIL,
	  "Lets them in.",
	  "return wb.groups.approve(" G ", '12025550142@s.whatsapp.net').participants[1].done", "true",
	  "POST /v1/sessions/{session}/groups/{group}/requests", "{\"action\":\"approve\"}", NULL,
	  "POST " GROUP "/requests {\"action\":\"approve\",\"participants\":[\"12025550142@s.whatsapp.net\"]}",
	  EACH_GIVES },
	{ "reject", NULL, "group: address, participants: address[], opts?: table", "answer: table" OR_FAIL,
	  "Does not let them in.",
	  "return wb.groups.reject(" G ", '12025550142@s.whatsapp.net').participants[1].done", "true",
	  "POST /v1/sessions/{session}/groups/{group}/requests", "{\"action\":\"reject\"}", NULL,
	  "POST " GROUP "/requests {\"action\":\"reject\",\"participants\":[\"12025550142@s.whatsapp.net\"]}",
	  EACH_GIVES },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_groups, "groups", group_fns, NULL,
	       "Groups. `group` is its JID, or a message said in it; `participants` one person or a list. More "
	       "(communities, pictures, joining): "
	       "`wb.api`.")

#define MESSAGE_ID "01KMESSAGE0000000000000001"
static const struct wb_bind_fn messages_fns[] = {
	{ "get", NULL, "id: string, opts?: table", "message: warbler.Message" OR_FAIL,
	  "One message, with its `reactions`, the `tally` of a poll and its `status`.",
	  "return wb.messages.get('" MESSAGE_ID "').status",
	  "\"read\"", "GET /v1/messages/{id}", NULL, "@message", "GET /v1/messages/" MESSAGE_ID,
	  "{\"id\":\"" MESSAGE_ID "\",\"status\":\"read\"}" },
	{ "list", NULL, "chat?: address, opts?: table", "messages: warbler.Message[]" OR_FAIL,
	  "Messages, newest first, of one chat or all, and the cursor of the next page. `opts`: `limit`, `cursor`, "
	  "`session`.",
	  "return wb.messages.list(msg, { limit = 5 })[1].text", "\"Hello\"", "GET /v1/messages?session={session}",
	  NULL, "@messages",
	  "GET /v1/messages?session=shop&chat=12025550142%40s.whatsapp.net&limit=5",
	  "{\"messages\":[{\"id\":\"" MESSAGE_ID "\",\"text\":\"Hello\"}],\"next\":null}" },
	{ "cancel", NULL, "id: ref, opts?: table", "message: warbler.Message" OR_FAIL,
	  "Takes a message out of the outbox that has not left yet.",
	  "local later = wb.send('+12025550111', 'Still there?', { due = '2h' })\nreturn "
	  "wb.messages.cancel(later).status", "\"cancelled\"",
	  "POST /v1/messages/{id}/cancel", NULL, "@message", "POST /v1/messages/01KAAAAAAAAAAAAAAAAAAAAAAA/cancel {}",
	  "{\"id\":\"01KAAAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"cancelled\"}" },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_messages, "messages", messages_fns, NULL, "Messages that are stored.")

static const struct wb_bind_fn media_fns[] = {
	{ "upload", NULL, "url: string, opts?: table", "media: table" OR_FAIL,
	  "Has the gateway fetch a file, to be sent by its `id` any number of times. `opts`: `type` (`\"image\"`, "
	  "`\"video\"`, `\"audio\"`, "
	  "`\"document\"`, `\"sticker\"`), `mimetype`, `file_name`, `ptt` (a voice note) …",
	  "local m = wb.media.upload('https://shop.example/menu.pdf', { type = 'document' })\nreturn m.id",
	  "\"01KMEDIA000000000000000001\"",
	  "POST /v1/media", NULL, NULL, "POST /v1/media "
	  "{\"type\":\"document\",\"url\":\"https://shop.example/menu.pdf\"}",
	  "{\"id\":\"01KMEDIA000000000000000001\"}" },
	{ "create", NULL, "base64: string, opts?: table", "media: table" OR_FAIL,
	  "The same from bytes (`wb.base64.encode`), at most 1 MiB.",
	  "return wb.media.create(wb.base64.encode('a;b\\n'), { type = 'document', file_name = 'list.csv' }).id",
	  "\"01KMEDIA000000000000000001\"", "POST /v1/media", NULL, NULL,
	  "POST /v1/media {\"base64\":\"YTtiCg==\",\"file_name\":\"list.csv\",\"type\":\"document\"}",
	  "{\"id\":\"01KMEDIA000000000000000001\"}" },
	{ "bytes", wb_bind_l_media_get, "id: string, opts?: table", "bytes: string" OR_FAIL,
	  "The bytes of a file, fetched from WhatsApp when they are not here. `opts.max`: at most so many (default "
	  "and limit 8 MiB).",
	  "return wb.media.bytes('01KMEDIA000000000000000001')", "\"file bytes\"", NULL, NULL, NULL,
	  "GET /v1/media/01KMEDIA000000000000000001",
	  "\"file bytes\"" },
	{ "delete", NULL, "id: string, opts?: table", DONE, "Deletes a file that was given to be sent.",
	  "return wb.media.delete('01KMEDIA000000000000000001')", "true", "DELETE /v1/media/{id}", NULL, NULL,
	  "DELETE /v1/media/01KMEDIA000000000000000001", "null" },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_media, "media", media_fns, NULL, "Files to be sent. What came in is `msg.media`.")

#define ORDER_ID "01KORDER000000000000000001"
static const struct wb_bind_fn order_fns[] = {
	{ "get", NULL, "id: string, opts?: table", "order: table" OR_FAIL, "An order with its history.",
	  "return wb.orders.get('" ORDER_ID "').state", "\"confirmed\"", "GET /v1/orders/{id}", NULL, NULL,
	  "GET /v1/orders/" ORDER_ID,
	  "{\"id\":\"" ORDER_ID "\",\"state\":\"confirmed\"}" },
	{ "list", NULL, "opts?: table", "orders: table[]" OR_FAIL,
	  "A page of orders, newest first, and the cursor of the next. `opts`: `state`, `store_id`, `external_id`, "
	  "`number`, `phone`, `limit`, "
	  "`cursor`.",
	  "return wb.orders.list{ state = 'no_reply' }[1].number", "\"#1001\"", "GET /v1/orders", NULL, "orders",
	  "GET /v1/orders?state=no_reply",
	  "{\"orders\":[{\"number\":\"#1001\"}],\"next\":null}" },
	{ "by_phone", NULL, "phone: phone, opts?: table", "orders: table[]" OR_FAIL,
	  "The orders of a person, newest first.",
	  "return wb.orders.by_phone(msg.sender)[1].number", "\"#1001\"", "GET /v1/orders", NULL, "orders",
	  "GET /v1/orders?phone=%2B12025550142", "{\"orders\":[{\"number\":\"#1001\"}],\"next\":null}" },
	{ "by_number", NULL, "number: string, opts?: table", "orders: table[]" OR_FAIL,
	  "The orders with this number, as the shop writes it.", "return wb.orders.by_number('#1001')[1].state",
	  "\"sent\"", "GET /v1/orders",
	  NULL, "orders", "GET /v1/orders?number=%231001",
	  "{\"orders\":[{\"number\":\"#1001\",\"state\":\"sent\"}],\"next\":null}" },
	{ "confirm", NULL, "id: ref, opts?: table", "order: table" OR_FAIL, "Confirms it by hand.",
	  "return wb.orders.confirm('" ORDER_ID "').state", "\"confirmed\"", "POST /v1/orders/{id}/confirm", NULL,
	  NULL,
	  "POST /v1/orders/" ORDER_ID "/confirm {}", "{\"state\":\"confirmed\"}" },
	{ "cancel", NULL, "id: ref, opts?: table", "order: table" OR_FAIL,
	  "Cancels it. `opts`: `reason`, `notify` (tell the customer).",
	  "return wb.orders.cancel('" ORDER_ID "', { reason = 'sold out' }).state", "\"cancelled\"",
	  "POST /v1/orders/{id}/cancel", NULL, NULL,
	  "POST /v1/orders/" ORDER_ID "/cancel {\"reason\":\"sold out\"}", "{\"state\":\"cancelled\"}" },
	{ "resend", NULL, "id: ref, opts?: table", "order: table" OR_FAIL,
	  "Sends the confirmation again. `opts.phone` corrects the number.",
	  "return wb.orders.resend('" ORDER_ID "').state", "\"queued\"", "POST /v1/orders/{id}/resend", NULL, NULL,
	  "POST /v1/orders/" ORDER_ID "/resend {}", "{\"state\":\"queued\"}" },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_orders, "orders", order_fns, NULL,
	       "Orders of connected shops (plugin orders). What happens to them comes as events: `wb.on(\"order.*\", "
	       "…)`, `ev.data` is in "
	       "plugins/orders/README.md.")

static const struct wb_bind_fn store_fns[] = {
	{ "list", NULL, "opts?: table", "stores: table[]" OR_FAIL, "The shops that are connected.",
	  "return wb.stores.list()[1].name",
	  "\"Demo Shop\"", "GET /v1/stores", NULL, "stores", "GET /v1/stores",
	  "{\"stores\":[{\"name\":\"Demo Shop\"}],\"next\":null}" },
	{ "get", NULL, "id: string, opts?: table", "store: table" OR_FAIL, "One of them.",
	  "return wb.stores.get('01KSTORE').kind", "\"generic\"",
	  "GET /v1/stores/{id}", NULL, NULL, "GET /v1/stores/01KSTORE", "{\"kind\":\"generic\"}" },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_stores, "stores", store_fns, NULL, "Shops (plugin orders).")
