/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What surrounds a content: keys, quotes, mentions, forwarding, secrets, albums. */
#include "message_schema.h"
#include "pb.h"

#include <base.h>

/* ---- key, context ---- */

const struct wa_mfield wa_fields_key[] = {
	WA_MEMBER(1, target_chat),
	{ .number = 2, .type = WA_F_BOOL, .in_message = true, .always = true,
	  .offset = offsetof(struct wa_message, target_from_me) },
	WA_MEMBER_TEXT(3, target_id),
	WA_MEMBER(4, target_sender),
	WA_END,
};

static int read_quote(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire != 2)
		return 0;
	c->m->quoted_raw = f->bytes;
	c->m->quoted_text = wa_codec_excerpt(c, f->bytes);
	return 0;
}

static void write_quote(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	const struct wa_message *m = c->in;
	struct wa_buf quoted;

	(void)base;
	if (m->quoted_id.len == 0)
		return;
	wa_buf_init(&quoted, WA_RAW_MAX);
	if (m->quoted_raw.len == 0 || wa_message_bare(m->quoted_raw, &quoted)) {
		wa_buf_reset(&quoted);
		wa_pb_put(&quoted, 1, m->quoted_text);
	}
	wa_pb_put(out, number, wa_buf_view(&quoted));
	wa_buf_clear(&quoted);
}

static int read_mention(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_message *m = c->m;
	struct wa_jid who = f->wire == 2 ? wa_codec_jid(f->bytes) : (struct wa_jid){ 0 };
	struct wa_jid *grown;

	(void)base;
	if (wa_jid_is_null(&who) || m->n_mentions == WA_MENTIONS_MAX)
		return 0;
	/* Room doubles at powers of two; what was is the arena's to forget. */
	if ((m->n_mentions & (m->n_mentions - 1)) == 0) {
		grown = wa_arena_alloc(c->a, (m->n_mentions ? 2 * m->n_mentions : 1) *
						     sizeof(*grown));
		if (!grown)
			return wa_codec_fail(c);
		if (m->n_mentions)
			memcpy(grown, m->mentions, m->n_mentions * sizeof(*grown));
		m->mentions = c->mentions = grown;
	}
	c->mentions[m->n_mentions++] = who;
	return 0;
}

static void write_mentions(struct wa_codec *c, const void *base, uint32_t number,
			   struct wa_buf *out)
{
	char text[WA_JID_TEXT_MAX];

	(void)base;
	for (size_t i = 0; i < c->in->n_mentions; i++) {
		struct wa_jid who = wa_jid_bare(&c->in->mentions[i]);

		wa_pb_put(out, number, wa_span_str(wa_jid_text(&who, text)));
	}
}

static int read_score(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire == 0) {
		c->m->forwarding_score = (uint32_t)f->varint;
		c->m->forwarded |= f->varint != 0;
	}
	return 0;
}

static void write_score(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	(void)base;
	if (c->in->forwarded)
		wa_pb_put_varint(out, number, c->in->forwarding_score ? c->in->forwarding_score : 1);
}

const struct wa_mfield wa_fields_context[] = {
	WA_MEMBER_TEXT(1, quoted_id),
	WA_MEMBER(2, quoted_sender),
	WA_HOOK(3, read_quote, write_quote),
	WA_MEMBER(4, quoted_chat),
	WA_HOOK(15, read_mention, write_mentions),
	WA_HOOK(21, read_score, write_score),
	WA_MEMBER(22, forwarded),
	WA_MEMBER(25, expiration_s),
	WA_MEMBER(70, mention_all),
	WA_END,
};

/* ---- MessageContextInfo ---- */

#define ASSOCIATION_ALBUM 1

static const struct wa_mfield album_key[] = {
	{ .number = 2, .type = WA_F_BOOL, .in_message = true, .always = true,
	  .offset = offsetof(struct wa_message, album_from_me) },
	WA_MEMBER_TEXT(3, album_id),
	WA_MEMBER(4, album_sender),
	WA_MEMBER(1, target_chat),
	WA_END,
};

static int read_association(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	struct wa_span at = f->bytes, key = { NULL, 0 };
	struct wa_pb_field in;
	uint64_t type = 0;
	int rc;

	if (f->wire != 2)
		return 0;
	while ((rc = wa_pb_next(&at, &in)) == 1) {
		if (in.number == 1 && in.wire == 0)
			type = in.varint;
		else if (in.number == 2 && in.wire == 2)
			key = in.bytes;
	}
	if (rc < 0)
		return wa_codec_fail(c);
	return type == ASSOCIATION_ALBUM ? wa_fields_read(c, album_key, base, key) : 0;
}

static void write_association(struct wa_codec *c, const void *base, uint32_t number,
			      struct wa_buf *out)
{
	struct wa_buf b;

	if (c->in->album_id.len == 0)
		return;
	wa_buf_init(&b, WA_RAW_MAX);
	wa_pb_put_varint(&b, 1, ASSOCIATION_ALBUM);
	wa_fields_put(c, 2, album_key, base, true, &b);
	wa_pb_put(out, number, wa_buf_view(&b));
	wa_buf_clear(&b);
}

static int read_secret(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	(void)base;
	if (f->wire == 2 && f->bytes.len == 32)
		c->m->secret = f->bytes;
	return 0;
}

static void write_secret(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out)
{
	(void)base;
	if (c->in->secret.len)
		wa_pb_put(out, number, c->in->secret);
}

const struct wa_mfield wa_fields_info[] = {
	WA_HOOK(3, read_secret, write_secret),
	WA_MEMBER(5, duration_s),
	WA_HOOK(10, read_association, write_association),
	WA_END,
};
