/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An answer of the server: a snapshot and patches, one part after the other.
 * Each part is walked twice. First only its value MACs, into the running hash:
 * when that agrees with the MACs of the part and all keys are there, its
 * entries are opened, told and written. So nothing of a forged part is ever
 * told. Both walks stop when the slice is used up.
 *
 * While entries are half written the record says so (SYNC_REBUILD): who dies
 * there starts again from a snapshot, and does not trust what is stored.
 */
#include "sync_int.h"

#include "pb.h"
#include "records.h"

#include <crypto.h>

#include <stdlib.h>

#define COST_HASH   1 /* units of about 10 us */
#define COST_OPEN   3
#define ENTRIES_MAX 1000000 /* of one part */
#define ENTRY_ARENA (4u << 20)
#define KEYS_KEPT   4

enum part_kind { PART_SNAPSHOT, PART_PATCH, PART_RECOVERY };
enum step { STEP_START, STEP_FILE, STEP_WAIT, STEP_HASH, STEP_CHECK, STEP_APPLY, STEP_DONE };

struct part {
	struct part *next;
	int kind;
	size_t len;
	uint8_t bytes[];
};

/* What outlives the job while the host fetches a file. */
struct file_wait {
	struct sync_job *job; /* NULL: nobody waits any more */
};

struct sync_job {
	int collection;
	bool fresh, more;
	struct sync_state st;
	struct part *parts, **tail;
	int count, code;

	/* the first part */
	enum step step;
	struct file_wait *wait;
	struct wa_buf file;
	struct sync_head h;
	struct wa_span at;
	size_t entries;
	struct wa_lthash sum;
	struct wa_buf macs;  /* value MACs of a patch */
	struct wa_map newer; /* index MAC -> value MAC, of this patch; removed: "gone" */

	struct {
		uint8_t id[SYNC_KEY_ID_MAX];
		size_t len;
		struct wa_syncd_keys k;
	} keys[KEYS_KEPT];
	size_t n_keys;
};

static uint8_t gone[1];

/* ---- making one ---- */

struct sync_job *sync_job_new(struct wa_client *c, int collection, bool fresh)
{
	struct sync_job *j = calloc(1, sizeof(*j));

	if (!j) {
		client_nomem(c);
		return NULL;
	}
	j->collection = collection;
	j->fresh = fresh;
	j->tail = &j->parts;
	wa_buf_init(&j->file, SYNC_FILE_MAX);
	wa_buf_init(&j->macs, SYNC_FILE_MAX);
	sync_state_load(c, collection, &j->st);
	if (fresh) {
		/* What is stored counts no more once the new state is written. */
		j->st.version = 0;
		memset(&j->st.hash, 0, sizeof(j->st.hash));
		j->st.gen++;
	}
	return j;
}

static void add_part(struct sync_job *j, int kind, struct wa_span bytes)
{
	struct part *p = malloc(sizeof(*p) + bytes.len);

	if (!p) {
		j->code = WA_ENOMEM;
		return;
	}
	p->next = NULL;
	p->kind = kind;
	p->len = bytes.len;
	if (bytes.len)
		memcpy(p->bytes, bytes.ptr, bytes.len);
	*j->tail = p;
	j->tail = &p->next;
}

void sync_job_snapshot(struct sync_job *j, struct wa_span reference)
{
	add_part(j, PART_SNAPSHOT, reference);
	if (!j->fresh)
		j->code = WA_EPROTO; /* we did not ask for one */
}

void sync_job_patch(struct sync_job *j, struct wa_span patch)
{
	add_part(j, PART_PATCH, patch);
}

void sync_job_recovery(struct sync_job *j, struct wa_span recovery)
{
	add_part(j, PART_RECOVERY, recovery);
}

void sync_job_more(struct sync_job *j)
{
	j->more = true;
}

bool sync_job_has_more(const struct sync_job *j)
{
	return j->more;
}

int sync_job_count(const struct sync_job *j)
{
	return j->count;
}

static void part_clear(struct sync_job *j)
{
	wa_buf_clear(&j->file);
	wa_buf_clear(&j->macs);
	wa_map_clear(&j->newer);
	memset(&j->h, 0, sizeof(j->h));
	j->at = wa_span(NULL, 0);
	j->entries = 0;
	j->step = STEP_START;
}

