/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the devices of one account: what the phone tells its companions and
 * what they ask of it, as ProtocolMessages that no person sees.
 */
#include "peer.h"

#include "pb.h"
#include "send_int.h"
#include "sync_int.h"

#include <stdlib.h>

#define MESSAGE_PROTOCOL 12 /* Message.protocolMessage */
#define PROTOCOL_TYPE    2
#define RESULTS_MAX      64 /* results of one answer that are read */

/* PeerDataOperationRequestResponseMessage */
#define PDO_TYPE      1
#define PDO_STANZA_ID 2
#define PDO_RESULT    3

/* ---- in ---- */

static peer_fn pdo_response;

static const struct {
	int type;       /* ProtocolMessage.Type */
	uint32_t field; /* of ProtocolMessage that holds the content */
	bool phone;     /* only the primary device may say it */
	peer_fn *fn;
} kinds[] = {
	{ PEER_HISTORY, 6, true, history_notification },
	{ PEER_LID_MAPPING, 23, true, lidsync_mapping },
	{ PEER_KEY_SHARE, 7, false, sync_key_share },
	{ PEER_KEY_REQUEST, 8, false, sync_key_request },
	{ PEER_PDO_RESPONSE, 17, true, pdo_response },
};

/* What we asked of the phone, and which field of a result holds its answer. */
static const struct {
	uint64_t type; /* PeerDataOperationRequestType */
	uint32_t field;
	peer_result_fn *fn;
} results[] = {
	{ PEER_PDO_PLACEHOLDER, 4, placeholder_answer },
	{ PEER_PDO_SYNC_RECOVERY, 8, sync_recovery },
};

static void one_result(struct wa_client *c, const struct wa_msg_info *info, uint64_t type,
		       struct wa_span request, struct wa_span result)
{
	struct wa_span part;
	size_t i;

	for (i = 0; i < WA_ARRAY_LEN(results); i++)
		if (results[i].type == type &&
		    wa_pb_find(result, results[i].field, &part) == 1)
			results[i].fn(c, info, request, part);
}

static void pdo_response(struct wa_client *c, const struct wa_msg_info *info,
			 struct wa_span content)
{
	struct wa_span at = content, request = { NULL, 0 };
	uint64_t type = UINT64_MAX;
	struct wa_pb_field f;
	size_t n = 0;

	while (wa_pb_next(&at, &f) == 1) {
		if (f.number == PDO_TYPE && f.wire == 0)
			type = f.varint;
		else if (f.number == PDO_STANZA_ID && f.wire == 2)
			request = f.bytes;
	}
	at = content;
	while (n < RESULTS_MAX && wa_pb_next(&at, &f) == 1) {
		if (f.number != PDO_RESULT || f.wire != 2)
			continue;
		one_result(c, info, type, request, f.bytes);
		n++;
	}
}

bool peer_in(struct wa_client *c, const struct wa_msg_info *info, int type, struct wa_span raw)
{
	struct wa_span protocol, content;
	size_t i;

	for (i = 0; i < WA_ARRAY_LEN(kinds); i++) {
		if (kinds[i].type != type)
			continue;
		if (kinds[i].phone && info->sender.device != 0)
			return false;
		if (wa_pb_find(raw, MESSAGE_PROTOCOL, &protocol) == 1 &&
		    wa_pb_find(protocol, kinds[i].field, &content) == 1)
			kinds[i].fn(c, info, content);
		return true;
	}
	return false;
}

/* ---- out ---- */

void peer_wrap(struct wa_buf *out, int type, uint32_t field, struct wa_span content)
{
	struct wa_buf p;

	wa_buf_init(&p, PLAIN_MAX);
	wa_pb_put_varint(&p, PROTOCOL_TYPE, (uint64_t)type);
	wa_pb_put(&p, field, content);
	wa_pb_put(out, MESSAGE_PROTOCOL, wa_buf_view(&p));
	if (p.failed)
		out->failed = p.failed;
	wa_buf_wipe(&p);
}

void peer_send(struct wa_client *c, struct wa_span message, const struct peer_opts *o,
	       peer_done_fn *done, void *arg, char *ret_id)
{
	struct wa_jid to = wa_jid_is_null(&o->to) ? wa_jid_bare(&c->dev.pn) : o->to;
	char id[32];

	if (ret_id)
		ret_id[0] = '\0';
	wa_client_message_id(c, id);
	if (!client_up(c) || !c->dev.paired || send_peer(c, id, &to, message, o, done, arg)) {
		if (done)
			done(c, arg, WA_ESTATE, "not connected");
		return;
	}
	if (ret_id)
		snprintf(ret_id, MSG_ID_MAX + 1, "%s", id);
}
