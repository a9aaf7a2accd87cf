# SPDX-License-Identifier: GPL-3.0-or-later
"""Lua scripts in the real gateway: answers, crashes, files that change, settings, scripts that mean no good."""
import json
import os
import pathlib
import unittest

from harness import SHOP, ApiError, Case, phone, until

LAYLA, OMAR = phone(401), phone(402)
PONG = """local wb = require "warbler"
wb.script{ summary = "Says pong", settings = { word = { type = "text", default = "%s" } } }
wb.on("message.received", { text = "ping", group = false }, function(msg)
	msg:reply(wb.settings.word)
end)
"""


class Scripts(Case):
    def setUp(self):
        super().setUp()
        self.layla = self.sandbox.account(LAYLA, "Layla Hassan")
        self.omar = self.sandbox.account(OMAR, "Omar")

    def linked(self, scripts, **config):
        # the folder is there before the gateway is
        g = self.gateway(start=False, plugins={"enabled": []}, **config)
        self.dir = pathlib.Path(g.data) / "scripts"
        self.dir.mkdir(parents=True)
        for name, source in scripts.items():
            self.write(name, source)
        g.start()
        g.link(self.sandbox)
        return g

    def write(self, name, source):
        """As editors do: another file, renamed."""
        tmp = self.dir / f".{name}.tmp"
        tmp.write_text(source)
        os.rename(tmp, self.dir / f"{name}.lua")

    def texts(self, number):
        return [m["text"] for m in self.sandbox.received(number)]

    def until_texts(self, number, want):
        until(lambda: self.texts(number) == want, what=f"{number} to have {want}, not {self.texts(number)}")

    def script(self, g, name="pong"):
        return g.rest.get(f"/v1/scripts/{name}")

    def log(self, g, name="pong"):
        return [line["text"] for line in g.rest.get(f"/v1/scripts/{name}/log")["lines"]]

    def test_answers_once_whatever_happens(self):
        g = self.linked({"pong": PONG % "pong"})
        self.sandbox.say(self.layla, "Ping")
        self.until_texts(self.layla, ["pong"])
        g.kill()                # its position is not stored yet: the event comes again, the answer does not
        g.start()
        self.sandbox.say(self.omar, "ping")
        self.until_texts(self.omar, ["pong"])
        until(lambda: self.script(g)["stats"]["queued"] == 0)
        self.assertEqual(self.texts(self.layla), ["pong"])
        self.assertEqual(self.script(g)["error"], None)

    def test_nothing_is_lost_by_kills(self):
        g = self.linked({"pong": PONG % "pong"})
        want = []
        for i in range(6):
            self.sandbox.say(self.layla, "ping")
            want.append("pong")
            if i % 2:
                g.kill()
                g.start()
        self.until_texts(self.layla, want)
        g.send(self.layla, "fence", wait="delivered")
        self.assertEqual(self.texts(self.layla), want + ["fence"])

    def test_files_that_change(self):
        g = self.linked({"pong": PONG % "one"})
        self.assertEqual(self.script(g)["state"], "running")
        self.write("pong", PONG % "two")
        until(lambda: self.script(g)["settings"] == {"word": "two"}, what="the new version")
        self.sandbox.say(self.layla, "ping")
        self.until_texts(self.layla, ["two"])
        # broken: the running one stays, and everybody can see why
        self.write("pong", "local wb = require 'warbler'\nlocal x = = 1\n")
        error = until(lambda: self.script(g)["error"], what="the error")
        self.assertEqual((error["file"], error["line"]), ("pong.lua", 2))
        self.assertIn("unexpected symbol", error["message"])
        g.line(r"pong\.lua:2: unexpected symbol")
        self.sandbox.say(self.layla, "ping")
        self.until_texts(self.layla, ["two", "two"])
        self.assertEqual(self.script(g)["state"], "running")
        with self.assertRaises(ApiError) as e:
            g.rest.post("/v1/scripts/pong/reload")
        self.assertEqual((e.exception.status, e.exception.body["error"]["line"]), (422, 2))
        # written in place, a library of its own, and gone
        (self.dir / "lib").mkdir()
        (self.dir / "lib" / "words.lua").write_text("return { word = 'three' }")
        (self.dir / "pong.lua").write_text((PONG % "x").replace("wb.settings.word", "require('words').word"))
        until(lambda: not self.script(g)["error"], what="the third version")
        self.sandbox.say(self.layla, "ping")
        self.until_texts(self.layla, ["two", "two", "three"])
        loaded = self.script(g)["loaded"]
        (self.dir / "lib" / "words.lua").write_text("return { word = 'four' }")
        until(lambda: self.script(g)["loaded"] != loaded, what="the library's change")
        self.sandbox.say(self.layla, "ping")
        self.until_texts(self.layla, ["two", "two", "three", "four"])
        (self.dir / "pong.lua").unlink()
        until(lambda: not g.rest.get("/v1/scripts")["scripts"] or
              "pong" not in [s["name"] for s in g.rest.get("/v1/scripts")["scripts"]], what="its end")
        self.sandbox.say(self.layla, "ping")
        g.send(self.layla, "fence", wait="delivered")
        self.assertEqual(self.texts(self.layla)[-1], "fence")

    def test_pages(self):
        g = self.linked({n: PONG % n for n in ("c", "a", "b")})
        every = [s["name"] for s in g.rest.get("/v1/scripts?limit=500")["scripts"]]
        self.assertEqual(every, sorted(every))
        got, cursor = [], ""
        while cursor is not None:
            page = g.rest.get("/v1/scripts?limit=2" + (f"&cursor={cursor}" if cursor else ""))
            self.assertLessEqual(len(page["scripts"]), 2)
            got += [s["name"] for s in page["scripts"]]
            cursor = page["next"]
        self.assertEqual(got, every)

    def test_rest(self):
        g = self.linked({"pong": PONG % "pong"})
        s = g.rest.patch("/v1/scripts/pong", {"settings": {"word": "hello"}})
        self.assertEqual(s["settings"], {"word": "hello"})
        self.sandbox.say(self.layla, "ping")
        self.until_texts(self.layla, ["hello"])
        for bad in ({"settings": {"word": 5}}, {"settings": {"other": "x"}}, {"sessions": "shop"}, {"what": 1}):
            with self.assertRaises(ApiError) as e:
                g.rest.patch("/v1/scripts/pong", bad)
            self.assertEqual(e.exception.code, "invalid")
        g.kill()                # what was answered is durable
        g.start()
        self.assertEqual(self.script(g)["settings"], {"word": "hello"})
        g.until_status("connected")
        self.assertEqual(g.rest.patch("/v1/scripts/pong", {"settings": {"word": None}})["settings"], {"word": "pong"})
        # off, on, bound to another session
        self.assertEqual(g.rest.patch("/v1/scripts/pong", {"enabled": False})["state"], "off")
        self.sandbox.say(self.layla, "ping")
        g.event("message.received", lambda e: e["seq"] and e["data"]["text"] == "ping" and
                len(g.events(kinds="message.received")) == 2)
        self.assertEqual(g.rest.patch("/v1/scripts/pong", {"enabled": True, "sessions": ["other"]})["state"], "running")
        self.sandbox.say(self.layla, "ping")
        until(lambda: len(g.events(kinds="message.received")) == 3)
        g.rest.patch("/v1/scripts/pong", {"sessions": None})
        self.sandbox.say(self.layla, "ping")
        self.until_texts(self.layla, ["hello", "pong"])
        # written through REST
        ok = "local wb = require 'warbler'\nwb.on('message.received', { text = 'bye' }, function(m) m:reply('see you') end)"
        self.assertEqual(g.rest.post("/v1/scripts/bye/check", {"source": "x ="})["error"]["line"], 1)
        self.assertTrue(g.rest.post("/v1/scripts/bye/check", {"source": ok})["ok"])
        with self.assertRaises(ApiError) as e:
            g.rest.call("PUT", "/v1/scripts/bye/source", {"source": "x ="})
        self.assertEqual(e.exception.status, 422)
        self.assertFalse((self.dir / "bye.lua").exists())
        self.assertEqual(g.rest.call("PUT", "/v1/scripts/bye/source", {"source": ok})["state"], "running")
        self.assertEqual(g.rest.get("/v1/scripts/bye/source"), {"source": ok})
        # the file as it is, as curl --data-binary @bye.lua sends it
        status, text, _ = g.rest.raw("PUT", "/v1/scripts/bye/source", ok, {"Content-Type": "text/x-lua"})
        self.assertEqual((status, json.loads(text)["state"]), (200, "running"))
        status, text, _ = g.rest.raw("PUT", "/v1/scripts/bye/source", b"-- \xff", {"Content-Type": "text/x-lua"})
        self.assertEqual((status, json.loads(text)["detail"]), (422, "the source is not UTF-8"))
        status, text, _ = g.rest.raw("PUT", "/v1/scripts/bye/source", ok)
        self.assertEqual(status, 400)
        self.assertIn("Content-Type: text/x-lua", json.loads(text)["detail"])
        self.sandbox.say(self.omar, "Bye")
        self.until_texts(self.omar, ["see you"])
        g.rest.delete("/v1/scripts/bye")
        with self.assertRaises(ApiError) as e:
            self.script(g, "bye")
        self.assertEqual(e.exception.status, 404)
        for name in ("../x", "A", "x" * 60):
            with self.assertRaises(ApiError):
                g.rest.call("PUT", f"/v1/scripts/{name.replace('/', '%2F')}/source", {"source": ok})

    def test_bad_neighbours(self):
        head = "local wb = require 'warbler'\nwb.on('message.received', function(msg)\n"
        g = self.linked({"a-endless": head + "while true do pcall(error) end end)",
                         "b-hog": head + "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end end)",
                         "c-fails": head + "error('always') end)", "pong": PONG % "pong"})
        for _ in range(5):
            self.sandbox.say(self.layla, "ping")
        self.until_texts(self.layla, ["pong"] * 5)
        bad = until(lambda: self.script(g, "a-endless")["suspended"] and self.script(g, "a-endless"))
        self.assertIn("ran too long", bad["suspended"]["reason"])
        self.assertIn("always", self.script(g, "c-fails")["error"]["message"])
        self.assertEqual(self.script(g, "c-fails")["error"]["line"], 3)
        self.assertGreaterEqual(self.script(g, "b-hog")["stats"]["errors"], 1)
        metrics = g.rest.raw("GET", "/metrics")[1].decode()
        self.assertIn('warbler_script_calls_total{script="pong"} 5', metrics)


if __name__ == "__main__":
    unittest.main()
