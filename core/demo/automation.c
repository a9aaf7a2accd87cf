/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that nobody has to write: a rule in Lua, and a rule without code. */
#include "priv.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 2	/* between two looks whether a script runs */

static const char hours_lua[] =
	"-- Change this and save: it is loaded anew. scripts/README.md has every function.\n"
	"local wb = require \"warbler\"\n"
	"\n"
	"wb.on(\"message.received\", { contains = \"open\", group = false }, function(msg)\n"
	"\tlocal hours, zone = \"mon-fri 09:00-18:00; sat 10-14\", \"America/New_York\"\n"
	"\tif wb.hours.is_open(hours, zone) then\n"
	"\t\tmsg:reply(\"We are open right now, come in!\")\n"
	"\telse\n"
	"\t\tmsg:reply(\"We are closed right now. Our opening hours: \" .. hours)\n"
	"\tend\n"
	"end)\n";

static void rule_path(const struct demo *d, const char *name, char *out, size_t size)
{
	(void)snprintf(out, size, "%s/scripts/%s", d->dir, name);
}

int demo_rule_save(struct demo *d)
{
	int64_t until = wb_loop_now_ms(d->loop) + DEMO_STEP_MS;
	char path[512];
	FILE *f;

	rule_path(d, "hours.lua", path, sizeof(path));
	f = fopen(path, "we");
	if (!f)
		return demo_fail(d, "%s cannot be written", path);
	fputs(hours_lua, f);
	if (fclose(f))
		return demo_fail(d, "%s cannot be written", path);
	(void)snprintf(d->note, sizeof(d->note), "hours.lua in the scripts folder");
	while (wb_loop_now_ms(d->loop) < until) {
		const json_t *s;
		json_t *all;
		bool runs = false;
		size_t i;

		if (demo_rest(d, "GET", "/v1/scripts", NULL, &all))
			return -1;
		json_array_foreach(json_object_get(all, "scripts"), i, s)
			runs = runs || (strcmp(demo_text(s, "name"), "hours") == 0 &&
					strcmp(demo_text(s, "state"), "running") == 0);
		json_decref(all);
		if (runs)
			return 0;
		demo_pause(d, LOOK_MS);
	}
	return demo_fail(d, "%s does not run", path);
}

/* A customer writes to the shop; then what the phone shows. */
static int ask(struct demo *d, const char *number, const char *question, const char *word)
{
	char path[64], id[64];

	(void)snprintf(path, sizeof(path), "/accounts/%s/messages", number);
	if (demo_phone(d, "POST", path, json_pack("{s:s, s:s}", "to", DEMO_SHOP, "text", question), NULL))
		return -1;
	(void)snprintf(d->note, sizeof(d->note), "\"%s\"", question);
	return demo_await_text(d, number, word, "", id, &d->show);
}

int demo_rule_ask(struct demo *d)
{
	return ask(d, DEMO_OMAR, "Are you open today?", "right now");
}

int demo_reply_make(struct demo *d)
{
	(void)snprintf(d->note, sizeof(d->note), "a rule without code, by REST");
	return demo_rest(d, "POST", "/v1/autoreply/rules",
			 json_pack("{s:s, s:s, s:[s, s], s:[s]}", "name", "prices", "session", "shop", "patterns",
				   "price", "how much", "replies",
				   "Hello {{first_name}}, a scarf is $42.50 and a tea glass $9.50."), NULL);
}

int demo_reply_ask(struct demo *d)
{
	return ask(d, DEMO_MONA, "How MUCH is a scarf?", "$42.50");
}

static bool is_as_written(const struct demo *d)
{
	char path[512], text[sizeof(hours_lua) + 1];
	size_t n;
	FILE *f;

	rule_path(d, "hours.lua", path, sizeof(path));
	f = fopen(path, "re");
	if (!f)
		return true;
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	return n == sizeof(hours_lua) - 1 && memcmp(text, hours_lua, n) == 0;
}

void demo_scripts_keep(const struct demo *d)
{
	char from[512], to[512];
	bool changed = !is_as_written(d);
	const struct dirent *e;
	DIR *dir;

	rule_path(d, "", from, sizeof(from));
	dir = opendir(from);
	while (dir && (e = readdir(dir)))
		changed = changed || (e->d_name[0] != '.' && strcmp(e->d_name, "hours.lua") != 0);
	if (dir)
		closedir(dir);
	(void)snprintf(to, sizeof(to), "%s-scripts", d->dir);
	if (changed && rename(from, to) == 0)
		printf("Your scripts are in %s\n", to);
}
