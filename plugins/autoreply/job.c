/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers that need a file first: fetched from a URL, or made a sticker. Rows
 * of autoreply_job; the row goes in the transaction that sends.
 */
#include "autoreply.h"

#define AT_ONCE 8
#define ATTEMPTS_MAX 5
#define BACKOFF_MS INT64_C(1000)	/* doubled each time: somebody waits in a chat */
#define FILES_MAX 64
#define FILE_KEEP_MS INT64_C(3600000)	/* far below media.keep_given_days */

/* A file that was fetched lately. */
struct file {
	struct wa_list link;
	char *url;
	char id[40];
	int64_t until_ms;
};

struct job {
	struct wa_list link;
	struct autoreply *a;
	char id[27];
	json_t *doc;
	int64_t attempts;
	size_t part;		/* whose file is being fetched */
	char path[128];
};

static void step(struct job *k);

/* ---- files ---- */

static void file_free(struct autoreply *a, struct file *f)
{
	wa_list_del(&f->link);
	a->n_files--;
	free(f->url);
	free(f);
}

const char *file_known(struct autoreply *a, const char *url)
{
	struct wa_list *l, *tmp;
	int64_t now = a->host->now_ms();

	WA_LIST_EACH_SAFE(l, tmp, &a->files) {
		struct file *f = container_of(l, struct file, link);

		if (f->until_ms < now)
			file_free(a, f);
		else if (strcmp(f->url, url) == 0)
			return f->id;
	}
	return NULL;
}

static void file_keep(struct autoreply *a, const char *url, const char *id)
{
	struct file *f;

	if (a->n_files >= FILES_MAX)
		file_free(a, container_of(wa_list_first(&a->files), struct file, link));
	f = calloc(1, sizeof(*f));
	if (!f)
		return;
	f->url = strdup(url);
	snprintf(f->id, sizeof(f->id), "%s", id);
	f->until_ms = a->host->now_ms() + FILE_KEEP_MS;
	wa_list_push_back(&a->files, &f->link);
	a->n_files++;
	if (!f->url)
		file_free(a, f);
}

/* ---- rows ---- */

void job_add(struct autoreply *a, struct wb_tx *tx, const json_t *doc)
{
	char id[27];
	struct wa_buf sealed;

	a->host->ulid(id);
	(void)kit_seal_json(&a->kit, KIT_ROW("job", id), doc, &sealed);
	KIT_SQL(&a->kit, tx, WB_MUST_CHANGE,
		"INSERT INTO autoreply_job (id, doc, attempts, due_ms) VALUES ($1, $2, 0, $3)", kit_text(id),
		kit_sealed(&sealed), kit_int(a->host->now_ms()));
	wa_buf_clear(&sealed);
}

static void job_free(struct job *k)
{
	wa_list_del(&k->link);
	k->a->n_jobs--;
	json_decref(k->doc);
	free(k);
}

static bool running(struct autoreply *a, const char *id)
{
	struct wa_list *l;

	WA_LIST_EACH(l, &a->jobs)
		if (strcmp(container_of(l, struct job, link)->id, id) == 0)
			return true;
	return false;
}

static void on_pump(void *ctx)
{
	struct autoreply *a = ctx;

	a->pump = NULL;
	jobs_pump(a);
}

static void pump_at(struct autoreply *a, int64_t at_ms)
{
	int64_t now = a->host->now_ms();

	if (a->pump && a->pump_at <= at_ms)
		return;
	if (a->pump)
		a->host->timer_cancel(a->pump);
	a->pump_at = at_ms;
	a->pump = a->host->timer(a->self, at_ms > now ? at_ms - now : 0, 0, on_pump, a);
}

void jobs_wake(struct autoreply *a)
{
	pump_at(a, a->host->now_ms());
}

static int on_row(void *ctx, const struct wb_value *c, int32_t n)
{
	struct autoreply *a = ctx;
	char id[27];
	struct job *k;

	(void)n;
	kit_copy(&c[0], id, sizeof(id));
	if (running(a, id))
		return 0;
	if (a->n_jobs >= AT_ONCE || c[3].num > a->host->now_ms()) {
		if (a->n_jobs < AT_ONCE)
			pump_at(a, c[3].num);
		return 1;
	}
	k = calloc(1, sizeof(*k));
	if (!k)
		return 1;
	k->doc = kit_unseal_json(&a->kit, KIT_ROW("job", id), &c[1]);
	k->a = a;
	k->attempts = c[2].num;
	snprintf(k->id, sizeof(k->id), "%s", id);
	wa_list_push_back(&a->jobs, &k->link);
	a->n_jobs++;
	return 0;
}

