/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages to groups and to the status: judged, split by device.
 *
 * The server cannot read who was given which sender key, but a message names
 * its key, and the keys travel in stanzas to this group: so it is known which
 * devices hold the key of a message. A member's device without it will not read
 * the message, and somebody who left with it could: both are told.
 */
#include "group.h"

#define JUDGE(m, kind, ...) sb_violation((m)->from->acc->s, (m)->from, (m)->n, kind, __VA_ARGS__)

struct copy {
	struct sb_device *to;
	const struct wa_node *enc;
};

struct post {
	struct sb_device *from;
	const struct wa_node *n, *enc;
	struct sb_group *g;	/* NULL: the status */
	struct wa_jid to;
	const char *id;
	int form;
	struct sb_keyset *keys;
	struct copy *copies;	/* what each device gets besides */
	size_t n_copies;
	struct wa_arena *a;
};

/* ---- who holds which key ---- */

static uint64_t device_hash(const struct sb_device *d)
{
	char key[40];

	snprintf(key, sizeof(key), "%s:%u", d->acc->pn, d->id);
	return wa_hash(wa_span_str(key));
}

static bool holds(const struct sb_keyset *k, const struct sb_device *d)
{
	uint64_t h = device_hash(d);

	for (size_t i = 0; i < k->n; i++)
		if (k->ids[i] == h)
			return true;
	return false;
}

static void given(struct sb_keyset *k, const struct sb_device *d)
{
	if (holds(k, d))
		return;
	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 16;
		uint64_t *grown = realloc(k->ids, cap * sizeof(*grown));

		if (!grown)
			return;
		k->ids = grown;
		k->cap = cap;
	}
	k->ids[k->n++] = device_hash(d);
}

static struct sb_keyset *keyset(struct sandbox *s, const struct wa_jid *to,
				const struct sb_device *from)
{
	char key[128], text[WA_JID_TEXT_MAX];
	struct sb_keyset *k;

	snprintf(key, sizeof(key), "%s %s:%u", wa_jid_text(to, text), from->acc->pn, from->id);
	k = wa_map_get(&s->keysets, wa_span_str(key));
	if (!k && (k = calloc(1, sizeof(*k))) &&
	    wa_map_put(&s->keysets, wa_span_str(key), k, NULL)) {
		free(k);
		k = NULL;
	}
	return k;
}

void sb_keysets_clear(struct sandbox *s)
{
	struct wa_span key;
	void *value;
	size_t it = 0;

	while (wa_map_next(&s->keysets, &it, &key, &value)) {
		struct sb_keyset *k = value;

		free(k->ids);
		free(k);
	}
	wa_map_clear(&s->keysets);
}

/* SenderKeyMessage after its version byte: field 1 is the key's id. 0: not one. */
static uint32_t key_id(struct wa_span s)
{
	uint32_t v = 0;

	if (s.len < 70 || s.ptr[0] != 0x33 || s.ptr[1] != 0x08)
		return 0;
	for (size_t i = 2; i < 7 && i < s.len; i++) {
		v |= (uint32_t)(s.ptr[i] & 0x7f) << (7 * (i - 2));
		if (!(s.ptr[i] & 0x80))
			return v ? v : 1;
	}
	return 0;
}

/* ---- delivery ---- */

static void copy_enc(struct post *p, struct wa_node *to, const struct wa_node *enc)
{
	struct wa_node *out = wa_node_child(p->a, to, "enc");
	const struct wa_attr *at;

	for (at = enc->attrs; at; at = at->next) {
		char *key = wa_arena_str(p->a, at->key);

		if (key && !at->jid)
			wa_node_attr_span(p->a, out, key, at->text);
	}
	wa_node_data(p->a, out, wa_node_bytes(enc));
}

