/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "script_cmd.h"

#include <doc.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <script_test.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <world_sim.h>
#include "script_new.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

static const char usage_text[] =
	"usage: warbler script test  [--verbose] [--json] [--only TEXT] FILE...\n"
	"       warbler script new   NAME [FOLDER]\n"
	"       warbler script check FILE...\n"
	"       warbler script api   [--stub]\n"
	"\n"
	"test   plays the conversations of NAME_test.lua against NAME.lua, without WhatsApp and in no time.\n"
	"       --json: a line for each test, for machines. Exit code 1 when one fails.\n"
	"new    a commented start: NAME.lua and NAME_test.lua in FOLDER (this one).\n"
	"check  does it load? Says file, line and reason when not.\n"
	"api    everything a script can call, as a page; --stub: as annotations for an editor (LuaLS).\n";

static int usage(void)
{
	fputs(usage_text, stderr);
	return EXIT_USAGE;
}

/* ---- test ---- */

static int cmd_test(int argc, char **argv)
{
	static const struct option longs[] = { { "verbose", no_argument, NULL, 'v' }, { "json", no_argument, NULL, 'j' },
					       { "only", required_argument, NULL, 'o' }, { NULL, 0, NULL, 0 } };
	struct wb_script_test_opts o = { .out = stdout };
	struct wb_script_test_result sum = { 0 };
	int opt, code = EXIT_DONE;

	while ((opt = getopt_long(argc, argv, "v", longs, NULL)) != -1) {
		switch (opt) {
		case 'v': o.verbose = true; break;
		case 'j': o.json = true; break;
		case 'o': o.only = optarg; break;
		default: return usage();
		}
	}
	if (optind == argc)
		return usage();
	for (int i = optind; i < argc; i++) {
		struct wb_script_test_result r;
		struct wa_err err = WA_ERR_INIT;

		if (wb_script_test(argv[i], &o, &r, &err) < 0) {
			fprintf(stderr, "warbler: %s\n", err.msg);
			code = EXIT_FAILED;
		}
		sum.passed += r.passed;
		sum.failed += r.failed;
	}
	if (!o.json)
		printf("%zu passed, %zu failed\n", sum.passed, sum.failed);
	return sum.failed ? EXIT_FAILED : code;
}

/* ---- check ---- */

static int check_one(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	struct wb_sim *sim = wb_sim_new(0);
	struct wb_scripts *sc = NULL;
	struct wa_err err = WA_ERR_INIT;
	char *text = NULL, name[64], dir[4096];
	size_t len = 0;
	int r;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	r = test_file_text(path, &text, &len, &err);
	if (r == 0)
		r = wb_scripts_new(&(struct wb_scripts_opts){ .world = wb_sim_world(sim), .shipped = dir }, &sc, &err);
	if (r == 0)
		r = wb_scripts_start(sc, &err);
	if (r == 0)
		r = wb_scripts_load(sc, name, wa_span(text, len), &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.msg);
	else
		printf("%s: fine\n", path);
	if (sc) {
		wb_scripts_stop(sc);
		(void)wb_sim_run(sim);
		wb_scripts_free(sc);
	}
	wb_sim_free(sim);
	free(text);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int cmd_check(int argc, char **argv)
{
	int code = EXIT_DONE;

	if (argc < 2)
		return usage();
	for (int i = 1; i < argc; i++)
		if (check_one(argv[i]) != EXIT_DONE)
			code = EXIT_FAILED;
	return code;
}

/* ---- new ---- */

/* text with @NAME@ replaced; never over a file that is there. */
static int write_new(const char *path, const char *text, const char *name)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	const char *at;
	int bad;

	if (!f) {
		fprintf(stderr, "warbler: %s: %s\n", path, strerror(errno));
		return EXIT_FAILED;
	}
	while ((at = strstr(text, "@NAME@"))) {
		fwrite(text, 1, (size_t)(at - text), f);
		fputs(name, f);
		text = at + 6;
	}
	fputs(text, f);
	bad = ferror(f);
	if (fclose(f) != 0 || bad) {
		fprintf(stderr, "warbler: %s: it could not be written\n", path);
		return EXIT_FAILED;
	}
	printf("%s\n", path);
	return EXIT_DONE;
}

static int cmd_new(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "", *dir = argc > 2 ? argv[2] : ".";
	char path[4200];
	int code;

	if (argc < 2 || argc > 3)
		return usage();
	if (!*name || *name == '-' || strlen(name) > WB_SCRIPT_NAME_MAX ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(name)) {
		fprintf(stderr, "warbler: %s: a name of a-z, 0-9, _ and - (not first), at most %d\n", name, WB_SCRIPT_NAME_MAX);
		return EXIT_USAGE;
	}
	snprintf(path, sizeof(path), "%s/%s.lua", dir, name);
	code = write_new(path, wb_script_new_text, name);
	if (code != EXIT_DONE)
		return code;
	snprintf(path, sizeof(path), "%s/%s_test.lua", dir, name);
	code = write_new(path, wb_script_new_test, name);
	if (code == EXIT_DONE)
		printf("now: warbler script test %s/%s.lua; it runs once it is in the scripts folder (scripts.dir)\n", dir,
		       name);
	return code;
}

/* ---- api ---- */

static int cmd_api(int argc, char **argv)
{
	bool stub = argc == 2 && strcmp(argv[1], "--stub") == 0, bad;
	struct wa_buf out;

	if (argc > 2 || (argc == 2 && !stub))
		return usage();
	wa_buf_init(&out, WB_SCRIPT_DOC_MAX);
	if (stub)
		wb_script_doc_stub(&out);
	else
		wb_script_doc_page(&out);
	bad = out.failed || fwrite(out.ptr, 1, out.len, stdout) != out.len;
	wa_buf_clear(&out);
	return bad ? EXIT_FAILED : EXIT_DONE;
}

int wb_script_main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "", *last = argc > 1 ? argv[argc - 1] : "";

	if (strcmp(last, "--help") == 0 || strcmp(last, "-h") == 0) {
		fputs(usage_text, stdout);
		return EXIT_DONE;
	}
	optind = 1;
	if (strcmp(verb, "test") == 0)
		return cmd_test(argc - 1, argv + 1);
	if (strcmp(verb, "new") == 0)
		return cmd_new(argc - 1, argv + 1);
	if (strcmp(verb, "check") == 0)
		return cmd_check(argc - 1, argv + 1);
	if (strcmp(verb, "api") == 0)
		return cmd_api(argc - 1, argv + 1);
	return usage();
}
