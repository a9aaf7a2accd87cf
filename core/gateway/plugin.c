/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plugins come and go. */
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host_priv.h"
#include "retain.h"
#include "tx_priv.h"

#define NAME_MAX_LEN 32
#define MIGRATIONS_MAX 256
#define PARAMS_MAX 128

int wb_plugins_new(struct wb_gateway *gw, struct wb_plugins **ret_p, struct wa_err *err)
{
	struct wb_plugins *p = calloc(1, sizeof(*p));

	if (!p)
		return wa_err_set(err, WA_ENOMEM, "plugins");
	p->gw = gw;
	wa_list_init(&p->all);
	wa_list_init(&p->dead);
	wa_list_init(&p->routes);
	wa_list_init(&p->lua);
	wb_host_timers_of(p);
	*ret_p = p;
	return 0;
}

struct wb_gateway *wb_plugin_gateway(const struct wb_plugin *pl)
{
	return pl->host->gw;
}

void wb_handle_add(struct wb_plugin *pl, struct wb_handle *h, void (*revoke)(struct wb_handle *h))
{
	h->pl = pl;
	h->revoke = revoke;
	wa_list_push_back(&pl->handles, &h->link);
}

void wb_handle_del(struct wb_handle *h)
{
	wa_list_del(&h->link);
	h->pl = NULL;
}

struct wb_watch wb_plugin_enter(struct wb_plugin *pl)
{
	return wb_watch_begin(pl->host->gw->loop, pl->name);
}

void wb_plugin_leave(struct wb_plugin *pl, const struct wb_watch *w)
{
	wb_watch_end(pl->host->gw->loop, w);
}

/* ---- files ---- */

static bool exists(const char *path)
{
	return access(path, R_OK) == 0;
}

/* plugins.dir, else plugins/ beside the program, else where `install` puts them. */
static void find_file(struct wb_gateway *gw, const char *name, char *out, size_t size)
{
	const char *dir = wb_config_text(gw->config, "plugins.dir");
	char exe[3072];
	ssize_t n;
	char *slash;

	if (*dir) {
		snprintf(out, size, "%s/%s.so", dir, name);
		return;
	}
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = 0;
	slash = strrchr(exe, '/');
	if (slash) {
		*slash = 0;
		snprintf(out, size, "%s/plugins/%s.so", exe, name);
		if (exists(out))
			return;
	}
	snprintf(out, size, "%s/%s.so", WB_PLUGIN_DIR, name);
}

static int open_file(struct wb_plugin *pl, struct wa_err *err)
{
	char path[4096];
	const struct wb_plugin_def *d;

	find_file(pl->host->gw, pl->name, path, sizeof(path));
	if (!exists(path))
		return wa_err_set(err, WA_ENOTFOUND, "plugin %s: no %s", pl->name, path);
	pl->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!pl->dl)
		return wa_err_set(err, WA_EINVALID, "plugin %s: %s", pl->name, dlerror());
	d = dlsym(pl->dl, "wb_plugin");
	if (!d)
		return wa_err_set(err, WA_EINVALID, "plugin %s: exports no wb_plugin", pl->name);
	if (d->abi >> 16 != WB_ABI_MAJOR)
		return wa_err_set(err, WA_EUNSUPPORTED, "plugin %s: ABI %u, this host has %u", pl->name,
				  d->abi >> 16, WB_ABI_MAJOR);
	if (d->size < offsetof(struct wb_plugin_def, stop) + sizeof(d->stop) || !d->name || !d->start)
		return wa_err_set(err, WA_EINVALID, "plugin %s: incomplete definition", pl->name);
	if (strcmp(d->name, pl->name) != 0)
		return wa_err_set(err, WA_EINVALID, "plugin %s: calls itself %s", pl->name, d->name);
	pl->def = d;
	return 0;
}

/* ---- parameters ---- */

static size_t n_params(const struct wb_plugin_def *d)
{
	size_t n = 0;

	while (d->params && d->params[n].name && n < PARAMS_MAX)
		n++;
	return n;
}

