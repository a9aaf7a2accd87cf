-- SPDX-License-Identifier: GPL-3.0-or-later
-- "weather Berlin": asks a service, and says something sensible when it does not answer.
local wb = require "warbler"

wb.script{
	summary = "The weather of a place",
	settings = {
		url = { type = "text", default = "https://weather.example/v1/now", summary = "the service; it gets ?place=" },
	},
}

local function escape(text)
	return (text:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))
end

wb.on("message.received", { starts = "weather ", group = false }, function(msg)
	local place = wb.text.trim(msg.text:sub(#"weather " + 1))
	local res, why, code = wb.http.get(wb.settings.url .. "?place=" .. escape(place), { timeout = "10s" })
	if not res then
		wb.log.warn("weather", { why = why, code = code })
		return msg:reply("The weather service does not answer.")
	end
	if res.status == 404 then
		return msg:reply("I do not know where " .. place .. " is.")
	end
	local now = res.ok and res:json()
	if type(now) ~= "table" or not now.temperature then
		wb.log.warn("weather", { status = res.status })
		return msg:reply("The weather service does not answer.")
	end
	msg:reply(("%s: %d °C, %s"):format(place, now.temperature, now.sky or "?"))
end)
