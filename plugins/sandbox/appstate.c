/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "appstate.h"

#include <crypto.h>
#include <pb.h>

#define MUTATION_MAX (1u << 20)

struct sb_appstate *sb_appstate(struct sb_account *a)
{
	if (!a->appstate)
		a->appstate = calloc(1, sizeof(*a->appstate));
	return a->appstate;
}

static void entry_free(struct sb_sync_entry *e)
{
	if (!e)
		return;
	free(e->index);
	free(e->value);
	free(e->blob);
	free(e);
}

static void collection_clear(struct sb_collection *c)
{
	struct wa_span key;
	size_t it = 0;
	void *e;

	while (wa_map_next(&c->entries, &it, &key, &e))
		entry_free(e);
	wa_map_clear(&c->entries);
	for (size_t i = 0; i < c->n; i++)
		free(c->patches[i].bytes);
	free(c->patches);
	memset(c, 0, sizeof(*c));
}

void sb_appstate_free(struct sb_account *a)
{
	if (!a->appstate)
		return;
	for (int i = 0; i < WA_SYNC_COLLECTIONS; i++)
		collection_clear(&a->appstate->cols[i]);
	wa_wipe(a->appstate->keys, sizeof(a->appstate->keys));
	free(a->appstate);
	a->appstate = NULL;
}

struct sb_sync_key *sb_sync_key_new(struct sb_account *a)
{
	struct sb_appstate *st = sb_appstate(a);
	struct sb_sync_key *k;

	if (!st || st->n_keys == SB_SYNC_KEYS_MAX)
		return NULL;
	k = &st->keys[st->n_keys++];
	memset(k, 0, sizeof(*k));
	k->id[5] = (uint8_t)st->n_keys;
	sb_random(a->s, k->data, sizeof(k->data));
	k->ts = sb_now(a->s) / 1000;
	wa_syncd_expand(wa_span(k->data, sizeof(k->data)), &k->k);
	sb_keep_appstate(a);
	return k;
}

static struct sb_sync_key *find_key(struct sb_appstate *st, struct wa_span id)
{
	for (size_t i = 0; i < st->n_keys; i++)
		if (wa_span_eq(id, wa_span(st->keys[i].id, sizeof(st->keys[i].id))))
			return &st->keys[i];
	return NULL;
}

/* ---- taking a patch ---- */

/* One patch while it is judged: what it changes, in order. */
struct change {
	struct change *next;
	int op;
	struct sb_sync_entry *e;
};

struct judge {
	struct sb_account *a;
	struct sb_appstate *st;
	struct sb_collection *col;
	struct wa_lthash hash;
	struct wa_buf macs;
	struct wa_map newer; /* index MAC -> struct change, of this patch */
	struct change *changes, **tail;
	struct wa_err *err;
	uint64_t version;
};

static uint8_t *dup_bytes(struct wa_span s)
{
	uint8_t *p = malloc(s.len ? s.len : 1);

	if (p && s.len)
		memcpy(p, s.ptr, s.len);
	return p;
}

static struct sb_sync_entry *entry_new(const struct wa_syncd_record *r,
				       const struct wa_syncd_entry *v, size_t key)
{
	struct sb_sync_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	memcpy(e->index_mac, r->index_mac.ptr, sizeof(e->index_mac));
	e->key = key;
	e->index = sb_strndup(v->index);
	e->version = v->version;
	e->value = dup_bytes(v->value);
	e->value_len = v->value.len;
	e->blob = dup_bytes(r->blob);
	e->blob_len = r->blob.len;
	if (e->index && e->value && e->blob)
		return e;
	entry_free(e);
	return NULL;
}

static const uint8_t *mac_of(const struct sb_sync_entry *e)
{
	return e->blob + e->blob_len - WA_SYNCD_MAC;
}

/* Only what clients of today may write. */
static int judge_action(struct judge *j, int collection, const struct wa_syncd_entry *v,
			struct wa_arena *ar)
{
	struct wa_sync_action act = { 0 };
	struct wa_sync_encoded again;
	int rc = wa_sync_action_decode(collection, v, ar, &act, j->err);

	if (rc || act.kind == WA_SYNC_OTHER || act.kind == WA_SYNC_NCT_SALT)
		return rc;
	if (act.timestamp_ms <= 0)
		return wa_err_set(j->err, WA_EPROTO, "%s without a timestamp", act.index);
	rc = wa_sync_action_encode(&act, 1, ar, &again, NULL);
	/* star stands in regular_low with one stock client */
	if (rc == 0 && again.collection != collection && act.kind != WA_SYNC_STAR)
		return wa_err_set(j->err, WA_EPROTO, "%s does not belong into %s", act.index,
				  wa_sync_collection_str(collection));
	return 0;
}

