/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records for the host to keep:
 *
 *	root			the certificate root, private key included
 *	a/<number>		account, JSON
 *	d/<number>/<device>	device, JSON
 *	r/<number>/<device>/	kind byte, key: a Signal record of a simulated device
 *	q/<number>/<device>/<seq>	a stanza that is not acknowledged
 *	s/<number>		keys of the app state, JSON
 *	p/<number>/<collection>/<version>	a patch of the app state
 *	g/<group>		group, JSON (group_keep.c)
 *	c/<channel>, n/<channel>/<server id>	channel, post, JSON (channel_keep.c)
 *	i/<number, group or channel>	picture: id and JPEG
 *
 * Chats are not kept: they are what a person looked at, not what a client needs.
 */
#include "appstate.h"
#include "channel.h"
#include "group.h"

#define KEEP_DELAY_MS 50 /* many changes of one device become one record */
#define KEY_MAX       512

struct sb_kept {
	struct sb_kept *next;
	char *key;
	size_t key_len;
	struct wa_buf value;
};

static void put(struct sandbox *s, struct wa_span key, struct wa_span value)
{
	if (s->host.put && s->started)
		s->host.put(s->host.ctx, key, value);
}

void sb_keep_value(struct sandbox *s, const char *key, struct wa_span value)
{
	put(s, wa_span_str(key), value);
}

void sb_keep_json(struct sandbox *s, const char *key, json_t *take_o)
{
	char *text = take_o ? json_dumps(take_o, JSON_COMPACT) : NULL;

	if (text)
		put(s, wa_span_str(key), wa_span_str(text));
	free(text);
	json_decref(take_o);
}

void sb_keep_root(struct sandbox *s)
{
	if (s->host.put)
		s->host.put(s->host.ctx, wa_span_str("root"), wa_span(&s->root, sizeof(s->root)));
}

void sb_keep_account(struct sb_account *a)
{
	json_t *rules, *o, *person;
	char key[KEY_MAX];

	if (!a->s->host.put || !a->s->started)
		return;
	rules = json_array();
	for (size_t i = 0; i < a->n_rules; i++)
		json_array_append_new(rules, sb_rule_json(&a->rules[i]));
	snprintf(key, sizeof(key), "a/%s", a->pn);
	o = json_pack("{ss ss sI si sI sb sb sb so}", "lid", a->lid, "name", a->name, "raw_id",
		      (json_int_t)a->raw_id, "next_device", (int)a->next_device, "next_key_index",
		      (json_int_t)a->next_key_index, "sink", a->sink, "auto_read", a->auto_read, "by_pn",
		      a->by_pn, "rules", rules);
	person = sb_person_json(a);
	if (o && person)
		json_object_set_new(o, "person", person);
	else
		json_decref(person);
	sb_keep_json(a->s, key, o);
}

static json_t *b64(const void *p, size_t len)
{
	SB_AUTO_BUF struct wa_buf b = { 0 };

	wa_buf_init(&b, SB_OUT_MAX);
	wa_b64_put(&b, wa_span(p, len), WA_B64_STD);
	return json_string(wa_buf_cstr(&b));
}

