/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_MEDIA_PRIV_H
#define WB_MEDIA_PRIV_H

/* Inside of media*.c only. */
#include <db_media.h>
#include <fetch.h>
#include <list.h>
#include <map.h>
#include <text.h>
#include "gateway.h"
#include "media.h"
#include "mem.h"

#define MEDIA_PIECE (256u << 10)	/* of a file, in one job of the pool */
#define MEDIA_NAME 64			/* hex of a SHA-256 */
#define MEDIA_PATH 1024
#define MEDIA_ACTIVE_MAX 8		/* transfers with the media hosts at once */
#define MEDIA_HOST "mmg.whatsapp.net"	/* while no session can be asked */
#define MEDIA_ORIGIN "https://web.whatsapp.com"

struct media_s3 {
	char *url;		/* endpoint/bucket/prefix, no trailing slash; NULL: none */
	char *sigv4, *key, *secret;
	bool busy;		/* a copy is under way */
	struct copy *copy;
};

/* What was made of a media lately, so that a thousand messages convert it once. */
#define WB_MEDIA_MADE 64
struct wb_media_made {
	char from[DB_ID_LEN + 1], to[DB_ID_LEN + 1];
	int kind;
};

struct wb_media_store {
	struct wb_gateway *gw;
	char *dir, *tmp_dir;
	uint64_t quota, max_bytes;
	uint64_t bytes, files;		/* on disk */
	struct wa_list jobs;		/* struct wb_media_job */
	struct wa_map gets;		/* id -> struct media_get */
	struct wa_list transfers;	/* waiting for a place, struct media_slot */
	size_t active;
	struct wa_list wanted;		/* automatic downloads, struct wanted */
	size_t n_wanted, auto_active;
	struct media_s3 s3;
	bool evicting, sweeping, forget_again, stopping;
	struct wb_media_stats stats;
	struct wb_media_made made[WB_MEDIA_MADE];	/* a ring */
	size_t next_made;
};

/* Something that ends in a call of its owner's; the first member of its struct. */
struct wb_media_job {
	struct wa_list link;		/* in store.jobs */
	/* The owner does not want to know any more, or (code < 0) the store ends. */
	void (*cancel)(struct wb_media_job *j, int code);
};
void media_job_add(struct wb_media_store *ms, struct wb_media_job *j,
		   void (*cancel)(struct wb_media_job *j, int code));

/* ---- media.c: a row in memory ---- */
struct media_row {
	struct wa_arena a;
	struct wb_media_info i;
	char file[MEDIA_NAME + 1];	/* "" not known */
	bool lasting, remote;
	int64_t uploaded_ms;
	uint64_t size;			/* of the stored file; 0 not known */
};
int media_row_get(struct wb_media_store *ms, const char *id, struct media_row *r, struct wa_err *err);
void media_row_clear(struct media_row *r);
/* What changed of it, into a transaction. */
void media_row_set(struct wb_tx *tx, const struct media_row *r);
void media_row_add(struct wb_tx *tx, const struct media_row *r);
const char *media_type_word(int type);
int media_type_parse(const char *word);
/* Do both kinds of file have the same keys? */
bool media_same_keys(int a, int b);
void media_auto_next(struct wb_media_store *ms);

/* ---- media_fetch.c ---- */
/* wb_media_fetch, but no file of more than max bytes, whatever its sender says of it. Not to be cancelled. */
int media_fetch_small(struct wb_media_store *ms, const char *id, uint64_t max, wb_media_done_fn *fn, void *ctx,
		      struct wa_err *err);

/* ---- media_store.c ---- */
int media_store_open(struct wb_media_store *ms, struct wa_err *err);
void media_store_path(const struct wb_media_store *ms, const char *name, char path[MEDIA_PATH]);
int media_tmp(const struct wb_media_store *ms, char path[MEDIA_PATH], struct wa_err *err);	/* fd */
/* fsync, rename, and the folder too. On a pool thread. */
int media_keep(int fd, const char *dir, const char *tmp, const char *name, struct wa_err *err);
int media_write(int fd, struct wa_span bytes, uint64_t at, struct wa_err *err);
/* A file is in its place: rows into tx; counted after its commit. */
void media_kept(struct wb_media_store *ms, struct wb_tx *tx, const char *name, uint64_t size);
void media_evict(struct wb_media_store *ms);
/* The disk does not have what the row says. */
void media_lost(struct wb_media_store *ms, const char *name);
int media_err_disk(struct wa_err *err, const char *what);	/* from errno */

