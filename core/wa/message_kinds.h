/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_MESSAGE_KINDS_H
#define WA_MESSAGE_KINDS_H

#include <wa/types.h>

/* Names of the fields of Message. */
struct wa_message_field {
	uint32_t number;
	bool people;		/* something a person sent or sees */
	const char *name;
};

/* NULL when nobody here has heard of it. */
const struct wa_message_field *wa_message_field(uint32_t number);

#endif
