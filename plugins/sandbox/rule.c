/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "group.h"

/* An answer a rule has promised. */
struct sb_reply {
	struct wa_list link;
	struct sb_timer timer;
	struct sb_account *a, *peer;
	char *text;
	char *id; /* of the message it answers */
	char group[32]; /* the group it is said in; "" none */
	int server;
	bool quote, read_first, typing;
};

void sb_rule_clear(struct sb_rule *r)
{
	free(r->text);
	free(r->reply);
	r->text = r->reply = NULL;
}

int sb_rule_add(struct sb_account *a, json_t *o, struct wa_err *err)
{
	const char *match = "any", *text = "", *reply = "";
	json_int_t delay = 0, times = -1;
	int quote = 0, read_first = 0, typing = 0;
	struct sb_rule *grown, *r;

	if (json_unpack(o, "{s?s s?s s?s s?I s?I s?b s?b s?b}", "match", &match, "text", &text,
			"reply", &reply, "delay_ms", &delay, "times", &times, "quote", &quote,
			"read", &read_first, "typing", &typing))
		return wa_err_set(
			err, WA_EINVALID,
			"a rule has match, text, reply, delay_ms, times, quote, read, typing");
	if (strcmp(match, "any") != 0 && strcmp(match, "contains") != 0 &&
	    strcmp(match, "equals") != 0)
		return wa_err_set(err, WA_EINVALID, "match is any, contains or equals");
	if (delay < 0 || delay > 86400000 || times < -1 || strlen(text) > SB_TEXT_MAX ||
	    strlen(reply) > SB_TEXT_MAX)
		return wa_err_set(err, WA_EINVALID,
				  "a number or text of the rule is out of bounds");
	if (a->n_rules >= SB_RULES_MAX)
		return wa_err_set(err, WA_ELIMIT, "a phone has at most %d rules", SB_RULES_MAX);
	grown = realloc(a->rules, (a->n_rules + 1) * sizeof(*grown));
	if (!grown)
		return wa_err_set(err, WA_ENOMEM, "no memory for a rule");
	a->rules = grown;
	r = &a->rules[a->n_rules];
	memset(r, 0, sizeof(*r));
	r->id = ++a->s->next_rule;
	sb_copy(r->match, sizeof(r->match), match);
	r->text = sb_strdup(text);
	r->reply = sb_strdup(reply);
	r->delay_ms = delay;
	r->times = (int32_t)(times > INT32_MAX ? INT32_MAX : times);
	r->quote = quote;
	r->read_first = read_first;
	r->typing = typing;
	if (!r->text || !r->reply) {
		sb_rule_clear(r);
		return wa_err_set(err, WA_ENOMEM, "no memory for a rule");
	}
	a->n_rules++;
	return 0;
}

json_t *sb_rule_json(const struct sb_rule *r)
{
	return json_pack("{sI ss ss ss sI si sb sb sb}", "id", (json_int_t)r->id, "match", r->match,
			 "text", r->text, "reply", r->reply, "delay_ms", (json_int_t)r->delay_ms,
			 "times", (int)r->times, "quote", r->quote, "read", r->read_first, "typing",
			 r->typing);
}

static void reply_free(struct sandbox *s, struct sb_reply *r)
{
	sb_timer_del(s, &r->timer);
	wa_list_del(&r->link);
	free(r->text);
	free(r->id);
	free(r);
}

void sb_replies_clear(struct sandbox *s, const struct sb_account *of)
{
	struct wa_list *l, *tmp;

	WA_LIST_EACH_SAFE(l, tmp, &s->replies)
	{
		struct sb_reply *r = container_of(l, struct sb_reply, link);

		if (!of || r->a == of || r->peer == of)
			reply_free(s, r);
	}
}

static void fire(void *arg)
{
	struct sb_reply *r = arg;
	struct sb_account *a = r->a;
	SB_ERR(err);

	if (r->group[0]) {
		struct sb_group *g = sb_group_by_id(a->s, r->group);

		if (g && *r->text &&
		    sb_group_say(g, a, r->text, r->quote ? r->id : NULL, NULL, &err))
			sb_log(a->s, WA_WARN, "sandbox.rule_failed", "error", err.msg);
		reply_free(a->s, r);
		return;
	}
	if (r->read_first && !a->sink) {
		sb_phone_read(a, r->peer);
	} else if (r->read_first) {
		struct wa_jid chat = sb_user_jid(r->peer, r->server);
		const char *id = r->id;

		sb_sim_receipt(a->devices[0]->sim, &chat, &id, 1, "read", NULL);
	}
	if (r->typing)
		sb_phone_says_typing(a, r->peer, false);
	if (*r->text && sb_phone_text(a, r->peer, r->text, r->quote ? r->id : NULL, NULL, &err))
		sb_log(a->s, WA_WARN, "sandbox.rule_failed", "error", err.msg);
	reply_free(a->s, r);
}

static bool contains(struct wa_span text, struct wa_span part)
{
	for (size_t i = 0; i + part.len <= text.len; i++)
		if (wa_span_ieq(wa_span(text.ptr + i, part.len), part))
			return true;
	return part.len == 0;
}

static bool matches(const struct sb_rule *r, struct wa_span text)
{
	if (r->times == 0)
		return false;
	if (strcmp(r->match, "any") == 0)
		return true;
	if (strcmp(r->match, "equals") == 0)
		return wa_span_ieq(wa_span_trim(text), wa_span_str(r->text));
	return contains(text, wa_span_str(r->text));
}

void sb_rules_apply(struct sb_account *a, const struct sb_incoming *in)
{
	struct sb_rule *rule = NULL;
	struct sb_reply *r;

	for (size_t i = 0; i < a->n_rules && !rule; i++)
		if (matches(&a->rules[i], in->m->text))
			rule = &a->rules[i];
	if (!rule || in->m->kind != WA_MSG_TEXT)
		return;
	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	r->a = a;
	r->peer = in->chat;
	r->server = in->server;
	r->text = sb_strdup(rule->reply);
	r->id = sb_strdup(in->id);
	if (in->group)
		sb_copy(r->group, sizeof(r->group), in->group->id);
	r->quote = rule->quote;
	r->read_first = rule->read_first;
	r->typing = rule->typing;
	wa_list_push_back(&a->s->replies, &r->link);
	if (!r->text || !r->id) {
		reply_free(a->s, r);
		return;
	}
	if (rule->times > 0)
		rule->times--;
	if (rule->typing && !in->group)
		sb_phone_says_typing(a, in->chat, true);
	sb_timer_set(a->s, &r->timer, sb_now(a->s) + rule->delay_ms, fire, r);
}
