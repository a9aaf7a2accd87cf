/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What usync tells of people besides their devices for sending: about, picture, business name … */
#include <wa/account.h>

#include "client_int.h"
#include "pb.h"

#include <stdlib.h>

#define INFO_ARENA_MAX (4u << 20)
#define CERT_DETAILS   1 /* VerifiedNameCertificate.details */
#define DETAILS_NAME   4 /* VerifiedNameCertificate.Details.verifiedName */

struct ask {
	wa_user_info_fn *fn;
	void *arg;
	struct wa_arena arena;
	struct wa_user_info *users;
	bool *found;
	size_t n;
};

static void ask_free(struct ask *k)
{
	wa_arena_clear(&k->arena);
	free(k->users);
	free(k->found);
	free(k);
}

static struct wa_user_info *find(struct wa_client *c, struct ask *k, const struct wa_jid *jid,
				 const struct wa_jid *lid, const struct wa_jid *pn)
{
	struct wa_jid canon = wa_signal_canonical(c->sig, jid);
	size_t i;

	for (i = 0; i < k->n; i++) {
		struct wa_jid asked = wa_signal_canonical(c->sig, &k->users[i].user);

		if (!wa_jid_same_user(&k->users[i].user, jid) && !wa_jid_same_user(&asked, &canon) &&
		    !(lid && wa_jid_same_user(&k->users[i].user, lid)) &&
		    !(pn && wa_jid_same_user(&k->users[i].user, pn)))
			continue;
		k->found[i] = true;
		return &k->users[i];
	}
	return NULL;
}

static void read_about(struct ask *k, const struct wa_node *user, struct wa_user_info *u)
{
	const struct wa_node *s = wa_node_get(user, "status");

	if (!s || wa_node_has(s, "code") || wa_node_get(s, "error"))
		return; /* 401: hidden from us */
	u->about = wa_arena_str(&k->arena, wa_node_bytes(s));
	u->about_ms = attr_ms(s, "t", 0);
}

static void read_device_ids(const struct wa_node *user, struct wa_user_info *u)
{
	const struct wa_node *d = wa_node_first(wa_node_get(wa_node_get(user, "devices"), "device-list"));

	for (; d && u->n_devices < WA_INFO_DEVICES_MAX; d = d->next) {
		int64_t id = wa_node_attr_num(d, "id", -1);

		if (wa_node_is(d, "device") && id >= 0 && id <= UINT16_MAX)
			u->devices[u->n_devices++] = (uint16_t)id;
	}
}

struct wa_span verified_name(const struct wa_node *cert)
{
	struct wa_span details, text;

	if (wa_pb_find(wa_node_bytes(cert), CERT_DETAILS, &details) != 1 ||
	    wa_pb_find(details, DETAILS_NAME, &text) != 1)
		return wa_span("", 0);
	return text;
}

static void read_business(struct ask *k, const struct wa_node *user, struct wa_user_info *u)
{
	const struct wa_node *b = wa_node_get(user, "business");
	const struct wa_node *name = wa_node_get(b, "verified_name");

	if (!name)
		return;
	u->business = true;
	u->business_name = wa_arena_str(&k->arena, verified_name(name));
}

static void read_timer(const struct wa_node *user, struct wa_user_info *u)
{
	const struct wa_node *t = wa_node_get(user, "disappearing_mode");
	int64_t s = wa_node_attr_num(t, "duration", 0);

	u->timer_s = s > 0 && s <= INT32_MAX ? (uint32_t)s : 0;
	u->timer_ms = attr_ms(t, "t", 0);
}

static void read_info_user(struct wa_client *c, struct ask *k, const struct wa_node *user)
{
	const struct wa_node *pic = wa_node_get(user, "picture"), *name = wa_node_get(user, "username");
	struct wa_jid jid, lid, pn;
	bool has_lid, has_pn;
	struct wa_user_info *u;

	if (!wa_node_is(user, "user") || !wa_node_attr_jid_get(user, "jid", &jid) || wa_node_get(user, "error"))
		return;
	has_lid = wa_node_attr_jid_get(wa_node_get(user, "lid"), "val", &lid) == 1;
	has_pn = wa_node_attr_jid_get(user, "pn_jid", &pn) == 1;
	if (has_lid)
		client_learn(c, &jid, &lid);
	if (has_pn)
		client_learn(c, &pn, &jid);
	u = find(c, k, &jid, has_lid ? &lid : NULL, has_pn ? &pn : NULL);
	if (!u)
		return;
	if (jid.server == WA_SRV_LID)
		u->lid = jid;
	else
		u->jid = jid;
	if (has_lid)
		u->lid = lid;
	if (has_pn)
		u->jid = pn;
	read_about(k, user, u);
	read_device_ids(user, u);
	read_business(k, user, u);
	read_timer(user, u);
	if (wa_node_has(pic, "id"))
		u->picture_id = wa_arena_str(&k->arena, wa_node_attr_get(pic, "id"));
	if (wa_node_bytes(name).len)
		u->username = wa_arena_str(&k->arena, wa_node_bytes(name));
}

