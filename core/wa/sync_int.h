/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_SYNC_INT_H
#define WA_SYNC_INT_H

/*
 * App state, shared by its files:
 *
 *	sync.c		the five collections: what to fetch, one after the other
 *	sync_ask.c	question and answer
 *	sync_job.c	an answer being verified and applied, in slices
 *	sync_read.c	the protobufs of an answer
 *	sync_push.c	our own changes
 *	sync_recover.c	what the phone sends when nothing else helps
 *	sync_keys.c	keys from the phone; asking for them, handing them on
 *	sync_action.c sync_index.c syncd.c	what entries mean; how they are sealed
 *
 * One collection is worked on at a time. struct sync exists only while there is
 * something to do; what has to be remembered is in records.
 */
#include "client_int.h"

#include <wa/syncd.h>

#define SYNC_KEY_ID_MAX 32 /* bytes of a key id; usually 6 */
#define SYNC_TRIES 2       /* snapshots fetched anew before the phone is asked */
#define SYNC_CONFLICTS 5   /* times a change is encoded again after others were faster */
#define SYNC_AHEAD_MAX 8   /* batches the host may be behind with before we pause */
#define SYNC_FILE_MAX (64u << 20) /* bytes of a snapshot or an external patch */
#define SYNC_RECOVER_MS 60000     /* the phone's time for a recovery */
#define SYNC_RETRY_MS 60000       /* after the server refused or was silent */
#define SYNC_PARTS_OF_ANSWER 4096 /* patches in one answer */

/* ---- states (sync.c): WA_REC_SYNC_STATE ---- */

#define SYNC_KNOWN   1 /* version and hash hold */
#define SYNC_STALE   2 /* there is something newer */
#define SYNC_REBUILD 4 /* entries are half written: only a snapshot helps */
#define SYNC_PARKED  8 /* a key is missing */
#define SYNC_BROKEN  16

struct sync_state {
	uint8_t flags;
	uint32_t gen; /* entries of other generations are not there */
	uint64_t version;
	int64_t synced_ms;
	struct wa_lthash hash;
};
void sync_state_load(struct wa_client *c, int collection, struct sync_state *ret);
void sync_state_save(struct wa_client *c, int collection, const struct sync_state *st);
/* The value MAC of an entry: 1/0/<0. */
int sync_mac_get(struct wa_client *c, int collection, uint32_t gen, struct wa_span index_mac,
		 uint8_t ret[WA_SYNCD_MAC]);
void sync_mac_put(struct wa_client *c, int collection, uint32_t gen, struct wa_span index_mac,
		  struct wa_span value_mac);
void sync_mac_del(struct wa_client *c, int collection, struct wa_span index_mac);

/* ---- in memory ---- */

struct sync_waiter { /* of wa_client_sync_fetch */
	struct wa_list link;
	unsigned mask; /* collections still to come */
	wa_done_fn *done;
	void *arg;
};

struct sync_request { /* of wa_client_sync_change */
	struct wa_list link;
	wa_done_fn *done;
	void *arg;
	size_t left; /* changes not answered */
	int code;
	char text[64];
	uint64_t dep; /* told when this batch is committed */
};

struct sync_change {
	struct wa_list link;
	struct sync_request *req;
	struct wa_arena arena; /* holds what e points to */
	struct wa_sync_action action;
	struct wa_sync_encoded e;
	bool remove;
};

struct sync_job;
struct sync_push;
struct sync {
	struct {
		bool want;
		unsigned tries;     /* snapshots since it was last right */
		int64_t retry_at;   /* not before; 0 at once */
		struct sync_job *held; /* what the phone sent; its turn comes */
		int64_t recover_at; /* the phone was asked: until then; 0 not */
	} cols[WA_SYNC_COLLECTIONS];
	int current; /* the collection being worked on, -1 none */
	bool running; /* inside sync_work */
	struct sync_job *job;
	struct sync_push *push;
	struct wa_list changes, told, waiters;
	size_t n_changes;
};

