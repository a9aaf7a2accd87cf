-- SPDX-License-Identifier: GPL-3.0-or-later
local mine = { phone = "+12025550123" }
return {
	api = {
		["GET /v1/orders?number=%231001"] = { orders = { { id = "01K1", number = "#1001", state = "confirmed", customer = mine } } },
		["GET /v1/orders?number=*"] = { orders = {} },
		["GET /v1/orders?phone=*"] = { orders = { { id = "01K2", number = "#1002", state = "delivered", customer = mine } } },
	},
	{ name = "by number", { from = "+12025550123", text = "Where is order 1001?", expect = "Order #1001: is confirmed." } },
	{ name = "the newest", { text = "where is my order", expect = "Order #1002: waits for your confirmation." } },
	{ name = "nobody else's", { from = "+12025550199", text = "order 1001", expect = { contains = "no such order" } } },
	{ name = "unknown", { text = "order 9999", expect = { contains = "no such order" } } },
	{ name = "in other languages and words", settings = { language = "de", states = { "confirmed = wird gerade gepackt" } },
		{ text = "Meine Bestellung 1001?", expect = "Bestellung #1001: wird gerade gepackt." } },
	{ name = "the shop is down", api = { ["GET /v1/orders*"] = { status = 503, body = { detail = "down" } } },
		{ text = "order 1001", expect = { contains = "right now" } } },
	{ name = "keeps out", { hold = "human", text = "my order?", expect = "nothing" }, { hold = false },
		{ group = "Team", text = "my order?", expect = "nothing" }, { text = "reorder", expect = "nothing" } },
}
