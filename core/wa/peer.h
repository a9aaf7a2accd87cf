/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_PEER_H
#define WA_PEER_H

/*
 * Between the devices of one account (peer.c): ProtocolMessages that no person
 * sees. To read one more kind: a row in peer.c's table and a function.
 */
#include "client_int.h"

/* ProtocolMessage.Type */
#define PEER_HISTORY        5
#define PEER_KEY_SHARE      6
#define PEER_KEY_REQUEST    7
#define PEER_SYNC_FATAL     10
#define PEER_PDO_REQUEST    16
#define PEER_PDO_RESPONSE   17
#define PEER_LID_MAPPING    22

/* PeerDataOperationRequestType */
#define PEER_PDO_ON_DEMAND     3
#define PEER_PDO_PLACEHOLDER   4
#define PEER_PDO_SYNC_RECOVERY 8
#define PEER_PDO_CHUNK_RETRY   10

/* The content of a ProtocolMessage of that kind, from one of our own devices. Borrowed. */
typedef void peer_fn(struct wa_client *c, const struct wa_msg_info *info, struct wa_span content);
/* One result of a PeerDataOperationRequestResponseMessage: its own message. request: the id of our
 * question, as peer_send returned it; may be empty. */
typedef void peer_result_fn(struct wa_client *c, const struct wa_msg_info *info,
			    struct wa_span request, struct wa_span result);

/* raw: the Message with a protocolMessage of that type, from our own account. False: nothing reads
 * this kind. */
bool peer_in(struct wa_client *c, const struct wa_msg_info *info, int type, struct wa_span raw);

struct peer_opts {
	struct wa_jid to;		/* one of our own devices; null: the phone */
	const char *priority;		/* push_priority: "high", "high_force" */
	bool privacy_sensitive;		/* on-demand history */
};
typedef void peer_done_fn(struct wa_client *c, void *arg, int code, const char *text);

/*
 * Send an encoded Message to our phone (or one other own device). done (NULL allowed) is called
 * exactly once: 0 the server has it, > 0 its refusal, < 0 it never got there. Returns the message
 * id, "" when nothing was queued (done was called then). ret_id: MSG_ID_MAX + 1 bytes or NULL.
 */
void peer_send(struct wa_client *c, struct wa_span message, const struct peer_opts *o,
	       peer_done_fn *done, void *arg, char *ret_id);

/* protocolMessage{type, field: content} around content, as an encoded Message. */
void peer_wrap(struct wa_buf *out, int type, uint32_t field, struct wa_span content);

#endif