/* ---- sync.c ---- */
struct sync *sync_get(struct wa_client *c); /* NULL: no memory, the turn has failed */
void sync_want(struct wa_client *c, int collection);
/* The current one is over. 0: up to date; WA_ENOTFOUND: a key is missing; else it cannot be read. */
void sync_over(struct wa_client *c, int code, int count);
/* The current one has nothing more to do now, and nothing is said. */
void sync_pass(struct wa_client *c);

void sync_keys_came(struct wa_client *c); /* what was parked can go on */

/* ---- sync_ask.c ---- */
/* 0 and the collection's part of the answer; or what went wrong: > 0 the server's code. */
int sync_answer_code(const struct wa_node *node, int code, int collection,
		     const struct wa_node **ret_col);
/* A job from it. fresh: from scratch. NULL: no memory. */
struct sync_job *sync_take_answer(struct wa_client *c, const struct wa_node *col, int collection,
				  bool fresh);
void sync_ask(struct wa_client *c, int collection);

/* ---- sync_job.c ---- */
struct sync_job *sync_job_new(struct wa_client *c, int collection, bool fresh);
void sync_job_snapshot(struct sync_job *j, struct wa_span reference);
void sync_job_patch(struct sync_job *j, struct wa_span patch);
/* A SyncdSnapshotRecovery instead of anything else. */
void sync_job_recovery(struct sync_job *j, struct wa_span recovery);
void sync_job_more(struct sync_job *j); /* the server has more for us */
/* As far as this slice gets. True: over, *ret_code says how. */
bool sync_job_run(struct wa_client *c, struct sync_job *j, int *ret_code);
bool sync_job_has_more(const struct sync_job *j);
int sync_job_count(const struct sync_job *j);
void sync_job_free(struct sync_job *j); /* NULL allowed */
/* Tell the host of one entry. */
void sync_tell(struct wa_client *c, const struct wa_sync_action *a, bool snapshot, bool own);

/* ---- sync_read.c ---- */
struct sync_head { /* of a snapshot, patch or recovery; views */
	uint64_t version;
	struct wa_span snapshot_mac, patch_mac, key_id, body;
	uint32_t field; /* of an entry in body */
};
#define SYNC_PATH_MAX 4096
int sync_read_snapshot(struct wa_span in, struct sync_head *h);
/* ret_ref: externalMutations; empty when they are inside. */
int sync_read_patch(struct wa_span in, struct sync_head *h, struct wa_span *ret_ref);
/* The hash takes the place of snapshot_mac: the phone's session vouches for it. */
int sync_read_recovery(struct wa_span in, int collection, struct sync_head *h);
int sync_read_reference(struct wa_span in, struct wa_blob *b, struct wa_arena *a);
/* An entry of a recovery: not sealed. */
int sync_read_plain(struct wa_span in, struct wa_syncd_record *r, struct wa_span *ret_data);
int sync_open_plain(struct wa_span data, const struct wa_syncd_keys *k, struct wa_syncd_entry *e,
		    uint8_t index_mac[WA_SYNCD_MAC]);

/* ---- sync_push.c ---- */
/* Start on the first change that waits. False: there is none. */
bool sync_push_next(struct wa_client *c);
void sync_push_free(struct wa_client *c);
/* All changes of this collection (-1: of all) are refused. */
void sync_push_fail(struct wa_client *c, int collection, int code, const char *text);
/* Tell those whose batch is committed; all: everybody, committed or not. */
void sync_push_tell(struct wa_client *c, bool all);

/* ---- sync_recover.c ---- */
void sync_recover_ask(struct wa_client *c, int collection);
void sync_recovery(struct wa_client *c, const struct wa_msg_info *info, struct wa_span request,
		   struct wa_span result);

/* ---- sync_keys.c ---- */

/* 1: the key; 0: not known; <0. */
int sync_key_get(struct wa_client *c, struct wa_span id, struct wa_syncd_keys *ret);
/* The id of the newest key, appended; 1/0/<0. */
int sync_key_newest(struct wa_client *c, struct wa_buf *ret_id);
/* Ask the phone, at most once a day for each key. */
void sync_key_ask(struct wa_client *c, struct wa_span id);
void sync_key_share(struct wa_client *c, const struct wa_msg_info *info, struct wa_span content);
void sync_key_request(struct wa_client *c, const struct wa_msg_info *info, struct wa_span content);

#endif