static json_t *device_json(const struct sb_device *d)
{
	json_t *o = json_pack(
		"{si sI sI so so sI sI so so ss ss sb}", "id", (int)d->id, "key_index",
		(json_int_t)d->key_index, "linked_ms", (json_int_t)d->linked_ms, "noise",
		b64(d->noise.b, 32), "identity", b64(d->identity.b, 32), "registration_id",
		(json_int_t)d->registration_id, "sprekey_id", (json_int_t)d->sprekey_id, "sprekey",
		b64(d->sprekey.b, 32), "sprekey_sig", b64(d->sprekey_sig.b, 64), "os", d->os,
		"name", d->name, "welcomed", d->welcomed);
	json_t *used = json_array();

	if (!o || !used) {
		json_decref(o);
		json_decref(used);
		return NULL;
	}
	json_object_set_new(
		o, "prekeys",
		b64(d->prekeys.keys + d->prekeys.head, d->prekeys.len * sizeof(*d->prekeys.keys)));
	for (size_t i = 0; i < d->used.len; i++)
		json_array_append_new(used, json_pack("[II]", (json_int_t)d->used.r[i].lo,
						      (json_int_t)d->used.r[i].hi));
	json_object_set_new(o, "used", used);
	if (d->proof.len && !d->proof.failed)
		json_object_set_new(o, "proof", b64(d->proof.ptr, d->proof.len));
	if (d->sim) {
		SB_AUTO_BUF struct wa_buf b = { 0 };

		wa_buf_init(&b, 16384);
		if (wa_device_encode(&d->sim->wd, &b, NULL) == 0)
			json_object_set_new(o, "sim", b64(b.ptr, b.len));
	}
	return o;
}

static void device_key(const struct sb_device *d, char key[KEY_MAX])
{
	snprintf(key, KEY_MAX, "d/%s/%u", d->acc->pn, d->id);
}

static void keep_dirty(void *arg)
{
	struct sandbox *s = arg;
	struct wa_list *l;
	char key[KEY_MAX];

	while ((l = wa_list_pop_front(&s->dirty_devices))) {
		struct sb_device *d = container_of(l, struct sb_device, keep);

		device_key(d, key);
		sb_keep_json(s, key, device_json(d));
	}
	sb_keep_dirty_groups(s);
	sb_keep_dirty_channels(s);
}

void sb_keep_later(struct sandbox *s)
{
	if (!s->keep_timer.item.pos)
		sb_timer_set(s, &s->keep_timer, sb_now(s) + KEEP_DELAY_MS, keep_dirty, s);
}

void sb_keep_device(struct sb_device *d)
{
	struct sandbox *s = d->acc->s;

	if (!s->host.put || !s->started)
		return;
	if (!wa_list_linked(&d->keep))
		wa_list_push_back(&s->dirty_devices, &d->keep);
	sb_keep_later(s);
}

static void item_key(const struct sb_device *d, uint64_t seq, char key[KEY_MAX])
{
	snprintf(key, KEY_MAX, "q/%s/%u/%llu", d->acc->pn, d->id, (unsigned long long)seq);
}

void sb_keep_item(struct sb_device *d, const struct sb_item *it)
{
	char key[KEY_MAX];

	if (!d->acc->s->host.put)
		return;
	item_key(d, it->seq, key);
	put(d->acc->s, wa_span_str(key), wa_span(it->bytes, it->len));
}

void sb_drop_item(struct sb_device *d, uint64_t seq)
{
	char key[KEY_MAX];

	if (!d->acc->s->host.put)
		return;
	item_key(d, seq, key);
	put(d->acc->s, wa_span_str(key), wa_span(NULL, 0));
}

void sb_keep_record(struct sb_device *d, const struct wa_change *ch)
{
	SB_AUTO_BUF struct wa_buf key = { 0 };

	if (!d->acc->s->host.put)
		return;
	wa_buf_init(&key, KEY_MAX);
	wa_buf_fmt(&key, "r/%s/%u/", d->acc->pn, d->id);
	wa_buf_u8(&key, (uint8_t)ch->kind);
	wa_buf_span(&key, ch->key);
	if (wa_buf_end(&key, NULL) == 0)
		put(d->acc->s, wa_buf_view(&key), ch->del ? wa_span(NULL, 0) : ch->value);
}

void sb_drop_device(struct sb_device *d)
{
	struct sandbox *s = d->acc->s;
	struct wa_list *l;
	char key[KEY_MAX];

	device_key(d, key);
	put(s, wa_span_str(key), wa_span(NULL, 0));
	WA_LIST_EACH(l, &d->queue)
	if (!d->sim)
		sb_drop_item(d, container_of(l, struct sb_item, link)->seq);
}

