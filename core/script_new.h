/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_SCRIPT_NEW_H
#define WB_SCRIPT_NEW_H

/* What `warbler script new` writes; @NAME@ is the script's name. */

static const char wb_script_new_text[] =
	"-- @NAME@: what this script is for, in one line.\n"
	"--\n"
	"-- Every function is explained in scripts/README.md. Try changes without a phone:\n"
	"--   warbler script test @NAME@.lua\n"
	"local wb = require \"warbler\"\n"
	"\n"
	"-- Settings can be changed by REST and in the dashboard, without touching this file.\n"
	"wb.script{\n"
	"\tsummary = \"Answers hello, and asks for an appointment\",\n"
	"\tsettings = {\n"
	"\t\tgreeting = { type = \"text\", default = \"Hello! Write 'appointment' to get one.\", summary = \"the answer to hello\" },\n"
	"\t},\n"
	"}\n"
	"\n"
	"-- A rule: for which event, which of them, and what to do. Groups are left alone.\n"
	"wb.on(\"message.received\", { text = \"hello\", group = false }, function(msg)\n"
	"\tmsg:reply(wb.settings.greeting)\n"
	"end)\n"
	"\n"
	"-- A conversation: questions one after the other. It is stored after each answer and goes on after a restart.\n"
	"local appointment = wb.flow(\"appointment\", {\n"
	"\tversion = 1,\n"
	"\ttimeout = \"2h\",\n"
	"\ttimed_out = \"We'll leave it here. Write 'appointment' to begin again.\",\n"
	"\tcancelled = \"All right, no appointment.\",\n"
	"\tsteps = {\n"
	"\t\t{ name = \"who\", ask = \"What is your name?\" },\n"
	"\t\t{ name = \"when\", ask = \"When suits you, {who}?\", choices = { \"morning\", \"afternoon\" } },\n"
	"\t\t{ name = \"keep\", run = function(f)\n"
	"\t\t\twb.log.info(\"appointment in the \" .. f.data.when)\n"
	"\t\tend },\n"
	"\t},\n"
	"\tdone = \"Thank you, {who}: see you in the {when}.\",\n"
	"})\n"
	"\n"
	"wb.on(\"message.received\", { text = \"appointment\", group = false }, function(msg)\n"
	"\tappointment:start(msg)\n"
	"end)\n";

static const char wb_script_new_test[] =
	"-- Conversations that @NAME@.lua must be able to have: warbler script test @NAME@.lua\n"
	"return {\n"
	"\t{ name = \"says hello\",\n"
	"\t\t{ from = \"+12025550123\", text = \"Hello\", expect = \"Hello! Write 'appointment' to get one.\" },\n"
	"\t\t{ text = \"something else\", expect = \"nothing\" },\n"
	"\t},\n"
	"\t{ name = \"the greeting can be set\", settings = { greeting = \"Hi!\" },\n"
	"\t\t{ text = \"hello\", expect = \"Hi!\" },\n"
	"\t},\n"
	"\t{ name = \"an appointment, with a restart in between\",\n"
	"\t\t{ text = \"appointment\", expect = \"What is your name?\" },\n"
	"\t\t{ text = \"Ada\", expect = { contains = \"When suits you, Ada?\" } },\n"
	"\t\t{ restart = true },\n"
	"\t\t{ text = \"2\", expect = \"Thank you, Ada: see you in the afternoon.\", expect_flow = false },\n"
	"\t},\n"
	"\t{ name = \"nobody answers\",\n"
	"\t\t{ text = \"appointment\", expect = \"What is your name?\" },\n"
	"\t\t{ wait = \"2h\", expect = { contains = \"We'll leave it here.\" } },\n"
	"\t},\n"
	"}\n";

#endif
