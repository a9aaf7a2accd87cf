-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	settings = { questions = {
		"How long does delivery take | delivery time = Two to four days.",
		"Do you ship abroad | international shipping = Yes, to all of Europe.",
		"Where are you = 1 Main Street", "Return an order | send back = Within 30 days.",
	} },
	{ name = "other words and typing mistakes",
		{ text = "how long does the delivery take?", expect = "Two to four days." },
		{ text = "delivry time pls", expect = "Two to four days." },
		{ text = "Can I send it back?", expect = "Within 30 days." },
		{ text = "do you ship abraod", expect = "Yes, to all of Europe." },
	},
	{ name = "what it does not know it leaves alone",
		{ text = "do you sell shoes?", expect = "nothing" }, { text = "hello", expect = "nothing" },
		{ group = "Team", text = "delivery time", expect = "nothing" },
		{ hold = "human", text = "delivery time", expect = "nothing" },
	},
	{ name = "or hands over", settings = { hand_over = true },
		{ from = "+5511912345678", text = "vocês vendem sapatos?", expect = { contains = "Vou perguntar" }, expect_hold = "human" },
		{ text = "delivery time", expect = "nothing" },
	},
	{ name = "not to who opted out", opt_out = "+12025550123", { text = "delivery time", expect = "nothing" } },
}
