/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appstate.h"
#include "person.h"
#include "group.h"

const char *sb_status_str(int st)
{
	static const char *const names[] = { "pending", "sent",     "delivered", "read",
					     "failed",  "received", "seen" };

	return st >= 0 && (size_t)st < WA_ARRAY_LEN(names) ? names[st] : "unknown";
}

struct sb_account *sb_find_pn(struct sandbox *s, const char *pn)
{
	return wa_map_get(&s->by_pn, wa_span_str(pn));
}

struct sb_account *sb_find(struct sandbox *s, const struct wa_jid *j)
{
	if (j->server == WA_SRV_LID)
		return wa_map_get(&s->by_lid, wa_span_str(j->user));
	if (j->server == WA_SRV_PN || j->server == WA_SRV_LEGACY)
		return wa_map_get(&s->by_pn, wa_span_str(j->user));
	return NULL;
}

struct sb_device *sb_device_find(struct sb_account *a, unsigned id)
{
	for (size_t i = 0; i < a->n_devices; i++)
		if (a->devices[i]->id == id)
			return a->devices[i];
	return NULL;
}

struct wa_jid sb_user_jid(const struct sb_account *a, int server)
{
	return server == WA_SRV_LID ? a->lid_jid : a->pn_jid;
}

struct wa_jid sb_other_form(const struct sb_account *a, int server)
{
	return server == WA_SRV_LID ? a->pn_jid : a->lid_jid;
}

struct wa_jid sb_jid(const struct sb_device *d, int server)
{
	struct wa_jid j = sb_user_jid(d->acc, server);

	return wa_jid_device(&j, d->id);
}

bool sb_recently_gone(const struct sb_account *a, unsigned id)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(a->gone); i++)
		if (a->gone[i].at_ms && a->gone[i].id == id &&
		    sb_now(a->s) - a->gone[i].at_ms < SB_GRACE_MS)
			return true;
	return false;
}

void sb_lid_make(struct sandbox *s, char out[SB_LID_DIGITS + 1])
{
	do {
		uint8_t r[SB_LID_DIGITS];

		sb_random(s, r, sizeof(r));
		for (size_t i = 0; i < SB_LID_DIGITS; i++)
			out[i] = (char)('0' + r[i] % 10);
		out[0] = (char)('1' + r[0] % 9);
		out[SB_LID_DIGITS] = 0;
	} while (wa_map_has(&s->by_lid, wa_span_str(out)));
}

struct sb_account *sb_account_alloc(struct sandbox *s, const char *pn, const char *lid,
				    struct wa_err *err)
{
	struct sb_account *a;
	size_t n = strlen(pn);

	if (n < 5 || n > 15 || strspn(pn, "0123456789") != n || pn[0] == '0') {
		wa_err_set(err, WA_EINVALID, "a phone number has 5 to 15 digits and no leading 0");
		return NULL;
	}
	if (wa_map_has(&s->by_pn, wa_span_str(pn)) ||
	    (lid && wa_map_has(&s->by_lid, wa_span_str(lid)))) {
		wa_err_set(err, WA_ECONFLICT, "account %s exists", pn);
		return NULL;
	}
	if (s->n_accounts >= SB_ACCOUNTS_MAX) {
		wa_err_set(err, WA_ELIMIT, "more than %d accounts", SB_ACCOUNTS_MAX);
		return NULL;
	}
	a = calloc(1, sizeof(*a));
	if (!a) {
		wa_err_set(err, WA_ENOMEM, "no memory for an account");
		return NULL;
	}
	a->s = s;
	sb_copy(a->pn, sizeof(a->pn), pn);
	if (lid)
		sb_copy(a->lid, sizeof(a->lid), lid);
	else
		sb_lid_make(s, a->lid);
	a->pn_jid = wa_jid_make(WA_SRV_PN, a->pn, 0);
	a->lid_jid = wa_jid_make(WA_SRV_LID, a->lid, 0);
	a->next_device = 1;
	a->next_key_index = 1;
	a->online = true;
	sb_copy(a->link_state, sizeof(a->link_state), "none");
	wa_buf_init(&a->key_list, 4096);
	if (wa_map_put(&s->by_pn, wa_span_str(a->pn), a, NULL) ||
	    wa_map_put(&s->by_lid, wa_span_str(a->lid), a, NULL)) {
		wa_map_del(&s->by_pn, wa_span_str(a->pn));
		wa_map_del(&s->by_lid, wa_span_str(a->lid));
		free(a);
		wa_err_set(err, WA_ENOMEM, "no memory for an account");
		return NULL;
	}
	wa_list_push_back(&s->accounts, &a->link);
	s->n_accounts++;
	return a;
}

