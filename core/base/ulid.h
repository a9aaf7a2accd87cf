/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_ULID_H
#define WA_ULID_H

/*
 * ULIDs: 26 characters that sort by time. Within a process they only grow,
 * also inside one millisecond and when the clock steps back. Thread-safe.
 */
#include "base.h"

#define WA_ULID_LEN 26

char *wa_ulid(char out[WA_ULID_LEN + 1], int64_t now_ms);	/* returns out */
bool wa_ulid_valid(struct wa_span s);
int64_t wa_ulid_ms(struct wa_span s);	/* its time; -1 when not a ULID */

#endif
