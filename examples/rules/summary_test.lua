-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	now = "2026-11-23 08:00", settings = { owner = "+12025550100" },
	{ name = "a day",
		{ from = "+12025550123", text = "a" }, { text = "b" }, { from = "+12025550124", text = "c" },
		{ wait = "9h", expect = "nothing" },	-- 18:00 in Berlin
		{ wait = "2h", expect = { to = "+12025550100", text = "Today: 3 messages from 2 people." } },
		{ wait = "1d", expect = "Today: 0 messages from 0 people." },
	},
	{ name = "nobody to tell", settings = { owner = "" }, { wait = "2d", expect = "nothing" } },
}
