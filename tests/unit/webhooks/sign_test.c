/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sign.h"

#include "base.h"

/* The example in the specification of Standard Webhooks. */
static void signs_as_the_specification_does(void **state)
{
	char sig[WEBHOOK_SIG_TEXT];

	(void)state;
	assert_int_equal(webhook_sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
				      1614265330, wa_span_str("{\"test\": 2432232314}"), sig),
			 0);
	assert_string_equal(sig, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void a_new_secret_is_usable_and_new(void **state)
{
	char a[WEBHOOK_SECRET_TEXT], b[WEBHOOK_SECRET_TEXT];

	(void)state;
	webhook_secret_make(wa_random, a);
	webhook_secret_make(wa_random, b);
	assert_true(webhook_secret_ok(a));
	assert_string_not_equal(a, b);
}

static void refuses_secrets_that_are_none(void **state)
{
	(void)state;
	assert_false(webhook_secret_ok("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
	assert_false(webhook_secret_ok("whsec_c2hvcnQ="));
	assert_false(webhook_secret_ok("whsec_!!!!9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
	assert_false(webhook_secret_ok(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_as_the_specification_does),
		cmocka_unit_test(a_new_secret_is_usable_and_new),
		cmocka_unit_test(refuses_secrets_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
