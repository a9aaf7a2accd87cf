/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls: phones ring, devices hear of it, somebody takes or refuses. There is no sound. */
#include "person.h"

struct sb_ring {
	struct wa_list link;
	char id[40];
	struct sb_account *from, *to;
	bool video, group;
};

static struct sb_ring *find(struct sandbox *s, const char *id)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &s->rings)
	{
		struct sb_ring *r = container_of(l, struct sb_ring, link);

		if (strcmp(r->id, id) == 0)
			return r;
	}
	return NULL;
}

static void ring_free(struct sb_ring *r)
{
	wa_list_del(&r->link);
	free(r);
}

void sb_calls_clear(struct sandbox *s, const struct sb_account *of)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &s->rings)
	{
		struct sb_ring *r = container_of(l, struct sb_ring, link);

		if (!of || r->from == of || r->to == of)
			ring_free(r);
	}
}

static struct wa_node *call_node(struct sandbox *s, struct wa_arena *a, const struct sb_ring *r,
				 const struct wa_jid *from, const char *what, struct wa_node **ret_child)
{
	struct wa_node *n = wa_node_new(a, "call"), *k;
	char id[32];

	sb_new_id(s, id);
	wa_node_attr_jid(a, n, "from", from);
	wa_node_attr(a, n, "id", id);
	wa_node_attr_int(a, n, "t", sb_now(s) / 1000);
	wa_node_attr(a, n, "platform", "android");
	wa_node_attr(a, n, "version", "2.26.1");
	k = wa_node_child(a, n, what);
	wa_node_attr(a, k, "call-id", r->id);
	wa_node_attr_jid(a, k, "call-creator", &r->from->lid_jid);
	*ret_child = k;
	return n;
}

int sb_ring(struct sb_account *from, struct sb_account *to, bool video, bool group, char ret_id[40],
	    struct wa_err *err)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sandbox *s = from->s;
	struct wa_node *n, *k, *m;
	struct sb_ring *r;
	uint8_t rnd[16];
	size_t many = 0;
	struct wa_list *l;

	WA_LIST_EACH(l, &s->rings) many++;
	if (from == to || many >= SB_CALLS_MAX)
		return wa_err_set(err, WA_EINVALID, "nobody calls himself, and not %d at once", SB_CALLS_MAX);
	r = calloc(1, sizeof(*r));
	if (!r)
		return wa_err_set(err, WA_ENOMEM, "no memory for a call");
	sb_random(s, rnd, sizeof(rnd));
	for (size_t i = 0; i < sizeof(rnd); i++)
		snprintf(r->id + 2 * i, 3, "%02X", rnd[i]);
	r->from = from;
	r->to = to;
	r->video = video;
	r->group = group;
	wa_list_push_back(&s->rings, &r->link);
	memcpy(ret_id, r->id, sizeof(r->id));
	if (!sb_allows(to, from, "calladd"))
		return 0; /* it rings nowhere, and the caller hears it ring */
	wa_arena_init(&a, SB_STANZA_MAX);
	n = call_node(s, &a, r, &from->lid_jid, "offer", &k);
	wa_node_attr(&a, n, "notify", from->name);
	wa_node_attr_jid(&a, k, "caller_pn", &from->pn_jid);
	if (group)
		wa_node_attr(&a, k, "type", "group");
	m = wa_node_child(&a, k, "audio");
	wa_node_attr(&a, m, "enc", "opus");
	wa_node_attr(&a, m, "rate", "16000");
	if (video)
		wa_node_child(&a, k, "video");
	sb_tell_devices(to, NULL, n);
	return 0;
}

static void end(struct sb_ring *r, const char *reason)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_node *n, *k;

	wa_arena_init(&a, SB_STANZA_MAX);
	n = call_node(r->from->s, &a, r, &r->from->lid_jid, "terminate", &k);
	if (*reason)
		wa_node_attr(&a, k, "reason", reason);
	if (sb_allows(r->to, r->from, "calladd"))
		sb_tell_devices(r->to, NULL, n);
	ring_free(r);
}

int sb_hang_up(struct sandbox *s, const char *id, const char *reason)
{
	struct sb_ring *r = find(s, id);

	if (r)
		end(r, reason);
	return r ? 0 : 404;
}

/* The phone of the called person takes it: his other devices stop ringing. */
int sb_pick_up(struct sandbox *s, const char *id)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct sb_ring *r = find(s, id);
	struct wa_node *n, *k;

	if (!r)
		return 404;
	wa_arena_init(&a, SB_STANZA_MAX);
	n = call_node(s, &a, r, &r->to->lid_jid, "accept", &k);
	sb_tell_devices(r->to, NULL, n);
	return 0;
}

static void make_link(struct sb_device *d, struct sb_conn *c, const struct wa_node *n, const struct wa_node *k)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	struct wa_jid from = wa_jid_make(WA_SRV_CALL, "", 0);
	struct wa_node *out, *l;
	char token[23];
	uint8_t r[11];

	if (!wa_node_attr_is(k, "media", "audio") && !wa_node_attr_is(k, "media", "video"))
		sb_violation(d->acc->s, d, n, "call.link", "neither audio nor video");
	sb_random(d->acc->s, r, sizeof(r));
	for (size_t i = 0; i < sizeof(r); i++)
		snprintf(token + 2 * i, 3, "%02x", r[i]);
	wa_arena_init(&a, SB_STANZA_MAX);
	out = wa_node_new(&a, "call");
	wa_node_attr_jid(&a, out, "from", &from);
	wa_node_attr_span(&a, out, "id", wa_node_attr_get(n, "id"));
	l = wa_node_child(&a, out, "link_create");
	wa_node_attr(&a, l, "token", token);
	sb_seen_add(d, "call", sb_attr(&a, n, "id")); /* stock clients acknowledge the answer, too */
	sb_send(c, out);
}

/* <call> of a client: it refuses, or wants a link. */
void sb_call(struct sb_device *d, struct sb_conn *c, const struct wa_node *n)
{
	SB_AUTO_ARENA struct wa_arena a = { 0 };
	const struct wa_node *k = wa_node_first(n);
	struct sandbox *s = d->acc->s;
	struct sb_ring *r;
	struct wa_jid to;
	struct wa_node *out, *t;

	wa_arena_init(&a, SB_STANZA_MAX);
	if (!wa_node_attr_get(n, "id").len) {
		sb_violation(s, d, n, "call.id", "missing");
		return;
	}
	if (wa_node_is(k, "link_create")) {
		make_link(d, c, n, k);
		return;
	}
	if (!wa_node_is(k, "reject") || !wa_node_attr_get(k, "call-id").len || !wa_node_has(k, "call-creator") ||
	    !wa_node_attr_jid_get(n, "to", &to)) {
		sb_violation(s, d, n, "call.malformed", "no reject with call-id and call-creator");
		return;
	}
	sb_answer(d, c, n);
	r = find(s, sb_attr(&a, k, "call-id"));
	if (!r || r->to != d->acc) {
		sb_violation(s, d, n, "call.unknown", "no call of this id rings here");
		return;
	}
	out = call_node(s, &a, r, &d->acc->lid_jid, "terminate", &t);
	wa_node_attr(&a, t, "reason", "rejected_elsewhere");
	sb_tell_devices(d->acc, d, out);
	sb_copy(r->from->call_state, sizeof(r->from->call_state), "rejected");
	ring_free(r);
}