static void deliver(struct post *p, struct sb_device *d, const struct wa_node *own)
{
	static const char *const mine[] = { "participants", "enc", "device-identity" };
	struct sb_account *acc = p->from->acc;
	struct wa_jid part = sb_jid(p->from, p->form), other = sb_other_form(acc, p->form);
	bool pk = own && wa_node_attr_is(own, "type", "pkmsg");
	struct wa_node *n = wa_node_new(p->a, "message");
	const struct wa_node *k;

	wa_node_attr_jid(p->a, n, "from", &p->to);
	wa_node_attr_jid(p->a, n, "participant", &part);
	wa_node_attr(p->a, n, "id", p->id);
	wa_node_attr_span(p->a, n, "type", wa_node_attr_get(p->n, "type"));
	wa_node_attr_int(p->a, n, "t", sb_now(acc->s) / 1000);
	wa_node_attr(p->a, n, "notify", p->from->name[0] ? p->from->name : acc->name);
	if (p->g)
		wa_node_attr(p->a, n, "addressing_mode", p->g->lid ? "lid" : "pn");
	wa_node_attr_jid(p->a, n, p->form == WA_SRV_LID ? "participant_pn" : "participant_lid",
			 &other);
	if (wa_node_has(p->n, "edit"))
		wa_node_attr_span(p->a, n, "edit", wa_node_attr_get(p->n, "edit"));
	if (own)
		copy_enc(p, n, own);
	if (p->enc && p->enc != own)
		copy_enc(p, n, p->enc);
	for (k = wa_node_first(p->n); k; k = k->next) {
		bool skip = wa_node_is(k, "device-identity") && !pk;
		struct wa_node *copy;

		for (size_t i = 0; i < WA_ARRAY_LEN(mine) - 1; i++)
			skip |= wa_node_is(k, mine[i]);
		copy = skip ? NULL : wa_arena_dup(p->a, k, sizeof(*k));
		if (!copy)
			continue;
		copy->next = NULL;
		wa_node_append(n, copy);
	}
	d->msgs_in++;
	sb_deliver(d, n);
}

/* ---- judging ---- */

static bool enc_fits(struct post *p, const struct wa_node *enc, bool pairwise)
{
	struct wa_span data = wa_node_bytes(enc);
	bool pk = wa_node_attr_is(enc, "type", "pkmsg");
	bool right = pairwise ? pk || wa_node_attr_is(enc, "type", "msg")
			      : wa_node_attr_is(enc, "type", "skmsg");

	if (!enc || !right || !wa_node_attr_is(enc, "v", "2") ||
	    enc->content != WA_CONTENT_BYTES || data.len < 2 || data.ptr[0] != 0x33) {
		JUDGE(p, "enc.malformed", "not the ciphertext that belongs here");
		return false;
	}
	if (pk && p->from->id && !wa_node_get(p->n, "device-identity")) {
		JUDGE(p, "device_identity.missing",
		      "a prekey message goes without device-identity");
		return false;
	}
	return true;
}

static struct sb_device *copy_for(struct post *p, const struct wa_node *to)
{
	struct sb_account *acc;
	struct sb_device *d;
	struct wa_jid j;

	if (!wa_node_is(to, "to") || !wa_node_attr_jid_typed(to, "jid") ||
	    !wa_node_attr_jid_get(to, "jid", &j)) {
		JUDGE(p, "fanout.malformed", "participants hold something else than <to jid>");
		return NULL;
	}
	acc = sb_find(p->from->acc->s, &j);
	d = acc ? sb_device_find(acc, j.device) : NULL;
	if (p->g && (j.server == WA_SRV_LID) != p->g->lid)
		JUDGE(p, "group.form", "a device in the form the group does not use");
	if (!d) {
		if (!acc || !sb_recently_gone(acc, j.device))
			JUDGE(p, "fanout.unknown", "no device %u of %s", j.device, j.user);
		return NULL;
	}
	if (p->g && !sb_group_member(p->g, acc)) {
		if (!sb_group_was_member(p->g, acc))
			JUDGE(p, "group.stranger", "a key for %s, who is no member", acc->pn);
		return NULL;
	}
	if (d == p->from) {
		JUDGE(p, "fanout.self", "a copy for the sending device itself");
		return NULL;
	}
	return d;
}

static const struct wa_node *own_copy(const struct post *p, const struct sb_device *d)
{
	for (size_t i = 0; i < p->n_copies; i++)
		if (p->copies[i].to == d)
			return p->copies[i].enc;
	return NULL;
}

