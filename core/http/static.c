/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "static.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "http_priv.h"
#include "map.h"
#include "text.h"

#define HEADERS_MAX 8
/* All gzipped copies and small files kept, per set. */
#define CACHE_MAX (32u << 20)
/* Less than this is not worth a Content-Encoding. */
#define GZIP_MIN 256

struct cached {
	char etag[24];
	struct wa_span plain;
	struct wa_buf owned;	/* of plain, when from disk */
	struct wa_buf gz;	/* empty: not worth it */
	int64_t mtime_ns;
	int64_t size;
};

struct wb_static {
	int dir;			/* -1: embedded */
	const struct wb_static_file *files;
	size_t n;
	struct wa_map cache;		/* path -> struct cached */
	size_t cache_bytes;
	struct {
		const char *name, *value;
	} headers[HEADERS_MAX];
	size_t n_headers;
};

static const struct {
	const char *suffix;
	const char *type;
	bool text;	/* gzip helps */
} types[] = {
	{ ".html", "text/html; charset=utf-8", true },
	{ ".js", "text/javascript; charset=utf-8", true },
	{ ".mjs", "text/javascript; charset=utf-8", true },
	{ ".css", "text/css; charset=utf-8", true },
	{ ".json", "application/json", true },
	{ ".map", "application/json", true },
	{ ".yaml", "application/yaml", true },
	{ ".yml", "application/yaml", true },
	{ ".txt", "text/plain; charset=utf-8", true },
	{ ".md", "text/markdown; charset=utf-8", true },
	{ ".lua", "text/plain; charset=utf-8", true },
	{ ".svg", "image/svg+xml", true },
	{ ".xml", "application/xml", true },
	{ ".webmanifest", "application/manifest+json", true },
	{ ".wasm", "application/wasm", true },
	{ ".png", "image/png", false },
	{ ".jpg", "image/jpeg", false },
	{ ".jpeg", "image/jpeg", false },
	{ ".gif", "image/gif", false },
	{ ".webp", "image/webp", false },
	{ ".ico", "image/x-icon", false },
	{ ".woff2", "font/woff2", false },
	{ ".woff", "font/woff", false },
	{ ".mp3", "audio/mpeg", false },
	{ ".ogg", "audio/ogg", false },
	{ ".mp4", "video/mp4", false },
	{ ".pdf", "application/pdf", false },
};

static int type_index(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < WA_ARRAY_LEN(types); i++)
		if (strcasecmp(dot, types[i].suffix) == 0)
			return (int)i;
	return -1;
}

const char *wb_content_type(const char *path)
{
	int i = type_index(path);

	return i < 0 ? "application/octet-stream" : types[i].type;
}

static struct wb_static *static_new(void)
{
	struct wb_static *st = calloc(1, sizeof(*st));

	if (st)
		st->dir = -1;
	return st;
}

struct wb_static *wb_static_embedded(const struct wb_static_file *files, size_t n)
{
	struct wb_static *st = static_new();

	if (!st)
		return NULL;
	st->files = files;
	st->n = n;
	return st;
}

int wb_static_folder(const char *folder, struct wb_static **ret_st, struct wa_err *err)
{
	struct wb_static *st = static_new();

	if (!st)
		return wa_err_set(err, WA_ENOMEM, "no memory for static files");
	st->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->dir < 0) {
		free(st);
		return wa_err_detail(err, WA_EIO, errno, "cannot open %s: %s", folder,
				     strerror(errno));
	}
	*ret_st = st;
	return WA_OK;
}

static void cached_free(struct wb_static *st, struct cached *c)
{
	st->cache_bytes -= c->owned.len + c->gz.len;
	wa_buf_clear(&c->owned);
	wa_buf_clear(&c->gz);
	free(c);
}

static void cache_clear(struct wb_static *st)
{
	size_t it = 0;
	void *v;

	while (wa_map_next(&st->cache, &it, NULL, &v))
		cached_free(st, v);
	wa_map_clear(&st->cache);
}

void wb_static_free(struct wb_static *st)
{
	if (!st)
		return;
	cache_clear(st);
	if (st->dir >= 0)
		close(st->dir);
	free(st);
}

void wb_static_header(struct wb_static *st, const char *name, const char *value)
{
	if (st->n_headers == HEADERS_MAX)
		return;
	st->headers[st->n_headers].name = name;
	st->headers[st->n_headers].value = value;
	st->n_headers++;
}

static void gzip(struct cached *c)
{
	z_stream z = { 0 };
	size_t bound;
	uint8_t *p;

	wa_buf_init(&c->gz, WB_STATIC_FILE_MAX);
	if (c->plain.len < GZIP_MIN || deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY))
		return;
	bound = deflateBound(&z, c->plain.len);
	p = wa_buf_grow(&c->gz, bound);
	z.next_in = (Bytef *)(uintptr_t)c->plain.ptr;
	z.avail_in = (uInt)c->plain.len;
	z.next_out = p;
	z.avail_out = (uInt)bound;
	if (!p || deflate(&z, Z_FINISH) != Z_STREAM_END || z.total_out >= c->plain.len)
		wa_buf_clear(&c->gz);
	else
		c->gz.len = z.total_out;
	deflateEnd(&z);
}

/* Complete and remember. NULL: out of memory; c is freed then. */
static struct cached *cache_put(struct wb_static *st, const char *path, struct cached *c)
{
	int type = type_index(path);
	/* FNV-1a: names a version, protects nothing */
	uint64_t h = 0xcbf29ce484222325u;
	void *old = NULL;

