-- SPDX-License-Identifier: GPL-3.0-or-later
-- Sends an offer, and reminds of it after ten minutes unless the customer has answered.
local wb = require "warbler"

wb.on("message.received", { text = "offer", group = false }, function(msg)
	local s, why = msg:reply("Two for the price of one, today only. Do you want it? (yes/no)")
	if not s then
		return wb.log.warn("no offer", { why = why })
	end
	-- the outbox keeps it: also when the gateway is restarted meanwhile
	local later = msg:reply("Are you still thinking about our offer?", { due = "10m", class = "reminder" })
	wb.kv.set("reminder:" .. msg.chat.jid, { id = later.id, after = msg.id }, { expires = "1h" })
end)

wb.on("message.received", { group = false }, function(msg)
	local key = "reminder:" .. msg.chat.jid
	local reminder = wb.kv.get(key)
	if reminder and reminder.after ~= msg.id then
		wb.messages.cancel(reminder.id)
		wb.kv.delete(key)
	end
end)
