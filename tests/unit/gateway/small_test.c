/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metrics, keys, QR codes, event forms, recipients. */
#include "fixture.h"
#include <qr.h>

static void series_are_sorted_typed_and_revocable(void **state)
{
	struct wb_metrics *m = wb_metrics_new();
	struct wa_buf out;
	const char *s;

	(void)state;
	wb_metric_add(m, "b_total", "x=\"2\"", 2);
	wb_metric_add(m, "b_total", "x=\"1\"", 1);
	wb_metric_add(m, "b_total", "x=\"1\"", 4);
	wb_metric_set(m, "a", NULL, 7);
	wb_metric_observe(m, "h_seconds", 300);
	wb_metric_observe(m, "h_seconds", 99000000);
	wa_buf_init(&out, 65536);
	wb_metrics_text(m, &out);
	s = wa_buf_cstr(&out);
	assert_non_null(strstr(s, "# TYPE a gauge\na 7\n# TYPE b_total counter\n"
				  "b_total{x=\"1\"} 5\nb_total{x=\"2\"} 2\n"));
	assert_non_null(strstr(s, "h_seconds_bucket{le=\"0.00025\"} 0\nh_seconds_bucket{le=\"0.0005\"} 1\n"));
	assert_non_null(strstr(s, "h_seconds_bucket{le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(s, "h_seconds_count 2\n"));
	wb_metric_add(m, "b_total_more", NULL, 1);
	wb_metrics_revoke(m, "b_total");
	wa_buf_reset(&out);
	wb_metrics_text(m, &out);
	assert_null(strstr(wa_buf_cstr(&out), "b_total{"));
	assert_non_null(strstr(wa_buf_cstr(&out), "b_total_more 1"));
	wa_buf_clear(&out);
	wb_metrics_free(m);
}

static void series_are_bounded(void **state)
{
	struct wb_metrics *m = wb_metrics_new();
	struct wa_buf out;
	char name[32];

	(void)state;
	for (int i = 0; i < WB_METRICS_MAX + 5; i++) {
		snprintf(name, sizeof(name), "m_%d", i);
		wb_metric_add(m, name, NULL, 1);
	}
	wa_buf_init(&out, 1u << 20);
	wb_metrics_text(m, &out);
	assert_non_null(strstr(wa_buf_cstr(&out), "warbler_metrics_dropped_total 5\n"));
	wa_buf_clear(&out);
	wb_metrics_free(m);
}

static void scopes_allow_words_and_families(void **state)
{
	(void)state;
	assert_true(wb_apikey_allows("*", "messages:write"));
	assert_true(wb_apikey_allows("a:b messages:write", "messages:write"));
	assert_true(wb_apikey_allows("messages:*", "messages:write"));
	assert_false(wb_apikey_allows("messages:*", "messagesx:write"));
	assert_false(wb_apikey_allows("messages:read", "messages:write"));
	assert_false(wb_apikey_allows("messages", "messages:write"));
	assert_false(wb_apikey_allows("", "messages:write"));
	assert_false(wb_apikey_scopes_ok("a;b"));
	assert_false(wb_apikey_scopes_ok(""));
	assert_true(wb_apikey_scopes_ok("messages:* events:read"));
}

static void a_qr_is_a_png_and_a_square_of_blocks(void **state)
{
	struct wa_buf out;
	char big[WB_QR_TEXT_MAX + 2];

	(void)state;
	wa_buf_init(&out, 1u << 20);
	assert_int_equal(wb_qr_png("2@abc,def", 4, &out, NULL), 0);
	assert_true(out.len > 100);
	assert_memory_equal(out.ptr, "\x89PNG\r\n\x1a\n", 8);
	wa_buf_reset(&out);
	assert_int_equal(wb_qr_blocks("2@abc,def", &out, NULL), 0);
	assert_non_null(strstr(wa_buf_cstr(&out), "\u2588"));
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = 0;
	assert_int_equal(wb_qr_png(big, 4, &out, NULL), WA_EINVALID);
	assert_int_equal(wb_qr_png("x", 0, &out, NULL), WA_EINVALID);
	assert_int_equal(wb_qr_blocks("", &out, NULL), WA_EINVALID);
	wa_buf_clear(&out);
}

static void globs_match_kinds(void **state)
{
	(void)state;
	assert_true(wb_event_match("", "a.b"));
	assert_true(wb_event_match(NULL, "a.b"));
	assert_true(wb_event_match("message.*, order.created", "order.created"));
	assert_true(wb_event_match("message.*", "message.received"));
	assert_true(wb_event_match("*", "x"));
	assert_true(wb_event_match("*.created", "order.created"));
	assert_false(wb_event_match("message.*", "messages"));
	assert_false(wb_event_match("order.create", "order.created"));
	assert_false(wb_event_match("a,b", "c"));
	assert_true(wb_event_kind_ok("a.b_1"));
	assert_false(wb_event_kind_ok("a..b"));
	assert_false(wb_event_kind_ok(".a"));
	assert_false(wb_event_kind_ok("A"));
	assert_false(wb_event_kind_ok(""));
}

static void an_event_is_one_json_object(void **state)
{
	struct wb_event ev = { .seq = 3, .ts_ms = 0, .id = "X", .kind = "k.x", .session = "",
			       .subject = "a\"b\n", .json = { "{\"n\":1}", 7 } };
	struct wb_event *copy = wb_event_dup(&ev);
	struct wa_buf out;

	(void)state;
	wa_buf_init(&out, 4096);
	wb_event_json(copy, &out);
	assert_string_equal(wa_buf_cstr(&out),
			    "{\"id\":\"X\",\"seq\":3,\"kind\":\"k.x\",\"time\":\"1970-01-01T00:00:00.000Z\","
			    "\"subject\":\"a\\\"b\\u000a\",\"data\":{\"n\":1}}");
	free(copy);
	wa_buf_clear(&out);
}

static void recipients_have_one_spelling(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "4915112345678", "4915112345678@s.whatsapp.net" },
		{ "+4915112345678", "4915112345678@s.whatsapp.net" },
		{ "4915112345678:3@s.whatsapp.net", "4915112345678@s.whatsapp.net" },
		{ "4915112345678@c.us", "4915112345678@s.whatsapp.net" },
		{ "123456@lid", "123456@lid" },
		{ "12-34@g.us", "12-34@g.us" },
		{ "", NULL }, { "hello", NULL }, { "@s.whatsapp.net", NULL }, { "1@newsletter", "1@newsletter" },
		{ "12", NULL }, { "+49 151 1", NULL },
	};
	char text[WA_JID_TEXT_MAX];
	struct wa_jid j;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = wb_recipient(cases[i].in, &j, NULL);

		if (!cases[i].out) {
			assert_true(r < 0);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(wa_jid_text(&j, text), cases[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(series_are_sorted_typed_and_revocable),
		cmocka_unit_test(series_are_bounded),
		cmocka_unit_test(scopes_allow_words_and_families),
		cmocka_unit_test(a_qr_is_a_png_and_a_square_of_blocks),
		cmocka_unit_test(globs_match_kinds),
		cmocka_unit_test(an_event_is_one_json_object),
		cmocka_unit_test(recipients_have_one_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
