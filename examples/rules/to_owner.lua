-- SPDX-License-Identifier: GPL-3.0-or-later
-- Forwards complaints to the owner, with a link to who wrote.
local wb = require "warbler"

wb.script{
	summary = "Forwards complaints to the owner",
	settings = {
		owner = { type = "text", default = "", summary = "the owner's number: +12025550100" },
		words = { type = "list", default = { "complaint", "refund", "broken" }, summary = "words of a complaint" },
	},
}

wb.on("message.received", { group = false }, function(msg)
	local owner = wb.settings.owner
	if owner == "" or msg.sender.phone == owner then
		return
	end
	for _, word in ipairs(wb.settings.words) do
		if wb.text.has_words(msg.text, word) then
			msg:forward(owner)
			wb.send(owner, ("From %s, https://wa.me/%s"):format(msg.name, (msg.sender.phone or ""):gsub("%D", "")))
			return
		end
	end
end)
