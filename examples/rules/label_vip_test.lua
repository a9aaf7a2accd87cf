-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	{ name = "an existing label", api = { ["GET /v1/sessions/test/labels"] = { labels = { { id = "7", name = "wants a QUOTE" } } } },
		{ from = "+12025550123", text = "I'd like a quote, please",
			expect_request = { method = "PUT", path = { pattern = "^/v1/sessions/test/labels/7/chats/12025550123" } } },
	},
	{ name = "a new one", api = { ["GET /v1/sessions/test/labels"] = { labels = {} }, ["POST /v1/sessions/test/labels"] = { id = "9" } },
		{ text = "quote", expect_request = { { method = "POST", body = { name = "Wants a quote" } },
			{ method = "PUT", path = { pattern = "/labels/9/" } } } },
	},
	{ name = "not a word within a word", { text = "unquoted", expect = "nothing" } },
}
