/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is remembered of a group between sends.
 *
 * WA_REC_GROUP: version, flags, timer, version of the list, members: role, user in the group's
 * form, user in the other form.
 *
 * WA_REC_KEY_HOLDERS: version, nonce, 8 bytes for each device that holds our sender key. The
 * nonce is 0 once the server has taken the stanza that carried keys; before, it is that of this
 * client object: after a crash nobody can say who got them, and everybody gets the key again.
 */
#include "group_int.h"

#include <crypto.h>

#include <stdlib.h>

#define GROUP_VERSION	1
#define FLAG_LID	1
#define FLAG_STALE	2
#define RECORD_MAX	(1u << 20)
#define HOLDERS_VERSION 1
#define HOLDERS_HEAD	5

static struct wa_span key_of(const struct wa_jid *jid, char text[WA_JID_TEXT_MAX])
{
	return wa_span_str(wa_jid_text(jid, text));
}

void group_clear(struct group *g)
{
	free(g->members);
	memset(g, 0, sizeof(*g));
}

struct group_member *group_find(const struct group *g, const struct wa_jid *who)
{
	struct wa_jid j = jid_person(who);
	size_t i;

	for (i = 0; i < g->n; i++)
		if (wa_jid_same_user(&g->members[i].jid, &j) ||
		    (!wa_jid_is_null(&g->members[i].other) &&
		     wa_jid_same_user(&g->members[i].other, &j)))
			return &g->members[i];
	return NULL;
}

bool group_put(struct group *g, const struct group_member *m)
{
	if (g->n == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 16;
		struct group_member *grown = realloc(g->members, cap * sizeof(*grown));

		if (!grown || g->n >= WA_GROUP_MEMBERS_MAX) {
			if (grown)
				g->members = grown;
			return false;
		}
		g->members = grown;
		g->cap = cap;
	}
	g->members[g->n++] = *m;
	return true;
}

void group_drop(struct group *g, struct group_member *m)
{
	size_t i = (size_t)(m - g->members);

	memmove(m, m + 1, (g->n - i - 1) * sizeof(*m));
	g->n--;
}

static void put_text(struct wa_buf *b, const char *s)
{
	wa_buf_u8(b, (uint8_t)strlen(s));
	wa_buf_str(b, s);
}

void group_save(struct wa_client *c, const struct wa_jid *jid, const struct group *g)
{
	char key[WA_JID_TEXT_MAX];
	struct wa_buf b;
	size_t i;

	wa_buf_init(&b, RECORD_MAX);
	wa_buf_u8(&b, GROUP_VERSION);
	wa_buf_u8(&b, (uint8_t)((g->lid ? FLAG_LID : 0) | (g->stale ? FLAG_STALE : 0)));
	wa_buf_be32(&b, g->ephemeral_s);
	put_text(&b, g->version);
	wa_buf_be32(&b, (uint32_t)g->n);
	for (i = 0; i < g->n; i++) {
		wa_buf_u8(&b, g->members[i].role);
		put_text(&b, g->members[i].jid.user);
		put_text(&b, g->members[i].other.user);
	}
	if (wa_buf_end(&b, NULL) ||
	    wa_records_put(c->rec, WA_REC_GROUP, key_of(jid, key), wa_buf_view(&b)))
		client_nomem(c);
	wa_buf_clear(&b);
}

struct reader {
	const uint8_t *p, *end;
	bool bad;
};

static uint32_t get_be(struct reader *r, size_t n)
{
	uint32_t v = 0;

	if ((size_t)(r->end - r->p) < n) {
		r->bad = true;
		return 0;
	}
	while (n--)
		v = v << 8 | *r->p++;
	return v;
}

static void get_text(struct reader *r, char *out, size_t size)
{
	size_t n = get_be(r, 1);

	if (r->bad || (size_t)(r->end - r->p) < n || n >= size) {
		r->bad = true;
		out[0] = '\0';
		return;
	}
	memcpy(out, r->p, n);
	out[n] = '\0';
	r->p += n;
}

static bool parse(struct wa_span s, struct group *g)
{
	struct reader r = { s.ptr, s.ptr + s.len, false };
	uint32_t i, n, flags;

	if (get_be(&r, 1) != GROUP_VERSION)
		return false;
	flags = get_be(&r, 1);
	g->lid = flags & FLAG_LID;
	g->stale = flags & FLAG_STALE;
	g->ephemeral_s = get_be(&r, 4);
	get_text(&r, g->version, sizeof(g->version));
	n = get_be(&r, 4);
	for (i = 0; i < n && !r.bad; i++) {
		struct group_member m;

		memset(&m, 0, sizeof(m));
		m.role = (uint8_t)get_be(&r, 1);
		get_text(&r, m.jid.user, sizeof(m.jid.user));
		get_text(&r, m.other.user, sizeof(m.other.user));
		m.jid.server = g->lid ? WA_SRV_LID : WA_SRV_PN;
		if (m.other.user[0])
			m.other.server = g->lid ? WA_SRV_PN : WA_SRV_LID;
		if (!r.bad && !group_put(g, &m))
			return false;
	}
	return !r.bad;
}

