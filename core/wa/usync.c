/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking who has which devices, which LID, and who is on WhatsApp at all. */
#include "client_int.h"

#include <stdlib.h>

#define LIST_VERSION 1
#define LIST_LIFE_MS (24 * 3600 * 1000LL) /* a missed notification heals after this */
#define LIST_RETRY_MS (10 * 60 * 1000LL)  /* one whose companions could not be believed */
#define USERS_MAX    64                   /* in one question */
#define CHECK_MAX    256
#define DIGITS_MAX   20

/* ---- what is in flight ---- */

static struct wa_span asked_key(char kind, const struct wa_jid *j, char out[WA_JID_TEXT_MAX + 1])
{
	out[0] = kind;
	(void)wa_jid_text(j, out + 1);
	return wa_span_str(out);
}

bool asked_has(struct wa_client *c, char kind, const struct wa_jid *j)
{
	char key[WA_JID_TEXT_MAX + 1];

	return wa_map_has(&c->asked, asked_key(kind, j, key));
}

void asked_set(struct wa_client *c, char kind, const struct wa_jid *j)
{
	char key[WA_JID_TEXT_MAX + 1];

	if (wa_map_put(&c->asked, asked_key(kind, j, key), c, NULL))
		client_nomem(c);
}

void asked_del(struct wa_client *c, char kind, const struct wa_jid *j)
{
	char key[WA_JID_TEXT_MAX + 1];

	(void)wa_map_del(&c->asked, asked_key(kind, j, key));
	if (c->asked.len == 0)
		wa_map_clear(&c->asked);
}

void want_add(struct wa_client *c, struct want *w, const struct wa_jid *j)
{
	if (w->len == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 4;
		struct wa_jid *grown = realloc(w->jids, cap * sizeof(*grown));

		if (!grown) {
			client_nomem(c);
			return;
		}
		w->jids = grown;
		w->cap = cap;
	}
	w->jids[w->len++] = *j;
}

void want_clear(struct want *w)
{
	free(w->jids);
	memset(w, 0, sizeof(*w));
}

/* ---- device lists ---- */

static struct wa_jid list_user(struct wa_client *c, const struct wa_jid *user)
{
	struct wa_jid bare = wa_jid_bare(user);
	struct wa_jid j = wa_signal_canonical(c->sig, &bare);

	return wa_jid_bare(&j);
}

static void list_store(struct wa_client *c, const struct device_list *l)
{
	char key[WA_JID_TEXT_MAX];
	struct wa_buf b;
	size_t i;

	wa_buf_init(&b, 4096);
	wa_buf_u8(&b, LIST_VERSION);
	wa_buf_be64(&b, (uint64_t)l->at_ms);
	for (i = 0; i < l->n; i++) {
		wa_buf_be16(&b, l->devices[i].id);
		wa_buf_u8(&b, l->devices[i].hosted);
	}
	if (wa_buf_end(&b, NULL) ||
	    wa_records_put(c->rec, WA_REC_DEVICES, wa_span_str(wa_jid_text(&l->user, key)),
			   wa_buf_view(&b)))
		client_nomem(c);
	wa_buf_clear(&b);
}

static int list_read(struct wa_span s, struct device_list *l)
{
	size_t i;

	if (s.len < 9 || s.ptr[0] != LIST_VERSION || (s.len - 9) % 3 ||
	    (s.len - 9) / 3 > DEVICES_MAX)
		return 0;
	l->at_ms = 0;
	for (i = 1; i < 9; i++)
		l->at_ms = (int64_t)((uint64_t)l->at_ms << 8 | s.ptr[i]);
	l->n = (s.len - 9) / 3;
	for (i = 0; i < l->n; i++) {
		const uint8_t *p = s.ptr + 9 + 3 * i;

		l->devices[i].id = (uint16_t)(p[0] << 8 | p[1]);
		l->devices[i].hosted = p[2];
	}
	return 1;
}

