/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_CONTENT_FIELDS_H
#define WB_CONTENT_FIELDS_H

/* Inside of core/content: members of JSON objects as members of C structs, in a table. */
#include <base.h>
#include "content.h"

enum wb_field_type {
	WB_F_TEXT,	/* struct wa_span: UTF-8 */
	WB_F_BYTES,	/* struct wa_span: base64 */
	WB_F_HEX,	/* struct wa_span */
	WB_F_U32,
	WB_F_U64,
	WB_F_I64,
	WB_F_REAL,	/* double */
	WB_F_BOOL,
	WB_F_SECONDS,	/* int64_t: Unix seconds, RFC 3339 */
	WB_F_MILLIS,	/* int64_t: Unix milliseconds, RFC 3339 */
	WB_F_JID,	/* struct wa_jid */
	WB_F_COLOUR,	/* uint32_t ARGB: "#rrggbb" or "#aarrggbb" */
	WB_F_NAMES,	/* int: one of names, by place */
};

struct wb_field {
	const char *name;
	int type;		/* enum wb_field_type */
	size_t at;		/* offset in its struct */
	bool required;		/* a text must not be empty then: it would not be written */
	bool always;		/* written even when it is zero */
	double min, max;	/* REAL; max 0: no bounds */
	const char *const *names;	/* NAMES: ends with NULL; "" cannot be said */
};

/* Names end the table. */
#define WB_FIELD_END { NULL, 0, 0, false, false, 0, 0, NULL }

void wb_fields_put(json_t *o, const struct wb_field *f, const void *from);
/* Members of o that the table knows. where: for errors, e.g. "location"; "" at the top. */
int wb_fields_get(const json_t *o, const struct wb_field *f, void *to, struct wa_arena *a,
		  const char *where, struct wa_err *err) WA_MUST_USE;
/* WA_EINVALID when o has a member that none of the tables (n of them, NULL allowed) and no word of
 * `more` (ends with NULL) knows. */
int wb_fields_only(const json_t *o, const struct wb_field *const *tables, size_t n, const char *const *more,
		   const char *where, struct wa_err *err) WA_MUST_USE;

void wb_put_text(json_t *o, const char *name, struct wa_span s);	/* empty: left out */
/* 1 and the text, 0 absent, <0. */
int wb_get_text(const json_t *o, const char *name, struct wa_span *ret, const char *where,
		struct wa_err *err) WA_MUST_USE;
/* An array of at most max; NULL and 0 when absent. */
int wb_get_list(const json_t *o, const char *name, size_t max, const json_t **ret, const char *where,
		struct wa_err *err) WA_MUST_USE;
int wb_get_jid(struct wa_span text, struct wa_jid *ret, const char *name, struct wa_err *err) WA_MUST_USE;

/* kinds.c */
struct wb_kind {
	int kind;			/* enum wa_message_kind */
	const struct wb_field *own;	/* members of struct wa_message; NULL none */
	const struct wb_field *part;	/* members of the part; NULL none */
	size_t part_at, part_size;	/* the pointer in struct wa_message; size 0: no part */
	const char *const *more;	/* members that put and get deal with; NULL none */
	int (*get)(const json_t *o, struct wa_message *m, void *part, struct wa_arena *a,
		   struct wa_err *err);
	void (*put)(json_t *o, const struct wa_message *m, const void *part);
	bool target;			/* about another message */
	bool media;
};
const struct wb_kind *wb_kind_of(int kind);	/* NULL: not modelled */
extern const struct wb_field wb_location_fields[], wb_media_fields[];

/* cards.c, menu.c: kinds with a file of their own */
#define WB_KIND_HOOKS(name)                                                                              \
	extern const char *const wb_##name##_more[];                                                     \
	int wb_##name##_get(const json_t *o, struct wa_message *m, void *part, struct wa_arena *a,       \
			    struct wa_err *err);                                                         \
	void wb_##name##_put(json_t *o, const struct wa_message *m, const void *part)
WB_KIND_HOOKS(cards);
WB_KIND_HOOKS(menu);

#endif
