/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plugins come and go. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host_priv.h"
#include "retain.h"
#include "tx_priv.h"

/* The watch knows owners by name; a plugin's own has no dots, as those of the gateway's parts do. */
static void on_slow(void *ctx, const char *owner, int64_t ms)
{
	struct wb_plugins *p = ctx;
	struct wb_plugin *pl = wb_plugin_find(p, owner);
	char labels[64];

	if (!pl)
		return;
	pl->slow++;
	if (ms > pl->slow_max_ms)
		pl->slow_max_ms = ms;
	(void)snprintf(labels, sizeof(labels), "plugin=\"%s\"", pl->name);
	wb_metric_add(p->gw->metrics, "warbler_plugins_slow_callbacks_total", labels, 1);
}

int wb_plugins_new(struct wb_gateway *gw, struct wb_plugins **ret_p, struct wa_err *err)
{
	struct wb_plugins *p = calloc(1, sizeof(*p));

	if (!p)
		return wa_err_set(err, WA_ENOMEM, "plugins");
	p->gw = gw;
	wa_list_init(&p->all);
	wa_list_init(&p->dead);
	wa_list_init(&p->changes);
	wa_list_init(&p->routes);
	wa_list_init(&p->lua);
	wb_host_timers_of(p);
	wb_loop_on_slow(gw->loop, on_slow, p);
	*ret_p = p;
	return 0;
}

struct wb_gateway *wb_plugin_gateway(const struct wb_plugin *pl)
{
	return pl->host->gw;
}

void wb_handle_add(struct wb_plugin *pl, struct wb_handle *h, void (*revoke)(struct wb_handle *h),
		   const char *kind)
{
	h->kind = kind;
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

/* ---- one of them ---- */

struct wb_plugin *wb_plugin_find(struct wb_plugins *p, const char *name)
{
	struct wa_list *it;

	WA_LIST_EACH(it, &p->all) {
		struct wb_plugin *pl = container_of(it, struct wb_plugin, link);

		if (strcmp(pl->name, name) == 0)
			return pl;
	}
	return NULL;
}

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
		/* an installed copy that was moved, or installed elsewhere than it was built for */
		snprintf(out, size, "%s/" WB_PLUGIN_UP "/%s.so", exe, name);
		if (exists(out))
			return;
	}
	snprintf(out, size, "%s/%s.so", WB_PLUGIN_DIR, name);
}

struct wb_plugin *wb_plugin_make(struct wb_plugins *p, const char *name)
{
	struct wb_plugin *pl = wb_zalloc(sizeof(*pl));
	char text[4096];

	pl->host = p;
	pl->name = wb_strdup(name);
	snprintf(text, sizeof(text), DB_PLUGIN_SCOPE "%s", name);
	pl->scope = wb_strdup(text);
	find_file(p->gw, name, text, sizeof(text));
	pl->path = wb_strdup(text);
	pl->module.fd = -1;
	wa_list_init(&pl->link);
	wa_list_init(&pl->handles);
	wa_list_init(&pl->txs);
	return pl;
}

void wb_plugin_discard(struct wb_plugin *pl)
{
	struct wa_span name;
	void *value;
	size_t at = 0;

	if (!pl)
		return;
	for (size_t i = 0; i < pl->n_params; i++) {
		wa_wipe(pl->params[i], strlen(pl->params[i]));
		free(pl->params[i]);
	}
	while (wa_map_next(&pl->metrics, &at, &name, &value))
		free(value);
	wa_map_clear(&pl->metrics);
	wb_module_close(&pl->module);
	free(pl->params);
	free(pl->name);
	free(pl->scope);
	free(pl->path);
	free(pl->data_dir);
	free(pl);
}

int wb_plugin_read_params(struct wb_plugin *pl, struct wa_err *err)
{
	static const int types[] = { [WB_PARAM_TEXT] = WB_C_TEXT, [WB_PARAM_INT] = WB_C_INT,
				     [WB_PARAM_BOOL] = WB_C_BOOL, [WB_PARAM_LIST] = WB_C_LIST };
	struct wb_config *c = pl->host->gw->config;
	size_t n = wb_module_params(pl->def);
	const char *names[WB_PLUGIN_PARAMS_MAX];

	for (size_t i = 0; i < n; i++)
		names[i] = pl->def->params[i].name;
	if (wb_config_plugin_check(c, pl->name, names, n, err) < 0)
		return WA_EINVALID;
	pl->params = wb_zalloc((n + 1) * sizeof(*pl->params));
	for (size_t i = 0; i < n; i++) {
		const struct wb_param *p = &pl->def->params[i];
		const char *text = NULL;
		int r = wb_config_plugin(c, pl->name, p->name, types[p->type], &text, err);

		if (r < 0)
			return r;
		if (!text)
			text = p->fallback;
		if (!text)
			return wa_err_set(err, WA_EINVALID, "plugins.%s.%s is required: %s", pl->name,
					  p->name, p->help ? p->help : "");
		if (p->type == WB_PARAM_LIST && !*text)
			text = "[]";
		pl->params[pl->n_params++] = wb_strdup(text);
	}
	return 0;
}

