/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_FACET_H
#define TEST_FACET_H

/* What the small test plugins share: results are told as metrics, an event <plugin>.<what> asks for one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <warbler/plugin.h>

struct facet {
	const struct wb_plugin_host *h;
	struct wb_plugin *self;
	void *extra;
};

static inline struct wb_str str(const char *s)
{
	return (struct wb_str){ s, strlen(s) };
}

static inline void tell(struct facet *f, const char *name, int64_t value)
{
	f->h->metric_set(f->self, name, value);
}

/* The part of an event's kind after the plugin's name and the dot. */
static inline const char *asked(const struct wb_event *ev)
{
	return strchr(ev->kind, '.') + 1;
}

static inline struct facet *facet_new(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct facet *f = calloc(1, sizeof(*f));

	f->h = host;
	f->self = self;
	*ret_state = f;
	return f;
}

static inline void facet_stop(void *state)
{
	struct facet *f = state;

	free(f->extra);
	free(f);
}

#endif