void sync_job_free(struct sync_job *j)
{
	struct part *p;

	if (!j)
		return;
	if (j->wait)
		j->wait->job = NULL;
	part_clear(j);
	while ((p = j->parts)) {
		j->parts = p->next;
		free(p);
	}
	wa_wipe(j->keys, sizeof(j->keys));
	free(j);
}

/* ---- keys ---- */

/* NULL: *ret_code WA_ENOTFOUND after asking for it, or an error. */
static const struct wa_syncd_keys *key_of(struct wa_client *c, struct sync_job *j,
					  struct wa_span id, int *ret_code)
{
	size_t i;
	int rc;

	*ret_code = WA_EPROTO;
	if (id.len == 0 || id.len > SYNC_KEY_ID_MAX)
		return NULL;
	for (i = 0; i < j->n_keys; i++)
		if (wa_span_eq(id, wa_span(j->keys[i].id, j->keys[i].len)))
			return &j->keys[i].k;
	i = j->n_keys < KEYS_KEPT ? j->n_keys : KEYS_KEPT - 1;
	rc = sync_key_get(c, id, &j->keys[i].k);
	if (rc != 1) {
		if (rc == 0)
			sync_key_ask(c, id);
		*ret_code = rc == 0 ? WA_ENOTFOUND : rc;
		return NULL;
	}
	memcpy(j->keys[i].id, id.ptr, id.len);
	j->keys[i].len = id.len;
	j->n_keys = i + 1;
	return &j->keys[i].k;
}

/* ---- files ---- */

static int on_file_data(struct wa_client *c, void *arg, struct wa_span bytes, struct wa_err *err)
{
	struct file_wait *w = arg;

	(void)c;
	if (!w->job)
		return wa_err_set(err, WA_ESTATE, "nobody waits for this file");
	wa_buf_span(&w->job->file, bytes);
	return wa_buf_end(&w->job->file, err);
}

static void on_file_done(struct wa_client *c, void *arg, int code)
{
	struct file_wait *w = arg;
	struct sync_job *j = w->job;

	(void)c;
	free(w);
	if (!j)
		return;
	j->wait = NULL;
	if (code) {
		j->code = code;
	} else {
		j->step = STEP_FILE;
	}
}

static int fetch_file(struct wa_client *c, struct sync_job *j, struct wa_span reference)
{
	struct wa_arena a;
	struct wa_blob b;
	int rc;

	wa_arena_init(&a, 2 * SYNC_PATH_MAX);
	rc = sync_read_reference(reference, &b, &a);
	if (rc == 0) {
		j->wait = calloc(1, sizeof(*j->wait));
		rc = j->wait ? 0 : WA_ENOMEM;
	}
	if (rc == 0) {
		j->wait->job = j;
		j->step = STEP_WAIT;
		blob_get(c, &b, on_file_data, on_file_done, j->wait);
	}
	wa_arena_clear(&a);
	return rc;
}

/* ---- steps ---- */

static void begin_hash(struct sync_job *j)
{
	j->step = STEP_HASH;
	j->at = j->h.body;
	j->entries = 0;
	j->sum = j->st.hash;
	if (j->parts->kind != PART_PATCH)
		memset(&j->sum, 0, sizeof(j->sum));
}

static int start(struct wa_client *c, struct sync_job *j)
{
	struct part *p = j->parts;
	struct wa_span bytes = wa_span(p->bytes, p->len), ref;
	int rc;

	if (p->kind == PART_SNAPSHOT)
		return fetch_file(c, j, bytes);
	if (p->kind == PART_RECOVERY) {
		rc = sync_read_recovery(bytes, j->collection, &j->h);
		if (rc == 0)
			begin_hash(j);
		return rc;
	}
	rc = sync_read_patch(bytes, &j->h, &ref);
	if (rc)
		return rc;
	if (j->h.version <= j->st.version) {
		/* Only versions move on: a patch that we have says nothing new. */
		j->step = STEP_DONE;
		return j->h.version == 0 ? WA_EPROTO : 0;
	}
	if (ref.len)
		return fetch_file(c, j, ref);
	begin_hash(j);
	return 0;
}

/* The file is here: a snapshot, or SyncdMutations{mutations 1} of a patch. */
static int file_came(struct sync_job *j)
{
	int rc = 0;

	if (j->parts->kind == PART_SNAPSHOT) {
		rc = sync_read_snapshot(wa_buf_view(&j->file), &j->h);
	} else {
		j->h.body = wa_buf_view(&j->file);
		j->h.field = 1;
	}
	begin_hash(j);
	return rc;
}

