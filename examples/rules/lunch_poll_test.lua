-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	{ name = "a poll and its result",
		{ group = "Team", from = "+12025550123", text = "/lunch Pizza, Salad", expect = { kind = "poll" } },
		{ group = "Team", from = "+12025550123", vote = "Salad" },
		{ group = "Team", text = "/result", expect = "Pizza: 0\nSalad: 1" },
	},
	{ name = "one option is none", { group = "Team", text = "/lunch Pizza", expect = { contains = "Like this" } } },
	{ name = "no poll", { group = "Team", text = "/result", expect = "There is no poll." } },
}
