/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_API_INT_H
#define WB_API_INT_H

/* What the handlers share. */
#include "api.h"

#include <base.h>
#include <clock.h>
#include <json.h>
#include <list.h>
#include <map.h>
#include <static.h>
#include <text.h>

#define API_FORM_MAX (1u << 20)	/* of a form beside its file */
#define API_PAGE_DEFAULT 50
#define API_PAGE_MAX 500
#define API_WAIT_MAX_MS 60000
#define API_PICTURE_MAX (16u << 20)	/* body of a picture; WhatsApp gets less */
#define API_IMPORT_MAX (96u << 20)	/* body of an import: base64 of WB_IMPORT_FILE_MAX */
#define API_WAITING_MAX 1000	/* requests that wait for a message; the same for events */

struct wb_api {
	struct wb_gateway *gw;
	struct api_auth_cache *keys;
	struct wa_list waiters;		/* messages.c: POST ?wait= */
	struct wb_sub *waiters_sub;
	struct wa_list polls;		/* events.c: GET ?wait_ms= */
	struct wa_list streams;		/* stream.c */
	struct wb_ws_listener *ws;
	struct wb_static *docs;		/* openapi.yaml, with ETag and gzip */
	struct wb_timer *timer;		/* deadlines of waiters and long polls */
	struct wa_map idem_busy;	/* idem.c: key's id, NUL, Idempotency-Key, of what is under way */
	struct wa_list idem_held;
};

/* Who asks; lives with the request. id: of its API key, or what asks from inside the process:
 * "plugin:<name>", "script:<name>". */
#define API_WHO_MAX 96
struct api_auth {
	char id[API_WHO_MAX];
	char scopes[512];
	struct api_held *held;	/* idem.c: of its Idempotency-Key; NULL: none */
};
const struct api_auth *api_auth(struct wb_req *req);

/* auth.c */
bool api_before(struct wb_req *req, const struct wb_route *route, void *ctx);
/* 1 and the key's owner, 0 unknown or revoked, <0. */
int api_key_check(struct wb_api *api, const char *key, struct api_auth *ret_auth);
void api_keys_forget(struct wb_api *api);	/* after a revocation */
const char *api_bearer(const char *authorization);	/* what follows "Bearer "; NULL: not that */
void api_keys_free(struct wb_api *api);

/* request.c */
/* ?limit=, 1..API_PAGE_MAX; false: answered. */
bool api_limit(struct wb_req *req, size_t *ret_limit);
/* What wb_json_unpack found, as a 422. */
void api_refuse_json(struct wb_req *req, const json_error_t *je);
/* An integer query parameter within [min, max]; absent: fallback. False: answered. */
bool api_query_int(struct wb_req *req, const char *name, int64_t min, int64_t max, int64_t fallback,
		   int64_t *ret);
/* "<ms>.<text>" page cursors. text buffer of `size`. False: answered. */
bool api_page(struct wb_req *req, int64_t *ret_ms, char *text, size_t size);
json_t *api_page_next(int64_t ms, const char *text);
/* Body as an object; false: answered. A missing body is {} when `optional`. */
bool api_body(struct wb_req *req, bool optional, json_t **ret_doc);
void api_put_time(json_t *o, const char *key, int64_t ms);	/* RFC 3339; 0: null */
void api_put_text(json_t *o, const char *key, const char *text);	/* "" and NULL: left out */
/* The session of {id} or of `id`; NULL: answered 404. */
struct wb_session *api_session(struct wb_api *api, struct wb_req *req, const char *id);

/* idem.c: Idempotency-Key. Every POST is guarded by the hook before it; handlers whose work is one
 * transaction store the answer with it. */
struct api_idem {
	char key[256];
	uint8_t request[32];	/* hash of method, path and body */
	bool has;
};
/* Before any handler, once `auth` is known. False: answered (a repeat gets the first answer, another
 * request and one whose first is still under way 409). */
bool api_idem_guard(struct wb_api *api, struct wb_req *req, struct api_auth *auth);
/* The handler stores the answer itself, with api_idem_put(). Always true. Begin: in one transaction,
 * right away. Hold: after WhatsApp was asked; until then a repeat is told that it is under way. */
