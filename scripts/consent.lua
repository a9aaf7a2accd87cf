-- SPDX-License-Identifier: GPL-3.0-or-later
-- "STOP" ends all messages to a person, "START" allows them again. Whatever would be sent to somebody who said STOP is
-- refused by the gateway: broadcasts, reminders, other scripts. Works in every chat, also in one that a person has. Its name
-- stands before those of the scripts with questions, so that STOP is not taken for an answer.
local wb = require "warbler"
local polite = require "polite"

wb.script{
	summary = "Opting out and in by a word",
	settings = {
		stop = { type = "list", default = { "stop", "unsubscribe", "stopp", "abmelden", "baja", "parar", "sair", "arrêt", "désabonner",
			"إيقاف", "توقف", "الغاء الاشتراك" }, summary = "words that end messages" },
		start = { type = "list", default = { "start", "subscribe", "anmelden", "alta", "empezar", "voltar", "reprendre", "ابدأ", "اشتراك" },
			summary = "words that allow them again" },
		bye = { type = "text", default = "", summary = "the last message; empty: in the person's language" },
		hello = { type = "text", default = "", summary = "said to who came back" },
		everywhere = { type = "boolean", default = false, summary = "for all accounts of this gateway, not only this one" },
		language = polite.LANGUAGE,
	},
}

local BYE = {
	en = "You will get no more messages from us. Write START to change that.",
	ar = "لن تصلك رسائل منا بعد الآن. اكتب START للرجوع عن ذلك.",
	de = "Sie bekommen keine Nachrichten mehr von uns. Mit START geht es weiter.",
	es = "No le enviaremos más mensajes. Escriba START para volver a recibirlos.",
	fr = "Vous ne recevrez plus de messages de notre part. Écrivez START pour changer d'avis.",
	pt = "Não enviaremos mais mensagens. Escreva START para voltar a receber.",
}
local HELLO = {
	en = "Welcome back! You will get our messages again.", ar = "أهلًا بعودتك! ستصلك رسائلنا من جديد.",
	de = "Willkommen zurück! Sie bekommen unsere Nachrichten wieder.", es = "¡Qué bien que vuelve! Recibirá nuestros mensajes de nuevo.",
	fr = "Bon retour ! Vous recevrez de nouveau nos messages.", pt = "Que bom ter você de volta! Você receberá nossas mensagens de novo.",
}

wb.on("message.received", { group = false, held = true }, function(msg)
	if polite.is_word(msg, wb.settings.stop) then
		local who = wb.contacts.get(msg.sender)
		if not (who and who.opted_out) then
			-- the last word has to leave before the door closes
			local bye = msg:reply(polite.text("bye", BYE, polite.language_of(msg)))
			if bye then bye:await("sent", "20s") end
		end
		local done, why = wb.contacts.opt_out(msg.sender, { all_sessions = wb.settings.everywhere })
		if not done then wb.log.error("not opted out", { why = why }) end
		return wb.STOP
	end
	if polite.is_word(msg, wb.settings.start) then
		local who = wb.contacts.get(msg.sender)
		if not who or not who.opted_out then return end
		wb.contacts.opt_in(msg.sender, { all_sessions = wb.settings.everywhere })
		msg:reply(polite.text("hello", HELLO, polite.language_of(msg)))
		return wb.STOP
	end
end)
