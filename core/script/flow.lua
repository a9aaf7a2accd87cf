-- SPDX-License-Identifier: GPL-3.0-or-later
-- Durable conversations. flow.c loads this chunk into a script's state at its first wb.flow(), gives
-- it `core` (locking, storing, sending, time) and takes the table of entry points it returns.
--
-- A conversation is a small state S, stored after every step:
--   phase  "enter": the step `step` is to be performed;  "wait": its question was asked
--   turn   counts what was stored;  last: the newest event that is done with;  from: the one that started it
--   data   the answers;  path: the questions answered, for going back
--   tries, due, remind, reminded, asked (message id), shown (choices)
-- Whatever is sent carries the key flow:<id>:<turn>:<cause>:<n>, so that a step repeated after a crash sends
-- nothing twice. Each step therefore runs at least once, and its messages leave exactly once.
local core = ...
local flows, E = {}, {}

local END = "end"
local DEFAULT = { timeout = "24h", attempts = 5, retry = "Sorry, I did not understand that.",
	cancel = { "cancel", "stop", "quit" }, back = { "back" } }
local DEF = { version = "number", summary = "string", steps = "table", cancel = "table|false", back = "table|false",
	human = "table|false", timeout = "string|false", remind = "table|false", retry = "text", attempts = "number",
	cancelled = "text", timed_out = "text", outdated = "text", failed = "text", handover = "text",
	handover_for = "string", done = "text", on_end = "function", migrate = "function" }
local STEP = { name = "string", ask = "text", run = "function", choices = "table|function", show = "string",
	type = "string", min = "number", max = "number", integer = "boolean", pattern = "string", country = "string",
	check = "function", retry = "text", attempts = "number", next = "string|table|function", when = "function",
	timeout = "string|false", remind = "table|false" }
local TYPES = { text = true, number = true, email = true, phone = true, date = true, any = true }

-- ---------------------------------------------------------------- definitions

local function fits(value, want)
	for t in want:gmatch("[^|]+") do
		if t == "false" and value == false then return true end
		if t == "text" and (type(value) == "string" or type(value) == "table" or type(value) == "function") then
			return true
		end
		if type(value) == t then return true end
	end
	return false
end

local function check_keys(what, t, allowed)
	for k, v in pairs(t) do
		local want = allowed[k]
		if not want then
			error(("%s: there is no option %q"):format(what, tostring(k)), 0)
		elseif not fits(v, want) then
			error(("%s: %s is a %s, not a %s"):format(what, k, want:gsub("|", " or "), type(v)), 0)
		end
	end
end

local function check_remind(what, r)
	if not r then return end
	if type(r.after) ~= "string" or not r.text then
		error(what .. ": remind needs after (\"10m\") and text", 0)
	end
	core.ms(r.after)
end

local function check_step(flow, i, step)
	local what = ("flow %s, step %d"):format(flow.name, i)
	if type(step) ~= "table" then error(what .. ": a table is wanted", 0) end
	if step.name == nil and type(step[1]) == "string" then
		step.name, step[1] = step[1], nil
	end
	if step.name == nil and step.run then step.name = "step" .. i end
	check_keys(what, step, STEP)
	if not step.name or not step.name:match("^[%a_][%w_]*$") or step.name == END or #step.name > 48 then
		error(what .. ": a name of letters, digits and _ is wanted", 0)
	end
	if flow.index[step.name] then error(what .. ": " .. step.name .. " is there already", 0) end
	if (step.ask == nil) == (step.run == nil) then error(what .. ": either ask or run", 0) end
	if step.type and not TYPES[step.type] then
		error(what .. ": type is text, number, email, phone, date or any", 0)
	end
	if step.show and step.show ~= "text" and step.show ~= "menu" and step.show ~= "poll" then
		error(what .. ": show is text, menu or poll", 0)
	end
	if type(step.choices) == "table" and #step.choices == 0 then error(what .. ": choices are empty", 0) end
	if step.timeout then core.ms(step.timeout) end
	check_remind(what, step.remind)
	flow.index[step.name] = i
end

