/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "locale.h"

#include <ctype.h>

#define ARABIC_ZERO 0x660u
#define PERSIAN_ZERO 0x6f0u
#define NBSP "\u00a0"
#define NUMBER_DIGITS_MAX 40

static const char *const months_en[] = { "January", "February", "March", "April", "May", "June", "July",
	"August", "September", "October", "November", "December" };
static const char *const months_ar[] = { "يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو",
	"أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر" };
static const char *const months_es[] = { "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio",
	"agosto", "septiembre", "octubre", "noviembre", "diciembre" };
static const char *const months_pt[] = { "janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho",
	"agosto", "setembro", "outubro", "novembro", "dezembro" };
static const char *const months_id[] = { "Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli",
	"Agustus", "September", "Oktober", "November", "Desember" };
static const char *const months_fr[] = { "janvier", "février", "mars", "avril", "mai", "juin", "juillet",
	"août", "septembre", "octobre", "novembre", "décembre" };
static const char *const months_de[] = { "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli",
	"August", "September", "Oktober", "November", "Dezember" };
static const char *const months_it[] = { "gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio",
	"agosto", "settembre", "ottobre", "novembre", "dicembre" };
static const char *const months_tr[] = { "Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz",
	"Ağustos", "Eylül", "Ekim", "Kasım", "Aralık" };

/* The first row is what everything unknown gets. */
static const struct wb_locale locales[] = {
	{ "en", ".", ",", '0', WB_DATE_DMY, "/", "D M Y", true, false, months_en },
	{ "ar", "٫", "٬", ARABIC_ZERO, WB_DATE_DMY, "/", "D M Y", false, true, months_ar },
	{ "es", ",", ".", '0', WB_DATE_DMY, "/", "D de M de Y", false, false, months_es },
	{ "pt", ",", ".", '0', WB_DATE_DMY, "/", "D de M de Y", true, false, months_pt },
	{ "id", ",", ".", '0', WB_DATE_DMY, "/", "D M Y", true, false, months_id },
	{ "fr", ",", "\u202f", '0', WB_DATE_DMY, "/", "D M Y", false, false, months_fr },
	{ "de", ",", ".", '0', WB_DATE_DMY, ".", "D. M Y", false, false, months_de },
	{ "it", ",", ".", '0', WB_DATE_DMY, "/", "D M Y", false, false, months_it },
	{ "tr", ",", ".", '0', WB_DATE_DMY, ".", "D M Y", false, false, months_tr },
	{ "fa", "٫", "٬", PERSIAN_ZERO, WB_DATE_YMD, "/", "D M Y", false, true, months_en },
	{ "ur", ".", ",", '0', WB_DATE_DMY, "/", "D M Y", true, true, months_en },
	{ "he", ".", ",", '0', WB_DATE_DMY, ".", "D M Y", false, true, months_en },
};

/* Arabic countries that write Western digits, with their separators. */
static const struct {
	const char *region, *decimal, *group;
} arabic_western[] = {
	{ "AE", ".", "," }, { "DZ", ",", "." }, { "MA", ",", "." }, { "TN", ",", "." },
	{ "LY", ",", "." }, { "EH", ",", "." }, { "MR", ",", "." },
};

/* Spanish of these writes 1,234.50 with the currency in front. */
static const char *const spanish_point[] = { "MX", "US", "GT", "HN", "NI", "PA", "PE", "PR", "SV", "DO" };

static const struct {
	const char *code, *sign;
} signs[] = {
	{ "USD", "$" }, { "EUR", "€" }, { "GBP", "£" }, { "BRL", "R$" }, { "IDR", "Rp" },
	{ "INR", "₹" }, { "TRY", "₺" }, { "JPY", "¥" }, { "NGN", "₦" }, { "PHP", "₱" },
};
static const struct {
	const char *code, *sign;
} signs_ar[] = {
	{ "SAR", "ر.س" }, { "AED", "د.إ" }, { "EGP", "ج.م" }, { "KWD", "د.ك" }, { "QAR", "ر.ق" },
	{ "BHD", "د.ب" }, { "OMR", "ر.ع" }, { "JOD", "د.أ" }, { "IQD", "د.ع" }, { "DZD", "د.ج" },
	{ "MAD", "د.م" }, { "TND", "د.ت" }, { "LYD", "د.ل" }, { "YER", "ر.ي" }, { "LBP", "ل.ل" },
	{ "SYP", "ل.س" }, { "SDG", "ج.س" },
};

