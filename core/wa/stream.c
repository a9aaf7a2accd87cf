/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wa/stream.h>

#include <zlib.h>

#include "handshake.h"
#include "node_codec.h"
#include "token.h"
#include "wire.h"

#define HANDSHAKE_FRAME_MAX 65536	/* bytes of a frame from an unknown peer */
#define ROUTING_MAX 1024		/* bytes of edge routing info */
#define OUT_MAX ((size_t)64 << 20)	/* bytes queued and not yet written */
#define ARENA_LIMIT ((size_t)64 << 20)	/* memory of one decoded stanza */
#define COMPACT_MIN 65536		/* written bytes kept in front before moving the rest */

#define HEADER_LEN 4
#define INTRO_LEN 7	/* "ED", 0, 1 and a 3-byte length */

static const uint8_t header[HEADER_LEN] = { 'W', 'A', 6, WA_TOKEN_VERSION };
static const uint8_t intro[HEADER_LEN] = { 'E', 'D', 0, 1 };

/*
 *	client: NEW -> start -> SERVER_HELLO -> OPEN
 *	server: HEADER -> HELLO -> FINISH -> OPEN
 *	any:    -> FAILED
 */
enum state {
	ST_NEW,		/* client: not started */
	ST_SERVER_HELLO,	/* client: hello sent */
	ST_HEADER,	/* server: waits for the first bytes */
	ST_HELLO,	/* server: header seen */
	ST_FINISH,	/* server: server hello sent */
	ST_OPEN,
	ST_FAILED,
};

/* What is needed until the stream is open, and freed then. */
struct setup {
	struct wa_handshake hs;
	struct wa_pub root;			/* client */
	struct wa_span payload, routing;	/* client: in the memory behind the struct */
	const struct wa_cert_chain *chain;	/* server */
	uint8_t head[INTRO_LEN + ROUTING_MAX + HEADER_LEN];	/* server: bytes before frames */
	size_t head_len;
};

/* Kept small: a gateway holds one for each idle session. */
struct wa_stream {
	const struct wa_env *env;
	const struct wa_stream_ops *ops;
	void *ctx;
	struct setup *setup;
	size_t setup_size;
	struct wa_cipher rx, tx;
	struct wa_framer framer;
	struct wa_buf out;
	size_t out_pos;		/* bytes of out already written */
	size_t compress_min;
	uint8_t *routing;	/* server: what the client replayed */
	uint16_t routing_len;
	uint8_t state;		/* enum state */
};

static void drop_setup(struct wa_stream *s)
{
	if (!s->setup)
		return;
	wa_wipe(s->setup, s->setup_size);
	free(s->setup);
	s->setup = NULL;
}

static struct wa_stream *new_stream(const struct wa_env *env, const struct wa_stream_ops *ops,
				    void *ctx, size_t extra)
{
	struct wa_stream *s = calloc(1, sizeof(*s));
	size_t size = sizeof(struct setup) + extra;

	if (!s)
		return NULL;
	s->setup = calloc(1, size);
	if (!s->setup) {
		free(s);
		return NULL;
	}
	s->setup_size = size;
	s->env = env;
	s->ops = ops;
	s->ctx = ctx;
	wa_buf_init(&s->out, OUT_MAX);
	return s;
}

/* Copy into the memory behind the setup; *at moves on. */
static struct wa_span keep(uint8_t **at, struct wa_span in)
{
	struct wa_span copy = wa_span(*at, in.len);

	if (in.len > 0)
		memcpy(*at, in.ptr, in.len);
	*at += in.len;
	return copy;
}

int wa_stream_new_client(const struct wa_env *env, const struct wa_stream_ops *ops, void *ctx,
			 const struct wa_stream_client_opts *opts, struct wa_stream **ret_s,
			 struct wa_err *err)
{
	struct wa_stream *s;
	uint8_t *at;

	if (opts->payload.len > HANDSHAKE_FRAME_MAX / 2 || opts->routing_info.len > ROUTING_MAX)
		return wa_err_set(err, WA_EINVALID, "stream: payload or routing info too long");
	s = new_stream(env, ops, ctx, opts->payload.len + opts->routing_info.len);
	if (!s)
		return wa_err_set(err, WA_ENOMEM, "stream: no memory");
	at = (uint8_t *)(s->setup + 1);
	s->setup->payload = keep(&at, opts->payload);
	s->setup->routing = keep(&at, opts->routing_info);
	s->setup->root = opts->root ? *opts->root : wa_root_key;
	wa_handshake_init(&s->setup->hs, env, &opts->noise, wa_span(header, HEADER_LEN));
	s->state = ST_NEW;
	*ret_s = s;
	return WA_OK;
}

