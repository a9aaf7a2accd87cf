-- SPDX-License-Identifier: GPL-3.0-or-later
-- "Where is my order?", "Order 1001?": tells the customer how an order stands, by its number, else their newest one. Only the
-- number that ordered is told. Needs the plugin orders and a connected shop.
local wb = require "warbler"
local polite = require "polite"

wb.script{
	summary = "Tells customers how their order stands",
	settings = polite.settings{
		words = { type = "list", default = { "order", "my order", "track", "bestellung", "paket", "pedido", "commande", "encomenda", "طلب", "طلبي", "الطلب" },
			summary = "a message with one of these words asks for an order" },
		prefixes = { type = "list", default = { "#", "" }, summary = "what the shop writes before the digits of a number" },
		text = { type = "text", default = "", summary = "the answer: {number}, {state}" },
		states = { type = "list", default = {}, summary = "own words for a state: \"confirmed = is being packed\"" },
		none = { type = "text", default = "", summary = "said when there is no such order" },
		down = { type = "text", default = "", summary = "said when it cannot be looked up" },
	},
}

local TEXT = { en = "Order {number}: {state}.", ar = "الطلب {number}: {state}.", de = "Bestellung {number}: {state}.",
	es = "Pedido {number}: {state}.", fr = "Commande {number} : {state}.", pt = "Pedido {number}: {state}." }
local NONE = { en = "I find no such order for your number.", ar = "لا أجد طلبًا كهذا لرقمك.", de = "Zu Ihrer Nummer finde ich keine solche Bestellung.",
	es = "No encuentro ese pedido para su número.", fr = "Je ne trouve pas cette commande pour votre numéro.",
	pt = "Não encontro esse pedido para o seu número." }
local DOWN = { en = "I cannot look it up right now. Please try again later.", ar = "لا يمكنني البحث الآن. حاول لاحقًا من فضلك.",
	de = "Ich kann gerade nicht nachsehen. Bitte später noch einmal.", es = "Ahora no puedo consultarlo. Inténtelo más tarde, por favor.",
	fr = "Je ne peux pas vérifier pour le moment. Réessayez plus tard.", pt = "Não consigo consultar agora. Tente mais tarde, por favor." }
local STATES = {
	waiting = { en = "waits for your confirmation", ar = "بانتظار تأكيدك", de = "wartet auf Ihre Bestätigung", es = "espera su confirmación",
		fr = "attend votre confirmation", pt = "aguarda a sua confirmação" },
	confirmed = { en = "is confirmed", ar = "مؤكد", de = "ist bestätigt", es = "está confirmado", fr = "est confirmée", pt = "está confirmado" },
	cancelled = { en = "is cancelled", ar = "ملغى", de = "ist storniert", es = "está cancelado", fr = "est annulée", pt = "está cancelado" },
	received = { en = "has arrived", ar = "وصلنا", de = "ist eingegangen", es = "ha llegado", fr = "est bien arrivée", pt = "foi recebido" },
}
local KIND = { sent = "waiting", delivered = "waiting", read = "waiting", no_reply = "waiting", confirmed = "confirmed", cancelled = "cancelled" }

local digits = wb.regex.compile("[0-9]{3,18}")

local function state_of(order, language)
	for _, line in ipairs(wb.settings.states) do
		local state, words = line:match("^%s*(%S+)%s*=%s*(.+)$")
		if state == order.state then return words end
	end
	local words = STATES[KIND[order.state] or "received"]
	return words[language] or words.en
end

-- Orders that may be meant: list, or nil and why.
local function look_up(msg)
	local found = digits:find(msg.text)
	if not found then
		if not msg.sender.phone then return {} end
		return wb.orders.by_phone(msg.sender.phone)
	end
	for _, prefix in ipairs(wb.settings.prefixes) do
		local orders, why = wb.orders.by_number(prefix .. found.text)
		if not orders or #orders > 0 then return orders, why end
	end
	return {}
end

local function asked(msg)
	for _, word in ipairs(wb.settings.words) do
		if wb.text.has_words(msg.text, word) then return true end
	end
	return false
end

wb.on("message.received", function(msg)
	if not polite.may(msg) or not asked(msg) then return end
	local language = polite.language_of(msg)
	local orders, why = look_up(msg)
	if not orders then
		wb.log.warn("orders cannot be looked up", { why = why })
		polite.reply(msg, polite.text("down", DOWN, language))
		return wb.STOP
	end
	for _, order in ipairs(orders) do
		if order.customer and msg.sender.phone and order.customer.phone == msg.sender.phone then
			polite.reply(msg, polite.fill(polite.text("text", TEXT, language),
				{ number = order.number, state = state_of(order, language) }))
			return wb.STOP
		end
	end
	polite.reply(msg, polite.text("none", NONE, language))
	return wb.STOP
end)
