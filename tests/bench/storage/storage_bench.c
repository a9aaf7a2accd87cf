/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commits per second of the store. One batch is what an inbound message costs:
 * a ratchet record, two small records, the message, its chat, one event. 1, 10
 * or 100 batches are submitted at a time and waited for, under both sync modes;
 * then as a stream without waiting. One JSON line per figure; CPU is of this
 * process, both threads.
 *
 *	storage_bench [folder]		the folder of the database file (default: .)
 */
#include <clock.h>
#include <db_chat.h>
#include <db_message.h>
#include <db_record.h>
#include <db_session.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <ulid.h>
#include <unistd.h>

#define RUN_MS 2000
#define PEERS 500

static int64_t env_now(void *ctx)
{
	(void)ctx;
	return wa_now_ms();
}

static void env_random(void *ctx, void *out, size_t len)
{
	(void)ctx;
	wa_random(out, len);
}

static const struct wa_env env = { .now_ms = env_now, .random = env_random };
static uint64_t n_done;

static void done(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	(void)ctx;
	(void)res;
	if (code < 0) {
		fprintf(stderr, "storage_bench: %s\n", err->msg);
		exit(1);
	}
	n_done++;
}

static void submit_message(struct db *db, uint64_t n)
{
	static const uint8_t ratchet[420], small[40], raw[180];
	struct db_batch *b = db_batch_new(db);
	char peer[64], id[WA_ULID_LEN + 1];
	int64_t now = wa_now_ms();

	snprintf(peer, sizeof(peer), "49151%08u@s.whatsapp.net",
		 (unsigned)(n * 2654435761u % PEERS));
	wa_ulid(id, now);
	db_batch_record_put(b, "bench", 1, wa_span_str(peer), wa_span(ratchet, sizeof(ratchet)));
	db_batch_record_put(b, "bench", 2, wa_span_str(peer), wa_span(small, sizeof(small)));
	db_batch_record_put(b, "bench", 3, wa_span_str(peer), wa_span(small, sizeof(small)));
	db_batch_message_add(b, &(struct db_message){ .id = id, .session = "bench", .chat = peer,
						      .sender = peer, .wa_id = id, .kind = "text",
						      .text = "Is my order on its way?",
						      .raw = wa_span(raw, sizeof(raw)),
						      .ts_ms = now, .status = DB_DELIVERED });
	db_batch_chat_touch(b, "bench", peer, now, 1);
	db_batch_event(b,
		       &(struct db_event_new){ .kind = "message.received",
					       .session = "bench",
					       .subject = id,
					       .json = wa_span(raw, sizeof(raw)) },
		       NULL);
	db_batch_submit(b, done, NULL);
}

static void submit_small(struct db *db, uint64_t n)
{
	struct db_batch *b = db_batch_new(db);

	db_batch_record_put(b, "bench", 4, wa_span(&n, sizeof(n)), wa_span_str("0123456789abcdef"));
	db_batch_submit(b, done, NULL);
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* group 0: a stream, never waiting but for room. */
static void run(struct db *db, const char *what, void (*submit)(struct db *, uint64_t),
		unsigned group, const char *sync)
{
	struct db_stats before, after;
	int64_t start = wa_mono_ms(), ms;
	double cpu = cpu_s();
	uint64_t n = 0;

	db_stats(db, &before);
	n_done = 0;
	do {
		for (unsigned i = 0; i < (group ? group : 1000); i++)
			submit(db, n++);
		if (group || db_busy(db))
			db_flush(db);
		else
			db_poll(db);
		ms = wa_mono_ms() - start;
	} while (ms < RUN_MS);
	db_flush(db);
	ms = wa_mono_ms() - start;
	cpu = cpu_s() - cpu;
	db_stats(db, &after);
	printf("{\"bench\":\"storage\",\"batch\":\"%s\",\"sync\":\"%s\",\"group\":%u,"
	       "\"batches_per_s\":%.0f,\"transactions_per_s\":%.0f,\"cpu_us_per_batch\":%.1f}\n",
	       what, sync, group, (double)n_done * 1000 / (double)ms,
	       (double)(after.commits - before.commits) * 1000 / (double)ms,
	       cpu * 1e6 / (double)n_done);
	fflush(stdout);
}

static void bench(const char *dir, enum db_sync sync, const char *sync_name)
{
	static const unsigned groups[] = { 1, 10, 100, 0 };
	static const uint8_t key[32] = { 1 };
	char path[4096];
	struct wa_err err = WA_ERR_INIT;
	struct db_opts o = { .path = path, .key = key, .sync = sync, .env = &env };
	static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
	struct db_batch *b;
	struct db *db;

	snprintf(path, sizeof(path), "%s/storage-bench-%d.db", dir, (int)getpid());
	if (db_open(&o, &db, &err) < 0) {
		fprintf(stderr, "storage_bench: %s\n", err.msg);
		exit(1);
	}
	b = db_batch_new(db);
	db_batch_session_create(b, &(struct db_session){ .id = "bench" });
	db_batch_submit(b, done, NULL);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		run(db, "message", submit_message, groups[i], sync_name);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		run(db, "record", submit_small, groups[i], sync_name);
	db_close(db);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char file[4200];

		snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		unlink(file);
	}
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : ".";

	bench(dir, DB_SYNC_FULL, "full");
	bench(dir, DB_SYNC_NORMAL, "normal");
	return 0;
}
