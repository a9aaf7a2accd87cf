/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does a rule mean this message, and may it answer now? */
#include "rule.h"

static const char *const verdicts[V_COUNT] = {
	[V_FIRES] = "fires", [V_OFF] = "off", [V_SESSION] = "other_session", [V_OWN] = "own_message",
	[V_SCOPE] = "scope", [V_NOT_LISTED] = "not_allowed", [V_DENIED] = "denied", [V_KIND] = "kind",
	[V_NOT_MENTIONED] = "not_mentioned", [V_TEXT] = "text", [V_STOPPED] = "stopped_by_earlier_rule",
	[V_NOT_FIRST] = "not_first_contact", [V_TOO_OLD] = "too_old", [V_HOURS] = "hours",
	[V_COOLDOWN_CHAT] = "cooldown_chat", [V_COOLDOWN_RULE] = "cooldown_rule", [V_DAILY_LIMIT] = "daily_limit",
	[V_HELD] = "held", [V_PAUSED] = "paused", [V_OPTED_OUT] = "opted_out", [V_REFUSED] = "refused",
};

const char *rule_verdict_str(int verdict)
{
	return verdict >= 0 && verdict < V_COUNT ? verdicts[verdict] : "?";
}

static bool names(const struct who_list *l, const struct said *m)
{
	return who_list_has(l, m->sender) || who_list_has(l, m->sender_lid) || who_list_has(l, m->chat) ||
	       who_list_has(l, m->chat_lid);
}

static int in_scope(const struct rule *r, const struct said *m)
{
	if ((r->scope == SCOPE_PRIVATE && m->group) || (r->scope == SCOPE_GROUPS && !m->group))
		return V_SCOPE;
	if (r->scope == SCOPE_CHOSEN && !who_list_has(&r->chats, m->chat) && !who_list_has(&r->chats, m->chat_lid))
		return V_SCOPE;
	return V_FIRES;
}

static bool is_kind(const struct rule *r, const char *kind)
{
	json_t *v;
	size_t i;

	json_array_foreach(r->kinds, i, v)
		if (strcmp(json_string_value(v), kind) == 0)
			return true;
	return !r->kinds;
}

static bool ends_with(struct wa_span s, struct wa_span end)
{
	return s.len >= end.len && memcmp(s.ptr + s.len - end.len, end.ptr, end.len) == 0;
}

static bool one_matches(const struct rule *r, const struct pattern *p, struct wa_span s, struct matched *ret)
{
	struct wa_span want = wa_buf_view(&p->text);

	switch (r->match) {
	case MATCH_EXACT:
		return wa_span_eq(s, want);
	case MATCH_CONTAINS:
		return s.len >= want.len && memmem(s.ptr, s.len, want.ptr, want.len);
	case MATCH_STARTS:
		return s.len >= want.len && memcmp(s.ptr, want.ptr, want.len) == 0;
	case MATCH_ENDS:
		return ends_with(s, want);
	case MATCH_WORD:
		return wb_fold_has_words(s, want);
	case MATCH_FUZZY:
		return wb_similar(s, want) >= r->similarity;
	case MATCH_REGEX:
		if (!ret)
			return wb_regex_match(p->regex, s, 0, NULL, 0) == 1;
		ret->n = wb_regex_groups(p->regex) + 1;
		return wb_regex_match(p->regex, s, 0, ret->groups, ret->n) == 1;
	default:
		return true;
	}
}

static bool text_matches(const struct rule *r, struct said *m, struct matched *ret)
{
	struct wa_span s;

	if (ret)
		*ret = (struct matched){ .by = NULL };
	if (r->match == MATCH_ANY)
		return true;
	if (m->text.len == 0)
		return false;
	s = said_text(m, r->form);
	for (size_t i = 0; i < r->n_patterns; i++) {
		if (one_matches(r, &r->patterns[i], s, ret)) {
			if (ret) {
				ret->by = &r->patterns[i];
				ret->text = s;
			}
			return true;
		}
	}
	return false;
}

int rule_selects(const struct rule *r, struct said *m, struct matched *ret)
{
	if (!r->enabled)
		return V_OFF;
	if (*r->session && strcmp(r->session, m->session) != 0)
		return V_SESSION;
	if (m->own)
		return V_OWN;
	if (in_scope(r, m) != V_FIRES)
		return V_SCOPE;
	if (r->mentioned && m->group && !m->mentioned)
		return V_NOT_MENTIONED;
	if (!is_kind(r, m->kind))
		return V_KIND;
	if (!text_matches(r, m, ret))
		return V_TEXT;
	if (names(&r->deny, m))
		return V_DENIED;
	if (r->allow.n > 0 && !names(&r->allow, m))
		return V_NOT_LISTED;
	return V_FIRES;
}

int rule_may(const struct rule *r, const struct said *m, const struct past *p, int64_t now_ms,
	     int64_t default_max_age_ms, const struct wb_zone *zone)
{
	int64_t max_age = r->max_age_ms >= 0 ? r->max_age_ms : default_max_age_ms;

	if (r->first_contact && (m->group || m->first != 1))
		return V_NOT_FIRST;
	if (m->ts_ms < now_ms - max_age)
		return V_TOO_OLD;
	if (r->has_hours && wb_hours_open(&r->hours, zone, now_ms) == r->outside_hours)
		return V_HOURS;
	if (p->held)
		return V_HELD;
	if (p->paused)
		return V_PAUSED;
	if (p->opted_out)
		return V_OPTED_OUT;
	if (r->cooldown_chat_ms && p->last_chat_ms && now_ms < p->last_chat_ms + r->cooldown_chat_ms)
		return V_COOLDOWN_CHAT;
	if (r->cooldown_rule_ms && p->last_rule_ms && now_ms < p->last_rule_ms + r->cooldown_rule_ms)
		return V_COOLDOWN_RULE;
	if (r->daily_limit && p->today >= r->daily_limit)
		return V_DAILY_LIMIT;
	return V_FIRES;
}

const struct reply *rule_pick(const struct rule *r, uint32_t number)
{
	int left = r->total_weight > 0 ? (int)(number % (uint32_t)r->total_weight) : 0;

	for (size_t i = 0; i < r->n_replies; i++) {
		left -= r->replies[i].weight;
		if (left < 0)
			return &r->replies[i];
	}
	return NULL;
}

int64_t rule_between(const int64_t range[2], uint32_t number)
{
	return range[0] + (int64_t)(number % (uint64_t)(range[1] - range[0] + 1));
}
