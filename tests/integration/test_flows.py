# SPDX-License-Identifier: GPL-3.0-or-later
"""Durable flows of scripts: a conversation goes on after kill -9 at any moment, and nothing is said twice; holds
and hand-over through REST; `warbler script test`."""
import os
import random
import subprocess
import unittest

from harness import SHOP, ApiError, Case, phone, until

import harness

SCRIPT = """
local wb = require "warbler"
local lead = wb.flow("lead", {
	timeout = "1h",
	steps = {
		{ name = "who", ask = "What is your name?" },
		{ name = "count", ask = "How many, {who}?", type = "number", retry = "A number, please." },
		{ name = "note", run = function(f) f:say("Noted {count}.") end },
		{ name = "size", ask = "Which size?", choices = { "Small", "Large" } },
	},
	done = "Thank you, {who}: {count} {size}.",
})
wb.on("message.received", { text = "start" }, function(msg) lead:start(msg) end)
wb.on("message.received", { text = "ping" }, function(msg) msg:reply("pong") end)
"""

SAID = ["What is your name?", "How many, Ann?", "Noted 3.", "Which size?\n\n1. Small\n2. Large",
        "Thank you, Ann: 3 Large."]
ANSWERS = ["start", "Ann", "3", "large"]
# what the customer has been told when each answer is due
TOLD = [0, 1, 2, 4]


class Flows(Case):
    def flowing(self, source=SCRIPT):
        g = self.gateway(start=False)
        folder = os.path.join(g.dir, "scripts")
        os.makedirs(folder)
        g.config["scripts"] = {"dir": folder}
        g.write()
        with open(os.path.join(folder, "shop.lua"), "w", encoding="utf-8") as f:
            f.write(source)
        with open(os.path.join(folder, "shop_test.lua"), "w", encoding="utf-8") as f:
            f.write("return { { { text = 'x', expect = false } } }")    # conversations for tests: no script
        g.start()
        self.assertEqual([s["name"] for s in g.rest.get("/v1/scripts")["scripts"] if not s["shipped"]], ["shop"])
        g.link(self.sandbox)
        return g

    def heard(self, number):
        return [m["text"] for m in self.sandbox.received(number)]

    def until_heard(self, number, want):
        until(lambda: self.heard(number) == want, 20, f"{want}, not {self.heard(number)}")

    def converse(self, g, number, between=lambda step: None):
        for i, answer in enumerate(ANSWERS):
            self.until_heard(number, SAID[:TOLD[i]])
            self.sandbox.say(number, answer, to=SHOP)
            between(i)
        self.until_heard(number, SAID)

    def test_whole(self):
        g = self.flowing()
        ann = self.sandbox.account(phone(1))
        self.sandbox.say(ann, "ping", to=SHOP)
        self.until_heard(ann, ["pong"])
        bob = self.sandbox.account(phone(2))
        self.converse(g, bob)
        ended = g.event("flow.ended")
        self.assertEqual(ended["data"]["reason"], "done")
        self.assertEqual(g.rest.get("/v1/flows")["flows"], [])

    def test_kill_9_after_each_answer(self):
        """Killed at once after each answer was said, and while it was being worked on."""
        seed = int(os.environ.get("WARBLER_SEED") or random.SystemRandom().randrange(1 << 32))
        rnd = random.Random(seed)
        print(f"WARBLER_SEED={seed} repeats this choice of moments", flush=True)
        g = self.flowing()
        people = [self.sandbox.account(phone(10 + i)) for i in range(6)]

        def kill(_):
            have = len(g.rest.get("/v1/events?limit=500")["events"])
            more = rnd.randrange(0, 6)      # the moment: after so many more events
            try:
                until(lambda: len(g.rest.get("/v1/events?limit=500")["events"]) >= have + more, rnd.random() * 0.2)
            except AssertionError:
                pass                        # fewer came; then now
            g.kill()
            g.start()

        for p in people:
            with self.subTest(seed=seed, person=p):
                self.converse(g, p, kill)
        until(lambda: g.rest.get("/v1/flows")["flows"] == [], what="all flows to end")
        ends = [e for e in g.events(kinds="flow.ended")]
        self.assertEqual([e["data"]["reason"] for e in ends], ["done"] * len(people))
        for p in people:
            shown = self.sandbox.received(p)
            self.assertEqual([m["text"] for m in shown], SAID)
            self.assertEqual(len({m["id"] for m in shown}), len(shown))

    def test_hold_and_handover(self):
        g = self.flowing()
        ann = self.sandbox.account(phone(3))
        chat = f"/v1/sessions/shop/chats/+{ann.lstrip('+')}/hold"
        self.sandbox.say(ann, "start", to=SHOP)
        self.until_heard(ann, SAID[:1])
        self.assertEqual(g.rest.get(chat)["owner"], "flow:shop/lead")
        flow = until(lambda: g.rest.get("/v1/flows?script=shop")["flows"], what="the flow")[0]
        self.assertEqual((flow["step"], flow["phase"], flow["session"]), ("who", "wait", "shop"))
        g.rest.post(f"/v1/flows/{flow['id']}/handover", {"note": "angry", "minutes": 60})
        held = g.rest.get(chat)
        self.assertEqual((held["owner"], held["note"]), ("human", "angry"))
        self.assertEqual(g.event("flow.ended")["data"]["reason"], "handover")
        self.sandbox.say(ann, "ping", to=SHOP)          # a person has the chat: no rule answers
        g.event("message.received", lambda e: e["data"].get("text") == "ping")
        g.rest.delete(chat)
        self.assertEqual(g.rest.get(chat), {"held": False})
        self.sandbox.say(ann, "start", to=SHOP)
        self.until_heard(ann, SAID[:1] * 2)
        flow = until(lambda: g.rest.get("/v1/flows")["flows"], what="the flow")[0]
        g.rest.delete(f"/v1/flows/{flow['id']}")
        self.assertEqual(g.rest.get(chat), {"held": False})
        with self.assertRaises(ApiError) as no:
            g.rest.delete(f"/v1/flows/{flow['id']}")
        self.assertEqual(no.exception.status, 404)

    def test_taken_by_hand(self):
        g = self.flowing()
        ann = self.sandbox.account(phone(4))
        chat = f"/v1/sessions/shop/chats/+{ann.lstrip('+')}/hold"
        self.sandbox.say(ann, "start", to=SHOP)
        self.until_heard(ann, SAID[:1])
        self.assertEqual(g.rest.call("PUT", chat, {"minutes": 5})["owner"], "human")
        self.assertEqual(g.event("flow.ended")["data"]["reason"], "taken")
        g.kill()
        g.start()
        self.assertEqual(g.rest.get(chat)["owner"], "human")


    def test_files(self):
        """Rows of a script: the header once, a repeated row once, nothing outside of its folder."""
        g = self.flowing("""
local wb = require "warbler"
wb.on("message.received", function(msg)
	local opts = { once = true, header = { "what", "n" } }
	assert(wb.files.append("rows.csv", { msg.text, 1 }, opts))
	assert(wb.files.append("rows.csv", { msg.text, 1 }, opts))
	assert(wb.files.append("rows.csv", "plain\\n"))
	local ok, why = pcall(wb.files.append, "../rows.csv", "x")
	msg:reply(ok and "written" or "refused")
end)
""")
        ann = self.sandbox.account(phone(5))
        self.sandbox.say(ann, "=1+1", to=SHOP)
        self.until_heard(ann, ["refused"])
        file = g.data / "script-files" / "shop" / "rows.csv"
        self.assertEqual(file.read_bytes(), b'"what","n"\r\n"\'=1+1","1"\r\nplain\n')
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)


