/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From protobuf to struct wa_message: unwrap, then say what it is. */
#include "message_kinds.h"
#include "pb.h"

#include <wa/message.h>

#include <base.h>
#include <text.h>

#include "message.pb-c.h"

#define WRAP_MAX               8 /* messages inside of each other */
#define TYPE_REVOKE            0
#define TYPE_EPHEMERAL_SETTING 3
#define TYPE_EDIT              14

struct decoder {
	struct wa_arena *a;
	struct wa_message *m;
	struct wa_err *err;
};

static int too_much(const struct decoder *d)
{
	if (wa_arena_failed(d->a))
		return wa_err_set(d->err, WA_ELIMIT, "message does not fit into its arena");
	return wa_err_set(d->err, WA_EPROTO, "message is malformed");
}

/* Valid UTF-8 of at most WA_TEXT_MAX bytes; each byte that fits nowhere becomes U+FFFD. */
static struct wa_span text_of(struct decoder *d, ProtobufCBinaryData b)
{
	struct wa_span s = wa_pb_span(b);
	struct wa_buf fixed;
	size_t i = 0;

	if (wa_utf8_valid(s)) {
		s.len = wa_utf8_clip(s, WA_TEXT_MAX);
		return s;
	}
	wa_buf_init(&fixed, WA_TEXT_MAX);
	while (i < s.len && !fixed.failed) {
		size_t n = 1, left = s.len - i;

		while (n <= 4 && n <= left && !wa_utf8_valid(wa_span(s.ptr + i, n)))
			n++;
		if (n <= 4 && n <= left) {
			wa_buf_put(&fixed, s.ptr + i, n);
			i += n;
		} else {
			wa_buf_str(&fixed, "\xef\xbf\xbd");
			i++;
		}
	}
	s = wa_span(wa_arena_dup(d->a, fixed.ptr, fixed.len), fixed.len);
	wa_buf_clear(&fixed);
	return s.ptr ? s : wa_span(NULL, 0);
}

static struct wa_jid jid_of(ProtobufCBinaryData b)
{
	struct wa_jid j;

	if (b.len == 0 || wa_jid_parse(wa_pb_span(b), &j, NULL))
		return (struct wa_jid){ 0 };
	return j;
}

static const Wa__Message *unpack(struct decoder *d, ProtobufCBinaryData b)
{
	return wa_pb_unpack(&wa__message__descriptor, wa_pb_span(b), d->a);
}

/* ---- what kind of message, and its text ---- */

/* What an unwrapped message says, for kinds that carry words and a context. */
struct content {
	const char *name; /* NULL: none of these kinds */
	const ProtobufCBinaryData *text;
	const Wa__ContextInfo *context;
	bool view_once;
};

static struct content media_content(const Wa__Message *msg)
{
	const Wa__Message__VideoMessage *video = msg->videomessage;
	const char *name = "videoMessage";

	if (!video && msg->ptvmessage) {
		video = msg->ptvmessage;
		name = "ptvMessage";
	}
	if (video)
		return (struct content){ name, &video->caption, video->contextinfo,
					 video->viewonce };
	if (msg->imagemessage)
		return (struct content){ "imageMessage", &msg->imagemessage->caption,
					 msg->imagemessage->contextinfo,
					 msg->imagemessage->viewonce };
	if (msg->audiomessage)
		return (struct content){ "audioMessage", NULL, msg->audiomessage->contextinfo,
					 msg->audiomessage->viewonce };
	if (msg->documentmessage) {
		const Wa__Message__DocumentMessage *doc = msg->documentmessage;

		return (struct content){ "documentMessage",
					 doc->has_caption ? &doc->caption : &doc->filename,
					 doc->contextinfo, false };
	}
	if (msg->stickermessage)
		return (struct content){ "stickerMessage", NULL, msg->stickermessage->contextinfo,
					 false };
	return (struct content){ 0 };
}

static struct content poll_content(const Wa__Message *msg)
{
	const struct {
		const Wa__Message__PollCreationMessage *poll;
		const char *name;
	} polls[] = {
		{ msg->pollcreationmessage, "pollCreationMessage" },
		{ msg->pollcreationmessagev2, "pollCreationMessageV2" },
		{ msg->pollcreationmessagev3, "pollCreationMessageV3" },
	};

	for (size_t i = 0; i < WA_ARRAY_LEN(polls); i++)
		if (polls[i].poll)
			return (struct content){ polls[i].name, &polls[i].poll->name,
						 polls[i].poll->contextinfo, false };
	return (struct content){ 0 };
}

static struct content other_content(const Wa__Message *msg)
{
	struct content c = media_content(msg);

