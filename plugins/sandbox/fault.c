/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inside.h"

static const char *const names[SB_FAULT_KINDS] = {
	[SB_FAULT_DROP_BEFORE_ACK] = "drop_before_ack",
	[SB_FAULT_DROP_AFTER_ACK] = "drop_after_ack",
	[SB_FAULT_DROP_AT_MESSAGE] = "drop_at_message",
	[SB_FAULT_DELAY_ACK] = "delay_ack",
	[SB_FAULT_LOSE_ACK] = "lose_ack",
	[SB_FAULT_CORRUPT] = "corrupt",
	[SB_FAULT_RETRY] = "retry",
	[SB_FAULT_NACK] = "nack",
	[SB_FAULT_LOGIN_FAILURE] = "login_failure",
	[SB_FAULT_OUTDATED] = "outdated",
	[SB_FAULT_NO_PREKEYS] = "no_prekeys",
	[SB_FAULT_SLOW] = "slow",
	[SB_FAULT_IQ_ERROR] = "iq_error",
	[SB_FAULT_463_TOKEN] = "463_token",
	[SB_FAULT_463_RESTRICTED] = "463_restricted",
	[SB_FAULT_APP_MISSING_KEY] = "app_missing_key",
	[SB_FAULT_APP_BAD_SNAPSHOT] = "app_bad_snapshot",
	[SB_FAULT_APP_BAD_PATCH] = "app_bad_patch",
	[SB_FAULT_APP_CONFLICT] = "app_conflict",
	[SB_FAULT_APP_MORE] = "app_more",
	[SB_FAULT_APP_SNAPSHOT] = "app_snapshot",
	[SB_FAULT_HISTORY_NONE] = "history_none",
	[SB_FAULT_HISTORY_MISSING] = "history_missing",
	[SB_FAULT_HISTORY_CORRUPT] = "history_corrupt",
	[SB_FAULT_UNAVAILABLE] = "unavailable",
	[SB_FAULT_PASSKEY] = "passkey",
	[SB_FAULT_LID_SWITCHED] = "lid_switched",
	[SB_FAULT_GROUP_CHANGED] = "group_changed",
	[SB_FAULT_KEY_LOST] = "sender_key_lost",
	[SB_FAULT_DIGEST] = "digest",
	[SB_FAULT_MEDIA_404] = "media_404",
	[SB_FAULT_MEDIA_410] = "media_410",
	[SB_FAULT_MEDIA_SLOW] = "media_slow",
	[SB_FAULT_MEDIA_CUT] = "media_cut",
	[SB_FAULT_MEDIA_AUTH] = "media_auth",
};

const char *sb_fault_str(int kind)
{
	return kind >= 0 && kind < SB_FAULT_KINDS ? names[kind] : "unknown";
}

int sb_fault_parse(const char *name)
{
	for (int i = 0; i < SB_FAULT_KINDS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

struct sb_fault *sb_fault_hit(struct sandbox *s, int kind, const struct sb_account *a, int device)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &s->faults)
	{
		struct sb_fault *f = container_of(l, struct sb_fault, link);

		if (f->kind != kind || f->times == 0 ||
		    (f->account[0] && (!a || strcmp(f->account, a->pn) != 0)) ||
		    (f->device >= 0 && f->device != device))
			continue;
		if (f->skip > 0) {
			f->skip--;
			continue;
		}
		if (f->times > 0)
			f->times--;
		f->hits++;
		return f;
	}
	return NULL;
}

void sb_faults_clear(struct sandbox *s)
{
	struct wa_list *l;

	while ((l = wa_list_pop_front(&s->faults)))
		free(container_of(l, struct sb_fault, link));
}
