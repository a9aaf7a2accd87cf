/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Content JSON: what is read is written again, what is strange is refused by name. */
#include "test.h"

/* The canonical form of each kind: read, written, and the same. */
static const char *const same[] = {
	"{'kind':'text','text':'hello'}",
	"{'kind':'text','text':'hi','mentions':['12025550123@s.whatsapp.net','1@lid'],'mention_all':true}",
	"{'kind':'text','text':'x','forwarded':true,'forwarding_score':4,'expires_s':86400,'view_once':true}",
	"{'kind':'text','text':'x','link':{'url':'https://a.b/c','title':'t','description':'d','thumbnail':'AAEC'}}",
	"{'kind':'text','text':'status','text_colour':'#ffffff','background':'#801f7aec','font':2}",
	"{'kind':'text','text':'x','quoted':{'id':'3EB0','sender':'1@lid','text':'before'}}",
	"{'kind':'edit','text':'new','at':'2026-11-22T09:30:00.123Z','target':{'id':'A','from_me':true}}",
	"{'kind':'revoke','target':{'id':'A','from_me':false,'sender':'1@lid','chat':'2@g.us'}}",
	"{'kind':'reaction','text':'\xe2\x9d\xa4','target':{'id':'A','from_me':false}}",
	"{'kind':'album','images':2,'videos':1}",
	"{'kind':'location','latitude':24.5,'longitude':-46.25,'name':'n','address':'a','url':'u','comment':'c'}",
	"{'kind':'live_location','latitude':0.5,'longitude':0.25,'accuracy_m':5,'speed_mps':1.5,'bearing_deg':90,"
	"'sequence':7,'time_offset_s':30,'text':'moving'}",
	"{'kind':'contact','name':'two','contacts':[{'name':'A','vcard':'BEGIN:VCARD\\nEND:VCARD'}]}",
	"{'kind':'poll','name':'q','options':['a','b'],'selectable':1,'quiz':true,'correct':2}",
	"{'kind':'poll_vote','target':{'id':'A','from_me':false},'hashes':"
	"['ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb']}",
	"{'kind':'event','name':'e','description':'d','start':'2027-01-05T18:00:00.000Z','end':'2027-01-05T20:00:00.000Z',"
	"'join_link':'https://call','reminder_s':3600,'cancelled':true,'guests_allowed':true,'call':true,"
	"'location':{'latitude':1.5,'longitude':2.5,'name':'here'}}",
	"{'kind':'event_answer','answer':'maybe','guests':2,'target':{'id':'A','from_me':false}}",
	"{'kind':'comment','text':'c','target':{'id':'A','from_me':true}}",
	"{'kind':'pin','on':true,'duration_s':86400,'target':{'id':'A','from_me':true}}",
	"{'kind':'keep','on':false,'target':{'id':'A','from_me':true}}",
	"{'kind':'timer','expires_s':0}",
	"{'kind':'group_invite','group':'1@g.us','code':'c','name':'n','caption':'x','expires':'2027-01-05T18:00:00.000Z'}",
	"{'kind':'menu','form':'buttons','body':'b','title':'t','footer':'f','buttons':[{'kind':'reply','id':'1','text':'x'},"
	"{'kind':'url','text':'go','value':'https://a'}]}",
	"{'kind':'menu','form':'list','body':'b','button_text':'open','sections':[{'title':'s','rows':"
	"[{'id':'1','title':'r','description':'d'}]},{'title':'s2','rows':[{'id':'2','title':'q'}]}]}",
	"{'kind':'choice','id':'1','title':'r','description':'d','form':'list'}",
	"{'kind':'product','id':'p','title':'t','currency':'USD','price_1000':61500,'owner':'12025550100@s.whatsapp.net'}",
	"{'kind':'order','id':'o','token':'t','title':'c','message':'m','currency':'USD','total_1000':5,'items':2,'status':1}",
	"{'kind':'member_label','text':'Till'}",
};

static json_t *doc_of(const char *quoted)
{
	char *text = strdup(quoted);
	json_t *o;

	assert_non_null(text);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	o = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(o);
	return o;
}

static void the_same_in_and_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(same); i++) {
		json_t *in = doc_of(same[i]), *out;
		struct wb_content_media_ref ref;
		struct wa_err err = WA_ERR_INIT;
		struct wa_message m;
		struct wa_arena a;

		wa_arena_init(&a, 1u << 20);
		if (wb_content_parse(in, &a, &m, &ref, &err))
			fail_msg("%s: %s", same[i], err.msg);
		out = wb_content_json(&m, NULL);
		if (!json_equal(in, out))
			fail_msg("%s became %s", same[i], json_dumps(out, JSON_COMPACT));
		json_decref(out);
		json_decref(in);
		wa_arena_clear(&a);
	}
}

/* What has a protobuf survives that too. */
static void through_the_wire(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(same); i++) {
		json_t *in = doc_of(same[i]), *out;
		struct wb_content_media_ref ref;
		struct wa_message m, got;
		uint8_t secret[32] = { 1 };
		struct wa_arena a;
		struct wa_buf raw;

		wa_arena_init(&a, 4u << 20);
		wa_buf_init(&raw, WA_RAW_MAX);
		assert_int_equal(wb_content_parse(in, &a, &m, &ref, NULL), 0);
		m.secret = wa_span(secret, sizeof(secret));
		if (wa_message_encode(&m, &raw, NULL) == 0) {
			const char *kind = json_string_value(json_object_get(in, "kind"));

			assert_int_equal(wa_message_decode(wa_buf_view(&raw), &a, &got, NULL), 0);
			out = wb_content_json(&got, NULL);
			assert_string_equal(json_string_value(json_object_get(out, "kind")), kind);
			json_decref(out);
		}
		json_decref(in);
		wa_buf_clear(&raw);
		wa_arena_clear(&a);
	}
}

