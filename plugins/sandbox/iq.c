/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appstate.h"
#include "person.h"
#include "group.h"

static struct wa_node *start(struct wa_arena *a, const struct wa_node *iq, const char *type)
{
	struct wa_jid server = WA_JID_SERVER, to;
	struct wa_node *n = wa_node_new(a, "iq");

	wa_node_attr_span(a, n, "id", wa_node_attr_get(iq, "id"));
	if (!wa_node_attr_jid_get(iq, "to", &to))
		to = server;
	wa_node_attr_jid(a, n, "from", &to);
	wa_node_attr(a, n, "type", type);
	return n;
}

void sb_iq_result(struct sb_conn *c, const struct wa_node *iq, struct wa_arena *a,
		  struct wa_node *child)
{
	SB_AUTO_ARENA struct wa_arena own = { 0 };
	struct wa_node *n;

	wa_arena_init(&own, SB_STANZA_MAX);
	n = start(a ? a : &own, iq, "result");
	if (child)
		wa_node_append(n, child);
	sb_send(c, n);
}

void sb_iq_error(struct sb_conn *c, const struct wa_node *iq, int code)
{
	static const struct {
		int code;
		const char *text;
	} texts[] = {
		{ 400, "bad-request" },
		{ 401, "not-authorized" },
		{ 403, "forbidden" },
		{ 404, "item-not-found" },
		{ 405, "not-allowed" },
		{ 406, "not-acceptable" },
		{ 409, "conflict" },
		{ 410, "gone" },
		{ 429, "rate-overlimit" },
		{ 500, "internal-server-error" },
		{ 501, "feature-not-implemented" },
		{ 503, "service-unavailable" },
	};
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const char *text = "error";
	struct wa_node *n, *e;

	for (size_t i = 0; i < WA_ARRAY_LEN(texts); i++)
		if (texts[i].code == code)
			text = texts[i].text;
	wa_arena_init(&a, SB_STANZA_MAX);
	n = start(&a, iq, "error");
	e = wa_node_child(&a, n, "error");
	wa_node_attr_int(&a, e, "code", code);
	wa_node_attr(&a, e, "text", text);
	sb_send(c, n);
}

static void empty(struct sb_conn *c, const struct wa_node *iq)
{
	sb_iq_result(c, iq, NULL, NULL);
}

static void on_ping(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n;

	wa_arena_init(&a, SB_STANZA_MAX);
	n = start(&a, iq, "result");
	wa_node_attr_int(&a, n, "t", sb_now(c->s) / 1000);
	sb_send(c, n);
}

static void on_passive(struct sb_conn *c, const struct wa_node *iq)
{
	empty(c, iq);
	if (wa_node_get(iq, "active"))
		sb_activate(c->dev);
	else if (wa_node_get(iq, "passive"))
		c->dev->active = false;
	else
		sb_violation(c->s, c->dev, iq, "iq.passive", "neither active nor passive");
}

static void on_abt(struct sb_conn *c, const struct wa_node *iq)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n;

	wa_arena_init(&a, SB_STANZA_MAX);
	n = wa_node_new(&a, "props");
	wa_node_attr(&a, n, "protocol", "1");
	wa_node_attr(&a, n, "ab_key", "sandbox");
	wa_node_attr(&a, n, "hash", "sandbox");
	wa_node_attr(&a, n, "refresh", "86400");
	sb_iq_result(c, iq, &a, n);
}

static void on_md(struct sb_conn *c, const struct wa_node *iq)
{
	const struct wa_node *rm = wa_node_get(iq, "remove-companion-device");
	struct sb_account *acc;
	struct sb_device *d;
	struct wa_jid jid;

	if (wa_node_get(iq, "link_code_companion_reg")) {
		sb_iq_error(c, iq, 405); /* linked already */
		return;
	}
	if (!rm) {
		sb_iq_error(c, iq, 501);
		return;
	}
	acc = wa_node_attr_jid_get(rm, "jid", &jid) ? sb_find(c->s, &jid) : NULL;
	d = acc == c->dev->acc ? sb_device_find(acc, jid.device) : NULL;
	if (!d || d->id == 0) {
		sb_violation(c->s, c->dev, iq, "iq.remove_device",
			     "not a companion of this account");
		sb_iq_error(c, iq, 403);
		return;
	}
	empty(c, iq);
	sb_unlink(d, true);
}

