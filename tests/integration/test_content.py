# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of message, out and in; what people do with them; menus and their answers; previews."""
import base64
import http.server
import struct
import threading
import unittest
import zlib

from harness import SHOP, ApiError, Case, phone, until

CONTENTS = [
    {"kind": "location", "latitude": 24.7136, "longitude": 46.6753, "name": "The shop", "address": "King Fahd Rd"},
    {"kind": "live_location", "latitude": 24.5, "longitude": 46.25, "accuracy_m": 12, "text": "on my way"},
    {"kind": "contact", "contacts": [{"name": "Layla Hassan", "phone": "+12025550123"}]},
    {"kind": "contact", "name": "Two of us", "contacts": [{"name": "A B", "phone": "+12025550124"},
                                                          {"name": "C D", "phone": "+12025550125"}]},
    {"kind": "poll", "name": "Which colour?", "options": ["Red", "Blue", "Green"], "selectable": 1},
    {"kind": "poll", "name": "Toppings", "options": ["Cheese", "Olives"]},
    {"kind": "event", "name": "Opening", "description": "Come by", "start": "2027-01-05T18:00:00.000Z",
     "end": "2027-01-05T20:00:00.000Z", "location": {"latitude": 1.5, "longitude": 2.5, "name": "Here"}},
    {"kind": "group_invite", "group": "120363000000000001@g.us", "code": "AbCdEf", "name": "Friends",
     "caption": "Join us", "expires": "2027-01-05T18:00:00.000Z"},
    {"kind": "text", "text": "for all of you @12025550123", "mentions": ["12025550123@s.whatsapp.net"]},
]


def png(side):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((x * 3 % 256, y * 5 % 256, 90)[i] for x in range(side) for i in range(3)) for y in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


PNG = png(200)


def says(got, want, where=""):
    """Every member of `want` is in `got`; numbers with a little room, as floats travel."""
    if isinstance(want, dict):
        return isinstance(got, dict) and all(says(got.get(k), v, f"{where}.{k}") for k, v in want.items())
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(says(a, b, where) for a, b in zip(got, want))
    if isinstance(want, float):
        return abs(got - want) < 1e-6
    return got == want


def shown(content):
    """What comes out when this goes in: a card is made of a name and a number."""
    if content["kind"] != "contact":
        return content
    return {**content, "contacts": [{"name": c["name"], "phone": c["phone"]} for c in content["contacts"]]}


class Kinds(Case):
    def say(self, customer, content):
        return self.sandbox.rest.post(f"/accounts/{customer}/messages", {"to": SHOP, "content": content})["id"]

    def test_out(self):
        g = self.linked()
        customer = self.sandbox.account(phone(1))
        for content in CONTENTS:
            m = g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{customer}", "content": content})
            got = self.sandbox.received(customer)[-1]
            self.assertTrue(says(got["content"], shown(content)), (got["content"], content))
            self.assertTrue(says(m["content"], shown(content)), (m["content"], content))
            self.assertEqual(m["kind"], content["kind"])
            raw = g.rest.get(f"/v1/messages/{m['id']}/raw")
            self.assertTrue(raw["base64"])

    def test_in(self):
        g = self.linked()
        customer = self.sandbox.account(phone(2))
        for content in CONTENTS:
            id = self.say(customer, content)
            e = g.event("message.received", lambda e: e["data"]["wa_id"] == id)
            self.assertEqual(e["data"]["kind"], content["kind"])
            self.assertTrue(says(e["data"]["content"], shown(content)), (e["data"]["content"], content))
            stored = g.message(e["subject"])
            self.assertEqual(stored["content"], e["data"]["content"])

    def test_what_cannot_be_said(self):
        g = self.linked()
        to = f"+{self.sandbox.account(phone(3))}"
        for body, word in (({"content": {"kind": "location", "latitude": 1}}, "longitude"),
                           ({"content": {"kind": "location", "latitude": 91, "longitude": 0}}, "latitude"),
                           ({"content": {"kind": "poll", "name": "x", "options": ["a", "a"]}}, "options"),
                           ({"content": {"kind": "poll", "name": "x", "options": ["a"], "colour": 1}}, "colour"),
                           ({"content": {"kind": "nothing"}}, "kind"),
                           ({"content": {"kind": "image"}}, "media"),
                           ({"text": "a", "content": {"kind": "text", "text": "b"}}, "exactly one"),
                           ({}, "exactly one"), ({"text": "a", "render": "poll"}, "render")):
            with self.assertRaises(ApiError) as e:
                g.rest.post("/v1/messages", {"session": "shop", "to": to, **body})
            self.assertEqual(e.exception.status, 422, body)
            self.assertIn(word, str(e.exception.body))


