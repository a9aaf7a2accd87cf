/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PHONE_H
#define WB_PHONE_H

/*
 * Phone numbers: a text in any spelling becomes "+E.164", and that becomes the
 * list of numbers under which WhatsApp may know the person.
 *
 * Parsing and validation are libphonenumber's. It is C++, so it lives in a
 * module of its own, libwarbler_phone.so, which the first call loads: the file
 * $WARBLER_PHONE_SHIM when set, else lib/ or ../lib/ seen from the executable or
 * from the plugin that holds this code, else the installed library folder.
 * Without the module only strict E.164 ("+" and 8 to 15 digits) is accepted, and
 * everything else is refused with the reason "module_missing";
 * wb_phone_module_error() says why it was not loaded.
 *
 * Before parsing the text is cleaned: digits of other scripts become ASCII,
 * invisible direction marks go, "00" becomes "+", an extension is cut. Two
 * national habits that libphonenumber does not know any more are repaired:
 * Mexico's "1" after +52 and its 044/045/01, and Brazil's mobile numbers of
 * eight digits.
 *
 * All functions are safe on any thread and never block on the network.
 */
#include "base.h"

#define WB_PHONE_E164_SIZE 32
#define WB_PHONE_REASON_SIZE 64
#define WB_PHONE_TEXT_MAX 128		/* bytes of input looked at; longer is refused */
#define WB_PHONE_CANDIDATES 4
#define WB_PHONE_PARTS 4

/*
 * text -> "+966551234567". country: ISO 3166 two letters, the one assumed when
 * the text has no country code; NULL or "" when there is none.
 * WA_EINVALID with one of these words in reason: "empty", "too_long",
 * "not_a_number", "missing_country", "unknown_country", "invalid_number",
 * "module_missing".
 */
int wb_phone_parse(const char *text, const char *default_country, char out_e164[32],
		   char reason[64]) WA_MUST_USE;

/* The region that uses this number: "SA". 1, or 0 when there is none or no module. */
int wb_phone_country(const char *e164, char ret_country[3]) WA_MUST_USE;

/* The numbers to ask WhatsApp about, best first; the first is e164 itself or
 * its current form. Brazil with and without the mobile 9, Mexico with and
 * without the 1, Argentina with the 9. Returns how many, at least 1. */
size_t wb_phone_candidates(const char *e164, char out[WB_PHONE_CANDIDATES][32]);

/* "0551234567 / 0557654321" -> its numbers, as texts. Returns how many. */
size_t wb_phone_split(const char *text, char out[WB_PHONE_PARTS][WB_PHONE_TEXT_MAX]);

/* "+E.164" that parsing would give back as it is, so that whoever asks WhatsApp anyway needs no
 * library: no outdated spelling of Brazil, Mexico or Argentina, no zero behind the country code. */
bool wb_phone_plain(const char *text);

/* The first number costs some 80 ms and 18 MiB: wb_phone_warm() is for a pool's thread, before a
 * thread that must not wait asks. */
bool wb_phone_ready(void);
void wb_phone_warm(void *unused);

/* NULL when the module is loaded, else why it is not. */
const char *wb_phone_module_error(void);

#endif
