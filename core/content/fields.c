/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Members of JSON objects as members of structs: reading is strict, writing leaves out what is not set. */
#include <clock.h>
#include <inttypes.h>
#include <text.h>
#include "fields.h"

/* ---- out ---- */

void wb_put_text(json_t *o, const char *name, struct wa_span s)
{
	json_t *v;

	if (!s.len)
		return;
	v = json_stringn((const char *)s.ptr, s.len);
	if (v)		/* what is not UTF-8 is not said */
		json_object_set_new(o, name, v);
}

static void put_bytes(json_t *o, const struct wb_field *f, struct wa_span s)
{
	char *text;

	if (!s.len || s.len > WB_CONTENT_BINARY_MAX)
		return;
	text = malloc(f->type == WB_F_HEX ? 2 * s.len + 1 : WA_B64_LEN(s.len));
	if (!text)
		return;
	if (f->type == WB_F_HEX)
		wa_hex_encode(s, text);
	else
		wa_b64_encode(s, WA_B64_STD, text);
	json_object_set_new(o, f->name, json_string(text));
	free(text);
}

static void put_number(json_t *o, const struct wb_field *f, int64_t v)
{
	if (v || f->always)
		json_object_set_new(o, f->name, json_integer(v));
}

static void put_time(json_t *o, const struct wb_field *f, int64_t ms)
{
	char text[WA_TIME_TEXT];

	if (ms)
		json_object_set_new(o, f->name, json_string(wa_time_format(ms, text)));
}

static void put_jid(json_t *o, const struct wb_field *f, const struct wa_jid *j)
{
	char text[WA_JID_TEXT_MAX];

	if (!wa_jid_is_null(j))
		json_object_set_new(o, f->name, json_string(wa_jid_text(j, text)));
}

static void put_colour(json_t *o, const struct wb_field *f, uint32_t argb)
{
	char text[16];

	if (!argb)
		return;
	(void)snprintf(text, sizeof(text), argb >> 24 == 0xff ? "#%06" PRIx32 : "#%08" PRIx32,
		       argb >> 24 == 0xff ? argb & 0xffffff : argb);
	json_object_set_new(o, f->name, json_string(text));
}

static void put_name(json_t *o, const struct wb_field *f, int v)
{
	for (int i = 0; f->names[i]; i++)
		if (i == v && *f->names[i])
			json_object_set_new(o, f->name, json_string(f->names[i]));
}

static void put_real(json_t *o, const struct wb_field *f, double v)
{
	if ((v > 0 || v < 0 || f->always) && v - v == 0)	/* no infinities in JSON */
		json_object_set_new(o, f->name, json_real(v));
}

void wb_fields_put(json_t *o, const struct wb_field *f, const void *from)
{
	for (; f && f->name; f++) {
		const void *p = (const char *)from + f->at;

		switch ((enum wb_field_type)f->type) {
		case WB_F_TEXT: wb_put_text(o, f->name, *(const struct wa_span *)p); break;
		case WB_F_BYTES:
		case WB_F_HEX: put_bytes(o, f, *(const struct wa_span *)p); break;
		case WB_F_U32: put_number(o, f, *(const uint32_t *)p); break;
		case WB_F_U64: put_number(o, f, (int64_t)(*(const uint64_t *)p & INT64_MAX)); break;
		case WB_F_I64: put_number(o, f, *(const int64_t *)p); break;
		case WB_F_REAL: put_real(o, f, *(const double *)p); break;
		case WB_F_BOOL:
			if (*(const bool *)p || f->always)
				json_object_set_new(o, f->name, json_boolean(*(const bool *)p));
			break;
		case WB_F_SECONDS:
			if (*(const int64_t *)p < INT64_MAX / 1000)
				put_time(o, f, *(const int64_t *)p * 1000);
			break;
		case WB_F_MILLIS: put_time(o, f, *(const int64_t *)p); break;
		case WB_F_JID: put_jid(o, f, p); break;
		case WB_F_COLOUR: put_colour(o, f, *(const uint32_t *)p); break;
		case WB_F_NAMES: put_name(o, f, *(const int *)p); break;
		}
	}
}

/* ---- in ---- */

static int bad(struct wa_err *err, const char *where, const char *name, const char *what)
{
	return wa_err_set(err, WA_EINVALID, "%s%s%s: %s", where, *where ? "." : "", name, what);
}

