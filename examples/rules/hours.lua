-- SPDX-License-Identifier: GPL-3.0-or-later
-- Says whether the shop is open, and when it opens or closes next.
local wb = require "warbler"

wb.script{
	summary = "Opening hours",
	settings = {
		hours = { type = "text", default = "mon-fri 09:00-18:00; sat 10-14; holidays 12-25,12-26,01-01", summary = "when we are open" },
		zone = { type = "text", default = "Europe/Berlin", summary = "time zone" },
	},
}

wb.on("message.received", { contains = { "open", "hours" }, group = false }, function(msg)
	local s = wb.settings
	if wb.hours.is_open(s.hours, s.zone) then
		local closes = wb.hours.next_close(s.hours, s.zone)
		msg:reply("We are open until " .. wb.time.format(closes, s.zone, "%H:%M") .. ".")
	else
		local opens = wb.hours.next_open(s.hours, s.zone)
		msg:reply("We are closed. We open on " .. wb.time.format(opens, s.zone, "%A at %H:%M") .. ".")
	end
end)
