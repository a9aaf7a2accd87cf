/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happened to a message after it was said, as JSON. */
#include <clock.h>
#include <db_content.h>
#include <db_message.h>
#include <text.h>
#include <wa/addon.h>
#include "gateway.h"
#include "message.h"

static void put_time(json_t *o, const char *name, int64_t ms)
{
	char text[WA_TIME_TEXT];

	json_object_set_new(o, name, json_string(wa_time_format(ms, text)));
}

/* ---- polls ---- */

struct tally {
	json_t *options;	/* texts, in the poll's order */
	json_t *voters;		/* lists of persons, the same order */
	json_t *more;		/* votes not committed yet: these persons' older ones do not count */
};

static void count_vote(struct tally *t, const char *jid, const char *lid, json_t *options)
{
	json_t *text, *chosen;
	size_t i, k;

	json_array_foreach(options, k, chosen) {
		json_array_foreach(t->options, i, text)
			if (json_equal(text, chosen))
				json_array_append_new(json_array_get(t->voters, i), wb_person_json(jid, lid, NULL));
	}
}

static bool is_form(json_t *vote, const char *name, const char *form)
{
	const char *said = json_string_value(json_object_get(vote, name));

	return said && *said && strcmp(said, form) == 0;
}

/* Somebody votes anew in more[from..]. */
static bool votes_later(const struct tally *t, size_t from, const char *jid, const char *lid)
{
	for (size_t i = from; i < json_array_size(t->more); i++) {
		json_t *v = json_array_get(t->more, i);

		if (is_form(v, "jid", jid) || is_form(v, "lid", lid))
			return true;
	}
	return false;
}

static int on_vote(void *ctx, const struct db_mark *m)
{
	struct tally *t = ctx;
	json_t *v;

	if (strcmp(m->kind, "vote") != 0 || votes_later(t, 0, m->jid, m->lid))
		return 0;
	v = json_loads(m->value, 0, NULL);
	count_vote(t, m->jid, m->lid, json_object_get(v, "options"));
	json_decref(v);
	return 0;
}

json_t *wb_poll_options(json_t *content)
{
	json_t *list = json_object_get(content, "options"), *v, *row;
	size_t i, k;

	if (list)
		return json_incref(list);
	list = json_array();
	json_array_foreach(json_object_get(content, "sections"), i, v)
		json_array_foreach(json_object_get(v, "rows"), k, row)
			json_array_append(list, json_object_get(row, "title"));
	json_array_foreach(json_object_get(content, "buttons"), i, v)
		json_array_append(list, json_object_get(v, "text"));
	return list;
}

static const char *form(json_t *vote, const char *name)
{
	const char *s = json_string_value(json_object_get(vote, name));

	return s ? s : "";
}

json_t *wb_message_tally(struct wb_gateway *gw, const struct db_message *poll, json_t *more)
{
	json_t *content = json_loads(poll->content ? poll->content : "", 0, NULL), *out = json_array(), *text;
	struct tally t = { .options = wb_poll_options(content), .voters = json_array(), .more = more };
	size_t i;

	for (i = 0; i < json_array_size(t.options); i++)
		json_array_append_new(t.voters, json_array());
	if (db_mark_each(gw->db, poll->id, on_vote, &t, NULL) < 0)
		json_array_clear(t.options);
	for (i = 0; i < json_array_size(more); i++) {
		json_t *v = json_array_get(more, i);

		if (!votes_later(&t, i + 1, form(v, "jid"), form(v, "lid")))
			count_vote(&t, form(v, "jid"), form(v, "lid"), json_object_get(v, "options"));
	}
	json_array_foreach(t.options, i, text) {
		json_t *o = json_object(), *who = json_array_get(t.voters, i);

		json_object_set(o, "option", text);
		json_object_set_new(o, "votes", json_integer((json_int_t)json_array_size(who)));
		json_object_set(o, "voters", who);
		json_array_append_new(out, o);
	}
	json_decref(t.options);
	json_decref(t.voters);
	json_decref(content);
	return out;
}

/* ---- all of it ---- */

static void append(json_t *o, const char *name, json_t *take_v)
{
	if (!json_object_get(o, name))
		json_object_set_new(o, name, json_array());
	json_array_append_new(json_object_get(o, name), take_v);
}

static int on_mark(void *ctx, const struct db_mark *m)
{
	static const struct {
		const char *kind, *list, *single;	/* where it is shown */
	} places[] = {
		{ "reaction", "reactions", NULL }, { "answer", "answers", NULL }, { "comment", "comments", NULL },
		{ "pin", NULL, "pinned" }, { "keep", NULL, "kept" }, { "revoke", NULL, "revoked" },
		{ "star", NULL, "starred" },
	};
	json_t *o = ctx, *v = json_loads(m->value, 0, NULL);

	if (!json_is_object(v)) {
		json_decref(v);
		v = json_object();
	}
	json_object_set_new(v, "by", wb_person_json(m->jid, m->lid, NULL));
	json_object_set_new(v, "from_me", json_boolean(m->from_me));
	put_time(v, "at", m->ts_ms);
	for (size_t i = 0; i < WA_ARRAY_LEN(places); i++) {
		if (strcmp(places[i].kind, m->kind) != 0)
			continue;
		if (places[i].list)
			append(o, places[i].list, json_incref(v));
		else
			json_object_set(o, places[i].single, v);
	}
	json_decref(v);
	return 0;
}

static int on_version(void *ctx, const struct db_version *v)
{
	json_t *e = json_object(), *content = *v->content ? json_loads(v->content, 0, NULL) : NULL;

	json_object_set_new(e, "text", json_string(v->text));
	if (content)
		json_object_set_new(e, "content", content);
	put_time(e, "until", v->until_ms);
	append(ctx, "edits", e);
	return 0;
}

json_t *wb_message_whole(struct wb_gateway *gw, const struct db_message *m)
{
	json_t *o = wb_message_json(gw, m), *content = json_object_get(o, "content");
	const char *rendered = json_string_value(json_object_get(content, "rendered_as"));

	if (db_mark_each(gw->db, m->id, on_mark, o, NULL) < 0 ||
	    db_version_each(gw->db, m->id, on_version, o, NULL) < 0)
		json_object_set_new(o, "incomplete", json_true());
	if (strcmp(m->kind, "poll") == 0 || (rendered && strcmp(rendered, "poll") == 0))
		json_object_set_new(o, "tally", wb_message_tally(gw, m, NULL));
	return o;
}
