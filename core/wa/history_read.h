/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_HISTORY_READ_H
#define WA_HISTORY_READ_H

/*
 * A HistorySync as a stream: zlib inflated and protobuf read field by field,
 * a conversation's messages one at a time, however long it is. Only the
 * compressed bytes are held whole: they are read twice, because what says who
 * is who stands behind the messages.
 */
#include <wa/buf.h>

#define HISTORY_FILE_MAX  (64u << 20)  /* compressed */
#define HISTORY_PLAIN_MAX (1ull << 30) /* inflated, all of it */
#define HISTORY_ITEM_MAX  (1u << 20)   /* one message or field; what is larger is passed over */

struct history_reader;

enum history_step {
	HISTORY_MORE, /* all that was fed is read: feed, or say that it is over */
	HISTORY_ITEM,
	HISTORY_BUSY, /* much was inflated, nothing found yet: call again when there is time */
	HISTORY_END,
};

enum history_item_kind {
	HISTORY_FIELD,     /* of the whole: number, value or bytes */
	HISTORY_CHAT,      /* a conversation begins */
	HISTORY_CHAT_FIELD, /* of the conversation: number, value or bytes */
	HISTORY_MESSAGE,   /* bytes: HistorySyncMsg */
	HISTORY_CHAT_END,
};

struct history_item {
	int kind; /* enum history_item_kind */
	uint32_t number;
	uint64_t value;       /* of varints and fixed numbers */
	struct wa_span bytes; /* valid until the next call */
};

struct history_reader *history_reader_new(void); /* NULL: no memory */
void history_reader_free(struct history_reader *r);
/* Compressed bytes, copied. WA_ELIMIT, WA_ENOMEM. */
int history_reader_feed(struct history_reader *r, struct wa_span part, struct wa_err *err) WA_MUST_USE;
void history_reader_eof(struct history_reader *r);
void history_reader_rewind(struct history_reader *r); /* from the start again */
/* From now on what was read is let go: no more rewinding. */
void history_reader_last_pass(struct history_reader *r);
/* enum history_step, or WA_EPROTO, WA_ELIMIT, WA_ENOMEM. */
int history_reader_next(struct history_reader *r, struct history_item *ret, struct wa_err *err) WA_MUST_USE;
/* The rest of this conversation's messages are of no interest: they are passed over unread. */
void history_reader_skip_messages(struct history_reader *r, bool skip);

#endif
