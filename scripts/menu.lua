-- SPDX-License-Identifier: GPL-3.0-or-later
-- A menu on a word: topics with their answers, and a person for the rest. Write one topic a line, "topic = answer"; the answer
-- @person brings in a person. Customers choose by number, by words, or by a tap. Without topics of your own it shows an example.
local wb = require "warbler"
local polite = require "polite"

wb.script{
	summary = "A menu of topics and answers",
	settings = polite.settings{
		words = { type = "list", default = { "menu", "help", "menü", "hilfe", "menú", "ayuda", "aide", "ajuda", "قائمة", "مساعدة" }, summary = "words that bring the menu" },
		title = { type = "text", default = "", summary = "above the topics" },
		topics = { type = "list", default = {
			"Opening hours=Monday to Friday, 9 to 18.",
			"Delivery=Two to four working days.",
			"Talk to a person=@person",
		}, summary = "\"topic = answer\"; the answer @person hands the chat over" },
		person = { type = "text", default = "", summary = "said when a person takes over" },
	},
}

local TITLE = { en = "What can we do for you?", ar = "كيف يمكننا مساعدتك؟", de = "Was können wir für Sie tun?",
	es = "¿En qué podemos ayudarle?", fr = "Que pouvons-nous faire pour vous ?", pt = "Em que podemos ajudar?" }
local PERSON = { en = "Somebody will write to you shortly.", ar = "سيكتب إليك أحد زملائنا قريبًا.", de = "Gleich schreibt Ihnen jemand.",
	es = "Enseguida le escribe una persona.", fr = "Quelqu'un vous écrira sous peu.", pt = "Alguém vai escrever para você em breve." }

local function topics()
	local names, answers = {}, {}
	for i, line in ipairs(wb.settings.topics) do
		local name, answer = line:match("^([^=]+)=(.*)$")
		names[#names + 1] = { id = tostring(i), text = wb.text.trim(name or line) }
		answers[tostring(i)] = wb.text.trim(answer or "")
	end
	return names, answers
end

local menu = wb.flow("menu", {
	timeout = "30m",
	handover = function(f) return polite.text("person", PERSON, f.data.language) end,
	retry = polite.of_flow("retry"), cancelled = polite.of_flow("cancelled"),
	cancel = polite.flow.cancel_words,
	steps = {
		{ name = "topic", ask = function(f) return polite.text("title", TITLE, f.data.language) end, choices = topics, attempts = 2 },
		{ name = "answer", run = function(f)
			local _, answers = topics()
			local answer = answers[f.data.topic] or ""
			if answer == "@person" then return f:handover("asked for a person in the menu") end
			if answer ~= "" then f:say(answer) end
		end },
	},
})

wb.on("message.received", { group = false, backfilled = false }, function(msg)
	if not polite.is_word(msg, wb.settings.words) or not polite.may(msg) then return end
	polite.count(msg)
	return menu:start(msg, { language = polite.language_of(msg) }) and wb.STOP
end)