function E.define(name, def)
	if type(name) ~= "string" or not name:match("^[%w_-]+$") or #name > 48 then
		error("flow: a name of letters, digits, _ and - is wanted", 0)
	end
	if flows[name] then error("flow " .. name .. " is there already", 0) end
	if type(def) ~= "table" then error("flow " .. name .. ": a table is wanted", 0) end
	check_keys("flow " .. name, def, DEF)
	if type(def.steps) ~= "table" or #def.steps == 0 then error("flow " .. name .. ": steps are missing", 0) end
	local flow = setmetatable({ name = name, index = {}, version = def.version or 1 }, { __index = function(_, k)
		local v = def[k]
		if v == nil then v = DEFAULT[k] end
		return v
	end })
	if flow.timeout then core.ms(flow.timeout) end
	if flow.handover_for then core.ms(flow.handover_for) end
	check_remind("flow " .. name, flow.remind)
	for i, step in ipairs(def.steps) do check_step(flow, i, step) end
	for i, step in ipairs(def.steps) do
		local targets = type(step.next) == "string" and { step.next } or type(step.next) == "table" and step.next or {}
		for _, to in pairs(targets) do
			if to ~= END and not flow.index[to] then
				error(("flow %s, step %d: next: there is no step %q"):format(name, i, tostring(to)), 0)
			end
		end
	end
	flows[name] = flow
	return flow
end

-- ---------------------------------------------------------------- talking

-- "{name}" is what was answered to step `name`; "{a.b}" reaches into tables.
local function fill(text, data)
	return (text:gsub("{([%a_][%w_.]*)}", function(path)
		local v = data
		for part in path:gmatch("[^.]+") do
			v = type(v) == "table" and v[part] or nil
		end
		if v == nil or type(v) == "table" then return "" end
		if math.type(v) == "float" and v == math.floor(v) and math.abs(v) < 1e15 then v = math.tointeger(v) end
		return tostring(v)
	end))
end

local function resolve(f, what)
	if type(what) == "function" then what = what(f.face) end
	if what == nil or what == false or what == "" then return nil end
	if type(what) == "string" then return { text = fill(what, f.S.data) } end
	if type(what) ~= "table" then error("a text or a table is wanted, not a " .. type(what), 0) end
	local body = {}
	if what.kind then
		body.content = what
	else
		for k, v in pairs(what) do body[k] = v end
	end
	if type(body.text) == "string" then body.text = fill(body.text, f.S.data) end
	return body
end

-- The message's id, or nil, message, code.
local function send(f, body)
	f.n = f.n + 1
	body.session, body.to = f.session, f.chat
	body.class = body.class or "reply"
	local key = ("flow:%s:%d:%s:%d"):format(f.id, f.S.turn, f.cause, f.n)
	local status, answer, code = core.request(f.id, "POST", "/v1/messages", body, key)
	if not status then return nil, answer, code end
	if status == 409 and answer.code == "conflict" then return "" end	-- it left before, worded otherwise
	if status >= 400 then return nil, answer.detail or answer.code, answer.code end
	return answer.id
end

local function say(f, what)
	local body = resolve(f, what)
	if not body then return "" end
	local id, message, code = send(f, body)
	if not id and code ~= "denied" then
		core.log("warn", ("flow %s: not sent: %s"):format(f.flow.name, message))
	end
	return id, message, code
end

-- ---------------------------------------------------------------- ending

local function save(f, opts)
	f.S.turn = f.S.turn + 1
	f.n = 0
	core.save(f.id, f.S, opts or {})
end

-- text nil: nothing is said
local function finish(f, reason, text, opts)
	opts = opts or {}
	say(f, text)
	if f.flow and f.flow.on_end then f.flow.on_end(f.face, reason) end
	opts.ended, opts.reason, opts.step = true, reason, f.S.step
	f.S = { last = f.S.last, from = f.S.from, key = f.S.key, turn = f.S.turn, reason = reason, data = {} }
	save(f, opts)
end

local function hand_over(f, note)
	local hold = f.flow.handover_for
	finish(f, "handover", f.flow.handover,
		{ human = true, note = note, until_ms = hold and core.now() + core.ms(hold) or 0 })
end

-- ---------------------------------------------------------------- asking

local function choices_of(f, step)
	local list, out = step.choices, {}
	if type(list) == "function" then list = list(f.face) end
	for i, c in ipairs(list or {}) do
		if type(c) == "table" then
			out[i] = { id = tostring(c.id or c[1] or c.text), text = fill(tostring(c.text or c[2] or c.id), f.S.data) }
		else
			out[i] = { id = tostring(c), text = tostring(c) }
		end
	end
	return #out > 0 and out or nil
