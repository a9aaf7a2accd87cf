/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plugins are loaded, reloaded and unloaded while the gateway runs; their file is written over meanwhile. */
#include "fixture.h"

#include <fcntl.h>
#include <fetch.h>
#include <unistd.h>

static char plugins_dir[64];

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct wa_err err = WA_ERR_INIT;
	char extra[128];

	snprintf(plugins_dir, sizeof(plugins_dir), "/tmp/warbler-test-XXXXXX");
	assert_non_null(mkdtemp(plugins_dir));
	snprintf(extra, sizeof(extra), "plugins = { enabled = {}, dir = \"%s\" }\n", plugins_dir);
	fix_open(f, extra);
	if (wb_gateway_start(f->gw, &err) < 0)
		fail_msg("%s", err.msg);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	char path[128];

	fix_remove(*state);
	free(*state);
	snprintf(path, sizeof(path), "%s/reload.so", plugins_dir);
	unlink(path);
	rmdir(plugins_dir);
	return 0;
}

/* Over the file that is there, as `cp` does it. */
static void put_version(int version)
{
	char from[512], to[128], buf[65536];
	int in, out;
	ssize_t n;

	snprintf(from, sizeof(from), TEST_BUILD_DIR "/tests/plugins/reload_%d.so", version);
	snprintf(to, sizeof(to), "%s/reload.so", plugins_dir);
	in = open(from, O_RDONLY | O_CLOEXEC);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
}

static struct {
	int done, code;
	struct wa_err err;
} got;

static void on_changed(void *ctx, int code, const struct wa_err *err)
{
	(void)ctx;
	got.done++;
	got.code = code;
	got.err = *err;
}

typedef int change_fn(struct wb_plugins *p, const char *name, wb_plugin_done_fn *done, void *ctx,
		      struct wa_err *err);

static int change(struct fix *f, change_fn *fn)
{
	struct wa_err err = WA_ERR_INIT;
	int r;

	memset(&got, 0, sizeof(got));
	r = fn(f->gw->plugins, "reload", on_changed, NULL, &err);
	if (r < 0)
		return r;
	assert_int_equal(got.done, 0);
	fix_until(f, &got.done);
	return got.code;
}

static long long metric(struct fix *f, const char *name)
{
	char line[128];
	struct wa_buf out;
	const char *at;
	long long v = -999;

	wa_buf_init(&out, 1u << 20);
	wb_metrics_text(f->gw->metrics, &out);
	snprintf(line, sizeof(line), "\nwarbler_plugin_reload_%s ", name);
	at = strstr(wa_buf_cstr(&out), line);
	if (at)
		v = strtoll(at + strlen(line), NULL, 10);
	wa_buf_clear(&out);
	return v;
}

struct answer {
	int done, status;
	char body[64];
};

static void on_answer(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct answer *a = ctx;

	(void)err;
	a->status = res ? wb_fetch_status(res) : -1;
	if (res)
		snprintf(a->body, sizeof(a->body), "%.*s", WA_SPAN_ARG(wb_fetch_body(res)));
	a->done = 1;
}

/* What GET /reload says; "" when nobody serves it. */
static const char *serves(struct fix *f)
{
	static struct answer a;
	char url[200];

	memset(&a, 0, sizeof(a));
	snprintf(url, sizeof(url), "%s/reload", f->gw->public_url);
	assert_int_equal(wb_fetch(f->gw->net, &(struct wb_fetch_req){ .method = "GET", .url = url,
								      .allow_private = true },
				  on_answer, &a, NULL, NULL), 0);
	fix_until(f, &a.done);
	return a.status == 200 ? a.body : "";
}

static size_t mapped(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[1024];
	size_t n = 0;

	while (fgets(line, sizeof(line), maps))
		n += strstr(line, "warbler-plugin") && strstr(line, "r-xp");
	fclose(maps);
	return n;
}

