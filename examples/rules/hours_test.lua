-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	{ name = "open", now = "2026-11-23 10:00",	-- UTC: 11:00 in Berlin, a Monday
		{ text = "Are you open?", expect = "We are open until 18:00." },
		{ wait = "6h59m" }, { text = "open?", expect = "We are open until 18:00." },
		{ wait = "1m" }, { text = "open?", expect = "We are closed. We open on Tuesday at 09:00." },
	},
	{ name = "holidays", now = "2026-12-24 20:00",	-- Thursday; Friday and Saturday are holidays
		{ text = "what are your hours", expect = "We are closed. We open on Monday at 09:00." },
	},
}
