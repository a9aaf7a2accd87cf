/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a message says: content objects, quotes, targets, menus and forwards become a Message. */
#include <db_content.h>
#include <menu.h>
#include <text.h>
#include <ulid.h>
#include "media.h"
#include "message.h"
#include "outbox_priv.h"

bool wb_kind_sealed(int kind)
{
	return kind == WA_MSG_POLL_VOTE || kind == WA_MSG_CALENDAR_ANSWER || kind == WA_MSG_ENC_REACTION ||
	       kind == WA_MSG_COMMENT || kind == WA_MSG_ENC_EDIT;
}

int wb_adding_quote(struct adding *ad, struct wa_message *msg, struct wa_err *err)
{
	const struct db_message *q = &ad->quoted;

	if (!ad->has_quoted)
		return 0;
	msg->quoted_id = wa_span_str(q->wa_id);
	msg->quoted_text = wa_span_str(q->text);
	msg->quoted_raw = q->raw;
	return wa_jid_parse(wa_span_str(q->from_me ? ad->session.jid : q->sender), &msg->quoted_sender, err);
}

int wb_adding_encode(struct adding *ad, struct wa_message *msg, struct wa_err *err)
{
	struct wa_buf out;
	uint8_t secret[32];
	int r;

	wa_random(secret, sizeof(secret));
	msg->secret = wa_span(secret, sizeof(secret));
	if (!msg->expiration_s && ad->gw->outbox->timers && !wb_content_is_act(msg->kind)) {
		int64_t s = db_timer_get(ad->gw->db, ad->m->session, ad->chat, err);

		if (s < 0)
			return (int)s;
		msg->expiration_s = (uint32_t)s;
	}
	wa_buf_init(&out, WA_RAW_MAX);
	r = wa_message_encode(msg, &out, err);
	if (r == 0)
		ad->row->raw = wa_buf_take(&out, &ad->row->raw_len);
	wa_buf_clear(&out);
	if (r == 0 && !ad->row->raw)
		r = wa_err_set(err, WA_ENOMEM, "message");
	return r;
}

/* ---- targets ---- */

static int find_message(struct adding *ad, const char *id, struct db_message *ret_m, struct wa_err *err)
{
	int r = wa_ulid_valid(wa_span_str(id)) ? db_message_get(ad->gw->db, id, &ad->arena, ret_m, err) : 0;

	if (r == 0)
		r = db_message_find_wa(ad->gw->db, ad->m->session, id, &ad->arena, ret_m, err);
	return r == 1 && strcmp(ret_m->session, ad->m->session) != 0 ? 0 : r;
}

/* What is voted for must be on the list: a hash of something else would count for nobody. */
static int check_vote(struct adding *ad, const struct wa_message *msg, const struct db_message *poll,
		      struct wa_err *err)
{
	json_t *content = json_loads(poll->content, 0, NULL), *list = json_object_get(content, "options"), *text;
	json_t *wanted = json_object_get(ad->m->content, "options"), *v;
	size_t i, k, selectable = (size_t)json_integer_value(json_object_get(content, "selectable"));
	int r = 0;

	if (strcmp(poll->kind, "poll") != 0 && !json_object_get(content, "rendered_as"))
		r = wa_err_set(err, WA_EINVALID, "this message is no poll");
	else if (selectable && msg->vote->n > selectable)
		r = wa_err_set(err, WA_EINVALID, "options: this poll takes %zu", selectable);
	json_array_foreach(wanted, i, v) {
		bool found = !list;

		json_array_foreach(list, k, text)
			found = found || json_equal(text, v);
		if (r == 0 && !found)
			r = wa_err_set(err, WA_EINVALID, "options: the poll has no \"%s\"", json_string_value(v));
	}
	json_decref(content);
	return r;
}

/* The picture, film or document stays what it was: only its caption changes. */
static int keep_file(struct adding *ad, struct wa_message *msg, const struct db_message *t, struct wa_err *err)
{
	struct wa_message *old = wa_arena_alloc(&ad->arena, sizeof(*old));

	if (!old)
		return wa_err_set(err, WA_ENOMEM, "message");
	if (t->raw.len && wa_message_decode(t->raw, &ad->arena, old, err) == 0)
		msg->media = old->media;
	return 0;
}

