/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schedule.h"

#include "compose.h"

#define NAME_MAX_LEN 100
#define JITTER_MAX_S 3600
#define MISSES_MINUTES_MAX (60 * 24 * 31)

struct reading {
	struct schedule *s;
	struct job *j;
	char *field, *why;
};

static int refuse(struct reading *r, const char *field, const char *fmt, ...) WA_PRINTF(3, 4);

static int refuse(struct reading *r, const char *field, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, WHY_SIZE, fmt, ap);
	va_end(ap);
	snprintf(r->field, 32, "%s", field);
	return WA_EINVALID;
}

/* A text, or NULL when it is absent. */
static int text_of(struct reading *r, const char *field, const char **ret)
{
	const json_t *v = json_object_get(r->j->doc, field);

	*ret = json_string_value(v);
	if (v && !*ret)
		return refuse(r, field, "want a text");
	return 0;
}

static int number_of(struct reading *r, const char *field, int64_t fallback, int64_t max, int64_t *ret)
{
	const json_t *v = json_object_get(r->j->doc, field);

	*ret = v ? json_integer_value(v) : fallback;
	if (v && (!json_is_integer(v) || *ret < 0 || *ret > max))
		return refuse(r, field, "want a number from 0 to %lld", (long long)max);
	return 0;
}

static int time_of(struct reading *r, const char *field, int64_t *ret_ms, int *ret_kind)
{
	struct wa_err err = WA_ERR_INIT;
	const char *text;
	int x = text_of(r, field, &text);

	*ret_ms = 0;
	if (x < 0 || !text)
		return x;
	if (wb_time_read(text, r->j->zone, ret_ms, ret_kind, &err) < 0)
		return refuse(r, field, "%s", err.msg);
	return 0;
}

/* ---- when ---- */

static int read_zone(struct reading *r)
{
	struct wa_err err = WA_ERR_INIT;
	const char *name;
	int x = text_of(r, "zone", &name);

	if (x < 0)
		return x;
	x = wb_zones_get(r->s->zones, name ? name : r->s->zone, &r->j->zone, &err);
	return x == 1 ? 0 : x == 0 ? refuse(r, "zone", "%s", err.msg) : x;
}

static int read_rule(struct reading *r, const char *field, const char *text)
{
	struct job *j = r->j;
	struct wa_err err = WA_ERR_INIT;
	int x;

	if (strcmp(field, "cron") == 0) {
		x = wb_cron_parse(text, j->zone, &j->when, &err);
	} else if (strcmp(field, "rule") == 0) {
		x = wb_days_parse(text, j->zone, &j->when, &err);
	} else {
		j->when = (struct wb_when){ .kind = WB_WHEN_INTERVAL, .zone = j->zone };
		j->when.anchor_ms = j->from_ms ? j->from_ms : j->created_ms;
		x = wb_interval_parse(text, &j->when.every_ms, &err);
	}
	if (x < 0)
		return refuse(r, field, "%s", err.msg);
	j->recurring = true;
	return 0;
}

static int read_when(struct reading *r)
{
	static const char *const rules[] = { "cron", "rule", "every" };
	struct job *j = r->j;
	const char *text;
	int x = time_of(r, "from", &j->from_ms, NULL);

	if (x == 0)
		x = time_of(r, "until", &j->until_ms, NULL);
	if (x == 0)
		x = time_of(r, "at", &j->at_ms, &j->at_kind);
	if (x < 0)
		return x;
	j->once = json_object_get(j->doc, "at") != NULL;
	for (size_t i = 0; i < WA_ARRAY_LEN(rules); i++) {
		x = text_of(r, rules[i], &text);
		if (x == 0 && text && (j->once || j->recurring))
			return refuse(r, rules[i], "only one of at, cron, rule, every");
		if (x == 0 && text)
			x = read_rule(r, rules[i], text);
		if (x < 0)
			return x;
	}
	if (!j->once && !j->recurring)
		return refuse(r, "at", "when? One of at, cron, rule, every is needed");
	return 0;
}

static int read_misfire(struct reading *r)
{
	static const char *const names[] = { "skip", "late", "once" };
	const json_t *m = json_object_get(r->j->doc, "misfire");
	const json_t *minutes = json_object_get(m, "minutes");
	const char *policy = json_string_value(json_object_get(m, "policy"));

	r->j->misfire = MISFIRE_LATE;
	r->j->late_ms = 60 * 60000;
	if (!m)
		return 0;
	for (size_t i = 0; policy && i < WA_ARRAY_LEN(names); i++)
		if (strcmp(policy, names[i]) == 0) {
			r->j->misfire = (int)i;
			policy = NULL;
		}
	if (!json_is_object(m) || policy || !json_object_get(m, "policy"))
		return refuse(r, "misfire", "want {\"policy\": \"skip\", \"late\" or \"once\"}");
	if (minutes && (!json_is_integer(minutes) || json_integer_value(minutes) < 1 ||
			json_integer_value(minutes) > MISSES_MINUTES_MAX))
		return refuse(r, "misfire", "minutes: want a number from 1 to %d", MISSES_MINUTES_MAX);
	if (minutes)
		r->j->late_ms = 60000 * (int64_t)json_integer_value(minutes);
	return 0;
}

