/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ws_priv.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <sys/socket.h>

/* Messages written before other connections get their turn. */
#define WRITES_PER_TURN 32
/* After wb_ws_close(), for what is queued and the peer's answer. */
#define CLOSE_TIMEOUT_MS 10000

const struct lws_protocols ws_protocols[] = {
	{ .name = "wb", .callback = net_ws_callback, .rx_buffer_size = WS_RX_BUFFER,
	  /* Without it lws would cut what we send into pieces of rx_buffer_size. */
	  .tx_packet_size = 1 << 20 },
	{ .name = NULL },
};

/* lws's validity timers are a sorted list; keep-alive is the business of what runs on top. */
const struct lws_retry_bo ws_no_pings = { 0 };

struct wb_ws *ws_new(struct wb_net *net, const struct wb_ws_ops *ops, void *ctx)
{
	struct wb_ws *ws = calloc(1, sizeof(*ws));

	if (!ws)
		return NULL;
	ws->net = net;
	ws->ops = ops;
	ws->ctx = ctx;
	ws->tail = &ws->head;
	ws->queue_max = WB_WS_QUEUE_MAX;
	wa_list_push_back(&net->sockets, &ws->link);
	return ws;
}

void ws_fail(struct wb_ws *ws, int code, int detail, const char *fmt, ...)
{
	char text[sizeof(ws->err->msg)];
	va_list ap;

	if (ws->err)
		return;
	ws->err = calloc(1, sizeof(*ws->err));
	if (!ws->err)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	wa_err_detail(ws->err, code, detail, "%s", text);
}

static void drop_message(struct wb_ws *ws)
{
	if (!ws->message)
		return;
	wa_buf_clear(ws->message);
	free(ws->message);
	ws->message = NULL;
}

static void drop_queue(struct wb_ws *ws)
{
	while (ws->head) {
		struct ws_chunk *c = ws->head;

		ws->head = c->next;
		free(c);
	}
	ws->tail = &ws->head;
	ws->queued = 0;
}

void ws_free(struct wb_ws *ws)
{
	if (ws->freed)
		return;
	ws->freed = true;
	ws->state = WS_GONE;
	wa_list_del(&ws->link);
	if (ws->listener)
		ws->listener->count--;
	ws_dial_free(ws);
	ws_hello_free(ws);
	wb_timer_free(ws->close_timer);
	drop_message(ws);
	drop_queue(ws);
	wb_loop_defer_free(ws->net->loop, ws->err);
	free(ws->remote);
	free(ws->close_reason);
	ws->err = NULL;
	ws->remote = ws->close_reason = NULL;
	wb_loop_defer_free(ws->net->loop, ws);
}

void ws_report_closed(struct wb_ws *ws, int code)
{
	static const struct wa_err unknown = { WA_EIO, 0, "connection lost" };
	static const struct wa_err none = WA_ERR_INIT;
	const struct wa_err *why = ws->err ? ws->err : code == 1006 ? &unknown : &none;
	struct wb_watch w;

	ws->state = WS_GONE;
	if (ws->detached)
		return;
	ws->detached = true;
	w = wb_watch_begin(ws->net->loop, "ws.closed");
	ws->ops->closed(ws, code, why, ws->ctx);
	wb_watch_end(ws->net->loop, &w);
}

void ws_tls_limits(void *ssl_ctx)
{
	SSL_CTX_set_mode(ssl_ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_2_VERSION);
}

/* SSL_MODE_RELEASE_BUFFERS leaves the 16 KiB read buffer behind after a read
 * that found nothing more (OpenSSL 3.0); an idle session must not keep it. */
static void trim(void *ctx)
{
	struct wb_ws *ws = ctx;
	SSL *ssl = ws->wsi ? lws_get_ssl(ws->wsi) : NULL;

	ws->trim_due = false;
	if (ssl)
		SSL_free_buffers(ssl);
}

