/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What an idle WebSocket client costs, plain and with TLS, and how fast
 * messages are echoed. The server is a process of its own, so that the memory
 * is the clients' alone. Prints JSON lines.
 *
 *	bench_ws [connections]
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../unit/net/certs.h"
#include "base.h"
#include "clock.h"
#include "log.h"
#include "ws.h"

static struct wa_env env;
static struct wb_loop *loop;
static struct wb_net *net;
static struct test_certs certs;
static unsigned opened, failed;
static uint64_t echoes;

static void must(int r, const struct wa_err *err)
{
	if (r == WA_OK)
		return;
	fprintf(stderr, "%s\n", err->msg);
	exit(1);
}

static void start(void)
{
	struct wa_err err = WA_ERR_INIT;

	wa_env_default(&env, NULL);
	must(wb_loop_new(&env, &loop, &err), &err);
	must(wb_net_new(loop, NULL, &net, &err), &err);
}

static void nothing_open(struct wb_ws *ws, void *ctx)
{
	(void)ws;
	(void)ctx;
}

static void echo(struct wb_ws *ws, struct wa_span data, bool text, void *ctx)
{
	(void)text;
	(void)ctx;
	(void)!wb_ws_send(ws, data, NULL);
}

static void nothing_closed(struct wb_ws *ws, int code, const struct wa_err *err, void *ctx)
{
	(void)ws;
	(void)code;
	(void)err;
	(void)ctx;
}

static void serve(int fd)
{
	static const struct wb_ws_ops ops = { nothing_open, echo, NULL, nothing_closed };
	struct wb_ws_listen_opts o = { .ops = &ops, .max_message = 65536 };
	struct wb_ws_listener *l[2];
	struct wa_err err = WA_ERR_INIT;
	uint16_t ports[2];

	start();
	must(wb_ws_listen(net, &o, &l[0], &err), &err);
	o.cert_file = certs.cert;
	o.key_file = certs.key;
	must(wb_ws_listen(net, &o, &l[1], &err), &err);
	ports[0] = wb_ws_listener_port(l[0]);
	ports[1] = wb_ws_listener_port(l[1]);
	if (write(fd, ports, sizeof(ports)) != sizeof(ports))
		exit(1);
	wb_loop_run(loop);
}

static void on_open(struct wb_ws *ws, void *ctx)
{
	(void)ws;
	(void)ctx;
	opened++;
}

static void on_echo(struct wb_ws *ws, struct wa_span data, bool text, void *ctx)
{
	echo(ws, data, text, ctx);
	echoes++;
}

static void on_closed(struct wb_ws *ws, int code, const struct wa_err *err, void *ctx)
{
	(void)ws;
	(void)code;
	(void)ctx;
	if (!failed++)
		fprintf(stderr, "%s\n", err->msg);
}

static long rss_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	char line[100];
	char *p = line;
	long pages = 0;

	if (f && fgets(line, sizeof(line), f)) {
		strtol(line, &p, 10);
		pages = strtol(p, NULL, 10);
	}
	if (f)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void idle(bool tls, uint16_t port, unsigned n)
{
	static const struct wb_ws_ops ops = { on_open, on_echo, NULL, on_closed };
	struct wb_ws_opts o = { .ops = &ops, .ca_file = certs.ca };
	struct wa_err err = WA_ERR_INIT;
	struct wb_ws *ws = NULL;
	char url[100];
	long before = 0;
	int64_t begin, connect_ms;
	double seconds;

	snprintf(url, sizeof(url), "%s://localhost:%u/ws", tls ? "wss" : "ws", port);
	o.url = url;
	start();
	begin = wa_mono_ms();
	for (unsigned i = 0; i < n; i++) {
		must(wb_ws_connect(net, &o, &ws, &err), &err);
		/* what is needed once is not the connections' */
		while (opened + failed + (i < 100 ? 0 : 50) < i + 1)
			wb_loop_once(loop, 100);
		if (i == 99)
			before = rss_kib();
	}
	while (opened + failed < n)
		wb_loop_once(loop, 100);
	connect_ms = wa_mono_ms() - begin;
	printf("{\"bench\":\"ws_idle\",\"tls\":%s,\"connections\":%u,\"failed\":%u,"
	       "\"kib_each\":%.2f,\"connects_per_second\":%.0f}\n", tls ? "true" : "false", opened,
	       failed, (double)(rss_kib() - before) / (double)(n - 100),
	       (double)n * 1000 / (double)connect_ms);
	if (opened)
		must(wb_ws_send(ws, wa_span_str("0123456789012345678901234567890123456789"), &err), &err);
	begin = wa_mono_ms();
	while (wa_mono_ms() < begin + 1000)
		wb_loop_once(loop, 100);
	seconds = (double)(wa_mono_ms() - begin) / 1000;
	printf("{\"bench\":\"ws_echo\",\"tls\":%s,\"round_trips_per_second\":%.0f}\n",
	       tls ? "true" : "false", (double)echoes / seconds);
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2000;
	uint16_t ports[2];
	pid_t server;
	int p[2];

	if (n < 200 || pipe(p))
		return 1;
	certs_make(&certs);
	server = fork();
	if (server == 0)
		serve(p[1]);
	if (read(p[0], ports, sizeof(ports)) != sizeof(ports))
		return 1;
	for (int tls = 0; tls < 2; tls++) {
		pid_t pid = fork();

		if (pid == 0)
			idle(tls, ports[tls], n);
		waitpid(pid, NULL, 0);
	}
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	certs_free(&certs);
	return 0;
}
