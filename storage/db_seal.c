/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db_int.h"

#include <crypto.h>

/*
 * Sealed value: nonce (24) | ciphertext | tag (16), XChaCha20-Poly1305.
 * Associated data: label, 0, scope, 0, row id, so that a value moved to
 * another column, scope or row does not open.
 *
 * Each scope has a random data key in table data_key, sealed under the master
 * key with the label "data_key". Two keys are derived from it: one seals, one
 * hashes. Deleting the row makes everything under the scope unreadable.
 */
#define KEYS_MAX 16384	/* cached scopes per connection; then the cache starts again */
#define AAD_MAX (DB_LABEL_MAX + DB_SCOPE_MAX + DB_ROW_MAX + 2)
#define CANARY "warbler"

struct aad {
	uint8_t bytes[AAD_MAX];
	size_t len;
};

static int make_aad(struct aad *a, const char *scope, const char *label, struct wa_span row,
		    struct wa_err *err)
{
	size_t n_label = strlen(label), n_scope = strlen(scope);

	if (n_label > DB_LABEL_MAX || n_scope > DB_SCOPE_MAX || row.len > DB_ROW_MAX)
		return wa_err_set(err, WA_EINVALID, "label, scope or row id too long to seal");
	memcpy(a->bytes, label, n_label + 1);
	memcpy(a->bytes + n_label + 1, scope, n_scope + 1);
	if (row.len > 0)
		memcpy(a->bytes + n_label + n_scope + 2, row.ptr, row.len);
	a->len = n_label + n_scope + 2 + row.len;
	return WA_OK;
}

static struct wa_span aad_span(const struct aad *a)
{
	return wa_span(a->bytes, a->len);
}

static void derive(const struct wa_key *data_key, struct db_keys *k)
{
	wa_keyed_hash(data_key, wa_span_str("seal"), k->seal.b, sizeof(k->seal.b));
	wa_keyed_hash(data_key, wa_span_str("hash"), k->hash.b, sizeof(k->hash.b));
}

void db_keys_forget(struct db_conn *c, const char *scope)
{
	struct wa_span key;
	void *v;
	size_t it = 0;

	if (scope) {
		v = wa_map_del(&c->keys, wa_span_str(scope));
		if (v)
			wa_wipe(v, sizeof(struct db_keys));
		free(v);
		return;
	}
	while (wa_map_next(&c->keys, &it, &key, &v)) {
		wa_wipe(v, sizeof(struct db_keys));
		free(v);
	}
	wa_map_clear(&c->keys);
}

static int remember(struct db_conn *c, const char *scope, const struct wa_key *data_key,
		    const struct db_keys **ret_keys, struct wa_err *err)
{
	struct db_keys *k = malloc(sizeof(*k));

	if (!k)
		return wa_err_set(err, WA_ENOMEM, "data key");
	derive(data_key, k);
	if (c->keys.len >= KEYS_MAX)
		db_keys_forget(c, NULL);
	if (wa_map_put(&c->keys, wa_span_str(scope), k, NULL) < 0) {
		wa_wipe(k, sizeof(*k));
		free(k);
		return wa_err_set(err, WA_ENOMEM, "data key");
	}
	if (ret_keys)
		*ret_keys = k;
	return WA_OK;
}

struct key_row {
	const struct wa_key *master;
	const char *scope;
	struct wa_key key;
	bool found;
	struct wa_err *err;
};

static int key_row(void *ctx, const struct db_row *row)
{
	struct key_row *k = ctx;
	struct wa_span sealed = db_row_span(row, 0);
	struct aad a;
	int r = make_aad(&a, k->scope, "data_key", wa_span(NULL, 0), k->err);

	if (r < 0)
		return r;
	if (sealed.len != sizeof(k->key) + WA_SEAL_EXTRA ||
	    wa_unseal(k->master, aad_span(&a), sealed, k->key.b) < 0)
		return wa_err_set(k->err, WA_ECRYPTO, "data key of %s does not open", k->scope);
	k->found = true;
	return WA_OK;
}

int db_keys_get(struct db_conn *c, const char *scope, const struct db_keys **ret_keys,
		struct wa_err *err)
{
	const struct db_keys *cached = wa_map_get(&c->keys, wa_span_str(scope));
	struct key_row k = { .master = c->master, .scope = scope, .err = err };
	int r;

	if (cached) {
		*ret_keys = cached;
		return WA_OK;
	}
	r = DB_RUN(c, "SELECT sealed FROM data_key WHERE scope = $1", key_row, &k, NULL, err,
		   db_text(scope));
	if (r == WA_OK)
		r = k.found ? remember(c, scope, &k.key, ret_keys, err)
			    : wa_err_set(err, WA_ENOTFOUND, "no data key for %s", scope);
	wa_wipe(&k.key, sizeof(k.key));
	return r;
}

