/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One identity, two names: a person's LID and phone number. Sessions live
 * under the LID as soon as it is known; what was stored under the phone number
 * before moves when it is next asked for.
 */
#include "signal_int.h"

#include <stdio.h>

/* The names other libraries use for the domains; kept, because records may be imported. */
static const char *domain_suffix(int server)
{
	switch (server) {
	case WA_SRV_PN:
	case WA_SRV_LEGACY:
		return "";
	case WA_SRV_LID:
		return "_1";
	case WA_SRV_HOSTED:
		return "_128";
	case WA_SRV_HOSTED_LID:
		return "_129";
	default:
		return NULL;
	}
}

static bool is_pn(int server)
{
	return server == WA_SRV_PN || server == WA_SRV_HOSTED || server == WA_SRV_LEGACY;
}

static bool is_lid(int server)
{
	return server == WA_SRV_LID || server == WA_SRV_HOSTED_LID;
}

static int lid_server(int server)
{
	return server == WA_SRV_HOSTED ? WA_SRV_HOSTED_LID : WA_SRV_LID;
}

static int pn_server(int server)
{
	return server == WA_SRV_HOSTED_LID ? WA_SRV_HOSTED : WA_SRV_PN;
}

int wa_addr_make(const struct wa_jid *device, struct wa_addr *ret, struct wa_err *err)
{
	const char *suffix = domain_suffix(device->server);

	if (!suffix || !device->user[0])
		return wa_err_set(err, WA_EINVALID, "not a device with a Signal session");
	(void)snprintf(ret->name, sizeof(ret->name), "%s%s", device->user, suffix);
	(void)snprintf(ret->text, sizeof(ret->text), "%s.%u", ret->name, (unsigned)device->device);
	ret->sg = (signal_protocol_address){ ret->name, strlen(ret->name), device->device };
	return 0;
}

/* The other name of a user; 1/0/<0. */
static int other_name(struct wa_signal *s, int kind, const char *user,
		      char ret[WA_JID_USER_MAX + 1])
{
	const struct wa_jid *own = kind == WA_REC_LID ? &s->dev->pn : &s->dev->lid;
	const struct wa_jid *own_other = kind == WA_REC_LID ? &s->dev->lid : &s->dev->pn;
	struct wa_span value;
	int found;

	if (!wa_jid_is_null(own) && !wa_jid_is_null(own_other) && strcmp(own->user, user) == 0) {
		memcpy(ret, own_other->user, sizeof(own_other->user));
		return 1;
	}
	found = wa_records_view(s->rec, kind, wa_span_str(user), &value, NULL);
	if (found <= 0)
		return found;
	if (value.len == 0 || value.len > WA_JID_USER_MAX)
		return 0;
	memcpy(ret, value.ptr, value.len);
	ret[value.len] = '\0';
	return 1;
}

int wa_signal_lid_of(struct wa_signal *s, const struct wa_jid *pn, struct wa_jid *ret_lid)
{
	char user[WA_JID_USER_MAX + 1];
	int found;

	if (!is_pn(pn->server))
		return 0;
	found = other_name(s, WA_REC_LID, pn->user, user);
	if (found > 0)
		*ret_lid = wa_jid_make(lid_server(pn->server), user, pn->device);
	return found;
}

int wa_signal_pn_of(struct wa_signal *s, const struct wa_jid *lid, struct wa_jid *ret_pn)
{
	char user[WA_JID_USER_MAX + 1];
	int found;

	if (!is_lid(lid->server))
		return 0;
	found = other_name(s, WA_REC_PN, lid->user, user);
	if (found > 0)
		*ret_pn = wa_jid_make(pn_server(lid->server), user, lid->device);
	return found;
}

struct wa_jid wa_signal_canonical(struct wa_signal *s, const struct wa_jid *j)
{
	struct wa_jid r = *j;

	if (wa_signal_lid_of(s, j, &r) > 0)
		return r;
	if (r.server == WA_SRV_LEGACY)
		r.server = WA_SRV_PN;
	return r;
}

/* Append the states of `from` to the previous states of `to`, whose current one stays. */
static int append_states(session_record *to, session_record *from)
{
	session_state *current = session_record_get_state(to);
	session_state *state = session_record_get_state(from);
	session_record_state_node *node = session_record_get_previous_states_head(from);
	int rc = 0;

	SIGNAL_REF(current);
	while (rc == 0 && state) {
		/* libsignal archives by promoting: state becomes current, then current again,
		 * and the copy of it that this left behind goes. */
		rc = session_record_promote_state(to, state);
		if (rc == 0) {
			(void)session_record_get_previous_states_remove(
				to, session_record_get_previous_states_head(to));
			rc = session_record_promote_state(to, current);
		}
		state = node ? session_record_get_previous_states_element(node) : NULL;
		node = node ? session_record_get_previous_states_next(node) : NULL;
	}
	SIGNAL_UNREF(current);
	return rc;
}

