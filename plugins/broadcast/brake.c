/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brake.h"

#include <string.h>

void brake_note(char *recent, size_t last, char what)
{
	size_t n = strlen(recent);

	if (n >= last) {
		memmove(recent, recent + (n - last + 1), last);
		n = last - 1;
	}
	recent[n] = what;
	recent[n + 1] = 0;
}

enum brake brake_judge(const char *recent, int64_t min, int64_t failed_percent, int64_t opt_out_percent)
{
	int64_t sent = 0, failed = 0, out = 0;

	for (; *recent; recent++) {
		sent += *recent == 's';
		failed += *recent == 'f';
		out += *recent == 'o';
	}
	if (sent + failed < min)
		return BRAKE_NONE;
	if (failed * 100 >= failed_percent * (sent + failed))
		return BRAKE_FAILED;
	return out * 100 >= opt_out_percent * (sent + failed) ? BRAKE_OPT_OUTS : BRAKE_NONE;
}
