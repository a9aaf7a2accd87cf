/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_BRAKE_H
#define BROADCAST_BRAKE_H

/*
 * When a broadcast stops by itself. The last outcomes are a text of letters,
 * oldest first, kept with the broadcast: s sent, f failed, o opted out. Pure.
 */
#include "base.h"

enum brake { BRAKE_NONE, BRAKE_FAILED, BRAKE_OPT_OUTS };

/* Appends; of more than `last` letters the oldest goes. recent has room for last + 1. */
void brake_note(char *recent, size_t last, char what);
/* percent of those that left or failed; nothing is decided below `min` of them. */
enum brake brake_judge(const char *recent, int64_t min, int64_t failed_percent, int64_t opt_out_percent);

#endif
