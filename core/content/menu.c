/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "menu.h"

#include <text.h>
#include <wa/addon.h>
#include "fields.h"

/* ---- JSON ---- */

const char *const wb_menu_more[] = { "buttons", "sections", NULL };

static const char *const button_kinds[] = { "reply", "url", "call", "copy", "flow", NULL };
static const struct wb_field button_fields[] = {
	{ "kind", WB_F_NAMES, offsetof(struct wa_button, kind), false, false, 0, 0, button_kinds },
	{ "id", WB_F_TEXT, offsetof(struct wa_button, id), false, false, 0, 0, NULL },
	{ "text", WB_F_TEXT, offsetof(struct wa_button, text), true, true, 0, 0, NULL },
	{ "value", WB_F_TEXT, offsetof(struct wa_button, value), false, false, 0, 0, NULL },
	{ "flow", WB_F_TEXT, offsetof(struct wa_button, flow), false, false, 0, 0, NULL },
	WB_FIELD_END
};
static const struct wb_field row_fields[] = {
	{ "id", WB_F_TEXT, offsetof(struct wa_row, id), true, true, 0, 0, NULL },
	{ "title", WB_F_TEXT, offsetof(struct wa_row, title), true, true, 0, 0, NULL },
	{ "description", WB_F_TEXT, offsetof(struct wa_row, description), false, false, 0, 0, NULL },
	WB_FIELD_END
};

static int object_get(const json_t *v, const struct wb_field *f, void *to, const char *where, struct wa_arena *a,
		      struct wa_err *err)
{
	int r = json_is_object(v) ? wb_fields_only(v, &f, 1, NULL, where, err)
				  : wa_err_set(err, WA_EINVALID, "%s: objects", where);

	return r < 0 ? r : wb_fields_get(v, f, to, a, where, err);
}

static int section_get(const json_t *v, struct wa_menu *menu, struct wa_arena *a, struct wa_err *err)
{
	static const char *const members[] = { "title", "rows", NULL };
	const json_t *rows, *row;
	size_t i;
	int r = json_is_object(v) ? wb_fields_only(v, NULL, 0, members, "sections", err)
				  : wa_err_set(err, WA_EINVALID, "sections: objects");

	if (r == 0)
		r = wb_get_text(v, "title", &menu->sections[menu->n_sections], "sections", err);
	if (r >= 0)
		r = wb_get_list(v, "rows", WA_ROWS_MAX - menu->n_rows, &rows, "sections", err);
	if (r < 0)
		return r;
	if (!rows)
		return wa_err_set(err, WA_EINVALID, "sections.rows: is needed");
	json_array_foreach(rows, i, row) {
		r = object_get(row, row_fields, &menu->rows[menu->n_rows], "sections.rows", a, err);
		if (r < 0)
			return r;
		menu->rows[menu->n_rows++].section = (uint32_t)menu->n_sections;
	}
	menu->n_sections++;
	return 0;
}

int wb_menu_get(const json_t *o, struct wa_message *m, void *part, struct wa_arena *a, struct wa_err *err)
{
	struct wa_menu *menu = part;
	const json_t *buttons, *sections, *v;
	size_t i;
	int r = wb_get_list(o, "buttons", WA_BUTTONS_MAX, &buttons, "", err);

	(void)m;
	if (r >= 0)
		r = wb_get_list(o, "sections", WA_BUTTONS_MAX, &sections, "", err);
	if (r < 0)
		return r;
	json_array_foreach(buttons, i, v) {
		r = object_get(v, button_fields, &menu->buttons[menu->n_buttons++], "buttons", a, err);
		if (r < 0)
			return r;
	}
	json_array_foreach(sections, i, v) {
		r = section_get(v, menu, a, err);
		if (r < 0)
			return r;
	}
	if (!menu->n_buttons && !menu->n_rows)
		return wa_err_set(err, WA_EINVALID, "buttons, or sections with rows: at least one");
	if (!json_object_get(o, "form") && menu->n_rows)
		menu->form = WA_MENU_LIST;
	return 0;
}

void wb_menu_put(json_t *o, const struct wa_message *m, const void *part)
{
	const struct wa_menu *menu = part;
	json_t *list = json_array(), *v, *rows;

	(void)m;
	for (size_t i = 0; i < menu->n_buttons; i++) {
		v = json_object();
		wb_fields_put(v, button_fields, &menu->buttons[i]);
		json_array_append_new(list, v);
	}
	if (menu->n_buttons)
		json_object_set(o, "buttons", list);
	json_decref(list);
	if (!menu->n_rows)
		return;
	list = json_array();
	for (size_t s = 0; s < (menu->n_sections ? menu->n_sections : 1); s++) {
		v = json_object();
		rows = json_array();
		if (s < menu->n_sections)
			wb_put_text(v, "title", menu->sections[s]);
		for (size_t i = 0; i < menu->n_rows; i++) {
			json_t *row;

			if (menu->rows[i].section != s && menu->n_sections)
				continue;
			row = json_object();
			wb_fields_put(row, row_fields, &menu->rows[i]);
			json_array_append_new(rows, row);
		}
		json_object_set_new(v, "rows", rows);
		json_array_append_new(list, v);
	}
	json_object_set_new(o, "sections", list);
}

