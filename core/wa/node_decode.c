/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "node_codec.h"

#define ZLIB_CONST
#include <zlib.h>

struct reader {
	const uint8_t *p, *end;
	struct wa_arena *arena;
	unsigned nodes;
	struct wa_err *err;
};

/* What one value on the wire can be. */
struct value {
	enum { VALUE_TEXT, VALUE_BYTES, VALUE_JID } kind;
	struct wa_span text;
	const struct wa_jid *jid;
};

static int truncated(struct reader *r)
{
	return wa_err_set(r->err, WA_EPROTO, "node: cut short");
}

static int no_memory(struct reader *r)
{
	return wa_err_set(r->err, WA_ENOMEM, "node: no memory within the arena's limit");
}

static int get_uint(struct reader *r, size_t bytes, uint32_t *ret)
{
	uint32_t v = 0;

	if ((size_t)(r->end - r->p) < bytes)
		return truncated(r);
	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | *r->p++;
	*ret = v;
	return WA_OK;
}

static int get_span(struct reader *r, size_t len, struct wa_span *ret)
{
	if ((size_t)(r->end - r->p) < len)
		return truncated(r);
	*ret = wa_span(r->p, len);
	r->p += len;
	return WA_OK;
}

static int get_packed(struct reader *r, const char *alphabet, struct wa_span *ret)
{
	uint32_t head = 0;
	struct wa_span in = { NULL, 0 };
	char *out;
	size_t chars;
	int rc = get_uint(r, 1, &head);

	if (rc == WA_OK)
		rc = get_span(r, head & 0x7f, &in);
	if (rc != WA_OK)
		return rc;
	if (head == 0x80)
		return wa_err_set(r->err, WA_EPROTO, "node: packed text of odd length 0");
	chars = in.len * 2 - (head & 0x80 ? 1 : 0);
	out = wa_arena_alloc(r->arena, chars);
	if (!out)
		return no_memory(r);
	for (size_t i = 0; i < chars; i++) {
		unsigned v = i % 2 ? in.ptr[i / 2] & 15u : in.ptr[i / 2] >> 4;

		out[i] = alphabet[v];
		if (!out[i])
			return wa_err_set(r->err, WA_EPROTO, "node: %u in a packed text", v);
	}
	*ret = wa_span(out, chars);
	return WA_OK;
}

static int get_binary(struct reader *r, uint8_t tag, struct wa_span *ret)
{
	uint32_t len = 0;
	int rc = get_uint(r, tag == TAG_BINARY_8 ? 1 : tag == TAG_BINARY_20 ? 3 : 4, &len);

	if (rc < 0)
		return rc;
	if (tag == TAG_BINARY_20)
		len &= 0xfffff;
	return get_span(r, len, ret);
}

/* Text in any of its encodings; *ret_bytes: it was BINARY_x. */
static int get_text(struct reader *r, uint8_t tag, struct wa_span *ret, bool *ret_bytes)
{
	uint32_t i = 0;
	int rc;

	*ret_bytes = false;
	if (tag == TAG_LIST_EMPTY) {
		*ret = wa_span("", 0);
		return WA_OK;
	}
	if (tag < WA_TOKEN_SINGLES) {
		*ret = wa_token_text(tag);
		return WA_OK;
	}
	if (tag < TAG_DICTIONARY_0 + WA_TOKEN_DICTS) {
		rc = get_uint(r, 1, &i);
		if (rc == WA_OK)
			*ret = wa_token_text(WA_TOKEN_SINGLES +
					     256u * (unsigned)(tag - TAG_DICTIONARY_0) + i);
		return rc;
	}
	switch (tag) {
	case TAG_NIBBLE_8:
		return get_packed(r, "0123456789-.\0\0\0", ret);
	case TAG_HEX_8:
		return get_packed(r, "0123456789ABCDEF", ret);
	case TAG_BINARY_8:
	case TAG_BINARY_20:
	case TAG_BINARY_32:
		*ret_bytes = true;
		return get_binary(r, tag, ret);
	default:
		return wa_err_set(r->err, WA_EPROTO, "node: tag %u where text belongs", tag);
	}
}