int wa_stream_new_server(const struct wa_env *env, const struct wa_stream_ops *ops, void *ctx,
			 const struct wa_cert_chain *chain, struct wa_stream **ret_s,
			 struct wa_err *err)
{
	struct wa_stream *s = new_stream(env, ops, ctx, 0);

	if (!s)
		return wa_err_set(err, WA_ENOMEM, "stream: no memory");
	s->setup->chain = chain;
	wa_handshake_init(&s->setup->hs, env, &chain->leaf, wa_span(header, HEADER_LEN));
	s->state = ST_HEADER;
	*ret_s = s;
	return WA_OK;
}

void wa_stream_free(struct wa_stream *s)
{
	if (!s)
		return;
	drop_setup(s);
	wa_framer_clear(&s->framer);
	wa_buf_clear(&s->out);
	free(s->routing);
	wa_wipe(s, sizeof(*s));
	free(s);
}

/* Start a frame in the output; every start is followed by one frame_end. */
static size_t frame_begin(struct wa_stream *s)
{
	size_t start = s->out.len;

	wa_buf_be24(&s->out, 0);
	return start;
}

/* Finish a frame whose payload was written with result r, or take it back. */
static int frame_end(struct wa_stream *s, size_t start, int r, struct wa_err *err)
{
	size_t len = s->out.len - start - WA_FRAME_HEADER;

	if (r == WA_OK)
		r = wa_buf_end(&s->out, err);
	if (r == WA_OK && len > WA_FRAME_MAX)
		r = wa_err_set(err, WA_ELIMIT, "frame of %zu bytes", len);
	if (r < 0) {
		s->out.len = start;
		s->out.failed = 0;
		if (start == 0)
			wa_buf_clear(&s->out);
		return r;
	}
	for (size_t i = 0; i < WA_FRAME_HEADER; i++)
		s->out.ptr[start + i] = (uint8_t)(len >> (16 - 8 * i));
	return WA_OK;
}

int wa_stream_start(struct wa_stream *s, struct wa_err *err)
{
	struct wa_span routing;
	size_t start;
	int r;

	if (s->state != ST_NEW)
		return wa_err_set(err, WA_ESTATE, "stream: started already");
	routing = s->setup->routing;
	if (routing.len > 0) {
		wa_buf_put(&s->out, intro, sizeof(intro));
		wa_buf_be24(&s->out, (uint32_t)routing.len);
		wa_buf_span(&s->out, routing);
	}
	wa_buf_put(&s->out, header, sizeof(header));
	start = frame_begin(s);
	r = wa_handshake_hello_write(&s->setup->hs, &s->out, err);
	r = frame_end(s, start, r, err);
	s->state = r == WA_OK ? ST_SERVER_HELLO : ST_FAILED;
	return r;
}

/* Switch to the transport keys; `client` is our role. */
static void open_stream(struct wa_stream *s, bool client)
{
	wa_noise_split(&s->setup->hs.noise, client ? &s->tx.key : &s->rx.key,
		       client ? &s->rx.key : &s->tx.key);
	s->state = ST_OPEN;
}

static int on_server_hello(struct wa_stream *s, struct wa_span frame, struct wa_err *err)
{
	size_t start;
	int r = wa_handshake_server_hello_read(&s->setup->hs, frame, &s->setup->root,
					       s->env->now_ms(s->env->ctx), err);

	if (r < 0)
		return r;
	start = frame_begin(s);
	r = wa_handshake_finish_write(&s->setup->hs, s->setup->payload, &s->out, err);
	r = frame_end(s, start, r, err);
	if (r < 0)
		return r;
	open_stream(s, true);
	drop_setup(s);
	if (s->ops->open)
		s->ops->open(s->ctx);
	return WA_OK;
}

static int on_client_hello(struct wa_stream *s, struct wa_span frame, struct wa_err *err)
{
	struct wa_span chain = wa_span(s->setup->chain->bytes, s->setup->chain->len);
	size_t start;
	int r = wa_handshake_hello_read(&s->setup->hs, frame, err);

	if (r < 0)
		return r;
	start = frame_begin(s);
	r = wa_handshake_server_hello_write(&s->setup->hs, chain, &s->out, err);
	r = frame_end(s, start, r, err);
	if (r == WA_OK)
		s->state = ST_FINISH;
	return r;
}

