/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Native flows, and what was chosen in menus of any form. Native flows keep
 * their words in JSON; what their known buttons need is read and written here,
 * the rest is handed on as it is.
 */
#include "json_text.h"
#include "message_schema.h"
#include "pb.h"

#include <base.h>

#define JSON_MAX (64u << 10) /* bytes of one button's parameters that we write */

/* ---- interactiveMessage: native flow ---- */

static const struct {
	const char *name, *value;
	int kind;
} flows[] = {
	{ "quick_reply", "id", WA_BUTTON_REPLY },
	{ "cta_url", "url", WA_BUTTON_URL },
	{ "cta_call", "phone_number", WA_BUTTON_CALL },
	{ "cta_copy", "copy_code", WA_BUTTON_COPY },
};

static int read_native_button(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_button *b = f->wire == 2 ? wa_menu_button(base) : NULL;
	struct wa_span value;
	int rc;

	if (!b)
		return 0;
	b->kind = WA_BUTTON_FLOW;
	rc = wa_fields_read(c, wa_fields_button_flow, b, f->bytes);
	for (size_t i = 0; rc == 0 && i < WA_ARRAY_LEN(flows); i++) {
		if (!wa_span_is(b->flow, flows[i].name))
			continue;
		b->text = wa_json_string(b->value, "display_text", c->a);
		b->id = wa_json_string(b->value, "id", c->a);
		value = wa_json_string(b->value, flows[i].value, c->a);
		b->value = flows[i].kind == WA_BUTTON_REPLY ? wa_span(NULL, 0) : value;
		b->kind = flows[i].kind;
		b->flow = wa_span(NULL, 0);
		break;
	}
	return rc;
}

static void put_native(struct wa_buf *out, uint32_t number, struct wa_span name,
		       struct wa_buf *params)
{
	struct wa_buf b;

	wa_buf_init(&b, WA_RAW_MAX);
	wa_pb_put(&b, 1, name);
	wa_pb_put(&b, 2, wa_buf_view(params));
	wa_pb_put(out, number, wa_buf_view(&b));
	if (b.failed || params->failed)
		out->failed = b.failed ? b.failed : params->failed;
	wa_buf_clear(&b);
	wa_buf_reset(params);
}

static void native_button(const struct wa_button *b, uint32_t number, struct wa_buf *params,
			  struct wa_buf *out)
{
	size_t i;

	for (i = 0; i < WA_ARRAY_LEN(flows) && flows[i].kind != b->kind; i++)
		;
	if (i == WA_ARRAY_LEN(flows)) {
		wa_buf_span(params, b->value);
		put_native(out, number, b->flow, params);
		return;
	}
	wa_buf_str(params, "{\"display_text\":");
	wa_json_put(params, b->text);
	if (b->kind == WA_BUTTON_REPLY || b->id.len) {
		wa_buf_str(params, ",\"id\":");
		wa_json_put(params, b->id);
	}
	if (b->kind != WA_BUTTON_REPLY) {
		wa_buf_fmt(params, ",\"%s\":", flows[i].value);
		wa_json_put(params, b->value);
	}
	if (b->kind == WA_BUTTON_URL) {
		wa_buf_str(params, ",\"merchant_url\":");
		wa_json_put(params, b->value);
	}
	wa_buf_str(params, "}");
	put_native(out, number, wa_span_str(flows[i].name), params);
}

static void native_list(const struct wa_menu *m, uint32_t number, struct wa_buf *params,
			struct wa_buf *out)
{
	size_t sections = m->n_sections ? m->n_sections : 1;

	wa_buf_str(params, "{\"title\":");
	wa_json_put(params, m->button_text);
	wa_buf_str(params, ",\"sections\":[");
	for (size_t i = 0; i < sections; i++) {
		bool first = true;

		wa_buf_str(params, i ? ",{\"title\":" : "{\"title\":");
		wa_json_put(params, i < m->n_sections ? m->sections[i] : wa_span(NULL, 0));
		wa_buf_str(params, ",\"rows\":[");
		for (size_t j = 0; j < m->n_rows; j++) {
			if (m->rows[j].section != i)
				continue;
			wa_buf_str(params, first ? "{\"id\":" : ",{\"id\":");
			wa_json_put(params, m->rows[j].id);
			wa_buf_str(params, ",\"title\":");
			wa_json_put(params, m->rows[j].title);
			wa_buf_str(params, ",\"description\":");
			wa_json_put(params, m->rows[j].description);
			wa_buf_str(params, "}");
			first = false;
		}
		wa_buf_str(params, "]}");
	}
	wa_buf_str(params, "]}");
	put_native(out, number, wa_span_str("single_select"), params);
}

static void write_native_buttons(struct wa_codec *c, const void *base, uint32_t number,
				 struct wa_buf *out)
{
	const struct wa_menu *m = base;
	struct wa_buf params;

	(void)c;
	wa_buf_init(&params, JSON_MAX);
	for (size_t i = 0; i < m->n_buttons; i++)
		native_button(&m->buttons[i], number, &params, out);
	if (m->n_rows)
		native_list(m, number, &params, out);
	wa_buf_clear(&params);
}