static int judge_one(struct judge *j, int collection, struct wa_span in)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	const struct sb_sync_entry *old;
	const struct change *earlier;
	struct wa_syncd_record r;
	struct wa_syncd_entry v;
	struct sb_sync_key *k;
	struct change *ch;
	int rc = wa_syncd_read_mutation(in, &r, j->err);

	wa_arena_init(&ar, 4 * MUTATION_MAX);
	if (rc)
		return rc;
	k = find_key(j->st, r.key_id);
	if (!k)
		return wa_err_set(j->err, WA_ECRYPTO, "an entry under a key nobody has");
	rc = wa_syncd_open(&k->k, r.key_id, r.op, r.index_mac, r.blob, &ar, &v, j->err);
	if (rc == 0)
		rc = judge_action(j, collection, &v, &ar);
	if (rc)
		return rc;
	earlier = wa_map_get(&j->newer, r.index_mac);
	old = earlier ? (earlier->op == WA_SYNCD_SET ? earlier->e : NULL)
		      : wa_map_get(&j->col->entries, r.index_mac);
	if (old)
		wa_lthash_sub(&j->hash, mac_of(old));
	if (!old && r.op == WA_SYNCD_REMOVE)
		return wa_err_set(j->err, WA_EPROTO, "%.*s is taken out and was not there",
				  WA_SPAN_ARG(v.index));
	if (r.op == WA_SYNCD_SET)
		wa_lthash_add(&j->hash, r.value_mac.ptr);
	wa_buf_span(&j->macs, r.value_mac);
	ch = calloc(1, sizeof(*ch));
	if (!ch)
		return wa_err_set(j->err, WA_ENOMEM, "no memory for a change");
	ch->op = r.op;
	*j->tail = ch;
	j->tail = &ch->next;
	ch->e = entry_new(&r, &v, (size_t)(k - j->st->keys));
	if (!ch->e || wa_map_put(&j->newer, r.index_mac, ch, NULL) ||
	    j->col->entries.len >= SB_SYNC_ENTRIES_MAX)
		return wa_err_set(j->err, WA_ENOMEM, "no memory for a change");
	return 0;
}

struct patch_head {
	uint64_t version;
	struct wa_span external, snapshot_mac, patch_mac, key_id;
};

static struct wa_span nested(struct wa_span in)
{
	struct wa_span v = { NULL, 0 };

	return wa_pb_find(in, 1, &v) == 1 ? v : wa_span(NULL, 0);
}

static int read_head(struct wa_span in, struct patch_head *h, struct wa_err *err)
{
	struct wa_pb_field f, v;
	int rc;

	memset(h, 0, sizeof(*h));
	while ((rc = wa_pb_next(&in, &f)) == 1) {
		if (f.wire != 2)
			continue;
		if (f.number == 1) {
			struct wa_span s = f.bytes;

			if (wa_pb_next(&s, &v) != 1 || v.number != 1 || v.varint == 0)
				return wa_err_set(err, WA_EPROTO, "a version without a number");
			h->version = v.varint;
		} else if (f.number == 3) {
			h->external = f.bytes;
		} else if (f.number == 4) {
			h->snapshot_mac = f.bytes;
		} else if (f.number == 5) {
			h->patch_mac = f.bytes;
		} else if (f.number == 6) {
			h->key_id = nested(f.bytes);
		}
	}
	return rc ? wa_err_set(err, WA_EPROTO, "not a SyncdPatch") : 0;
}

/* externalMutations: from our media host. */
static int read_external(struct sb_account *a, struct wa_span ref, struct wa_buf *out,
			 struct wa_err *err)
{
	struct wa_span key = { NULL, 0 }, plain = { NULL, 0 }, enc = { NULL, 0 };
	char path[256] = "";
	struct wa_pb_field f;

	while (wa_pb_next(&ref, &f) == 1) {
		if (f.number == 1)
			key = f.bytes;
		else if (f.number == 2)
			snprintf(path, sizeof(path), "%.*s", WA_SPAN_ARG(f.bytes));
		else if (f.number == 5)
			plain = f.bytes;
		else if (f.number == 6)
			enc = f.bytes;
	}
	return sb_blob_read(a->s, WA_MEDIA_APP_STATE, path, key, enc, plain, out, err);
}

static int judge_all(struct judge *j, int collection, struct wa_span body, uint32_t field)
{
	struct wa_pb_field f;
	int rc, bad = 0;

	while ((rc = wa_pb_next(&body, &f)) == 1 && bad == 0)
		if (f.number == field && f.wire == 2)
			bad = judge_one(j, collection, f.bytes);
	if (rc < 0)
		return wa_err_set(j->err, WA_EPROTO, "mutations are malformed");
	return bad;
}

