/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_priv.h"
#include "text.h"

#define TIMEOUT_MS 30000
#define CONNECT_TIMEOUT_MS 15000L
#define HEADERS_MAX (64u << 10)	/* bytes of one answer's header block */
/* All hosts, those in use too: above it curl closes what could be used again, so hosts that hang
 * must not reach it. Idle ones end after two minutes by themselves. */
#define CONNECTIONS_MAX 4096L
#define PER_HOST_MAX 32L
#define STREAM_BUFFER (256L << 10)	/* of what is not collected */

struct wb_fetcher {
	struct wb_net *net;
	CURLM *multi;
	struct event *timer;
	struct wa_list fetches;
	struct wa_list sockets;		/* struct watched */
	bool collecting;		/* a collect() is deferred */
	bool dead;
};

/* A socket curl wants watched. */
struct watched {
	struct wb_fetcher *f;
	struct event *ev;
	struct wa_list link;
};

struct wb_fetch {
	struct wb_fetcher *f;
	struct wa_list link;
	CURL *easy;
	struct curl_slist *headers;
	wb_fetch_fn *done;
	void *ctx;
	const char *owner;
	struct wa_buf body;
	struct wa_buf request;
	struct wa_buf head;	/* "name: value\n" lines of the last answer */
	struct wa_buf value;	/* the header last asked for */
	char curl_err[CURL_ERROR_SIZE];
	bool allow_private;
	bool denied;		/* a private address was refused */
	/* streaming */
	int fd;			/* the body's file; -1 none */
	uint64_t body_at, body_len, body_done;
	int (*on_data)(const struct wb_fetch_res *res, struct wa_span bytes, void *ctx);
	uint64_t data, max_data;
	int data_code;		/* what on_data ended it with */
	bool paused;
};

/* What `done` sees: the fetch, for as long as the call lasts. */
struct wb_fetch_res {
	struct wb_fetch *f;
};

static void fetch_free(struct wb_fetch *f)
{
	wa_list_del(&f->link);
	if (f->easy) {
		curl_multi_remove_handle(f->f->multi, f->easy);
		curl_easy_cleanup(f->easy);
	}
	curl_slist_free_all(f->headers);
	if (f->fd >= 0)
		close(f->fd);
	wa_buf_clear(&f->body);
	wa_buf_wipe(&f->request);
	wa_buf_clear(&f->head);
	wa_buf_clear(&f->value);
	free(f);
}

/* ---- curl's callbacks ---- */

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct wb_fetch *f = ctx;

	(void)purpose;
	/* Here is the address itself, whatever a name resolved to before. */
	if (!f->allow_private && wb_addr_is_private(&a->addr)) {
		f->denied = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* A kept connection to a private address must not serve a fetch that may not go there. */
static int before_request(void *ctx, char *peer, char *local, int peer_port, int local_port)
{
	struct wb_fetch *f = ctx;
	struct sockaddr_storage ss;
	int len = sizeof(ss);
	char text[80];

	(void)local;
	(void)peer_port;
	(void)local_port;
	if (f->allow_private)
		return CURL_PREREQFUNC_OK;
	snprintf(text, sizeof(text), strchr(peer, ':') ? "[%s]:1" : "%s:1", peer);
	if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&ss, &len) == 0 &&
	    !wb_addr_is_private((struct sockaddr *)&ss))
		return CURL_PREREQFUNC_OK;
	f->denied = true;
	return CURL_PREREQFUNC_ABORT;
}

/* Part of the answer to whoever takes it as it comes. */
static size_t hand_out(struct wb_fetch *f, struct wa_span bytes)
{
	struct wb_fetch_res res = { f };
	int r;

	if (f->max_data && bytes.len > f->max_data - f->data) {
		f->data_code = WA_ELIMIT;
		return 0;
	}
	r = f->on_data(&res, bytes, f->ctx);
	if (r == 0) {
		f->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (r < 0) {
		f->data_code = r;
		return 0;
	}
	f->data += bytes.len;
	return bytes.len;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct wb_fetch *f = ctx;
	long status = 0;

	if (f->on_data && !curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status) &&
	    status >= 200 && status < 300)
		return hand_out(f, wa_span(data, size * n));
	wa_buf_put(&f->body, data, size * n);
	return f->body.failed ? 0 : size * n;
}

