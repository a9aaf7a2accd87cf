/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters, starting, stopping. */
#include "run.h"

#include "text.h"

const struct wb_param bc_params[] = {
	{ "window", WB_PARAM_INT, 0, "20", "messages of one broadcast and session in the outbox at once" },
	{ "check_batch", WB_PARAM_INT, 0, "50", "numbers asked about at once, 1 to 100" },
	{ "check_pause_ms", WB_PARAM_INT, 0, "2000", "milliseconds between two such questions of a session" },
	{ "known_days", WB_PARAM_INT, 0, "30", "days for which WhatsApp's answer about a number is believed" },
	{ "reply_days", WB_PARAM_INT, 0, "7", "days in which a message of a recipient counts as a reply" },
	{ "brake_last", WB_PARAM_INT, 0, "50", "messages looked at when deciding whether failures rise" },
	{ "brake_min", WB_PARAM_INT, 0, "20", "messages below which nothing is decided" },
	{ "brake_failed_percent", WB_PARAM_INT, 0, "30", "failed among them that stop a broadcast" },
	{ "brake_opt_out_percent", WB_PARAM_INT, 0, "10", "opt-outs among them that pause it" },
	{ NULL, 0, 0, NULL, NULL },
};

void bc_stop(void *state)
{
	struct bc *b = state;
	struct wa_list *l, *tmp;

	b->stopping = true;
	WA_LIST_EACH_SAFE(l, tmp, &b->jobs)
		job_end(container_of(l, struct job, link));
	run_stop(b);
	kit_clear(&b->kit);
	wb_zones_free(b->zones);
	free(b);
}

int32_t bc_start(const struct wb_plugin_host *host, struct wb_plugin *self, void **ret_state)
{
	struct bc *b;
	int r;

	if (!WB_HAS(host, opted_out))
		return WB_EUNSUPPORTED;
	b = calloc(1, sizeof(*b));
	if (!b)
		return WB_ENOMEM;
	b->host = host;
	b->self = self;
	kit_init(&b->kit, host, self);
	b->zones = wb_zones_new(NULL);
	wa_list_init(&b->jobs);
	wa_list_init(&b->active);
	b->window = kit_param_int(&b->kit, "window", 1, 1000);
	b->check_batch = kit_param_int(&b->kit, "check_batch", 1, 100);
	b->check_pause_ms = kit_param_int(&b->kit, "check_pause_ms", 0, 3600000);
	b->known_days = kit_param_int(&b->kit, "known_days", 0, 365);
	b->reply_days = kit_param_int(&b->kit, "reply_days", 0, 90);
	b->brake_last = kit_param_int(&b->kit, "brake_last", 5, 200);
	b->brake_min = kit_param_int(&b->kit, "brake_min", 1, 200);
	b->brake_failed = kit_param_int(&b->kit, "brake_failed_percent", 1, 100);
	b->brake_opt_outs = kit_param_int(&b->kit, "brake_opt_out_percent", 1, 100);
	r = b->zones ? list_routes(b) : WB_ENOMEM;
	if (r == 0)
		r = api_routes(b);
	if (r == 0)
		r = run_start(b);
	if (r == 0)
		r = bc_retain(b);
	if (r < 0) {
		bc_stop(b);
		return r;
	}
	purge_start(b);
	*ret_state = b;
	return WB_OK;
}
