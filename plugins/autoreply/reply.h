/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AUTOREPLY_REPLY_H
#define AUTOREPLY_REPLY_H

/*
 * What is answered. One part is
 *
 *	{"text": "Hello {{name}}"}
 *	{"media": {"id"|"url", "type", "file_name"}, "text": caption}
 *	{"content": any content object (core/content)}
 *
 * and every text in it may be a template. Pure.
 */
#include "said.h"
#include "template.h"

struct rule;
struct matched;

/* patterns: those of a rule by regular expression; their groups are variables. WA_EINVALID with a sentence. */
int reply_part_check(const json_t *part, const struct wb_regex *const *patterns, size_t n, char why[WHY_SIZE]);

/* The variables of templates: new reference. */
json_t *reply_vars(const struct said *m, const struct matched *by, int64_t now_ms);

/*
 * The part as a content object with its texts rendered; new reference, NULL: no memory, or too long.
 * *ret_url: the file that must be fetched first and then be named in content.media.id, borrowed from
 * part; NULL none.
 */
json_t *reply_content(const json_t *part, json_t *vars, const struct wb_template_env *env, const char **ret_url);

#endif
