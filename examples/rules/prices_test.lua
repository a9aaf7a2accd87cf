-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	{ name = "case, accents and punctuation do not matter",
		{ from = "+12025550123", text = "PRICE?", expect = "Small 5 €, large 8 €." },
		{ text = "¿Cual es el PRECIO, por favor?", expect = { contains = "5 €" } },
		{ text = "qual o preco", expect = { contains = "5 €" } },
		{ text = "كم السِّعْر", expect = { contains = "5 €" } },
	},
	{ name = "nothing else is answered",
		{ text = "hello", expect = "nothing" },
		{ group = "Family", text = "price?", expect = "nothing" },
	},
}
