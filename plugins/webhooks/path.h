/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_PATH_H
#define WEBHOOKS_PATH_H

/*
 * Conditions on a JSON document, a small and bounded part of JSONPath:
 *
 *	{"path": "$.data.items[*].sku", "op": "eq", "value": "A-1"}
 *
 * Path: keys joined by dots, ["any key"], [2] (from 0), [-1] (from the end),
 * [*] (every element of a list); a leading "$." may be left out. A condition
 * holds when one of the places the path leads to satisfies it; `ne` and
 * `missing` when none does.
 *
 *	eq ne		equal to value, any JSON; numbers by their value
 *	in		equal to one of the values of a list
 *	contains	a text that holds the value, or a list with such an element
 *	exists missing	without value; null is a value
 *	gt ge lt le	two numbers, or two texts (so that RFC 3339 times compare)
 *	regex		a text in which RE2 finds the value: linear time
 *
 * Bounds: PATH_MAX_LEN bytes, PATH_STEPS steps, VALUE_MAX_LEN bytes of value,
 * PATH_NODES places looked at in one evaluation.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define PATH_MAX_LEN  256
#define PATH_STEPS    16
#define VALUE_MAX_LEN 1024
#define PATH_NODES    10000
#define WHY_MAX       200

struct condition;

/* From its JSON form. WA_EINVALID with why, WA_ENOMEM. The caller frees. */
int condition_new(const json_t *o, struct condition **ret, char why[WHY_MAX]);
void condition_free(struct condition *c); /* NULL allowed */
bool condition_holds(const struct condition *c, const json_t *root);

#endif
