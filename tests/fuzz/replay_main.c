/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs files, or every file of folders, through a fuzz target: a regression
 * test that needs no fuzzer. Each input sits in a heap block of exactly its
 * size, so that the address sanitizer sees the first byte read past it.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static int run_path(const char *path, size_t *count);

static int run_file(const char *path, size_t len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(len ? len : 1);
	uint8_t *exact;

	if (!f || !data || fread(data, 1, len, f) != len) {
		fprintf(stderr, "%s: cannot read\n", path);
		exit(2);
	}
	fclose(f);
	/* size 0 must not point into a readable block */
	exact = len ? data : data + 1;
	(void)LLVMFuzzerTestOneInput(exact, len);
	free(data);
	return 0;
}

static int run_dir(const char *path, size_t *count)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int r = 0;

	if (!d) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 2;
	}
	while (r == 0 && (e = readdir(d)) != NULL) {
		char sub[PATH_MAX];

		if (e->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		r = run_path(sub, count);
	}
	closedir(d);
	return r;
}

static int run_path(const char *path, size_t *count)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 2;
	}
	if (S_ISDIR(st.st_mode))
		return run_dir(path, count);
	(*count)++;
	return run_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	size_t count = 0;

	for (int i = 1; i < argc; i++)
		if (run_path(argv[i], &count) != 0)
			return 2;
	printf("%zu inputs\n", count);
	return count > 0 ? 0 : 1;
}
