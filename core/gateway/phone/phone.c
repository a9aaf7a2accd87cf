/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phone.h"

#include <pthread.h>
#include <stdatomic.h>

#include "module.h"
#include "phone_shim.h"
#include "text.h"

#define E164_DIGITS_MIN 8
#define E164_DIGITS_MAX 15

/*
 * Loaded once for the process and never unloaded: libphonenumber keeps
 * singletons that do not survive a dlclose().
 */
static pthread_once_t shim_once = PTHREAD_ONCE_INIT;
static const struct wb_phone_shim *shim;
static char shim_error[512];
static atomic_bool ready;

static void load_shim(void)
{
	static const struct wa_module module = {
		.file = "libwarbler_phone.so",
		.env = "WARBLER_PHONE_SHIM",
		.libdir = WB_PHONE_LIBDIR,
		.symbol = WB_PHONE_SHIM_SYMBOL,
		.abi = WB_PHONE_SHIM_ABI,
	};

	shim = wa_module_load(&module, &shim_once, shim_error);
}

static const struct wb_phone_shim *get_shim(void)
{
	pthread_once(&shim_once, load_shim);
	return shim;
}

bool wb_phone_ready(void)
{
	return atomic_load(&ready);
}

void wb_phone_warm(void *unused)
{
	const struct wb_phone_shim *s = get_shim();

	(void)unused;
	if (s)
		(void)s->region_known("DE");	/* makes the library read its tables */
	atomic_store(&ready, true);
}

const char *wb_phone_module_error(void)
{
	return get_shim() ? NULL : shim_error;
}

static int refuse(char reason[64], const char *why)
{
	snprintf(reason, WB_PHONE_REASON_SIZE, "%s", why);
	return WA_EINVALID;
}

/* One character of UTF-8 at s, its length in *len; 0xFFFD for a broken one. */
static uint32_t next_char(const char *s, size_t *len)
{
	const uint8_t *p = (const uint8_t *)s;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80       ? 1
		   : p[0] >> 5 == 6  ? 2
		   : p[0] >> 4 == 14 ? 3
		   : p[0] >> 3 == 30 ? 4
				     : 0;
	uint32_t c;

	*len = 1;
	if (n == 0)
		return 0xfffd;
	if (n == 1)
		return p[0];
	c = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0xfffd;
		c = c << 6 | (p[i] & 63u);
	}
	*len = n;
	return c < least[n] ? 0xfffd : c;
}

/* A digit of ASCII, Arabic, Persian, Devanagari, Bengali or full width, or -1. */
static int digit_of(uint32_t c)
{
	static const uint32_t zeros[] = { '0', 0x660, 0x6f0, 0x966, 0x9e6, 0xff10 };

	for (size_t i = 0; i < WA_ARRAY_LEN(zeros); i++)
		if (c >= zeros[i] && c <= zeros[i] + 9)
			return (int)(c - zeros[i]);
	return -1;
}

/* Spaces, direction marks and the punctuation people put between digits. */
static bool is_filler(uint32_t c)
{
	return c == ' ' || c == '\t' || c == '(' || c == ')' || c == '.' || c == '-' || c == '/' ||
	       c == 0xa0 || (c >= 0x2000 && c <= 0x200f) || (c >= 0x2010 && c <= 0x2015) ||
	       (c >= 0x202a && c <= 0x202f) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff ||
	       c == 0x61c;
}

/* Only '+' and digits remain; true when anything else was inside. Cuts at an extension. */
static bool clean(const char *text, char out[WB_PHONE_TEXT_MAX])
{
	size_t n = 0, len;
	bool strange = false;

	for (const char *p = text; *p; p += len) {
		uint32_t c = next_char(p, &len);
		int d = digit_of(c);

		if (d >= 0)
			out[n++] = (char)('0' + d);
		else if ((c == '+' || c == 0xff0b) && n == 0)
			out[n++] = '+';
		else if (n > 0 &&
			 (c == 'x' || c == 'X' || c == 'e' || c == 'E' || c == ';' || c == ','))
			break;
		else if (!is_filler(c))
			strange = true;
	}
	out[n] = 0;
	if (n > 2 && out[0] == '0' && out[1] == '0') {
		memmove(out + 1, out + 2, n - 1);
		out[0] = '+';
	}
	return strange;
}

static bool is_e164(const char *s)
{
	size_t n = strspn(s + (*s == '+'), "0123456789");

	return s[0] == '+' && s[1] != '0' && s[n + 1] == 0 && n >= E164_DIGITS_MIN &&
	       n <= E164_DIGITS_MAX;
}

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* n bytes of a, then b; a number that does not fit is none, so it may be cut. */
static void glue(char out[32], const char *a, size_t n, const char *b)
{
	size_t rest = strlen(b);

	if (rest > 31 - n)
		rest = 31 - n;
	memcpy(out, a, n);
	memcpy(out + n, b, rest);
	out[n + rest] = 0;
}

/* Numbers whose plan changed, as people still write them. Both texts hold 32 bytes. */
static bool repair(const char *e164, char out[32])
{
	static const char *const mx_trunk[] = { "+521",  "+52044", "+52045",
						"+5201", "+5244",  "+5245" };
	size_t n = strlen(e164);

	for (size_t i = 0; i < WA_ARRAY_LEN(mx_trunk); i++) {
		size_t skip = strlen(mx_trunk[i]);

		if (starts(e164, mx_trunk[i]) && n == skip + 10) {
			glue(out, "+52", 3, e164 + skip);
			return true;
		}
	}
	if (starts(e164, "+55") && n == 13 && e164[5] >= '6' && e164[5] <= '9') {
		glue(out, e164, 5, "9");
		glue(out, out, 6, e164 + 5);
		return true;
	}
	return false;
}