static void a_reload_runs_the_new_file(void **state)
{
	struct fix *f = *state;

	put_version(1);
	assert_int_equal(change(f, wb_plugin_reload_later), WA_ENOTFOUND);
	assert_int_equal(change(f, wb_plugin_load_later), 0);
	assert_string_equal(serves(f), "one");
	assert_int_equal(change(f, wb_plugin_load_later), WA_ECONFLICT);
	put_version(2);
	assert_string_equal(serves(f), "one");	/* writing over its file does not touch it */
	assert_int_equal(change(f, wb_plugin_reload_later), 0);
	assert_string_equal(serves(f), "two");
	assert_int_equal(metric(f, "starts"), 1);
	assert_int_equal(metric(f, "version"), 2);
	put_version(1);
	assert_int_equal(change(f, wb_plugin_reload_later), WA_ESTATE);	/* its tables are of a later one */
	assert_string_equal(serves(f), "two");
	assert_int_equal(wb_plugin_unload(f->gw->plugins, "reload", NULL), 0);
	assert_string_equal(serves(f), "");
	assert_null(wb_plugin_get(f->gw->plugins, "reload"));
#ifndef WARBLER_SANITIZED
	assert_int_equal(mapped(), 0);
#else
	(void)mapped;
#endif
	put_version(2);
	assert_int_equal(change(f, wb_plugin_load_later), 0);
	assert_string_equal(serves(f), "two");
}

static void a_failed_reload_leaves_the_old_one(void **state)
{
	struct fix *f = *state;
	char path[128];

	put_version(1);
	assert_int_equal(change(f, wb_plugin_load_later), 0);
	put_version(4);
	assert_true(change(f, wb_plugin_reload_later) < 0);
	assert_string_equal(serves(f), "one");
	put_version(5);
	assert_int_equal(change(f, wb_plugin_reload_later), WA_EINVALID);
	assert_non_null(strstr(got.err.msg, "plugins.reload.needed is required"));
	assert_int_equal(metric(f, "starts"), 1);	/* it was not even stopped */
	snprintf(path, sizeof(path), "%s/reload.so", plugins_dir);
	unlink(path);
	assert_int_equal(change(f, wb_plugin_reload_later), WA_ENOTFOUND);
	assert_string_equal(serves(f), "one");
	/* the new one is mapped, its tables made, and then it does not start */
	put_version(3);
	assert_int_equal(change(f, wb_plugin_reload_later), WA_EUNSUPPORTED);
	assert_non_null(strstr(got.err.msg, "did not start"));
	assert_non_null(strstr(got.err.msg, "the one before it runs again"));
	assert_string_equal(serves(f), "one");
	assert_int_equal(metric(f, "starts"), 1);
	assert_int_equal(metric(f, "version"), 1);
	put_version(2);
	assert_int_equal(change(f, wb_plugin_reload_later), 0);
	assert_string_equal(serves(f), "two");
}

static void one_change_at_a_time(void **state)
{
	struct fix *f = *state;
	struct wa_err err = WA_ERR_INIT;

	put_version(1);
	memset(&got, 0, sizeof(got));
	assert_int_equal(wb_plugin_load_later(f->gw->plugins, "reload", on_changed, NULL, &err), 0);
	assert_int_equal(wb_plugin_load_later(f->gw->plugins, "reload", on_changed, NULL, &err), WA_ECONFLICT);
	assert_int_equal(wb_plugin_unload(f->gw->plugins, "reload", &err), WA_ECONFLICT);
	assert_int_equal(wb_plugin_load_later(f->gw->plugins, "../x", on_changed, NULL, &err), WA_EINVALID);
	fix_until(f, &got.done);
	assert_int_equal(got.code, 0);
	/* the gateway goes while one is under way: it is told, and nothing is left (a sanitizer looks) */
	put_version(2);
	memset(&got, 0, sizeof(got));
	assert_int_equal(wb_plugin_reload_later(f->gw->plugins, "reload", on_changed, NULL, &err), 0);
	fix_close(f);
	assert_int_equal(got.done, 1);
	assert_int_equal(got.code, WA_ESTATE);
}

static void what_is_told(void **state)
{
	struct fix *f = *state;
	char *text;
	json_t *o;

	put_version(1);
	assert_int_equal(change(f, wb_plugin_load_later), 0);
	o = wb_plugin_json_whole(wb_plugin_get(f->gw->plugins, "reload"));
	text = json_dumps(o, JSON_COMPACT);
	assert_null(strstr(text, "\"value\":\"s3cret\""));
	assert_non_null(strstr(text, "\"secret\":true"));
	assert_non_null(strstr(text, "\"abi\":\"1.2\""));
	assert_non_null(strstr(text, "\"enabled_at_start\":false"));
	assert_non_null(strstr(text, "\"handles\":{\"routes\":1"));
	free(text);
	json_decref(o);
	assert_false(wb_plugin_enabled(f->gw, "reload"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_reload_runs_the_new_file),
		T(a_failed_reload_leaves_the_old_one),
		T(one_change_at_a_time),
		T(what_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
