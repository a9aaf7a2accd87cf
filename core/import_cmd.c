/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "import_cmd.h"

#include <dirent.h>
#include <errno.h>
#include <import.h>
#include <sys/stat.h>

#include <base.h>

#define PASSPHRASE_ENV "WARBLER_PASSPHRASE"

static int read_file(const char *path, size_t max, struct wa_buf *out, struct wa_err *err)
{
	FILE *f = fopen(path, "rbe");
	uint8_t chunk[65536];
	size_t n;

	if (!f)
		return wa_err_detail(err, WA_EIO, errno, "%s: %s", path, strerror(errno));
	wa_buf_init(out, max);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		wa_buf_put(out, chunk, n);
	fclose(f);
	return wa_buf_end(out, err);
}

/* Every *.json of the folder, by its name. */
static int read_folder(const char *dir, json_t *files, struct wa_err *err)
{
	DIR *d = opendir(dir);
	size_t total = 0;
	struct dirent *e;
	int r = 0;

	if (!d)
		return wa_err_detail(err, WA_EIO, errno, "%s: %s", dir, strerror(errno));
	while (r == 0 && (e = readdir(d))) {
		size_t len = strlen(e->d_name);
		char path[4096];
		struct wa_buf b;

		if (len < 6 || strcmp(e->d_name + len - 5, ".json") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		wa_buf_init(&b, 0);
		r = read_file(path, WB_IMPORT_FILE_MAX - total, &b, err);
		total += b.len;
		if (r == 0)
			json_object_set_new(files, e->d_name,
					    json_loadb((const char *)b.ptr, b.len, JSON_DECODE_ANY, NULL));
		wa_buf_wipe(&b);
	}
	closedir(d);
	return r;
}

static int open_source(struct wb_import *i, char **argv, const char *device, char name[129], struct wa_err *err)
{
	const char *pass = getenv(PASSPHRASE_ENV);
	json_t *files = json_object();
	struct wa_buf b;
	int r;

	wa_buf_init(&b, WB_IMPORT_FILE_MAX);
	if (strcmp(argv[0], "baileys") == 0) {
		r = read_folder(argv[1], files, err);
		if (r == 0)
			r = wb_import_baileys(i, files, err);
	} else {
		r = read_file(argv[1], WB_IMPORT_FILE_MAX, &b, err);
		if (r == 0 && strcmp(argv[0], "whatsmeow") == 0)
			r = wb_import_whatsmeow(i, wa_buf_view(&b), device ? device : "", err);
		else if (r == 0 && !pass)
			r = wa_err_set(err, WA_EINVALID, "the passphrase is taken from $" PASSPHRASE_ENV);
		else if (r == 0)
			r = wb_bundle_open(wa_buf_view(&b), pass, i, name, err);
	}
	wa_buf_wipe(&b);
	json_decref(files);
	return r;
}

static void on_stored(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	(void)res;
	*(int *)ctx = code;
	if (code)
		fprintf(stderr, "warbler: %s\n", err->msg);
}

int wb_import_cmd(struct wb_gateway *gw, int argc, char **argv, const char *session, const char *device)
{
	char id[DB_SESSION_ID_MAX + 1], name[129] = "";
	struct wa_err err = WA_ERR_INIT;
	struct wb_import_opts o = { .id = session };
	struct wb_import i = { 0 };
	int code = WA_EINTERNAL, r;
	char *text;

	if (argc != 2 || (strcmp(argv[0], "baileys") != 0 && strcmp(argv[0], "whatsmeow") != 0 &&
			  strcmp(argv[0], "bundle") != 0))
		return WA_EINVALID;
	r = wb_import_begin(&i, argv[0], &err);
	if (r == 0)
		r = open_source(&i, argv, device, name, &err);
	o.name = name[0] ? name : NULL;
	if (r == 0)
		r = wb_import_store(gw, &i, &o, id, on_stored, &code, &err);
	if (r == 0) {
		db_flush(gw->db);
		r = code;
		text = json_dumps(i.report, JSON_INDENT(2));
		if (r == 0)
			printf("%s\nsession %s: stopped; start it when the other program has ended for good\n", text, id);
		free(text);
	} else {
		fprintf(stderr, "warbler: %s\n", err.msg);
		r = WA_EIO;
	}
	wb_import_end(&i);
	return r;
}