int wb_get_text(const json_t *o, const char *name, struct wa_span *ret, const char *where,
		struct wa_err *err)
{
	const json_t *v = json_object_get(o, name);

	*ret = wa_span(NULL, 0);
	if (!v)
		return 0;
	if (!json_is_string(v) || json_string_length(v) > WB_CONTENT_TEXT_MAX)
		return bad(err, where, name, "a text of at most 65536 bytes");
	*ret = wa_span(json_string_value(v), json_string_length(v));
	return 1;
}

int wb_get_list(const json_t *o, const char *name, size_t max, const json_t **ret, const char *where,
		struct wa_err *err)
{
	const json_t *v = json_object_get(o, name);
	char what[48];

	*ret = NULL;
	if (!v)
		return 0;
	(void)snprintf(what, sizeof(what), "a list of at most %zu", max);
	if (!json_is_array(v) || json_array_size(v) > max)
		return bad(err, where, name, what);
	*ret = v;
	return 1;
}

int wb_get_jid(struct wa_span text, struct wa_jid *ret, const char *name, struct wa_err *err)
{
	size_t from = text.len && text.ptr[0] == '+' ? 1 : 0, n = text.len - from, i = 0;
	char digits[20];

	for (; i < n && text.ptr[from + i] >= '0' && text.ptr[from + i] <= '9'; i++)
		;
	if (n >= 5 && n <= 15 && i == n) {
		(void)snprintf(digits, sizeof(digits), "%.*s", (int)n, (const char *)text.ptr + from);
		*ret = wa_jid_make(WA_SRV_PN, digits, 0);
		return 0;
	}
	if (wa_jid_parse(text, ret, NULL) < 0 || !ret->user[0])
		return wa_err_set(err, WA_EINVALID, "%s: a JID or an international number", name);
	if (ret->server == WA_SRV_LEGACY)
		ret->server = WA_SRV_PN;
	return 0;
}

static int get_bytes(const json_t *v, const struct wb_field *f, struct wa_span *ret, struct wa_arena *a)
{
	struct wa_span text = wa_span(json_string_value(v), json_string_length(v));
	struct wa_buf out;
	int r;

	if (!json_is_string(v) || text.len > WA_B64_LEN(WB_CONTENT_BINARY_MAX))
		return WA_EINVALID;
	if (f->type == WB_F_HEX) {
		uint8_t *p = wa_arena_alloc(a, text.len / 2 + 1);

		if (!p || text.len % 2 || wa_hex_decode(text, p, text.len / 2) < 0)
			return WA_EINVALID;
		*ret = wa_span(p, text.len / 2);
		return 0;
	}
	wa_buf_init(&out, WB_CONTENT_BINARY_MAX);
	r = wa_b64_decode(text, WA_B64_STD, &out);
	if (r == 0) {
		const void *p = wa_arena_dup(a, out.ptr, out.len);

		*ret = wa_span(p, out.len);
		r = p || !out.len ? 0 : WA_ENOMEM;
	}
	wa_buf_clear(&out);
	return r;
}

static int get_number(const json_t *v, uint64_t max, int64_t *ret)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 0 || (uint64_t)n > max)
		return WA_EINVALID;
	*ret = n;
	return 0;
}

static int get_time(const json_t *v, int64_t *ret_ms)
{
	if (!json_is_string(v))
		return WA_EINVALID;
	return wa_time_parse(wa_span(json_string_value(v), json_string_length(v)), ret_ms);
}

static int get_colour(const json_t *v, uint32_t *ret)
{
	const char *s = json_string_value(v);
	size_t n = s ? strlen(s) : 0;
	uint8_t b[4] = { 0xff, 0, 0, 0 };

	if (!s || *s != '#' || (n != 7 && n != 9) ||
	    wa_hex_decode(wa_span(s + 1, n - 1), n == 7 ? b + 1 : b, (n - 1) / 2) < 0)
		return WA_EINVALID;
	*ret = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	return 0;
}

static int get_name(const json_t *v, const struct wb_field *f, int *ret)
{
	const char *s = json_string_value(v);

	for (int i = 0; s && *s && f->names[i]; i++) {
		if (strcmp(f->names[i], s) != 0)
			continue;
		*ret = i;
		return 0;
	}
	return WA_EINVALID;
}

