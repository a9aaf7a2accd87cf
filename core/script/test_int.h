/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_TEST_INT_H
#define WB_TEST_INT_H

/* Between test_run.c (what happens) and test_expect.c (what is expected). */
#include <string.h>
#include "flow.h"
#include "script_test.h"
#include "sim_int.h"

#define WHY_MAX 4096

struct run {
	const struct wb_script_test_opts *o;
	const char *path;		/* of the test file */
	char script[WB_SCRIPT_NAME_MAX + 1];
	char *dir;			/* of the script: its lib/ is there */
	char *source;
	size_t source_len;
	const json_t *file, *test;
	struct wb_sim *sim;
	struct wb_scripts *sc;
	const char *who;		/* who wrote last */
	size_t seen;			/* acts that were looked at */
	int line;			/* of the step */
	bool error_expected;
	char why[WHY_MAX];		/* "" all is well */
};

/* Why the test failed, into r->why. False. */
bool test_fail(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* No message was sent that was not looked at; else it fails. */
bool test_nothing_left(struct run *r, const char *expected);
/* All that the step expects. */
bool test_expectations(struct run *r, const json_t *step);
/* "" none */
static inline const char *get_text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static inline const char *chat_of(struct run *r, const json_t *step)
{
	return *get_text(step, "chat") ? get_text(step, "chat") : r->who;
}

#endif