class ScriptTests(unittest.TestCase):
    """`warbler script test`: what passes, what fails and says where, what is broken, what never ends."""

    def run_script(self, *args):
        r = subprocess.run([harness.WARBLER, "script", *args], capture_output=True, text=True, timeout=60, check=False)
        return r.returncode, r.stdout + r.stderr

    def files(self, script, test):
        import tempfile
        d = tempfile.TemporaryDirectory()
        self.addCleanup(d.cleanup)
        for name, text in (("x.lua", script), ("x_test.lua", test)):
            with open(os.path.join(d.name, name), "w", encoding="utf-8") as f:
                f.write(text)
        return os.path.join(d.name, "x.lua")

    ECHO = 'local wb = require "warbler"\nwb.on("message.received", function(msg) msg:reply("you said " .. msg.text) end)\n'

    def test_new_works_as_it_is(self):
        import tempfile
        with tempfile.TemporaryDirectory() as d:
            self.assertEqual(self.run_script("new", "first", d)[0], 0)
            self.assertEqual(self.run_script("new", "first", d)[0], 1)      # never over a file
            code, out = self.run_script("test", os.path.join(d, "first.lua"))
            self.assertEqual((code, out), (0, "4 passed, 0 failed\n"))
            self.assertEqual(self.run_script("check", os.path.join(d, "first.lua"))[0], 0)
        self.assertEqual(self.run_script("new", "Not A Name")[0], 2)

    def test_passes_and_fails(self):
        path = self.files(self.ECHO, 'return {\n\t{ name = "good", { text = "hi", expect = "you said hi" } },\n'
                          '\t{ name = "bad",\n\t\t{ text = "hi", expect = "something else" },\n\t},\n'
                          '\t{ name = "more", { text = "hi" } },\n}\n')
        code, out = self.run_script("test", path)
        self.assertEqual(code, 1)
        self.assertIn("x_test.lua:4: bad", out)
        self.assertIn('"something else"', out)
        self.assertIn('"you said hi"', out)
        self.assertIn("x_test.lua:6: more", out)
        self.assertIn("1 passed, 2 failed", out)

    def test_lines_of_json(self):
        import json
        path = self.files(self.ECHO, 'return { { name = "good", { text = "a", expect = "you said a" } },\n'
                          '{ name = "bad", { text = "a", expect = false } } }')
        code, out = self.run_script("test", "--json", path)
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(code, 1)
        self.assertEqual([(x["test"], x["ok"]) for x in lines], [("good", True), ("bad", False)])
        self.assertEqual(lines[1]["line"], 2)

    def test_broken_and_endless(self):
        good = 'return { { { text = "hi", expect = false } } }'
        code, out = self.run_script("test", self.files("local x = = 1", good))
        self.assertEqual(code, 1)
        self.assertIn("x.lua:1", out)
        code, out = self.run_script("test", self.files(
            'local wb = require "warbler"\nwb.on("message.received", function() while true do pcall(error) end end)', good))
        self.assertEqual(code, 1)
        self.assertIn("stopped: ", out)     # by instructions, on a slow machine by time
        code, out = self.run_script("test", self.files("while true do end", good))
        self.assertEqual(code, 1)
        code, out = self.run_script("test", self.files(self.ECHO, "while true do end"))
        self.assertEqual(code, 1)
        self.assertIn("does not come to an end", out)
        code, out = self.run_script("test", self.files(self.ECHO, 'return { { { txt = "hi" } } }'))
        self.assertIn('no "txt"', out)
        self.assertEqual(self.run_script("test", "/nowhere/x.lua")[0], 1)
        self.assertEqual(self.run_script("test")[0], 2)


if __name__ == "__main__":
    unittest.main()
