/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions about channels, by the ids stock clients use. */
#include "channel.h"

static const char *text_of(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "";
}

static json_t *number(int64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	return json_string(text);
}

json_t *sb_channel_json(const struct sb_channel *ch, const struct sb_account *viewer)
{
	static const char *const roles[] = { "GUEST", "SUBSCRIBER", "ADMIN", "OWNER" };
	const struct sb_follower *f = viewer ? sb_follower(ch, viewer) : NULL;
	char jid[WA_JID_TEXT_MAX], path[256] = "";
	json_t *thread, *o;

	if (ch->picture.id && !sb_picture_path(ch->s, &ch->picture, path))
		return NULL;
	thread = json_pack("{so s{ss so so} s{ss so so} ss sn so ss s{so ss ss} s{so ss ss} s{s{ss}}}",
			   "creation_time", number(ch->created_s), "name", "text", ch->name, "id", number(1),
			   "update_time", number(ch->name_s * 1000000), "description", "text", ch->description, "id",
			   number(1), "update_time", number(ch->name_s * 1000000), "invite", ch->invite, "handle",
			   "subscribers_count", number((int64_t)ch->people.len), "verification", "UNVERIFIED",
			   "picture", "id", number((int64_t)ch->picture.id), "direct_path", path, "type", "IMAGE", "preview",
			   "id", number((int64_t)ch->picture.id), "direct_path", path, "type", "PREVIEW", "settings",
			   "reaction_codes", "value", ch->reactions);
	o = thread ? json_pack("{ss s{ss} so s{ss ss}}", "id", wa_jid_text(&ch->jid, jid), "state", "type",
			       ch->deleted ? "DELETED" : "ACTIVE", "thread_metadata", thread, "viewer_metadata",
			       "mute", f && f->muted ? "ON" : "OFF", "role", roles[f ? f->role : 0])
		   : NULL;
	return o;
}

typedef json_t *ask_fn(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code);

static int set_picture(struct sb_channel *ch, const char *base64)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };
	int code;

	wa_buf_init(&b, SB_PICTURE_MAX);
	if (wa_b64_decode(wa_span_str(base64), WA_B64_STD, &b))
		return 400;
	code = sb_picture_take(ch->s, &ch->picture, wa_buf_view(&b));
	if (code == 0)
		sb_keep_picture(ch->s, ch->jid.user, &ch->picture);
	return code;
}

static json_t *create(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	const json_t *in = json_object_get(vars, "input");

	ch = sb_channel_new(c->dev->acc, text_of(in, "name"), text_of(in, "description"), NULL);
	if (!ch) {
		*ret_code = 400;
		return NULL;
	}
	*ret_code = set_picture(ch, text_of(in, "picture"));
	if (*ret_code)
		return NULL;
	return sb_channel_json(ch, c->dev->acc);
}

static json_t *metadata(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	const json_t *in = json_object_get(vars, "input");
	const char *key = text_of(in, "key");
	struct wa_list *l;

	ch = NULL;
	if (strcmp(text_of(in, "type"), "JID") == 0) {
		ch = sb_channel_find(c->s, key);
	} else if (strcmp(text_of(in, "type"), "INVITE") == 0) {
		WA_LIST_EACH(l, &c->s->channels)
		{
			struct sb_channel *x = container_of(l, struct sb_channel, link);

			if (strcmp(x->invite, key) == 0)
				ch = x;
		}
	}
	if (!ch) {
		*ret_code = 404;
		return NULL;
	}
	return sb_channel_json(ch, c->dev->acc);
}

static bool may_edit(struct sb_conn *c, const struct sb_channel *ch, int role, int *ret_code)
{
	const struct sb_follower *f = sb_follower(ch, c->dev->acc);

	if (f && f->role >= role)
		return true;
	*ret_code = 403;
	return false;
}

static void tell_all(struct sb_conn *c, const struct sb_channel *ch, const char *op, const char *member)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &c->s->accounts)
	{
		struct sb_account *a = container_of(l, struct sb_account, link);

		if (sb_follower(ch, a))
			sb_mex_tell(a, c->dev, op, member, sb_channel_json(ch, a));
	}
}

