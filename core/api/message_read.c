/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The document of POST /v1/messages. */
#include "api_int.h"

#include <meta.h>
#include <phone.h>

/* A phone number in any spelling becomes E.164; JIDs and what is E.164 already stay: whether a number
 * exists is asked of WhatsApp. False: answered. */
bool api_recipient(struct wb_req *req, const char *to, const char *country, const char **ret_to)
{
	char e164[32], reason[64], why[128];

	if (strchr(to, '@') || wb_phone_plain(to)) {
		*ret_to = to;
		return true;
	}
	if (wb_phone_parse(to, country ? country : "", e164, reason) == 0) {
		*ret_to = wa_arena_str(wb_req_arena(req), wa_span_str(e164));
		if (*ret_to)
			return true;
	}
	(void)snprintf(why, sizeof(why), "to: not a phone number (%.63s); give the country code or `country`", reason);
	wb_reply_problem(req, 422, "invalid", why);
	return false;
}

struct doc {			/* what is not read straight into struct wb_outbox_new */
	const char *to, *country, *due, *reply_to, *forward_of, *render;
	json_t *content, *menu, *mentions, *meta, *preview;
	int mention_all, view_once;
	json_int_t expires_s;
};

/* NULL, or what is wrong. */
static const char *read_mentions(struct api_new *n, struct doc *d)
{
	json_t *item;
	size_t i, at = 0;

	if (json_is_string(d->mentions) && strcmp(json_string_value(d->mentions), "all") == 0)
		d->mention_all = 1;
	else if (d->mentions && (!json_is_array(d->mentions) || json_array_size(d->mentions) > WB_OUTBOX_MENTIONS_MAX))
		return "mentions: a list of JIDs, or \"all\"";
	json_array_foreach(d->mentions, i, item) {
		const char *who = json_string_value(item);

		if (!who)
			return "mentions: a list of JIDs, or \"all\"";
		if (strcmp(who, "all") == 0)
			d->mention_all = 1;
		else if (at < API_MENTIONS_MAX)
			n->mentions[at++] = who;
		else
			return "mentions: too many";
	}
	n->m.mentions = n->mentions;
	n->m.n_mentions = at;
	return NULL;
}

/* Only words: the lean way, as most messages are. */
static bool is_plain(const struct api_new *n, const struct doc *d)
{
	return n->m.text && !d->content && !d->menu && !d->mention_all && !d->view_once && !d->expires_s && !d->preview;
}

static const char *set_preview(struct api_new *n, struct doc *d)
{
	const char *word = json_string_value(d->preview);
	const char *text = json_string_value(json_object_get(n->content, "text"));
	struct wa_span url;

	if (!d->preview || (word && strcmp(word, "none") == 0))
		return NULL;
	if (word && strcmp(word, "auto") == 0) {
		n->m.preview = true;
		return NULL;
	}
	if (!json_is_object(d->preview))
		return "preview: auto, none, or an object with title and description";
	json_object_set(n->content, "link", d->preview);
	url = wb_first_link(wa_span_str(text ? text : ""));
	if (!json_object_get(d->preview, "url") && url.len)
		json_object_set_new(d->preview, "url", json_stringn((const char *)url.ptr, url.len));
	return NULL;
}

/* The content object from whatever short form the request has. */
static const char *make_content(struct api_new *n, struct doc *d)
{
	if ((n->m.text != NULL) + (d->content != NULL) + (d->menu != NULL) != 1)
		return "exactly one of text, content, album, menu and forward_of";
	if (d->menu && !json_is_object(d->menu))
		return "menu: an object";
	if (d->content && !json_is_object(d->content))
		return "content: an object";
	n->content = d->content ? json_copy(d->content) : d->menu ? json_copy(d->menu) : json_object();
	if (d->menu)
		json_object_set_new(n->content, "kind", json_string("menu"));
	else if (!d->content)
		json_object_set_new(n->content, "kind", json_string("text"));
	if (n->m.text)
		json_object_set_new(n->content, "text", json_string(n->m.text));
	if (n->m.n_mentions) {
		json_t *list = json_array();

		for (size_t i = 0; i < n->m.n_mentions; i++)
			json_array_append_new(list, json_string(n->mentions[i]));
		json_object_set_new(n->content, "mentions", list);
	}
	if (d->mention_all)
		json_object_set_new(n->content, "mention_all", json_true());
	if (d->view_once)
		json_object_set_new(n->content, "view_once", json_true());
	if (d->expires_s)
		json_object_set_new(n->content, "expires_s", json_integer(d->expires_s));
	n->m.content = n->content;
	n->m.text = NULL;
	return set_preview(n, d);
}

static const char *check(struct api_new *n, struct doc *d)
{
	const char *why = read_mentions(n, d);

	if (why)
		return why;
	if (d->meta && !json_is_object(d->meta))
		return "meta: an object";
	if (d->due && wa_time_parse(wa_span_str(d->due), &n->m.due_ms))
		return "send_at: a time such as 2026-11-22T09:30:00Z";
	if (d->reply_to && n->m.quoted)
		return "reply_to: the same as quoted; one of them";
	if (d->reply_to)
		n->m.quoted = d->reply_to;
	if (d->forward_of) {
		n->m.forward_of = d->forward_of;
		return n->m.text || d->content || d->menu ? "exactly one of text, content, album, menu and forward_of" : NULL;
	}
	n->m.render = d->render;
	if (n->album)
		return n->m.text || d->content || d->menu ? "exactly one of text, content, album, menu and forward_of" : NULL;
	return is_plain(n, d) && !d->render ? NULL : make_content(n, d);
}

bool api_read_message(struct wb_req *req, json_t *doc, struct api_new *n)
{
	struct doc d = { 0 };
	struct wb_outbox_new *m = &n->m;
	const char *why;
	json_error_t je;

	if (wb_json_unpack(doc, &je, JSON_STRICT,
			   "{s:s, s:s, s?s, s?s, s?o, s?s, s?s, s?s, s?s, s?o, s?s, s?s,"
			   " s?o, s?o, s?o, s?s, s?s, s?s, s?o, s?b, s?b, s?I}",
			   "session", &m->session, "to", &d.to, "text", &m->text, "quoted", &m->quoted, "mentions",
			   &d.mentions, "link_url", &m->link_url, "link_title", &m->link_title, "link_description",
			   &m->link_description, "class", &m->message_class, "meta", &d.meta, "send_at", &d.due,
			   "country", &d.country, "content", &d.content, "album", &n->album, "menu", &d.menu, "render", &d.render, "reply_to",
			   &d.reply_to, "forward_of", &d.forward_of, "preview", &d.preview, "mention_all",
			   &d.mention_all, "view_once", &d.view_once, "expires_s", &d.expires_s))
		why = je.text;
	else
		why = check(n, &d);
	if (why) {
		wb_reply_problem(req, 422, "invalid", why);
		return false;
	}
	if (d.meta) {
		char *text = json_dumps(d.meta, JSON_COMPACT);

		m->meta_json = text ? wa_arena_str(wb_req_arena(req), wa_span_str(text)) : NULL;
		free(text);
	}
	return api_recipient(req, d.to, d.country, &m->to);
}
