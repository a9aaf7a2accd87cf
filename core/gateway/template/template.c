/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compiling a template into a flat list of nodes, and running that list. */
#include "template.h"

#include <stdarg.h>

#include "locale.h"
#include "template_filter.h"
#include "text.h"

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_SECTION, NODE_INVERTED, NODE_END };

struct use { /* one filter behind a variable */
	const struct wb_filter *filter;
	struct wa_span args[WB_FILTER_ARGS_MAX];
	size_t n;
};

struct node {
	int kind;            /* enum node_kind */
	struct wa_span text; /* the text, or the name */
	uint32_t end;        /* of a section: index of its NODE_END */
	uint32_t first_use, n_uses;
};

struct wb_template {
	char *source; /* what all spans point into */
	struct node *nodes;
	size_t n_nodes;
	struct use *uses;
	size_t n_uses;
};

struct scope {
	struct wa_span name;
	uint32_t node;
	char prefix[128]; /* where its names are in the list of variables */
};

struct compiler {
	struct wb_template *t;
	struct wa_span src;
	size_t at; /* next byte */
	size_t text_start;
	const struct wb_template_var *vars;
	struct scope scopes[WB_TEMPLATE_DEPTH_MAX];
	size_t depth;
	struct wb_template_err *err;
};

static int refuse(struct compiler *c, size_t offset, const char *fmt, ...) WA_PRINTF(3, 4);

static int refuse(struct compiler *c, size_t offset, const char *fmt, ...)
{
	va_list ap;

	if (!c->err)
		return WA_EINVALID;
	c->err->offset = offset;
	c->err->line = 1;
	c->err->column = 1;
	for (size_t i = 0; i < offset && i < c->src.len; i++) {
		if (c->src.ptr[i] == '\n') {
			c->err->line++;
			c->err->column = 1;
		} else if (c->src.ptr[i] >> 6 != 2) {
			c->err->column++;
		}
	}
	va_start(ap, fmt);
	vsnprintf(c->err->msg, sizeof(c->err->msg), fmt, ap);
	va_end(ap);
	return WA_EINVALID;
}

static bool is_name_byte(uint8_t b)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
	       b == '_';
}

/* What is clipped when a stranger's text stands in an error message. */
#define SHOWN(s) (int)((s).len > 60 ? 60 : (s).len), (const char *)(s).ptr

static void skip_blanks(struct compiler *c)
{
	while (c->at < c->src.len && (c->src.ptr[c->at] == ' ' || c->src.ptr[c->at] == '\t' ||
				      c->src.ptr[c->at] == '\n' || c->src.ptr[c->at] == '\r'))
		c->at++;
}

static bool next_is(struct compiler *c, const char *what)
{
	return wa_span_starts(wa_span(c->src.ptr + c->at, c->src.len - c->at), what);
}

/* "." or words joined by dots. */
static int read_name(struct compiler *c, struct wa_span *ret)
{
	size_t start;
	bool dot = true;

	skip_blanks(c);
	start = c->at;
	if (next_is(c, ".")) {
		c->at++;
		*ret = wa_span(c->src.ptr + start, 1);
		return WA_OK;
	}
	for (; c->at < c->src.len; c->at++) {
		uint8_t b = c->src.ptr[c->at];

		if (!is_name_byte(b) && (b != '.' || dot))
			break;
		dot = b == '.';
	}
	*ret = wa_span(c->src.ptr + start, c->at - start);
	if (ret->len == 0 || dot)
		return refuse(c, start, "a variable's name is missing");
	return WA_OK;
}

static int read_arg(struct compiler *c, struct wa_span *ret)
{
	size_t start;

	skip_blanks(c);
	start = c->at;
	if (next_is(c, "\"")) {
		for (c->at++; c->at < c->src.len && c->src.ptr[c->at] != '"';)
			c->at++;
		if (c->at == c->src.len)
			return refuse(c, start, "a quoted text is not closed");
		*ret = wa_span(c->src.ptr + start + 1, c->at - start - 1);
		c->at++;
		return WA_OK;
	}
	while (c->at < c->src.len && (is_name_byte(c->src.ptr[c->at]) || c->src.ptr[c->at] == '-'))
		c->at++;
	*ret = wa_span(c->src.ptr + start, c->at - start);
	return ret->len > 0 ? WA_OK : refuse(c, start, "a filter's argument is missing");
}