class Acts(Case):
    def setUp(self):
        super().setUp()
        self.g = self.linked()
        self.customer = self.sandbox.account(phone(10))

    def out(self, **body):
        return self.g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{self.customer}", **body})

    def say(self, content):
        return self.sandbox.rest.post(f"/accounts/{self.customer}/messages", {"to": SHOP, "content": content})["id"]

    def shown(self, wa_id):
        return next(m for m in self.sandbox.messages(self.customer) if m["id"] == wa_id)

    def test_poll(self):
        m = self.out(content={"kind": "poll", "name": "Colour?", "options": ["Red", "Blue"], "selectable": 1})
        for choice in ("Red", "Blue"):
            self.say({"kind": "poll_vote", "target": {"id": m["wa_id"]}, "options": [choice]})
            e = self.g.event("message.poll_vote", lambda e: e["data"].get("options") == [choice])
            self.assertEqual(e["subject"], m["id"])
            self.assertEqual([o["votes"] for o in e["data"]["tally"]], [int(choice == "Red"), int(choice == "Blue")])
        tally = self.g.message(m["id"])["tally"]
        self.assertEqual([(o["option"], o["votes"]) for o in tally], [("Red", 0), ("Blue", 1)])
        self.assertEqual(tally[1]["voters"][0]["phone"], f"+{self.customer}")
        self.say({"kind": "poll_vote", "target": {"id": m["wa_id"]}, "options": []})
        until(lambda: self.g.message(m["id"])["tally"][1]["votes"] == 0, what="the vote to be taken back")

    def test_our_vote(self):
        id = self.say({"kind": "poll", "name": "Colour?", "options": ["Red", "Blue"], "selectable": 1})
        poll = self.g.event("message.received", lambda e: e["data"]["wa_id"] == id)["subject"]
        with self.assertRaises(ApiError) as e:
            self.g.rest.post(f"/v1/messages/{poll}/vote", {"options": ["Green"]})
        self.assertEqual(e.exception.status, 422)
        self.g.rest.post(f"/v1/messages/{poll}/vote?wait=server", {"options": ["Blue"]})
        marks = until(lambda: self.shown(id).get("marks"), what="our vote on the phone")
        self.assertEqual([(m["kind"], m["options"]) for m in marks], [("vote", ["Blue"])])
        self.assertEqual([o["votes"] for o in self.g.message(poll)["tally"]], [0, 1])

    def test_event(self):
        m = self.out(content={"kind": "event", "name": "Opening", "start": "2027-01-05T18:00:00.000Z"})
        self.say({"kind": "event_answer", "target": {"id": m["wa_id"]}, "answer": "yes", "guests": 2})
        e = self.g.event("message.event_answer")
        self.assertEqual((e["subject"], e["data"]["answer"], e["data"]["guests"]), (m["id"], "yes", 2))
        self.assertEqual(self.g.message(m["id"])["answers"][0]["answer"], "yes")
        id = self.say({"kind": "event", "name": "Party", "start": "2027-01-05T18:00:00.000Z"})
        theirs = self.g.event("message.received", lambda e: e["data"]["wa_id"] == id)["subject"]
        self.g.rest.post(f"/v1/messages/{theirs}/answer?wait=server", {"answer": "maybe"})
        marks = until(lambda: self.shown(id).get("marks"), what="our answer")
        self.assertEqual(marks[0]["answer"], "maybe")

    def test_reactions(self):
        m = self.out(text="hello")
        self.say({"kind": "reaction", "target": {"id": m["wa_id"]}, "text": "\u2764"})
        e = self.g.event("message.reaction")
        self.assertEqual((e["subject"], e["data"]["text"]), (m["id"], "\u2764"))
        self.assertEqual([r["text"] for r in self.g.message(m["id"])["reactions"]], ["\u2764"])
        self.say({"kind": "reaction", "target": {"id": m["wa_id"]}, "text": ""})
        until(lambda: "reactions" not in self.g.message(m["id"]), what="the reaction to be taken back")
        id = self.say({"kind": "text", "text": "hi"})
        theirs = self.g.event("message.received", lambda e: e["data"]["wa_id"] == id)["subject"]
        self.g.rest.post(f"/v1/messages/{theirs}/react?wait=server", {"emoji": "\U0001f44d"})
        marks = until(lambda: self.shown(id).get("marks"), what="our reaction")
        self.assertEqual(marks[0]["text"], "\U0001f44d")
        self.assertEqual([r["from_me"] for r in self.g.message(theirs)["reactions"]], [True])

    def test_edit_and_delete(self):
        m = self.out(text="It costs 10")
        self.g.rest.patch(f"/v1/messages/{m['id']}", {"text": "It costs 11"})
        until(lambda: self.shown(m["wa_id"])["text"] == "It costs 11", what="the edit on the phone")
        now = until(lambda: (lambda x: x if x["text"] == "It costs 11" else None)(self.g.message(m["id"])))
        self.assertEqual([v["text"] for v in now["edits"]], ["It costs 10"])
        self.g.rest.delete(f"/v1/messages/{m['id']}")
        until(lambda: self.shown(m["wa_id"])["kind"] == "revoked", what="the deletion on the phone")
        until(lambda: "revoked" in self.g.message(m["id"]), what="the deletion here")
        id = self.say({"kind": "text", "text": "2 pieces"})
        theirs = self.g.event("message.received", lambda e: e["data"]["wa_id"] == id)["subject"]
        for what in (lambda: self.g.rest.patch(f"/v1/messages/{theirs}", {"text": "3 pieces"}),
                     lambda: self.g.rest.delete(f"/v1/messages/{theirs}")):
            with self.assertRaises(ApiError) as e:
                what()
            self.assertEqual(e.exception.status, 403)
        self.say({"kind": "edit", "target": {"id": id}, "text": "3 pieces"})
        self.g.event("message.edited", lambda e: e["subject"] == theirs)
        self.assertEqual(self.g.message(theirs)["text"], "3 pieces")
        self.say({"kind": "revoke", "target": {"id": id}})
        self.g.event("message.revoked", lambda e: e["subject"] == theirs)
        # acts are not messages of the chat
        self.assertEqual({x["kind"] for x in self.g.rest.get("/v1/messages?session=shop")["messages"]}, {"text"})

    def test_pin_and_forward_and_reply(self):
        id = self.say({"kind": "location", "latitude": 1.5, "longitude": 2.5, "name": "Home"})
        theirs = self.g.event("message.received", lambda e: e["data"]["wa_id"] == id)["subject"]
        self.g.rest.post(f"/v1/messages/{theirs}/pin?wait=server", {"duration_s": 86400})
        until(lambda: any(m["kind"] == "pin" for m in self.shown(id).get("marks", [])), what="the pin")
        self.assertEqual(self.g.message(theirs)["pinned"]["duration_s"], 86400)
        self.g.rest.post(f"/v1/messages/{theirs}/pin?wait=server", {"on": False})
        until(lambda: "pinned" not in self.g.message(theirs), what="the pin to go")
        other = self.sandbox.account(phone(11))
        self.g.rest.post(f"/v1/messages/{theirs}/forward?wait=delivered", {"to": f"+{other}"})
        got = self.sandbox.received(other)[-1]["content"]
        self.assertTrue(got["forwarded"])
        self.assertEqual(got["name"], "Home")
        self.out(text="I see", reply_to=theirs)
        self.assertEqual(self.sandbox.received(self.customer)[-1]["quoted_id"], id)

    def test_timer(self):
        self.g.rest.call("PUT", f"/v1/sessions/shop/chats/+{self.customer}/timer", {"expires_s": 86400})
        self.g.event("chat.timer", lambda e: e["data"]["expires_s"] == 86400)
        self.out(text="soon gone")
        self.assertEqual(self.sandbox.received(self.customer)[-1]["content"]["expires_s"], 86400)
        self.say({"kind": "timer", "expires_s": 0})
        self.g.event("chat.timer", lambda e: e["data"]["expires_s"] == 0)
        self.out(text="stays")
        self.assertNotIn("content", self.sandbox.received(self.customer)[-1])

    def test_repeated_requests(self):
        m = self.out(text="hello")
        head = {"Idempotency-Key": "react-1"}
        first = self.g.rest.post(f"/v1/messages/{m['id']}/react", {"emoji": "x"}, headers=head)
        again = self.g.rest.post(f"/v1/messages/{m['id']}/react", {"emoji": "x"}, headers=head)
        self.assertEqual(first["id"], again["id"])