static void write_one(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	(void)c;
	(void)base;
	wa_pb_put_varint(out, number, 1);
}

static void write_has_media(struct wa_codec *c, const void *base, uint32_t number,
			    struct wa_buf *out)
{
	(void)base;
	wa_pb_put_varint(out, number, c->in->media != NULL);
}

static const struct wa_mfield native_header[] = {
	WA_TEXT(1, wa_menu, title),
	WA_HEAD_DOCUMENT(3),
	WA_HEAD_IMAGE(4),
	WA_HOOK(5, NULL, write_has_media),
	WA_HEAD_VIDEO(7),
	WA_END,
};
static const struct wa_mfield native_body[] = { WA_TEXT(1, wa_menu, body), WA_END };
static const struct wa_mfield native_footer[] = { WA_TEXT(1, wa_menu, footer), WA_END };
static const struct wa_mfield native_flow[] = {
	WA_HOOK(1, read_native_button, write_native_buttons),
	WA_HOOK(3, NULL, write_one), /* messageVersion */
	WA_END,
};

const struct wa_mfield wa_fields_native[] = {
	WA_SUB(1, native_header),
	WA_SUB(2, native_body),
	WA_SUB(3, native_footer),
	WA_SUB(6, native_flow),
	WA_CONTEXT(15),
	WA_END,
};

int wa_menu_finish(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_menu *m = part;

	(void)c;
	switch (k->number) {
	case 25:
		m->form = WA_MENU_TEMPLATE;
		break;
	case 36:
		m->form = WA_MENU_LIST;
		break;
	case 45:
		m->form = WA_MENU_NATIVE;
		break;
	default:
		m->form = WA_MENU_BUTTONS;
		break;
	}
	return 0;
}

/* ---- choices ---- */

const struct wa_mfield wa_fields_buttons_response[] = {
	WA_TEXT(1, wa_choice, id),
	WA_TEXT(2, wa_choice, text),
	WA_CONTEXT(3),
	WA_HOOK(4, NULL, write_one), /* type DISPLAY_TEXT */
	WA_END,
};

static const struct wa_mfield selected_row[] = { WA_TEXT(1, wa_choice, id), WA_END };
const struct wa_mfield wa_fields_list_response[] = {
	WA_TEXT(1, wa_choice, text),
	WA_HOOK(2, NULL, write_one),
	WA_SUB(3, selected_row),
	WA_CONTEXT(4),
	WA_TEXT(5, wa_choice, description),
	WA_END,
};

const struct wa_mfield wa_fields_template_reply[] = {
	WA_TEXT(1, wa_choice, id),
	WA_TEXT(2, wa_choice, text),
	WA_CONTEXT(3),
	WA_FIELD(4, wa_choice, index),
	WA_END,
};

static void write_params(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	const struct wa_choice *choice = base;
	struct wa_buf params;

	(void)c;
	wa_buf_init(&params, JSON_MAX);
	if (choice->params.len) {
		wa_buf_span(&params, choice->params);
	} else {
		wa_buf_str(&params, "{\"id\":");
		wa_json_put(&params, choice->id);
		wa_buf_str(&params, "}");
	}
	if (params.failed)
		out->failed = params.failed;
	wa_pb_put(out, number, wa_buf_view(&params));
	wa_buf_clear(&params);
}

static int read_params(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_choice *choice = base;

	if (f->wire == 2)
		choice->params = wa_codec_text(c, f->bytes);
	return 0;
}

static void write_flow_name(struct wa_codec *c, const void *base, uint32_t number,
			    struct wa_buf *out)
{
	const struct wa_choice *choice = base;

	(void)c;
	wa_pb_put(out, number, choice->flow.len ? choice->flow : wa_span_str("menu_options"));
}

static int read_flow_name(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_choice *choice = base;

	if (f->wire == 2)
		choice->flow = wa_codec_text(c, f->bytes);
	return 0;
}

static const struct wa_mfield response_body[] = { WA_TEXT(1, wa_choice, text), WA_END };
static const struct wa_mfield native_response[] = {
	WA_HOOK(1, read_flow_name, write_flow_name),
	WA_HOOK(2, read_params, write_params),
	WA_HOOK(3, NULL, write_one),
	WA_END,
};
const struct wa_mfield wa_fields_native_response[] = {
	WA_SUB(1, response_body),
	WA_SUB(2, native_response),
	WA_CONTEXT(15),
	WA_END,
};

int wa_choice_finish(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_choice *choice = part;

	switch (k->number) {
	case 29:
		choice->form = WA_MENU_TEMPLATE;
		break;
	case 39:
		choice->form = WA_MENU_LIST;
		break;
	case 48:
		choice->form = WA_MENU_NATIVE;
		choice->id = wa_json_string(choice->params, "id", c->a);
		break;
	default:
		choice->form = WA_MENU_BUTTONS;
		break;
	}
	return 0;
}
