-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	{ name = "out and in again",
		{ from = "+12025550123", text = "STOP!", expect = { contains = "no more messages" },
			expect_request = { method = "POST", path = { pattern = "/consent$" } } },
		{ text = "Start", expect = "Welcome back!", expect_request = { method = "POST", path = { pattern = "/consent$" } } },
		{ text = "start", expect = "nothing" },
	},
}
