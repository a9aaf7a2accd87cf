/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_MESSAGE_SCHEMA_H
#define WA_MESSAGE_SCHEMA_H

/*
 * The Message protobuf as tables: which field of the wire is which member of
 * struct wa_message or of its part. One table serves both ways
 * (message_codec.c); what does not fit a table has a hook. Field numbers are
 * those of the schema Baileys ships (WAProto.proto).
 */
#include <wa/addon.h>
#include <wa/message.h>

struct wa_codec;
struct wa_pb_field;

/* ProtocolMessage.type */
enum {
	WA_PROTOCOL_REVOKE = 0,
	WA_PROTOCOL_TIMER = 3,
	WA_PROTOCOL_EDIT = 14,
	WA_PROTOCOL_LABEL = 30,
};

enum wa_field_type {
	WA_F_END,
	WA_F_BOOL,
	WA_F_INT,		/* int */
	WA_F_U32,
	WA_F_U64,
	WA_F_I64,
	WA_F_DOUBLE,		/* always written */
	WA_F_BYTES,
	WA_F_JID,		/* text of an address; written without its device */
	WA_F_TEXT,		/* bytes made valid UTF-8 */
	WA_F_FLOAT,		/* a double here */
	WA_F_FIXED32,		/* uint32_t */
	WA_F_SUB,		/* a message with its members at offset; flag: it is there */
	WA_F_CONTEXT,		/* ContextInfo: quote, mentions, forwarding, expiration */
	WA_F_KEY,		/* MessageKey of the target */
	WA_F_HOOK,
};

struct wa_mfield {
	uint32_t number;
	uint8_t type;		/* enum wa_field_type */
	bool in_message;	/* offset is in struct wa_message, not in the part */
	bool always;		/* written when 0 */
	uint16_t offset, flag;	/* flag 0: none */
	const struct wa_mfield *sub;
	/* HOOK: take one field; write all of them. */
	int (*read)(struct wa_codec *c, void *base, const struct wa_pb_field *f);
	void (*write)(struct wa_codec *c, const void *base, uint32_t number, struct wa_buf *out);
};

/* A field of Message that is a kind of message. */
struct wa_kind {
	uint32_t number;
	int kind;		/* enum wa_message_kind */
	const struct wa_mfield *fields;
	/* of the part: where struct wa_message points to it, its size; 0 none */
	uint16_t part, size;
	uint8_t media;		/* enum wa_media_type of a struct wa_media */
	/* After reading: what tables cannot say. */
	int (*finish)(struct wa_codec *c, const struct wa_kind *k, void *part);
};

/* One decoding or encoding. */
struct wa_codec {
	struct wa_arena *a;	/* decoding */
	struct wa_message *m;	/* decoding: what is filled */
	const struct wa_message *in;	/* encoding: what is written */
	struct wa_err *err;
	int failed;		/* encoding: 0, or why it cannot be written */
	struct wa_jid *mentions;	/* m->mentions, while it grows */
	struct wa_span edited;	/* ProtocolMessage.editedMessage, once read */
	unsigned depth;
	bool quoting;		/* a quoted message is read: its own quote does not matter */
};

/* ---- message_schema.c ---- */
const struct wa_kind *wa_kind_of_field(uint32_t number);
/* The field a message shall be; NULL: cannot be made. */
const struct wa_kind *wa_kind_of_message(const struct wa_message *m);
/* FutureProofMessage fields that only wrap; sets what they say. */
bool wa_kind_wraps(uint32_t number, struct wa_message *m);
/* The part of m for that row, or NULL. */
const void *wa_kind_part(const struct wa_kind *k, const struct wa_message *m);
void wa_kind_set_part(const struct wa_kind *k, struct wa_message *m, const void *part);
extern const struct wa_kind wa_kind_text;	/* extendedTextMessage */

extern const struct wa_mfield wa_fields_context[], wa_fields_image[], wa_fields_video[],
	wa_fields_document[], wa_fields_location[], wa_fields_key[], wa_fields_info[];

/* Rows of those tables. The C type of the member says how it is stored. */
#define WA_FIELD_TYPE(s, f)                                                                   \
	_Generic(((struct s *)0)->f, bool : WA_F_BOOL, int : WA_F_INT, uint32_t : WA_F_U32,       \
		 uint64_t : WA_F_U64, int64_t : WA_F_I64, double : WA_F_DOUBLE,                   \
		 struct wa_span : WA_F_BYTES, struct wa_jid : WA_F_JID)
#define WA_FIELD(n, s, f)                                                                     \
	{                                                                                     \
		.number = (n), .type = WA_FIELD_TYPE(s, f), .offset = offsetof(struct s, f)       \
	}
#define WA_FIELD_AS(n, t, s, f)                                                               \
	{                                                                                     \
		.number = (n), .type = (t), .offset = offsetof(struct s, f)                       \
	}
#define WA_TEXT(n, s, f) WA_FIELD_AS(n, WA_F_TEXT, s, f)
/* members of struct wa_message, whatever the part is */
#define WA_MEMBER(n, f)                                                                       \
	{                                                                                     \
		.number = (n), .type = WA_FIELD_TYPE(wa_message, f), .in_message = true,          \
		.offset = offsetof(struct wa_message, f)                                          \
	}
#define WA_MEMBER_AS(n, t, f)                                                                 \
	{                                                                                     \
		.number = (n), .type = (t), .in_message = true,                                   \
		.offset = offsetof(struct wa_message, f)                                          \
	}
