-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	{ name = "a picture",
		{ kind = "image", content = { media = { width = 1200, height = 800, size = 20000, mimetype = "image/jpeg" } },
			expect = "Your picture has 1200 x 800 points and 20 KiB." },
	},
	{ name = "words are no picture", { text = "a picture", expect = "nothing" } },
}