static void trim_soon(struct wb_ws *ws)
{
	if (ws->trim_due || !lws_is_ssl(ws->wsi))
		return;
	ws->trim_due = true;
	wb_loop_defer(ws->net->loop, trim, ws);
}

/* ---- sending ---- */

/* Wake lws for a connection whose socket it watches, from outside of its callbacks. */
static void kill_socket(struct wb_ws *ws)
{
	int fd = (int)lws_get_socket_fd(ws->wsi);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	if (ws->state == WS_OPEN) {
		lws_rx_flow_control(ws->wsi, 1);
		lws_callback_on_writable(ws->wsi);
	}
	net_pump_soon(ws->net);
}

static int queue(struct wb_ws *ws, struct wa_span data, bool text, struct wa_err *err)
{
	struct ws_chunk *c;

	if (ws->state != WS_OPEN)
		return wa_err_set(err, WA_ESTATE, "the WebSocket is not open");
	if (data.len > ws->queue_max - ws->queued)
		return wa_err_set(err, WA_ELIMIT, "%zu bytes are waiting to be sent", ws->queued);
	c = malloc(sizeof(*c) + LWS_PRE + data.len);
	if (!c)
		return wa_err_set(err, WA_ENOMEM, "no memory for %zu bytes", data.len);
	c->next = NULL;
	c->len = data.len;
	c->text = text;
	if (data.len)
		memcpy(c->bytes + LWS_PRE, data.ptr, data.len);
	if (!ws->head) {
		lws_callback_on_writable(ws->wsi);
		net_pump_soon(ws->net);
	}
	*ws->tail = c;
	ws->tail = &c->next;
	ws->queued += data.len;
	return WA_OK;
}

int wb_ws_send(struct wb_ws *ws, struct wa_span data, struct wa_err *err)
{
	return queue(ws, data, false, err);
}

int wb_ws_send_text(struct wb_ws *ws, struct wa_span utf8, struct wa_err *err)
{
	return queue(ws, utf8, true, err);
}

size_t wb_ws_queued(const struct wb_ws *ws)
{
	return ws->queued;
}

/* Send the close frame and await its answer, at most 5 s. Not by returning -1,
 * lws's documented way: builds with debugging, which Debian's is, then close a
 * second time for a test when on libuv, and the frame is lost. */
static int send_close(struct wb_ws *ws)
{
	unsigned char text[123];
	size_t n = ws->close_reason ? strlen(ws->close_reason) : 0;

	if (ws->close_sent)
		return 0;
	ws->close_sent = true;
	n = n < sizeof(text) ? n : sizeof(text);
	if (n)
		memcpy(text, ws->close_reason, n);
	lws_close_reason(ws->wsi, (enum lws_close_status)ws->close_code, text, n);
	lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
	return 0;
}

static int on_writable(struct wb_ws *ws)
{
	int left = WRITES_PER_TURN;
	bool had = ws->head != NULL;

	if (ws->aborted)
		return -1;
	while (ws->head && left-- > 0) {
		struct ws_chunk *c = ws->head;
		int n = lws_write(ws->wsi, c->bytes + LWS_PRE, c->len,
				  c->text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);

		ws->head = c->next;
		if (!ws->head)
			ws->tail = &ws->head;
		ws->queued -= c->len;
		free(c);
		if (n < 0) {
			ws_fail(ws, WA_EIO, 0, "cannot write to the WebSocket");
			return -1;
		}
		/* What the socket did not take lws keeps, and calls again. */
		if (ws->head && lws_send_pipe_choked(ws->wsi))
			break;
	}
	if (ws->head) {
		lws_callback_on_writable(ws->wsi);
		return 0;
	}
	if (ws->state == WS_CLOSING) {
		if (!lws_partial_buffered(ws->wsi))
			return send_close(ws);
		lws_callback_on_writable(ws->wsi);
		return 0;
	}
	if (had && !ws->detached && ws->ops->drained) {
		struct wb_watch w = wb_watch_begin(ws->net->loop, "ws.drained");

		ws->ops->drained(ws, ws->ctx);
		wb_watch_end(ws->net->loop, &w);
	}
	return ws->aborted ? -1 : 0;
}