static size_t on_read(char *out, size_t size, size_t n, void *ctx)
{
	struct wb_fetch *f = ctx;
	uint64_t left = f->body_len - f->body_done;
	size_t want = size * n < left ? size * n : (size_t)left;
	ssize_t got = want ? pread(f->fd, out, want, (off_t)(f->body_at + f->body_done)) : 0;

	/* A file that became shorter must not look like its end. */
	if (got < 0 || (want && got == 0))
		return CURL_READFUNC_ABORT;
	f->body_done += (uint64_t)got;
	return (size_t)got;
}

/* curl sends the body once more: a kept connection had died. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct wb_fetch *f = ctx;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > f->body_len)
		return CURL_SEEKFUNC_FAIL;
	f->body_done = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct wb_fetch *f = ctx;

	/* A status line starts the block of another answer: 100, redirect, authentication. */
	if (size * n >= 5 && memcmp(data, "HTTP/", 5) == 0)
		wa_buf_reset(&f->head);
	wa_buf_put(&f->head, data, size * n);
	return f->head.failed ? 0 : size * n;
}

static void fill_error(struct wb_fetch *f, CURLcode c, struct wa_err *err)
{
	const char *why = f->curl_err[0] ? f->curl_err : curl_easy_strerror(c);
	int code = WA_EIO;

	if (f->denied) {
		wa_err_set(err, WA_EDENIED, "the address is private and not allowed");
		return;
	}
	if (f->data_code) {
		wa_err_set(err, f->data_code, "the answer was refused by its reader");
		return;
	}
	if (f->body.failed == WA_ELIMIT) {
		wa_err_set(err, WA_ELIMIT, "the answer is larger than %zu bytes", f->body.max);
		return;
	}
	switch ((int)c) {
	case CURLE_OPERATION_TIMEDOUT:
		code = WA_ETIMEDOUT;
		break;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		code = WA_ECRYPTO;
		break;
	case CURLE_OUT_OF_MEMORY:
		code = WA_ENOMEM;
		break;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		code = WA_EINVALID;
		break;
	case CURLE_FILESIZE_EXCEEDED:
	case CURLE_TOO_MANY_REDIRECTS:
		code = WA_ELIMIT;
		break;
	default:
		break;
	}
	wa_err_detail(err, code, (int)c, "%s", why);
}

static void finish(struct wb_fetch *f, CURLcode c)
{
	struct wb_loop *l = f->f->net->loop;
	struct wa_err err = WA_ERR_INIT;
	struct wb_fetch_res res = { f };
	struct wb_watch w;

	/* Out of reach of wb_fetch_cancel() and net_fetcher_free(). */
	wa_list_del(&f->link);
	if (c != CURLE_OK)
		fill_error(f, c, &err);
	w = wb_watch_begin(l, f->owner);
	f->done(c == CURLE_OK ? &res : NULL, c == CURLE_OK ? NULL : &err, f->ctx);
	wb_watch_end(l, &w);
	fetch_free(f);
}

/* Hand out what has ended. Runs deferred: curl forbids much inside of its own calls. */
static void collect(void *ctx)
{
	struct wb_fetcher *fr = ctx;
	CURLMsg *m;
	int left;

	fr->collecting = false;
	while (!fr->dead && (m = curl_multi_info_read(fr->multi, &left))) {
		char *priv = NULL;
		CURLcode c = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &priv);
		finish((struct wb_fetch *)(void *)priv, c);
	}
	if (fr->dead)
		free(fr);
}

static void collect_soon(struct wb_fetcher *fr)
{
	if (fr->collecting)
		return;
	fr->collecting = true;
	wb_loop_defer(fr->net->loop, collect, fr);
}