class Menus(Case):
    MENU = {"body": "Your order?", "title": "Shop", "footer": "reply any time",
            "buttons": [{"id": "yes", "text": "Confirm"}, {"id": "no", "text": "Cancel"}]}

    def test_as_poll(self):
        g = self.linked()
        customer = self.sandbox.account(phone(20))
        m = g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{customer}", "menu": self.MENU})
        self.assertEqual(m["content"]["rendered_as"], "poll")
        got = self.sandbox.received(customer)[-1]
        self.assertEqual((got["kind"], got["content"]["options"]), ("poll", ["Confirm", "Cancel"]))
        g.stop()
        g.start()       # the mapping survives
        g.until_status("connected")
        self.sandbox.rest.post(f"/accounts/{customer}/messages", {"to": SHOP, "content": {
            "kind": "poll_vote", "target": {"id": m["wa_id"]}, "options": ["Cancel"]}})
        e = g.event("menu.answered")
        self.assertEqual(e["subject"], m["id"])
        self.assertEqual(e["data"]["answer"], {"id": "no", "text": "Cancel", "number": 2, "via": "poll"})

    def test_as_text(self):
        g = self.linked()
        customer = self.sandbox.account(phone(21))
        for answer, id in (("2", "no"), ("confirm", "yes"), ("Cancel", "no")):
            m = g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{customer}", "menu": self.MENU,
                                                            "render": "text"})
            self.assertEqual(m["content"]["rendered_as"], "text")
            got = self.sandbox.received(customer)[-1]
            self.assertEqual(got["kind"], "text")
            self.assertIn("1. Confirm", got["text"])
            self.assertIn("2. Cancel", got["text"])
            self.sandbox.say(customer, "wait a minute")
            self.sandbox.say(customer, answer)
            e = g.event("menu.answered", lambda e: e["subject"] == m["id"])
            self.assertEqual((e["data"]["answer"]["id"], e["data"]["answer"]["via"]), (id, "text"))
        self.sandbox.say(customer, "2")     # answers nothing any more
        g.event("message.received", lambda e: e["data"]["text"] == "2")
        self.sandbox.say(customer, "bye")
        g.event("message.received", lambda e: e["data"]["text"] == "bye")
        self.assertEqual(len(g.events(kinds="menu.answered")), 3)

    def test_natively(self):
        g = self.linked()
        customer = self.sandbox.account(phone(22))
        m = g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{customer}", "menu": self.MENU,
                                                        "render": "native"})
        self.assertEqual(m["content"]["rendered_as"], "native")
        self.assertEqual(self.sandbox.received(customer)[-1]["kind"], "menu")
        self.sandbox.rest.post(f"/accounts/{customer}/messages", {"to": SHOP, "content": {
            "kind": "choice", "id": "yes", "title": "Confirm", "form": "buttons", "quoted": {"id": m["wa_id"]}}})
        e = g.event("menu.answered")
        self.assertEqual((e["data"]["answer"]["id"], e["data"]["answer"]["via"]), ("yes", "native"))


