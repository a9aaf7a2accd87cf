/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <base.h>
#include <clock.h>
#include "event.h"

const struct wb_event_kind_info wb_event_kinds[] = {
	{ "message.received", "a message came in" },
	{ "message.own", "a message of ours that another device of the account sent" },
	{ "message.sent", "the server accepted a message of ours" },
	{ "message.delivered", "a device of the recipient has it" },
	{ "message.read", "the recipient has read it" },
	{ "message.played", "the recipient has played it" },
	{ "message.failed", "it will not be sent; see reason" },
	{ "message.cancelled", "it was taken out of the outbox" },
	{ "message.retried", "it was encrypted anew for a device that could not read it" },
	{ "message.edited", "a message was changed by its sender" },
	{ "message.revoked", "a message was deleted for everyone by its sender" },
	{ "message.reaction", "someone reacted to a message" },
	{ "message.poll_vote", "someone voted in a poll, changed the vote or took it back" },
	{ "message.event_answer", "someone said whether they come to an event" },
	{ "message.comment", "someone commented on a message" },
	{ "message.pinned", "a message was pinned in its chat, or is not any more" },
	{ "message.kept", "a message was kept from disappearing, or is not any more" },
	{ "menu.answered", "someone chose an option of a menu of ours, in whatever way it was shown" },
	{ "chat.timer", "the disappearing timer of a chat changed" },
	{ "history.progress", "a part of what was before linking came, failed or is missing" },
	{ "history.done", "all of what was before linking is stored" },
	{ "message.undecryptable", "a message could not be decrypted (yet)" },
	{ "session.created", "a session was made" },
	{ "session.status", "a session's state changed" },
	{ "session.qr", "a QR code to scan" },
	{ "session.code", "a code to type on the phone" },
	{ "session.devices", "a device of the account was linked, or removed by the phone" },
	{ "session.passkey", "linking demands a passkey, a code to compare, or it failed" },
	{ "session.paired", "a session was linked to a number" },
	{ "session.pair_error", "linking failed" },
	{ "session.backlog", "what had waited while we were away has arrived" },
	{ "session.deleted", "a session and its data were deleted" },
	{ "contact.updated", "a contact's name or forms became known" },
	{ "contact.identity", "a contact's identity key changed (a new phone)" },
	{ "contact.devices", "a contact linked a device or removed one" },
	{ "contact.presence", "a contact came online or went" },
	{ "chat.typing", "a contact is typing, recording, or stopped" },
	{ "chat.held", "somebody took a conversation: a person, a flow, a plugin" },
	{ "chat.released", "a conversation is free again for automatic answers" },
	{ "flow.started", "a flow of a script began a conversation" },
	{ "flow.ended", "a flow is over: done, cancelled, timed out, handed over, failed" },
	{ "chat.read", "a chat was marked as read, or as unread" },
	{ "chat.archived", "a chat was archived, or taken back" },
	{ "chat.pinned", "a chat was pinned, or is not any more" },
	{ "chat.muted", "a chat was muted, or is not any more" },
	{ "chat.cleared", "the messages of a chat were deleted on our own devices" },
	{ "chat.deleted", "a chat was deleted on our own devices" },
	{ "message.starred", "a message was starred, or is not any more" },
	{ "message.deleted", "a message was deleted on our own devices" },
	{ "label.updated", "a label was made or changed" },
	{ "label.deleted", "a label is gone" },
	{ "label.assigned", "a chat or message got a label" },
	{ "label.unassigned", "a chat or message lost a label" },
	{ "quick_reply.updated", "a quick reply was made or changed" },
	{ "quick_reply.deleted", "a quick reply is gone" },
	{ "settings.updated", "a setting of the account changed" },
	{ "session.sync", "a part of the app state is up to date, or cannot be read" },
	{ "group.created", "a group was made, or we were added to one" },
	{ "group.updated", "what is known of a group changed" },
	{ "group.members_added", "people joined a group" },
	{ "group.members_removed", "people were removed from a group" },
	{ "group.members_left", "people left a group" },
	{ "group.members_promoted", "members became administrators" },
	{ "group.members_demoted", "administrators became members" },
	{ "group.member_changed_number", "a member has a new number" },
	{ "group.member_label", "a member changed their label" },
	{ "group.subject", "a group's subject changed" },
	{ "group.description", "a group's description changed" },
	{ "group.picture", "a group's picture changed" },
	{ "group.announce", "who may write changed" },
	{ "group.locked", "who may edit the group's face changed" },
	{ "group.ephemeral", "a group's disappearing timer changed" },
	{ "group.add_mode", "who may add members changed" },
	{ "group.approval", "whether joins need approval changed" },
	{ "group.invite_reset", "a group's invite link was made anew" },
	{ "group.join_requested", "somebody asks to join" },
	{ "group.join_request_ended", "a request to join was withdrawn or rejected" },
	{ "group.linked", "a group and a community belong together now" },
	{ "group.unlinked", "a group and a community do not belong together any more" },
	{ "group.deleted", "a group or community ended" },
	{ "group.suspended", "a group was suspended, or is not any more" },
	{ "contact.picture", "a contact's picture, or our own, changed" },
	{ "contact.about", "a contact's about text, or our own, changed" },
	{ "account.blocks", "somebody was blocked or not any more" },
	{ "account.privacy", "a privacy setting was changed on another device" },
	{ "session.restricted", "WhatsApp restricts the account, or not any more" },
	{ "call.offer", "somebody calls" },
	{ "call.accepted", "another device of ours took a call" },
	{ "call.rejected", "a call was refused" },
	{ "call.terminated", "a call that was taken or refused is over" },
	{ "call.missed", "a call ended and nobody took it" },
	{ "channel.updated", "a channel's name, description or state changed" },
	{ "channel.followed", "the account follows a channel" },
	{ "channel.unfollowed", "the account does not follow a channel any more" },
	{ "channel.muted", "a channel was muted or not any more" },
	{ "channel.role", "somebody has another role in a channel" },
	{ "channel.counts", "views or reactions of a channel's message changed" },
	{ "consent.changed", "a person opted out or in" },
	{ NULL, NULL },
};