	if (c.name)
		return c;
	c = poll_content(msg);
	if (c.name)
		return c;
	if (msg->contactmessage)
		return (struct content){ "contactMessage", &msg->contactmessage->displayname,
					 msg->contactmessage->contextinfo, false };
	if (msg->locationmessage)
		return (struct content){ "locationMessage",
					 msg->locationmessage->has_name
						 ? &msg->locationmessage->name
						 : &msg->locationmessage->address,
					 msg->locationmessage->contextinfo, false };
	if (msg->eventmessage)
		return (struct content){ "eventMessage", &msg->eventmessage->name,
					 msg->eventmessage->contextinfo, false };
	if (msg->buttonsresponsemessage)
		return (struct content){ "buttonsResponseMessage",
					 &msg->buttonsresponsemessage->selecteddisplaytext,
					 msg->buttonsresponsemessage->contextinfo, false };
	if (msg->templatebuttonreplymessage)
		return (struct content){ "templateButtonReplyMessage",
					 &msg->templatebuttonreplymessage->selecteddisplaytext,
					 msg->templatebuttonreplymessage->contextinfo, false };
	if (msg->listresponsemessage)
		return (struct content){ "listResponseMessage", &msg->listresponsemessage->title,
					 msg->listresponsemessage->contextinfo, false };
	return c;
}

/* The first wrapper's content, or NULL. Sets what the wrapper says about the message. */
static const ProtobufCBinaryData *unwrap(const Wa__Message *msg, struct wa_message *m)
{
	const Wa__Message__FutureProofMessage *once[] = { msg->viewoncemessage,
							  msg->viewoncemessagev2,
							  msg->viewoncemessagev2extension };
	const Wa__Message__FutureProofMessage *plain[] = {
		msg->documentwithcaptionmessage, msg->editedmessage,
		msg->groupmentionedmessage,      msg->botinvokemessage,
		msg->lottiestickermessage,       msg->associatedchildmessage
	};

	if (msg->ephemeralmessage && msg->ephemeralmessage->has_message) {
		m->ephemeral = true;
		return &msg->ephemeralmessage->message;
	}
	for (size_t i = 0; i < WA_ARRAY_LEN(once); i++)
		if (once[i] && once[i]->has_message) {
			m->view_once = true;
			return &once[i]->message;
		}
	for (size_t i = 0; i < WA_ARRAY_LEN(plain); i++)
		if (plain[i] && plain[i]->has_message)
			return &plain[i]->message;
	return NULL;
}

/* Words of a quoted message, as far as they are easy to find. */
static struct wa_span excerpt(struct decoder *d, ProtobufCBinaryData quoted)
{
	struct wa_message ignored = { 0 };
	const Wa__Message *msg = unpack(d, quoted);
	const ProtobufCBinaryData *inner = msg ? unwrap(msg, &ignored) : NULL;
	struct content c;

	if (inner)
		msg = unpack(d, *inner);
	if (!msg)
		return wa_span(NULL, 0);
	if (msg->has_conversation)
		return text_of(d, msg->conversation);
	if (msg->extendedtextmessage)
		return text_of(d, msg->extendedtextmessage->text);
	c = other_content(msg);
	return c.name && c.text ? text_of(d, *c.text) : wa_span(NULL, 0);
}

static void take_context(struct decoder *d, const Wa__ContextInfo *c)
{
	struct wa_message *m = d->m;

	if (!c)
		return;
	if (c->has_stanzaid) {
		m->quoted_id = text_of(d, c->stanzaid);
		m->quoted_sender = jid_of(c->participant);
		if (c->has_quotedmessage)
			m->quoted_text = excerpt(d, c->quotedmessage);
	}
	if (c->n_mentionedjid) {
		size_t most = c->n_mentionedjid < WA_MENTIONS_MAX ? c->n_mentionedjid : WA_MENTIONS_MAX;
		struct wa_jid *jids = wa_arena_alloc(d->a, most * sizeof(*jids));

		for (size_t i = 0; jids && i < most; i++) {
			jids[m->n_mentions] = jid_of(c->mentionedjid[i]);
			if (!wa_jid_is_null(&jids[m->n_mentions]))
				m->n_mentions++;
		}
		m->mentions = jids;
	}
	if (c->has_expiration)
		m->expiration_s = c->expiration;
	m->forwarded = (c->has_isforwarded && c->isforwarded) ||
		       (c->has_forwardingscore && c->forwardingscore > 0);
}

static void take_key(struct decoder *d, const Wa__MessageKey *k)
{
	struct wa_message *m = d->m;

	if (!k)
		return;
	m->target_id = text_of(d, k->id);
	m->target_from_me = k->has_fromme && k->fromme;
	m->target_chat = jid_of(k->remotejid);
	m->target_sender = jid_of(k->participant);
}

/* The name of what only unknown fields tell. */
static void take_unknown(struct wa_message *m, const Wa__Message *msg)
{
	m->kind = m->skdm.len ? WA_MSG_SKDM : WA_MSG_UNKNOWN;
	for (unsigned i = 0; i < msg->base.n_unknown_fields; i++) {
		const struct wa_message_field *f =
			wa_message_field(msg->base.unknown_fields[i].tag);

		if (!f)
			continue;
		m->kind_name = f->name;
		if (f->people) {
			m->kind = WA_MSG_OTHER;
			return;
		}
		m->kind = WA_MSG_UNKNOWN;
	}
}

