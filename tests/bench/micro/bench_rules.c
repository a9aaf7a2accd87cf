/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a message costs against 1,000 rules of autoreply none of which means it:
 * each kind of match by itself, and a mixture. Folding of the message included.
 * One JSON line per figure; memory: what a rule takes while it is loaded.
 */
#include <rule.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RULES 1000
#define MESSAGES 200

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct rule *make(const char *match, int i)
{
	char pattern[64], why[WHY_SIZE];
	struct rule *r = NULL;
	json_t *doc;

	snprintf(pattern, sizeof(pattern), strcmp(match, "regex") == 0 ? "^(order|parcel) #?%d( please)?$" : "keyword %d",
		 i * 37);
	doc = json_pack("{s:s, s:[s], s:[s]}", "match", match, "patterns", pattern, "replies", "Thank you, {{name}}.");
	if (!doc || rule_new("01R", doc, NULL, &r, why) < 0) {
		fprintf(stderr, "bench_rules: %s\n", why);
		exit(1);
	}
	json_decref(doc);
	return r;
}

static void judge(struct rule *const *rules, json_t *data)
{
	struct said m = { .first = 0 };
	struct matched by;

	if (!said_read(&m, "shop", data, false, "", ""))
		exit(1);
	for (int i = 0; i < RULES; i++)
		if (rule_selects(rules[i], &m, &by) == V_FIRES)
			exit(1);
	said_clear(&m);
}

static void bench(const char *name, const char *const *kinds, size_t n)
{
	static struct rule *rules[RULES];
	json_t *data = json_pack("{s:{s:s}, s:{s:s}, s:s, s:s, s:s}", "chat", "jid", "12025550123@s.whatsapp.net", "sender",
				 "jid", "12025550123@s.whatsapp.net", "kind", "text", "timestamp", "2026-11-22T12:00:00Z",
				 "text", "Olá, bom dia! Where is my order please, I have waited for two weeks now?");
	size_t before = mallinfo2().uordblks;
	double start;

	for (int i = 0; i < RULES; i++)
		rules[i] = make(kinds[(size_t)i % n], i);
	judge(rules, data);	/* automata are made when they are first used */
	printf("{\"name\":\"rules.%s.bytes\",\"bytes_each\":%zu}\n", name, (mallinfo2().uordblks - before) / RULES);
	start = cpu_s();
	for (int i = 0; i < MESSAGES; i++)
		judge(rules, data);
	printf("{\"name\":\"rules.%s\",\"us_each\":%.2f}\n", name, (cpu_s() - start) / MESSAGES * 1e6);
	for (int i = 0; i < RULES; i++)
		rule_free(rules[i]);
	json_decref(data);
}

int main(void)
{
	static const char *const all[] = { "exact", "contains", "starts", "ends", "word", "regex", "fuzzy" };

	for (size_t i = 0; i < WA_ARRAY_LEN(all); i++)
		bench(all[i], all + i, 1);
	bench("mixed", all, WA_ARRAY_LEN(all) - 1);
	return 0;
}