static int read_params(struct wb_plugin *pl, struct wa_err *err)
{
	static const int types[] = { [WB_PARAM_TEXT] = WB_C_TEXT, [WB_PARAM_INT] = WB_C_INT,
				     [WB_PARAM_BOOL] = WB_C_BOOL, [WB_PARAM_LIST] = WB_C_LIST };
	struct wb_config *c = pl->host->gw->config;
	size_t n = n_params(pl->def);
	const char *names[PARAMS_MAX];

	for (size_t i = 0; i < n; i++)
		names[i] = pl->def->params[i].name;
	if (wb_config_plugin_check(c, pl->name, names, n, err) < 0)
		return WA_EINVALID;
	pl->params = wb_zalloc((n + 1) * sizeof(const char *));
	for (size_t i = 0; i < n; i++) {
		const struct wb_param *p = &pl->def->params[i];
		const char *text = NULL;
		int r;

		if (p->type < 0 || p->type > WB_PARAM_LIST)
			return wa_err_set(err, WA_EINVALID, "plugin %s: parameter %s", pl->name, p->name);
		r = wb_config_plugin(c, pl->name, p->name, types[p->type], &text, err);
		if (r < 0)
			return r;
		if (!text)
			text = p->fallback;
		if (!text)
			return wa_err_set(err, WA_EINVALID, "plugins.%s.%s is required: %s", pl->name,
					  p->name, p->help ? p->help : "");
		if (p->type == WB_PARAM_LIST && !*text)
			text = "[]";
		pl->params[i] = wb_strdup(text);
	}
	return 0;
}

static int migrate(struct wb_plugin *pl, struct wa_err *err)
{
	struct db_migration *m = wb_zalloc(MIGRATIONS_MAX * sizeof(*m));
	const struct wb_migration *w = pl->def->migrations;
	size_t n = 0;
	int r;

	for (; w && w[n].sql && n < MIGRATIONS_MAX; n++)
		m[n] = (struct db_migration){ w[n].number, w[n].name, w[n].sql };
	r = db_migrate_plugin(pl->host->gw->db, pl->name, m, n, err);
	free(m);
	return r;
}

static int make_data_dir(struct wb_plugin *pl, struct wa_err *err)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", wb_config_text(pl->host->gw->config, "data_dir"),
		 pl->name);
	pl->data_dir = wb_strdup(path);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return wa_err_detail(err, WA_EIO, errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* ---- load, unload ---- */

static struct wb_plugin *find(struct wb_plugins *p, const char *name)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &p->all) {
		struct wb_plugin *pl = container_of(it, struct wb_plugin, link);

		if (strcmp(pl->name, name) == 0)
			return pl;
	}
	return NULL;
}

void wb_plugin_unmap(struct wb_plugin *pl)
{
	if (!pl->dead || pl->busy || !pl->dl)
		return;
	pl->def = NULL;
#ifndef WARBLER_SANITIZED
	/* a sanitizer's report needs the symbols of what it reports */
	dlclose(pl->dl);
#endif
	pl->dl = NULL;
}

static void on_unmap(void *ctx)
{
	wb_plugin_unmap(ctx);
}

static void revoke_all(struct wb_plugin *pl)
{
	struct wb_gateway *gw = pl->host->gw;
	char prefix[96];
	struct wa_list *it;

	wb_router_revoke(gw->router, pl);
	wb_bus_revoke(gw->bus, pl);
	wb_outbox_revoke(gw->outbox, pl);
	wb_retain_revoke(gw, pl);
	while ((it = wa_list_pop_front(&pl->txs)))
		wb_tx_abort(container_of(it, struct wb_tx, link));
	while ((it = wa_list_pop_front(&pl->handles))) {
		struct wb_handle *h = container_of(it, struct wb_handle, link);

		h->pl = NULL;
		h->revoke(h);
	}
	snprintf(prefix, sizeof(prefix), "warbler_plugin_%s_", pl->name);
	wb_metrics_revoke(gw->metrics, prefix);
}

