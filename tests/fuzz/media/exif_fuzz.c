/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts of a sticker pack, from a stranger's request. */
#include <prepare.h>

#include <base.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wb_sticker_opts o = { 0 };
	char *text = malloc(size + 1);
	struct wa_buf out;
	const char *parts[11] = { NULL };
	size_t n = 0;

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	for (char *p = text; n < WA_ARRAY_LEN(parts); n++) {
		char *end = strchr(p, '\n');

		parts[n] = p;
		if (!end)
			break;
		*end = 0;
		p = end + 1;
	}
	o.pack_id = parts[0];
	o.pack_name = parts[1];
	o.publisher = parts[2];
	for (size_t i = 0; i < 8; i++)
		o.emojis[i] = parts[3 + i];
	wa_buf_init(&out, 8192);
	if (wb_sticker_exif(&o, &out, NULL) == 0 && out.len < 22)
		abort();
	wa_buf_clear(&out);
	free(text);
	return 0;
}