static int on_client_finish(struct wa_stream *s, struct wa_span frame, struct wa_err *err)
{
	struct wa_buf payload;
	struct wa_pub peer;
	int r;

	wa_buf_init(&payload, HANDSHAKE_FRAME_MAX);
	r = wa_handshake_finish_read(&s->setup->hs, frame, &payload, err);
	if (r == WA_OK) {
		peer = s->setup->hs.peer_stat;
		open_stream(s, false);
		drop_setup(s);
		if (s->ops->payload && s->ops->payload(s->ctx, wa_buf_view(&payload), &peer) != 0)
			r = wa_err_set(err, WA_EDENIED, "stream: the client was refused");
	}
	wa_buf_wipe(&payload);
	return r;
}

static int on_stanza(struct wa_stream *s, struct wa_span frame, struct wa_arena *a,
		     struct wa_err *err)
{
	const struct wa_node *node;
	uint8_t *plain;
	int r;

	if (frame.len < WA_GCM_TAG)
		return wa_err_set(err, WA_EPROTO, "stream: frame of %zu bytes", frame.len);
	wa_arena_reset(a);
	plain = wa_arena_alloc(a, frame.len - WA_GCM_TAG);
	if (!plain)
		return wa_err_set(err, WA_ENOMEM, "stream: no memory for a frame");
	r = wa_cipher_open(&s->rx, frame, plain);
	if (r < 0)
		return wa_err_set(err, r, "stream: frame %u is not authentic", s->rx.counter);
	r = wa_node_decode(wa_span(plain, frame.len - WA_GCM_TAG), a, &node, err);
	if (r < 0)
		return r;
	return s->ops->node(s->ctx, node, err);
}

static int on_frame(struct wa_stream *s, struct wa_span frame, struct wa_arena *a,
		    struct wa_err *err)
{
	switch ((enum state)s->state) {
	case ST_SERVER_HELLO:
		return on_server_hello(s, frame, err);
	case ST_HELLO:
		return on_client_hello(s, frame, err);
	case ST_FINISH:
		return on_client_finish(s, frame, err);
	case ST_OPEN:
		return on_stanza(s, frame, a, err);
	case ST_NEW:
	case ST_HEADER:
	case ST_FAILED:
		break;
	}
	return wa_err_set(err, WA_ESTATE, "stream: not started, or failed before");
}

/* Bytes wanted in setup->head given those that are there; 0: complete. */
static size_t head_wanted(const struct setup *u)
{
	size_t routing;

	if (u->head_len < HEADER_LEN)
		return HEADER_LEN - u->head_len;
	if (memcmp(u->head, intro, HEADER_LEN) != 0)
		return 0;
	if (u->head_len < INTRO_LEN)
		return INTRO_LEN - u->head_len;
	routing = (size_t)u->head[4] << 16 | (size_t)u->head[5] << 8 | u->head[6];
	if (routing > ROUTING_MAX)
		return 0;
	return INTRO_LEN + routing + HEADER_LEN - u->head_len;
}

/* Server: [intro routing] header, in pieces of any size. */
static int read_head(struct wa_stream *s, struct wa_span *in, struct wa_err *err)
{
	struct setup *u = s->setup;
	const uint8_t *wa = u->head;
	size_t n;

	while ((n = head_wanted(u)) > 0) {
		if (n > in->len)
			n = in->len;
		if (n == 0)
			return WA_OK;
		memcpy(u->head + u->head_len, in->ptr, n);
		u->head_len += n;
		in->ptr += n;
		in->len -= n;
	}
	if (memcmp(u->head, intro, HEADER_LEN) == 0) {
		wa = u->head + u->head_len - HEADER_LEN;
		if (u->head_len == INTRO_LEN)
			return wa_err_set(err, WA_ELIMIT, "stream: routing info too long");
	}
	if (memcmp(wa, header, HEADER_LEN) != 0)
		return wa_err_set(err, WA_EPROTO, "stream: wrong header %02x%02x%02x%02x", wa[0],
				  wa[1], wa[2], wa[3]);
	n = wa == u->head ? 0 : u->head_len - HEADER_LEN - INTRO_LEN;
	if (n > 0) {
		s->routing = malloc(n);
		if (!s->routing)
			return wa_err_set(err, WA_ENOMEM, "stream: no memory");
		memcpy(s->routing, u->head + INTRO_LEN, n);
		s->routing_len = (uint16_t)n;
	}
	s->state = ST_HELLO;
	return WA_OK;
}

