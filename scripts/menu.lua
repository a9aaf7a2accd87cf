-- SPDX-License-Identifier: GPL-3.0-or-later
-- A menu on a word: topics with their answers, and a person for the rest.
local wb = require "warbler"

wb.script{
	summary = "A menu of topics and answers",
	settings = {
		words = { type = "list", default = { "menu", "help" }, summary = "words that bring the menu" },
		title = { type = "text", default = "What can we do for you?", summary = "above the topics" },
		topics = { type = "list", default = {
			"Opening hours=Monday to Friday, 9 to 18.",
			"Delivery=Two to four working days.",
			"Talk to a person=@person",
		}, summary = "topic=answer; the answer @person hands the chat over" },
		person = { type = "text", default = "Somebody will write to you shortly.", summary = "said when a person takes over" },
	},
}

local function topics()
	local names, answers = {}, {}
	for i, line in ipairs(wb.settings.topics) do
		local name, answer = line:match("^([^=]+)=(.*)$")
		names[#names + 1] = { id = tostring(i), text = name or line }
		answers[tostring(i)] = answer or ""
	end
	return names, answers
end

local menu = wb.flow("menu", {
	timeout = "30m",
	handover = function() return wb.settings.person end,
	steps = {
		{ name = "topic", ask = function() return wb.settings.title end, choices = topics, attempts = 2 },
		{ name = "answer", run = function(f)
			local _, answers = topics()
			local answer = answers[f.data.topic] or ""
			if answer == "@person" then return f:handover("asked for a person in the menu") end
			f:say(answer)
		end },
	},
})

wb.on("message.received", { group = false }, function(msg)
	local said = wb.text.fold(msg.text)
	for _, word in ipairs(wb.settings.words) do
		if wb.text.fold(word) == said then return menu:start(msg) and wb.STOP end
	end
end)
