-- SPDX-License-Identifier: GPL-3.0-or-later
-- Greets whoever writes for the first time, or again after a long silence. {name} in the text is what they call themselves.
local wb = require "warbler"
local polite = require "polite"

wb.script{
	summary = "Greets on first contact",
	settings = polite.settings{
		text = { type = "text", default = "", summary = "what new people are told" },
		again_after = { type = "text", default = "365d", summary = "greet again after so long a silence" },
	},
}

local TEXT = {
	en = "Welcome! How can we help you?", ar = "أهلًا وسهلًا! كيف يمكننا مساعدتك؟", de = "Willkommen! Wie können wir helfen?",
	es = "¡Bienvenido! ¿En qué podemos ayudarle?", fr = "Bienvenue ! Comment pouvons-nous vous aider ?",
	pt = "Bem-vindo! Como podemos ajudar?",
}

wb.on("message.received", { backfilled = false }, function(msg)
	if not polite.may(msg) then return end
	local key = "known:" .. polite.key(msg)
	local known = wb.kv.get(key)
	-- written before the greeting: repeated after a crash, the same greeting leaves once
	wb.kv.set(key, known or msg.id, { expires = wb.settings.again_after })
	if not known or known == msg.id then
		polite.reply(msg, polite.fill(polite.text("text", TEXT, polite.language_of(msg)), { name = msg.name }))
	end
end)
