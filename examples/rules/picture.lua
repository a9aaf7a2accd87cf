-- SPDX-License-Identifier: GPL-3.0-or-later
-- Tells who sends a picture how large it is.
local wb = require "warbler"

wb.on("message.received", { kind = "image", group = false }, function(msg)
	local m = msg.media
	local size = m.size and (" and %d KiB"):format((m.size + 1023) // 1024) or ""
	if m.width and m.height then
		msg:quote(("Your picture has %d x %d points%s."):format(m.width, m.height, size))
	else
		msg:quote("Thanks for the picture!")
	end
end)
