# SPDX-License-Identifier: GPL-3.0-or-later
"""The account and the people it knows: profile, privacy, blocks, calls, restrictions, business."""
import base64
import struct
import zlib

from harness import ApiError, Case, SHOP, phone, until

JPEG = base64.b64decode(  # one pixel
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0"
    "Hyc5PTgyPC4zNDL/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AKp//2Q==")


def png(width, height):
    """A red one."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Account(Case):
    def setUp(self):
        super().setUp()
        self.ann = self.sandbox.account(phone(1), "Ann")
        self.g = self.linked()
        self.s = "/v1/sessions/shop"

    def phone_profile(self, number=SHOP):
        return self.sandbox.rest.get(f"/accounts/{number}/profile")

    def refused(self, status, method, path, body=None):
        with self.assertRaises(ApiError) as e:
            self.g.rest.call(method, path, body)
        self.assertEqual(e.exception.status, status, e.exception.body)

    def test_profile(self):
        self.g.rest.patch(f"{self.s}/profile", {"about": "open until six"})
        self.assertEqual(self.phone_profile()["about"], "open until six")
        own = self.g.rest.get(f"{self.s}/profile")
        self.assertEqual((own["about"], own["phone"]), ("open until six", f"+{SHOP}"))
        status, text, _ = self.g.rest.raw("PUT", f"{self.s}/profile/picture", JPEG, {"Content-Type": "image/jpeg"})
        self.assertEqual(status, 200, text)
        self.assertEqual(self.phone_profile()["picture_bytes"], len(JPEG))
        status, text, _ = self.g.rest.raw("PUT", f"{self.s}/profile/picture", png(40, 20), {"Content-Type": "image/png"})
        self.assertEqual(status, 200, text)
        self.assertGreater(self.phone_profile()["picture_bytes"], len(JPEG))
        status, _, _ = self.g.rest.raw("PUT", f"{self.s}/profile/picture", b"GIF89a", {"Content-Type": "image/gif"})
        self.assertEqual(status, 422)
        self.g.rest.delete(f"{self.s}/profile/picture")
        self.assertEqual(self.phone_profile()["picture_id"], "")
        self.refused(422, "PATCH", f"{self.s}/profile", {"about": "x" * 600})
        self.refused(422, "PATCH", f"{self.s}/profile", {})
        self.g.rest.patch(f"{self.s}/profile", {"name": "The new shop"})
        self.assertEqual(self.g.rest.get(f"{self.s}/profile")["name"], "The new shop")
        self.g.send(self.ann, "hello", wait="delivered")
        link = self.g.rest.get(f"{self.s}/profile/link")
        self.assertEqual(self.g.rest.get(f"{self.s}/links?link={link['link']}")["contact"]["lid"],
                         self.sandbox.get(SHOP)["lid"])
        self.assertNotEqual(self.g.rest.post(f"{self.s}/profile/link")["code"], link["code"])

    def test_people(self):
        self.refused(404, "GET", f"{self.s}/contacts/{self.ann}/picture")
        self.sandbox.rest.patch(f"/accounts/{self.ann}/profile",
                                {"about": "at sea", "picture": base64.b64encode(JPEG).decode()})
        seen = self.g.rest.get(f"{self.s}/contacts/{self.ann}/profile")
        self.assertEqual((seen["about"], seen["devices"], seen["business"]), ("at sea", [0], False))
        self.assertEqual(self.g.rest.get(f"{self.s}/contacts/{self.ann}/picture")["id"], seen["picture_id"])
        self.sandbox.rest.patch(f"/accounts/{self.ann}/privacy", {"profile": "none", "status": "none"})
        self.refused(403, "GET", f"{self.s}/contacts/{self.ann}/picture?fresh=true")
        about = self.g.rest.get(f"{self.s}/contacts/{self.ann}/about")
        self.assertEqual((about["about"], about["hidden"]), (None, True))
        checked = self.g.rest.post(f"{self.s}/check", {"numbers": ["+" + self.ann, phone(999)]})["numbers"]
        self.assertEqual([(n["number"], n["exists"]) for n in checked], [(self.ann, True), (phone(999), False)])
        lid = self.sandbox.get(self.ann)["lid"]
        self.assertEqual(self.g.rest.get(f"{self.s}/lids/{self.ann}")["lid"], lid)
        self.assertEqual(self.g.rest.get(f"{self.s}/lids/{lid}")["phone"], f"+{self.ann}")
        self.refused(404, "GET", f"{self.s}/lids/{phone(998)}")

    def test_changes_are_told(self):
        self.g.send(self.ann, "hello", wait="delivered")
        self.sandbox.rest.patch(f"/accounts/{self.ann}/profile", {"about": "moved"})
        self.g.event("contact.about", lambda e: e["data"]["about"] == "moved")
        self.sandbox.rest.patch(f"/accounts/{self.ann}/profile", {"picture": base64.b64encode(JPEG).decode()})
        e = self.g.event("contact.picture")
        self.assertFalse(e["data"]["removed"])
        self.sandbox.rest.patch(f"/accounts/{self.ann}/profile", {"picture": ""})
        self.g.event("contact.picture", lambda e: e["data"]["removed"])
        self.sandbox.rest.post(f"/accounts/{SHOP}/block", {"number": self.ann})
        e = self.g.event("account.blocks")
        self.assertTrue(e["data"]["blocked"])

    def test_privacy_and_blocks(self):
        self.assertEqual(self.g.rest.get(f"{self.s}/privacy")["last"], "all")
        self.assertEqual(self.g.rest.patch(f"{self.s}/privacy", {"last": "none", "online": "match_last_seen"}),
                         {"last": "none", "online": "match_last_seen"})
        self.assertEqual(self.g.rest.get(f"{self.s}/privacy")["last"], "none")
        self.refused(422, "PATCH", f"{self.s}/privacy", {"last": "nobody"})
        self.refused(422, "PATCH", f"{self.s}/privacy", {})
        self.g.rest.call("PUT", f"{self.s}/default-timer", {"seconds": 86400})
        self.assertEqual(self.phone_profile()["timer"], 86400)
        self.refused(422, "PUT", f"{self.s}/default-timer", {"seconds": 5})
        self.assertEqual(self.g.rest.get(f"{self.s}/privacy/statuses")["lists"][0]["type"], "contacts")
        self.g.rest.call("PUT", f"{self.s}/blocks/{self.ann}")
        self.assertEqual([b["phone"] for b in self.g.rest.get(f"{self.s}/blocks")["blocks"]], [f"+{self.ann}"])
        self.sandbox.say(self.ann, "unheard")
        self.g.rest.delete(f"{self.s}/blocks/{self.ann}")
        self.assertEqual(self.g.rest.get(f"{self.s}/blocks")["blocks"], [])
        self.sandbox.say(self.ann, "heard")
        self.g.event("message.received", lambda e: e["data"]["text"] == "heard")
        self.assertEqual([e["data"]["text"] for e in self.g.events(kinds="message.received")], ["heard"])
        self.refused(404, "PUT", f"{self.s}/blocks/{phone(997)}")

    def ring(self, **kw):
        return self.sandbox.rest.post(f"/accounts/{self.ann}/call", {"to": SHOP, **kw})["call"]

    def test_calls(self):
        call = self.ring(video=True)
        e = self.g.event("call.offer")
        self.assertEqual((e["data"]["id"], e["data"]["video"], e["data"]["caller"]["phone"]), (call, True, f"+{self.ann}"))
        self.assertEqual([c["id"] for c in self.g.rest.get(f"{self.s}/calls")["calls"]], [call])
        self.g.rest.post(f"{self.s}/calls/{call}/reject")
        self.assertEqual(self.phone_profile(self.ann)["call_state"], "rejected")
        self.refused(404, "POST", f"{self.s}/calls/unknown/reject", {})
        taken = self.ring()
        self.g.event("call.offer", lambda e: e["data"]["id"] == taken)
        self.sandbox.rest.post(f"/accounts/{SHOP}/pickup", {"call": taken})
        self.g.event("call.accepted", lambda e: e["data"]["id"] == taken)
        self.sandbox.rest.post(f"/accounts/{self.ann}/hangup", {"call": taken})
        self.g.event("call.terminated", lambda e: e["data"]["id"] == taken)
        missed = self.ring()
        self.g.event("call.offer", lambda e: e["data"]["id"] == missed)
        self.sandbox.rest.post(f"/accounts/{self.ann}/hangup", {"call": missed, "reason": "timeout"})
        self.assertEqual(self.g.event("call.missed")["data"]["reason"], "timeout")
        self.assertTrue(self.g.rest.post(f"{self.s}/call-links", {"video": True})["link"].startswith("https://call."))

    def test_calls_are_refused_with_words_once(self):
        self.g.rest.patch(self.s, {"settings": {"calls": "reject", "call_message": "please write"}})
        for _ in range(3):
            call = self.ring()
            self.g.event("call.rejected", lambda e: e["data"]["id"] == call)
            until(lambda: self.phone_profile(self.ann)["call_state"] == "rejected")
        until(lambda: self.sandbox.received(self.ann))
        self.assertEqual([m["text"] for m in self.sandbox.received(self.ann)], ["please write"])
        # nobody who wants no messages gets one
        bob = self.sandbox.account(phone(2), "Bob")
        self.g.rest.post(f"{self.s}/contacts/{bob}/consent", {"opted_out": True})
        call = self.sandbox.rest.post(f"/accounts/{bob}/call", {"to": SHOP})["call"]
        self.g.event("call.rejected", lambda e: e["data"]["id"] == call)
        self.g.send(self.ann, "end", wait="delivered")
        self.assertEqual(self.sandbox.received(bob), [])
        self.refused(422, "PATCH", self.s, {"settings": {"calls": "sing"}})

    def restrict(self, **kw):
        self.sandbox.rest.post(f"/accounts/{SHOP}/restriction", kw)

    def test_first_contact_waits_while_restricted(self):
        self.g.send(self.ann, "before", wait="delivered")
        bob = self.sandbox.account(phone(2), "Bob")
        self.restrict(locked=True, kind="BIZ_QUALITY", seconds=3600)
        e = self.g.event("session.restricted", lambda e: e["data"]["locked"])
        self.assertEqual(e["data"]["kind"], "BIZ_QUALITY")
        self.assertTrue(self.g.session()["restriction"]["locked"])
        held = self.g.send(bob, "hello stranger")["id"]
        until(lambda: [s for s in self.g.rest.get(f"/v1/messages/{held}/trace")["steps"] if s["step"] == "held"])
        self.g.send(self.ann, "chats that exist go on", wait="delivered")
        self.assertEqual(self.g.message(held)["status"], "queued")
        self.restrict(locked=False)
        until(lambda: self.g.message(held)["status"] == "delivered")
        self.assertNotIn("restriction", self.g.session())
        self.restrict(locked=False, cap="CAPPED", total=5, used=5)
        asked = self.g.rest.get(f"{self.s}/restriction")
        self.assertEqual((asked["locked"], asked["cap"]["status"], asked["cap"]["used"]), (False, "capped", 5))

    def test_463_in_both_meanings(self):
        bob = self.sandbox.account(phone(2), "Bob")
        self.sandbox.fault("463_token", account=SHOP)
        id = self.g.send(bob, "no token")["id"]
        e = self.g.event("message.failed", lambda e: e["data"]["id"] == id)
        self.assertEqual(e["data"]["reason"], "token_missing")
        self.sandbox.fault("463_restricted", account=SHOP)
        id = self.g.send(bob, "locked")["id"]
        e = self.g.event("message.failed", lambda e: e["data"]["id"] == id)
        self.assertEqual(e["data"]["reason"], "restricted")
        self.assertTrue(self.g.session()["restriction"]["locked"])
        # who has written to us gave us his token: the fault does not strike him
        self.sandbox.say(self.ann, "I write first")
        self.g.event("message.received")
        self.sandbox.fault("463_token", account=SHOP, times=-1)
        self.g.send(self.ann, "an answer", wait="delivered")

    def test_a_contact_links_a_device(self):
        self.g.send(self.ann, "hello", wait="delivered")
        self.g.link(self.sandbox, self.ann, "ann")
        e = self.g.event("contact.devices", lambda e: e["session"] == "shop")
        self.assertEqual(e["data"]["contact"]["phone"], f"+{self.ann}")
        self.g.send(self.ann, "to both devices", wait="delivered")
        self.g.event("message.received", lambda e: e["session"] == "ann" and e["data"]["text"] == "to both devices")

    def test_business(self):
        self.refused(404, "GET", f"{self.s}/contacts/{self.ann}/business")
        self.sandbox.rest.patch(f"/accounts/{self.ann}/profile", {"business": {
            "name": "Ann's shop", "description": "scarves", "websites": ["https://example.com"],
            "products": [{"id": "1", "name": "Scarf", "price": 42500, "currency": "EUR"}]}})
        b = self.g.rest.get(f"{self.s}/contacts/{self.ann}/business")
        self.assertEqual((b["description"], b["websites"]), ("scarves", ["https://example.com"]))
        self.assertEqual(self.g.rest.get(f"{self.s}/contacts/{self.ann}/profile")["business_name"], "Ann's shop")
        products = self.g.rest.get(f"{self.s}/contacts/{self.ann}/catalog")["products"]
        self.assertEqual([(p["name"], p["price_1000"]) for p in products], [("Scarf", 42500)])
        self.assertEqual(len(self.g.rest.get(f"{self.s}/contacts/{self.ann}/collections")["collections"]), 1)
        self.assertEqual(self.g.rest.get(f"{self.s}/orders/1?token=abc")["total_1000"], 42500)
        self.refused(403, "PATCH", f"{self.s}/business", {"description": "not a business"})
        self.sandbox.rest.patch(f"/accounts/{SHOP}/profile", {"business": {"name": "Shop"}})
        self.g.rest.patch(f"{self.s}/business", {"description": "open", "hours": {"timezone": "Europe/Berlin", "days": [
            {"day": "mon", "mode": "specific_hours", "open": 540, "close": 1080}]}})
        own = self.g.rest.get(f"{self.s}/contacts/{SHOP}/business")
        self.assertEqual((own["description"], own["hours"]["days"][0]["open"]), ("open", 540))
        made = self.g.rest.post(f"{self.s}/products", {"name": "Hat", "price_1000": 1000, "currency": "EUR"})
        self.g.rest.patch(f"{self.s}/products/{made['id']}", {"name": "Cap"})
        self.assertEqual([p["name"] for p in self.g.rest.get(f"{self.s}/contacts/{SHOP}/catalog")["products"]], ["Cap"])
        self.g.rest.delete(f"{self.s}/products/{made['id']}")
        self.assertEqual(self.g.rest.get(f"{self.s}/contacts/{SHOP}/catalog")["products"], [])
