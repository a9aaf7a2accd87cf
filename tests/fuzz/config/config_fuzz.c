/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration loader: no Lua text may crash it, hang it or leave its room. */
#include <stdlib.h>
#include <config.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct wb_config *c;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (wb_config_parse(wa_span(copy, size), "fuzz.lua", NULL, &c, NULL) == 0) {
		if (wb_config_int(c, "server.port") < 0)
			abort();
		wb_config_free(c);
	}
	free(copy);
	return 0;
}
