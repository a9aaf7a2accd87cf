/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A store in memory. */
#include <wa/store.h>

#include <base.h>
#include <map.h>

#include <stdlib.h>

struct wa_memstore {
	struct wa_map map; /* kind byte, key -> struct value */
};

struct value {
	size_t len;
	uint8_t bytes[];
};

struct wa_memstore *wa_memstore_new(void)
{
	return calloc(1, sizeof(struct wa_memstore));
}

static void value_free(struct value *v)
{
	if (!v)
		return;
	wa_wipe(v->bytes, v->len);
	free(v);
}

void wa_memstore_free(struct wa_memstore *m)
{
	struct wa_span key;
	size_t it = 0;
	void *v;

	if (!m)
		return;
	while (wa_map_next(&m->map, &it, &key, &v))
		value_free(v);
	wa_map_clear(&m->map);
	free(m);
}

static uint8_t *full_key(int kind, struct wa_span key)
{
	uint8_t *k = malloc(key.len + 1);

	if (k) {
		k[0] = (uint8_t)kind;
		if (key.len)
			memcpy(k + 1, key.ptr, key.len);
	}
	return k;
}

static int memstore_load(void *ctx, int kind, struct wa_span key, struct wa_buf *out,
			 struct wa_err *err)
{
	struct wa_memstore *m = ctx;
	uint8_t *k = full_key(kind, key);
	const struct value *v;

	if (!k)
		return wa_err_set(err, WA_ENOMEM, "out of memory");
	v = wa_map_get(&m->map, wa_span(k, key.len + 1));
	free(k);
	if (!v)
		return 0;
	wa_buf_put(out, v->bytes, v->len);
	if (wa_buf_end(out, err))
		return out->failed;
	return 1;
}

const struct wa_store_ops *wa_memstore_ops(void)
{
	static const struct wa_store_ops ops = { memstore_load };

	return &ops;
}

static int apply_one(struct wa_memstore *m, const struct wa_change *c)
{
	uint8_t *k = full_key(c->kind, c->key);
	struct value *v = NULL;
	void *old = NULL;
	int rc = 0;

	if (!k)
		return WA_ENOMEM;
	if (c->del) {
		old = wa_map_del(&m->map, wa_span(k, c->key.len + 1));
	} else {
		v = malloc(sizeof(*v) + c->value.len);
		if (!v) {
			free(k);
			return WA_ENOMEM;
		}
		v->len = c->value.len;
		if (v->len)
			memcpy(v->bytes, c->value.ptr, v->len);
		rc = wa_map_put(&m->map, wa_span(k, c->key.len + 1), v, &old);
		if (rc)
			value_free(v);
	}
	value_free(old);
	free(k);
	return rc;
}

int wa_memstore_apply(struct wa_memstore *m, const struct wa_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int rc = apply_one(m, &changes[i]);

		if (rc)
			return rc;
	}
	return 0;
}
