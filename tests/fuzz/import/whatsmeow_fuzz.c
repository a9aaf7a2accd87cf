/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An SQLite file from a stranger. */
#include <import.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wb_import i;

	if (wb_import_begin(&i, "whatsmeow", NULL) < 0)
		abort();
	(void)!wb_import_whatsmeow(&i, wa_span(data, size), "", NULL);
	wb_import_end(&i);
	return 0;
}
