/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Channels and their posts as records, and back. */
#include "channel.h"

#define KEY_MAX 96

static json_t *channel_json(const struct sb_channel *ch)
{
	json_t *people = json_object();
	struct wa_span key;
	size_t it = 0;
	void *value;

	while (wa_map_next(&ch->people, &it, &key, &value)) {
		const struct sb_follower *f = value;
		char pn[20] = "";

		memcpy(pn, key.ptr, key.len < sizeof(pn) ? key.len : 0);
		json_object_set_new(people, pn, json_pack("[ib]", (int)f->role, f->muted));
	}
	return json_pack("{ss ss ss ss sI sI sb sI so}", "name", ch->name, "description", ch->description, "invite",
			 ch->invite, "reactions", ch->reactions, "created", (json_int_t)ch->created_s, "name_t",
			 (json_int_t)ch->name_s, "deleted", ch->deleted, "next", (json_int_t)ch->next_server_id,
			 "people", people);
}

void sb_keep_channel(struct sb_channel *ch)
{
	if (!ch->s->host.put || !ch->s->started)
		return;
	if (!wa_list_linked(&ch->keep))
		wa_list_push_back(&ch->s->dirty_channels, &ch->keep);
	sb_keep_later(ch->s);
}

void sb_keep_dirty_channels(struct sandbox *s)
{
	struct wa_list *l;
	char key[KEY_MAX];

	while ((l = wa_list_pop_front(&s->dirty_channels))) {
		struct sb_channel *ch = container_of(l, struct sb_channel, keep);

		snprintf(key, sizeof(key), "c/%s", ch->jid.user);
		sb_keep_json(s, key, channel_json(ch));
	}
}

static void post_key(const struct sb_channel *ch, int64_t server_id, char key[KEY_MAX])
{
	snprintf(key, KEY_MAX, "n/%s/%012lld", ch->jid.user, (long long)server_id);
}

void sb_keep_post(struct sb_channel *ch, const struct sb_post *p)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };
	json_t *reactions = json_object();
	char key[KEY_MAX];
	struct wa_span who;
	size_t it = 0;
	void *code;

	while (wa_map_next(&p->reactions, &it, &who, &code)) {
		char pn[20] = "";

		memcpy(pn, who.ptr, who.len < sizeof(pn) ? who.len : 0);
		json_object_set_new(reactions, pn, json_string(code));
	}
	wa_buf_init(&b, SB_OUT_MAX);
	wa_b64_put(&b, wa_span(p->bytes, p->len), WA_B64_STD);
	post_key(ch, p->server_id, key);
	sb_keep_json(ch->s, key, json_pack("{ss ss sI sI sI so ss}", "id", p->id, "type", p->type, "t",
					   (json_int_t)p->t, "views", (json_int_t)p->views, "changed",
					   (json_int_t)p->changed_s, "reactions", reactions, "bytes",
					   wa_buf_cstr(&b)));
	sb_keep_channel(ch);
}

void sb_drop_post(struct sb_channel *ch, const struct sb_post *p)
{
	char key[KEY_MAX];

	post_key(ch, p->server_id, key);
	sb_keep_value(ch->s, key, wa_span(NULL, 0));
}

void sb_drop_channel(struct sb_channel *ch)
{
	char key[KEY_MAX];

	wa_list_del(&ch->keep);
	for (size_t i = 0; i < ch->n_posts; i++)
		sb_drop_post(ch, ch->posts[i]);
	snprintf(key, sizeof(key), "c/%s", ch->jid.user);
	sb_keep_value(ch->s, key, wa_span(NULL, 0));
	snprintf(key, sizeof(key), "i/%s", ch->jid.user);
	sb_keep_value(ch->s, key, wa_span(NULL, 0));
}

/* ---- and back ---- */

static const char *text(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "";
}

static int64_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

void sb_channel_restore(struct sandbox *s, const char *id, json_t *o)
{
	struct sb_channel *ch;
	struct sb_account *a;
	const char *pn;
	json_t *row;

	if (!json_is_object(o) || !*id || sb_channel_find(s, id))
		return;
	ch = sb_channel_alloc(s, id, text(o, "name"), text(o, "description"));
	if (!ch)
		return;
	sb_copy(ch->invite, sizeof(ch->invite), text(o, "invite"));
	sb_copy(ch->reactions, sizeof(ch->reactions), text(o, "reactions"));
	ch->created_s = num(o, "created");
	ch->name_s = num(o, "name_t");
	ch->deleted = json_is_true(json_object_get(o, "deleted"));
	ch->next_server_id = num(o, "next");
	json_object_foreach(json_object_get(o, "people"), pn, row)
	{
		int64_t role = json_integer_value(json_array_get(row, 0));
		struct sb_follower *f = NULL;

		a = sb_find_pn(s, pn);
		if (a && role >= SB_ROLE_FOLLOWER && role <= SB_ROLE_OWNER)
			f = sb_channel_add(ch, a, (int)role);
		if (f)
			f->muted = json_is_true(json_array_get(row, 1));
	}
}

void sb_post_restore(struct sandbox *s, const char *id, int64_t server_id, json_t *o)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };
	struct sb_channel *ch = sb_channel_find(s, id);
	struct sb_post *p;
	const char *pn;
	char *code;
	json_t *v;

	if (!ch || !json_is_object(o) || server_id <= 0)
		return;
	wa_buf_init(&b, SB_OUT_MAX);
	if (wa_b64_decode(wa_span_str(text(o, "bytes")), WA_B64_STD, &b))
		return;
	p = sb_post_add(ch, server_id, text(o, "id"), text(o, "type"));
	if (!p)
		return;
	/* records come in any order */
	for (size_t i = ch->n_posts - 1; i > 0 && ch->posts[i - 1]->server_id > server_id; i--) {
		ch->posts[i] = ch->posts[i - 1];
		ch->posts[i - 1] = p;
	}
	p->t = num(o, "t");
	p->views = num(o, "views");
	p->changed_s = num(o, "changed");
	if (b.len)
		p->bytes = wa_buf_take(&b, &p->len);
	json_object_foreach(json_object_get(o, "reactions"), pn, v)
	{
		code = json_is_string(v) ? sb_strdup(json_string_value(v)) : NULL;
		if (code && wa_map_put(&p->reactions, wa_span_str(pn), code, NULL))
			free(code);
	}
}
