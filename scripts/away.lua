-- SPDX-License-Identifier: GPL-3.0-or-later
-- Outside business hours: tells when somebody is there again, once for each closed stretch and person.
local wb = require "warbler"

wb.script{
	summary = "An away message outside business hours",
	settings = {
		hours = { type = "text", default = "mon-fri 09:00-18:00", summary = "also \"sat 10-14; holidays 12-25,01-01\"" },
		zone = { type = "text", default = "UTC", summary = "time zone: Europe/Berlin" },
		text = { type = "text", default = "We are closed. We'll be back {when}.", summary = "{when}: when we open next" },
		format = { type = "text", default = "%d.%m. %H:%M", summary = "how {when} is written" },
	},
}

wb.on("message.received", { group = false, backfilled = false }, function(msg)
	local s = wb.settings
	if wb.hours.is_open(s.hours, s.zone) then return end
	local opens = wb.hours.next_open(s.hours, s.zone)
	local key = "told:" .. (msg.chat.lid or msg.chat.jid)
	local told = wb.kv.get(key)
	if told and told.opens == opens and told.id ~= msg.id then return end
	wb.kv.set(key, { opens = opens, id = msg.id }, { expires = "14d" })
	local when = opens and wb.time.format(opens, s.zone, s.format) or "soon"
	msg:reply((s.text:gsub("{when}", function() return when end)))
end)
