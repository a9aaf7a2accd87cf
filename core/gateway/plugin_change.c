/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plugins are loaded and reloaded while everything else goes on. */
#include <unistd.h>
#include "host_priv.h"

struct change {
	struct wa_list link;		/* in wb_plugins.changes; out of it when the host has stopped */
	struct wb_plugins *host;	/* NULL: stopped */
	struct db *db;
	struct wb_plugin *fresh;	/* file and parameters; not begun */
	int code;
	struct wa_err err;
	wb_plugin_done_fn *done;
	void *ctx;
};

bool wb_plugin_changing(const struct wb_plugins *p, const char *name)
{
	const struct wa_list *it;

	for (it = p->changes.next; it != &p->changes; it = it->next) {
		const struct change *c = (const void *)((const char *)it - offsetof(struct change, link));

		if (strcmp(c->fresh->name, name) == 0)
			return true;
	}
	return false;
}

/* Answered here; c goes with what runs on the pool, or now. */
static void finish(struct change *c)
{
	wb_plugin_done_fn *done = c->done;
	void *ctx = c->ctx;
	int code = c->code;
	struct wa_err err = c->err;

	wa_list_del(&c->link);
	wb_plugin_discard(c->fresh);
	free(c);
	if (done)
		done(ctx, code, &err);
}

void wb_plugin_changes_stop(struct wb_plugins *p)
{
	struct wa_list *it;

	while ((it = wa_list_pop_front(&p->changes))) {
		struct change *c = container_of(it, struct change, link);
		struct wa_err err = WA_ERR_INIT;

		wa_err_set(&err, WA_ESTATE, "the gateway is stopping");
		c->host = NULL;
		c->done(c->ctx, WA_ESTATE, &err);
		c->done = NULL;		/* its job on the pool ends with finish() */
	}
}

/* The new one did not start: the bytes of the old one, which is still mapped, once more. */
static void bring_back(struct change *c, struct wb_plugin *old)
{
	struct wb_plugin *pl = wb_plugin_make(c->host, old->name);
	struct wa_err why = WA_ERR_INIT, both = WA_ERR_INIT;
	int r = wb_module_again(&old->module, &pl->module, &why);

	if (r == 0) {
		pl->def = pl->module.def;
		/* nothing of the old one reads them any more */
		pl->params = old->params;
		pl->n_params = old->n_params;
		old->params = NULL;
		old->n_params = 0;
		r = wb_plugin_begin(pl, &why);
	} else {
		wb_plugin_discard(pl);
	}
	/* into another one: its own text is part of it */
	if (r == 0)
		wa_err_set(&both, c->code, "%.150s; the one before it runs again", c->err.msg);
	else
		wa_err_set(&both, c->code, "%.150s; and the one before it did not start again: %.80s",
			   c->err.msg, why.msg);
	c->err = both;
	WB_GATEWAY_LOG(c->host->gw, r == 0 ? WA_WARN : WA_ERROR, "plugin.reload_failed", WA_S("error", c->err.msg));
}

static void swap(struct change *c)
{
	struct wb_plugin *old = wb_plugin_find(c->host, c->fresh->name), *fresh = c->fresh;

	if (old)
		wb_plugin_end(old, true);
	/* the host has it from here on, whatever becomes of it; the name is needed until finish() */
	c->fresh = wb_plugin_make(c->host, fresh->name);
	c->code = wb_plugin_begin(fresh, &c->err);
	if (c->code < 0 && old)
		bring_back(c, old);
}

static void run_migrate(void *ctx)
{
	struct change *c = ctx;

	c->code = wb_plugin_migrate(c->db, c->fresh->def, &c->err);
}

static void on_migrated(void *ctx, bool cancelled)
{
	struct change *c = ctx;

	(void)cancelled;
	if (c->host && c->code == 0)
		swap(c);
	finish(c);
}

static void run_open(void *ctx)
{
	struct change *c = ctx;
	struct wa_err why = WA_ERR_INIT;

	c->code = wb_module_open(&c->fresh->module, c->fresh->path, c->fresh->name, &why);
	c->fresh->def = c->fresh->module.def;
	if (c->code < 0)
		wa_err_set(&c->err, c->code, "plugin %s: %s", c->fresh->name, why.msg);
}

static void on_opened(void *ctx, bool cancelled)
{
	struct change *c = ctx;
	struct wa_err err = WA_ERR_INIT;
	int r = c->host ? c->code : WA_ESTATE;

	(void)cancelled;
	if (r == 0)
		r = c->code = wb_plugin_read_params(c->fresh, &c->err);
	if (r == 0) {
		/* from here on c->code and c->err are the pool's */
		r = wb_work(c->host->gw->work, "plugin.migrate", run_migrate, on_migrated, c, NULL, &err);
		if (r == 0)
			return;
		c->code = r;
		c->err = err;
	}
	finish(c);
}

/* Its parameters as the file has them now; the running one keeps the copies it was given. */
static int read_config(struct wb_gateway *gw, const char *name, struct wa_err *err)
{
	struct wb_config *c;
	int r;

	if (!gw->config_file)
		return 0;
	r = wb_config_load(gw->config_file, environ, &c, err);
	if (r < 0)
		return r;
	r = wb_config_plugin_adopt(gw->config, c, name, err);
	wb_config_free(c);
	return r;
}

static int begin(struct wb_plugins *p, const char *name, bool reload, wb_plugin_done_fn *done, void *ctx,
		 struct wa_err *err)
{
	bool loaded = wb_plugin_find(p, name);
	struct change *c;
	int r;

	if (!wb_plugin_name_ok(name))
		return wa_err_set(err, WA_EINVALID, "plugin name");
	if (wb_plugin_changing(p, name))
		return wa_err_set(err, WA_ECONFLICT, "plugin %s is being loaded", name);
	if (!reload && loaded)
		return wa_err_set(err, WA_ECONFLICT, "plugin %s is loaded", name);
	if (reload && !loaded)
		return wa_err_set(err, WA_ENOTFOUND, "plugin %s is not loaded", name);
	r = read_config(p->gw, name, err);
	if (r < 0)
		return r;
	c = wb_zalloc(sizeof(*c));
	c->host = p;
	c->db = p->gw->db;
	c->fresh = wb_plugin_make(p, name);
	c->done = done;
	c->ctx = ctx;
	c->code = WA_ESTATE;	/* of a job that never ran */
	wa_err_set(&c->err, WA_ESTATE, "the gateway is stopping");
	wa_list_push_back(&p->changes, &c->link);
	r = wb_work(p->gw->work, "plugin.open", run_open, on_opened, c, NULL, err);
	if (r < 0) {
		c->done = NULL;
		finish(c);
	}
	return r;
}

int wb_plugin_load_later(struct wb_plugins *p, const char *name, wb_plugin_done_fn *done, void *ctx,
			 struct wa_err *err)
{
	return begin(p, name, false, done, ctx, err);
}

int wb_plugin_reload_later(struct wb_plugins *p, const char *name, wb_plugin_done_fn *done, void *ctx,
			   struct wa_err *err)
{
	return begin(p, name, true, done, ctx, err);
}
