/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inside.h"

#include <stdarg.h>

#define PRINT_MAX 4096

void sb_violation(struct sandbox *s, const struct sb_device *d, const struct wa_node *n,
		  const char *kind, const char *fmt, ...)
{
	struct sb_violation *v = calloc(1, sizeof(*v));
	va_list ap;

	if (!v)
		return;
	if (s->n_violations >= SB_VIOLATIONS_MAX) { /* the first ones tell most */
		s->violations_dropped++;
		free(v);
		return;
	}
	v->seq = ++s->violation_seq;
	v->at_ms = sb_now(s);
	v->device = d ? d->id : -1;
	sb_copy(v->account, sizeof(v->account), d ? d->acc->pn : "");
	sb_copy(v->kind, sizeof(v->kind), kind);
	va_start(ap, fmt);
	vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
	if (n) {
		SB_AUTO_BUF struct wa_buf b = { 0 };

		wa_buf_init(&b, SB_STANZA_MAX);
		wa_node_print(n, &b);
		v->stanza = sb_strndup(wa_span(b.ptr, wa_utf8_clip(wa_buf_view(&b), PRINT_MAX)));
	}
	wa_list_push_back(&s->violations, &v->link);
	s->n_violations++;
	WA_LOG(s->env, WA_WARN, "sandbox.violation", WA_R("account", v->account),
	       WA_I("device", v->device), WA_S("kind", v->kind), WA_S("text", v->text));
}

void sb_violations_clear(struct sandbox *s)
{
	struct wa_list *l;

	while ((l = wa_list_pop_front(&s->violations))) {
		struct sb_violation *v = container_of(l, struct sb_violation, link);

		free(v->stanza);
		free(v);
	}
	s->n_violations = 0;
	s->violations_dropped = 0;
}
