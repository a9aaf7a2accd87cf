/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The composition root. */
#include <arpa/inet.h>
#include <db_apikey.h>
#include <errno.h>
#include <fcntl.h>
#include <local.h>
#include <signal.h>
#include <sys/stat.h>
#include <text.h>
#include <unistd.h>
#include "gateway.h"
#include "gateway_priv.h"
#include "preview.h"
#include "hold.h"
#include "janitor.h"
#include "media.h"
#include "mem.h"
#include "retain.h"
#include "scripts.h"

#define TURNS 8		/* rounds of sessions and outbox before the loop looks at sockets again */

/* ---- turns ---- */

static void on_kick(void *ctx)
{
	struct wb_gateway *gw = ctx;

	if (!gw->sessions)
		return;		/* torn down: only the network still turns the loop */
	/* each may give the other something to do */
	for (int i = 0; i < TURNS && gw->kicked; i++) {
		gw->kicked = false;
		wb_sessions_turn(gw->sessions);
		wb_outbox_turn(gw->outbox);
	}
	if (gw->kicked)
		wb_timer_start(gw->kick, 0);
}

void wb_gateway_kick(struct wb_gateway *gw)
{
	if (!gw->kicked)
		wb_timer_start(gw->kick, 0);
	gw->kicked = true;
}

/* ---- storage ---- */

static void on_poll(void *ctx)
{
	struct wb_gateway *gw = ctx;

	if (gw->db)
		db_poll(gw->db);
}

/* Called on the store thread. */
static void on_store(void *ctx)
{
	struct wb_gateway *gw = ctx;

	if (wb_loop_post(gw->loop, on_poll, gw) < 0)
		abort();
}

static int read_credential(uint8_t key[32], bool *ret_found, struct wa_err *err)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char path[4096], text[80];
	ssize_t n;
	int fd;

	*ret_found = false;
	if (!dir)
		return 0;
	snprintf(path, sizeof(path), "%s/warbler_master_key", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 :
			wa_err_detail(err, WA_EIO, errno, "%s: %s", path, strerror(errno));
	n = read(fd, text, sizeof(text));
	close(fd);
	*ret_found = n > 0 && wa_hex_decode(wa_span_trim(wa_span(text, (size_t)n)), key, 32) == 0;
	wa_wipe(text, sizeof(text));
	return *ret_found ? 0 : wa_err_set(err, WA_EINVALID,
					   "credential warbler_master_key must be 64 hex digits");
}

static int open_db(struct wb_gateway *gw, struct wa_err *err)
{
	const struct wb_config *c = gw->config;
	const char *dir = wb_config_text(c, "data_dir");
	const char *hex = wb_config_text(c, "storage.master_key");
	const char *path = wb_config_text(c, "storage.path");
	const char *file = wb_config_text(c, "storage.master_key_file");
	char path_buf[4096], file_buf[4096];
	struct db_opts o = { .env = &gw->env, .post = on_store, .post_ctx = gw };
	uint8_t key[32];
	bool have = false;
	int r;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return wa_err_detail(err, WA_EIO, errno, "%s: %s", dir, strerror(errno));
	snprintf(path_buf, sizeof(path_buf), "%s/warbler.db", dir);
	snprintf(file_buf, sizeof(file_buf), "%s/master.key", dir);
	o.path = *path ? path : path_buf;
	o.key_file = *file ? file : file_buf;
	o.sync = strcmp(wb_config_text(c, "storage.sync"), "normal") == 0 ? DB_SYNC_NORMAL :
									    DB_SYNC_FULL;
	if (*hex) {
		if (wa_hex_decode(wa_span_str(hex), key, sizeof(key)) < 0)
			return wa_err_set(err, WA_EINVALID,
					  "storage.master_key must be 64 hex digits");
		have = true;
	} else if (!*file) {
		r = read_credential(key, &have, err);
		if (r < 0)
			return r;
	}
	if (have)
		o.key = key;
	r = db_open(&o, &gw->db, err);
	wa_wipe(key, sizeof(key));
	return r;
}

/* ---- keys ---- */

