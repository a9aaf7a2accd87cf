/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contact links (wa.me/qr/…) and business message links (wa.me/message/…). */
#include <wa/account.h>

#include "client_int.h"

#include <stdlib.h>

#define CODE_MAX 128

struct ask {
	wa_link_target_fn *fn;
	void *arg;
};

static void qr_code(const struct wa_node *answer, char *out, size_t size)
{
	span_copy(out, size, wa_node_attr_get(wa_node_get(answer, "qr"), "code"));
}

int wa_client_contact_link(struct wa_client *c, bool revoke, wa_done_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_node *iq, *qr;
	struct wa_arena a;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "set", "w:qr");
	qr = wa_node_child(&a, iq, "qr");
	wa_node_attr(&a, qr, "type", "contact");
	wa_node_attr(&a, qr, "action", revoke ? "revoke" : "get");
	iq_done(c, &a, iq, qr_code, fn, arg);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}

static void on_target(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *qr = wa_node_get(node, "qr");
	struct wa_link_target t = { 0 };
	struct ask *k = arg;
	struct wa_jid pn;

	if (code == 0 && !wa_node_attr_jid_get(qr, "jid", &t.jid))
		code = WA_EPROTO;
	if (code == 0) {
		if (wa_node_attr_jid_get(qr, "pn_jid", &pn))
			client_learn(c, &pn, &t.jid);
		t.push_name = client_span(c, wa_node_attr_get(qr, "notify"));
		t.message = client_span(c, wa_node_bytes(wa_node_get(qr, "message")));
		t.verified_name = client_span(c, wa_node_attr_get(wa_node_get(qr, "business"), "verified_name"));
		t.business = wa_node_get(qr, "business") != NULL || wa_node_get(qr, "message") != NULL;
	}
	k->fn(k->arg, code, code ? NULL : &t);
	free(k);
}

int wa_client_resolve_link(struct wa_client *c, const char *code, bool business, wa_link_target_fn *fn, void *arg,
			   struct wa_err *err)
{
	struct wa_node *iq, *qr;
	struct wa_arena a;
	struct ask *k;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (!*code || strlen(code) > CODE_MAX)
		return wa_err_set(err, WA_EINVALID, "a link has a code");
	k = calloc(1, sizeof(*k));
	if (!k)
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	k->fn = fn;
	k->arg = arg;
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = iq_new(&a, "get", "w:qr");
	qr = wa_node_child(&a, iq, "qr");
	wa_node_attr(&a, qr, "code", code);
	if (business)
		wa_node_attr(&a, qr, "type", "message");
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_target, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}
