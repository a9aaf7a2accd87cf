/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AUTOREPLY_RULE_H
#define AUTOREPLY_RULE_H

/*
 * A rule: its document as the owner wrote it (README.md), and what is made of
 * it once. Pure: no host, no clock, no randomness; those are arguments.
 */
#include "said.h"
#include "template.h"
#include "when.h"

#define RULE_ID_SIZE 27
#define RULE_PATTERNS_MAX 64
#define RULE_PATTERN_MAX 512		/* bytes */
#define RULE_REPLIES_MAX 32
#define RULE_PARTS_MAX 8
#define RULE_DOC_MAX (256u << 10)	/* bytes of the document as JSON */
#define RULE_DELAY_MAX_MS (60 * 60 * 1000)
#define RULE_TYPING_MAX_MS 25000	/* WhatsApp hides "typing" after about that long */
#define RULE_GROUPS WB_REGEX_GROUPS_MAX

enum match_kind { MATCH_ANY, MATCH_EXACT, MATCH_CONTAINS, MATCH_STARTS, MATCH_ENDS, MATCH_WORD, MATCH_REGEX,
		  MATCH_FUZZY };
enum scope { SCOPE_PRIVATE, SCOPE_GROUPS, SCOPE_ALL, SCOPE_CHOSEN };

/* Why a rule fires or does not; rule_verdict_str() has the words. */
enum verdict {
	V_FIRES,
	/* it is not about this message */
	V_OFF, V_SESSION, V_OWN, V_SCOPE, V_NOT_LISTED, V_DENIED, V_KIND, V_NOT_MENTIONED, V_TEXT, V_STOPPED,
	/* it is, but not now: suppressed */
	V_SUPPRESSED_FROM,
	V_NOT_FIRST = V_SUPPRESSED_FROM, V_TOO_OLD, V_HOURS, V_COOLDOWN_CHAT, V_COOLDOWN_RULE, V_DAILY_LIMIT,
	V_HELD, V_PAUSED, V_OPTED_OUT, V_REFUSED,
	V_COUNT
};

struct pattern {
	struct wa_buf text;		/* folded as the rule says */
	struct wb_regex *regex;		/* MATCH_REGEX */
};

struct reply {
	int weight;
	json_t *parts;			/* borrowed from doc: array of part documents (reply.h) */
};

struct rule {
	char id[RULE_ID_SIZE];
	json_t *doc;			/* complete, as GET shows it without id and times */
	int64_t created_ms, updated_ms;
	const char *name, *session;	/* of doc; session "" all */
	int64_t priority;
	bool enabled, stop;
	int match, form;		/* enum match_kind, enum said_form */
	unsigned similarity;		/* percent */
	struct pattern *patterns;
	size_t n_patterns;
	int scope;
	struct who_list chats, allow, deny;
	bool mentioned, first_contact, quote, outside_hours;
	json_t *kinds;			/* borrowed; NULL all */
	bool has_hours;
	struct wb_hours hours;
	const char *zone;		/* "" UTC */
	const char *language;		/* of dates in templates; "" English */
	int64_t max_age_ms;		/* -1: the plugin's */
	int64_t cooldown_chat_ms, cooldown_rule_ms, daily_limit;
	int64_t delay_ms[2], typing_ms[2];
	const char *react;		/* "" none */
	struct reply replies[RULE_REPLIES_MAX];
	size_t n_replies;
	int total_weight;
};

/* What a regular expression took: in the text of the form that was matched. */
struct matched {
	const struct pattern *by;	/* NULL: MATCH_ANY */
	struct wa_span text;
	struct wb_regex_group groups[RULE_GROUPS + 1];
	size_t n;
};

/* doc is copied. WA_EINVALID with a sentence; zones checks the zone's name. */
int rule_new(const char *id, const json_t *doc, struct wb_zones *zones, struct rule **ret, char why[WHY_SIZE])
	WA_MUST_USE;
void rule_free(struct rule *r);		/* NULL allowed */

/* Is the rule about this message? V_FIRES, or why not. ret (NULL allowed) is for templates. */
int rule_selects(const struct rule *r, struct said *m, struct matched *ret);

/* What was before, about one rule and one chat. */
struct past {
	int64_t last_chat_ms, last_rule_ms;	/* of this rule; 0 never */
	int64_t today;				/* answers of this rule in this chat */
	bool held, paused, opted_out;
};
/* May it fire now? V_FIRES, or why not. default_max_age_ms: when the rule has none. */
int rule_may(const struct rule *r, const struct said *m, const struct past *p, int64_t now_ms,
	     int64_t default_max_age_ms, const struct wb_zone *zone);

const char *rule_verdict_str(int verdict);	/* "cooldown_chat" */
/* Of the replies, by weight; number: random. NULL: the rule only reacts. */
const struct reply *rule_pick(const struct rule *r, uint32_t number);
/* A time between both ends. */
int64_t rule_between(const int64_t range[2], uint32_t number);
struct wb_template_env rule_env(const struct rule *r);	/* how its templates speak */
/* Day number in the rule's zone: what the daily limit counts by. */
int64_t rule_day(const struct wb_zone *zone, int64_t now_ms);

#endif