bool api_idem_hold(struct wb_api *api, struct wb_req *req, struct api_idem *ret_idem);
bool api_idem_begin(struct wb_api *api, struct wb_req *req, struct api_idem *ret_idem);
/* Stores the answer with the work. When two equal requests come at the same time the
 * later batch fails with WA_EDUP: api_reply_done answers it as the first one was. */
void api_idem_put(struct wb_api *api, struct wb_req *req, const struct api_idem *idem,
		  struct db_batch *b, int status, json_t *body);
/* Answers as the first request was; false: there is no such answer (nothing replied). */
bool api_idem_replay(struct wb_api *api, struct wb_req *req, const struct api_idem *idem);
void api_idem_close(struct wb_api *api);	/* the API goes; answers under way are given, not kept */

/* An answer that waits for a commit: `done` of transactions, ctx = this. */
struct api_reply {
	struct wb_api *api;
	struct wb_req *req;
	json_t *body;		/* NULL: made by `make`, or empty */
	int status;
	char id[DB_SESSION_ID_MAX + 1];
	struct api_idem idem;	/* of api_idem_begin; zero: none */
	json_t *(*make)(struct wb_api *api, const char *id);	/* after the commit; NULL result: 404 */
};
/* Takes body. NULL: answered 500. */
struct api_reply *api_reply_new(struct wb_api *api, struct wb_req *req, int status, json_t *take_body);
wb_tx_fn api_reply_done;

/* ---- messages: message_read.c, messages.c ---- */
#define API_MENTIONS_MAX WB_OUTBOX_MENTIONS_MAX
struct api_new {
	struct wb_outbox_new m;
	const char *mentions[API_MENTIONS_MAX];
	json_t *content;	/* ours to give up; NULL: only text */
	json_t *album;		/* contents of its pictures and films, borrowed; NULL: no album */
};
/* The document of POST /v1/messages; false: answered (n->content is to be given up all the same). */
bool api_read_message(struct wb_req *req, json_t *doc, struct api_new *n);
/* A recipient in any spelling; false: answered. */
bool api_recipient(struct wb_req *req, const char *to, const char *country, const char **ret_to);
/* Into the outbox, with Idempotency-Key and ?wait=, and answered. */
void api_send(struct wb_req *req, struct wb_api *api, struct wb_outbox_new *m, json_t *album);
/* message_album.c: all of an album into tx. ret_id: of the message in front of them. */
int api_album_add(struct wb_tx *tx, const struct wb_outbox_new *m, json_t *items, char ret_id[DB_ID_LEN + 1],
		  struct wa_err *err) WA_MUST_USE;
bool api_send_busy(struct wb_req *req, struct wb_api *api);	/* true: answered 429 */

/* ---- ask.c: requests that ask WhatsApp ----
 *
 *	struct wa_client *c = api_client(api, req, &s);      NULL: answered 404 or 409
 *	struct api_reply *p = api_reply_new(api, req, 204, NULL);
 *	if (p)
 *		api_ask_begun(p, wa_client_block(c, &jid, true, api_ask_done, p, &err), &err);
 */
struct wa_client *api_client(struct wb_api *api, struct wb_req *req, struct wb_session **ret_s);
/* A command that could not start (r < 0) is answered here and p freed; true: it is under way. */
bool api_ask_begun(struct api_reply *p, int r, const struct wa_err *err);
/* A wa_done_fn with ctx = struct api_reply: p's status and body, or the problem. Frees p. */
void api_ask_done(void *p, int code, const char *text);
/* The answer to code != 0 of any command's callback: WhatsApp's refusals keep their meaning
 * (403 denied, 404 not_found, 406 invalid, 409 conflict, 429 rate_limited), else 502. Frees p. */
void api_ask_failed(struct api_reply *p, int code, const char *text);

