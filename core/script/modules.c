/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What scripts find in `require "warbler"`, and the parts of the host: one row each. */
#include "flow_int.h"
#include "script_int.h"

const struct wb_lua_module *const wb_lua_modules[] = {
	&wb_flow_module, &wb_flow_class, &wb_flow_step_class,
	NULL,
};

const struct wb_script_part *const wb_script_parts[] = {
	&wb_flow_part,
	NULL,
};
