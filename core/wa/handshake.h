/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_HANDSHAKE_H
#define WA_HANDSHAKE_H

/*
 * The three messages of the Noise handshake, both roles, as bytes: what
 * travels is the frames' payloads. Lives only until the stream is open, so
 * that open streams are small. Each function is called once, in the order
 * of the role; any failure is final.
 *
 *	client: hello_write -> server_hello_read + finish_write -> split
 *	server: hello_read + server_hello_write -> finish_read -> split
 */
#include <wa/stream.h>

#include "noise.h"

struct wa_handshake {
	struct wa_noise noise;
	struct wa_keypair eph;		/* ours */
	struct wa_keypair stat;		/* ours: client's Noise pair, or the leaf */
	struct wa_pub peer_eph;
	struct wa_pub peer_stat;
};

/* Draws the ephemeral pair. `prologue` is the 4-byte stream header. */
void wa_handshake_init(struct wa_handshake *hs, const struct wa_env *env,
		       const struct wa_keypair *stat, struct wa_span prologue);

int wa_handshake_hello_write(struct wa_handshake *hs, struct wa_buf *out, struct wa_err *err)
	WA_MUST_USE;
int wa_handshake_server_hello_read(struct wa_handshake *hs, struct wa_span msg,
				   const struct wa_pub *root, int64_t now_ms, struct wa_err *err)
	WA_MUST_USE;
int wa_handshake_finish_write(struct wa_handshake *hs, struct wa_span payload, struct wa_buf *out,
			      struct wa_err *err) WA_MUST_USE;

int wa_handshake_hello_read(struct wa_handshake *hs, struct wa_span msg, struct wa_err *err)
	WA_MUST_USE;
int wa_handshake_server_hello_write(struct wa_handshake *hs, struct wa_span chain,
				    struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* Appends the client's payload; hs->peer_stat is its Noise static key. */
int wa_handshake_finish_read(struct wa_handshake *hs, struct wa_span msg, struct wa_buf *payload,
			     struct wa_err *err) WA_MUST_USE;

#endif
