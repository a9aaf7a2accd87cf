/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Menus: buttons, lists, templates. Native flows are in message_native.c. */
#include "message_schema.h"
#include "pb.h"

#include <base.h>

/* ---- heads with media ---- */

static const struct {
	int type;
	const struct wa_mfield *fields;
} heads[] = {
	{ WA_MEDIA_DOCUMENT, wa_fields_document },
	{ WA_MEDIA_IMAGE, wa_fields_image },
	{ WA_MEDIA_VIDEO, wa_fields_video },
};

static int read_head(struct wa_codec *c, size_t which, const struct wa_pb_field *f)
{
	struct wa_media *media;

	if (f->wire != 2)
		return 0;
	media = wa_arena_alloc(c->a, sizeof(*media));
	if (!media)
		return wa_codec_fail(c);
	media->type = heads[which].type;
	c->m->media = media;
	return wa_fields_read(c, heads[which].fields, media, f->bytes);
}

int wa_read_head_document(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	return read_head(c, 0, f);
}

int wa_read_head_image(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	return read_head(c, 1, f);
}

int wa_read_head_video(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	return read_head(c, 2, f);
}

static void write_head(struct wa_codec *c, size_t which, uint32_t number, struct wa_buf *out)
{
	if (c->in->media && c->in->media->type == heads[which].type)
		wa_fields_put(c, number, heads[which].fields, c->in->media, true, out);
}

void wa_write_head_document(struct wa_codec *c, const void *base, uint32_t number,
				struct wa_buf *out)
{
	(void)base;
	write_head(c, 0, number, out);
}

void wa_write_head_image(struct wa_codec *c, const void *base, uint32_t number,
			     struct wa_buf *out)
{
	(void)base;
	write_head(c, 1, number, out);
}

void wa_write_head_video(struct wa_codec *c, const void *base, uint32_t number,
			     struct wa_buf *out)
{
	(void)base;
	write_head(c, 2, number, out);
}

struct wa_button *wa_menu_button(struct wa_menu *m)
{
	return m->n_buttons < WA_BUTTONS_MAX ? &m->buttons[m->n_buttons++] : NULL;
}

/* ---- buttonsMessage ---- */

#define BUTTON_RESPONSE 1
#define HEADER_EMPTY    1
#define HEADER_TEXT     2
#define HEADER_DOCUMENT 3
#define HEADER_IMAGE    4
#define HEADER_VIDEO    5

static const struct wa_mfield button_text[] = { WA_TEXT(1, wa_button, text), WA_END };
const struct wa_mfield wa_fields_button_flow[] = {
	WA_TEXT(1, wa_button, flow),
	WA_TEXT(2, wa_button, value),
	WA_END,
};

static void write_button_type(struct wa_codec *c, const void *base, uint32_t number,
			      struct wa_buf *out)
{
	const struct wa_button *b = base;

	(void)c;
	wa_pb_put_varint(out, number, b->kind == WA_BUTTON_FLOW ? 2 : BUTTON_RESPONSE);
}

static void write_button_flow(struct wa_codec *c, const void *base, uint32_t number,
			      struct wa_buf *out)
{
	const struct wa_button *b = base;

	if (b->kind == WA_BUTTON_FLOW)
		wa_fields_put(c, number, wa_fields_button_flow, base, true, out);
}

static int read_button_flow(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_button *b = base;

	if (f->wire != 2)
		return 0;
	b->kind = WA_BUTTON_FLOW;
	return wa_fields_read(c, wa_fields_button_flow, base, f->bytes);
}

static const struct wa_mfield button[] = {
	WA_TEXT(1, wa_button, id),
	WA_SUB(2, button_text),
	WA_HOOK(3, NULL, write_button_type),
	WA_HOOK(4, read_button_flow, write_button_flow),
	WA_END,
};

static int read_button(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_button *b = f->wire == 2 ? wa_menu_button(base) : NULL;

	return b ? wa_fields_read(c, button, b, f->bytes) : 0;
}

static void write_buttons(struct wa_codec *c, const void *base, uint32_t number,
			  struct wa_buf *out)
{
	const struct wa_menu *m = base;

	for (size_t i = 0; i < m->n_buttons; i++)
		wa_fields_put(c, number, button, &m->buttons[i], true, out);
}

static void write_header_type(struct wa_codec *c, const void *base, uint32_t number,
			      struct wa_buf *out)
{
	const struct wa_menu *m = base;
	unsigned type = m->title.len ? HEADER_TEXT : HEADER_EMPTY;

	if (c->in->media)
		type = c->in->media->type == WA_MEDIA_IMAGE   ? HEADER_IMAGE
		       : c->in->media->type == WA_MEDIA_VIDEO ? HEADER_VIDEO
							      : HEADER_DOCUMENT;
	wa_pb_put_varint(out, number, type);
}

const struct wa_mfield wa_fields_buttons[] = {
	WA_TEXT(1, wa_menu, title),
	WA_HEAD_DOCUMENT(2),
	WA_HEAD_IMAGE(3),
	WA_HEAD_VIDEO(4),
	WA_TEXT(6, wa_menu, body),
	WA_TEXT(7, wa_menu, footer),
	WA_CONTEXT(8),
	WA_HOOK(9, read_button, write_buttons),
	WA_HOOK(10, NULL, write_header_type),
	WA_END,
};

/* ---- listMessage ---- */

#define LIST_SINGLE_SELECT 1

static const struct wa_mfield row[] = {
	WA_TEXT(1, wa_row, title),
	WA_TEXT(2, wa_row, description),
	WA_TEXT(3, wa_row, id),
	WA_END,
};