void sb_drop_appstate(struct sb_account *a)
{
	char key[KEY_MAX];

	for (int i = 0; a->appstate && i < WA_SYNC_COLLECTIONS; i++)
		for (uint64_t v = 1; v <= a->appstate->cols[i].version; v++)
			sb_keep_patch(a, i, v, wa_span(NULL, 0));
	snprintf(key, sizeof(key), "s/%s", a->pn);
	put(a->s, wa_span_str(key), wa_span(NULL, 0));
}

/* The Signal records of its phone stay behind and are ignored without it. */
void sb_drop_account(struct sb_account *a)
{
	char key[KEY_MAX];

	for (size_t i = 0; i < a->n_devices; i++)
		sb_drop_device(a->devices[i]);
	sb_drop_appstate(a);
	snprintf(key, sizeof(key), "i/%s", a->pn);
	put(a->s, wa_span_str(key), wa_span(NULL, 0));
	snprintf(key, sizeof(key), "a/%s", a->pn);
	put(a->s, wa_span_str(key), wa_span(NULL, 0));
}

void sb_keep_appstate(struct sb_account *a)
{
	const struct sb_appstate *st = a->appstate;
	json_t *keys = json_array();
	char key[KEY_MAX];

	snprintf(key, sizeof(key), "s/%s", a->pn);
	for (size_t i = 0; st && i < st->n_keys; i++)
		json_array_append_new(keys, json_pack("{so so sI sb}", "id",
						      b64(st->keys[i].id, sizeof(st->keys[i].id)),
						      "data",
						      b64(st->keys[i].data,
							  sizeof(st->keys[i].data)),
						      "ts", (json_int_t)st->keys[i].ts, "shared",
						      st->keys[i].shared));
	sb_keep_json(a->s, key, json_pack("{so sb}", "keys", keys, "seeded", st && st->seeded));
}

void sb_keep_patch(struct sb_account *a, int collection, uint64_t version, struct wa_span bytes)
{
	char key[KEY_MAX];

	snprintf(key, sizeof(key), "p/%s/%d/%012llu", a->pn, collection, (unsigned long long)version);
	put(a->s, wa_span_str(key), bytes);
}

/* ---- and back ---- */

int sandbox_restore(struct sandbox *s, struct wa_span key, struct wa_span value, struct wa_err *err)
{
	struct sb_kept *k = calloc(1, sizeof(*k));

	if (!k || !(k->key = sb_strndup(key))) {
		free(k);
		return wa_err_set(err, WA_ENOMEM, "no memory for a record");
	}
	k->key_len = key.len;
	wa_buf_init(&k->value, value.len + 1);
	wa_buf_span(&k->value, value);
	k->next = s->kept;
	s->kept = k;
	return wa_buf_end(&k->value, err);
}

static bool fixed(json_t *o, const char *name, void *out, size_t len)
{
	const char *t = json_string_value(json_object_get(o, name));

	return t && wa_b64_decode_fixed(wa_span_str(t), WA_B64_STD, out, len) == 0;
}

static const char *text_of(json_t *o, const char *name)
{
	const char *t = json_string_value(json_object_get(o, name));

	return t ? t : "";
}

static void restore_account(struct sandbox *s, const char *pn, json_t *o)
{
	struct sb_account *a = sb_account_alloc(s, pn, text_of(o, "lid"), NULL);
	json_t *rule;
	size_t i;

	if (!a)
		return;
	sb_copy(a->name, sizeof(a->name), text_of(o, "name"));
	a->raw_id = (uint32_t)json_integer_value(json_object_get(o, "raw_id"));
	a->next_device = (uint16_t)json_integer_value(json_object_get(o, "next_device"));
	a->next_key_index = (uint32_t)json_integer_value(json_object_get(o, "next_key_index"));
	a->sink = json_is_true(json_object_get(o, "sink"));
	a->auto_read = json_is_true(json_object_get(o, "auto_read"));
	a->by_pn = json_is_true(json_object_get(o, "by_pn"));
	sb_person_restore(a, json_object_get(o, "person"));
	json_array_foreach(json_object_get(o, "rules"), i, rule) if (sb_rule_add(a, rule, NULL))
		sb_log(s, WA_WARN, "sandbox.restore", "rule of", pn);
}

