/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_API_GROUP_INT_H
#define WB_API_GROUP_INT_H

/* Shared by groups.c, group_ways.c (invitations, communities) and group_patch.c (settings). */
#include <wa/group.h>
#include "api_int.h"

bool api_group_param(struct wb_req *req, const char *name, struct wa_jid *ret);	/* false: answered */
/* A question about the group of {group}, answered with status; NULL: answered already. */
struct api_reply *api_group_ask(struct wb_req *req, struct wb_api *api, int status, struct wa_jid *ret_group,
				struct wa_client **ret_c);
/* Numbers or JIDs; memory is the request's. False: answered. */
bool api_people(struct wb_req *req, json_t *list, struct wa_jid **ret, size_t *ret_n);
/* The end of a question: its problem, or take_body, kept for the Idempotency-Key. */
void api_group_answer(struct api_reply *p, int code, const char *text, json_t *take_body, int status);
json_t *api_group_result(const struct wa_group_member *m);
void api_on_members(void *arg, int code, const char *text, const struct wa_group_member *m, size_t n);

#endif
