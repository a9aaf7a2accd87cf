-- SPDX-License-Identifier: GPL-3.0-or-later
local consent = { method = "POST", path = { pattern = "/consent$" } }
return {
	{ name = "out and in again",
		{ text = "STOP.", expect = { contains = "no more messages" }, expect_request = consent },
		{ text = "stop", expect = "nothing" },
		{ text = "Start!", expect = { contains = "Welcome back" }, expect_request = consent },
		{ text = "start", expect = "nothing" },
	},
	{ name = "in other languages", { from = "+966512345678", text = "إيقاف", expect = { contains = "START" } },
		{ from = "+4915112345678", text = "Abmelden", expect = { contains = "keine Nachrichten" } } },
	{ name = "also in a chat that a person has, not in groups, not within a sentence",
		{ hold = "human", text = "stop", expect = { contains = "no more" }, expect_request = consent },
		{ from = "+12025550124", group = "Team", text = "stop", expect = "nothing" },
		{ text = "don't stop", expect = "nothing" },
	},
	{ name = "own words and texts", settings = { stop = { "enough" }, bye = "Bye." },
		{ text = "stop", expect = "nothing" }, { text = "Enough", expect = "Bye.", expect_request = consent },
	},
}
