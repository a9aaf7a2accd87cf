/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"
#include "group.h"
#include "person.h"

#include <stdarg.h>

int sb_api_fail(json_t **ret, int status, const char *code, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*ret = json_pack("{ss ss}", "code", code, "detail", text);
	return status;
}

int sb_api_err(json_t **ret, const struct wa_err *err)
{
	int status = err->code == WA_EINVALID ? 400 : wa_code_http(err->code);

	return sb_api_fail(ret, status, wa_code_str(err->code), "%s", err->msg);
}

int sb_api_ok(struct sb_call *c, json_t *take_o)
{
	if (!take_o)
		return sb_api_fail(c->ret, 500, "no_memory", "no memory for the answer");
	*c->ret = take_o;
	return 200;
}

const char *sb_api_query(struct sb_call *c, const char *name)
{
	const char *v = c->query ? c->query(c->query_ctx, name) : NULL;

	return v ? v : "";
}

int64_t sb_api_query_int(struct sb_call *c, const char *name, int64_t fallback)
{
	int64_t v;

	return wa_parse_i64(wa_span_str(sb_api_query(c, name)), INT64_MIN, INT64_MAX, &v) ? fallback
											  : v;
}

const char *sb_api_text(struct sb_call *c, const char *name)
{
	const char *v = json_string_value(json_object_get(c->body, name));

	return v ? v : "";
}

struct sb_account *sb_api_account(struct sb_call *c, const char *number, int *ret_status)
{
	struct sb_account *a;
	char digits[20];
	size_t n = 0;

	for (; *number && n < sizeof(digits) - 1; number++) /* "+49 170 …" is how people write it */
		if (*number >= '0' && *number <= '9')
			digits[n++] = *number;
	digits[n] = 0;
	a = sb_find_pn(c->s, digits);
	if (!a)
		*ret_status = sb_api_fail(c->ret, 404, "not_found", "no account %s", digits);
	return a;
}

static int summary(struct sb_call *c)
{
	struct sandbox *s = c->s;
	size_t linked = 0, connected = 0, queued = 0;
	struct wa_list *l;
	char root[65];

	WA_LIST_EACH(l, &s->accounts)
	{
		const struct sb_account *a = container_of(l, struct sb_account, link);

		for (size_t i = 0; i < a->n_devices; i++) {
			linked += a->devices[i]->id != 0;
			connected += a->devices[i]->conn != NULL;
			queued += a->devices[i]->queued;
		}
	}
	sandbox_root_hex(s, root);
	return sb_api_ok(c, json_pack("{ss ss ss ss ss sI sI sI sI sI sI sI sI}", "url", s->url,
				      "root_key", root, "ca_file", s->ca_file, "media_host", s->media_host, "media_ca_file", s->media_ca, "accounts",
				      (json_int_t)s->n_accounts, "devices", (json_int_t)linked,
				      "connected", (json_int_t)connected, "connections",
				      (json_int_t)s->n_conns, "queued", (json_int_t)queued,
				      "messages", (json_int_t)s->messages, "receipts",
				      (json_int_t)s->receipts, "violations",
				      (json_int_t)(s->n_violations + s->violations_dropped)));
}

static int reset(struct sb_call *c)
{
	struct sandbox *s = c->s;
	struct wa_list *l;

	while ((l = wa_list_first(&s->accounts))) {
		struct sb_account *a = container_of(l, struct sb_account, link);

		for (size_t i = 0; i < a->n_devices; i++)
			if (a->devices[i]->conn)
				sb_stream_error(a->devices[i]->conn, 401);
		sb_drop_account(a);
		sb_account_free(a);
	}
	sb_groups_clear(s);
	sb_channels_free(s);
	sb_faults_clear(s);
	sb_violations_clear(s);
	return 204;
}

struct route {
	struct sandbox_route pub;
	sb_api_fn *fn;
};

