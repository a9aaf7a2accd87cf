# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: in, out, by range, again after they were lost, through crashes, within a quota, behind S3."""
import base64
import concurrent.futures
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import resource
import signal
import threading
import time
import unittest
import urllib.parse

from harness import SHOP, ApiError, Case, phone, until

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300") + bytes(range(256)) * 40
BOUNDARY = "xyz0123"


def pattern(n, seed=1):
    return hashlib.shake_128(str(seed).encode()).digest(n)


class Media(Case):
    def setUp(self):
        super().setUp()
        about = self.sandbox.rest.get("/media")
        self.trust = {"media_private": True, "ca_file": about["ca_file"]}
        self.customer = self.sandbox.account(phone(1), "Cust")

    def linked(self, **config):
        return super().linked(whatsapp=self.trust, **config)

    def put(self, g, data, mimetype="application/pdf", **query):
        status, text, headers = g.rest.raw("POST", "/v1/media?" + urllib.parse.urlencode(query), data,
                                           {"Content-Type": mimetype, "X-File-Name": "a file.pdf"}, timeout=120)
        self.assertEqual(status, 201, text)
        made = json.loads(text)
        self.assertEqual(headers["Location"], made["url"])
        return made

    def bytes(self, g, id, **headers):
        return g.rest.raw("GET", f"/v1/media/{id}", headers=headers, timeout=90)

    def say_file(self, data, type="image", mimetype="image/jpeg", **more):
        id = self.sandbox.rest.post("/media", {"base64": base64.b64encode(data).decode(), "type": type,
                                               "mimetype": mimetype})["id"]
        content = {"kind": type, "media": {"id": id, **more}}
        return self.sandbox.rest.post(f"/accounts/{self.customer}/messages", {"to": SHOP, "content": content})["id"]

    def received(self, g, wa_id):
        return g.event("message.received", lambda e: e["data"]["wa_id"] == wa_id)["data"]["content"]["media"]

    # ---- given to us

    def test_put_and_get(self):
        g = self.gateway()
        data = pattern(700001)
        made = self.put(g, data)
        self.assertEqual((made["size"], made["type"], made["file_name"]), (len(data), "document", "a file.pdf"))
        self.assertEqual(made["sha256"], hashlib.sha256(data).hexdigest())
        status, got, h = self.bytes(g, made["id"])
        self.assertEqual((status, got), (200, data))
        self.assertEqual(h["Content-Type"], "application/pdf")
        self.assertIn("a%20file.pdf", h["Content-Disposition"])
        for ask, begin, end in (("bytes=0-0", 0, 1), ("bytes=17-31", 17, 32), ("bytes=699990-", 699990, 700001),
                                ("bytes=-5", 699996, 700001), ("bytes=262143-524289", 262143, 524290),
                                ("bytes=1-99999999", 1, 700001)):
            status, got, h2 = self.bytes(g, made["id"], Range=ask)
            self.assertEqual((status, got), (206, data[begin:end]), ask)
            self.assertEqual(h2["Content-Range"], f"bytes {begin}-{end - 1}/700001")
        self.assertEqual(self.bytes(g, made["id"], Range="bytes=700001-")[0], 416)
        self.assertEqual(self.bytes(g, made["id"], Range="bytes=5-1")[0], 200)
        self.assertEqual(self.bytes(g, made["id"], **{"If-None-Match": h["ETag"]})[0], 304)
        self.assertEqual(self.bytes(g, made["id"], **{"If-Range": '"other"', "Range": "bytes=1-2"})[0], 200)
        status, got, h = g.rest.raw("HEAD", f"/v1/media/{made['id']}")
        self.assertEqual((status, got, h["Content-Length"]), (200, b"", "700001"))
        # nothing plain on the disk
        stored = [p for p in (g.data / "media").rglob("*") if p.is_file()]
        self.assertEqual(len(stored), 1)
        self.assertNotIn(data[1000:1032], stored[0].read_bytes())
        self.assertEqual(hashlib.sha256(stored[0].read_bytes()).hexdigest(), stored[0].parent.name + stored[0].name)
        listed = g.rest.get("/v1/media?session=")["media"]
        self.assertEqual([m["id"] for m in listed], [made["id"]])
        g.rest.delete(f"/v1/media/{made['id']}")
        self.assertEqual(self.bytes(g, made["id"])[0], 404)
        until(lambda: not [p for p in (g.data / "media").rglob("*") if p.is_file()], what="the file to go")

    def test_forms(self):
        g = self.gateway()
        data = b"\r\n--xyz" + pattern(100000) + b"\r\n--" + b"\r"
        body = (f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\ndocument\r\n"
                f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b \\\"q\\\".bin\"\r\n"
                f"Content-Type: image/png\r\n\r\n").encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
        status, text, _ = g.rest.raw("POST", "/v1/media", body,
                                     {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
        made = json.loads(text)
        self.assertEqual((status, made["type"], made["mimetype"], made["file_name"]),
                         (201, "document", "image/png", 'b "q".bin'))
        self.assertEqual(self.bytes(g, made["id"])[1], data)
        status, text, _ = g.rest.raw("POST", "/v1/media", body[:-40],
                                     {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
        self.assertEqual(status, 422)
        made = g.rest.post("/v1/media", {"base64": base64.b64encode(JPEG).decode(), "mimetype": "image/jpeg"})
        self.assertEqual((made["type"], self.bytes(g, made["id"])[1]), ("image", JPEG))
        again = g.rest.post("/v1/media", {"url": f"{g.rest.base}/healthz", "type": "document"})
        self.assertEqual((again["file_name"], json.loads(self.bytes(g, again["id"])[1])["status"]), ("healthz", "ok"))
        for bad in ({}, {"base64": "***"}, {"url": "file:///etc/passwd"}, {"base64": "AA==", "type": "gold"}):
            with self.assertRaises(ApiError) as e:
                g.rest.post("/v1/media", bad)
            self.assertEqual(e.exception.status, 422, bad)
        with self.assertRaises(ApiError) as e:
            g.rest.post("/v1/media", {"url": f"{g.rest.base}/none"})
        self.assertEqual(e.exception.status, 502)
        raw = json.dumps({"a": 1}).encode()
        made = self.put(g, raw, "application/json", raw=1)
        self.assertEqual(self.bytes(g, made["id"])[1], raw)

    def test_private_urls_are_refused(self):
        g = self.gateway(network={"allow_private": False})
        with self.assertRaises(ApiError) as e:
            g.rest.post("/v1/media", {"url": f"{g.rest.base}/healthz"})
        self.assertEqual(e.exception.status, 403)

    # ---- from people

    def test_received(self):
        g = self.linked()
        m = self.received(g, self.say_file(JPEG))
        self.assertEqual((m["size"], m["mimetype"], m["sha256"]), (len(JPEG), "image/jpeg",
                                                                  hashlib.sha256(JPEG).hexdigest()))
        until(lambda: g.rest.get("/v1/media?session=shop")["media"][0]["stored"], what="the automatic download")
        self.assertEqual(self.bytes(g, m["id"])[:2], (200, JPEG))
        with self.assertRaises(ApiError) as e:
            g.rest.delete(f"/v1/media/{m['id']}")
        self.assertEqual(e.exception.status, 409)
        g.rest.delete("/v1/sessions/shop")
        until(lambda: not [p for p in (g.data / "media").rglob("*") if p.is_file()], what="the file to go")
        self.assertEqual(self.bytes(g, m["id"])[0], 404)

    def test_later(self):
        """Nothing is fetched before it is asked for; then once, for all who ask."""
        g = self.linked(media={"auto_download_mb": 0})
        m = self.received(g, self.say_file(pattern(100000), "document", "text/plain"))
        before = self.sandbox.rest.get("/media")["downloads"]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda _: self.bytes(g, m["id"])[:2], range(8)))
        self.assertEqual(set(got), {(200, pattern(100000))})
        self.assertEqual(self.sandbox.rest.get("/media")["downloads"], before + 1)

    def test_broken_transfers_go_on(self):
        g = self.linked(media={"auto_download_mb": 0})
        m = self.received(g, self.say_file(pattern(150000), "document", "text/plain"))
        self.sandbox.fault("media_cut", times=2)
        self.assertEqual(self.bytes(g, m["id"])[:2], (200, pattern(150000)))
        # the parts that had come were not fetched again
        hits = self.sandbox.rest.get("/faults")["faults"]
        self.assertEqual(sum(f["hits"] for f in hits), 2)
        m = self.received(g, self.say_file(pattern(90000, 2), "document", "text/plain"))
        self.sandbox.fault("media_slow", delay_ms=300)
        self.assertEqual(self.bytes(g, m["id"])[:2], (200, pattern(90000, 2)))

    def test_lost_files_come_from_the_phone(self):
        g = self.linked(media={"auto_download_mb": 0})
        for n, kind in enumerate(("media_410", "media_404")):
            m = self.received(g, self.say_file(pattern(5000, n), "document", "text/plain"))
            self.sandbox.fault(kind)
            self.assertEqual(self.bytes(g, m["id"])[:2], (200, pattern(5000, n)), kind)
        m = self.received(g, self.say_file(JPEG))
        self.sandbox.rest.post("/media/lose")
        self.assertEqual(self.bytes(g, m["id"])[:2], (200, JPEG))
        self.assertIn("warbler_media_retries_total 3", g.rest.raw("GET", "/metrics")[1].decode())
        # nobody can help while the session is away
        m = self.received(g, self.say_file(pattern(7000, 7), "document", "text/plain"))
        self.sandbox.rest.post("/media/lose")
        g.rest.post("/v1/sessions/shop/stop")
        g.until_status("stopped")
        self.assertIn(self.bytes(g, m["id"])[0], (409, 410, 502, 503))
        g.rest.post("/v1/sessions/shop/start")
        g.until_status("connected")
        self.assertEqual(self.bytes(g, m["id"])[:2], (200, pattern(7000, 7)))

    # ---- to people

    def test_sent(self):
        g = self.linked()
        data = pattern(300000)
        made = self.put(g, data, "application/pdf")
        before = self.sandbox.rest.get("/media")["uploads"]
        for _ in range(2):      # the second one is on the hosts already
            sent = g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{self.customer}", "content": {
                "kind": "document", "media": {"id": made["id"]}}}, timeout=70)
            self.assertIn(sent["status"], ("delivered", "read"))
        self.assertEqual(self.sandbox.rest.get("/media")["uploads"], before + 1)
        got = self.sandbox.received(self.customer)
        self.assertEqual(len(got), 2)

    def test_auth_expired(self):
        g = self.linked()
        made = self.put(g, pattern(1000), "application/pdf")
        self.sandbox.fault("media_auth", times=2)
        sent = g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{self.customer}", "content": {
            "kind": "document", "media": {"id": made["id"]}}}, timeout=70)
        self.assertIn(sent["status"], ("delivered", "read"))

    # ---- crashes, limits

    def test_crash(self):
        g = self.linked(media={"auto_download_mb": 0})
        kept = self.put(g, pattern(400000))
        m = self.received(g, self.say_file(pattern(150000, 5), "document", "text/plain"))
        c = http.client.HTTPConnection(g.rest.host, timeout=30)
        c.putrequest("POST", "/v1/media")
        c.putheader("Authorization", f"Bearer {g.key}")
        c.putheader("Content-Length", "5000000")
        c.endheaders()
        c.send(pattern(2000000))
        self.sandbox.fault("media_slow", delay_ms=3000)
        threading.Thread(target=lambda: self.swallow(lambda: self.bytes(g, m["id"])), daemon=True).start()
        until(lambda: len(list((g.data / "media" / "tmp").iterdir())) == 2, what="two files under way")
        g.kill()
        g.start()
        g.until_status("connected")
        self.assertEqual(list((g.data / "media" / "tmp").iterdir()), [])
        self.assertEqual(self.bytes(g, kept["id"])[:2], (200, pattern(400000)))
        self.assertEqual(self.bytes(g, m["id"])[:2], (200, pattern(150000, 5)))
        self.assertEqual(len(g.rest.get("/v1/media?session=")["media"]), 1)

    def test_crash_before_the_row(self):
        """A file that lies in its place, and its row was never committed: it goes. One whose row was stays."""
        g = self.gateway()
        made = self.put(g, pattern(5000))
        stored = next(p for p in (g.data / "media").rglob("*") if p.is_file())
        g.kill()
        tmp = g.data / "media" / "tmp"
        lost = g.data / "media" / "ab" / ("0" * 62)
        lost.parent.mkdir(exist_ok=True)
        lost.write_bytes(pattern(100))
        os.link(lost, tmp / ("ab" + "0" * 62))
        os.link(stored, tmp / (stored.parent.name + stored.name))
        g.start()
        self.assertEqual((lost.exists(), list(tmp.iterdir())), (False, []))
        self.assertEqual(self.bytes(g, made["id"])[:2], (200, pattern(5000)))

    def test_stop_in_the_middle(self):
        g = self.linked(media={"auto_download_mb": 0}, server={"port": 0, "drain_ms": 200})
        made = self.put(g, pattern(400000))
        m = [self.received(g, self.say_file(pattern(150000, 20 + n), "document", "text/plain")) for n in range(12)]
        self.sandbox.fault("media_slow", delay_ms=5000, times=-1)
        for x in m:
            threading.Thread(target=lambda id=x["id"]: self.swallow(lambda: self.bytes(g, id)), daemon=True).start()
        c = http.client.HTTPConnection(g.rest.host, timeout=30)
        c.putrequest("POST", "/v1/media")
        c.putheader("Authorization", f"Bearer {g.key}")
        c.putheader("Content-Length", "5000000")
        c.endheaders()
        c.send(pattern(2000000))
        self.sandbox.fault("media_auth", times=-1)
        g.rest.post("/v1/messages", {"session": "shop", "to": f"+{self.customer}", "content": {
            "kind": "document", "media": {"id": made["id"]}}})
        until(lambda: len(list((g.data / "media" / "tmp").iterdir())) >= 8, what="files under way")
        self.assertEqual(g.stop(), 0, g.output[-6000:])
        c.close()
        self.sandbox.rest.delete("/faults")
        g.start()
        g.until_status("connected")
        for n, x in enumerate(m):
            self.assertEqual(self.bytes(g, x["id"])[:2], (200, pattern(150000, 20 + n)))

    @staticmethod
    def swallow(fn):
        try:
            fn()
        except OSError:
            pass

    def test_quota(self):
        g = self.linked(media={"quota_mb": 1})
        ids = [self.received(g, self.say_file(pattern(150000, n), "document", "text/plain"))["id"] for n in range(12)]
        for n, id in enumerate(ids):
            self.assertEqual(self.bytes(g, id)[:2], (200, pattern(150000, n)))
        until(lambda: sum(p.stat().st_size for p in (g.data / "media").rglob("*") if p.is_file()) <= 1 << 20,
              what="the quota to be kept")
        for n, id in enumerate(ids):    # what was dropped comes back
            self.assertEqual(self.bytes(g, id)[:2], (200, pattern(150000, n)))
        status, text, _ = g.rest.raw("POST", "/v1/media", pattern(2 << 20), {"Content-Type": "application/pdf"})
        self.assertEqual(status, 413)

    def test_disk_full(self):
        g = self.gateway(start=False)
        limit = 3 << 20

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        g.start(preexec_fn=small_files)
        status, text, _ = g.rest.raw("POST", "/v1/media", pattern(limit + (500 << 10)), {"Content-Type": "application/pdf"})
        self.assertIn(status, (503, 507), text)
        until(lambda: not list((g.data / "media" / "tmp").iterdir()), what="what was begun to go")
        made = self.put(g, pattern(1 << 20))
        self.assertEqual(self.bytes(g, made["id"])[1], pattern(1 << 20))


