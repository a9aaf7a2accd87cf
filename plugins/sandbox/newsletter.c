/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "channel.h"

#include <crypto.h>

struct sb_channel *sb_channel_find(struct sandbox *s, const char *jid)
{
	size_t n = strcspn(jid, "@");
	struct wa_list *l;

	WA_LIST_EACH(l, &s->channels)
	{
		struct sb_channel *ch = container_of(l, struct sb_channel, link);

		if (strlen(ch->jid.user) == n && memcmp(ch->jid.user, jid, n) == 0)
			return ch;
	}
	return NULL;
}

struct sb_follower *sb_follower(const struct sb_channel *ch, const struct sb_account *a)
{
	return wa_map_get(&ch->people, wa_span_str(a->pn));
}

static void post_free(struct sb_post *p)
{
	struct wa_span key;
	size_t it = 0;
	void *value;

	while (wa_map_next(&p->reactions, &it, &key, &value))
		free(value);
	wa_map_clear(&p->reactions);
	free(p->id);
	free(p->type);
	free(p->bytes);
	free(p);
}

static void channel_free(struct sb_channel *ch)
{
	struct wa_span key;
	size_t it = 0;
	void *value;

	while (wa_map_next(&ch->people, &it, &key, &value))
		free(value);
	wa_map_clear(&ch->people);
	sb_drop_channel(ch);
	sb_picture_clear(&ch->picture);
	for (size_t i = 0; i < ch->n_posts; i++)
		post_free(ch->posts[i]);
	free(ch->posts);
	free(ch->name);
	free(ch->description);
	wa_list_del(&ch->link);
	free(ch);
}

void sb_channels_free(struct sandbox *s)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &s->channels)
	channel_free(container_of(l, struct sb_channel, link));
}

struct sb_follower *sb_channel_add(struct sb_channel *ch, const struct sb_account *a, int role)
{
	struct sb_follower *f = sb_follower(ch, a);

	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f || wa_map_put(&ch->people, wa_span_str(a->pn), f, NULL)) {
			free(f);
			return NULL;
		}
	}
	f->role = (uint8_t)role;
	sb_keep_channel(ch);
	return f;
}

struct sb_channel *sb_channel_alloc(struct sandbox *s, const char *id, const char *name, const char *description)
{
	struct sb_channel *ch = calloc(1, sizeof(*ch));

	if (!ch)
		return NULL;
	wa_list_push_back(&s->channels, &ch->link);
	ch->s = s;
	ch->jid = wa_jid_make(WA_SRV_NEWSLETTER, id, 0);
	ch->name = sb_strdup(name);
	ch->description = sb_strdup(description);
	if (ch->name && ch->description)
		return ch;
	channel_free(ch);
	return NULL;
}

struct sb_channel *sb_channel_new(struct sb_account *owner, const char *name, const char *description,
				  struct wa_err *err)
{
	struct sandbox *s = owner->s;
	struct sb_channel *ch;
	size_t many = 0;
	struct wa_list *l;
	uint8_t r[22];
	char user[24];

