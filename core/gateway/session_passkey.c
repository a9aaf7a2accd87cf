/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server demands a passkey before it links: the session stays in linking,
 * with a reason that says what it waits for; a page or an app gets the
 * challenge and hands the answer in.
 */
#include <clock.h>
#include "session_priv.h"

#define ASSERTION_MAX (32u << 10)

void wb_session_passkey_clear(struct wb_linking *l)
{
	free(l->passkey);
	l->passkey = NULL;
	l->passkey_code[0] = '\0';
}

void wb_session_on_passkey(struct wb_session *s, struct wb_tx *tx, const struct wa_event *ev)
{
	struct wb_linking *l;
	char *options;
	json_t *o;

	if (!s->linking)
		s->linking = wb_zalloc(sizeof(*s->linking));
	l = s->linking;
	o = json_pack("{s:s, s:s}", "id", s->id, "step", ev->text);
	if (strcmp(ev->text, "required") == 0) {
		wb_session_passkey_clear(l);
		options = wb_zalloc(ev->raw.len + 1);
		memcpy(options, ev->raw.ptr, ev->raw.len);
		l->passkey = options;
		l->passkey_expires_ms = ev->expires_ms;
		wb_session_set_state(s, tx, WB_SS_LINKING, "passkey_required");
	} else if (strcmp(ev->text, "confirmation") == 0) {
		snprintf(l->passkey_code, sizeof(l->passkey_code), "%s", ev->id);
		l->passkey_known = ev->final;
		json_object_set_new(o, "code", json_string(l->passkey_code));
		wb_session_set_state(s, tx, WB_SS_LINKING, "passkey_confirmation");
	} else {
		json_object_set_new(o, "reason", json_string(ev->id ? ev->id : ""));
		if (ev->code)
			json_object_set_new(o, "code", json_integer(ev->code));
	}
	wb_session_put_event(s, tx, "session.passkey", "", o, false);
}

json_t *wb_session_passkey_json(struct wb_session *s)
{
	const struct wb_linking *l = s->linking;
	char time[WA_TIME_TEXT];
	json_t *o, *options;

	if (!l || !l->passkey)
		return NULL;
	options = json_loads(l->passkey, 0, NULL);
	o = json_pack("{s:s, s:o}", "step", l->passkey_code[0] ? "confirmation" : "required", "public_key",
		      options ? options : json_null());
	json_object_set_new(o, "expires", json_string(wa_time_format(l->passkey_expires_ms, time)));
	if (l->passkey_code[0]) {
		json_object_set_new(o, "code", json_string(l->passkey_code));
		json_object_set_new(o, "code_optional", json_boolean(l->passkey_known));
	}
	return o;
}

/* A PublicKeyCredential as a browser writes it. */
static int check_assertion(const json_t *o, struct wa_err *err)
{
	const char *id, *raw_id, *type, *data, *auth, *sig;
	json_t *user = NULL;
	json_error_t je;

	if (json_unpack_ex((json_t *)(uintptr_t)o, &je, 0, "{s:s, s:s, s:s, s:{s:s, s:s, s:s, s?o}}", "id", &id, "rawId",
			   &raw_id, "type", &type, "response", "clientDataJSON", &data, "authenticatorData", &auth,
			   "signature", &sig, "userHandle", &user))
		return wa_err_set(err, WA_EINVALID, "assertion: %.120s", je.text);
	return strcmp(type, "public-key") == 0 ? WA_OK : wa_err_set(err, WA_EINVALID, "assertion: type is public-key");
}

int wb_session_passkey_answer(struct wb_session *s, const char *assertion, struct wa_err *err)
{
	size_t len = strlen(assertion);
	json_t *o = len <= ASSERTION_MAX ? json_loadb(assertion, len, 0, NULL) : NULL;
	int r = o ? check_assertion(o, err) : wa_err_set(err, WA_EINVALID, "assertion: an object of at most 32 KiB");

	if (r == 0 && !s->client)
		r = wa_err_set(err, WA_ESTATE, "the session is not linking");
	if (r == 0)
		r = wa_client_passkey_assertion(s->client, wa_span(assertion, len), err);
	json_decref(o);
	return r;
}

int wb_session_passkey_confirm(struct wb_session *s, struct wa_err *err)
{
	if (!s->client)
		return wa_err_set(err, WA_ESTATE, "the session is not linking");
	return wa_client_passkey_confirm(s->client, err);
}