static size_t country_digits(const char *digits)
{
	static const char two[] = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 "
				  "55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98";

	if (digits[0] == '1' || digits[0] == '7')
		return 1;
	for (const char *p = two; *p; p += p[2] ? 3 : 2)
		if (strncmp(p, digits, 2) == 0)
			return 2;
	return 3;
}

bool wb_phone_plain(const char *text)
{
	size_t cc;

	if (!is_e164(text) || starts(text, "+52") || starts(text, "+54") || starts(text, "+55"))
		return false;
	cc = country_digits(text + 1);
	if (cc == 1 && strlen(text) != 12)
		return false;	/* ten digits in North America and Russia, neither more nor less */
	return text[1 + cc] != '0';
}

static int parse_with(const struct wb_phone_shim *s, const char *digits, const char *region,
		      char out[32], char reason[64])
{
	char e164[WB_PHONE_E164_SIZE], repaired[WB_PHONE_E164_SIZE], again[WB_PHONE_E164_SIZE];
	int32_t valid = 0;

	switch (s->parse(digits, region, e164, sizeof(e164), &valid)) {
	case WB_SHIM_OK:
		break;
	case WB_SHIM_NO_REGION:
		return refuse(reason, digits[0] == '+' ? "invalid_number" : "missing_country");
	default:
		return refuse(reason, "invalid_number");
	}
	if (!valid && repair(e164, repaired) &&
	    s->parse(repaired, "ZZ", again, sizeof(again), &valid) == WB_SHIM_OK && valid)
		snprintf(e164, sizeof(e164), "%s", again);
	if (!valid)
		return refuse(reason, "invalid_number");
	snprintf(out, WB_PHONE_E164_SIZE, "%s", e164);
	return WA_OK;
}

int wb_phone_parse(const char *text, const char *default_country, char out_e164[32],
		   char reason[64])
{
	const struct wb_phone_shim *s = get_shim();
	char digits[WB_PHONE_TEXT_MAX], region[3] = "ZZ";
	bool strange;

	if (!text || !*text)
		return refuse(reason, "empty");
	if (strlen(text) >= WB_PHONE_TEXT_MAX)
		return refuse(reason, "too_long");
	strange = clean(text, digits);
	if (!digits[0])
		return refuse(reason, strange ? "not_a_number" : "empty");
	if (strange)
		return refuse(reason, "not_a_number");
	if (!s) {
		if (!is_e164(digits))
			return refuse(reason, "module_missing");
		glue(out_e164, "", 0, digits);
		return WA_OK;
	}
	if (default_country && *default_country) {
		if (strlen(default_country) != 2)
			return refuse(reason, "unknown_country");
		for (int i = 0; i < 2; i++)
			region[i] = (char)(default_country[i] & ~0x20);
		if (!s->region_known(region))
			return refuse(reason, "unknown_country");
	}
	return parse_with(s, digits, region, out_e164, reason);
}

int wb_phone_country(const char *e164, char ret_country[3])
{
	const struct wb_phone_shim *s = get_shim();
	char region[3] = "";

	if (!s || !is_e164(e164))
		return 0;
	s->region(e164, region);
	if (!region[0])
		return 0;
	memcpy(ret_country, region, 3);
	return 1;
}

size_t wb_phone_candidates(const char *e164, char out[WB_PHONE_CANDIDATES][32])
{
	size_t n = strlen(e164), count = 0;

	glue(out[count++], "", 0, e164);
	if (starts(e164, "+55") && n == 14 && e164[5] == '9') {
		glue(out[count++], e164, 5, e164 + 6);
	} else if (starts(e164, "+55") && n == 13 && e164[5] >= '6') {
		(void)repair(e164, out[0]);
		glue(out[count++], "", 0, e164);
	} else if (starts(e164, "+52") && n == 13) {
		glue(out[count++], "+521", 4, e164 + 3);
	} else if (starts(e164, "+521") && n == 14) {
		(void)repair(e164, out[0]);
		glue(out[count++], "", 0, e164);
	} else if (starts(e164, "+54") && n == 13 && e164[3] != '9') {
		glue(out[count++], "+549", 4, e164 + 3);
	}
	return count;
}

/* How far the separator at p reaches: "/", ";", ",", "|", line ends, and a dash between spaces. */
static size_t separator(const char *p, bool inside)
{
	if (*p == '/' || *p == ';' || *p == ',' || *p == '|' || *p == '\n' || *p == '\r')
		return 1;
	return inside && starts(p, " - ") ? 3 : 0;
}

static size_t count_digits(const char *s)
{
	size_t count = 0, len;

	for (; *s; s += len)
		count += digit_of(next_char(s, &len)) >= 0;
	return count;
}

size_t wb_phone_split(const char *text, char out[WB_PHONE_PARTS][WB_PHONE_TEXT_MAX])
{
	char part[WB_PHONE_TEXT_MAX];
	size_t count = 0, n = 0;

	for (const char *p = text;; p++) {
		size_t skip = *p ? separator(p, n > 0) : 1;

		if (skip == 0 && n + 1 < sizeof(part)) {
			part[n++] = *p;
			continue;
		}
		part[n] = 0;
		/* fewer digits than any number has: a piece of one, as in "011/5551234" */
		if (n > 0 && count < WB_PHONE_PARTS && count_digits(part) >= 6)
			memcpy(out[count++], part, n + 1);
		n = 0;
		if (!*p)
			break;
		p += skip > 0 ? skip - 1 : 0;
	}
	if (count <= 1) {
		snprintf(out[0], WB_PHONE_TEXT_MAX, "%s", text);
		count = *text ? 1 : 0;
	}
	return count;
}
