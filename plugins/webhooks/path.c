/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "path.h"

#include <string.h>

#include "base.h"
#include "match.h"
#include "text.h"

enum op {
	OP_EQ,
	OP_NE,
	OP_IN,
	OP_CONTAINS,
	OP_EXISTS,
	OP_MISSING,
	OP_GT,
	OP_GE,
	OP_LT,
	OP_LE,
	OP_REGEX,
	N_OPS
};
static const char *const op_names[N_OPS] = { "eq", "ne", "in", "contains", "exists", "missing",
					     "gt", "ge", "lt", "le",       "regex" };

enum step_kind { STEP_KEY, STEP_INDEX, STEP_ALL };
struct step {
	enum step_kind kind;
	int index;
	const char *key; /* in condition.text */
	size_t len;
};

struct condition {
	enum op op;
	size_t n_steps;
	struct step step[PATH_STEPS];
	char text[PATH_MAX_LEN + 1];
	json_t *value; /* NULL: none */
	struct wb_regex *regex;
};

/* "[2]", "[-1]", "[*]" or ["key"] at p; the place behind it, or NULL. */
static const char *bracket(const char *p, struct step *s)
{
	const char *end;
	int64_t n;

	p++;
	if (*p == '"') {
		end = strchr(++p, '"');
		if (!end || end[1] != ']' || end == p)
			return NULL;
		*s = (struct step){ .kind = STEP_KEY, .key = p, .len = (size_t)(end - p) };
		return end + 2;
	}
	end = strchr(p, ']');
	if (!end)
		return NULL;
	if (end == p + 1 && *p == '*') {
		s->kind = STEP_ALL;
		return end + 1;
	}
	if (wa_parse_i64(wa_span(p, (size_t)(end - p)), -1000000, 1000000, &n))
		return NULL;
	*s = (struct step){ .kind = STEP_INDEX, .index = (int)n };
	return end + 1;
}

static bool parse_path(struct condition *c)
{
	const char *p = c->text;
	bool first = true;

	if (*p == '$') {
		p++;
		first = false;
	}
	while (*p) {
		struct step *s = &c->step[c->n_steps];

		if (c->n_steps == PATH_STEPS)
			return false;
		if (*p == '[') {
			p = bracket(p, s);
			if (!p)
				return false;
		} else {
			if (!first && *p++ != '.')
				return false;
			*s = (struct step){ .kind = STEP_KEY,
					    .key = p,
					    .len = strcspn(p, ".[]\"") };
			if (s->len == 0)
				return false;
			p += s->len;
		}
		c->n_steps++;
		first = false;
	}
	return c->n_steps > 0;
}

static int find_op(const char *name)
{
	for (int i = 0; name && i < N_OPS; i++)
		if (strcmp(op_names[i], name) == 0)
			return i;
	return -1;
}

/* Is there a value of the kind that op needs? */
static bool value_ok(enum op op, const json_t *v)
{
	if (json_is_string(v) && json_string_length(v) > VALUE_MAX_LEN)
		return false;
	switch (op) {
	case OP_EXISTS:
	case OP_MISSING:
		return v == NULL;
	case OP_REGEX:
		return json_is_string(v);
	case OP_IN:
		return json_is_array(v) && json_array_size(v) > 0 && json_array_size(v) <= 100;
	case OP_GT:
	case OP_GE:
	case OP_LT:
	case OP_LE:
		return json_is_string(v) || json_is_number(v);
	case OP_EQ:
	case OP_NE:
	case OP_CONTAINS:
	case N_OPS:
		break;
	}
	return v != NULL;
}

static int fill(struct condition *c, const json_t *o, char why[WHY_MAX])
{
	const char *path = json_string_value(json_object_get(o, "path"));
	const char *name = json_string_value(json_object_get(o, "op"));
	json_t *value = json_object_get(o, "value");
	int op = find_op(name);
	struct wb_regex_err re = { 0 };
	int r;

	if (!path || strlen(path) > PATH_MAX_LEN) {
		snprintf(why, WHY_MAX, "where: path: a text of at most %d bytes is needed",
			 PATH_MAX_LEN);
		return WA_EINVALID;
	}
	(void)snprintf(c->text, sizeof(c->text), "%s", path);
	if (!parse_path(c)) {
		snprintf(why, WHY_MAX,
			 "where: path: keys, [index] and [*] as in $.data.items[*].sku");
		return WA_EINVALID;
	}
	if (op < 0 || !value_ok((enum op)op, value) || json_object_size(o) != (value ? 3u : 2u)) {
		snprintf(why, WHY_MAX,
			 "where: op (%s): eq, ne, in, contains, exists, missing, gt, ge, lt, le or regex, with its value",
			 op < 0 ? "unknown" : name);
		return WA_EINVALID;
	}
	c->op = (enum op)op;
	c->value = json_incref(value);
	if (c->op != OP_REGEX)
		return WA_OK;
	r = wb_regex_compile(wa_span_str(json_string_value(value)), 0, &c->regex, &re);
	if (r)
		snprintf(why, WHY_MAX, "where: regex: %.120s", re.msg);
	return r ? WA_EINVALID : WA_OK;
}

