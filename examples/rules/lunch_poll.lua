-- SPDX-License-Identifier: GPL-3.0-or-later
-- "/lunch Pizza, Salad, Curry" in a group makes a poll; "/result" says how it stands.
local wb = require "warbler"

wb.on("message.received", { starts = "/lunch", group = true }, function(msg)
	local options = {}
	for option in msg.text:sub(#"/lunch" + 1):gmatch("[^,]+") do
		options[#options + 1] = wb.text.trim(option)
	end
	if #options < 2 then
		return msg:reply("Like this: /lunch Pizza, Salad, Curry")
	end
	local poll, why = msg:reply{ kind = "poll", name = "Lunch?", options = options }
	if not poll then
		return msg:reply("That does not work: " .. why)
	end
	wb.kv.set("poll:" .. msg.chat.jid, poll.id, { expires = "1d" })
end)

wb.on("message.received", { text = "/result", group = true }, function(msg)
	local id = wb.kv.get("poll:" .. msg.chat.jid)
	local poll = id and wb.messages.get(id)
	if not poll then
		return msg:reply("There is no poll.")
	end
	local lines = {}
	for _, t in ipairs(poll.tally or {}) do
		lines[#lines + 1] = ("%s: %d"):format(t.option, t.votes)
	end
	msg:reply(table.concat(lines, "\n"))
end)
