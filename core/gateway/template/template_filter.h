/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_TEMPLATE_FILTER_H
#define WB_TEMPLATE_FILTER_H

/*
 * Filters: what stands behind `|`. A value starts as JSON and becomes text with
 * the first filter that makes text of it; filters never fail, a value that one
 * cannot read passes unchanged.
 */
#include "locale.h"
#include "template.h"

#define WB_FILTER_ARGS_MAX 2

struct wb_filter_value {
	const json_t *json;	/* borrowed; NULL when absent or already text */
	bool is_text;		/* text holds the value */
	bool plain;		/* no direction marks around it */
	struct wa_buf text;	/* max WB_TEMPLATE_VALUE_MAX */
};

struct wb_filter_env {
	struct wb_locale locale;
	const char *zone;
	const char *currency;
};

typedef void wb_filter_fn(const struct wb_filter_env *env, struct wb_filter_value *v,
			  const struct wa_span *args, size_t n);

struct wb_filter {
	const char *name;
	size_t min_args, max_args;
	bool (*check)(struct wa_span arg);	/* of the first argument; NULL: anything */
	const char *expects;			/* said when check refuses */
	wb_filter_fn *fn;
};

/* NULL when there is none. */
const struct wb_filter *wb_filter_find(struct wa_span name);

/* Make v->text of what v holds now, cleaned of control and direction characters. */
void wb_filter_text(struct wb_filter_value *v);

#endif
