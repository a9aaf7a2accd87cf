/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BROADCAST_PERSON_H
#define BROADCAST_PERSON_H

/*
 * Who is meant. A person is known by a phone number, a LID, or both; the same
 * person under two spellings is one. A document about a person, in lists and
 * among recipients, is
 *
 *	{"to": what we write to, "phone", "lid", "name", "vars": {"city": "Riyadh"}}
 *
 * The keyed hash of an identity ("pn:12025550123", "lid:1234") is its look-up.
 */
#include "broadcast.h"

#define PERSON_DOC_MAX 16384	/* bytes of the document as JSON */
#define PERSON_VARS_MAX 32
#define PERSON_VALUE_MAX 1024	/* bytes of a variable */

struct person {
	char phone[32];		/* "+12025550123"; "" unknown */
	char lid[64];		/* "1234@lid"; "" unknown */
};

/* Any spelling: a number (country: two letters for those without a code, NULL none), a JID of a
 * person, a LID. WA_EINVALID with a word in reason: empty, not_a_person, or phone_parse()'s. */
int person_read(struct bc *b, const char *text, const char *country, struct person *ret, char reason[64])
	WA_MUST_USE;
/* PERSON of an event or an answer: {"jid", "lid", "phone"}. False: nobody. */
bool person_of(const json_t *o, struct person *ret);

const char *person_to(const struct person *p);	/* what we write to: the number, else the LID */
/* The key of one identity; false: that form is unknown. */
bool person_phone_key(struct bc *b, const struct person *p, uint8_t ret[KEY_SIZE]);
bool person_lid_key(struct bc *b, const struct person *p, uint8_t ret[KEY_SIZE]);
void person_key(struct bc *b, const struct person *p, uint8_t ret[KEY_SIZE]);	/* of person_to() */

/* A document from {"to", "name", "vars"}; new reference, NULL with a word in reason. */
json_t *person_doc(struct bc *b, const json_t *in, const char *country, struct person *ret, char reason[64]);
json_t *person_doc_make(const struct person *p, const char *name, json_t *take_vars);

#endif