void jobs_pump(struct autoreply *a)
{
	struct wa_list *l, *tmp;
	size_t before = a->n_jobs;

	(void)a->host->query(a->self, "SELECT id, doc, attempts, due_ms FROM autoreply_job ORDER BY due_ms, id LIMIT 32", NULL, 0,
			     on_row, a);
	if (a->n_jobs == before)
		return;
	WA_LIST_EACH_SAFE(l, tmp, &a->jobs) {
		struct job *k = container_of(l, struct job, link);

		if (before > 0) {
			before--;	/* these go on by themselves */
			continue;
		}
		step(k);
	}
}

void jobs_stop(struct autoreply *a)
{
	if (a->pump)
		a->host->timer_cancel(a->pump);
	while (!wa_list_empty(&a->jobs))
		job_free(container_of(wa_list_first(&a->jobs), struct job, link));
	while (!wa_list_empty(&a->files))
		file_free(a, container_of(wa_list_first(&a->files), struct file, link));
}

/* ---- the end ---- */

static void on_ended(void *ctx, int32_t code, const char *message)
{
	struct job *k = ctx;
	struct autoreply *a = k->a;

	if (code && code != WB_ECONFLICT)
		a->host->log(a->self, WB_ERROR, "autoreply.job_not_saved",
			     (const char *[]){ "error", message ? message : "", NULL });
	job_free(k);
	/* a row that is still there is tried again */
	pump_at(a, a->host->now_ms() + (code ? BACKOFF_MS : 0));
}

static void job_delete(struct job *k, struct wb_tx *tx)
{
	KIT_SQL(&k->a->kit, tx, WB_MUST_CHANGE, "DELETE FROM autoreply_job WHERE id = $1", kit_text(k->id));
}

static void end_with(struct job *k, json_t *parts)
{
	struct autoreply *a = k->a;
	struct outgoing o = { .session = kit_member(k->doc, "session"), .to = kit_member(k->doc, "to"),
			      .quoted = json_string_value(json_object_get(k->doc, "quoted")), .key = kit_member(k->doc, "key"),
			      .rule = kit_member(k->doc, "rule") };
	int64_t at = json_integer_value(json_object_get(k->doc, "at")), now = a->host->now_ms();
	struct wb_tx *tx = a->host->tx_begin(a->self);

	if (json_array_size(parts) > 0 &&
	    answer_prepared(a, tx, &o, parts, at > now ? at : now,
			    json_integer_value(json_object_get(k->doc, "typing"))) < 0)
		a->host->log(a->self, WB_WARN, "autoreply.refused", (const char *[]){ "rule", o.rule, NULL });
	job_delete(k, tx);
	a->host->tx_commit(tx, on_ended, k);
}

static void tell_failed(struct job *k, struct wb_tx *tx, const char *why)
{
	kit_event(&k->a->kit, tx, "autoreply.failed", kit_member(k->doc, "session"), kit_member(k->doc, "rule"),
		  json_pack("{s:s, s:s, s:s}", "rule", kit_member(k->doc, "rule"), "to", kit_member(k->doc, "to"), "why", why));
}

/* What can still be said without the file: captions, and a word about a sticker. */
static void give_up(struct job *k, const char *why)
{
	json_t *parts = json_array(), *part, *text;
	struct outgoing o = { .session = kit_member(k->doc, "session"), .to = kit_member(k->doc, "to"),
			      .quoted = json_string_value(json_object_get(k->doc, "quoted")), .key = kit_member(k->doc, "key"),
			      .rule = kit_member(k->doc, "rule") };
	struct wb_tx *tx = k->a->host->tx_begin(k->a->self);
	size_t i;

	json_array_foreach(json_object_get(k->doc, "parts"), i, part) {
		text = json_object_get(part, "url") ? json_object_get(json_object_get(part, "content"), "text") : NULL;
		if (text)
			json_array_append_new(parts, json_pack("{s:{s:s, s:O}}", "content", "kind", "text", "text", text));
		else if (!json_object_get(part, "url"))
			json_array_append(parts, part);
	}
	if (json_object_get(k->doc, "sticker"))
		json_array_append_new(parts, json_pack("{s:{s:s, s:s}}", "content", "kind", "text", "text",
						       "That did not become a sticker."));
	if (json_array_size(parts))
		(void)answer_prepared(k->a, tx, &o, parts, 0, 0);
	tell_failed(k, tx, why);
	job_delete(k, tx);
	json_decref(parts);
	k->a->host->tx_commit(tx, on_ended, k);
}

