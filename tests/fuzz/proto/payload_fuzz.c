/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a ClientPayload, as a server meets it. */
#include <base.h>

#include <stdlib.h>

#include "../../../core/wa/pb.h"
#include "payload.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const Wa__ClientPayload *p;
	struct wa_arena a;
	struct wa_buf out;

	wa_arena_init(&a, WA_PB_ARENA_MAX);
	wa_buf_init(&out, 1 << 20);
	p = wa_pb_unpack(&wa__client_payload__descriptor, wa_span(data, size), &a);
	if (p) {
		if (wa_pb_pack(&p->base, &out, NULL))
			abort();
		if (p->devicepairingdata && p->devicepairingdata->has_deviceprops)
			(void)wa_pb_unpack(&wa__device_props__descriptor,
					   wa_pb_span(p->devicepairingdata->deviceprops), &a);
	}
	wa_arena_clear(&a);
	wa_buf_clear(&out);
	return 0;
}
