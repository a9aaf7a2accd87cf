/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "outbox_pace.h"

#include <db_pacing.h>
#include <text.h>

#define KEEP_DAYS 40
#define WARM_UP_MAX 64
#define COUNT_MAX 10000000
#define TYPING_MAX_MS 10000
#define LOOK_AGAIN_MS 86400000	/* where it is always quiet */

static const char *const classes[] = { "transactional", "reply", "marketing", "reminder" };

int wb_class_of(const char *name)
{
	for (size_t i = 0; i < WA_ARRAY_LEN(classes); i++)
		if (strcmp(classes[i], name) == 0)
			return (int)i;
	return -1;
}

/* ---- what is set ---- */

static const json_t *setting(const struct wb_lane *lane, const char *key)
{
	struct wb_session *s = wb_session_find(lane->o->gw, lane->session);

	return s ? wb_session_setting(s, key) : NULL;
}

static int64_t number(const struct wb_lane *lane, const char *key, const char *path)
{
	const json_t *v = setting(lane, key);

	return v ? json_integer_value(v) : wb_config_int(lane->o->gw->config, path);
}

static const char *text(const struct wb_lane *lane, const char *key, const char *path)
{
	const json_t *v = setting(lane, key);

	return v ? json_string_value(v) : wb_config_text(lane->o->gw->config, path);
}

static struct wb_zones *zones(struct wb_outbox *o)
{
	if (!o->zones)
		o->zones = wb_zones_new(NULL);
	if (!o->zones)
		abort();
	return o->zones;
}

void wb_pace_free(struct wb_outbox *o)
{
	wb_zones_free(o->zones);
}

/* It was checked when it was set; UTC where the system's database has lost it since. */
static const struct wb_zone *zone_of(const struct wb_lane *lane)
{
	const struct wb_zone *z = NULL;

	return wb_zones_get(zones(lane->o), text(lane, "pacing_zone", "pacing.zone"), &z, NULL) == 1 ? z : NULL;
}

/* The cap of the n-th day since linking, "20,40,80"; 0: warm-up is over, or there is none. */
static int64_t nth_cap(const char *table, int64_t n)
{
	struct wa_span rest = wa_span_str(table), one;
	int64_t v;

	for (int64_t i = 0; rest.len && i < WARM_UP_MAX; i++) {
		const uint8_t *comma = memchr(rest.ptr, ',', rest.len);

		one = wa_span(rest.ptr, comma ? (size_t)(comma - rest.ptr) : rest.len);
		if (i == n)
			return wa_parse_i64(wa_span_trim(one), 1, COUNT_MAX, &v) == 0 ? v : 0;
		rest = comma ? wa_span(comma + 1, rest.len - one.len - 1) : wa_span(NULL, 0);
	}
	return 0;
}

static int64_t day_of(const struct wb_zone *z, int64_t ms)
{
	struct wb_local l;

	wb_local_of(z, ms, &l);
	return wb_days_of(l.year, l.month, l.day);
}

static int64_t warm_up_cap(const struct wb_lane *lane, const struct wb_zone *z)
{
	struct wb_session *s = wb_session_find(lane->o->gw, lane->session);
	const char *table = wb_config_text(lane->o->gw->config, "pacing.warm_up");
	struct wb_session_info info;

	if (!*table || !s)
		return 0;
	wb_session_info(s, &info);
	return nth_cap(table, lane->day - day_of(z, info.created_ms));
}

/* ---- the day ---- */

/* Counters of the day that `now` is in; read from storage when a day begins. False: cannot be known. */
static bool today(struct wb_lane *lane, int64_t now)
{
	const struct wb_zone *z;
	struct wa_err err = WA_ERR_INIT;
	int64_t day;

	if (now >= lane->day_start && now < lane->day_end)
		return true;
	z = zone_of(lane);
	day = day_of(z, now);
	if (db_pacing_get(lane->o->gw->db, lane->session, day, &lane->day_sent, &lane->day_marketing, &err) < 0) {
		WB_GATEWAY_LOG(lane->o->gw, WA_ERROR, "outbox.pacing", WA_S("error", err.msg));
		return false;
	}
	lane->day = day;
	lane->day_start = wb_day_start(z, now, 0);
	lane->day_end = wb_day_start(z, now, 1);
	lane->day_warm_up = warm_up_cap(lane, z);
	return true;
}

static int64_t daily_cap(const struct wb_lane *lane, const char **ret_why)
{
	int64_t daily = number(lane, "pacing_daily", "pacing.daily");
	int64_t warm = json_is_false(setting(lane, "pacing_warm_up")) ? 0 : lane->day_warm_up;

	*ret_why = warm && (!daily || warm < daily) ? "warm_up" : "daily_cap";
	return warm && (!daily || warm < daily) ? warm : daily;
}

static double rate_of(const struct wb_lane *lane)
{
	return (double)number(lane, "pacing_per_minute", "pacing.per_minute") / 60000.0;
}