int usync_cached(struct wa_client *c, const struct wa_jid *user, struct device_list *ret)
{
	char key[WA_JID_TEXT_MAX];
	struct wa_err err = WA_ERR_INIT;
	struct wa_buf b;
	int64_t age;
	int found;

	ret->user = list_user(c, user);
	wa_buf_init(&b, 1u << 16);
	found = wa_records_get(c->rec, WA_REC_DEVICES, wa_span_str(wa_jid_text(&ret->user, key)),
			       &b, &err);
	if (found > 0)
		found = list_read(wa_buf_view(&b), ret);
	wa_buf_clear(&b);
	age = found > 0 ? client_now(c) - ret->at_ms : 0;
	if (age > LIST_LIFE_MS || age < -LIST_LIFE_MS)
		found = 0;
	return found;
}

void usync_forget(struct wa_client *c, const struct wa_jid *user)
{
	char key[WA_JID_TEXT_MAX];
	struct wa_jid j = list_user(c, user);

	if (wa_records_del(c->rec, WA_REC_DEVICES, wa_span_str(wa_jid_text(&j, key))))
		client_nomem(c);
}

struct wa_jid usync_device(const struct device_list *l, size_t i)
{
	struct wa_jid j = wa_jid_device(&l->user, l->devices[i].id);

	if (l->devices[i].hosted)
		j.server = j.server == WA_SRV_LID ? WA_SRV_HOSTED_LID : WA_SRV_HOSTED;
	return j;
}

/* ---- the question ---- */

struct ask {
	size_t n;
	struct wa_jid jids[USERS_MAX];
	bool done[USERS_MAX];
	int code[USERS_MAX]; /* why there is no list; 0 not said */
};

void usync_want(struct wa_client *c, const struct wa_jid *user)
{
	struct wa_jid j = wa_jid_bare(user);

	if (asked_has(c, 'u', &j))
		return;
	asked_set(c, 'u', &j);
	want_add(c, &c->want_users, &j);
}

struct wa_node *usync_iq(struct wa_client *c, struct wa_arena *a, const char *mode, const char *context,
			 struct wa_node **ret_query, struct wa_node **ret_list)
{
	struct wa_node *iq = iq_new(a, "get", "usync");
	struct wa_node *u = wa_node_child(a, iq, "usync");

	wa_node_attr(a, u, "sid",
		     wa_arena_fmt(a, "%u.%u-%u", c->iq_prefix >> 16, c->iq_prefix & 0xffff,
				  ++c->iq_counter));
	wa_node_attr(a, u, "mode", mode);
	wa_node_attr(a, u, "last", "true");
	wa_node_attr(a, u, "index", "0");
	wa_node_attr(a, u, "context", context);
	*ret_query = wa_node_child(a, u, "query");
	*ret_list = wa_node_child(a, u, "list");
	return iq;
}

/* A user's devices: 0 always, others only with a key index his phone vouches for. */
static bool read_devices(struct wa_client *c, const struct wa_node *user, const struct wa_jid *jid)
{
	const struct wa_node *devices = wa_node_get(user, "devices"), *dl = wa_node_get(devices, "device-list");
	const struct wa_node *d;
	struct device_list l = { .at_ms = client_now(c) };
	struct wa_key_indexes k;
	int vouched;

	if (!dl)
		return false;
	l.user = list_user(c, jid);
	vouched = vouch_list(c, &l.user, devices, &k);
	if (vouched < 0) /* a new phone perhaps, whose key comes with its next message */
		l.at_ms -= LIST_LIFE_MS - LIST_RETRY_MS;
	for (d = wa_node_first(dl); d && l.n < DEVICES_MAX; d = d->next) {
		int64_t id = wa_node_attr_num(d, "id", -1), index = wa_node_attr_num(d, "key-index", 0);

		if (!wa_node_is(d, "device") || id < 0 || id > UINT16_MAX)
			continue;
		if (id > 0 && (index < 1 || index > UINT32_MAX || vouched < 0 ||
			       (vouched && !wa_key_index_valid(&k, (uint32_t)index))))
			continue;
		l.devices[l.n].id = (uint16_t)id;
		l.devices[l.n++].hosted = wa_node_attr_is(d, "is_hosted", "true");
	}
	if (l.n == 0)
		return false;
	list_store(c, &l);
	return true;
}

/* An <error> of this user, or of the protocol within. */
static int user_error(const struct wa_node *user)
{
	const struct wa_node *e = wa_node_get(user, "error");
	int64_t code;

	if (!e)
		e = wa_node_get(wa_node_get(user, "devices"), "error");
	code = wa_node_attr_num(e, "code", 0);
	return code < 1 || code > 9999 ? 0 : (int)code;
}

