-- SPDX-License-Identifier: GPL-3.0-or-later
-- Answers whoever asks for the price list, in whatever case, accent or script they type it.
local wb = require "warbler"

wb.script{
	summary = "Answers a question for the prices",
	settings = {
		answer = { type = "text", default = "Small 5 €, large 8 €.", summary = "the price list" },
	},
}

wb.on("message.received", { contains = { "price", "precio", "preço", "سعر" }, group = false }, function(msg)
	msg:reply(wb.settings.answer)
end)