static const char *const no_decimals[] = { "IDR", "JPY", "KRW", "VND", "CLP", "PYG", "XOF", "XAF", "XPF",
	"ISK", "UGX", "RWF", "GNF", "KMF", "DJF", "IQD", "LBP", "SYP", "YER" };
static const char *const three_decimals[] = { "KWD", "BHD", "OMR", "JOD", "TND", "LYD" };

static bool listed(const char *const *list, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], what) == 0)
			return true;
	return false;
}

static void apply_region(struct wb_locale *l, const char *region)
{
	if (strcmp(l->language, "en") == 0) {
		l->order = strcmp(region, "US") == 0 ? WB_DATE_MDY : WB_DATE_DMY;
		l->long_form = strcmp(region, "US") == 0 ? "M D, Y" : l->long_form;
	} else if (strcmp(l->language, "ar") == 0) {
		for (size_t i = 0; i < WA_ARRAY_LEN(arabic_western); i++) {
			if (strcmp(arabic_western[i].region, region) != 0)
				continue;
			l->zero = '0';
			l->decimal = arabic_western[i].decimal;
			l->group = arabic_western[i].group;
		}
	} else if (strcmp(l->language, "es") == 0 &&
		   listed(spanish_point, WA_ARRAY_LEN(spanish_point), region)) {
		l->decimal = ".";
		l->group = ",";
		l->money_first = true;
	} else if (strcmp(l->language, "pt") == 0 && strcmp(region, "PT") == 0) {
		l->money_first = false;
		l->group = NBSP;
	}
}

struct wb_locale wb_locale_get(const char *name)
{
	struct wb_locale found = locales[0];
	size_t n = name ? strcspn(name, "-_") : 0;
	char region[3] = "";

	for (size_t i = 0; n > 0 && i < WA_ARRAY_LEN(locales); i++)
		if (strlen(locales[i].language) == n && strncasecmp(locales[i].language, name, n) == 0)
			found = locales[i];
	if (n > 0 && name[n] && strlen(name + n + 1) >= 2)
		for (int i = 0; i < 2; i++)
			region[i] = (char)toupper((unsigned char)name[n + 1 + (size_t)i]);
	apply_region(&found, region);
	return found;
}

static void put_digit(const struct wb_locale *l, char d, struct wa_buf *out)
{
	uint32_t c = l->zero + (uint32_t)(d - '0');

	if (c < 0x80) {
		wa_buf_u8(out, (uint8_t)c);
		return;
	}
	wa_buf_u8(out, (uint8_t)(0xc0 | c >> 6));
	wa_buf_u8(out, (uint8_t)(0x80 | (c & 63)));
}

static void put_int(const struct wb_locale *l, int v, int width, struct wa_buf *out)
{
	char text[16];

	snprintf(text, sizeof(text), "%0*d", width, v);
	for (const char *p = text; *p; p++)
		put_digit(l, *p, out);
}

/* sign, whole and fraction of decimal text; leading zeros gone. */
struct decimal {
	bool negative;
	struct wa_span whole, fraction;
};

static bool split_decimal(struct wa_span s, struct decimal *d)
{
	size_t i = 0, start;

	if (s.len == 0)
		return false;
	d->negative = s.len > 0 && s.ptr[0] == '-';
	i += d->negative;
	while (i + 1 < s.len && s.ptr[i] == '0' && s.ptr[i + 1] >= '0' && s.ptr[i + 1] <= '9')
		i++;
	start = i;
	while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9')
		i++;
	d->whole = wa_span(s.ptr + start, i - start);
	d->fraction = wa_span(NULL, 0);
	if (i < s.len && s.ptr[i] == '.') {
		start = ++i;
		while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9')
			i++;
		d->fraction = wa_span(s.ptr + start, i - start);
		if (d->fraction.len == 0)
			return false;
	}
	return i == s.len && d->whole.len > 0 && s.len <= NUMBER_DIGITS_MAX;
}

int wb_locale_number(const struct wb_locale *l, struct wa_span number, size_t min_decimals,
		     struct wa_buf *out)
{
	struct decimal d;
	size_t n;