static bool loopback(const char *address)
{
	struct in_addr a4;
	struct in6_addr a6;

	if (strcmp(address, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, address, &a4) == 1)
		return (ntohl(a4.s_addr) >> 24) == 127;
	return inet_pton(AF_INET6, address, &a6) == 1 && IN6_IS_ADDR_LOOPBACK(&a6);
}

static void on_first_key(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	int *ret = ctx;

	(void)err;
	(void)res;
	*ret = code;
}

static int first_key(struct wb_gateway *gw, struct wa_err *err)
{
	const char *listen = wb_config_text(gw->config, "server.listen");
	int64_t n = db_apikey_count(gw->db, err);
	char id[DB_ID_LEN + 1];
	struct wb_tx *tx;
	int r, stored = WA_EINTERNAL;

	if (n != 0)
		return n < 0 ? (int)n : 0;
	if (!loopback(listen))
		return wa_err_set(err, WA_EDENIED,
				  "no API key exists: refusing to listen on %s (make one: warbler key create)",
				  listen);
	tx = wb_tx_new(gw);
	r = wb_apikey_make(wb_tx_batch(tx), "first key", "*", gw->first_key, id, err);
	if (r < 0) {
		wb_tx_abort(tx);
		return r;
	}
	wb_tx_commit(tx, on_first_key, &stored);
	db_flush(gw->db);
	return stored < 0 ? wa_err_set(err, stored, "the first API key could not be stored") : 0;
}

/* Without the REST API nobody can say who asks: what needs a scope is refused. */
static bool refuse(struct wb_req *req, const struct wb_route *route, void *ctx)
{
	(void)ctx;
	if (!route->scope || wb_req_identity(req))
		return true;
	wb_reply_problem(req, 401, "auth", "this process has no REST API");
	return false;
}

/* ---- build ---- */

static void open_log(struct wb_gateway *gw, int fd)
{
	int level = WA_INFO;
	bool json = strcmp(wb_config_text(gw->config, "log.format"), "json") == 0;

	/* the configuration has checked the word */
	(void)!wa_level_parse(wa_span_str(wb_config_text(gw->config, "log.level")), &level);
	wa_log_init(&gw->log, fd ? fd : STDERR_FILENO, json ? WA_LOG_JSON : WA_LOG_TEXT, level);
	gw->log.reveal = wb_config_bool(gw->config, "log.private");
	wa_env_default(&gw->env, &gw->log);
	for (size_t i = 0; wb_config_stray(gw->config, i); i++)
		WB_GATEWAY_LOG(gw, WA_WARN, "config.unknown_variable",
			       WA_S("name", wb_config_stray(gw->config, i)));
}

static int build(struct wb_gateway *gw, struct wa_err *err)
{
	const struct wb_config *c = gw->config;
	const char *ca = wb_config_text(c, "network.ca_file");
	struct wb_net_opts net = { .ca_file = *ca ? ca : NULL,
				   .allow_private = wb_config_bool(c, "network.allow_private") };
	struct wb_http_opts http = { .max_body = (size_t)wb_config_int(c, "server.max_body"),
				     .max_connections =
					     (unsigned)wb_config_int(c, "server.max_connections") };
	int r = wb_loop_new(&gw->env, &gw->loop, err);

	if (r == 0)
		r = wb_work_pool_new(gw->loop, 0, &gw->work, err);
	if (r == 0)
		r = wb_net_new(gw->loop, &net, &gw->net, err);
	if (r == 0)
		r = open_db(gw, err);
	if (r < 0)
		return r;
	gw->metrics = wb_metrics_new();
	gw->router = wb_router_new();
	gw->kick = wb_timer_new(gw->loop, "gateway.turn", on_kick, gw);
	if (!gw->metrics || !gw->router || !gw->kick)
		return wa_err_set(err, WA_ENOMEM, "gateway");
	r = wb_http_new(gw->loop, &http, gw->router, &gw->http, err);
	if (r == 0)
		r = wb_bus_new(gw, &gw->bus, err);
	if (r < 0)
		return r;
	wb_http_set_before(gw->http, refuse, NULL);
	gw->outbox = wb_outbox_new(gw);
	gw->previews = wb_previews_new(gw);
	r = wb_retain_core(gw, err);
	if (r == 0)
		r = wb_sessions_new(gw, &gw->sessions, err);
	if (r == 0)
		r = wb_holds_new(gw, &gw->holds, err);
	if (r == 0)
		r = wb_plugins_new(gw, &gw->plugins, err);
	if (r == 0)
		r = wb_media_new(gw, &gw->media, err);
	if (r == 0)
		r = wb_converter_new(&(struct wb_converter_opts){
			.loop = gw->loop, .pool = gw->work,
			.ffmpeg = wb_config_text(gw->config, "media.ffmpeg") }, &gw->converter, err);
	if (r == 0)
		r = wb_janitor_new(gw, &gw->janitor, err);
	return r < 0 ? r : wb_gateway_collect(gw, err);
}