int db_keys_create(struct db_conn *c, const char *scope, struct wa_err *err)
{
	struct wa_key key;
	uint8_t sealed[sizeof(key) + WA_SEAL_EXTRA];
	struct aad a;
	int r = make_aad(&a, scope, "data_key", wa_span(NULL, 0), err);

	if (r < 0)
		return r;
	c->env->random(c->env->ctx, key.b, sizeof(key.b));
	wa_seal(c->master, aad_span(&a), wa_span(key.b, sizeof(key.b)), sealed);
	r = DB_RUN(c, "INSERT INTO data_key (scope, sealed, created_ms) VALUES ($1, $2, $3)", NULL,
		   NULL, NULL, err, db_text(scope), db_blob(wa_span(sealed, sizeof(sealed))),
		   db_int(c->env->now_ms(c->env->ctx)));
	if (r == WA_OK) {
		db_keys_forget(c, scope);
		r = remember(c, scope, &key, NULL, err);
	}
	wa_wipe(&key, sizeof(key));
	return r;
}

int db_conn_seal(struct db_conn *c, const char *scope, const char *label, struct wa_span row,
		 struct wa_span plain, uint8_t *out, struct wa_err *err)
{
	const struct db_keys *k;
	struct aad a;
	int r = make_aad(&a, scope, label, row, err);

	if (r == WA_OK)
		r = db_keys_get(c, scope, &k, err);
	if (r == WA_OK)
		wa_seal(&k->seal, aad_span(&a), plain, out);
	return r;
}

int db_conn_unseal(struct db_conn *c, const char *scope, const char *label, struct wa_span row,
		   struct wa_span sealed, uint8_t *out, struct wa_err *err)
{
	const struct db_keys *k;
	struct aad a;
	int r = make_aad(&a, scope, label, row, err);

	if (r == WA_OK)
		r = db_keys_get(c, scope, &k, err);
	if (r != WA_OK)
		return r;
	if (wa_unseal(&k->seal, aad_span(&a), sealed, out) == WA_OK)
		return WA_OK;
	/* the scope may have been destroyed and made again since its keys were cached */
	db_keys_forget(c, scope);
	r = db_keys_get(c, scope, &k, err);
	if (r != WA_OK)
		return r;
	if (wa_unseal(&k->seal, aad_span(&a), sealed, out) < 0)
		return wa_err_set(err, WA_ECRYPTO, "%s of %s does not open", label, scope);
	return WA_OK;
}

int db_conn_hash(struct db_conn *c, const char *scope, struct wa_span plain, void *out, size_t len,
		 struct wa_err *err)
{
	const struct db_keys *k;
	int r = db_keys_get(c, scope, &k, err);

	if (r == WA_OK)
		wa_keyed_hash(&k->hash, plain, out, len);
	return r;
}

struct canary_row {
	const struct wa_key *master;
	bool found, fits;
};

static int canary_row(void *ctx, const struct db_row *row)
{
	struct canary_row *k = ctx;
	uint8_t out[sizeof(CANARY)];
	struct wa_span sealed = db_row_span(row, 0);
	struct aad a;

	k->found = true;
	k->fits = make_aad(&a, DB_SYSTEM, "canary", wa_span(NULL, 0), NULL) == WA_OK &&
		  sealed.len == sizeof(out) + WA_SEAL_EXTRA &&
		  wa_unseal(k->master, aad_span(&a), sealed, out) == WA_OK;
	return WA_OK;
}

int db_canary(struct db_conn *c, struct wa_err *err)
{
	uint8_t sealed[sizeof(CANARY) + WA_SEAL_EXTRA];
	struct canary_row k = { .master = c->master };
	struct aad a;
	int r;

	r = db_conn_run(c, "SELECT value FROM meta WHERE key = 'canary'", NULL, 0, canary_row, &k,
			NULL, err);
	if (r == WA_OK && k.found && !k.fits)
		r = wa_err_set(err, WA_ECRYPTO,
			       "the master key is not the one this database was made with");
	if (r < 0 || k.found)
		return r;
	r = make_aad(&a, DB_SYSTEM, "canary", wa_span(NULL, 0), err);
	if (r < 0)
		return r;
	wa_seal(c->master, aad_span(&a), wa_span(CANARY, sizeof(CANARY)), sealed);
	return DB_RUN(c, "INSERT INTO meta (key, value) VALUES ('canary', $1)", NULL, NULL, NULL,
		      err, db_blob(wa_span(sealed, sizeof(sealed))));
}

int db_seal(struct db *db, const char *scope, const char *label, struct wa_span row_id,
	    struct wa_span plain, struct wa_buf *out, struct wa_err *err)
{
	size_t before = out->len;
	uint8_t *p;
	int r;

	if (plain.len > DB_VALUE_MAX)
		return wa_err_set(err, WA_ELIMIT, "value of %zu bytes", plain.len);
	p = wa_buf_grow(out, plain.len + WA_SEAL_EXTRA);
	if (!p)
		return wa_err_set(err, out->failed, "sealed value of %zu bytes", plain.len);
	r = db_conn_seal(&db->r, scope, label, row_id, plain, p, err);
	if (r < 0)
		out->len = before;
	return r;
}

int db_open_sealed(struct db *db, const char *scope, const char *label, struct wa_span row_id,
		   struct wa_span sealed, struct wa_buf *out, struct wa_err *err)
{
	return db_unseal_to(&db->r, scope, label, row_id, sealed, out, err);
}

int db_hash(struct db *db, const char *scope, struct wa_span plain, void *out, size_t len,
	    struct wa_err *err)
{
	if (len < DB_HASH_LEN || len > 32)
		return wa_err_set(err, WA_EINVALID, "hash of %zu bytes", len);
	return db_conn_hash(&db->r, scope, plain, out, len, err);
}