static void on_info(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *user = wa_node_first(wa_node_get(wa_node_get(node, "usync"), "list"));
	struct ask *k = arg;
	size_t i, n = 0;

	for (; code == 0 && user; user = user->next)
		read_info_user(c, k, user);
	for (i = 0; code == 0 && i < k->n; i++) {
		struct wa_user_info *u = &k->users[i];

		if (!k->found[i])
			continue;
		if (wa_jid_is_null(&u->lid) && !wa_jid_is_null(&u->jid))
			(void)wa_signal_lid_of(c->sig, &u->jid, &u->lid);
		if (wa_jid_is_null(&u->jid) && !wa_jid_is_null(&u->lid))
			(void)wa_signal_pn_of(c->sig, &u->lid, &u->jid);
		k->users[n++] = *u;
	}
	if (code == 0 && wa_arena_failed(&k->arena))
		code = WA_ENOMEM;
	k->fn(k->arg, code, k->users, code ? 0 : n);
	ask_free(k);
}

static void put_protocols(struct wa_arena *a, struct wa_node *query, unsigned what)
{
	struct wa_node *n;

	if (what & WA_INFO_BUSINESS)
		wa_node_child(a, wa_node_child(a, query, "business"), "verified_name");
	if (what & WA_INFO_ABOUT)
		wa_node_child(a, query, "status");
	if (what & WA_INFO_PICTURE)
		wa_node_child(a, query, "picture");
	if (what & WA_INFO_DEVICES) {
		n = wa_node_child(a, query, "devices");
		wa_node_attr(a, n, "version", "2");
	}
	if (what & WA_INFO_TIMER)
		wa_node_child(a, query, "disappearing_mode");
	if (what & WA_INFO_USERNAME)
		wa_node_child(a, query, "username");
	if (what & WA_INFO_LID)
		wa_node_child(a, query, "lid");
}

static int ask_new(const struct wa_jid *users, size_t n, struct ask **ret_k,
		   struct wa_err *err)
{
	struct ask *k = calloc(1, sizeof(*k));
	size_t i;

	if (!k)
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	wa_arena_init(&k->arena, INFO_ARENA_MAX);
	k->n = n;
	k->users = calloc(n, sizeof(*k->users));
	k->found = calloc(n, sizeof(*k->found));
	if (!k->users || !k->found) {
		ask_free(k);
		return wa_err_set(err, WA_ENOMEM, "no memory for a question");
	}
	for (i = 0; i < n; i++) {
		k->users[i].user = wa_jid_bare(&users[i]);
		if (wa_jid_is_user(&users[i]) && users[i].user[0])
			continue;
		ask_free(k);
		return wa_err_set(err, WA_EINVALID, "number %zu of the list is not a person", i);
	}
	*ret_k = k;
	return 0;
}

int wa_client_user_info(struct wa_client *c, const struct wa_jid *users, size_t n, unsigned what,
			wa_user_info_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_node *iq, *query, *list, *u;
	struct wa_arena a;
	struct ask *k = NULL;
	size_t i;
	int rc;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (n == 0 || n > WA_INFO_USERS_MAX || what == 0)
		return wa_err_set(err, WA_EINVALID, "1 to %d people at a time", WA_INFO_USERS_MAX);
	rc = ask_new(users, n, &k, err);
	if (rc)
		return rc;
	k->fn = fn;
	k->arg = arg;
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = usync_iq(c, &a, "full", "background", &query, &list);
	put_protocols(&a, query, what);
	for (i = 0; i < n; i++) {
		struct wa_jid jid = wa_signal_canonical(c->sig, &k->users[i].user);

		u = wa_node_child(&a, list, "user");
		wa_node_attr_jid(&a, u, "jid", &jid);
		if (what & WA_INFO_ABOUT)
			trust_put(c, &a, u, &jid);
	}
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_info, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}
