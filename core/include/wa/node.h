/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_NODE_H
#define WA_NODE_H

/*
 * A stanza: tag, attributes, and either child nodes, bytes or nothing.
 * All memory is in an arena; text given to the builders is copied into it
 * unless the name says _ref. Builders never fail, they mark the node: check
 * wa_arena_failed() once, or let wa_node_encode answer WA_ENOMEM. An attribute
 * with a NULL value is not added.
 *
 *	struct wa_node *iq = wa_node_new(a, "iq");
 *	wa_node_attr(a, iq, "type", "get");
 *	wa_node_attr_jid(a, iq, "to", &jid);
 *	wa_node_child(a, iq, "count");
 *
 * Source: protocol 1.3.
 *
 * Values are typed on the wire: an attribute is text or a JID, content is
 * text (token, packed) or binary. The decoder keeps the type; strict readers
 * (stock clients among them) depend on it, so write JIDs with _attr_jid and
 * blobs with _data.
 */
#include "arena.h"
#include "buf.h"
#include "jid.h"

#ifdef __cplusplus
extern "C" {
#endif

struct wa_attr {
	struct wa_attr *next;
	struct wa_span key;
	struct wa_span text;		/* when jid is NULL */
	const struct wa_jid *jid;
};

enum wa_content {
	WA_CONTENT_NONE,
	WA_CONTENT_NODES,
	WA_CONTENT_BYTES,
	WA_CONTENT_TEXT,
	WA_CONTENT_FAILED,	/* a builder ran out of memory: refused by the encoder */
};

struct wa_node {
	struct wa_node *next;		/* sibling */
	struct wa_span tag;
	struct wa_attr *attrs;		/* wire order */
	struct wa_attr *last_attr;
	struct wa_node *children;	/* WA_CONTENT_NODES */
	struct wa_node *last_child;
	struct wa_span data;		/* WA_CONTENT_BYTES and _TEXT */
	uint8_t content;		/* enum wa_content */
};

/* Build. */
WA_API struct wa_node *wa_node_new(struct wa_arena *a, const char *tag);
WA_API struct wa_node *wa_node_child(struct wa_arena *a, struct wa_node *parent, const char *tag);
WA_API void wa_node_append(struct wa_node *parent, struct wa_node *child);
WA_API void wa_node_attr(struct wa_arena *a, struct wa_node *n, const char *key, const char *value);
WA_API void wa_node_attr_span(struct wa_arena *a, struct wa_node *n, const char *key,
			      struct wa_span value);
WA_API void wa_node_attr_int(struct wa_arena *a, struct wa_node *n, const char *key, int64_t value);
WA_API void wa_node_attr_jid(struct wa_arena *a, struct wa_node *n, const char *key,
			     const struct wa_jid *jid);
WA_API void wa_node_data(struct wa_arena *a, struct wa_node *n, struct wa_span bytes);	/* BINARY_x */
WA_API void wa_node_text(struct wa_arena *a, struct wa_node *n, const char *text);	/* as text */

/* Read. All tolerate NULL nodes. */
WA_API bool wa_node_is(const struct wa_node *n, const char *tag);
WA_API const struct wa_node *wa_node_get(const struct wa_node *n, const char *child_tag); /* first or NULL */
WA_API const struct wa_node *wa_node_first(const struct wa_node *n);	/* first child or NULL */
WA_API bool wa_node_has(const struct wa_node *n, const char *key);
/* Text of an attribute; a JID attribute is NOT text: empty span. */
WA_API struct wa_span wa_node_attr_get(const struct wa_node *n, const char *key);
WA_API bool wa_node_attr_is(const struct wa_node *n, const char *key, const char *value);
WA_API int64_t wa_node_attr_num(const struct wa_node *n, const char *key, int64_t fallback);
/* JID attribute, also parsed from text when the peer wrote it as text; 1/0. */
WA_API int wa_node_attr_jid_get(const struct wa_node *n, const char *key, struct wa_jid *ret_jid);
WA_API bool wa_node_attr_jid_typed(const struct wa_node *n, const char *key); /* was it a JID tag */
WA_API struct wa_span wa_node_bytes(const struct wa_node *n);	/* content bytes or text */

/* Codec. Limits are named constants in node_codec.h and refuse with WA_EPROTO/WA_ELIMIT. */
WA_API int wa_node_encode(const struct wa_node *n, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* `in` and `a` must outlive the tree (decoding borrows). One flags byte first, zlib when bit 2. */
WA_API int wa_node_decode(struct wa_span in, struct wa_arena *a, const struct wa_node **ret_node,
			  struct wa_err *err) WA_MUST_USE;
/* XML-like text for logs and tests; values of `body`-like blobs print as length only. */
WA_API void wa_node_print(const struct wa_node *n, struct wa_buf *out);

#ifdef __cplusplus
}
#endif
#endif