static int read_use(struct compiler *c, struct use *u)
{
	struct wa_span name;
	size_t start;
	int r;

	skip_blanks(c);
	start = c->at;
	while (c->at < c->src.len && is_name_byte(c->src.ptr[c->at]))
		c->at++;
	name = wa_span(c->src.ptr + start, c->at - start);
	u->filter = wb_filter_find(name);
	if (!u->filter)
		return refuse(c, start, "unknown filter '%.*s'", SHOWN(name));
	for (skip_blanks(c); next_is(c, ":"); skip_blanks(c)) {
		size_t arg_at = ++c->at;

		if (u->n == u->filter->max_args)
			return refuse(c, arg_at, "filter '%s' takes %s", u->filter->name,
				      u->n ? "one argument" : "no argument");
		r = read_arg(c, &u->args[u->n]);
		if (r < 0)
			return r;
		if (u->n == 0 && u->filter->check && !u->filter->check(u->args[0]))
			return refuse(c, arg_at, "filter '%s' expects %s", u->filter->name,
				      u->filter->expects);
		u->n++;
	}
	if (u->n < u->filter->min_args)
		return refuse(c, start, "filter '%s' needs an argument", u->filter->name);
	return WA_OK;
}

static int add_node(struct compiler *c, struct node n)
{
	struct wb_template *t = c->t;

	if (t->n_nodes == WB_TEMPLATE_NODES_MAX)
		return refuse(c, c->at, "more than %d parts", WB_TEMPLATE_NODES_MAX);
	if ((t->n_nodes & (t->n_nodes - 1)) == 0) {
		size_t cap = t->n_nodes ? t->n_nodes * 2 : 1;
		struct node *grown = realloc(t->nodes, cap * sizeof(*grown));

		if (!grown)
			return WA_ENOMEM;
		t->nodes = grown;
	}
	t->nodes[t->n_nodes++] = n;
	return WA_OK;
}

static int add_use(struct compiler *c, struct use u)
{
	struct wb_template *t = c->t;

	if ((t->n_uses & (t->n_uses - 1)) == 0) {
		size_t cap = t->n_uses ? t->n_uses * 2 : 1;
		struct use *grown = realloc(t->uses, cap * sizeof(*grown));

		if (!grown)
			return WA_ENOMEM;
		t->uses = grown;
	}
	t->uses[t->n_uses++] = u;
	return WA_OK;
}

static int add_text(struct compiler *c, size_t end)
{
	if (end <= c->text_start)
		return WA_OK;
	return add_node(c, (struct node){ .kind = NODE_TEXT,
					  .text = wa_span(c->src.ptr + c->text_start,
							  end - c->text_start) });
}

/* Is `path` a variable, or the folder of one? */
static bool var_exists(const struct wb_template_var *vars, const char *path)
{
	size_t n = strlen(path);

	for (; vars->path; vars++)
		if (strncmp(vars->path, path, n) == 0 && (!vars->path[n] || vars->path[n] == '.'))
			return true;
	return false;
}

/* Find a name from the innermost section outwards; its full path in ret. */
static int resolve(struct compiler *c, struct wa_span name, size_t offset, char ret[128])
{
	int n;

	if (wa_span_is(name, ".")) {
		snprintf(ret, 128, "%s", c->depth ? c->scopes[c->depth - 1].prefix : "");
		return c->depth ? WA_OK : refuse(c, offset, "'.' outside of a section");
	}
	for (size_t i = c->depth + 1; i-- > 0;) {
		const char *prefix = i ? c->scopes[i - 1].prefix : "";

		n = snprintf(ret, 128, "%s%s%.*s", prefix, *prefix ? "." : "", WA_SPAN_ARG(name));
		if (n >= 128)
			break;
		if (!c->vars || var_exists(c->vars, ret))
			return WA_OK;
	}
	return refuse(c, offset, "unknown variable '%.*s'", SHOWN(name));
}

static int close_tag(struct compiler *c, size_t start, const char *mark)
{
	skip_blanks(c);
	if (!next_is(c, mark))
		return refuse(c, c->at < c->src.len ? c->at : start, "'%s' is missing", mark);
	c->at += strlen(mark);
	return WA_OK;
}

