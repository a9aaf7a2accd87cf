/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a large group costs our client, as JSON lines: 256 members with two
 * devices each, in one process with the sandbox. Only the client's own calls
 * are timed (they are wrapped by the linker): CPU of all of them together, and
 * the longest single one, for which a host's loop is held.
 */
#include "world.h"

#include <wa/group.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ME	"4915100000001"
#define FIRST	"4915200000001"
#ifndef MEMBERS
#define MEMBERS 255
#endif
#define AT_ONCE 250 /* phones made by one request */
#define TEXTS	200

static double total, longest;
static unsigned depth;

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double enter(void)
{
	return depth++ ? 0 : cpu();
}

static void leave(double began)
{
	double took;

	if (--depth)
		return;
	took = cpu() - began;
	total += took;
	if (took > longest)
		longest = took;
}

int __real_wa_client_feed(struct wa_client *c, struct wa_span bytes, struct wa_err *err);
int __real_wa_client_send(struct wa_client *c, const struct wa_send *s, struct wa_err *err);
void __real_wa_client_tick(struct wa_client *c);
void __real_wa_client_committed(struct wa_client *c, uint64_t id);
int __wrap_wa_client_feed(struct wa_client *c, struct wa_span bytes, struct wa_err *err);
int __wrap_wa_client_send(struct wa_client *c, const struct wa_send *s, struct wa_err *err);
void __wrap_wa_client_tick(struct wa_client *c);
void __wrap_wa_client_committed(struct wa_client *c, uint64_t id);

int __wrap_wa_client_feed(struct wa_client *c, struct wa_span bytes, struct wa_err *err)
{
	double t = enter();
	int rc = __real_wa_client_feed(c, bytes, err);

	leave(t);
	return rc;
}

int __wrap_wa_client_send(struct wa_client *c, const struct wa_send *s, struct wa_err *err)
{
	double t = enter();
	int rc = __real_wa_client_send(c, s, err);

	leave(t);
	return rc;
}

void __wrap_wa_client_tick(struct wa_client *c)
{
	double t = enter();

	__real_wa_client_tick(c);
	leave(t);
}

void __wrap_wa_client_committed(struct wa_client *c, uint64_t id)
{
	double t = enter();

	__real_wa_client_committed(c, id);
	leave(t);
}

static void report(const char *name, unsigned n)
{
	printf("{\"name\":\"group.%s\",\"ms_each\":%.3f,\"held_ms\":%.2f,\"count\":%u}\n", name,
	       total / n * 1e3, longest * 1e3, n);
	fflush(stdout);
	total = longest = 0;
}

static struct wa_jid group;

static void on_group(void *arg, int code, const char *text, const struct wa_group *g, size_t n)
{
	(void)arg;
	(void)text;
	assert_int_equal(code, 0);
	assert_int_equal(n, 1);
	assert_int_equal(g->n_members, MEMBERS + 1);
	group = g->jid;
}

static void on_members(void *arg, int code, const char *text, const struct wa_group_member *m, size_t n)
{
	(void)arg;
	(void)text;
	assert_int_equal(code, 0);
	assert_int_equal(n, 1);
	assert_int_equal(m->error, 0);
}

static void say(struct world *w, struct actor *a)
{
	struct wa_message m = { .kind = WA_MSG_TEXT, .text = wa_span_str("about as long as most texts to a group are"),
				.protocol_type = -1 };
	struct wa_send o = { .to = group, .message = &m };
	char id[32];

	wa_client_message_id(a->c, id);
	o.id = id;
	assert_int_equal(wa_client_send(a->c, &o, NULL), 0);
	for (int i = 0; i < 200 && !actor_find(a, WA_EV_ACK, id); i++)
		world_run(w, 10);
	assert_non_null(actor_find(a, WA_EV_ACK, id));
	a->n_events = a->looked_at = 0;
}

static void a_group(void **state)
{
	struct wa_jid members[MEMBERS], last;
	struct wa_group_create g = { .subject = "Large", .members = members, .n_members = MEMBERS };
	struct actor *a;
	struct world w;
	char text[160], number[20];

	(void)state;
	world_start(&w);
	world_account(&w, ME);
	for (int i = 0; i < MEMBERS; i += AT_ONCE) {
		snprintf(text, sizeof(text), "{\"first\":%lld,\"count\":%d,\"companions\":1,\"sink\":true}",
			 4915200000001LL + i, MEMBERS - i < AT_ONCE ? MEMBERS - i : AT_ONCE);
		world_do(&w, "POST", "/accounts/bulk", text);
	}
	for (int i = 0; i < MEMBERS; i++) {
		snprintf(number, sizeof(number), "%lld", 4915200000001LL + i);
		members[i] = wa_jid_make(WA_SRV_PN, number, 0);
	}
	a = world_client(&w);
	world_link(&w, a, ME);
	assert_int_equal(wa_client_group_create(a->c, &g, on_group, NULL, NULL), 0);
	world_run(&w, 100);
	a->n_events = a->looked_at = 0;
	total = longest = 0;
	say(&w, a);
	report("send.unknown", 1);
	for (int i = 0; i < TEXTS; i++)
		say(&w, a);
	report("send.known", TEXTS);
	last = members[MEMBERS - 1];
	assert_int_equal(wa_client_group_members(a->c, &group, WA_MEMBERS_REMOVE, &last, 1, false, on_members,
						 NULL, NULL), 0);
	world_run(&w, 100);
	total = longest = 0;
	say(&w, a);
	report("send.new_key", 1);
	snprintf(text, sizeof(text), "/groups/%s/messages", group.user);
	world_do(&w, "POST", text, "{\"from\":\"" FIRST "\",\"text\":\"the first brings the key\"}");
	world_run(&w, 100);
	a->n_events = a->looked_at = 0;
	total = longest = 0;
	for (int i = 0; i < TEXTS; i++) {
		world_do(&w, "POST", text, "{\"from\":\"" FIRST "\",\"text\":\"one of many\"}");
		world_run(&w, 10);
		assert_int_equal(actor_count(a, WA_EV_MESSAGE, "one of many"), 1);
		a->n_events = a->looked_at = 0;
	}
	report("receive", TEXTS);
	assert_int_equal(world_violations(&w, NULL), 0);
	world_end_anyhow(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_group) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
