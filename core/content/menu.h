/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_CONTENT_MENU_H
#define WB_CONTENT_MENU_H

/*
 * Menus (buttons, lists, templates, native flows) and their honest fallback.
 *
 * WhatsApp does not show native menus of ordinary accounts: they are accepted,
 * acknowledged, and never appear. So a menu is sent as a poll when it is a
 * choice of one among 2 to 12, else as numbered text, and natively only when
 * that is asked for in so many words.
 */
#include "content.h"

#ifdef __cplusplus
extern "C" {
#endif

enum wb_render { WB_RENDER_AUTO, WB_RENDER_NATIVE, WB_RENDER_POLL, WB_RENDER_TEXT };
const char *wb_render_str(int render);		/* "poll" */
int wb_render_parse(const char *text);		/* <0 unknown */

#define WB_MENU_POLL_MAX 12	/* options WhatsApp shows in one poll */
#define WB_MENU_OPTION_MAX 100	/* bytes of a poll's option */

/* What can be chosen: rows, else buttons that answer. Borrowed from the menu. */
struct wb_option {
	struct wa_span id, text;
};
size_t wb_menu_options(const struct wa_menu *menu, struct wb_option *ret, size_t max);

/*
 * m (a MENU) becomes what shall be sent: itself, a POLL, or a TEXT in a. render POLL of
 * what cannot be one is WA_EINVALID. ret_render: how it was rendered, never AUTO.
 */
int wb_menu_render(struct wa_message *m, int render, struct wa_arena *a, int *ret_render,
		   struct wa_err *err) WA_MUST_USE;

/* The option that a text means: its number, its id or its words (case and spaces apart); -1 none. */
int wb_menu_match(const struct wa_menu *menu, struct wa_span text);
/* The option whose poll option has this hash; -1 none. */
int wb_menu_match_hash(const struct wa_menu *menu, const uint8_t hash[WA_HASH_LEN]);
/* The option with this id, else with these words; -1 none. */
int wb_menu_match_choice(const struct wa_menu *menu, const struct wa_choice *choice);

#ifdef __cplusplus
}
#endif
#endif
