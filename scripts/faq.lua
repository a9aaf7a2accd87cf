-- SPDX-License-Identifier: GPL-3.0-or-later
-- Answers frequent questions, also when they are asked in other words or with typing mistakes. Write one a line,
-- "question | the same in other words = answer". The one that is most alike answers, if it is alike enough.
-- What it cannot answer it leaves alone, or hands to a person when "hand_over" is on.
local wb = require "warbler"
local polite = require "polite"

wb.script{
	summary = "Answers frequent questions, typing mistakes allowed",
	settings = polite.settings{
		questions = { type = "list", default = {}, summary = "\"How long does delivery take | delivery time = Two to four days.\"" },
		alike = { type = "integer", default = 75, min = 30, max = 100, summary = "how much of a question must be there, in percent" },
		hand_over = { type = "boolean", default = false, summary = "questions without an answer go to a person" },
		unknown = { type = "text", default = "", summary = "said then" },
	},
}

local UNKNOWN = {
	en = "I will ask somebody, one moment please.", ar = "سأسأل أحد زملائي، لحظة من فضلك.", de = "Ich frage nach, einen Moment bitte.",
	es = "Voy a preguntar, un momento por favor.", fr = "Je me renseigne, un instant s'il vous plaît.", pt = "Vou perguntar, um momento por favor.",
}

-- Filler words are in every question and tell nothing.
local FILLER = {}
for _, word in ipairs(wb.text.words("a an the is are do does did you your i my me we to of in on for how what when where can "
	.. "der die das ist sind ihr euer ich mein wir wie was wann wo kann el la los las es son su mi como que cuando donde puedo "
	.. "le les est sont votre je mon comment quoi quand puis o os as são seu meu quando onde posso")) do
	FILLER[word] = true
end

local function telling(text)
	local kept = {}
	for _, word in ipairs(wb.text.words(text)) do
		if not FILLER[word] and word ~= "?" then kept[#kept + 1] = word end
	end
	return table.concat(kept, " ")
end

local function best(text)
	local answer, most = nil, 0
	for _, line in ipairs(wb.settings.questions) do
		local asked, reply = line:match("^([^=]+)=%s*(.+)$")
		for one in (asked or ""):gmatch("[^|]+") do
			local words = telling(one)
			local percent = words ~= "" and wb.text.similar(text, words) or 0
			if percent > most then answer, most = reply, percent end
		end
	end
	return answer, most
end

wb.on("message.received", function(msg)
	if msg.text == "" or not polite.may(msg) then return end
	local answer, percent = best(msg.text)
	if answer and percent >= wb.settings.alike then
		polite.reply(msg, polite.fill(answer, { name = msg.name }))
		return wb.STOP
	end
	if wb.settings.hand_over and not msg.group and (msg.text:find("?", 1, true) or msg.text:find("؟", 1, true)) then
		polite.reply(msg, polite.text("unknown", UNKNOWN, polite.language_of(msg)))
		wb.chats.hold(msg, { minutes = 120, note = "a question without an answer" })
		return wb.STOP
	end
end)
