-- SPDX-License-Identifier: GPL-3.0-or-later
-- A table for the evening: three questions, each answer checked; given up after an hour.
local wb = require "warbler"

local booking = wb.flow("booking", {
	timeout = "1h",
	timed_out = "I'll close this for now. Write 'book' whenever you like.",
	cancelled = "All right, no table.",
	steps = {
		{ name = "people", ask = "For how many people?", type = "number", integer = true, min = 1, max = 12,
			retry = "A number from 1 to 12, please." },
		{ name = "day", ask = "On which day?", type = "date", check = function(_, day)
			return day >= wb.time.format(nil, "Europe/Berlin", "%F"), "That day is over. Another one?"
		end },
		{ name = "mail", ask = "Your e-mail address, for the confirmation?", type = "email",
			retry = "That is no e-mail address. Once more?" },
		{ name = "keep", run = function(f)
			wb.kv.set("table:" .. f.id, f.data)
			wb.log.info("table booked", { people = f.data.people, day = f.data.day })
		end },
	},
	done = "A table for {people} on {day}: see you!",
})

wb.on("message.received", { text = { "book", "table" }, group = false }, function(msg)
	local id, why = booking:start(msg)
	if not id then
		wb.log.warn("not started", { why = why })
	end
end)
