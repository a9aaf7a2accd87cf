-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	{ name = "counts each person, over a restart",
		{ from = "+12025550123", push_name = "Ada", text = "Hi!", expect = "Welcome, Ada!" },
		{ restart = true },
		{ push_name = "Ada", text = "hello", expect = "Hello again, Ada! This is visit 2." },
		{ from = "+12025550124", text = "hola", expect = "Welcome!" },
	},
}
