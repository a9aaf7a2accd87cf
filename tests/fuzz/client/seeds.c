/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_seeds seeds.txt DIR: makes the corpus files of the client target. A line is
 *	NAME WHO tag key=value ... 'content { child ... } { child ... }
 * with one space between words; WHO as in client_fuzz.c; a value that is a JID is written as one.
 */
#include <base.h>
#include <wa/node.h>

#include <stdio.h>
#include <stdlib.h>

#define LINE 4096

static char *word(char **at)
{
	char *w = *at, *end = strchr(w, ' ');

	if (end)
		*end++ = '\0';
	*at = end ? end : w + strlen(w);
	return w;
}

static void attribute(struct wa_arena *a, struct wa_node *n, char *w, char *eq)
{
	struct wa_jid jid;

	*eq++ = '\0';
	if (strchr(eq, '@') && wa_jid_parse(wa_span_str(eq), &jid, NULL) == 0)
		wa_node_attr_jid(a, n, w, &jid);
	else
		wa_node_attr(a, n, w, eq);
}

/* Up to the end or the brace that closes. */
static void fill(struct wa_arena *a, struct wa_node *n, char **at)
{
	while (**at) {
		char *w = word(at), *eq;

		if (strcmp(w, "}") == 0)
			return;
		if (strcmp(w, "{") == 0)
			fill(a, wa_node_child(a, n, word(at)), at);
		else if (*w == '\'')
			wa_node_data(a, n, wa_span(wa_arena_dup(a, w + 1, strlen(w + 1)), strlen(w + 1)));
		else if ((eq = strchr(w, '=')))
			attribute(a, n, w, eq);
		else
			exit(2);
	}
}

static int make(const char *dir, char *line)
{
	char *name = word(&line), *who = word(&line), path[512];
	struct wa_arena a;
	struct wa_node *n;
	struct wa_buf b;
	FILE *f = NULL;
	int rc = -1;

	wa_arena_init(&a, 1u << 20);
	wa_buf_init(&b, 1u << 20);
	n = wa_node_new(&a, word(&line));
	fill(&a, n, &line);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (wa_node_encode(n, &b, NULL) == 0)
		f = fopen(path, "wb");
	if (f && fputc((int)strtol(who, NULL, 10), f) != EOF && fwrite(b.ptr, 1, b.len, f) == b.len)
		rc = 0;
	if (f && fclose(f))
		rc = -1;
	if (rc)
		fprintf(stderr, "%s: not made\n", path);
	wa_buf_clear(&b);
	wa_arena_clear(&a);
	return rc;
}

int main(int argc, char **argv)
{
	static char line[LINE];
	FILE *f = argc == 3 ? fopen(argv[1], "r") : NULL;
	int rc = 0;

	if (!f)
		return 2;
	while (rc == 0 && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && line[0] != '#')
			rc = make(argv[2], line);
	}
	fclose(f);
	return rc ? 1 : 0;
}