static int value_tag(struct compiler *c, size_t start, const char *mark)
{
	struct node n = { .kind = NODE_VALUE, .first_use = (uint32_t)c->t->n_uses };
	size_t name_at;
	char path[128];
	int r;

	skip_blanks(c);
	name_at = c->at;
	r = read_name(c, &n.text);
	if (r == 0)
		r = resolve(c, n.text, name_at, path);
	for (skip_blanks(c); r == 0 && next_is(c, "|"); skip_blanks(c)) {
		struct use u = { 0 };

		c->at++;
		if (n.n_uses++ == WB_TEMPLATE_FILTERS_MAX)
			return refuse(c, c->at, "more than %d filters", WB_TEMPLATE_FILTERS_MAX);
		r = read_use(c, &u);
		if (r == 0)
			r = add_use(c, u);
	}
	if (r == 0)
		r = close_tag(c, start, mark);
	return r == 0 ? add_node(c, n) : r;
}

static int open_section(struct compiler *c, size_t start, int kind)
{
	struct scope *s = &c->scopes[c->depth];
	size_t name_at;
	int r;

	if (c->depth == WB_TEMPLATE_DEPTH_MAX)
		return refuse(c, start, "sections deeper than %d", WB_TEMPLATE_DEPTH_MAX);
	skip_blanks(c);
	name_at = c->at;
	r = read_name(c, &s->name);
	if (r == 0)
		r = resolve(c, s->name, name_at, s->prefix);
	if (r == 0)
		r = close_tag(c, start, "}}");
	if (r < 0)
		return r;
	/* what is not there has no names of its own */
	if (kind == NODE_INVERTED)
		snprintf(s->prefix, sizeof(s->prefix), "%s",
			 c->depth ? c->scopes[c->depth - 1].prefix : "");
	s->node = (uint32_t)c->t->n_nodes;
	c->depth++;
	return add_node(c, (struct node){ .kind = kind, .text = s->name });
}

static int close_section(struct compiler *c, size_t start)
{
	struct wa_span name;
	struct scope *s;
	int r = read_name(c, &name);

	if (r == 0)
		r = close_tag(c, start, "}}");
	if (r < 0)
		return r;
	if (c->depth == 0)
		return refuse(c, start, "'%.*s' is closed, but was not opened", SHOWN(name));
	s = &c->scopes[c->depth - 1];
	if (!wa_span_eq(s->name, name))
		return refuse(c, start, "'%.*s' is closed where '%.*s' is open", SHOWN(name),
			      SHOWN(s->name));
	c->depth--;
	c->t->nodes[s->node].end = (uint32_t)c->t->n_nodes;
	return add_node(c, (struct node){ .kind = NODE_END });
}

static int skip_comment(struct compiler *c, size_t start)
{
	while (c->at < c->src.len && !next_is(c, "}}"))
		c->at++;
	return close_tag(c, start, "}}");
}

/* The start of the line that the tag at `start` has for itself; else start. Moves past its end. */
static size_t alone_on_line(struct compiler *c, size_t start)
{
	size_t first = start, last = c->at;

	while (first > 0 && (c->src.ptr[first - 1] == ' ' || c->src.ptr[first - 1] == '\t'))
		first--;
	while (last < c->src.len &&
	       (c->src.ptr[last] == ' ' || c->src.ptr[last] == '\t' || c->src.ptr[last] == '\r'))
		last++;
	if ((first > 0 && c->src.ptr[first - 1] != '\n') ||
	    (last < c->src.len && c->src.ptr[last] != '\n'))
		return start;
	c->at = last < c->src.len ? last + 1 : last;
	return first;
}

/* Where the text before a block tag ends; needed before its node is added. */
static size_t find_text_end(struct compiler *c, size_t start)
{
	size_t saved = c->at, end, close = c->at;

	while (close + 1 < c->src.len &&
	       !(c->src.ptr[close] == '}' && c->src.ptr[close + 1] == '}'))
		close++;
	c->at = close + 2 <= c->src.len ? close + 2 : c->src.len;
	end = alone_on_line(c, start);
	c->at = saved;
	return end;
}

