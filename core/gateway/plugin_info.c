/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told about plugins. */
#include <clock.h>
#include "host_lua.h"
#include "host_priv.h"

const struct wb_plugin *wb_plugin_at(const struct wb_plugins *p, size_t i)
{
	const struct wa_list *it;

	for (it = p->all.next; it != &p->all; it = it->next)
		if (i-- == 0)
			return (const struct wb_plugin *)((const char *)it -
							  offsetof(struct wb_plugin, link));
	return NULL;
}

const char *wb_plugin_name(const struct wb_plugin *pl)
{
	return pl->name;
}

static json_t *param_json(const struct wb_param *p, const char *value)
{
	static const char *const types[] = { "text", "integer", "boolean", "list" };
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(p->name));
	json_object_set_new(o, "type", json_string(types[p->type]));
	json_object_set_new(o, "help", json_string(p->help ? p->help : ""));
	if (p->fallback)
		json_object_set_new(o, "default", json_string(p->fallback));
	if (p->secret)
		json_object_set_new(o, "secret", json_true());
	else
		json_object_set_new(o, "value", json_string(value));
	return o;
}

json_t *wb_plugin_json(const struct wb_plugin *pl)
{
	json_t *o = json_object(), *params = json_array();
	const struct wb_plugin_def *d = pl->def;

	json_object_set_new(o, "name", json_string(d->name));
	json_object_set_new(o, "version", json_string(d->version ? d->version : ""));
	json_object_set_new(o, "summary", json_string(d->summary ? d->summary : ""));
	json_object_set_new(o, "license", json_string(d->license ? d->license : ""));
	for (size_t i = 0; i < pl->n_params; i++)
		json_array_append_new(params, param_json(&d->params[i], pl->params[i]));
	json_object_set_new(o, "params", params);
	return o;
}

size_t wb_handles_count(const struct wb_plugin *pl)
{
	const struct wa_list *it;
	size_t n = 0;

	for (it = pl->handles.next; it != &pl->handles; it = it->next)
		n++;
	return n;
}

size_t wb_plugin_handles(const struct wb_plugin *pl)
{
	const struct wb_gateway *gw = pl->host->gw;
	const void *owner;
	size_t n = wb_bus_count(gw->bus, pl) + wb_handles_count(pl);

	for (size_t i = 0; wb_router_at(gw->router, i, &owner); i++)
		n += owner == pl;
	return n;
}

const struct wb_plugin *wb_plugin_get(const struct wb_plugins *p, const char *name)
{
	const struct wb_plugin *pl;

	for (size_t i = 0; (pl = wb_plugin_at(p, i)); i++)
		if (strcmp(pl->name, name) == 0)
			return pl;
	return NULL;
}

bool wb_plugin_enabled(const struct wb_gateway *gw, const char *name)
{
	const char *item;

	for (size_t i = 0; (item = wb_config_item(gw->config, "plugins.enabled", i)); i++)
		if (strcmp(item, name) == 0)
			return true;
	return false;
}

static void count(json_t *o, const char *kind, size_t n)
{
	if (n)
		json_object_set_new(o, kind, json_integer(json_integer_value(json_object_get(o, kind)) +
							  (json_int_t)n));
}

static json_t *handles_json(const struct wb_plugin *pl)
{
	const struct wa_list *it;
	json_t *o = json_object();
	size_t open = 0;

	for (it = pl->handles.next; it != &pl->handles; it = it->next)
		count(o, ((const struct wb_handle *)((const char *)it - offsetof(struct wb_handle, link)))->kind, 1);
	for (it = pl->txs.next; it != &pl->txs; it = it->next)
		open++;
	count(o, "transactions", open);
	count(o, "subscriptions", wb_bus_count(pl->host->gw->bus, pl));
	return o;
}

static int put_function(void *ctx, const struct wb_lua_info *i)
{
	return json_array_append_new(ctx, json_pack("{s:s, s:s, s:s}", "name", i->name, "args", i->args_help,
						    "summary", i->summary));
}

json_t *wb_plugin_json_whole(const struct wb_plugin *pl)
{
	struct wb_gateway *gw = pl->host->gw;
	json_t *o = wb_plugin_json(pl), *functions = json_array();
	char abi[32], at[WA_TIME_TEXT];

	(void)snprintf(abi, sizeof(abi), "%u.%u", pl->def->abi >> 16, pl->def->abi & 0xffff);
	wa_time_format(pl->loaded_ms, at);
	wb_plugin_lua_each(gw, pl->name, put_function, functions);
	json_object_set_new(o, "abi", json_string(abi));
	json_object_set_new(o, "file", json_string(pl->path));
	json_object_set_new(o, "loaded_at", json_string(at));
	json_object_set_new(o, "enabled_at_start", json_boolean(wb_plugin_enabled(gw, pl->name)));
	json_object_set_new(o, "handles", handles_json(pl));
	json_object_set_new(o, "slow_callbacks",
			    json_pack("{s:I, s:I, s:i}", "count", (json_int_t)pl->slow, "longest_ms",
				      (json_int_t)pl->slow_max_ms, "limit_ms", WB_SLOW_MS));
	json_object_set_new(o, "lua_functions", functions);
	return o;
}
