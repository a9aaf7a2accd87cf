/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What plugins ask about sessions, numbers and people. */
#include <phone.h>
#include "host_priv.h"
#include "hold.h"
#include "outbox_priv.h"

int32_t wb_host_phone_parse(struct wb_plugin *self, const char *text, const char *country, char out[32],
			    char reason[64])
{
	(void)self;
	return wb_phone_parse(text, country, out, reason);
}

struct check {
	struct wb_handle h;
	wb_check_fn *fn;
	void *ctx;
};

static void check_revoke(struct wb_handle *h)
{
	(void)h;	/* the answer frees it */
}

static void on_number(void *ctx, const struct wb_number *n)
{
	struct check *k = ctx;
	struct wb_plugin *pl = k->h.pl;
	struct wb_check c = { .size = sizeof(c), .code = n->code, .query = n->query,
			      .exists = n->exists, .jid = n->jid, .lid = n->lid };
	struct wb_watch w;

	if (pl) {
		wb_handle_del(&k->h);
		w = wb_plugin_enter(pl);
		k->fn(k->ctx, &c);
		wb_plugin_leave(pl, &w);
	}
	free(k);
}

void wb_host_check_number(struct wb_plugin *self, const char *session, const char *e164, wb_check_fn *fn,
			  void *ctx)
{
	struct check *k = wb_zalloc(sizeof(*k));

	k->fn = fn;
	k->ctx = ctx;
	wb_handle_add(self, &k->h, check_revoke, "checks");
	wb_session_check(wb_plugin_gateway(self), session, e164, on_number, k);
}

int32_t wb_host_session_status(struct wb_plugin *self, const char *session, char ret_status[32])
{
	struct wb_session *s = wb_session_find(wb_plugin_gateway(self), session);
	struct wb_session_info i;

	if (!s)
		return 0;
	wb_session_info(s, &i);
	snprintf(ret_status, 32, "%s", wb_session_state_str(i.state));
	return 1;
}

int32_t wb_host_session_each(struct wb_plugin *self,
			     int (*fn)(void *ctx, const char *session, const char *status), void *ctx)
{
	struct wb_gateway *gw = wb_plugin_gateway(self);
	char id[DB_SESSION_ID_MAX + 1];
	struct wb_session *s;
	int r = 0;

	for (s = wb_session_next(gw, NULL); s && r == 0; s = wb_session_next(gw, id)) {
		struct wb_session_info i;

		/* fn may end the session: its id is kept apart */
		wb_session_info(s, &i);
		snprintf(id, sizeof(id), "%s", i.id);
		r = fn(ctx, id, wb_session_state_str(i.state));
	}
	return r;
}

int32_t wb_host_opted_out(struct wb_plugin *self, const char *session, const char *who)
{
	struct wb_gateway *gw = wb_plugin_gateway(self);
	const char *jid = "", *lid = "";
	char text[WA_JID_TEXT_MAX], e164[32], reason[64];
	struct wa_err err = WA_ERR_INIT;
	struct wa_jid j;
	int r = wb_recipient(who ? who : "", &j, &err);

	if (r < 0 && who && !strchr(who, '@') && wb_phone_parse(who, "", e164, reason) == 0)
		r = wb_recipient(e164, &j, &err);
	if (r < 0)
		return r;
	wa_jid_text(&j, text);
	if (session && wa_jid_is_user(&j)) {
		r = wb_outbox_contact(gw->outbox, session, text, &jid, &lid, &err);
		if (r < 0)
			return r;
	}
	r = wb_consent_check(gw, session ? session : "", text, "", &err);
	if (r == 0)
		r = wb_consent_check(gw, session ? session : "", jid, lid, &err);
	return r;
}

int32_t wb_host_held(struct wb_plugin *self, const char *session, const char *chat, char ret_owner[96])
{
	struct wb_hold h;
	int r = wb_hold_get(wb_plugin_gateway(self), session, chat, &h);

	if (r == 1)
		snprintf(ret_owner, 96, "%s", h.owner);
	return r;
}
