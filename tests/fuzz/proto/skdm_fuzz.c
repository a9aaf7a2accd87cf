/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a sender key, then as a message under it: the first byte says where to cut. */
#include "signal_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wa_jid from = { .user = "7", .server = WA_SRV_LID };
	const struct wa_jid group = { .user = "120363", .server = WA_SRV_GROUP };
	size_t cut = size ? data[0] : 0;
	struct target t;
	struct wa_buf out;

	if (cut + 1 > size)
		return 0;
	target_open(&t);
	target_commit(&t);
	wa_buf_init(&out, 1 << 20);
	if (wa_signal_group_process(t.sig, &group, &from, wa_span(data + 1, cut), NULL) &&
	    wa_records_dirty(t.rec))
		abort();
	target_commit(&t);
	if (wa_signal_group_decrypt(t.sig, &group, &from, wa_span(data + 1 + cut, size - 1 - cut),
				    &out, NULL) && wa_records_dirty(t.rec))
		abort();
	wa_buf_clear(&out);
	target_close(&t);
	return 0;
}
