/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a rule's document to what is compared, and its errors as sentences. */
#include "rule.h"

#include <json.h>
#include "reply.h"
#include "text.h"

static const char *const match_names[] = { "any", "exact", "contains", "starts", "ends", "word", "regex", "fuzzy" };
static const char *const scope_names[] = { "private", "groups", "all", "chosen" };

#define DAY_MS INT64_C(86400000)

static int wrong(char why[WHY_SIZE], const char *text)
{
	snprintf(why, WHY_SIZE, "%s", text);
	return WA_EINVALID;
}

static int name_index(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

/* 500 or [500, 2000] */
static int read_range(const json_t *v, const char *name, int64_t max, int64_t ret[2], char why[WHY_SIZE])
{
	ret[0] = ret[1] = 0;
	if (!v || json_is_null(v))
		return WA_OK;
	if (json_is_integer(v)) {
		ret[0] = ret[1] = json_integer_value(v);
	} else if (json_array_size(v) == 2 && json_is_integer(json_array_get(v, 0)) &&
		   json_is_integer(json_array_get(v, 1))) {
		ret[0] = json_integer_value(json_array_get(v, 0));
		ret[1] = json_integer_value(json_array_get(v, 1));
	} else {
		ret[0] = -1;
	}
	if (ret[0] >= 0 && ret[0] <= ret[1] && ret[1] <= max)
		return WA_OK;
	snprintf(why, WHY_SIZE, "%s: milliseconds or [least, most], at most %lld", name, (long long)max);
	return WA_EINVALID;
}

static int read_pattern(struct rule *r, const json_t *v, bool nocase, char why[WHY_SIZE])
{
	struct pattern *p = &r->patterns[r->n_patterns];
	const char *text = json_string_value(v);
	struct wb_regex_err err;

	if (!text || !*text || json_string_length(v) > RULE_PATTERN_MAX || strlen(text) != json_string_length(v))
		return wrong(why, "patterns: each a text of 1 to 512 bytes");
	r->n_patterns++;
	if (r->match == MATCH_REGEX) {
		wa_buf_init(&p->text, 1);
		if (wb_regex_compile(wa_span_str(text), nocase ? WB_REGEX_NOCASE : 0, &p->regex, &err) == 0)
			return WA_OK;
		snprintf(why, WHY_SIZE, "patterns: '%.80s', character %u: %.120s", text, err.column, err.msg);
		return WA_EINVALID;
	}
	said_fold(wa_span_str(text), r->form, &p->text);
	if (p->text.failed)
		return wrong(why, "out of memory");
	if (p->text.len > 0)
		return WA_OK;
	snprintf(why, WHY_SIZE, "patterns: nothing is left of '%.60s' when it is compared", text);
	return WA_EINVALID;
}

static int read_match(struct rule *r, const json_t *patterns, const char *match, bool with_case, bool with_marks,
		      char why[WHY_SIZE])
{
	size_t n = json_is_string(patterns) ? 1 : json_array_size(patterns);
	int code = WA_OK;

	r->match = name_index(match_names, WA_ARRAY_LEN(match_names), match);
	if (r->match < 0)
		return wrong(why, "match: any, exact, contains, starts, ends, word, regex or fuzzy");
	if ((r->match == MATCH_ANY) != (n == 0))
		return wrong(why, n ? "patterns: a rule that matches any message has none" : "patterns: one or more texts");
	if (n > RULE_PATTERNS_MAX)
		return wrong(why, "patterns: at most 64");
	r->form = (with_case ? 0 : SAID_CASE) | (with_marks ? 0 : SAID_MARKS);
	if (r->match == MATCH_REGEX)
		r->form &= ~SAID_CASE;	/* the pattern knows it itself */
	else if (r->match == MATCH_WORD || r->match == MATCH_FUZZY)
		r->form = SAID_WORDS;
	r->patterns = n ? calloc(n, sizeof(*r->patterns)) : NULL;
	if (n && !r->patterns)
		return wrong(why, "out of memory");
	for (size_t i = 0; i < n && code == WA_OK; i++)
		code = read_pattern(r, json_is_string(patterns) ? patterns : json_array_get(patterns, i), !with_case,
				    why);
	return code;
}

static int read_reply(struct rule *r, const json_t *v, char why[WHY_SIZE])
{
	const struct wb_regex *patterns[RULE_PATTERNS_MAX];
	struct reply *reply = &r->replies[r->n_replies];
	const json_t *weight = json_object_get(v, "weight");
	const char *key;
	json_t *part, *ignored;
	size_t i;

	reply->weight = weight ? (int)json_integer_value(weight) : 1;
	reply->parts = json_object_get(v, "parts");
	if (!json_is_array(reply->parts) || json_array_size(reply->parts) < 1 ||
	    json_array_size(reply->parts) > RULE_PARTS_MAX)
		return wrong(why, "replies: each has 1 to 8 parts");
	if ((weight && !json_is_integer(weight)) || reply->weight < 1 || reply->weight > 1000)
		return wrong(why, "replies: weight is 1 to 1000");
	json_object_foreach((json_t *)(uintptr_t)v, key, ignored)
		if (strcmp(key, "weight") != 0 && strcmp(key, "parts") != 0) {
			snprintf(why, WHY_SIZE, "replies: %.40s is not known beside parts", key);
			return WA_EINVALID;
		}
	for (i = 0; i < r->n_patterns; i++)
		patterns[i] = r->patterns[i].regex;
	json_array_foreach(reply->parts, i, part)
		if (reply_part_check(part, patterns, r->match == MATCH_REGEX ? r->n_patterns : 0, why) < 0)
			return WA_EINVALID;
	r->total_weight += reply->weight;
	r->n_replies++;
	return WA_OK;
}

/* "text", or one part, or {"parts": […]}: all become the last. Changes doc. */
static int normal_replies(json_t *doc, char why[WHY_SIZE])
{
	json_t *list = json_object_get(doc, "replies"), *all = json_array(), *v;
	size_t i;

	json_array_foreach(list, i, v) {
		json_t *part;

		if (json_is_string(v)) {
			json_array_append_new(all, json_pack("{s:[{s:O}]}", "parts", "text", v));
			continue;
		}
		if (json_object_get(v, "parts")) {
			json_array_append(all, v);
			continue;
		}
		part = json_copy(v);
		json_object_del(part, "weight");
		json_array_append_new(all, json_object_get(v, "weight")
						   ? json_pack("{s:O, s:[o]}", "weight", json_object_get(v, "weight"),
							       "parts", part)
						   : json_pack("{s:[o]}", "parts", part));
	}
	if (list && !json_is_array(list)) {
		json_decref(all);
		return wrong(why, "replies: a list");
	}
	return json_object_set_new(doc, "replies", all) == 0 ? WA_OK : wrong(why, "out of memory");
}

static int read_replies(struct rule *r, char why[WHY_SIZE])
{
	json_t *v;
	size_t i;

	if (normal_replies(r->doc, why) < 0)
		return WA_EINVALID;
	if (json_array_size(json_object_get(r->doc, "replies")) > RULE_REPLIES_MAX)
		return wrong(why, "replies: at most 32");
	json_array_foreach(json_object_get(r->doc, "replies"), i, v)
		if (read_reply(r, v, why) < 0)
			return WA_EINVALID;
	if (r->n_replies == 0 && !*r->react)
		return wrong(why, "a rule needs replies, or react with an emoji");
	return WA_OK;
}

static int read_lists(struct rule *r, const json_t *chats, const json_t *allow, const json_t *deny, const char *scope,
		      char why[WHY_SIZE])
{
	r->scope = name_index(scope_names, WA_ARRAY_LEN(scope_names), scope);
	if (r->scope < 0)
		return wrong(why, "scope: private, groups, all or chosen");
	if (who_list_read(chats, "chats", &r->chats, why) < 0 || who_list_read(allow, "allow", &r->allow, why) < 0 ||
	    who_list_read(deny, "deny", &r->deny, why) < 0)
		return WA_EINVALID;
	if ((r->scope == SCOPE_CHOSEN) != (r->chats.n > 0))
		return wrong(why, "chats: needed for scope chosen, and only there");
	return WA_OK;
}

static int read_times(struct rule *r, const char *hours, struct wb_zones *zones, char why[WHY_SIZE])
{
	const struct wb_zone *zone;
	struct wa_err err = WA_ERR_INIT;

	if (*r->zone && (!zones || wb_zones_get(zones, r->zone, &zone, &err) != 1)) {
		snprintf(why, WHY_SIZE, "zone: %.200s", err.msg);
		return WA_EINVALID;
	}
	if (*hours && wb_hours_parse(hours, &r->hours, &err) < 0) {
		snprintf(why, WHY_SIZE, "hours: %.200s", err.msg);
		return WA_EINVALID;
	}
	r->has_hours = *hours != 0;
	if (!r->has_hours && r->outside_hours)
		return wrong(why, "outside_hours: needs hours");
	return WA_OK;
}

static int read_kinds(struct rule *r, json_t *kinds, char why[WHY_SIZE])
{
	json_t *v;
	size_t i;

	if (kinds && !json_is_array(kinds))
		return wrong(why, "kinds: a list of kinds of messages");
	json_array_foreach(kinds, i, v)
		if (!json_is_string(v) || i >= 32)
			return wrong(why, "kinds: at most 32 texts such as \"image\"");
	r->kinds = json_array_size(kinds) ? kinds : NULL;
	return WA_OK;
}

struct numbers {
	json_int_t priority, similarity, max_age_s, chat_s, rule_s, daily;
};

static int check_numbers(struct rule *r, const struct numbers *n, char why[WHY_SIZE])
{
	const struct {
		const char *name;
		json_int_t value, min, max;
	} all[] = {
		{ "priority", n->priority, -1000000, 1000000 }, { "similarity", n->similarity, 1, 100 },
		{ "max_age_s", n->max_age_s, -1, 30 * 86400 }, { "cooldown_chat_s", n->chat_s, 0, 366 * 86400 },
		{ "cooldown_rule_s", n->rule_s, 0, 366 * 86400 }, { "daily_limit", n->daily, 0, 1000000 },
	};

	for (size_t i = 0; i < WA_ARRAY_LEN(all); i++)
		if (all[i].value < all[i].min || all[i].value > all[i].max) {
			snprintf(why, WHY_SIZE, "%s: %lld to %lld", all[i].name, (long long)all[i].min,
				 (long long)all[i].max);
			return WA_EINVALID;
		}
	r->priority = n->priority;
	r->similarity = (unsigned)n->similarity;
	r->max_age_ms = n->max_age_s < 0 ? -1 : 1000 * n->max_age_s;
	r->cooldown_chat_ms = 1000 * n->chat_s;
	r->cooldown_rule_ms = 1000 * n->rule_s;
	r->daily_limit = n->daily;
	return WA_OK;
}

static int read_doc(struct rule *r, struct wb_zones *zones, char why[WHY_SIZE])
{
	const char *match = "contains", *scope = "private", *hours = "";
	json_t *patterns = NULL, *chats = NULL, *allow = NULL, *deny = NULL, *kinds = NULL, *replies = NULL,
	       *delay = NULL, *typing = NULL;
	int enabled = 1, stop = 1, with_case = 0, with_marks = 0, mentioned = 0, first = 0, quote = 0, outside = 0;
	struct numbers n = { .similarity = 80, .max_age_s = -1 };
	json_error_t je;

	r->name = r->session = r->zone = r->react = r->language = "";
	if (wb_json_unpack(r->doc, &je, JSON_STRICT,
			   "{s?s, s?b, s?s, s?I, s?b, s?s, s?o, s?b, s?b, s?I, s?s, s?o, s?o, s?o, s?b, s?o, s?s, s?s, "
			   "s?b, s?I, s?b, s?o, s?s, s?b, s?o, s?o, s?I, s?I, s?I, s?s}",
			   "name", &r->name, "enabled", &enabled, "session", &r->session, "priority", &n.priority,
			   "stop", &stop, "match", &match, "patterns", &patterns, "case_sensitive", &with_case,
			   "diacritics_sensitive", &with_marks, "similarity", &n.similarity, "scope", &scope, "chats",
			   &chats, "allow", &allow, "deny", &deny, "mentioned", &mentioned, "kinds", &kinds, "hours",
			   &hours, "zone", &r->zone, "outside_hours", &outside, "max_age_s", &n.max_age_s,
			   "first_contact", &first, "replies", &replies, "react", &r->react, "quote", &quote,
			   "delay_ms", &delay, "typing_ms", &typing, "cooldown_chat_s", &n.chat_s, "cooldown_rule_s",
			   &n.rule_s, "daily_limit", &n.daily, "language", &r->language)) {
		snprintf(why, WHY_SIZE, "%s", je.text);
		return WA_EINVALID;
	}
	r->enabled = enabled;
	r->stop = stop;
	r->mentioned = mentioned;
	r->first_contact = first;
	r->quote = quote;
	r->outside_hours = outside;
	if (strlen(r->name) > 200 || strlen(r->session) > 64 || strlen(r->react) > 64 || strlen(r->zone) > 64 ||
	    strlen(r->language) > 16)
		return wrong(why, "name, session, zone, language or react is too long");
	if (check_numbers(r, &n, why) < 0 || read_match(r, patterns, match, with_case, with_marks, why) < 0 ||
	    read_lists(r, chats, allow, deny, scope, why) < 0 || read_kinds(r, kinds, why) < 0 ||
	    read_times(r, hours, zones, why) < 0 ||
	    read_range(delay, "delay_ms", RULE_DELAY_MAX_MS, r->delay_ms, why) < 0 ||
	    read_range(typing, "typing_ms", RULE_TYPING_MAX_MS, r->typing_ms, why) < 0)
		return WA_EINVALID;
	return read_replies(r, why);
}

int rule_new(const char *id, const json_t *doc, struct wb_zones *zones, struct rule **ret, char why[WHY_SIZE])
{
	struct rule *r = calloc(1, sizeof(*r));
	json_t *copy = json_is_object(doc) ? json_deep_copy(doc) : NULL;

	if (!r || !copy) {
		free(r);
		json_decref(copy);
		return wrong(why, "a rule is an object");
	}
	r->doc = copy;
	snprintf(r->id, sizeof(r->id), "%s", id);
	why[0] = 0;
	if (json_dumpb(copy, NULL, 0, JSON_COMPACT) > RULE_DOC_MAX || read_doc(r, zones, why) < 0) {
		if (!why[0])
			snprintf(why, WHY_SIZE, "a rule has at most 256 KiB");
		rule_free(r);
		return WA_EINVALID;
	}
	*ret = r;
	return WA_OK;
}

void rule_free(struct rule *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_patterns; i++) {
		wb_regex_free(r->patterns[i].regex);
		wa_buf_clear(&r->patterns[i].text);
	}
	free(r->patterns);
	who_list_clear(&r->chats);
	who_list_clear(&r->allow);
	who_list_clear(&r->deny);
	json_decref(r->doc);
	free(r);
}

struct wb_template_env rule_env(const struct rule *r)
{
	return (struct wb_template_env){ .locale = *r->language ? r->language : NULL,
					 .zone = *r->zone ? r->zone : "UTC" };
}

int64_t rule_day(const struct wb_zone *zone, int64_t now_ms)
{
	int64_t offset = zone ? wb_zone_seconds(zone, now_ms / 1000) : 0;

	return (now_ms + offset * 1000) / DAY_MS;
}
