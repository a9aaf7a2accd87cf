/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a phone sends to a companion that logs in for the first time: a key of
 * the app state, then its history (history.c): stock clients hold back events
 * until they have seen some.
 */
#include "inside.h"

/* Field numbers of the messages that are written here only. */
enum {
	F_MESSAGE_PROTOCOL = 12,
	F_PROTOCOL_TYPE = 2,
	F_PROTOCOL_KEY_SHARE = 7,
	F_SHARE_KEYS = 1,
	F_KEY_ID = 1,
	F_KEY_DATA = 2,
	F_ID_BYTES = 1,
	F_DATA_BYTES = 1,
	F_DATA_FINGERPRINT = 2,
	F_DATA_TIMESTAMP = 3,
	F_PRINT_RAW_ID = 1,
	F_PRINT_INDEX = 2,
};

enum { TYPE_KEY_SHARE = 6 };

#define SMALL_MAX 4096

static void put_varint(struct wa_buf *b, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		wa_buf_u8(b, (uint8_t)(v | 0x80));
	wa_buf_u8(b, (uint8_t)v);
}

static void put_num(struct wa_buf *b, unsigned field, uint64_t v)
{
	put_varint(b, field << 3);
	put_varint(b, v);
}

static void put_bytes(struct wa_buf *b, unsigned field, struct wa_span s)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, s.len);
	wa_buf_span(b, s);
}

/* Message{protocolMessage{type, <field>: body}} */
static void protocol_message(struct wa_buf *out, unsigned type, unsigned field, struct wa_span body)
{
	SB_AUTO_BUF struct wa_buf pm = { 0 };

	wa_buf_init(&pm, SMALL_MAX);
	put_num(&pm, F_PROTOCOL_TYPE, type);
	put_bytes(&pm, field, body);
	put_bytes(out, F_MESSAGE_PROTOCOL, wa_buf_view(&pm));
}

static void key_share(struct sb_account *a, struct wa_buf *out)
{
	SB_AUTO_BUF struct wa_buf id = { 0 }, print = { 0 }, data = { 0 }, key = { 0 },
				  share = { 0 };
	uint8_t secret[32], name[6] = { 0, 0, 0, 0, 0, 1 };

	wa_buf_init(&id, SMALL_MAX);
	wa_buf_init(&print, SMALL_MAX);
	wa_buf_init(&data, SMALL_MAX);
	wa_buf_init(&key, SMALL_MAX);
	wa_buf_init(&share, SMALL_MAX);
	sb_random(a->s, secret, sizeof(secret));
	put_bytes(&id, F_ID_BYTES, wa_span(name, sizeof(name)));
	put_num(&print, F_PRINT_RAW_ID, a->raw_id);
	put_num(&print, F_PRINT_INDEX, a->next_key_index);
	put_bytes(&data, F_DATA_BYTES, wa_span(secret, sizeof(secret)));
	put_bytes(&data, F_DATA_FINGERPRINT, wa_buf_view(&print));
	put_num(&data, F_DATA_TIMESTAMP, (uint64_t)sb_now(a->s) / 1000);
	put_bytes(&key, F_KEY_ID, wa_buf_view(&id));
	put_bytes(&key, F_KEY_DATA, wa_buf_view(&data));
	put_bytes(&share, F_SHARE_KEYS, wa_buf_view(&key));
	protocol_message(out, TYPE_KEY_SHARE, F_PROTOCOL_KEY_SHARE, wa_buf_view(&share));
}

static void give(struct sb_device *d, const struct wa_buf *m)
{
	SB_ERR(err);

	if (sb_sim_peer(d->acc->devices[0]->sim, d, wa_buf_view(m), &err))
		sb_log(d->acc->s, WA_WARN, "sandbox.welcome_failed", "error", err.msg);
}

void sb_welcome(struct sb_device *d)
{
	SB_AUTO_BUF struct wa_buf m = { 0 };

	if (d->welcomed || d->sim || !d->acc->online)
		return;
	d->welcomed = true;
	sb_keep_device(d);
	wa_buf_init(&m, SMALL_MAX);
	key_share(d->acc, &m);
	give(d, &m);
	sb_history_welcome(d);
}