static int find_target(struct adding *ad, struct wa_message *msg, struct wa_err *err)
{
	const char *id = wa_arena_str(&ad->arena, msg->target_id);
	struct db_message t;
	int r = id ? find_message(ad, id, &t, err) : WA_ENOMEM;

	if (r < 0)
		return r;
	if (r == 0)
		return wa_ulid_valid(wa_span_str(id)) ? wa_err_set(err, WA_ENOTFOUND, "message %s", id) : 0;
	if (!*t.wa_id || t.status == DB_FAILED || t.status == DB_CANCELLED || t.status == DB_QUEUED)
		return wa_err_set(err, WA_ESTATE, "message %s has not left", t.id);
	msg->target_id = wa_span_str(t.wa_id);
	msg->target_from_me = t.from_me;
	if (ad->to.server == WA_SRV_GROUP || ad->to.server == WA_SRV_BROADCAST)
		r = wa_jid_parse(wa_span_str(t.from_me ? ad->session.jid : t.sender), &msg->target_sender, err);
	else
		r = wa_jid_parse(wa_span_str(t.chat), &msg->target_chat, err);
	if (r < 0)
		return r;
	if (msg->kind == WA_MSG_EDIT && !t.from_me)
		return wa_err_set(err, WA_EDENIED, "only one's own words can be changed");
	if (msg->kind == WA_MSG_REVOKE && !t.from_me && ad->to.server != WA_SRV_GROUP)
		return wa_err_set(err, WA_EDENIED, "only one's own messages, and in a group an administrator others'");
	if (msg->kind == WA_MSG_EDIT)
		return keep_file(ad, msg, &t, err);
	return msg->kind == WA_MSG_POLL_VOTE ? check_vote(ad, msg, &t, err) : 0;
}

/* ---- what is stored ---- */

int wb_stored_content(const json_t *content, struct wa_arena *a, struct wa_message *ret_m,
		      struct wb_content_media_ref *ret_media, json_t **ret_doc, struct wa_err *err)
{
	json_t *doc = json_copy((json_t *)(uintptr_t)content);

	json_object_del(doc, "preview");
	json_object_del(doc, "rendered_as");
	json_object_del(doc, "audience");
	*ret_doc = doc;
	return wb_content_parse(doc, a, ret_m, ret_media, err);
}

static int store_content(struct adding *ad, const struct wa_message *msg, const char *media_id, struct wa_err *err)
{
	const struct wa_media *file = msg->media;
	struct wa_message said = *msg;
	json_t *options = json_object_get(ad->m->content, "options");

	if (msg->kind == WA_MSG_EDIT)
		said.media = NULL;
	else
		said.media = file;
	ad->kind = wa_message_kind_str(msg->kind);
	ad->text = wa_arena_str(&ad->arena, wb_content_words(&said));
	ad->content = wb_content_json(&said, media_id);
	if (msg->kind == WA_MSG_POLL_VOTE && options) {
		json_object_del(ad->content, "hashes");
		json_object_set(ad->content, "options", options);
	}
	if (json_object_get(ad->m->content, "audience"))
		json_object_set(ad->content, "audience", json_object_get(ad->m->content, "audience"));
	if (ad->m->preview && msg->kind == WA_MSG_TEXT && !msg->link)
		json_object_set_new(ad->content, "preview", json_string("auto"));
	return ad->content && ad->text ? 0 : wa_err_set(err, WA_ENOMEM, "content");
}

