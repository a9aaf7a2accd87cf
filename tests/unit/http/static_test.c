/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "static.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client.h"
#include "log.h"

static struct wa_env env;
static struct wb_router *router;
static struct wb_http *http;
static uint16_t port;
static struct wb_static *files;
static char folder[64];
static char text[2000];

static void serve(struct wb_req *r, void *ctx)
{
	(void)ctx;
	wb_static_serve(files, r, wb_req_param(r, "*"), NULL);
}

static void serve_app(struct wb_req *r, void *ctx)
{
	(void)ctx;
	wb_static_serve(files, r, wb_req_param(r, "*"), "index.html");
}

static void start(void)
{
	static const struct wb_route routes[] = { { "GET", "/f/*", NULL, serve, NULL, "" },
						  { "GET", "/app/*", NULL, serve_app, NULL, "" } };
	struct wb_http_listen l = { 0 };
	struct wa_err err = WA_ERR_INIT;

	wa_env_default(&env, NULL);
	assert_int_equal(wb_loop_new(&env, &test_loop, &err), 0);
	router = wb_router_new();
	assert_int_equal(wb_router_add(router, "t", routes, 2, &err), 0);
	assert_int_equal(wb_http_new(test_loop, NULL, router, &http, &err), 0);
	assert_int_equal(wb_http_listen(http, &l, &port, &err), 0);
	memset(text, 'a', sizeof(text) - 1);
}

static void stop(void)
{
	wb_http_free(http);
	turn();
	wb_router_free(router);
	wb_loop_free(test_loop);
	wb_static_free(files);
}

static void get(struct client *c, const char *path, const char *headers)
{
	char b[600];

	client_open(c, port);
	snprintf(b, sizeof(b), "GET %s HTTP/1.1\r\nHost: t\r\n%sConnection: close\r\n\r\n", path, headers);
	client_send(c, b);
	client_until_eof(c);
}

static void expect_status(const char *path, const char *status)
{
	struct client c;

	get(&c, path, "");
	if (!client_has(&c, status))
		fail_msg("%s: %s", path, wa_buf_cstr(&c.in));
	client_close(&c);
}

static void serves_embedded_files(void **state)
{
	struct wb_static_file set[] = { { "index.html", wa_span_str("<p>hi") },
					{ "js/app.js", wa_span(text, sizeof(text) - 1) } };
	struct client c;
	char etag[100], line[160];

	(void)state;
	start();
	files = wb_static_embedded(set, 2);
	wb_static_header(files, "Content-Security-Policy", "default-src 'self'");
	get(&c, "/f/", "");
	assert_true(client_has(&c, "<p>hi"));
	assert_true(client_has(&c, "Content-Type: text/html"));
	assert_true(client_has(&c, "Content-Security-Policy: default-src 'self'"));
	client_close(&c);
	get(&c, "/f/js/app.js", "Accept-Encoding: br, gzip\r\n");
	assert_true(client_has(&c, "Content-Encoding: gzip\r\n"));
	assert_true(client_has(&c, "Content-Type: text/javascript"));
	assert_true(c.in.len < 1000);
	snprintf(etag, sizeof(etag), "If-None-Match: %.30s",
		 strstr(wa_buf_cstr(&c.in), "ETag: ") + 6);
	etag[strcspn(etag, "\r")] = 0;
	client_close(&c);
	snprintf(line, sizeof(line), "%s\r\nAccept-Encoding: gzip\r\n", etag);
	get(&c, "/f/js/app.js", line);
	assert_true(client_has(&c, " 304 "));
	client_close(&c);
	/* the plain form is another representation */
	snprintf(line, sizeof(line), "%s\r\n", etag);
	get(&c, "/f/js/app.js", line);
	assert_true(client_has(&c, " 200 "));
	assert_true(client_has(&c, text));
	client_close(&c);
	expect_status("/f/none.js", " 404 ");
	expect_status("/app/some/view", " 200 ");
	expect_status("/f/%2e%2e/index.html", " 404 ");
	stop();
}

static void put(const char *name, const char *content)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(content, f);
	fclose(f);
}

static void serves_a_folder_and_nothing_outside(void **state)
{
	char path[200];
	struct wa_err err = WA_ERR_INIT;
	struct client c;

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/wb-static-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/sub", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	put("index.html", "root page");
	put("sub/index.html", "sub page");
	put(".hidden", "secret");
	snprintf(path, sizeof(path), "%s/link", folder);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/dirlink", folder);
	assert_int_equal(symlink("/etc", path), 0);

	start();
	assert_int_equal(wb_static_folder(folder, &files, &err), 0);
	get(&c, "/f/sub/", "");
	assert_true(client_has(&c, "sub page"));
	client_close(&c);
	expect_status("/f/index.html", " 200 ");
	expect_status("/f/sub", " 404 ");
	expect_status("/f/.hidden", " 404 ");
	expect_status("/f/link", " 404 ");
	expect_status("/f/dirlink/passwd", " 404 ");
	expect_status("/f/..%2f..%2fetc/passwd", " 404 ");
	expect_status("/f//etc/passwd", " 404 ");
	/* a changed file is seen */
	put("index.html", "changed, and longer");
	get(&c, "/f/index.html", "");
	assert_true(client_has(&c, "changed, and longer"));
	client_close(&c);
	stop();
	for (size_t i = 0; i < 5; i++) {
		static const char *const names[] = { "link", "dirlink", ".hidden", "index.html",
						     "sub/index.html" };

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/sub", folder);
	rmdir(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_embedded_files),
		cmocka_unit_test(serves_a_folder_and_nothing_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