static void restore_prekeys(struct sb_device *d, json_t *o)
{
	SB_AUTO_BUF struct wa_buf keys = { 0 };
	struct wa_prekey_pub k;
	json_t *pair;
	size_t i;

	wa_buf_init(&keys, SB_PREKEYS_MAX * sizeof(k));
	if (wa_b64_decode(wa_span_str(text_of(o, "prekeys")), WA_B64_STD, &keys) == 0) {
		for (size_t at = 0; at + sizeof(k) <= keys.len; at += sizeof(k)) {
			memcpy(&k, keys.ptr + at, sizeof(k));
			sb_prekeys_add(&d->prekeys, &k);
		}
	}
	json_array_foreach(json_object_get(o, "used"), i, pair)
	{
		uint32_t lo = (uint32_t)json_integer_value(json_array_get(pair, 0));
		uint32_t hi = (uint32_t)json_integer_value(json_array_get(pair, 1));

		if (lo <= hi && sb_ids_add(&d->used, lo) == 0 && d->used.len)
			d->used.r[d->used.len - 1].hi = hi;
	}
}

static void restore_device(struct sandbox *s, const char *pn, unsigned id, json_t *o)
{
	SB_AUTO_BUF struct wa_buf sim = { 0 };
	struct sb_account *a = sb_find_pn(s, pn);
	struct sb_device *d = a ? sb_device_alloc(a, id, NULL) : NULL;

	if (!d)
		return;
	wa_buf_init(&sim, 16384);
	d->key_index = (uint32_t)json_integer_value(json_object_get(o, "key_index"));
	d->linked_ms = json_integer_value(json_object_get(o, "linked_ms"));
	d->registration_id = (uint32_t)json_integer_value(json_object_get(o, "registration_id"));
	d->sprekey_id = (uint32_t)json_integer_value(json_object_get(o, "sprekey_id"));
	sb_copy(d->os, sizeof(d->os), text_of(o, "os"));
	sb_copy(d->name, sizeof(d->name), text_of(o, "name"));
	d->welcomed = json_is_true(json_object_get(o, "welcomed"));
	wa_buf_init(&d->proof, SB_PROOF_MAX);
	if (wa_b64_decode(wa_span_str(text_of(o, "proof")), WA_B64_STD, &d->proof))
		wa_buf_reset(&d->proof);
	restore_prekeys(d, o);
	if (json_object_get(o, "sim")) {
		if (wa_b64_decode(wa_span_str(text_of(o, "sim")), WA_B64_STD, &sim) ||
		    sb_sim_new(d, NULL) || wa_device_decode(wa_buf_view(&sim), &d->sim->wd, NULL))
			sb_device_free(d);
		else
			sb_sim_adopt(d->sim);
	} else if (!fixed(o, "noise", d->noise.b, 32) || !fixed(o, "identity", d->identity.b, 32) ||
		   !fixed(o, "sprekey", d->sprekey.b, 32) ||
		   !fixed(o, "sprekey_sig", d->sprekey_sig.b, 64)) {
		sb_device_free(d);
	}
}

static void restore_record(struct sb_device *d, struct wa_span key, struct wa_span value)
{
	struct wa_change ch = { .kind = key.len ? key.ptr[0] : 0,
				.key = wa_span(key.ptr + 1, key.len - 1),
				.value = value };

	if (!key.len || !d->sim || wa_memstore_apply(d->sim->store, &ch, 1))
		return;
	/* newer than what the device record says: prekey ids move on */
	if (ch.kind == WA_REC_DEVICE && wa_device_decode(value, &d->sim->wd, NULL) == 0)
		sb_sim_adopt(d->sim);
}