static bool take_text(struct decoder *d, const Wa__Message *msg)
{
	const Wa__Message__ExtendedTextMessage *ext = msg->extendedtextmessage;
	struct wa_message *m = d->m;

	if (ext) {
		m->text = text_of(d, ext->text);
		m->link_url = text_of(d, ext->matchedtext);
		m->link_title = text_of(d, ext->title);
		m->link_description = text_of(d, ext->description);
		m->view_once = m->view_once || (ext->has_viewonce && ext->viewonce);
		take_context(d, ext->contextinfo);
	} else if (msg->has_conversation) {
		m->text = text_of(d, msg->conversation);
	} else {
		return false;
	}
	m->kind = WA_MSG_TEXT;
	return true;
}

/* Kinds a person wrote: text or something with a caption. */
static void take_content(struct decoder *d, const Wa__Message *msg)
{
	struct wa_message *m = d->m;
	struct content c;

	if (take_text(d, msg))
		return;
	c = other_content(msg);
	if (!c.name) {
		take_unknown(m, msg);
		return;
	}
	m->kind = WA_MSG_OTHER;
	m->kind_name = c.name;
	m->view_once = m->view_once || c.view_once;
	if (c.text)
		m->text = text_of(d, *c.text);
	take_context(d, c.context);
}

static int take_edit(struct decoder *d, const Wa__Message__ProtocolMessage *p)
{
	const ProtobufCBinaryData *inner = &p->editedmessage;
	const Wa__Message *msg = NULL;

	for (int depth = 0; inner; depth++) {
		if (depth == WRAP_MAX)
			return wa_err_set(d->err, WA_ELIMIT, "message is wrapped too deep");
		msg = unpack(d, *inner);
		if (!msg)
			return too_much(d);
		inner = unwrap(msg, d->m);
	}
	take_content(d, msg);
	d->m->kind = WA_MSG_EDIT;
	return 0;
}

static int take_protocol(struct decoder *d, const Wa__Message__ProtocolMessage *p)
{
	struct wa_message *m = d->m;
	int type = p->has_type ? p->type : TYPE_REVOKE;

	m->protocol_type = type;
	m->timestamp_ms = p->has_timestampms ? p->timestampms : 0;
	m->kind = WA_MSG_PROTOCOL;
	if ((type == TYPE_REVOKE || type == TYPE_EDIT) && p->key)
		take_key(d, p->key);
	if (type == TYPE_REVOKE && m->target_id.len)
		m->kind = WA_MSG_REVOKE;
	if (type == TYPE_EPHEMERAL_SETTING)
		m->expiration_s = p->ephemeralexpiration;
	if (type == TYPE_EDIT && m->target_id.len && p->has_editedmessage)
		return take_edit(d, p);
	return 0;
}

static int classify(struct decoder *d, const Wa__Message *msg)
{
	struct wa_message *m = d->m;
	const Wa__Message__ReactionMessage *r = msg->reactionmessage;

	if (msg->protocolmessage)
		return take_protocol(d, msg->protocolmessage);
	if (r) {
		m->kind = WA_MSG_REACTION;
		m->text = text_of(d, r->text);
		m->timestamp_ms = r->has_sendertimestampms ? r->sendertimestampms : 0;
		take_key(d, r->key);
		return 0;
	}
	take_content(d, msg);
	return 0;
}

/* What any layer may carry besides its content. */
static void take_layer(struct decoder *d, const Wa__Message *msg)
{
	const Wa__Message__SenderKeyDistributionMessage *k = msg->senderkeydistributionmessage;
	struct wa_message *m = d->m;

	if (k && m->skdm.len == 0) {
		m->skdm_group = wa_pb_span(k->groupid);
		m->skdm = wa_pb_span(k->axolotlsenderkeydistributionmessage);
	}
	if (msg->messagecontextinfo && msg->messagecontextinfo->messagesecret.len == 32)
		m->secret = wa_pb_span(msg->messagecontextinfo->messagesecret);
}

int wa_message_decode(struct wa_span bytes, struct wa_arena *a, struct wa_message *ret_m,
		      struct wa_err *err)
{
	struct wa_message m = { .protocol_type = -1 };
	struct decoder d = { a, &m, err };
	ProtobufCBinaryData inner = wa_pb_bytes(bytes);
	const Wa__Message *msg;
	int rc;

	m.raw = wa_span(wa_arena_dup(a, bytes.ptr, bytes.len), bytes.len);
	for (int depth = 0;; depth++) {
		const ProtobufCBinaryData *next;

		if (depth == WRAP_MAX)
			return wa_err_set(err, WA_ELIMIT, "message is wrapped too deep");
		msg = unpack(&d, inner);
		if (!msg)
			return too_much(&d);
		take_layer(&d, msg);
		next = unwrap(msg, &m);
		if (msg->devicesentmessage && msg->devicesentmessage->has_message && depth == 0) {
			m.destination = jid_of(msg->devicesentmessage->destinationjid);
			next = &msg->devicesentmessage->message;
			m.raw = wa_pb_span(*next);
		}
		if (!next)
			break;
		inner = *next;
	}
	rc = classify(&d, msg);
	if (rc == 0 && wa_arena_failed(a))
		rc = too_much(&d);
	if (rc == 0)
		*ret_m = m;
	return rc;
}
