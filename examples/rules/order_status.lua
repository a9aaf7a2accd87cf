-- SPDX-License-Identifier: GPL-3.0-or-later
-- "Where is order 1001?": the state of the order, if it is the asker's.
local wb = require "warbler"

local number = wb.regex.compile("(?:order|pedido)\\s*#?(?P<number>[0-9]{3,12})", { nocase = true })
local words = {
	sent = "We wait for your confirmation.",
	confirmed = "It is confirmed and will be shipped.",
	cancelled = "It is cancelled.",
}

wb.on("message.received", { contains = { "order", "pedido" }, group = false }, function(msg)
	local found = number:find(msg.text)
	if not found then
		return msg:reply("Which order? Write for example: order 1001")
	end
	local orders, why = wb.orders.by_number("#" .. found.number)
	if not orders then
		wb.log.warn("no order", { why = why })
		return msg:reply("I cannot look it up right now.")
	end
	for _, order in ipairs(orders) do
		if order.customer.phone == msg.sender.phone then
			return msg:reply(("Order %s: %s"):format(order.number, words[order.state] or order.state))
		end
	end
	msg:reply("I have no such order for this number.")
end)
