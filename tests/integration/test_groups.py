# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups through REST: kept over a restart, sealed at rest, refused where they must be, sent to through the outbox."""
import unittest

from harness import SHOP, ApiError, Case, phone, until


class Groups(Case):
    def setUp(self):
        super().setUp()
        self.g = self.linked()
        self.people = [self.sandbox.account(phone(n)) for n in (71, 72, 73)]
        self.path = "/v1/sessions/shop/groups"

    def make(self, **kw):
        return self.g.rest.post(self.path, {"subject": "Secret circle", "participants": self.people, **kw})

    def test_a_group_is_kept_and_followed(self):
        made = self.make(description="What for", announce=True)
        jid = made["jid"]
        self.assertEqual(made["size"], 4)
        known = until(lambda: self.g.rest.get(f"{self.path}/{jid}"), what="the group")
        self.assertTrue(known["member"] and known["announce"])
        self.assertEqual({p.get("phone") for p in known["participants"]}, {f"+{n}" for n in self.people + [SHOP]})
        self.assertEqual([x["jid"] for x in self.g.rest.get(self.path)["groups"]], [jid])
        short = jid.split("@")[0]
        self.sandbox.rest.post(f"/groups/{short}/leave", {"number": self.people[0]})
        left = self.g.event("group.members_left", lambda e: e["data"]["group"] == jid)
        self.assertEqual(left["data"]["participants"][0]["phone"], f"+{self.people[0]}")
        self.sandbox.rest.post(f"/groups/{short}/members", {"by": SHOP, "promote": [self.people[1]]})
        self.g.event("group.members_promoted")
        self.assertEqual(self.g.stop(), 0)
        data = b"".join(f.read_bytes() for f in self.g.data.rglob("*") if f.is_file())
        for text in (b"Secret circle", short.encode()):
            self.assertFalse(text in data, f"{text} is legible")
        self.g.start()
        known = self.g.rest.get(f"{self.path}/{jid}")
        self.assertEqual(known["size"], 3)
        self.assertEqual([p["role"] for p in known["participants"] if p.get("phone") == f"+{self.people[1]}"], ["admin"])

    def test_a_message_reaches_everybody_and_its_trace_names_them(self):
        jid = self.make()["jid"]
        m = self.g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": jid, "text": "to all"}, timeout=70)
        for n in self.people:
            until(lambda n=n: any(x["text"] == "to all" for x in self.sandbox.messages(n, jid.split("@")[0])), what=n)
        trace = until(lambda: (lambda t: t if len({r["device"] for r in t["receipts"]}) >= 3 else None)(
            self.g.rest.get(f"/v1/messages/{m['id']}/trace")), what="three receipts")
        self.assertTrue(all("@lid" in r["device"] for r in trace["receipts"]))
        # a rule of a member answers in the group
        self.sandbox.rule(self.people[2], match="contains", text="who", reply="me", quote=True)
        asked = self.g.rest.post("/v1/messages", {"session": "shop", "to": jid, "text": "who comes?"})
        got = self.g.event("message.received", lambda e: e["data"].get("text") == "me")
        self.assertEqual(got["data"]["chat"]["jid"], jid)
        self.assertEqual(got["data"]["sender"]["phone"], f"+{self.people[2]}")
        self.assertEqual(got["data"]["quoted"]["id"], asked["id"])

    def test_made_once_however_often_asked(self):
        head = {"Idempotency-Key": "group-1"}
        body = {"subject": "Once", "participants": self.people}
        first = self.g.rest.post(self.path, body, headers=head)
        self.assertEqual(self.g.rest.post(self.path, body, headers=head), first)
        self.assertEqual(len(self.sandbox.rest.get("/groups")["groups"]), 1)

    def test_each_person_has_a_result(self):
        jid = self.make()["jid"]
        stranger, shy = phone(79), self.sandbox.account(phone(74))
        self.sandbox.rest.patch(f"/accounts/{shy}", {"invite_only": True})
        got = self.g.rest.post(f"{self.path}/{jid}/participants",
                               {"action": "add", "participants": [self.people[0], stranger, shy]})["participants"]
        self.assertEqual([p.get("code") for p in got], [409, 404, 403])
        self.assertIn("code", got[2]["invite"])

    def test_an_invitation_by_message(self):
        shy = self.sandbox.account(phone(75))
        self.sandbox.rest.patch(f"/accounts/{shy}", {"invite_only": True})
        self.g.link(self.sandbox, shy, "shy")
        jid = self.make()["jid"]

        def invited():
            got = self.g.rest.post(f"{self.path}/{jid}/participants", {"action": "add", "participants": [shy]})
            return got["participants"][0]["invite"]

        def look(t):
            return self.g.rest.get(f"/v1/sessions/shy/invites/{t['code']}?group={jid}&admin={SHOP}&expires_s={t['expires_s']}")

        t = invited()
        self.assertEqual(look(t)["subject"], "Secret circle")
        self.g.rest.delete(f"{self.path}/{jid}/invites/{shy}")
        with self.assertRaises(ApiError) as e:
            look(t)
        self.assertEqual(e.exception.status, 404)
        with self.assertRaises(ApiError) as e:
            self.g.rest.get(f"/v1/sessions/shy/invites/{t['code']}?group={jid}")
        self.assertEqual(e.exception.status, 422)
        t = invited()
        self.g.rest.post("/v1/sessions/shy/invites", {"group": jid, "admin": SHOP, **t})
        joined = self.g.event("group.members_added", lambda e: e["data"]["group"] == jid)
        self.assertEqual(joined["data"]["participants"][0]["phone"], f"+{shy}")

    def test_what_is_not_allowed_is_said(self):
        made = self.sandbox.rest.post("/groups", {"by": self.people[0], "subject": "Theirs", "members": [SHOP]})
        jid = made["jid"]
        self.g.event("group.created", lambda e: e["data"]["group"] == jid)
        for method, path, body, status in (
                ("PATCH", "", {"announce": True}, 403), ("GET", "/invite", None, 403),
                ("POST", "/participants", {"action": "remove", "participants": [self.people[0]]}, 403),
                ("POST", "/participants", {"action": "dance", "participants": [self.people[0]]}, 422),
                ("PATCH", "", {"colour": "red"}, 422), ("PATCH", "", {}, 422)):
            with self.assertRaises(ApiError) as e:
                self.g.rest.call(method, f"{self.path}/{jid}{path}", body)
            self.assertEqual(e.exception.status, status, (method, path, body))
        with self.assertRaises(ApiError) as e:
            self.g.rest.get(f"{self.path}/123@s.whatsapp.net")
        self.assertEqual(e.exception.status, 422)
        self.sandbox.rest.post(f"/groups/{made['id']}/members", {"by": self.people[0], "remove": [SHOP]})
        self.g.event("group.members_removed", lambda e: e["data"]["self"])
        self.assertFalse(self.g.rest.get(f"{self.path}/{jid}")["member"])
        m = self.g.rest.post("/v1/messages", {"session": "shop", "to": jid, "text": "hello?"})
        failed = self.g.event("message.failed", lambda e: e["data"]["id"] == m["id"])
        self.assertIn(failed["data"]["reason"], ("not_a_member", "not_allowed"))


if __name__ == "__main__":
    unittest.main()
