/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What we ask the phone for: older messages of a chat, a chunk that did not come. */
#include "history_int.h"

#include "pb.h"
#include "peer.h"

#define ASK_MAX 4096

/* PeerDataOperationRequestMessage */
#define PDO_TYPE      1
#define PDO_ON_DEMAND 4
#define PDO_MESSAGE   5
#define PDO_CHUNK     8

static void ask_phone(struct wa_client *c, uint64_t type, uint32_t field, struct wa_span request,
		      bool sensitive, char *ret_id)
{
	struct peer_opts o = { .priority = "high_force", .privacy_sensitive = sensitive };
	struct wa_buf pdo, message;

	wa_buf_init(&pdo, ASK_MAX);
	wa_buf_init(&message, ASK_MAX);
	wa_pb_put_varint(&pdo, PDO_TYPE, type);
	wa_pb_put(&pdo, field, request);
	peer_wrap(&message, PEER_PDO_REQUEST, 16, wa_buf_view(&pdo));
	if (ret_id)
		ret_id[0] = '\0';
	if (wa_buf_end(&pdo, NULL) || wa_buf_end(&message, NULL))
		client_nomem(c);
	else
		peer_send(c, wa_buf_view(&message), &o, NULL, NULL, ret_id);
	wa_buf_clear(&pdo);
	wa_buf_clear(&message);
}

void history_ask_chunk(struct wa_client *c, int type, uint32_t chunk)
{
	struct wa_buf b;

	wa_buf_init(&b, ASK_MAX);
	wa_pb_put_varint(&b, 1, (uint64_t)type);
	wa_pb_put_varint(&b, 2, chunk);
	wa_pb_put_varint(&b, 4, 1); /* regenerateChunk: the first one may be lost */
	ask_phone(c, PEER_PDO_CHUNK_RETRY, PDO_CHUNK, wa_buf_view(&b), false, NULL);
	wa_buf_clear(&b);
}

static void put_text(struct wa_buf *b, uint32_t field, const char *s)
{
	wa_pb_put(b, field, wa_span_str(s));
}

int wa_client_history_request(struct wa_client *c, const struct wa_history_ask *ask, char ret_request[32],
			      struct wa_err *err)
{
	char chat[WA_JID_TEXT_MAX], id[MSG_ID_MAX + 1];
	struct wa_jid where;
	struct wa_buf b;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (!ask->oldest_id || !ask->oldest_id[0] || strlen(ask->oldest_id) > MSG_ID_MAX ||
	    wa_jid_is_null(&ask->chat) || ask->count == 0 || ask->count > WA_HISTORY_ON_DEMAND_MAX)
		return wa_err_set(err, WA_EINVALID, "older messages need a chat, its oldest message and a number");
	client_enter(c);
	where = wa_signal_canonical(c->sig, &ask->chat);
	wa_buf_init(&b, ASK_MAX);
	put_text(&b, 1, wa_jid_text(&where, chat));
	put_text(&b, 2, ask->oldest_id);
	wa_pb_put_varint(&b, 3, ask->oldest_from_me);
	wa_pb_put_varint(&b, 4, ask->count);
	wa_pb_put_varint(&b, 5, (uint64_t)ask->oldest_ms);
	ask_phone(c, PEER_PDO_ON_DEMAND, PDO_ON_DEMAND, wa_buf_view(&b), true, id);
	wa_buf_clear(&b);
	span_copy(ret_request, 32, wa_span_str(id));
	client_leave(c);
	return id[0] ? 0 : wa_err_set(err, WA_ESTATE, "the phone cannot be asked now");
}

void history_ask_message(struct wa_client *c, const struct wa_jid *chat, const struct wa_jid *sender,
			 bool from_me, bool group, const char *id)
{
	struct wa_jid author = wa_jid_bare(sender);
	char text[WA_JID_TEXT_MAX];
	struct wa_buf key, b;

	wa_buf_init(&key, ASK_MAX);
	wa_buf_init(&b, ASK_MAX);
	put_text(&key, 1, wa_jid_text(chat, text));
	wa_pb_put_varint(&key, 2, from_me);
	put_text(&key, 3, id);
	if (group && !from_me)
		put_text(&key, 4, wa_jid_text(&author, text));
	wa_pb_put(&b, 1, wa_buf_view(&key));
	ask_phone(c, PEER_PDO_PLACEHOLDER, PDO_MESSAGE, wa_buf_view(&b), false, NULL);
	wa_buf_clear(&key);
	wa_buf_clear(&b);
}