static void on_socket(evutil_socket_t fd, short what, void *ctx)
{
	struct wb_fetcher *fr = ctx;
	int running, bits = 0;

	if (what & EV_READ)
		bits |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		bits |= CURL_CSELECT_OUT;
	curl_multi_socket_action(fr->multi, fd, bits, &running);
	collect_soon(fr);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct wb_fetcher *fr = ctx;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(fr->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect_soon(fr);
}

static void watched_free(struct watched *w)
{
	wa_list_del(&w->link);
	if (w->ev)
		event_free(w->ev);
	free(w);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *sock_ctx)
{
	struct wb_fetcher *fr = ctx;
	struct watched *w = sock_ctx;
	short bits = EV_PERSIST;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			watched_free(w);
		curl_multi_assign(fr->multi, fd, NULL);
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return -1;
		w->f = fr;
		wa_list_push_back(&fr->sockets, &w->link);
		curl_multi_assign(fr->multi, fd, w);
	}
	if (what & CURL_POLL_IN)
		bits |= EV_READ;
	if (what & CURL_POLL_OUT)
		bits |= EV_WRITE;
	if (w->ev)
		event_free(w->ev);
	w->ev = event_new(fr->net->base, fd, bits, on_socket, fr);
	return w->ev && event_add(w->ev, NULL) == 0 ? 0 : -1;
}

static int want_timer(CURLM *multi, long ms, void *ctx)
{
	struct wb_fetcher *fr = ctx;
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	(void)multi;
	if (ms < 0)
		event_del(fr->timer);
	else
		event_add(fr->timer, &tv);
	return 0;
}

/* ---- life ---- */

static struct wb_fetcher *fetcher(struct wb_net *net)
{
	struct wb_fetcher *fr;