	for (size_t i = 0; i < c->plain.len; i++)
		h = (h ^ c->plain.ptr[i]) * 0x100000001b3u;
	snprintf(c->etag, sizeof(c->etag), "\"%016llx\"", (unsigned long long)h);
	if (type >= 0 && types[type].text)
		gzip(c);
	if (st->cache_bytes + c->owned.len + c->gz.len > CACHE_MAX)
		cache_clear(st);
	st->cache_bytes += c->owned.len + c->gz.len;
	if (wa_map_put(&st->cache, wa_span_str(path), c, &old)) {
		cached_free(st, c);
		return NULL;
	}
	if (old)
		cached_free(st, old);
	return c;
}

static struct cached *find_embedded(struct wb_static *st, const char *path)
{
	struct cached *c = wa_map_get(&st->cache, wa_span_str(path));

	if (c)
		return c;
	for (size_t i = 0; i < st->n; i++) {
		if (strcmp(st->files[i].path, path) != 0)
			continue;
		c = calloc(1, sizeof(*c));
		if (!c)
			return NULL;
		c->plain = st->files[i].bytes;
		return cache_put(st, path, c);
	}
	return NULL;
}

/* Open below the folder without ever following a link: component by component. */
static int open_below(int dir, const char *path)
{
	int at = dup(dir);

	while (at >= 0) {
		size_t n = strcspn(path, "/");
		char name[256];
		int next;

		if (n == 0 || n >= sizeof(name))
			break;
		memcpy(name, path, n);
		name[n] = 0;
		next = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
			      (path[n] ? O_DIRECTORY : 0));
		close(at);
		if (!path[n])
			return next;
		at = next;
		path += n + 1;
	}
	if (at >= 0)
		close(at);
	return -1;
}

static bool read_all(int fd, struct wa_buf *b, size_t size)
{
	while (b->len < size) {
		size_t want = size - b->len < 65536 ? size - b->len : 65536;
		uint8_t *p = wa_buf_grow(b, want);
		ssize_t n = p ? read(fd, p, want) : -1;

		if (n <= 0)
			return false;
		b->len -= want - (size_t)n;
	}
	return true;
}

static struct cached *find_on_disk(struct wb_static *st, const char *path)
{
	int fd = open_below(st->dir, path);
	struct cached *c;
	struct stat sb;
	int64_t mtime;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &sb) || !S_ISREG(sb.st_mode) || sb.st_size > (off_t)WB_STATIC_FILE_MAX) {
		close(fd);
		return NULL;
	}
	mtime = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
	c = wa_map_get(&st->cache, wa_span_str(path));
	if (c && c->mtime_ns == mtime && c->size == sb.st_size) {
		close(fd);
		return c;
	}
	c = calloc(1, sizeof(*c));
	if (c) {
		wa_buf_init(&c->owned, WB_STATIC_FILE_MAX);
		c->mtime_ns = mtime;
		c->size = sb.st_size;
		if (read_all(fd, &c->owned, (size_t)sb.st_size)) {
			c->plain = wa_buf_view(&c->owned);
			c = cache_put(st, path, c);
		} else {
			wa_buf_clear(&c->owned);
			free(c);
			c = NULL;
		}
	}
	close(fd);
	return c;
}

/* No component may be empty or begin with a dot. */
static bool safe(const char *path)
{
	const char *p = path;

	if (strlen(path) > 1024 || strchr(path, '\\'))
		return false;
	for (;;) {
		if (*p == '.' || *p == '/' || *p == 0)
			return false;
		p = strchr(p, '/');
		if (!p)
			return true;
		p++;
	}
}

static struct cached *find(struct wb_static *st, const char *path)
{
	if (!safe(path))
		return NULL;
	return st->dir < 0 ? find_embedded(st, path) : find_on_disk(st, path);
}

static bool accepts_gzip(const struct wb_req *r)
{
	const char *v = wb_req_header(r, "Accept-Encoding");

	/* "gzip;q=0" is a refusal nobody sends; "gzip" anywhere else is consent. */
	return v && strstr(v, "gzip") && !strstr(v, "gzip;q=0,") && !strstr(v, "gzip;q=0 ");
}

static void send_file(struct wb_static *st, struct wb_req *r, const char *path,
		      const struct cached *c)
{
	const char *match = wb_req_header(r, "If-None-Match");
	bool gz = c->gz.len && accepts_gzip(r);
	char etag[40];

	/* Two representations, two tags. */
	snprintf(etag, sizeof(etag), gz ? "\"%.16s-gz\"" : "\"%.16s\"", c->etag + 1);
	for (size_t i = 0; i < st->n_headers; i++)
		wb_reply_header(r, st->headers[i].name, st->headers[i].value);
	wb_reply_header(r, "ETag", etag);
	wb_reply_header(r, "Cache-Control", "no-cache");
	wb_reply_header(r, "X-Content-Type-Options", "nosniff");
	if (c->gz.len)
		wb_reply_header(r, "Vary", "Accept-Encoding");
	if (match && (strstr(match, etag) || strcmp(match, "*") == 0)) {
		wb_reply_empty(r, 304);
		return;
	}
	if (gz)
		wb_reply_header(r, "Content-Encoding", "gzip");
	wb_reply_raw(r, 200, wb_content_type(path), gz ? wa_buf_view(&c->gz) : c->plain);
}

void wb_static_serve(struct wb_static *st, struct wb_req *req, const char *path,
		     const char *fallback)
{
	char index[1100];
	struct cached *c;

	if (!path)
		path = "";
	if (!*path || path[strlen(path) - 1] == '/') {
		snprintf(index, sizeof(index), "%.1024sindex.html", path);
		path = index;
	}
	c = find(st, path);
	if (!c && fallback) {
		path = fallback;
		c = find(st, path);
	}
	if (!c) {
		wb_reply_problem(req, 404, "not_found", "no such file");
		return;
	}
	send_file(st, req, path, c);
}