static void take_keys(struct post *p)
{
	const struct wa_node *parts = wa_node_get(p->n, "participants"), *k, *enc;
	uint32_t id = key_id(wa_node_bytes(p->enc));
	struct sb_device *d;
	size_t n = 0;

	for (k = wa_node_first(parts); k; k = k->next)
		n++;
	p->copies = wa_arena_alloc(p->a, (n + 1) * sizeof(*p->copies));

	if (p->keys->key != id) {
		bool handed_out = p->g && p->g->restored && p->keys->key == 0;

		p->keys->key = id;
		p->keys->n = 0;
		/* before the restart, as far as can be known */
		for (size_t i = 0; handed_out && i < p->g->n_members; i++)
			for (size_t j = 0; j < p->g->members[i].acc->n_devices; j++)
				given(p->keys, p->g->members[i].acc->devices[j]);
	}
	for (k = wa_node_first(parts); k && p->copies; k = k->next) {
		d = copy_for(p, k);
		enc = wa_node_get(k, "enc");
		if (!d || !enc_fits(p, enc, true))
			continue;
		if (own_copy(p, d)) {
			JUDGE(p, "fanout.twice", "two copies for device %u of %s", d->id,
			      d->acc->pn);
			continue;
		}
		given(p->keys, d);
		p->copies[p->n_copies++] = (struct copy){ d, enc };
	}
}

static void judge_keys(struct post *p)
{
	struct sandbox *s = p->from->acc->s;

	for (size_t i = 0; i < p->g->n_members; i++) {
		struct sb_account *acc = p->g->members[i].acc;
		bool new_here = sb_now(s) - p->g->members[i].since_ms < SB_GRACE_MS;

		for (size_t k = 0; k < acc->n_devices && !new_here; k++) {
			struct sb_device *d = acc->devices[k];

			if (d != p->from && !holds(p->keys, d) &&
			    sb_now(s) - d->linked_ms >= SB_GRACE_MS)
				JUDGE(p, "group.key_missing", "device %u of %s cannot read this",
				      d->id, acc->pn);
		}
	}
	for (size_t i = 0; i < WA_ARRAY_LEN(p->g->former); i++) {
		const struct sb_former *f = &p->g->former[i];

		if (!f->acc || sb_group_member(p->g, f->acc) ||
		    sb_now(s) - f->at_ms < SB_GRACE_MS)
			continue;
		for (size_t k = 0; k < f->acc->n_devices; k++)
			if (holds(p->keys, f->acc->devices[k]))
				JUDGE(p, "group.key_kept", "%s left and could read this",
				      f->acc->pn);
	}
}

/* ---- the ways ---- */

/* A message again to one device, with the key in it. */
static int resend(struct post *p)
{
	const struct wa_node *enc = wa_node_get(p->n, "enc");
	struct sb_account *acc;
	struct sb_device *d;
	struct wa_jid j;

	if (!wa_node_attr_jid_typed(p->n, "participant") ||
	    !wa_node_attr_jid_get(p->n, "participant", &j)) {
		JUDGE(p, "message.participant", "a resend names its device");
		return 400;
	}
	acc = sb_find(p->from->acc->s, &j);
	d = acc ? sb_device_find(acc, j.device) : NULL;
	if (!d || (p->g && !sb_group_member(p->g, acc)))
		return 404;
	if (!enc_fits(p, enc, true))
		return 400;
	if (p->keys)
		given(p->keys, d);
	p->enc = NULL;
	deliver(p, d, enc);
	return 0;
}

static void to_group(struct post *p)
{
	judge_keys(p);
	for (size_t i = 0; i < p->g->n_members; i++) {
		struct sb_account *acc = p->g->members[i].acc;

		for (size_t k = 0; k < acc->n_devices; k++)
			if (acc->devices[k] != p->from)
				deliver(p, acc->devices[k], own_copy(p, acc->devices[k]));
	}
}

/* Who holds the key may see it: the audience is theirs to choose. */
static void to_audience(struct post *p)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &p->from->acc->s->accounts)
	{
		struct sb_account *acc = container_of(l, struct sb_account, link);

		for (size_t k = 0; k < acc->n_devices; k++)
			if (acc->devices[k] != p->from && holds(p->keys, acc->devices[k]))
				deliver(p, acc->devices[k], own_copy(p, acc->devices[k]));
	}
}

static int may_write(const struct post *p)
{
	if (!p->g)
		return 0;
	if (!sb_group_member(p->g, p->from->acc))
		return 403;
	if (p->g->community)
		return 420;
	return p->g->announce && !sb_group_admin(p->g, p->from->acc) ? 403 : 0;
}

/* A member goes while the stanza is on its way: whoever came last and is nobody's admin. */
static void change_under(struct post *p)
{
	for (size_t i = p->g->n_members; i-- > 0;) {
		struct sb_account *acc = p->g->members[i].acc;

		if (acc == p->from->acc || p->g->members[i].role != SB_MEMBER)
			continue;
		(void)sb_group_leave(p->g, acc);
		return;
	}
}

