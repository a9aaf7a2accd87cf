/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules of WA-AKG: keyword, response, matchType, triggerType, isMedia,
 * mediaUrl, mediaType. There, case never counts, marks do, an answer quotes,
 * and the first rule that matches is the only one.
 */
#include <strings.h>

#include "autoreply.h"

static const char *word(const json_t *o, const char *name, const char *fallback)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s && *s ? s : fallback;
}

static const char *translate(const char *s, const char *const (*table)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(s, table[i][0]) == 0)
			return table[i][1];
	return NULL;
}

json_t *foreign_rule(const json_t *in, char why[WHY_SIZE])
{
	static const char *const matches[][2] = { { "EXACT", "exact" }, { "CONTAINS", "contains" },
						  { "STARTS_WITH", "starts" }, { "ENDS_WITH", "ends" },
						  { "REGEX", "regex" } };
	static const char *const scopes[][2] = { { "ALL", "all" }, { "PRIVATE", "private" }, { "GROUP", "groups" } };
	static const char *const types[][2] = { { "IMAGE", "image" }, { "VIDEO", "video" }, { "AUDIO", "audio" },
						{ "DOCUMENT", "document" } };
	const char *match = translate(word(in, "matchType", "EXACT"), matches, WA_ARRAY_LEN(matches));
	const char *scope = translate(word(in, "triggerType", "ALL"), scopes, WA_ARRAY_LEN(scopes));
	const char *type = translate(word(in, "mediaType", "DOCUMENT"), types, WA_ARRAY_LEN(types));
	const char *keyword = word(in, "keyword", ""), *response = word(in, "response", ""), *url;
	json_t *reply = json_object();

	url = word(in, "mediaUrl", NULL);
	if (!match || !scope || !*keyword || (!*response && !url)) {
		snprintf(why, WHY_SIZE, "keyword, response or mediaUrl, matchType or triggerType is wrong");
		json_decref(reply);
		return NULL;
	}
	if (*response)
		json_object_set_new(reply, "text", json_string(response));
	if (url)
		json_object_set_new(reply, "media", json_pack("{s:s, s:s}", "url", url, "type", type ? type : "document"));
	return json_pack("{s:s, s:s, s:[s], s:b, s:s, s:b, s:[o]}", "name", keyword, "match", match, "patterns", keyword,
			 "diacritics_sensitive", 1, "scope", scope, "quote", 1, "replies", reply);
}
