/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_MEDIA_H
#define WB_MEDIA_H

/*
 * The gateway's media: files that came with messages, files given to us to
 * send. Every one has an id (ULID) which the owner's programs use:
 * /v1/media/{id} gives its bytes at any later time.
 *
 * What is stored: the file as it lies on WhatsApp's hosts (AES-256-CBC and
 * MAC), checked once, decrypted range by range on the way out; its key is in the
 * sealed row. Nothing plain touches the disk. Files that WhatsApp keeps plain
 * (channels) are encrypted by us under a key of our own. The file's name is the
 * hash of what is in it, so equal files are one.
 *
 *	<data_dir>/media/ab/cdef...	files; media/tmp/: under way
 *
 * A row may have its file or not: evicted by the quota (least recently used
 * first, only what can be got again), or never downloaded. wb_media_fetch gets
 * it: from the disk, from S3 when configured, from WhatsApp's hosts, and when
 * those do not have it any more by asking the phone to upload it again.
 *
 *	media.c		rows, look-ups, JSON, policy
 *	media_store.c	files: names, quota, sweep
 *	media_put.c	a file given to us
 *	media_fetch.c	a file got from elsewhere
 *	media_prepare.c	a file made ready for its kind of message
 *	media_send.c	a file on its way to WhatsApp's hosts
 *	media_read.c	a stored file, decrypted on its way out
 *	media_net.c	places and hosts of transfers
 *	media_down.c	one file from a host: rotation, resuming, checking
 *	media_up.c	one file to a host
 *	media_blob.c	files libwa asks for
 *	media_s3.c	S3
 *
 * Everything asynchronous ends in exactly one call of its function, on the loop,
 * later, never from inside the call that began it; unless cancelled, after which
 * it never runs.
 */
#include <jansson.h>
#include <wa/arena.h>
#include <wa/media.h>
#include <convert.h>
#include "tx.h"

#define WB_MEDIA_BASE64_MAX (1u << 20)	/* of a file given inside JSON */
#define WB_MEDIA_READ_MAX (1u << 20)	/* one wb_media_read */

struct wb_gateway;
struct wb_media_store;
struct wb_media_job;	/* something under way */

int wb_media_new(struct wb_gateway *gw, struct wb_media_store **ret_ms, struct wa_err *err) WA_MUST_USE;
/* What is under way ends with WA_ESTATE. Before the network and the pool are freed. */
void wb_media_stop(struct wb_media_store *ms);	/* NULL allowed */
void wb_media_free(struct wb_media_store *ms);	/* NULL allowed */

/* ---- rows ---- */

struct wb_media_info {
	char id[DB_ID_LEN + 1];
	const char *session;	/* "": given to us, any session may send it */
	const char *message;	/* our message id; "" none */
	bool stored;		/* its bytes are here */
	int64_t created_ms;
	struct wa_media m;	/* spans live in the arena */
};

/* By id, or by the message it came or went with. 1, 0, <0. */
int wb_media_get(struct wb_gateway *gw, const char *id, struct wa_arena *a,
		 struct wb_media_info *ret_i, struct wa_err *err) WA_MUST_USE;
int wb_media_of_message(struct wb_gateway *gw, const char *message, struct wa_arena *a,
			struct wb_media_info *ret_i, struct wa_err *err) WA_MUST_USE;

/* Newest first, before `before` (NULL: from the newest). session NULL: all, "": given to us. i dies with
 * the call; non-zero from fn stops. */
typedef int wb_media_each_fn(void *ctx, const struct wb_media_info *i);
int wb_media_each(struct wb_gateway *gw, const char *session, const char *before, size_t limit,
		  wb_media_each_fn *fn, void *ctx, struct wa_err *err) WA_MUST_USE;

/*
 * A message with a file came or was sent: a row for it, in the message's
 * transaction, after db_batch_message_add (when that added nothing neither does
 * this). After the commit the policy (media.auto_download...) may fetch it.
 * ret_id is what the message's JSON names; NULL allowed. message "": a file of the session itself,
 * as pictures of people are.
 */
void wb_media_add(struct wb_tx *tx, const char *session, const char *message, const struct wa_media *m,
		  char ret_id[DB_ID_LEN + 1]);

/* A row of a session that belongs to no message (wb_media_add with message ""): a picture that
 * has been replaced. Its file goes with the next sweep. */
void wb_media_drop(struct wb_tx *tx, const char *session, const char *id);

/*
 * {"id", "url": "/v1/media/<id>", "type": "image", "mimetype", "size", "sha256" (hex), "file_name", "width", "height",
 * "seconds", "pages", "gif", "ptv", "ptt", "animated", "thumbnail" (base64), "waveform" (base64)};
 * what is not known is left out. New reference.
 */
json_t *wb_media_json(const char *id, const struct wa_media *m);

/* ---- a file given to us ----
 *
 *	wb_media_put_new -> wb_media_put_data ... -> wb_media_put_end (takes it), or _cancel
 */
struct wb_media_put;
struct wb_media_attrs {		/* what is known of it; strings may be NULL */
	int type;		/* enum wa_media_type; WA_MEDIA_NONE: by mimetype */
	const char *mimetype;	/* NULL: application/octet-stream */
	const char *file_name;
	uint32_t width, height, seconds, pages;
	bool gif, ptv, ptt, animated;
	struct wa_span thumbnail, waveform;
};
/* image/x: IMAGE, video/x: VIDEO, audio/x: AUDIO, else DOCUMENT. */
int wb_media_type_of(const char *mimetype);
/* The most WhatsApp takes of a kind, in bytes (media.max_bytes may be less). */
uint64_t wb_media_limit(struct wb_gateway *gw, int type);

