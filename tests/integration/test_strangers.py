# SPDX-License-Identifier: GPL-3.0-or-later
"""What strangers say of their files may be false, and may be very much: it must not harm anybody."""
import base64
import hashlib
import unittest

from harness import SHOP, Case, phone, until


def pattern(n, seed=1):
    return hashlib.shake_128(str(seed).encode()).digest(n)


class Strangers(Case):
    def setUp(self):
        super().setUp()
        about = self.sandbox.rest.get("/media")
        self.trust = {"media_private": True, "ca_file": about["ca_file"]}
        self.stranger = self.sandbox.account(phone(1), "Mallory")

    def linked(self, **config):
        return super().linked(whatsapp=self.trust, **config)

    def say(self, data, type="document", mimetype="text/plain", size=0, **lie):
        file = {"base64": base64.b64encode(data).decode()} if data else {"size": size}
        id = self.sandbox.rest.post("/media", {**file, "type": type, "mimetype": mimetype, "lie": lie})["id"]
        return self.sandbox.rest.post(f"/accounts/{self.stranger}/messages",
                                      {"to": SHOP, "content": {"kind": type, "media": {"id": id}}})["id"]

    def received(self, g, wa_id):
        return g.event("message.received", lambda e: e["data"]["wa_id"] == wa_id)["data"]

    def test_huge_thumbnail(self):
        """It is left out; the message and those after it come in."""
        g = self.linked()
        for size in (100 << 10, 300 << 10, 500 << 10):
            m = self.received(g, self.say(pattern(1000), thumbnail_size=size))
            self.assertNotIn("thumbnail", m["content"]["media"])
            self.assertEqual(g.rest.raw("GET", m["content"]["media"]["url"])[1], pattern(1000))
            quoting = self.sandbox.say(self.stranger, "about that", quote=m["wa_id"])
            self.assertEqual(self.received(g, quoting)["quoted"]["id"], m["id"])
            self.assertEqual(g.rest.get(f"/v1/messages/{m['id']}")["content"]["kind"], "document")
        self.assertEqual(g.events(kinds="session.disconnected"), [])

    def test_path_that_is_none(self):
        """"https://" and a host come before it: what does not begin with a slash would choose another host."""
        g = self.linked(media={"auto_download_mb": 16})
        port = until(lambda: [h["port"] for h in g.rest.get("/v1/hosts")["hosts"]])[0]
        for path in ("@127.0.0.2/x", ".example.invalid/x", ":1/x", "?x", "x"):
            m = self.received(g, self.say(pattern(1000), direct_path=path))
            status, body, _ = g.rest.raw("GET", m["content"]["media"]["url"], timeout=60)
            self.assertEqual(status, 410, (path, body))
        hosts = {h["host"] for h in g.rest.get("/v1/hosts")["hosts"]}
        self.assertEqual(hosts, {"127.0.0.1"}, port)

    def test_wrong_length(self):
        """A file is as long as it is."""
        g = self.linked(media={"auto_download_mb": 0})
        for n, said in enumerate((0, 5, 2000, 5 << 30)):
            m = self.received(g, self.say(pattern(1000, n), length=said))
            status, body, _ = g.rest.raw("GET", m["content"]["media"]["url"])
            self.assertEqual((status, body), (200, pattern(1000, n)), said)

    def test_longer_than_said(self):
        """What is fetched without being asked for is no longer than the owner allows, whatever it says."""
        g = self.linked(media={"auto_download_mb": 1})
        long = [self.received(g, self.say(None, length=n, size=3 << 20)) for n in (0, 1000)]
        short = self.received(g, self.say(None, size=1 << 20))
        row = lambda m: next(x for x in g.rest.get("/v1/media?session=shop")["media"] if x["message"] == m["id"])
        until(lambda: row(short)["stored"], what="the honest one")
        until(lambda: "media.not_fetched" in g.output, what="the other to be given up")
        for m in long:
            self.assertFalse(row(m)["stored"])
            self.assertEqual(g.rest.raw("GET", m["content"]["media"]["url"])[:2], (200, bytes(3 << 20)))


if __name__ == "__main__":
    unittest.main()
