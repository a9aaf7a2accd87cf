/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "content.h"

#include <text.h>
#include "fields.h"

#define M(name, type, member) { name, type, offsetof(struct wa_message, member), false, false, 0, 0, NULL }

/* What every kind may say. */
static const struct wb_field common[] = {
	M("text", WB_F_TEXT, text),
	M("expires_s", WB_F_U32, expiration_s),
	M("view_once", WB_F_BOOL, view_once),
	M("forwarded", WB_F_BOOL, forwarded),
	M("forwarding_score", WB_F_U32, forwarding_score),
	M("mention_all", WB_F_BOOL, mention_all),
	M("album_id", WB_F_TEXT, album_id),
	WB_FIELD_END
};
static const char *const common_more[] = { "kind", "mentions", "quoted", NULL };
static const char *const media_more[] = { "media", NULL };
static const char *const target_more[] = { "target", NULL };

static const struct wb_field quoted_fields[] = {
	{ "id", WB_F_TEXT, offsetof(struct wa_message, quoted_id), true, true, 0, 0, NULL },
	M("sender", WB_F_JID, quoted_sender),
	M("text", WB_F_TEXT, quoted_text),
	M("chat", WB_F_JID, quoted_chat),
	WB_FIELD_END
};
static const struct wb_field target_fields[] = {
	{ "id", WB_F_TEXT, offsetof(struct wa_message, target_id), true, true, 0, 0, NULL },
	{ "from_me", WB_F_BOOL, offsetof(struct wa_message, target_from_me), false, true, 0, 0, NULL },
	M("sender", WB_F_JID, target_sender),
	M("chat", WB_F_JID, target_chat),
	WB_FIELD_END
};
static const char *const file_more[] = { "id", "url", NULL };

bool wb_content_is_act(int kind)
{
	switch (kind) {
	case WA_MSG_EDIT:
	case WA_MSG_REVOKE:
	case WA_MSG_REACTION:
	case WA_MSG_POLL_VOTE:
	case WA_MSG_CALENDAR_ANSWER:
	case WA_MSG_ENC_REACTION:
	case WA_MSG_ENC_EDIT:
	case WA_MSG_PIN:
	case WA_MSG_KEEP:
		return true;
	default:
		return false;
	}
}

int wb_content_kind(const char *name)
{
	for (int k = 0; k <= WA_MSG_CALL_LOG; k++)
		if (strcmp(wa_message_kind_str(k), name) == 0)
			return k;
	return -1;
}

/* What names a message that has no words of its own. */
static struct wa_span name_of(const struct wa_message *m)
{
	if (m->poll)
		return m->poll->name;
	if (m->calendar)
		return m->calendar->name;
	if (m->location)
		return m->location->name.len ? m->location->name : m->location->address;
	if (m->cards && m->cards->n)
		return m->cards->name.len ? m->cards->name : m->cards->cards[0].name;
	if (m->menu)
		return m->menu->body;
	if (m->choice)
		return m->choice->text;
	if (m->invite)
		return m->invite->caption.len ? m->invite->caption : m->invite->name;
	if (m->product)
		return m->product->title;
	if (m->order)
		return m->order->message.len ? m->order->message : m->order->title;
	return m->media ? m->media->file_name : wa_span(NULL, 0);
}

struct wa_span wb_content_words(const struct wa_message *m)
{
	return m->text.len ? m->text : name_of(m);
}

/* ---- out ---- */

static const struct wa_media *file_of(const struct wa_message *m)
{
	if (m->media)
		return m->media;
	return m->product && m->product->has_image ? &m->product->image : NULL;
}

static void put_file(json_t *o, const struct wa_media *file, const char *id)
{
	json_t *v = json_object();
	char url[32 + WB_CONTENT_ID_MAX];

	if (id && *id && strlen(id) <= WB_CONTENT_ID_MAX) {
		(void)snprintf(url, sizeof(url), "/v1/media/%s", id);
		json_object_set_new(v, "id", json_string(id));
		json_object_set_new(v, "url", json_string(url));
	}
	wb_fields_put(v, wb_media_fields, file);
	json_object_set_new(o, "media", v);
}