static int next_text(struct reader *r, struct wa_span *ret)
{
	uint32_t tag = 0;
	bool bytes = false;
	int rc = get_uint(r, 1, &tag);

	return rc < 0 ? rc : get_text(r, (uint8_t)tag, ret, &bytes);
}

/* The user of a JID whose server is set; moves the JID into the arena. */
static int finish_jid(struct reader *r, struct wa_jid *j, struct wa_span user, struct value *ret)
{
	struct wa_err why = WA_ERR_INIT;

	if (user.len == 0 && j->device > 0)
		return wa_err_set(r->err, WA_EPROTO, "node: jid with a device but no user");
	if (wa_jid_set_user(j, user, &why) < 0)
		return wa_err_set(r->err, WA_EPROTO, "node: %s", why.msg);
	ret->kind = VALUE_JID;
	ret->jid = wa_arena_dup(r->arena, j, sizeof(*j));
	return ret->jid ? WA_OK : no_memory(r);
}

static int get_ad_jid(struct reader *r, struct value *ret)
{
	struct wa_jid j = { .server = WA_SRV_PN };
	struct wa_span user = { NULL, 0 };
	uint32_t domain = 0, device = 0;
	int rc = get_uint(r, 1, &domain);

	if (rc == WA_OK)
		rc = get_uint(r, 1, &device);
	if (rc == WA_OK)
		rc = next_text(r, &user);
	if (rc < 0)
		return rc;
	/* unknown domains read as phone numbers, as stock clients do */
	if (domain == DOMAIN_LID)
		j.server = WA_SRV_LID;
	else if (domain == DOMAIN_HOSTED)
		j.server = WA_SRV_HOSTED;
	else if (domain == DOMAIN_HOSTED_LID)
		j.server = WA_SRV_HOSTED_LID;
	j.device = (uint16_t)device;
	return finish_jid(r, &j, user, ret);
}

/* FB_JID and INTEROP_JID. */
static int get_wide_jid(struct reader *r, uint8_t tag, struct value *ret)
{
	struct wa_jid j = { .server = tag == TAG_FB_JID ? WA_SRV_MSGR : WA_SRV_INTEROP };
	struct wa_span user = { NULL, 0 }, server = { NULL, 0 };
	uint32_t device = 0, integrator = 0;
	int rc = next_text(r, &user);

	if (rc == WA_OK)
		rc = get_uint(r, 2, &device);
	if (rc == WA_OK && tag == TAG_INTEROP_JID)
		rc = get_uint(r, 2, &integrator);
	if (rc == WA_OK)
		rc = next_text(r, &server);
	if (rc < 0)
		return rc;
	if (!wa_span_is(server, wa_server_str(j.server)))
		return wa_err_set(r->err, WA_EPROTO, "node: jid tag %u with another server", tag);
	j.device = (uint16_t)device;
	j.integrator = (uint16_t)integrator;
	return finish_jid(r, &j, user, ret);
}

static int get_jid_pair(struct reader *r, struct value *ret)
{
	struct wa_span user = { NULL, 0 }, server = { NULL, 0 };
	struct wa_jid j = { .server = WA_SRV_NONE };
	char *text;
	int rc = next_text(r, &user);

	if (rc == WA_OK)
		rc = next_text(r, &server);
	if (rc < 0)
		return rc;
	j.server = (uint8_t)wa_server_find(server);
	if (j.server != WA_SRV_NONE)
		return finish_jid(r, &j, user, ret);
	/* a server newer than this code: keep what was said as text */
	if (user.len > NODE_NAME_MAX || server.len > NODE_NAME_MAX)
		return wa_err_set(r->err, WA_EPROTO, "node: jid of %zu bytes",
				  user.len + server.len);
	text = wa_arena_fmt(r->arena, "%.*s@%.*s", WA_SPAN_ARG(user), WA_SPAN_ARG(server));
	if (!text)
		return no_memory(r);
	ret->kind = VALUE_TEXT;
	ret->text = wa_span_str(text);
	return WA_OK;
}