static const struct route routes[] = {
	{ { "GET", "", "The sandbox: address, root key, counts" }, summary },
	{ { "POST", "/reset", "Forget accounts, faults and violations" }, reset },
	{ { "GET", "/accounts", "List the phones" }, sb_api_accounts },
	{ { "POST", "/accounts", "Add a phone" }, sb_api_account_new },
	{ { "POST", "/accounts/bulk", "Add many phones, for benchmarks" }, sb_api_accounts_bulk },
	{ { "GET", "/accounts/{number}", "One phone" }, sb_api_account_get },
	{ { "PATCH", "/accounts/{number}", "Switch a phone on or off, change how it behaves" },
	  sb_api_account_set },
	{ { "DELETE", "/accounts/{number}", "Remove a phone and unlink its devices" },
	  sb_api_account_del },
	{ { "POST", "/accounts/{number}/scan", "Let the phone scan a QR text" }, sb_api_scan },
	{ { "POST", "/accounts/{number}/code", "Type a pairing code into the phone" },
	  sb_api_code },
	{ { "GET", "/accounts/{number}/devices", "Devices linked to a phone" }, sb_api_devices },
	{ { "DELETE", "/accounts/{number}/devices/{device}", "Unlink a device from the phone" },
	  sb_api_device_del },
	{ { "GET", "/accounts/{number}/messages", "What the phone shows, changes since a cursor" },
	  sb_api_messages },
	{ { "POST", "/accounts/{number}/messages", "Write a message on the phone" }, sb_api_send },
	{ { "GET", "/accounts/{number}/messages/{message}/file", "The file of a message, opened" }, sb_api_file },
	{ { "POST", "/accounts/{number}/read", "Open a chat: its messages are read" },
	  sb_api_read },
	{ { "POST", "/accounts/{number}/typing", "Start or stop typing" }, sb_api_typing },
	{ { "POST", "/accounts/{number}/forget", "Lose the Signal sessions with somebody" },
	  sb_api_forget },
	{ { "GET", "/accounts/{number}/rules", "Reply rules of a phone" }, sb_api_rules },
	{ { "POST", "/accounts/{number}/rules", "Add a reply rule" }, sb_api_rule_new },
	{ { "DELETE", "/accounts/{number}/rules", "Remove all reply rules" }, sb_api_rules_del },
	{ { "DELETE", "/accounts/{number}/rules/{rule}", "Remove a reply rule" }, sb_api_rule_del },
	{ { "GET", "/groups", "List the groups" }, sb_api_groups },
	{ { "POST", "/groups", "Make a group on a phone" }, sb_api_group_new },
	{ { "GET", "/groups/{group}", "One group" }, sb_api_group_get },
	{ { "PATCH", "/groups/{group}", "Change its subject, description, settings" },
	  sb_api_group_set },
	{ { "POST", "/groups/{group}/members", "Add, remove, promote, demote members" },
	  sb_api_group_members },
	{ { "POST", "/groups/{group}/leave", "A phone leaves" }, sb_api_group_leave },
	{ { "POST", "/groups/{group}/join", "A phone joins by the invite link" },
	  sb_api_group_join },
	{ { "POST", "/groups/{group}/messages", "A phone writes to the group" },
	  sb_api_group_say },
	{ { "POST", "/accounts/{number}/passkey", "Give the account a passkey" }, sb_api_passkey },
	{ { "POST", "/accounts/{number}/lid", "Give the account another LID" }, sb_api_lid },
	{ { "POST", "/accounts/{number}/history", "Make up a past for a phone, to be handed to who links" },
	  sb_api_history },
	{ { "GET", "/accounts/{number}/app-state", "App state of a phone, opened" },
	  sb_api_appstate },
	{ { "POST", "/accounts/{number}/app-state", "Change it on the phone" },
	  sb_api_appstate_change },
	{ { "POST", "/accounts/{number}/app-state/bulk", "Many entries, for benchmarks" },
	  sb_api_appstate_bulk },
	{ { "GET", "/accounts/{number}/profile", "Name, about, picture and what became of a call" },
	  sb_api_profile },
	{ { "PATCH", "/accounts/{number}/profile", "Set name, about, picture, business, contacts" },
	  sb_api_profile_set },
	{ { "PATCH", "/accounts/{number}/privacy", "Change privacy settings on the phone" },
	  sb_api_privacy },
	{ { "POST", "/accounts/{number}/block", "Block somebody on the phone" }, sb_api_block },
	{ { "POST", "/accounts/{number}/call", "Call somebody" }, sb_api_call },
	{ { "POST", "/accounts/{number}/hangup", "End a call" }, sb_api_hang_up },
	{ { "POST", "/accounts/{number}/pickup", "Take a call on the phone" }, sb_api_pick_up },
	{ { "POST", "/accounts/{number}/restriction", "Lock the account or cap its new chats" },
	  sb_api_restriction },
	{ { "GET", "/channels", "Channels" }, sb_api_channels },
	{ { "POST", "/channels", "Make a channel that a phone owns" }, sb_api_channel_new },
	{ { "POST", "/channels/{channel}/follow", "Let a phone follow a channel" },
	  sb_api_channel_follow },
	{ { "GET", "/channels/{channel}/posts", "What was posted" }, sb_api_channel_posts },
	{ { "POST", "/channels/{channel}/posts", "Post as a phone" }, sb_api_channel_post },
	{ { "POST", "/channels/{channel}/reactions", "React as a phone" }, sb_api_channel_react },
	{ { "GET", "/media", "The media host and what it did" }, sb_api_media },
	{ { "POST", "/media", "Give a file for phones to send" }, sb_api_media_give },
	{ { "POST", "/media/lose", "Everything uploaded so far is gone from the host" }, sb_api_media_lose },
	{ { "GET", "/faults", "Faults that wait or are done" }, sb_api_faults },
	{ { "POST", "/faults", "Inject a fault" }, sb_api_fault_new },
	{ { "DELETE", "/faults", "Remove all faults" }, sb_api_faults_del },
	{ { "DELETE", "/faults/{fault}", "Remove a fault" }, sb_api_fault_del },
	{ { "GET", "/violations", "What clients did that a careful server would not take" },
	  sb_api_violations },
	{ { "DELETE", "/violations", "Forget the violations" }, sb_api_violations_del },
	{ { "GET", "/unacked", "What was delivered and is not acknowledged" }, sb_api_unacked },
	{ { "GET", "/bulk", "Bulk runs" }, sb_api_bulks },
	{ { "POST", "/bulk", "Send many texts from a phone" }, sb_api_bulk_new },
	{ { "GET", "/bulk/{run}", "What came of a bulk run" }, sb_api_bulk_get },
};