struct sb_account *sb_account_new(struct sandbox *s, const char *pn, const char *name, bool sink,
				  struct wa_err *err)
{
	struct sb_account *a = sb_account_alloc(s, pn, NULL, err);
	struct sb_device *d;

	if (!a)
		return NULL;
	sb_random(s, &a->raw_id, sizeof(a->raw_id));
	a->raw_id &= 0x7fffffff;
	a->sink = sink;
	sb_copy(a->name, sizeof(a->name), name);
	d = sb_device_alloc(a, 0, err);
	if (!d || sb_sim_new(d, err)) {
		sb_account_free(a);
		return NULL;
	}
	sb_keep_account(a);
	sb_keep_device(d);
	return a;
}

void sb_account_free(struct sb_account *a)
{
	struct sandbox *s;
	struct wa_list *l;

	if (!a)
		return;
	s = a->s;
	for (l = s->accounts.next; !s->ending && l != &s->accounts; l = l->next)
		sb_chat_forget_peer(container_of(l, struct sb_account, link), a);
	if (!s->ending)
		sb_groups_forget(s, a);
	sb_replies_clear(s, a);
	sb_link_forget_account(a);
	sb_bulk_clear(s, a);
	sb_calls_clear(s, a);
	sb_person_free(a);
	while (a->n_devices)
		sb_device_free(a->devices[a->n_devices - 1]);
	free(a->devices);
	sb_chat_clear(a);
	sb_appstate_free(a);
	for (size_t i = 0; i < a->n_rules; i++)
		sb_rule_clear(&a->rules[i]);
	free(a->rules);
	wa_map_clear(&a->watchers);
	wa_buf_clear(&a->key_list);
	for (size_t i = 0; i < a->n_former; i++)
		wa_map_del(&s->by_lid, wa_span_str(a->former[i]));
	wa_map_del(&s->by_pn, wa_span_str(a->pn));
	wa_map_del(&s->by_lid, wa_span_str(a->lid));
	wa_list_del(&a->link);
	s->n_accounts--;
	free(a);
}

struct sb_device *sb_device_alloc(struct sb_account *a, unsigned id, struct wa_err *err)
{
	struct sb_device **grown, *d;

	if (a->n_devices >= SB_DEVICES_MAX) {
		wa_err_set(err, WA_ELIMIT, "account %s has %d devices", a->pn, SB_DEVICES_MAX);
		return NULL;
	}
	grown = realloc(a->devices, (a->n_devices + 1) * sizeof(struct sb_device *));
	d = calloc(1, sizeof(*d));
	if (grown)
		a->devices = grown;
	if (!grown || !d) {
		free(d);
		wa_err_set(err, WA_ENOMEM, "no memory for a device");
		return NULL;
	}
	d->acc = a;
	d->id = (uint16_t)id;
	d->linked_ms = sb_now(a->s);
	wa_list_init(&d->queue);
	a->devices[a->n_devices++] = d;
	return d;
}

void sb_device_free(struct sb_device *d)
{
	struct sb_account *a = d->acc;

	if (d->conn) {
		struct sb_conn *c = d->conn;

		d->conn = NULL;
		c->dev = NULL;
		sb_delayed_clear(a->s, c);
	}
	for (size_t i = 0; i < a->n_devices; i++) {
		if (a->devices[i] == d) {
			a->devices[i] = a->devices[--a->n_devices];
			break;
		}
	}
	sb_queue_clear(d);
	wa_list_del(&d->ready);
	wa_list_del(&d->busy);
	wa_list_del(&d->keep);
	sb_sim_free(d->sim);
	free(d->prekeys.keys);
	free(d->used.r);
	free(d->seen);
	wa_buf_clear(&d->proof);
	free(d);
}

