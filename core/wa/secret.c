/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Message secrets: what votes, answers and edits of a message are encrypted under. */
#include "client_int.h"

/* chat, NUL, sender, NUL, id; both bare: whichever device wrote it. */
size_t secret_key(const struct wa_jid *chat, const struct wa_jid *sender, const char *id, char out[SECRET_KEY_MAX])
{
	struct wa_jid bare = wa_jid_bare(sender);
	size_t n = strlen(wa_jid_text(chat, out)) + 1, len = strlen(id);

	n += strlen(wa_jid_text(&bare, out + n)) + 1;
	if (len > MSG_ID_MAX)
		len = MSG_ID_MAX;
	memcpy(out + n, id, len);
	return n + len;
}

void secret_keep(struct wa_client *c, const struct wa_msg_info *info, struct wa_span secret)
{
	char key[SECRET_KEY_MAX];
	size_t n = secret_key(&info->chat, &info->sender, info->id, key);

	if (secret.len == 32 && wa_records_put(c->rec, WA_REC_SECRET, wa_span(key, n), secret))
		client_nomem(c);
}
