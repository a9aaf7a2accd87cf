/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The layout of <warbler/plugin.h>, frozen: a plugin built with the header of 1.0 runs with every host 1.x.
 * Each row is struct, member, offset, size. Rows are only appended, one for each new member; a row that
 * has to be changed is a break of the ABI.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <warbler/plugin.h>

#define F(s, m, o, n) { #s, #m, o, n, offsetof(struct s, m), sizeof(((struct s *)0)->m), sizeof(struct s) }

#if UINTPTR_MAX == UINT64_MAX
static const struct {
	const char *of, *name;
	size_t offset, size;		/* frozen */
	size_t is_at, is_long, all;	/* what the compiler says */
} rows[] = {
	F(wb_str, ptr, 0, 8),
	F(wb_str, len, 8, 8),
	F(wb_value, type, 0, 4),
	F(wb_value, reserved, 4, 4),
	F(wb_value, num, 8, 8),
	F(wb_value, real, 16, 8),
	F(wb_value, str, 24, 16),
	F(wb_event, size, 0, 4),
	F(wb_event, reserved, 4, 4),
	F(wb_event, seq, 8, 8),
	F(wb_event, ts_ms, 16, 8),
	F(wb_event, id, 24, 8),
	F(wb_event, kind, 32, 8),
	F(wb_event, session, 40, 8),
	F(wb_event, subject, 48, 8),
	F(wb_event, json, 56, 16),
	F(wb_event_new, kind, 0, 8),
	F(wb_event_new, session, 8, 8),
	F(wb_event_new, subject, 16, 8),
	F(wb_event_new, json, 24, 16),
	F(wb_send, size, 0, 4),
	F(wb_send, flags, 4, 4),
	F(wb_send, session, 8, 8),
	F(wb_send, to, 16, 8),
	F(wb_send, text, 24, 8),
	F(wb_send, quoted, 32, 8),
	F(wb_send, message_class, 40, 8),
	F(wb_send, idempotency_key, 48, 8),
	F(wb_send, meta_json, 56, 8),
	F(wb_send, due_ms, 64, 8),
	F(wb_send, content, 72, 16),
	F(wb_plugin_route, size, 0, 4),
	F(wb_plugin_route, flags, 4, 4),
	F(wb_plugin_route, method, 8, 8),
	F(wb_plugin_route, pattern, 16, 8),
	F(wb_plugin_route, scope, 24, 8),
	F(wb_plugin_route, summary, 32, 8),
	F(wb_plugin_route, fn, 40, 8),
	F(wb_plugin_route, ctx, 48, 8),
	F(wb_plugin_route, max_body, 56, 4),
	F(wb_plugin_route, reserved, 60, 4),
	F(wb_plugin_http_listen, size, 0, 4),
	F(wb_plugin_http_listen, max_body, 4, 4),
	F(wb_plugin_http_listen, address, 8, 8),
	F(wb_plugin_http_listen, port, 16, 4),
	F(wb_plugin_http_listen, reserved, 20, 4),
	F(wb_plugin_http_listen, cert_file, 24, 8),
	F(wb_plugin_http_listen, key_file, 32, 8),
	F(wb_plugin_http_listen, fn, 40, 8),
	F(wb_plugin_http_listen, ctx, 48, 8),
	F(wb_header, name, 0, 8),
	F(wb_header, value, 8, 8),
	F(wb_plugin_fetch_req, size, 0, 4),
	F(wb_plugin_fetch_req, timeout_ms, 4, 4),
	F(wb_plugin_fetch_req, method, 8, 8),
	F(wb_plugin_fetch_req, url, 16, 8),
	F(wb_plugin_fetch_req, headers, 24, 8),
	F(wb_plugin_fetch_req, n_headers, 32, 4),
	F(wb_plugin_fetch_req, max_body, 36, 4),
	F(wb_plugin_fetch_req, body, 40, 16),
	F(wb_plugin_fetch_req, allow_private, 56, 4),
	F(wb_plugin_fetch_req, reserved, 60, 4),
	F(wb_plugin_ws_ops, size, 0, 4),
	F(wb_plugin_ws_ops, reserved, 4, 4),
	F(wb_plugin_ws_ops, open, 8, 8),
	F(wb_plugin_ws_ops, data, 16, 8),
	F(wb_plugin_ws_ops, closed, 24, 8),
	F(wb_plugin_ws_listen, size, 0, 4),
	F(wb_plugin_ws_listen, max_message, 4, 4),
	F(wb_plugin_ws_listen, address, 8, 8),
	F(wb_plugin_ws_listen, port, 16, 4),
	F(wb_plugin_ws_listen, reserved, 20, 4),
	F(wb_plugin_ws_listen, cert_file, 24, 8),
	F(wb_plugin_ws_listen, key_file, 32, 8),
	F(wb_plugin_ws_listen, ops, 40, 8),
	F(wb_plugin_ws_listen, ctx, 48, 8),
	F(wb_param, name, 0, 8),
	F(wb_param, type, 8, 4),
	F(wb_param, secret, 12, 4),
	F(wb_param, fallback, 16, 8),
	F(wb_param, help, 24, 8),
	F(wb_migration, number, 0, 4),
	F(wb_migration, reserved, 4, 4),
	F(wb_migration, name, 8, 8),
	F(wb_migration, sql, 16, 8),
	F(wb_plugin_call, size, 0, 4),
	F(wb_plugin_call, reserved, 4, 4),
	F(wb_plugin_call, method, 8, 8),
	F(wb_plugin_call, path, 16, 8),
	F(wb_plugin_call, body, 24, 16),
	F(wb_plugin_call, idempotency_key, 40, 8),
	F(wb_retain_row, size, 0, 4),
	F(wb_retain_row, reserved, 4, 4),
	F(wb_retain_row, id, 8, 8),
	F(wb_retain_row, ts_ms, 16, 8),
	F(wb_retain_row, bytes, 24, 8),
	F(wb_retain_row, session, 32, 8),
	F(wb_retain_row, who, 40, 32),
	F(wb_retain_row, order, 72, 8),
	F(wb_retain_query, size, 0, 4),
	F(wb_retain_query, flags, 4, 4),
	F(wb_retain_query, session, 8, 8),
	F(wb_retain_query, ts_ms, 16, 8),
	F(wb_retain_query, id, 24, 8),
	F(wb_retain_query, limit, 32, 4),
	F(wb_retain_query, reserved, 36, 4),
	F(wb_retain, size, 0, 4),
	F(wb_retain, flags, 4, 4),
	F(wb_retain, kind, 8, 8),
	F(wb_retain, summary, 16, 8),
	F(wb_retain, keep_ms, 24, 8),
	F(wb_retain, page, 32, 8),
	F(wb_retain, remove, 40, 8),
	F(wb_retain, ctx, 48, 8),
	F(wb_check, size, 0, 4),
	F(wb_check, code, 4, 4),
	F(wb_check, query, 8, 8),
	F(wb_check, exists, 16, 4),
	F(wb_check, reserved, 20, 4),
	F(wb_check, jid, 24, 8),
	F(wb_check, lid, 32, 8),
	F(wb_plugin_host, size, 0, 4),
	F(wb_plugin_host, abi, 4, 4),
	F(wb_plugin_host, log, 8, 8),
	F(wb_plugin_host, now_ms, 16, 8),
	F(wb_plugin_host, ulid, 24, 8),
	F(wb_plugin_host, random, 32, 8),
	F(wb_plugin_host, param, 40, 8),
	F(wb_plugin_host, data_dir, 48, 8),
	F(wb_plugin_host, public_url, 56, 8),
	F(wb_plugin_host, subscribe, 64, 8),
	F(wb_plugin_host, cursor, 72, 8),
	F(wb_plugin_host, cursor_next, 80, 8),
	F(wb_plugin_host, unsubscribe, 88, 8),
	F(wb_plugin_host, events_since, 96, 8),
	F(wb_plugin_host, event_last_seq, 104, 8),
	F(wb_plugin_host, tx_begin, 112, 8),
	F(wb_plugin_host, tx_sql, 120, 8),
	F(wb_plugin_host, tx_event, 128, 8),
	F(wb_plugin_host, tx_send, 136, 8),
	F(wb_plugin_host, tx_cancel_message, 144, 8),
	F(wb_plugin_host, tx_kv, 152, 8),
	F(wb_plugin_host, tx_cursor, 160, 8),
	F(wb_plugin_host, tx_consent, 168, 8),
	F(wb_plugin_host, tx_commit, 176, 8),
	F(wb_plugin_host, tx_abort, 184, 8),
	F(wb_plugin_host, query, 192, 8),
	F(wb_plugin_host, kv_get, 200, 8),
	F(wb_plugin_host, seal, 208, 8),
	F(wb_plugin_host, unseal, 216, 8),
	F(wb_plugin_host, hash, 224, 8),
	F(wb_plugin_host, timer, 232, 8),
	F(wb_plugin_host, timer_cancel, 240, 8),
	F(wb_plugin_host, post, 248, 8),
	F(wb_plugin_host, work, 256, 8),
	F(wb_plugin_host, route, 264, 8),
	F(wb_plugin_host, http_method, 272, 8),
	F(wb_plugin_host, http_path, 280, 8),
	F(wb_plugin_host, http_param, 288, 8),
	F(wb_plugin_host, http_query, 296, 8),
	F(wb_plugin_host, http_header, 304, 8),
	F(wb_plugin_host, http_headers, 312, 8),
	F(wb_plugin_host, http_body, 320, 8),
	F(wb_plugin_host, http_remote, 328, 8),
	F(wb_plugin_host, http_reply, 336, 8),
	F(wb_plugin_host, http_problem, 344, 8),
	F(wb_plugin_host, fetch, 352, 8),
	F(wb_plugin_host, fetch_cancel, 360, 8),
	F(wb_plugin_host, ws_listen, 368, 8),
	F(wb_plugin_host, ws_send, 376, 8),
	F(wb_plugin_host, ws_close, 384, 8),
	F(wb_plugin_host, phone_parse, 392, 8),
	F(wb_plugin_host, check_number, 400, 8),
	F(wb_plugin_host, session_status, 408, 8),
	F(wb_plugin_host, before_send, 416, 8),
	F(wb_plugin_host, metric_add, 424, 8),
	F(wb_plugin_host, metric_set, 432, 8),
	F(wb_plugin_host, http_listen, 440, 8),
	F(wb_plugin_host, http_reply_cut, 448, 8),
	F(wb_plugin_host, call, 456, 8),
	F(wb_plugin_host, kv_each, 464, 8),
	F(wb_plugin_host, tx_kv_add, 472, 8),
	F(wb_plugin_host, session_each, 480, 8),
	F(wb_plugin_host, opted_out, 488, 8),
	F(wb_plugin_host, held, 496, 8),
	F(wb_plugin_host, tx_hold, 504, 8),
	F(wb_plugin_host, fetch_header, 512, 8),
	F(wb_plugin_host, lua_function, 520, 8),
	F(wb_plugin_host, lua_args, 528, 8),
	F(wb_plugin_host, lua_return, 536, 8),
	F(wb_plugin_host, lua_fail, 544, 8),
	F(wb_plugin_host, lua_call, 552, 8),
	F(wb_plugin_host, retain, 560, 8),
	F(wb_plugin_host, retain_each, 568, 8),
	F(wb_plugin_def, size, 0, 4),
	F(wb_plugin_def, abi, 4, 4),
	F(wb_plugin_def, name, 8, 8),
	F(wb_plugin_def, version, 16, 8),
	F(wb_plugin_def, summary, 24, 8),
	F(wb_plugin_def, license, 32, 8),
	F(wb_plugin_def, params, 40, 8),
	F(wb_plugin_def, migrations, 48, 8),
	F(wb_plugin_def, start, 56, 8),
	F(wb_plugin_def, stop, 64, 8),
};

