/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Baileys folder from a stranger: {"creds.json": {...}, "session-....json": {...}, ...}. */
#include <import.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *files = json_loadb((const char *)data, size, 0, NULL);
	struct wb_import i;

	if (!files)
		return 0;
	if (wb_import_begin(&i, "baileys", NULL) < 0)
		abort();
	(void)!wb_import_baileys(&i, files, NULL);
	wb_import_end(&i);
	json_decref(files);
	return 0;
}