int condition_new(const json_t *o, struct condition **ret, char why[WHY_MAX])
{
	struct condition *c = calloc(1, sizeof(*c));
	int r = c ? fill(c, o, why) : WA_ENOMEM;

	if (r) {
		condition_free(c);
		return r;
	}
	*ret = c;
	return WA_OK;
}

void condition_free(struct condition *c)
{
	if (!c)
		return;
	json_decref(c->value);
	wb_regex_free(c->regex);
	free(c);
}

static bool equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b)) {
		if (json_is_integer(a) && json_is_integer(b))
			return json_integer_value(a) == json_integer_value(b);
		return !(json_number_value(a) < json_number_value(b)) &&
		       !(json_number_value(a) > json_number_value(b));
	}
	return json_equal(a, b);
}

/* -1, 0, 1; 2: not comparable */
static int compare(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b)) {
		double x = json_number_value(a), y = json_number_value(b);

		return (x > y) - (x < y);
	}
	if (json_is_string(a) && json_is_string(b)) {
		int r = strcmp(json_string_value(a), json_string_value(b));

		return (r > 0) - (r < 0);
	}
	return 2;
}

static bool holds_part(const json_t *node, const json_t *value)
{
	size_t i;
	json_t *item;

	if (json_is_string(node) && json_is_string(value))
		return strstr(json_string_value(node), json_string_value(value)) != NULL;
	json_array_foreach(node, i, item)
	{
		if (equal(item, value))
			return true;
	}
	return false;
}

static bool one_of(const json_t *node, const json_t *values)
{
	size_t i;
	json_t *item;

	json_array_foreach(values, i, item)
	{
		if (equal(node, item))
			return true;
	}
	return false;
}

static bool satisfied(const struct condition *c, const json_t *node)
{
	int cmp;

	switch (c->op) {
	case OP_EQ:
	case OP_NE:
		return equal(node, c->value);
	case OP_IN:
		return one_of(node, c->value);
	case OP_CONTAINS:
		return holds_part(node, c->value);
	case OP_EXISTS:
	case OP_MISSING:
		return true;
	case OP_REGEX:
		return json_is_string(node) &&
		       wb_regex_match(c->regex,
				      wa_span(json_string_value(node), json_string_length(node)), 0,
				      NULL, 0) == 1;
	case OP_GT:
	case OP_GE:
	case OP_LT:
	case OP_LE:
	case N_OPS:
		break;
	}
	cmp = compare(node, c->value);
	if (cmp == 2)
		return false;
	return c->op == OP_GT   ? cmp > 0
	       : c->op == OP_GE ? cmp >= 0
	       : c->op == OP_LT ? cmp < 0
				: cmp <= 0;
}

/* Depth is bounded by PATH_STEPS. */
static bool walk(const struct condition *c, size_t at, const json_t *node, unsigned *left)
{
	const struct step *s = &c->step[at];
	size_t i;
	json_t *item;

	if (!node || *left == 0)
		return false;
	--*left;
	if (at == c->n_steps)
		return satisfied(c, node);
	switch (s->kind) {
	case STEP_KEY:
		return json_is_object(node) &&
		       walk(c, at + 1, json_object_getn(node, s->key, s->len), left);
	case STEP_INDEX:
		i = s->index < 0 ? json_array_size(node) - (size_t)-s->index : (size_t)s->index;
		return walk(c, at + 1, json_array_get(node, i), left);
	case STEP_ALL:
		json_array_foreach(node, i, item)
		{
			if (walk(c, at + 1, item, left))
				return true;
		}
		break;
	}
	return false;
}

bool condition_holds(const struct condition *c, const json_t *root)
{
	unsigned left = PATH_NODES;
	bool found = walk(c, 0, root, &left);

	return c->op == OP_NE || c->op == OP_MISSING ? !found : found;
}
