/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AUTOREPLY_SAID_H
#define AUTOREPLY_SAID_H

/*
 * One incoming message as rules look at it. Its text is folded when the first
 * rule asks for it, once for each way of folding, however many rules there are.
 */
#include "match.h"
#include "who.h"

#define SAID_TEXT_MAX 4096	/* bytes that are looked at */

enum said_form {
	SAID_CASE = 1,		/* bits: fold case, fold marks */
	SAID_MARKS = 2,
	SAID_WORDS = 4,		/* wb_fold(): words without punctuation */
	SAID_FORMS = 5,
};

struct said {
	const char *session, *id, *kind, *name;	/* borrowed; name: the push name */
	const char *to;				/* where an answer goes */
	char chat[WHO_SIZE], chat_lid[WHO_SIZE];
	char sender[WHO_SIZE], sender_lid[WHO_SIZE];
	char chat_name[128];
	char phone[32];				/* the sender's, "+…"; "" unknown */
	bool group, own, mentioned;
	int first;				/* the first message of this chat: 1, 0, -1 not known yet */
	int64_t ts_ms;
	struct wa_span text;
	struct wa_buf forms[SAID_FORMS];
	bool have[SAID_FORMS];
};

/* data: of a message.* event; everything is borrowed from it. False: nobody that is answered (a status,
 * a channel, a broadcast). own_jid, own_lid: ours, "" unknown. */
bool said_read(struct said *m, const char *session, const json_t *data, bool own, const char *own_jid,
	       const char *own_lid);
void said_clear(struct said *m);
/* The text in this form. */
struct wa_span said_text(struct said *m, int form);
/* text folded in the same way, for patterns; malloc'ed by out. */
void said_fold(struct wa_span text, int form, struct wa_buf *out);

#endif
