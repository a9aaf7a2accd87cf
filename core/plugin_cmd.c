/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin_cmd.h"

#include <base.h>
#include <errno.h>
#include <plugin_file.h>
#include <sys/stat.h>

#include "plugin_new_c.h"
#include "plugin_new_cmake.h"
#include "plugin_new_readme.h"
#include "plugin_new_test.h"

#define PLACE "@NAME@"

static int usage(void)
{
	fputs("usage: warbler plugin new NAME [--dir DIR]   a plugin that builds and does something, in DIR/NAME\n"
	      "       warbler plugin check FILE.so          what it exports and asks for, and whether it can be loaded\n",
	      stderr);
	return 2;
}

/* One file of the project; a file that is there is never touched. */
static int write_file(const char *dir, const char *file, const char *name, const unsigned char *text, size_t len)
{
	const char *p = (const char *)text, *end = p + len;
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "wxe");
	if (!f) {
		fprintf(stderr, "warbler: %s: %s\n", path, strerror(errno));
		return -1;
	}
	while (p < end) {
		const char *at = memmem(p, (size_t)(end - p), PLACE, strlen(PLACE));
		size_t n = (size_t)((at ? at : end) - p);

		fwrite(p, 1, n, f);
		p += n;
		if (at) {
			fputs(name, f);
			p += strlen(PLACE);
		}
	}
	if (fclose(f) != 0) {
		fprintf(stderr, "warbler: %s: %s\n", path, strerror(errno));
		return -1;
	}
	return 0;
}

static int cmd_new(const char *name, const char *parent)
{
	char dir[3072], file[64];

	/* it is also a name of C */
	if (!wb_plugin_name_ok(name) || (*name >= '0' && *name <= '9')) {
		fprintf(stderr, "warbler: a plugin's name: a letter, then [a-z0-9_], at most %d\n", WB_PLUGIN_NAME_MAX);
		return 2;
	}
	(void)snprintf(dir, sizeof(dir), "%s/%s", parent, name);
	(void)snprintf(file, sizeof(file), "%s.c", name);
	if (mkdir(dir, 0777) < 0 && errno != EEXIST) {
		fprintf(stderr, "warbler: %s: %s\n", dir, strerror(errno));
		return 1;
	}
	if (write_file(dir, file, name, wb_plugin_new_c, wb_plugin_new_c_len) ||
	    write_file(dir, "test.c", name, wb_plugin_new_test, wb_plugin_new_test_len) ||
	    write_file(dir, "CMakeLists.txt", name, wb_plugin_new_cmake, wb_plugin_new_cmake_len) ||
	    write_file(dir, "README.md", name, wb_plugin_new_readme, wb_plugin_new_readme_len))
		return 1;
	printf("%s\nnext: cd %s && cmake -B build && cmake --build build && ctest --test-dir build\n", dir, dir);
	return 0;
}

int wb_plugin_main(int argc, char **argv)
{
	const char *name = NULL, *dir = ".";

	if (argc == 3 && strcmp(argv[1], "check") == 0)
		return wb_plugin_check_file(argv[2]);
	if (argc < 3 || strcmp(argv[1], "new") != 0)
		return usage();
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
			dir = argv[++i];
		else if (!name && argv[i][0] != '-')
			name = argv[i];
		else
			return usage();
	}
	return name ? cmd_new(name, dir) : usage();
}
