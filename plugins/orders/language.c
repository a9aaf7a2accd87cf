/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "language.h"

#include <ctype.h>

static const struct {
	const char *language, *countries;
} readers[] = {
	{ "ar", "SA AE EG KW QA BH OM JO IQ SY LB YE LY DZ MA TN SD PS MR" },
	{ "es", "ES MX AR CO PE CL VE EC GT CU BO DO HN PY SV NI CR PA UY GQ" },
	{ "pt", "PT BR AO MZ CV GW ST TL" },
	{ "id", "ID" },
	{ "fr", "FR SN CI ML BF NE TG BJ CM GA CG CD MG GN MC" },
	{ "en", "US GB IE AU NZ NG KE GH ZA IN PK PH SG UG ZM ZW JM TT" },
};

bool language_normalise(const char *in, char out[LANGUAGE_SIZE])
{
	char tag[LANGUAGE_SIZE] = "";
	size_t n = in ? strlen(in) : 0, i;

	if (n < 2 || n >= LANGUAGE_SIZE)
		return false;
	for (i = 0; i < n && isalpha((unsigned char)in[i]); i++)
		tag[i] = (char)tolower((unsigned char)in[i]);
	if (i < 2 || i > 3)
		return false;
	if (i < n) {
		if ((in[i] != '-' && in[i] != '_') || n - i != 3)
			return false;
		tag[i++] = '-';
		for (; i < n; i++) {
			if (!isalpha((unsigned char)in[i]))
				return false;
			tag[i] = (char)toupper((unsigned char)in[i]);
		}
	}
	memcpy(out, tag, sizeof(tag));
	return true;
}

const char *language_of_country(const char *country)
{
	if (!country || strlen(country) != 2 || country[0] == ' ' || country[1] == ' ')
		return NULL;
	for (size_t i = 0; i < WA_ARRAY_LEN(readers); i++)
		if (strstr(readers[i].countries, country))
			return readers[i].language;
	return NULL;
}

static void add(char out[LANGUAGE_CHOICES][LANGUAGE_SIZE], size_t *n, const char *tag)
{
	char one[LANGUAGE_SIZE];

	if (!language_normalise(tag, one) || *n == LANGUAGE_CHOICES)
		return;
	for (size_t i = 0; i < *n; i++)
		if (strcmp(out[i], one) == 0)
			return;
	memcpy(out[(*n)++], one, sizeof(one));
}

static void add_both(char out[LANGUAGE_CHOICES][LANGUAGE_SIZE], size_t *n, const char *tag)
{
	char plain[LANGUAGE_SIZE];
	size_t len = tag ? strcspn(tag, "-_") : 0;

	/* "zh-Hant-TW" and the like keep at least their language */
	if (len < 2 || len > 3)
		return;
	add(out, n, tag);
	memcpy(plain, tag, len);
	plain[len] = 0;
	add(out, n, plain);
}

size_t language_choices(const char *locale, const char *country, const char *fallback,
			char out[LANGUAGE_CHOICES][LANGUAGE_SIZE])
{
	size_t n = 0;

	add_both(out, &n, locale);
	add_both(out, &n, language_of_country(country));
	add_both(out, &n, fallback);
	add_both(out, &n, "en");
	return n;
}