static void replace(char **at, const char *text)
{
	char *copy = sb_strdup(text);

	if (copy) {
		free(*at);
		*at = copy;
	}
}

static json_t *update(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	const json_t *u = json_object_get(vars, "updates"), *v;

	if (!may_edit(c, ch, SB_ROLE_ADMIN, ret_code))
		return NULL;
	if (*text_of(u, "name"))
		replace(&ch->name, text_of(u, "name"));
	if (json_object_get(u, "description"))
		replace(&ch->description, text_of(u, "description"));
	v = json_object_get(u, "picture");
	*ret_code = json_is_string(v) ? set_picture(ch, json_string_value(v)) : 0;
	if (*ret_code)
		return NULL;
	v = json_object_get(json_object_get(json_object_get(u, "settings"), "reaction_codes"), "value");
	if (json_is_string(v))
		sb_copy(ch->reactions, sizeof(ch->reactions), json_string_value(v));
	sb_keep_channel(ch);
	tell_all(c, ch, "NotificationNewsletterUpdate", "xwa2_notify_newsletter_on_metadata_update");
	return sb_channel_json(ch, c->dev->acc);
}

static json_t *remove_it(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	(void)vars;
	if (!may_edit(c, ch, SB_ROLE_OWNER, ret_code))
		return NULL;
	ch->deleted = true;
	sb_keep_channel(ch);
	tell_all(c, ch, "NotificationNewsletterStateChange", "xwa2_notify_newsletter_on_state_change");
	return sb_channel_json(ch, c->dev->acc);
}

static json_t *follow_on(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	(void)vars;
	*ret_code = sb_channel_follow(ch, c->dev->acc, c->dev, true);
	return *ret_code ? NULL : sb_channel_json(ch, c->dev->acc);
}

static json_t *follow_off(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	(void)vars;
	*ret_code = sb_channel_follow(ch, c->dev->acc, c->dev, false);
	return *ret_code ? NULL : sb_channel_json(ch, c->dev->acc);
}

static json_t *mute(struct sb_conn *c, struct sb_channel *ch, bool on, int *ret_code)
{
	struct sb_follower *f = sb_follower(ch, c->dev->acc);

	if (!f) {
		*ret_code = 403;
		return NULL;
	}
	f->muted = on;
	sb_keep_channel(ch);
	sb_mex_tell(c->dev->acc, c->dev, "NotificationNewsletterUserSettingChange",
		    "xwa2_notify_newsletter_on_mute_change", sb_channel_json(ch, c->dev->acc));
	return sb_channel_json(ch, c->dev->acc);
}

static json_t *mute_on(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	(void)vars;
	return mute(c, ch, true, ret_code);
}

static json_t *mute_off(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	(void)vars;
	return mute(c, ch, false, ret_code);
}

static json_t *subscribers(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	(void)c;
	(void)vars;
	(void)ret_code;
	return json_pack("{sI}", "subscribers", (json_int_t)ch->people.len);
}

static json_t *admins(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	json_int_t n = 0;
	struct wa_span key;
	size_t it = 0;
	void *v;

	(void)vars;
	if (!may_edit(c, ch, SB_ROLE_ADMIN, ret_code))
		return NULL;
	while (wa_map_next(&ch->people, &it, &key, &v))
		n += ((struct sb_follower *)v)->role >= SB_ROLE_ADMIN;
	return json_pack("{sI}", "admin_count", n);
}

static struct sb_follower *named(struct sb_conn *c, struct sb_channel *ch, json_t *vars)
{
	struct sb_account *who;
	struct wa_jid j;

	if (wa_jid_parse(wa_span_str(text_of(vars, "user_id")), &j, NULL))
		return NULL;
	who = sb_find(c->s, &j);
	return who ? sb_follower(ch, who) : NULL;
}

static json_t *owner(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	struct sb_follower *f = named(c, ch, vars);

	if (!may_edit(c, ch, SB_ROLE_OWNER, ret_code))
		return NULL;
	if (!f) {
		*ret_code = 404;
		return NULL;
	}
	sb_follower(ch, c->dev->acc)->role = SB_ROLE_ADMIN;
	f->role = SB_ROLE_OWNER;
	sb_keep_channel(ch);
	return sb_channel_json(ch, c->dev->acc);
}