static void put_mentions(json_t *o, const struct wa_message *m)
{
	json_t *list;
	char text[WA_JID_TEXT_MAX];

	if (!m->n_mentions)
		return;
	list = json_array();
	for (size_t i = 0; i < m->n_mentions; i++)
		json_array_append_new(list, json_string(wa_jid_text(&m->mentions[i], text)));
	json_object_set_new(o, "mentions", list);
}

/* What is not modelled is kept whole. */
static void put_raw(json_t *o, const struct wa_message *m)
{
	struct wa_buf out;
	json_t *raw;

	wb_put_text(o, "name", wa_span_str(m->kind_name ? m->kind_name : ""));
	wa_buf_init(&out, 8u << 20);
	if (m->raw.len && wa_message_dump(m->raw, &out, NULL) == 0) {
		raw = json_loadb((const char *)out.ptr, out.len, JSON_ALLOW_NUL, NULL);
		if (raw)
			json_object_set_new(o, "raw", raw);
	}
	wa_buf_clear(&out);
}

static const void *part_of(const struct wa_message *m, const struct wb_kind *k)
{
	const void *p = NULL;

	if (k->part_size)
		memcpy(&p, (const char *)m + k->part_at, sizeof(p));
	return p;
}

json_t *wb_content_json(const struct wa_message *m, const char *media_id)
{
	const struct wb_kind *k = wb_kind_of(m->kind);
	int kind = k || m->kind == WA_MSG_PAYMENT || m->kind == WA_MSG_CALL_LOG ? m->kind : WA_MSG_UNKNOWN;
	const void *part = k ? part_of(m, k) : NULL;
	json_t *o = json_object(), *v;

	if (!o)
		return NULL;
	json_object_set_new(o, "kind", json_string(wa_message_kind_str(kind)));
	wb_fields_put(o, common, m);
	if (wa_span_eq(m->text, name_of(m)))
		json_object_del(o, "text");	/* libwa repeats there what the parts say */
	put_mentions(o, m);
	if (m->quoted_id.len) {
		v = json_object();
		wb_fields_put(v, quoted_fields, m);
		json_object_set_new(o, "quoted", v);
	}
	if (!k) {
		put_raw(o, m);
		return o;
	}
	if (m->target_id.len) {
		v = json_object();
		wb_fields_put(v, target_fields, m);
		json_object_set_new(o, "target", v);
	}
	if (k->own)
		wb_fields_put(o, k->own, m);
	if (part && k->part)
		wb_fields_put(o, k->part, part);
	if (k->put && (part || !k->part_size))
		k->put(o, m, part);
	if (k->media && file_of(m))
		put_file(o, file_of(m), media_id);
	if (m->kind == WA_MSG_PIN || m->kind == WA_MSG_KEEP)
		json_object_set_new(o, "on", json_boolean(m->on));
	return o;
}

/* ---- in ---- */

static int get_file(const json_t *doc, const struct wb_kind *k, struct wa_message *m, struct wa_arena *a,
		    struct wb_content_media_ref *ref, struct wa_err *err)
{
	const struct wb_field *tables[] = { wb_media_fields };
	const json_t *v = json_object_get(doc, "media");
	struct wa_media *file;
	struct wa_span id;
	int r;