int wb_plugin_migrate(struct db *db, const struct wb_plugin_def *def, struct wa_err *err)
{
	size_t n = wb_module_migrations(def);
	struct db_migration *m = wb_zalloc((n + 1) * sizeof(*m));
	int r;

	for (size_t i = 0; i < n; i++)
		m[i] = (struct db_migration){ def->migrations[i].number, def->migrations[i].name,
					      def->migrations[i].sql };
	r = db_migrate_plugin(db, def->name, m, n, err);
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

/* ---- begin, end ---- */

void wb_plugin_unmap(struct wb_plugin *pl)
{
	if (!pl->dead || pl->busy || !pl->module.dl)
		return;
	pl->def = NULL;
	wb_module_close(&pl->module);
}

static void on_unmap(void *ctx)
{
	wb_plugin_unmap(ctx);
}

static void revoke_all(struct wb_plugin *pl)
{
	struct wb_gateway *gw = pl->host->gw;
	struct wa_span name;
	struct wa_list *it;
	void *value;
	size_t at = 0;

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
	while (wa_map_next(&pl->metrics, &at, &name, &value))
		wb_metrics_revoke(gw->metrics, value);
}

void wb_plugin_end(struct wb_plugin *pl, bool started)
{
	struct wb_gateway *gw = pl->host->gw;
	struct wb_watch w;

	wb_host_work_settle(pl);
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

int wb_plugin_begin(struct wb_plugin *pl, struct wa_err *err)
{
	struct wb_gateway *gw = pl->host->gw;
	bool started = false;
	struct wb_watch w;
	int r;

	wa_list_push_back(&pl->host->all, &pl->link);
	pl->loaded_ms = wb_now(gw);
	r = make_data_dir(pl, err);
	if (r == 0) {
		w = wb_plugin_enter(pl);
		r = pl->def->start(&wb_host_table, pl, &pl->state);
		wb_plugin_leave(pl, &w);
		started = r >= 0;
		if (r < 0)
			r = wa_err_set(err, r, "plugin %s did not start: %s", pl->name, wa_code_str(r));
	}
	if (r < 0) {
		wb_plugin_end(pl, started);
		return r;
	}
	WB_GATEWAY_LOG(gw, WA_INFO, "plugin.loaded", WA_S("plugin", pl->name),
		       WA_S("version", pl->def->version ? pl->def->version : ""));
	return 0;
}

int wb_plugin_load(struct wb_plugins *p, const char *name, struct wa_err *err)
{
	struct wa_err why = WA_ERR_INIT;
	struct wb_plugin *pl;
	int r;

	if (!wb_plugin_name_ok(name))
		return wa_err_set(err, WA_EINVALID, "plugin name");
	if (wb_plugin_find(p, name))
		return wa_err_set(err, WA_ECONFLICT, "plugin %s is loaded", name);
	if (wb_plugin_changing(p, name))
		return wa_err_set(err, WA_ECONFLICT, "plugin %s is being loaded", name);
	pl = wb_plugin_make(p, name);
	r = wb_module_open(&pl->module, pl->path, name, &why);
	pl->def = pl->module.def;
	if (r < 0)
		r = wa_err_set(err, r, "plugin %s: %s", name, why.msg);
	if (r == 0)
		r = wb_plugin_read_params(pl, err);
	if (r == 0)
		r = wb_plugin_migrate(p->gw->db, pl->def, err);
	if (r < 0) {
		wb_plugin_discard(pl);
		return r;
	}
	return wb_plugin_begin(pl, err);
}

int wb_plugin_unload(struct wb_plugins *p, const char *name, struct wa_err *err)
{
	struct wb_plugin *pl = wb_plugin_find(p, name);

	if (wb_plugin_changing(p, name))
		return wa_err_set(err, WA_ECONFLICT, "plugin %s is being loaded", name);
	if (!pl)
		return wa_err_set(err, WA_ENOTFOUND, "plugin %s is not loaded", name);
	wb_plugin_end(pl, true);
	return 0;
}

void wb_plugins_stop(struct wb_plugins *p)
{
	if (!p)
		return;
	wb_plugin_changes_stop(p);
	while (!wa_list_empty(&p->all))
		wb_plugin_end(container_of(p->all.prev, struct wb_plugin, link), true);
	wb_loop_on_slow(p->gw->loop, NULL, NULL);
}

void wb_plugins_free(struct wb_plugins *p)
{
	struct wa_list *it;

	if (!p)
		return;
	while ((it = wa_list_pop_front(&p->dead)))
		wb_plugin_discard(container_of(it, struct wb_plugin, link));
	wb_host_routes_free(p);
	wa_map_clear(&p->timers);
	wb_host_timers_of(NULL);
	free(p);
}
