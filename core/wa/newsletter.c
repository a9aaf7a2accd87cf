/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Channels: everything that goes through mex. */
#include "newsletter_int.h"

#include <text.h>

#include <stdlib.h>

#define NEWSLETTER_ARENA_MAX (16u << 20)

/* Ids of the web client's queries, and the member of the answer that counts. */
static const struct query {
	const char *id, *member;
} create = { "8823471724422422", "xwa2_newsletter_create" },
  metadata = { "6563316087068696", "xwa2_newsletter" },
  update = { "24250201037901610", "xwa2_newsletter_update" },
  remove_it = { "30062808666639665", "xwa2_newsletter_delete_v2" },
  follow = { "24404358912487870", "xwa2_newsletter_join_v2" },
  unfollow = { "9767147403369991", "xwa2_newsletter_leave_v2" },
  mute = { "29766401636284406", "xwa2_newsletter_mute_v2" },
  unmute = { "9864994326891137", "xwa2_newsletter_unmute_v2" },
  admins = { "7130823597031706", "xwa2_newsletter_admin" },
  owner = { "7341777602580933", "xwa2_newsletter_change_owner" },
  demote = { "6551828931592903", "xwa2_newsletter_demote" },
  subscribed = { "6388546374527196", "xwa2_newsletter_subscribed" },
  directory = { "6190824427689257", "xwa2_newsletters_directory_list" },
  search = { "6802402206520139", "xwa2_newsletters_directory_search" };

struct ask {
	wa_newsletter_fn *fn;
	wa_done_fn *done;
	void *arg;
	bool count;	/* the answer is a number of administrators */
};

static struct ask *ask_new(wa_newsletter_fn *fn, wa_done_fn *done, void *arg)
{
	struct ask *k = calloc(1, sizeof(*k));

	if (k) {
		k->fn = fn;
		k->done = done;
		k->arg = arg;
	}
	return k;
}

static void on_list(struct wa_client *c, void *arg, int code, const char *text, json_t *data)
{
	const json_t *list = json_is_array(data) ? data : json_object_get(data, "result");
	struct wa_newsletter *out = NULL;
	struct ask *k = arg;
	struct wa_arena a;
	size_t i, n = 0, len = json_array_size(list);

	(void)c;
	wa_arena_init(&a, NEWSLETTER_ARENA_MAX);
	if (len > WA_NEWSLETTERS_MAX)
		len = WA_NEWSLETTERS_MAX;
	/* One channel stands for itself, or under `result`. */
	if (code == 0 && !json_is_array(list)) {
		const json_t *one = json_is_object(list) ? list : data;

		out = wa_arena_alloc(&a, sizeof(*out));
		if (out && json_is_object(one))
			n = newsletter_read(&a, one, false, out);
		if (n == 0)
			code = 404;
	} else if (code == 0 && len) {
		out = wa_arena_alloc(&a, len * sizeof(*out));
		for (i = 0; out && i < len; i++)
			n += newsletter_read(&a, json_array_get(list, i), false, &out[n]);
	}
	if (wa_arena_failed(&a))
		code = WA_ENOMEM;
	k->fn(k->arg, code, text, out, code ? 0 : n);
	wa_arena_clear(&a);
	free(k);
}

static void on_done(struct wa_client *c, void *arg, int code, const char *text, json_t *data)
{
	struct ask *k = arg;
	char number[32];

	(void)c;
	if (code == 0 && k->count) {
		snprintf(number, sizeof(number), "%lld", (long long)mex_num(data, "admin_count", 0));
		text = number;
	}
	if (k->done)
		k->done(k->arg, code, text);
	free(k);
}

static int check(struct wa_client *c, const struct wa_jid *channel, struct wa_err *err)
{
	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (channel && (channel->server != WA_SRV_NEWSLETTER || !channel->user[0]))
		return wa_err_set(err, WA_EINVALID, "not a channel");
	return 0;
}

/* Ends every command: takes vars. */
static int go(struct wa_client *c, const struct query *q, json_t *take_vars, mex_fn *fn, struct ask *k,
	      struct wa_err *err)
{
	if (!k || !take_vars) {
		free(k);
		json_decref(take_vars);
		return wa_err_set(err, WA_ENOMEM, "no memory for a question, or text that is not UTF-8");
	}
	client_enter(c);
	mex_ask(c, q->id, take_vars, q->member, fn, k);
	client_leave(c);
	return 0;
}

