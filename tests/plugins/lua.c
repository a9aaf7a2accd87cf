/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functions for scripts, and one asked of a script. */
#include "facet.h"

static void echo(void *ctx, struct wb_lua_call *call)
{
	struct facet *f = ctx;

	f->h->lua_return(call, f->h->lua_args(call));
}

static void refuse(void *ctx, struct wb_lua_call *call)
{
	struct facet *f = ctx;

	f->h->lua_fail(call, WB_EDENIED, "not today");
}

struct later {
	struct facet *f;
	struct wb_lua_call *call;
};

static void on_timer(void *ctx)
{
	struct later *l = ctx;

	l->f->h->lua_return(l->call, str("\"later\""));
	free(l);
}

static void later(void *ctx, struct wb_lua_call *call)
{
	struct later *l = malloc(sizeof(*l));

	*l = (struct later){ ctx, call };
	l->f->h->timer(l->f->self, 5, 0, on_timer, l);
}

static void never(void *ctx, struct wb_lua_call *call)
{
	struct facet *f = ctx;

	(void)call;	/* answered when the plugin goes */
	f->h->metric_add(f->self, "waiting", 1);
}

static void on_result(void *ctx, int32_t code, struct wb_str json, const char *message)
{
	(void)ctx, (void)code, (void)json, (void)message;
	abort();	/* there is no script */
}

static int32_t start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct facet *f = facet_new(host, self, ret_state);

	tell(f, "echo", host->lua_function(self, "echo", "(…)", "What it is given", echo, f));
	tell(f, "again", host->lua_function(self, "echo", "()", "", echo, f));
	tell(f, "bad_name", host->lua_function(self, "9 lives", "()", "", echo, f));
	host->lua_function(self, "refuse", "()", "Refuses", refuse, f);
	host->lua_function(self, "later", "()", "Answers later", later, f);
	host->lua_function(self, "never", "()", "Never answers", never, f);
	tell(f, "no_script", host->lua_call(self, "none", "f", str("[1]"), on_result, f));
	return 0;
}

WB_PLUGIN_DEFINE(.name = "lua", .version = "1", .start = start, .stop = facet_stop);
