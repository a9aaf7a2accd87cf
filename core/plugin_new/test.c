/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loads the plugin as Warbler does, with a host that only pretends, and asks it what it says. */
#include <warbler/plugin.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	wb_event_fn *on_event;
	void *event_ctx;
	struct wb_plugin_route route;
	long long counter;
	int status;
	char body[512];
} fake;

static const char *fake_param(struct wb_plugin *self, const char *name)
{
	(void)self;
	return strcmp(name, "greeting") == 0 ? "Hi" : NULL;
}

static struct wb_sub *fake_subscribe(struct wb_plugin *self, const char *kinds, wb_event_fn *fn, void *ctx)
{
	(void)self, (void)kinds;
	fake.on_event = fn;
	fake.event_ctx = ctx;
	return (struct wb_sub *)&fake;
}

static int32_t fake_route(struct wb_plugin *self, const struct wb_plugin_route *r)
{
	(void)self;
	fake.route = *r;
	return WB_OK;
}

static struct wb_tx *fake_begin(struct wb_plugin *self)
{
	(void)self;
	return (struct wb_tx *)&fake;
}

static void fake_add(struct wb_tx *tx, const char *key, int64_t delta, int64_t expires_ms)
{
	(void)tx, (void)key, (void)expires_ms;
	fake.counter += delta;
}

static void fake_commit(struct wb_tx *tx, wb_done_fn *done, void *ctx)
{
	(void)tx;
	if (done)
		done(ctx, WB_OK, "");
}

static int32_t fake_get(struct wb_plugin *self, const char *key, void (*fn)(void *ctx, struct wb_str value), void *ctx)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%lld", fake.counter);

	(void)self, (void)key;
	fn(ctx, (struct wb_str){ text, (size_t)n });
	return 1;
}

static void fake_reply(struct wb_plugin_req *req, int32_t status, const char *type, struct wb_str body,
		       const struct wb_header *headers, uint32_t n)
{
	(void)req, (void)type, (void)headers, (void)n;
	fake.status = status;
	snprintf(fake.body, sizeof(fake.body), "%.*s", (int)body.len, body.ptr);
}

int main(int argc, char **argv)
{
	static const char want[] = "{\"greeting\":\"Hi\",\"messages\":2}";
	const struct wb_plugin_host host = {
		.size = sizeof(host), .abi = WB_ABI, .param = fake_param, .subscribe = fake_subscribe,
		.route = fake_route, .tx_begin = fake_begin, .tx_kv_add = fake_add, .tx_commit = fake_commit,
		.kv_get = fake_get, .http_reply = fake_reply,
	};
	void *dl = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL, *state = NULL;
	const struct wb_plugin_def *def = dl ? dlsym(dl, "wb_plugin") : NULL;
	struct wb_event ev = { .size = sizeof(ev), .kind = "message.received", .session = "shop" };

	if (!def || def->start(&host, NULL, &state) != WB_OK) {
		fprintf(stderr, "it does not start: %s\n", dl ? "start() failed" : dlerror());
		return 1;
	}
	fake.on_event(fake.event_ctx, &ev);
	fake.on_event(fake.event_ctx, &ev);
	fake.route.fn(fake.route.ctx, NULL);
	def->stop(state);
	if (fake.status != 200 || strcmp(fake.body, want) != 0) {
		fprintf(stderr, "it said %d %s\n", fake.status, fake.body);
		return 1;
	}
	return 0;
}
