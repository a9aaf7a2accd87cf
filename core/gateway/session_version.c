/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When the server says that our version of WhatsApp Web is outdated, the
 * current one is read from where WhatsApp publishes it (whatsapp.version_url),
 * once for all sessions and with growing pauses; never otherwise. What is found
 * is kept over restarts. Only the last of the three numbers moves.
 */
#include "session_priv.h"

#include <fetch.h>
#include <text.h>

#define WHATSAPP_URL "https://web.whatsapp.com/sw.js"
#define META_KEY "whatsapp.revision"
#define MARK "client_revision"
#define BODY_MAX (4u << 20)
#define TIMEOUT_MS 30000
#define PAUSE_FIRST_MS 60000
#define PAUSE_MAX_MS (6 * 3600 * 1000)
#define TRIES_MAX 16

struct wb_version {
	struct wb_sessions *reg;
	struct wb_fetch *fetch;		/* NULL: none under way */
	int64_t not_before_ms;
	unsigned tries;			/* without success */
	bool hopeless;			/* what is published is what we said */
};

static void current(const struct wb_sessions *reg, uint32_t out[3])
{
	if (reg->version[0])
		memcpy(out, reg->version, sizeof(reg->version));
	else
		wa_client_version(out);
}

/* True: newer than what we say; then it is what we say from now on. */
static bool take(struct wb_sessions *reg, uint32_t revision)
{
	uint32_t v[3];

	current(reg, v);
	if (revision <= v[2])
		return false;
	v[2] = revision;
	memcpy(reg->version, v, sizeof(reg->version));
	return true;
}

int wb_version_load(struct wb_sessions *reg, struct wa_err *err)
{
	struct wa_buf text;
	int64_t revision;
	int r;

	wa_buf_init(&text, 64);
	r = db_meta_get(reg->gw->db, META_KEY, &text, err);
	if (r == 1 && wa_parse_i64(wa_buf_view(&text), 1, UINT32_MAX, &revision) == 0)
		(void)take(reg, (uint32_t)revision);
	wa_buf_clear(&text);
	return r < 0 ? r : 0;
}

/* "client_revision":1234567890, the quotes perhaps with backslashes. 0: not there. */
static uint32_t find_revision(struct wa_span body)
{
	const uint8_t *end = body.ptr + body.len;
	const uint8_t *p = body.len ? memmem(body.ptr, body.len, MARK, strlen(MARK)) : NULL;
	int64_t n = 0;

	if (!p)
		return 0;
	p += strlen(MARK);
	while (p < end && strchr("\\\": ", *p) && *p)
		p++;
	while (p < end && *p >= '0' && *p <= '9' && n <= UINT32_MAX)
		n = n * 10 + (*p++ - '0');
	return n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

/* Those that wait for this. */
static void connect_again(struct wb_sessions *reg)
{
	for (size_t i = 0; i < reg->n; i++) {
		struct wb_session *s = reg->all[i];

		if (s->state == WB_SS_BACKOFF && s->run && s->reason && strcmp(s->reason, "outdated") == 0) {
			s->retry_ms = wb_now(reg->gw);
			wb_session_on_time(s);
		}
	}
}

static void store(struct wb_sessions *reg, uint32_t revision)
{
	struct wb_tx *tx = wb_tx_new(reg->gw);
	char text[16];

	snprintf(text, sizeof(text), "%u", revision);
	(void)db_batch_meta(wb_tx_batch(tx), META_KEY, text);
	wb_tx_commit(tx, NULL, NULL);
}

static void on_fetched(const struct wb_fetch_res *res, const struct wa_err *err, void *ctx)
{
	struct wb_version *v = ctx;
	struct wb_sessions *reg = v->reg;
	uint32_t revision = res && wb_fetch_status(res) == 200 ? find_revision(wb_fetch_body(res)) : 0;

	v->fetch = NULL;
	if (!revision) {
		WB_GATEWAY_LOG(reg->gw, WA_WARN, "whatsapp.version_unknown",
			       WA_I("status", res ? wb_fetch_status(res) : 0),
			       WA_S("error", res ? "the page names no client_revision" : err->msg));
		return;		/* the sessions come back here with their own back-off */
	}
	v->hopeless = !take(reg, revision);
	WB_GATEWAY_LOG(reg->gw, v->hopeless ? WA_WARN : WA_INFO, "whatsapp.version",
		       WA_I("revision", revision), WA_S("note", v->hopeless ? "not newer than ours" : "taken"));
	if (!v->hopeless) {
		v->tries = 0;
		store(reg, revision);
	}
	connect_again(reg);	/* also to be refused for good */
}

/* NULL: never. A gateway of another server does not ask WhatsApp. */
static const char *address(const struct wb_sessions *reg)
{
	const char *url = wb_config_text(reg->gw->config, "whatsapp.version_url");

	if (strcmp(url, "auto") == 0)
		return reg->has_root ? NULL : WHATSAPP_URL;
	return *url ? url : NULL;
}

static void look_up(struct wb_version *v)
{
	struct wb_gateway *gw = v->reg->gw;
	struct wb_fetch_req req = {
		.url = address(v->reg),
		.headers = (const char *const[]){ "User-Agent", "Mozilla/5.0", "Sec-Fetch-Dest", "serviceworker",
						  NULL },
		.timeout_ms = TIMEOUT_MS,
		.max_body = BODY_MAX,
		.owner = "whatsapp.version",
	};
	int64_t pause = (int64_t)PAUSE_FIRST_MS << v->tries;
	struct wa_err err = WA_ERR_INIT;

	v->not_before_ms = wb_now(gw) + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
	if (v->tries < TRIES_MAX)
		v->tries++;
	if (wb_fetch(gw->net, &req, on_fetched, v, &v->fetch, &err) < 0)
		WB_GATEWAY_LOG(gw, WA_WARN, "whatsapp.version_unknown", WA_S("error", err.msg));
}

bool wb_version_outdated(struct wb_sessions *reg)
{
	struct wb_version *v = reg->refresh;

	if (!address(reg))
		return false;
	if (!v) {
		v = reg->refresh = wb_zalloc(sizeof(*v));
		v->reg = reg;
	}
	if (!v->fetch && wb_now(reg->gw) >= v->not_before_ms) {
		v->hopeless = false;
		look_up(v);
	}
	return !v->hopeless;
}

void wb_version_free(struct wb_sessions *reg)
{
	if (!reg->refresh)
		return;
	wb_fetch_cancel(reg->refresh->fetch);
	free(reg->refresh);
	reg->refresh = NULL;
}
