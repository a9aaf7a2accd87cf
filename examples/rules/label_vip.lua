-- SPDX-License-Identifier: GPL-3.0-or-later
-- Labels the chat of whoever writes a word, so that the team sees it on the phone.
local wb = require "warbler"

wb.script{
	summary = "A label for people who want a quote",
	settings = {
		word = { type = "text", default = "quote", summary = "the word" },
		label = { type = "text", default = "Wants a quote", summary = "the label; made when there is none" },
	},
}

wb.on("message.received", { group = false }, function(msg)
	if not wb.text.has_words(msg.text, wb.settings.word) then
		return
	end
	local label = wb.labels.find(wb.settings.label) or wb.labels.create(wb.settings.label)
	if not label or not wb.labels.assign(label, msg) then
		wb.log.warn("no label")
	end
end)
