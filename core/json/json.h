/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_JSON_H
#define WB_JSON_H

/*
 * json_unpack_ex() whose errors can be shown to whoever sent the document: they name the member.
 *
 *	"priority: expected integer, got string"	"name: missing"		"nmae: not known here"
 *
 * What is wrong with an element of a list names the list. Everything else is jansson's; ret_error NULL: not wanted.
 */
#include <jansson.h>
#include <stddef.h>

int wb_json_unpack(const json_t *doc, json_error_t *ret_error, size_t flags, const char *format, ...);

#endif
