/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source.h"

#include <ctype.h>

#include "crypto.h"
#include "match.h"
#include "text.h"

static const struct source *const sources[] = { &source_generic, &source_shopify,
						&source_woocommerce };

/* Folded (match.h); "cod" counts as a whole word only. */
static const char *const cod_words[] = {
	"cod",
	"cash on delivery",
	"cashondelivery",
	"pay on delivery",
	"collect on delivery",
	"payment on delivery",
	"الدفع عند الاستلام",
	"عند الاستلام",
	"كاش",
	"paiement a la livraison",
	"contre remboursement",
	"contrareembolso",
	"contra reembolso",
	"contra entrega",
	"pago contra entrega",
	"pagamento na entrega",
	"bayar di tempat",
	"kapida odeme",
	"nachnahme",
	"наложенный платеж",
	"contrassegno",
};
static const char *const transfer_words[] = {
	"bacs",          "cheque",   "bank transfer", "bank deposit", "wire transfer",
	"transferencia", "virement", "transfer bank", "حواله بنكيه",  "تحويل بنكي",
};

const struct source *source_at(size_t i)
{
	return i < WA_ARRAY_LEN(sources) ? sources[i] : NULL;
}

const struct source *source_find(const char *kind)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(sources); i++)
		if (strcmp(sources[i]->kind, kind) == 0)
			return sources[i];
	return NULL;
}

const char *source_header(const struct source_request *r, const char *name)
{
	const char *value = json_string_value(json_object_get(r->headers, name));

	return value ? value : "";
}

void source_header_add(json_t *headers, const char *name, const char *value)
{
	struct wa_span v = wa_span_trim(wa_span_str(value));
	char lower[64];
	size_t i;

	for (i = 0; name[i] && i + 1 < sizeof(lower); i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	lower[i] = 0;
	if (name[i] || v.len > SOURCE_HEADER_MAX ||
	    json_object_size(headers) >= SOURCE_HEADERS_MAX || json_object_get(headers, lower) ||
	    strcmp(lower, "authorization") == 0 || strcmp(lower, "cookie") == 0 ||
	    strcmp(lower, "x-api-key") == 0)
		return;
	json_object_set_new(headers, lower, json_stringn((const char *)v.ptr, v.len));
}

static bool hmac_ok(struct wa_span secret, const struct wa_span *parts, size_t n, const char *text,
		    enum source_encoding e)
{
	uint8_t want[WA_SHA256_LEN], got[WA_SHA256_LEN];
	struct wa_hmac256 h;
	int r;

	if (secret.len == 0 || !*text)
		return false;
	r = e == SOURCE_HEX ? wa_hex_decode(wa_span_str(text), got, sizeof(got))
			    : wa_b64_decode_fixed(wa_span_str(text), WA_B64_STD, got, sizeof(got));
	if (r < 0)
		return false;
	wa_hmac256_init(&h, secret);
	for (size_t i = 0; i < n; i++)
		wa_hmac256_add(&h, parts[i]);
	wa_hmac256_end(&h, want);
	return wa_ct_eq(want, got, sizeof(want));
}

bool source_hmac_ok(const struct source_secrets *s, const struct wa_span *parts, size_t n,
		    const char *text, enum source_encoding e)
{
	bool now = hmac_ok(s->secret, parts, n, text, e);
	bool before = hmac_ok(s->previous, parts, n, text, e);

	return now || before;
}

int source_json(struct wa_span body, json_t **ret, struct wa_err *err)
{
	json_error_t je;
	json_t *j = json_loadb((const char *)body.ptr, body.len, 0, &je);

	if (!j)
		return wa_err_set(err, WA_EPROTO, "not JSON at line %d, column %d", je.line,
				  je.column);
	if (!json_is_object(j)) {
		json_decref(j);
		return wa_err_set(err, WA_EPROTO, "not a JSON object");
	}
	*ret = j;
	return WA_OK;
}

const json_t *source_object(const json_t *from, const char *key)
{
	const json_t *j = json_object_get(from, key);

	return json_is_object(j) ? j : NULL;
}

const json_t *source_list(const json_t *from, const char *key)
{
	const json_t *j = json_object_get(from, key);

	return json_is_array(j) ? j : NULL;
}

const char *source_str(const json_t *from, const char *key)
{
	const char *s = json_string_value(json_object_get(from, key));

	return s ? s : "";
}

static json_t *clipped(struct wa_span s, size_t max)
{
	s = wa_span_trim(s);
	s.len = wa_utf8_clip(s, max);
	return s.len > 0 ? json_stringn((const char *)s.ptr, s.len) : NULL;
}

json_t *source_text(const json_t *from, const char *key, size_t max)
{
	const json_t *j = json_object_get(from, key);
	char number[64];

	if (json_is_string(j))
		return clipped(wa_span(json_string_value(j), json_string_length(j)), max);
	if (json_is_integer(j))
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(j));
	else if (json_is_real(j))
		snprintf(number, sizeof(number), "%.15g", json_real_value(j));
	else
		return NULL;
	return clipped(wa_span_str(number), max);
}