	WA_LIST_EACH(l, &s->channels) many++;
	if (!*name || strlen(name) > SB_TEXT_MAX || strlen(description) > SB_TEXT_MAX || many >= SB_CHANNELS_MAX) {
		wa_err_set(err, WA_EINVALID, "a channel has a name, and there are at most %d", SB_CHANNELS_MAX);
		return NULL;
	}
	sb_random(s, r, sizeof(r));
	snprintf(user, sizeof(user), "1203%014llu", (unsigned long long)(sb_now(s) / 1000 * 1000 + (int64_t)many));
	ch = sb_channel_alloc(s, user, name, description);
	if (!ch)
		return NULL;
	for (size_t i = 0; i < sizeof(r); i++)
		ch->invite[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[r[i] % 62];
	memcpy(ch->invite, "0029", 4);
	sb_copy(ch->reactions, sizeof(ch->reactions), "ALL");
	ch->created_s = ch->name_s = sb_now(s) / 1000;
	ch->next_server_id = 100;
	if (!sb_channel_add(ch, owner, SB_ROLE_OWNER)) {
		channel_free(ch);
		wa_err_set(err, WA_ENOMEM, "no memory for a channel");
		return NULL;
	}
	return ch;
}

int sb_channel_follow(struct sb_channel *ch, struct sb_account *a, const struct sb_device *by, bool on)
{
	struct sb_follower *f = sb_follower(ch, a);

	if (ch->deleted)
		return 404;
	if (on && !f && !sb_channel_add(ch, a, SB_ROLE_FOLLOWER))
		return 500;
	if (!on && f && f->role == SB_ROLE_OWNER)
		return 403;
	if (!on && f) {
		wa_map_del(&ch->people, wa_span_str(a->pn));
		free(f);
		sb_keep_channel(ch);
	}
	sb_mex_tell(a, by, on ? "NotificationNewsletterJoin" : "NotificationNewsletterLeave",
		    on ? "xwa2_notify_newsletter_on_join" : "xwa2_notify_newsletter_on_leave",
		    sb_channel_json(ch, a));
	return 0;
}

/* ---- posts ---- */

static struct sb_post *find_post(const struct sb_channel *ch, int64_t server_id, const char *id)
{
	for (size_t i = 0; i < ch->n_posts; i++)
		if (id ? strcmp(ch->posts[i]->id, id) == 0 : ch->posts[i]->server_id == server_id)
			return ch->posts[i];
	return NULL;
}

static void put_counts(struct wa_arena *a, struct wa_node *m, const struct sb_post *p)
{
	struct wa_node *r;
	struct wa_span key, key2;
	size_t it = 0, it2;
	void *v, *v2;

	wa_node_attr_int(a, wa_node_child(a, m, "views_count"), "count", p->views);
	r = wa_node_child(a, m, "reactions");
	while (wa_map_next(&p->reactions, &it, &key, &v)) {
		int64_t n = 0;
		bool first = true;
		struct wa_node *k;

		for (it2 = 0; wa_map_next(&p->reactions, &it2, &key2, &v2);) {
			if (strcmp(v, v2) != 0)
				continue;
			/* one node for each code: where the code is met first */
			if (n++ == 0)
				first = wa_span_eq(key, key2);
		}
		if (!first)
			continue;
		k = wa_node_child(a, r, "reaction");
		wa_node_attr(a, k, "code", v);
		wa_node_attr_int(a, k, "count", n);
	}
}

static void put_post(struct wa_arena *a, struct wa_node *m, const struct sb_post *p)
{
	wa_node_attr(a, m, "id", p->id);
	wa_node_attr_int(a, m, "server_id", p->server_id);
	wa_node_attr_int(a, m, "t", p->t);
	wa_node_attr(a, m, "type", p->type);
	if (p->len)
		wa_node_data(a, wa_node_child(a, m, "plaintext"), wa_span(p->bytes, p->len));
}

/* To everybody who follows it, but the device that posted. */
static void spread(struct sb_channel *ch, const struct sb_post *p, const struct sb_account *author,
		   const struct sb_device *by, const char *edit)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *m;
	struct wa_list *l;

	wa_arena_init(&a, 16 * SB_STANZA_MAX);
	WA_LIST_EACH(l, &author->s->accounts)
	{
		struct sb_account *to = container_of(l, struct sb_account, link);

		if (!sb_follower(ch, to))
			continue;
		m = wa_node_new(&a, "message");
		wa_node_attr_jid(&a, m, "from", &ch->jid);
		put_post(&a, m, p);
		if (edit && *edit)
			wa_node_attr(&a, m, "edit", edit);
		if (to == author)
			wa_node_attr(&a, m, "is_sender", "true");
		sb_tell_devices(to, by, m);
	}
}

