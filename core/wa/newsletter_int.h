/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_NEWSLETTER_INT_H
#define WA_NEWSLETTER_INT_H

/*
 *	newsletter.c		commands that go through mex
 *	newsletter_msg.c	fetching, reacting, viewing; posts on their way out
 *	newsletter_read.c	from JSON and stanzas to our structs
 *	newsletter_recv.c	what the server tells
 */
#include "mex.h"

#include <wa/newsletter.h>

/* One channel's metadata. partial: texts that are not told are NULL (a notification), else "".
 * False: it names no channel. */
bool newsletter_read(struct wa_arena *a, const json_t *o, bool partial, struct wa_newsletter *ret);
int newsletter_role(const char *word);
/* <message server_id …> of an answer or a notification; without a server id false. decode: its content
 * too; what cannot be decoded has raw only. */
bool newsletter_read_message(struct wa_arena *a, const struct wa_node *n, struct wa_newsletter_message *ret);

#endif