struct handler {
	const char *xmlns;
	const char *type; /* NULL: any */
	void (*fn)(struct sb_conn *c, const struct wa_node *iq);
};

static const struct handler handlers[] = {
	{ "w:p", "get", on_ping },
	{ "encrypt", NULL, sb_keys },
	{ "usync", "get", sb_usync },
	{ "passive", "set", on_passive },
	{ "abt", "get", on_abt },
	{ "blocklist", NULL, sb_iq_blocklist },
	{ "privacy", NULL, sb_iq_privacy },
	{ "w:m", "set", sb_media_conn },
	{ "w:g2", NULL, sb_groups_iq },
	{ "md", NULL, on_md },
	{ "w:sync:app:state", "set", sb_appstate_iq },
	{ "urn:xmpp:whatsapp:dirty", "set", empty },
	{ "urn:xmpp:whatsapp:push", "set", empty },
	{ "disappearing_mode", "set", sb_iq_timer },
	{ "status", NULL, sb_iq_status },
	{ "w:profile:picture", NULL, sb_iq_picture },
	{ "w:biz", NULL, sb_iq_biz },
	{ "w:biz:catalog", NULL, sb_iq_catalog },
	{ "fb:thrift_iq", "get", sb_iq_order },
	{ "w:qr", NULL, sb_iq_qr },
	{ "w:mex", "get", sb_iq_mex },
	{ "newsletter", NULL, sb_iq_newsletter },
	{ "w:stats", NULL, empty },
	{ "tos", "set", empty },
};

static bool well_formed(struct sb_conn *c, const struct wa_node *iq)
{
	struct wa_span id = wa_node_attr_get(iq, "id");
	bool stats = wa_node_attr_is(iq, "xmlns", "w:stats"); /* stock clients forget its type */

	if (!id.len || id.len > 64) {
		sb_violation(c->s, c->dev, iq, "iq.id", "missing or too long");
		return false;
	}
	if (!wa_node_attr_is(iq, "type", "get") && !wa_node_attr_is(iq, "type", "set") && !stats) {
		sb_violation(c->s, c->dev, iq, "iq.type", "neither get nor set");
		sb_iq_error(c, iq, 400);
		return false;
	}
	if (wa_node_has(iq, "to") && !wa_node_attr_jid_typed(iq, "to"))
		sb_violation(c->s, c->dev, iq, "jid.untyped", "`to` is text, not a JID");
	if (!wa_node_has(iq, "to") && !wa_node_attr_is(iq, "xmlns", "w:qr"))
		sb_violation(c->s, c->dev, iq, "iq.to", "missing");
	return true;
}

void sb_iq(struct sb_conn *c, const struct wa_node *iq)
{
	struct sb_fault *f;

	if (wa_node_attr_is(iq, "type", "result") || wa_node_attr_is(iq, "type", "error")) {
		if (c->reg)
			sb_link_result(c, iq);
		return;
	}
	if (!well_formed(c, iq))
		return;
	if (c->reg) {
		const struct wa_node *code = wa_node_get(iq, "link_code_companion_reg");

		if (wa_node_attr_is(iq, "xmlns", "w:p"))
			on_ping(c, iq);
		else if (code)
			sb_link_iq(c, iq, code);
		else if (!sb_passkey_iq(c, iq))
			sb_iq_error(c, iq, 401);
		return;
	}
	f = wa_node_attr_is(iq, "xmlns", "w:p")
		    ? NULL
		    : sb_fault_hit(c->s, SB_FAULT_IQ_ERROR, c->dev->acc, c->dev->id);
	if (f) {
		sb_iq_error(c, iq, f->code ? f->code : 500);
		return;
	}
	for (size_t i = 0; i < WA_ARRAY_LEN(handlers); i++) {
		if (wa_node_attr_is(iq, "xmlns", handlers[i].xmlns) &&
		    (!handlers[i].type || wa_node_attr_is(iq, "type", handlers[i].type))) {
			handlers[i].fn(c, iq);
			return;
		}
	}
	sb_iq_error(c, iq, 501);
}
