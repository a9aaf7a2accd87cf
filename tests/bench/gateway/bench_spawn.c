/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From just before exec to a line the program prints, or to the first request
 * it answers; then the program is asked to end.
 *
 *	bench_spawn COUNT TEXT - program args...	the COUNT-th line with TEXT in it
 *	bench_spawn COUNT TEXT /path program args...	then GET /path at the port of the
 *							last "http://127.0.0.1:PORT" it printed
 *
 * BENCH_KEY in the environment is sent as the bearer. Prints
 * {"ms":..,"cpu_ms":..}: wall time, and CPU of the program until then.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define PATIENCE_S 120

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

/* Main thread's and helpers' time on a CPU, in ms. */
static double cpu_ms(pid_t pid)
{
	clockid_t clock;
	struct timespec t;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return -1;
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static bool get(long port, const char *path)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	const char *key = getenv("BENCH_KEY");
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char b[4096];
	bool ok = false;
	int n;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	n = snprintf(b, sizeof(b), "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n",
		     path, key ? key : "");
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && n < (int)sizeof(b) &&
	    send(fd, b, (size_t)n, 0) == n)
		ok = recv(fd, b, sizeof(b), 0) > 12 && memcmp(b, "HTTP/1.1 200", 12) == 0;
	close(fd);
	return ok;
}

static void wait_for_it(FILE *f, long count, const char *text, const char *path)
{
	static const char url[] = "http://127.0.0.1:";
	char line[8192];
	long port = 0;

	while (count > 0 && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, url);

		if (at)
			port = strtol(at + sizeof(url) - 1, NULL, 10);
		if (getenv("BENCH_VERBOSE"))
			fputs(line, stderr);
		if (strstr(line, text))
			count--;
	}
	if (count > 0) {
		fprintf(stderr, "bench_spawn: the program ended without saying '%s'\n", text);
		exit(1);
	}
	if (*path == '/' && !get(port, path)) {
		fprintf(stderr, "bench_spawn: GET %s did not answer 200\n", path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t fa;
	double start, ms, cpu;
	char drain[4096];
	int p[2], status;
	pid_t pid;
	FILE *f;

	if (argc < 5 || pipe(p))
		return 2;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, p[1], 1);
	posix_spawn_file_actions_adddup2(&fa, p[1], 2);
	posix_spawn_file_actions_addclose(&fa, p[0]);
	posix_spawn_file_actions_addclose(&fa, p[1]);
	alarm(PATIENCE_S);
	start = now_ms();
	if (posix_spawn(&pid, argv[4], &fa, NULL, argv + 4, environ)) {
		perror(argv[4]);
		return 1;
	}
	close(p[1]);
	f = fdopen(p[0], "r");
	if (!f)
		return 1;
	wait_for_it(f, strtol(argv[1], NULL, 10), argv[2], argv[3]);
	ms = now_ms() - start;
	cpu = cpu_ms(pid);
	kill(pid, SIGTERM);
	while (fread(drain, 1, sizeof(drain), f) > 0)
		;
	waitpid(pid, &status, 0);
	printf("{\"ms\":%.2f,\"cpu_ms\":%.2f}\n", ms, cpu);
	return 0;
}
