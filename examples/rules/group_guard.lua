-- SPDX-License-Identifier: GPL-3.0-or-later
-- Deletes links in groups that are not from an administrator, and warns; the third one removes its author.
local wb = require "warbler"

wb.script{
	summary = "No links in groups",
	settings = {
		groups = { type = "list", default = {}, summary = "only these groups (JIDs); none: all" },
		warnings = { type = "integer", default = 2, min = 0, max = 10, summary = "warnings before somebody is removed" },
	},
}

local link = wb.regex.compile("(https?://|www\\.|\\bwa\\.me/|chat\\.whatsapp\\.com/)", { nocase = true })

local function guarded(jid)
	if #wb.settings.groups == 0 then return true end
	for _, g in ipairs(wb.settings.groups) do
		if g == jid then return true end
	end
	return false
end

local function is_admin(msg)
	for _, m in ipairs(wb.groups.members(msg) or {}) do
		if m.jid == msg.sender.jid or (m.lid and m.lid == msg.sender.lid) then
			return m.role ~= "member"
		end
	end
	return false
end

wb.on("message.received", { group = true }, function(msg)
	if not guarded(msg.chat.jid) or not link:test(msg.text) or is_admin(msg) then
		return
	end
	local done, why = msg:delete()
	if not done then
		return wb.log.warn("cannot delete: are we administrator?", { why = why })
	end
	local n = wb.kv.incr("links:" .. msg.chat.jid .. ":" .. msg.sender.jid, 1, { expires = "30d" })
	if n > wb.settings.warnings then
		wb.groups.remove(msg, msg.sender)
	else
		msg:reply(("@%s, no links here please (%d of %d)."):format(msg.sender.phone or "", n, wb.settings.warnings),
			{ mentions = { msg.sender.jid } })
	end
	return wb.STOP
end)
