-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	settings = { owner = "+12025550100" },
	{ name = "a complaint",
		{ from = "+12025550123", push_name = "Ada", text = "It arrived BROKEN.",
			expect = { { kind = "forward", to = "+12025550100" },
				{ to = "+12025550100", text = "From Ada, https://wa.me/12025550123" } } },
	},
	{ name = "no complaint", { from = "+12025550123", text = "thanks", expect = "nothing" } },
	{ name = "the owner's own words", { from = "+12025550100", text = "a complaint", expect = "nothing" } },
}
