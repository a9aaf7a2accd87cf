/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The route table and openapi.yaml say the same: paths, methods, scopes, summaries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api.h"

#define OPS_MAX 256

struct op {
	char method[8], path[128], scope[64], summary[128];
	bool is_public;
};

static struct op ops[OPS_MAX];
static size_t n_ops;

static char *value_of(char *line)
{
	char *v = strchr(line, ':') + 1;
	size_t n;

	while (*v == ' ' || *v == '"')
		v++;
	n = strlen(v);
	while (n && (v[n - 1] == '\n' || v[n - 1] == '"'))
		v[--n] = '\0';
	return v;
}

static bool is_method(const char *s)
{
	static const char *const methods[] = { "get:", "put:", "post:", "patch:", "delete:" };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strncmp(s, methods[i], strlen(methods[i])) == 0)
			return true;
	return false;
}

/* The document is written with two spaces a level; this reads only the paths. */
static int read_document(void **state)
{
	FILE *f = fopen(OPENAPI, "r");
	char line[1024], path[128] = "";
	bool in_paths = false;
	struct op *op = NULL;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] != ' ')
			in_paths = strncmp(line, "paths:", 6) == 0;
		if (!in_paths)
			continue;
		if (strncmp(line, "  /", 3) == 0) {
			(void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(line + 2, ":"), line + 2);
		} else if (strncmp(line, "    ", 4) == 0 && is_method(line + 4)) {
			size_t n = strcspn(line + 4, ":");

			assert_true(n_ops < OPS_MAX);
			op = &ops[n_ops++];
			for (size_t i = 0; i < n; i++)
				op->method[i] = (char)(line[4 + i] - 32);
			(void)snprintf(op->path, sizeof(op->path), "%s", path);
		} else if (op && strncmp(line, "      summary:", 14) == 0) {
			(void)snprintf(op->summary, sizeof(op->summary), "%s", value_of(line));
		} else if (op && strncmp(line, "      x-scope:", 14) == 0) {
			(void)snprintf(op->scope, sizeof(op->scope), "%s", value_of(line));
		} else if (op && strncmp(line, "      security: []", 18) == 0) {
			op->is_public = true;
		}
	}
	(void)fclose(f);
	return n_ops ? 0 : -1;
}

static const struct op *find(const struct wb_route *r)
{
	for (size_t i = 0; i < n_ops; i++)
		if (strcmp(ops[i].method, r->method) == 0 && strcmp(ops[i].path, r->pattern) == 0)
			return &ops[i];
	return NULL;
}

static void every_route_is_documented(void **state)
{
	(void)state;
	for (const struct wb_route *r = wb_api_routes; r->method; r++) {
		const struct op *op = find(r);

		if (!op)
			fail_msg("%s %s is not in openapi.yaml", r->method, r->pattern);
		assert_string_equal(op->scope, r->scope ? r->scope : "");
		assert_int_equal(op->is_public, r->scope == NULL);
		assert_string_equal(op->summary, r->summary);
	}
}

static void every_documented_path_has_a_route(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_ops; i++) {
		const struct wb_route *r = wb_api_routes;

		while (r->method && (strcmp(r->method, ops[i].method) != 0 || strcmp(r->pattern, ops[i].path) != 0))
			r++;
		if (!r->method)
			fail_msg("%s %s of openapi.yaml has no route", ops[i].method, ops[i].path);
	}
}

/* Readers of YAML refuse the whole document for one brace too many. */
static void brackets_are_balanced(void **state)
{
	FILE *f = fopen(OPENAPI, "r");
	size_t n = 0, size = 0;
	char *line = NULL;

	(void)state;
	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		bool quoted = false;
		int depth = 0;

		n++;
		for (const char *p = line; *p; p++) {
			if (*p == '\\' && quoted && p[1])
				p++;
			else if (*p == '"')
				quoted = !quoted;
			else if (!quoted && strchr("{[", *p))
				depth++;
			else if (!quoted && strchr("}]", *p) && --depth < 0)
				break;
		}
		if (depth)
			fail_msg("openapi.yaml:%zu: %s", n, depth < 0 ? "a bracket too many" : "a bracket is not closed");
	}
	free(line);
	(void)fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_documented),
		cmocka_unit_test(every_documented_path_has_a_route),
		cmocka_unit_test(brackets_are_balanced),
	};

	return cmocka_run_group_tests(tests, read_document, NULL);
}