#define WA_MEMBER_TEXT(n, f) WA_MEMBER_AS(n, WA_F_TEXT, f)
#define WA_SUB(n, table) { .number = (n), .type = WA_F_SUB, .sub = (table) }
#define WA_SUB_IF(n, table, s, f, have)                                                       \
	{                                                                                     \
		.number = (n), .type = WA_F_SUB, .sub = (table), .offset = offsetof(struct s, f), \
		.flag = offsetof(struct s, have)                                                  \
	}
#define WA_CONTEXT(n) { .number = (n), .type = WA_F_CONTEXT }
#define WA_KEY(n) { .number = (n), .type = WA_F_KEY }
#define WA_HOOK(n, r, w) { .number = (n), .type = WA_F_HOOK, .read = (r), .write = (w) }
#define WA_END { .type = WA_F_END }

/* ---- message_media.c, message_poll.c, message_shop.c ---- */
extern const struct wa_mfield wa_fields_image_message[], wa_fields_video_message[],
	wa_fields_document_message[], wa_fields_audio[], wa_fields_sticker[], wa_fields_album[],
	wa_fields_text[], wa_fields_location_message[], wa_fields_live_location[],
	wa_fields_contact[], wa_fields_contacts[], wa_fields_group_invite[], wa_fields_poll[],
	wa_fields_poll_result[], wa_fields_poll_vote[], wa_fields_enc_addon[],
	wa_fields_enc_edit[], wa_fields_comment[], wa_fields_note_2[], wa_fields_note_4[],
	wa_fields_note_text[], wa_fields_nothing[], wa_fields_pack[], wa_fields_reaction[],
	wa_fields_on_off[], wa_fields_calendar[], wa_fields_product[], wa_fields_order[];
int wa_text_finish(struct wa_codec *c, const struct wa_kind *k, void *part);
int wa_contact_finish(struct wa_codec *c, const struct wa_kind *k, void *part);
int wa_poll_finish(struct wa_codec *c, const struct wa_kind *k, void *part);
int wa_enc_finish(struct wa_codec *c, const struct wa_kind *k, void *part);
int wa_product_finish(struct wa_codec *c, const struct wa_kind *k, void *part);

/* ---- message_menu.c, message_native.c ---- */
extern const struct wa_mfield wa_fields_buttons[], wa_fields_list[], wa_fields_template[],
	wa_fields_native[], wa_fields_buttons_response[], wa_fields_list_response[],
	wa_fields_template_reply[], wa_fields_native_response[];
/* Room for one more button, or NULL. */
struct wa_button *wa_menu_button(struct wa_menu *m);
extern const struct wa_mfield wa_fields_button_flow[];
/* Files in the head of a menu: m->media. */
int wa_read_head_document(struct wa_codec *c, void *base, const struct wa_pb_field *f);
void wa_write_head_document(struct wa_codec *c, const void *base, uint32_t number,
			    struct wa_buf *out);
int wa_read_head_image(struct wa_codec *c, void *base, const struct wa_pb_field *f);
void wa_write_head_image(struct wa_codec *c, const void *base, uint32_t number,
			    struct wa_buf *out);
int wa_read_head_video(struct wa_codec *c, void *base, const struct wa_pb_field *f);
void wa_write_head_video(struct wa_codec *c, const void *base, uint32_t number,
			    struct wa_buf *out);
#define WA_HEAD_DOCUMENT(n) WA_HOOK(n, wa_read_head_document, wa_write_head_document)
#define WA_HEAD_IMAGE(n) WA_HOOK(n, wa_read_head_image, wa_write_head_image)
#define WA_HEAD_VIDEO(n) WA_HOOK(n, wa_read_head_video, wa_write_head_video)
int wa_menu_finish(struct wa_codec *c, const struct wa_kind *k, void *part);
int wa_choice_finish(struct wa_codec *c, const struct wa_kind *k, void *part);

/* ---- message_forward.c ---- */
/* Only the content of a Message: unwrapped, without context, secret and what else surrounds it. */
int wa_message_bare(struct wa_span raw, struct wa_buf *out);

/* ---- message_codec.c ---- */
#define WA_DEPTH_MAX 12		/* messages inside of each other */
/* base: the part, or the message where its kind has none. */
int wa_fields_read(struct wa_codec *c, const struct wa_mfield *t, void *base, struct wa_span bytes);
void wa_fields_write(struct wa_codec *c, const struct wa_mfield *t, const void *base,
		     struct wa_buf *out);
/* A message field made of a table; empty: written as such when always is set, else not at all. */
void wa_fields_put(struct wa_codec *c, uint32_t number, const struct wa_mfield *t, const void *base,
		   bool always, struct wa_buf *out);
struct wa_span wa_codec_text(struct wa_codec *c, struct wa_span s);	/* valid UTF-8, clipped */
struct wa_jid wa_codec_jid(struct wa_span s);				/* null when unreadable */
int wa_codec_fail(struct wa_codec *c);	/* malformed, or too large for the arena */

/* ---- message_decode.c ---- */
/* A Message inside of a message: kind, text and parts of the content into c->m. */
int wa_codec_content(struct wa_codec *c, struct wa_span bytes);
/* The words of another Message: quotes, notes. */
struct wa_span wa_codec_excerpt(struct wa_codec *c, struct wa_span bytes);

#endif