int group_load(struct wa_client *c, const struct wa_jid *jid, struct group *ret)
{
	char key[WA_JID_TEXT_MAX];
	struct wa_buf b;
	int found;

	memset(ret, 0, sizeof(*ret));
	wa_buf_init(&b, RECORD_MAX);
	found = wa_records_get(c->rec, WA_REC_GROUP, key_of(jid, key), &b, NULL);
	if (found > 0 && !parse(wa_buf_view(&b), ret))
		found = 0;
	wa_buf_clear(&b);
	return found;
}

void group_forget(struct wa_client *c, const struct wa_jid *jid)
{
	char key[WA_JID_TEXT_MAX];

	if (wa_records_del(c->rec, WA_REC_GROUP, key_of(jid, key)))
		client_nomem(c);
}

void group_doubt(struct wa_client *c, const struct wa_jid *jid)
{
	struct group g;
	int found = group_load(c, jid, &g);

	if (found < 0)
		client_nomem(c);
	if (found > 0 && !g.stale) {
		g.stale = true;
		group_save(c, jid, &g);
	}
	group_clear(&g);
}

/* ---- who holds our key ---- */

uint64_t holder_id(struct wa_client *c, const struct wa_jid *device)
{
	struct wa_jid j = wa_signal_canonical(c->sig, device);
	uint8_t digest[WA_SHA256_LEN];
	char text[WA_JID_TEXT_MAX];
	uint64_t id = 0;
	size_t i;

	wa_sha256(wa_span_str(wa_jid_text(&j, text)), digest);
	for (i = 0; i < 8; i++)
		id = id << 8 | digest[i];
	return id;
}

void holders_clear(struct holders *h)
{
	free(h->ids);
	memset(h, 0, sizeof(*h));
}

static int by_id(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

bool holders_has(const struct holders *h, uint64_t id)
{
	return h->n && bsearch(&id, h->ids, h->n, sizeof(*h->ids), by_id);
}

void holders_save(struct wa_client *c, const struct wa_jid *group, uint64_t *ids, size_t n,
		  bool pending)
{
	char key[WA_JID_TEXT_MAX];
	struct wa_buf b;
	size_t i;

	if (n)
		qsort(ids, n, sizeof(*ids), by_id);
	wa_buf_init(&b, RECORD_MAX);
	wa_buf_u8(&b, HOLDERS_VERSION);
	wa_buf_be32(&b, pending ? c->iq_prefix | 1 : 0);
	for (i = 0; i < n; i++)
		wa_buf_be64(&b, ids[i]);
	if (wa_buf_end(&b, NULL) ||
	    wa_records_put(c->rec, WA_REC_KEY_HOLDERS, key_of(group, key), wa_buf_view(&b)))
		client_nomem(c);
	wa_buf_clear(&b);
}

static int read_holders(struct wa_client *c, struct wa_span s, struct holders *h)
{
	size_t i, k, n = s.len < HOLDERS_HEAD ? 0 : (s.len - HOLDERS_HEAD) / 8;
	uint32_t nonce = 0;

	if (s.len < HOLDERS_HEAD || s.ptr[0] != HOLDERS_VERSION || (s.len - HOLDERS_HEAD) % 8)
		return 0;
	for (i = 1; i < HOLDERS_HEAD; i++)
		nonce = nonce << 8 | s.ptr[i];
	if (nonce && nonce != (c->iq_prefix | 1))
		return 0;
	h->pending = nonce != 0;
	h->ids = calloc(n ? n : 1, sizeof(*h->ids));
	if (!h->ids)
		return WA_ENOMEM;
	for (i = 0; i < n; i++)
		for (k = 0; k < 8; k++)
			h->ids[i] = h->ids[i] << 8 | s.ptr[HOLDERS_HEAD + 8 * i + k];
	h->n = n;
	return 1;
}

int holders_load(struct wa_client *c, const struct wa_jid *group, struct holders *ret)
{
	char key[WA_JID_TEXT_MAX];
	struct wa_buf b;
	int found;

	memset(ret, 0, sizeof(*ret));
	wa_buf_init(&b, RECORD_MAX);
	found = wa_records_get(c->rec, WA_REC_KEY_HOLDERS, key_of(group, key), &b, NULL);
	if (found > 0)
		found = read_holders(c, wa_buf_view(&b), ret);
	wa_buf_clear(&b);
	return found;
}

struct wa_jid group_self(const struct wa_client *c)
{
	return wa_jid_is_null(&c->dev.lid) ? c->dev.pn : c->dev.lid;
}

void group_rotate(struct wa_client *c, const struct wa_jid *group)
{
	struct wa_jid self = group_self(c);
	char key[WA_JID_TEXT_MAX];

	if (wa_signal_group_drop(c->sig, group, &self) < 0 ||
	    wa_records_del(c->rec, WA_REC_KEY_HOLDERS, key_of(group, key)))
		client_nomem(c);
}