static json_t *demote(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	struct sb_follower *f = named(c, ch, vars);

	if (!may_edit(c, ch, SB_ROLE_OWNER, ret_code))
		return NULL;
	if (!f || f->role != SB_ROLE_ADMIN) {
		*ret_code = 404;
		return NULL;
	}
	f->role = SB_ROLE_FOLLOWER;
	sb_keep_channel(ch);
	return sb_channel_json(ch, c->dev->acc);
}

static json_t *subscribed(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	json_t *list = json_array();
	struct wa_list *l;

	(void)ch;
	(void)vars;
	(void)ret_code;
	WA_LIST_EACH(l, &c->s->channels)
	{
		struct sb_channel *x = container_of(l, struct sb_channel, link);

		if (!x->deleted && sb_follower(x, c->dev->acc))
			json_array_append_new(list, sb_channel_json(x, c->dev->acc));
	}
	return list;
}

static json_t *directory(struct sb_conn *c, struct sb_channel *ch, json_t *vars, int *ret_code)
{
	const json_t *in = json_object_get(vars, "input");
	const char *text = text_of(in, "search_text");
	json_int_t limit = json_integer_value(json_object_get(in, "limit"));
	json_t *list = json_array();
	struct wa_list *l;

	(void)ch;
	(void)ret_code;
	WA_LIST_EACH(l, &c->s->channels)
	{
		struct sb_channel *x = container_of(l, struct sb_channel, link);

		if (!x->deleted && (!*text || strcasestr(x->name, text)) &&
		    (json_int_t)json_array_size(list) < limit)
			json_array_append_new(list, sb_channel_json(x, c->dev->acc));
	}
	return json_pack("{s{ss? sb} so}", "page_info", "endCursor", NULL, "hasNextPage", 0, "result", list);
}

static const struct {
	const char *id, *member;
	bool channel; /* variables name one */
	ask_fn *fn;
} queries[] = {
	{ "8823471724422422", "xwa2_newsletter_create", false, create },
	{ "6563316087068696", "xwa2_newsletter", false, metadata },
	{ "24250201037901610", "xwa2_newsletter_update", true, update },
	{ "30062808666639665", "xwa2_newsletter_delete_v2", true, remove_it },
	{ "24404358912487870", "xwa2_newsletter_join_v2", true, follow_on },
	{ "9767147403369991", "xwa2_newsletter_leave_v2", true, follow_off },
	{ "29766401636284406", "xwa2_newsletter_mute_v2", true, mute_on },
	{ "9864994326891137", "xwa2_newsletter_unmute_v2", true, mute_off },
	{ "9783111038412085", "xwa2_newsletter_subscribers", true, subscribers },
	{ "7130823597031706", "xwa2_newsletter_admin", true, admins },
	{ "7341777602580933", "xwa2_newsletter_change_owner", true, owner },
	{ "6551828931592903", "xwa2_newsletter_demote", true, demote },
	{ "6388546374527196", "xwa2_newsletter_subscribed", false, subscribed },
	{ "6190824427689257", "xwa2_newsletters_directory_list", false, directory },
	{ "6802402206520139", "xwa2_newsletters_directory_search", false, directory },
};

json_t *sb_channel_mex(struct sb_conn *c, const char *query, json_t *vars, const char **ret_member, int *ret_code)
{
	struct sb_channel *ch = NULL;

	for (size_t i = 0; i < WA_ARRAY_LEN(queries); i++) {
		if (strcmp(queries[i].id, query) != 0)
			continue;
		*ret_member = queries[i].member;
		if (queries[i].channel) {
			ch = sb_channel_find(c->s, text_of(vars, "newsletter_id"));
			if (!ch || ch->deleted) {
				*ret_code = 404;
				return NULL;
			}
		}
		return queries[i].fn(c, ch, vars, ret_code);
	}
	sb_violation(c->s, c->dev, NULL, "mex.query", "no query %s", query);
	*ret_code = 400;
	return NULL;
}
