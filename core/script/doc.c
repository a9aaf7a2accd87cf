/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reference page and the editor's annotations. */
#include <ctype.h>
#include <event.h>
#include "bind.h"
#include "doc.h"
#include "reference_md.h"

/* One function, from whichever kind of row. */
struct row {
	const char *name, *args, *returns, *summary, *example, *gives, *rest;
};

/* Row i of module m; false: there are no more. */
static bool row_at(const struct wb_lua_module *m, size_t i, struct row *r)
{
	for (const struct wb_bind_table *t = wb_bind_tables; t->module; t++) {
		const struct wb_bind_fn *f = *t->fns + i;

		if (t->module != m)
			continue;
		*r = (struct row){ f->name, f->args, f->returns, f->summary, f->example, f->gives, f->rest };
		return f->name != NULL;
	}
	if (!m->fns[i].name)
		return false;
	*r = (struct row){ m->fns[i].name, m->fns[i].args, m->fns[i].returns, m->fns[i].summary, m->fns[i].example, NULL, NULL };
	return true;
}

/* The next piece of "a: b, c: fun(d: e, f)" at the top level, trimmed; false: no more. */
static bool next_piece(const char **p, char out[256])
{
	int depth = 0;
	size_t n = 0;

	while (**p == ' ' || **p == ',')
		(*p)++;
	if (!**p)
		return false;
	for (; **p && !(depth == 0 && **p == ','); (*p)++) {
		depth += **p == '(' || **p == '{' || **p == '<';
		depth -= **p == ')' || **p == '}' || **p == '>';
		if (n + 1 < 256)
			out[n++] = **p;
	}
	out[n] = 0;
	return true;
}

/* "name?: type" in its parts; without a colon the whole is the type. */
static void split_piece(const char *piece, char name[64], bool *ret_optional, const char **ret_type)
{
	const char *colon = strstr(piece, ": "), *paren = strpbrk(piece, "({");

	*ret_optional = false;
	name[0] = 0;
	*ret_type = piece;
	if (!colon || (paren && paren < colon))
		return;
	(void)snprintf(name, 64, "%.*s", (int)(colon - piece), piece);
	*ret_type = colon + 2;
	if (*name && name[strlen(name) - 1] == '?') {
		name[strlen(name) - 1] = 0;
		*ret_optional = true;
	}
}

/* ---- the page ---- */

/* "to, content[, opts]" */
static void put_names(struct wa_buf *out, const char *args)
{
	char piece[256], name[64];
	const char *type;
	bool optional, first = true;
	int open = 0;

	while (next_piece(&args, piece)) {
		split_piece(piece, name, &optional, &type);
		if (optional) {
			wa_buf_str(out, first ? "[" : "[, ");
			open++;
		} else if (!first) {
			wa_buf_str(out, ", ");
		}
		wa_buf_str(out, *name ? name : type);
		first = false;
	}
	while (open--)
		wa_buf_u8(out, ']');
}

/* Types without the prefix that only editors need. */
static void put_plain(struct wa_buf *out, const char *text)
{
	while (*text) {
		if (strncmp(text, "warbler.", 8) == 0)
			text += 8;
		wa_buf_u8(out, (uint8_t)*text++);
	}
}

/* The page's own form of "sent: Message|nil, message?: string, code?: string" */
static void put_returns(struct wa_buf *out, const char *returns)
{
	static const char tail[] = "|nil, message?: string, code?: string";
	size_t n = strlen(returns), m = sizeof(tail) - 1;

	if (!*returns)
		return;
	wa_buf_str(out, " → `");
	if (n > m && strcmp(returns + n - m, tail) == 0) {
		char head[256];

		(void)snprintf(head, sizeof(head), "%.*s", (int)(n - m), returns);
		put_plain(out, head);
		wa_buf_str(out, "` or `nil, message, code`");
		return;
	}
	put_plain(out, returns);
	wa_buf_u8(out, '`');
}

static void put_example(struct wa_buf *out, const struct row *r)
{
	size_t n;

	if (!r->example)
		return;
	n = strlen(r->example);
	wa_buf_fmt(out, "\n```lua\n%s%s", r->example, n && r->example[n - 1] == '\n' ? "" : "\n");
	if (r->gives)
		wa_buf_fmt(out, "--> %s\n", r->gives);
	wa_buf_str(out, "```\n");
}

static void put_args(struct wa_buf *out, const char *args)
{
	char piece[256], name[64];
	const char *type;
	bool optional, first = true;

	while (next_piece(&args, piece)) {
		split_piece(piece, name, &optional, &type);
		if (strcmp(name, "opts") == 0)
			continue;
		wa_buf_fmt(out, "%s`%s` ", first ? "" : ", ", name);
		if (strcmp(type, "address") == 0)
			wa_buf_str(out, "an address");
		else if (strcmp(type, "address[]") == 0)
			wa_buf_str(out, "a list of addresses, or one");
		else if (strcmp(type, "ref") == 0)
			wa_buf_str(out, "an id, or what has one");
		else if (strcmp(type, "phone") == 0)
			wa_buf_str(out, "a phone number, or an address");
		else
			put_plain(out, type);
		if (optional)
			wa_buf_str(out, " (may be left out)");
		first = false;
	}
	if (!first)
		wa_buf_str(out, ".\n\n");
}

