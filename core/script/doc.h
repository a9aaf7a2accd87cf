/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SCRIPT_DOC_H
#define WB_SCRIPT_DOC_H

/*
 * What `warbler script api` prints, from the tables of functions, the table of
 * event kinds and reference.md. The same text lies in scripts/; a test keeps
 * them equal.
 */
#include <wa/buf.h>

void wb_script_doc_page(struct wa_buf *out);	/* scripts/README.md */
void wb_script_doc_stub(struct wa_buf *out);	/* scripts/warbler.d.lua, for the Lua language server */

#define WB_SCRIPT_DOC_MAX (1u << 20)	/* what a caller gives wa_buf_init() */

#endif