static const struct {
	const char *doc, *word;
} strange[] = {
	{ "{'text':'x'}", "kind" },
	{ "{'kind':'balloon'}", "kind" },
	{ "{'kind':'unknown'}", "cannot be made" },
	{ "{'kind':'text'}", "text" },
	{ "{'kind':'text','text':5}", "text" },
	{ "{'kind':'text','text':'x','colour':'red'}", "colour" },
	{ "{'kind':'text','text':'x','background':'red'}", "background" },
	{ "{'kind':'text','text':'x','link':{'title':'t'}}", "link.url" },
	{ "{'kind':'text','text':'x','link':{'url':'u','size':1}}", "link.size" },
	{ "{'kind':'text','text':'x','mentions':['nobody']}", "mentions" },
	{ "{'kind':'text','text':'x','expires_s':-1}", "expires_s" },
	{ "{'kind':'location','latitude':91,'longitude':0}", "latitude" },
	{ "{'kind':'location','longitude':0}", "latitude" },
	{ "{'kind':'poll','name':'q','options':[]}", "options" },
	{ "{'kind':'poll','name':'q','options':['a','a']}", "options" },
	{ "{'kind':'poll','name':'q','options':['a'],'selectable':2}", "selectable" },
	{ "{'kind':'poll_vote','options':['a']}", "target" },
	{ "{'kind':'poll_vote','target':{'id':'A'}}", "options" },
	{ "{'kind':'event','name':'e','start':'tomorrow'}", "start" },
	{ "{'kind':'event_answer','target':{'id':'A'},'answer':'perhaps'}", "answer" },
	{ "{'kind':'contact','contacts':[{'name':'A'}]}", "contacts" },
	{ "{'kind':'contact','contacts':[{'name':'A','phone':'1'}]}", "phone" },
	{ "{'kind':'image'}", "media" },
	{ "{'kind':'image','media':{}}", "media.id" },
	{ "{'kind':'image','media':{'id':'1','key':'x'}}", "media.key" },
	{ "{'kind':'menu','body':'b'}", "buttons" },
	{ "{'kind':'menu','body':'b','buttons':[{'id':'1'}]}", "text" },
	{ "{'kind':'menu','body':'b','form':'wheel','buttons':[{'text':'1'}]}", "form" },
	{ "{'kind':'reaction','target':{'id':'A'}}", "text" },
};

static void refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < WA_ARRAY_LEN(strange); i++) {
		json_t *in = doc_of(strange[i].doc);
		struct wb_content_media_ref ref;
		struct wa_err err = WA_ERR_INIT;
		struct wa_message m;
		struct wa_arena a;

		wa_arena_init(&a, 1u << 20);
		assert_true(wb_content_parse(in, &a, &m, &ref, &err) < 0);
		if (!strstr(err.msg, strange[i].word))
			fail_msg("%s: \"%s\" does not name %s", strange[i].doc, err.msg, strange[i].word);
		json_decref(in);
		wa_arena_clear(&a);
	}
}

static void files_keep_their_keys_to_themselves(void **state)
{
	uint8_t key[32] = { 7 };
	struct wa_media file = { .type = WA_MEDIA_IMAGE, .media_key = wa_span(key, 32), .direct_path = wa_span_str("/v/x"),
				 .mimetype = wa_span_str("image/jpeg"), .length = 99, .width = 640 };
	json_t *in = doc_of("{'kind':'image','text':'c','media':{'id':'01K','width':10,'alt':'a cat'}}"), *out;
	struct wb_content_media_ref ref;
	struct wa_message m;
	struct wa_arena a;
	char *text;

	(void)state;
	wa_arena_init(&a, 1u << 20);
	assert_int_equal(wb_content_parse(in, &a, &m, &ref, NULL), 0);
	assert_string_equal(ref.id, "01K");
	assert_int_equal(wb_content_media(&m, &file, &a), 0);
	assert_int_equal(m.media->width, 10);	/* as said */
	assert_int_equal(m.media->length, 99);	/* as it is */
	assert_ptr_equal(m.media->media_key.ptr, key);
	out = wb_content_json(&m, ref.id);
	text = json_dumps(out, JSON_COMPACT);
	assert_null(strstr(text, "key"));
	assert_null(strstr(text, "/v/x"));
	assert_string_equal(json_string_value(json_object_get(json_object_get(out, "media"), "url")), "/v1/media/01K");
	free(text);
	json_decref(out);
	json_decref(in);
	wa_arena_clear(&a);
}

static void a_card_cannot_break_out_of_its_line(void **state)
{
	json_t *in = json_pack("{s:s, s:[{s:s, s:s}]}", "kind", "contact", "contacts", "name", "Eve\nTEL:1;x,\\y", "phone",
			       "+12025550123");
	struct wb_content_media_ref ref;
	struct wa_message m;
	struct wa_arena a;
	const char *v;

	(void)state;
	wa_arena_init(&a, 1u << 20);
	assert_int_equal(wb_content_parse(in, &a, &m, &ref, NULL), 0);
	v = wa_arena_str(&a, m.cards->cards[0].vcard);
	assert_non_null(strstr(v, "FN:Eve TEL:1\\;x\\,\\\\y\n"));
	json_decref(in);
	wa_arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_in_and_out),
		cmocka_unit_test(through_the_wire),
		cmocka_unit_test(refused_by_name),
		cmocka_unit_test(files_keep_their_keys_to_themselves),
		cmocka_unit_test(a_card_cannot_break_out_of_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