int wb_gateway_new(struct wb_config *take_config, const struct wb_gateway_opts *opts,
		   struct wb_gateway **ret_gw, struct wa_err *err)
{
	struct wb_gateway *gw = wb_zalloc(sizeof(*gw));
	int r;

	gw->config = take_config;
	gw->config_file = opts->config_file ? wb_strdup(opts->config_file) : NULL;
	gw->no_sessions = opts->no_sessions;
	gw->api = opts->api;
	gw->script_ops = opts->scripts;
	open_log(gw, opts->log_fd);
	gw->started_ms = wb_now(gw);
	gw->public_url = wb_strdup(wb_config_text(gw->config, "public_url"));
	r = build(gw, err);
	if (r < 0) {
		wb_gateway_free(gw);
		return r;
	}
	*ret_gw = gw;
	return 0;
}

static int listen_http(struct wb_gateway *gw, struct wa_err *err)
{
	const struct wb_config *c = gw->config;
	const char *cert = wb_config_text(c, "server.tls_cert");
	const char *key = wb_config_text(c, "server.tls_key");
	const char *address = wb_config_text(c, "server.listen");
	struct wb_http_listen l = { .address = address,
				    .port = (uint16_t)wb_config_int(c, "server.port"),
				    .cert_file = *cert ? cert : NULL,
				    .key_file = *key ? key : NULL };
	bool v6 = strchr(address, ':') != NULL;
	char url[512];
	size_t n;
	int r = wb_http_listen(gw->http, &l, &gw->port, err);

	if (r < 0)
		return r;
	n = strlen(gw->public_url);
	while (n > 0 && gw->public_url[n - 1] == '/')
		gw->public_url[--n] = 0;
	snprintf(url, sizeof(url), "%s://%s%s%s:%u", *cert ? "https" : "http", v6 ? "[" : "", address,
		 v6 ? "]" : "", gw->port);
	if (n == 0)
		wb_restr(&gw->public_url, url);
	WB_GATEWAY_LOG(gw, WA_INFO, "http.listening", WA_S("url", url));
	return 0;
}

int wb_gateway_start(struct wb_gateway *gw, struct wa_err *err)
{
	const char *name;
	char copy[64];
	int r = first_key(gw, err);

	/* plugins may ask for the public URL while they start: listen first, answer later */
	if (r == 0)
		r = listen_http(gw, err);
	for (size_t i = 0; r == 0 && (name = wb_config_item(gw->config, "plugins.enabled", i)); i++) {
		snprintf(copy, sizeof(copy), "%s", name);
		r = wb_plugin_load(gw->plugins, copy, err);
	}
	if (r == 0 && gw->api)
		r = gw->api->start(gw, err);
	if (r == 0 && gw->script_ops)
		r = gw->script_ops->start(gw, err);
	if (r < 0)
		return r;
	gw->ready = true;
	if (!gw->no_sessions)
		wb_sessions_start(gw->sessions);
	WB_GATEWAY_LOG(gw, WA_INFO, "gateway.ready",
		       WA_I("sessions", wb_sessions_count(gw->sessions, -1)),
		       WA_I("ms", wb_now(gw) - gw->started_ms));
	return 0;
}

/* ---- run and stop ---- */

void wb_gateway_run(struct wb_gateway *gw)
{
	wb_loop_run(gw->loop);
}

