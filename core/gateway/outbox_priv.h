/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_OUTBOX_PRIV_H
#define WB_OUTBOX_PRIV_H

/*
 * Inside of outbox*.c only.
 *
 *	outbox.c	the door: add, cancel, hooks
 *	outbox_content.c	what a message says: content, quotes, menus, forwards
 *	outbox_prepare.c	what must be there before it leaves: its file, a link's preview
 *	outbox_contact.c	recipients looked up lately
 *	outbox_load.c	rows of storage come into memory: start, crash, far future
 *	outbox_pump.c	who may leave now: order, recipients, vetoes
 *	outbox_pace.c	pacing: rate, caps per day, quiet hours, warm-up
 *	outbox_result.c	what became of what left
 *
 * In memory: one lane per session, in it one queue per chat, and a heap of
 * chats by the time at which their first row may leave. Adding, sending and
 * finishing a message cost O(log chats).
 */
#include <db_outbox.h>
#include <heap.h>
#include <list.h>
#include <map.h>
#include "content.h"
#include "gateway.h"
#include "mem.h"

struct wb_lane;
struct wb_queue;

/* A row that waits or is under way. Its body is kept while memory allows, else read again. */
struct wb_row {
	struct wa_list link;	/* queue->waiting (by due, id) or queue->flying */
	struct wb_queue *queue;	/* NULL before the commit */
	char id[DB_ID_LEN + 1];
	char wa_id[32];
	int64_t due, next;
	int64_t asked;		/* moved: the time it was due before */
	uint64_t consent;	/* generation at which opt-outs were looked at */
	uint16_t attempts, devices;
	bool flying;		/* handed to libwa */
	bool claimed;		/* `sending` in storage */
	bool cancelling;
	bool prepared;		/* outbox_prepare.c: nothing to wait for any more */
	bool typed;		/* typing was shown before it */
	bool told;		/* its trace says that it is held */
	bool moved;		/* due is when its class may leave */
	uint8_t class;		/* enum wb_class */
	bool bare;		/* storage has no bytes of it either: made when it leaves */
	uint8_t failures;	/* of preparing it */
	uint8_t *raw;
	size_t raw_len;
	json_t *data;		/* of its events */
};

struct wb_queue {		/* one chat */
	struct wb_lane *lane;
	char *chat;
	struct wa_list waiting, flying;
	struct wa_heap_item ready;	/* when its first waiting row may leave */
	int64_t free_at;	/* spacing to the recipient */
	struct wa_jid to;
	bool resolved, asking;
	bool held;		/* waits for the end of a restriction */
	unsigned failures;	/* of asking */
};

struct wb_lane {		/* one session */
	struct wb_outbox *o;
	char *session;
	struct wa_map queues, flying;	/* by chat; by WhatsApp id */
	struct wa_heap ready;
	struct wb_timer *timer;
	struct wa_list dirty;
	size_t rows, n_flying;
	bool up, loaded, loading, stale;
	char load_after[DB_ID_LEN + 1];
	int64_t rescan_at;	/* rows due later than the horizon are read then; 0 none */
	/* pacing */
	double tokens;
	int64_t tokens_at;
	int64_t day, day_start, day_end;	/* the local day that is counted; of pacing.zone */
	int64_t day_sent, day_marketing, day_warm_up;
};

struct wb_outbox_hook {
	struct wa_list link;
	const void *owner;
	wb_before_send_fn *fn;
	void *ctx;
};

struct wb_outbox {
	struct wb_gateway *gw;
	struct wa_map lanes;
	struct wa_map rows;		/* by id */
	struct wa_map cancelling;	/* ids of rows not in memory with a cancellation under way */
	struct wa_list dirty, hooks;
	uint64_t consent;		/* grows with every opt-out or opt-in */
	bool menus, timers;		/* there may be open menus; chats with a disappearing timer */
	bool opt_outs;			/* somebody may have opted out: else nobody is looked up */
	struct wa_map contacts;		/* outbox_contact.c: "session|jid" -> struct wb_known */
	struct wa_list contacts_used;	/* the same, least recently used last */
	struct wb_zones *zones;		/* outbox_pace.c; NULL: none needed yet */
	size_t bytes;			/* of bodies in memory */
	struct wa_map recent;		/* WhatsApp id -> struct wb_recent */
	struct wb_recent *ring[1024];	/* the same, oldest at ring_at */
	size_t ring_at;
};

