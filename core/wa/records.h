/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_RECORDS_H
#define WA_RECORDS_H

#include <wa/signal.h>

/* As wa_records_get() without the copy: the view is valid until the next call on r. */
int wa_records_view(struct wa_records *r, int kind, struct wa_span key, struct wa_span *ret_value,
		    struct wa_err *err) WA_MUST_USE;

#endif