static void restore_item(struct sb_device *d, uint64_t seq, struct wa_span bytes)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *n;
	struct sb_item *it;
	struct wa_list *at;

	wa_arena_init(&a, SB_STANZA_MAX);
	if (wa_node_decode(bytes, &a, &n, NULL) || !(it = sb_item_make(n, bytes, seq)))
		return;
	/* records come in any order */
	for (at = d->queue.prev; at != &d->queue; at = at->prev)
		if (container_of(at, struct sb_item, link)->seq < seq)
			break;
	sb_queue_push(d, it);
	wa_list_del(&it->link);
	wa_list_insert_after(at, &it->link);
	if (d->next_seq <= seq)
		d->next_seq = seq + 1;
}

/* "x/<number>[/<device>[/rest]]" */
static bool split(const struct sb_kept *k, char pn[20], unsigned *ret_dev, struct wa_span *ret_rest)
{
	const char *p = k->key + 2, *slash;
	size_t n = strspn(p, "0123456789");
	char *end;

	if (n == 0 || n > 15)
		return false;
	memcpy(pn, p, n);
	pn[n] = 0;
	if (p[n] != '/')
		return k->key[0] == 'a' || k->key[0] == 's';
	*ret_dev = (unsigned)strtoul(p + n + 1, &end, 10);
	slash = end;
	if (*slash == '/')
		slash++;
	*ret_rest = wa_span(slash, k->key_len - (size_t)(slash - k->key));
	return true;
}

void sb_restore_appstate(struct sb_account *a, json_t *o)
{
	struct sb_appstate *st = sb_appstate(a);
	json_t *key;
	size_t i;

	if (!st)
		return;
	st->seeded = json_is_true(json_object_get(o, "seeded"));
	json_array_foreach(json_object_get(o, "keys"), i, key)
	{
		struct sb_sync_key *k = &st->keys[st->n_keys];

		if (st->n_keys == SB_SYNC_KEYS_MAX || !fixed(key, "id", k->id, sizeof(k->id)) ||
		    !fixed(key, "data", k->data, sizeof(k->data)))
			return;
		k->ts = json_integer_value(json_object_get(key, "ts"));
		k->shared = json_is_true(json_object_get(key, "shared"));
		wa_syncd_expand(wa_span(k->data, sizeof(k->data)), &k->k);
		st->n_keys++;
	}
}

/* The host gives them in the order of their keys, and the list is turned round. */
static void turn_round(struct sandbox *s)
{
	struct sb_kept *k, *all = NULL;

	while ((k = s->kept)) {
		s->kept = k->next;
		k->next = all;
		all = k;
	}
	s->kept = all;
}

/* Each goes on top of the one before it. */
static void restore_patches(struct sandbox *s)
{
	bool again = true;
	struct sb_kept *k;
	struct wa_span rest;
	unsigned col = 0;
	char pn[20];

	turn_round(s);
	while (again) {
		again = false;
		for (k = s->kept; k; k = k->next) {
			struct sb_account *a;
			uint64_t version;

			if (k->key[0] != 'p' || k->key_len < 3 || !split(k, pn, &col, &rest) ||
			    col >= WA_SYNC_COLLECTIONS || !(a = sb_find_pn(s, pn)) ||
			    !sb_appstate(a))
				continue;
			version = strtoull((const char *)rest.ptr, NULL, 10);
			if (version != sb_appstate(a)->cols[col].version + 1)
				continue;
			again = sb_appstate_take(a, (int)col, wa_buf_view(&k->value), NULL) == 0 ||
				again;
		}
	}
}

