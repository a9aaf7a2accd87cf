/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_WIRE_H
#define WA_WIRE_H

/* What the files of the wire (jid, node codec, frames) share below their public headers. */
#include <wa/jid.h>
#include <wa/node.h>

#include "base.h"

/* enum wa_server of a name, WA_SRV_NONE when unknown. */
int wa_server_find(struct wa_span name);
/* Set and check the user part; j->server is set. WA_EINVALID for structure characters. */
int wa_jid_set_user(struct wa_jid *j, struct wa_span user, struct wa_err *err) WA_MUST_USE;

/*
 * Frames: 3-byte big-endian length, payload. The framer copies only frames
 * that arrive in pieces, and holds no memory between frames. A zeroed struct
 * is ready for use.
 */
struct wa_framer {
	struct wa_buf part;	/* the frame in progress, header included */
	bool done;		/* part was handed out: drop it at the next call */
};

#define WA_FRAME_MAX 0xffffff
#define WA_FRAME_HEADER 3

/* The next frame's payload, taken from the front of *in. 1: *ret_frame, valid
 * until the next call and while the bytes of *in are; 0: *in is used up;
 * WA_ELIMIT: a frame longer than max. */
int wa_framer_next(struct wa_framer *f, struct wa_span *in, size_t max, struct wa_span *ret_frame,
		   struct wa_err *err) WA_MUST_USE;
void wa_framer_clear(struct wa_framer *f);

#endif