static void put_function(struct wa_buf *out, const struct wb_lua_module *m, const struct row *r)
{
	static const struct { const char *name, *value; } called[] = {
		{ "Message", "msg" }, { "Media", "media" }, { "Response", "res" }, { "Regex", "re" }, { "Flow",
		  "flow" }, { "Step", "f" },
	};
	const char *value = m->name;

	for (size_t i = 0; i < WA_ARRAY_LEN(called); i++)
		if (strcmp(called[i].name, m->name) == 0)
			value = called[i].value;
	wa_buf_str(out, "\n### `");
	if (m->object)
		wa_buf_fmt(out, "%s:%s(", value, r->name);
	else
		wa_buf_fmt(out, "wb%s%s.%s(", *m->name ? "." : "", m->name, r->name);
	put_names(out, r->args);
	wa_buf_str(out, ")`");
	put_returns(out, r->returns);
	wa_buf_str(out, "\n\n");
	put_args(out, r->args);
	wa_buf_str(out, r->summary);
	if (r->rest)
		wa_buf_fmt(out, " (`%s`)", r->rest);
	wa_buf_u8(out, '\n');
	put_example(out, r);
}

static void put_fields(struct wa_buf *out, const struct wb_lua_module *m)
{
	if (!m->fields || !m->fields[0].name)
		return;
	wa_buf_str(out, "\n| field | type | |\n|---|---|---|\n");
	for (const struct wb_lua_field *f = m->fields; f->name; f++) {
		wa_buf_fmt(out, "| `%s` | `", f->name);
		for (const char *p = f->type; *p; p++) {
			if (strncmp(p, "warbler.", 8) == 0)
				p += 8;
			wa_buf_fmt(out, *p == '|' ? "\\%c" : "%c", *p);
		}
		wa_buf_fmt(out, "` | %s |\n", f->summary);
	}
}

static void put_module(struct wa_buf *out, const struct wb_lua_module *m)
{
	struct row r;

	if (m->object)
		wa_buf_fmt(out, "\n## %s\n\n", m->name);
	else if (*m->name)
		wa_buf_fmt(out, "\n## wb.%s\n\n", m->name);
	else
		wa_buf_str(out, "\n## wb: ");
	if (!m->object && !*m->name) {
		const char *dot = strchr(m->summary, '.');
		int n = dot && !dot[1] ? (int)(dot - m->summary) : (int)strlen(m->summary);

		wa_buf_fmt(out, "%c%.*s\n", tolower((unsigned char)m->summary[0]), n - 1, m->summary + 1);
	} else {
		wa_buf_fmt(out, "%s\n", m->summary);
	}
	put_fields(out, m);
	for (size_t i = 0; row_at(m, i, &r); i++)
		put_function(out, m, &r);
}

static void put_events(struct wa_buf *out)
{
	wa_buf_str(out, "\n## Events\n\nFor `wb.on`. What is in each (`ev.data`, of messages the fields above) is in "
	  "`core/gateway/event.h`. Plugins add "
			"theirs: `order.*` (plugins/orders/README.md), and what `GET /v1/plugins` names; scripts "
			  "`script.*`.\n\n"
			"| event | |\n|---|---|\n");
	for (const struct wb_event_kind_info *k = wb_event_kinds; k->kind; k++)
		wa_buf_fmt(out, "| `%s` | %s |\n", k->kind, k->summary);
}

void wb_script_doc_page(struct wa_buf *out)
{
	wa_buf_str(out, "<!-- made by `warbler script api`: change the tables in core/script and "
	  "core/script/reference.md -->\n");
	wa_buf_put(out, wb_reference_md, wb_reference_md_len);
	for (size_t i = 0; wb_lua_modules[i]; i++)
		put_module(out, wb_lua_modules[i]);
	put_events(out);
}

/* ---- the editor's annotations ---- */

static bool is_class(const char *word, size_t n)
{
	if ((n == 6 && memcmp(word, "Person", n) == 0) || (n == 7 && memcmp(word, "Contact", n) == 0))
		return true;
	for (size_t i = 0; wb_lua_modules[i]; i++)
		if (wb_lua_modules[i]->object && strlen(wb_lua_modules[i]->name) == n && memcmp(wb_lua_modules[i]->name, word, n) == 0)
			return true;
	return false;
}

