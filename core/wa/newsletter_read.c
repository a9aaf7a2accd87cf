/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "newsletter_int.h"

static const char *const roles[] = {
	[WA_NL_NONE] = "",	     [WA_NL_GUEST] = "guest", [WA_NL_FOLLOWER] = "follower",
	[WA_NL_ADMIN] = "admin", [WA_NL_OWNER] = "owner",
};

const char *wa_newsletter_role_str(int role)
{
	return role > 0 && role < (int)WA_ARRAY_LEN(roles) ? roles[role] : "";
}

static bool same_word(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a | 0x20) != (*b | 0x20))
			return false;
	return *a == *b;
}

int newsletter_role(const char *word)
{
	size_t i;

	if (same_word(word, "subscriber"))
		return WA_NL_FOLLOWER;
	for (i = 1; i < WA_ARRAY_LEN(roles); i++)
		if (same_word(word, roles[i]))
			return (int)i;
	return WA_NL_NONE;
}

static const char *lower(struct wa_arena *a, const char *text)
{
	char *s = wa_arena_str(a, wa_span_str(text)), *p;

	for (p = s; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	return s;
}

/* partial and not told: NULL. */
static const char *text_of(struct wa_arena *a, const json_t *o, const char *key, bool partial)
{
	if (partial && !json_is_string(json_object_get(o, key)))
		return NULL;
	return wa_arena_str(a, wa_span_str(mex_text(o, key)));
}

static int64_t bounded(int64_t v, int64_t max)
{
	return v < 0 ? 0 : v > max ? max : v;
}

/* Names carry their time in microseconds, creation in seconds. */
static int64_t when_ms(const json_t *o, const char *key)
{
	int64_t t = mex_num(o, key, 0);

	while (t > TIME_MAX_S)
		t /= 1000;
	return bounded(t, TIME_MAX_S) * 1000;
}

static void read_thread(struct wa_arena *a, const json_t *t, bool partial, struct wa_newsletter *n)
{
	const json_t *name = mex_get(t, "name"), *about = mex_get(t, "description"), *pic = mex_get(t, "picture");
	const json_t *preview = mex_get(t, "preview"), *codes = mex_get(mex_get(t, "settings"), "reaction_codes");

	n->name = text_of(a, name, "text", partial);
	n->description = text_of(a, about, "text", partial);
	n->name_ms = when_ms(name, "update_time");
	n->description_ms = when_ms(about, "update_time");
	n->created_ms = when_ms(t, "creation_time");
	n->invite = text_of(a, t, "invite", partial);
	n->handle = text_of(a, t, "handle", partial);
	n->followers = bounded(mex_num(t, "subscribers_count", partial ? -1 : 0), INT64_MAX);
	n->verified = same_word(mex_text(t, "verification"), "verified");
	n->picture_id = text_of(a, pic ? pic : preview, "id", partial);
	n->picture_path = text_of(a, pic, "direct_path", partial);
	n->preview_path = text_of(a, preview, "direct_path", partial);
	n->reactions = codes || !partial ? lower(a, mex_text(codes, "value")) : NULL;
}

bool newsletter_read(struct wa_arena *a, const json_t *o, bool partial, struct wa_newsletter *ret)
{
	const json_t *state = mex_get(o, "state"), *viewer = mex_get(o, "viewer_metadata");
	const char *id = mex_text(o, "id");

	memset(ret, 0, sizeof(*ret));
	if (!*id || wa_jid_parse(wa_span_str(id), &ret->jid, NULL) || ret->jid.server != WA_SRV_NEWSLETTER ||
	    !ret->jid.user[0])
		return false;
	ret->state = state || !partial ? lower(a, mex_text(state, "type")) : NULL;
	read_thread(a, mex_get(o, "thread_metadata"), partial, ret);
	ret->muted = same_word(mex_text(viewer, "mute"), "on");
	ret->role = newsletter_role(mex_text(viewer, "role"));
	return true;
}

/* ---- messages ---- */

static void read_reactions(struct wa_arena *a, const struct wa_node *n, struct wa_newsletter_message *m)
{
	struct wa_newsletter_count *list = wa_arena_alloc(a, WA_NEWSLETTER_CODES_MAX * sizeof(*list));
	const struct wa_node *it;

	m->has_reactions = true;
	m->reactions = list;
	for (it = wa_node_first(n); list && it && m->n_reactions < WA_NEWSLETTER_CODES_MAX; it = it->next) {
		if (!wa_node_is(it, "reaction") || !wa_node_attr_get(it, "code").len)
			continue;
		list[m->n_reactions].code = wa_arena_str(a, wa_node_attr_get(it, "code"));
		list[m->n_reactions++].n = bounded(wa_node_attr_num(it, "count", 0), INT64_MAX);
	}
}

bool newsletter_read_message(struct wa_arena *a, const struct wa_node *n, struct wa_newsletter_message *ret)
{
	const struct wa_node *views = wa_node_get(n, "views_count"), *codes = wa_node_get(n, "reactions");
	struct wa_message *m;
	struct wa_span plain;

	memset(ret, 0, sizeof(*ret));
	ret->server_id = wa_node_attr_num(n, "server_id", wa_node_attr_num(n, "message_id", 0));
	if (ret->server_id <= 0)
		return false;
	ret->id = wa_arena_str(a, wa_node_attr_get(n, "id"));
	ret->type = wa_arena_str(a, wa_node_attr_get(n, "type"));
	ret->timestamp_ms = attr_ms(n, "t", 0);
	ret->views = views ? bounded(wa_node_attr_num(views, "count", 0), INT64_MAX) : -1;
	if (codes)
		read_reactions(a, codes, ret);
	plain = wa_node_bytes(wa_node_get(n, "plaintext"));
	if (plain.len == 0)
		return true;
	ret->raw = wa_span(wa_arena_dup(a, plain.ptr, plain.len), plain.len);
	if (!ret->raw.ptr)
		return true; /* the arena says so */
	m = wa_arena_alloc(a, sizeof(*m));
	if (m && wa_message_decode(ret->raw, a, m, NULL) == 0)
		ret->message = m;
	return true;
}
