-- SPDX-License-Identifier: GPL-3.0-or-later
-- What the shipped scripts that answer people have in common: they keep out of groups and statuses, do not talk to
-- other robots for ever, leave people alone who opted out, and speak the language of the person.
local wb = require "warbler"
local polite = {}

local PREFIXES = {	-- calling codes of countries where most people read this language
	ar = { "20", "212", "213", "216", "218", "249", "961", "962", "963", "964", "965", "966", "967", "968", "970", "971", "973", "974" },
	de = { "41", "43", "49", "423" },
	es = { "34", "51", "52", "53", "54", "56", "57", "58", "502", "503", "504", "505", "506", "507", "591", "593", "595", "598" },
	fr = { "33", "221", "223", "225", "226", "227", "228", "229", "237", "241", "242", "377" },
	pt = { "55", "244", "258", "351" },
}
local by_prefix = {}
for language, list in pairs(PREFIXES) do
	for _, prefix in ipairs(list) do by_prefix[prefix] = language end
end

polite.LANGUAGE = { type = "choice", default = "auto", choices = { "auto", "en", "ar", "de", "es", "fr", "pt" },
	summary = "language of texts that you leave empty; auto: by the country of the number" }

-- The script's own settings, with those that all have that answer.
function polite.settings(own)
	own.language = polite.LANGUAGE
	own.groups = { type = "boolean", default = false, summary = "answer in groups too" }
	own.at_most = { type = "integer", default = 20, min = 1, max = 1000,
		summary = "answers to one chat within an hour; then silence, in case it is a robot as well" }
	return own
end

-- who: a number or a JID
function polite.language(who)
	if wb.settings.language ~= "auto" then return wb.settings.language end
	local digits = who and not who:find("@lid", 1, true) and who:gsub("@.*", ""):gsub("%D", "") or ""
	for n = 3, 2, -1 do
		local found = by_prefix[digits:sub(1, n)]
		if found then return found end
	end
	return "en"
end

function polite.language_of(msg)
	return polite.language(msg.sender.phone or msg.sender.jid)
end

-- The setting of this name, or what stands in `defaults` for the language.
function polite.text(name, defaults, language)
	local own = wb.settings[name]
	return own ~= "" and own or defaults[language] or defaults.en
end

-- "{name}" is replaced by vars.name.
function polite.fill(text, vars)
	return (text:gsub("{(%w+)}", function(name) return vars[name] and tostring(vars[name]) end))
end

function polite.key(msg)
	return msg.chat.lid or msg.chat.jid
end

-- Is this something to answer at all?
function polite.may(msg)
	local chat = msg.chat.jid or msg.chat.lid or ""
	if msg.own or msg.backfilled or chat:find("@broadcast", 1, true) or chat:find("@newsletter", 1, true) then return false end
	if msg.group and not wb.settings.groups then return false end
	local told = wb.kv.get("answers:" .. polite.key(msg), 0)
	return told < wb.settings.at_most
end

-- Counts an answer that is about to be given.
function polite.count(msg)
	wb.kv.incr("answers:" .. polite.key(msg), 1, { expires = "1h" })
end

-- Answers; somebody who opted out gets nothing, and that is no fault.
function polite.reply(msg, content)
	polite.count(msg)
	local sent, why, code = msg:reply(content)
	if not sent and code ~= "denied" then wb.log.warn("not answered", { why = why, code = code }) end
	return sent
end

-- Is the whole message one of these words?
function polite.is_word(msg, words)
	local said = wb.text.trim((wb.text.fold(msg.text):gsub("%?", "")))
	for _, word in ipairs(words) do
		if said ~= "" and wb.text.fold(word) == said then return true end
	end
	return false
end

-- Refusals of flows, and what is said around them.
polite.flow = {
	retry = { en = "Sorry, I did not understand that.", ar = "عذرًا، لم أفهم ذلك.", de = "Das habe ich leider nicht verstanden.",
		es = "Perdón, no lo he entendido.", fr = "Désolé, je n'ai pas compris.", pt = "Desculpe, não entendi." },
	cancelled = { en = "All right, we'll leave it.", ar = "حسنًا، ألغينا ذلك.", de = "In Ordnung, wir lassen es.",
		es = "De acuerdo, lo dejamos.", fr = "D'accord, on laisse tomber.", pt = "Tudo bem, deixamos assim." },
	person = { en = "One moment please, a person takes over.", ar = "لحظة من فضلك، سيتولى أحد زملائنا المحادثة.",
		de = "Einen Moment bitte, ein Mensch übernimmt.", es = "Un momento, por favor: le atiende una persona.",
		fr = "Un instant, une personne prend le relais.", pt = "Um momento, uma pessoa vai atender." },
	cancel_words = { "cancel", "quit", "إلغاء", "abbrechen", "cancelar", "annuler" },
	person_words = { "person", "human", "agent", "موظف", "mensch", "mitarbeiter", "persona", "agente", "humain", "conseiller",
		"pessoa", "atendente" },
}

-- For flows: a text of the table above in the language of f's chat.
function polite.of_flow(name)
	local words = polite.flow[name]
	return function(f) return words[f.data.language or polite.language(f.chat)] or words.en end
end

return polite
