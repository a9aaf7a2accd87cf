/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of bots (enc type msmsg): not a Signal session but the secret of
 * the message they answer is what they are encrypted under (whatsmeow).
 */
#include "pb.h"
#include "client_int.h"

#include <wa/addon.h>

#include <crypto.h>

/* MessageSecretMessage */
#define FIELD_IV      2
#define FIELD_PAYLOAD 3

static bool is_bot(const struct wa_jid *j)
{
	size_t n = strlen(j->user);

	if (j->server == WA_SRV_BOT)
		return true;
	return j->server == WA_SRV_PN && ((n == 11 && strncmp(j->user, "1313555", 7) == 0) ||
					  (n == 11 && strncmp(j->user, "131655500", 9) == 0));
}

/* The message that was asked: where, by whom. We, in this chat, unless <meta> says otherwise. */
static int asked_secret(struct wa_client *c, const struct wa_node *msg, const struct wa_jid *bot,
			struct wa_jid *ret_author, uint8_t secret[32], struct wa_err *err)
{
	const struct wa_node *meta = wa_node_get(msg, "meta");
	struct wa_jid chat = wa_jid_bare(bot), from;
	char id[MSG_ID_MAX + 1];

	if (!meta || !wa_node_has(meta, "target_id"))
		return 0;
	span_copy(id, sizeof(id), wa_node_attr_get(meta, "target_id"));
	if (wa_node_attr_jid_get(meta, "target_sender_jid", ret_author) != 1)
		*ret_author = bot->server == WA_SRV_BOT && !wa_jid_is_null(&c->dev.lid) ? c->dev.lid
											: c->dev.pn;
	if (wa_node_attr_jid_get(msg, "from", &from) == 1 && from.server == WA_SRV_GROUP)
		chat = from;
	(void)wa_node_attr_jid_get(meta, "target_chat_jid", &chat);
	return wa_client_secret(c, &chat, ret_author, id, secret, err);
}

/* What the add-on is bound to: streams of edits keep the first one's id. */
static struct wa_span bound_id(const struct wa_node *msg)
{
	const struct wa_node *bot = wa_node_get(msg, "bot");

	if (bot && wa_node_has(bot, "edit_target_id") &&
	    (wa_node_attr_is(bot, "edit", "inner") || wa_node_attr_is(bot, "edit", "last")))
		return wa_node_attr_get(bot, "edit_target_id");
	return wa_node_attr_get(msg, "id");
}

int bot_open(struct wa_client *c, const struct wa_node *msg, const struct wa_jid *sender,
	     struct wa_span cipher, struct wa_buf *out, struct wa_err *err)
{
	struct wa_addon a = { .use = WA_ADDON_BOT, .target_id = bound_id(msg) };
	struct wa_enc enc = { .use = WA_ADDON_BOT };
	uint8_t secret[32], derived[32];
	int rc;

	if (!is_bot(sender))
		return wa_err_set(err, WA_EPROTO, "bot message of somebody else");
	if (wa_pb_find(cipher, FIELD_IV, &enc.iv) != 1 ||
	    wa_pb_find(cipher, FIELD_PAYLOAD, &enc.payload) != 1)
		return wa_err_set(err, WA_EPROTO, "bot message is malformed");
	rc = asked_secret(c, msg, sender, &a.author[0], secret, err);
	if (rc != 1)
		return rc < 0 ? rc : wa_err_set(err, WA_ENOTFOUND, "what the bot answers is not known");
	wa_hkdf(wa_span(secret, sizeof(secret)), wa_span(NULL, 0), wa_span_str("Bot Message"),
		derived, sizeof(derived));
	a.secret = wa_span(derived, sizeof(derived));
	a.sender[0] = *sender;
	rc = wa_addon_open(&a, &enc, out, err);
	wa_wipe(secret, sizeof(secret));
	wa_wipe(derived, sizeof(derived));
	return rc;
}
