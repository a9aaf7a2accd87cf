/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A content object of a stranger: what is taken can be said, rendered and encoded. */
#include "content.h"

#include "menu.h"
#include <base.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *doc = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL), *out, *again;
	struct wb_content_media_ref ref;
	struct wa_message m, m2;
	struct wa_arena a;
	struct wa_buf raw;
	int how;

	if (!doc)
		return 0;
	wa_arena_init(&a, 8u << 20);
	wa_buf_init(&raw, WA_RAW_MAX);
	if (wb_content_parse(doc, &a, &m, &ref, NULL) == 0) {
		out = wb_content_json(&m, ref.id);
		if (!out || wb_content_parse(out, &a, &m2, &ref, NULL) < 0)
			abort();	/* what we write we read */
		again = wb_content_json(&m2, ref.id);
		if (!json_equal(out, again))
			abort();
		json_decref(again);
		json_decref(out);
		if (m.kind != WA_MSG_MENU || wb_menu_render(&m, WB_RENDER_AUTO, &a, &how, NULL) == 0)
			(void)!wa_message_encode(&m, &raw, NULL);
	}
	wa_buf_clear(&raw);
	wa_arena_clear(&a);
	json_decref(doc);
	return 0;
}