/* A type in the words of the language server. */
static void put_type(struct wa_buf *out, const char *type)
{
	if (strchr(type, '{')) {
		wa_buf_str(out, strstr(type, "nil") ? "table|nil" : "table");
		return;
	}
	while (*type) {
		size_t n = 0;

		while (isalnum((unsigned char)type[n]) || type[n] == '_' || type[n] == '.')
			n++;
		if (n == 7 && memcmp(type, "address", 7) == 0)
			wa_buf_str(out, "warbler.Address");
		else if (n == 5 && memcmp(type, "phone", 5) == 0)
			wa_buf_str(out, "warbler.Address");
		else if (n == 3 && memcmp(type, "ref", 3) == 0)
			wa_buf_str(out, "warbler.Ref");
		else if (n && is_class(type, n))
			wa_buf_fmt(out, "warbler.%.*s", (int)n, type);
		else if (n)
			wa_buf_put(out, type, n);
		else if (*type != ' ')
			wa_buf_u8(out, (uint8_t)*type);
		type += n ? n : 1;
	}
}

static void put_comment(struct wa_buf *out, const char *text)
{
	wa_buf_str(out, "---");
	for (; *text; text++) {
		if (*text == '\n')
			wa_buf_str(out, "\n---");
		else
			wa_buf_u8(out, (uint8_t)*text);
	}
	wa_buf_u8(out, '\n');
}

static void put_stub_function(struct wa_buf *out, const struct wb_lua_module *m, const struct row *r)
{
	static const char *const reserved[] = { "end", "repeat", "return", "function", "local", "not", "and", "or" };
	const char *args = r->args, *type;
	char piece[256], name[64], names[512] = "";
	bool optional;

	wa_buf_u8(out, '\n');
	put_comment(out, r->summary);
	while (next_piece(&args, piece)) {
		split_piece(piece, name, &optional, &type);
		for (size_t i = 0; i < WA_ARRAY_LEN(reserved); i++)
			if (strcmp(name, reserved[i]) == 0)
				(void)snprintf(name, sizeof(name), "%s_", reserved[i]);
		wa_buf_fmt(out, "---@param %s%s ", name, optional ? "?" : "");
		put_type(out, type);
		wa_buf_u8(out, '\n');
		(void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", *names ? ", " : "",
		  name);
	}
	args = r->returns;
	while (next_piece(&args, piece)) {
		split_piece(piece, name, &optional, &type);
		wa_buf_str(out, "---@return ");
		put_type(out, type);
		wa_buf_fmt(out, "%s%s%s\n", optional ? "?" : "", *name ? " " : "", name);
	}
	if (m->object)
		wa_buf_fmt(out, "function %s:%s(%s) end\n", m->name, r->name, names);
	else
		wa_buf_fmt(out, "function wb.%s%s%s(%s) end\n", m->name, *m->name ? "." : "", r->name, names);
}

static void put_stub_class(struct wa_buf *out, const struct wb_lua_module *m)
{
	wa_buf_u8(out, '\n');
	put_comment(out, m->summary);
	wa_buf_fmt(out, "---@class warbler.%s\n", m->name);
	for (const struct wb_lua_field *f = m->fields; f && f->name; f++) {
		wa_buf_fmt(out, "---@field %s ", f->name);
		put_type(out, f->type);
		wa_buf_fmt(out, " %s\n", f->summary);
	}
	wa_buf_fmt(out, "local %s = {}\n", m->name);
}

void wb_script_doc_stub(struct wa_buf *out)
{
	struct row r;

	wa_buf_str(out,
		   "---@meta warbler\n-- Made by `warbler script api --stub`. Put it into your editor's workspace "
		   "(Lua language server).\n\n"
		   "---@class warbler.Person\n---@field jid? string\n---@field lid? string\n---@field phone? "
		   "string\n---@field name? string\n\n"
		   "---@class warbler.Contact: warbler.Person\n---@field push_name? string\n---@field business_name? "
		   "string\n"
		   "---@field opted_out? boolean\n\n"
		   "---@alias warbler.Address string|warbler.Person|warbler.Message a phone number, a JID, a person, "
		   "or a message (its chat)\n"
		   "---@alias warbler.Ref string|table|warbler.Message an id, or what has one\n\n"
		   "---@class warbler\nlocal wb = {}\n");
	for (size_t i = 0; wb_lua_modules[i]; i++) {
		const struct wb_lua_module *m = wb_lua_modules[i];

		if (m->object) {
			put_stub_class(out, m);
		} else if (*m->name) {
			wa_buf_u8(out, '\n');
			put_comment(out, m->summary);
			wa_buf_fmt(out, "wb.%s = {}\n", m->name);
		} else {
			for (const struct wb_lua_field *f = m->fields; f && f->name; f++) {
				wa_buf_u8(out, '\n');
				put_comment(out, f->summary);
				wa_buf_str(out, "---@type ");
				put_type(out, f->type);
				wa_buf_fmt(out, "\nwb.%s = nil\n", f->name);
			}
		}
		for (size_t k = 0; row_at(m, k, &r); k++)
			put_stub_function(out, m, &r);
	}
	wa_buf_str(out, "\nreturn wb\n");
}