/* Anything but a list. */
static int get_value(struct reader *r, uint8_t tag, struct value *ret)
{
	bool bytes = false;
	int rc;

	*ret = (struct value){ .kind = VALUE_TEXT };
	switch (tag) {
	case TAG_JID_PAIR:
		return get_jid_pair(r, ret);
	case TAG_AD_JID:
		return get_ad_jid(r, ret);
	case TAG_FB_JID:
	case TAG_INTEROP_JID:
		return get_wide_jid(r, tag, ret);
	default:
		rc = get_text(r, tag, &ret->text, &bytes);
		if (rc == WA_OK && bytes)
			ret->kind = VALUE_BYTES;
		return rc;
	}
}

static int get_list_size(struct reader *r, uint8_t tag, uint32_t *ret)
{
	switch (tag) {
	case TAG_LIST_EMPTY:
		*ret = 0;
		return WA_OK;
	case TAG_LIST_8:
		return get_uint(r, 1, ret);
	case TAG_LIST_16:
		return get_uint(r, 2, ret);
	default:
		return wa_err_set(r->err, WA_EPROTO, "node: tag %u where a list belongs", tag);
	}
}

static int get_attr(struct reader *r, struct wa_node *n)
{
	struct wa_attr *a = wa_arena_alloc(r->arena, sizeof(*a));
	struct value v = { .kind = VALUE_TEXT };
	uint32_t tag = 0;
	int rc;

	if (!a)
		return no_memory(r);
	rc = next_text(r, &a->key);
	if (rc == WA_OK)
		rc = get_uint(r, 1, &tag);
	if (rc == WA_OK)
		rc = get_value(r, (uint8_t)tag, &v);
	if (rc < 0)
		return rc;
	if (a->key.len == 0 || a->key.len > NODE_NAME_MAX || v.text.len > NODE_VALUE_MAX)
		return wa_err_set(r->err, WA_EPROTO, "node: attribute name of %zu, value of %zu bytes",
				  a->key.len, v.text.len);
	a->text = v.text;
	a->jid = v.jid;
	if (n->last_attr)
		n->last_attr->next = a;
	else
		n->attrs = a;
	n->last_attr = a;
	return WA_OK;
}

static int get_node(struct reader *r, unsigned depth, struct wa_node **ret_node);

static int get_children(struct reader *r, uint8_t tag, unsigned depth, struct wa_node *n)
{
	uint32_t count = 0;
	int rc = get_list_size(r, tag, &count);

	for (uint32_t i = 0; rc == WA_OK && i < count; i++) {
		struct wa_node *child = NULL;

		rc = get_node(r, depth + 1, &child);
		if (rc < 0)
			break;
		if (n->last_child)
			n->last_child->next = child;
		else
			n->children = child;
		n->last_child = child;
		n->content = WA_CONTENT_NODES;
	}
	return rc;
}

static int get_content(struct reader *r, unsigned depth, struct wa_node *n)
{
	char text[WA_JID_TEXT_MAX];
	struct value v = { .kind = VALUE_TEXT };
	uint32_t tag = 0;
	int rc = get_uint(r, 1, &tag);

	if (rc < 0)
		return rc;
	if (tag == TAG_LIST_EMPTY || tag == TAG_LIST_8 || tag == TAG_LIST_16)
		return get_children(r, (uint8_t)tag, depth, n);
	rc = get_value(r, (uint8_t)tag, &v);
	if (rc < 0)
		return rc;
	if (v.kind == VALUE_JID) {
		const char *s = wa_arena_str(r->arena, wa_span_str(wa_jid_text(v.jid, text)));

		if (!s)
			return no_memory(r);
		v.text = wa_span_str(s);
	}
	n->data = v.text;
	n->content = v.kind == VALUE_BYTES ? WA_CONTENT_BYTES : WA_CONTENT_TEXT;
	return WA_OK;
}

