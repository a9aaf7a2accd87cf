-- SPDX-License-Identifier: GPL-3.0-or-later
-- Asks for a rating some time after an order: 1 to 5, and for words when it is low.
local wb = require "warbler"

wb.script{
	summary = "A rating some days after an order",
	settings = {
		state = { type = "text", default = "confirmed", summary = "the order's state from which the time counts" },
		after = { type = "text", default = "5d", summary = "how long after" },
		ask = { type = "text", default = "How was order {number}? 1 (bad) to 5 (very good)", summary = "the question" },
		low = { type = "text", default = "We are sorry to hear that. What went wrong?", summary = "asked below 4" },
		thanks = { type = "text", default = "Thank you for telling us!", summary = "at the end" },
	},
}

local rating = wb.flow("rating", {
	timeout = "2d", attempts = 2, handover_for = "1h",
	steps = {
		{ name = "stars", ask = function() return wb.settings.ask end, type = "number", integer = true, min = 1, max = 5,
			retry = "A number from 1 to 5, please." },
		{ name = "words", ask = function() return wb.settings.low end, when = function(f) return f.data.stars < 4 end },
		{ name = "keep", run = function(f)
			wb.kv.set("rating:" .. f.data.order, { stars = f.data.stars, words = f.data.words, number = f.data.number })
		end },
	},
	done = function() return wb.settings.thanks end,
})

wb.on("order.*", function(ev)
	local order = ev.data
	if ev.kind ~= "order." .. wb.settings.state then return end
	local to = order.customer.jid or order.customer.lid or order.customer.phone
	if not to then return end
	wb.kv.set("due:" .. order.id, { session = ev.session, to = to, number = order.number,
		at = wb.time.add(nil, { seconds = wb.time.duration(wb.settings.after) // 1000 }) }, { expires = "60d" })
end)

wb.every("15m", function()
	for _, key in ipairs(wb.kv.keys("due:")) do
		local due = wb.kv.get(key)
		if due and due.at <= wb.time.now() then
			local _, _, code = rating:start{ session = due.session, chat = due.to,
				data = { order = key:sub(5), number = due.number } }
			-- another conversation has the chat: later
			if code ~= "conflict" then wb.kv.delete(key) end
		end
	end
end)
