/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "template_filter.h"

#include "text.h"

#define YEAR_9999_S  INT64_C(253402300799)
#define DECIMALS_MAX 6

/* Characters that a stranger's value must not bring into a message. */
static bool is_unwanted(uint32_t c)
{
	return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || (c >= 0x80 && c < 0xa0) ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void put_clean(struct wa_buf *out, struct wa_span s)
{
	/* a value that is too long is cut, not lost */
	while (s.len > 0 && out->len + 4 <= out->max) {
		uint32_t c;
		size_t n = wa_utf8_next(s, &c);

		if (!is_unwanted(c))
			wa_utf8_put(out, c);
		s = wa_span(s.ptr + n, s.len - n);
	}
}

static void put_json(struct wa_buf *out, const json_t *j)
{
	if (json_is_string(j))
		put_clean(out, wa_span(json_string_value(j), json_string_length(j)));
	else if (json_is_integer(j))
		wa_buf_fmt(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
	else if (json_is_real(j))
		wa_buf_fmt(out, "%.15g", json_real_value(j));
	else if (json_is_boolean(j))
		wa_buf_str(out, json_is_true(j) ? "true" : "false");
	else if (json_is_object(j) && json_is_string(json_object_get(j, "amount")))
		put_json(out, json_object_get(j, "amount"));
}

static void put_joined(struct wa_buf *out, const json_t *list, struct wa_span between)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (i > 0 && out->len + between.len < out->max)
			wa_buf_span(out, between);
		put_json(out, json_array_get(list, i));
		if (out->failed || out->len + 4 > out->max)
			return;
	}
}

void wb_filter_text(struct wb_filter_value *v)
{
	if (v->is_text)
		return;
	v->is_text = true;
	if (json_is_array(v->json))
		put_joined(&v->text, v->json, wa_span_str(", "));
	else if (v->json)
		put_json(&v->text, v->json);
	v->json = NULL;
}

/* The text becomes that of made, which is cleared. */
static void replace(struct wb_filter_value *v, struct wa_buf *made)
{
	if (made->failed) {
		wa_buf_clear(made);
		return;
	}
	wa_buf_clear(&v->text);
	v->text = *made;
	v->is_text = true;
	v->json = NULL;
}

static struct wa_buf new_text(void)
{
	struct wa_buf b;

	wa_buf_init(&b, WB_TEMPLATE_VALUE_MAX);
	return b;
}

static bool is_date_form(struct wa_span a)
{
	return wa_span_is(a, "short") || wa_span_is(a, "long") || wa_span_is(a, "time") ||
	       wa_span_is(a, "datetime");
}

static void filter_date(const struct wb_filter_env *env, struct wb_filter_value *v,
			const struct wa_span *args, size_t n)
{
	int form = n == 0 || wa_span_is(args[0], "short") ? WB_DATE_SHORT
		   : wa_span_is(args[0], "long")          ? WB_DATE_LONG
		   : wa_span_is(args[0], "time")          ? WB_DATE_TIME
							  : WB_DATE_DATETIME;
	struct wa_buf out = new_text();
	int32_t written = INT32_MIN, offset = 0;
	int64_t at;

	if (json_is_integer(v->json)) {
		at = json_integer_value(v->json) / 1000;
	} else {
		wb_filter_text(v);
		if (wb_time_parse(wa_buf_view(&v->text), &at, &written) < 0)
			return;
	}
	if (at < -YEAR_9999_S || at > YEAR_9999_S)
		return;
	if (!env->zone || !wb_zone_offset(env->zone, at, &offset))
		offset = written == INT32_MIN ? 0 : written;
	wb_locale_date(&env->locale, at, offset, form, &out);
	replace(v, &out);
}

static bool is_currency(struct wa_span a)
{
	if (a.len != 3)
		return false;
	for (size_t i = 0; i < 3; i++)
		if (a.ptr[i] < 'A' || a.ptr[i] > 'Z')
			return false;
	return true;
}

