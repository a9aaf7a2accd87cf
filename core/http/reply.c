/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>
#include <unistd.h>

#include "http_priv.h"

/* Up to here the body is sent together with the head, in one write. */
#define ONE_WRITE_MAX (64u << 10)

static const struct {
	int status;
	const char *text;
} reasons[] = {
	{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
	{ 206, "Partial Content" }, { 301, "Moved Permanently" }, { 302, "Found" },
	{ 303, "See Other" }, { 304, "Not Modified" }, { 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
	{ 402, "Payment Required" }, { 403, "Forbidden" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" }, { 408, "Request Timeout" },
	{ 409, "Conflict" }, { 410, "Gone" }, { 411, "Length Required" },
	{ 412, "Precondition Failed" }, { 413, "Content Too Large" }, { 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" }, { 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" }, { 422, "Unprocessable Content" }, { 423, "Locked" },
	{ 425, "Too Early" }, { 428, "Precondition Required" }, { 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" }, { 451, "Unavailable For Legal Reasons" },
	{ 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" },
	{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" }, { 507, "Insufficient Storage" },
};

static const char *reason(int status)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}

static const char *date_now(void)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	static char text[40];
	static time_t made;
	time_t now = time(NULL);
	struct tm tm;

	if (now == made)
		return text;
	made = now;
	gmtime_r(&now, &tm);
	snprintf(text, sizeof(text), "%s, %02d %s %d %02d:%02d:%02d GMT", days[tm.tm_wday],
		 tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return text;
}

void wb_reply_header(struct wb_req *r, const char *name, const char *value)
{
	if (!value || strpbrk(name, "\r\n: ") || strpbrk(value, "\r\n")) {
		WA_LOG(wb_loop_env(r->http->loop), WA_WARN, "http.header_refused",
		       WA_S("name", name));
		return;
	}
	wa_buf_str(&r->headers, name);
	wa_buf_str(&r->headers, ": ");
	wa_buf_str(&r->headers, value);
	wa_buf_str(&r->headers, "\r\n");
}

/* Statuses that never have a body, hence no length either. */
static bool bodyless(int status)
{
	return status == 204 || status == 304 || (status >= 100 && status < 200);
}

void reply_head(struct wb_req *r, int status, const char *type, int64_t length, struct wa_buf *out)
{
	wa_buf_fmt(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, reason(status), date_now());
	if (r->http->opts.server_name) {
		wa_buf_str(out, "Server: ");
		wa_buf_str(out, r->http->opts.server_name);
		wa_buf_str(out, "\r\n");
	}
	if (type) {
		wa_buf_str(out, "Content-Type: ");
		wa_buf_str(out, type);
		wa_buf_str(out, "\r\n");
	}
	if (length >= 0 && !bodyless(status))
		wa_buf_fmt(out, "Content-Length: %lld\r\n", (long long)length);
	if (!r->conn->keep_alive)
		wa_buf_str(out, "Connection: close\r\n");
	else if (r->head.minor == 0)
		wa_buf_str(out, "Connection: keep-alive\r\n");
	wa_buf_span(out, wa_buf_view(&r->headers));
	wa_buf_str(out, "\r\n");
}

static bool wants_body(const struct wb_req *r, int status)
{
	return !bodyless(status) && strcmp(r->head.method, "HEAD") != 0;
}

/* The reply is on its way: let the connection go on, and forget the request. */
static void done(struct wb_req *r, int status, size_t bytes)
{
	struct conn *c = r->conn;

	r->gone_fn = NULL;
	if (c && c->http->draining)
		c->keep_alive = false;
	if (c)
		conn_replied(c);
	req_end(r, c ? status : 0, bytes);
}

/* Closes the connection after this reply when the server is shutting down; the
 * head has to say so. */
static void settle_keep_alive(struct wb_req *r)
{
	if (r->http->draining || r->unread)
		r->conn->keep_alive = false;
}

void wb_reply_raw(struct wb_req *r, int status, const char *type, struct wa_span body)
{
	bool with_body = wants_body(r, status);
	struct wa_buf out;

	if (req_hold_reply(r, status, type, body))
		return;
	if (r->local)
		local_answer(r, status, type, with_body ? body : wa_span(NULL, 0));
	if (!r->conn) {
		done(r, 0, 0);
		return;
	}
	settle_keep_alive(r);
	wa_buf_init(&out, 65536 + ONE_WRITE_MAX);
	reply_head(r, status, type, (int64_t)body.len, &out);
	if (with_body && body.len <= ONE_WRITE_MAX)
		wa_buf_span(&out, body);
	if (out.failed) {
		/* Nothing was said yet, and nothing can be. */
		conn_free(r->conn);
	} else {
		conn_write(r->conn, wa_buf_view(&out));
		if (with_body && body.len > ONE_WRITE_MAX)
			conn_write(r->conn, body);
	}
	wa_buf_clear(&out);
	done(r, status, body.len);
}

void wb_reply_empty(struct wb_req *r, int status)
{
	wb_reply_raw(r, status, NULL, wa_span(NULL, 0));
}

void wb_reply_json(struct wb_req *r, int status, json_t *take_body)
{
	char *text = NULL;

	if (take_body && (r->conn || r->local || r->reply_fn))
		text = json_dumps(take_body, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(take_body);
	if (!text && (r->conn || r->local)) {
		wb_reply_raw(r, 500, "application/problem+json",
			     wa_span_str("{\"type\":\"about:blank\",\"title\":\"Internal Server Error\","
					 "\"status\":500,\"code\":\"no_memory\"}"));
		return;
	}
	wb_reply_raw(r, status, "application/json", wa_span_str(text));
	free(text);
}

struct moved {
	void (*release)(const void *ptr, size_t len, void *ctx);
	void *ctx;
};

static void on_sent(const void *ptr, size_t len, void *ctx)
{
	struct moved *m = ctx;

	m->release(ptr, len, m->ctx);
	free(m);
}

void wb_reply_ref(struct wb_req *r, int status, const char *type, struct wa_span body,
		  void (*release)(const void *ptr, size_t len, void *ctx), void *ctx)
{
	struct moved *m = malloc(sizeof(*m));
	struct wa_buf out;

	if (!m || !r->conn || !wants_body(r, status) || body.len <= ONE_WRITE_MAX) {
		free(m);
		wb_reply_raw(r, status, type, body);
		release(body.ptr, body.len, ctx);
		return;
	}
	m->release = release;
	m->ctx = ctx;
	settle_keep_alive(r);
	wa_buf_init(&out, 65536);
	reply_head(r, status, type, (int64_t)body.len, &out);
	conn_write(r->conn, wa_buf_view(&out));
	if (out.failed || evbuffer_add_reference(bufferevent_get_output(r->conn->bev), body.ptr,
						 body.len, on_sent, m)) {
		on_sent(body.ptr, body.len, m);
		conn_free(r->conn);
	}
	wa_buf_clear(&out);
	done(r, status, body.len);
}

void wb_reply_problem_with(struct wb_req *r, int status, const char *code, const char *detail,
			   json_t *take_extra)
{
	json_t *o = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", reason(status),
			      "status", status, "code", code);
	char *text = NULL;

	if (o && detail)
		json_object_set_new(o, "detail", json_string(detail));
	if (o && take_extra)
		json_object_update_missing(o, take_extra);
	json_decref(take_extra);
	if (o)
		text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	wb_reply_raw(r, text ? status : 500, "application/problem+json", wa_span_str(text));
	free(text);
}

void wb_reply_problem(struct wb_req *r, int status, const char *code, const char *detail)
{
	wb_reply_problem_with(r, status, code, detail, NULL);
}

void wb_reply_err(struct wb_req *r, const struct wa_err *err)
{
	wb_reply_problem(r, wa_code_http(err->code), wa_code_str(err->code),
			 err->msg[0] ? err->msg : NULL);
}