int sb_key_list(struct sb_account *a, struct wa_span *ret, struct wa_err *err)
{
	uint32_t valid[SB_DEVICES_MAX];
	size_t n = 0;
	int rc;

	if (!a->key_list.len) {
		for (size_t i = 0; i < a->n_devices; i++)
			if (a->devices[i]->id)
				valid[n++] = a->devices[i]->key_index;
		a->key_list_ms = sb_now(a->s);
		rc = wa_adv_key_index_list(a->s->env, &a->devices[0]->sim->wd.identity, a->raw_id,
					   (uint64_t)(a->key_list_ms / 1000), valid, n,
					   &a->key_list, err);
		if (rc)
			return rc;
	}
	*ret = wa_buf_view(&a->key_list);
	return 0;
}

void sb_dhash(const struct sb_account *a, int server, char out[16])
{
	struct wa_jid jids[SB_DEVICES_MAX];

	for (size_t i = 0; i < a->n_devices; i++)
		jids[i] = sb_jid(a->devices[i], server);
	if (wa_phash(jids, a->n_devices, out))
		out[0] = 0;
}

static void put_key_list(struct wa_arena *ar, struct wa_node *parent, struct sb_account *a)
{
	struct wa_span list;
	struct wa_node *k;

	if (sb_key_list(a, &list, NULL))
		return;
	k = wa_node_child(ar, parent, "key-index-list");
	wa_node_attr_int(ar, k, "ts", a->key_list_ms / 1000);
	wa_node_data(ar, k, list);
}

/* <notification type=devices>: what changed, in the form the listener uses. */
static void tell_watcher(struct sb_account *a, struct sb_account *who, int server,
			 const struct sb_device *added, int removed_id)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct wa_node *n, *op, *dn;
	struct wa_jid user = sb_user_jid(a, server), other = sb_other_form(a, server), j;
	unsigned id = added ? added->id : (unsigned)removed_id;
	char text[32];

	wa_arena_init(&ar, SB_STANZA_MAX);
	n = wa_node_new(&ar, "notification");
	wa_node_attr_jid(&ar, n, "from", &user);
	wa_node_attr(&ar, n, "type", "devices");
	sb_new_id(a->s, text);
	wa_node_attr(&ar, n, "id", text);
	wa_node_attr_int(&ar, n, "t", sb_now(a->s) / 1000);
	if (server == WA_SRV_PN)
		wa_node_attr_jid(&ar, n, "lid", &other);
	op = wa_node_child(&ar, n, added ? "add" : "remove");
	sb_dhash(a, WA_SRV_PN, text);
	wa_node_attr(&ar, op, "device_hash", text);
	sb_dhash(a, WA_SRV_LID, text);
	wa_node_attr(&ar, op, "device_lid_hash", text);
	dn = wa_node_child(&ar, op, "device");
	j = wa_jid_device(&user, id);
	wa_node_attr_jid(&ar, dn, "jid", &j);
	if (server == WA_SRV_PN) {
		j = wa_jid_device(&other, id);
		wa_node_attr_jid(&ar, dn, "lid", &j);
	}
	if (added)
		wa_node_attr_int(&ar, dn, "key-index", added->key_index);
	put_key_list(&ar, op, a);
	for (size_t i = 0; i < who->n_devices; i++)
		if (who->devices[i] != added && !who->devices[i]->sim)
			sb_deliver(who->devices[i], n);
}

/* <notification type=account_sync>: our own list, whole. */
static void tell_own(struct sb_account *a, const struct sb_device *added)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	struct wa_node *n, *list, *dn;
	char text[32];

	wa_arena_init(&ar, SB_STANZA_MAX);
	n = wa_node_new(&ar, "notification");
	wa_node_attr_jid(&ar, n, "from", &a->pn_jid);
	wa_node_attr(&ar, n, "type", "account_sync");
	sb_new_id(a->s, text);
	wa_node_attr(&ar, n, "id", text);
	wa_node_attr_int(&ar, n, "t", sb_now(a->s) / 1000);
	list = wa_node_child(&ar, n, "devices");
	sb_dhash(a, WA_SRV_PN, text);
	wa_node_attr(&ar, list, "dhash", text);
	for (size_t i = 0; i < a->n_devices; i++) {
		struct wa_jid j = sb_jid(a->devices[i], WA_SRV_PN);

		dn = wa_node_child(&ar, list, "device");
		wa_node_attr_jid(&ar, dn, "jid", &j);
		if (a->devices[i]->id)
			wa_node_attr_int(&ar, dn, "key-index", a->devices[i]->key_index);
	}
	put_key_list(&ar, list, a);
	for (size_t i = 0; i < a->n_devices; i++)
		if (a->devices[i] != added && !a->devices[i]->sim)
			sb_deliver(a->devices[i], n);
}

