/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_HISTORY_INT_H
#define WA_HISTORY_INT_H

/*
 * Inside of history*.c only.
 *
 *	history.c	parts of history: announced, fetched, read in slices, confirmed
 *	history_read.c	a HistorySync as a stream of fields
 *	history_learn.c	the first reading of a part: who is who
 *	history_slice.c	the second one: from fields to the slices the host sees
 *	history_chunk.c	which numbered parts have come, and which are missing
 *	history_ask.c	what we ask the phone for
 *	webmessage.c	WebMessageInfo: a message as the phone keeps it
 *
 * Records, all WA_REC_HISTORY:
 *
 *	"q"		the queue: numbers of its first part and of the next one to come,
 *			messages taken so far, which chunks have come
 *	"n" number	a part: who announced it, and the notification
 *	"s" number	how far a part is read
 *	"c" chat	messages of this chat taken so far, time of the oldest (only with max_per_chat)
 *	"p" id		a message asked of the phone: where, by whom
 *	"m" "mp"	LIDs the phone told, and how far they are learned
 */
#include "client_int.h"

#include <wa/history.h>

#include "history_read.h"
#include "records.h"

#define HISTORY_PENDING_MAX 64  /* parts announced and not yet read */
#define HISTORY_KEY_MAX     (WA_JID_TEXT_MAX + 1)
#define HISTORY_CHUNKS_MAX  256 /* numbered parts of one type that are looked after */
#define HISTORY_NAME_MAX    512 /* bytes of a chat's name */

/* Which chunks of RECENT (0) and FULL (1) have come. */
struct history_chunks {
	uint8_t progress;  /* highest told */
	uint16_t max;      /* highest number seen */
	uint8_t asked;     /* how often the missing ones were asked for */
	uint8_t seen[HISTORY_CHUNKS_MAX / 8];
};

/* Fields of HistorySync and Conversation that are read. */
enum {
	SYNC_STATUS = 3,
	SYNC_NAME = 7,
	SYNC_LEFT = 12,
	SYNC_CALL = 13,
	SYNC_MAPPING = 15,
	SYNC_SALT = 19,
	CHAT_ID = 1,
	CHAT_UNREAD = 6,
	CHAT_READ_ONLY = 7,
	CHAT_EPHEMERAL = 9,
	CHAT_END_TYPE = 11,
	CHAT_TIME = 12,
	CHAT_NAME = 13,
	CHAT_ARCHIVED = 16,
	CHAT_MARKED = 19,
	CHAT_TOKEN = 21,
	CHAT_TOKEN_TIME = 22,
	CHAT_PINNED = 24,
	CHAT_MUTED = 25,
	CHAT_SENDER_TIME = 28,
	CHAT_DISPLAY = 38,
	CHAT_PN = 39,
	CHAT_LID = 42,
	CHAT_LOCKED = 46,
};
#define HISTORY_TOKEN_MAX 256

/* What the first reading gathers about a conversation. */
struct history_facts {
	struct wa_jid id, other;
	uint8_t token[HISTORY_TOKEN_MAX];
	size_t token_len;
	int64_t token_s, sender_s;
};

/* The conversation being read. */
struct history_chat {
	struct wa_jid jid, pn;
	bool named;      /* its id has been read */
	bool counted;    /* taken is loaded */
	uint32_t taken;  /* messages of it, over all parts */
	int64_t oldest_ms; /* of those: what is newer came before, and comes twice at most */
	bool taken_changed;
	struct wa_history_chat meta; /* without pointers */
	char name[HISTORY_NAME_MAX];
	struct history_facts facts;
};

/* The part being read. */
struct history_part {
	uint32_t seq;
	char id[MSG_ID_MAX + 1];
	char request[MSG_ID_MAX + 1];
	struct wa_history head; /* type, chunk, progress, counts */
	struct history_reader *reader;
	uint8_t key[32]; /* of its file */
	bool remote;     /* it has a file, not inline bytes */
	bool fetching;   /* its file is on its way */
	bool learning;   /* first reading: who is who */
	uint64_t items;  /* read in this pass */
	uint64_t skip;   /* of them told before an interruption */
	struct history_chat chat;
};

struct history {
	uint32_t first, next;  /* numbers of parts */
	uint64_t taken;        /* messages over all parts */
	struct history_chunks chunks[2];
	bool changed;          /* the queue is to be written */
	bool mapping;          /* LIDs the phone told are still to be learned */
	struct history_part *part; /* NULL: none is being read */
	uint64_t wait[2];      /* batches of the last two slices */
	int64_t gap_at;        /* look at missing chunks; INT64_MAX none */
};

/* ---- history.c ---- */
struct history *history_get(struct wa_client *c); /* NULL: no memory, the turn has failed */
void history_put(struct wa_client *c, struct wa_span key, struct wa_span value);
struct wa_event *history_progress(struct wa_client *c, const struct wa_history *head, int state);
const char *history_text(struct wa_client *c, struct wa_span s); /* "" when it is no text */

#define COST_HISTORY 1	   /* one item */
#define COST_INFLATE 20    /* a quarter of a MiB in which there was nothing to tell */

/* ---- history_learn.c ---- */
/* Read on until a batch is full, time is up or all is read: enum history_step, or < 0. */
int history_learn(struct wa_client *c, struct history_part *p, struct wa_err *err) WA_MUST_USE;

/* ---- history_slice.c ---- */
/* The same; *ret_told: something is in the open batch. */
int history_tell_slice(struct wa_client *c, struct history *h, bool *ret_told, struct wa_err *err) WA_MUST_USE;

/* ---- history_chunk.c ---- */
#define HISTORY_CHUNKS_LEN (2 * (4 + HISTORY_CHUNKS_MAX / 8))
void history_chunks_encode(const struct history *h, struct wa_buf *out);
void history_chunks_decode(struct history *h, const uint8_t *p);
void history_chunk_done(struct wa_client *c, struct history *h, const struct history_part *p, bool good);
/* When missing chunks are to be looked at: now and a while, or never. */
int64_t history_chunk_gap(const struct history *h, int64_t now);
void history_chunk_tick(struct wa_client *c, struct history *h, int64_t now);
/* Nothing more is awaited. */
bool history_chunks_whole(const struct wa_client *c, const struct history *h);

/* ---- history_ask.c ---- */
void history_ask_chunk(struct wa_client *c, int type, uint32_t chunk);
void history_ask_message(struct wa_client *c, const struct wa_jid *chat, const struct wa_jid *sender,
			 bool from_me, bool group, const char *id);

/* ---- lidsync.c ---- */
void lidsync_work(struct wa_client *c, struct history *h);

/* ---- webmessage.c ---- */
/* A WebMessageInfo in *ret, from the batch's arena. chat: where it was found, null: where its key
 * says. 1; 0: it holds nothing a person wrote, or not enough to tell it by; <0 malformed. */
int webmessage_read(struct wa_client *c, struct wa_span bytes, const struct wa_jid *chat,
		    const struct wa_jid *chat_pn, struct wa_history_message *ret) WA_MUST_USE;
/* Its time in ms, without reading more. */
int64_t webmessage_time(struct wa_span bytes);
/* A JID as it stands in protobufs, canonical and without device; null unreadable. */
struct wa_jid history_person(struct wa_client *c, struct wa_span text, struct wa_jid *ret_pn);

#endif
