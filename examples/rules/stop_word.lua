-- SPDX-License-Identifier: GPL-3.0-or-later
-- "stop" ends all messages to a person, "start" allows them again.
local wb = require "warbler"

wb.on("message.received", { text = { "stop", "unsubscribe" }, group = false, held = true }, function(msg)
	-- first the last word: once somebody has opted out nothing reaches them
	local bye = msg:reply("You will get no more messages. Write START to change that.")
	if bye then bye:await("sent", "1m") end
	wb.contacts.opt_out(msg.sender)
	return wb.STOP
end)

wb.on("message.received", { text = "start", group = false, held = true }, function(msg)
	local contact = wb.contacts.get(msg.sender)
	if contact and contact.opted_out then
		wb.contacts.opt_in(msg.sender)
		msg:reply("Welcome back!")
		return wb.STOP
	end
end)