class S3(Media):
    """The same store with S3 behind its disk; only what differs is tested again."""

    test_put_and_get = test_forms = test_private_urls_are_refused = test_received = test_later = None
    test_broken_transfers_go_on = test_lost_files_come_from_the_phone = test_sent = test_auth_expired = None
    test_crash = test_crash_before_the_row = test_quota = test_disk_full = test_stop_in_the_middle = None

    KEY, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-test-1"

    def setUp(self):
        super().setUp()
        self.objects, self.wrong = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def work(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                why = outer.judge(self, body)
                status, out = 200, b""
                if why:
                    outer.wrong.append(why)
                    status = 403
                elif self.command == "PUT":
                    outer.objects[self.path] = body
                elif self.command == "DELETE":
                    status = 204
                    outer.objects.pop(self.path, None)
                elif self.path in outer.objects:
                    out = outer.objects[self.path]
                else:
                    status = 404
                self.send_response(status)
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                self.wfile.write(out)

            do_PUT = do_GET = do_DELETE = work

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def judge(self, req, body):
        """AWS Signature Version 4, computed here from its public description."""
        auth = req.headers.get("Authorization", "")
        m = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
                         r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})", auth)
        if not m:
            return f"no signature: {auth}"
        key, day, region, names, signature = m.groups()
        payload = req.headers.get("x-amz-content-sha256", "")
        if payload not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
            return "another payload"
        if req.command == "PUT" and payload == "UNSIGNED-PAYLOAD":
            return "the payload is not signed"
        date = req.headers.get("x-amz-date", "")
        for need in ("host", "x-amz-date", "x-amz-content-sha256"):
            if need not in names.split(";"):
                return f"{need} is not signed"
        headers = "".join(f"{n}:{' '.join(req.headers.get(n, '').split())}\n" for n in names.split(";"))
        canonical = "\n".join([req.command, urllib.parse.quote(req.path), "", headers, names, payload])
        scope = f"{day}/{region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        k = ("AWS4" + self.SECRET).encode()
        for part in (day, region, "s3", "aws4_request"):
            k = hmac.new(k, part.encode(), hashlib.sha256).digest()
        if key != self.KEY or region != self.REGION or \
                not hmac.compare_digest(hmac.new(k, text.encode(), hashlib.sha256).hexdigest(), signature):
            return "the signature does not fit"
        return None

    def test_behind_the_disk(self):
        s3 = {"s3_endpoint": f"http://127.0.0.1:{self.server.server_port}", "s3_bucket": "box", "s3_prefix": "warbler",
              "s3_region": self.REGION, "s3_key": self.KEY, "s3_secret": self.SECRET, "quota_mb": 1}
        g = self.gateway(media=s3)
        made = [self.put(g, pattern(400000, n)) for n in range(5)]
        until(lambda: len(self.objects) == 5, what="five copies")
        self.assertTrue(all(p.startswith("/box/warbler/") for p in self.objects))
        for path, data in self.objects.items():
            self.assertEqual(path.rsplit("/", 1)[1], hashlib.sha256(data).hexdigest())
        until(lambda: sum(p.stat().st_size for p in (g.data / "media").rglob("*") if p.is_file()) <= 1 << 20,
              what="the quota to be kept")
        for n, m in enumerate(made):
            self.assertEqual(self.bytes(g, m["id"])[:2], (200, pattern(400000, n)))
        g.rest.delete(f"/v1/media/{made[0]['id']}")
        until(lambda: len(self.objects) == 4, what="its copy to go")
        self.assertEqual(self.wrong, [])


if __name__ == "__main__":
    unittest.main()