static int judge_macs(struct judge *j, int collection, const struct patch_head *h)
{
	const char *name = wa_sync_collection_str(collection);
	const struct sb_sync_key *k = find_key(j->st, h->key_id);
	uint8_t mac[WA_SYNCD_MAC];

	if (!k)
		return wa_err_set(j->err, WA_ECRYPTO, "a patch under a key nobody has");
	wa_syncd_snapshot_mac(&k->k, &j->hash, j->version, name, mac);
	if (!wa_ct_eq_span(wa_span(mac, sizeof(mac)), h->snapshot_mac))
		return wa_err_set(j->err, WA_ECRYPTO, "snapshot MAC of version %llu is wrong",
				  (unsigned long long)j->version);
	wa_syncd_patch_mac(&k->k, mac, wa_buf_view(&j->macs), j->version, name, mac);
	if (!wa_ct_eq_span(wa_span(mac, sizeof(mac)), h->patch_mac))
		return wa_err_set(j->err, WA_ECRYPTO, "patch MAC is wrong");
	return 0;
}

static int store_patch(struct judge *j, int collection, struct wa_span patch, bool has_version)
{
	struct sb_collection *c = j->col;
	struct wa_buf b, v;

	if (c->n == SB_PATCHES_MAX)
		return wa_err_set(j->err, WA_ELIMIT, "too many patches");
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 16;
		struct sb_patch *grown = realloc(c->patches, cap * sizeof(*grown));

		if (!grown)
			return wa_err_set(j->err, WA_ENOMEM, "no memory for a patch");
		c->patches = grown;
		c->cap = cap;
	}
	wa_buf_init(&b, SB_OUT_MAX);
	if (!has_version) {
		wa_buf_init(&v, 16);
		wa_pb_put_varint(&v, 1, j->version);
		wa_pb_put(&b, 1, wa_buf_view(&v));
		wa_buf_clear(&v);
	}
	wa_buf_span(&b, patch);
	if (wa_buf_end(&b, j->err)) {
		wa_buf_clear(&b);
		return WA_ENOMEM;
	}
	c->patches[c->n].bytes = wa_buf_take(&b, &c->patches[c->n].len);
	sb_keep_patch(j->a, collection, j->version,
		      wa_span(c->patches[c->n].bytes, c->patches[c->n].len));
	c->n++;
	return 0;
}

static void apply(struct judge *j)
{
	struct change *ch;
	void *old;

	while ((ch = j->changes)) {
		j->changes = ch->next;
		if (ch->op == WA_SYNCD_SET) {
			if (wa_map_put(&j->col->entries, wa_span(ch->e->index_mac, 32), ch->e, &old))
				entry_free(ch->e);
			else
				entry_free(old);
		} else {
			entry_free(wa_map_del(&j->col->entries, wa_span(ch->e->index_mac, 32)));
			entry_free(ch->e);
		}
		free(ch);
	}
	j->col->hash = j->hash;
	j->col->version = j->version;
}

static void judge_clear(struct judge *j)
{
	struct change *ch;

	while ((ch = j->changes)) {
		j->changes = ch->next;
		entry_free(ch->e);
		free(ch);
	}
	wa_map_clear(&j->newer);
	wa_buf_clear(&j->macs);
}

int sb_appstate_take(struct sb_account *a, int collection, struct wa_span patch, struct wa_err *err)
{
	SB_AUTO_BUF struct wa_buf file = { 0 };
	struct judge j = { .a = a, .st = sb_appstate(a), .err = err };
	struct patch_head h;
	int rc;

	if (!j.st)
		return wa_err_set(err, WA_ENOMEM, "no memory for app state");
	wa_buf_init(&file, SB_OUT_MAX);
	wa_buf_init(&j.macs, SB_OUT_MAX);
	j.col = &j.st->cols[collection];
	j.hash = j.col->hash;
	j.version = j.col->version + 1;
	j.tail = &j.changes;
	rc = read_head(patch, &h, err);
	if (rc == 0 && h.version && h.version != j.version)
		rc = wa_err_set(err, WA_EPROTO, "patch of version %llu",
				(unsigned long long)h.version);
	if (rc == 0 && h.external.len)
		rc = read_external(a, h.external, &file, err);
	if (rc == 0)
		rc = h.external.len ? judge_all(&j, collection, wa_buf_view(&file), 1)
				    : judge_all(&j, collection, patch, 2);
	if (rc == 0)
		rc = judge_macs(&j, collection, &h);
	if (rc == 0)
		rc = store_patch(&j, collection, patch, h.version != 0);
	if (rc == 0)
		apply(&j);
	judge_clear(&j);
	return rc;
}

