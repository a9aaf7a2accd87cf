-- SPDX-License-Identifier: GPL-3.0-or-later
-- Asks for a rating the day after the shop says that an order was delivered (or some days after another state, for a shop that
-- does not say): 1 to 5, and for words when it is low. Ratings are kept in ratings.csv, in the folder script-files/rating of the
-- gateway's data, and may be told to a number of yours. An order is asked about once; one that was cancelled meanwhile is not.
-- Needs the plugin orders and a connected shop.
local wb = require "warbler"
local polite = require "polite"

wb.script{
	summary = "A rating after delivery",
	settings = {
		state = { type = "text", default = "delivered", summary = "from when the time counts: delivered or shipped, as the shop says, or an order's state such as confirmed" },
		after = { type = "text", default = "1d", summary = "how long after" },
		ask = { type = "text", default = "", summary = "the question: {number}" },
		low = { type = "text", default = "", summary = "asked below 4" },
		thanks = { type = "text", default = "", summary = "at the end" },
		again = { type = "text", default = "", summary = "said when the answer is no number from 1 to 5" },
		tell = { type = "text", default = "", summary = "a number of yours that is told of ratings below 4: +12025550100" },
		language = polite.LANGUAGE,
	},
}

local T = {
	ask = { en = "How was order {number}? 1 (bad) to 5 (very good)", ar = "كيف كان الطلب {number}؟ من 1 (سيئ) إلى 5 (ممتاز)",
		de = "Wie war Bestellung {number}? 1 (schlecht) bis 5 (sehr gut)", es = "¿Qué tal el pedido {number}? De 1 (mal) a 5 (muy bien)",
		fr = "Comment était la commande {number} ? De 1 (mauvais) à 5 (très bien)", pt = "Como foi o pedido {number}? De 1 (ruim) a 5 (muito bom)" },
	low = { en = "We are sorry to hear that. What went wrong?", ar = "نأسف لذلك. ما الذي لم يكن على ما يرام؟", de = "Das tut uns leid. Was ist schiefgegangen?",
		es = "Lo sentimos. ¿Qué salió mal?", fr = "Nous en sommes désolés. Qu'est-ce qui n'allait pas ?", pt = "Lamentamos. O que deu errado?" },
	thanks = { en = "Thank you for telling us!", ar = "شكرًا على رأيك!", de = "Danke für Ihre Bewertung!", es = "¡Gracias por su opinión!",
		fr = "Merci pour votre avis !", pt = "Obrigado pela sua avaliação!" },
	again = { en = "A number from 1 to 5, please.", ar = "رقم من 1 إلى 5 من فضلك.", de = "Bitte eine Zahl von 1 bis 5.", es = "Un número del 1 al 5, por favor.",
		fr = "Un chiffre de 1 à 5, s'il vous plaît.", pt = "Um número de 1 a 5, por favor." },
}

local function text(name)
	return function(f) return polite.text(name, T[name], f.data.language) end
end

local rating = wb.flow("rating", {
	timeout = "2d", attempts = 2, handover_for = "1h", handover = text("thanks"),
	cancel = polite.flow.cancel_words, cancelled = polite.of_flow("cancelled"),
	steps = {
		{ name = "stars", ask = text("ask"), type = "number", integer = true, min = 1, max = 5,
			retry = text("again") },
		{ name = "words", ask = text("low"), when = function(f) return f.data.stars < 4 end },
		{ name = "keep", run = function(f)
			local d = f.data
			assert(wb.files.append("ratings.csv", { d.number, d.stars, d.words or "" },
				{ once = true, header = { "order", "stars", "words" } }))
			if wb.settings.tell ~= "" and d.stars < 4 then
				wb.send(wb.settings.tell, ("Order %s: %d. %s"):format(d.number, d.stars, d.words or ""),
					{ session = f.session, idempotency_key = "rating-" .. d.order })
			end
		end },
	},
	done = text("thanks"),
})

-- What is due stands under its hour, "due:<hour>:<order>", so that a look at what is due now reads nothing else; "order:<id>" says where.
local HOUR = 3600000

local function put(id, due)
	local key = ("due:%d:%s"):format(due.at // HOUR, id)
	wb.kv.set("order:" .. id, key, { expires = "180d" })
	wb.kv.set(key, due)
end

local function ask(key)
	local due = wb.kv.get(key)
	if not due or due.at > wb.time.now() then return end
	local id = key:match("^due:%d+:(.*)$")
	local _, _, code = rating:start{ session = due.session, chat = due.to,
		data = { order = id, number = due.number, language = due.language } }
	wb.kv.delete(key)
	if code == "conflict" then		-- another conversation has the chat: later
		due.at = wb.time.now() + HOUR // 4
		put(id, due)
	end
end

local busy = false
local function look()
	if busy then return end
	busy = true
	local now = wb.time.now() // HOUR
	local hour = wb.kv.get("looked", now)
	while hour <= now do
		local keys = wb.kv.keys("due:" .. hour .. ":") or {}
		for _, key in ipairs(keys) do ask(key) end
		if #keys > 0 and hour < now then break end	-- the rest of a full hour with the next look
		wb.kv.set("looked", hour)
		hour = hour + 1
	end
	busy = false
end

-- order.delivered is about our message; where the goods are is told by order.fulfilment.
local function counts_from(ev)
	local state = wb.settings.state
	if state == "delivered" or state == "shipped" then
		return ev.kind == "order.fulfilment" and ev.data.fulfilment == state
	end
	return ev.kind == "order." .. state
end

wb.on("order.*", function(ev)
	local order = ev.data
	if ev.kind ~= "order.cancelled" and not counts_from(ev) then return end
	local key = wb.kv.get("order:" .. order.id)
	if ev.kind == "order.cancelled" then
		if key then wb.kv.delete(key) end
		return
	end
	local to = order.customer.jid or order.customer.lid or order.customer.phone
	if key or not to then return end
	local ms = wb.time.duration(wb.settings.after)
	put(order.id, { session = ev.session, to = to, number = order.number, language = polite.language(order.customer.phone or to),
		at = wb.time.now() + ms })
	if wb.kv.get("looked") == nil then wb.kv.set("looked", wb.time.now() // HOUR) end
	if ms < HOUR // 4 then wb.after(ms + 1, look) end
end)

wb.every("15m", look)
