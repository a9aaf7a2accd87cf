-- SPDX-License-Identifier: GPL-3.0-or-later
local api = { ["GET /v1/sessions/test/groups/*"] = { subject = "Team", participants = {
	{ jid = "12025550100@s.whatsapp.net", phone = "+12025550100", role = "admin" },
	{ jid = "12025550123@s.whatsapp.net", phone = "+12025550123", role = "member" },
} } }
return {
	api = api,
	{ name = "an administrator may", { group = "Team", from = "+12025550100", text = "see https://example.org", expect = "nothing" } },
	{ name = "words are fine", { group = "Team", from = "+12025550123", text = "hello", expect = "nothing" } },
	{ name = "a member is warned, then removed", settings = { warnings = 1 },
		{ group = "Team", from = "+12025550123", text = "join https://chat.whatsapp.com/x",
			expect = { { kind = "delete" }, { contains = "(1 of 1)" } } },
		{ group = "Team", text = "WWW.example.org",
			expect = { kind = "delete" },
			expect_request = { method = "POST", path = { pattern = "/participants$" }, body = { action = "remove" } } },
	},
	{ name = "not in a chat", { from = "+12025550123", text = "https://example.org", expect = "nothing" } },
}
