/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ORDERS_WORDING_H
#define ORDERS_WORDING_H

/*
 * Which text, in which language. For each language that comes into question
 * (language.h): the store's own template, else the gateway's, else the shipped
 * one. A template of the owner that cannot be rendered (its output is too
 * long) gives way to the shipped one.
 */
#include "language.h"
#include "store.h"
#include "texts.h"

struct wording {
	char language[LANGUAGE_SIZE];
	struct wa_buf text;	/* max ORDERS_TEXT_MAX */
};

/* doc: normalised order. locale "" : from the order. wording_clear() afterwards, on failure too. */
int wording_make(struct orders *o, const struct store *s, const json_t *doc, const char *order_id,
		 enum text_kind kind, const char *locale, struct wording *ret) WA_MUST_USE;
void wording_clear(struct wording *w);

/* One given source text, for previews. */
int wording_render(const char *source, const struct store *s, const json_t *doc, const char *order_id,
		   const char *language, struct wa_buf *out, struct wb_template_err *ret_err) WA_MUST_USE;

/* 1 and the gateway's own template in out (cleared by the caller), 0 or <0. */
int wording_own(struct orders *o, enum text_kind kind, const char *language, struct wa_buf *out) WA_MUST_USE;

#endif