static void put_json_text(struct wa_buf *out, const char *s)
{
	static const char hex[] = "0123456789abcdef";

	wa_buf_u8(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			wa_buf_u8(out, '\\');
			wa_buf_u8(out, c);
		} else if (c < 0x20) {
			wa_buf_str(out, "\\u00");
			wa_buf_u8(out, (uint8_t)hex[c >> 4]);
			wa_buf_u8(out, (uint8_t)hex[c & 15]);
		} else {
			wa_buf_u8(out, c);
		}
	}
	wa_buf_u8(out, '"');
}

void wb_event_json(const struct wb_event *ev, struct wa_buf *out)
{
	char time[WA_TIME_TEXT];

	wa_time_format(ev->ts_ms, time);
	wa_buf_fmt(out, "{\"id\":\"%s\",\"seq\":%lld,\"kind\":\"%s\",\"time\":\"%s\"", ev->id,
		   (long long)ev->seq, ev->kind, time);
	if (*ev->session) {
		wa_buf_str(out, ",\"session\":");
		put_json_text(out, ev->session);
	}
	if (*ev->subject) {
		wa_buf_str(out, ",\"subject\":");
		put_json_text(out, ev->subject);
	}
	wa_buf_str(out, ",\"data\":");
	if (ev->json.len)
		wa_buf_put(out, ev->json.ptr, ev->json.len);
	else
		wa_buf_str(out, "{}");
	wa_buf_u8(out, '}');
}

/* glob [p, e) against s */
static bool glob(const char *p, const char *e, const char *s)
{
	for (; p < e; p++, s++) {
		if (*p == '*') {
			do {
				if (glob(p + 1, e, s))
					return true;
			} while (*s++);
			return false;
		}
		if (*p != *s)
			return false;
	}
	return !*s;
}

bool wb_event_match(const char *kinds, const char *kind)
{
	const char *p = kinds;

	if (!p || !*p)
		return true;
	while (*p) {
		size_t n;

		p += strspn(p, ", ");
		n = strcspn(p, ", ");
		if (n && glob(p, p + n, kind))
			return true;
		p += n;
	}
	return false;
}

json_t *wb_person_json(const char *jid, const char *lid, const char *phone)
{
	json_t *o = json_object();
	const char *at = jid ? strstr(jid, "@s.whatsapp.net") : NULL;
	char buf[40];

	if (jid && *jid)
		json_object_set_new(o, "jid", json_string(jid));
	if (lid && *lid)
		json_object_set_new(o, "lid", json_string(lid));
	if (phone && *phone) {
		snprintf(buf, sizeof(buf), "%s%s", *phone == '+' ? "" : "+", phone);
		json_object_set_new(o, "phone", json_string(buf));
	} else if (at && at > jid && strcspn(jid, ":") > (size_t)(at - jid)) {
		snprintf(buf, sizeof(buf), "+%.*s", (int)(at - jid), jid);
		json_object_set_new(o, "phone", json_string(buf));
	}
	return o;
}

static char *place(char **p, const char *s)
{
	size_t n = strlen(s) + 1;
	char *at = *p;

	memcpy(at, s, n);
	*p += n;
	return at;
}

struct wb_event *wb_event_dup(const struct wb_event *ev)
{
	size_t n = sizeof(*ev) + strlen(ev->id) + strlen(ev->kind) + strlen(ev->session) +
		   strlen(ev->subject) + ev->json.len + 5;
	struct wb_event *e = malloc(n);
	char *p;

	if (!e)
		return NULL;
	p = (char *)(e + 1);
	*e = *ev;
	e->size = sizeof(*e);
	e->id = place(&p, ev->id);
	e->kind = place(&p, ev->kind);
	e->session = place(&p, ev->session);
	e->subject = place(&p, ev->subject);
	if (ev->json.len)
		memcpy(p, ev->json.ptr, ev->json.len);
	p[ev->json.len] = 0;
	e->json = (struct wb_str){ p, ev->json.len };
	return e;
}

bool wb_event_kind_ok(const char *kind)
{
	size_t n = strlen(kind);

	if (n == 0 || n > WB_EVENT_KIND_MAX || kind[0] == '.' || kind[n - 1] == '.' ||
	    strstr(kind, ".."))
		return false;
	return strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789_.") == n;
}