/* At "{{". */
static int read_tag(struct compiler *c)
{
	size_t start = c->at;
	uint8_t kind;
	int r;

	c->at += 2;
	kind = c->at < c->src.len ? c->src.ptr[c->at] : 0;
	if (kind == '=' || kind == '>')
		return refuse(c, start, "partials and other delimiters are not supported");
	if (kind != '#' && kind != '^' && kind != '/' && kind != '!') {
		r = add_text(c, start);
		if (kind == '{' || kind == '&')
			c->at++;
		if (r == 0)
			r = value_tag(c, start, kind == '{' ? "}}}" : "}}");
		c->text_start = c->at;
		return r;
	}
	c->at++;
	r = add_text(c, find_text_end(c, start));
	if (r < 0)
		return r;
	if (kind == '/')
		r = close_section(c, start);
	else if (kind == '!')
		r = skip_comment(c, start);
	else
		r = open_section(c, start, kind == '#' ? NODE_SECTION : NODE_INVERTED);
	if (r == 0)
		(void)alone_on_line(c, start);
	c->text_start = c->at;
	return r;
}

static int compile(struct compiler *c)
{
	int r = WA_OK;

	while (r == 0 && c->at < c->src.len) {
		if (next_is(c, "{{"))
			r = read_tag(c);
		else
			c->at++;
	}
	if (r == 0 && c->depth > 0)
		r = refuse(c, c->src.len, "'%.*s' is not closed",
			   SHOWN(c->scopes[c->depth - 1].name));
	return r == 0 ? add_text(c, c->src.len) : r;
}

int wb_template_compile(struct wa_span source, const struct wb_template_var *vars,
			struct wb_template **ret_template, struct wb_template_err *ret_err)
{
	struct compiler c = { .src = source, .vars = vars, .err = ret_err };
	int r;

	if (source.len > WB_TEMPLATE_SOURCE_MAX)
		return refuse(&c, 0, "longer than %d bytes", WB_TEMPLATE_SOURCE_MAX);
	if (!wa_utf8_valid(source) || (source.len > 0 && memchr(source.ptr, 0, source.len)))
		return refuse(&c, 0, "not UTF-8 text");
	c.t = calloc(1, sizeof(*c.t));
	if (!c.t)
		return WA_ENOMEM;
	c.t->source = malloc(source.len + 1);
	if (!c.t->source) {
		wb_template_free(c.t);
		return WA_ENOMEM;
	}
	if (source.len > 0)
		memcpy(c.t->source, source.ptr, source.len);
	c.src = wa_span(c.t->source, source.len);
	r = compile(&c);
	if (r < 0) {
		wb_template_free(c.t);
		return r;
	}
	*ret_template = c.t;
	return WA_OK;
}

void wb_template_free(struct wb_template *t)
{
	if (!t)
		return;
	free(t->source);
	free(t->nodes);
	free(t->uses);
	free(t);
}

bool wb_template_locale_rtl(const char *locale)
{
	return wb_locale_get(locale).rtl;
}

/* ---- rendering ---- */

struct frame {               /* one open section */
	uint32_t node;       /* its start */
	const json_t *list;  /* NULL: not a list */
	size_t next;         /* element to come */
	const json_t *value; /* what names are looked up in first; NULL: of an inverted section */
};

struct run {
	const struct wb_template *t;
	struct wb_filter_env env;
	const json_t *root;
	struct frame frames[WB_TEMPLATE_DEPTH_MAX];
	size_t depth;
	struct wa_buf *out;
};

static const json_t *member(const json_t *object, struct wa_span key)
{
	char name[128];

	if (!json_is_object(object) || key.len >= sizeof(name))
		return NULL;
	snprintf(name, sizeof(name), "%.*s", WA_SPAN_ARG(key));
	return json_object_get(object, name);
}

static const json_t *look_up(const struct run *r, struct wa_span name)
{
	const json_t *found = NULL;
	struct wa_span word;
	size_t n = 0;

	if (wa_span_is(name, ".")) {
		for (size_t i = r->depth; i-- > 0;)
			if (r->frames[i].value)
				return r->frames[i].value;
		return NULL;
	}
	while (n < name.len && name.ptr[n] != '.')
		n++;
	word = wa_span(name.ptr, n);
	for (size_t i = r->depth; i-- > 0 && !found;)
		found = member(r->frames[i].value, word);
	if (!found)
		found = member(r->root, word);
	while (found && n < name.len) {
		size_t start = ++n;

		while (n < name.len && name.ptr[n] != '.')
			n++;
		found = member(found, wa_span(name.ptr + start, n - start));
	}
	return found;
}

static bool is_true(const json_t *j)
{
	switch (j ? json_typeof(j) : JSON_NULL) {
	case JSON_NULL:
	case JSON_FALSE:
		return false;
	case JSON_STRING:
		return json_string_length(j) > 0;
	case JSON_ARRAY:
		return json_array_size(j) > 0;
	case JSON_OBJECT:
		return json_object_size(j) > 0;
	case JSON_INTEGER:
		return json_integer_value(j) != 0;
	case JSON_REAL:
	case JSON_TRUE:
		break;
	}
	return true;
}

