-- SPDX-License-Identifier: GPL-3.0-or-later
-- Greets whoever writes for the first time (or again after a long silence).
local wb = require "warbler"

wb.script{
	summary = "Greets on first contact",
	settings = {
		text = { type = "text", default = "Welcome! How can we help you?", summary = "what new people are told" },
		again_after = { type = "text", default = "365d", summary = "greet again after so long a silence" },
	},
}

wb.on("message.received", { group = false, backfilled = false }, function(msg)
	local key = "known:" .. (msg.chat.lid or msg.chat.jid)
	local known = wb.kv.get(key)
	-- written before the greeting: repeated after a crash, the same greeting leaves once
	wb.kv.set(key, known or msg.id, { expires = wb.settings.again_after })
	if not known or known == msg.id then
		msg:reply(wb.settings.text)
	end
end)
