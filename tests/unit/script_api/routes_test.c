/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every function that is one REST request names a route that exists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <api_int.h>
#include <bind.h>

/* "/v1/a/{x}/b?c" and "/v1/a/{id}/b" */
static bool same_route(const char *mine, const char *route)
{
	while (*mine && *mine != '?' && *route) {
		if (*mine == '{' && *route == '{') {
			mine = strchr(mine, '}') + 1;
			route = strchr(route, '}') + 1;
		} else if (*mine++ != *route++) {
			return false;
		}
	}
	return (!*mine || *mine == '?') && !*route;
}

static void routes_exist(void **state)
{
	static const char *const plugins[] = { "/v1/orders", "/v1/stores", "/v1/templates" };
	size_t n = 0;

	(void)state;
	for (const struct wb_bind_table *t = wb_bind_tables; t->module; t++)
		for (const struct wb_bind_fn *f = *t->fns; f->name; f++) {
			const char *path = f->rest ? strchr(f->rest, ' ') + 1 : NULL;
			bool found = false;

			for (size_t i = 0; path && i < sizeof(plugins) / sizeof(*plugins); i++)
				found = found || strncmp(path, plugins[i], strlen(plugins[i])) == 0;
			for (const struct wb_route *r = wb_api_routes; path && !found && r->method; r++)
				found = strncmp(f->rest, r->method, strlen(r->method)) == 0 && same_route(path,
				  r->pattern);
			if (path && !found)
				fail_msg("%s.%s: there is no route %s", t->module->name, f->name, f->rest);
			n += path != NULL;
		}
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(routes_exist) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
