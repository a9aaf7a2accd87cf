/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a device record; what can be read is written the same. */
#include <wa/signal.h>

#include <base.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wa_buf once, twice;
	struct wa_device d, back;

	if (wa_device_decode(wa_span(data, size), &d, NULL))
		return 0;
	wa_buf_init(&once, 65536);
	wa_buf_init(&twice, 65536);
	if (wa_device_encode(&d, &once, NULL) ||
	    wa_device_decode(wa_buf_view(&once), &back, NULL) ||
	    wa_device_encode(&back, &twice, NULL) ||
	    !wa_span_eq(wa_buf_view(&once), wa_buf_view(&twice)))
		abort();
	wa_buf_wipe(&once);
	wa_buf_wipe(&twice);
	return 0;
}
