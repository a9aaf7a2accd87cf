/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_HISTORY_H
#define WA_HISTORY_H

/*
 * What was written before this device was linked, as the phone hands it over;
 * and what only the phone can still tell: older messages of a chat, messages
 * this device could not read.
 *
 * After linking the phone announces history in parts (notifications). Each is
 * remembered as a record until all of it is committed, then confirmed. libwa
 * reads a part as a stream, conversation by conversation, at most
 * WA_HISTORY_SLICE_MESSAGES messages a batch, and the next slice only when the
 * one before is committed: a slow host is never flooded, memory does not grow
 * with the length of a chat. A part that was interrupted goes on behind its
 * last committed slice after the next login.
 *
 * A slice may tell of what the host knows already (a message that came live,
 * a part that was sent twice): (chat, id) identifies a message, tell by it.
 *
 * Depth (struct wa_history_depth) is applied while reading: what lies beyond
 * is never decoded. Messages of a chat come newest first. What was asked for
 * with wa_client_history_request is given whole.
 *
 * Source: protocol notes 1.21; HistorySync, Conversation and WebMessageInfo of
 * WhatsApp's own schema.
 */
#include "client.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WA_HISTORY_SLICE_MESSAGES 128	/* in one event */
#define WA_HISTORY_ON_DEMAND_MAX 500	/* messages one may ask for at once */
#define WA_HISTORY_MISSING_MAX 16	/* parts named as missing in one event */

enum wa_history_type {			/* HistorySync.HistorySyncType */
	WA_HISTORY_INITIAL = 0,		/* each chat with a few messages */
	WA_HISTORY_STATUS = 1,		/* status posts */
	WA_HISTORY_FULL = 2,		/* older than RECENT; only when asked for (depth.full) */
	WA_HISTORY_RECENT = 3,		/* the last months, in numbered chunks */
	WA_HISTORY_PUSH_NAME = 4,
	WA_HISTORY_OTHER = 5,		/* past participants, settings … */
	WA_HISTORY_ON_DEMAND = 6,	/* the answer to wa_client_history_request */
};
WA_API const char *wa_history_type_str(int type);	/* "recent" */

enum wa_history_state {
	WA_HISTORY_BEGUN,	/* a part is being read */
	WA_HISTORY_PART_DONE,	/* all of a part is committed */
	WA_HISTORY_PART_FAILED,	/* a part could not be had or read: text says why */
	WA_HISTORY_MISSING,	/* parts that should have come did not: missing[]; final: given up */
	WA_HISTORY_DONE,	/* nothing is under way and progress is complete */
	WA_HISTORY_NOTHING,	/* the phone answered an on-demand request: there is no more */
};

struct wa_history_reaction {
	struct wa_jid sender;		/* bare, LID where known; our own: ourselves */
	bool from_me;
	struct wa_span text;		/* emoji */
	int64_t timestamp_ms;
};

struct wa_history_vote {		/* a poll's vote as the phone kept it: not encrypted */
	struct wa_jid sender;
	bool from_me;
	const struct wa_vote *vote;
	int64_t timestamp_ms;
};

/* WebMessageInfo.Status */
enum wa_history_status { WA_HS_ERROR, WA_HS_PENDING, WA_HS_SENT, WA_HS_DELIVERED, WA_HS_READ, WA_HS_PLAYED };

struct wa_history_message {
	struct wa_msg_info info;	/* as of a live message; offline is set */
	const struct wa_message *message;
	struct wa_span raw;		/* serialized Message */
	int status;			/* enum wa_history_status; of messages of ours */
	bool starred;
	struct wa_span secret;		/* 32 bytes or empty; libwa keeps it in WA_REC_SECRET */
	const struct wa_history_reaction *reactions;
	size_t n_reactions;
	const struct wa_history_vote *votes;
	size_t n_votes;
	int64_t pinned_ms;		/* since when it is pinned in its chat; 0: it is not */
	struct wa_jid pinned_by;	/* null: not told */
	bool pinned_by_me;
};

/* One conversation, or a piece of a long one. */
struct wa_history_chat {
	struct wa_jid jid;		/* LID where known */
	struct wa_jid pn;		/* phone-number form, null unknown */
	const struct wa_history_message *messages;
	size_t n_messages;
	/* The rest of a conversation follows its messages: true with the last piece, the fields
	 * below are set then. */
	bool complete;
	const char *name;		/* group subject or saved name; NULL unknown */
	int64_t last_ms;		/* time of its last message, 0 unknown */
	uint32_t unread;
	bool marked_unread, archived, pinned, read_only, locked;
	int64_t pinned_ms;
	int64_t muted_until_ms;		/* 0: not muted, -1: for good */
	uint32_t ephemeral_s;		/* disappearing timer */
	bool end;			/* the phone has nothing older of this chat */
};

struct wa_history_name {
	struct wa_jid jid;
	const char *name;
};

struct wa_history_left {		/* somebody who was in a group */
	struct wa_jid group, who;
	bool removed;			/* false: left */
	int64_t at_ms;
};

struct wa_history_call {
	const char *id;
	struct wa_jid creator, group;	/* group null: one person */
	int64_t start_ms;
	uint32_t duration_s;
	bool incoming, video;
	int result;			/* CallLogRecord.CallResult: 0 connected, 1 rejected, 2 cancelled,
					 * 3 accepted elsewhere, 4 missed … */
};

/* WA_EV_HISTORY: a slice. WA_EV_HISTORY_PROGRESS: state, counts, no contents. Borrowed for the batch. */
struct wa_history {
	int type;			/* enum wa_history_type */
	uint32_t chunk;			/* number of this part within its type, 0 not numbered */
	uint32_t progress;		/* percent of the whole as the phone sees it, 0 to 100 */
	const char *request;		/* ON_DEMAND: the id wa_client_history_request gave; "" otherwise */
	/* slices */
	const struct wa_history_chat *chats;
	size_t n_chats;
	const struct wa_history_name *names;
	size_t n_names;
	const struct wa_history_left *left;
	size_t n_left;
	const struct wa_history_call *calls;
	size_t n_calls;
	/* progress: of this part so far */
	int state;			/* enum wa_history_state */
	uint64_t messages, conversations;
	uint64_t skipped;		/* beyond the depth asked for */
	uint32_t missing[WA_HISTORY_MISSING_MAX];
	size_t n_missing;
	bool final;
};

/*
 * More messages of one chat, older than one we have: the phone is asked, its answer comes as
 * WA_EV_HISTORY with that request id, then WA_EV_HISTORY_PROGRESS (PART_DONE or NOTHING).
 * ret_request: the request's id, 32 bytes. A phone that is not online answers when it is, or never.
 */
struct wa_history_ask {
	struct wa_jid chat;
	const char *oldest_id;		/* of the oldest message known */
	bool oldest_from_me;
	int64_t oldest_ms;		/* its time */
	uint32_t count;			/* 1 to WA_HISTORY_ON_DEMAND_MAX */
};
WA_API int wa_client_history_request(struct wa_client *c, const struct wa_history_ask *ask, char ret_request[32],
				     struct wa_err *err) WA_MUST_USE;

/* A message this device could not read: ask the phone for it. Its answer is a WA_EV_MESSAGE with the
 * same id. libwa does so by itself, once, for what stays undecryptable (WA_EV_UNDECRYPTABLE). */
WA_API int wa_client_placeholder_request(struct wa_client *c, const struct wa_msg_info *message,
					 struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
