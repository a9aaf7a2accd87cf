/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the gateway tells about itself, and reading its configuration again. */
#include <clock.h>
#include <unistd.h>
#include "gateway_priv.h"
#include "media.h"
#include "mem.h"

static int64_t resident_bytes(void)
{
	char text[128] = "", *second;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	/* pages: all, resident, ... */
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	(void)strtoll(text, &second, 10);
	return strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static void collect(struct wb_metrics *m, void *ctx)
{
	struct wb_gateway *gw = ctx;
	struct wb_loop_stats loop;
	struct wb_http_stats http;
	struct wb_media_stats media;
	struct db_stats db;
	char label[48];

	for (int i = 0; i < WB_SS_COUNT; i++) {
		snprintf(label, sizeof(label), "state=\"%s\"", wb_session_state_str(i));
		wb_metric_set(m, "warbler_sessions", label,
			      (int64_t)wb_sessions_count(gw->sessions, i));
	}
	wb_metric_set(m, "warbler_outbox_depth", NULL, (int64_t)wb_outbox_depth(gw->outbox));
	wb_metric_set(m, "warbler_event_seq", NULL, wb_bus_last_seq(gw->bus));
	wb_metric_set(m, "warbler_event_subscribers", NULL, (int64_t)wb_bus_count(gw->bus, NULL));
	db_stats(gw->db, &db);
	wb_metric_total(m, "warbler_db_batches_total", NULL, (int64_t)db.batches);
	wb_metric_total(m, "warbler_db_batches_failed_total", NULL, (int64_t)db.failed);
	wb_metric_total(m, "warbler_db_commits_total", NULL, (int64_t)db.commits);
	wb_metric_set(m, "warbler_db_queued", NULL, (int64_t)db.queued);
	wb_loop_stats(gw->loop, &loop);
	wb_metric_total(m, "warbler_loop_turns_total", NULL, (int64_t)loop.turns);
	wb_metric_total(m, "warbler_loop_slow_callbacks_total", NULL, (int64_t)loop.slow);
	wb_metric_set(m, "warbler_loop_slow_max_ms", NULL, (int64_t)loop.slow_max_ms);
	wb_metric_set(m, "warbler_loop_slow_cpu_max_ms", NULL, (int64_t)loop.slow_cpu_max_ms);
	wb_http_stats(gw->http, &http);
	wb_metric_total(m, "warbler_http_requests_total", NULL, (int64_t)http.requests);
	wb_metric_set(m, "warbler_http_connections", NULL, (int64_t)http.connections);
	wb_metric_set(m, "warbler_hosts_contacted", NULL,
		      (int64_t)wb_hosts_count(wb_net_hosts(gw->net)));
	wb_media_stats(gw, &media);
	wb_metric_set(m, "warbler_media_bytes", NULL, (int64_t)media.bytes);
	wb_metric_set(m, "warbler_media_quota_bytes", NULL, (int64_t)media.quota);
	wb_metric_set(m, "warbler_media_files", NULL, (int64_t)media.files);
	wb_metric_set(m, "warbler_media_under_way", NULL, (int64_t)media.under_way);
	wb_metric_total(m, "warbler_media_downloads_total", NULL, (int64_t)media.downloads);
	wb_metric_total(m, "warbler_media_uploads_total", NULL, (int64_t)media.uploads);
	wb_metric_total(m, "warbler_media_failed_total", NULL, (int64_t)media.failed);
	wb_metric_total(m, "warbler_media_retries_total", NULL, (int64_t)media.retries);
	wb_metric_total(m, "warbler_media_evicted_total", NULL, (int64_t)media.evicted);
	wb_metric_set(m, "warbler_resident_bytes", NULL, resident_bytes());
	wb_metric_set(m, "warbler_uptime_seconds", NULL, (wb_now(gw) - gw->started_ms) / 1000);
}

int wb_gateway_collect(struct wb_gateway *gw, struct wa_err *err)
{
	if (wb_metrics_collector(gw->metrics, collect, gw) < 0)
		return wa_err_set(err, WA_ELIMIT, "metrics");
	return 0;
}

void wb_gateway_metrics(struct wb_gateway *gw, struct wa_buf *out)
{
	wb_metrics_text(gw->metrics, out);
}

json_t *wb_gateway_hosts(struct wb_gateway *gw)
{
	const struct wb_hosts *hosts = wb_net_hosts(gw->net);
	json_t *a = json_array();
	char first[WA_TIME_TEXT], last[WA_TIME_TEXT];

	for (size_t i = 0; i < wb_hosts_count(hosts); i++) {
		const struct wb_host *h = wb_hosts_at(hosts, i);

		json_array_append_new(
			a, json_pack("{s:s s:i s:s s:I s:s s:s}", "host", h->name, "port",
				     (int)h->port, "kind", h->kind, "count", (json_int_t)h->count,
				     "first", wa_time_format(h->first_ms, first), "last",
				     wa_time_format(h->last_ms, last)));
	}
	return a;
}

/* ---- reload ---- */

static bool reloadable(const char *path)
{
	static const char *const groups[] = { "log.", "pacing.", "outbox.", "session." };

	for (size_t i = 0; i < WA_ARRAY_LEN(groups); i++)
		if (strncmp(path, groups[i], strlen(groups[i])) == 0)
			return true;
	return false;
}

static void apply_log(struct wb_gateway *gw)
{
	bool json = strcmp(wb_config_text(gw->config, "log.format"), "json") == 0;

	/* the text was checked when it was read */
	if (wa_level_parse(wa_span_str(wb_config_text(gw->config, "log.level")), &gw->log.level) < 0)
		gw->log.level = WA_INFO;
	gw->log.format = json ? WA_LOG_JSON : WA_LOG_TEXT;
	gw->log.reveal = wb_config_bool(gw->config, "log.private");
}

void wb_gateway_reload(struct wb_gateway *gw)
{
	struct wb_config *c;
	struct wa_err err = WA_ERR_INIT;

	if (wb_config_load(gw->config_file, environ, &c, &err) < 0) {
		WB_GATEWAY_LOG(gw, WA_ERROR, "config.reload", WA_S("error", err.msg));
		return;
	}
	for (size_t i = 0; wb_config_keys[i].path; i++) {
		const struct wb_config_key *k = &wb_config_keys[i];
		const char *new = wb_config_raw(c, i);

		if (strcmp(wb_config_raw(gw->config, i), new) == 0)
			continue;
		if (!reloadable(k->path))
			WB_GATEWAY_LOG(gw, WA_WARN, "config.needs_restart", WA_S("key", k->path));
		else if (wb_config_set(gw->config, k->path, new, &err) < 0)
			WB_GATEWAY_LOG(gw, WA_ERROR, "config.reload", WA_S("error", err.msg));
		else
			WB_GATEWAY_LOG(gw, WA_INFO, "config.changed", WA_S("key", k->path));
	}
	wb_config_free(c);
	apply_log(gw);
	if (*wb_config_text(gw->config, "server.tls_cert") &&
	    wb_http_reload_tls(gw->http, &err) < 0)
		WB_GATEWAY_LOG(gw, WA_ERROR, "tls.reload", WA_S("error", err.msg));
	WB_GATEWAY_LOG(gw, WA_INFO, "config.reloaded",
		       WA_S("file", gw->config_file ? gw->config_file : ""));
}