static json_t *named(const struct wa_jid *channel)
{
	char text[WA_JID_TEXT_MAX];

	return json_pack("{s:s}", "newsletter_id", wa_jid_text(channel, text));
}

static json_t *picture_json(struct wa_span jpeg)
{
	json_t *v = NULL;
	struct wa_buf b;

	wa_buf_init(&b, 2u << 20);
	wa_b64_put(&b, jpeg, WA_B64_STD);
	if (wa_buf_end(&b, NULL) == 0)
		v = json_stringn((const char *)b.ptr, b.len);
	wa_buf_clear(&b);
	return v;
}

static bool text_ok(const char *s, size_t max)
{
	return strlen(s) <= max;
}

int wa_client_newsletter_create(struct wa_client *c, const char *name, const char *description,
				struct wa_span picture, wa_newsletter_fn *fn, void *arg, struct wa_err *err)
{
	json_t *input, *vars;
	int rc = check(c, NULL, err);

	if (rc)
		return rc;
	if (!*name || !text_ok(name, WA_NEWSLETTER_NAME_MAX) || !text_ok(description, WA_NEWSLETTER_TEXT_MAX) ||
	    picture.len > (1u << 20))
		return wa_err_set(err, WA_EINVALID, "a channel's name or description is missing or too long");
	input = json_pack("{s:s, s:s}", "name", name, "description", description);
	if (input && picture.len)
		json_object_set_new(input, "picture", picture_json(picture));
	vars = input ? json_pack("{s:o}", "input", input) : NULL;
	return go(c, &create, vars, on_list, ask_new(fn, NULL, arg), err);
}

static int get(struct wa_client *c, const char *key, const char *type, wa_newsletter_fn *fn, void *arg,
	       struct wa_err *err)
{
	json_t *vars = json_pack("{s:{s:s, s:s}, s:b, s:b, s:b}", "input", "key", key, "type", type,
				 "fetch_viewer_metadata", 1, "fetch_full_image", 1, "fetch_creation_time", 1);

	return go(c, &metadata, vars, on_list, ask_new(fn, NULL, arg), err);
}

int wa_client_newsletter_get(struct wa_client *c, const struct wa_jid *channel, wa_newsletter_fn *fn, void *arg,
			     struct wa_err *err)
{
	char text[WA_JID_TEXT_MAX];
	int rc = check(c, channel, err);

	return rc ? rc : get(c, wa_jid_text(channel, text), "JID", fn, arg, err);
}

int wa_client_newsletter_get_invite(struct wa_client *c, const char *invite, wa_newsletter_fn *fn, void *arg,
				    struct wa_err *err)
{
	static const char prefix[] = "https://whatsapp.com/channel/";
	int rc = check(c, NULL, err);

	if (rc)
		return rc;
	if (strncmp(invite, prefix, sizeof(prefix) - 1) == 0)
		invite += sizeof(prefix) - 1;
	if (!*invite || strlen(invite) > WA_JID_USER_MAX)
		return wa_err_set(err, WA_EINVALID, "not an invite of a channel");
	return get(c, invite, "INVITE", fn, arg, err);
}

int wa_client_newsletter_list(struct wa_client *c, wa_newsletter_fn *fn, void *arg, struct wa_err *err)
{
	int rc = check(c, NULL, err);

	return rc ? rc : go(c, &subscribed, json_object(), on_list, ask_new(fn, NULL, arg), err);
}

int wa_client_newsletter_search(struct wa_client *c, const char *text, unsigned limit, wa_newsletter_fn *fn,
				void *arg, struct wa_err *err)
{
	json_t *vars;
	int rc = check(c, NULL, err);

	if (rc)
		return rc;
	if (limit == 0 || limit > WA_NEWSLETTER_PAGE_MAX || !text_ok(text, WA_NEWSLETTER_NAME_MAX))
		return wa_err_set(err, WA_EINVALID, "1 to %d channels", WA_NEWSLETTER_PAGE_MAX);
	if (*text)
		vars = json_pack("{s:{s:s, s:[], s:i}}", "input", "search_text", text, "categories", "limit",
				 (int)limit);
	else
		vars = json_pack("{s:{s:s, s:{s:[], s:[]}, s:i}}", "input", "view", "RECOMMENDED", "filters",
				 "country_codes", "categories", "limit", (int)limit);
	return go(c, *text ? &search : &directory, vars, on_list, ask_new(fn, NULL, arg), err);
}

