/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_API_H
#define SANDBOX_API_H

/*
 * One handler per route. It answers through `ret` (sb_api_fail for a refusal)
 * and returns the HTTP status.
 */
#include "inside.h"

#define SB_PARAMS 3

struct sb_call {
	struct sandbox *s;
	sandbox_query_fn *query;
	void *query_ctx;
	char params[SB_PARAMS][24]; /* of the pattern, in order */
	json_t *body;               /* an object; NULL: no body */
	json_t **ret;
};

typedef int sb_api_fn(struct sb_call *c);

int sb_api_fail(json_t **ret, int status, const char *code, const char *fmt, ...) WA_PRINTF(4, 5);
int sb_api_err(json_t **ret, const struct wa_err *err); /* status from the code */
int sb_api_ok(struct sb_call *c, json_t *take_o);
const char *sb_api_query(struct sb_call *c, const char *name); /* "" absent */
int64_t sb_api_query_int(struct sb_call *c, const char *name, int64_t fallback);
/* The account a parameter or member names; NULL: answered with 404 or 400, status in *ret_status.
 */
struct sb_account *sb_api_account(struct sb_call *c, const char *number, int *ret_status);
const char *sb_api_text(struct sb_call *c, const char *name); /* member of the body, "" absent */

sb_api_fn sb_api_accounts, sb_api_account_new, sb_api_account_get, sb_api_account_set,
	sb_api_account_del, sb_api_accounts_bulk, sb_api_scan, sb_api_code, sb_api_devices,
	sb_api_device_del, sb_api_rules, sb_api_rule_new, sb_api_rules_del, sb_api_rule_del;
sb_api_fn sb_api_appstate, sb_api_appstate_change, sb_api_appstate_bulk;
sb_api_fn sb_api_messages, sb_api_send, sb_api_read, sb_api_typing, sb_api_forget, sb_api_passkey, sb_api_history,
	sb_api_lid;
sb_api_fn sb_api_file, sb_api_media, sb_api_media_give, sb_api_media_lose;
sb_api_fn sb_api_faults, sb_api_fault_new, sb_api_faults_del, sb_api_fault_del, sb_api_violations,
	sb_api_violations_del, sb_api_unacked, sb_api_bulk_new, sb_api_bulk_get, sb_api_bulks;

/* api_group.c */
sb_api_fn sb_api_groups, sb_api_group_new, sb_api_group_get, sb_api_group_set, sb_api_group_members,
	sb_api_group_leave, sb_api_group_join, sb_api_group_say;
/* api_person.c api_channel.c */
sb_api_fn sb_api_profile, sb_api_profile_set, sb_api_privacy, sb_api_block, sb_api_call, sb_api_hang_up,
	sb_api_pick_up, sb_api_restriction;
sb_api_fn sb_api_channels, sb_api_channel_new, sb_api_channel_follow, sb_api_channel_post, sb_api_channel_posts,
	sb_api_channel_react;

#endif