	if (!v)
		return k->kind >= WA_MSG_IMAGE && k->kind <= WA_MSG_STICKER ?
			       wa_err_set(err, WA_EINVALID, "media: is needed") : 0;
	if (!json_is_object(v))
		return wa_err_set(err, WA_EINVALID, "media: an object with id");
	file = wa_arena_alloc(a, sizeof(*file));
	if (!file)
		return wa_err_set(err, WA_ENOMEM, "media");
	if (!json_object_get(v, "id") && (json_object_get(v, "url") || json_object_get(v, "base64")))
		return wa_err_set(err, WA_EINVALID, "media.id: give the file to POST /v1/media first (it takes url and "
				  "base64), and name the id it answers");
	r = wb_fields_only(v, tables, 1, file_more, "media", err);
	if (r == 0)
		r = wb_fields_get(v, wb_media_fields, file, a, "media", err);
	if (r == 0)
		r = wb_get_text(v, "id", &id, "media", err);
	if (r < 0)
		return r;
	if (!id.len || id.len > WB_CONTENT_ID_MAX)
		return wa_err_set(err, WA_EINVALID, "media.id: the id that POST /v1/media answered");
	memcpy(ref->id, id.ptr, id.len);
	ref->id[id.len] = '\0';
	m->media = file;
	return 0;
}

static int get_mentions(const json_t *doc, struct wa_message *m, struct wa_arena *a, struct wa_err *err)
{
	const json_t *list, *v;
	struct wa_jid *jids;
	size_t i;
	int r = wb_get_list(doc, "mentions", WB_CONTENT_MENTIONS_MAX, &list, "", err);

	if (r <= 0)
		return r;
	jids = wa_arena_alloc(a, (json_array_size(list) + 1) * sizeof(*jids));
	if (!jids)
		return wa_err_set(err, WA_ENOMEM, "mentions");
	json_array_foreach(list, i, v) {
		struct wa_span s = wa_span(json_string_value(v), json_string_length(v));

		r = json_is_string(v) ? wb_get_jid(s, &jids[i], "mentions", err)
				      : wa_err_set(err, WA_EINVALID, "mentions: a list of JIDs");
		if (r < 0)
			return r;
	}
	m->mentions = jids;
	m->n_mentions = json_array_size(list);
	return 0;
}

static int get_object(const json_t *doc, const char *name, const struct wb_field *f, struct wa_message *m,
		      struct wa_arena *a, struct wa_err *err)
{
	const json_t *v = json_object_get(doc, name);
	int r;

	if (!v)
		return 0;
	if (!json_is_object(v))
		return wa_err_set(err, WA_EINVALID, "%s: an object", name);
	r = wb_fields_only(v, &f, 1, NULL, name, err);
	return r < 0 ? r : wb_fields_get(v, f, m, a, name, err);
}

static int only_known(const json_t *doc, const struct wb_kind *k, struct wa_err *err)
{
	const struct wb_field *tables[] = { common, k->own, k->part };
	const char *all[16];
	size_t n = 0;

	for (const char *const *p = common_more; *p; p++)
		all[n++] = *p;
	for (const char *const *p = k->more; p && *p && n < 12; p++)
		all[n++] = *p;
	if (k->media)
		all[n++] = *media_more;
	if (k->target)
		all[n++] = *target_more;
	all[n] = NULL;
	return wb_fields_only(doc, tables, WA_ARRAY_LEN(tables), all, "", err);
}

static int get_part(const json_t *doc, const struct wb_kind *k, struct wa_message *m, struct wa_arena *a,
		    struct wa_err *err)
{
	void *part = NULL;
	int r = 0;

	if (k->part_size) {
		part = wa_arena_alloc(a, k->part_size);
		if (!part)
			return wa_err_set(err, WA_ENOMEM, "content");
		memcpy((char *)m + k->part_at, &part, sizeof(part));
	}
	if (k->part)
		r = wb_fields_get(doc, k->part, part, a, "", err);
	if (r == 0 && k->own)
		r = wb_fields_get(doc, k->own, m, a, "", err);
	if (r == 0 && k->get)
		r = k->get(doc, m, part, a, err);
	return r;
}

