/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files on the disk: names, writing, quota, and taking away what nobody names. */
#include "media_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <ulid.h>
#include <unistd.h>

#define EVICT_ROWS 64
#define SWEEP_ROWS 200
#define ORPHAN_MS (3600 * 1000LL)	/* a file's row may come a little after the file */
#define DAY_MS (24 * 3600 * 1000LL)
#define PRUNE_ROWS 500

int media_err_disk(struct wa_err *err, const char *what)
{
	int e = errno;

	return wa_err_detail(err, e == ENOSPC || e == EDQUOT ? WA_ELIMIT : WA_EIO, e, "%s: %s", what,
			     e == ENOSPC || e == EDQUOT ? "no space left" : strerror(e));
}

static int make_dir(const char *path, struct wa_err *err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return media_err_disk(err, path);
	return WA_OK;
}

static void path_of(const char *dir, const char *name, char path[MEDIA_PATH])
{
	snprintf(path, MEDIA_PATH, "%s/%.2s/%s", dir, name, name + 2);
}

/* A second name of a stored file, until its row is committed: what is found under it at the next start is of nobody. */
static void claim_of(const char *dir, const char *name, char path[MEDIA_PATH])
{
	snprintf(path, MEDIA_PATH, "%s/tmp/%s", dir, name);
}

static void unlink_file(struct wb_media_store *ms, const char *name)
{
	char path[MEDIA_PATH];

	path_of(ms->dir, name, path);
	(void)!unlink(path);
}

/* Its row came, or will not. */
static void unclaim(struct wb_media_store *ms, const char *name)
{
	struct db_media_file f;
	char path[MEDIA_PATH];
	int r = db_media_file_get(ms->gw->db, name, &f, NULL);

	if (r == 0 || (r > 0 && !f.on_disk))
		unlink_file(ms, name);
	claim_of(ms->dir, name, path);
	if (r >= 0)
		(void)!unlink(path);
}