/* ---- options ---- */

size_t wb_menu_options(const struct wa_menu *menu, struct wb_option *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < menu->n_rows && n < max; i++)
		ret[n++] = (struct wb_option){ menu->rows[i].id, menu->rows[i].title };
	for (size_t i = 0; i < menu->n_buttons && n < max; i++)
		if (menu->buttons[i].kind == WA_BUTTON_REPLY)
			ret[n++] = (struct wb_option){ menu->buttons[i].id.len ? menu->buttons[i].id :
										 menu->buttons[i].text,
						       menu->buttons[i].text };
	return n;
}

static const char *const renders[] = { "auto", "native", "poll", "text" };

const char *wb_render_str(int render)
{
	return render >= 0 && (size_t)render < WA_ARRAY_LEN(renders) ? renders[render] : "auto";
}

int wb_render_parse(const char *text)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(renders); i++)
		if (strcmp(text, renders[i]) == 0)
			return (int)i;
	return WA_EINVALID;
}

/* ---- rendering ---- */

#define OPTIONS_MAX (WA_ROWS_MAX + WA_BUTTONS_MAX)

/* Only a choice: nothing to open, call or copy, and words that differ. */
static bool fits_poll(const struct wa_menu *menu, const struct wb_option *opt, size_t n)
{
	if (n < 2 || n > WB_MENU_POLL_MAX)
		return false;
	for (size_t i = 0; i < menu->n_buttons; i++)
		if (menu->buttons[i].kind != WA_BUTTON_REPLY)
			return false;
	for (size_t i = 0; i < n; i++) {
		if (!opt[i].text.len || opt[i].text.len > WB_MENU_OPTION_MAX)
			return false;
		for (size_t k = 0; k < i; k++)
			if (wa_span_eq(opt[i].text, opt[k].text))
				return false;
	}
	return true;
}

static void head(const struct wa_menu *menu, struct wa_buf *out)
{
	if (menu->title.len) {
		wa_buf_fmt(out, "*%.*s*\n", WA_SPAN_ARG(menu->title));
		wa_buf_u8(out, '\n');
	}
	wa_buf_span(out, menu->body);
}

static void foot(const struct wa_menu *menu, struct wa_buf *out)
{
	if (menu->footer.len)
		wa_buf_fmt(out, "\n\n_%.*s_", WA_SPAN_ARG(menu->footer));
}

/* Buttons that do something are said in words. */
static void actions(const struct wa_menu *menu, struct wa_buf *out)
{
	bool first = true;

	for (size_t i = 0; i < menu->n_buttons; i++) {
		const struct wa_button *b = &menu->buttons[i];

		if (b->kind == WA_BUTTON_REPLY)
			continue;
		wa_buf_str(out, first ? "\n\n" : "\n");
		first = false;
		wa_buf_span(out, b->text);
		if (b->value.len && b->kind != WA_BUTTON_FLOW)
			wa_buf_fmt(out, ": %.*s", WA_SPAN_ARG(b->value));
	}
}

static void numbered(const struct wa_menu *menu, struct wa_buf *out)
{
	size_t number = 0;

	for (size_t i = 0; i < menu->n_rows; i++) {
		const struct wa_row *r = &menu->rows[i];
		bool new_section = i == 0 || r->section != menu->rows[i - 1].section;

		if (new_section && r->section < menu->n_sections && menu->sections[r->section].len)
			wa_buf_fmt(out, "\n\n*%.*s*", WA_SPAN_ARG(menu->sections[r->section]));
		else if (i == 0)
			wa_buf_u8(out, '\n');
		wa_buf_fmt(out, "\n%zu. %.*s", ++number, WA_SPAN_ARG(r->title));
		if (r->description.len)
			wa_buf_fmt(out, " - %.*s", WA_SPAN_ARG(r->description));
	}
	for (size_t i = 0; i < menu->n_buttons; i++) {
		if (menu->buttons[i].kind != WA_BUTTON_REPLY)
			continue;
		wa_buf_fmt(out, "%s\n%zu. %.*s", number == 0 ? "\n" : "", number + 1,
			   WA_SPAN_ARG(menu->buttons[i].text));
		number++;
	}
}