/* ---- making one ---- */

static int seal_one(struct sb_account *a, const struct sb_sync_key *k, struct judge *j,
		    const struct wa_sync_action *act, struct wa_buf *mutations, uint32_t field,
		    int *collection)
{
	SB_AUTO_ARENA struct wa_arena ar = { 0 };
	SB_AUTO_BUF struct wa_buf blob = { 0 }, m = { 0 };
	uint8_t iv[WA_SYNCD_IV], index_mac[WA_SYNCD_MAC];
	struct wa_syncd_record r = { .op = act->remove ? WA_SYNCD_REMOVE : WA_SYNCD_SET };
	const struct sb_sync_entry *old;
	struct wa_sync_encoded e;
	int rc;

	wa_arena_init(&ar, 4 * MUTATION_MAX);
	wa_buf_init(&blob, MUTATION_MAX);
	wa_buf_init(&m, 2 * MUTATION_MAX);
	rc = wa_sync_action_encode(act, sb_now(a->s), &ar, &e, j->err);
	if (rc)
		return rc;
	if (*collection >= 0 && *collection != e.collection)
		return wa_err_set(j->err, WA_EINVALID, "changes of two collections");
	*collection = e.collection;
	j->col = &j->st->cols[e.collection];
	sb_random(a->s, iv, sizeof(iv));
	wa_syncd_index_mac(&k->k, e.index, index_mac);
	r.index_mac = wa_span(index_mac, sizeof(index_mac));
	r.key_id = wa_span(k->id, sizeof(k->id));
	old = wa_map_get(&j->col->entries, r.index_mac);
	if (!old && act->remove)
		return wa_err_set(j->err, WA_ENOTFOUND, "there is no such entry");
	rc = wa_syncd_seal(&k->k, r.key_id, r.op, iv, e.index, e.value, e.version, &blob, j->err);
	if (rc)
		return rc;
	r.blob = wa_buf_view(&blob);
	wa_syncd_put_mutation(&m, &r);
	wa_pb_put(mutations, field, wa_buf_view(&m));
	r.value_mac = wa_span(blob.ptr + blob.len - WA_SYNCD_MAC, WA_SYNCD_MAC);
	wa_buf_span(&j->macs, r.value_mac);
	return wa_buf_end(mutations, j->err);
}

/* The hash after these mutations: as a companion would compute it. */
static int hash_after(struct judge *j, struct wa_span mutations, uint32_t field)
{
	struct wa_pb_field f;
	struct wa_syncd_record r;
	int rc = 0;

	j->hash = j->col->hash;
	while (rc == 0 && wa_pb_next(&mutations, &f) == 1) {
		const struct sb_sync_entry *old;
		struct change *ch;

		if (f.number != field)
			continue;
		rc = wa_syncd_read_mutation(f.bytes, &r, j->err);
		if (rc)
			break;
		ch = wa_map_get(&j->newer, r.index_mac);
		old = ch ? NULL : wa_map_get(&j->col->entries, r.index_mac);
		if (ch)
			return wa_err_set(j->err, WA_EINVALID, "one entry twice");
		if (old)
			wa_lthash_sub(&j->hash, mac_of(old));
		if (r.op == WA_SYNCD_SET)
			wa_lthash_add(&j->hash, r.value_mac.ptr);
		if (wa_map_put(&j->newer, r.index_mac, j->col, NULL))
			rc = WA_ENOMEM;
	}
	return rc;
}

static void put_reference(struct wa_buf *out, uint32_t field, const struct sb_blob_ref *ref)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };

	wa_buf_init(&b, 4096);
	wa_pb_put(&b, 1, wa_span(ref->media_key, 32));
	wa_pb_put(&b, 2, wa_span_str(ref->direct_path));
	wa_pb_put(&b, 3, wa_span_str("sandbox"));
	wa_pb_put_varint(&b, 4, ref->length);
	wa_pb_put(&b, 5, wa_span(ref->file_sha256, 32));
	wa_pb_put(&b, 6, wa_span(ref->file_enc_sha256, 32));
	if (field)
		wa_pb_put(out, field, wa_buf_view(&b));
	else
		wa_buf_span(out, wa_buf_view(&b));
}

