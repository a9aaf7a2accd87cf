/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WEBHOOKS_COMMANDS_H
#define WEBHOOKS_COMMANDS_H

/*
 * What an answer may ask for, when the owner allows it:
 *
 *	{"commands": [{"type": "reply", "text": "Hello"}, {"type": "react", "emoji": "👍"}]}
 *
 * Each becomes a request to the REST API, with the checks of that route. All
 * but `send` are about the event's own chat or message.
 *
 *	reply		text or content; quote: true quotes the event's message
 *	send		to, text or content
 *	react		emoji ("" takes it back)
 *	mark_read	typing		release
 *	forward		to
 *	hold		owner ("human"), minutes (60)
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "path.h"

#define COMMAND_PATH_MAX 512

int command_kind(const char *name); /* -1: there is none */

struct command {
	const char *method;
	char path[COMMAND_PATH_MAX];
	json_t *body; /* NULL: none; the caller frees */
};
/* The request for one command about the event `doc`. allowed: bits of the kinds. false: why. */
bool command_make(const json_t *o, const json_t *doc, uint32_t allowed, struct command *ret,
		  char why[WHY_MAX]);

#endif
