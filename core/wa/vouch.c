/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which companion devices an account's phone vouches for. The server hands out
 * device lists and keys; without these checks it could add a device of its own
 * to anybody. What is not signed at all is taken: old servers leave it out.
 */
#include "client_int.h"

/* The phone's identity key, as far as it is known; or it came just now with its prekeys. */
static bool phone_key(struct wa_client *c, const struct wa_jid *who, struct wa_pub *ret)
{
	struct wa_jid phone = wa_jid_bare(who);
	const struct wa_list *it;

	if (wa_signal_identity(c->sig, &phone, ret, NULL) > 0)
		return true;
	for (it = c->bundles.next; it != &c->bundles; it = it->next) {
		const struct bundle_item *b = (const struct bundle_item *)(const void *)it;

		if (!wa_jid_eq(&b->jid, &phone))
			continue;
		*ret = b->b.identity;
		return true;
	}
	return false;
}

bool vouch_bundle(struct wa_client *c, const struct wa_jid *device, const struct wa_node *user,
		  const struct wa_bundle *b)
{
	struct wa_span identity = wa_node_bytes(wa_node_get(user, "device-identity"));
	struct wa_pub key;
	int rc;

	if (device->device == 0 || identity.len == 0)
		return true;
	rc = wa_adv_check_device(identity, &b->identity, phone_key(c, device, &key) ? &key : NULL, NULL);
	if (rc == 0 || rc == WA_ENOTFOUND)
		return true;
	WA_LOG(c->env, WA_WARN, "device.not_vouched_for", WA_I("device", device->device));
	client_unknown(c, "device", wa_span_str("identity"));
	return false;
}

int vouch_list(struct wa_client *c, const struct wa_jid *user, const struct wa_node *devices,
	       struct wa_key_indexes *ret_k)
{
	struct wa_span list = wa_node_bytes(wa_node_get(devices, "key-index-list"));
	struct wa_err err = WA_ERR_INIT;
	struct wa_pub key;
	int rc;

	if (list.len == 0)
		return 0;
	rc = wa_adv_key_index_open(list, phone_key(c, user, &key) ? &key : NULL, ret_k, &err);
	if (rc == 0)
		return 1;
	WA_LOG(c->env, WA_WARN, "device.list_refused", WA_S("why", err.msg));
	client_unknown(c, "device", wa_span_str("list"));
	return rc;
}
