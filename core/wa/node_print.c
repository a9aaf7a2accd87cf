/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire.h"

#define PRINT_DEPTH_MAX 40	/* deeper than any stanza the codec makes */

static void put_escaped(struct wa_buf *b, struct wa_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];

		switch (c) {
		case '<':
			wa_buf_str(b, "&lt;");
			break;
		case '&':
			wa_buf_str(b, "&amp;");
			break;
		case '"':
			wa_buf_str(b, "&quot;");
			break;
		default:
			if (c < 0x20 || c >= 0x7f)
				wa_buf_fmt(b, "&#x%02x;", c);
			else
				wa_buf_u8(b, c);
		}
	}
}

static void indent(struct wa_buf *b, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		wa_buf_str(b, "  ");
}

static void print(struct wa_buf *b, const struct wa_node *n, unsigned depth)
{
	char jid[WA_JID_TEXT_MAX];

	indent(b, depth);
	wa_buf_u8(b, '<');
	put_escaped(b, n->tag);
	for (const struct wa_attr *a = n->attrs; a; a = a->next) {
		wa_buf_u8(b, ' ');
		put_escaped(b, a->key);
		wa_buf_str(b, "=\"");
		put_escaped(b, a->jid ? wa_span_str(wa_jid_text(a->jid, jid)) : a->text);
		wa_buf_u8(b, '"');
	}
	switch ((enum wa_content)n->content) {
	case WA_CONTENT_NONE:
		wa_buf_str(b, "/>\n");
		return;
	case WA_CONTENT_NODES:
		wa_buf_str(b, ">\n");
		for (const struct wa_node *c = n->children; c && depth < PRINT_DEPTH_MAX; c = c->next)
			print(b, c, depth + 1);
		indent(b, depth);
		break;
	case WA_CONTENT_BYTES:
		wa_buf_fmt(b, "><!-- %zu bytes -->", n->data.len);
		break;
	case WA_CONTENT_TEXT:
		wa_buf_u8(b, '>');
		put_escaped(b, n->data);
		break;
	case WA_CONTENT_FAILED:
		wa_buf_str(b, "><!-- failed -->");
		break;
	}
	wa_buf_str(b, "</");
	put_escaped(b, n->tag);
	wa_buf_str(b, ">\n");
}

void wa_node_print(const struct wa_node *n, struct wa_buf *out)
{
	if (n)
		print(out, n, 0);
}
