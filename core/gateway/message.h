/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_MESSAGE_JSON_H
#define WB_MESSAGE_JSON_H

/* The data object of message.* events (event.h) from its parts. */
#include <jansson.h>
#include <wa/jid.h>
#include <stdbool.h>

struct wa_arena;

struct wb_message_parts {	/* NULL and "" are left out */
	const char *id, *wa_id;
	bool out, group, offline;
	const char *chat_jid, *chat_lid, *chat_name;
	const char *sender_jid, *sender_lid;
	const char *push_name;
	const char *kind, *text;
	const char *quoted_id, *quoted_wa_id;
	int64_t ts_ms;
	const char *status, *reason;
	const char *message_class;
	json_t *meta;		/* borrowed */
	json_t *content;	/* borrowed; NULL: only the text */
};
json_t *wb_message_parts_json(const struct wb_message_parts *p);	/* new reference */

struct wb_gateway;
struct db_message;
/* What we know as the name of a chat: a group's subject, our name for a person, else theirs; "" none. In a. */
const char *wb_chat_name(struct wb_gateway *gw, const char *session, const char *chat, struct wa_arena *a);
/* What the stored content of m says, completed by what other tables know (its file); NULL: only the text. */
json_t *wb_message_content(struct wb_gateway *gw, const struct db_message *m);
/* message_marks.c: wb_message_json with what happened to it since: reactions, votes and their tally, answers,
 * comments, edits, pin, keep, revocation. New reference. */
json_t *wb_message_whole(struct wb_gateway *gw, const struct db_message *m);
/* The options, as texts, of a poll's content or of that of a menu which was sent as one. New reference. */
json_t *wb_poll_options(json_t *content);
/* [{"option", "votes", "voters"}] in the poll's order, of what is committed and (NULL allowed) of votes that
 * are not yet, in order: [{"jid", "lid", "options": texts}]. */
json_t *wb_message_tally(struct wb_gateway *gw, const struct db_message *poll, json_t *more);

/* Put a PN and a LID form, of which either may be null, in their places; out: WA_JID_TEXT_MAX. */
void wb_jid_forms(const struct wa_jid *a, const struct wa_jid *b, char jid[WA_JID_TEXT_MAX],
		  char lid[WA_JID_TEXT_MAX]);

#endif
