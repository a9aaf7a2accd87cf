# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped scripts: each switched on and set through REST in the real gateway, and what a customer sees of it."""
import http.server
import json
import threading
import unittest

from harness import SHOP, TOP, Case, Store, phone, until

LAYLA, OMAR, BOSS = phone(601), phone(602), phone(603)
NAMES = ["away", "consent", "faq", "keywords", "lead_capture", "menu", "order_status", "rating", "webhook_bot", "welcome"]


class Bot:
    """A program that answers: says(question) is (status, body)."""

    def __init__(self):
        self.asked, self.says = [], lambda q: (200, json.dumps({"text": "echo: " + q["text"]}))
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                q = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((dict(self.headers), q))
                status, body = outer.says(q)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/ask"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


class Shipped(Case):
    def setUp(self):
        super().setUp()
        self.layla = self.sandbox.account(LAYLA, "Layla Hassan")
        self.omar = self.sandbox.account(OMAR, "Omar")
        self.boss = self.sandbox.account(BOSS, "Boss")
        self.fences = 0
        self.g = self.linked(scripts={"shipped": TOP / "scripts"})

    def on(self, name, **settings):
        s = self.g.rest.patch(f"/v1/scripts/{name}", {"enabled": True, "settings": {"language": "en", **settings}})
        self.assertEqual((s["state"], s["error"]), ("running", None))

    def off(self, name):
        self.assertEqual(self.g.rest.patch(f"/v1/scripts/{name}", {"enabled": False})["state"], "off")

    def said(self, number, text, *want):
        """Says it; exactly these answers come, as texts or functions of them."""
        before = len(self.sandbox.received(number))
        self.sandbox.say(number, text)
        until(lambda: len(self.sandbox.received(number)) >= before + len(want), what=f"{len(want)} answers to {text!r}")
        got = [m["text"] for m in self.sandbox.received(number)[before:]]
        self.assertEqual(len(got), len(want), got)
        for g, w in zip(got, want):
            self.assertIn(w, g)

    def silent(self, number, text):
        """Nothing comes: a message sent when all handlers are done is the next one there."""
        before, seen = len(self.sandbox.received(number)), len(self.g.events(kinds="message.received"))
        self.sandbox.say(number, text)
        until(lambda: len(self.g.events(kinds="message.received")) > seen)
        until(lambda: all(s["stats"]["queued"] == 0 and s["stats"]["waiting"] == 0
                          for s in self.g.rest.get("/v1/scripts")["scripts"] if s["enabled"]))
        self.fences += 1
        self.g.send(number, f"fence {self.fences}", wait="delivered")
        self.assertEqual([m["text"] for m in self.sandbox.received(number)[before:]], [f"fence {self.fences}"])

    def test_all_are_there_and_off(self):
        scripts = {s["name"]: s for s in self.g.rest.get("/v1/scripts")["scripts"]}
        self.assertEqual(sorted(scripts), NAMES)
        page = (TOP / "scripts" / "shipped.md").read_text()
        for name, s in scripts.items():
            self.assertEqual((s["shipped"], s["enabled"], s["state"]), (True, False, "off"), name)
            # what can be set is known, and can be set, before it is switched on; the page has all of it
            self.assertTrue(s["summary"], name)
            section = page.split(f"`{name}`", 1)[1].split("\n| `", 1)[0]
            for d in s["declared"]:
                self.assertTrue(d.get("summary"), f"{name} {d['name']}")
                self.assertTrue(f"`{d['name']}`" in section or d["name"] in ("language", "groups", "at_most"),
                                f"{name}: shipped.md lacks {d['name']}")
            if any(d["name"] == "language" for d in s["declared"]):
                s = self.g.rest.patch(f"/v1/scripts/{name}", {"settings": {"language": "de"}})
                self.assertEqual((s["state"], s["settings"]["language"]), ("off", "de"))
            self.g.rest.patch(f"/v1/scripts/{name}", {"enabled": True})
            s = self.g.rest.get(f"/v1/scripts/{name}")
            self.assertEqual((s["state"], s["error"]), ("running", None), name)
        for number in (self.layla, self.omar):
            self.sandbox.say(number, "hello")
        until(lambda: self.sandbox.received(self.omar))
        for s in self.g.rest.get("/v1/scripts")["scripts"]:
            self.assertEqual((s["error"], s["stats"]["errors"]), (None, 0), s["name"])

    def test_answers(self):
        self.on("keywords", rules=["price = A pizza is 9 €, {name}."])
        self.said(self.layla, "What is the PRICE?", "A pizza is 9 €, Layla Hassan.")
        self.on("keywords", rules=["price = Now 10 €"])
        self.said(self.layla, "price", "Now 10 €")
        # what a person has the scripts leave alone
        self.g.rest.call("PUT", f"/v1/sessions/shop/chats/+{self.layla}/hold", {"owner": "human", "minutes": 5})
        self.silent(self.layla, "price")
        self.g.rest.delete(f"/v1/sessions/shop/chats/+{self.layla}/hold")
        self.on("faq", questions=["How long does delivery take = Two to four days."])
        self.said(self.layla, "how long does delivry take?", "Two to four days.")
        self.silent(self.layla, "who are you")
        self.off("keywords")
        self.silent(self.layla, "price")
        self.on("welcome", text="Good day, {name}!")
        self.said(self.omar, "hello", "Good day, Omar!")
        self.silent(self.omar, "hello again")

    def test_away_and_consent(self):
        self.on("away", hours="always")
        self.silent(self.layla, "anybody there?")
        self.on("away", hours="mon 00:00-00:01", text="Back on {when}.", format="%A")
        self.said(self.layla, "anybody there?", "Back on Monday.")
        self.silent(self.layla, "really?")
        self.off("away")
        self.on("keywords", rules=["ping = pong"])
        self.on("consent", bye="Bye.")
        self.said(self.layla, "Stop!", "Bye.")
        until(lambda: self.g.rest.get(f"/v1/sessions/shop/contacts/+{self.layla}")["opted_out"])
        handled = lambda: self.g.rest.get("/v1/scripts/keywords")["stats"]["calls"]  # noqa: E731
        before = handled()
        self.sandbox.say(self.layla, "ping")
        until(lambda: handled() > before, what="the rule to have been refused")
        self.said(self.layla, "START", "Welcome back")
        self.said(self.layla, "ping", "pong")
        self.assertNotIn("pong", [m["text"] for m in self.sandbox.received(self.layla)[:-1]])

    def test_conversations(self):
        self.on("menu", topics=["Delivery = Two days.", "A person = @person"], title="What about?")
        self.said(self.layla, "menu", "What about?")
        self.said(self.layla, "1", "Two days.")
        self.on("lead_capture", tell=f"+{self.boss}", wishes=[])
        self.said(self.layla, "offer", "What is your name?")
        self.said(self.layla, "Layla", "e-mail address, Layla")
        self.g.kill()           # nothing of it is lost
        self.g.start()
        self.g.until_status("connected")
        self.said(self.layla, "nonsense", "does not look like")
        self.said(self.layla, "layla@example.org", "Anything we should know?")
        self.said(self.layla, "no", "Thank you, Layla!")
        until(lambda: [m["text"] for m in self.sandbox.received(self.boss)] == ["Layla, layla@example.org: no"])
        rows = (self.g.data / "script-files" / "lead_capture" / "leads.csv").read_text().splitlines()
        self.assertEqual(len(rows), 2)
        self.assertIn('"Layla","layla@example.org"', rows[1])
        self.said(self.omar, "menu", "What about?")
        self.said(self.omar, "a person", "Somebody will write")
        self.silent(self.omar, "menu")

    def test_orders(self):
        self.on("order_status", words=["order"])
        self.on("rating", state="confirmed", after="1s", ask="Stars for {number}?", tell=f"+{self.boss}")
        store = Store(self.g)
        self.assertIn(store.order("1001", self.layla), (200, 202))
        store.until_state("1001", "sent", "delivered", "read")
        until(lambda: self.sandbox.received(self.layla))
        self.said(self.layla, "my order?", "Order 1001: waits for your confirmation.")
        self.said(self.omar, "order 1001", "no such order")
        self.on("order_status", words=["order"], prefixes=[""], text="{number} {state}", states=["confirmed = is on its way"])
        self.g.rest.post(f"/v1/orders/{store.find('1001')['id']}/confirm")
        store.until_state("1001", "confirmed")
        until(lambda: "Stars for 1001?" in [m["text"] for m in self.sandbox.received(self.layla)])
        self.said(self.layla, "2", "What went wrong?")
        self.said(self.layla, "late", "Thank you for telling us!")
        until(lambda: [m["text"] for m in self.sandbox.received(self.boss)] == ["Order 1001: 2. late"])
        self.said(self.layla, "order 1001", "1001 is on its way")

    def test_a_bot_answers(self):
        bot = Bot()
        self.addCleanup(bot.end)
        self.on("webhook_bot", url=bot.url, secret="s3cret")
        self.assertNotIn("s3cret", json.dumps(self.g.rest.get("/v1/scripts/webhook_bot")))
        self.said(self.layla, "How much?", "echo: How much?")
        headers, q = bot.asked[0]
        self.assertEqual((q["text"], q["name"], q["phone"], q["history"]), ("How much?", "Layla Hassan", f"+{self.layla}", []))
        self.assertRegex({k.lower(): v for k, v in headers.items()}["x-warbler-signature"], r"^sha256=[0-9a-f]{64}$")
        self.said(self.layla, "And two?", "echo: And two?")
        self.assertEqual([(h["own"], h["text"]) for h in bot.asked[1][1]["history"]],
                         [(False, "How much?"), (True, "echo: How much?")])
        bot.says = lambda q: (500, "")
        self.said(self.layla, "still there?", "cannot answer right now")
        self.silent(self.layla, "hello?")
        bot.says = lambda q: (200, json.dumps({"text": "I ask my boss.", "hand_over": True}))
        self.said(self.layla, "Refund me", "I ask my boss.")
        until(lambda: self.g.rest.get(f"/v1/sessions/shop/chats/+{self.layla}/hold").get("owner") == "human")
        self.silent(self.layla, "hello?")
        self.said(self.omar, "Human", "a person takes over")
        self.assertEqual(len(bot.asked), 5)


if __name__ == "__main__":
    unittest.main()