int sb_group_message(struct sb_device *from, const struct wa_node *n, const struct wa_jid *to,
		     char ret_hash[16])
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sandbox *s = from->acc->s;
	struct post p = { .from = from, .n = n, .to = *to, .a = &a };
	char hash[16];
	int code;

	ret_hash[0] = 0;
	wa_arena_init(&a, 256 * SB_STANZA_MAX);
	p.g = sb_group_find(s, to);
	if (!p.g && to->server == WA_SRV_GROUP)
		return 404;
	if (to->server == WA_SRV_BROADCAST && strcmp(to->user, "status") != 0)
		return 404;
	p.id = sb_attr(&a, n, "id");
	p.keys = keyset(s, to, from);
	if (!p.keys)
		return 500;
	from->msgs_out++;
	s->messages++;
	p.form = p.g ? sb_group_form(p.g) : WA_SRV_LID;
	code = may_write(&p);
	if (code)
		return code;
	if (wa_node_attr_is(n, "device_fanout", "false") || wa_node_has(n, "participant"))
		return resend(&p);
	if (p.g && !wa_node_attr_is(n, "addressing_mode", p.g->lid ? "lid" : "pn")) {
		JUDGE(&p, "group.addressing", "not the group's addressing mode");
		return 421;
	}
	p.enc = wa_node_get(n, "enc");
	if (!enc_fits(&p, p.enc, false))
		return 400;
	if (p.g && sb_fault_hit(s, SB_FAULT_GROUP_CHANGED, from->acc, from->id))
		change_under(&p);
	take_keys(&p);
	if (!p.g) {
		to_audience(&p);
		return 0;
	}
	if (wa_node_has(n, "phash") && sb_group_phash(p.g, hash) == 0 &&
	    !wa_node_attr_is(n, "phash", hash))
		memcpy(ret_hash, hash, sizeof(hash));
	to_group(&p);
	return 0;
}

/* ---- receipts ---- */

void sb_group_receipt(struct sb_device *d, const struct wa_node *n, const char *type,
		      const struct wa_jid *to)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sandbox *s = d->acc->s;
	struct sb_group *g = sb_group_find(s, to);
	bool self = strstr(type, "-self") != NULL, retry = strcmp(type, "retry") == 0;
	struct sb_account *author;
	struct wa_node *out;
	struct wa_jid part, me;

	wa_arena_init(&a, SB_STANZA_MAX);
	if (!wa_node_attr_jid_get(n, "participant", &part) || !(author = sb_find(s, &part))) {
		sb_violation(s, d, n, "receipt.participant", "a receipt in a group names the author");
		return;
	}
	me = sb_jid(d, g ? sb_group_form(g) : part.server);
	out = wa_node_new(&a, "receipt");
	wa_node_attr_jid(&a, out, "from", to);
	wa_node_attr_jid(&a, out, "participant", &me);
	wa_node_attr_span(&a, out, "id", wa_node_attr_get(n, "id"));
	wa_node_attr(&a, out, "type", *type ? type : NULL);
	wa_node_attr_int(&a, out, "t", wa_node_attr_num(n, "t", sb_now(s) / 1000));
	for (const struct wa_node *k = wa_node_first(n); k; k = k->next) {
		struct wa_node *copy = wa_arena_dup(&a, k, sizeof(*k));

		if (!copy)
			return;
		copy->next = NULL;
		wa_node_append(out, copy);
	}
	if (retry) {
		struct sb_device *one = sb_device_find(author, part.device);

		if (one)
			sb_seen_add(one, "retry", sb_attr(&a, n, "id"));
		if (one && one != d)
			sb_deliver(one, out);
		return;
	}
	for (size_t i = 0; !self && author != d->acc && i < author->n_devices; i++)
		sb_deliver(author->devices[i], out);
	if (strncmp(type, "read", 4) != 0 && strncmp(type, "played", 6) != 0)
		return;
	/* our own other devices hear that it was read */
	out = wa_node_new(&a, "receipt");
	wa_node_attr_jid(&a, out, "from", to);
	wa_node_attr_jid(&a, out, "participant", &me);
	wa_node_attr_span(&a, out, "id", wa_node_attr_get(n, "id"));
	wa_node_attr(&a, out, "type", strncmp(type, "read", 4) == 0 ? "read-self" : "played-self");
	wa_node_attr_int(&a, out, "t", sb_now(s) / 1000);
	for (size_t i = 0; i < d->acc->n_devices; i++)
		if (d->acc->devices[i] != d)
			sb_deliver(d->acc->devices[i], out);
}
