/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_STREAM_H
#define WA_STREAM_H

/*
 * Bytes of one WebSocket connection <-> stanzas: prologue, edge routing,
 * frames, Noise XX handshake, certificate chain, transport cipher, node codec.
 * Both roles. No I/O: feed bytes in, take bytes out.
 *
 * Life: new -> (client: wa_stream_start) -> feed/output ... -> free.
 * All upcalls happen inside wa_stream_feed; they may send on the stream, not
 * feed or free it. env, ops and ctx are borrowed for the stream's life. A
 * failed feed is final: close the socket (output queued before it is still
 * there to be written). Idle streams hold no buffers: about 230 bytes.
 *
 * Source of every constant: WhatsApp Web multi-device as spoken by stock
 * Baileys and whatsmeow.
 */
#include "env.h"
#include "node.h"

#ifdef __cplusplus
extern "C" {
#endif

struct wa_stream;

struct wa_stream_ops {
	/* Client: handshake finished, stanzas may be sent.
	 * Server: never called. */
	void (*open)(void *ctx);
	/* Server: the client's decrypted ClientPayload and its Noise static key.
	 * Stanzas may be sent from inside. Non-zero refuses: the feed fails. */
	int (*payload)(void *ctx, struct wa_span payload, const struct wa_pub *client_static);
	/* One stanza. It dies with the call. Non-zero makes the feed fail with it. */
	int (*node)(void *ctx, const struct wa_node *node, struct wa_err *err);
};

/* WhatsApp's certificate root ("WhatsAppLongTerm1", serial 0), the default. */
WA_API extern const struct wa_pub wa_root_key;

struct wa_stream_client_opts {
	struct wa_keypair noise;	/* long-lived Noise static pair */
	struct wa_span payload;		/* serialized ClientPayload; copied */
	struct wa_span routing_info;	/* edge routing to replay; may be empty; copied */
	const struct wa_pub *root;	/* NULL: wa_root_key */
};

/* A server's certificate chain, made once: root signs intermediate signs leaf. */
struct wa_cert_chain {
	uint8_t bytes[512];		/* serialized CertChain */
	size_t len;
	struct wa_keypair leaf;		/* leaf.key = the server's Noise static */
};
WA_API int wa_cert_chain_make(const struct wa_env *env, const struct wa_keypair *root,
			      int64_t not_before_s, int64_t not_after_s,
			      struct wa_cert_chain *ret_chain, struct wa_err *err) WA_MUST_USE;
/* The strict set of checks: both signatures, serials, leaf key, validity at now_ms. */
WA_API int wa_cert_chain_check(struct wa_span chain, const struct wa_pub *root,
			       const struct wa_pub *server_static, int64_t now_ms,
			       struct wa_err *err) WA_MUST_USE;

WA_API int wa_stream_new_client(const struct wa_env *env, const struct wa_stream_ops *ops, void *ctx,
				const struct wa_stream_client_opts *opts, struct wa_stream **ret_s,
				struct wa_err *err) WA_MUST_USE;
/* `chain` is borrowed for the stream's life. */
WA_API int wa_stream_new_server(const struct wa_env *env, const struct wa_stream_ops *ops, void *ctx,
				const struct wa_cert_chain *chain, struct wa_stream **ret_s,
				struct wa_err *err) WA_MUST_USE;
WA_API void wa_stream_free(struct wa_stream *s);

WA_API int wa_stream_start(struct wa_stream *s, struct wa_err *err) WA_MUST_USE; /* client hello */
WA_API int wa_stream_feed(struct wa_stream *s, struct wa_span bytes, struct wa_err *err) WA_MUST_USE;
/* Encode, seal and queue one stanza. `compress`: server side may deflate large ones. */
WA_API int wa_stream_send(struct wa_stream *s, const struct wa_node *n, struct wa_err *err) WA_MUST_USE;
/* The same for an already encoded plaintext (flags byte included). */
WA_API int wa_stream_send_raw(struct wa_stream *s, struct wa_span plain, struct wa_err *err) WA_MUST_USE;
WA_API void wa_stream_set_compress(struct wa_stream *s, size_t min_len); /* 0: never (default) */
WA_API struct wa_span wa_stream_output(const struct wa_stream *s);	/* bytes to write, borrowed */
WA_API void wa_stream_wrote(struct wa_stream *s, size_t n);
WA_API struct wa_span wa_stream_routing_info(const struct wa_stream *s); /* server: what the client replayed */

#ifdef __cplusplus
}
#endif
#endif
