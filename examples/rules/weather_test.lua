-- SPDX-License-Identifier: GPL-3.0-or-later
return {
	{ name = "it answers", http = { ["https://weather.example/v1/now?place=S%C3%A3o%20Paulo"] = { json = { temperature = 21, sky = "rain" } } },
		{ text = "Weather São Paulo", expect = "São Paulo: 21 °C, rain", expect_http = { method = "GET" } },
	},
	{ name = "unknown place", http = { ["https://weather.example/*"] = { status = 404 } },
		{ text = "weather Atlantis", expect = "I do not know where Atlantis is." },
	},
	{ name = "nonsense", http = { ["https://weather.example/*"] = { body = "<html>" } },
		{ text = "weather Berlin", expect = { contains = "does not answer" } },
	},
	{ name = "no answer", http = { ["https://weather.example/*"] = { error = "timed_out" } },
		{ text = "weather Berlin", expect = { contains = "does not answer" }, expect_log = "timed_out" },
	},
}
