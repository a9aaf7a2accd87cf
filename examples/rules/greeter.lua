-- SPDX-License-Identifier: GPL-3.0-or-later
-- Greets people by name and counts their visits.
local wb = require "warbler"

wb.on("message.received", { text = { "hi", "hello", "hola" }, group = false }, function(msg)
	local n = wb.kv.incr("visits:" .. msg.chat.jid)
	local name = msg.name ~= "" and ", " .. msg.name or ""
	if n == 1 then
		msg:reply("Welcome" .. name .. "!")
	else
		msg:reply(("Hello again%s! This is visit %d."):format(name, n))
	end
end)
