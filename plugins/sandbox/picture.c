/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "picture.h"

#include "group.h"
#include "person.h"

void sb_picture_clear(struct sb_picture *p)
{
	free(p->bytes);
	memset(p, 0, sizeof(*p));
}

void sb_picture_restore(struct sb_picture *p, uint64_t id, struct wa_span jpeg)
{
	uint8_t *copy = jpeg.len && id ? malloc(jpeg.len) : NULL;

	if (!copy)
		return;
	memcpy(copy, jpeg.ptr, jpeg.len);
	sb_picture_clear(p);
	*p = (struct sb_picture){ .bytes = copy, .len = jpeg.len, .id = id };
}

int sb_picture_take(struct sandbox *s, struct sb_picture *p, struct wa_span jpeg)
{
	if (jpeg.len == 0) {
		sb_picture_clear(p);
		return 0;
	}
	if (jpeg.len < 4 || jpeg.len > SB_PICTURE_MAX || jpeg.ptr[0] != 0xff || jpeg.ptr[1] != 0xd8)
		return 406;
	sb_picture_restore(p, (uint64_t)(sb_now(s) / 1000) * 1000 + s->next_id++ % 1000, jpeg);
	return p->bytes ? 0 : 500;
}

static void text_of(const struct sb_picture *p, char out[32])
{
	snprintf(out, 32, "%llu", (unsigned long long)p->id);
}

static struct wa_node *news(struct sandbox *s, struct wa_arena *a, const struct sb_picture *p,
			    const struct wa_jid *whose, const struct wa_jid *author)
{
	struct wa_node *n = sb_notification(s, a, "picture", whose);
	struct wa_node *k = wa_node_child(a, n, p->id ? "set" : "delete");
	char id[32];

	wa_node_attr_jid(a, k, "jid", whose);
	if (author)
		wa_node_attr_jid(a, k, "author", author);
	text_of(p, id);
	if (p->id)
		wa_node_attr(a, k, "id", id);
	return n;
}

int sb_picture_set(struct sb_account *a, const struct sb_device *by, struct wa_span jpeg)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct sb_person *p = sb_person(a);
	int code = p ? sb_picture_take(a->s, &p->picture, jpeg) : 500;
	struct wa_node *n;

	if (code)
		return code;
	sb_keep_picture(a->s, a->pn, &p->picture);
	wa_arena_init(&ar, SB_STANZA_MAX);
	n = news(a->s, &ar, &p->picture, &a->lid_jid, &a->lid_jid);
	sb_tell_devices(a, by, n);
	sb_tell_watchers(a, "profile", n);
	return 0;
}

int sb_group_picture_set(struct sb_group *g, struct sb_account *who, const struct sb_device *by, struct wa_span jpeg)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n;
	int code;

	if (who && (!sb_group_member(g, who) || (g->locked && !sb_group_admin(g, who))))
		return 403;
	code = sb_picture_take(g->s, &g->picture, jpeg);
	if (code)
		return code;
	sb_keep_picture(g->s, g->id, &g->picture);
	wa_arena_init(&a, SB_STANZA_MAX);
	n = news(g->s, &a, &g->picture, &g->jid, !who ? NULL : g->lid ? &who->lid_jid : &who->pn_jid);
	for (size_t i = 0; i < g->n_members; i++)
		sb_tell_devices(g->members[i].acc, by, n);
	return 0;
}

/* ---- questions ---- */

bool sb_picture_path(struct sandbox *s, const struct sb_picture *p, char path[256])
{
	return sb_blob_plain(s, wa_span(p->bytes, p->len), path, NULL) == 0;
}

static void put_url(struct sandbox *s, struct wa_arena *a, struct wa_node *n, const struct sb_picture *p)
{
	char path[256];

	if (!sb_picture_path(s, p, path))
		return;
	wa_node_attr(a, n, "url", wa_arena_fmt(a, "https://%s%s", *s->media_host ? s->media_host : "localhost", path));
	wa_node_attr(a, n, "direct_path", path);
}

static void answer_get(struct sb_conn *c, const struct wa_node *iq, const struct sb_picture *p)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *ask = wa_node_get(iq, "picture");
	struct wa_node *n;
	char id[32];

	if (!p->id) {
		sb_iq_error(c, iq, 404);
		return;
	}
	text_of(p, id);
	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "picture");
	wa_node_attr(&a, n, "id", id);
	wa_node_attr(&a, n, "type", wa_node_attr_is(ask, "type", "preview") ? "preview" : "image");
	if (wa_node_attr_is(ask, "id", id))
		wa_node_attr(&a, n, "status", "304");
	else
		put_url(c->s, &a, n, p);
	sb_iq_result(c, iq, &a, n);
}

/* Of a group only its members see it; of a person whom he allows. */
static void get(struct sb_conn *c, const struct wa_node *iq, struct sb_account *of, struct sb_group *g)
{
	static const struct sb_picture none;
	const struct wa_node *ask = wa_node_get(iq, "picture");
	struct sb_account *me = c->dev->acc;

	if (!ask || (!wa_node_attr_is(ask, "type", "preview") && !wa_node_attr_is(ask, "type", "image"))) {
		sb_violation(c->s, c->dev, iq, "picture.malformed", "neither preview nor image");
		sb_iq_error(c, iq, 400);
		return;
	}
	if ((g || of == me) && wa_node_get(ask, "tctoken")) {
		sb_violation(c->s, c->dev, iq, "picture.own_token", "the own picture, or a group's, is asked for with a token");
		return; /* the real server does not answer either */
	}
	if (g ? !sb_group_member(g, me) : of != me && !sb_allows(of, me, "profile"))
		sb_iq_error(c, iq, 401);
	else
		answer_get(c, iq, g ? &g->picture : of->person ? &of->person->picture : &none);
}

static void set(struct sb_conn *c, const struct wa_node *iq, struct sb_account *of, struct sb_group *g)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *in = wa_node_get(iq, "picture");
	const struct sb_picture *p;
	struct wa_node *n;
	char id[32];
	int code;

	if (in && !wa_node_attr_is(in, "type", "image"))
		sb_violation(c->s, c->dev, iq, "picture.malformed", "a picture that is set has the type image");
	if (!g && of != c->dev->acc) {
		sb_violation(c->s, c->dev, iq, "picture.foreign", "the picture of somebody else is set");
		code = 403;
	} else if (g) {
		code = sb_group_picture_set(g, of, c->dev, wa_node_bytes(in));
	} else {
		code = sb_picture_set(of, c->dev, wa_node_bytes(in));
	}
	if (code) {
		sb_iq_error(c, iq, code);
		return;
	}
	p = g ? &g->picture : &of->person->picture;
	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "picture");
	text_of(p, id);
	if (p->id)
		wa_node_attr(&a, n, "id", id);
	sb_iq_result(c, iq, &a, n);
}

void sb_iq_picture(struct sb_conn *c, const struct wa_node *iq)
{
	struct sb_account *of = c->dev->acc;
	struct sb_group *g = NULL;
	struct wa_jid j;

	if (wa_node_has(iq, "target") && wa_node_attr_jid_get(iq, "target", &j)) {
		g = sb_group_find(c->s, &j);
		of = g ? of : sb_find(c->s, &j);
	}
	if (!of)
		sb_iq_error(c, iq, 404);
	else if (wa_node_attr_is(iq, "type", "get"))
		get(c, iq, of, g);
	else
		set(c, iq, of, g);
}
