-- SPDX-License-Identifier: GPL-3.0-or-later
-- Asks interested people for name, e-mail and wish, and writes a line for each into leads.csv, in the folder script-files/lead_capture of the
-- gateway's data. It begins when a message is one of the words. Who does not answer is reminded once, after an hour; "cancel" ends it
-- and nothing is kept. The last question brings no duty: "no" is an answer.
local wb = require "warbler"
local polite = require "polite"

local T = {
	ask_name = { en = "Gladly! What is your name?", ar = "بكل سرور! ما اسمك؟", de = "Gern! Wie heißen Sie?", es = "¡Con gusto! ¿Cómo se llama?",
		fr = "Avec plaisir ! Quel est votre nom ?", pt = "Com prazer! Qual é o seu nome?" },
	ask_mail = { en = "And your e-mail address, {name}?", ar = "وما بريدك الإلكتروني يا {name}؟", de = "Und Ihre E-Mail-Adresse, {name}?",
		es = "¿Y su correo electrónico, {name}?", fr = "Et votre adresse e-mail, {name} ?", pt = "E o seu e-mail, {name}?" },
	no_mail = { en = "That does not look like an e-mail address. Once more?", ar = "لا يبدو هذا بريدًا إلكترونيًا. مرة أخرى؟",
		de = "Das sieht nicht nach einer E-Mail-Adresse aus. Noch einmal?", es = "Eso no parece un correo electrónico. ¿Otra vez?",
		fr = "Cela ne ressemble pas à une adresse e-mail. Encore une fois ?", pt = "Isso não parece um e-mail. De novo?" },
	ask_wish = { en = "What is it about?", ar = "ما الموضوع؟", de = "Worum geht es?", es = "¿De qué se trata?", fr = "De quoi s'agit-il ?",
		pt = "Do que se trata?" },
	ask_more = { en = "Anything we should know? ('no' is fine)", ar = "هل هناك ما يجب أن نعرفه؟ (يكفي «لا»)", de = "Was sollten wir noch wissen? („nein“ genügt)",
		es = "¿Algo que debamos saber? («no» también vale)", fr = "Quelque chose à savoir ? (« non » convient)", pt = "Algo que devamos saber? (\"não\" também serve)" },
	thanks = { en = "Thank you, {name}! We'll be in touch by {mail}.", ar = "شكرًا يا {name}! سنتواصل معك عبر {mail}.",
		de = "Danke, {name}! Wir melden uns unter {mail}.", es = "¡Gracias, {name}! Le escribiremos a {mail}.",
		fr = "Merci, {name} ! Nous vous écrirons à {mail}.", pt = "Obrigado, {name}! Entraremos em contato por {mail}." },
	still = { en = "Are you still there? Just answer the last question, or write 'cancel'.", ar = "هل ما زلت معنا؟ أجب عن السؤال الأخير، أو اكتب «إلغاء».",
		de = "Sind Sie noch da? Antworten Sie einfach auf die letzte Frage, oder schreiben Sie „abbrechen“.",
		es = "¿Sigue ahí? Responda a la última pregunta, o escriba «cancelar».", fr = "Êtes-vous toujours là ? Répondez à la dernière question, ou écrivez « annuler ».",
		pt = "Ainda está aí? Responda à última pergunta, ou escreva \"cancelar\"." },
	dropped = { en = "All right, nothing is kept.", ar = "حسنًا، لم نحتفظ بشيء.", de = "In Ordnung, es wird nichts gespeichert.",
		es = "De acuerdo, no se guarda nada.", fr = "D'accord, rien n'est conservé.", pt = "Tudo bem, nada foi guardado." },
}

wb.script{
	summary = "Collects leads into a CSV file",
	settings = polite.settings{
		words = { type = "list", default = { "quote", "offer", "angebot", "presupuesto", "devis", "orçamento", "عرض سعر" },
			summary = "words that begin it" },
		wishes = { type = "list", default = {}, summary = "what there is to choose; empty: the question is left out" },
		ask_name = { type = "text", default = "", summary = "the first question; as all texts: empty: in the person's language" },
		ask_mail = { type = "text", default = "", summary = "the second: {name}" },
		ask_wish = { type = "text", default = "", summary = "the third, when there is something to choose" },
		ask_more = { type = "text", default = "", summary = "the last" },
		no_mail = { type = "text", default = "", summary = "said when that is no e-mail address" },
		still = { type = "text", default = "", summary = "the reminder" },
		dropped = { type = "text", default = "", summary = "said to who cancels" },
		thanks = { type = "text", default = "", summary = "at the end: {name}, {mail}" },
		tell = { type = "text", default = "", summary = "a number of yours that is told of each lead: +12025550100" },
	},
}

local function text(name)
	return function(f) return polite.text(name, T[name], f.data.language) end
end

local lead = wb.flow("lead", {
	version = 1,
	timeout = "1d",
	remind = { after = "1h", text = text("still") },
	retry = polite.of_flow("retry"), cancelled = text("dropped"), handover = polite.of_flow("person"),
	cancel = polite.flow.cancel_words, human = polite.flow.person_words,
	steps = {
		{ name = "name", ask = text("ask_name"), min = 2, max = 80 },
		{ name = "mail", ask = text("ask_mail"), type = "email", retry = text("no_mail") },
		{ name = "wish", ask = text("ask_wish"), choices = function() return wb.settings.wishes end,
			when = function() return #wb.settings.wishes > 0 end },
		{ name = "more", ask = text("ask_more"), max = 1000 },
		{ name = "keep", run = function(f)
			local d = f.data
			-- the flow's id is in the row: repeated after a crash it is written once
			assert(wb.files.append("leads.csv", { f.id, f.chat, d.name, d.mail, d.wish or "", d.more },
				{ once = true, header = { "id", "chat", "name", "e-mail", "wish", "remarks" } }))
			if wb.settings.tell ~= "" then
				wb.send(wb.settings.tell, ("%s, %s: %s"):format(d.name, d.mail, d.wish or d.more),
					{ session = f.session, idempotency_key = "lead-" .. f.id })
			end
		end },
	},
	done = text("thanks"),
})

wb.on("message.received", { group = false, backfilled = false }, function(msg)
	if not polite.is_word(msg, wb.settings.words) or not polite.may(msg) then return end
	polite.count(msg)
	return lead:start(msg, { language = polite.language_of(msg) }) and wb.STOP
end)
