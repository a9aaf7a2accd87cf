/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SESSION_ACCOUNT_H
#define WB_SESSION_ACCOUNT_H

/*
 * What WhatsApp tells of the account and of people: restrictions, calls,
 * pictures, about texts, blocks, channels.
 */
#include <wa/account.h>
#include <wa/call.h>
#include <wa/newsletter.h>
#include "session.h"

/* {"locked", "kind", "until", "cap": {"status", "total", "used", "from", "until"}}; NULL: nothing
 * restricts it, as far as WhatsApp has told. New reference. */
json_t *wb_session_restriction_json(struct wb_session *s);
/* 0: chats with people who never wrote to us, nor we to them, may begin; else until when they wait
 * (Unix ms). chat: key of the chat. */
int64_t wb_session_first_contact(struct wb_session *s, const char *chat);
/* What is known of a restriction as JSON. */
json_t *wb_restriction_json(const struct wa_restriction *r, int64_t now_ms);

/* Calls that ring now. New reference. */
json_t *wb_session_calls_json(struct wb_session *s);
/* The caller of a call that rings. 1, 0. */
int wb_session_call_find(struct wb_session *s, const char *call, struct wa_jid *ret_caller);
void wb_session_calls_free(struct wb_session *s);

/* Profile of a person (of a group: its picture) as it was seen last: {"about", "about_at",
 * "picture_id", "picture_url", "picture_path", "picture_ms", "picture_media" (id of the file),
 * "business_name", "seen_at"}. who: LID text, or JID without one. NULL: nothing. New reference. */
json_t *wb_profile_known(struct wb_gateway *gw, const char *session, const char *who);
/* Members of `take_changes` replace those of what is known; JSON null removes one. */
void wb_profile_learn(struct wb_tx *tx, const char *session, const char *who, json_t *take_changes);

/* A picture is another one, or gone (""): what was known of the last one is void, its file goes. */
void wb_profile_picture(struct wb_tx *tx, const char *session, const char *who, const char *id);

/* A channel and a message of one as JSON, in REST and in events. New references. */
json_t *wb_channel_json(const struct wa_newsletter *n);
json_t *wb_channel_message_json(const struct wa_newsletter_message *m);

/* session_events.c hands these on. */
void wb_session_on_account(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev);
/* settings.calls */
int wb_calls_setting_check(const json_t *v, struct wa_err *err);

#endif
