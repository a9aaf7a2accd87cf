/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own name, about text and picture; pictures of others. */
#include <wa/account.h>

#include "client_int.h"

#include <stdlib.h>

#define PICTURE_TEXT_MAX 2048

int wa_client_about_set(struct wa_client *c, const char *text, wa_done_fn *fn, void *arg, struct wa_err *err)
{
	size_t len = strlen(text);
	struct wa_node *iq;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (len > WA_ABOUT_MAX)
		return wa_err_set(err, WA_EINVALID, "an about text of %zu bytes, %d at most", len, WA_ABOUT_MAX);
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "status");
	wa_node_data(&a, wa_node_child(&a, iq, "status"), wa_span(text, len));
	iq_done(c, &a, iq, NULL, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

int wa_client_push_name(struct wa_client *c, const char *name, struct wa_err *err)
{
	size_t len = strlen(name);
	struct wa_node *p;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (len == 0 || len >= sizeof(c->dev.push_name))
		return wa_err_set(err, WA_EINVALID, "a name of %zu bytes, 1 to %zu are allowed", len,
				  sizeof(c->dev.push_name) - 1);
	client_enter(c);
	presence_own_name(c, wa_span(name, len));
	wa_arena_init(&a, STANZA_ARENA_MAX);
	p = wa_node_new(&a, "presence");
	wa_node_attr(&a, p, "name", name);
	client_send(c, p);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

/* ---- pictures ---- */

static void picture_id(const struct wa_node *answer, char *out, size_t size)
{
	span_copy(out, size, wa_node_attr_get(wa_node_get(answer, "picture"), "id"));
}

/* SOI at the start: the server takes nothing else. */
static bool is_jpeg(struct wa_span s)
{
	return s.len > 4 && s.ptr[0] == 0xff && s.ptr[1] == 0xd8 && s.ptr[2] == 0xff;
}

int wa_client_picture_set(struct wa_client *c, const struct wa_jid *target, struct wa_span jpeg, wa_done_fn *fn,
			  void *arg, struct wa_err *err)
{
	bool own = !target || client_own(c, target);
	struct wa_node *iq, *p;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (!own && target->server != WA_SRV_GROUP)
		return wa_err_set(err, WA_EINVALID, "only our own picture and those of groups can be set");
	if (jpeg.len && (!is_jpeg(jpeg) || jpeg.len > WA_PICTURE_MAX))
		return wa_err_set(err, WA_EINVALID, "a picture must be a JPEG of at most %u bytes", WA_PICTURE_MAX);
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "w:profile:picture");
	if (!own)
		wa_node_attr_jid(&a, iq, "target", target);
	if (jpeg.len) {
		p = wa_node_child(&a, iq, "picture");
		wa_node_attr(&a, p, "type", "image");
		wa_node_data(&a, p, jpeg);
	}
	iq_done(c, &a, iq, picture_id, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

struct ask {
	wa_picture_fn *fn;
	void *arg;
	bool preview;
};

static void on_picture(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *p = wa_node_get(node, "picture");
	int64_t status = wa_node_attr_num(p, "status", 0);
	struct wa_picture pic = { 0 };
	struct ask *k = arg;
	struct wa_arena a;

	(void)c;
	wa_arena_init(&a, 64u << 10);
	if (code == 0 && (!p || status == 204))
		code = 404;
	if (code == 0 && status >= 300 && status < 600)
		code = (int)status;
	if (code == 0) {
		pic.id = wa_arena_str(&a, wa_node_attr_get(p, "id"));
		pic.url = wa_arena_str(&a, wa_node_attr_get(p, "url"));
		pic.direct_path = wa_arena_str(&a, wa_node_attr_get(p, "direct_path"));
		pic.preview = k->preview;
		if (wa_arena_failed(&a))
			code = WA_ENOMEM;
		else if (strlen(pic.url) > PICTURE_TEXT_MAX || strlen(pic.direct_path) > PICTURE_TEXT_MAX)
			code = WA_EPROTO;
	}
	k->fn(k->arg, code, code ? NULL : &pic);
	wa_arena_clear(&a);
	free(k);
}

int wa_client_picture_get(struct wa_client *c, const struct wa_jid *who, bool preview, const char *known_id,
			  wa_picture_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_jid target = wa_jid_bare(who);
	struct ask *k;
	struct wa_node *iq, *p;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if ((!wa_jid_is_user(&target) && target.server != WA_SRV_GROUP) || !target.user[0])
		return wa_err_set(err, WA_EINVALID, "only people and groups have pictures");
	k = calloc(1, sizeof(*k));
	if (!k)
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	k->fn = fn;
	k->arg = arg;
	k->preview = preview;
	client_enter(c);
	if (wa_jid_is_user(&target))
		target = wa_signal_canonical(c->sig, &target);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "w:profile:picture");
	wa_node_attr_jid(&a, iq, "target", &target);
	p = wa_node_child(&a, iq, "picture");
	wa_node_attr(&a, p, "type", preview ? "preview" : "image");
	wa_node_attr(&a, p, "query", "url");
	if (known_id && *known_id)
		wa_node_attr(&a, p, "id", known_id);
	/* Never with our own: the server does not answer that. */
	if (wa_jid_is_user(&target))
		trust_put(c, &a, p, &target);
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_picture, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}
