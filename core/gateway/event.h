/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_EVENT_H
#define WB_EVENT_H

/*
 * Events and their one JSON form, the same in REST, SSE, WebSocket and webhooks:
 *
 *	{"id": "01K...", "seq": 17, "kind": "message.received", "time": "2026-...Z",
 *	 "session": "shop1", "subject": "01K...", "data": { ... }}
 *
 * `session` and `subject` are left out when empty. `data` by kind:
 *
 * message.*: { "id": ours (ULID), "wa_id": "3EB0...", "direction": "in"|"out",
 *	"chat": PERSON, "sender": PERSON, "group": bool, "kind": "text", "text": "...",
 *	"quoted": {"id": ours or absent, "wa_id": "..."} (when quoting), "push_name",
 *	"timestamp": RFC 3339, "offline": bool, "status", "reason" (failed, cancelled),
 *	"class", "meta": as given with the send }
 *	PERSON: {"jid": "4915...@s.whatsapp.net", "lid": "...@lid", "phone": "+4915..."},
 *	unknown parts are left out.
 *	"content": what it says (core/content/README.md), unless it is only text.
 * message.delivered|read|played also have "device": JID text.
 * message.edited|revoked|reaction|poll_vote|event_answer|pinned|kept|comment name what they are about:
 *	"target": {"id": ours when known, "wa_id"}, and besides: reaction "text" ("" taken back);
 *	poll_vote "options" and "tally": [{"option", "votes", "voters": [PERSON]}]; event_answer
 *	"answer", "guests"; pinned, kept "on". "sealed": true when it could not be opened.
 * menu.answered: the answering message (id "" for a vote) with "menu": {"id", "wa_id"} and
 *	"answer": {"id", "text", "number", "via": "poll"|"text"|"native"}; subject: the menu.
 * chat.timer: "expires_s", 0: off.
 * chat.held|released: "chat": PERSON, "owner" ("human", "flow:SCRIPT/FLOW", "plugin:NAME"), "note", "until_ms".
 * flow.started|ended: "chat": PERSON, "script", "flow", "id", and at the end "reason" (done, cancelled, timeout,
 *	handover, taken, failed, version, script_gone), "step", and "note" of a hand-over. Subject: the flow's id.
 * App state; "own": bool, we did it ourselves. Only what is news is told.
 * chat.archived|pinned|muted|read|cleared|deleted: "chat": PERSON or group, and "archived", "pinned",
 *	"muted" with "muted_until_ms" (-1 for ever), "read".
 * message.starred|deleted: "id", "chat", "starred"; subject: the message.
 * label.updated|deleted: "id", "name", "color", "predefined"; label.assigned|unassigned: "label", "chat", and
 *	for a message "wa_id" and, when it is stored, "message". Subject: the label.
 * quick_reply.updated|deleted: "id", "shortcut", "text". settings.updated: "setting", "value".
 * session.sync: "collection", "ok", and "changes", or "reason" with "final": given up.
 * contact.picture: "contact": PERSON, "picture_id" (null when removed), "removed".
 * contact.devices: "contact": PERSON, who linked a device or removed one.
 * contact.about: "contact", "about" (null: changed, ask for it).
 * account.blocks: "contact", "blocked"; or "reload": true.
 * account.privacy: {} or "default_timer_s".
 * session.restricted: "locked", "kind", "until", "cap": {"status", "total", "used", "from", "until"}.
 * call.*: "id", "caller": PERSON, "video", "group_call", "group", "since", "reason" (at the end).
 * channel.*: "channel": {"id", "name", "description", "link", "role", "muted" ...}; role: "contact",
 *	"role"; counts: "message": {"server_id", "views", "reactions": {code: number}}.
 * group.*: { "group": JID, "by": PERSON, "reason" } and what changed: members_*, join_*: "participants": [PERSON
 *	and role], "self": are we among them; member_label: "participant" with "label"; settings by the names of the
 *	group's document (group.h); created, updated: the whole document; linked, unlinked: "other"; invite_reset:
 *	"code"; picture: "picture_id" (null when removed), "removed". No subject.
 * session.*: { "id", "status", "reason", "since", "jid", "lid", "phone" }; session.qr and
 *	session.code instead { "id", "qr" | "code", "expires" }.
 */
#include <jansson.h>
#include <wa/buf.h>
#include <warbler/plugin.h>

struct wb_event_kind_info {
	const char *kind;
	const char *summary;
};
extern const struct wb_event_kind_info wb_event_kinds[];	/* the gateway's own; ends with kind NULL */

/* The JSON form above, appended to out. */
void wb_event_json(const struct wb_event *ev, struct wa_buf *out);

/* "message.*,order.created": 1 when `kind` matches one of the comma-separated globs.
 * '*' stands for any characters; "" and NULL match everything. */
bool wb_event_match(const char *kinds, const char *kind);

/* PERSON from the forms known (NULL or "" unknown). phone: with or without '+', or NULL
 * (then taken from a phone-number jid). */
json_t *wb_person_json(const char *jid, const char *lid, const char *phone);

/* One allocation, everything inside; free() it. NULL: out of memory. */
struct wb_event *wb_event_dup(const struct wb_event *ev);

#define WB_EVENT_KIND_MAX 64
/* [a-z0-9_]+(.[a-z0-9_]+)* */
bool wb_event_kind_ok(const char *kind);

#endif
