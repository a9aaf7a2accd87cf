/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From protobuf to struct wa_message: unwrap, then say what it is. */
#include "message_kinds.h"
#include "message_schema.h"
#include "pb.h"

#include <base.h>

/* Fields of Message that are no content. */
#define MSG_CONVERSATION 1
#define MSG_SKDM         2
#define MSG_DEVICE_SENT  31
#define MSG_CONTEXT_INFO 35

/* What one Message holds, at its top level. */
struct layer {
	struct wa_span conversation;
	bool has_conversation;
	const struct wa_kind *kind; /* of the content, and its bytes */
	struct wa_span content;
	bool wrapped, sent; /* another Message is inside; by our own other device */
	struct wa_span inner;
	const struct wa_message_field *unknown; /* what only its name is known of */
};

static int take_skdm(struct wa_codec *c, struct wa_span bytes)
{
	struct wa_message *m = c->m;

	if (m->skdm.len)
		return 0;
	if (wa_pb_find(bytes, 1, &m->skdm_group) < 0 || wa_pb_find(bytes, 2, &m->skdm) < 0)
		return wa_codec_fail(c);
	return 0;
}

static int take_sent(struct wa_codec *c, struct layer *l, struct wa_span bytes)
{
	struct wa_span to = { NULL, 0 };
	int found = wa_pb_find(bytes, 2, &l->inner);

	if (found < 0 || wa_pb_find(bytes, 1, &to) < 0)
		return wa_codec_fail(c);
	l->wrapped = l->sent = found == 1;
	if (found)
		c->m->destination = wa_codec_jid(to);
	return 0;
}

static int take_field(struct wa_codec *c, struct layer *l, const struct wa_pb_field *f, bool top)
{
	const struct wa_kind *k;
	const struct wa_message_field *named;
	struct wa_span inner;
	int found;

	switch (f->number) {
	case MSG_CONVERSATION:
		l->has_conversation = true;
		l->conversation = f->bytes;
		return 0;
	case MSG_SKDM:
		return take_skdm(c, f->bytes);
	case MSG_CONTEXT_INFO:
		return wa_fields_read(c, wa_fields_info, c->m, f->bytes);
	case MSG_DEVICE_SENT:
		return top ? take_sent(c, l, f->bytes) : 0;
	default:
		break;
	}
	if (!l->wrapped && wa_kind_wraps(f->number, c->m)) {
		found = wa_pb_find(f->bytes, 1, &inner);
		if (found < 0)
			return wa_codec_fail(c);
		l->wrapped = found == 1;
		if (found)
			l->inner = inner;
		return 0;
	}
	k = wa_kind_of_field(f->number);
	if (k && !l->kind) {
		l->kind = k;
		l->content = f->bytes;
	}
	named = k ? NULL : wa_message_field(f->number);
	if (named && (!l->unknown || (named->people && !l->unknown->people)))
		l->unknown = named;
	return 0;
}

static int read_layer(struct wa_codec *c, struct wa_span bytes, bool top, struct layer *l)
{
	struct wa_pb_field f;
	int more, rc = 0;

	memset(l, 0, sizeof(*l));
	while (rc == 0 && (more = wa_pb_next(&bytes, &f)) != 0) {
		if (more < 0)
			return wa_codec_fail(c);
		if (f.wire == 2)
			rc = take_field(c, l, &f, top);
	}
	return rc;
}

static int read_kind(struct wa_codec *c, const struct layer *l)
{
	const struct wa_kind *k = l->kind;
	struct wa_message *m = c->m;
	void *part = NULL;
	int rc;

	if (k->size) {
		part = wa_arena_alloc(c->a, k->size);
		if (!part)
			return wa_codec_fail(c);
		wa_kind_set_part(k, m, part);
		if (k->media) {
			struct wa_media *media = part;

			media->type = k->media;
			media->ptv = k->number == 66;
		}
	}
	m->kind = k->kind;
	m->kind_name = wa_message_field(k->number)->name;
	rc = wa_fields_read(c, k->fields, part ? part : m, l->content);
	if (rc == 0 && k->finish)
		rc = k->finish(c, k, part);
	return rc;
}

static int read_content(struct wa_codec *c, const struct layer *l)
{
	struct wa_message *m = c->m;

	if (l->kind)
		return read_kind(c, l);
	if (l->has_conversation) {
		m->kind = WA_MSG_TEXT;
		m->text = wa_codec_text(c, l->conversation);
		return 0;
	}
	m->kind = m->skdm.len ? WA_MSG_SKDM : WA_MSG_UNKNOWN;
	if (l->unknown) {
		m->kind = l->unknown->people ? WA_MSG_OTHER : WA_MSG_UNKNOWN;
		m->kind_name = l->unknown->name;
	}
	return 0;
}

static int content_of(struct wa_codec *c, struct wa_span bytes, bool top)
{
	struct layer l;
	int rc;

	if (c->depth >= WA_DEPTH_MAX)
		return wa_err_set(c->err, WA_ELIMIT, "message is wrapped too deep");
	c->depth++;
	rc = read_layer(c, bytes, top, &l);
	if (rc == 0 && l.sent)
		c->m->raw = l.inner;
	if (rc == 0)
		rc = l.wrapped ? content_of(c, l.inner, false) : read_content(c, &l);
	c->depth--;
	return rc;
}