/* ---- media_net.c: transfers with the media hosts ---- */
struct media_slot {
	struct wa_list link;
	void (*start)(struct media_slot *s);
	bool held;
};
void media_slot_take(struct wb_media_store *ms, struct media_slot *s, void (*start)(struct media_slot *s));
void media_slot_free(struct wb_media_store *ms, struct media_slot *s);	/* also when it still waits */

#define MEDIA_HOSTS 10
struct media_hosts_ask;
struct media_conn {
	char hosts[MEDIA_HOSTS][272];
	size_t n;
	char auth[1032];	/* "" none */
};
typedef void media_conn_fn(void *ctx, int code, const struct media_conn *mc);
/* Hosts and word of a session; without one that is connected the default host, no word. fn may run at
 * once. NULL: it has run. */
struct media_hosts_ask *media_hosts_get(struct wb_media_store *ms, const char *session, bool fresh,
					media_conn_fn *fn, void *ctx);
void media_hosts_cancel(struct media_hosts_ask *a);	/* NULL allowed */

/* The sending end of wb_fetch for these hosts. */
void media_fetch_opts(struct wb_media_store *ms, const char *session, struct wb_fetch_req *r);

/* ---- media_down.c: one file from a host, checked, on the disk ---- */
struct media_down_ask {
	const char *session;
	int type;
	struct wa_span direct_path;	/* a sender's word: WA_ENOTFOUND unless it begins with a slash */
	const char *s3_name;		/* from S3 instead; NULL */
	uint64_t max;			/* bytes of the plain file; 0: what its type may have */
	struct wa_span url;		/* its host is asked first; may be empty */
	bool plain;			/* not encrypted there: becomes ours under `key`, or a new one */
	struct wa_span key, enc_sha256, sha256;
	bool keep;			/* put in its place; else left at `path` for the caller to unlink */
};
struct media_down_res {
	char name[MEDIA_NAME + 1];
	char path[MEDIA_PATH];		/* "" when kept */
	uint8_t key[32];		/* made by us when there was none */
	uint8_t sha256[32], enc_sha256[32];
	uint64_t length, size;
};
struct media_down;
/* status: the host's answer when that was the end, else 0. res NULL when code < 0. */
typedef void media_down_fn(void *ctx, int code, int status, const struct wa_err *err,
			   const struct media_down_res *res);
/* fn runs later, exactly once; not after cancel. */
struct media_down *media_down_new(struct wb_media_store *ms, const struct media_down_ask *ask,
				  media_down_fn *fn, void *ctx);
void media_down_cancel(struct media_down *d);	/* NULL allowed */

/* ---- media_up.c: one stored file to a host ---- */
struct media_up;
typedef void media_up_fn(void *ctx, int code, const struct wa_err *err, const char *url,
			 const char *direct_path, const char *handle);
/* plain: path of the file as it is, for a channel; name is then the hash of its bytes. NULL: the stored one. */
struct media_up *media_up_new(struct wb_media_store *ms, const char *session, int type, const char *name,
			      uint64_t size, const char *plain, media_up_fn *fn, void *ctx);
void media_up_cancel(struct media_up *u);

/* ---- media_s3.c ---- */
int media_s3_open(struct wb_media_store *ms, struct wa_err *err);
void media_s3_close(struct wb_media_store *ms);
void media_s3_copy(struct wb_media_store *ms);	/* what is on this disk only, one file after the other */
void media_s3_again(void *ctx, int code, const struct wa_err *err, const struct db_result *res);
void media_s3_del(struct wb_media_store *ms, const char *name);
void media_s3_req(struct wb_media_store *ms, const char *name, char url[MEDIA_PATH], struct wb_fetch_req *r);

#endif
