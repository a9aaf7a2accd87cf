# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels: ours and those of others."""
import base64
import hashlib

from harness import ApiError, Case, phone, until


class Channels(Case):
    def setUp(self):
        super().setUp()
        self.ann = self.sandbox.account(phone(1), "Ann")
        self.g = self.linked(whatsapp={"media_private": True, "ca_file": self.sandbox.rest.get("/media")["ca_file"]})
        self.s = "/v1/sessions/shop/channels"

    def posts(self, id):
        return self.sandbox.rest.get(f"/channels/{id.split('@')[0]}/posts")["posts"]

    def post(self, to, text, **kw):
        return self.g.rest.post("/v1/messages?wait=server", {"session": "shop", "to": to, "text": text, **kw})

    def test_ours(self):
        head = {"Idempotency-Key": "make-1"}
        made = self.g.rest.post(self.s, {"name": "Shop news", "description": "offers"}, headers=head)
        again = self.g.rest.post(self.s, {"name": "Shop news", "description": "offers"}, headers=head)
        self.assertEqual(made["id"], again["id"])
        self.assertEqual((made["role"], made["name"]), ("owner", "Shop news"))
        self.assertEqual([c["id"] for c in self.g.rest.get(self.s)["channels"]], [made["id"]])
        id = made["id"]
        self.assertEqual(self.post(id, "first")["status"], "sent")
        second = self.post(id, "second")
        self.assertEqual([p["text"] for p in self.posts(id)], ["first", "second"])
        page = self.g.rest.get(f"{self.s}/{id}/messages?limit=1")
        self.assertEqual([m["text"] for m in page["messages"]], ["second"])
        page = self.g.rest.get(f"{self.s}/{id}/messages?limit=1&cursor={page['next']}")
        self.assertEqual([m["text"] for m in page["messages"]], ["first"])
        self.g.rest.patch(f"/v1/messages/{second['id']}", {"text": "second thoughts"})
        until(lambda: self.posts(id)[1]["text"] == "second thoughts")
        self.assertEqual(self.g.rest.patch(f"{self.s}/{id}", {"name": "Shop", "reactions": "NONE"})["name"], "Shop")
        self.assertEqual(self.g.rest.get(f"{self.s}/invite?invite={made['link']}")["name"], "Shop")
        self.g.rest.delete(f"{self.s}/{id}")
        with self.assertRaises(ApiError) as e:
            self.g.rest.patch(f"{self.s}/{id}", {"name": "gone"})
        self.assertEqual(e.exception.status, 404)

    def test_a_file_is_ours_sealed_and_comes_again(self):
        """The hosts keep it as it is, the disk does not; lost there it comes again under the same key."""
        data = hashlib.shake_128(b"film").digest(70001)
        theirs = self.sandbox.rest.post("/channels", {"owner": self.ann, "name": "Garden", "description": ""})["id"]
        self.g.rest.call("PUT", f"{self.s}/{theirs}/follow")
        given = self.sandbox.rest.post("/media", {"base64": base64.b64encode(data).decode(), "type": "document",
                                                  "mimetype": "application/pdf"})["id"]
        self.sandbox.rest.post(f"/channels/{theirs}/posts", {"number": self.ann, "media": given})
        e = self.g.event("message.received", lambda e: e["data"]["chat"]["jid"] == f"{theirs}@newsletter")
        url = e["data"]["content"]["media"]["url"]

        def stored():
            return [f for f in (self.g.data / "media").rglob("*") if f.is_file()]

        def got():
            status, _, headers = self.g.rest.raw("GET", url)
            return status, headers["ETag"].strip('"')

        want = (200, hashlib.sha256(data).hexdigest())
        self.assertEqual(got(), want)
        before = stored()
        self.assertEqual(len(before), 1)
        self.assertNotIn(data[:64], before[0].read_bytes())
        before[0].unlink()
        self.assertEqual(got(), want)
        self.assertEqual(stored(), before)

    def test_those_of_others(self):
        theirs = self.sandbox.rest.post("/channels", {"owner": self.ann, "name": "Garden", "description": "plants"})["id"]
        jid = f"{theirs}@newsletter"
        self.assertEqual([c["id"] for c in self.g.rest.get(f"{self.s}/search?q=gard")["channels"]], [jid])
        self.assertEqual(self.g.rest.get(f"{self.s}/{theirs}")["role"], "guest")
        self.g.rest.call("PUT", f"{self.s}/{theirs}/follow")
        self.g.rest.call("PUT", f"{self.s}/{theirs}/mute")
        self.assertTrue(self.g.rest.get(f"{self.s}/{theirs}")["muted"])
        self.g.rest.delete(f"{self.s}/{theirs}/mute")
        sent = self.sandbox.rest.post(f"/channels/{theirs}/posts", {"number": self.ann, "text": "tomatoes"})
        e = self.g.event("message.received", lambda e: e["data"]["text"] == "tomatoes")
        self.assertEqual(e["data"]["chat"]["jid"], jid)
        self.assertGreater(self.g.rest.post(f"{self.s}/{theirs}/live")["seconds"], 0)
        self.sandbox.rest.post(f"/channels/{theirs}/reactions",
                               {"number": self.ann, "server_id": sent["server_id"], "code": "🍅"})
        e = self.g.event("channel.counts")
        self.assertEqual(e["data"]["message"]["reactions"], {"🍅": 1})
        self.g.rest.post(f"{self.s}/{theirs}/react", {"server_id": sent["server_id"], "text": "👍"})
        self.g.rest.post(f"{self.s}/{theirs}/viewed", {"server_ids": [sent["server_id"]]})
        p = self.posts(theirs)[0]
        self.assertEqual((set(p["reactions"]), p["views"]), ({"👍", "🍅"}, 1))
        self.g.rest.post(f"{self.s}/{theirs}/react", {"server_id": sent["server_id"], "text": ""})
        self.assertEqual(self.posts(theirs)[0]["reactions"], ["🍅"])
        for call in (lambda: self.g.rest.post(f"{self.s}/{theirs}/react", {"server_id": 9999, "text": "x"}),
                     lambda: self.g.rest.get(f"{self.s}/999999999999999999")):
            with self.assertRaises(ApiError) as e:
                call()
            self.assertEqual(e.exception.status, 404)
        failed = self.g.rest.post("/v1/messages", {"session": "shop", "to": jid, "text": "not mine"})["id"]
        self.g.event("message.failed", lambda e: e["data"]["id"] == failed)
        self.g.rest.delete(f"{self.s}/{theirs}/follow")
        self.assertEqual(self.g.rest.get(self.s)["channels"], [])
