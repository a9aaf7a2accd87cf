/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A template from a stranger, and values from another: the first byte chooses
 * locale and zone, the rest is the template; its second half is also a value.
 */
#include "template.h"

#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *values(const uint8_t *data, size_t size)
{
	json_t *v = json_object(), *list = json_array(), *deep = json_object();
	json_t *text = json_stringn((const char *)data + size / 2, size - size / 2);

	if (!text)
		text = json_string("1234.50");
	json_object_set_new(deep, "c", json_deep_copy(text));
	json_object_set_new(deep, "amount", json_string("1215.50"));
	json_object_set_new(deep, "currency", json_string("SAR"));
	for (int i = 0; i < 20; i++)
		json_array_append_new(list, i % 2 ? json_integer(i) : json_deep_copy(deep));
	json_object_set_new(v, "a", text);
	json_object_set_new(v, "b", deep);
	json_object_set_new(v, "l", list);
	json_object_set_new(v, "n", json_integer(1792494311000));
	json_object_set_new(v, "d", json_string("2026-10-20T23:05:11+03:00"));
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const locales[] = { "en-US", "ar-SA", "pt-BR", "id", "fr", "es", "xx" };
	static const char *const zones[] = { NULL, "Asia/Riyadh", "+03:00", "America/Sao_Paulo" };
	struct wb_template *t = NULL;
	struct wb_template_err terr;
	struct wa_err err;
	struct wa_buf out;
	json_t *v;

	if (size < 2)
		return 0;
	if (wb_template_compile(wa_span(data + 1, size - 1), NULL, &t, &terr) < 0)
		return 0;
	v = values(data, size);
	wa_buf_init(&out, WB_TEMPLATE_OUTPUT_MAX);
	if (wb_template_render(t, v, &(struct wb_template_env){
					.locale = locales[data[0] % WA_ARRAY_LEN(locales)],
					.zone = zones[data[0] / 8 % WA_ARRAY_LEN(zones)],
					.currency = "EGP" }, &out, &err) == 0 && !wa_utf8_valid(wa_buf_view(&out)))
		abort();
	if (out.len > WB_TEMPLATE_OUTPUT_MAX)
		abort();
	wa_buf_clear(&out);
	json_decref(v);
	wb_template_free(t);
	return 0;
}
