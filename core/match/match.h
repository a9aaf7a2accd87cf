/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_MATCH_H
#define WB_MATCH_H

/*
 * Comparing what people type with what somebody expects: folding, regular
 * expressions that cannot hang, and distance between words. The one home of
 * these, for plugins (they link wb_match) and for scripts.
 *
 * All functions are pure and safe on any thread. Text is UTF-8; a broken byte
 * counts as U+FFFD and never ends the work.
 */
#include "base.h"

/* ---- folding ---- */

/*
 * As comparable words: lower case, without diacritics, Arabic letter variants
 * and tatweel; digits of any script as ASCII; punctuation as spaces, but '?'
 * kept as a word of its own, since a question is no answer; each pictograph a
 * word of its own, without skin tone and presentation marks ("1️⃣" is "1");
 * three or more equal letters as one. Words are separated by one space.
 * Appends to out, whose maximum should be 4 * in.len + 16; no terminating NUL.
 */
void wb_fold(struct wa_span in, struct wa_buf *out);

#define WB_FOLD_CASE 1u		/* lower case: Latin, Greek, Cyrillic, Armenian, full width */
#define WB_FOLD_MARKS 2u	/* without diacritics and vowel signs, Arabic letter variants as one */
#define WB_FOLD_SPACE 4u	/* white space trimmed, runs of it as one space */

/* Only what flags say; punctuation stays. Invisible characters (direction marks, joiners, emoji
 * presentation) go always. Appends to out; same size as above. */
void wb_fold_text(struct wa_span in, unsigned flags, struct wa_buf *out);

/* Does text from wb_fold() hold these words (folded too), whole? "code" does not hold "cod". */
bool wb_fold_has_words(struct wa_span folded, struct wa_span words);

/* ---- distance ---- */

#define WB_DISTANCE_MAX 64	/* characters of a word that are looked at; longer is "far" unless equal */

/*
 * Damerau-Levenshtein (optimal string alignment): how many characters must be
 * inserted, deleted, replaced or swapped with their neighbour to make b of a.
 * Anything above limit comes back as limit + 1. Fold both sides first.
 */
unsigned wb_distance(struct wa_span a, struct wa_span b, unsigned limit);

/* How many errors a word of this many bytes may have and still be meant: 0 up to 3, 1 up to 7, else 2. */
unsigned wb_distance_allowed(size_t len);

/*
 * How much of `words` stands in `text`, both from wb_fold(), in percent: words
 * count by their length, one with errors within wb_distance_allowed() counts
 * less. 100: all of them, exactly, in any order. At most 64 words of each side.
 */
unsigned wb_similar(struct wa_span text, struct wa_span words);

/* ---- regular expressions ---- */

/*
 * RE2: time linear in text and pattern, memory bounded, no backreference and no
 * look-around. RE2 is C++, so it lives in a module, libwarbler_regex.so, which
 * the first wb_regex_compile() loads: the file $WARBLER_REGEX_SHIM when set, else
 * lib/ or ../lib/ seen from the executable or from the plugin that holds this
 * code, else the installed library folder. Nothing is spent when unused.
 */
#define WB_REGEX_PATTERN_MAX 1024	/* bytes */
#define WB_REGEX_MEMORY (1 << 20)	/* bytes one pattern may take, with its automaton */
#define WB_REGEX_GROUPS_MAX 16		/* capture groups, the whole match not counted */

#define WB_REGEX_NOCASE 1u	/* any case, all scripts */
#define WB_REGEX_DOTALL 2u	/* . takes a line end too */
#define WB_REGEX_MULTILINE 4u	/* ^ and $ also at line ends */
#define WB_REGEX_WHOLE 8u	/* must take the whole text */

struct wb_regex;

/* Why a pattern was refused. */
struct wb_regex_err {
	size_t offset;		/* bytes; of the piece that is wrong, 0 when RE2 does not say */
	unsigned column;	/* characters, from 1 */
	char msg[160];
};

/* One group: where in the text. Group 0 is the whole match. start SIZE_MAX: took no part. */
struct wb_regex_group {
	size_t start;
	size_t len;
};

/* WA_EINVALID: the pattern is wrong; WA_ELIMIT: too long, too many groups or too large;
 * WA_EUNSUPPORTED: no module. ret_err (NULL allowed) is filled for all three. */
int wb_regex_compile(struct wa_span pattern, unsigned flags, struct wb_regex **ret_regex,
		     struct wb_regex_err *ret_err) WA_MUST_USE;
void wb_regex_free(struct wb_regex *re);

/* The first match at or after `from`: 1 found, with groups[0 … n - 1] filled (n may be 0), else 0.
 * Text that is not UTF-8 matches nothing beyond its broken bytes. */
int wb_regex_match(const struct wb_regex *re, struct wa_span text, size_t from,
		   struct wb_regex_group *groups, size_t n) WA_MUST_USE;

size_t wb_regex_groups(const struct wb_regex *re);	/* without group 0 */
/* Of (?P<name>…), or NULL. Lives as long as re. */
const char *wb_regex_group_name(const struct wb_regex *re, size_t group);

#endif
