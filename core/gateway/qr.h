/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_QR_H
#define WB_QR_H

/* QR codes of linking texts: PNG for browsers, block characters for terminals. */
#include <wa/buf.h>

#define WB_QR_TEXT_MAX 1024

/* scale: pixels per module, 1..32. Appends. */
int wb_qr_png(const char *text, unsigned scale, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;
/* UTF-8 half blocks, dark on light by default terminals' light-on-dark; lines end with \n. */
int wb_qr_blocks(const char *text, struct wa_buf *out, struct wa_err *err) WA_MUST_USE;

#endif