static const char *const wants[] = {
	[WB_F_TEXT] = "a text of at most 65536 bytes",
	[WB_F_BYTES] = "base64 of at most 256 KiB",
	[WB_F_HEX] = "hex digits",
	[WB_F_U32] = "a number from 0 to 4294967295",
	[WB_F_U64] = "a number from 0",
	[WB_F_I64] = "a number from 0",
	[WB_F_REAL] = "a number within its bounds",
	[WB_F_BOOL] = "true or false",
	[WB_F_SECONDS] = "a time such as 2026-11-22T09:30:00Z",
	[WB_F_MILLIS] = "a time such as 2026-11-22T09:30:00Z",
	[WB_F_JID] = "a JID or an international number",
	[WB_F_COLOUR] = "a colour such as #1f7aec",
	[WB_F_NAMES] = "not one of the words known",
};

static int get_one(const json_t *v, const struct wb_field *f, void *p, struct wa_arena *a)
{
	int64_t n = 0;
	int r;

	switch ((enum wb_field_type)f->type) {
	case WB_F_TEXT:
		if (!json_is_string(v) || json_string_length(v) > WB_CONTENT_TEXT_MAX)
			return WA_EINVALID;
		*(struct wa_span *)p = wa_span(json_string_value(v), json_string_length(v));
		return 0;
	case WB_F_BYTES:
	case WB_F_HEX: return get_bytes(v, f, p, a);
	case WB_F_U32:
		r = get_number(v, UINT32_MAX, &n);
		*(uint32_t *)p = (uint32_t)n;
		return r;
	case WB_F_U64:
		r = get_number(v, INT64_MAX, &n);
		*(uint64_t *)p = (uint64_t)n;
		return r;
	case WB_F_I64: return get_number(v, INT64_MAX, p);
	case WB_F_REAL:
		*(double *)p = json_number_value(v);
		return json_is_number(v) && (f->max <= f->min ||
					     (*(double *)p >= f->min && *(double *)p <= f->max)) ? 0 : WA_EINVALID;
	case WB_F_BOOL:
		*(bool *)p = json_is_true(v);
		return json_is_boolean(v) ? 0 : WA_EINVALID;
	case WB_F_SECONDS:
		r = get_time(v, &n);
		*(int64_t *)p = n / 1000;
		return r;
	case WB_F_MILLIS: return get_time(v, p);
	case WB_F_JID:
		return json_is_string(v) ? wb_get_jid(wa_span(json_string_value(v), json_string_length(v)), p, "", NULL)
					 : WA_EINVALID;
	case WB_F_COLOUR: return get_colour(v, p);
	case WB_F_NAMES: return get_name(v, f, p);
	}
	return WA_EINVALID;
}

int wb_fields_get(const json_t *o, const struct wb_field *f, void *to, struct wa_arena *a,
		  const char *where, struct wa_err *err)
{
	for (; f && f->name; f++) {
		const json_t *v = json_object_get(o, f->name);

		if (f->required && (!v || (f->type == WB_F_TEXT && json_is_string(v) && !json_string_length(v))))
			return bad(err, where, f->name, "is needed");
		if (v && get_one(v, f, (char *)to + f->at, a) < 0)
			return bad(err, where, f->name, wants[f->type]);
	}
	return 0;
}

static bool known(const char *key, const struct wb_field *const *tables, size_t n, const char *const *more)
{
	for (size_t i = 0; i < n; i++)
		for (const struct wb_field *f = tables[i]; f && f->name; f++)
			if (strcmp(f->name, key) == 0)
				return true;
	for (; more && *more; more++)
		if (strcmp(*more, key) == 0)
			return true;
	return false;
}

int wb_fields_only(const json_t *o, const struct wb_field *const *tables, size_t n, const char *const *more,
		   const char *where, struct wa_err *err)
{
	for (void *it = json_object_iter((json_t *)(uintptr_t)o); it;
	     it = json_object_iter_next((json_t *)(uintptr_t)o, it)) {
		const char *key = json_object_iter_key(it);

		if (!known(key, tables, n, more)) {
			char name[64];

			(void)snprintf(name, sizeof(name), "%s", key);
			return bad(err, where, name, "not known here");
		}
	}
	return 0;
}