end

local function question(f, step)
	local body = resolve(f, step.ask)
	local shown = step.choices and choices_of(f, step) or nil
	f.S.shown = shown
	if not body then error("the question is empty", 0) end
	if not shown then return body end
	if step.show and step.show ~= "text" and body.text then
		return { menu = { body = body.text, buttons = shown }, render = step.show == "poll" and "poll" or "auto" }
	end
	if body.text then
		for i, c in ipairs(shown) do
			body.text = body.text .. (i == 1 and "\n\n" or "\n") .. i .. ". " .. c.text
		end
	end
	return body
end

local function option(f, step, name)
	local v = step[name]
	if v == nil then v = f.flow[name] end
	return v
end

local function wait_for_answer(f, step)
	local S, now = f.S, core.now()
	local timeout, remind = option(f, step, "timeout"), option(f, step, "remind")
	S.phase, S.reminded = "wait", nil
	S.due = timeout and now + core.ms(timeout) or nil
	S.remind = remind and now + core.ms(remind.after) or nil
	if S.remind and S.due and S.remind >= S.due then S.remind = nil end
end

local function target(f, step, value)
	local to = step.next
	if type(to) == "table" then to = to[value] end
	if type(to) == "function" then to = to(f.face, value) end
	if to == nil then
		local after = f.flow.steps[f.flow.index[step.name] + 1]
		return after and after.name or END
	end
	if to ~= END and not f.flow.index[to] then error(("there is no step %q"):format(tostring(to)), 0) end
	return to
end

local function perform(f, step)
	f.jump = nil
	local to = step.run(f.face)
	local jump = f.jump
	if jump and jump.finish then return finish(f, "done", jump.text) end
	if jump and jump.handover then return hand_over(f, jump.note) end
	if jump then to = jump.to end
	if type(to) ~= "string" then to = target(f, step) end
	if to ~= END and not f.flow.index[to] then error(("there is no step %q"):format(to), 0) end
	f.S.step = to
	save(f)
	return true
end

-- From `enter` on, until a question waits for its answer or the flow has ended. A function of the script runs
-- in a task of its own, whose requests have keys made of id and turn: the same when it is repeated.
local function go(f)
	f.cause, f.n = "e", 0
	for _ = 1, 100 do
		local S = f.S
		if S.step == END then return finish(f, "done", f.flow.done) end
		local step = f.flow.steps[f.flow.index[S.step]]
		f.step = step
		if step.when and not step.when(f.face) then
			S.step = target(f, { name = step.name })
		elseif step.run then
			if f.task_turn ~= S.turn then return core.enter(f.id) end
			if not perform(f, step) then return end
		else
			local id, message, code = send(f, question(f, step))
			if not id then return finish(f, code == "denied" and "opted_out" or "failed", nil, { note = message }) end
			S.asked = id
			wait_for_answer(f, step)
			save(f)
			return
		end
	end
	error("100 steps without a question: a circle?", 0)
end

-- ---------------------------------------------------------------- answers

local function number(text, step)
	local t = text:gsub("%s", "")
	if t:match("^[+-]?%d+,%d+$") then t = t:gsub(",", ".") end
	local n = t:match("^[+-]?%d+%.?%d*$") and tonumber(t) or nil
	if not n or #t > 20 then return nil end
	if step.integer or math.type(n) == "integer" then
		n = math.tointeger(n)
	end
	if not n or (step.min and n < step.min) or (step.max and n > step.max) then return nil end
	return n
end