/* The first of two that says something. */
static struct wa_span either(struct wa_span a, struct wa_span b)
{
	return a.len ? a : b;
}

static struct wa_span words_of(const struct wa_message *m)
{
	switch (m->kind) {
	case WA_MSG_CONTACT:
		return m->cards->n == 1 ? m->cards->cards[0].name : m->cards->name;
	case WA_MSG_LOCATION:
		return either(m->location->name, m->location->address);
	case WA_MSG_POLL:
	case WA_MSG_POLL_RESULT:
		return m->poll->name;
	case WA_MSG_CALENDAR:
		return m->calendar->name;
	case WA_MSG_MENU:
		return either(m->menu->body, m->menu->title);
	case WA_MSG_CHOICE:
		return either(m->choice->text, m->choice->id);
	case WA_MSG_GROUP_INVITE:
		return either(m->invite->caption, m->invite->name);
	case WA_MSG_PRODUCT:
		return either(m->product->title, m->product->body);
	case WA_MSG_ORDER:
		return either(m->order->message, m->order->title);
	default:
		return m->text;
	}
}

int wa_codec_content(struct wa_codec *c, struct wa_span bytes)
{
	int rc = content_of(c, bytes, false);

	if (rc == 0)
		c->m->text = words_of(c->m);
	return rc;
}

struct wa_span wa_codec_excerpt(struct wa_codec *c, struct wa_span bytes)
{
	struct wa_message m = { .protocol_type = -1 };
	struct wa_codec sub = { .a = c->a, .m = &m, .depth = c->depth, .quoting = true };

	if (wa_codec_content(&sub, bytes))
		return wa_span(NULL, 0);
	if (m.text.len == 0 && m.kind == WA_MSG_DOCUMENT)
		return m.media->file_name;
	return m.text;
}

int wa_message_decode(struct wa_span bytes, struct wa_arena *a, struct wa_message *ret_m,
		      struct wa_err *err)
{
	struct wa_message m = { .protocol_type = -1 };
	struct wa_codec c = { .a = a, .m = &m, .err = err };
	int rc;

	m.raw = wa_span(wa_arena_dup(a, bytes.ptr, bytes.len), bytes.len);
	rc = m.raw.ptr ? content_of(&c, m.raw, true) : wa_codec_fail(&c);
	if (rc == 0)
		m.text = words_of(&m);
	if (rc == 0 && wa_arena_failed(a))
		rc = wa_codec_fail(&c);
	if (rc == 0)
		*ret_m = m;
	return rc;
}

/* ---- add-ons, opened ---- */

static int opened_reaction(struct wa_codec *c, struct wa_span plain)
{
	struct wa_message said = { .protocol_type = -1 }, *m = c->m;
	int rc;

	/* It has no key of its own to believe. */
	c->m = &said;
	rc = wa_fields_read(c, wa_kind_of_field(46)->fields, &said, plain);
	c->m = m;
	if (rc)
		return rc;
	m->text = said.text;
	if (said.timestamp_ms)
		m->timestamp_ms = said.timestamp_ms;
	m->kind = WA_MSG_REACTION;
	return 0;
}

static int opened_message(struct wa_codec *c, struct wa_span plain)
{
	struct wa_message said = { .protocol_type = -1 }, *m = c->m;
	int rc;

	c->m = &said;
	rc = wa_codec_content(c, plain);
	c->m = m;
	if (rc)
		return rc;
	if (m->kind == WA_MSG_COMMENT) {
		m->text = said.text;
		m->mentions = said.mentions;
		m->n_mentions = said.n_mentions;
		return 0;
	}
	said.kind = WA_MSG_EDIT;
	said.kind_name = m->kind_name;
	said.target_id = m->target_id;
	said.target_from_me = m->target_from_me;
	said.target_sender = m->target_sender;
	said.target_chat = m->target_chat;
	said.enc = m->enc;
	said.secret = m->secret;
	said.destination = m->destination;
	said.raw = m->raw;
	*m = said;
	return 0;
}

int wa_message_opened(struct wa_message *m, struct wa_span plain, struct wa_arena *a,
		      struct wa_err *err)
{
	struct wa_codec c = { .a = a, .m = m, .err = err };
	struct wa_going_answer *going;
	struct wa_vote *vote;
	int rc;

	plain.ptr = wa_arena_dup(a, plain.ptr, plain.len);
	if (!plain.ptr)
		return wa_codec_fail(&c);
	switch (m->kind) {
	case WA_MSG_POLL_VOTE:
		vote = wa_arena_alloc(a, sizeof(*vote));
		rc = vote ? wa_vote_decode(plain, vote, err) : wa_codec_fail(&c);
		if (rc == 0)
			m->vote = vote;
		return rc;
	case WA_MSG_CALENDAR_ANSWER:
		going = wa_arena_alloc(a, sizeof(*going));
		rc = going ? wa_going_decode(plain, going, err) : wa_codec_fail(&c);
		if (rc == 0)
			m->going = going;
		return rc;
	case WA_MSG_ENC_REACTION:
		return opened_reaction(&c, plain);
	case WA_MSG_COMMENT:
	case WA_MSG_ENC_EDIT:
		return opened_message(&c, plain);
	default:
		return wa_err_set(err, WA_EINVALID, "%s is not sealed",
				  wa_message_kind_str(m->kind));
	}
}
