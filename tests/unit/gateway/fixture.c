/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "fixture.h"

static struct fix *the_fix;

static int64_t fake_now(void *ctx)
{
	(void)ctx;
	return the_fix->now;
}

void fix_open(struct fix *f, const char *extra)
{
	static const char base[] = "server = { port = 0 }\nplugins = { enabled = {}, dir = \"%s\" }\n"
				   "storage = { sync = \"normal\" }\ndata_dir = \"%s\"\n%s";
	char text[4096];
	struct wb_gateway_opts opts = { .log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC) };
	struct wb_config *c;
	struct wa_err err = WA_ERR_INIT;

	the_fix = f;
	if (!f->dir[0]) {
		snprintf(f->dir, sizeof(f->dir), "/tmp/warbler-test-XXXXXX");
		assert_non_null(mkdtemp(f->dir));
		f->now = 1700000000000;
	}
	snprintf(text, sizeof(text), base, TEST_BUILD_DIR "/tests/plugins", f->dir,
		 extra ? extra : "");
	if (wb_config_parse(wa_span_str(text), "test.lua", NULL, &c, &err) < 0)
		fail_msg("%s", err.msg);
	if (wb_gateway_new(c, &opts, &f->gw, &err) < 0)
		fail_msg("%s", err.msg);
	f->gw->env.now_ms = fake_now;
}

void fix_close(struct fix *f)
{
	wb_gateway_free(f->gw);
	f->gw = NULL;
}

static void remove_tree(const char *path)
{
	char sub[1024];
	struct dirent *e;
	DIR *d = opendir(path);

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (unlink(sub) < 0 && errno == EISDIR)
			remove_tree(sub);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

void fix_remove(struct fix *f)
{
	if (f->gw)
		fix_close(f);
	remove_tree(f->dir);
	f->dir[0] = 0;
}

void fix_until(struct fix *f, const int *flag)
{
	int64_t end = wb_loop_now_ms(f->gw->loop) + 5000;

	while (!*flag) {
		if (wb_loop_now_ms(f->gw->loop) > end)
			fail_msg("timed out");
		wb_loop_once(f->gw->loop, 20);
	}
}

void fix_settle(struct fix *f)
{
	for (int quiet = 0; quiet < 4;) {
		db_flush(f->gw->db);
		wb_loop_once(f->gw->loop, 0);
		quiet = f->gw->tx_pending ? 0 : quiet + 1;
	}
}

void fix_emit(struct fix *f, const char *kind, const char *json)
{
	struct wb_tx *tx = wb_tx_new(f->gw);

	wb_tx_event(tx, &(struct wb_event_new){ .kind = kind, .json = { json, strlen(json) } });
	assert_int_equal(fix_commit(f, tx), 0);
}

static void on_done(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	int *ret = ctx;

	(void)err;
	(void)res;
	*ret = code;
}

int fix_commit(struct fix *f, struct wb_tx *take_tx)
{
	int code = 1;

	wb_tx_commit(take_tx, on_done, &code);
	while (code == 1) {
		db_flush(f->gw->db);
		wb_loop_once(f->gw->loop, 0);
	}
	return code;
}
