/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An album: a message that says how many pictures and films follow, and these, in one transaction. */
#include "api_int.h"

#include <content.h>

#define ALBUM_MIN 2
#define ALBUM_MAX 30	/* WhatsApp's */

/* NULL, or what is wrong. */
static const char *count_items(json_t *items, json_t *head)
{
	json_int_t images = 0, videos = 0;
	json_t *item;
	size_t i;

	if (!json_is_array(items) || json_array_size(items) < ALBUM_MIN || json_array_size(items) > ALBUM_MAX)
		return "album: a list of 2 to 30 pictures and films";
	json_array_foreach(items, i, item) {
		const char *kind = json_string_value(json_object_get(item, "kind"));

		if (!kind || (strcmp(kind, "image") != 0 && strcmp(kind, "video") != 0))
			return "album: contents of kind image or video";
		images += strcmp(kind, "image") == 0;
		videos += strcmp(kind, "video") == 0;
	}
	json_object_set_new(head, "kind", json_string("album"));
	json_object_set_new(head, "images", json_integer(images));
	json_object_set_new(head, "videos", json_integer(videos));
	return NULL;
}

int api_album_add(struct wb_tx *tx, const struct wb_outbox_new *m, json_t *items, char ret_id[DB_ID_LEN + 1],
		  struct wa_err *err)
{
	struct wb_outbox_new one = *m;
	char wa_id[32], id[DB_ID_LEN + 1];
	json_t *head = json_object(), *item;
	const char *why = count_items(items, head);
	size_t i;
	int r = why ? wa_err_set(err, WA_EINVALID, "%s", why) : 0;

	one.content = head;
	one.ret_wa_id = wa_id;
	if (r == 0)
		r = wb_outbox_add(tx, &one, ret_id, err);
	one.ret_wa_id = NULL;
	one.quoted = one.idem_scope = one.idem_key = NULL;
	json_array_foreach(items, i, item) {
		json_t *content;

		if (r < 0)
			break;
		content = json_copy(item);
		json_object_set_new(content, "album_id", json_string(wa_id));
		one.content = content;
		r = wb_outbox_add(tx, &one, id, err);
		json_decref(content);
	}
	json_decref(head);
	return r;
}
