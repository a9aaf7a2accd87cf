/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_TOKEN_H
#define WA_TOKEN_H

/*
 * The token dictionary, version 3 (the last byte of the stream header). A
 * token's number: 0..235 single-byte, then 236 + 256 * dictionary + index.
 */
#include "base.h"

#define WA_TOKEN_VERSION 3
#define WA_TOKEN_SINGLES 236
#define WA_TOKEN_DICTS 4
#define WA_TOKEN_COUNT (WA_TOKEN_SINGLES + WA_TOKEN_DICTS * 256)

/* The text of number < WA_TOKEN_COUNT; static memory. Number 0 is "" and never sent. */
struct wa_span wa_token_text(unsigned number);
/* The number of a text, or -1. */
int wa_token_find(struct wa_span text);

#endif