void sb_devices_changed(struct sb_account *a, const struct sb_device *added, int removed_id)
{
	struct wa_span key;
	size_t it = 0;
	void *value;

	wa_buf_reset(&a->key_list);
	tell_own(a, added);
	while (wa_map_next(&a->watchers, &it, &key, &value)) {
		struct sb_account *who;
		char pn[20];

		/* key: 'p' or 'l', then the number */
		sb_copy(pn, sizeof(pn), "");
		if (key.len < 2 || key.len - 1 >= sizeof(pn))
			continue;
		memcpy(pn, key.ptr + 1, key.len - 1);
		pn[key.len - 1] = 0;
		who = sb_find_pn(a->s, pn);
		if (who)
			tell_watcher(a, who, key.ptr[0] == 'l' ? WA_SRV_LID : WA_SRV_PN, added,
				     removed_id);
	}
}

void sb_watch_devices(struct sb_account *a, struct sb_account *who, int server)
{
	char key[24];

	snprintf(key, sizeof(key), "%c%s", server == WA_SRV_LID ? 'l' : 'p', who->pn);
	if (!wa_map_has(&a->watchers, wa_span_str(key)) &&
	    wa_map_put(&a->watchers, wa_span_str(key), a, NULL))
		sb_log(a->s, WA_ERROR, "sandbox.no_memory", "what", "watcher");
}

bool sb_watches(const struct sb_account *a, const struct sb_account *who)
{
	char lid[24], pn[24];

	snprintf(lid, sizeof(lid), "l%s", who->pn);
	snprintf(pn, sizeof(pn), "p%s", who->pn);
	return wa_map_has(&a->watchers, wa_span_str(lid)) || wa_map_has(&a->watchers, wa_span_str(pn));
}

void sb_unlink(struct sb_device *d, bool tell)
{
	struct sb_account *a = d->acc;
	int id = d->id;

	for (size_t i = WA_ARRAY_LEN(a->gone) - 1; i > 0; i--)
		a->gone[i] = a->gone[i - 1];
	a->gone[0] = (struct sb_gone){ .id = d->id, .at_ms = sb_now(a->s) };
	if (d->conn && tell)
		sb_stream_error(d->conn, 401);
	sb_drop_device(d);
	sb_device_free(d);
	sb_devices_changed(a, NULL, id);
	sb_keep_account(a);
}

struct sb_device *sb_sim_companion(struct sb_account *a, struct wa_err *err)
{
	SB_AUTO_BUF struct wa_buf container = { 0 }, reply = { 0 };
	struct sb_device *d = sb_device_alloc(a, a->next_device, err);
	struct wa_adv_params p = { .raw_id = a->raw_id,
				   .timestamp = (uint64_t)(sb_now(a->s) / 1000),
				   .key_index = a->next_key_index };
	uint32_t key_index;

	wa_buf_init(&container, 4096);
	wa_buf_init(&reply, 4096);
	if (!d)
		return NULL;
	if (sb_sim_new(d, err) ||
	    wa_adv_issue(a->s->env, &a->devices[0]->sim->wd.identity, &d->identity,
			 &d->sim->wd.adv_secret, &p, &container, err) ||
	    wa_adv_accept(a->s->env, &d->sim->wd, wa_buf_view(&container), &reply, &key_index,
			  err)) {
		sb_device_free(d);
		return NULL;
	}
	d->key_index = p.key_index;
	a->next_device++;
	a->next_key_index++;
	sb_keep_account(a);
	sb_keep_device(d);
	sb_devices_changed(a, d, -1);
	return d;
}
