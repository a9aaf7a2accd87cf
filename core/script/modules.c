/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What scripts find in `require "warbler"`, and the parts of the host: one row each. */
#include "bind.h"
#include "flow_int.h"
#include "host_int.h"

const struct wb_lua_module *const wb_lua_modules[] = {
	&wb_lua_core, &wb_lua_event,
	&wb_bind_send, &wb_bind_message, &wb_bind_media_object, &wb_bind_messages, &wb_bind_media, &wb_bind_timers,
	&wb_bind_kv, &wb_bind_http, &wb_bind_response, &wb_bind_contacts, &wb_bind_chats, &wb_bind_labels,
	&wb_bind_groups, &wb_bind_orders, &wb_bind_stores, &wb_bind_templates, &wb_bind_text, &wb_bind_regex,
	&wb_bind_regex_object, &wb_bind_time, &wb_bind_hours, &wb_bind_json, &wb_bind_base64, &wb_bind_crypto,
	&wb_bind_log, &wb_bind_metrics, &wb_bind_plugins,
	&wb_flow_module, &wb_flow_class, &wb_flow_step_class, &wb_files_module,
	NULL,
};

const struct wb_script_part *const wb_script_parts[] = {
	&wb_bind_part_await, &wb_bind_part_timers, &wb_bind_part_http,
	&wb_flow_part,
	NULL,
};
