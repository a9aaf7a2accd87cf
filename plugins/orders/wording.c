/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wording.h"

#include "text.h"

struct own {
	struct wa_buf *out;
	bool found;
};

static int on_body(void *ctx, const struct wb_value *c, int32_t n)
{
	struct own *own = ctx;

	(void)n;
	wa_buf_put(own->out, c[0].str.ptr, c[0].str.len);
	own->found = true;
	return 1;
}

int wording_own(struct orders *o, enum text_kind kind, const char *language, struct wa_buf *out)
{
	const struct wb_value v[] = { kit_text(text_kind_str(kind)), kit_text(language) };
	struct own own = { out, false };
	int r;

	wa_buf_init(out, WB_TEMPLATE_SOURCE_MAX + 1);
	r = o->host->query(o->self,
			   "SELECT body FROM orders_template WHERE name = $1 AND language = $2", v,
			   2, on_body, &own);
	if (r < 0 || !own.found) {
		wa_buf_clear(out);
		return r < 0 ? r : 0;
	}
	return wa_buf_end(out, NULL) < 0 ? WA_ENOMEM : 1;
}

int wording_render(const char *source, const struct store *s, const json_t *doc,
		   const char *order_id, const char *language, struct wa_buf *out,
		   struct wb_template_err *ret_err)
{
	const char *zone = source_str(s->options, "zone"), *country = source_str(doc, "country");
	struct wb_template *t = NULL;
	char locale[LANGUAGE_SIZE + 4];
	struct wa_span text;
	json_t *values;
	int r = wb_template_compile(wa_span_str(source), text_vars, &t, ret_err);

	if (r < 0)
		return r;
	if (!source_is_country(country))
		country = s->country;
	snprintf(locale, sizeof(locale), "%s%s%s", language,
		 strchr(language, '-') || !*country ? "" : "-",
		 strchr(language, '-') ? "" : country);
	values = text_values(doc, s->name, order_id);
	r = values ? wb_template_render(t, values,
					&(struct wb_template_env){ .locale = locale,
								   .zone = *zone ? zone : NULL },
					out, NULL)
		   : WA_ENOMEM;
	json_decref(values);
	wb_template_free(t);
	/* a template's last line end is no part of the message */
	text = wa_span_trim(wa_buf_view(out));
	if (r == 0 && text.len == 0) {
		if (ret_err)
			snprintf(ret_err->msg, sizeof(ret_err->msg), "the message would be empty");
		return WA_EINVALID;
	}
	out->len = (size_t)(text.ptr - out->ptr) + text.len;
	wa_buf_consume(out, (size_t)(text.ptr - out->ptr));
	return r;
}

static int try_render(const char *source, const struct store *s,
		      const json_t *doc, const char *order_id, struct wording *w)
{
	int r;

	wa_buf_reset(&w->text);
	r = wording_render(source, s, doc, order_id, w->language, &w->text, NULL);
	return r == 0 ? 1 : r == WA_ENOMEM ? r : 0;
}

static int try_language(struct orders *o, const struct store *s, const json_t *doc,
			const char *order_id, enum text_kind kind, struct wording *w)
{
	const json_t *mine =
		source_object(source_object(s->options, "templates"), text_kind_str(kind));
	const char *text = source_str(mine, w->language);
	struct wa_buf own;
	int r = 0;

	if (*text)
		r = try_render(text, s, doc, order_id, w);
	if (r == 0) {
		r = wording_own(o, kind, w->language, &own);
		if (r == 1) {
			r = try_render(wa_buf_cstr(&own), s, doc, order_id, w);
			wa_buf_clear(&own);
		}
	}
	text = text_shipped(kind, w->language);
	if (r == 0 && text)
		r = try_render(text, s, doc, order_id, w);
	return r;
}

int wording_make(struct orders *o, const struct store *s, const json_t *doc, const char *order_id,
		 enum text_kind kind, const char *locale, struct wording *ret)
{
	char choices[LANGUAGE_CHOICES][LANGUAGE_SIZE];
	const char *country = source_str(doc, "country");
	size_t n = language_choices(*locale ? locale
					    : source_str(source_object(doc, "customer"), "locale"),
				    *country ? country : s->country, s->language, choices);
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	wa_buf_init(&ret->text, ORDERS_TEXT_MAX);
	for (size_t i = 0; i < n && r == 0; i++) {
		memcpy(ret->language, choices[i], sizeof(ret->language));
		r = try_language(o, s, doc, order_id, kind, ret);
	}
	return r == 1 ? WA_OK : r < 0 ? r : WA_ELIMIT;
}

void wording_clear(struct wording *w)
{
	wa_buf_clear(&w->text);
}
