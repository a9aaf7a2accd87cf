-- SPDX-License-Identifier: GPL-3.0-or-later
-- Outside business hours: tells when somebody is there again, once for each closed stretch and person. Hours are written
-- "mon-fri 09:00-18:00; sat 10-14", holidays "2026-12-25, 01-01" (with a year, or every year). During business hours it is silent.
local wb = require "warbler"
local polite = require "polite"

wb.script{
	summary = "An away message outside business hours",
	settings = polite.settings{
		hours = { type = "text", default = "mon-fri 09:00-18:00", summary = "also \"mon-fri 9-12,13-18; sat 10-14\"" },
		holidays = { type = "text", default = "", summary = "closed all day: \"12-25, 01-01, 2027-03-28\"" },
		zone = { type = "text", default = "UTC", summary = "time zone: Europe/Berlin" },
		text = { type = "text", default = "", summary = "what is said; {when}: when we open next" },
		format = { type = "text", default = "%d.%m. %H:%M", summary = "how {when} is written" },
	},
}

local TEXT = {
	en = "We are closed. We'll be back {when}.",
	ar = "نحن مغلقون الآن. سنعود {when}.",
	de = "Wir haben geschlossen. Ab {when} sind wir wieder da.",
	es = "Ahora está cerrado. Volvemos el {when}.",
	fr = "Nous sommes fermés. Nous serons de retour le {when}.",
	pt = "Estamos fechados. Voltamos em {when}.",
}
local NEVER = { en = "soon", ar = "قريبًا", de = "demnächst", es = "pronto", fr = "bientôt", pt = "em breve" }

wb.on("message.received", { backfilled = false }, function(msg)
	local s = wb.settings
	local hours = s.holidays ~= "" and s.hours .. "; holidays " .. s.holidays:gsub("%s", "") or s.hours
	if wb.hours.is_open(hours, s.zone) or not polite.may(msg) then return end
	local opens = wb.hours.next_open(hours, s.zone)
	local key = "told:" .. polite.key(msg)
	local told = wb.kv.get(key)
	if told and told.opens == opens and told.id ~= msg.id then return end
	wb.kv.set(key, { opens = opens, id = msg.id }, { expires = "14d" })
	local language = polite.language_of(msg)
	local when = opens and wb.time.format(opens, s.zone, s.format) or NEVER[language]
	polite.reply(msg, polite.fill(polite.text("text", TEXT, language), { when = when }))
end)
