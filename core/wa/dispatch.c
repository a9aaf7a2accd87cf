/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which file answers which stanza; plain acknowledgements. */
#include "client_int.h"

struct wa_node *client_ack_node(struct wa_arena *a, const struct wa_node *n, int error)
{
	struct wa_jid from, j;
	struct wa_node *ack;

	if (!wa_node_has(n, "id") || !wa_node_attr_jid_get(n, "from", &from))
		return NULL;
	ack = wa_node_new(a, "ack");
	wa_node_attr_span(a, ack, "class", n->tag);
	wa_node_attr_span(a, ack, "id", wa_node_attr_get(n, "id"));
	wa_node_attr_jid(a, ack, "to", &from);
	if (wa_node_attr_jid_get(n, "participant", &j))
		wa_node_attr_jid(a, ack, "participant", &j);
	if (wa_node_attr_jid_get(n, "recipient", &j))
		wa_node_attr_jid(a, ack, "recipient", &j);
	if (wa_node_has(n, "type") && !wa_node_is(n, "message"))
		wa_node_attr_span(a, ack, "type", wa_node_attr_get(n, "type"));
	if (error)
		wa_node_attr_int(a, ack, "error", error);
	return ack;
}

void client_ack(struct wa_client *c, const struct wa_node *n, int error)
{
	struct wa_node *ack;
	struct wa_arena a;

	wa_arena_init(&a, STANZA_ARENA_MAX);
	ack = client_ack_node(&a, n, error);
	if (ack)
		client_send(c, ack);
	wa_arena_clear(&a);
}

static void on_iq(struct wa_client *c, const struct wa_node *n)
{
	if (wa_node_attr_is(n, "type", "result") || wa_node_attr_is(n, "type", "error")) {
		(void)iq_answer(c, n);
	} else if (wa_node_attr_is(n, "xmlns", "urn:xmpp:ping") ||
		   wa_node_attr_is(n, "xmlns", "w:p")) {
		conn_pong(c, n);
	} else if (wa_node_attr_is(n, "xmlns", "md") && wa_node_attr_is(n, "type", "set")) {
		link_request(c, n);
	} else {
		client_unknown(c, "iq", wa_node_attr_get(n, "xmlns"));
	}
}

static void on_ack(struct wa_client *c, const struct wa_node *n)
{
	/* Reactions and views in channels, refused calls: sent as questions, answered by an ack. */
	if (!iq_answer(c, n) && wa_node_attr_is(n, "class", "message"))
		send_ack(c, n);
}

static void on_end(struct wa_client *c, const struct wa_node *n)
{
	(void)n;
	client_close(c,
		     c->dev.paired && c->state == WA_ST_LINKING ? WA_NEXT_RECONNECT_NOW
								: WA_NEXT_RECONNECT,
		     0, "stream_end");
}

/* Carriers of messages we do not read yet: acknowledged, or the server sends them for ever. */
static void on_other_message(struct wa_client *c, const struct wa_node *n)
{
	client_unknown(c, "stanza", n->tag);
	client_ack(c, n, 0);
}

static const struct {
	const char *tag;
	void (*fn)(struct wa_client *c, const struct wa_node *n);
	bool paired; /* makes no sense before linking is done */
} handlers[] = {
	{ "iq", on_iq, false },
	{ "message", recv_message, true },
	{ "receipt", receipt_in, true },
	{ "ack", on_ack, true },
	{ "notification", notification_in, false },
	{ "presence", presence_in, true },
	{ "chatstate", chatstate_in, true },
	{ "call", call_in, true },
	{ "ib", conn_ib, false },
	{ "success", conn_success, true },
	{ "failure", conn_failure, false },
	{ "stream:error", conn_stream_error, false },
	{ "xmlstreamend", on_end, false },
	{ "appdata", on_other_message, true },
	{ "status", on_other_message, true },
};

int client_on_node(struct wa_client *c, const struct wa_node *n)
{
	size_t i;

	for (i = 0; i < WA_ARRAY_LEN(handlers); i++) {
		if (!wa_node_is(n, handlers[i].tag))
			continue;
		if (!handlers[i].paired || c->dev.paired)
			handlers[i].fn(c, n);
		return 0;
	}
	client_unknown(c, "stanza", n->tag);
	return 0;
}
