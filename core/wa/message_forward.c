/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages passed on or quoted: their content, and nothing of what was around it. */
#include "message_kinds.h"
#include "message_schema.h"
#include "pb.h"

#include <base.h>

#define MSG_CONVERSATION     1
#define MSG_TEXT             6
#define MSG_DOCUMENT         7
#define MSG_CAPTION_DOCUMENT 53
#define CONTEXT_USUAL        17	/* where kinds that are not modelled have their context */
#define CONTEXT_SCORE        21
#define CONTEXT_FORWARDED    22
#define DOCUMENT_CAPTION     20

struct content {
	uint32_t number;	/* field of Message; 0 none */
	struct wa_span bytes;
	bool view_once;
};

/* The content field, out of its wrappers. */
static int find_content(struct wa_span raw, struct content *ret)
{
	struct wa_message said = { 0 };
	struct wa_pb_field f;
	int rc, depth;

	memset(ret, 0, sizeof(*ret));
	for (depth = 0; depth < WA_DEPTH_MAX; depth++) {
		bool wrapped = false;

		while ((rc = wa_pb_next(&raw, &f)) == 1) {
			const struct wa_message_field *named = wa_message_field(f.number);

			if (f.wire != 2)
				continue;
			if (wa_kind_wraps(f.number, &said) &&
			    wa_pb_find(f.bytes, 1, &raw) == 1) {
				wrapped = true;
				break;
			}
			if (ret->number == 0 && named && named->people) {
				ret->number = f.number;
				ret->bytes = f.bytes;
			}
		}
		if (rc < 0)
			return WA_EPROTO;
		if (!wrapped)
			break;
		ret->number = 0;
	}
	ret->view_once = said.view_once;
	return depth < WA_DEPTH_MAX ? 0 : WA_ELIMIT;
}

static uint32_t context_number(uint32_t content)
{
	const struct wa_kind *k = wa_kind_of_field(content);
	const struct wa_mfield *f;

	if (!k)
		return CONTEXT_USUAL;
	for (f = k->fields; f->type != WA_F_END; f++)
		if (f->type == WA_F_CONTEXT)
			return f->number;
	return 0;
}

/* Everything but the context; *ret_score is what it said. */
static void copy_without_context(struct wa_span bytes, uint32_t context, struct wa_buf *out,
				 uint64_t *ret_score)
{
	struct wa_pb_field f, in;

	for (;;) {
		const uint8_t *before = bytes.ptr;
		struct wa_span at;

		if (wa_pb_next(&bytes, &f) != 1)
			return;
		if (f.number != context || f.wire != 2) {
			wa_buf_put(out, before, (size_t)(bytes.ptr - before));
			continue;
		}
		for (at = f.bytes; wa_pb_next(&at, &in) == 1;)
			if (in.number == CONTEXT_SCORE && in.wire == 0)
				*ret_score = in.varint;
	}
}

int wa_message_bare(struct wa_span raw, struct wa_buf *out)
{
	struct content found;
	struct wa_buf bare;
	uint64_t score;
	int rc = find_content(raw, &found);

	if (rc)
		return rc;
	if (found.number == 0)
		return WA_EUNSUPPORTED;
	if (found.number == MSG_CONVERSATION) {
		wa_pb_put(out, MSG_CONVERSATION, found.bytes);
		return wa_buf_end(out, NULL);
	}
	wa_buf_init(&bare, WA_RAW_MAX);
	copy_without_context(found.bytes, context_number(found.number), &bare, &score);
	if (bare.failed)
		out->failed = bare.failed;
	wa_pb_put(out, found.number, wa_buf_view(&bare));
	wa_buf_clear(&bare);
	return wa_buf_end(out, NULL);
}

/* What a person can pass on. Polls and events hang on their secret. */
static bool can_forward(const struct content *c)
{
	const struct wa_kind *k = wa_kind_of_field(c->number);

	if (c->number == 0 || c->view_once)
		return false;
	if (!k)
		return true;
	switch (k->kind) {
	case WA_MSG_TEXT:
	case WA_MSG_OTHER:
	case WA_MSG_IMAGE:
	case WA_MSG_VIDEO:
	case WA_MSG_AUDIO:
	case WA_MSG_DOCUMENT:
	case WA_MSG_STICKER:
	case WA_MSG_LOCATION:
	case WA_MSG_CONTACT:
	case WA_MSG_GROUP_INVITE:
	case WA_MSG_MENU:
	case WA_MSG_PRODUCT:
	case WA_MSG_ORDER:
		return true;
	default:
		return false;
	}
}

static void put_context(struct wa_buf *out, uint32_t number, uint64_t score)
{
	struct wa_buf context;

	if (score == 0 || number == 0)
		return;
	wa_buf_init(&context, 64);
	wa_pb_put_varint(&context, CONTEXT_SCORE, score);
	wa_pb_put_varint(&context, CONTEXT_FORWARDED, 1);
	wa_pb_put(out, number, wa_buf_view(&context));
	wa_buf_clear(&context);
}

static void put_forward(const struct content *found, bool again, struct wa_buf *content,
			struct wa_buf *out)
{
	uint32_t number = found->number, context = context_number(number);
	struct wa_span caption;
	uint64_t score = 0;

	if (number == MSG_CONVERSATION) {
		number = MSG_TEXT;
		context = CONTEXT_USUAL;
		wa_pb_put(content, 1, found->bytes);
	} else {
		copy_without_context(found->bytes, context, content, &score);
	}
	if (score > UINT32_MAX - 1)
		score = UINT32_MAX - 1;
	put_context(content, context, score + (again ? 1 : 0));
	if (number == MSG_DOCUMENT &&
	    wa_pb_find(wa_buf_view(content), DOCUMENT_CAPTION, &caption) == 1) {
		wa_pb_put_head(out, MSG_CAPTION_DOCUMENT,
			       wa_pb_put_len(1, wa_pb_put_len(number, content->len)));
		wa_pb_put_head(out, 1, wa_pb_put_len(number, content->len));
	}
	wa_pb_put(out, number, wa_buf_view(content));
}

int wa_message_forward(struct wa_span raw, bool again, struct wa_buf *out, struct wa_err *err)
{
	struct content found;
	struct wa_buf content;
	int rc = raw.len > WA_RAW_MAX ? WA_ELIMIT : find_content(raw, &found);

	if (rc)
		return wa_err_set(err, rc, "message cannot be read");
	if (!can_forward(&found))
		return wa_err_set(err, WA_EUNSUPPORTED, "such a message cannot be forwarded");
	wa_buf_init(&content, WA_RAW_MAX);
	put_forward(&found, again, &content, out);
	if (content.failed)
		out->failed = content.failed;
	wa_buf_clear(&content);
	return wa_buf_end(out, err);
}
