/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a phone sends to a companion that logs in for the first time: the keys
 * of the app state, then its history (history.c): stock clients hold back
 * events until they have seen some.
 */
#include "appstate.h"

#define SHARE_MAX (64u << 10)

void sb_welcome(struct sb_device *d)
{
	SB_AUTO_BUF struct wa_buf m = { 0 };
	SB_ERR(err);

	if (d->welcomed || d->sim || !d->acc->online)
		return;
	d->welcomed = true;
	sb_keep_device(d);
	wa_buf_init(&m, SHARE_MAX);
	sb_appstate_seed(d->acc);
	sb_appstate_share(d->acc, &m);
	if (sb_sim_peer(d->acc->devices[0]->sim, d, wa_buf_view(&m), &err))
		sb_log(d->acc->s, WA_WARN, "sandbox.welcome_failed", "error", err.msg);
	sb_history_welcome(d);
}