struct sb_post *sb_post_add(struct sb_channel *ch, int64_t server_id, const char *id, const char *type)
{
	struct sb_post **grown = realloc(ch->posts, (ch->n_posts + 1) * sizeof(struct sb_post *)), *p;

	if (grown)
		ch->posts = grown;
	p = grown ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return NULL;
	p->id = sb_strdup(id);
	p->type = sb_strdup(type);
	if (!p->id || !p->type) {
		post_free(p);
		return NULL;
	}
	p->server_id = server_id;
	p->t = sb_now(ch->s) / 1000;
	ch->posts[ch->n_posts++] = p;
	if (ch->n_posts > SB_POSTS_MAX) {
		sb_drop_post(ch, ch->posts[0]);
		post_free(ch->posts[0]);
		memmove(ch->posts, ch->posts + 1, --ch->n_posts * sizeof(struct sb_post *));
	}
	return p;
}

int sb_channel_post(struct sb_channel *ch, struct sb_account *a, const struct sb_device *by, const char *id,
		    const char *type, const char *edit, struct wa_span bytes, int64_t *ret_server_id)
{
	struct sb_follower *f = sb_follower(ch, a);
	uint8_t *copy = NULL;
	struct sb_post *p;

	if (ch->deleted || !f)
		return 404;
	if (f->role < SB_ROLE_ADMIN)
		return 403;
	p = *edit ? find_post(ch, 0, id) : sb_post_add(ch, ch->next_server_id++, id, type);
	if (!p)
		return *edit ? 404 : 500;
	if (bytes.len && !(copy = malloc(bytes.len)))
		return 500;
	if (bytes.len)
		memcpy(copy, bytes.ptr, bytes.len);
	free(p->bytes);
	p->bytes = copy;
	p->len = bytes.len;
	p->changed_s = sb_now(a->s) / 1000;
	*ret_server_id = p->server_id;
	sb_keep_post(ch, p);
	spread(ch, p, a, by, edit);
	return 0;
}

/* Views and reactions to whoever asked for live updates. */
static void tell_counts(struct sandbox *s, struct sb_channel *ch, struct sb_post *p)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n, *m;
	struct wa_list *l;

	p->changed_s = sb_now(s) / 1000;
	sb_keep_post(ch, p);
	wa_arena_init(&a, SB_STANZA_MAX);
	n = sb_notification(s, &a, "newsletter", &ch->jid);
	m = wa_node_child(&a, wa_node_child(&a, wa_node_child(&a, n, "live_updates"), "messages"), "message");
	wa_node_attr_int(&a, m, "server_id", p->server_id);
	put_counts(&a, m, p);
	WA_LIST_EACH(l, &s->accounts)
	{
		struct sb_account *to = container_of(l, struct sb_account, link);
		struct sb_follower *f = sb_follower(ch, to);

		if (f && f->live_ms > sb_now(s))
			sb_tell_devices(to, NULL, n);
	}
}

int sb_channel_react(struct sb_channel *ch, struct sb_account *a, int64_t server_id, const char *code)
{
	struct sb_post *p = find_post(ch, server_id, NULL);
	char *copy;

	if (ch->deleted || !p || !sb_follower(ch, a))
		return 404;
	if (strcmp(ch->reactions, "NONE") == 0)
		return 403;
	free(wa_map_del(&p->reactions, wa_span_str(a->pn)));
	if (*code) {
		copy = sb_strdup(code);
		if (!copy || wa_map_put(&p->reactions, wa_span_str(a->pn), copy, NULL)) {
			free(copy);
			return 500;
		}
	}
	tell_counts(a->s, ch, p);
	return 0;
}

/* ---- stanzas ---- */

static struct sb_channel *addressed(struct sandbox *s, const struct wa_node *n, bool *ret_is)
{
	struct wa_jid to;

	*ret_is = wa_node_attr_jid_get(n, "to", &to) && to.server == WA_SRV_NEWSLETTER;
	return *ret_is ? sb_channel_find(s, to.user) : NULL;
}