static int put_mutations(struct sb_account *a, struct wa_span mutations, struct wa_buf *patch)
{
	struct wa_pb_field f;
	struct sb_blob_ref ref;

	if (mutations.len > SB_EXTERNAL_BYTES &&
	    sb_blob_put(a->s, WA_MEDIA_APP_STATE, mutations, &ref, NULL) == 0) {
		put_reference(patch, 3, &ref);
		return 0;
	}
	while (wa_pb_next(&mutations, &f) == 1)
		wa_pb_put(patch, 2, f.bytes);
	return 0;
}

int sb_appstate_seal(struct sb_account *a, const struct wa_sync_action *actions, size_t n,
		     int *ret_collection, struct wa_err *err)
{
	SB_AUTO_BUF struct wa_buf mutations = { 0 }, patch = { 0 }, id = { 0 };
	struct judge j = { .a = a, .st = sb_appstate(a), .err = err };
	const struct sb_sync_key *k;
	uint8_t mac[WA_SYNCD_MAC];
	const char *name;
	int rc = 0;

	*ret_collection = -1;
	if (!j.st || !j.st->n_keys)
		return wa_err_set(err, WA_ESTATE, "the phone has no key of the app state");
	k = &j.st->keys[j.st->n_keys - 1];
	wa_buf_init(&mutations, SB_OUT_MAX);
	wa_buf_init(&patch, SB_OUT_MAX);
	wa_buf_init(&id, 64);
	wa_buf_init(&j.macs, SB_OUT_MAX);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = seal_one(a, k, &j, &actions[i], &mutations, 1, ret_collection);
	if (rc == 0)
		rc = hash_after(&j, wa_buf_view(&mutations), 1);
	if (rc == 0) {
		name = wa_sync_collection_str(*ret_collection);
		j.version = j.col->version + 1;
		rc = put_mutations(a, wa_buf_view(&mutations), &patch);
		wa_syncd_snapshot_mac(&k->k, &j.hash, j.version, name, mac);
		wa_pb_put(&patch, 4, wa_span(mac, sizeof(mac)));
		wa_syncd_patch_mac(&k->k, mac, wa_buf_view(&j.macs), j.version, name, mac);
		wa_pb_put(&patch, 5, wa_span(mac, sizeof(mac)));
		wa_pb_put(&id, 1, wa_span(k->id, sizeof(k->id)));
		wa_pb_put(&patch, 6, wa_buf_view(&id));
	}
	wa_map_clear(&j.newer);
	wa_buf_clear(&j.macs);
	return rc ? rc : sb_appstate_take(a, *ret_collection, wa_buf_view(&patch), err);
}

/* ExternalBlobReference of a SyncdSnapshot. */
int sb_appstate_snapshot(struct sb_account *a, int collection, struct wa_buf *out, struct wa_err *err)
{
	SB_AUTO_BUF struct wa_buf snap = { 0 }, part = { 0 };
	struct sb_appstate *st = sb_appstate(a);
	struct sb_collection *c = &st->cols[collection];
	const struct sb_sync_key *k = &st->keys[st->n_keys ? st->n_keys - 1 : 0];
	uint8_t mac[WA_SYNCD_MAC];
	struct sb_blob_ref ref;
	struct wa_span key;
	size_t it = 0;
	void *v;
	int rc;

	wa_buf_init(&snap, SB_OUT_MAX);
	wa_buf_init(&part, 2 * MUTATION_MAX);
	wa_pb_put_varint(&part, 1, c->version);
	wa_pb_put(&snap, 1, wa_buf_view(&part));
	while (wa_map_next(&c->entries, &it, &key, &v)) {
		const struct sb_sync_entry *e = v;

		wa_buf_reset(&part);
		wa_syncd_put_record(&part, wa_span(e->index_mac, 32), wa_span(e->blob, e->blob_len),
				    wa_span(st->keys[e->key].id, sizeof(st->keys[e->key].id)));
		wa_pb_put(&snap, 2, wa_buf_view(&part));
	}
	wa_syncd_snapshot_mac(&k->k, &c->hash, c->version, wa_sync_collection_str(collection), mac);
	if (sb_fault_hit(a->s, SB_FAULT_APP_BAD_SNAPSHOT, a, -1))
		mac[0] ^= 1;
	wa_pb_put(&snap, 3, wa_span(mac, sizeof(mac)));
	wa_buf_reset(&part);
	wa_pb_put(&part, 1, wa_span(k->id, sizeof(k->id)));
	wa_pb_put(&snap, 4, wa_buf_view(&part));
	rc = wa_buf_end(&snap, err);
	if (rc == 0)
		rc = sb_blob_put(a->s, WA_MEDIA_APP_STATE, wa_buf_view(&snap), &ref, err);
	if (rc == 0)
		put_reference(out, 0, &ref);
	return rc;
}
