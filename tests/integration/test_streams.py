# SPDX-License-Identifier: GPL-3.0-or-later
"""One log, four ways to read it: pages, long poll, SSE, WebSocket; each goes on where it stopped."""
import base64
import http.client
import json
import os
import socket
import struct
import threading
import time
import unittest

from harness import SHOP, SLOW, ApiError, Case, phone, until


class Sse:
    def __init__(self, gateway, query="", headers=None):
        self.c = http.client.HTTPConnection(gateway.rest.host, timeout=20 * SLOW)
        self.c.request("GET", f"/v1/events/stream{query}", headers={"Authorization": f"Bearer {gateway.key}", **(headers or {})})
        self.r = self.c.getresponse()
        assert self.r.status == 200, self.r.read()

    def next(self):
        """(id, event name, data) of the next event; comments are skipped."""
        got = {}
        while True:
            line = self.r.fp.readline().decode()
            if not line:
                raise EOFError
            line = line.rstrip("\n")
            if not line and "data" in got:
                return int(got["id"]), got.get("event"), json.loads(got["data"])
            if line and not line.startswith(":"):
                name, _, value = line.partition(":")
                if name in ("id", "event", "data", "retry"):
                    got[name] = value.lstrip(" ")
                # the chunk sizes of the transfer encoding are lines of their own

    def close(self):
        self.c.close()


