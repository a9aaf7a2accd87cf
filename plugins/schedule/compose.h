/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SCHEDULE_COMPOSE_H
#define SCHEDULE_COMPOSE_H

/*
 * What a run says: "text", a named template, or a content object whose texts
 * ("text", "caption", "body", "title", "footer") are templates too. Variables:
 * those of the schedule, over them those of the recipient, and name, to, now
 * (the run's time).
 */
#include <jansson.h>
#include "schedule.h"

struct compose;

/* One of text, template, content, and what is written there compiles. */
int compose_check(const json_t *doc, char why[WHY_SIZE]);
/* source: of the named template, else NULL. doc is borrowed until compose_free(). */
int compose_new(const json_t *doc, const char *source, const char *zone, int64_t now_ms, struct compose **ret,
		char why[WHY_SIZE]);
void compose_free(struct compose *c);
/* For one recipient: *ret_text or *ret_content is set, the caller frees (free, json text too). */
int compose_render(const struct compose *c, const json_t *recipient, char **ret_text, char **ret_content);

#endif
