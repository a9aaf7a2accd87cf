/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What strangers put inside of messages: votes, answers, the JSON of native flows, Messages to be
 * shown, passed on, opened and reported. The first byte says which.
 */
#include "../../../core/wa/client_int.h"
#include "../../../core/wa/json_text.h"

#include <text.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void vote(struct wa_span in)
{
	struct wa_buf out;
	struct wa_vote v;

	wa_buf_init(&out, 1 << 20);
	if (wa_vote_decode(in, &v, NULL) == 0 &&
	    (v.n > WA_POLL_OPTIONS_MAX || wa_vote_encode(&v, &out, NULL)))
		abort();
	wa_buf_clear(&out);
}

static void going(struct wa_span in)
{
	struct wa_going_answer a, b;
	struct wa_buf out;

	wa_buf_init(&out, 1 << 20);
	if (wa_going_decode(in, &a, NULL) == 0 &&
	    (wa_going_encode(&a, &out, NULL) || wa_going_decode(wa_buf_view(&out), &b, NULL) ||
	     a.going != b.going || a.guests != b.guests || a.timestamp_ms != b.timestamp_ms))
		abort();
	wa_buf_clear(&out);
}

static void json(struct wa_span in, struct wa_arena *a)
{
	struct wa_span id = wa_json_string(in, "id", a), back;
	struct wa_buf out;

	wa_buf_init(&out, 16 << 20);
	if (!wa_utf8_valid(id))
		abort();
	wa_buf_str(&out, "{\"id\":");
	wa_json_put(&out, id);
	wa_buf_str(&out, "}");
	back = wa_json_string(wa_buf_view(&out), "id", a);
	if (!wa_span_eq(id, back) && !wa_arena_failed(a))
		abort();
	wa_buf_clear(&out);
}

static void dump(struct wa_span in)
{
	struct wa_buf out;

	wa_buf_init(&out, 64 << 20);
	if (wa_message_dump(in, &out, NULL) == 0 && !wa_utf8_valid(wa_buf_view(&out)))
		abort();
	wa_buf_clear(&out);
}

static void forward(struct wa_span in, struct wa_arena *a)
{
	struct wa_message m;
	struct wa_buf out;

	wa_buf_init(&out, 16 << 20);
	if (wa_message_forward(in, true, &out, NULL) == 0 &&
	    wa_message_decode(wa_buf_view(&out), a, &m, NULL) == 0 &&
	    (m.quoted_id.len || m.n_mentions || m.secret.len) && m.kind != WA_MSG_OTHER)
		abort();
	wa_buf_clear(&out);
}

static void opened(struct wa_span in, int kind, struct wa_arena *a)
{
	struct wa_message m = { .kind = kind, .target_id = wa_span_str("T") };

	if (wa_message_opened(&m, in, a, NULL) == 0 && !wa_span_is(m.target_id, "T"))
		abort();
}

static void report(struct wa_span in)
{
	const struct wa_jid j = { .user = "1", .server = WA_SRV_LID };
	uint8_t token[REPORT_TOKEN_LEN];

	(void)report_token(in, "ID", &j, &j, token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wa_span in;
	struct wa_arena a;

	if (size == 0)
		return 0;
	in = wa_span(data + 1, size - 1);
	wa_arena_init(&a, 1 << 20);
	switch (data[0] % 9) {
	case 0:
		vote(in);
		break;
	case 1:
		going(in);
		break;
	case 2:
		json(in, &a);
		break;
	case 3:
		dump(in);
		break;
	case 4:
		forward(in, &a);
		break;
	case 5:
		opened(in, WA_MSG_ENC_EDIT, &a);
		break;
	case 6:
		opened(in, WA_MSG_ENC_REACTION, &a);
		break;
	case 7:
		opened(in, WA_MSG_COMMENT, &a);
		break;
	default:
		report(in);
		break;
	}
	wa_arena_clear(&a);
	return 0;
}
