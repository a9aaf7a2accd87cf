/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wb.templates. */
#include <template.h>
#include "bind.h"

#define OR_FAIL "|nil, message?: string, code?: string"

static void template_done(struct wb_template **t)
{
	wb_template_free(*t);
}

/* Without anything of Lua that may raise while the template is held. */
static int render(struct wa_span source, const json_t *vars, const struct wb_template_env *env, struct wa_buf *out,
		  struct wb_template_err *e, struct wa_err *err)
{
	WA_AUTO(template_done) struct wb_template *t = NULL;
	int r = wb_template_compile(source, NULL, &t, e);

	return r ? wa_err_set(err, r, "line %u, column %u: %s", e->line, e->column, e->msg)
		 : wb_template_render(t, vars, env, out, err);
}

static int l_text(lua_State *L)
{
	struct wa_span source = wb_bind_span(L, 1);
	struct wb_template_env env;
	struct wb_template_err e = { .msg = "" };
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf *b;
	json_t *vars;

	lua_settop(L, 3);
	luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "table of variables");
	env = (struct wb_template_env){ wb_bind_opt_str(L, 3, "locale", NULL), wb_bind_opt_str(L, 3, "zone", NULL),
					wb_bind_opt_str(L, 3, "currency", NULL) };
	if (lua_isnil(L, 2)) {
		lua_newtable(L);
		lua_replace(L, 2);
	}
	vars = wb_lua_to_json(L, 2);
	b = wb_bind_buf(L, WB_TEMPLATE_OUTPUT_MAX);
	if (render(source, vars, &env, b, &e, &err))
		return luaL_error(L, "wb.templates.text: %s", err.msg);
	wb_bind_push_buf(L, b);
	return 1;
}

static const struct wb_bind_fn template_fns[] = {
	{ "text", l_text, "source: string, vars?: table, opts?: table", "text: string",
	  "A text with variables: `{{name|default:\"friend\"}}`, `{{#items}}…{{/items}}`, `{{total|money:EUR}}`, "
	  "`{{at|date:long}}` (the language is in "
	  "core/gateway/template/template.h). `opts`: `locale` (`\"ar-SA\"`), `zone`, `currency`. A mistake in it "
	  "raises with line and column.",
	  "return wb.templates.text('Hi {{name|default:\"friend\"}}, {{total|money:EUR}}', { name = 'Mia', total = "
	  "'12.50' }, { locale = 'en' })",
	  "\"Hi Mia, €12.50\"", WB_BIND_C },
	{ "render", NULL, "name: string, language: string, opts?: table", "text: string" OR_FAIL,
	  "A message of the shop (`\"confirmation\"`, `\"reminder\"` …) in a language, as it would be sent. "
	  "`opts.order_id`: for this order.",
	  "return wb.templates.render('confirmation', 'en', { order_id = '01KORDER000000000000000001' })",
	  "\"Hello\"",
	  "POST /v1/templates/preview", NULL, "text",
	  "POST /v1/templates/preview "
	  "{\"language\":\"en\",\"name\":\"confirmation\",\"order_id\":\"01KORDER000000000000000001\"}",
	  "{\"text\":\"Hello\"}" },
	{ "list", NULL, "opts?: table", "templates: table[]" OR_FAIL, "Those of the gateway, and shipped ones.",
	  "return wb.templates.list()[1].name", "\"confirmation\"", "GET /v1/templates", NULL, "templates",
	  "GET /v1/templates",
	  "{\"templates\":[{\"name\":\"confirmation\",\"language\":\"en\"}]}" },
	{ "get", NULL, "name: string, language: string, opts?: table", "template: table" OR_FAIL,
	  "One of them: `body`, `source`.",
	  "return wb.templates.get('confirmation', 'en').body", "\"Hello\"", "GET /v1/templates/{name}/{language}",
	  NULL, NULL,
	  "GET /v1/templates/confirmation/en", "{\"body\":\"Hello\"}" },
	{ "set", NULL, "name: string, language: string, body: string, opts?: table", "template: table" OR_FAIL,
	  "Your own words for it.",
	  "return wb.templates.set('confirmation', 'en', 'Thanks!').body", "\"Thanks!\"",
	  "PUT /v1/templates/{name}/{language}", NULL, NULL,
	  "PUT /v1/templates/confirmation/en {\"body\":\"Thanks!\"}", "{\"body\":\"Thanks!\"}" },
	{ .name = NULL },
};
WB_BIND_MODULE(wb_bind_templates, "templates", template_fns, NULL, "Texts with variables, in languages.")
