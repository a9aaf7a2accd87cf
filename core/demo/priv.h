/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DEMO_PRIV_H
#define WB_DEMO_PRIV_H

/*
 * The demo reads like a script: a call returns when it is answered, because
 * waiting means turning the loop (demo_wait). The receiver of webhooks and the
 * children's output are served by the same loop meanwhile.
 *
 * Functions return 0, or -1 with the reason in d->why.
 */
#include <jansson.h>
#include <log.h>
#include <loop.h>
#include <net.h>
#include <server.h>
#include <sys/types.h>

#define DEMO_STEP_MS 20000	/* a step that takes longer has failed */
#define DEMO_LINES 40		/* of a child's output that are kept */
#define DEMO_LINE_MAX 512
#define DEMO_HOOKS_MAX 256	/* webhooks remembered */
#define DEMO_TEXT 256

#define DEMO_SHOP "12025550100"
#define DEMO_CUSTOMER "12025550123"
/* One customer for each answer: nobody is sent two messages within a second (pacing.recipient_ms). */
#define DEMO_OMAR "12025550124"
#define DEMO_MONA "12025550125"

struct demo;
struct event;

/* A program we started. What it prints tells where it is. */
struct demo_child {
	struct demo *d;
	const char *name;
	pid_t pid;			/* 0: not running */
	int status;			/* of waitpid, once it is gone */
	int fd;				/* its output; -1 closed */
	struct event *readable;
	char lines[DEMO_LINES][DEMO_LINE_MAX];
	size_t n_lines;			/* ever seen */
	char part[DEMO_LINE_MAX];	/* a line that has no end yet */
	size_t part_len;
	/* the first of each kind it printed; "" not yet */
	char ws[DEMO_TEXT];		/* ws://... */
	char http[DEMO_TEXT];		/* http://host:port */
	char hex64[65];
	char key[64];			/* wb_... */
};

struct demo_hook {
	char kind[64];
	char order[32];
};

struct demo {
	struct wa_log log;
	struct wa_env env;
	struct wb_loop *loop;
	struct wb_net *net;
	struct wb_router *router;
	struct wb_http *http;		/* the shop's receiver of webhooks */
	struct wb_timer *nudge;		/* ends a wait for an input that does not come */
	bool once;
	bool stop;			/* Ctrl-C */
	bool live;			/* the set-up is over: print what comes */
	bool wanted;			/* Enter: another order */
	bool input_over;
	uint16_t port;			/* wanted for the API; 0 any */
	char exe[4096];
	char dir[128];
	struct demo_child sandbox, gateway;
	char sandbox_rest[DEMO_TEXT];	/* http://.../v1/sandbox */
	char hooks_url[DEMO_TEXT];
	char store_id[64], store_url[512], store_secret[128];
	char hook_secret[128];
	struct demo_hook hooks[DEMO_HOOKS_MAX];
	size_t n_hooks, bad_hooks;
	unsigned n_orders;
	char order_number[32], order_id[64];
	char message_id[64];		/* the confirmation, in the customer's phone */
	char *show;			/* several lines to print under the step; NULL none */
	char note[DEMO_TEXT];		/* one line beside the step */
	char why[1024];
};

int demo_fail(struct demo *d, const char *fmt, ...) WA_PRINTF(2, 3);	/* -1 */

/* ---- child.c ---- */
/* args ends with NULL and does not hold the program; env likewise, "NAME=value"; other
 * WARBLER_* variables are taken away. */
int demo_child_start(struct demo *d, struct demo_child *c, const char *name, const char *const *args,
		     const char *const *env);
void demo_child_stop(struct demo_child *c);	/* TERM, after a while KILL; returns when it is gone */
void demo_child_reap(struct demo_child *c);	/* on SIGCHLD */
void demo_child_print(const struct demo_child *c);	/* the last lines of its output */

/* ---- call.c ---- */
/* Turn the loop until ready(ctx) is true. -1: not in time, a child ended, or Ctrl-C. */
int demo_wait(struct demo *d, bool (*ready)(void *ctx), void *ctx, int ms, const char *what);
void demo_pause(struct demo *d, unsigned ms);	/* between two looks at something */
/* headers: "Name", "value", ..., NULL; NULL none. ret_status, ret_json may be NULL. */
int demo_http(struct demo *d, const char *method, const char *url, const char *const *headers,
	      struct wa_span body, int *ret_status, json_t **ret_json);
/* The gateway's API; path may be a format. Refused by anything but 2xx. */
int demo_rest(struct demo *d, const char *method, const char *path, json_t *take_body, json_t **ret_json);
int demo_phone(struct demo *d, const char *method, const char *path, json_t *take_body, json_t **ret_json);
/* Wait for the event of this kind whose data has this text in this member. ret_ev may be NULL. */
int demo_event(struct demo *d, const char *kind, const char *member, const char *text, json_t **ret_ev);
const char *demo_text(const json_t *o, const char *member);	/* "" absent */

/* ---- receiver.c ---- */
int demo_receiver_start(struct demo *d);
int demo_receiver_wait(struct demo *d, const char *kind, const char *order);

/* ---- steps.c ---- */
struct demo_step {
	const char *what;
	int (*run)(struct demo *d);
};
extern const struct demo_step demo_steps[];	/* ends with what NULL */
int demo_order(struct demo *d);			/* one more order of the customer */
/* The message from the shop in this phone that holds both words; its text and id when there. */
int demo_await_text(struct demo *d, const char *number, const char *word, const char *word2, char id[64],
		    char **ret_text);

/* ---- automation.c ---- */
int demo_rule_save(struct demo *d);		/* hours.lua into the scripts folder; returns when it runs */
int demo_rule_ask(struct demo *d);
int demo_reply_make(struct demo *d);
int demo_reply_ask(struct demo *d);
/* The scripts folder, out of what is removed, when somebody has written in it; where it is now is printed. */
void demo_scripts_keep(const struct demo *d);

#endif
