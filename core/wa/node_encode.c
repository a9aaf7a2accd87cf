/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "node_codec.h"

enum packing { NIBBLE, HEX };

/* Value of a character in a packed alphabet, -1 when it is not in it. */
static int packed_value(uint8_t c, enum packing how)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (how == HEX)
		return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
	return c == '-' ? 10 : c == '.' ? 11 : -1;
}

static bool packs(struct wa_span s, enum packing how)
{
	for (size_t i = 0; i < s.len; i++)
		if (packed_value(s.ptr[i], how) < 0)
			return false;
	return true;
}

static void put_packed(struct wa_buf *b, struct wa_span s, enum packing how)
{
	size_t n = (s.len + 1) / 2;
	uint8_t *p = wa_buf_grow(b, 2 + n);

	if (!p)
		return;
	*p++ = how == HEX ? TAG_HEX_8 : TAG_NIBBLE_8;
	*p++ = (uint8_t)(n | (s.len % 2 ? 0x80 : 0));
	for (size_t i = 0; i < s.len; i += 2) {
		unsigned high = (unsigned)packed_value(s.ptr[i], how);
		unsigned low = i + 1 < s.len ? (unsigned)packed_value(s.ptr[i + 1], how) : 15;

		*p++ = (uint8_t)(high << 4 | low);
	}
}

static void put_binary(struct wa_buf *b, struct wa_span s)
{
	if (s.len < 256) {
		wa_buf_u8(b, TAG_BINARY_8);
		wa_buf_u8(b, (uint8_t)s.len);
	} else if (s.len < 1 << 20) {
		wa_buf_u8(b, TAG_BINARY_20);
		wa_buf_be24(b, (uint32_t)s.len);
	} else {
		wa_buf_u8(b, TAG_BINARY_32);
		wa_buf_be32(b, (uint32_t)s.len);
	}
	wa_buf_span(b, s);
}

static void put_text(struct wa_buf *b, struct wa_span s)
{
	int token = wa_token_find(s);

	if (token >= WA_TOKEN_SINGLES) {
		wa_buf_u8(b, (uint8_t)(TAG_DICTIONARY_0 + (token - WA_TOKEN_SINGLES) / 256));
		wa_buf_u8(b, (uint8_t)(token - WA_TOKEN_SINGLES));
	} else if (token >= 0) {
		wa_buf_u8(b, (uint8_t)token);
	} else if (s.len > 0 && s.len <= NODE_PACKED_MAX && packs(s, NIBBLE)) {
		put_packed(b, s, NIBBLE);
	} else if (s.len > 0 && s.len <= NODE_PACKED_MAX && packs(s, HEX)) {
		put_packed(b, s, HEX);
	} else {
		put_binary(b, s);
	}
}

static int put_ad_jid(struct wa_buf *b, const struct wa_jid *j, uint8_t domain, struct wa_err *err)
{
	if (j->device > UINT8_MAX)
		return wa_err_set(err, WA_EINVALID, "node: device %u does not fit a jid", j->device);
	wa_buf_u8(b, TAG_AD_JID);
	wa_buf_u8(b, domain);
	wa_buf_u8(b, (uint8_t)j->device);
	put_text(b, wa_span_str(j->user));
	return WA_OK;
}

static void put_wide_jid(struct wa_buf *b, const struct wa_jid *j, uint8_t tag)
{
	wa_buf_u8(b, tag);
	put_text(b, wa_span_str(j->user));
	wa_buf_be16(b, j->device);
	if (tag == TAG_INTEROP_JID)
		wa_buf_be16(b, j->integrator);
	put_text(b, wa_span_str(wa_server_str(j->server)));
}

