/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/sessions/{id}/statuses: what is shown for a day to an audience. */
#include "api_int.h"

#include <db_contact.h>
#include <db_message.h>
#include <message.h>

#define STATUS_CHAT "status@broadcast"
#define CONTACTS_PAGE 500

struct audience {
	struct wb_api *api;
	const char *session;
	json_t *list;
	char last[DB_ID_LEN + 1];
	size_t n;
};

static int add_contact(void *ctx, const struct db_contact *c)
{
	struct audience *au = ctx;
	const char *who = *c->jid ? c->jid : c->lid;

	au->n++;
	(void)snprintf(au->last, sizeof(au->last), "%s", c->id);
	if (*who && !c->opted_out && wb_consent_check(au->api->gw, au->session, c->jid, c->lid, NULL) == 0)
		json_array_append_new(au->list, json_string(who));
	return json_array_size(au->list) >= WB_OUTBOX_AUDIENCE_MAX;
}

/* Everybody the session knows and who has not opted out. */
static json_t *all_contacts(struct wb_api *api, const char *session)
{
	struct audience au = { .api = api, .session = session, .list = json_array() };
	int r;

	do {
		au.n = 0;
		r = db_contact_each(api->gw->db, session, au.last[0] ? au.last : NULL, CONTACTS_PAGE, add_contact, &au,
				    NULL);
	} while (r == 0 && au.n == CONTACTS_PAGE);
	return au.list;
}

/* NULL, or what is wrong. */
static const char *fill(struct wb_api *api, const char *session, json_t *content, json_t *audience)
{
	const char *word = json_string_value(audience);

	if (word && strcmp(word, "contacts") == 0)
		json_object_set_new(content, "audience", all_contacts(api, session));
	else if (json_is_array(audience))
		json_object_set(content, "audience", audience);
	else
		return "audience: a list of people, or \"contacts\"";
	return json_array_size(json_object_get(content, "audience")) ? NULL : "audience: nobody would see it";
}

void api_status_post(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	const char *id = wb_req_param(req, "id"), *why = NULL;
	struct wb_outbox_new m = { .session = id, .to = STATUS_CHAT };
	json_t *doc, *said = NULL, *audience = NULL, *content;
	json_error_t je;

	if (!api_session(api, req, id) || api_send_busy(req, api) || !api_body(req, false, &doc))
		return;
	if (wb_json_unpack(doc, &je, JSON_STRICT, "{s:o, s:o, s?s}", "content", &said, "audience", &audience, "class",
			   &m.message_class)) {
		api_refuse_json(req, &je);
		return;
	}
	content = json_is_object(said) ? json_copy(said) : json_object();
	why = fill(api, id, content, audience);
	m.content = content;
	if (why)
		wb_reply_problem(req, 422, "invalid", why);
	else
		api_send(req, api, &m, NULL);
	json_decref(content);
}

/* Blue eyes: the author learns that we have seen it. */
void api_status_view(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct wb_session *s = api_session(api, req, wb_req_param(req, "id"));
	const char *ids[1] = { wb_req_param(req, "status") };
	struct wa_err err = WA_ERR_INIT;
	struct api_reply *p;

	if (!s)
		return;
	p = api_reply_new(api, req, 204, NULL);
	if (!p)
		return;
	if (wb_session_mark_read(s, STATUS_CHAT, ids, 1, api_reply_done, p, &err) < 0) {
		free(p);
		wb_reply_err(req, &err);
	}
}

struct page {
	struct wb_api *api;
	json_t *list;
	int64_t ms;
	char id[DB_ID_LEN + 1];
};

static int add_status(void *ctx, const struct db_message *m)
{
	struct page *p = ctx;

	json_array_append_new(p->list, wb_message_json(p->api->gw, m));
	p->ms = m->ts_ms;
	(void)snprintf(p->id, sizeof(p->id), "%s", m->id);
	return 0;
}

void api_statuses_list(struct wb_req *req, void *ctx)
{
	struct wb_api *api = ctx;
	struct page p = { .api = api };
	char before[DB_ID_LEN + 1];
	struct db_message_query q = { .session = wb_req_param(req, "id"), .chat = STATUS_CHAT };
	struct wa_err err = WA_ERR_INIT;
	json_t *o;

	if (!api_session(api, req, q.session) || !api_limit(req, &q.limit) ||
	    !api_page(req, &q.before_ms, before, sizeof(before)))
		return;
	q.before_id = before[0] ? before : NULL;
	p.list = json_array();
	if (db_message_each(api->gw->db, &q, add_status, &p, &err) < 0) {
		json_decref(p.list);
		wb_reply_err(req, &err);
		return;
	}
	o = json_object();
	json_object_set_new(o, "next", json_array_size(p.list) == q.limit ? api_page_next(p.ms, p.id) : json_null());
	json_object_set_new(o, "statuses", p.list);
	wb_reply_json(req, 200, o);
}