static int as_text(struct wa_message *m, const struct wa_menu *menu, struct wa_arena *a, struct wa_err *err)
{
	struct wa_buf out;
	int r;

	wa_buf_init(&out, WA_TEXT_MAX);
	head(menu, &out);
	numbered(menu, &out);
	actions(menu, &out);
	foot(menu, &out);
	r = wa_buf_end(&out, err);
	if (r == 0) {
		m->text = wa_span(wa_arena_dup(a, out.ptr, out.len), out.len);
		m->kind = WA_MSG_TEXT;
		m->menu = NULL;
		m->media = NULL;
		r = m->text.ptr ? 0 : wa_err_set(err, WA_ENOMEM, "menu");
	}
	wa_buf_clear(&out);
	return r;
}

static int as_poll(struct wa_message *m, const struct wa_menu *menu, const struct wb_option *opt, size_t n,
		   struct wa_arena *a, struct wa_err *err)
{
	struct wa_poll *p = wa_arena_alloc(a, sizeof(*p));
	struct wa_buf out;
	int r;

	if (!p)
		return wa_err_set(err, WA_ENOMEM, "menu");
	wa_buf_init(&out, WA_TEXT_MAX);
	head(menu, &out);
	foot(menu, &out);
	r = wa_buf_end(&out, err);
	p->name = wa_span(wa_arena_dup(a, out.ptr, out.len), out.len);
	wa_buf_clear(&out);
	for (size_t i = 0; i < n; i++)
		p->options[p->n++] = opt[i].text;
	p->selectable = 1;
	m->kind = WA_MSG_POLL;
	m->poll = p;
	m->menu = NULL;
	m->media = NULL;
	return r < 0 ? r : p->name.ptr ? 0 : wa_err_set(err, WA_ENOMEM, "menu");
}

int wb_menu_render(struct wa_message *m, int render, struct wa_arena *a, int *ret_render, struct wa_err *err)
{
	const struct wa_menu *menu = m->menu;
	struct wb_option opt[OPTIONS_MAX];
	size_t n = wb_menu_options(menu, opt, OPTIONS_MAX);
	bool poll = fits_poll(menu, opt, n) && !m->media;

	if (render == WB_RENDER_AUTO)
		render = poll ? WB_RENDER_POLL : WB_RENDER_TEXT;
	if (render == WB_RENDER_POLL && !poll)
		return wa_err_set(err, WA_EINVALID,
				  "render: a poll has 2 to %d different options of at most %d bytes, and no other buttons",
				  WB_MENU_POLL_MAX, WB_MENU_OPTION_MAX);
	*ret_render = render;
	if (render == WB_RENDER_NATIVE)
		return 0;
	return render == WB_RENDER_POLL ? as_poll(m, menu, opt, n, a, err) : as_text(m, menu, a, err);
}

/* ---- answers ---- */

/* "2", "2.", "(2)", "#2" */
static int number_of(struct wa_span s)
{
	int n = 0;
	size_t i = 0, digits = 0;

	while (i < s.len && (s.ptr[i] == '(' || s.ptr[i] == '#'))
		i++;
	for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9' && digits < 4; i++, digits++)
		n = n * 10 + (s.ptr[i] - '0');
	while (i < s.len && (s.ptr[i] == ')' || s.ptr[i] == '.'))
		i++;
	return digits && i == s.len ? n : 0;
}

int wb_menu_match(const struct wa_menu *menu, struct wa_span text)
{
	struct wb_option opt[OPTIONS_MAX];
	size_t n = wb_menu_options(menu, opt, OPTIONS_MAX);
	struct wa_span s = wa_span_trim(text);
	int number = number_of(s);

	if (!s.len)
		return -1;
	/* words first: an option may itself be a number */
	for (size_t i = 0; i < n; i++)
		if (wa_span_ieq(s, wa_span_trim(opt[i].text)) || wa_span_eq(s, opt[i].id))
			return (int)i;
	return number >= 1 && (size_t)number <= n ? number - 1 : -1;
}

int wb_menu_match_hash(const struct wa_menu *menu, const uint8_t hash[WA_HASH_LEN])
{
	struct wb_option opt[OPTIONS_MAX];
	size_t n = wb_menu_options(menu, opt, OPTIONS_MAX);

	for (size_t i = 0; i < n; i++) {
		uint8_t h[WA_HASH_LEN];

		wa_poll_option_hash(opt[i].text, h);
		if (memcmp(h, hash, sizeof(h)) == 0)
			return (int)i;
	}
	return -1;
}

int wb_menu_match_choice(const struct wa_menu *menu, const struct wa_choice *choice)
{
	struct wb_option opt[OPTIONS_MAX];
	size_t n = wb_menu_options(menu, opt, OPTIONS_MAX);

	for (size_t i = 0; i < n; i++)
		if (choice->id.len && wa_span_eq(choice->id, opt[i].id))
			return (int)i;
	for (size_t i = 0; i < n; i++)
		if (choice->text.len && wa_span_eq(choice->text, opt[i].text))
			return (int)i;
	return -1;
}
