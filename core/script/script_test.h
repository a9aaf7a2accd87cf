/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SCRIPT_TEST_H
#define WB_SCRIPT_TEST_H

/*
 * `warbler script test`: conversations written as plain Lua tables, played against a
 * script in the simulated world. scripts/TESTING.md is the manual of the tables.
 */
#include <jansson.h>
#include <stdio.h>
#include <wa/error.h>

struct wb_script_test_opts {
	bool verbose;		/* every test, and what the script logged */
	bool json;		/* a line of JSON for each test, for machines */
	const char *only;	/* tests whose name holds this; NULL all */
	FILE *out;
};

struct wb_script_test_result {
	size_t passed, failed;
};

/* path: the script ("x.lua", with "x_test.lua" beside it) or the test file. <0: it could not be
 * run at all (no such file, no test in it, the test file has an error). */
int wb_script_test(const char *path, const struct wb_script_test_opts *o, struct wb_script_test_result *ret_r,
		   struct wa_err *err) WA_MUST_USE;

/* ---- parts: test_file.c, test_match.c ---- */

#define TEST_LINE "@line"	/* member of every table read from a test file */
#define TEST_LIST "@list"	/* its values 1..n */

/* What the file returns: every table an object with TEST_LINE and TEST_LIST. */
int test_file_read(const char *path, json_t **ret_doc, struct wa_err *err);
int test_file_text(const char *path, char **ret_text, size_t *ret_len, struct wa_err *err);
int test_line(const json_t *table, int fallback);
/* The table as ordinary JSON: an array when it has only values 1..n. New reference. */
json_t *test_plain(const json_t *v);
/* Every member of `want` is in `got` and matches; texts that are patterns: {"pattern": "..."}. */
bool test_subset(const json_t *want, const json_t *got);
/* Does this act (wb_sim_acts) match what is expected of a message? why: what differs, as lines "expected: …\n got: …". */
bool test_message(const json_t *want, const json_t *act, char *why, size_t size);
bool test_pattern(const char *text, const char *pattern);	/* Lua's string.find */

#endif