int64_t wb_pace(struct wb_lane *lane, int64_t now, const char **ret_why)
{
	const struct wb_config *c = lane->o->gw->config;
	double burst = (double)wb_config_int(c, "pacing.burst"), rate;
	int64_t cap;

	*ret_why = "";
	if (!wb_config_bool(c, "pacing.enabled"))
		return 0;
	if (!today(lane, now))
		return 1000;
	cap = daily_cap(lane, ret_why);
	if (cap && lane->day_sent >= cap)
		return lane->day_end - now;
	*ret_why = "";
	rate = rate_of(lane);
	if (!lane->tokens_at) {
		lane->tokens = burst;
	} else if (now > lane->tokens_at) {	/* the clock may be set back */
		lane->tokens += (double)(now - lane->tokens_at) * rate;
		if (lane->tokens > burst)
			lane->tokens = burst;
	}
	lane->tokens_at = now;
	if (lane->tokens >= 1.0)
		return 0;
	return (int64_t)((1.0 - lane->tokens) / rate) + 1;
}

static bool is_quiet_class(const struct wb_config *c, int class)
{
	const char *item;

	for (size_t i = 0; (item = wb_config_item(c, "pacing.quiet_classes", i)); i++)
		if (strcmp(item, classes[class]) == 0)
			return true;
	return false;
}

/* Until when it is quiet for this class, or when to look again where that never ends; 0 it is not. */
static int64_t quiet_until(const struct wb_lane *lane, int class, int64_t now)
{
	const struct wb_config *c = lane->o->gw->config;
	const char *rule = text(lane, "pacing_quiet_hours", "pacing.quiet_hours");
	const struct wb_zone *z;
	struct wb_hours h;
	int64_t until;

	if (!*rule || !is_quiet_class(c, class) || wb_hours_parse(rule, &h, NULL) < 0)
		return 0;
	z = zone_of(lane);
	if (!wb_hours_open(&h, z, now))
		return 0;
	return wb_hours_next_close(&h, z, now, &until) == 1 ? until : now + LOOK_AGAIN_MS;
}

int64_t wb_pace_class(struct wb_lane *lane, const struct wb_row *row, int64_t now, const char **ret_why)
{
	int64_t until, cap;

	if (!wb_config_bool(lane->o->gw->config, "pacing.enabled") || row->attempts > 0)
		return 0;
	until = quiet_until(lane, row->class, now);
	*ret_why = "quiet_hours";
	if (until || row->class != WB_CLASS_MARKETING)
		return until;
	cap = number(lane, "pacing_marketing_daily", "pacing.marketing_daily");
	*ret_why = "marketing_cap";
	return cap && lane->day_marketing >= cap ? lane->day_end : 0;
}

void wb_pace_take(struct wb_lane *lane, struct wb_queue *q, const struct wb_row *row, int64_t now)
{
	const struct wb_config *c = lane->o->gw->config;

	if (!wb_config_bool(c, "pacing.enabled"))
		return;
	lane->tokens -= 1.0;
	if (row->attempts == 0) {
		lane->day_sent++;
		lane->day_marketing += row->class == WB_CLASS_MARKETING;
	}
	q->free_at = now + wb_config_int(c, "pacing.recipient_ms");
}

int64_t wb_pace_typing(const struct wb_lane *lane, const char *words)
{
	int64_t each = number(lane, "pacing_typing_ms", "pacing.typing_ms"), n = 0;

	if (each == 0 || !wb_config_bool(lane->o->gw->config, "pacing.enabled"))
		return 0;
	for (const char *p = words; *p; p++)
		n += (*p & 0xc0) != 0x80;	/* characters, not bytes */
	return n * each < TYPING_MAX_MS ? n * each : TYPING_MAX_MS;
}

void wb_pace_give_back(struct wb_lane *lane, const struct wb_row *row)
{
	if (row->attempts > 0 || lane->day_sent == 0)
		return;
	lane->day_sent--;
	lane->day_marketing -= row->class == WB_CLASS_MARKETING && lane->day_marketing > 0;
}

void wb_pace_count(struct wb_tx *tx, struct wb_lane *lane, const struct wb_row *row)
{
	if (wb_config_bool(lane->o->gw->config, "pacing.enabled"))
		db_batch_pacing_add(wb_tx_batch(tx), lane->session, lane->day, row->class == WB_CLASS_MARKETING,
				    lane->day_sent <= 1 ? lane->day - KEEP_DAYS : 0);
}

/* ---- what it says ---- */

/* What was moved to a later time because of its class is looked at again. */
static void pull_back(struct wb_queue *q)
{
	struct wa_list *it, *tmp;
	struct wa_list moved;

	wa_list_init(&moved);
	WA_LIST_EACH_SAFE(it, tmp, &q->waiting) {
		if (container_of(it, struct wb_row, link)->moved) {
			wa_list_del(it);
			wa_list_push_back(&moved, it);
		}
	}
	WA_LIST_EACH_SAFE(it, tmp, &moved) {
		struct wb_row *row = container_of(it, struct wb_row, link);

		wa_list_del(it);
		row->moved = false;
		row->due = row->asked;
		wb_row_wait(row);
	}
}

