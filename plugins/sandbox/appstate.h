/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_APPSTATE_H
#define SANDBOX_APPSTATE_H

/*
 * App state. Server and phone share one truth here: the phone's keys open what
 * the server holds, so that everything a companion uploads can be judged.
 *
 *	appstate.c	collections: patches, snapshots, verification
 *	appstate_iq.c	what companions ask and upload
 *	appstate_phone.c	the phone: keys, its own changes, requests of companions
 *	appstate_api.c	REST
 */
#include "inside.h"

#include <wa/syncd.h>

#define SB_SYNC_KEYS_MAX    64
#define SB_PATCHES_MAX      50000 /* of one collection */
#define SB_PATCHES_ANSWER   100   /* in one answer; more follow */
#define SB_PATCHES_INLINE   1000  /* with more, a newcomer gets a snapshot */
#define SB_EXTERNAL_BYTES   (4u << 20) /* mutations beyond go to the media host */
#define SB_SYNC_ENTRIES_MAX 200000
#define SB_SYNC_ARENA       (32u << 20)

struct sb_sync_key {
	uint8_t id[6], data[32];
	int64_t ts;
	bool shared; /* companions have it */
	struct wa_syncd_keys k;
};

struct sb_sync_entry {
	uint8_t index_mac[32];
	size_t key; /* index into keys */
	char *index; /* JSON text */
	int version;
	size_t value_len, blob_len;
	uint8_t *value, *blob; /* SyncActionValue; sealed */
};

struct sb_patch {
	uint8_t *bytes; /* SyncdPatch with its version */
	size_t len;
};

struct sb_collection {
	uint64_t version;
	struct wa_lthash hash;
	struct sb_patch *patches; /* [i] leads to version i + 1 */
	size_t n, cap;
	struct wa_map entries; /* index MAC -> struct sb_sync_entry */
};

struct sb_appstate {
	struct sb_sync_key keys[SB_SYNC_KEYS_MAX];
	size_t n_keys;
	struct sb_collection cols[WA_SYNC_COLLECTIONS];
	bool seeded;
};

/* appstate.c */
struct sb_appstate *sb_appstate(struct sb_account *a); /* made when missing; NULL: no memory */
void sb_appstate_free(struct sb_account *a);
struct sb_sync_key *sb_sync_key_new(struct sb_account *a); /* NULL: too many */
/*
 * Judge a SyncdPatch as the next of a collection and take it. 0; WA_ECRYPTO, WA_EPROTO: err says
 * what is wrong with it, and nothing changed.
 */
int sb_appstate_take(struct sb_account *a, int collection, struct wa_span patch, struct wa_err *err);
/* Seal changes of one collection as the phone, and take them. */
int sb_appstate_seal(struct sb_account *a, const struct wa_sync_action *actions, size_t n,
		     int *ret_collection, struct wa_err *err);
int sb_appstate_snapshot(struct sb_account *a, int collection, struct wa_buf *out, struct wa_err *err);

/* appstate_iq.c */
void sb_appstate_iq(struct sb_conn *c, const struct wa_node *iq);
/* server_sync to every companion but one (NULL: to all). */
void sb_appstate_notify(struct sb_account *a, int collection, const struct sb_device *but);

/* appstate_phone.c */
void sb_appstate_seed(struct sb_account *a);
/* Message{APP_STATE_SYNC_KEY_SHARE} with every key there is. */
void sb_appstate_share(struct sb_account *a, struct wa_buf *out);
int sb_appstate_change(struct sb_account *a, const struct wa_sync_action *actions, size_t n,
		       struct wa_err *err);
/* Peer messages of a companion: their content. */
void sb_appstate_key_request(struct sb_account *a, struct sb_device *from, struct wa_span content);
void sb_appstate_recovery(struct sb_account *a, struct sb_device *from, const char *id,
			  struct wa_span request);
void sb_appstate_fatal(struct sb_account *a, struct sb_device *from, struct wa_span content);

/* keep.c and back */
void sb_keep_appstate(struct sb_account *a);
void sb_keep_patch(struct sb_account *a, int collection, uint64_t version, struct wa_span bytes);
void sb_drop_appstate(struct sb_account *a);
void sb_restore_appstate(struct sb_account *a, json_t *o);

#endif
