/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_SYNC_H
#define WA_SYNC_H

/*
 * App state: what WhatsApp keeps in step between the phone and its linked
 * devices apart from messages. Archive, pin, mute, labels, contacts, stars,
 * settings …
 *
 * Five collections, each a map from an index (a JSON array of texts, such as
 * ["archive","123@s.whatsapp.net"]) to a value (SyncActionValue). The server
 * keeps them encrypted and numbered; the keys come from the phone. Every MAC
 * is verified always: of each value, of each patch, of the whole collection.
 *
 * Source: protocol 1.22, from whatsmeow and Baileys.
 *
 * In: WA_EV_SYNC for every changed entry, once it is verified; the same entry
 * may be told again after a crash or a fresh start, and always has the newest
 * value: store it, do not count it. WA_EV_SYNC_DONE when a collection is up to
 * date, WA_EV_SYNC_ERROR when it cannot be read.
 *
 * Out: wa_client_sync_change. Other devices of the account, and this one, see
 * the change after the server took it; this one through WA_EV_SYNC as well,
 * before the done function is called.
 */
#include "client.h"

#ifdef __cplusplus
extern "C" {
#endif

enum wa_sync_collection {		/* in the order of the first sync */
	WA_SYNC_CRITICAL_BLOCK,
	WA_SYNC_CRITICAL_UNBLOCK_LOW,
	WA_SYNC_REGULAR_HIGH,
	WA_SYNC_REGULAR,
	WA_SYNC_REGULAR_LOW,
	WA_SYNC_COLLECTIONS
};
WA_API const char *wa_sync_collection_str(int collection);	/* "critical_block" */
WA_API int wa_sync_collection_find(struct wa_span name);	/* -1: no such */

/*
 * What an entry is about; the fields of struct wa_sync_action it uses. Where
 * nothing else is said: chat and on. The words are those of the index.
 */
enum wa_sync_kind {
	WA_SYNC_OTHER,			/* not modelled: index and value */
	WA_SYNC_ARCHIVE,		/* archive: range. Archiving also unpins */
	WA_SYNC_PIN,			/* pin_v1 */
	WA_SYNC_MUTE,			/* mute: until_ms */
	WA_SYNC_READ,			/* markChatAsRead: on = read, range */
	WA_SYNC_STAR,			/* star: a message */
	WA_SYNC_DELETE_FOR_ME,		/* deleteMessageForMe: a message; delete_media, message_ms */
	WA_SYNC_CLEAR_CHAT,		/* clearChat: delete_starred, delete_media, range */
	WA_SYNC_DELETE_CHAT,		/* deleteChat: delete_media, range */
	WA_SYNC_CONTACT,		/* contact: name, first_name, lid, pn, on = save on the phone */
	WA_SYNC_LID_CONTACT,		/* lid_contact: name, first_name; chat is the LID */
	WA_SYNC_LABEL_EDIT,		/* label_edit: label, name, color, number = predefined id; on = it exists */
	WA_SYNC_LABEL_CHAT,		/* label_jid: label, chat */
	WA_SYNC_LABEL_MESSAGE,		/* label_message: label, chat, id */
	WA_SYNC_QUICK_REPLY,		/* quick_reply: label = its id, name = shortcut, text; on = it exists */
	WA_SYNC_PUSH_NAME,		/* setting_pushName: name */
	WA_SYNC_UNARCHIVE,		/* setting_unarchiveChats: on = a new message unarchives */
	WA_SYNC_NO_LINK_PREVIEWS,	/* setting_disableLinkPreviews: on = disabled */
	WA_SYNC_LOCALE,			/* setting_locale: text */
	WA_SYNC_TIME_FORMAT,		/* time_format: on = 24 hours */
	WA_SYNC_RELAY_CALLS,		/* setting_relayAllCalls: on */
	WA_SYNC_LOCK,			/* lock */
	WA_SYNC_STATUS_MUTE,		/* userStatusMute */
	WA_SYNC_PN_FOR_LID,		/* pnForLidChat: chat = LID, pn */
	WA_SYNC_NCT_SALT,		/* nct_salt_sync: libwa keeps the salt; nothing for the host */
	WA_SYNC_KINDS
};
WA_API const char *wa_sync_kind_str(int kind);		/* "archive"; our words, stable */

#define WA_SYNC_RANGE_MAX 5

/* The newest messages of a chat as the author of a change knows them: the phone decides by it
 * whether the change still applies. Empty: nothing known, the phone takes the change as it is. */
struct wa_sync_key {
	struct wa_jid sender;		/* author; needed in groups when not from_me */
	const char *id;
	bool from_me;
	int64_t timestamp_ms;
};
struct wa_sync_range {
	int64_t last_ms, last_system_ms;
	struct wa_sync_key messages[WA_SYNC_RANGE_MAX];
	size_t n;
};

struct wa_sync_action {
	int kind;			/* enum wa_sync_kind */
	bool on;
	struct wa_jid chat;
	/* STAR, DELETE_FOR_ME, LABEL_MESSAGE: the message */
	const char *id;
	bool from_me;
	struct wa_jid sender;		/* author of a group message that is not ours; else null */
	int64_t message_ms;		/* DELETE_FOR_ME: when it was sent, 0 not known */
	bool delete_media, delete_starred;
	int64_t until_ms;		/* MUTE: Unix ms, -1 for ever; 0 with on false */
	const char *label;		/* id of a label or quick reply; decimal by custom */
	const char *name, *first_name, *text;
	struct wa_jid lid, pn;
	int color, number;		/* LABEL_EDIT: 0..19 */
	struct wa_sync_range range;
	/* OTHER, and filled for every entry that comes in */
	int collection;			/* enum wa_sync_collection; out: looked at for OTHER only */
	const char *index;		/* JSON array text */
	struct wa_span value;		/* SyncActionValue, serialized */
	int version;			/* of the action */
	bool remove;			/* take the entry out; in: it was taken out, value is what it was */
	int64_t timestamp_ms;		/* when it was done; out: 0 = now */
};

struct wa_sync_event {			/* WA_EV_SYNC; lives as long as the event */
	struct wa_sync_action action;
	bool snapshot;			/* from a first or repeated full read, not a change just made */
	bool own;			/* our own change, confirmed by the server */
};

/* A collection as it stands: for display. */
struct wa_sync_status {
	uint64_t version;
	bool known;			/* read at least once */
	bool busy;			/* questions or work under way */
	bool parked;			/* waits for a key from the phone */
	bool broken;			/* given up until it is asked for again */
	int64_t synced_ms;		/* Unix; 0 never */
};

/*
 * Change entries, all or none of each collection, in order. Ends in done: 0
 * when the server has all of them; > 0 the server's refusal; WA_ESTATE: no key
 * has come from the phone yet, or the connection went; WA_ECONFLICT: other
 * devices were faster every time; WA_EPROTO/WA_ECRYPTO: the collection cannot
 * be read. A change whose connection went may or may not be in effect: the
 * next sync tells. Everything is copied. WA_EINVALID: a field is missing.
 */
#define WA_SYNC_CHANGES_MAX 256
#define WA_SYNC_QUEUE_MAX 1024		/* changes accepted and not yet answered */
WA_API int wa_client_sync_change(struct wa_client *c, const struct wa_sync_action *actions, size_t n,
				 wa_done_fn *done, void *arg, struct wa_err *err) WA_MUST_USE;

/* Fetch what is new of a collection (-1: of all). full: read it from scratch, also when it is
 * broken. done after the last of them, perhaps never while a key is missing: NULL allowed. */
WA_API int wa_client_sync_fetch(struct wa_client *c, int collection, bool full, wa_done_fn *done, void *arg,
				struct wa_err *err) WA_MUST_USE;

/* Tell the phone that a collection is beyond repair: it starts app state anew and UNLINKS ALL
 * companions, this one too. libwa never does so by itself. */
WA_API int wa_client_sync_fatal(struct wa_client *c, int collection, struct wa_err *err) WA_MUST_USE;

/* From memory and records; asks nobody, works without a connection. */
WA_API int wa_client_sync_status(struct wa_client *c, int collection, struct wa_sync_status *ret_s,
				 struct wa_err *err) WA_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
