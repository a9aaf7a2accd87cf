/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host in the gateway: configuration, folders, the event bus, metrics. */
#include "flow.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <scripts.h>
#include "host_int.h"
#include "watch.h"

struct attached {
	struct wb_gateway *gw;
	struct wb_world *world;
	struct wb_sub *sub;
	struct wb_watcher *watcher;
	char *dir, *shipped;
};

static bool is_dir(const char *path)
{
	struct stat sb;

	return stat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

/* Beside the program (a build tree), below its prefix, or where it was installed. */
static char *find_shipped(const struct wb_gateway *gw)
{
	static const char *const places[] = { "scripts", "../share/warbler/scripts" };
	const char *set = wb_config_text(gw->config, "scripts.shipped");
	char exe[3500], path[4096], *slash;
	ssize_t n;

	if (*set)
		return wb_strdup(set);
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = 0;
	slash = strrchr(exe, '/');
	for (size_t i = 0; slash && i < WA_ARRAY_LEN(places); i++) {
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - exe), exe, places[i]);
		if (is_dir(path))
			return wb_strdup(path);
	}
	return wb_strdup(WB_SCRIPT_DIR);
}

static int own_dir(struct attached *a, struct wa_err *err)
{
	const struct wb_config *c = a->gw->config;
	const char *set = wb_config_text(c, "scripts.dir");
	char path[4096];

	snprintf(path, sizeof(path), "%s/scripts", wb_config_text(c, "data_dir"));
	a->dir = wb_strdup(*set ? set : path);
	if (mkdir(a->dir, 0700) < 0 && errno != EEXIST)
		return wa_err_detail(err, WA_EIO, errno, "scripts.dir %.160s: %s", a->dir, strerror(errno));
	return 0;
}

/* ---- metrics ---- */

static void collect_one(struct wb_metrics *m, struct wb_script *s)
{
	char label[96];

	snprintf(label, sizeof(label), "script=\"%s\"", s->name);
	wb_metric_total(m, "warbler_script_calls_total", label, (int64_t)s->stats.calls);
	wb_metric_total(m, "warbler_script_errors_total", label, (int64_t)s->stats.errors);
	wb_metric_total(m, "warbler_script_stopped_total", label, (int64_t)s->stats.stopped);
	wb_metric_set(m, "warbler_script_memory_bytes", label, s->st ? (int64_t)s->st->used : 0);
	wb_metric_set(m, "warbler_script_waiting", label, (int64_t)s->n_tasks);
	wb_metric_set(m, "warbler_script_queued", label, (int64_t)s->n_jobs);
	wb_metric_set(m, "warbler_script_running", label, s->st != NULL);
}

static void collect(struct wb_metrics *m, void *ctx)
{
	struct wb_gateway *gw = ctx;
	struct wa_list *it;

	if (!gw->scripts)
		return;
	WA_LIST_EACH(it, &gw->scripts->scripts)
		collect_one(m, container_of(it, struct wb_script, link));
}

/* ---- life ---- */

static void on_event(void *ctx, const struct wb_event *ev)
{
	struct wb_gateway *gw = ctx;

	wb_scripts_event(gw->scripts, ev);
}

static void on_changed(void *ctx)
{
	struct wb_gateway *gw = ctx;

	if (gw->scripts && !gw->draining)
		wb_scripts_rescan(gw->scripts);
}

static int make(struct attached *a, struct wa_err *err)
{
	const struct wb_config *c = a->gw->config;
	const char *names[WB_CONFIG_LIST_MAX + 1] = { NULL };
	struct wb_scripts_opts o = {
		.world = a->world, .dir = a->dir, .shipped = a->shipped, .enabled = names,
		.limits = { .memory = (size_t)wb_config_int(c, "scripts.memory_kb") << 10,
			    .instructions = (uint64_t)wb_config_int(c, "scripts.instructions"),
			    .slice_ms = wb_config_int(c, "scripts.slice_ms"),
			    .life_ms = wb_config_int(c, "scripts.life_s") * 1000,
			    .tasks = (unsigned)wb_config_int(c, "scripts.tasks") },
	};

	for (size_t i = 0; i < WB_CONFIG_LIST_MAX && wb_config_item(c, "scripts.enabled", i); i++)
		names[i] = wb_config_item(c, "scripts.enabled", i);
	return wb_scripts_new(&o, &a->gw->scripts, err);
}

static int attach_start(struct wb_gateway *gw, struct wa_err *err)
{
	struct attached *a;
	const char *dirs[2];
	int r;

	if (gw->no_sessions)
		return 0;
	a = wb_zalloc(sizeof(*a));
	a->gw = gw;
	r = wb_world_gateway_new(gw, &a->world, err);
	if (r == 0)
		r = own_dir(a, err);
	a->shipped = find_shipped(gw);
	if (r == 0)
		r = make(a, err);
	if (r < 0) {
		wb_world_gateway_free(a->world);
		free(a->dir);
		free(a->shipped);
		free(a);
		return r;
	}
	gw->scripts->attached = a;
	/* before they start: nothing may pass in between */
	a->sub = wb_bus_subscribe(gw->bus, a, "scripts", "", on_event, gw);
	r = wb_scripts_start(gw->scripts, err);
	if (r < 0)
		return r;
	dirs[0] = a->dir;
	dirs[1] = a->shipped;
	a->watcher = wb_watcher_new(gw->loop, dirs, WA_ARRAY_LEN(dirs), on_changed, gw);
	if (!a->watcher)
		WB_GATEWAY_LOG(gw, WA_WARN, "scripts.watch", WA_S("error", "no file watches: changes need a reload"));
	if (wb_metrics_collector(gw->metrics, collect, gw) < 0)
		return wa_err_set(err, WA_ELIMIT, "metrics");
	return 0;
}

static void attach_stop(struct wb_gateway *gw)
{
	struct attached *a = gw->scripts->attached;

	wb_bus_unsubscribe(a->sub);
	a->sub = NULL;
	wb_watcher_free(a->watcher);
	a->watcher = NULL;
	wb_scripts_stop(gw->scripts);
}

static void attach_free(struct wb_gateway *gw)
{
	struct attached *a = gw->scripts->attached;

	wb_scripts_free(gw->scripts);
	gw->scripts = NULL;
	wb_world_gateway_free(a->world);
	free(a->dir);
	free(a->shipped);
	free(a);
}

static int attach_call(struct wb_gateway *gw, const char *script, const char *function, const json_t *args,
		       wb_scripts_call_fn *fn, void *ctx)
{
	return wb_scripts_export_call(gw->scripts, script, function, args, fn, ctx);
}

const struct wb_script_ops wb_script_gateway_ops = {
	.start = attach_start,
	.stop = attach_stop,
	.free = attach_free,
	.call = attach_call,
	.flows = wb_flows_json,
	.flow_end = wb_flow_end,
};