/* Groups, channels, pictures: x/<id>[/<number>] */
static void restore_face(struct sandbox *s, const struct sb_kept *k, char pass)
{
	struct wa_span v = wa_buf_view(&k->value);
	char id[32] = "";
	size_t n = strcspn(k->key + 2, "/");
	struct sb_channel *ch;
	struct sb_account *a;
	struct sb_group *g;
	json_t *o;

	if (n == 0 || n >= sizeof(id))
		return;
	memcpy(id, k->key + 2, n);
	if (pass == 'i') {
		a = sb_find_pn(s, id);
		g = a ? NULL : sb_group_by_id(s, id);
		ch = a || g ? NULL : sb_channel_find(s, id);
		if (g || ch)
			sb_picture_unkeep(g ? &g->picture : &ch->picture, v);
		else if (a && sb_person(a))
			sb_picture_unkeep(&a->person->picture, v);
		return;
	}
	o = json_loadb((const char *)v.ptr, v.len, 0, NULL);
	if (pass == 'g')
		sb_group_restore(s, id, o);
	else if (pass == 'G')
		sb_group_restore_parent(s, id, o);
	else if (pass == 'c')
		sb_channel_restore(s, id, o);
	else
		sb_post_restore(s, id, k->key[2 + n] ? strtoll(k->key + 3 + n, NULL, 10) : 0, o);
	json_decref(o);
}

static void restore_one(struct sandbox *s, const struct sb_kept *k, char pass)
{
	struct wa_span v = wa_buf_view(&k->value), rest = { 0 };
	struct sb_account *a;
	struct sb_device *d;
	unsigned dev = 0;
	char pn[20];
	json_t *o;

	if (k->key[0] != (pass == 'G' ? 'g' : pass))
		return;
	if (pass == 'r' && strcmp(k->key, "root") == 0) {
		if (v.len == sizeof(s->root)) {
			memcpy(&s->root, v.ptr, v.len);
			s->has_root = true;
		}
		return;
	}
	if (k->key_len < 3 || k->key[1] != '/')
		return;
	if (strchr("gGcni", pass)) {
		restore_face(s, k, pass);
		return;
	}
	if (!split(k, pn, &dev, &rest))
		return;
	if (pass == 'a' || pass == 'd') {
		o = json_loadb((const char *)v.ptr, v.len, 0, NULL);
		if (o && pass == 'a')
			restore_account(s, pn, o);
		else if (o)
			restore_device(s, pn, dev, o);
		json_decref(o);
		return;
	}
	a = sb_find_pn(s, pn);
	if (a && pass == 's') {
		o = json_loadb((const char *)v.ptr, v.len, 0, NULL);
		sb_restore_appstate(a, o);
		json_decref(o);
		return;
	}
	d = a ? sb_device_find(a, dev) : NULL;
	if (d && pass == 'r')
		restore_record(d, rest, v);
	else if (d && pass == 'q')
		restore_item(d, strtoull((const char *)rest.ptr, NULL, 10), v);
}

static void drop_broken(struct sandbox *s)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &s->accounts)
	{
		struct sb_account *a = container_of(l, struct sb_account, link);
		struct sb_device *phone = sb_device_find(a, 0);

		if (!phone || !phone->sim) {
			sb_account_free(a);
			continue;
		}
		for (size_t i = 1; i < a->n_devices; i++) { /* the phone stands first */
			if (a->devices[i] == phone) {
				a->devices[i] = a->devices[0];
				a->devices[0] = phone;
			}
		}
	}
}

void sb_kept_clear(struct sandbox *s)
{
	struct sb_kept *k;

	while ((k = s->kept)) {
		s->kept = k->next;
		wa_buf_wipe(&k->value);
		free(k->key);
		free(k);
	}
}

void sb_restore_all(struct sandbox *s)
{
	static const char order[] = "asdrq", faces[] = "gGcni";
	struct sb_kept *k;

	for (const char *p = order; *p; p++)
		for (k = s->kept; k; k = k->next)
			restore_one(s, k, *p);
	restore_patches(s);
	drop_broken(s);
	for (const char *p = faces; *p; p++)
		for (k = s->kept; k; k = k->next)
			restore_one(s, k, *p);
	sb_kept_clear(s);
}