static int read_limits(struct reading *r)
{
	struct job *j = r->j;
	struct wa_err err = WA_ERR_INIT;
	const char *quiet = NULL;
	int64_t jitter = 0, expires = 0, never;
	int x = number_of(r, "max_runs", 0, 1000000000, &j->max_runs);

	if (x == 0)
		x = number_of(r, "jitter_seconds", 0, JITTER_MAX_S, &jitter);
	if (x == 0)
		x = number_of(r, "expires_minutes", r->s->expires_ms / 60000, 60 * 24 * 366, &expires);
	if (x == 0)
		x = text_of(r, "quiet_hours", &quiet);
	if (x < 0)
		return x;
	j->jitter_ms = jitter * 1000;
	j->expires_ms = expires * 60000;
	if (quiet && wb_hours_parse(quiet, &j->quiet, &err) < 0)
		return refuse(r, "quiet_hours", "%s", err.msg);
	if (quiet && wb_hours_open(&j->quiet, j->zone, j->created_ms) &&
	    wb_hours_next_close(&j->quiet, j->zone, j->created_ms, &never) == 0)
		return refuse(r, "quiet_hours", "they would never end");
	j->has_quiet = quiet != NULL;
	return read_misfire(r);
}

/* ---- what and to whom ---- */

/* A number in any spelling, or an address. Whether somebody is there is seen when it runs. */
static bool address_ok(const char *s)
{
	size_t digits = 0;

	for (const char *p = s; *p; p++)
		digits += *p >= '0' && *p <= '9';
	return strlen(s) < 128 && (strchr(s, '@') || (digits >= 5 && strspn(s, "+0123456789 -./()") == strlen(s)));
}

static bool target_ok(const json_t *t)
{
	const char *s = json_string_value(t), *key = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)t));
	const json_t *v;

	if (s)
		return address_ok(s);
	if (!json_is_object(t) || json_object_size(t) != 1)
		return false;
	v = json_object_get(t, key);
	return (strcmp(key, "label") == 0 || strcmp(key, "list") == 0) && json_is_string(v) &&
	       json_string_length(v) > 0 && json_string_length(v) < 128;
}

static int read_targets(struct reading *r)
{
	json_t *to = json_object_get(r->j->doc, "to"), *list;
	size_t i;
	json_t *t;

	if (json_is_string(to) || json_is_object(to)) {
		list = json_pack("[O]", to);
		if (!list || json_object_set_new(r->j->doc, "to", list) < 0)
			return WA_ENOMEM;
		to = list;
	}
	if (!json_is_array(to) || json_array_size(to) == 0 || json_array_size(to) > TARGETS_MAX)
		return refuse(r, "to", "want a recipient, or a list of up to %d", TARGETS_MAX);
	json_array_foreach(to, i, t)
		if (!target_ok(t))
			return refuse(r, "to", "entry %zu: want a number, an address (JID), {\"label\": id} or "
				      "{\"list\": id}", i + 1);
	return 0;
}

static int read_message(struct reading *r)
{
	static const char *const classes[] = { "transactional", "reply", "marketing", "reminder" };
	const json_t *doc = r->j->doc;
	const char *class, *locale;
	int x = text_of(r, "class", &class);
	char why[WHY_SIZE];

	if (x == 0)
		x = text_of(r, "locale", &locale);
	if (x < 0)
		return x;
	for (size_t i = 0; class && i < WA_ARRAY_LEN(classes); i++)
		if (strcmp(class, classes[i]) == 0)
			class = NULL;
	if (class)
		return refuse(r, "class", "want transactional, reply, marketing or reminder");
	if (json_object_get(doc, "vars") && !json_is_object(json_object_get(doc, "vars")))
		return refuse(r, "vars", "want an object");
	if (compose_check(doc, why) < 0)
		return refuse(r, json_object_get(doc, "content") ? "content" :
				 json_object_get(doc, "template") ? "template" : "text", "%s", why);
	return 0;
}

static int known_fields(struct reading *r)
{
	static const char *const fields[] = { "name", "session", "to", "at", "cron", "rule", "every", "zone", "from",
		"until", "max_runs", "jitter_seconds", "quiet_hours", "misfire", "expires_minutes", "text", "template",
		"content", "vars", "class", "locale" };
	const char *key;
	json_t *v;

	json_object_foreach(r->j->doc, key, v) {
		size_t i = 0;

		while (i < WA_ARRAY_LEN(fields) && strcmp(key, fields[i]) != 0)
			i++;
		if (i == WA_ARRAY_LEN(fields))
			return refuse(r, key, "there is no such field");
	}
	return 0;
}