	if (net->fetcher)
		return net->fetcher;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	fr = calloc(1, sizeof(*fr));
	if (!fr)
		return NULL;
	fr->net = net;
	wa_list_init(&fr->fetches);
	wa_list_init(&fr->sockets);
	fr->multi = curl_multi_init();
	fr->timer = event_new(net->base, -1, 0, on_timer, fr);
	if (!fr->multi || !fr->timer) {
		if (fr->multi)
			curl_multi_cleanup(fr->multi);
		if (fr->timer)
			event_free(fr->timer);
		free(fr);
		return NULL;
	}
	curl_multi_setopt(fr->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(fr->multi, CURLMOPT_SOCKETDATA, fr);
	curl_multi_setopt(fr->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(fr->multi, CURLMOPT_TIMERDATA, fr);
	curl_multi_setopt(fr->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
	curl_multi_setopt(fr->multi, CURLMOPT_MAX_HOST_CONNECTIONS, PER_HOST_MAX);
	net->fetcher = fr;
	return fr;
}

void net_fetcher_free(struct wb_fetcher *fr)
{
	struct wa_err err = WA_ERR_INIT;
	struct wa_list *it, *tmp;

	if (!fr)
		return;
	wa_err_set(&err, WA_ESTATE, "shutting down");
	fr->dead = true;	/* no new ones from inside `done` */
	while ((it = wa_list_first(&fr->fetches))) {
		struct wb_fetch *f = container_of(it, struct wb_fetch, link);

		wa_list_del(&f->link);
		f->done(NULL, &err, f->ctx);
		fetch_free(f);
	}
	curl_multi_cleanup(fr->multi);
	WA_LIST_EACH_SAFE(it, tmp, &fr->sockets)
		watched_free(container_of(it, struct watched, link));
	event_free(fr->timer);
	if (!fr->collecting)
		free(fr);
}

static int add_headers(struct wb_fetch *f, const struct wb_fetch_req *req, struct wa_err *err)
{
	struct wa_buf line;
	int r = WA_OK;

	wa_buf_init(&line, HEADERS_MAX);
	for (size_t i = 0; r == WA_OK && req->headers && req->headers[i] && req->headers[i + 1];
	     i += 2) {
		const char *value = req->headers[i + 1];
		struct curl_slist *more;

		if (strpbrk(req->headers[i], "\r\n:") || strpbrk(value, "\r\n")) {
			r = wa_err_set(err, WA_EINVALID, "line break in a header");
			break;
		}
		wa_buf_reset(&line);
		/* curl's way to say "this header, empty" is a semicolon */
		wa_buf_fmt(&line, *value ? "%s: %s" : "%s;", req->headers[i], value);
		more = curl_slist_append(f->headers, wa_buf_cstr(&line));
		if (!more)
			r = wa_err_set(err, WA_ENOMEM, "no memory for headers");
		else
			f->headers = more;
	}
	wa_buf_wipe(&line);
	return r;
}

static void set_method(struct wb_fetch *f, const struct wb_fetch_req *req)
{
	bool has_body = req->body.len > 0;
	const char *method = req->method ? req->method : has_body || f->fd >= 0 ? "POST" : "GET";

	if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(f->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (f->fd >= 0) {
		bool post = strcmp(method, "POST") == 0;

		curl_easy_setopt(f->easy, post ? CURLOPT_POST : CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(f->easy, post ? CURLOPT_POSTFIELDSIZE_LARGE : CURLOPT_INFILESIZE_LARGE,
				 (curl_off_t)f->body_len);
		curl_easy_setopt(f->easy, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(f->easy, CURLOPT_READDATA, f);
		curl_easy_setopt(f->easy, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(f->easy, CURLOPT_SEEKDATA, f);
		curl_easy_setopt(f->easy, CURLOPT_UPLOAD_BUFFERSIZE, STREAM_BUFFER);
		return;
	}
	if (has_body || strcmp(method, "POST") == 0) {
		curl_easy_setopt(f->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, wa_buf_cstr(&f->request));
		curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
	}
	if (strcmp(method, "GET") != 0 || has_body)
		curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, method);
}

/* A proxy from the environment would resolve for us, past the private check: only what we are told. */
static void set_proxy(CURL *e, const char *proxy)
{
	char text[2048];

	if (!proxy) {
		curl_easy_setopt(e, CURLOPT_PROXY, "");
		return;
	}
	/* curl's socks5:// resolves here, socks5h:// there */
	snprintf(text, sizeof(text), "%s%s", strncmp(proxy, "socks5:", 7) == 0 ? "socks5h" : "",
		 strncmp(proxy, "socks5:", 7) == 0 ? proxy + 6 : proxy);
	curl_easy_setopt(e, CURLOPT_PROXY, text);
	curl_easy_setopt(e, CURLOPT_HTTPPROXYTUNNEL, 1L);
	wa_wipe(text, sizeof(text));
}

static void set_options(struct wb_fetch *f, const struct wb_fetch_req *req)
{
	const char *ca = req->ca_file ? req->ca_file : f->f->net->ca_file;
	CURL *e = f->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, f);
	curl_easy_setopt(e, CURLOPT_URL, req->url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	set_proxy(e, req->proxy);
	if (req->stall_ms) {
		curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)((req->stall_ms + 999) / 1000));
	} else {
		curl_easy_setopt(e, CURLOPT_TIMEOUT_MS,
				 (long)(req->timeout_ms ? req->timeout_ms : TIMEOUT_MS));
	}
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, req->max_redirects ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)req->max_redirects);
	if (f->on_data)
		curl_easy_setopt(e, CURLOPT_BUFFERSIZE, STREAM_BUFFER);
	else
		curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)f->body.max);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->curl_err);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, f);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, f);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "warbler");
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->headers);
	if (ca) {
		curl_easy_setopt(e, CURLOPT_CAINFO, ca);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	if (req->user) {
		if (req->sigv4)
			curl_easy_setopt(e, CURLOPT_AWS_SIGV4, req->sigv4);
		else
			curl_easy_setopt(e, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(e, CURLOPT_USERNAME, req->user);
		curl_easy_setopt(e, CURLOPT_PASSWORD, req->password ? req->password : "");
	}
	set_method(f, req);
}

static int note_host(struct wb_net *net, const char *url, struct wa_err *err)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL, *scheme = NULL;
	int64_t n = 0;
	int r = WA_OK;

	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ||
	    wa_parse_i64(wa_span_str(port), 1, 65535, &n) ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		r = wa_err_set(err, WA_EINVALID, "not an http or https URL");
	else
		wb_hosts_note(net->hosts, host, (uint16_t)n, "http",
			      wb_loop_env(net->loop)->now_ms(wb_loop_env(net->loop)->ctx));
	curl_free(host);
	curl_free(port);
	curl_free(scheme);
	curl_url_cleanup(u);
	return r;
}

int wb_fetch(struct wb_net *net, const struct wb_fetch_req *req, wb_fetch_fn *done, void *ctx,
	     struct wb_fetch **ret_fetch, struct wa_err *err)
{
	struct wb_fetcher *fr = fetcher(net);
	struct wb_fetch *f;
	int r;