/* more: called when wb_media_put_data takes more again, after it said 0. */
int wb_media_put_new(struct wb_gateway *gw, const struct wb_media_attrs *a, void (*more)(void *ctx),
		     void *ctx, struct wb_media_put **ret_p, struct wa_err *err) WA_MUST_USE;
/* 1: go on; 0: taken, but wait for `more`; <0: WA_ELIMIT, WA_EIO ...: cancel it. */
int wb_media_put_data(struct wb_media_put *p, struct wa_span plain, struct wa_err *err) WA_MUST_USE;
typedef void wb_media_put_fn(void *ctx, int code, const struct wa_err *err, const char *id);
/* The file is durable and its row is committed when fn says 0. */
void wb_media_put_end(struct wb_media_put *take_p, wb_media_put_fn *fn, void *ctx);
void wb_media_put_cancel(struct wb_media_put *take_p);	/* NULL allowed */
/* The same from a file (which is unlinked), at once. fn runs later. */
int wb_media_put_file(struct wb_gateway *gw, const struct wb_media_attrs *a, const char *take_path,
		      wb_media_put_fn *fn, void *ctx, struct wa_err *err) WA_MUST_USE;
/* Where temporary files may be made. */
const char *wb_media_tmp_dir(struct wb_gateway *gw);

/* ---- getting it ---- */

typedef void wb_media_done_fn(void *ctx, int code, const struct wa_err *err);
/* Have the file on this machine. WA_ENOTFOUND: no such media, or nobody has the file any more;
 * WA_ESTATE: the session that could get it is not connected; WA_ECRYPTO: it is not what the message
 * said. Several at once share one download. ret_job may be NULL. */
int wb_media_fetch(struct wb_gateway *gw, const char *id, wb_media_done_fn *fn, void *ctx,
		   struct wb_media_job **ret_job, struct wa_err *err) WA_MUST_USE;

typedef void wb_media_read_fn(void *ctx, int code, const struct wa_err *err, struct wa_span plain);
/* Plain bytes [from, from+len) of a file that is here (len <= WB_MEDIA_READ_MAX, cut at its end);
 * decrypted in the pool. WA_ENOTFOUND: it is not here: fetch it first. */
int wb_media_read(struct wb_gateway *gw, const char *id, uint64_t from, size_t len, wb_media_read_fn *fn,
		  void *ctx, struct wb_media_job **ret_job, struct wa_err *err) WA_MUST_USE;

/* ---- making it ready (media_prepare.c) ---- */

/* reason: "" or why not, in one static word (convert.h). id: what is to be sent; the same or a new media. */
typedef void wb_media_prepared_fn(void *ctx, int code, const char *reason, const struct wa_err *err, const char *id);
/*
 * Thumbnail, size, duration and waveform for a message of how->kind, and another form where WhatsApp
 * wants one (convert.h; path, bytes, mimetype and out_dir of `how` are ours). 1: there is nothing to
 * do, ret_id is to be sent, fn is not called; 0: fn comes later; <0. how->force: a new file in any case.
 */
int wb_media_prepare(struct wb_gateway *gw, const char *id, const struct wb_convert_ask *how, wb_media_prepared_fn *fn,
		     void *ctx, char ret_id[DB_ID_LEN + 1], struct wb_media_job **ret_job, struct wa_err *err)
	WA_MUST_USE;

/* ---- sending it ---- */

/* handle: what the hosts call an upload to a channel, for wa_send; "" none. */
typedef void wb_media_fill_fn(void *ctx, int code, const struct wa_err *err, const struct wa_media *m,
			      const char *handle);
/*
 * What a message says about its file: fetched if needed, encrypted again when `type` needs other keys
 * than it was stored with (a picture as a document), uploaded by `session` unless it lies on
 * the hosts already. m: direct path, url, key, hashes, length, mimetype, and the attributes it was
 * given; borrowed for the call. WA_ESTATE: the session is not connected.
 * channel: the file goes there as it is, m has no key.
 */
int wb_media_fill(struct wb_gateway *gw, const char *session, const char *id, int type, bool channel,
		  wb_media_fill_fn *fn, void *ctx, struct wb_media_job **ret_job, struct wa_err *err)
	WA_MUST_USE;

void wb_media_cancel(struct wb_media_job *j);	/* NULL allowed */

/* ---- the store ---- */

struct wb_media_stats {
	uint64_t bytes, quota;	/* on disk; quota 0: none */
	uint64_t files;
	uint64_t downloads, uploads, failed, retries, evicted;	/* since the start */
	size_t under_way;
};
void wb_media_stats(struct wb_gateway *gw, struct wb_media_stats *ret_s);
/* Delete a row given to us (session ""); those of messages go with their message. 1, 0. */
void wb_media_del(struct wb_tx *tx, const char *id);
/* Files nobody names any more; the janitor calls it each round. NULL allowed. */
void wb_media_sweep(struct wb_media_store *ms);
/* The same at once, after a deletion (of a session, of media) was committed. */
void wb_media_forget(struct wb_gateway *gw);

/* ---- sessions: files libwa asks for, answers of the phone ---- */
void wb_media_blob(struct wb_gateway *gw, const char *session, uint64_t id, const struct wa_blob *b);
void wb_media_on_retry(struct wb_gateway *gw, const char *session, const struct wa_event *ev);

#endif