static int check(const struct wb_kind *k, const struct wa_message *m, const json_t *doc, struct wa_err *err)
{
	bool text_kind = k->kind == WA_MSG_TEXT || k->kind == WA_MSG_COMMENT || k->kind == WA_MSG_ENC_EDIT ||
			 (k->kind == WA_MSG_EDIT && !m->media);

	if (text_kind && !m->text.len)
		return wa_err_set(err, WA_EINVALID, "text: 1 to %d bytes", WB_CONTENT_TEXT_MAX);
	if (k->kind == WA_MSG_REACTION && !json_object_get(doc, "text"))
		return wa_err_set(err, WA_EINVALID, "text: an emoji; empty takes the reaction back");
	if (k->target && !m->target_id.len)
		return wa_err_set(err, WA_EINVALID, "target: is needed");
	return 0;
}

int wb_content_parse(const json_t *doc, struct wa_arena *a, struct wa_message *ret_m,
		     struct wb_content_media_ref *ret_media, struct wa_err *err)
{
	const char *name = json_string_value(json_object_get(doc, "kind"));
	int kind = name ? wb_content_kind(name) : -1, r;
	const struct wb_kind *k = kind >= 0 ? wb_kind_of(kind) : NULL;

	memset(ret_m, 0, sizeof(*ret_m));
	memset(ret_media, 0, sizeof(*ret_media));
	ret_m->protocol_type = -1;
	if (!json_is_object(doc) || !name)
		return wa_err_set(err, WA_EINVALID, "content: an object with a kind");
	if (kind < 0)
		return wa_err_set(err, WA_EINVALID, "kind: no such kind of message; text, image, video, audio, document, "
				  "sticker, location, contact, poll, event, menu, … (core/content/README.md)");
	if (!k || kind == WA_MSG_POLL_RESULT)
		return wa_err_set(err, WA_EUNSUPPORTED, "kind: messages of kind %s cannot be made", name);
	ret_m->kind = kind;
	r = only_known(doc, k, err);
	if (r == 0)
		r = wb_fields_get(doc, common, ret_m, a, "", err);
	if (r == 0)
		r = get_mentions(doc, ret_m, a, err);
	if (r == 0)
		r = get_object(doc, "quoted", quoted_fields, ret_m, a, err);
	if (r == 0)
		r = get_object(doc, "target", target_fields, ret_m, a, err);
	if (r == 0)
		r = get_part(doc, k, ret_m, a, err);
	if (r == 0 && k->media)
		r = get_file(doc, k, ret_m, a, ret_media, err);
	if (r == 0)
		r = check(k, ret_m, doc, err);
	return r == 0 && wa_arena_failed(a) ? wa_err_set(err, WA_ENOMEM, "content") : r;
}

/* ---- files ---- */

int wb_content_media(struct wa_message *m, const struct wa_media *file, struct wa_arena *a)
{
	const struct wa_media *said = m->media;
	struct wa_media *all = wa_arena_alloc(a, sizeof(*all));

	if (!all)
		return WA_ENOMEM;
	*all = *file;
	if (said) {
#define SAY_SPAN(x) all->x = said->x.len ? said->x : all->x
#define SAY(x) all->x = said->x ? said->x : all->x
		SAY_SPAN(file_name);
		SAY_SPAN(title);
		SAY_SPAN(thumbnail);
		SAY_SPAN(waveform);
		SAY_SPAN(alt);
		SAY(width);
		SAY(height);
		SAY(seconds);
		SAY(pages);
		SAY(gif);
		SAY(ptv);
		SAY(ptt);
		SAY(animated);
#undef SAY_SPAN
#undef SAY
	}
	if (m->product) {
		struct wa_product *p = wa_arena_dup(a, m->product, sizeof(*p));

		if (!p)
			return WA_ENOMEM;
		p->image = *all;
		p->has_image = true;
		m->product = p;
		m->media = NULL;
		return 0;
	}
	m->media = all;
	return 0;
}
