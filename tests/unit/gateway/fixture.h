/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TEST_GATEWAY_FIXTURE_H
#define TEST_GATEWAY_FIXTURE_H

/* A gateway in a folder of its own, with a clock that only the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gateway.h>

struct fix {
	struct wb_gateway *gw;
	char dir[64];
	int64_t now;
};

/* extra: Lua text, NULL none. Opens the folder again when fix->dir is set. */
void fix_open(struct fix *f, const char *extra);
void fix_close(struct fix *f);		/* keeps the folder */
void fix_remove(struct fix *f);
/* Turns the loop until *flag or for 5 s, and fails the test then. */
void fix_until(struct fix *f, const int *flag);
void fix_settle(struct fix *f);		/* until nothing is pending */
void fix_emit(struct fix *f, const char *kind, const char *json);
int fix_commit(struct fix *f, struct wb_tx *take_tx);	/* commits, waits, returns the code */

#endif
