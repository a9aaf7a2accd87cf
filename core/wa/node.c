/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wa/node.h>

#include "text.h"

/* A builder that got no memory marks its node, so that a half-built stanza is
 * never sent: the encoder refuses it. */
static void fail(struct wa_node *n)
{
	n->content = WA_CONTENT_FAILED;
}

static struct wa_span copy_str(struct wa_arena *a, struct wa_span s)
{
	return wa_span(wa_arena_dup(a, s.ptr, s.len), s.len);
}

struct wa_node *wa_node_new(struct wa_arena *a, const char *tag)
{
	struct wa_node *n = wa_arena_alloc(a, sizeof(*n));

	if (!n)
		return NULL;
	n->tag = copy_str(a, wa_span_str(tag));
	if (!n->tag.ptr)
		fail(n);
	return n;
}

void wa_node_append(struct wa_node *parent, struct wa_node *child)
{
	if (!parent)
		return;
	if (!child || parent->content == WA_CONTENT_FAILED) {
		fail(parent);
		return;
	}
	child->next = NULL;
	if (parent->content == WA_CONTENT_NODES && parent->last_child)
		parent->last_child->next = child;
	else
		parent->children = child;
	parent->last_child = child;
	parent->content = WA_CONTENT_NODES;
}

struct wa_node *wa_node_child(struct wa_arena *a, struct wa_node *parent, const char *tag)
{
	struct wa_node *n = wa_node_new(a, tag);

	wa_node_append(parent, n);
	return n;
}

/* A new attribute at the end; NULL when there is no memory. */
static struct wa_attr *add_attr(struct wa_arena *a, struct wa_node *n, const char *key)
{
	struct wa_attr *at;

	if (!n)
		return NULL;
	at = wa_arena_alloc(a, sizeof(*at));
	if (at)
		at->key = copy_str(a, wa_span_str(key));
	if (!at || !at->key.ptr) {
		fail(n);
		return NULL;
	}
	if (n->last_attr)
		n->last_attr->next = at;
	else
		n->attrs = at;
	n->last_attr = at;
	return at;
}

void wa_node_attr_span(struct wa_arena *a, struct wa_node *n, const char *key, struct wa_span value)
{
	struct wa_attr *at = add_attr(a, n, key);

	if (!at)
		return;
	at->text = copy_str(a, value);
	if (!at->text.ptr)
		fail(n);
}

void wa_node_attr(struct wa_arena *a, struct wa_node *n, const char *key, const char *value)
{
	if (value)
		wa_node_attr_span(a, n, key, wa_span_str(value));
}

void wa_node_attr_int(struct wa_arena *a, struct wa_node *n, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	wa_node_attr(a, n, key, text);
}

void wa_node_attr_jid(struct wa_arena *a, struct wa_node *n, const char *key,
		      const struct wa_jid *jid)
{
	struct wa_attr *at = add_attr(a, n, key);

	if (!at)
		return;
	at->jid = wa_arena_dup(a, jid, sizeof(*jid));
	if (!at->jid)
		fail(n);
}

static void set_data(struct wa_arena *a, struct wa_node *n, struct wa_span s, uint8_t content)
{
	if (!n || n->content == WA_CONTENT_FAILED)
		return;
	n->data = copy_str(a, s);
	n->content = content;
	if (!n->data.ptr)
		fail(n);
}

void wa_node_data(struct wa_arena *a, struct wa_node *n, struct wa_span bytes)
{
	set_data(a, n, bytes, WA_CONTENT_BYTES);
}

void wa_node_text(struct wa_arena *a, struct wa_node *n, const char *text)
{
	set_data(a, n, wa_span_str(text), WA_CONTENT_TEXT);
}

bool wa_node_is(const struct wa_node *n, const char *tag)
{
	return n && wa_span_is(n->tag, tag);
}

const struct wa_node *wa_node_first(const struct wa_node *n)
{
	return n && n->content == WA_CONTENT_NODES ? n->children : NULL;
}

const struct wa_node *wa_node_get(const struct wa_node *n, const char *child_tag)
{
	const struct wa_node *c = wa_node_first(n);

	while (c && !wa_node_is(c, child_tag))
		c = c->next;
	return c;
}

static const struct wa_attr *find_attr(const struct wa_node *n, const char *key)
{
	size_t len = strlen(key);

	if (!n)
		return NULL;
	for (const struct wa_attr *at = n->attrs; at; at = at->next)
		if (at->key.len == len && memcmp(at->key.ptr, key, len) == 0)
			return at;
	return NULL;
}

bool wa_node_has(const struct wa_node *n, const char *key)
{
	return find_attr(n, key) != NULL;
}

struct wa_span wa_node_attr_get(const struct wa_node *n, const char *key)
{
	const struct wa_attr *at = find_attr(n, key);

	return at && !at->jid ? at->text : wa_span(NULL, 0);
}

bool wa_node_attr_is(const struct wa_node *n, const char *key, const char *value)
{
	const struct wa_attr *at = find_attr(n, key);

	return at && !at->jid && wa_span_is(at->text, value);
}

int64_t wa_node_attr_num(const struct wa_node *n, const char *key, int64_t fallback)
{
	int64_t v;

	if (wa_parse_i64(wa_node_attr_get(n, key), INT64_MIN, INT64_MAX, &v) < 0)
		return fallback;
	return v;
}

int wa_node_attr_jid_get(const struct wa_node *n, const char *key, struct wa_jid *ret_jid)
{
	const struct wa_attr *at = find_attr(n, key);

	if (!at)
		return 0;
	if (at->jid) {
		*ret_jid = *at->jid;
		return 1;
	}
	return wa_jid_parse(at->text, ret_jid, NULL) == WA_OK ? 1 : 0;
}

bool wa_node_attr_jid_typed(const struct wa_node *n, const char *key)
{
	const struct wa_attr *at = find_attr(n, key);

	return at && at->jid;
}

struct wa_span wa_node_bytes(const struct wa_node *n)
{
	if (!n || (n->content != WA_CONTENT_BYTES && n->content != WA_CONTENT_TEXT))
		return wa_span(NULL, 0);
	return n->data;
}
