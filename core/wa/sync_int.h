/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_SYNC_INT_H
#define WA_SYNC_INT_H

/*
 * App state, shared by its files:
 *
 *	sync.c		the five collections: what to fetch, answers, commands
 *	sync_keys.c	keys from the phone; asking for them, handing them on
 */
#include "client_int.h"

#define SYNC_KEY_ID_MAX 32 /* bytes of a key id; usually 6 */

/* ---- sync_keys.c ---- */

/* 1: the key's 32 bytes; 0: not known; <0. */
int sync_key_get(struct wa_client *c, struct wa_span id, uint8_t ret[32]);
/* The id of the newest key, appended; 1/0/<0. */
int sync_key_newest(struct wa_client *c, struct wa_buf *ret_id);
/* Ask the phone, at most once a day for each key. */
void sync_key_ask(struct wa_client *c, struct wa_span id);
void sync_key_share(struct wa_client *c, const struct wa_msg_info *info, struct wa_span content);
void sync_key_request(struct wa_client *c, const struct wa_msg_info *info, struct wa_span content);

#endif
