/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the server tells on its own. Every one is acknowledged, understood or not. */
#include "mex.h"

static void devices_changed(struct wa_client *c, const struct wa_jid *user)
{
	struct wa_jid bare = wa_jid_bare(user);

	usync_forget(c, &bare);
	client_event(c, WA_EV_DEVICES)->jid = wa_signal_canonical(c->sig, &bare);
}

/* A device that is gone may come back as another one: what was agreed with it is void. */
static void devices_removed(struct wa_client *c, const struct wa_node *removed)
{
	const struct wa_node *d;
	struct wa_jid j;
	size_t n = 0;

	for (d = wa_node_first(removed); d && n++ < DEVICES_MAX; d = d->next)
		if (wa_node_is(d, "device") && wa_node_attr_jid_get(d, "jid", &j) && j.device &&
		    wa_signal_drop_session(c->sig, &j))
			client_nomem(c);
}

/* Which of our own other devices are gone, as far as we knew them. */
static void own_devices(struct wa_client *c, const struct wa_node *devices)
{
	struct wa_jid me = wa_jid_bare(&c->dev.pn), j;
	struct device_list old = { .n = 0 };
	bool there[DEVICES_MAX] = { false };
	const struct wa_node *d;
	int count = 0;
	size_t i;

	me = wa_signal_canonical(c->sig, &me);
	if (usync_cached(c, &me, &old) < 0)
		old.n = 0;
	for (d = wa_node_first(devices); d && count < DEVICES_MAX; d = d->next) {
		if (!wa_node_is(d, "device") || !wa_node_attr_jid_get(d, "jid", &j))
			continue;
		count++;
		for (i = 0; i < old.n; i++)
			there[i] |= old.devices[i].id == j.device;
	}
	for (i = 0; i < old.n; i++) {
		if (there[i] || old.devices[i].id == 0 || old.devices[i].id == c->dev.pn.device)
			continue;
		j = wa_jid_device(&me, old.devices[i].id);
		if (wa_signal_drop_session(c->sig, &j))
			client_nomem(c);
		client_event(c, WA_EV_DEVICE_REMOVED)->jid = wa_jid_device(&c->dev.pn, old.devices[i].id);
	}
	client_event(c, WA_EV_OWN_DEVICES)->count = count;
}

static void on_devices(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	struct wa_jid lid;

	if (wa_node_get(n, "remove"))
		devices_removed(c, wa_node_get(n, "remove"));

	if (wa_node_attr_jid_get(n, "lid", &lid))
		client_learn(c, from, &lid);
	devices_changed(c, from);
}

static void on_account_sync(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	if (!client_own(c, from))
		return;
	if (wa_node_get(n, "devices")) {
		own_devices(c, wa_node_get(n, "devices"));
		devices_changed(c, from);
	}
	account_sync(c, n);
}

/* Their keys are new: what was agreed with the old ones is void. */
static void identity_changed(struct wa_client *c, const struct wa_jid *from)
{
	struct wa_jid user = wa_jid_bare(from);
	struct device_list l = { .n = 0 };
	uint16_t ids[DEVICES_MAX + 1];
	size_t i, n = 0;

	if (client_own(c, from))
		return;
	user = wa_signal_canonical(c->sig, &user);
	ids[n++] = 0;
	/* An old list still names sessions that may exist. */
	if (usync_cached(c, &user, &l) >= 0)
		for (i = 0; i < l.n; i++)
			if (l.devices[i].id)
				ids[n++] = l.devices[i].id;
	if (wa_signal_drop_user(c->sig, &user, ids, n))
		client_nomem(c);
	usync_forget(c, &user);
	trust_renew(c, &user);
	client_event(c, WA_EV_IDENTITY)->sender = user;
}

static void on_encrypt(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	const struct wa_node *count = wa_node_get(n, "count");

	if (count)
		prekey_low(c, wa_node_attr_num(count, "value", PREKEYS_LOW));
	else if (wa_node_get(n, "identity") && wa_jid_is_user(from) && from->user[0])
		identity_changed(c, from);
}

static void on_link(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	(void)from;
	link_notification(c, n);
}

static void on_server_sync(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	(void)from;
	sync_notification(c, n);
}

static void on_passkey(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	if (!from->user[0])
		passkey_demanded(c, n);
}

static void on_continuation(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	if (!from->user[0])
		passkey_continued(c, n);
}

static void nothing(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from)
{
	(void)c;
	(void)n;
	(void)from;
}

static const struct {
	const char *type;
	void (*fn)(struct wa_client *c, const struct wa_node *n, const struct wa_jid *from);
	bool unlinked; /* makes sense before linking is done; the others are only acknowledged then */
} handlers[] = {
	{ "encrypt", on_encrypt, false },
	{ "devices", on_devices, false },
	{ "account_sync", on_account_sync, false },
	{ "link_code_companion_reg", on_link, true },
	{ "passkey_prologue_request", on_passkey, true },
	{ "crsc_continuation", on_continuation, true },
	{ "privacy_token", trust_notification, false },
	{ "server_sync", on_server_sync, false },
	{ "picture", account_picture, false },
	{ "status", account_about, false },
	{ "contacts", account_contacts, false },
	{ "business", account_business, false },
	{ "newsletter", newsletter_notification, false },
	{ "mex", mex_notification, false },
	{ "w:gp2", group_notification, false },
	{ "mediaretry", media_retry_notification, false },
	/* known, of no consequence here */
	{ "psa", nothing, false },
	{ "pay", nothing, false },
	{ "server", nothing, false },
};

void notification_in(struct wa_client *c, const struct wa_node *n)
{
	struct wa_jid from, lid;
	size_t i;

	if (!wa_node_attr_jid_get(n, "from", &from)) {
		client_unknown(c, "notification", wa_span_str("without sender"));
		return;
	}
	client_ack(c, n, 0);
	if (c->dev.paired && wa_node_attr_jid_get(n, "sender_lid", &lid))
		client_learn(c, &from, &lid);
	for (i = 0; i < WA_ARRAY_LEN(handlers); i++) {
		if (!wa_node_attr_is(n, "type", handlers[i].type))
			continue;
		if (c->dev.paired || handlers[i].unlinked)
			handlers[i].fn(c, n, &from);
		return;
	}
	client_unknown(c, "notification", wa_node_attr_get(n, "type"));
}