static void on_flushed(void *ctx)
{
	struct wb_gateway *gw = ctx;

	wb_loop_stop(gw->loop);
}

/* One part has drained. When all have, what they wrote is committed, and that was it. */
static void on_drained(void *ctx)
{
	struct wb_gateway *gw = ctx;

	if (--gw->waiting > 0)
		return;
	WB_GATEWAY_LOG(gw, WA_INFO, "gateway.drained", WA_I("pending", gw->tx_pending));
	wb_loop_defer(gw->loop, on_flushed, gw);
}

void wb_gateway_stop(struct wb_gateway *gw)
{
	uint32_t max = (uint32_t)wb_config_int(gw->config, "server.drain_ms");

	if (gw->draining) {
		wb_loop_stop(gw->loop);	/* asked twice: now */
		return;
	}
	WB_GATEWAY_LOG(gw, WA_INFO, "gateway.stopping", WA_I("drain_ms", max));
	gw->draining = true;
	gw->ready = false;
	gw->waiting = 2;
	if (gw->api)
		gw->api->drain(gw);
	wb_sessions_drain(gw->sessions, max, on_drained, gw);
	wb_http_drain(gw->http, max, on_drained, gw);
}

static void on_term(void *ctx)
{
	wb_gateway_stop(ctx);
}

static void on_hup(void *ctx)
{
	wb_gateway_reload(ctx);
}

int wb_gateway_signals(struct wb_gateway *gw, struct wa_err *err)
{
	int r;

	signal(SIGPIPE, SIG_IGN);
	/* what the loop puts back when it is freed: asked again at the very end, the answer stays 0 */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	r = wb_loop_on_signal(gw->loop, SIGTERM, on_term, gw, err);
	if (r == 0)
		r = wb_loop_on_signal(gw->loop, SIGINT, on_term, gw, err);
	if (r == 0)
		r = wb_loop_on_signal(gw->loop, SIGHUP, on_hup, gw, err);
	return r;
}

/* ---- tear down, in reverse ---- */

static void settle(struct wb_gateway *gw)
{
	/* completions may begin new transactions: a plugin's last words */
	for (int i = 0; gw->db && i < 16; i++) {
		db_flush(gw->db);
		if (gw->tx_pending == 0)
			break;
	}
}

void wb_gateway_free(struct wb_gateway *gw)
{
	struct wb_sessions *sessions;

	if (!gw)
		return;
	gw->draining = true;
	if (gw->scripts)
		gw->script_ops->stop(gw);
	if (gw->plugins)
		wb_plugins_stop(gw->plugins);
	if (gw->rest && gw->api)
		gw->api->drain(gw);
	if (gw->bus)
		settle(gw);
	sessions = gw->sessions;
	gw->sessions = NULL;	/* completions look them up */
	wb_sessions_free(sessions);
	if (gw->bus)
		settle(gw);
	wb_previews_free(gw->previews);	/* before what converts their pictures */
	wb_media_stop(gw->media);	/* the outbox and requests wait for it */
	wb_converter_free(gw->converter);
	if (gw->bus)
		settle(gw);
	if (gw->rest && gw->api)
		gw->api->free(gw);	/* not before: completions answer requests */
	wb_outbox_free(gw->outbox);
	gw->outbox = NULL;
	wb_http_free(gw->http);
	wb_net_free(gw->net);
	wb_work_pool_free(gw->work);
	if (gw->bus)
		settle(gw);
	if (gw->scripts)
		gw->script_ops->free(gw);	/* nothing calls back any more */
	db_close(gw->db);
	gw->db = NULL;
	json_decref(gw->votes);
	wb_bus_free(gw->bus);
	wb_holds_free(gw->holds);
	wb_janitor_free(gw->janitor);
	wb_media_free(gw->media);
	wb_timer_free(gw->kick);
	wb_loop_free(gw->loop);
	wb_plugins_free(gw->plugins);
	wb_retain_free(gw);
	wb_router_free(gw->router);
	wb_metrics_free(gw->metrics);
	wb_config_free(gw->config);
	wa_wipe(gw->first_key, sizeof(gw->first_key));
	free(gw->config_file);
	free(gw->public_url);
	free(gw);
}
