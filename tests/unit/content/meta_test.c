/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <meta.h>

static struct wb_meta scan(const char *html)
{
	struct wb_meta m;

	wb_meta_scan(wa_span_str(html), &m);
	return m;
}

static void og_beats_the_rest(void **state)
{
	struct wb_meta m = scan("<html><head><TITLE> plain\n title </TITLE>"
				"<meta name='description' content='plain words'>"
				"<meta content=\"A &amp; B &#x2014; &quot;c&quot;\" property=og:title />"
				"<meta property=\"og:description\" content=\"long  \n words\">"
				"<meta property=og:image content=/i.png></head>");

	(void)state;
	assert_string_equal(m.title, "A & B \xe2\x80\x94 \"c\"");
	assert_string_equal(m.description, "long words");
	assert_string_equal(m.image, "/i.png");
	m = scan("<title>only &lt;this&gt;</title><meta name=twitter:description content=t><meta name=description content=d>");
	assert_string_equal(m.title, "only <this>");
	assert_string_equal(m.description, "t");
}

static void what_is_not_said(void **state)
{
	struct wb_meta m = scan("<!-- <title>no</title> --><script>'<title>no</title>'</script><style><title>x</style>"
				"<body><title>late</title><meta property=og:title content=late>");

	(void)state;
	assert_string_equal(m.title, "");
	m = scan("<title>caf\xe9</title>");	/* Latin-1 */
	assert_string_equal(m.title, "caf\xc3\xa9");
	m = scan("<title>&#0;&#xD800;&#x110000;&#99999999;&amp</title>");
	assert_string_equal(m.title, "&#99999999;&amp");
	m = scan("<meta");
	m = scan("<meta property='og:title' content='never closed");
	assert_string_equal(m.title, "never closed");
}

static void the_first_link(void **state)
{
	static const struct {
		const char *text, *link;
	} texts[] = {
		{ "see https://a.b/c?d=1.", "https://a.b/c?d=1" }, { "(HTTP://A.B)", "HTTP://A.B" },
		{ "none here", "" }, { "https://", "" }, { "xhttps://a.b/ https://c.d", "https://a.b/" },
		{ "*https://a.b/_x*", "https://a.b/_x" },
	};

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(texts); i++) {
		struct wa_span l = wb_first_link(wa_span_str(texts[i].text));

		assert_int_equal(l.len, strlen(texts[i].link));
		assert_true(l.len == 0 || memcmp(l.ptr, texts[i].link, l.len) == 0);
	}
}

static void references(void **state)
{
	static const struct {
		const char *base, *ref, *url;
	} refs[] = {
		{ "https://a.b/c/d?e", "f.png", "https://a.b/c/f.png" }, { "https://a.b", "f.png", "https://a.b/f.png" },
		{ "https://a.b/c/d", "/f.png", "https://a.b/f.png" }, { "http://a.b/", "//c.d/e", "http://c.d/e" },
		{ "http://a.b/", "https://c.d/e", "https://c.d/e" }, { "http://a.b/", "data:image/png;base64,x", NULL },
		{ "ftp://a.b/", "x", NULL },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(refs); i++) {
		bool ok = wb_link_resolve(wa_span_str(refs[i].base), refs[i].ref, out, sizeof(out));

		assert_int_equal(ok, refs[i].url != NULL);
		if (ok)
			assert_string_equal(out, refs[i].url);
	}
	assert_false(wb_link_resolve(wa_span_str("https://a.b/"), "a-name-that-is-longer-than-what-there-is-room-for.png", out,
				     sizeof(out)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(og_beats_the_rest),
		cmocka_unit_test(what_is_not_said),
		cmocka_unit_test(the_first_link),
		cmocka_unit_test(references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
