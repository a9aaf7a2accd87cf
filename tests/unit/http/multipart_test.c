/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base.h"

static struct wa_buf log_;
static int stop_with;

static int begin(void *ctx, const struct wb_part *p)
{
	(void)ctx;
	wa_buf_fmt(&log_, "[%s|%s|%s:", p->name, p->file_name, p->mimetype);
	return stop_with;
}

static int data(void *ctx, struct wa_span bytes)
{
	(void)ctx;
	wa_buf_span(&log_, bytes);
	return 0;
}

static int end(void *ctx)
{
	(void)ctx;
	wa_buf_str(&log_, "]");
	return 0;
}

static const struct wb_multipart_ops ops = { begin, data, end };

#define TYPE "multipart/form-data; boundary=\"b-1\""
#define HEAD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n"

/* In pieces of every length: the same parts. */
static void parts(const char *body, const char *want, bool whole)
{
	for (size_t step = 1; step <= strlen(body) + 1; step++) {
		struct wa_span rest = wa_span_str(body);
		struct wb_multipart m;

		wa_buf_reset(&log_);
		assert_int_equal(wb_multipart_init(&m, TYPE, &ops, NULL), 0);
		while (rest.len) {
			size_t n = rest.len < step ? rest.len : step;

			assert_int_equal(wb_multipart_feed(&m, wa_span(rest.ptr, n)), 0);
			rest = wa_span(rest.ptr + n, rest.len - n);
		}
		assert_int_equal(wb_multipart_done(&m), whole);
		assert_string_equal(wa_buf_cstr(&log_), want);
		wb_multipart_clear(&m);
	}
}

static int fails(const char *body)
{
	struct wb_multipart m;
	int r;

	wa_buf_reset(&log_);
	assert_int_equal(wb_multipart_init(&m, TYPE, &ops, NULL), 0);
	r = wb_multipart_feed(&m, wa_span_str(body));
	wb_multipart_clear(&m);
	return r;
}

static void reads(void **state)
{
	(void)state;
	parts("--b-1\r\n" HEAD("a") "\r\nvalue\r\n--b-1--\r\n", "[a||:value]", true);
	parts("preamble\r\n--b-1\r\n" HEAD("a") "\r\n\r\n--b-1--", "[a||:]", true);
	parts("--b-1  \r\nContent-Disposition: form-data; filename=\"x \\\"y\\\"\"; name=f\r\nContent-Type: text/plain\r\n\r\n"
	      "\r\n--b\r\n--b-\r\r\n--b-2\r\n--b-1\r\n" HEAD("z") "\r\n1\r\n--b-1--epilogue",
	      "[f|x \"y\"|text/plain:\r\n--b\r\n--b-\r\r\n--b-2][z||:1]", true);
	parts("--b-1\r\n" HEAD("a") "\r\nhalf", "[a||:half", false);
	parts("no boundary at all", "", false);
}

static void refuses(void **state)
{
	struct wb_multipart m;
	struct wa_buf big;

	(void)state;
	assert_int_equal(wb_multipart_init(&m, "text/plain; boundary=x", &ops, NULL), WA_EINVALID);
	assert_int_equal(wb_multipart_init(&m, "multipart/form-data", &ops, NULL), WA_EINVALID);
	assert_int_equal(wb_multipart_init(&m, "multipart/form-data; boundary=", &ops, NULL), WA_EINVALID);
	assert_int_equal(wb_multipart_init(&m, NULL, &ops, NULL), WA_EINVALID);
	assert_int_equal(wb_multipart_init(&m, "multipart/form-data; boundary=1234567890123456789012345678901234567890"
				      "1234567890123456789012345678901", &ops, NULL), WA_EINVALID);
	assert_int_equal(fails("--b-1\r\n\r\nvalue"), WA_EPROTO);
	assert_int_equal(fails("--b-1\r\nContent-Type: text/plain\r\n\r\nvalue"), WA_EPROTO);
	assert_int_equal(fails("--b-1\r\n" HEAD("\xff") "\r\nvalue"), WA_EPROTO);
	wa_buf_init(&big, 1 << 20);
	wa_buf_str(&big, "--b-1\r\nX: ");
	for (size_t i = 0; i < WB_MULTIPART_HEAD_MAX; i++)
		wa_buf_u8(&big, 'x');
	assert_int_equal(fails(wa_buf_cstr(&big)), WA_ELIMIT);
	wa_buf_reset(&big);
	for (size_t i = 0; i <= WB_MULTIPART_PARTS_MAX; i++)
		wa_buf_str(&big, "--b-1\r\n" HEAD("a") "\r\n\r\n");
	assert_int_equal(fails(wa_buf_cstr(&big)), WA_ELIMIT);
	wa_buf_clear(&big);
	stop_with = WA_EDENIED;
	assert_int_equal(fails("--b-1\r\n" HEAD("a") "\r\nx"), WA_EDENIED);
	stop_with = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads), cmocka_unit_test(refuses) };
	int r;

	wa_buf_init(&log_, 1 << 20);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	wa_buf_clear(&log_);
	return r;
}