static void unload(struct wb_plugin *pl, bool started)
{
	struct wb_gateway *gw = pl->host->gw;
	struct wb_watch w;

	if (started && pl->def->stop) {
		w = wb_plugin_enter(pl);
		pl->def->stop(pl->state);
		wb_plugin_leave(pl, &w);
	}
	pl->dead = true;
	revoke_all(pl);
	wa_list_del(&pl->link);
	wa_list_push_back(&pl->host->dead, &pl->link);
	WB_GATEWAY_LOG(gw, WA_INFO, "plugin.unloaded", WA_S("plugin", pl->name));
	/* we may have been called from inside it */
	wb_loop_defer(gw->loop, on_unmap, pl);
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX_LEN &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

int wb_plugin_load(struct wb_plugins *p, const char *name, struct wa_err *err)
{
	struct wb_gateway *gw = p->gw;
	char scope[NAME_MAX_LEN + sizeof(DB_PLUGIN_SCOPE)];
	struct wb_plugin *pl;
	struct wb_watch w;
	bool started = false;
	int r;

	if (!name_ok(name))
		return wa_err_set(err, WA_EINVALID, "plugin name");
	if (find(p, name))
		return wa_err_set(err, WA_ECONFLICT, "plugin %s is loaded", name);
	pl = wb_zalloc(sizeof(*pl));
	pl->host = p;
	pl->name = wb_strdup(name);
	snprintf(scope, sizeof(scope), DB_PLUGIN_SCOPE "%s", name);
	pl->scope = wb_strdup(scope);
	wa_list_init(&pl->handles);
	wa_list_init(&pl->txs);
	wa_list_push_back(&p->all, &pl->link);
	r = open_file(pl, err);
	if (r == 0)
		r = read_params(pl, err);
	if (r == 0)
		r = migrate(pl, err);
	if (r == 0)
		r = make_data_dir(pl, err);
	if (r == 0) {
		w = wb_plugin_enter(pl);
		r = pl->def->start(&wb_host_table, pl, &pl->state);
		wb_plugin_leave(pl, &w);
		started = r >= 0;
		if (r < 0)
			r = wa_err_set(err, r, "plugin %s did not start: %s", name, wa_code_str(r));
	}
	if (r < 0) {
		unload(pl, started);
		return r;
	}
	WB_GATEWAY_LOG(gw, WA_INFO, "plugin.loaded", WA_S("plugin", name),
		       WA_S("version", pl->def->version ? pl->def->version : ""));
	return 0;
}

int wb_plugin_unload(struct wb_plugins *p, const char *name, struct wa_err *err)
{
	struct wb_plugin *pl = find(p, name);

	if (!pl)
		return wa_err_set(err, WA_ENOTFOUND, "plugin %s", name);
	unload(pl, true);
	return 0;
}

void wb_plugins_stop(struct wb_plugins *p)
{
	if (!p)
		return;
	while (!wa_list_empty(&p->all))
		unload(container_of(p->all.prev, struct wb_plugin, link), true);
}

void wb_plugins_free(struct wb_plugins *p)
{
	struct wa_list *it;

	if (!p)
		return;
	while ((it = wa_list_pop_front(&p->dead))) {
		struct wb_plugin *pl = container_of(it, struct wb_plugin, link);
		size_t i = 0;

		for (; pl->params && pl->params[i]; i++) {
			union { const char *c; char *m; } u = { pl->params[i] };

			wa_wipe(u.m, strlen(u.m));
			free(u.m);
		}
		wb_plugin_unmap(pl);
		free(pl->params);
		free(pl->name);
		free(pl->scope);
		free(pl->data_dir);
		free(pl);
	}
	wb_host_routes_free(p);
	wa_map_clear(&p->timers);
	wb_host_timers_of(NULL);
	free(p);
}

/* ---- look-ups ---- */

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
	for (size_t i = 0; i < n_params(d); i++)
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
