/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An entry of the app state becomes an event; what it teaches us ourselves. */
#include "sync_int.h"

#include "pb.h"
#include "records.h"

#define SALT_FIELD 80 /* SyncActionValue.nctSaltSyncAction{salt 1} */
#define SALT_MAX   256

static const char nct_salt[] = "nct_salt";

static void keep_salt(struct wa_client *c, const struct wa_sync_action *a)
{
	struct wa_span part, salt;
	int rc;

	if (a->remove)
		rc = wa_records_del(c->rec, WA_REC_CACHE, wa_span_str(nct_salt));
	else if (wa_pb_find(a->value, SALT_FIELD, &part) == 1 &&
		 wa_pb_find(part, 1, &salt) == 1 && salt.len && salt.len <= SALT_MAX)
		rc = wa_records_put(c->rec, WA_REC_CACHE, wa_span_str(nct_salt), salt);
	else
		rc = 0;
	if (rc)
		client_nomem(c);
}

static bool is_pn(const struct wa_jid *j)
{
	return j->server == WA_SRV_PN && j->user[0];
}

static bool is_lid(const struct wa_jid *j)
{
	return j->server == WA_SRV_LID && j->user[0];
}

static void learn(struct wa_client *c, const struct wa_sync_action *a)
{
	if (a->remove)
		return;
	if (a->kind == WA_SYNC_PN_FOR_LID && is_lid(&a->chat) && is_pn(&a->pn))
		client_learn(c, &a->chat, &a->pn);
	if (a->kind == WA_SYNC_CONTACT && is_pn(&a->chat) && is_lid(&a->lid))
		client_learn(c, &a->chat, &a->lid);
	if (a->kind == WA_SYNC_CONTACT && is_lid(&a->chat) && is_pn(&a->pn))
		client_learn(c, &a->chat, &a->pn);
	if (a->kind == WA_SYNC_PUSH_NAME && a->name)
		presence_own_name(c, wa_span_str(a->name));
}

static struct wa_jid canonical(struct wa_client *c, const struct wa_jid *j)
{
	struct wa_jid r;

	if (!wa_jid_is_user(j) || !j->user[0])
		return *j;
	r = wa_signal_canonical(c->sig, j);
	return jid_person(&r);
}

static const char *text(struct wa_client *c, const char *s)
{
	return s ? client_text(c, s) : NULL;
}

void sync_tell(struct wa_client *c, const struct wa_sync_action *a, bool snapshot, bool own)
{
	struct wa_sync_event *ev;
	struct wa_sync_action *d;
	struct wa_event *e;
	size_t i;

	if (a->kind == WA_SYNC_NCT_SALT) {
		keep_salt(c, a);
		return;
	}
	learn(c, a);
	ev = wa_arena_alloc(&c->ev_arena, sizeof(*ev));
	if (!ev) {
		client_nomem(c);
		return;
	}
	d = &ev->action;
	*d = *a;
	ev->snapshot = snapshot;
	ev->own = own;
	d->id = text(c, a->id);
	d->label = text(c, a->label);
	d->name = text(c, a->name);
	d->first_name = text(c, a->first_name);
	d->text = text(c, a->text);
	d->index = text(c, a->index);
	for (i = 0; i < d->range.n; i++)
		d->range.messages[i].id = text(c, a->range.messages[i].id);
	d->value = wa_span(wa_arena_dup(&c->ev_arena, a->value.ptr, a->value.len), a->value.len);
	if (a->value.len && !d->value.ptr)
		client_nomem(c);
	d->chat = canonical(c, &a->chat);
	d->sender = canonical(c, &a->sender);
	e = client_event(c, WA_EV_SYNC);
	e->sync = ev;
	e->chat = d->chat;
	e->jid = a->chat;
	if (d->chat.server == WA_SRV_LID && wa_signal_pn_of(c->sig, &d->chat, &e->jid) != 1)
		e->jid = d->chat;
	e->timestamp_ms = a->timestamp_ms;
}