static void filter_money(const struct wb_filter_env *env, struct wb_filter_value *v,
			 const struct wa_span *args, size_t n)
{
	const char *own = json_string_value(json_object_get(v->json, "currency"));
	struct wa_buf out = new_text();
	char currency[4] = "";

	if (n > 0)
		snprintf(currency, sizeof(currency), "%.*s", WA_SPAN_ARG(args[0]));
	else if (own && is_currency(wa_span_str(own)))
		snprintf(currency, sizeof(currency), "%s", own);
	else if (env->currency)
		snprintf(currency, sizeof(currency), "%s", env->currency);
	wb_filter_text(v);
	if (wb_locale_money(&env->locale, wa_span_trim(wa_buf_view(&v->text)), currency, &out) == 0)
		replace(v, &out);
	else
		wa_buf_clear(&out);
}

static bool is_decimals(struct wa_span a)
{
	return a.len == 1 && a.ptr[0] >= '0' && a.ptr[0] <= '0' + DECIMALS_MAX;
}

static void filter_number(const struct wb_filter_env *env, struct wb_filter_value *v,
			  const struct wa_span *args, size_t n)
{
	struct wa_buf out = new_text();

	wb_filter_text(v);
	if (wb_locale_number(&env->locale, wa_span_trim(wa_buf_view(&v->text)),
			     n > 0 ? (size_t)(args[0].ptr[0] - '0') : 0, &out) == 0)
		replace(v, &out);
	else
		wa_buf_clear(&out);
}

/* Simple case mapping of Latin, Greek and Cyrillic; others have no case or keep it. */
static uint32_t to_upper(uint32_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 0xe0 && c <= 0xfe && c != 0xf7) ||
	    (c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) || (c >= 0x430 && c <= 0x44f))
		return c - 32;
	if (c >= 0x450 && c <= 0x45f)
		return c - 80;
	if (c == 0xff)
		return 0x178;
	if (c == 0x131)
		return 'I';
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177))
		return c & ~1u;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c & 1 ? c : c - 1;
	return c;
}

static uint32_t to_lower(uint32_t c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
	    (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if (c == 0x178)
		return 0xff;
	if (c == 0x130)
		return 'i';
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177))
		return c | 1u;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c & 1 ? c + 1 : c;
	return c;
}

static void map_text(struct wb_filter_value *v, uint32_t (*map)(uint32_t), size_t at_most)
{
	struct wa_buf out = new_text();
	struct wa_span s;

	wb_filter_text(v);
	s = wa_buf_view(&v->text);
	for (size_t i = 0; s.len > 0; i++) {
		uint32_t c;
		size_t n = wa_utf8_next(s, &c);

		wa_utf8_put(&out, i < at_most ? map(c) : c);
		s = wa_span(s.ptr + n, s.len - n);
	}
	replace(v, &out);
}

static void filter_upper(const struct wb_filter_env *env, struct wb_filter_value *v,
			 const struct wa_span *args, size_t n)
{
	(void)env, (void)args, (void)n;
	map_text(v, to_upper, SIZE_MAX);
}

static void filter_lower(const struct wb_filter_env *env, struct wb_filter_value *v,
			 const struct wa_span *args, size_t n)
{
	(void)env, (void)args, (void)n;
	map_text(v, to_lower, SIZE_MAX);
}

static void filter_capitalize(const struct wb_filter_env *env, struct wb_filter_value *v,
			      const struct wa_span *args, size_t n)
{
	(void)env, (void)args, (void)n;
	map_text(v, to_upper, 1);
}

static void put_span(struct wb_filter_value *v, struct wa_span s)
{
	struct wa_buf out = new_text();

	wa_buf_span(&out, s);
	replace(v, &out);
}

static void filter_trim(const struct wb_filter_env *env, struct wb_filter_value *v,
			const struct wa_span *args, size_t n)
{
	(void)env, (void)args, (void)n;
	wb_filter_text(v);
	put_span(v, wa_span_trim(wa_buf_view(&v->text)));
}

static void filter_default(const struct wb_filter_env *env, struct wb_filter_value *v,
			   const struct wa_span *args, size_t n)
{
	(void)env, (void)n;
	if (json_is_array(v->json) ? json_array_size(v->json) > 0 : json_is_object(v->json))
		return;
	wb_filter_text(v);
	if (wa_span_trim(wa_buf_view(&v->text)).len == 0)
		put_span(v, args[0]);
}