void source_set(json_t *order, const char *key, json_t *take_value)
{
	if (take_value)
		json_object_set_new(order, key, take_value);
}

static bool is_decimal(const char *s)
{
	size_t whole, fraction = 0;

	s += *s == '-';
	whole = strspn(s, "0123456789");
	if (s[whole] == '.') {
		fraction = strspn(s + whole + 1, "0123456789");
		if (fraction == 0 || s[whole + 1 + fraction])
			return false;
	} else if (s[whole]) {
		return false;
	}
	return whole > 0 && whole <= 18 && fraction <= 8;
}

bool source_is_country(const char *code)
{
	return strlen(code) == 2 && code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' &&
	       code[1] <= 'Z';
}

json_t *source_money(const json_t *amount, const char *currency)
{
	json_t *money, *text, *box;
	bool known = currency && strlen(currency) == 3;

	if (!amount)
		return NULL;
	box = json_object();
	json_object_set(box, "v",
			json_is_object(amount) ? json_object_get(amount, "amount")
					       : (json_t *)(uintptr_t)amount);
	if (json_is_object(amount) && strlen(source_str(amount, "currency")) == 3) {
		currency = source_str(amount, "currency");
		known = true;
	}
	text = source_text(box, "v", 40);
	json_decref(box);
	if (!text || !is_decimal(json_string_value(text))) {
		json_decref(text);
		return NULL;
	}
	money = json_pack("{s:o}", "amount", text);
	for (size_t i = 0; known && i < 3; i++)
		known = isalpha((unsigned char)currency[i]);
	if (known) {
		char upper[4] = { (char)toupper((unsigned char)currency[0]),
				  (char)toupper((unsigned char)currency[1]),
				  (char)toupper((unsigned char)currency[2]), 0 };

		json_object_set_new(money, "currency", json_string(upper));
	}
	return money;
}

void source_phone(json_t *order, const json_t *from, const char *key, const char *source,
		  const char *country)
{
	json_t *list = json_object_get(order, "phones"),
	       *raw = source_text(from, key, SOURCE_NAME_MAX);
	json_t *entry;

	if (!raw || (list && json_array_size(list) >= SOURCE_PHONES_MAX)) {
		json_decref(raw);
		return;
	}
	if (!list) {
		list = json_array();
		json_object_set_new(order, "phones", list);
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (json_equal(json_object_get(json_array_get(list, i), "raw"), raw)) {
			json_decref(raw);
			return;
		}
	}
	entry = json_pack("{s:o, s:s}", "raw", raw, "source", source);
	if (country && source_is_country(country))
		json_object_set_new(entry, "country", json_string(country));
	json_array_append_new(list, entry);
}

json_t *source_full_name(const json_t *from, const char *first, const char *last)
{
	json_t *a = source_text(from, first, SOURCE_NAME_MAX),
	       *b = source_text(from, last, SOURCE_NAME_MAX);
	char both[2 * SOURCE_NAME_MAX + 2];

	snprintf(both, sizeof(both), "%s%s%s", a ? json_string_value(a) : "", a && b ? " " : "",
		 b ? json_string_value(b) : "");
	json_decref(a);
	json_decref(b);
	return clipped(wa_span_str(both), SOURCE_NAME_MAX);
}

static bool says_any(const char *label, const char *const *words, size_t n)
{
	bool found = false;
	struct wa_buf folded;

	wa_buf_init(&folded, 4 * SOURCE_NAME_MAX);
	wb_fold(wa_span(label, wa_utf8_clip(wa_span_str(label), SOURCE_NAME_MAX)), &folded);
	for (size_t i = 0; i < n && !found && !folded.failed; i++)
		found = wb_fold_has_words(wa_buf_view(&folded), wa_span_str(words[i]));
	wa_buf_clear(&folded);
	return found;
}

const char *source_payment_class(const char *const *labels, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (says_any(labels[i], cod_words, WA_ARRAY_LEN(cod_words)))
			return "cod";
	for (size_t i = 0; i < n; i++)
		if (says_any(labels[i], transfer_words, WA_ARRAY_LEN(transfer_words)))
			return "transfer";
	return NULL;
}