class Statuses(Case):
    def shown(self, customer):
        return [m for m in self.sandbox.rest.get(f"/accounts/{customer}/messages?limit=1000")["messages"]
                if m["chat"] == "status@broadcast"]

    def test_shown_to_an_audience_and_taken_back(self):
        g = self.linked()
        friend, stranger = self.sandbox.account(phone(40)), self.sandbox.account(phone(41))
        said = {"kind": "text", "text": "We are open", "background": "#1f7aec", "text_colour": "#ffffff", "font": 1}
        m = g.rest.post("/v1/sessions/shop/statuses?wait=server", {"content": said, "audience": [f"+{friend}"]})
        self.assertIn(m["status"], ("sent", "delivered"))
        got = until(lambda: self.shown(friend), what="the status on the friend's phone")
        self.assertTrue(says(got[0]["content"], said), got)
        self.assertEqual(self.shown(stranger), [])
        self.assertEqual([s["id"] for s in g.rest.get("/v1/sessions/shop/statuses")["statuses"]], [m["id"]])
        g.rest.delete(f"/v1/messages/{m['id']}")
        until(lambda: self.shown(friend)[0]["kind"] == "revoked", what="the status to go")
        # who wants nothing is shown nothing; an audience of nobody else is none
        out = f"/v1/sessions/shop/contacts/{stranger}/consent"
        g.rest.post(out, {"opted_out": True})
        m = g.rest.post("/v1/sessions/shop/statuses?wait=server", {"content": {**said, "text": "For friends"},
                                                                   "audience": [f"+{stranger}", f"+{friend}"]})
        until(lambda: [x for x in self.shown(friend) if x["text"] == "For friends"], what="the status for friends")
        self.assertEqual(self.shown(stranger), [])
        m = g.rest.post("/v1/sessions/shop/statuses", {"content": said, "audience": [f"+{stranger}"]})
        g.event("message.failed", lambda e: e["data"]["id"] == m["id"] and e["data"]["reason"] == "opted_out")
        for audience in ([], ["nobody"], "everybody"):
            with self.assertRaises(ApiError) as e:
                g.rest.post("/v1/sessions/shop/statuses", {"content": said, "audience": audience})
            self.assertEqual(e.exception.status, 422)