static int feed(struct wa_stream *s, struct wa_span in, struct wa_arena *a, struct wa_err *err)
{
	struct wa_span frame;
	int r = WA_OK;

	if (s->state == ST_HEADER)
		r = read_head(s, &in, err);
	while (r == WA_OK && s->state != ST_HEADER) {
		size_t max = s->state == ST_OPEN ? WA_FRAME_MAX : HANDSHAKE_FRAME_MAX;

		r = wa_framer_next(&s->framer, &in, max, &frame, err);
		if (r <= 0)
			break;
		r = on_frame(s, frame, a, err);
	}
	return r;
}

int wa_stream_feed(struct wa_stream *s, struct wa_span bytes, struct wa_err *err)
{
	struct wa_arena a;
	int r;

	if (s->state == ST_NEW || s->state == ST_FAILED)
		return wa_err_set(err, WA_ESTATE, "stream: not started, or failed before");
	wa_arena_init(&a, ARENA_LIMIT);
	r = feed(s, bytes, &a, err);
	wa_arena_clear(&a);
	if (r < 0) {
		s->state = ST_FAILED;
		wa_framer_clear(&s->framer);
		drop_setup(s);
	}
	return r;
}

/* Deflate the plaintext at `at` (a flags byte first) when that makes it smaller. */
static void compress_plain(struct wa_stream *s, size_t at)
{
	size_t len = s->out.len - at - 1;
	uLongf n = (uLongf)len;
	uint8_t *small = malloc(len);

	if (small && compress2(small, &n, s->out.ptr + at + 1, (uLong)len, Z_BEST_SPEED) == Z_OK) {
		s->out.ptr[at] |= FLAG_COMPRESSED;
		memcpy(s->out.ptr + at + 1, small, n);
		s->out.len = at + 1 + n;
	}
	free(small);
}

/* Seal the plaintext that stands behind the frame's header at `start`, in place. */
static int seal_frame(struct wa_stream *s, size_t start, struct wa_err *err)
{
	size_t at = start + WA_FRAME_HEADER, len;
	int r = wa_buf_end(&s->out, err);

	if (r == WA_OK && s->compress_min > 0 && s->out.len - at > s->compress_min &&
	    !(s->out.ptr[at] & FLAG_COMPRESSED))
		compress_plain(s, at);
	len = s->out.len - at;
	if (r == WA_OK && len > WA_FRAME_MAX - WA_GCM_TAG)
		r = wa_err_set(err, WA_ELIMIT, "stream: stanza of %zu bytes", len);
	if (r == WA_OK && !wa_buf_grow(&s->out, WA_GCM_TAG))
		r = wa_buf_end(&s->out, err);
	if (r == WA_OK) {
		r = wa_cipher_seal(&s->tx, wa_span(s->out.ptr + at, len), s->out.ptr + at);
		if (r < 0)
			wa_err_set(err, r, "stream: out of nonces, reconnect");
	}
	return frame_end(s, start, r, err);
}

static int check_open(const struct wa_stream *s, struct wa_err *err)
{
	if (s->state != ST_OPEN)
		return wa_err_set(err, WA_ESTATE, "stream: not open");
	return WA_OK;
}

int wa_stream_send(struct wa_stream *s, const struct wa_node *n, struct wa_err *err)
{
	size_t start;
	int r = check_open(s, err);

	if (r < 0)
		return r;
	start = frame_begin(s);
	r = wa_node_encode(n, &s->out, err);
	return r < 0 ? frame_end(s, start, r, err) : seal_frame(s, start, err);
}

int wa_stream_send_raw(struct wa_stream *s, struct wa_span plain, struct wa_err *err)
{
	size_t start;
	int r = check_open(s, err);

	if (r < 0)
		return r;
	if (plain.len < 2)
		return wa_err_set(err, WA_EINVALID, "stream: plaintext of %zu bytes", plain.len);
	start = frame_begin(s);
	wa_buf_span(&s->out, plain);
	return seal_frame(s, start, err);
}

void wa_stream_set_compress(struct wa_stream *s, size_t min_len)
{
	s->compress_min = min_len;
}

struct wa_span wa_stream_output(const struct wa_stream *s)
{
	return wa_span(s->out.ptr ? s->out.ptr + s->out_pos : NULL, s->out.len - s->out_pos);
}

void wa_stream_wrote(struct wa_stream *s, size_t n)
{
	s->out_pos += n;
	if (s->out_pos >= s->out.len) {
		wa_buf_clear(&s->out);
		s->out_pos = 0;
	} else if (s->out_pos > COMPACT_MIN && s->out_pos > s->out.len / 2) {
		/* moves less than it has written: linear in all */
		wa_buf_consume(&s->out, s->out_pos);
		s->out_pos = 0;
	}
}

struct wa_span wa_stream_routing_info(const struct wa_stream *s)
{
	return wa_span(s->routing, s->routing_len);
}