/* Of two, one of which cannot be read, the other is the result. */
static int merge(struct wa_signal *s, struct wa_span to, struct wa_span from,
		 signal_buffer **ret_merged)
{
	session_record *keep = NULL, *other = NULL;
	int rc = session_record_deserialize(&keep, to.ptr, to.len, s->ctx);

	if (rc != SG_ERR_NOMEM && session_record_deserialize(&other, from.ptr, from.len, s->ctx) == SG_ERR_NOMEM)
		rc = SG_ERR_NOMEM;
	if (rc && rc != SG_ERR_NOMEM && other) {
		rc = session_record_serialize(ret_merged, other);
	} else if (rc == 0) {
		if (other)
			rc = append_states(keep, other);
		if (rc == 0)
			rc = session_record_serialize(ret_merged, keep);
	}
	SIGNAL_UNREF(keep);
	SIGNAL_UNREF(other);
	return rc;
}

static int move_session(struct wa_signal *s, const struct wa_addr *to, const struct wa_addr *from,
			struct wa_err *err)
{
	signal_buffer *merged = NULL;
	struct wa_buf old;
	struct wa_span here;
	int rc;

	wa_buf_init(&old, 4u << 20);
	rc = wa_records_get(s->rec, WA_REC_SESSION, wa_addr_key(from), &old, err);
	if (rc <= 0)
		goto out;
	rc = wa_records_view(s->rec, WA_REC_SESSION, wa_addr_key(to), &here, err);
	if (rc < 0)
		goto out;
	if (rc == 0) {
		rc = wa_records_put(s->rec, WA_REC_SESSION, wa_addr_key(to), wa_buf_view(&old));
	} else if ((rc = merge(s, here, wa_buf_view(&old), &merged)) == SG_ERR_NOMEM) {
		rc = wa_err_set(err, WA_ENOMEM, "two session records could not be merged");
	} else if (rc) {
		/* Neither can be read: a new session is agreed when it is needed. */
		WA_LOG(s->env, WA_WARN, "signal.session_damaged", WA_S("device", to->text));
		rc = wa_records_del(s->rec, WA_REC_SESSION, wa_addr_key(to));
	} else {
		rc = wa_records_put(s->rec, WA_REC_SESSION, wa_addr_key(to),
				    wa_span(signal_buffer_data(merged), signal_buffer_len(merged)));
	}
	if (rc == 0)
		rc = wa_records_del(s->rec, WA_REC_SESSION, wa_addr_key(from));
	rc = rc ? rc : 1;
out:
	signal_buffer_bzero_free(merged);
	wa_buf_wipe(&old);
	return rc;
}

static int move_identity(struct wa_signal *s, const struct wa_addr *to, const struct wa_addr *from,
			 struct wa_err *err)
{
	struct wa_span value;
	struct wa_buf old;
	int rc;

	wa_buf_init(&old, 256);
	rc = wa_records_get(s->rec, WA_REC_IDENTITY, wa_addr_key(from), &old, err);
	if (rc > 0) {
		rc = wa_records_view(s->rec, WA_REC_IDENTITY, wa_addr_key(to), &value, err);
		if (rc == 0)
			rc = wa_records_put(s->rec, WA_REC_IDENTITY, wa_addr_key(to),
					    wa_buf_view(&old));
		if (rc >= 0)
			rc = wa_records_del(s->rec, WA_REC_IDENTITY, wa_addr_key(from));
	}
	wa_buf_clear(&old);
	return rc;
}

int wa_signal_adopt(struct wa_signal *s, const struct wa_jid *lid, struct wa_err *err)
{
	struct wa_addr to, from;
	struct wa_jid pn;
	int moved, rc = wa_signal_pn_of(s, lid, &pn);

	if (rc <= 0)
		return rc;
	if ((rc = wa_addr_make(lid, &to, err)) || (rc = wa_addr_make(&pn, &from, err)))
		return rc;
	wa_records_begin(s->rec);
	moved = move_session(s, &to, &from, err);
	rc = moved < 0 ? moved : move_identity(s, &to, &from, err);
	if (rc < 0) {
		wa_records_rollback(s->rec);
		return rc;
	}
	wa_records_keep(s->rec);
	return moved;
}

int wa_signal_locate(struct wa_signal *s, const struct wa_jid *device, struct wa_jid *ret_canonical,
		     struct wa_addr *ret, struct wa_err *err)
{
	struct wa_span value;
	int rc;

