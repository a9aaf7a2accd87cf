-- SPDX-License-Identifier: GPL-3.0-or-later
local api = {
	["GET /v1/orders?number=%231001"] = { orders = {
		{ id = "01K", number = "#1001", state = "confirmed", customer = { phone = "+12025550123" } },
	} },
	["GET /v1/orders?*"] = { orders = {} },
}
return {
	api = api,
	{ name = "mine",
		{ from = "+12025550123", text = "Where is my Order #1001?",
			expect = "Order #1001: It is confirmed and will be shipped." },
	},
	{ name = "somebody else's", { from = "+12025550199", text = "order 1001", expect = { contains = "no such order" } } },
	{ name = "unknown", { text = "order 7777", expect = { contains = "no such order" } } },
	{ name = "no number", { text = "my order?", expect = { contains = "Which order" } } },
	{ name = "the shop is down", api = { ["GET /v1/orders*"] = { status = 503, body = { detail = "down" } } },
		{ text = "order 1001", expect = "I cannot look it up right now.", expect_log = "no order" },
	},
}
