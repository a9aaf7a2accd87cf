/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What companions say to their phone in peer messages, by kind. */
#include "appstate.h"

#include <pb.h>

enum { MESSAGE_PROTOCOL = 12, PROTOCOL_TYPE = 2 };
enum { KEY_REQUEST = 7, FATAL = 10, PDO_REQUEST = 16 };
enum { FIELD_KEY_REQUEST = 8, FIELD_FATAL = 10, FIELD_PDO = 16 };
enum { PDO_TYPE = 1, PDO_FIELD_RECOVERY = 7, PDO_RECOVERY = 8 };

static uint64_t number(struct wa_span in, uint32_t field)
{
	struct wa_pb_field f;
	uint64_t v = UINT64_MAX;

	while (wa_pb_next(&in, &f) == 1)
		if (f.number == field && f.wire == 0)
			v = f.varint;
	return v;
}

static void pdo(struct sb_device *from, const char *id, struct wa_span content)
{
	struct wa_span part;

	if (number(content, PDO_TYPE) != PDO_RECOVERY)
		sb_history_pdo(from, id, content);
	else if (wa_pb_find(content, PDO_FIELD_RECOVERY, &part) == 1)
		sb_appstate_recovery(from->acc, from, id, part);
	else
		sb_violation(from->acc->s, from, NULL, "peer.pdo", "request without its question");
}

void sb_peer_in(struct sb_device *from, const char *id, struct wa_span message)
{
	struct wa_span protocol, part;

	if (!from->acc->online || !from->acc->devices[0]->sim ||
	    wa_pb_find(message, MESSAGE_PROTOCOL, &protocol) != 1)
		return;
	switch (number(protocol, PROTOCOL_TYPE)) {
	case KEY_REQUEST:
		if (wa_pb_find(protocol, FIELD_KEY_REQUEST, &part) == 1)
			sb_appstate_key_request(from->acc, from, part);
		break;
	case FATAL:
		if (wa_pb_find(protocol, FIELD_FATAL, &part) == 1)
			sb_appstate_fatal(from->acc, from, part);
		break;
	case PDO_REQUEST:
		if (wa_pb_find(protocol, FIELD_PDO, &part) == 1)
			pdo(from, id, part);
		break;
	default:
		break;
	}
}