static int render(struct adding *ad, struct wa_message *msg, struct wa_err *err)
{
	int how = ad->m->render ? wb_render_parse(ad->m->render) : WB_RENDER_AUTO, r;

	if (msg->kind != WA_MSG_MENU)
		return ad->m->render ? wa_err_set(err, WA_EINVALID, "render: only of a menu") : 0;
	if (how < 0)
		return wa_err_set(err, WA_EINVALID, "render: auto, native, poll or text");
	r = wb_menu_render(msg, how, &ad->arena, &how, err);
	if (r < 0)
		return r;
	ad->menu = how == WB_RENDER_TEXT;
	json_object_set_new(ad->content, "rendered_as", json_string(wb_render_str(how)));
	return 0;
}

static int forward(struct adding *ad, struct wa_err *err)
{
	struct db_message src;
	struct wa_buf out;
	int r = find_message(ad, ad->m->forward_of, &src, err);

	if (r <= 0)
		return r < 0 ? r : wa_err_set(err, WA_ENOTFOUND, "message %s", ad->m->forward_of);
	if (!src.raw.len)
		return wa_err_set(err, WA_ESTATE, "message %s has no bytes to pass on", src.id);
	wa_buf_init(&out, WA_RAW_MAX);
	r = wa_message_forward(src.raw, !src.from_me, &out, err);
	if (r == 0)
		ad->row->raw = wa_buf_take(&out, &ad->row->raw_len);
	wa_buf_clear(&out);
	if (r == 0 && !ad->row->raw)
		r = wa_err_set(err, WA_ENOMEM, "message");
	ad->kind = src.kind;
	ad->text = src.text;
	ad->content = wb_message_content(ad->gw, &src);
	if (!ad->content)
		ad->content = json_pack("{s:s, s:s}", "kind", src.kind, "text", src.text);
	json_object_del(ad->content, "quoted");
	json_object_del(ad->content, "mentions");
	json_object_set_new(ad->content, "forwarded", json_true());
	return r;
}

static int check_audience(struct adding *ad, struct wa_err *err)
{
	json_t *list = json_object_get(ad->m->content, "audience"), *v;
	struct wa_jid jid;
	size_t i;

	if (ad->to.server != WA_SRV_BROADCAST)
		return list ? wa_err_set(err, WA_EINVALID, "audience: only of a status") : 0;
	if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > WB_OUTBOX_AUDIENCE_MAX)
		return wa_err_set(err, WA_EINVALID, "audience: 1 to %d people", WB_OUTBOX_AUDIENCE_MAX);
	json_array_foreach(list, i, v)
		if (!json_is_string(v) || wb_recipient(json_string_value(v), &jid, NULL) < 0 || !wa_jid_is_user(&jid))
			return wa_err_set(err, WA_EINVALID, "audience: a list of people");
	return 0;
}

int wb_adding_content(struct adding *ad, struct wa_err *err)
{
	struct wa_message *msg = wa_arena_alloc(&ad->arena, sizeof(*msg));
	struct wb_content_media_ref ref = { 0 };
	struct wb_media_info file;
	int r;

	if (!msg)
		return wa_err_set(err, WA_ENOMEM, "message");
	if (ad->m->forward_of)
		return forward(ad, err);
	r = check_audience(ad, err);
	if (r == 0)
		r = wb_stored_content(ad->m->content, &ad->arena, msg, &ref, &ad->asked, err);
	if (r == 0)
		r = wb_adding_quote(ad, msg, err);
	if (r == 0 && msg->target_id.len)
		r = find_target(ad, msg, err);
	if (r == 0 && *ref.id && (r = wb_media_get(ad->gw, ref.id, &ad->arena, &file, err)) >= 0)
		r = r == 1 ? 0 : wa_err_set(err, WA_ENOTFOUND, "media %s", ref.id);
	if (r < 0)
		return r;
	msg->album_from_me = msg->album_id.len > 0;
	r = store_content(ad, msg, ref.id, err);
	if (r == 0)
		r = render(ad, msg, err);
	if (r < 0)
		return r;
	ad->row->bare = wb_kind_sealed(msg->kind) ||
			(*ref.id && (msg->media || msg->kind == WA_MSG_PRODUCT) && msg->kind != WA_MSG_EDIT);
	return ad->row->bare ? 0 : wb_adding_encode(ad, msg, err);
}