/* ---- receiving ---- */

static void hand_over(struct wb_ws *ws, struct wa_span data, bool text)
{
	struct wb_watch w = wb_watch_begin(ws->net->loop, "ws.data");

	ws->ops->data(ws, data, text, ws->ctx);
	wb_watch_end(ws->net->loop, &w);
}

/* Refuse what the peer does, with a close code. */
static int refuse(struct wb_ws *ws, int close_code, int code, const char *why)
{
	ws_fail(ws, code, close_code, "%s", why);
	ws->close_code = close_code;
	free(ws->close_reason);
	ws->close_reason = strdup(why);
	ws->state = WS_CLOSING;
	drop_queue(ws);
	lws_callback_on_writable(ws->wsi);
	return 0;
}

static int on_data(struct wb_ws *ws, struct wa_span data)
{
	bool text = !lws_frame_is_binary(ws->wsi);
	bool first = lws_is_first_fragment(ws->wsi);
	bool last = lws_is_final_fragment(ws->wsi);

	trim_soon(ws);
	if (ws->aborted)
		return -1;
	/* While closing what still comes in is read and dropped. */
	if (ws->detached || ws->state != WS_OPEN)
		return 0;
	if (ws->max_message == 0) {
		if (data.len)
			hand_over(ws, data, text);
		return ws->aborted ? -1 : 0;
	}
	if (first && last) {
		if (data.len > ws->max_message)
			return refuse(ws, 1009, WA_ELIMIT, "message too large");
		hand_over(ws, data, text);
		return ws->aborted ? -1 : 0;
	}
	if (!ws->message) {
		ws->message = malloc(sizeof(*ws->message));
		if (!ws->message)
			return refuse(ws, 1011, WA_ENOMEM, "out of memory");
		wa_buf_init(ws->message, ws->max_message);
	}
	wa_buf_span(ws->message, data);
	if (ws->message->failed)
		return refuse(ws, 1009, WA_ELIMIT, "message too large");
	if (last) {
		hand_over(ws, wa_buf_view(ws->message), text);
		drop_message(ws);
	}
	return ws->aborted ? -1 : 0;
}

static void on_peer_close(struct wb_ws *ws, const uint8_t *in, size_t len)
{
	if (ws->state == WS_OPEN)
		ws->close_code = len >= 2 ? in[0] << 8 | in[1] : 1005;
	if (len > 2)
		ws_fail(ws, WA_EPEER, ws->close_code, "closed by the peer: %.*s", (int)(len - 2),
			(const char *)in + 2);
	else
		ws_fail(ws, WA_EPEER, ws->close_code, "closed by the peer");
}

/* ---- opening and closing ---- */

static int on_open(struct wb_ws *ws, struct lws *wsi)
{
	struct wb_watch w;

	ws->wsi = wsi;
	ws->state = WS_OPEN;
	trim_soon(ws);
	ws_dial_free(ws);
	if (ws->detached)
		return -1;
	/* A failure of an address tried before does not concern this connection. */
	free(ws->err);
	ws->err = NULL;
	w = wb_watch_begin(ws->net->loop, "ws.open");
	if (ws->ops->open)
		ws->ops->open(ws, ws->ctx);
	wb_watch_end(ws->net->loop, &w);
	ws_hello_free(ws);
	return ws->aborted ? -1 : 0;
}

static void on_closed(struct wb_ws *ws)
{
	ws_report_closed(ws, ws->close_code ? ws->close_code : 1006);
}

static void on_close_timeout(void *ctx)
{
	kill_socket(ctx);
}