static int put_jid(struct wa_buf *b, const struct wa_jid *j, struct wa_err *err)
{
	switch (j->server) {
	case WA_SRV_NONE:
		return wa_err_set(err, WA_EINVALID, "node: jid attribute without a jid");
	case WA_SRV_HOSTED:
		return put_ad_jid(b, j, DOMAIN_HOSTED, err);
	case WA_SRV_HOSTED_LID:
		return put_ad_jid(b, j, DOMAIN_HOSTED_LID, err);
	case WA_SRV_MSGR:
		put_wide_jid(b, j, TAG_FB_JID);
		return WA_OK;
	case WA_SRV_INTEROP:
		put_wide_jid(b, j, TAG_INTEROP_JID);
		return WA_OK;
	case WA_SRV_PN:
	case WA_SRV_LID:
		if (j->device > 0)
			return put_ad_jid(b, j, j->server == WA_SRV_LID ? DOMAIN_LID : DOMAIN_PN,
					  err);
		break;
	default:
		if (j->device > 0)
			return wa_err_set(err, WA_EINVALID, "node: device in a %s jid",
					  wa_server_str(j->server));
		break;
	}
	wa_buf_u8(b, TAG_JID_PAIR);
	if (j->user[0])
		put_text(b, wa_span_str(j->user));
	else
		wa_buf_u8(b, TAG_LIST_EMPTY);
	put_text(b, wa_span_str(wa_server_str(j->server)));
	return WA_OK;
}

static void put_list(struct wa_buf *b, size_t n)
{
	if (n < 256) {
		wa_buf_u8(b, TAG_LIST_8);
		wa_buf_u8(b, (uint8_t)n);
	} else {
		wa_buf_u8(b, TAG_LIST_16);
		wa_buf_be16(b, (uint16_t)n);
	}
}

static int put_node(struct wa_buf *b, const struct wa_node *n, unsigned depth, struct wa_err *err);

static int put_children(struct wa_buf *b, const struct wa_node *n, unsigned depth,
			struct wa_err *err)
{
	size_t count = 0;
	int r = WA_OK;

	for (const struct wa_node *c = n->children; c; c = c->next)
		count++;
	if (count > NODE_LIST_MAX)
		return wa_err_set(err, WA_ELIMIT, "node: %zu children", count);
	put_list(b, count);
	for (const struct wa_node *c = n->children; c && r == WA_OK; c = c->next)
		r = put_node(b, c, depth + 1, err);
	return r;
}

static int put_node(struct wa_buf *b, const struct wa_node *n, unsigned depth, struct wa_err *err)
{
	bool content = n->content == WA_CONTENT_BYTES || n->content == WA_CONTENT_TEXT ||
		       (n->content == WA_CONTENT_NODES && n->children);
	size_t attrs = 0;
	int r;

	if (n->content == WA_CONTENT_FAILED)
		return wa_err_set(err, WA_ENOMEM, "node: no memory while it was built");
	if (depth > NODE_DEPTH_MAX)
		return wa_err_set(err, WA_ELIMIT, "node: nested deeper than %d", NODE_DEPTH_MAX);
	for (const struct wa_attr *a = n->attrs; a; a = a->next)
		attrs++;
	if (attrs > NODE_ATTRS_MAX || n->tag.len == 0 || n->tag.len > NODE_NAME_MAX)
		return wa_err_set(err, WA_EINVALID, "node: tag of %zu bytes, %zu attributes",
				  n->tag.len, attrs);
	put_list(b, 1 + 2 * attrs + (content ? 1 : 0));
	put_text(b, n->tag);
	for (const struct wa_attr *a = n->attrs; a; a = a->next) {
		if (a->key.len == 0 || a->key.len > NODE_NAME_MAX || a->text.len > NODE_VALUE_MAX)
			return wa_err_set(err, WA_EINVALID, "node: attribute too long");
		put_text(b, a->key);
		if (!a->jid) {
			put_text(b, a->text);
			continue;
		}
		r = put_jid(b, a->jid, err);
		if (r < 0)
			return r;
	}
	if (!content)
		return WA_OK;
	if (n->content == WA_CONTENT_NODES)
		return put_children(b, n, depth, err);
	if (n->data.len > WA_FRAME_MAX)
		return wa_err_set(err, WA_ELIMIT, "node: content of %zu bytes", n->data.len);
	if (n->content == WA_CONTENT_BYTES)
		put_binary(b, n->data);
	else
		put_text(b, n->data);
	return WA_OK;
}

int wa_node_encode(const struct wa_node *n, struct wa_buf *out, struct wa_err *err)
{
	int r;

	if (!n)
		return wa_err_set(err, WA_ENOMEM, "node: no memory while it was built");
	wa_buf_u8(out, 0); /* flags: not compressed */
	r = put_node(out, n, 1, err);
	return r < 0 ? r : wa_buf_end(out, err);
}
