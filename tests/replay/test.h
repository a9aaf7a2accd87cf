/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_REPLAY_TEST_H
#define TESTS_REPLAY_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mini.h"

/* The last CLOSED event said this. */
#define ASSERT_CLOSED(m, nxt, reason)                                        \
	do {                                                                 \
		assert_non_null(mini_ev(m, WA_EV_CLOSED));                   \
		assert_string_equal(mini_ev(m, WA_EV_CLOSED)->text, reason); \
		assert_int_equal(mini_ev(m, WA_EV_CLOSED)->next, nxt);       \
	} while (0)

#endif
