/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_JSON_TEXT_H
#define WA_JSON_TEXT_H

/* As much JSON as messages carry: strings out, strings of one object in. */
#include <wa/arena.h>
#include <wa/buf.h>

/* A string with its quotes; s is UTF-8. */
void wa_json_put(struct wa_buf *out, struct wa_span s);
/* The string member `name` of the object, at its top level, unescaped; empty: none. */
struct wa_span wa_json_string(struct wa_span object, const char *name, struct wa_arena *a);

#endif