/* The next entry of the body: 1/0/<0. */
static int next_entry(struct sync_job *j, struct wa_span *ret)
{
	struct wa_pb_field f;
	int rc;

	while ((rc = wa_pb_next(&j->at, &f)) == 1)
		if (f.number == j->h.field && f.wire == 2) {
			*ret = f.bytes;
			return ++j->entries > ENTRIES_MAX ? WA_ELIMIT : 1;
		}
	return rc;
}

static int read_entry(struct sync_job *j, struct wa_span in, struct wa_syncd_record *r,
		      struct wa_span *ret_data)
{
	switch (j->parts->kind) {
	case PART_SNAPSHOT:
		return wa_syncd_read_record(in, r, NULL);
	case PART_PATCH:
		return wa_syncd_read_mutation(in, r, NULL);
	default:
		return sync_read_plain(in, r, ret_data);
	}
}

/* What this entry replaces, in this patch or before it: 1/0/<0. */
static int previous(struct wa_client *c, struct sync_job *j, struct wa_span index_mac,
		    uint8_t ret[WA_SYNCD_MAC])
{
	const uint8_t *mac = wa_map_get(&j->newer, index_mac);

	if (mac == gone)
		return 0;
	if (!mac)
		return sync_mac_get(c, j->collection, j->st.gen, index_mac, ret);
	memcpy(ret, mac, WA_SYNCD_MAC);
	return 1;
}

static uint8_t *unconst(const uint8_t *p)
{
	union {
		const uint8_t *in;
		uint8_t *out;
	} u = { p };

	return u.out;
}

static int hash_one(struct wa_client *c, struct sync_job *j, struct wa_span in)
{
	struct wa_syncd_record r;
	uint8_t old[WA_SYNCD_MAC];
	struct wa_span data;
	int rc = read_entry(j, in, &r, &data), code;

	if (rc)
		return rc;
	if (!key_of(c, j, r.key_id, &code))
		return code;
	if (j->parts->kind == PART_PATCH) {
		rc = previous(c, j, r.index_mac, old);
		if (rc < 0)
			return rc;
		if (rc == 1)
			wa_lthash_sub(&j->sum, old);
		wa_buf_span(&j->macs, r.value_mac);
		rc = wa_map_put(&j->newer, r.index_mac,
				r.op == WA_SYNCD_SET ? unconst(r.value_mac.ptr) : gone, NULL);
		if (rc || j->macs.failed)
			return WA_ENOMEM;
	}
	if (r.op == WA_SYNCD_SET)
		wa_lthash_add(&j->sum, r.value_mac.ptr);
	return 0;
}

/* The hash is complete: does it agree with what the part says of itself? */
static int check(struct wa_client *c, struct sync_job *j)
{
	const char *name = wa_sync_collection_str(j->collection);
	const struct wa_syncd_keys *k;
	uint8_t mac[WA_SYNCD_MAC];
	int code;

	if (j->parts->kind == PART_RECOVERY)
		return wa_ct_eq_span(j->h.snapshot_mac, wa_span(j->sum.sum, WA_LTHASH_LEN))
			       ? 0
			       : WA_ECRYPTO;
	k = key_of(c, j, j->h.key_id, &code);
	if (!k)
		return code;
	wa_syncd_snapshot_mac(k, &j->sum, j->h.version, name, mac);
	if (!wa_ct_eq_span(wa_span(mac, sizeof(mac)), j->h.snapshot_mac))
		return WA_ECRYPTO;
	if (j->parts->kind == PART_SNAPSHOT)
		return 0;
	wa_syncd_patch_mac(k, mac, wa_buf_view(&j->macs), j->h.version, name, mac);
	return wa_ct_eq_span(wa_span(mac, sizeof(mac)), j->h.patch_mac) ? 0 : WA_ECRYPTO;
}

static void begin_apply(struct wa_client *c, struct sync_job *j)
{
	uint8_t flags = j->st.flags;

	j->step = STEP_APPLY;
	j->at = j->h.body;
	j->entries = 0;
	/* Until the last entry is written. */
	j->st.flags = (uint8_t)(flags | SYNC_REBUILD);
	sync_state_save(c, j->collection, &j->st);
}