static void read_user(struct wa_client *c, const struct wa_node *user, struct ask *q)
{
	struct wa_jid jid, lid, pn;
	bool has_lid = wa_node_attr_jid_get(wa_node_get(user, "lid"), "val", &lid) == 1;
	bool has_pn = wa_node_attr_jid_get(user, "pn_jid", &pn) == 1;
	bool ok;
	size_t i;

	if (!wa_node_attr_jid_get(user, "jid", &jid))
		return;
	if (has_lid)
		client_learn(c, &jid, &lid);
	if (has_pn)
		client_learn(c, &pn, &jid);
	ok = read_devices(c, user, &jid);
	for (i = 0; i < q->n; i++)
		if (wa_jid_same_user(&q->jids[i], &jid) ||
		    (has_lid && wa_jid_same_user(&q->jids[i], &lid)) ||
		    (has_pn && wa_jid_same_user(&q->jids[i], &pn))) {
			q->done[i] |= ok;
			q->code[i] = user_error(user);
		}
}

/* Who is not told of is not on WhatsApp, except ourselves: that is a fault of the server. */
static void send_unlisted(struct wa_client *c, const struct wa_jid *user, int code)
{
	if (code == 0)
		code = client_own(c, user) ? 500 : 404;
	send_user_failed(c, user, code, send_reason(code));
}

static void on_devices(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *user;
	struct ask *q = arg;
	size_t i;

	if (code == 0) {
		user = wa_node_first(wa_node_get(wa_node_get(node, "usync"), "list"));
		for (; user; user = user->next)
			read_user(c, user, q);
	}
	for (i = 0; i < q->n; i++)
		asked_del(c, 'u', &q->jids[i]);
	for (i = 0; i < q->n; i++) {
		if (q->done[i])
			continue;
		if (code)
			send_user_failed(c, &q->jids[i], code > 0 ? code : 0,
					 code > 0               ? "device_lookup_refused"
					 : code == WA_ETIMEDOUT ? "timeout"
								: "connection_lost");
		else
			send_unlisted(c, &q->jids[i], q->code[i]);
	}
	free(q);
	send_wake(c);
}

static void ask_some(struct wa_client *c, const struct wa_jid *jids, size_t n)
{
	struct ask *q = calloc(1, sizeof(*q));
	struct wa_node *iq, *query, *list;
	struct wa_arena a;
	size_t i;

	if (!q) {
		client_nomem(c);
		return;
	}
	q->n = n;
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = usync_iq(c, &a, "query", "message", &query, &list);
	wa_node_attr(&a, wa_node_child(&a, query, "devices"), "version", "2");
	wa_node_child(&a, query, "lid");
	for (i = 0; i < n; i++) {
		q->jids[i] = jids[i];
		wa_node_attr_jid(&a, wa_node_child(&a, list, "user"), "jid", &jids[i]);
	}
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_devices, q);
	wa_arena_clear(&a);
}

void usync_fetch(struct wa_client *c)
{
	struct want w = c->want_users;
	size_t i;

	memset(&c->want_users, 0, sizeof(c->want_users));
	for (i = 0; i < w.len; i += USERS_MAX)
		ask_some(c, w.jids + i, w.len - i < USERS_MAX ? w.len - i : USERS_MAX);
	want_clear(&w);
}

/* ---- are these numbers on WhatsApp? ---- */

struct check {
	wa_check_fn *fn;
	void *arg;
	size_t n;
	char (*digits)[DIGITS_MAX + 1];
	struct wa_check_result *results;
};

static void check_free(struct check *k)
{
	free(k->digits);
	free(k->results);
	free(k);
}

static struct wa_check_result *find_query(struct check *k, struct wa_span text)
{
	size_t i, len = 0;

	if (text.len && text.ptr[0] == '+')
		text = wa_span(text.ptr + 1, text.len - 1);
	while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9')
		len++; /* also "123@c.us" */
	text.len = len;
	for (i = 0; i < k->n; i++)
		if (wa_span_is(text, k->digits[i]))
			return &k->results[i];
	return NULL;
}