void wb_ws_close(struct wb_ws *ws, int code, const char *reason)
{
	if (ws->detached)
		return;
	if (ws->state != WS_OPEN) {
		wb_ws_abort(ws);
		return;
	}
	ws->detached = true;
	ws->state = WS_CLOSING;
	ws->close_code = code;
	if (reason)
		ws->close_reason = strdup(reason);
	/* A peer that no longer reads would keep the queue for ever. */
	ws->close_timer = wb_timer_new(ws->net->loop, "ws.close", on_close_timeout, ws);
	if (ws->close_timer)
		wb_timer_start(ws->close_timer, CLOSE_TIMEOUT_MS);
	lws_rx_flow_control(ws->wsi, 1);
	lws_callback_on_writable(ws->wsi);
	net_pump_soon(ws->net);
}

void wb_ws_abort(struct wb_ws *ws)
{
	if (ws->detached)
		return;
	ws->detached = true;
	ws->aborted = true;
	drop_queue(ws);
	if (ws->wsi)
		kill_socket(ws);
	else if (ws->dial)
		ws_dial_cancel(ws);
}

void wb_ws_set_ctx(struct wb_ws *ws, void *ctx)
{
	ws->ctx = ctx;
}

void net_ws_close_all(struct wb_net *net)
{
	struct wa_list *it;

	/* A `closed` op may abort others: start over each time. */
	do {
		WA_LIST_EACH(it, &net->sockets) {
			struct wb_ws *ws = container_of(it, struct wb_ws, link);

			if (ws->detached)
				continue;
			ws_fail(ws, WA_ESTATE, 0, "shutting down");
			ws->aborted = true;
			ws_report_closed(ws, 1006);
			if (!ws->wsi && ws->dial)
				ws_dial_cancel(ws);
			break;
		}
	} while (it != &net->sockets);
}

static int on_certificate(struct wb_ws *ws, X509_STORE_CTX *store, bool ok)
{
	if (!ok)
		ws_fail(ws, WA_ECRYPTO, X509_STORE_CTX_get_error(store), "certificate refused: %s",
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
	return 0;
}

int net_ws_callback(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in, size_t len)
{
	struct wb_ws *ws = wsi ? lws_get_opaque_user_data(wsi) : NULL;

	/* Only the reasons that matter here; lws has a hundred more. */
	switch ((int)why) {
	case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS:
	case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
		ws_tls_limits(user);
		return 0;
	case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
		return ws ? on_certificate(ws, user, len != 0) : 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return ws_server_upgrade(wsi);
	case LWS_CALLBACK_HTTP:
		return ws_server_http(wsi);
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		return ws ? ws_client_header(ws, in, len) : -1;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
	case LWS_CALLBACK_ESTABLISHED:
		return ws ? on_open(ws, wsi) : -1;
	case LWS_CALLBACK_CLIENT_RECEIVE:
	case LWS_CALLBACK_RECEIVE:
		return ws ? on_data(ws, wa_span(in, len)) : -1;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return ws && ws->wsi ? on_writable(ws) : -1;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		/* lws echoes it. */
		if (ws)
			on_peer_close(ws, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		if (!ws || ws->state != WS_CONNECTING)
			return 0;
		if (!ws->err && lws_http_client_http_response(wsi) > 0 &&
		    lws_http_client_http_response(wsi) != 101)
			ws_fail(ws, WA_EPEER, (int)lws_http_client_http_response(wsi),
				"refused with HTTP %u", lws_http_client_http_response(wsi));
		else if (in && len)
			ws_fail(ws, WA_EIO, 0, "%.*s", (int)len, (const char *)in);
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_CLOSED:
		if (ws)
			on_closed(ws);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		if (!ws)
			return 0;
		lws_set_opaque_user_data(wsi, NULL);
		ws->wsi = NULL;
		if (ws->state == WS_CONNECTING && !ws->detached) {
			ws_dial_failed(ws);
			return 0;
		}
		if (ws->state != WS_GONE && !ws->hello)
			on_closed(ws);
		ws_free(ws);
		return 0;
	default:
		return 0;
	}
}
