/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lua's patterns, which scripts make of what customers type: the first line is the pattern, the rest what it is
 * looked for in. A script in the simulated world; its budget ends what would not end.
 */
#include <script.h>
#include <script_int.h>
#include <text.h>
#include <world_sim.h>

#include <stdlib.h>

#define NOW 1800000000000
#define INPUT_MAX 2048

static const char source[] =
	"local wb = require 'warbler'\n"
	"local function bytes(hex)\n"
	"  local t = {}\n"
	"  for i = 1, #hex, 2 do t[#t + 1] = string.char(tonumber(string.sub(hex, i, i + 1), 16)) end\n"
	"  return table.concat(t)\n"
	"end\n"
	"wb.on('message.received', function(msg)\n"
	"  local all = bytes(msg.text)\n"
	"  local cut = string.find(all, '\\n', 1, true) or #all + 1\n"
	"  local p, s = string.sub(all, 1, cut - 1), string.sub(all, cut + 1)\n"
	"  pcall(string.find, s, p)\n"
	"  pcall(string.match, s, p, -3)\n"
	"  pcall(string.gsub, s, p, '%0%1')\n"
	"  pcall(function() for _ in string.gmatch(s, p) do end end)\n"
	"end)\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The handler must have been there for it. */
static void check_called(struct wb_scripts *sc)
{
	json_t *o = wb_script_json(sc, "p");

	if (json_integer_value(json_object_get(json_object_get(o, "stats"), "calls")) != 1)
		abort();
	json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char hex[2 * INPUT_MAX + 1];
	struct wa_err err = WA_ERR_INIT;
	struct wb_scripts_opts o = { 0 };
	struct wb_scripts *sc;
	struct wb_sim *sim;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	sim = wb_sim_new(NOW);
	o.world = wb_sim_world(sim);
	wa_hex_encode(wa_span(data, size), hex);
	if (wb_scripts_new(&o, &sc, &err) < 0 || wb_scripts_start(sc, &err) < 0)
		abort();
	wb_sim_attach(sim, sc);
	if (wb_scripts_load(sc, "p", wa_span_str(source), &err) < 0)
		abort();
	(void)wb_sim_message(sim, "+12025550101", hex, NULL);
	(void)wb_sim_run(sim);
	check_called(sc);
	wb_sim_attach(sim, NULL);
	wb_scripts_free(sc);
	(void)wb_sim_run(sim);
	wb_sim_free(sim);
	return 0;
}
