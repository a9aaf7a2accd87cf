# SPDX-License-Identifier: GPL-3.0-or-later
"""App state through the whole gateway: what the phone changes, what we change, and what goes wrong on the way."""
import unittest

from harness import SHOP, ApiError, Case, phone, until

S = "/v1/sessions/shop"


class Sync(Case):
    def setUp(self):
        super().setUp()
        self.friend = self.sandbox.account(phone(900 + self.next()), "Friend")
        self.number = self.sandbox.account(phone(950 + self.next()), "Owner")
        self.g = self.gateway()
        self.g.link(self.sandbox, self.number)
        self.g.event("session.sync", lambda e: e["data"]["collection"] == "regular_low")

    count = 0

    def next(self):
        Sync.count += 1
        return Sync.count

    def on_phone(self, action, **kw):
        self.sandbox.rest.post(f"/accounts/{self.number}/app-state", {"action": action, **kw})

    def phone_entry(self, collection, index):
        state = self.sandbox.rest.get(f"/accounts/{self.number}/app-state?collection={collection}")
        return next((e for e in state[collection]["entries"] if e["index"] == index), None)

    def chat(self):
        return self.g.rest.get(f"{S}/chats/{self.friend}")

    def states(self):
        return {c["collection"]: c["state"] for c in self.g.rest.get(f"{S}/sync")["collections"]}

    def test_both_ways_and_over_a_restart(self):
        g, jid = self.g, f"{self.friend}@s.whatsapp.net"
        self.assertEqual(set(self.states().values()), {"current"})
        self.on_phone("archive", chat=self.friend)
        e = g.event("chat.archived", lambda e: e["data"]["archived"])
        self.assertEqual(e["data"]["chat"]["phone"], f"+{self.friend}")
        self.assertFalse(e["data"]["own"])
        self.on_phone("label_edit", label="4", name="Wholesale", color=1)
        g.event("label.updated", lambda e: e["data"]["name"] == "Wholesale")
        g.rest.patch(f"{S}/chats/{self.friend}", {"archived": False, "pinned": True, "muted_until": True})
        self.assertTrue(self.chat()["pinned"] and self.chat()["muted"] and not self.chat()["archived"])
        self.assertFalse(self.phone_entry("regular_low", f'["archive","{jid}"]')["on"])
        self.assertTrue(self.phone_entry("regular_low", f'["pin_v1","{jid}"]')["on"])
        self.assertEqual(self.phone_entry("regular_high", f'["mute","{jid}"]')["until_ms"], -1)
        g.rest.call("PUT", f"{S}/labels/4/chats/{self.friend}")
        self.assertEqual(g.rest.get(f"{S}/labels/4/uses")["uses"], [{"chat": jid}])
        reply = g.rest.post(f"{S}/quick-replies", {"shortcut": "ty", "text": "Thank you"})
        self.assertEqual(g.rest.get(f"{S}/quick-replies")["quick_replies"], [reply])
        g.rest.call("PUT", f"{S}/contacts/{self.friend}", {"name": "Fred"})
        self.assertEqual(self.phone_entry("critical_unblock_low", f'["contact","{jid}"]')["name"], "Fred")
        self.assertEqual(g.stop(), 0)
        self.on_phone("pin", chat=self.friend, on=False)
        g.start()
        g.until_status("connected")
        g.event("chat.pinned", lambda e: not e["data"]["pinned"])
        self.assertTrue(self.chat()["muted"])
        self.assertEqual(g.rest.get(f"{S}/contacts/{self.friend}")["name"], "Fred")
        g.rest.delete(f"{S}/labels/4")
        self.assertEqual(g.rest.get(f"{S}/labels")["labels"], [])

    def test_messages(self):
        g = self.g
        self.sandbox.say(self.friend, "keep me", to=self.number)
        self.sandbox.say(self.friend, "drop me", to=self.number)
        keep = g.event("message.received", lambda e: e["data"]["text"] == "keep me")["data"]
        drop = g.event("message.received", lambda e: e["data"]["text"] == "drop me")["data"]
        g.rest.post(f"/v1/messages/{keep['id']}/star")
        self.assertTrue(g.event("message.starred")["data"]["starred"])
        g.rest.delete(f"/v1/messages/{drop['id']}?for=me")
        with self.assertRaises(ApiError) as got:
            g.rest.get(f"/v1/messages/{drop['id']}")
        self.assertEqual(got.exception.status, 404)
        g.rest.post(f"{S}/chats/{self.friend}/clear", {"keep_starred": True})
        g.rest.get(f"/v1/messages/{keep['id']}")
        g.rest.post(f"{S}/chats/{self.friend}/clear")
        with self.assertRaises(ApiError):
            g.rest.get(f"/v1/messages/{keep['id']}")

    def test_missing_key_then_shared(self):
        g = self.g
        self.sandbox.rest.patch(f"/accounts/{self.number}", {"online": False})
        self.sandbox.fault("app_missing_key", account=self.number)
        self.on_phone("archive", chat=self.friend)
        until(lambda: self.states()["regular_low"] == "missing_key")
        with self.assertRaises(ApiError) as got:
            g.rest.patch(f"{S}/chats/{self.friend}", {"pinned": True})
        self.assertEqual(got.exception.status, 409)
        self.sandbox.rest.patch(f"/accounts/{self.number}", {"online": True})
        g.event("chat.archived")
        until(lambda: self.states()["regular_low"] == "current")
        g.rest.patch(f"{S}/chats/{self.friend}", {"pinned": True})

    def test_broken_patches_are_recovered_by_the_phone(self):
        g = self.g
        self.sandbox.fault("app_bad_patch", account=self.number, times=-1)
        self.on_phone("archive", chat=self.friend)
        g.event("session.sync", lambda e: not e["data"]["ok"] and e["data"]["reason"] == "crypto")
        g.event("chat.archived")
        until(lambda: self.states()["regular_low"] == "current")
        self.sandbox.rest.delete("/faults")
        g.rest.post(f"{S}/sync", {"full": True})
        until(lambda: set(self.states().values()) == {"current"})

    def test_what_cannot_be(self):
        g = self.g
        for method, path, body in (("PATCH", f"{S}/chats/{self.friend}", {}),
                                   ("PATCH", f"{S}/chats/{self.friend}", {"archived": "yes"}),
                                   ("PATCH", f"{S}/chats/{self.friend}", {"colour": True}),
                                   ("POST", f"{S}/labels", {"name": ""}),
                                   ("POST", f"{S}/labels", {"name": "x", "color": 20}),
                                   ("PATCH", f"{S}/app-settings", {"push_name": ""}),
                                   ("POST", f"{S}/sync", {"collection": "nothing"}),
                                   ("PUT", f"{S}/contacts/{self.friend}", {"first_name": "x"})):
            with self.assertRaises(ApiError, msg=f"{method} {path} {body}") as got:
                g.rest.call(method, path, body)
            self.assertEqual(got.exception.status, 422)
        with self.assertRaises(ApiError) as got:
            g.rest.delete(f"{S}/labels/77")
        self.assertEqual(got.exception.status, 404)
        self.assertNotEqual(self.number, SHOP)


if __name__ == "__main__":
    unittest.main()