static int read_row(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_menu *m = base;
	struct wa_row *r;

	if (f->wire != 2 || m->n_rows == WA_ROWS_MAX)
		return 0;
	r = &m->rows[m->n_rows++];
	r->section = (uint32_t)m->n_sections - 1;
	return wa_fields_read(c, row, r, f->bytes);
}

static int read_section_title(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_menu *m = base;

	if (f->wire == 2)
		m->sections[m->n_sections - 1] = wa_codec_text(c, f->bytes);
	return 0;
}

static const struct wa_mfield section[] = {
	WA_HOOK(1, read_section_title, NULL),
	WA_HOOK(2, read_row, NULL),
	WA_END,
};

static int read_section(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_menu *m = base;

	if (f->wire != 2 || m->n_sections == WA_BUTTONS_MAX)
		return 0;
	m->n_sections++;
	return wa_fields_read(c, section, m, f->bytes);
}

static void write_sections(struct wa_codec *c, const void *base, uint32_t number,
			   struct wa_buf *out)
{
	const struct wa_menu *m = base;
	size_t sections = m->n_sections ? m->n_sections : 1;
	struct wa_buf b;

	for (size_t i = 0; i < sections; i++) {
		wa_buf_init(&b, WA_RAW_MAX);
		if (i < m->n_sections)
			wa_pb_put(&b, 1, m->sections[i]);
		for (size_t j = 0; j < m->n_rows; j++)
			if (m->rows[j].section == i)
				wa_fields_put(c, 2, row, &m->rows[j], true, &b);
		wa_pb_put(out, number, wa_buf_view(&b));
		if (b.failed)
			out->failed = b.failed;
		wa_buf_clear(&b);
	}
}

static void write_single(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	(void)c;
	(void)base;
	wa_pb_put_varint(out, number, LIST_SINGLE_SELECT);
}

const struct wa_mfield wa_fields_list[] = {
	WA_TEXT(1, wa_menu, title),
	WA_TEXT(2, wa_menu, body),
	WA_TEXT(3, wa_menu, button_text),
	WA_HOOK(4, NULL, write_single),
	WA_HOOK(5, read_section, write_sections),
	WA_TEXT(7, wa_menu, footer),
	WA_CONTEXT(8),
	WA_END,
};

/* ---- templateMessage, hydrated ---- */

static const struct wa_mfield hydrated_reply[] = {
	WA_TEXT(1, wa_button, text),
	WA_TEXT(2, wa_button, id),
	WA_END,
};
static const struct wa_mfield hydrated_value[] = {
	WA_TEXT(1, wa_button, text),
	WA_TEXT(2, wa_button, value),
	WA_END,
};

static int read_hydrated(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	static const int kinds[] = { 0, WA_BUTTON_REPLY, WA_BUTTON_URL, WA_BUTTON_CALL };
	struct wa_span at = f->bytes;
	struct wa_button *b = f->wire == 2 ? wa_menu_button(base) : NULL;
	struct wa_pb_field in;
	int rc = 0, more;

	while (b && rc == 0 && (more = wa_pb_next(&at, &in)) != 0) {
		if (more < 0)
			return wa_codec_fail(c);
		if (in.wire != 2 || in.number < 1 || in.number > 3)
			continue;
		b->kind = kinds[in.number];
		rc = wa_fields_read(c, in.number == 1 ? hydrated_reply : hydrated_value, b,
				    in.bytes);
	}
	return rc;
}

static void write_hydrated(struct wa_codec *c, const void *base, uint32_t number,
			   struct wa_buf *out)
{
	const struct wa_menu *m = base;
	struct wa_buf one;

	for (size_t i = 0; i < m->n_buttons; i++) {
		const struct wa_button *b = &m->buttons[i];
		uint32_t form = b->kind == WA_BUTTON_URL ? 2 : b->kind == WA_BUTTON_CALL ? 3 : 1;

		wa_buf_init(&one, WA_RAW_MAX);
		wa_fields_put(c, form, form == 1 ? hydrated_reply : hydrated_value, b, true, &one);
		wa_pb_put_varint(&one, 4, i + 1);
		wa_pb_put(out, number, wa_buf_view(&one));
		if (one.failed)
			out->failed = one.failed;
		wa_buf_clear(&one);
	}
}

static const struct wa_mfield hydrated[] = {
	WA_HEAD_DOCUMENT(1),
	WA_TEXT(2, wa_menu, title),
	WA_HEAD_IMAGE(3),
	WA_HEAD_VIDEO(4),
	WA_TEXT(6, wa_menu, body),
	WA_TEXT(7, wa_menu, footer),
	WA_HOOK(8, read_hydrated, write_hydrated),
	WA_END,
};

/* hydratedFourRowTemplate and hydratedTemplate say the same: the first that comes counts. */
static int read_four_rows(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_menu *m = base;

	if (f->wire != 2 || m->n_buttons || m->body.len)
		return 0;
	return wa_fields_read(c, hydrated, m, f->bytes);
}

static void write_four_rows(struct wa_codec *c, const void *base, uint32_t number,
			    struct wa_buf *out)
{
	wa_fields_put(c, number, hydrated, base, true, out);
}

static int read_template_native(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	return f->wire == 2 ? wa_fields_read(c, wa_fields_native, base, f->bytes) : 0;
}

const struct wa_mfield wa_fields_template[] = {
	WA_HOOK(2, read_four_rows, NULL),
	WA_CONTEXT(3),
	WA_HOOK(4, read_four_rows, write_four_rows),
	WA_HOOK(5, read_template_native, NULL),
	WA_END,
};
