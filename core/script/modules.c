/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What scripts find in `require "warbler"`, and the parts of the host: one row each. */
#include "script_int.h"

const struct wb_lua_module *const wb_lua_modules[] = {
	NULL,
};

const struct wb_script_part *const wb_script_parts[] = {
	NULL,
};