	if (!split_decimal(number, &d))
		return WA_EINVALID;
	n = d.fraction.len;
	while (n > min_decimals && d.fraction.ptr[n - 1] == '0')
		n--;
	if (d.negative)
		wa_buf_u8(out, '-');
	for (size_t i = 0; i < d.whole.len; i++) {
		if (i > 0 && (d.whole.len - i) % 3 == 0)
			wa_buf_str(out, l->group);
		put_digit(l, (char)d.whole.ptr[i], out);
	}
	if (n > 0 || min_decimals > 0)
		wa_buf_str(out, l->decimal);
	for (size_t i = 0; i < n; i++)
		put_digit(l, (char)d.fraction.ptr[i], out);
	for (size_t i = n; i < min_decimals; i++)
		put_digit(l, '0', out);
	return WA_OK;
}

static size_t decimals_of(const char *currency)
{
	if (listed(no_decimals, WA_ARRAY_LEN(no_decimals), currency))
		return 0;
	return listed(three_decimals, WA_ARRAY_LEN(three_decimals), currency) ? 3 : 2;
}

static const char *sign_of(const struct wb_locale *l, const char *currency)
{
	if (strcmp(l->language, "ar") == 0)
		for (size_t i = 0; i < WA_ARRAY_LEN(signs_ar); i++)
			if (strcmp(signs_ar[i].code, currency) == 0)
				return signs_ar[i].sign;
	for (size_t i = 0; i < WA_ARRAY_LEN(signs); i++)
		if (strcmp(signs[i].code, currency) == 0)
			return signs[i].sign;
	return currency;
}

int wb_locale_money(const struct wb_locale *l, struct wa_span amount, const char *currency,
		    struct wa_buf *out)
{
	struct decimal d;
	const char *sign;
	int r;

	if (!split_decimal(amount, &d))
		return WA_EINVALID;
	if (!currency || !*currency)
		return wb_locale_number(l, amount, 2, out);
	sign = sign_of(l, currency);
	if (l->money_first) {
		wa_buf_str(out, sign);
		/* "$5", but "SAR 5" and "R$ 5" */
		if (strcmp(sign, currency) == 0 || isalpha((unsigned char)sign[0]))
			wa_buf_str(out, NBSP);
		return wb_locale_number(l, amount, decimals_of(currency), out);
	}
	r = wb_locale_number(l, amount, decimals_of(currency), out);
	wa_buf_str(out, NBSP);
	wa_buf_str(out, sign);
	return r;
}

static void put_short(const struct wb_locale *l, const struct tm *tm, struct wa_buf *out)
{
	static const char orders[][4] = { "DMY", "MDY", "YMD" };

	for (const char *p = orders[l->order]; *p; p++) {
		if (p != orders[l->order])
			wa_buf_str(out, l->date_separator);
		if (*p == 'D')
			put_int(l, tm->tm_mday, 2, out);
		else if (*p == 'M')
			put_int(l, tm->tm_mon + 1, 2, out);
		else
			put_int(l, tm->tm_year + 1900, 4, out);
	}
}

static void put_long(const struct wb_locale *l, const struct tm *tm, struct wa_buf *out)
{
	for (const char *p = l->long_form; *p; p++) {
		if (*p == 'D')
			put_int(l, tm->tm_mday, 1, out);
		else if (*p == 'M')
			wa_buf_str(out, l->months[tm->tm_mon]);
		else if (*p == 'Y')
			put_int(l, tm->tm_year + 1900, 4, out);
		else
			wa_buf_u8(out, (uint8_t)*p);
	}
}

void wb_locale_date(const struct wb_locale *l, int64_t unix_s, int32_t offset_s, int form,
		    struct wa_buf *out)
{
	time_t at = (time_t)(unix_s + offset_s);
	struct tm tm;

	if (!gmtime_r(&at, &tm))
		return;
	if (form == WB_DATE_LONG)
		put_long(l, &tm, out);
	else if (form != WB_DATE_TIME)
		put_short(l, &tm, out);
	if (form == WB_DATE_DATETIME)
		wa_buf_u8(out, ' ');
	if (form == WB_DATE_TIME || form == WB_DATE_DATETIME) {
		put_int(l, tm.tm_hour, 2, out);
		wa_buf_u8(out, ':');
		put_int(l, tm.tm_min, 2, out);
	}
}
