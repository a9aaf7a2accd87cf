# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers by rule and bot commands: who gets them, when not, and each once."""
import base64
import http.server
import struct
import threading
import unittest
import zlib

from harness import SHOP, ApiError, Case, phone, until

LAYLA, OMAR = phone(301), phone(302)
RULES = "/v1/autoreply/rules"


def png(width, height):
    rows = b"".join(b"\0" + bytes((x * 7 + y * 5) % 256 for x in range(width) for _ in "rgb") for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Answers(Case):
    def setUp(self):
        super().setUp()
        self.layla = self.sandbox.account(LAYLA, "Layla Hassan")
        self.omar = self.sandbox.account(OMAR, "Omar")

    def linked(self, params=None, **config):
        return super().linked(plugins={"enabled": ["autoreply"], "autoreply": params or {}}, **config)

    def rule(self, g, **doc):
        return g.rest.post(RULES, doc)["id"]

    def texts(self, number, chat=SHOP):
        return [m["text"] for m in self.sandbox.received(number, chat)]

    def until_texts(self, number, want, chat=SHOP):
        until(lambda: self.texts(number, chat) == want, what=f"{number} to have {want}, not {self.texts(number, chat)}")

    def stats(self, g, id):
        return g.rest.get(f"{RULES}/{id}")["statistics"]

    def test_first_rule_answers_and_stops(self):
        g = self.linked()
        low = self.rule(g, match="any", replies=["I do not understand."], priority=-10)
        price = self.rule(g, name="prices", patterns=["price", "preço"], replies=["Hello {{first_name}}, 10 EUR."],
                          quote=True, react="👍")
        self.sandbox.say(self.layla, "What is the PRECO?")
        self.until_texts(self.layla, ["Hello Layla, 10 EUR."])
        m = until(lambda: [m for m in self.sandbox.messages(self.layla) if m.get("marks")], what="the reaction")
        self.assertIn("👍", str(m[0]["marks"]))
        self.assertEqual(self.sandbox.received(self.layla)[0]["quoted_id"], m[0]["id"])
        fired = g.event("autoreply.fired")
        self.assertEqual((fired["data"]["rule"], fired["data"]["name"]), (price, "prices"))
        self.sandbox.say(self.omar, "??")
        self.until_texts(self.omar, ["I do not understand."])
        self.assertEqual([self.stats(g, x)["fired"] for x in (low, price)], [1, 1])
        self.assertTrue(self.stats(g, price)["last_fired"])
        listed = g.rest.get(RULES)["rules"]
        self.assertEqual([r["id"] for r in listed], [price, low])
        page = g.rest.get(RULES + "?limit=1")
        self.assertEqual([r["id"] for r in g.rest.get(f"{RULES}?limit=1&cursor={page['next']}")["rules"]], [low])
        g.rest.patch(f"{RULES}/{low}", {"enabled": False})
        g.rest.delete(f"{RULES}/{price}")
        self.sandbox.say(self.layla, "price")
        self.sandbox.say(self.layla, "anything")
        done = g.send(self.layla, "fence", wait="delivered")["id"]
        self.assertTrue(done)
        self.assertEqual(self.texts(self.layla), ["Hello Layla, 10 EUR.", "fence"])
        data = b"".join(f.read_bytes() for f in g.data.rglob("*") if f.is_file())
        self.assertFalse(b"I do not understand" in data, "a rule is legible")

    def test_conditions(self):
        g = self.linked()
        once = self.rule(g, patterns="hours", replies=["9 to 5"], cooldown_chat_s=3600)
        self.rule(g, patterns="hours", replies=["never"], allow=[self.omar], deny=[self.omar])
        night = self.rule(g, patterns="late", replies=["closed"], hours="always", outside_hours=True)
        for text in ("hours", "hours", "late"):
            self.sandbox.say(self.layla, text)
        e = g.event("autoreply.suppressed", lambda e: e["data"]["rules"][0]["rule"] == once)
        self.assertEqual(e["data"]["rules"][0]["why"], "cooldown_chat")
        g.event("autoreply.suppressed", lambda e: e["data"]["rules"][0]["why"] == "hours")
        self.until_texts(self.layla, ["9 to 5"])        # the events may come before the answer has left
        self.assertEqual(self.stats(g, once)["suppressed"], {"cooldown_chat": 1})
        self.assertEqual(self.stats(g, night)["suppressed"], {"hours": 1})
        g.kill()
        g.start()
        self.sandbox.say(self.layla, "hours")       # a crash does not shorten it
        until(lambda: self.stats(g, once)["suppressed"] == {"cooldown_chat": 2})
        # another chat has its own cool-down; an opted-out person and a held chat get nothing
        self.sandbox.say(self.omar, "hours")
        self.until_texts(self.omar, ["9 to 5"])
        g.rest.patch(f"{RULES}/{once}", {"cooldown_chat_s": None})
        g.rest.call("PUT", f"/v1/sessions/shop/chats/+{self.layla}/hold", {"owner": "human"})
        self.sandbox.say(self.layla, "hours")
        g.event("autoreply.suppressed", lambda e: e["data"]["rules"][0]["why"] == "held")
        g.rest.delete(f"/v1/sessions/shop/chats/+{self.layla}/hold")
        g.rest.post(f"/v1/sessions/shop/contacts/+{self.layla}/consent", {"opted_out": True})
        self.sandbox.say(self.layla, "hours")
        g.event("autoreply.suppressed", lambda e: e["data"]["rules"][0]["why"] == "opted_out")
        self.assertEqual(self.texts(self.layla), ["9 to 5"])

    def test_groups(self):
        g = self.linked()
        self.rule(g, match="any", replies=["private"])
        self.rule(g, match="any", scope="groups", mentioned=True, replies=["you called, {{name}}?"])
        made = self.sandbox.rest.post("/groups", {"by": self.layla, "subject": "Friends", "members": [SHOP, self.omar]})
        g.event("group.created", lambda e: e["data"]["group"] == made["jid"])
        say = lambda **kw: self.sandbox.rest.post(f"/groups/{made['id']}/messages", {"from": self.omar, **kw})
        say(text="just talking")
        say(content={"kind": "text", "text": "hey @shop", "mentions": [f"{SHOP}@s.whatsapp.net"]})
        heard = lambda: [m["text"] for m in self.sandbox.messages(self.layla, made["id"])]
        until(lambda: "you called, Omar?" in heard(), what="the group's answer")
        self.assertEqual(heard(), ["just talking", "hey @shop", "you called, Omar?"])

    def test_delay_typing_parts(self):
        g = self.linked()
        self.rule(g, match="exact", patterns="menu", typing_ms=700, delay_ms=[100, 200], replies=[{"parts": [
            {"text": "First"}, {"content": {"kind": "location", "latitude": 48.1, "longitude": 11.5, "name": "Shop"}},
            {"text": "Third {{chat_name}}"}]}])
        self.sandbox.say(self.layla, "menu")
        until(lambda: self.sandbox.get(self.layla).get("typing") or self.texts(self.layla), what="an answer")
        until(lambda: len(self.sandbox.received(self.layla)) == 3, what="three parts")
        got = self.sandbox.received(self.layla)
        self.assertEqual([m["text"] for m in got][::2], ["First", "Third Layla Hassan"])
        self.assertEqual(got[1]["content"]["kind"], "location")

    def test_welcome_once(self):
        g = self.linked()
        id = self.rule(g, match="any", first_contact=True, replies=["Welcome, {{name}}!"], stop=False)
        self.sandbox.say(self.layla, "hi")
        self.sandbox.say(self.layla, "hello?")
        self.until_texts(self.layla, ["Welcome, Layla Hassan!"])
        until(lambda: self.stats(g, id)["suppressed"] == {"not_first_contact": 1})
        g.send(self.omar, "we write first", wait="delivered")
        self.sandbox.say(self.omar, "hi")
        until(lambda: self.stats(g, id)["suppressed"] == {"not_first_contact": 2})
        self.assertEqual(self.texts(self.omar), ["we write first"])

    def test_two_programs_do_not_talk_for_ever(self):
        g = self.linked({"max_per_minute": 5})
        self.rule(g, match="any", replies=["I am a robot."])
        self.sandbox.rule(self.layla, match="any", text="", reply="So am I.")
        self.sandbox.say(self.layla, "hello")
        e = g.event("autoreply.paused")
        self.assertEqual(e["data"]["answers_in_a_minute"], 5)
        pauses = g.rest.get("/v1/autoreply/pauses")["pauses"]
        self.assertEqual(len(pauses), 1)
        self.assertEqual(pauses[0]["until"], e["data"]["until"])
        self.until_texts(self.layla, ["I am a robot."] * 5)
        self.sandbox.say(self.omar, "another chat goes on")
        self.until_texts(self.omar, ["I am a robot."])
        self.sandbox.rest.call("DELETE", f"/accounts/{self.layla}/rules")
        g.rest.delete(f"/v1/autoreply/pauses/shop/+{self.layla}")
        self.sandbox.say(self.layla, "sorry")
        self.until_texts(self.layla, ["I am a robot."] * 6)

    def test_downtime_floods_nobody(self):
        g = self.linked({"max_age_s": 2})
        id = self.rule(g, patterns="anyone", replies=["yes"])
        g.stop()
        for i in range(5):
            self.sandbox.say(self.layla, f"anyone {i}")
        at = threading.Event()
        until(lambda: at.wait(0.5) or all(m["status"] for m in self.sandbox.messages(self.layla)))
        at.wait(2.5)        # they become old
        g.start()
        until(lambda: self.stats(g, id)["suppressed"] == {"too_old": 5}, what="five old ones")
        self.sandbox.say(self.layla, "anyone now")
        self.until_texts(self.layla, ["yes"])

    def test_dry_run(self):
        g = self.linked()
        a = self.rule(g, name="order", match="regex", patterns=[r"order (?P<no>\d+)"], replies=["Order {{group.no}}"])
        b = self.rule(g, name="hours", patterns="order", hours="mon-fri 09:00-17:00", zone="Europe/Berlin",
                      replies=["later"], priority=5)
        ask = lambda **kw: g.rest.post("/v1/autoreply/test", {"session": "shop", "chat": f"+{self.layla}", **kw})
        got = ask(text="my ORDER 77", time="2026-11-22T12:00:00Z")      # a Sunday
        self.assertEqual(got["fires"], [a])
        by = {r["rule"]: r for r in got["rules"]}
        self.assertEqual((by[b]["why"], by[b]["matches"], by[b]["fires"]), ("hours", True, False))
        self.assertEqual(by[a]["groups"]["no"], "77")
        self.assertEqual(by[a]["replies"][0]["parts"][0]["text"], "Order 77")
        got = ask(text="order 5", time="2026-11-23T12:00:00Z")
        self.assertEqual(got["fires"], [b])
        self.assertEqual({r["rule"]: r["why"] for r in got["rules"]}[a], "stopped_by_earlier_rule")
        self.assertEqual({r["why"] for r in ask(text="hello")["rules"]}, {"text"})
        got = ask(text="x", rule={"match": "any", "deny": [self.layla], "replies": ["y"]})
        self.assertEqual([r["why"] for r in got["rules"]], ["denied"])
        for bad in ({"chat": "nobody"}, {"time": "soon"}, {"surprise": 1}):
            with self.assertRaises(ApiError) as e:
                ask(**bad)
            self.assertEqual(e.exception.status, 422)
        self.assertEqual(self.texts(self.layla), [])
        with self.assertRaises(ApiError) as e:
            self.rule(g, match="regex", patterns="a(b", replies=["x"])
        self.assertIn("missing )", e.exception.body["detail"])
        self.assertEqual(g.stop(), 0)

    def test_export_import(self):
        g = self.linked()
        self.rule(g, name="one", patterns="one", replies=["1"])
        self.rule(g, name="two", patterns="two", replies=["2"], priority=3)
        doc = g.rest.get("/v1/autoreply/export")
        self.assertEqual(g.rest.post("/v1/autoreply/import", {**doc, "replace": True}), {"imported": 2})
        self.assertEqual(g.rest.get("/v1/autoreply/export"), doc)
        self.assertEqual(g.rest.post("/v1/autoreply/import", {"session": "shop", "data": [
            {"id": "cm1", "keyword": "Harga", "response": "Rp 10.000", "matchType": "STARTS_WITH",
             "triggerType": "PRIVATE", "isMedia": False, "mediaUrl": None, "mediaType": None}]}), {"imported": 1})
        with self.assertRaises(ApiError) as e:
            g.rest.post("/v1/autoreply/import", {"rules": [{"patterns": "x", "replies": ["y"]}, {"patterns": "x"}]})
        self.assertIn("rules[1]", e.exception.body["detail"])
        g.kill()
        g.start()
        self.assertEqual(len(g.rest.get(RULES)["rules"]), 3)
        self.sandbox.say(self.layla, "harga berapa?")
        self.until_texts(self.layla, ["Rp 10.000"])
        self.assertEqual(g.stop(), 0)

    def test_settings_of_a_session(self):
        g = self.linked()
        with self.assertRaises(ApiError) as e:
            g.rest.call("PUT", "/v1/autoreply/sessions/nowhere", {})
        self.assertEqual(e.exception.status, 404)
        for bad in ({"bot": {"prefix": " "}}, {"bot": {"access": "some"}}, {"bot": {"people": ["x"]}}, {"surprise": 1}):
            with self.assertRaises(ApiError) as e:
                g.rest.call("PUT", "/v1/autoreply/sessions/shop", bad)
            self.assertEqual(e.exception.status, 422)
        made = g.rest.call("PUT", "/v1/autoreply/sessions/shop", {"bot": {"prefix": "!"}})
        g.kill()
        g.start()
        self.assertEqual(g.rest.get("/v1/autoreply/sessions")["sessions"], [made])
        g.rest.delete("/v1/sessions/shop")      # and with the session they go
        until(lambda: g.rest.get("/v1/autoreply/sessions")["sessions"] == [])


class Files(Case):
    def setUp(self):
        super().setUp()
        self.layla = self.sandbox.account(LAYLA, "Layla Hassan")
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                if self.path == "/slow.png":
                    outer.gate.wait(30)
                ok = self.path in ("/price.png", "/slow.png")
                body = png(60, 40) if ok else b""
                self.send_response(200 if ok else 404)
                self.send_header("Content-Type", "image/png")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.asked = 0
        self.gate = threading.Event()
        self.addCleanup(self.gate.set)
        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass        # a gateway that is killed leaves broken connections

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def linked(self):
        trust = {"media_private": True, "ca_file": self.sandbox.rest.get("/media")["ca_file"]}
        return super().linked(whatsapp=trust, plugins={"enabled": ["autoreply"]})

    def test_a_file_from_an_address(self):
        g = self.linked()
        g.rest.post(RULES, {"patterns": "price", "replies": [{"parts": [
            {"media": {"url": self.url + "/price.png"}, "text": "for {{name}}"}, {"text": "anything else?"}]}]})
        g.rest.post(RULES, {"patterns": "broken", "replies": [{"media": {"url": self.url + "/gone"}, "text": "words"}]})
        for i in range(2):
            self.sandbox.say(self.layla, "price")
            until(lambda: len(self.sandbox.received(self.layla)) == 2 * i + 2, what="picture and text")
        got = self.sandbox.received(self.layla)
        self.assertEqual([m["text"] for m in got], ["for Layla Hassan", "anything else?"] * 2)
        self.assertEqual(got[0]["content"]["kind"], "image")
        self.assertEqual(self.asked, 1)      # the second time it is known
        self.sandbox.say(self.layla, "broken")
        e = g.event("autoreply.failed")
        self.assertIn("words", [m["text"] for m in until(
            lambda: self.sandbox.received(self.layla)[4:], what="the caption alone")], e)

    def test_killed_while_fetching(self):
        g = self.linked()
        id = g.rest.post(RULES, {"patterns": "slow", "replies": [{"media": {"url": self.url + "/slow.png"},
                                                                  "text": "picture"}]})["id"]
        self.sandbox.say(self.layla, "slow")
        for asked in range(2):
            until(lambda: self.asked > asked, what="a request for the picture")
            g.kill()
            g.start()
        self.gate.set()
        until(lambda: self.sandbox.received(self.layla), what="the picture")
        g.kill()
        g.start()
        g.send(self.layla, "fence", wait="delivered")
        self.assertEqual([(m["kind"], m["text"]) for m in self.sandbox.received(self.layla)],
                         [("image", "picture"), ("text", "fence")])
        self.assertEqual(g.rest.get(f"{RULES}/{id}")["statistics"]["fired"], 1)

    def test_bot(self):
        g = self.linked()
        g.rest.post(RULES, {"match": "any", "replies": ["a rule"]})
        put = lambda **bot: g.rest.call("PUT", "/v1/autoreply/sessions/shop",
                                        {"auto_read": True, "always_online": True, "bot": bot})
        put(name="Robo", access="all", ping={"names": ["ping", "hallo"]}, uptime={"enabled": False})
        for text in ("#ping", "# HALLO", "#id", "#menu", "#uptime"):
            self.sandbox.say(self.layla, text)
        got = until(lambda: (lambda m: m if len(m) == 5 else None)(self.sandbox.received(self.layla)), what="five answers")
        self.assertEqual([m["text"] for m in got][:2], ["Pong! 🏓"] * 2)
        self.assertIn(f"{self.layla}@s.whatsapp.net", got[2]["text"])
        self.assertTrue(got[3]["text"].startswith("Robo"))
        self.assertNotIn("uptime", got[3]["text"])
        self.assertEqual(got[4]["text"], "a rule")
        until(lambda: all(m["status"] == "read" for m in self.sandbox.messages(self.layla) if m["from_me"]), what="blue ticks")
        file = self.sandbox.rest.post("/media", {"base64": base64.b64encode(png(80, 60)).decode(), "type": "image",
                                                 "mimetype": "image/png"})["id"]
        picture = self.sandbox.rest.post(f"/accounts/{self.layla}/messages", {"to": SHOP, "content": {
            "kind": "image", "media": {"id": file}, "text": "#stiker"}})["id"]
        until(lambda: self.sandbox.received(self.layla)[5:], what="a sticker")
        self.assertEqual(self.sandbox.received(self.layla)[5]["content"]["kind"], "sticker")
        until(lambda: any("✅" in str(m.get("marks")) for m in self.sandbox.messages(self.layla)), what="a tick")
        self.sandbox.say(self.layla, "#s", quote=picture)
        until(lambda: self.sandbox.received(self.layla)[6:], what="another one")
        self.assertEqual(self.sandbox.received(self.layla)[6]["content"]["kind"], "sticker")
        put(access="owner")
        self.sandbox.say(self.layla, "#ping")
        until(lambda: self.sandbox.received(self.layla)[7:], what="an answer of the rule")
        self.assertEqual(self.sandbox.received(self.layla)[7]["text"], "a rule")
        self.sandbox.say(SHOP, "#ping", to=self.layla)      # the owner, from the phone
        until(lambda: "Pong! 🏓" in [m["text"] for m in self.sandbox.received(self.layla)[8:]], what="the owner's pong")
        self.assertEqual(g.stop(), 0)


class Kills(Case):
    def test_each_event_is_answered_once(self):
        """kill -9 again and again while people write."""
        people = [self.sandbox.account(phone(310 + i), f"P{i}") for i in range(8)]
        g = self.linked(plugins={"enabled": ["autoreply"], "autoreply": {"max_per_minute": 1000}})
        id = g.rest.post(RULES, {"match": "regex", "patterns": [r"^n(\d+)$"], "replies": ["got {{group.1}}"],
                                 "delay_ms": [0, 50]})["id"]
        each = 12
        for i in range(each):
            for p in people:
                self.sandbox.say(p, f"n{i}")
            if i % 3 == 2:
                g.kill()
                g.start()
        for p in people:
            until(lambda: len(self.sandbox.received(p)) >= each, 60, f"{each} answers for {p}")
        g.kill()
        g.start()
        until(lambda: g.rest.get(f"{RULES}/{id}")["statistics"]["fired"] == each * len(people))
        for p in people:
            g.send(p, "fence", wait="delivered")
            got = [m["text"] for m in self.sandbox.received(p)]
            self.assertEqual(sorted(got), sorted([f"got {i}" for i in range(each)] + ["fence"]))


if __name__ == "__main__":
    unittest.main()