static bool is_rtl_char(uint32_t c)
{
	return (c >= 0x590 && c <= 0x8ff && !(c >= 0x660 && c <= 0x669) &&
		!(c >= 0x6f0 && c <= 0x6f9)) ||
	       (c >= 0xfb1d && c <= 0xfdff) || (c >= 0xfe70 && c <= 0xfefc);
}

/* Could this value disturb the direction of the text around it? */
static bool needs_isolation(struct wa_span s, bool rtl)
{
	if (wa_span_starts(s, "http://") || wa_span_starts(s, "https://"))
		return false;
	if (s.len > 0 && memchr(s.ptr, '\n', s.len))
		return false;
	while (s.len > 0) {
		uint32_t c;
		size_t n = wa_utf8_next(s, &c);
		bool digit = (c >= '0' && c <= '9') || (c >= 0x660 && c <= 0x669) ||
			     (c >= 0x6f0 && c <= 0x6f9);
		bool latin = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			     (c >= 0xc0 && c < 0x590);

		if (rtl ? digit || latin : is_rtl_char(c))
			return true;
		s = wa_span(s.ptr + n, s.len - n);
	}
	return false;
}

static void put_value(struct run *r, const struct node *n)
{
	struct wb_filter_value v = { .json = look_up(r, n->text) };
	bool isolate;

	wa_buf_init(&v.text, WB_TEMPLATE_VALUE_MAX);
	for (uint32_t i = 0; i < n->n_uses; i++) {
		const struct use *u = &r->t->uses[n->first_use + i];

		u->filter->fn(&r->env, &v, u->args, u->n);
	}
	wb_filter_text(&v);
	isolate = !v.plain && needs_isolation(wa_buf_view(&v.text), r->env.locale.rtl);
	if (isolate)
		wa_buf_str(r->out, "\u2068");
	wa_buf_span(r->out, wa_buf_view(&v.text));
	if (isolate)
		wa_buf_str(r->out, "\u2069");
	wa_buf_clear(&v.text);
}

/* Start or skip a section; the index of the node to go on with. */
static uint32_t enter(struct run *r, uint32_t at)
{
	const struct node *n = &r->t->nodes[at];
	const json_t *value = look_up(r, n->text);
	struct frame *f = &r->frames[r->depth];

	if (is_true(value) != (n->kind == NODE_SECTION))
		return n->end + 1;
	*f = (struct frame){ .node = at };
	if (n->kind == NODE_SECTION && json_is_array(value)) {
		f->list = value;
		f->next = 1;
		f->value = json_array_get(value, 0);
	} else if (n->kind == NODE_SECTION) {
		f->value = value;
	}
	r->depth++;
	return at + 1;
}

static uint32_t leave(struct run *r, uint32_t at)
{
	struct frame *f = &r->frames[r->depth - 1];

	if (f->list && f->next < json_array_size(f->list)) {
		f->value = json_array_get(f->list, f->next++);
		return f->node + 1;
	}
	r->depth--;
	return at + 1;
}

int wb_template_render(const struct wb_template *t, const json_t *vars,
		       const struct wb_template_env *env, struct wa_buf *out, struct wa_err *err)
{
	struct run r = { .t = t,
			 .root = vars,
			 .out = out,
			 .env = { .locale = wb_locale_get(env->locale),
				  .zone = env->zone,
				  .currency = env->currency } };
	size_t steps = 0;

	for (uint32_t at = 0; at < t->n_nodes && !out->failed;) {
		const struct node *n = &t->nodes[at];

		if (++steps > WB_TEMPLATE_STEPS_MAX)
			return wa_err_set(err, WA_ELIMIT, "the template takes more than %d steps",
					  WB_TEMPLATE_STEPS_MAX);
		switch ((enum node_kind)n->kind) {
		case NODE_TEXT:
			wa_buf_span(out, n->text);
			at++;
			break;
		case NODE_VALUE:
			put_value(&r, n);
			at++;
			break;
		case NODE_SECTION:
		case NODE_INVERTED:
			at = enter(&r, at);
			break;
		case NODE_END:
			at = leave(&r, at);
			break;
		}
	}
	return wa_buf_end(out, err);
}
