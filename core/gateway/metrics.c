/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <map.h>
#include "mem.h"
#include "metrics.h"

#define NAME_MAX_LEN 200
#define COLLECTORS_MAX 16

static const int64_t bucket_us[] = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000,
				     100000, 250000, 1000000, 10000000 };
#define BUCKETS WA_ARRAY_LEN(bucket_us)

struct series {
	char *name;		/* with labels */
	int64_t value;
	bool gauge;
	uint64_t *buckets;	/* histogram: BUCKETS + 1 */
	uint64_t count;
	int64_t sum_us;
};

struct wb_metrics {
	struct wa_map map;
	uint64_t dropped;
	struct {
		wb_collect_fn *fn;
		void *ctx;
	} collectors[COLLECTORS_MAX];
	size_t n_collectors;
};

struct wb_metrics *wb_metrics_new(void)
{
	return calloc(1, sizeof(struct wb_metrics));
}

static void series_free(struct series *s)
{
	free(s->name);
	free(s->buckets);
	free(s);
}

void wb_metrics_free(struct wb_metrics *m)
{
	if (!m)
		return;
	wb_metrics_revoke(m, NULL);
	wa_map_clear(&m->map);
	free(m);
}

static struct series *find(struct wb_metrics *m, const char *name, const char *labels)
{
	char full[NAME_MAX_LEN];
	struct series *s;

	if (labels)
		snprintf(full, sizeof(full), "%s{%s}", name, labels);
	else
		snprintf(full, sizeof(full), "%s", name);
	s = wa_map_get(&m->map, wa_span_str(full));
	if (s)
		return s;
	if (m->map.len >= WB_METRICS_MAX) {
		m->dropped++;
		return NULL;
	}
	s = wb_zalloc(sizeof(*s));
	s->name = wb_strdup(full);
	if (wa_map_put(&m->map, wa_span_str(full), s, NULL) < 0)
		abort();
	return s;
}

void wb_metric_add(struct wb_metrics *m, const char *name, const char *labels, int64_t delta)
{
	struct series *s = find(m, name, labels);

	if (s)
		s->value += delta;
}

void wb_metric_set(struct wb_metrics *m, const char *name, const char *labels, int64_t value)
{
	struct series *s = find(m, name, labels);

	if (s) {
		s->value = value;
		s->gauge = true;
	}
}

void wb_metric_total(struct wb_metrics *m, const char *name, const char *labels, int64_t value)
{
	struct series *s = find(m, name, labels);

	if (s)
		s->value = value;
}

void wb_metric_observe(struct wb_metrics *m, const char *name, int64_t us)
{
	struct series *s = find(m, name, NULL);
	size_t i = 0;

	if (!s)
		return;
	if (!s->buckets)
		s->buckets = wb_zalloc((BUCKETS + 1) * sizeof(*s->buckets));
	while (i < BUCKETS && us > bucket_us[i])
		i++;
	s->buckets[i]++;
	s->count++;
	s->sum_us += us;
}

void wb_metrics_revoke(struct wb_metrics *m, const char *name)
{
	size_t len = name ? strlen(name) : 0;
	struct wa_span key;
	size_t it = 0;
	void *value;

	while (wa_map_next(&m->map, &it, &key, &value)) {
		struct series *s = value;

		if (name && (strncmp(s->name, name, len) != 0 || (s->name[len] && s->name[len] != '{')))
			continue;
		wa_map_del(&m->map, key);
		series_free(s);
	}
}

int wb_metrics_collector(struct wb_metrics *m, wb_collect_fn *fn, void *ctx)
{
	if (m->n_collectors == COLLECTORS_MAX)
		return WA_ELIMIT;
	m->collectors[m->n_collectors].fn = fn;
	m->collectors[m->n_collectors++].ctx = ctx;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct series *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void put_histogram(const struct series *s, struct wa_buf *out)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		sum += s->buckets[i];
		wa_buf_fmt(out, "%s_bucket{le=\"%g\"} %llu\n", s->name, (double)bucket_us[i] / 1e6,
			   (unsigned long long)sum);
	}
	wa_buf_fmt(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", s->name,
		   (unsigned long long)s->count, s->name, (double)s->sum_us / 1e6, s->name,
		   (unsigned long long)s->count);
}

/* "# TYPE" once per name: series are sorted, so those of one name are together. */
static void put_type(const struct series *s, char last[NAME_MAX_LEN], struct wa_buf *out)
{
	char name[NAME_MAX_LEN];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(s->name, "{"), s->name);
	if (strcmp(name, last) == 0)
		return;
	memcpy(last, name, sizeof(name));
	wa_buf_fmt(out, "# TYPE %s %s\n", name,
		   s->buckets ? "histogram" : s->gauge ? "gauge" : "counter");
}

void wb_metrics_text(struct wb_metrics *m, struct wa_buf *out)
{
	char last[NAME_MAX_LEN] = "";
	struct series **all;
	struct wa_span key;
	size_t it = 0, n = 0;
	void *value;

	for (size_t i = 0; i < m->n_collectors; i++)
		m->collectors[i].fn(m, m->collectors[i].ctx);
	all = wb_zalloc((m->map.len + 1) * sizeof(struct series *));
	while (wa_map_next(&m->map, &it, &key, &value))
		all[n++] = value;
	qsort(all, n, sizeof(struct series *), by_name);
	for (size_t i = 0; i < n; i++) {
		put_type(all[i], last, out);
		if (all[i]->buckets)
			put_histogram(all[i], out);
		else
			wa_buf_fmt(out, "%s %lld\n", all[i]->name, (long long)all[i]->value);
	}
	wa_buf_fmt(out, "# TYPE warbler_metrics_dropped_total counter\nwarbler_metrics_dropped_total %llu\n",
		   (unsigned long long)m->dropped);
	free(all);
}
