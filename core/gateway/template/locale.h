/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_TEMPLATE_LOCALE_H
#define WB_TEMPLATE_LOCALE_H

/*
 * How languages write numbers, money and dates. A locale is "ll" or "ll-RR"
 * ("_" also); what is not in the table is written as in English.
 */
#include "base.h"

enum wb_date_order { WB_DATE_DMY, WB_DATE_MDY, WB_DATE_YMD };
enum wb_date_form { WB_DATE_SHORT, WB_DATE_LONG, WB_DATE_TIME, WB_DATE_DATETIME };

struct wb_locale {
	const char *language;
	const char *decimal, *group;	/* separators */
	uint32_t zero;			/* the digit 0 of its script */
	int order;			/* enum wb_date_order, of the short form */
	const char *date_separator;	/* of the short form */
	const char *long_form;		/* D, M, Y stand for day, month name, year */
	bool money_first;		/* the currency stands before the amount */
	bool rtl;
	const char *const *months;	/* twelve names */
};

/* Never NULL. The result is a copy: regions change single fields. */
struct wb_locale wb_locale_get(const char *name);

/* Decimal text ("-1234.50", digits ASCII) in the locale's form. min_decimals pads with zeros;
 * trailing zeros beyond it are dropped. WA_EINVALID when `number` is none. */
int wb_locale_number(const struct wb_locale *l, struct wa_span number, size_t min_decimals,
		     struct wa_buf *out) WA_MUST_USE;

/* The same with the currency's usual decimals and its sign or code beside it. */
int wb_locale_money(const struct wb_locale *l, struct wa_span amount, const char *currency,
		    struct wa_buf *out) WA_MUST_USE;

/* Wall-clock time: offset_s east of UTC. */
void wb_locale_date(const struct wb_locale *l, int64_t unix_s, int32_t offset_s, int form,
		    struct wa_buf *out);

/* "+03:00", "Z", or a name of the system's time zone database -> seconds east of UTC at that
 * moment. 1 found, 0 unknown. */
int wb_zone_offset(const char *zone, int64_t unix_s, int32_t *ret_offset) WA_MUST_USE;

/* RFC 3339 ("2026-10-20T14:05:11+03:00"; the zone may be missing, the time as well).
 * *ret_offset is INT32_MIN when the text names none. WA_EINVALID otherwise. */
int wb_time_parse(struct wa_span text, int64_t *ret_unix_s, int32_t *ret_offset) WA_MUST_USE;

#endif
