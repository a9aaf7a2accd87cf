# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends in the middle of everything: sends with files in preparation, downloads, uploads, requests that wait for WhatsApp."""
import base64
import hashlib
import http.client
import json
import random
import socket
import struct
import threading
import unittest
import zlib

from harness import SHOP, Case, phone, until


def pattern(n, seed=1):
    return hashlib.shake_128(str(seed).encode()).digest(n)


def png(width, height, seed):
    rows = b"".join(b"\0" + pattern(3 * width, seed * 1000 + y) for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


class Silent:
    """A web server that takes requests and never answers."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/page"
        self.got = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                self.got.append(self.socket.accept()[0])
            except OSError:
                return

    def close(self):
        self.socket.close()
        for c in self.got:
            c.close()


class Ending(Case):
    N = 50

    def setUp(self):
        super().setUp()
        about = self.sandbox.rest.get("/media")
        self.trust = {"media_private": True, "ca_file": about["ca_file"]}
        self.customers = [self.sandbox.account(phone(n)) for n in range(8)]
        self.silent = Silent()
        self.addCleanup(self.silent.close)
        self.check_violations = False   # what is cut off is cut off

    def ask(self, g, method, path, body=None):
        """A request that nobody waits for; its connection."""
        c = http.client.HTTPConnection(g.rest.host, timeout=60)
        c.request(method, path, None if body is None else json.dumps(body),
                  {"Authorization": f"Bearer {g.key}", "Content-Type": "application/json"})
        self.addCleanup(c.close)
        return c

    def load(self, g):
        """Everything at once; the ids of the messages, and open connections."""
        pictures = []
        for n in range(4):
            status, text, _ = g.rest.raw("POST", "/v1/media", png(700, 500, n), {"Content-Type": "image/png"})
            self.assertEqual(status, 201)
            pictures.append(json.loads(text)["id"])
        files = []
        for n in range(12):
            id = self.sandbox.rest.post("/media", {"base64": base64.b64encode(pattern(60000, n)).decode(),
                                                   "type": "document", "mimetype": "text/plain"})["id"]
            wa = self.sandbox.rest.post(f"/accounts/{self.customers[0]}/messages",
                                        {"to": SHOP, "content": {"kind": "document", "media": {"id": id}}})["id"]
            files.append(g.event("message.received", lambda e: e["data"]["wa_id"] == wa)["data"]["content"]["media"])
        self.sandbox.fault("media_slow", delay_ms=20000, times=-1)
        self.sandbox.fault("slow", delay_ms=20000, times=-1)
        open_ = [self.ask(g, "GET", f["url"]) for f in files]
        open_ += [self.ask(g, "GET", f"/v1/sessions/shop/{what}") for what in
                  ("privacy", "blocks", "restriction", "channels", "groups?refresh=true")]
        open_ += [self.ask(g, "GET", f"/v1/sessions/shop/contacts/{c}@s.whatsapp.net/{what}")
                  for c in self.customers for what in ("profile", "about", "business")]
        open_ += [self.ask(g, "POST", "/v1/media", {"url": self.silent.url}),
                  self.ask(g, "POST", f"/v1/media/{pictures[0]}/convert", {"as": "sticker", "force": True})]
        put = http.client.HTTPConnection(g.rest.host, timeout=60)
        put.putrequest("POST", "/v1/media")
        put.putheader("Authorization", f"Bearer {g.key}")
        put.putheader("Content-Length", "5000000")
        put.endheaders()
        put.send(pattern(900000))
        self.addCleanup(put.close)
        ids = []
        for n in range(self.N):
            to = f"+{self.customers[n % 8]}"
            what = ({"content": {"kind": "image", "media": {"id": pictures[n % 4]}}} if n % 5 else
                    {"text": f"see {self.silent.url}?{n}", "preview": "auto"})
            ids.append(g.rest.post("/v1/messages", {"session": "shop", "to": to, **what})["id"])
        return ids, open_ + [put]

    def linked(self, **config):
        return super().linked(whatsapp=self.trust, media={"auto_download_mb": 0},
                              server={"port": 0, "drain_ms": 100}, **config)

    def test_stop(self):
        g = self.linked()
        ids, _ = self.load(g)
        self.assertEqual(g.stop(), 0, g.output[-6000:])
        self.sandbox.rest.delete("/faults")
        g.start()
        g.until_status("connected")
        for id in ids:
            until(lambda: g.message(id)["status"] in ("sent", "delivered", "read"), 60, f"message {id}")
        self.assertEqual(list((g.data / "media" / "tmp").iterdir()), [])
        seen = [m["id"] for c in self.customers for m in self.sandbox.received(c)]
        self.assertEqual((len(seen), len(set(seen))), (self.N, self.N), "each message once")

    def test_delete(self):
        """Of the session; then of another one that has the same under way, while its clients hang up."""
        g = self.linked()
        ids, open_ = self.load(g)
        random.Random(1).shuffle(open_)
        for c in open_[:len(open_) // 2]:
            c.close()
        g.rest.delete("/v1/sessions/shop")
        until(lambda: g.rest.get("/v1/sessions")["sessions"] == [], what="the session to go")
        self.assertEqual(g.rest.raw("GET", f"/v1/messages/{ids[0]}")[0], 404)
        for c in open_[len(open_) // 2:]:
            c.close()
        self.assertEqual(g.rest.raw("GET", "/healthz")[0], 200)
        self.assertEqual(g.stop(), 0, g.output[-6000:])

    def test_stop_session(self):
        """Whoever waits for WhatsApp is told when the session stops."""
        g = self.linked()
        self.sandbox.fault("slow", delay_ms=20000, times=-1)
        asked = [self.ask(g, "GET", f"/v1/sessions/shop/{what}") for what in ("privacy", "restriction")]
        until(lambda: g.rest.get("/v1/sessions/shop")["status"] == "connected")
        g.rest.post("/v1/sessions/shop/stop")
        for c in asked:
            self.assertIn(c.getresponse().status, (409, 503, 504))


if __name__ == "__main__":
    unittest.main()
