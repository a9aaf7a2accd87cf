/* SPDX-License-Identifier: GPL-3.0-or-later */
/* After the stanza: who holds our key now, and what a differing phash leads to. */
#include "group_send.h"

#include <stdlib.h>

/* Ours was sent while the stanza that carried it was under way; now it is known that it arrived. */
static void confirm(struct wa_client *c, const struct wa_jid *group)
{
	struct holders h;

	if (holders_load(c, group, &h) > 0 && h.pending)
		holders_save(c, group, h.ids, h.n, false);
	holders_clear(&h);
}

static void forget_lists(struct wa_client *c, struct send *s)
{
	struct group r;
	size_t i;

	if (s->group->status) {
		for (i = 0; i < s->group->n_people; i++)
			usync_forget(c, &s->group->people[i].jid);
		return;
	}
	if (group_load(c, &s->to, &r) > 0)
		for (i = 0; i < r.n; i++)
			usync_forget(c, &r.members[i].jid);
	group_clear(&r);
	group_doubt(c, &s->to);
}

void group_acked(struct wa_client *c, struct send *s, bool mismatch)
{
	if (s->group->carried)
		confirm(c, &s->to);
	if (!mismatch)
		return;
	forget_lists(c, s);
	if (!s->group->status && send_repair(c, s->id, &s->to))
		client_nomem(c);
}

/*
 * Nobody knows who got the keys it carried: everybody gets them again. Who is in it, or how it is
 * addressed (421), may not be what we think: that is looked up again.
 */
void group_refused(struct wa_client *c, struct send *s, int code)
{
	if (code >= 400 && code < 500 && code != 408 && code != 429 && !s->group->status)
		group_doubt(c, &s->to);
	if (s->group->carried)
		group_rotate(c, &s->to);
}
