# SPDX-License-Identifier: GPL-3.0-or-later
"""Idempotency-Key on every POST: the first answer again, and nothing done twice."""
import base64
import json
import re
import threading

from harness import SHOP, TOP, Case, phone, until

PNG = base64.b64encode(base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")).decode()

# Each has a test of its own for repeats, or cannot be asked for without a situation of its own.
ELSEWHERE = {
    "/v1/keys": "test_api: a repeat does not tell the key again",
    "/v1/sessions/{id}/passkey": "needs a passkey demanded",
    "/v1/sessions/{id}/passkey/confirm": "needs a passkey demanded",
    "/v1/sessions/{id}/export": "makes nothing; its bundle is no JSON and is not kept",
    "/v1/sessions/import": "needs a bundle: test_lifecycle",
    "/v1/messages/{id}/keep": "needs a disappearing message; as react",
    "/v1/sessions/{id}/statuses/{status}/view": "needs somebody's status; as read",
    "/v1/sessions/{id}/groups/{group}/requests": "needs a request; as participants",
}


def posts():
    """Paths with a POST in the API's description, plugins' left out."""
    found, path = [], None
    for line in (TOP / "core/api/openapi.yaml").read_text().splitlines():
        m = re.match(r"  (/\S+):$", line)
        path = m[1] if m else path
        if re.match(r"    post:", line):
            found.append(path)
    return found


class Idempotency(Case):
    def setUp(self):
        super().setUp()
        self.ann, self.bob = self.sandbox.account(phone(1)), self.sandbox.account(phone(2))
        self.sandbox.rest.patch(f"/accounts/{SHOP}/profile", {"business": {"products": []}})
        trust = {"media_private": True, "ca_file": self.sandbox.rest.get("/media")["ca_file"]}
        self.g = self.linked(whatsapp=trust)
        self.s = "/v1/sessions/shop"
        self.seen = set()

    def ask(self, path, body, key):
        status, text, head = self.g.rest.raw("POST", path, json.dumps(body), {
            "Content-Type": "application/json", "Idempotency-Key": key}, 70)
        head = {k.lower(): v for k, v in dict(head).items()}
        return status, json.loads(text) if text else None, "idempotent-replayed" in head

    def twice(self, pattern, path, body=None):
        """Asks twice; the answer."""
        with self.subTest(pattern):
            self.seen.add(pattern)
            key, body = f"k {pattern}", {} if body is None else body
            status, first, replayed = self.ask(path, body, key)
            self.assertIn(status // 100, (2,), (path, status, first))
            self.assertFalse(replayed)
            self.assertEqual(self.ask(path, body, key), (status, first, True))
            return first

    def received(self, to, text):
        self.sandbox.say(to, text)
        return self.g.event("message.received", lambda e: e["data"]["text"] == text)["data"]["id"]

    def test_every_post(self):
        g, s, twice = self.g, self.s, self.twice
        said = g.send(self.ann, "hello", wait="delivered")["id"]
        theirs = self.received(self.ann, "hello shop")
        chat = f"{self.ann}@s.whatsapp.net"

        # messages and what is done about them
        made = twice("/v1/messages", "/v1/messages", {"session": "shop", "to": f"+{self.ann}", "text": "once"})
        until(lambda: g.message(made["id"])["status"] == "delivered")
        self.assertEqual(len([m for m in self.sandbox.received(self.ann) if m["text"] == "once"]), 1)
        for act, body in (("react", {"emoji": "x"}), ("comment", {"text": "so"}), ("forward", {"to": f"+{self.bob}"}),
                          ("pin", {"duration_s": 86400}), ("star", {})):
            twice(f"/v1/messages/{{id}}/{act}", f"/v1/messages/{theirs}/{act}", body)
        until(lambda: len(self.sandbox.received(self.bob)) == 1)
        poll = self.sandbox.rest.post(f"/accounts/{self.ann}/messages", {"to": SHOP, "content": {
            "kind": "poll", "name": "Which?", "options": ["Red", "Blue"]}})["id"]
        poll = g.event("message.received", lambda e: e["data"]["wa_id"] == poll)["data"]["id"]
        twice("/v1/messages/{id}/vote", f"/v1/messages/{poll}/vote", {"options": ["Blue"]})
        event = self.sandbox.rest.post(f"/accounts/{self.ann}/messages", {"to": SHOP, "content": {
            "kind": "event", "name": "Fair", "start": "2027-01-05T18:00:00.000Z"}})["id"]
        event = g.event("message.received", lambda e: e["data"]["wa_id"] == event)["data"]["id"]
        twice("/v1/messages/{id}/answer", f"/v1/messages/{event}/answer", {"answer": "maybe"})
        self.sandbox.rest.post(f"/accounts/{self.ann}/history", {"chats": 1, "messages": 1})

        # chats, contacts, labels
        twice("/v1/sessions/{id}/contacts/{chat}/consent", f"{s}/contacts/{chat}/consent", {"opted_out": False})
        twice("/v1/sessions/{id}/chats/{chat}/read", f"{s}/chats/{chat}/read", {"messages": [theirs]})
        twice("/v1/sessions/{id}/chats/{chat}/state", f"{s}/chats/{chat}/state", {"state": "composing"})
        twice("/v1/sessions/{id}/chats/{chat}/history", f"{s}/chats/{chat}/history", {"count": 5})
        label = twice("/v1/sessions/{id}/labels", f"{s}/labels", {"name": "VIP"})
        self.assertEqual([x["name"] for x in g.rest.get(f"{s}/labels")["labels"]], ["VIP"], label)
        twice("/v1/sessions/{id}/quick-replies", f"{s}/quick-replies", {"shortcut": "ty", "text": "Thank you"})
        self.assertEqual(len(g.rest.get(f"{s}/quick-replies")["quick_replies"]), 1)
        twice("/v1/sessions/{id}/chats/{chat}/clear", f"{s}/chats/{chat}/clear")
        twice("/v1/sessions/{id}/sync", f"{s}/sync", {"full": True})
        twice("/v1/sessions/{id}/presence", f"{s}/presence", {"available": True})

        # groups, statuses, channels
        group = twice("/v1/sessions/{id}/groups", f"{s}/groups", {"subject": "Team", "participants": [f"+{self.ann}"]})
        self.assertEqual(len(self.sandbox.rest.get("/groups")["groups"]), 1)
        twice("/v1/sessions/{id}/groups/{group}/participants", f"{s}/groups/{group['jid']}/participants",
              {"action": "add", "participants": [f"+{self.bob}"]})
        code = twice("/v1/sessions/{id}/groups/{group}/invite", f"{s}/groups/{group['jid']}/invite")["code"]
        self.assertEqual(g.rest.get(f"{s}/groups/{group['jid']}/invite")["code"], code)
        other = self.sandbox.rest.post("/groups", {"by": self.ann, "subject": "Theirs", "members": [self.bob]})
        twice("/v1/sessions/{id}/invites", f"{s}/invites", {"code": other["invite"]})
        twice("/v1/sessions/{id}/groups/{group}/leave", f"{s}/groups/{group['jid']}/leave")
        twice("/v1/sessions/{id}/statuses", f"{s}/statuses", {"content": {"kind": "text", "text": "open"},
                                                              "audience": [f"+{self.ann}"]})
        channel = twice("/v1/sessions/{id}/channels", f"{s}/channels", {"name": "News"})
        self.assertEqual(len(self.sandbox.rest.get("/channels")["channels"]), 1)
        post = self.sandbox.rest.post(f"/channels/{channel['id'].split('@')[0]}/posts", {"number": SHOP, "text": "one"})
        for act, body in (("react", {"server_id": post["server_id"], "text": "x"}),
                          ("viewed", {"server_ids": [post["server_id"]]}), ("live", {})):
            twice(f"/v1/sessions/{{id}}/channels/{{channel}}/{act}", f"{s}/channels/{channel['id']}/{act}", body)

        # files, account, calls
        file = twice("/v1/media", "/v1/media", {"base64": PNG, "mimetype": "image/png"})
        twice("/v1/media/{id}/convert", f"/v1/media/{file['id']}/convert", {"as": "sticker"})
        link = twice("/v1/sessions/{id}/profile/link", f"{s}/profile/link")["code"]
        self.assertEqual(g.rest.get(f"{s}/profile/link")["code"], link)
        twice("/v1/sessions/{id}/products", f"{s}/products", {"name": "Hat", "price_1000": 1000, "currency": "EUR"})
        twice("/v1/sessions/{id}/check", f"{s}/check", {"numbers": [f"+{self.ann}"]})
        twice("/v1/sessions/{id}/call-links", f"{s}/call-links", {"video": True})
        call = self.sandbox.rest.post(f"/accounts/{self.ann}/call", {"to": SHOP})["call"]
        g.event("call.offer", lambda e: e["data"]["id"] == call)
        twice("/v1/sessions/{id}/calls/{call}/reject", f"{s}/calls/{call}/reject")
        twice("/v1/sessions/{id}/rotate-prekey", f"{s}/rotate-prekey")

        # rules, conversations, plugins
        asks = ("local wb = require 'warbler'\nlocal ask = wb.flow('ask', { steps = { { name = 'a', ask = 'Why?' } } })\n"
                "wb.on('message.received', { text = 'ask me' }, function(msg) ask:start(msg) end)")
        g.rest.call("PUT", "/v1/scripts/ask/source", {"source": asks})
        twice("/v1/scripts/{name}/check", "/v1/scripts/ask/check", {"source": asks})
        loaded = twice("/v1/scripts/{name}/reload", "/v1/scripts/ask/reload")["loaded"]
        self.assertEqual(g.rest.get("/v1/scripts/ask")["loaded"], loaded)
        self.sandbox.say(self.ann, "ask me")
        flow = until(lambda: g.rest.get("/v1/flows")["flows"], what="a flow")[0]["id"]
        twice("/v1/flows/{flow}/handover", f"/v1/flows/{flow}/handover")
        self.assertEqual(len(g.events(kinds="flow.ended")), 1)
        for act in ("load", "reload", "unload"):
            twice(f"/v1/plugins/{{name}}/{act}", f"/v1/plugins/retention/{act}")

        # sessions
        twice("/v1/sessions", "/v1/sessions", {"id": "other", "start": False})
        waiting = g.rest.post("/v1/messages", {"session": "other", "to": f"+{self.ann}", "text": "never"})["id"]
        twice("/v1/messages/{id}/cancel", f"/v1/messages/{waiting}/cancel")
        twice("/v1/sessions/{id}/start", "/v1/sessions/other/start")
        g.until_status("linking", "other")
        twice("/v1/sessions/{id}/pairing-code", "/v1/sessions/other/pairing-code", {"phone": f"+{self.bob}"})
        twice("/v1/sessions/{id}/restart", f"{s}/restart")
        g.until_status("connected")
        twice("/v1/sessions/{id}/stop", f"{s}/stop")
        g.until_status("stopped")
        g.rest.post(f"{s}/start")
        g.until_status("connected")
        twice("/v1/sessions/{id}/logout", f"{s}/logout")

        left = {p for p in posts() if p.startswith("/v1/")} - self.seen - set(ELSEWHERE)
        self.assertEqual(sorted(left), [])
        self.assertTrue(said)

    def test_under_way(self):
        """A repeat while the first is asked of WhatsApp: told so, and not asked twice."""
        self.sandbox.fault("slow", account=SHOP, delay_ms=1500)
        path, got = f"{self.s}/profile/link", []
        both = [threading.Thread(target=lambda: got.append(self.ask(path, {}, "same"))) for _ in range(2)]
        for t in both:
            t.start()
        for t in both:
            t.join()
        done, = [x for x in got if x[0] // 100 == 2]
        told, = [x for x in got if x[0] == 409]
        self.assertEqual(told[1]["code"], "conflict")
        self.assertIn("under way", told[1]["detail"])
        self.assertEqual(self.ask(path, {}, "same"), (*done[:2], True))

    def test_another_request(self):
        path = f"{self.s}/labels"
        self.assertEqual(self.ask(path, {"name": "A"}, "one")[0] // 100, 2)
        status, told, _ = self.ask(path, {"name": "B"}, "one")
        self.assertEqual((status, told["code"]), (409, "conflict"))
        self.assertEqual([x["name"] for x in self.g.rest.get(path)["labels"]], ["A"])

    def test_refused(self):
        """What WhatsApp refused may be tried again under the same key."""
        path = f"{self.s}/profile/link"
        self.sandbox.fault("iq_error", account=SHOP, code=500, times=-1)
        self.assertGreaterEqual(self.ask(path, {}, "again")[0], 400)
        self.sandbox.rest.delete("/faults")
        status, _, replayed = self.ask(path, {}, "again")
        self.assertEqual((status // 100, replayed), (2, False))