static void fail(struct job *k, int32_t status, struct wb_str body)
{
	bool permanent = status >= 400 && status < 500 && status != 408 && status != 409 && status != 429;
	json_t *o = body.len ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
	char why[160];
	struct wb_tx *tx;

	snprintf(why, sizeof(why), "%d %.140s", (int)status, kit_member(o, "detail"));
	json_decref(o);
	if (permanent || status == 501 || k->attempts + 1 >= ATTEMPTS_MAX) {
		give_up(k, why);
		return;
	}
	tx = k->a->host->tx_begin(k->a->self);
	KIT_SQL(&k->a->kit, tx, WB_MUST_CHANGE,
		"UPDATE autoreply_job SET attempts = attempts + 1, due_ms = $2 WHERE id = $1", kit_text(k->id),
		kit_int(k->a->host->now_ms() + (BACKOFF_MS << k->attempts)));
	k->a->host->tx_commit(tx, on_ended, k);
}

/* ---- steps ---- */

static void ask(struct job *k, const char *method, const char *path, json_t *take_body, wb_plugin_call_fn *fn)
{
	char *text = take_body ? json_dumps(take_body, JSON_COMPACT) : NULL;
	struct wb_plugin_call c = { .size = sizeof(c), .method = method, .path = path };

	if (text)
		c.body = kit_str(text);
	k->a->host->call(k->a->self, &c, fn, k);
	free(text);
	json_decref(take_body);
}

static void on_fetched(void *ctx, int32_t status, const char *type, struct wb_str body)
{
	struct job *k = ctx;
	json_t *o = status == 201 || status == 200 ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
	json_t *part = json_array_get(json_object_get(k->doc, "parts"), k->part);

	(void)type;
	if (!*kit_member(o, "id")) {
		json_decref(o);
		fail(k, status, body);
		return;
	}
	json_object_set_new(json_object_get(json_object_get(part, "content"), "media"), "id",
			    json_string(kit_member(o, "id")));
	file_keep(k->a, kit_member(part, "url"), kit_member(o, "id"));
	json_object_del(part, "url");
	json_decref(o);
	step(k);
}

static void on_converted(void *ctx, int32_t status, const char *type, struct wb_str body)
{
	struct job *k = ctx;
	json_t *o = status == 200 || status == 201 ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
	json_t *parts;

	(void)type;
	if (!*kit_member(o, "id")) {
		json_decref(o);
		fail(k, status, body);
		return;
	}
	parts = json_pack("[{s:{s:s, s:{s:s}}}, {s:{s:s, s:{s:s}, s:s}}]", "content", "kind", "sticker", "media", "id",
			  kit_member(o, "id"), "content", "kind", "reaction", "target", "id", kit_member(k->doc, "message"), "text",
			  "\xe2\x9c\x85");
	json_decref(o);
	end_with(k, parts);
	json_decref(parts);
}

static void convert(struct job *k, const char *media)
{
	json_t *pack = json_object_get(json_object_get(k->doc, "sticker"), "pack");

	if (strlen(media) > 60) {
		give_up(k, "no file");
		return;
	}
	snprintf(k->path, sizeof(k->path), "/v1/media/%s/convert", media);
	ask(k, "POST", k->path, json_pack("{s:s, s:O*}", "as", "sticker", "pack", pack), on_converted);
}

static void on_quoted(void *ctx, int32_t status, const char *type, struct wb_str body)
{
	struct job *k = ctx;
	json_t *o = status == 200 ? json_loadb(body.ptr, body.len, 0, NULL) : NULL;
	json_t *content = json_object_get(o, "content");
	const char *kind = kit_member(content, "kind"), *why = NULL;
	json_t *sticker = json_object_get(k->doc, "sticker"), *media = json_object_get(content, "media");

	(void)type;
	if (strcmp(kind, "image") != 0 && strcmp(kind, "video") != 0)
		why = "no picture or film was quoted";
	else if (strcmp(kind, "video") == 0 && json_number_value(json_object_get(media, "seconds")) >
						       json_number_value(json_object_get(sticker, "max_seconds")))
		why = "the film is too long";
	if (why)
		give_up(k, why);
	else
		convert(k, kit_member(media, "id"));
	json_decref(o);
}

static void step(struct job *k)
{
	json_t *sticker = json_object_get(k->doc, "sticker"), *part;

	if (sticker) {
		const char *media = kit_member(sticker, "media");

		if (*media) {
			convert(k, media);
			return;
		}
		snprintf(k->path, sizeof(k->path), "/v1/messages/%.60s", kit_member(sticker, "quoted"));
		ask(k, "GET", k->path, NULL, on_quoted);
		return;
	}
	json_array_foreach(json_object_get(k->doc, "parts"), k->part, part) {
		json_t *content = json_object_get(part, "content"), *body;

		if (!json_object_get(part, "url"))
			continue;
		body = json_pack("{s:O, s:O, s:O*}", "url", json_object_get(part, "url"), "type",
				 json_object_get(content, "kind"), "file_name",
				 json_object_get(json_object_get(content, "media"), "file_name"));
		ask(k, "POST", "/v1/media", body, on_fetched);
		return;
	}
	end_with(k, json_object_get(k->doc, "parts"));
}