static void ack(struct sb_conn *c, const struct wa_node *n, int error, int64_t server_id)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *k;
	struct wa_jid to;

	wa_arena_init(&a, SB_STANZA_MAX);
	k = wa_node_new(&a, "ack");
	wa_node_attr_span(&a, k, "class", n->tag);
	wa_node_attr_span(&a, k, "id", wa_node_attr_get(n, "id"));
	if (wa_node_attr_jid_get(n, "to", &to))
		wa_node_attr_jid(&a, k, "from", &to);
	wa_node_attr_int(&a, k, "t", sb_now(c->s) / 1000);
	if (error)
		wa_node_attr_int(&a, k, "error", error);
	if (server_id)
		wa_node_attr_int(&a, k, "server_id", server_id);
	sb_send(c, k);
}

/* A file lies plain on the media host; who names the handle of its upload names one there is. */
static void judge_file(struct sb_device *d, const struct wa_node *n, struct wa_span bytes)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sandbox *s = d->acc->s;
	struct wa_span stored, handle = wa_node_attr_get(n, "media_id");
	struct wa_message m;
	const char *path;
	uint8_t hash[32];

	wa_arena_init(&a, 16 * SB_STANZA_MAX);
	if (bytes.len == 0 || wa_message_decode(bytes, &a, &m, NULL) || !m.media)
		return;
	path = wa_arena_str(&a, m.media->direct_path);
	if (m.media->media_key.len || m.media->file_enc_sha256.len)
		sb_violation(s, d, n, "newsletter.key", "a file of a channel with a key");
	if (handle.len && !sb_blob_has(s, handle))
		sb_violation(s, d, n, "newsletter.media_id", "no upload has this handle");
	if (!path || sb_blob_get(s, path, &stored) != 1) {
		sb_violation(s, d, n, "newsletter.file", "the file is not on the media host");
		return;
	}
	wa_sha256(stored, hash);
	if (!wa_span_eq(m.media->file_sha256, wa_span(hash, 32)) || m.media->length != stored.len)
		sb_violation(s, d, n, "newsletter.hash", "the file has another hash or length");
}

bool sb_channel_message(struct sb_device *d, struct sb_conn *c, const struct wa_node *n)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sandbox *s = d->acc->s;
	const struct wa_node *plain = wa_node_get(n, "plaintext"), *r = wa_node_get(n, "reaction");
	const char *edit;
	struct sb_channel *ch;
	int64_t server_id = wa_node_attr_num(n, "server_id", 0);
	bool is;
	int code;

	ch = addressed(s, n, &is);
	if (!is || !c)
		return false;
	wa_arena_init(&a, SB_STANZA_MAX);
	edit = sb_attr(&a, n, "edit");
	if (!wa_node_attr_get(n, "id").len || !wa_node_has(n, "type") || (!plain && !r)) {
		sb_violation(s, d, n, "newsletter.malformed", "no id or type, neither plaintext nor reaction");
		return true;
	}
	if (wa_node_get(n, "enc") || wa_node_get(n, "participants"))
		sb_violation(s, d, n, "newsletter.enc", "posts are not encrypted");
	if (!ch) {
		code = 404;
	} else if (r) {
		if ((wa_node_attr_get(r, "code").len == 0) != (strcmp(edit, "7") == 0) ||
		    !wa_node_attr_is(n, "type", "reaction"))
			sb_violation(s, d, n, "newsletter.reaction", "edit=7 goes with a missing code");
		code = sb_channel_react(ch, d->acc, server_id, sb_attr(&a, r, "code"));
	} else {
		judge_file(d, n, wa_node_bytes(plain));
		code = sb_channel_post(ch, d->acc, d, sb_attr(&a, n, "id"), sb_attr(&a, n, "type"), edit,
				       wa_node_bytes(plain), &server_id);
	}
	ack(c, n, code, code ? 0 : server_id);
	return true;
}

