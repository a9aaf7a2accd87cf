-- SPDX-License-Identifier: GPL-3.0-or-later
-- Answers by keyword. Write one rule a line, "word, other word = answer"; the first that fits is used. Words count whole, in any
-- case, with or without accents. With "whole" on, the message must be nothing but the word. {name} in an answer is what the
-- customer calls themselves. It keeps out of chats that a person or another conversation has.
local wb = require "warbler"
local polite = require "polite"

wb.script{
	summary = "Answers by keyword",
	settings = polite.settings{
		rules = { type = "list", default = {}, summary = "\"price, prices = A pizza is 9 €\"" },
		whole = { type = "boolean", default = false, summary = "only when the message is nothing but the word" },
	},
}

local function answer_to(msg)
	for _, rule in ipairs(wb.settings.rules) do
		local words, answer = rule:match("^([^=]+)=%s*(.+)$")
		for word in (words or ""):gmatch("[^,]+") do
			local fits = wb.text.has_words(msg.text, word)
			if wb.settings.whole then fits = polite.is_word(msg, { word }) end
			if fits and wb.text.trim(word) ~= "" then return answer end
		end
	end
end

wb.on("message.received", function(msg)
	if not polite.may(msg) then return end
	local answer = answer_to(msg)
	if answer then
		polite.reply(msg, polite.fill(answer, { name = msg.name }))
		return wb.STOP
	end
end)
