/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_CONTENT_H
#define WB_CONTENT_H

/*
 * The content of a message as JSON, the same in and out: what the REST API and
 * events of the gateway say, what simulated phones of the sandbox are told to
 * send, and what they show. README.md in this folder is the reference.
 *
 * One table of fields serves both directions (kinds.c), so that what is
 * written can be read.
 */
#include <jansson.h>
#include <wa/arena.h>
#include <wa/message.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WB_CONTENT_ID_MAX 64		/* bytes of an id */
#define WB_CONTENT_TEXT_MAX WA_TEXT_MAX
#define WB_CONTENT_BINARY_MAX (256u << 10)	/* thumbnail, waveform: bytes decoded */
#define WB_CONTENT_MENTIONS_MAX WA_MENTIONS_MAX

/* Which file a content names; "" none. */
struct wb_content_media_ref {
	char id[WB_CONTENT_ID_MAX + 1];
};

/*
 * m as a content object: new reference, NULL when memory is out. media_id: what the file of m is
 * called here; NULL or "" unknown. Keys of files and other secrets are never written. What is not
 * modelled ("unknown", "payment" ...) carries the whole Message as "raw".
 */
json_t *wb_content_json(const struct wa_message *m, const char *media_id);

/*
 * A content object as a message; spans and parts live in doc and in a. WA_EINVALID names the member
 * that is unknown, of the wrong type, out of bounds, or missing. A file is only named (ret_media): its
 * place and keys are the caller's to put in (wb_content_media). Kinds that cannot be made
 * ("unknown", "payment" ...) are WA_EUNSUPPORTED.
 */
int wb_content_parse(const json_t *doc, struct wa_arena *a, struct wa_message *ret_m,
		     struct wb_content_media_ref *ret_media, struct wa_err *err) WA_MUST_USE;

/* The uploaded file under what the content says of it: m->media becomes `file` with the attributes that
 * the content set (name, size in pixels, voice note, thumbnail ...). WA_ENOMEM. */
int wb_content_media(struct wa_message *m, const struct wa_media *file, struct wa_arena *a) WA_MUST_USE;

/* True for kinds that say something about another message instead of being one in the chat. */
bool wb_content_is_act(int kind);
/* enum wa_message_kind of a name, or -1. */
int wb_content_kind(const char *name);
/* A few words for lists and for programs that know texts only: the text, the question, the place's name;
 * "" when there is nothing to say. Borrowed from m. */
struct wa_span wb_content_words(const struct wa_message *m);

#ifdef __cplusplus
}
#endif
#endif
