-- SPDX-License-Identifier: GPL-3.0-or-later
-- Passes what customers write to an address of yours and sends what it answers: the bridge to a chat bot, an AI service or your
-- own program. Your address gets POST with JSON
--   {"message_id", "session", "chat", "phone", "name", "language", "kind", "text", "timestamp", "history": [{"own", "text"}]}
-- and answers within `timeout` with {"text": "…"}, {"messages": [content, …]} (three at most), {"hand_over": true} to bring in a person
-- (with words, or without), or nothing: 204. Plain text is an answer too. With a secret the header X-Warbler-Signature has
-- "sha256=" and the HMAC-SHA256 of the body in hex. After a crash a message may be asked again, with the same X-Message-Id.
-- When your address fails the customer is told once an hour, and a person may take over. A hand-over word brings in a person at any
-- time; while one has the chat the bot keeps out. Its name stands behind those of the scripts with fixed answers: they come first.
local wb = require "warbler"
local polite = require "polite"

wb.script{
	summary = "Bridge to a chat bot or AI service",
	settings = polite.settings{
		url = { type = "text", default = "", summary = "where messages are posted to: https://bot.example/ask" },
		secret = { type = "text", default = "", secret = true, summary = "signs what is posted" },
		authorization = { type = "text", default = "", secret = true, summary = "header Authorization, \"Bearer …\"" },
		timeout = { type = "text", default = "20s", summary = "how long an answer may take, at most 2m" },
		starts = { type = "text", default = "", summary = "only messages that begin so, \"/ask\"; empty: all" },
		history = { type = "integer", default = 6, min = 0, max = 50, summary = "earlier messages of the chat that go along" },
		longest = { type = "integer", default = 4000, min = 1, max = 20000, summary = "an answer is cut after so many bytes" },
		a_day = { type = "integer", default = 1000, min = 1, max = 1000000, summary = "questions in a day, of all chats" },
		fallback = { type = "text", default = "", summary = "said when there is no answer" },
		fallback_person = { type = "boolean", default = false, summary = "then a person takes over" },
		person_words = { type = "list", default = polite.flow.person_words, summary = "words that bring in a person" },
		person = { type = "text", default = "", summary = "said then" },
		person_minutes = { type = "integer", default = 720, min = 1, max = 43200, summary = "how long the bot keeps out then" },
	},
}

local FALLBACK = {
	en = "I cannot answer right now. Please try again later.", ar = "لا أستطيع الرد الآن. حاول لاحقًا من فضلك.",
	de = "Ich kann gerade nicht antworten. Bitte versuchen Sie es später.", es = "Ahora no puedo responder. Inténtelo más tarde, por favor.",
	fr = "Je ne peux pas répondre pour le moment. Réessayez plus tard.", pt = "Não consigo responder agora. Tente mais tarde, por favor.",
}

local function hand_over(msg, note, words)
	polite.reply(msg, words)
	local held, why = wb.chats.hold(msg, { minutes = wb.settings.person_minutes, note = note })
	if not held then wb.log.warn("not handed over", { why = why }) end
	return wb.STOP
end

local function question(msg)
	local history = wb.json.array()
	local before = wb.settings.history > 0 and wb.messages.list(msg, { limit = wb.settings.history + 1 }) or {}
	for i = #before, 1, -1 do
		local m = before[i]
		if m.id ~= msg.id and m.text ~= "" then history[#history + 1] = { own = m.own, text = m.text } end
	end
	return wb.json.encode{ message_id = msg.id, session = msg.session, chat = msg.chat.jid or msg.chat.lid, phone = msg.sender.phone,
		name = msg.name, language = polite.language_of(msg), kind = msg.kind, text = msg.text, timestamp = msg.timestamp,
		history = history }
end

-- The answer as a table; {} for none; nil and why.
local function ask(msg)
	local s, body = wb.settings, question(msg)
	local headers = { ["Content-Type"] = "application/json", ["X-Message-Id"] = msg.id }
	if s.secret ~= "" then headers["X-Warbler-Signature"] = "sha256=" .. wb.crypto.hmac(s.secret, body) end
	if s.authorization ~= "" then headers.Authorization = s.authorization end
	local res, why = wb.http.request{ url = s.url, method = "POST", body = body, headers = headers, timeout = s.timeout, max = 262144 }
	if not res then return nil, why end
	if not res.ok then return nil, "status " .. res.status end
	if res.status == 204 or wb.text.trim(res.body) == "" then return {} end
	local answer = wb.json.decode(res.body)
	if type(answer) == "string" then return { text = answer } end
	if type(answer) == "table" then return answer end
	return { text = res.body }
end

local function failed(msg, why)
	local s, language = wb.settings, polite.language_of(msg)
	wb.log.warn("the bot does not answer", { why = why })
	wb.metrics.counter("failures")
	local words = polite.text("fallback", FALLBACK, language)
	if s.fallback_person then return hand_over(msg, "the bot does not answer", words) end
	local key = "failed:" .. polite.key(msg)
	local told = wb.kv.get(key)
	if told and told ~= msg.id then return end
	wb.kv.set(key, msg.id, { expires = "1h" })
	polite.reply(msg, words)
end

local function say(msg, answer)
	if type(answer.text) == "string" and answer.text ~= "" then polite.reply(msg, wb.text.clip(answer.text, wb.settings.longest)) end
	for i, content in ipairs(type(answer.messages) == "table" and answer.messages or {}) do
		if i > 3 then break end
		if type(content) == "string" then content = wb.text.clip(content, wb.settings.longest) end
		polite.reply(msg, content)
	end
end

wb.on("message.received", function(msg)
	local s = wb.settings
	if s.url == "" or msg.text == "" or not polite.may(msg) then return end
	if polite.is_word(msg, s.person_words) then
		return hand_over(msg, "asked for a person", polite.text("person", polite.flow.person, polite.language_of(msg)))
	end
	if s.starts ~= "" and msg.text:sub(1, #s.starts):lower() ~= s.starts:lower() then return end
	local today = wb.kv.incr("asked:" .. wb.time.format(nil, "UTC", "%F"), 1, { expires = "2d" })
	if today > s.a_day then return failed(msg, "the limit of the day is reached") end
	if not msg.group then msg:typing() end
	local answer, why = ask(msg)
	-- a person may have taken the chat while the bot was thinking
	if msg.held then return wb.STOP end
	if not answer then return failed(msg, why) end
	say(msg, answer)
	if answer.hand_over == true then
		local spoken = answer.text or answer.messages
		if not spoken then return hand_over(msg, "handed over by the bot", polite.text("person", polite.flow.person, polite.language_of(msg))) end
		wb.chats.hold(msg, { minutes = s.person_minutes, note = "handed over by the bot" })
	end
	return wb.STOP
end)
