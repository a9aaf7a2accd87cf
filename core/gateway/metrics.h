/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_METRICS_H
#define WB_METRICS_H

/*
 * Counters, gauges and histograms, shown as Prometheus text. A series is made
 * by its first use and named by its full text: name{label="value"}. Bounded to
 * WB_METRICS_MAX series; more are counted in warbler_metrics_dropped_total.
 * Values that are read when asked come from collectors.
 */
#include <wa/buf.h>

#define WB_METRICS_MAX 4096

struct wb_metrics;

struct wb_metrics *wb_metrics_new(void);	/* NULL: out of memory */
void wb_metrics_free(struct wb_metrics *m);	/* NULL allowed */
/* name: [a-z_][a-z0-9_]*; labels NULL or "state=\"sent\"". */
void wb_metric_add(struct wb_metrics *m, const char *name, const char *labels, int64_t delta);
void wb_metric_set(struct wb_metrics *m, const char *name, const char *labels, int64_t value);
/* A counter that somebody else counts: its value now. */
void wb_metric_total(struct wb_metrics *m, const char *name, const char *labels, int64_t value);
/* Seconds; fixed buckets from 100 us to 10 s. */
void wb_metric_observe(struct wb_metrics *m, const char *name, int64_t us);
/* Drop the series of this name, with all labels (a plugin was unloaded); NULL: all. */
void wb_metrics_revoke(struct wb_metrics *m, const char *name);

typedef void wb_collect_fn(struct wb_metrics *m, void *ctx);
int wb_metrics_collector(struct wb_metrics *m, wb_collect_fn *fn, void *ctx) WA_MUST_USE;
/* Runs the collectors, appends everything. */
void wb_metrics_text(struct wb_metrics *m, struct wa_buf *out);

#endif
