/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hello: answers every text that contains "hello", and counts how often. */
#include <warbler/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hello {
	const struct wb_plugin_host *host;
	struct wb_plugin *self;
};

/* "text": "..." of the event's data; a real plugin uses a JSON library. */
static int says(struct wb_str json, const char *word)
{
	char lower[4096];
	size_t n = json.len < sizeof(lower) - 1 ? json.len : sizeof(lower) - 1;

	for (size_t i = 0; i < n; i++)
		lower[i] = (char)(json.ptr[i] >= 'A' && json.ptr[i] <= 'Z' ? json.ptr[i] + 32 : json.ptr[i]);
	lower[n] = '\0';
	return strstr(lower, word) != NULL;
}

static int find_chat(struct wb_str json, char out[128])
{
	const char *p = memmem(json.ptr, json.len, "\"jid\":", 6), *end;

	p = p ? memchr(p + 6, '"', (size_t)(json.ptr + json.len - p - 6)) : NULL;
	end = p ? memchr(p + 1, '"', (size_t)(json.ptr + json.len - p - 1)) : NULL;
	return end && snprintf(out, 128, "%.*s", (int)(end - p - 1), p + 1) < 128;
}

static void on_message(void *ctx, const struct wb_event *ev)
{
	struct hello *h = ctx;
	char to[128], id[27];
	struct wb_tx *tx;

	if (!says(ev->json, "hello") || !find_chat(ev->json, to))
		return;
	tx = h->host->tx_begin(h->self);
	h->host->tx_send(tx,
			 &(struct wb_send){ .size = sizeof(struct wb_send), .session = ev->session, .to = to,
					    .text = "Hello! This is a plugin speaking.", .message_class = "reply",
					    .idempotency_key = ev->id },
			 id);
	h->host->tx_commit(tx, NULL, NULL);
	h->host->metric_add(h->self, "greetings_total", 1);
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct hello *h = calloc(1, sizeof(*h));

	if (!h)
		return WB_ENOMEM;
	h->host = host;
	h->self = self;
	if (!host->subscribe(self, "message.received", on_message, h)) {
		free(h);
		return WB_ENOMEM;
	}
	*ret_state = h;
	return WB_OK;
}

static void stop(void *state)
{
	free(state); /* the host revokes the subscription */
}

WB_PLUGIN_DEFINE(.name = "hello", .version = "1.0", .summary = "Answers hello", .license = "GPL-3.0-or-later",
		 .start = start, .stop = stop);