static int apply_one(struct wa_client *c, struct sync_job *j, struct wa_span in)
{
	struct wa_sync_action action = { .kind = 0 };
	uint8_t index_mac[WA_SYNCD_MAC];
	const struct wa_syncd_keys *k;
	struct wa_syncd_record r;
	struct wa_syncd_entry e;
	struct wa_span data;
	struct wa_arena a;
	int rc = read_entry(j, in, &r, &data), code;

	if (rc)
		return rc;
	k = key_of(c, j, r.key_id, &code);
	if (!k)
		return code;
	wa_arena_init(&a, ENTRY_ARENA);
	if (j->parts->kind == PART_RECOVERY) {
		rc = sync_open_plain(data, k, &e, index_mac);
		r.index_mac = wa_span(index_mac, sizeof(index_mac));
	} else {
		rc = wa_syncd_open(k, r.key_id, r.op, r.index_mac, r.blob, &a, &e, NULL);
	}
	action.remove = r.op == WA_SYNCD_REMOVE;
	if (rc == 0)
		rc = wa_sync_action_decode(j->collection, &e, &a, &action, NULL);
	if (rc == 0) {
		sync_tell(c, &action, j->parts->kind != PART_PATCH, false);
		j->count++;
		if (action.remove)
			sync_mac_del(c, j->collection, r.index_mac);
		else
			sync_mac_put(c, j->collection, j->st.gen, r.index_mac, r.value_mac);
	}
	wa_arena_clear(&a);
	return rc;
}

static void part_done(struct wa_client *c, struct sync_job *j)
{
	struct part *p = j->parts;

	if (j->step == STEP_APPLY) {
		j->st.version = j->h.version;
		j->st.hash = j->sum;
		j->st.flags = SYNC_KNOWN | SYNC_STALE;
		sync_state_save(c, j->collection, &j->st);
	}
	part_clear(j);
	j->parts = p->next;
	free(p);
}

/* All parts are in. */
static void finish(struct wa_client *c, struct sync_job *j)
{
	j->st.flags = SYNC_KNOWN;
	if (j->more || c->sync->cols[j->collection].want)
		j->st.flags |= SYNC_STALE;
	j->st.synced_ms = client_now(c);
	sync_state_save(c, j->collection, &j->st);
}

/* Walk the entries with one of the two functions: 1 all done, 0 slice used up, <0. */
static int walk(struct wa_client *c, struct sync_job *j, unsigned cost,
		int (*fn)(struct wa_client *c, struct sync_job *j, struct wa_span in))
{
	struct wa_span entry;
	int rc;

	for (;;) {
		if (!client_slice(c, cost))
			return 0;
		rc = next_entry(j, &entry);
		if (rc <= 0)
			return rc < 0 ? rc : 1;
		rc = fn(c, j, entry);
		if (rc)
			return rc;
	}
}

/* One step: 1 go on, 0 not now, <0. */
static int step(struct wa_client *c, struct sync_job *j)
{
	int rc;

	switch (j->step) {
	case STEP_START:
		rc = start(c, j);
		return rc ? rc : 1;
	case STEP_FILE:
		rc = file_came(j);
		return rc ? rc : 1;
	case STEP_WAIT:
		return 0;
	case STEP_HASH:
		rc = walk(c, j, COST_HASH, hash_one);
		if (rc == 1)
			j->step = STEP_CHECK;
		return rc;
	case STEP_CHECK:
		rc = check(c, j);
		if (rc == 0)
			begin_apply(c, j);
		return rc ? rc : 1;
	case STEP_APPLY:
		rc = walk(c, j, COST_OPEN, apply_one);
		if (rc == 1)
			part_done(c, j);
		return rc;
	case STEP_DONE:
		part_done(c, j);
		return 1;
	}
	return WA_EINTERNAL;
}

bool sync_job_run(struct wa_client *c, struct sync_job *j, int *ret_code)
{
	int rc;

	while (j->code == 0 && j->parts && !c->failed) {
		rc = step(c, j);
		if (j->code)
			break;
		if (rc == 0)
			return false;
		if (rc < 0)
			j->code = rc;
	}
	if (j->code == WA_ENOMEM || j->code == WA_ESTORE)
		client_nomem(c);
	if (j->code == 0 && !c->failed)
		finish(c, j);
	*ret_code = j->code;
	return true;
}