	if (!fr || fr->dead)
		r = wa_err_set(err, fr ? WA_ESTATE : WA_ENOMEM, "fetching is not possible now");
	else
		r = note_host(net, req->url, err);
	f = r == WA_OK ? calloc(1, sizeof(*f)) : NULL;
	if (!f) {
		if (req->take_fd > 0)
			close(req->take_fd);
		return r != WA_OK ? r : wa_err_set(err, WA_ENOMEM, "no memory for a fetch");
	}
	f->fd = req->take_fd > 0 ? req->take_fd : -1;
	f->body_at = req->body_at;
	f->body_len = req->body_len;
	f->on_data = req->on_data;
	f->max_data = req->max_data;
	f->f = fr;
	f->done = done;
	f->ctx = ctx;
	f->owner = req->owner ? req->owner : "fetch";
	f->allow_private = req->allow_private || req->proxy || net->allow_private;
	wa_buf_init(&f->body, req->max_body ? req->max_body : WB_FETCH_BODY_MAX);
	wa_buf_init(&f->request, req->body.len + 1);
	wa_buf_init(&f->head, HEADERS_MAX);
	wa_buf_init(&f->value, HEADERS_MAX);
	wa_buf_span(&f->request, req->body);
	wa_list_push_back(&fr->fetches, &f->link);
	r = add_headers(f, req, err);
	if (r == WA_OK && f->fd >= 0) {
		struct curl_slist *more = curl_slist_append(f->headers, "Expect:");

		if (!more)
			r = wa_err_set(err, WA_ENOMEM, "no memory for headers");
		else
			f->headers = more;
	}
	if (r == WA_OK && (f->request.failed || !(f->easy = curl_easy_init())))
		r = wa_err_set(err, WA_ENOMEM, "no memory for a fetch");
	if (r == WA_OK) {
		set_options(f, req);
		if (curl_multi_add_handle(fr->multi, f->easy))
			r = wa_err_set(err, WA_EINTERNAL, "curl refused the transfer");
	}
	if (r != WA_OK) {
		fetch_free(f);
		return r;
	}
	if (ret_fetch)
		*ret_fetch = f;
	return WA_OK;
}

void wb_fetch_cancel(struct wb_fetch *f)
{
	if (f)
		fetch_free(f);
}

void wb_fetch_resume(struct wb_fetch *f)
{
	if (!f->paused)
		return;
	f->paused = false;
	curl_easy_pause(f->easy, CURLPAUSE_CONT);
	collect_soon(f->f);
}

/* ---- the answer ---- */

int wb_fetch_status(const struct wb_fetch_res *res)
{
	long status = 0;

	curl_easy_getinfo(res->f->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

struct wa_span wb_fetch_body(const struct wb_fetch_res *res)
{
	return wa_buf_view(&res->f->body);
}

const char *wb_fetch_header(const struct wb_fetch_res *res, const char *name)
{
	/* The value is made on demand: few callers want any. */
	struct wb_fetch *f = res->f;
	struct wa_span all = wa_buf_view(&f->head), want = wa_span_str(name), found = { NULL, 0 };
	size_t at = 0;

	while (at < all.len) {
		const uint8_t *nl = memchr(all.ptr + at, '\n', all.len - at);
		size_t end = nl ? (size_t)(nl - all.ptr) : all.len;
		struct wa_span line = wa_span(all.ptr + at, end - at);
		const uint8_t *colon = memchr(line.ptr, ':', line.len);

		if (colon && wa_span_ieq(wa_span(line.ptr, (size_t)(colon - line.ptr)), want))
			found = wa_span_trim(wa_span(colon + 1, (size_t)(line.ptr + line.len - colon - 1)));
		at = end + 1;
	}
	if (!found.ptr)
		return NULL;
	wa_buf_reset(&f->value);
	wa_buf_span(&f->value, found);
	return wa_buf_cstr(&f->value);
}

const char *wb_fetch_address(const struct wb_fetch_res *res)
{
	char *ip = NULL;

	curl_easy_getinfo(res->f->easy, CURLINFO_PRIMARY_IP, &ip);
	return ip ? ip : "";
}

uint64_t wb_fetch_ms(const struct wb_fetch_res *res)
{
	curl_off_t us = 0;

	curl_easy_getinfo(res->f->easy, CURLINFO_TOTAL_TIME_T, &us);
	return (uint64_t)(us / 1000);
}