#define N (sizeof(rows) / sizeof(rows[0]))

static void no_member_has_moved(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++)
		if (rows[i].offset != rows[i].is_at || rows[i].size != rows[i].is_long)
			fail_msg("%s.%s is %zu bytes at %zu, was %zu at %zu", rows[i].of, rows[i].name, rows[i].is_long,
				 rows[i].is_at, rows[i].size, rows[i].offset);
}

/* A gap that a member would fit into, or bytes after the last row: somebody forgot one here. */
static void no_member_is_missing_here(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++) {
		size_t end = rows[i].offset + rows[i].size;
		bool last = i + 1 == N || strcmp(rows[i].of, rows[i + 1].of) != 0;
		size_t next = last ? rows[i].all : rows[i + 1].offset;

		if (next - end >= 4)
			fail_msg("%s: %zu bytes after %s have no row", rows[i].of, next - end, rows[i].name);
		if ((i == 0 || strcmp(rows[i].of, rows[i - 1].of) != 0) && rows[i].offset != 0)
			fail_msg("%s begins with %s", rows[i].of, rows[i].name);
	}
}
#endif

/* Numbers that plugins were compiled with. */
static void no_number_has_changed(void **state)
{
	(void)state;
	assert_int_equal(WB_ABI_MAJOR, 1);
	assert_int_equal(WB_EUNSUPPORTED, -17);
	assert_int_equal(WB_ECONFLICT, -4);
	assert_int_equal(WB_NULL, 0);
	assert_int_equal(WB_INT, 1);
	assert_int_equal(WB_TEXT, 2);
	assert_int_equal(WB_BLOB, 3);
	assert_int_equal(WB_REAL, 4);
	assert_int_equal(WB_MUST_CHANGE, 1);
	assert_int_equal(WB_ROUTE_PUBLIC, 1);
	assert_int_equal(WB_SEND_PREVIEW, 1);
	assert_int_equal(WB_PARAM_TEXT, 0);
	assert_int_equal(WB_PARAM_INT, 1);
	assert_int_equal(WB_PARAM_BOOL, 2);
	assert_int_equal(WB_PARAM_LIST, 3);
	assert_int_equal(WB_DEBUG, 0);
	assert_int_equal(WB_ERROR, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if UINTPTR_MAX == UINT64_MAX
		cmocka_unit_test(no_member_has_moved),
		cmocka_unit_test(no_member_is_missing_here),
#endif
		cmocka_unit_test(no_number_has_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