static int read_head(struct reading *r, bool partial)
{
	char status[32];
	const char *name = NULL, *session = NULL;
	int x = text_of(r, "name", &name);

	if (x == 0)
		x = text_of(r, "session", &session);
	if (x < 0)
		return x;
	if (name && strlen(name) > NAME_MAX_LEN)
		return refuse(r, "name", "longer than %d bytes", NAME_MAX_LEN);
	if (!session)
		return partial ? 0 : refuse(r, "session", "which session sends it?");
	if (strlen(session) >= SESSION_SIZE || (!*r->j->session && r->s->host->session_status(r->s->self, session, status) != 1))
		return refuse(r, "session", "there is no such session");
	snprintf(r->j->session, sizeof(r->j->session), "%s", session);
	return 0;
}

int job_read(struct schedule *s, json_t *take_doc, bool partial, struct job *j, char field[32],
	     char why[WHY_SIZE])
{
	struct reading r = { .s = s, .j = j, .field = field, .why = why };
	int x;

	j->doc = take_doc;
	*field = *why = 0;
	x = known_fields(&r);
	if (x == 0)
		x = read_head(&r, partial);
	if (x == 0)
		x = read_zone(&r);
	if (x == 0)
		x = read_when(&r);
	if (x == 0)
		x = read_limits(&r);
	if (x == 0 && (!partial || json_object_get(j->doc, "to")))
		x = read_targets(&r);
	if (x == 0 && (!partial || json_object_get(j->doc, "text") || json_object_get(j->doc, "template") ||
		       json_object_get(j->doc, "content")))
		x = read_message(&r);
	return x;
}

void job_clear(struct job *j)
{
	json_decref(j->doc);
	j->doc = NULL;
}

const char *job_state_str(int state)
{
	static const char *const names[] = { "active", "paused", "finished" };

	return names[state];
}

int job_next(const struct job *j, int64_t after, int64_t *ret_ms)
{
	int64_t next;

	if (j->once) {
		if (j->at_ms <= after)
			return 0;
		*ret_ms = j->at_ms;
		return 1;
	}
	if (j->from_ms && after < j->from_ms - 1)
		after = j->from_ms - 1;
	if (wb_when_next(&j->when, after, &next) == 0 || (j->until_ms && next > j->until_ms))
		return 0;
	*ret_ms = next;
	return 1;
}

int64_t job_due(struct schedule *s, const struct job *j, int64_t time_ms)
{
	int64_t due = time_ms, end;
	char key[64];
	uint8_t h[32];

	if (j->has_quiet && wb_hours_open(&j->quiet, j->zone, due) &&
	    wb_hours_next_close(&j->quiet, j->zone, due, &end) == 1)
		due = end;
	if (j->jitter_ms) {
		uint64_t v = 0;
		int n = snprintf(key, sizeof(key), "jitter %s %lld", j->id, (long long)time_ms);

		s->host->hash(s->self, (struct wb_str){ key, (size_t)n }, h);
		memcpy(&v, h, sizeof(v));
		due += (int64_t)(v % (uint64_t)(j->jitter_ms + 1));
	}
	return due;
}

void job_plan(struct schedule *s, struct job *j, int64_t after_ms)
{
	j->next_ms = j->due_ms = 0;
	if ((!j->max_runs || j->runs < j->max_runs) && job_next(j, after_ms, &j->next_ms) == 1)
		j->due_ms = job_due(s, j, j->next_ms);
	else
		j->state = JOB_FINISHED;
}

json_t *moment_json(const struct wb_zone *z, int64_t ms)
{
	char local[WB_TIME_TEXT_MAX], utc[WB_TIME_TEXT_MAX];

	if (ms == 0)
		return json_null();
	return json_pack("{s:s, s:s}", "local", wb_time_text(z, ms, local), "utc", wb_time_text(NULL, ms, utc));
}

json_t *job_json(const struct job *j)
{
	char created[WB_TIME_TEXT_MAX];
	json_t *o = json_pack("{s:s, s:s}", "id", j->id, "state", job_state_str(j->state));

	if (!o)
		return NULL;
	if (*j->reason)
		json_object_set_new(o, "reason", json_string(j->reason));
	json_object_update(o, j->doc);
	json_object_set_new(o, "zone", json_string(wb_zone_name(j->zone)));
	json_object_set_new(o, "next", j->state == JOB_FINISHED ? json_null() : moment_json(j->zone, j->next_ms));
	json_object_set_new(o, "runs", json_integer(j->runs));
	json_object_set_new(o, "created", json_string(wb_time_text(NULL, j->created_ms, created)));
	return o;
}