#define WB_KNOWN_MAX 1024	/* contacts remembered */
#define WB_BODIES_MAX (32u << 20)
#define WB_RECENT_BYTES 4096	/* larger messages are not remembered */
#define WB_HORIZON_MS 3600000	/* rows due later stay in storage only */

struct adding {		/* everything about one message on its way in */
	const struct wb_outbox_new *m;
	struct wb_gateway *gw;
	struct wb_session_info session;
	struct wa_arena arena;
	struct wa_jid to;
	char chat[WA_JID_TEXT_MAX];
	const char *chat_jid, *chat_lid;
	struct db_message quoted;
	bool has_quoted;
	json_t *meta;
	json_t *content;	/* stored and told; NULL: only the text */
	json_t *asked;		/* content as given, which the message's spans point into */
	const char *kind, *text;	/* stored and told */
	const char *message_class;
	bool menu;		/* left as words: the answer comes as words */
	int64_t now, due;
	struct wb_row *row;
};

/* outbox_content.c */
int wb_adding_content(struct adding *ad, struct wa_err *err);	/* content, kind, text, row->raw */
int wb_adding_quote(struct adding *ad, struct wa_message *msg, struct wa_err *err);
int wb_adding_encode(struct adding *ad, struct wa_message *msg, struct wa_err *err);
/* The content object of a row as it was given, parsed. Spans live in doc and a. */
int wb_stored_content(const json_t *content, struct wa_arena *a, struct wa_message *ret_m,
		      struct wb_content_media_ref *ret_media, json_t **ret_doc, struct wa_err *err);
/* A kind that libwa seals when it leaves: it is handed over as a message, not as bytes. */
bool wb_kind_sealed(int kind);

/* outbox_prepare.c: 1 it may leave, 0 q->asking is set and it will be scheduled again, <0 it cannot. */
int wb_row_prepare(struct wb_queue *q, struct wb_row *row, struct wa_err *err);

/* outbox.c */
void wb_row_free(struct wb_outbox *o, struct wb_row *row);
struct wb_lane *wb_lane_find(struct wb_outbox *o, const char *session);
struct wb_lane *wb_lane_get(struct wb_outbox *o, const char *session);
void wb_lane_touch(struct wb_lane *lane);
void wb_row_enqueue(struct wb_lane *lane, const char *chat, struct wb_row *row);
void wb_row_wait(struct wb_row *row);		/* into its place among the waiting */
void wb_row_drop(struct wb_row *row);		/* out of memory: final */
void wb_queue_schedule(struct wb_queue *q);
/* Commits what the outbox itself writes about a session's rows. When that fails its memory is
 * wrong: storage is read again. */
void wb_lane_commit(struct wb_lane *lane, struct wb_tx *take_tx);
void wb_row_event(struct wb_tx *tx, struct wb_row *row, const char *session, const char *kind,
		  const char *status, const char *reason);

/* outbox_contact.c: 1 with both forms of a contact ("" unknown), 0 no contact, <0. Borrowed until
 * the next call. */
int wb_outbox_contact(struct wb_outbox *o, const char *session, const char *text,
		      const char **ret_jid, const char **ret_lid, struct wa_err *err);
void wb_outbox_contacts_clear(struct wb_outbox *o);

/* outbox_load.c */
void wb_lane_load(struct wb_lane *lane);
int wb_row_body(struct wb_lane *lane, struct wb_row *row, struct wa_err *err);	/* read when absent */

/* outbox_pump.c */
void wb_lane_pump(struct wb_lane *lane);

/* outbox_result.c */
void wb_outbox_forget(struct wb_outbox *o);	/* the recent ones */
void wb_row_fail(struct wb_tx *tx, struct wb_row *row, const char *reason);

#endif