local function date(text)
	local y, m, d = text:match("^(%d%d%d%d)[-/.](%d%d?)[-/.](%d%d?)$")
	if not y then
		d, m, y = text:match("^(%d%d?)%s*[-/.]%s*(%d%d?)%s*[-/.]%s*(%d%d%d%d)$")
	end
	y, m, d = tonumber(y), tonumber(m), tonumber(d)
	if not y or m < 1 or m > 12 or d < 1 then return nil end
	local days = { 31, (y % 4 == 0 and y % 100 ~= 0 or y % 400 == 0) and 29 or 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
	if d > days[m] then return nil end
	return ("%04d-%02d-%02d"):format(y, m, d)
end

local function choice(shown, text, id)
	local folded, found = core.fold(text)
	if id then
		for _, c in ipairs(shown) do if c.id == id then return c end end
	end
	local n = tonumber(text:match("^%s*(%d+)[.)]?%s*$"))
	if n and shown[n] then return shown[n] end
	for _, c in ipairs(shown) do
		if core.fold(c.text) == folded or core.fold(c.id) == folded then return c end
	end
	if #folded >= 3 then	-- the beginning of one, and only one, will do
		for _, c in ipairs(shown) do
			if core.fold(c.text):sub(1, #folded) == folded then
				if found then return nil end
				found = c
			end
		end
	end
	return found
end

-- The value; or nil when it is not one, with words for the customer when `check` has some.
local function understand(f, step, a)
	local S, text, value = f.S, a.text:match("^%s*(.-)%s*$"), nil
	local kind = step.type or "text"
	if S.shown then
		local c = choice(S.shown, text, a.choice)
		value = c and c.id
	elseif kind == "any" then
		value = a.kind == "text" and text or { kind = a.kind, text = text, id = a.id, media = a.media }
	elseif text == "" then
		return nil
	elseif kind == "number" then
		value = number(text, step)
	elseif kind == "email" then
		value = #text <= 254 and text:match("^[%w.!#$%%&'*+/=?^_`{|}~-]+@[%w-]+%.[%w.-]*%w$") and text or nil
	elseif kind == "phone" then
		value = core.phone(text, step.country or "")
	elseif kind == "date" then
		value = date(text)
	else
		local n = utf8.len(text) or #text
		if (not step.min or n >= step.min) and n <= (step.max or 4000) then value = text end
	end
	if value == nil then return nil end
	if step.pattern and not (type(value) == "string" and #value <= 1000 and value:match(step.pattern)) then return nil end
	if step.check then
		local ok, message = step.check(f.face, value)
		if ok == false or (ok == nil and message ~= nil) then return nil, message end
		if ok ~= nil and ok ~= true then value = ok end
	end
	return value
end

local function is_word(words, folded)
	for _, w in ipairs(words or {}) do
		if core.fold(w) == folded then return true end
	end
	return false
end

local function again(f, step, message)
	local S = f.S
	S.tries = (S.tries or 0) + 1
	if S.tries >= option(f, step, "attempts") then return hand_over(f, "not understood: " .. step.name) end
	say(f, message or option(f, step, "retry"))
	wait_for_answer(f, step)
	save(f)
end

local function go_back(f)
	local S = f.S
	local prev = table.remove(S.path)
	if prev then
		S.step = prev
		S.data[prev] = nil
	end
	S.phase, S.tries, S.due, S.remind = "enter", nil, nil, nil
	save(f)
	return go(f)
end

local function answered(f, a)
	local S, flow = f.S, f.flow
	local step = flow.steps[flow.index[S.step]]
	local folded = core.fold(a.text)
	f.step = step
	S.last = a.seq
	if is_word(flow.cancel, folded) then return finish(f, "cancelled", flow.cancelled) end
	if is_word(flow.human, folded) then return hand_over(f, "asked for a person") end
	if is_word(flow.back, folded) then return go_back(f) end
	local value, message = understand(f, step, a)
	if value == nil then return again(f, step, message) end
	S.data[step.name] = value
	S.path[#S.path + 1] = step.name
	S.step = target(f, step, value)
	S.phase, S.tries, S.due, S.remind, S.shown, S.asked = "enter", nil, nil, nil, nil, nil
	save(f)
	return go(f)
end

-- ---------------------------------------------------------------- old states

-- Does what is stored belong to this version of the script? False: it was ended.
local function adopt(f)
	local S, flow = f.S, f.flow
	if S.version ~= flow.version then
		local new = flow.migrate and flow.migrate(S.version, { step = S.step, data = S.data })
		if type(new) ~= "table" then
			finish(f, "version", flow.outdated)
			return false
		end
		local step = new.step or S.step
		if step ~= S.step then
			S.phase, S.step, S.path, S.due, S.remind, S.tries, S.shown = "enter", step, {}, nil, nil, nil, nil
		end
		S.data, S.version = new.data or S.data, flow.version
		if flow.index[S.step] or S.step == END then save(f) end
	end
	if not flow.index[S.step] and S.step ~= END then
		finish(f, "version", flow.outdated)
		return false
	end
	return true
end

-- ---------------------------------------------------------------- entry points of flow.c

-- flow.c runs these one at a time for each conversation. An error ends it, through E.fail.
local function with(id, cause, msg, fn)
	local S, session, chat, name = core.state(id)
	if not S then return end
	local f = { id = id, S = S, session = session, chat = chat, cause = cause, n = 0, msg = msg, flow = flows[name] }
	f.face = core.face(f)
	if not f.flow then
		f.flow = setmetatable({ name = name, index = {} }, { __index = DEFAULT })
		return finish(f, "version")
	end
	return fn(f)
end

function E.answer(id, seq, msg, a)
	with(id, "a" .. seq, msg, function(f)
		if (f.S.last or 0) >= seq then return end
		if not adopt(f) then return end
		if f.S.phase == "enter" then	-- its question never left: it comes now, and this was no answer to it
			f.S.last = seq
			return go(f)
		end
		a.seq = seq
		return answered(f, a)
	end)
end

function E.resume(id, turn)
	with(id, "e", nil, function(f)
		f.task_turn = turn
		if adopt(f) and f.S.phase == "enter" then go(f) end
	end)
end

function E.timer(id)
	with(id, "t", nil, function(f)
		local S, now = f.S, core.now()
		if not adopt(f) or S.phase ~= "wait" then return end
		local step = f.flow.steps[f.flow.index[S.step]]
		f.step = step
		if S.due and now >= S.due then return finish(f, "timeout", f.flow.timed_out) end
		if S.remind and now >= S.remind then
			local remind = option(f, step, "remind")
			S.remind, S.reminded = nil, true
			if remind then say(f, remind.text) end
			save(f)
		end
	end)
end

-- What an error left behind. A second error ends it in C.
function E.fail(id, message)
	with(id, "f", nil, function(f)
		local failed = f.flow.failed
		if type(failed) == "function" then failed = nil end
		f.flow = setmetatable({ on_end = false }, { __index = f.flow })
		finish(f, "failed", failed, { note = message })
	end)
end

-- ---------------------------------------------------------------- what scripts call

local function place(what, where)
	local session, chat = nil, nil
	if where == nil then
		session, chat = core.here()
	elseif type(where) == "string" then
		session, chat = core.here(), where
	else
		session, chat = where.session, where.chat
		if session == nil then session = core.here() end
	end
	if chat ~= nil and type(chat) ~= "string" then chat = chat.jid or chat.lid or chat.phone end
	if type(session) ~= "string" or type(chat) ~= "string" then
		error(what .. ": where? a message, or {session = \"...\", chat = \"+49...\"}", 4)
	end
	return session, chat
end

function E.start(flow, where, data)
	local session, chat = place("start", where)
	local replace = type(where) == "table" and where.replace
	if data == nil and type(where) == "table" then data = where.data end
	if data ~= nil and type(data) ~= "table" then error("start: data is a table", 0) end
	local S = { version = flow.version, phase = "enter", step = flow.steps[1].name, turn = 0, data = {}, path = {} }
	for k, v in pairs(data or {}) do S.data[k] = v end
	return core.start(flow.name, session, chat, S, replace and true or false)
end

function E.active(flow, where)
	local session, chat = place("active", where)
	local S, since = core.peek(flow.name, session, chat)
	if not S then return nil end
	return { step = S.step, data = S.data, since = since }
end

function E.cancel(flow, where)
	local session, chat = place("cancel", where)
	return core.cancel(flow.name, session, chat)
end

function E.cancelled(id)
	with(id, "c", nil, function(f) finish(f, "cancelled") end)
end

E.step_say = function(f, what)
	local id, message, code = say(f, what)
	if not id then return nil, message, code end
	return id
end
E.step_go = function(f, name)
	if name ~= END and not f.flow.index[name] then error(("go: there is no step %q"):format(tostring(name)), 3) end
	f.jump = { to = name }
end
E.step_finish = function(f, text) f.jump = { finish = true, text = text } end
E.step_handover = function(f, note) f.jump = { handover = true, note = note } end
E.step_get = function(f, k)
	if k == "data" then return f.S.data end
	if k == "msg" then return f.msg end
	if k == "session" or k == "chat" or k == "id" then return f[k] end
	if k == "step" then return f.step and f.step.name end
	if k == "name" then return f.flow.name end
	if k == "tries" then return f.S.tries or 0 end
	return nil
end

return E
