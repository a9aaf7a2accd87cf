/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire.h"

#include "text.h"

static const char *const server_names[] = {
	[WA_SRV_NONE] = "",
	[WA_SRV_PN] = "s.whatsapp.net",
	[WA_SRV_LID] = "lid",
	[WA_SRV_GROUP] = "g.us",
	[WA_SRV_BROADCAST] = "broadcast",
	[WA_SRV_NEWSLETTER] = "newsletter",
	[WA_SRV_LEGACY] = "c.us",
	[WA_SRV_HOSTED] = "hosted",
	[WA_SRV_HOSTED_LID] = "hosted.lid",
	[WA_SRV_MSGR] = "msgr",
	[WA_SRV_INTEROP] = "interop",
	[WA_SRV_BOT] = "bot",
	[WA_SRV_CALL] = "call",
};

const char *wa_server_str(int server)
{
	if (server < 0 || (size_t)server >= WA_ARRAY_LEN(server_names))
		return "";
	return server_names[server];
}

int wa_server_find(struct wa_span name)
{
	for (int i = WA_SRV_PN; i <= WA_SRV_CALL; i++)
		if (wa_span_is(name, server_names[i]))
			return i;
	return WA_SRV_NONE;
}

static bool has_devices(int server)
{
	return server == WA_SRV_PN || server == WA_SRV_LID || server == WA_SRV_HOSTED ||
	       server == WA_SRV_HOSTED_LID;
}

bool wa_jid_is_user(const struct wa_jid *j)
{
	return has_devices(j->server) && j->user[0];
}

/* Characters that would read as structure, or that no log should see. */
static bool user_char(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '@' && c != ':' && c != '/' && c != '"';
}

/* "user.agent": the agent says nothing that is not in the server, too. */
static struct wa_span without_agent(struct wa_span user)
{
	size_t n = user.len;

	while (n > 0 && user.ptr[n - 1] >= '0' && user.ptr[n - 1] <= '9')
		n--;
	if (n < 2 || n == user.len || user.ptr[n - 1] != '.')
		return user;
	/* again, so that the text of the result reads as the same user */
	return without_agent(wa_span(user.ptr, n - 1));
}

int wa_jid_set_user(struct wa_jid *j, struct wa_span user, struct wa_err *err)
{
	if (has_devices(j->server))
		user = without_agent(user);
	if (user.len > WA_JID_USER_MAX)
		return wa_err_set(err, WA_EINVALID, "jid: user of %zu bytes", user.len);
	for (size_t i = 0; i < user.len; i++)
		if (!user_char(user.ptr[i]))
			return wa_err_set(err, WA_EINVALID, "jid: byte 0x%02x in the user",
					  user.ptr[i]);
	memset(j->user, 0, sizeof(j->user));
	if (user.len > 0)
		memcpy(j->user, user.ptr, user.len);
	return WA_OK;
}

static struct wa_span find_char(struct wa_span s, uint8_t c)
{
	const uint8_t *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;

	return at ? wa_span(at, s.len - (size_t)(at - s.ptr)) : wa_span(NULL, 0);
}

/* "12-user" on the interop server: the integrator in front. */
static struct wa_span take_integrator(struct wa_span user, struct wa_jid *j)
{
	struct wa_span dash = find_char(user, '-');
	int64_t v;

	if (dash.len < 2 || wa_parse_i64(wa_span(user.ptr, user.len - dash.len), 0, UINT16_MAX, &v) < 0)
		return user;
	j->integrator = (uint16_t)v;
	return wa_span(dash.ptr + 1, dash.len - 1);
}

int wa_jid_parse(struct wa_span text, struct wa_jid *ret_jid, struct wa_err *err)
{
	struct wa_span at = find_char(text, '@'), user = { NULL, 0 }, server = text, colon;
	struct wa_jid j = { .server = WA_SRV_NONE };
	int r;

	if (at.ptr) {
		user = wa_span(text.ptr, text.len - at.len);
		server = wa_span(at.ptr + 1, at.len - 1);
	}
	j.server = (uint8_t)wa_server_find(server);
	if (j.server == WA_SRV_NONE)
		return wa_err_set(err, WA_EINVALID, "jid: unknown server in %zu bytes", text.len);
	colon = find_char(user, ':');
	if (colon.ptr) {
		int64_t device;

		if (wa_parse_i64(wa_span(colon.ptr + 1, colon.len - 1), 0, UINT16_MAX, &device) < 0)
			return wa_err_set(err, WA_EINVALID, "jid: bad device");
		j.device = (uint16_t)device;
		user.len -= colon.len;
	}
	if (at.ptr && user.len == 0 && at.ptr != text.ptr)
		return wa_err_set(err, WA_EINVALID, "jid: device without a user");
	if (j.server == WA_SRV_INTEROP)
		user = take_integrator(user, &j);
	r = wa_jid_set_user(&j, user, err);
	if (r < 0)
		return r;
	*ret_jid = j;
	return WA_OK;
}

struct wa_jid wa_jid_make(int server, const char *user, unsigned device)
{
	struct wa_jid j = { .server = (uint8_t)server, .device = (uint16_t)device };

	if (device > UINT16_MAX || wa_jid_set_user(&j, wa_span_str(user), NULL) < 0)
		return (struct wa_jid){ .server = WA_SRV_NONE };
	return j;
}

const char *wa_jid_text(const struct wa_jid *j, char out[WA_JID_TEXT_MAX])
{
	char integrator[8] = "", device[8] = "";

	out[0] = 0;
	if (j->server == WA_SRV_NONE)
		return out;
	if (j->server == WA_SRV_INTEROP && j->user[0])
		snprintf(integrator, sizeof(integrator), "%u-", j->integrator);
	if (j->device)
		snprintf(device, sizeof(device), ":%u", j->device);
	snprintf(out, WA_JID_TEXT_MAX, "%s%s%s@%s", integrator, j->user, device,
		 wa_server_str(j->server));
	return out;
}

struct wa_jid wa_jid_device(const struct wa_jid *j, unsigned device)
{
	struct wa_jid copy = *j;

	copy.device = (uint16_t)device;
	return copy;
}

struct wa_jid wa_jid_bare(const struct wa_jid *j)
{
	return wa_jid_device(j, 0);
}

bool wa_jid_same_user(const struct wa_jid *a, const struct wa_jid *b)
{
	return a->server == b->server && a->integrator == b->integrator &&
	       strcmp(a->user, b->user) == 0;
}

bool wa_jid_eq(const struct wa_jid *a, const struct wa_jid *b)
{
	return a->device == b->device && wa_jid_same_user(a, b);
}
