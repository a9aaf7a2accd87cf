/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server that adds devices of its own to a friend: the friend's phone did not sign them. */
#include "test.h"

#include <base.h>

static struct wa_jid bob(void)
{
	return wa_jid_make(WA_SRV_LID, BOB_LID, 0);
}

static size_t n_to(const struct wa_node *msg)
{
	const struct wa_node *t;
	size_t n = 0;

	assert_non_null(msg);
	for (t = wa_node_first(wa_node_get(msg, "participants")); t; t = t->next)
		n++;
	return n;
}

/* The list of the friend's phone: these indexes. */
static void say_list(struct mini *m, struct wa_buf *b, const uint32_t *valid, size_t n)
{
	wa_buf_reset(b);
	assert_int_equal(wa_adv_key_index_list(&m->env, &m->bob[0].dev.identity, 9, (uint64_t)(m->now / 1000), valid,
					       n, b, NULL), 0);
	m->bob_list = wa_buf_view(b);
}

/* The friend's devices changed: his list is asked for again. */
static void changed(struct mini *m)
{
	struct wa_jid from = wa_jid_make(WA_SRV_PN, BOB_PN, 0);
	struct wa_node *n = mini_node(m, "notification");

	wa_node_attr_jid(&m->arena, n, "from", &from);
	wa_node_attr(&m->arena, n, "type", "devices");
	wa_node_attr_int(&m->arena, n, "id", (int64_t)m->n_got);
	wa_node_child(&m->arena, n, "update");
	mini_send(m, n);
	mini_run(m);
}

static size_t reached(struct mini *m, const char *id)
{
	struct wa_jid to = bob();

	assert_int_equal(mini_send_text(m, id, &to, "x"), 0);
	mini_run(m);
	return n_to(mini_got(m, "message", "id", id));
}

/* Our own other device is always reached: 1 more than the friend's. */
static void lists(void **state)
{
	const uint32_t both[] = { 1, 2 }, gone[] = { 2 }, older[] = { 0 };
	uint8_t *bytes;
	struct wa_buf b;
	struct mini m;

	(void)state;
	wa_buf_init(&b, 4096);
	mini_init(&m, 31);
	m.bob_devices = 2;
	say_list(&m, &b, both, 2);
	mini_link(&m);
	mini_send(&m, mini_message(&m, &m.bob[0], "HI", mini_text(&m, "hi"))); /* his phone's key is known */
	mini_run(&m);
	assert_int_equal(reached(&m, "V1"), 3);
	/* index 1 is not among them any more, though the server says so */
	changed(&m);
	say_list(&m, &b, gone, 1);
	assert_int_equal(reached(&m, "V2"), 2);
	/* linked after the list was made */
	changed(&m);
	say_list(&m, &b, older, 1);
	assert_int_equal(reached(&m, "V3"), 3);
	/* not his phone's signature: the phone alone, and asked again soon */
	changed(&m);
	say_list(&m, &b, both, 2);
	bytes = b.ptr;
	bytes[b.len - 1] ^= 1;
	assert_int_equal(reached(&m, "V4"), 2);
	assert_int_equal(mini_evs(&m, WA_EV_UNKNOWN), 1);
	bytes[b.len - 1] ^= 1;
	mini_pass(&m, 11 * 60 * 1000LL);
	assert_int_equal(reached(&m, "V5"), 3);
	mini_clear(&m);
	wa_buf_clear(&b);
}

/* Keys of a companion, with the proof that it is one; the phone's key comes in the same answer. */
static void keys(void **state)
{
	struct wa_buf container, reply;
	uint32_t index;
	struct mini m;

	(void)state;
	wa_buf_init(&container, 4096);
	wa_buf_init(&reply, 4096);
	for (int wrong = 0; wrong < 3; wrong++) {
		struct wa_adv_params p = { .raw_id = 9, .timestamp = 1, .key_index = 1 };
		struct wa_device *dev;

		mini_init(&m, 32);
		m.bob_devices = 2;
		dev = &m.bob[1].dev;
		wa_buf_reset(&container);
		wa_buf_reset(&reply);
		assert_int_equal(wa_adv_issue(&m.env, wrong == 2 ? &dev->identity : &m.bob[0].dev.identity,
					      &dev->identity.pub, &dev->adv_secret, &p, &container, NULL), 0);
		assert_int_equal(wa_adv_accept(&m.env, dev, wa_buf_view(&container), &reply, &index, NULL), 0);
		/* as the server gives it: without the account's key */
		if (wrong == 1)
			reply.ptr[reply.len - 1] ^= 1;
		m.bob_identity = wa_buf_view(&reply);
		mini_link(&m);
		assert_int_equal(reached(&m, "K1"), wrong ? 2 : 3);
		assert_int_equal(mini_evs(&m, WA_EV_UNKNOWN), wrong ? 1 : 0);
		mini_clear(&m);
	}
	wa_buf_clear(&container);
	wa_buf_clear(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