class Previews(Case):
    PAGE = b"""<html><head><title>plain</title><meta property="og:title" content="Blue &amp; soft">
<meta property=og:description content='A scarf'></head><body></body></html>"""

    def setUp(self):
        super().setUp()
        outer = self
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                if self.path == "/slow":
                    outer.go_on.wait(30)
                self.send_response(200)
                self.send_header("Content-Type", "image/png" if self.path == "/i.png" else "text/html; charset=utf-8")
                self.end_headers()
                try:
                    self.wfile.write(PNG if self.path == "/i.png" else outer.PAGE.replace(
                        b"</head>", b"<meta property=og:image content=/i.png></head>" if self.path == "/p" else b"</head>"))
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.go_on = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.go_on.set)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.customer = self.sandbox.account(phone(30))

    def send(self, g, text, **more):
        return g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{self.customer}", "text": text,
                                                           **more})

    def test_a_page(self):
        g = self.linked()
        for _ in range(2):      # the second time from memory
            self.send(g, f"look: {self.url}/a.", preview="auto")
            link = self.sandbox.received(self.customer)[-1]["content"]["link"]
            self.assertEqual((link["url"], link["title"], link["description"]), (f"{self.url}/a", "Blue & soft", "A scarf"))
        self.assertEqual(self.asked, ["/a"])
        self.send(g, f"look: {self.url}/b")      # nobody asked for it
        self.send(g, f"look: {self.url}/b", preview="none")
        self.send(g, f"look: {self.url}/b", preview={"title": "Mine"})
        self.assertEqual(self.sandbox.received(self.customer)[-1]["content"]["link"],
                         {"url": f"{self.url}/b", "title": "Mine"})
        self.assertEqual(self.asked, ["/a"])

    def test_its_picture(self):
        g = self.linked()
        self.send(g, f"look: {self.url}/p", preview="auto")
        link = self.sandbox.received(self.customer)[-1]["content"]["link"]
        self.assertEqual(link["title"], "Blue & soft")
        self.assertTrue(base64.b64decode(link["thumbnail"]).startswith(b"\xff\xd8"), link)     # JPEG
        self.assertEqual(self.asked, ["/p", "/i.png"])

    def test_a_page_that_does_not_come(self):
        g = self.linked()
        m = self.send(g, f"look: {self.url}/slow", preview="auto")
        self.assertEqual(m["status"], "delivered")
        self.assertEqual(self.sandbox.received(self.customer)[-1]["text"], f"look: {self.url}/slow")
        self.assertEqual(self.asked, ["/slow"])

    def test_the_inside_is_not_for_strangers(self):
        g = self.linked(network={})
        m = self.send(g, f"look: {self.url}/secret", preview="auto")
        self.assertEqual(m["status"], "delivered")
        self.assertEqual(self.asked, [])


if __name__ == "__main__":
    unittest.main()
