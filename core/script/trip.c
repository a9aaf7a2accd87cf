/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A script that uses up its budget is suspended: a second, two, four ... up to five minutes. Events wait
 * in the log meanwhile. What runs well afterwards takes the strikes back, one by one.
 */
#include "host_int.h"

#define FIRST_MS 1000
#define LAST_MS 300000
#define FORGIVE_MS 600000	/* of good behaviour take one strike back */

void script_trip(struct wb_script *s, const char *reason)
{
	int64_t now = s->host->world->ops->now_ms(s->host->world), ms = FIRST_MS;

	for (unsigned i = 0; i < s->trip.strikes && ms < LAST_MS; i++)
		ms *= 2;
	if (ms > LAST_MS)
		ms = LAST_MS;
	s->trip.strikes++;
	s->trip.last_ms = now;
	s->trip.until_ms = now + ms;
	snprintf(s->trip.reason, sizeof(s->trip.reason), "%s", reason);
	s->behind = true;
	script_jobs_unchain(s);
	wb_script_log(s, WA_WARN, "suspended for %lld s (time %u in a row): %s", (long long)(ms / 1000),
		      s->trip.strikes, reason);
	script_tick_start(s->host);
}

void script_trip_ok(struct wb_script *s)
{
	int64_t now;

	if (s->trip.strikes == 0)
		return;
	now = s->host->world->ops->now_ms(s->host->world);
	if (now - s->trip.last_ms < FORGIVE_MS)
		return;
	s->trip.strikes--;
	s->trip.last_ms = now;
}

bool script_suspended(const struct wb_script *s)
{
	return s->trip.until_ms != 0;
}

void script_trip_tick(struct wb_script *s)
{
	int64_t left = s->trip.until_ms - s->host->world->ops->now_ms(s->host->world);

	/* more than the longest: the clock was set back */
	if (!s->trip.until_ms || (left > 0 && left <= LAST_MS))
		return;
	s->trip.until_ms = 0;
	wb_script_log(s, WA_INFO, "goes on after its suspension");
	if ((!wa_list_empty(&s->ready) || s->paused) && !wa_list_linked(&s->run)) {
		wa_list_push_back(s->paused ? &s->host->slow : &s->host->run, &s->run);
		script_kick(s->host);
	}
	script_read_on(s->host);
}