class WebSocket:
    """RFC 6455 by hand, as much as a reader needs."""

    def __init__(self, port, path, headers=None):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=20 * SLOW)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        self.s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.f = self.s.makefile("rb")
        status = self.f.readline()
        assert b" 101 " in status, status
        while self.f.readline().strip():
            pass

    def send(self, text):
        data, mask = text.encode(), os.urandom(4)
        assert len(data) < 126
        self.s.sendall(bytes([0x81, 0x80 | len(data)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def next(self):
        """The next message: text, or the close code as a number."""
        text = b""
        while True:
            a, b = self.f.read(2)
            n = b & 127
            if n == 126:
                n, = struct.unpack(">H", self.f.read(2))
            elif n == 127:
                n, = struct.unpack(">Q", self.f.read(8))
            data = self.f.read(n)
            op = a & 15
            if op == 8:
                return struct.unpack(">H", data[:2])[0] if data else 1005
            if op in (0, 1, 2):
                text += data
                if a & 0x80:
                    return text.decode()

    def close(self):
        self.f.close()
        self.s.close()


class Streams(Case):
    def setUp(self):
        super().setUp()
        self.g = self.linked(server={"port": 0, "ws_port": 0})
        self.customer = self.sandbox.account(phone(1))

    def ws_port(self):
        return int(self.g.line(r"events\.listening .*port=([0-9]+)")[1])

    def test_pages(self):
        for i in range(5):
            self.g.send(self.customer, f"text {i}", wait="delivered")
        whole = self.g.events()
        self.assertEqual([e["seq"] for e in whole], list(range(1, len(whole) + 1)))
        self.assertEqual(self.g.events(limit=3), whole)
        self.assertEqual(self.g.events(since=7, limit=2), whole[7:])
        self.assertEqual([e["kind"] for e in self.g.events(kinds="message.sent")], ["message.sent"] * 5)
        some = self.g.events(kinds="message.*,session.status")
        self.assertEqual(some, [e for e in whole if e["kind"].startswith("message.") or e["kind"] == "session.status"])
        self.assertEqual(len({e["id"] for e in whole}), len(whole))
        for bad in ("since=x", "since=-1", "limit=0", "limit=501", "wait_ms=60001"):
            with self.assertRaises(ApiError, msg=bad) as e:
                self.g.rest.get(f"/v1/events?{bad}")
            self.assertEqual(e.exception.status, 422)

    def test_long_poll(self):
        last = self.g.events()[-1]["seq"]
        got = {}

        def poll():
            start = time.monotonic()
            got["page"] = self.g.rest.get(f"/v1/events?since={last}&kinds=message.sent&wait_ms=30000", timeout=40)
            got["seconds"] = time.monotonic() - start

        t = threading.Thread(target=poll)
        t.start()
        self.g.send(self.customer, "wake up", wait="server")
        t.join()
        self.assertEqual([e["kind"] for e in got["page"]["events"]], ["message.sent"])
        self.assertLess(got["seconds"], 10 * SLOW)
        start = time.monotonic()
        page = self.g.rest.get("/v1/events?since=9&kinds=order.confirmed&wait_ms=300")
        self.assertEqual(page["events"], [])
        self.assertGreaterEqual(time.monotonic() - start, 0.29)

    def test_sse(self):
        s = Sse(self.g, "?since=0")
        whole = self.g.events()
        self.assertEqual([s.next()[2] for _ in whole], whole)
        self.g.send(self.customer, "live", wait="delivered")
        id, name, e = s.next()
        self.assertEqual((id, name), (e["seq"], e["kind"]))
        s.close()
        missed = [self.g.send(self.customer, f"missed {i}", wait="delivered") for i in range(3)]
        s = Sse(self.g, headers={"Last-Event-ID": str(id)})
        seen = [id]
        while True:
            i, _, e = s.next()
            seen.append(i)
            if e["kind"] == "message.delivered" and e["data"]["id"] == missed[-1]["id"]:
                break
        self.assertEqual(seen, list(range(id, id + len(seen))))
        s.close()
        s = Sse(self.g, "?kinds=message.received")
        self.sandbox.say(self.customer, "only this")
        self.assertEqual(s.next()[2]["data"]["text"], "only this")
        s.close()

    def test_sse_over_a_restart(self):
        s = Sse(self.g, "?since=0")
        last = 0
        while s.next()[2]["kind"] != "session.paired":
            last += 1
        last += 1
        self.g.kill()
        with self.assertRaises((EOFError, OSError, http.client.HTTPException)):
            while True:
                last = s.next()[0]
        s.close()
        self.g.start()
        self.g.until_status("connected")
        s = Sse(self.g, headers={"Last-Event-ID": str(last)})
        for want in self.g.events(since=last):
            self.assertEqual(s.next()[2], want)
        s.close()

    def test_websocket(self):
        port = self.ws_port()
        w = WebSocket(port, "/v1/events/ws?since=0", {"Authorization": f"Bearer {self.g.key}"})
        whole = self.g.events()
        self.assertEqual([json.loads(w.next()) for _ in whole], whole)
        self.g.send(self.customer, "live", wait="delivered")
        last = json.loads(w.next())["seq"]
        self.assertEqual(last, len(whole) + 1)
        w.close()
        w = WebSocket(port, f"/v1/events/ws?since={last}")       # as a browser: the key comes first
        w.send(json.dumps({"key": self.g.key}))
        for want in self.g.events(since=last):
            self.assertEqual(json.loads(w.next()), want)
        w.close()

    def test_who_may_listen(self):
        port = self.ws_port()
        w = WebSocket(port, "/v1/events/ws", {"Authorization": "Bearer wb_" + "A" * 43})
        self.assertEqual(w.next(), 4401)
        w.close()
        w = WebSocket(port, "/v1/events/ws")
        w.send(json.dumps({"key": "wb_" + "A" * 43}))
        self.assertEqual(w.next(), 4401)
        w.close()
        key = self.g.rest.post("/v1/keys", {"name": "other", "scopes": "messages:write"})["key"]
        w = WebSocket(port, "/v1/events/ws", {"X-API-Key": key})
        self.assertEqual(w.next(), 4401)
        w.close()
        status, _, _ = self.g.rest.raw("GET", "/v1/events/stream", headers={"Authorization": f"Bearer {key}"})
        self.assertEqual(status, 403)

    def test_a_reader_that_does_not_read(self):
        """It stays behind; nobody else waits for it, and it gets everything when it goes on."""
        s = Sse(self.g, "?since=0")
        text = "x" * 30000
        sent = [self.g.send(self.customer, f"{i} {text}", wait="server")["id"] for i in range(40)]
        self.assertEqual(self.g.rest.get("/healthz")["status"], "ok")
        until(lambda: self.g.message(sent[-1])["status"] == "delivered")
        whole = self.g.events()
        self.assertEqual([s.next()[2]["seq"] for _ in whole], [e["seq"] for e in whole])
        s.close()


if __name__ == "__main__":
    unittest.main()