const struct sandbox_route *sandbox_route_at(size_t i)
{
	return i < WA_ARRAY_LEN(routes) ? &routes[i].pub : NULL;
}

/* One segment of path against one of pattern; both advance. */
static bool match(const char *pattern, const char *path, struct sb_call *c)
{
	size_t n_params = 0;

	while (*pattern && *path) {
		size_t a, b;

		if (*pattern != '/' || *path != '/')
			return false;
		a = strcspn(++pattern, "/");
		b = strcspn(++path, "/");
		if (*pattern == '{') {
			if (b == 0 || b >= sizeof(c->params[0]) || n_params == SB_PARAMS)
				return false;
			memcpy(c->params[n_params], path, b);
			c->params[n_params++][b] = 0;
		} else if (a != b || memcmp(pattern, path, a) != 0) {
			return false;
		}
		pattern += a;
		path += b;
	}
	return !*pattern && (!*path || strcmp(path, "/") == 0);
}

int sandbox_api(struct sandbox *s, const char *method, const char *path, sandbox_query_fn *query,
		void *query_ctx, struct wa_span body, json_t **ret_json)
{
	struct sb_call c = { .s = s, .query = query, .query_ctx = query_ctx, .ret = ret_json };
	bool other = false;
	json_error_t je;
	int status;

	*ret_json = NULL;
	if (body.len) {
		c.body = json_loadb((const char *)body.ptr, body.len, 0, &je);
		if (!json_is_object(c.body)) {
			json_decref(c.body);
			return sb_api_fail(ret_json, 400, "invalid",
					   "the body is not a JSON object");
		}
	}
	for (size_t i = 0; i < WA_ARRAY_LEN(routes); i++) {
		if (!match(routes[i].pub.pattern, path, &c))
			continue;
		if (strcmp(routes[i].pub.method, method) != 0) {
			other = true;
			continue;
		}
		sb_enter(s);
		status = routes[i].fn(&c);
		sb_leave(s);
		json_decref(c.body);
		return status;
	}
	json_decref(c.body);
	return other ? sb_api_fail(ret_json, 405, "invalid", "not this method")
		     : sb_api_fail(ret_json, 404, "not_found", "no such resource");
}
