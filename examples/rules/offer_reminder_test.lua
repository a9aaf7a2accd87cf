-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	{ name = "no answer",
		{ text = "Offer", expect = { contains = "Two for" } },
		{ wait = "9m", expect = "nothing" },
		{ wait = "2m", expect = "Are you still thinking about our offer?" },
	},
	{ name = "an answer",
		{ text = "offer", expect = { contains = "Two for" } },
		{ wait = "5m" }, { text = "no", expect = "nothing" },
		{ wait = "1h", expect = "nothing" },
	},
}