void wb_outbox_limits_changed(struct wb_outbox *o, const char *session)
{
	struct wb_lane *lane = wb_lane_find(o, session);
	struct wa_span key;
	size_t at = 0;
	void *q;

	if (!lane)
		return;
	while (wa_map_next(&lane->queues, &at, &key, &q))
		pull_back(q);
	wb_lane_touch(lane);
}

const char *wb_outbox_waits(struct wb_outbox *o, const char *id, int64_t *ret_until)
{
	struct wb_row *row = wa_map_get(&o->rows, wa_span_str(id));
	struct wb_lane *lane = row ? row->queue->lane : NULL;
	int64_t now = wb_now(o->gw), until;
	const char *why = "";

	*ret_until = 0;
	if (!row || row->flying)
		return NULL;
	if (!lane->up)
		return "connection";
	until = wb_pace_class(lane, row, now, &why);
	if (until || (row->due > now && (why = "due") && (until = row->due))) {
		*ret_until = until;
		return why;
	}
	until = wb_pace(lane, now, &why);
	if (until) {
		*ret_until = now + until;
		return *why ? why : "rate";
	}
	if (row->queue->free_at <= now)
		return row->queue->asking ? "recipient" : NULL;
	*ret_until = row->queue->free_at;
	return row->queue->held ? "restricted" : "spacing";
}

int wb_pace_check_hours(const json_t *v, struct wa_err *err)
{
	struct wb_hours h;

	return json_string_length(v) ? wb_hours_parse(json_string_value(v), &h, err) : WA_OK;
}

int wb_pace_check_zone(const json_t *v, struct wa_err *err)
{
	struct wb_zones *zs = wb_zones_new(NULL);
	const struct wb_zone *z;
	int r = zs ? wb_zones_get(zs, json_string_value(v), &z, err) : WA_ENOMEM;

	wb_zones_free(zs);
	return r == 1 ? WA_OK : r == 0 ? WA_EINVALID : r;
}

int wb_pace_check_count(const json_t *v, struct wa_err *err)
{
	if (json_integer_value(v) < 0 || json_integer_value(v) > COUNT_MAX)
		return wa_err_set(err, WA_EINVALID, "want a number from 0 to %d", COUNT_MAX);
	return WA_OK;
}

int wb_pace_check_typing(const json_t *v, struct wa_err *err)
{
	if (json_integer_value(v) < 0 || json_integer_value(v) > 1000)
		return wa_err_set(err, WA_EINVALID, "pacing_typing_ms: want a number from 0 to 1000");
	return WA_OK;
}

int wb_pace_check_rate(const json_t *v, struct wa_err *err)
{
	if (json_integer_value(v) < 1 || json_integer_value(v) > 1000000)
		return wa_err_set(err, WA_EINVALID, "pacing_per_minute: want a number from 1 to 1000000");
	return WA_OK;
}

static void put_time(json_t *o, const char *key, const struct wb_zone *z, int64_t ms)
{
	char text_[WB_TIME_TEXT_MAX];

	json_object_set_new(o, key, ms ? json_string(wb_time_text(z, ms, text_)) : json_null());
}

json_t *wb_outbox_pacing_json(struct wb_outbox *o, const char *session)
{
	struct wb_lane *lane = wb_lane_get(o, session);
	int64_t now = wb_now(o->gw), wait, cap, marketing, quiet = 0;
	const struct wb_zone *z = zone_of(lane);
	const char *why, *limit;
	char day[WB_TIME_TEXT_MAX];
	json_t *doc;

	wait = wb_pace(lane, now, &why);
	if (!today(lane, now))
		return NULL;
	cap = daily_cap(lane, &limit);
	marketing = number(lane, "pacing_marketing_daily", "pacing.marketing_daily");
	quiet = quiet_until(lane, WB_CLASS_MARKETING, now);
	wb_time_text(z, now, day);
	doc = json_pack("{s:b, s:s, s:s%, s:I, s:I, s:o, s:o, s:o}", "enabled",
			wb_config_bool(o->gw->config, "pacing.enabled"), "zone",
			text(lane, "pacing_zone", "pacing.zone"), "day", day, (size_t)10, "sent",
			(json_int_t)lane->day_sent, "marketing_sent", (json_int_t)lane->day_marketing, "cap",
			cap ? json_integer(cap) : json_null(), "marketing_cap",
			marketing ? json_integer(marketing) : json_null(), "warm_up_cap",
			lane->day_warm_up ? json_integer(lane->day_warm_up) : json_null());
	put_time(doc, "next_slot", z, now + wait);
	json_object_set_new(doc, "waits_for", *why ? json_string(why) : wait ? json_string("rate") : json_null());
	put_time(doc, "quiet_until", z, quiet);
	json_object_set_new(doc, "waiting", json_integer((json_int_t)lane->rows));
	return doc;
}