static bool is_length(struct wa_span a)
{
	int64_t n;

	return wa_parse_i64(a, 1, WB_TEMPLATE_VALUE_MAX, &n) == 0;
}

static void filter_truncate(const struct wb_filter_env *env, struct wb_filter_value *v,
			    const struct wa_span *args, size_t n)
{
	struct wa_buf out = new_text();
	struct wa_span s;
	size_t keep = 0, chars = 0;
	int64_t limit = 0;

	(void)env, (void)n;
	wb_filter_text(v);
	if (wa_parse_i64(args[0], 1, WB_TEMPLATE_VALUE_MAX, &limit) < 0)
		return;
	s = wa_buf_view(&v->text);
	for (size_t at = 0; at < s.len; chars++) {
		uint32_t c;

		if (chars + 1 == (size_t)limit)
			keep = at;
		at += wa_utf8_next(wa_span(s.ptr + at, s.len - at), &c);
	}
	if (chars <= (size_t)limit)
		return;
	wa_buf_put(&out, s.ptr, keep);
	wa_buf_str(&out, "…");
	replace(v, &out);
}

static void filter_first(const struct wb_filter_env *env, struct wb_filter_value *v,
			 const struct wa_span *args, size_t n)
{
	struct wa_span s;
	size_t len = 0;

	(void)env, (void)args, (void)n;
	if (json_is_array(v->json)) {
		v->json = json_array_get(v->json, 0);
		return;
	}
	wb_filter_text(v);
	s = wa_span_trim(wa_buf_view(&v->text));
	while (len < s.len && s.ptr[len] != ' ' && s.ptr[len] != '\t' && s.ptr[len] != '\n')
		len++;
	put_span(v, wa_span(s.ptr, len));
}

static void filter_join(const struct wb_filter_env *env, struct wb_filter_value *v,
			const struct wa_span *args, size_t n)
{
	struct wa_buf out = new_text();

	(void)env, (void)n;
	if (!json_is_array(v->json))
		return;
	put_joined(&out, v->json, args[0]);
	replace(v, &out);
}

static void filter_count(const struct wb_filter_env *env, struct wb_filter_value *v,
			 const struct wa_span *args, size_t n)
{
	struct wa_buf out = new_text();
	size_t count = json_array_size(v->json);

	(void)env, (void)args, (void)n;
	if (!json_is_array(v->json)) {
		wb_filter_text(v);
		for (size_t i = 0; i < v->text.len; i++)
			count += v->text.ptr[i] >> 6 != 2;
	}
	wa_buf_fmt(&out, "%zu", count);
	replace(v, &out);
}

static void filter_plain(const struct wb_filter_env *env, struct wb_filter_value *v,
			 const struct wa_span *args, size_t n)
{
	(void)env, (void)args, (void)n;
	v->plain = true;
}

static const struct wb_filter filters[] = {
	{ "date", 0, 1, is_date_form, "short, long, time or datetime", filter_date },
	{ "money", 0, 1, is_currency, "a currency of three capital letters", filter_money },
	{ "number", 0, 1, is_decimals, "0 to 6 decimals", filter_number },
	{ "upper", 0, 0, NULL, NULL, filter_upper },
	{ "lower", 0, 0, NULL, NULL, filter_lower },
	{ "capitalize", 0, 0, NULL, NULL, filter_capitalize },
	{ "trim", 0, 0, NULL, NULL, filter_trim },
	{ "truncate", 1, 1, is_length, "a number of characters", filter_truncate },
	{ "default", 1, 1, NULL, NULL, filter_default },
	{ "first", 0, 0, NULL, NULL, filter_first },
	{ "join", 1, 1, NULL, NULL, filter_join },
	{ "count", 0, 0, NULL, NULL, filter_count },
	{ "plain", 0, 0, NULL, NULL, filter_plain },
};

const struct wb_filter *wb_filter_find(struct wa_span name)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(filters); i++)
		if (wa_span_is(name, filters[i].name))
			return &filters[i];
	return NULL;
}
