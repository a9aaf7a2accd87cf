/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of polls, of what is sealed, and of what is said about another message. */
#include "message_schema.h"
#include "pb.h"

#include <base.h>

/* ---- polls ---- */

struct option {
	struct wa_span name;
	uint32_t votes;
};
static const struct wa_mfield option[] = {
	WA_TEXT(1, option, name),
	WA_FIELD(2, option, votes),
	WA_END,
};
static const struct wa_mfield option_name[] = { WA_TEXT(1, option, name), WA_END };

static int read_option(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_poll *p = base;
	struct option o = { .votes = 0 };
	int rc;

	if (f->wire != 2 || p->n == WA_POLL_OPTIONS_MAX)
		return 0;
	rc = wa_fields_read(c, option, &o, f->bytes);
	p->options[p->n] = o.name;
	p->counts[p->n++] = o.votes;
	return rc;
}

static void write_options(struct wa_codec *c, const void *base, uint32_t number,
			  struct wa_buf *out)
{
	const struct wa_poll *p = base;

	for (size_t i = 0; i < p->n; i++) {
		struct option o = { .name = p->options[i] };

		wa_fields_put(c, number, option_name, &o, true, out);
	}
}

static int read_correct(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_poll *p = base;
	struct option o = { .votes = 0 };
	int rc = f->wire == 2 ? wa_fields_read(c, option_name, &o, f->bytes) : 0;

	for (size_t i = 0; rc == 0 && i < p->n && p->correct == 0; i++)
		if (wa_span_eq(p->options[i], o.name))
			p->correct = (uint32_t)i + 1;
	return rc;
}

static void write_correct(struct wa_codec *c, const void *base, uint32_t number,
			  struct wa_buf *out)
{
	const struct wa_poll *p = base;

	if (p->correct && p->correct <= p->n) {
		struct option o = { .name = p->options[p->correct - 1] };

		wa_fields_put(c, number, option_name, &o, true, out);
	}
}

const struct wa_mfield wa_fields_poll[] = {
	WA_TEXT(2, wa_poll, name),
	WA_HOOK(3, read_option, write_options),
	{ .number = 4, .type = WA_F_U32, .always = true,
	  .offset = offsetof(struct wa_poll, selectable) },
	WA_CONTEXT(5),
	WA_FIELD(7, wa_poll, quiz),
	WA_HOOK(8, read_correct, write_correct),
	WA_END,
};

const struct wa_mfield wa_fields_poll_result[] = {
	WA_TEXT(1, wa_poll, name),
	WA_HOOK(2, read_option, NULL),
	WA_CONTEXT(3),
	WA_FIELD(4, wa_poll, quiz),
	WA_END,
};

int wa_poll_finish(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_poll *p = part;

	(void)c;
	p->announcement = k->number == 60;
	return 0;
}

/* ---- add-ons ---- */

static const struct wa_mfield vote_value[] = {
	WA_FIELD(1, wa_enc, payload),
	WA_FIELD(2, wa_enc, iv),
	WA_END,
};
const struct wa_mfield wa_fields_poll_vote[] = {
	WA_KEY(1),
	WA_SUB(2, vote_value),
	WA_MEMBER(4, timestamp_ms),
	WA_END,
};
const struct wa_mfield wa_fields_enc_addon[] = {
	WA_KEY(1),
	WA_FIELD(2, wa_enc, payload),
	WA_FIELD(3, wa_enc, iv),
	WA_END,
};

/* SecretEncryptedMessage.secretEncType */
static const struct {
	int type, use;
} secret_types[] = {
	{ 1, WA_ADDON_EVENT_EDIT },
	{ 2, WA_ADDON_MESSAGE_EDIT },
	{ 4, WA_ADDON_POLL_EDIT },
	{ 5, WA_ADDON_POLL_ADD_OPTION },
};

static int read_secret_type(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_enc *enc = base;

	(void)c;
	for (size_t i = 0; f->wire == 0 && i < WA_ARRAY_LEN(secret_types); i++)
		if ((uint64_t)secret_types[i].type == f->varint)
			enc->use = secret_types[i].use;
	return 0;
}

static void write_secret_type(struct wa_codec *c, const void *base, uint32_t number,
			      struct wa_buf *out)
{
	const struct wa_enc *enc = base;

	(void)c;
	for (size_t i = 0; i < WA_ARRAY_LEN(secret_types); i++)
		if (secret_types[i].use == enc->use)
			wa_pb_put_varint(out, number, (uint64_t)secret_types[i].type);
}

const struct wa_mfield wa_fields_enc_edit[] = {
	WA_KEY(1),
	WA_FIELD(2, wa_enc, payload),
	WA_FIELD(3, wa_enc, iv),
	WA_HOOK(4, read_secret_type, write_secret_type),
	WA_END,
};

int wa_enc_finish(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_enc *enc = part;

	(void)c;
	switch (k->kind) {
	case WA_MSG_POLL_VOTE:
		enc->use = WA_ADDON_POLL_VOTE;
		break;
	case WA_MSG_CALENDAR_ANSWER:
		enc->use = WA_ADDON_EVENT_ANSWER;
		break;
	case WA_MSG_ENC_REACTION:
		enc->use = WA_ADDON_REACTION;
		break;
	case WA_MSG_COMMENT:
		enc->use = WA_ADDON_COMMENT;
		break;
	default:
		break;
	}
	return 0;
}

/* The words of a Message inside: comments, notes of payments. */
static int read_words(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire == 2)
		c->m->text = wa_codec_excerpt(c, f->bytes);
	return 0;
}

const struct wa_mfield wa_fields_comment[] = { WA_HOOK(1, read_words, NULL), WA_KEY(2), WA_END };
const struct wa_mfield wa_fields_note_2[] = { WA_HOOK(2, read_words, NULL), WA_END };
const struct wa_mfield wa_fields_note_4[] = { WA_HOOK(4, read_words, NULL), WA_END };
const struct wa_mfield wa_fields_note_text[] = { WA_MEMBER_TEXT(1, text), WA_END };
const struct wa_mfield wa_fields_nothing[] = { WA_END };
const struct wa_mfield wa_fields_pack[] = { WA_MEMBER_TEXT(2, text), WA_CONTEXT(11), WA_END };

const struct wa_mfield wa_fields_reaction[] = {
	WA_KEY(1),
	{ .number = 2, .type = WA_F_TEXT, .in_message = true, .always = true,
	  .offset = offsetof(struct wa_message, text) },
	WA_MEMBER(4, timestamp_ms),
	WA_END,
};

/* 1 does it, 2 undoes it: pins and keeps */
static int read_on(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire == 0)
		c->m->on = f->varint == 1;
	return 0;
}

static void write_on(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	(void)base;
	wa_pb_put_varint(out, number, c->in->on ? 1 : 2);
}

const struct wa_mfield wa_fields_on_off[] = {
	WA_KEY(1),
	WA_HOOK(2, read_on, write_on),
	WA_MEMBER(3, timestamp_ms),
	WA_END,
};