int wa_client_newsletter_update(struct wa_client *c, const struct wa_jid *channel,
				const struct wa_newsletter_update *u, wa_newsletter_fn *fn, void *arg,
				struct wa_err *err)
{
	json_t *vars, *changes;
	int rc = check(c, channel, err);

	if (rc)
		return rc;
	if ((u->name && (!*u->name || !text_ok(u->name, WA_NEWSLETTER_NAME_MAX))) ||
	    (u->description && !text_ok(u->description, WA_NEWSLETTER_TEXT_MAX)) || u->picture.len > (1u << 20))
		return wa_err_set(err, WA_EINVALID, "a channel's name or description is missing or too long");
	changes = json_object();
	if (u->name)
		json_object_set_new(changes, "name", json_string(u->name));
	if (u->description)
		json_object_set_new(changes, "description", json_string(u->description));
	if (u->set_picture)
		json_object_set_new(changes, "picture",
				    u->picture.len ? picture_json(u->picture) : json_string(""));
	json_object_set_new(changes, "settings",
			    u->reactions ? json_pack("{s:{s:s}}", "reaction_codes", "value", u->reactions)
					 : json_null());
	vars = named(channel);
	if (json_object_set_new(vars, "updates", changes)) {
		json_decref(vars);
		vars = NULL;
	}
	return go(c, &update, vars, on_list, ask_new(fn, NULL, arg), err);
}

/* ---- done or not ---- */

static int simple(struct wa_client *c, const struct query *q, const struct wa_jid *channel, wa_done_fn *fn,
		  void *arg, struct wa_err *err)
{
	int rc = check(c, channel, err);

	return rc ? rc : go(c, q, named(channel), on_done, ask_new(NULL, fn, arg), err);
}

static int about_user(struct wa_client *c, const struct query *q, const struct wa_jid *channel,
		      const struct wa_jid *user, wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_jid bare = wa_jid_bare(user);
	char text[WA_JID_TEXT_MAX];
	json_t *vars;
	int rc = check(c, channel, err);

	if (rc)
		return rc;
	if (!wa_jid_is_user(&bare) || !bare.user[0])
		return wa_err_set(err, WA_EINVALID, "not a person");
	bare = wa_signal_canonical(c->sig, &bare);
	vars = named(channel);
	json_object_set_new(vars, "user_id", json_string(wa_jid_text(&bare, text)));
	return go(c, q, vars, on_done, ask_new(NULL, fn, arg), err);
}

int wa_client_newsletter_delete(struct wa_client *c, const struct wa_jid *channel, wa_done_fn *fn, void *arg,
				struct wa_err *err)
{
	return simple(c, &remove_it, channel, fn, arg, err);
}

int wa_client_newsletter_follow(struct wa_client *c, const struct wa_jid *channel, bool on, wa_done_fn *fn,
				void *arg, struct wa_err *err)
{
	return simple(c, on ? &follow : &unfollow, channel, fn, arg, err);
}

int wa_client_newsletter_mute(struct wa_client *c, const struct wa_jid *channel, bool on, wa_done_fn *fn, void *arg,
			      struct wa_err *err)
{
	return simple(c, on ? &mute : &unmute, channel, fn, arg, err);
}

int wa_client_newsletter_admin_count(struct wa_client *c, const struct wa_jid *channel, wa_done_fn *fn, void *arg,
				     struct wa_err *err)
{
	struct ask *k;
	int rc = check(c, channel, err);

	if (rc)
		return rc;
	k = ask_new(NULL, fn, arg);
	if (k)
		k->count = true;
	return go(c, &admins, named(channel), on_done, k, err);
}

int wa_client_newsletter_owner(struct wa_client *c, const struct wa_jid *channel, const struct wa_jid *user,
			       wa_done_fn *fn, void *arg, struct wa_err *err)
{
	return about_user(c, &owner, channel, user, fn, arg, err);
}

int wa_client_newsletter_demote(struct wa_client *c, const struct wa_jid *channel, const struct wa_jid *user,
				wa_done_fn *fn, void *arg, struct wa_err *err)
{
	return about_user(c, &demote, channel, user, fn, arg, err);
}