/* What a crash left half done. */
static void clear_tmp(struct wb_media_store *ms)
{
	DIR *d = opendir(ms->tmp_dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strlen(e->d_name) == MEDIA_NAME && strspn(e->d_name, "0123456789abcdef") == MEDIA_NAME)
			unclaim(ms, e->d_name);
		else if (e->d_name[0] != '.')
			(void)!unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

int media_store_open(struct wb_media_store *ms, struct wa_err *err)
{
	const char *dir = wb_config_text(ms->gw->config, "media.dir");
	const char *data = wb_config_text(ms->gw->config, "data_dir");
	char path[MEDIA_PATH];
	int64_t bytes = 0, files = 0;
	int r;

	snprintf(path, sizeof(path), "%s%s", *dir ? dir : data, *dir ? "" : "/media");
	if (strlen(path) > MEDIA_PATH - MEDIA_NAME - 16)
		return wa_err_set(err, WA_EINVALID, "media.dir is too long");
	ms->dir = wb_strdup(path);
	r = make_dir(path, err);
	snprintf(path, sizeof(path), "%s/tmp", ms->dir);
	ms->tmp_dir = wb_strdup(path);
	if (r == WA_OK)
		r = make_dir(path, err);
	if (r == WA_OK)
		r = db_media_file_totals(ms->gw->db, &bytes, &files, err);
	if (r < 0)
		return r;
	clear_tmp(ms);
	ms->bytes = (uint64_t)bytes;
	ms->files = (uint64_t)files;
	return WA_OK;
}

void media_store_path(const struct wb_media_store *ms, const char *name, char path[MEDIA_PATH])
{
	path_of(ms->dir, name, path);
}

int media_tmp(const struct wb_media_store *ms, char path[MEDIA_PATH], struct wa_err *err)
{
	char id[WA_ULID_LEN + 1];
	int fd;

	snprintf(path, MEDIA_PATH, "%s/tmp/%s", ms->dir, wa_ulid(id, wb_now(ms->gw)));
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? media_err_disk(err, "media file") : fd;
}

int media_write(int fd, struct wa_span bytes, uint64_t at, struct wa_err *err)
{
	while (bytes.len) {
		ssize_t n = pwrite(fd, bytes.ptr, bytes.len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return media_err_disk(err, "media file");
		at += (uint64_t)n;
		bytes = wa_span(bytes.ptr + n, bytes.len - (size_t)n);
	}
	return WA_OK;
}

static int sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return -1;
	r = fsync(fd);
	close(fd);
	return r;
}

int media_keep(int fd, const char *dir, const char *tmp, const char *name, struct wa_err *err)
{
	char path[MEDIA_PATH], folder[MEDIA_PATH], claim[MEDIA_PATH];

	path_of(dir, name, path);
	claim_of(dir, name, claim);
	snprintf(folder, sizeof(folder), "%s/%.2s", dir, name);
	if (fsync(fd) < 0)
		return media_err_disk(err, "media file");
	if (make_dir(folder, err) < 0)
		return err ? err->code : WA_EIO;
	/* several may have the same file; a disk without links may leak one in a crash */
	(void)!link(tmp, claim);
	if (rename(tmp, path) < 0 || sync_dir(folder) < 0 || sync_dir(dir) < 0)
		return media_err_disk(err, "media file");
	return WA_OK;
}

/* ---- counting ---- */

struct counted {
	struct wb_media_store *ms;
	char name[MEDIA_NAME + 1];
	uint64_t size;
	bool known;	/* it was there before */
};

static void on_kept(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct counted *c = ctx;
	struct wb_media_store *ms = c->ms;

	(void)err;
	(void)res;
	if (code == 0 && !c->known) {
		ms->bytes += c->size;
		ms->files++;
	}
	unclaim(ms, c->name);
	free(c);
	if (code == 0 && !ms->stopping) {
		media_evict(ms);
		media_s3_copy(ms);
	}
}

void media_kept(struct wb_media_store *ms, struct wb_tx *tx, const char *name, uint64_t size)
{
	struct counted *c = wb_zalloc(sizeof(*c));
	struct db_media_file f;

	c->ms = ms;
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->size = size;
	c->known = db_media_file_get(ms->gw->db, name, &f, NULL) > 0 && f.on_disk;
	db_batch_media_file_put(wb_tx_batch(tx), name, (int64_t)size);
	wb_tx_hook(tx, on_kept, c);
}

static void uncount(struct wb_media_store *ms, uint64_t size)
{
	ms->bytes -= size < ms->bytes ? size : ms->bytes;
	ms->files -= ms->files > 0;
}

/* ---- names of files, chosen by a query, dealt with after a commit ---- */

struct victim {
	char name[MEDIA_NAME + 1];
	uint64_t size;
	bool on_disk, remote;
	size_t op;
};

struct victims {
	struct wb_media_store *ms;
	struct victim v[SWEEP_ROWS];
	size_t n;
	uint64_t need;		/* bytes to free; 0: all */
	uint64_t have;
};

static int take(void *ctx, const struct db_media_file *f)
{
	struct victims *t = ctx;
	struct victim *v = &t->v[t->n];

	if (strlen(f->name) != MEDIA_NAME)
		return 0;
	snprintf(v->name, sizeof(v->name), "%s", f->name);
	v->size = (uint64_t)f->size;
	v->on_disk = f->on_disk;
	v->remote = f->remote;
	t->have += v->size;
	t->n++;
	return t->n == SWEEP_ROWS || (t->need && t->have >= t->need);
}

/* ---- quota ---- */

static void on_evicted(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct victims *t = ctx;
	struct wb_media_store *ms = t->ms;

	(void)err;
	for (size_t i = 0; code == 0 && i < t->n; i++) {
		struct victim *v = &t->v[i];

		if (v->op >= res->n_rows || res->rows[v->op] == 0)
			continue;
		unlink_file(ms, v->name);
		uncount(ms, v->size);
		ms->stats.evicted++;
	}
	ms->evicting = false;
	if (code == 0 && t->n && !ms->stopping)
		media_evict(ms);
	free(t);
}

void media_evict(struct wb_media_store *ms)
{
	struct victims *t;
	struct wb_tx *tx;

	if (ms->evicting || ms->stopping || !ms->quota || ms->bytes <= ms->quota)
		return;
	t = wb_zalloc(sizeof(*t));
	t->ms = ms;
	/* a little more than needed, so that not every file asks again */
	t->need = ms->bytes - ms->quota + ms->quota / 50;
	if (db_media_file_evictable(ms->gw->db, EVICT_ROWS, take, t, NULL) < 0 || t->n == 0) {
		free(t);
		return;
	}
	ms->evicting = true;
	tx = wb_tx_new(ms->gw);
	for (size_t i = 0; i < t->n; i++)
		t->v[i].op = db_batch_media_file_evicted(wb_tx_batch(tx), t->v[i].name);
	wb_tx_commit(tx, on_evicted, t);
}

void media_lost(struct wb_media_store *ms, const char *name)
{
	struct wb_tx *tx = wb_tx_new(ms->gw);
	struct db_media_file f;

	if (db_media_file_get(ms->gw->db, name, &f, NULL) > 0 && f.on_disk)
		uncount(ms, (uint64_t)f.size);
	db_batch_media_file_evicted(wb_tx_batch(tx), name);
	wb_tx_commit(tx, NULL, NULL);
}

/* ---- what nobody names ---- */

static void on_swept(void *ctx, int code, const struct wa_err *err, const struct db_result *res)
{
	struct victims *t = ctx;
	struct wb_media_store *ms = t->ms;
	bool more = t->n == SWEEP_ROWS;

	(void)err;
	for (size_t i = 0; code == 0 && i < t->n; i++) {
		struct victim *v = &t->v[i];

		if (v->op >= res->n_rows || res->rows[v->op] == 0)
			continue;
		if (v->on_disk) {
			unlink_file(ms, v->name);
			uncount(ms, v->size);
		}
		if (v->remote)
			media_s3_del(ms, v->name);
	}
	ms->sweeping = false;
	free(t);
	if (ms->stopping)
		return;
	if (ms->forget_again)
		wb_media_forget(ms->gw);
	else if (code == 0 && more)
		wb_media_sweep(ms);
}

/* Only downloads can bring a name back that is just being forgotten: those can be had again. */
static void sweep(struct wb_media_store *ms, int64_t older_than_ms, int64_t given_before_ms)
{
	struct victims *t = wb_zalloc(sizeof(*t));
	struct wb_tx *tx = wb_tx_new(ms->gw);

	ms->sweeping = true;
	t->ms = ms;
	if (given_before_ms)
		db_batch_media_prune(wb_tx_batch(tx), given_before_ms, PRUNE_ROWS);
	if (db_media_file_orphans(ms->gw->db, older_than_ms, SWEEP_ROWS, take, t, NULL) < 0)
		t->n = 0;
	for (size_t i = 0; i < t->n; i++)
		t->v[i].op = db_batch_media_file_forget(wb_tx_batch(tx), t->v[i].name);
	wb_tx_commit(tx, on_swept, t);
}

void wb_media_sweep(struct wb_media_store *ms)
{
	int64_t now, keep;

	if (!ms || ms->sweeping || ms->stopping)
		return;
	now = wb_now(ms->gw);
	keep = wb_config_int(ms->gw->config, "media.keep_given_days");
	sweep(ms, now - ORPHAN_MS, keep ? now - keep * DAY_MS : 0);
	media_s3_copy(ms);
}

void wb_media_forget(struct wb_gateway *gw)
{
	struct wb_media_store *ms = gw->media;

	if (!ms || ms->stopping)
		return;
	ms->forget_again = ms->sweeping;
	if (!ms->sweeping)
		sweep(ms, INT64_MAX, 0);
}
