/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state.h"

#define BIT(s)        (1u << (s))
#define BEFORE_OUTBOX (BIT(ORDER_RECEIVED) | BIT(ORDER_HELD))
#define UNDERWAY      (BIT(ORDER_QUEUED) | BIT(ORDER_SENT) | BIT(ORDER_DELIVERED) | BIT(ORDER_READ))

static const char *const names[ORDER_STATES] = {
	"new",  "received",  "held",      "queued",   "sent",   "delivered",
	"read", "confirmed", "cancelled", "no_reply", "failed",
};

/* allowed[actor][to]: the states from which this actor may move an order there. */
static const uint32_t allowed[ORDER_ACTORS][ORDER_STATES] = {
	[ORDER_BY_SYSTEM] = {
		[ORDER_RECEIVED] = BIT(ORDER_NEW),
		[ORDER_HELD] = BIT(ORDER_RECEIVED) | BIT(ORDER_HELD),
		[ORDER_QUEUED] = BEFORE_OUTBOX,
		[ORDER_NO_REPLY] = BIT(ORDER_SENT) | BIT(ORDER_DELIVERED) | BIT(ORDER_READ),
		[ORDER_FAILED] = BIT(ORDER_NEW) | BEFORE_OUTBOX,
	},
	[ORDER_BY_RECEIPT] = {
		[ORDER_SENT] = BIT(ORDER_QUEUED),
		[ORDER_DELIVERED] = BIT(ORDER_QUEUED) | BIT(ORDER_SENT),
		[ORDER_READ] = BIT(ORDER_QUEUED) | BIT(ORDER_SENT) | BIT(ORDER_DELIVERED),
		[ORDER_FAILED] = BIT(ORDER_QUEUED) | BIT(ORDER_SENT),
	},
	[ORDER_BY_CUSTOMER] = {
		[ORDER_CONFIRMED] = UNDERWAY | BIT(ORDER_NO_REPLY),
		[ORDER_CANCELLED] = UNDERWAY | BIT(ORDER_NO_REPLY),
	},
	[ORDER_BY_STORE] = {
		[ORDER_CANCELLED] = BIT(ORDER_NEW) | BEFORE_OUTBOX | UNDERWAY | BIT(ORDER_CONFIRMED) |
				    BIT(ORDER_NO_REPLY) | BIT(ORDER_FAILED),
	},
	[ORDER_BY_OPERATOR] = {
		[ORDER_RECEIVED] = BIT(ORDER_HELD) | BIT(ORDER_SENT) | BIT(ORDER_DELIVERED) |
				   BIT(ORDER_READ) | BIT(ORDER_NO_REPLY) | BIT(ORDER_FAILED),
		[ORDER_CONFIRMED] = BEFORE_OUTBOX | UNDERWAY | BIT(ORDER_CANCELLED) |
				    BIT(ORDER_NO_REPLY) | BIT(ORDER_FAILED),
		[ORDER_CANCELLED] = BEFORE_OUTBOX | UNDERWAY | BIT(ORDER_CONFIRMED) |
				    BIT(ORDER_NO_REPLY) | BIT(ORDER_FAILED),
	},
};

const char *order_state_str(enum order_state s)
{
	return names[s];
}

int order_state_parse(const char *text, enum order_state *ret)
{
	for (int i = 1; i < ORDER_STATES; i++) {
		if (strcmp(names[i], text) == 0) {
			*ret = (enum order_state)i;
			return 1;
		}
	}
	return 0;
}

const char *order_actor_str(enum order_actor a)
{
	static const char *const actors[ORDER_ACTORS] = { "system", "receipt", "customer", "store",
							  "operator" };

	return actors[a];
}

bool order_may(enum order_state from, enum order_state to, enum order_actor by)
{
	return (allowed[by][to] & BIT(from)) != 0;
}

bool order_is_final(enum order_state s)
{
	return s == ORDER_CONFIRMED || s == ORDER_CANCELLED || s == ORDER_NO_REPLY ||
	       s == ORDER_FAILED;
}
