/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every module of the bindings with its rows, in the order of the reference. */
#include "bind.h"

#define ROWS(X)                                                                                                      \
	X(wb_bind_send) X(wb_bind_message) X(wb_bind_media_object) X(wb_bind_messages) X(wb_bind_media)              \
	X(wb_bind_timers) X(wb_bind_kv) X(wb_bind_http) X(wb_bind_response) X(wb_bind_contacts) X(wb_bind_chats)      \
	X(wb_bind_labels) X(wb_bind_groups) X(wb_bind_orders) X(wb_bind_stores) X(wb_bind_templates)                  \
	X(wb_bind_text) X(wb_bind_regex) X(wb_bind_regex_object) X(wb_bind_time) X(wb_bind_hours) X(wb_bind_json)     \
	X(wb_bind_base64) X(wb_bind_crypto) X(wb_bind_log) X(wb_bind_metrics) X(wb_bind_plugins)

#define DECLARE(name) extern const struct wb_bind_fn *const name##_rows;
ROWS(DECLARE)

#define ENTRY(name) { &name, &name##_rows },
const struct wb_bind_table wb_bind_tables[] = { ROWS(ENTRY) { NULL, NULL } };
