-- SPDX-License-Identifier: GPL-3.0-or-later
-- Asks interested people for name, e-mail and wish, and writes them into leads.csv.
local wb = require "warbler"

wb.script{
	summary = "Collects leads into a CSV file",
	settings = {
		words = { type = "list", default = { "quote", "offer" }, summary = "words that begin it" },
		wishes = { type = "list", default = { "A new site", "An online shop", "Something else" }, summary = "what there is to choose" },
		thanks = { type = "text", default = "Thank you, {name}! We'll be in touch by {mail}.", summary = "at the end" },
	},
}

local lead = wb.flow("lead", {
	version = 1,
	timeout = "1d",
	remind = { after = "1h", text = "Are you still there? Just answer the last question, or write 'cancel'." },
	cancelled = "All right, nothing is kept.",
	handover = "One moment please, a person takes over.",
	human = { "person", "human", "agent" },
	steps = {
		{ name = "name", ask = "Gladly! What is your name?", min = 2, max = 80 },
		{ name = "mail", ask = "And your e-mail address, {name}?", type = "email", retry = "That does not look like an e-mail address. Once more?" },
		{ name = "wish", ask = "What is it about?", choices = function() return wb.settings.wishes end },
		{ name = "more", ask = "Anything we should know? ('no' is fine)", max = 1000 },
		{ name = "keep", run = function(f)
			local d = f.data
			-- the flow's id is in the row: repeated after a crash it is written once
			assert(wb.files.append("leads.csv", { f.id, f.chat, d.name, d.mail, d.wish, d.more },
				{ once = true, header = { "id", "chat", "name", "e-mail", "wish", "remarks" } }))
		end },
	},
	done = function() return wb.settings.thanks end,
})

wb.on("message.received", { group = false }, function(msg)
	local said = wb.text.fold(msg.text)
	for _, word in ipairs(wb.settings.words) do
		if wb.text.fold(word) == said then
			lead:start(msg)
			return wb.STOP
		end
	end
end)