/* Handlers by file. */
#define API_HANDLER(name) void name(struct wb_req *req, void *ctx)
API_HANDLER(api_sessions_list);
API_HANDLER(api_sessions_create);
API_HANDLER(api_session_get);
API_HANDLER(api_session_patch);
API_HANDLER(api_session_delete);
API_HANDLER(api_session_start);
API_HANDLER(api_session_stop);
API_HANDLER(api_session_restart);
API_HANDLER(api_session_logout);
API_HANDLER(api_session_qr);
API_HANDLER(api_session_code);
API_HANDLER(api_session_pacing);
API_HANDLER(api_history_get);
API_HANDLER(api_chat_history);
API_HANDLER(api_passkey_get);
API_HANDLER(api_passkey_put);
API_HANDLER(api_passkey_confirm);
API_HANDLER(api_session_check);
API_HANDLER(api_session_presence);
API_HANDLER(api_session_export);
API_HANDLER(api_session_import);
API_HANDLER(api_session_rotate);
API_HANDLER(api_messages_send);
API_HANDLER(api_messages_list);
API_HANDLER(api_message_get);
API_HANDLER(api_message_cancel);
API_HANDLER(api_message_trace);
API_HANDLER(api_message_edit);
API_HANDLER(api_message_revoke);
API_HANDLER(api_message_react);
API_HANDLER(api_message_vote);
API_HANDLER(api_message_answer);
API_HANDLER(api_message_pin);
API_HANDLER(api_message_keep);
API_HANDLER(api_message_comment);
API_HANDLER(api_message_forward);
API_HANDLER(api_message_raw);
API_HANDLER(api_chat_timer);
API_HANDLER(api_statuses_list);
API_HANDLER(api_status_post);
API_HANDLER(api_status_view);
API_HANDLER(api_chats_list);
API_HANDLER(api_chat_get);
API_HANDLER(api_chat_read);
API_HANDLER(api_chat_state);
API_HANDLER(api_chat_patch);
API_HANDLER(api_chat_delete);
API_HANDLER(api_chat_clear);
API_HANDLER(api_message_star);
API_HANDLER(api_message_unstar);
API_HANDLER(api_contact_put);
API_HANDLER(api_contact_delete);
API_HANDLER(api_labels_list);
API_HANDLER(api_label_create);
API_HANDLER(api_label_put);
API_HANDLER(api_label_delete);
API_HANDLER(api_label_uses);
API_HANDLER(api_label_chat_put);
API_HANDLER(api_label_chat_delete);
API_HANDLER(api_label_message_put);
API_HANDLER(api_label_message_delete);
API_HANDLER(api_quick_replies_list);
API_HANDLER(api_quick_reply_create);
API_HANDLER(api_quick_reply_put);
API_HANDLER(api_quick_reply_delete);
API_HANDLER(api_app_settings);
API_HANDLER(api_app_settings_patch);
API_HANDLER(api_sync_get);
API_HANDLER(api_sync_start);
API_HANDLER(api_message_delete_for_me);	/* DELETE of a message with ?for=me */
API_HANDLER(api_hold_get);
API_HANDLER(api_hold_put);
API_HANDLER(api_hold_delete);
API_HANDLER(api_scripts_list);
API_HANDLER(api_script_get);
API_HANDLER(api_script_patch);
API_HANDLER(api_script_delete);
API_HANDLER(api_script_source);
API_HANDLER(api_script_put);
API_HANDLER(api_script_check);
API_HANDLER(api_script_reload);
API_HANDLER(api_script_log);
API_HANDLER(api_flows_list);
API_HANDLER(api_flow_delete);
API_HANDLER(api_flow_handover);
API_HANDLER(api_contacts_list);
API_HANDLER(api_contact_get);
API_HANDLER(api_contact_consent);
API_HANDLER(api_groups_list);
API_HANDLER(api_group_create);
API_HANDLER(api_group_get);
API_HANDLER(api_group_patch);
API_HANDLER(api_group_leave);
API_HANDLER(api_group_participants);
API_HANDLER(api_group_requests);
API_HANDLER(api_group_answer_requests);
API_HANDLER(api_group_label);
API_HANDLER(api_group_invite);
API_HANDLER(api_group_invite_reset);
API_HANDLER(api_group_invite_revoke);
API_HANDLER(api_group_preview);
API_HANDLER(api_group_join);
API_HANDLER(api_community_groups);
API_HANDLER(api_community_members);
API_HANDLER(api_community_link);
API_HANDLER(api_community_unlink);
API_HANDLER(api_community_end);
API_HANDLER(api_profile_get);
API_HANDLER(api_profile_patch);
API_HANDLER(api_group_picture);
API_HANDLER(api_group_picture_put);
API_HANDLER(api_group_picture_delete);
API_HANDLER(api_picture_put);
API_HANDLER(api_picture_delete);
API_HANDLER(api_link_get);
API_HANDLER(api_link_renew);
API_HANDLER(api_link_resolve);
API_HANDLER(api_business_patch);
API_HANDLER(api_product_create);
API_HANDLER(api_product_patch);
API_HANDLER(api_product_delete);
API_HANDLER(api_order_get);
API_HANDLER(api_check_many);
API_HANDLER(api_blocks_list);
API_HANDLER(api_block_put);
API_HANDLER(api_block_delete);
API_HANDLER(api_privacy_get);
API_HANDLER(api_privacy_patch);
API_HANDLER(api_status_audience);
API_HANDLER(api_default_timer);
API_HANDLER(api_lid_get);
API_HANDLER(api_restriction_get);
API_HANDLER(api_calls_list);
API_HANDLER(api_call_reject);
API_HANDLER(api_call_link);
API_HANDLER(api_contact_profile);
API_HANDLER(api_contact_about);
API_HANDLER(api_contact_picture);
API_HANDLER(api_contact_business);
API_HANDLER(api_contact_catalog);
API_HANDLER(api_contact_collections);
API_HANDLER(api_channels_list);
API_HANDLER(api_channel_create);
API_HANDLER(api_channels_search);
API_HANDLER(api_channels_invite);
API_HANDLER(api_channel_get);
API_HANDLER(api_channel_patch);
API_HANDLER(api_channel_delete);
API_HANDLER(api_channel_follow);
API_HANDLER(api_channel_unfollow);
API_HANDLER(api_channel_mute);
API_HANDLER(api_channel_unmute);
API_HANDLER(api_channel_role);
API_HANDLER(api_channel_messages);
API_HANDLER(api_channel_react);
API_HANDLER(api_channel_viewed);
API_HANDLER(api_channel_live);
API_HANDLER(api_events_list);
API_HANDLER(api_events_sse);
API_HANDLER(api_event_kinds);
API_HANDLER(api_keys_list);
API_HANDLER(api_keys_create);
API_HANDLER(api_key_revoke);
API_HANDLER(api_media_post);
API_HANDLER(api_media_list);
API_HANDLER(api_media_get);
API_HANDLER(api_media_delete);
API_HANDLER(api_media_convert);
API_HANDLER(api_healthz);
API_HANDLER(api_readyz);
API_HANDLER(api_metrics);
API_HANDLER(api_hosts);
API_HANDLER(api_plugins);
API_HANDLER(api_plugin_get);
API_HANDLER(api_plugin_load);
API_HANDLER(api_plugin_unload);
API_HANDLER(api_plugin_reload);
API_HANDLER(api_openapi);

/* media.c */
struct wb_media_info;
/* The bytes of a file as the answer. lasting: the address always means this file. */
void api_media_send(struct wb_req *req, struct wb_api *api, const char *id, bool lasting);
json_t *api_media_json(const struct wb_media_info *i);

/* system.c */
int api_docs_new(struct wb_api *api) WA_MUST_USE;

/* stream.c */
int api_stream_listen(struct wb_api *api, struct wa_err *err) WA_MUST_USE;
void api_streams_close(struct wb_api *api);
void api_streams_revoke(struct wb_api *api, const char *key_id);	/* those of one API key */
/* messages.c */
void api_waiters_close(struct wb_api *api);
void api_polls_close(struct wb_api *api);	/* all are answered */

#endif