static int get_node(struct reader *r, unsigned depth, struct wa_node **ret_node)
{
	struct wa_node *n;
	uint32_t tag = 0, size = 0;
	int rc;

	if (depth > NODE_DEPTH_MAX)
		return wa_err_set(r->err, WA_ELIMIT, "node: nested deeper than %d", NODE_DEPTH_MAX);
	if (++r->nodes > NODE_TOTAL_MAX)
		return wa_err_set(r->err, WA_ELIMIT, "node: more than %d nodes", NODE_TOTAL_MAX);
	rc = get_uint(r, 1, &tag);
	if (rc == WA_OK)
		rc = get_list_size(r, (uint8_t)tag, &size);
	if (rc < 0)
		return rc;
	if (size == 0 || size > 2 + 2 * NODE_ATTRS_MAX)
		return wa_err_set(r->err, WA_EPROTO, "node: list of %u", size);
	n = wa_arena_alloc(r->arena, sizeof(*n));
	if (!n)
		return no_memory(r);
	rc = next_text(r, &n->tag);
	if (rc == WA_OK && (n->tag.len == 0 || n->tag.len > NODE_NAME_MAX))
		rc = wa_err_set(r->err, WA_EPROTO, "node: tag of %zu bytes", n->tag.len);
	for (uint32_t i = 0; rc == WA_OK && i < (size - 1) / 2; i++)
		rc = get_attr(r, n);
	if (rc == WA_OK && size % 2 == 0)
		rc = get_content(r, depth, n);
	if (rc < 0)
		return rc;
	*ret_node = n;
	return WA_OK;
}

/* Inflate into the arena, within the limits. */
static int inflate_body(struct wa_span in, struct wa_arena *a, struct wa_span *ret,
			struct wa_err *err)
{
	size_t max = in.len > NODE_INFLATE_MAX / NODE_INFLATE_RATIO ? NODE_INFLATE_MAX :
								       in.len * NODE_INFLATE_RATIO;
	z_stream z = { .next_in = in.ptr, .avail_in = (uInt)in.len };
	struct wa_buf out;
	void *copy;
	int rc = Z_OK;

	if (max < NODE_INFLATE_FREE)
		max = NODE_INFLATE_FREE;
	if (inflateInit(&z) != Z_OK)
		return wa_err_set(err, WA_ENOMEM, "node: no memory to inflate");
	wa_buf_init(&out, max);
	while (rc == Z_OK) {
		size_t room = out.len + 4096 <= max ? (out.len < 4096 ? 4096 : out.len) : max - out.len;
		uint8_t *p;

		if (room > max - out.len)
			room = max - out.len;
		p = room > 0 ? wa_buf_grow(&out, room) : NULL;
		if (!p)
			break;
		z.next_out = p;
		z.avail_out = (uInt)room;
		rc = inflate(&z, Z_NO_FLUSH);
		out.len -= z.avail_out;
		if (rc == Z_OK && z.avail_in == 0 && z.avail_out > 0)
			rc = Z_BUF_ERROR; /* the input ended before the stream did */
	}
	inflateEnd(&z);
	if (rc == Z_STREAM_END && z.avail_in == 0) {
		copy = wa_arena_dup(a, out.ptr, out.len);
		*ret = wa_span(copy, out.len);
		rc = copy ? WA_OK : wa_err_set(err, WA_ENOMEM, "node: no memory to inflate");
	} else if (rc == Z_OK) {
		rc = out.failed == WA_ENOMEM ?
			     wa_err_set(err, WA_ENOMEM, "node: no memory to inflate") :
			     wa_err_set(err, WA_ELIMIT, "node: %zu bytes inflate past %zu", in.len,
					max);
	} else {
		rc = wa_err_set(err, WA_EPROTO, "node: bad compressed data");
	}
	wa_buf_clear(&out);
	return rc;
}

int wa_node_decode(struct wa_span in, struct wa_arena *a, const struct wa_node **ret_node,
		   struct wa_err *err)
{
	struct reader r = { .arena = a, .err = err };
	struct wa_node *n = NULL;
	struct wa_span body;
	int rc;

	if (in.len < 2 || in.len > NODE_INFLATE_MAX)
		return wa_err_set(err, WA_EPROTO, "node: %zu bytes", in.len);
	body = wa_span(in.ptr + 1, in.len - 1);
	if (in.ptr[0] & FLAG_COMPRESSED) {
		rc = inflate_body(body, a, &body, err);
		if (rc < 0)
			return rc;
	}
	r.p = body.ptr;
	r.end = body.ptr + body.len;
	rc = get_node(&r, 1, &n);
	if (rc < 0)
		return rc;
	if (r.p != r.end)
		return wa_err_set(err, WA_EPROTO, "node: %zu bytes left over",
				  (size_t)(r.end - r.p));
	*ret_node = n;
	return WA_OK;
}