bool sb_channel_receipt(struct sb_device *d, struct sb_conn *c, const struct wa_node *n)
{
	const struct wa_node *k;
	struct sb_channel *ch;
	struct sb_post *p;
	bool is;

	ch = addressed(d->acc->s, n, &is);
	if (!is || !c)
		return false;
	if (!wa_node_attr_is(n, "type", "view") || !wa_node_attr_get(n, "id").len)
		sb_violation(d->acc->s, d, n, "newsletter.receipt", "only views are told, with an id");
	for (k = wa_node_first(wa_node_get(n, "list")); ch && k; k = k->next) {
		p = find_post(ch, wa_node_attr_num(k, "server_id", 0), NULL);
		if (!p)
			continue;
		p->views++;
		tell_counts(d->acc->s, ch, p);
	}
	ack(c, n, ch ? 0 : 404, 0);
	return true;
}

static void list_posts(struct sb_conn *c, const struct wa_node *iq, const struct sb_channel *ch,
		       const struct wa_node *ask, bool updates)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	int64_t count = wa_node_attr_num(ask, "count", 0), before = wa_node_attr_num(ask, "before", INT64_MAX);
	int64_t after = wa_node_attr_num(ask, "after", 0), since = wa_node_attr_num(ask, "since", 0);
	struct wa_node *out, *list, *m;
	size_t first = 0, last = ch->n_posts;

	if (count < 1 || count > 300) {
		sb_violation(c->s, c->dev, iq, "newsletter.count", "a count of 1 to 300");
		sb_iq_error(c, iq, 400);
		return;
	}
	wa_arena_init(&a, 64 * SB_STANZA_MAX);
	out = list = wa_node_new(&a, updates ? "message_updates" : "messages");
	if (updates)
		list = wa_node_child(&a, out, "messages");
	while (last && ch->posts[last - 1]->server_id >= before)
		last--;
	if (!updates && last > (size_t)count)
		first = last - (size_t)count;
	for (size_t i = first; i < last; i++) {
		struct sb_post *p = ch->posts[i];

		if (p->server_id <= after || (updates && p->changed_s < since))
			continue;
		m = wa_node_child(&a, list, "message");
		if (updates)
			wa_node_attr_int(&a, m, "server_id", p->server_id);
		else
			put_post(&a, m, p);
		put_counts(&a, m, p);
		if (updates && --count == 0)
			break;
	}
	sb_iq_result(c, iq, &a, out);
}

void sb_iq_newsletter(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *m = wa_node_get(iq, "messages"), *u = wa_node_get(iq, "message_updates");
	struct sb_follower *f;
	struct sb_channel *ch;
	struct wa_node *live;
	struct wa_jid jid;

	if (!(m ? wa_node_attr_jid_get(m, "jid", &jid) : wa_node_attr_jid_get(iq, "to", &jid)) ||
	    jid.server != WA_SRV_NEWSLETTER) {
		sb_violation(c->s, c->dev, iq, "newsletter.to", "no channel");
		sb_iq_error(c, iq, 400);
		return;
	}
	ch = sb_channel_find(c->s, jid.user);
	if (!ch || ch->deleted) {
		sb_iq_error(c, iq, 404);
	} else if (m || u) {
		list_posts(c, iq, ch, m ? m : u, !m);
	} else if (wa_node_get(iq, "live_updates") && (f = sb_follower(ch, c->dev->acc))) {
		f->live_ms = sb_now(c->s) + SB_LIVE_S * 1000;
		wa_arena_init(&a, SB_STANZA_MAX);
		live = wa_node_new(&a, "live_updates");
		wa_node_attr_int(&a, live, "duration", SB_LIVE_S);
		sb_iq_result(c, iq, &a, live);
	} else {
		sb_iq_error(c, iq, wa_node_get(iq, "live_updates") ? 403 : 400);
	}
}
