/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_TEXTS_H
#define ORDERS_TEXTS_H

/*
 * The messages: which there are, what they may mention, and the shipped text
 * of each in six languages. Syntax: core/gateway/template/template.h.
 */
#include <jansson.h>

#include "template.h"

enum text_kind { TEXT_CONFIRMATION, TEXT_REMINDER, TEXT_CONFIRMED, TEXT_CANCELLED };
#define TEXT_KINDS 4

extern const struct wb_template_var text_vars[];	/* for wb_template_compile() */

const char *text_kind_str(enum text_kind k);	/* "confirmation", … : the name in the REST API */
int text_kind_parse(const char *name, enum text_kind *ret) WA_MUST_USE;	/* 1 found, 0 not */

/* The shipped text; NULL when there is none in this language. */
const char *text_shipped(enum text_kind k, const char *language);
const char *text_language_at(size_t i);		/* shipped languages; NULL past the end */

/* The variables of a normalised order (source.h) for a shop of this name; new reference. */
json_t *text_values(const json_t *order, const char *store_name, const char *order_id);
/* An invented order with every field, for previews; new reference. */
json_t *text_sample_order(void);

#endif