static void read_check(struct wa_client *c, struct check *k, const struct wa_node *user)
{
	const struct wa_node *contact = wa_node_get(user, "contact");
	struct wa_check_result *r = find_query(k, wa_node_bytes(contact));
	struct wa_jid jid, other;
	bool in = wa_node_attr_is(contact, "type", "in");

	if (!wa_node_attr_jid_get(user, "jid", &jid))
		memset(&jid, 0, sizeof(jid));
	if (!r && jid.server == WA_SRV_PN)
		r = find_query(k, wa_span_str(jid.user));
	if (!r || !in || !wa_jid_is_user(&jid))
		return;
	r->exists = true;
	if (jid.server == WA_SRV_LID) {
		r->lid = jid;
		if (wa_node_attr_jid_get(user, "pn_jid", &other))
			r->jid = other;
	} else {
		r->jid = jid;
		if (wa_node_attr_jid_get(wa_node_get(user, "lid"), "val", &other))
			r->lid = other;
	}
	if (!wa_jid_is_null(&r->jid) && !wa_jid_is_null(&r->lid))
		client_learn(c, &r->jid, &r->lid);
	else if (!wa_jid_is_null(&r->jid))
		(void)wa_signal_lid_of(c->sig, &r->jid, &r->lid);
}

static void on_check(struct wa_client *c, void *arg, const struct wa_node *node, int code)
{
	const struct wa_node *user;
	struct check *k = arg;

	if (code) {
		k->fn(k->arg, code < 0 ? code : WA_EPEER, NULL, 0);
	} else {
		user = wa_node_first(wa_node_get(wa_node_get(node, "usync"), "list"));
		for (; user; user = user->next)
			read_check(c, k, user);
		k->fn(k->arg, 0, k->results, k->n);
	}
	check_free(k);
}

static int check_new(const char *const *digits, size_t n, struct check **ret_k, struct wa_err *err)
{
	struct check *k = calloc(1, sizeof(*k));
	size_t i;

	if (!k)
		return wa_err_set(err, WA_ENOMEM, "no memory for a check");
	k->n = n;
	k->digits = calloc(n, sizeof(*k->digits));
	k->results = calloc(n, sizeof(*k->results));
	if (!k->digits || !k->results) {
		check_free(k);
		return wa_err_set(err, WA_ENOMEM, "no memory for a check");
	}
	for (i = 0; i < n; i++) {
		size_t len = strlen(digits[i]);

		if (len == 0 || len > DIGITS_MAX || strspn(digits[i], "0123456789") != len) {
			check_free(k);
			return wa_err_set(err, WA_EINVALID, "number %zu is not plain digits", i);
		}
		memcpy(k->digits[i], digits[i], len + 1);
		k->results[i].query = k->digits[i];
	}
	*ret_k = k;
	return 0;
}

int wa_client_check_numbers(struct wa_client *c, const char *const *digits, size_t n,
			    wa_check_fn *fn, void *arg, struct wa_err *err)
{
	struct wa_node *iq, *query, *list, *contact;
	struct wa_arena a;
	struct check *k = NULL;
	size_t i;
	int rc;

	if (c->state != WA_ST_READY)
		return wa_err_set(err, WA_ESTATE, "not connected");
	if (n == 0 || n > CHECK_MAX || !fn)
		return wa_err_set(err, WA_EINVALID, "1 to %d numbers at a time", CHECK_MAX);
	rc = check_new(digits, n, &k, err);
	if (rc)
		return rc;
	k->fn = fn;
	k->arg = arg;
	client_enter(c);
	wa_arena_init(&a, STANZA_ARENA_MAX);
	iq = usync_iq(c, &a, "query", "interactive", &query, &list);
	wa_node_child(&a, query, "contact");
	wa_node_child(&a, query, "lid");
	for (i = 0; i < n; i++) {
		contact = wa_node_child(&a, wa_node_child(&a, list, "user"), "contact");
		wa_node_text(&a, contact, wa_arena_fmt(&a, "+%s", k->digits[i]));
	}
	iq_send(c, &a, iq, IQ_TIMEOUT_MS, on_check, k);
	wa_arena_clear(&a);
	client_leave(c);
	return 0;
}