	*ret_canonical = wa_signal_canonical(s, device);
	rc = wa_addr_make(ret_canonical, ret, err);
	if (rc || !is_lid(ret_canonical->server))
		return rc;
	rc = wa_records_view(s->rec, WA_REC_SESSION, wa_addr_key(ret), &value, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = wa_signal_adopt(s, ret_canonical, err);
	return rc < 0 ? rc : 0;
}

/* Drop the reverse of a pair that no longer holds. */
static int unpair(struct wa_signal *s, int kind, int reverse, const char *user)
{
	char other[WA_JID_USER_MAX + 1], back[WA_JID_USER_MAX + 1];
	int rc = other_name(s, kind, user, other);

	if (rc <= 0)
		return rc;
	rc = other_name(s, reverse, other, back);
	if (rc > 0 && strcmp(back, user) == 0)
		return wa_records_del(s->rec, reverse, wa_span_str(other));
	return rc < 0 ? rc : 0;
}

int wa_signal_forget_lid(struct wa_signal *s, const struct wa_jid *pn)
{
	int rc;

	wa_records_begin(s->rec);
	rc = unpair(s, WA_REC_LID, WA_REC_PN, pn->user);
	if (rc >= 0)
		rc = wa_records_del(s->rec, WA_REC_LID, wa_span_str(pn->user));
	if (rc < 0)
		wa_records_rollback(s->rec);
	else
		wa_records_keep(s->rec);
	return rc < 0 ? rc : 0;
}

int wa_signal_learn_lid(struct wa_signal *s, const struct wa_jid *pn, const struct wa_jid *lid,
			struct wa_err *err)
{
	char known[WA_JID_USER_MAX + 1];
	struct wa_jid first;
	int rc;

	if (!is_pn(pn->server) || !is_lid(lid->server) || !pn->user[0] || !lid->user[0])
		return wa_err_set(err, WA_EINVALID, "not a phone number and a LID");
	rc = other_name(s, WA_REC_LID, pn->user, known);
	if (rc < 0 || (rc > 0 && strcmp(known, lid->user) == 0))
		return rc < 0 ? rc : 0;
	wa_records_begin(s->rec);
	rc = unpair(s, WA_REC_LID, WA_REC_PN, pn->user);
	if (rc >= 0)
		rc = unpair(s, WA_REC_PN, WA_REC_LID, lid->user);
	if (rc >= 0)
		rc = wa_records_put(s->rec, WA_REC_LID, wa_span_str(pn->user),
				    wa_span_str(lid->user));
	if (rc == 0)
		rc = wa_records_put(s->rec, WA_REC_PN, wa_span_str(lid->user),
				    wa_span_str(pn->user));
	first = wa_jid_device(lid, 0);
	if (rc == 0)
		rc = wa_signal_adopt(s, &first, err);
	if (rc < 0) {
		wa_records_rollback(s->rec);
		return wa_err_set(err, rc, "learning a LID failed");
	}
	wa_records_keep(s->rec);
	return 1;
}

/* Delete session (and identity) under both names. */
static int drop_device(struct wa_signal *s, const struct wa_jid *device, bool identity)
{
	struct wa_jid forms[2];
	struct wa_addr addr;
	size_t n = 1;
	int rc;

	forms[0] = wa_signal_canonical(s, device);
	if (wa_signal_pn_of(s, &forms[0], &forms[1]) > 0)
		n = 2;
	for (size_t i = 0; i < n; i++) {
		rc = wa_addr_make(&forms[i], &addr, NULL);
		if (rc == 0)
			rc = wa_records_del(s->rec, WA_REC_SESSION, wa_addr_key(&addr));
		if (rc == 0 && identity)
			rc = wa_records_del(s->rec, WA_REC_IDENTITY, wa_addr_key(&addr));
		if (rc)
			return rc;
	}
	return 0;
}

int wa_signal_drop_session(struct wa_signal *s, const struct wa_jid *device)
{
	return drop_device(s, device, false);
}

int wa_signal_drop_user(struct wa_signal *s, const struct wa_jid *user, const uint16_t *devices,
			size_t n)
{
	int rc = 0;

	wa_records_begin(s->rec);
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct wa_jid device = wa_jid_device(user, devices[i]);

		rc = drop_device(s, &device, true);
	}
	if (rc)
		wa_records_rollback(s->rec);
	else
		wa_records_keep(s->rec);
	return rc;
}

int wa_signal_identity(struct wa_signal *s, const struct wa_jid *device, struct wa_pub *ret_pub,
		       struct wa_err *err)
{
	struct wa_jid canonical;
	struct wa_addr addr;
	struct wa_span value;
	int rc = wa_signal_locate(s, device, &canonical, &addr, err);

	if (rc)
		return rc;
	rc = wa_records_view(s->rec, WA_REC_IDENTITY, wa_addr_key(&addr), &value, err);
	if (rc <= 0)
		return rc;
	if (value.len != WA_TYPED_PUB || value.ptr[0] != 0x05)
		return wa_err_set(err, WA_ESTORE, "an identity record is not readable");
	memcpy(ret_pub->b, value.ptr + 1, 32);
	return 1;
}

int wa_signal_set_identity(struct wa_signal *s, const struct wa_jid *device,
			   const struct wa_pub *pub)
{
	uint8_t typed[WA_TYPED_PUB];
	struct wa_jid canonical;
	struct wa_addr addr;
	int rc = wa_signal_locate(s, device, &canonical, &addr, NULL);

	if (rc)
		return rc;
	typed[0] = 0x05;
	memcpy(typed + 1, pub->b, 32);
	return wa_records_put(s->rec, WA_REC_IDENTITY, wa_addr_key(&addr),
			      wa_span(typed, sizeof(typed)));
}
