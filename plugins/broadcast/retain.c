/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What retention may throw away: broadcasts that are over, with their recipients. */
#include "record.h"

#include "lists.h"

#define KEEP_MS INT64_C(31536000000)	/* twelve months */
#define GROUP                                                                                    \
	"SELECT id, created_ms, length(doc) + 200, '' FROM broadcast_broadcast "                 \
	"WHERE state IN ('done', 'cancelled') AND removed_ms = 0 "
#define ROWS                                                                                     \
	"SELECT n, length(doc) + 200, doc, key FROM broadcast_recipient WHERE broadcast = $1 "   \
	"AND state NOT IN ('new', 'ready', 'queued') AND n "

static void who(void *ctx, const char *broadcast, const struct wb_value *c, char out[2][KIT_WHO_SIZE])
{
	struct bc *b = ctx;
	char id[RECIPIENT_SEAL_ID];
	json_t *doc;

	if (c[3].str.len != KEY_SIZE)
		return;
	recipient_seal_id(broadcast, (const uint8_t *)c[3].str.ptr, id);
	doc = kit_unseal_json(&b->kit, KIT_ROW("recipient", id), &c[2]);
	(void)snprintf(out[0], KIT_WHO_SIZE, "%s", kit_member(doc, "phone"));
	(void)snprintf(out[1], KIT_WHO_SIZE, "%s", kit_member(doc, "lid"));
	json_decref(doc);
}

static void dropped(void *ctx)
{
	purge_soon(ctx);
}

int bc_retain(struct bc *b)
{
	b->history = (struct kit_history){
		.host = b->host, .self = b->self,
		.group_from = GROUP "AND id >= $1 ORDER BY id LIMIT 1",
		.group_below = GROUP "AND id < $1 ORDER BY id DESC LIMIT 1",
		.rows_from = ROWS "> $2 ORDER BY n LIMIT $3",
		.rows_below = ROWS "< $2 ORDER BY n DESC LIMIT $3",
		.drop_row = "DELETE FROM broadcast_recipient WHERE broadcast = $1 AND n = $2",
		/* its list and the rest follow as after DELETE */
		.drop_group = "UPDATE broadcast_broadcast SET removed_ms = created_ms WHERE id = $1 AND removed_ms = 0 "
			      "AND NOT EXISTS (SELECT 1 FROM broadcast_recipient WHERE broadcast = $1)",
		.who = who, .dropped = dropped, .ctx = b };
	return kit_history_retain(&b->history, "broadcasts", "broadcasts that are over, and what became of each message",
				  KEEP_MS);
}
