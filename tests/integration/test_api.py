# SPDX-License-Identifier: GPL-3.0-or-later
"""What the REST API promises whoever repeats a request, opts out, or loses a key; and ends in the middle of work."""
import gzip
import http.client
import json
import resource
import signal
import threading
import time
import unittest

from harness import SHOP, SLOW, ApiError, Case, Rest, phone, until


class Idempotency(Case):
    def test_a_session_is_made_once(self):
        g = self.gateway()
        head = {"Idempotency-Key": "make-1"}
        first = g.rest.post("/v1/sessions", {"start": False}, headers=head)
        again = g.rest.post("/v1/sessions", {"start": False}, headers=head)
        self.assertEqual(first, again)
        with self.assertRaises(ApiError) as e:
            g.rest.post("/v1/sessions", {"start": False, "name": "other"}, headers=head)
        self.assertEqual((e.exception.status, e.exception.code), (409, "conflict"))
        self.assertEqual(len(g.rest.get("/v1/sessions")["sessions"]), 1)
        self.assertEqual(g.stop(), 0)
        g.start()       # the answer survives
        self.assertEqual(g.rest.post("/v1/sessions", {"start": False}, headers=head), first)
        self.assertEqual(len(g.rest.get("/v1/sessions")["sessions"]), 1)

    def test_equal_requests_at_the_same_time(self):
        g = self.gateway()
        got = []

        def make():
            got.append(g.rest.post("/v1/sessions", {"start": False}, headers={"Idempotency-Key": "race"}))

        threads = [threading.Thread(target=make) for _ in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(got), 12)
        self.assertEqual({x["id"] for x in got}, {got[0]["id"]})
        self.assertEqual([s["id"] for s in g.rest.get("/v1/sessions")["sessions"]], [got[0]["id"]])

    def test_a_key_is_made_once_and_shown_once(self):
        g = self.gateway()
        body, head = {"name": "till", "scopes": "messages:read"}, {"Idempotency-Key": "key-1"}
        first = g.rest.post("/v1/keys", body, headers=head)
        again = g.rest.post("/v1/keys", body, headers=head)
        self.assertEqual(again, {k: v for k, v in first.items() if k != "key"})
        self.assertEqual(len([k for k in g.rest.get("/v1/keys")["keys"] if k["name"] == "till"]), 1)

    def test_numbers_as_people_write_them(self):
        """The first of them loads libphonenumber, off the loop."""
        g = self.linked()
        customer = self.sandbox.account(phone(4))
        local = f"({customer[1:4]}) {customer[4:7]}-{customer[7:]}"
        for to, more in ((f"+1 {local}", {}), (local, {"country": "US"}), (f"+{customer}", {})):
            g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": to, "text": to, **more})
        self.assertEqual([m["text"] for m in self.sandbox.received(customer)], [f"+1 {local}", local, f"+{customer}"])
        for to in ("call me", local, ""):
            with self.assertRaises(ApiError) as e:
                g.rest.post("/v1/messages", {"session": "shop", "to": to, "text": "no"})
            self.assertEqual(e.exception.status, 422)

    def test_a_message_is_cancelled_once(self):
        g = self.linked()
        m = g.rest.post("/v1/messages", {"session": "shop", "to": f"+{self.sandbox.account(phone(3))}", "text": "later",
                                         "send_at": "2027-06-01T00:00:00Z"})
        for _ in range(2):
            self.assertEqual(g.rest.post(f"/v1/messages/{m['id']}/cancel")["status"], "cancelled")
        self.assertEqual(len(g.events(kinds="message.cancelled")), 1)


class Consent(Case):
    def test_opted_out(self):
        g = self.linked()
        customer = self.sandbox.account(phone(5))
        path = f"/v1/sessions/shop/contacts/{customer}"
        waiting = g.rest.post("/v1/messages", {"session": "shop", "to": f"+{customer}", "text": "waits",
                                               "send_at": "2027-06-01T00:00:00Z"})
        c = g.rest.post(f"{path}/consent", {"opted_out": True})
        self.assertTrue(c["opted_out"])
        self.assertTrue(g.rest.get(path)["opted_out"])
        with self.assertRaises(ApiError) as e:
            g.send(customer, "no")
        self.assertEqual((e.exception.status, e.exception.code), (403, "denied"))
        self.assertEqual(g.message(waiting["id"])["status"], "queued")
        g.event("consent.changed", lambda e: e["data"]["opted_out"] is True)
        self.assertFalse(g.rest.post(f"{path}/consent", {"opted_out": False})["opted_out"])
        g.send(customer, "yes", wait="delivered")
        self.assertEqual([m["text"] for m in self.sandbox.received(customer)], ["yes"])
        self.assertFalse(g.rest.get(path)["opted_out"])

    def test_dry_run(self):
        """Refused like a send, and nothing is made."""
        g = self.linked()
        customer = self.sandbox.account(phone(7))

        def tried(**body):
            return g.rest.post("/v1/messages?dry_run=true", {"session": "shop", "to": f"+{customer}", **body})

        since = g.events()[-1]["seq"]
        poll = {"kind": "poll", "name": "Tea?", "options": ["Yes", "No"]}
        self.assertEqual(tried(text="x"), {"dry_run": True})
        self.assertEqual(tried(content=poll), {"dry_run": True})
        for why, body in ((422, {"content": {**poll, "options": []}}), (422, {"text": "x", "to": "call me"}), (422, {}),
                          (404, {"text": "x", "session": "none"}), (404, {"text": "x", "quoted": "01JNOSUCHMESSAGE"})):
            with self.subTest(body=body), self.assertRaises(ApiError) as e:
                tried(**body)
            self.assertEqual(e.exception.status, why)
        with self.assertRaises(ApiError):
            g.rest.post("/v1/messages?dry_run=perhaps", {"session": "shop", "to": f"+{customer}", "text": "x"})
        g.send(customer, "fence", wait="delivered")
        self.assertEqual([m["text"] for m in self.sandbox.received(customer)], ["fence"])
        self.assertEqual(len([e for e in g.events(since) if e["kind"] == "message.sent"]), 1)

    def test_what_waits_is_held_back(self):
        """Queued while the session is down, opted out by LID, then the session comes up."""
        g = self.linked()
        customer = self.sandbox.account(phone(6))
        g.send(customer, "hello", wait="delivered")
        lid = g.rest.get(f"/v1/sessions/shop/contacts/{customer}")["lid"]
        g.rest.post("/v1/sessions/shop/stop")
        g.until_status("stopped")
        m = g.send(customer, "too late")
        g.rest.post(f"/v1/sessions/shop/contacts/{lid}/consent", {"opted_out": True, "all_sessions": True})
        g.rest.post("/v1/sessions/shop/start")
        until(lambda: g.message(m["id"])["status"] == "failed")
        self.assertEqual(g.message(m["id"])["reason"], "opted_out")
        self.assertEqual([m["text"] for m in self.sandbox.received(customer)], ["hello"])

    def test_refusals(self):
        g = self.linked()
        for body in ({}, {"opted_out": "yes"}, {"opted_out": True, "more": 1}):
            with self.assertRaises(ApiError) as e:
                g.rest.post(f"/v1/sessions/shop/contacts/{phone(7)}/consent", body)
            self.assertEqual(e.exception.status, 422)
        made = g.rest.post("/v1/keys", {"name": "reader", "scopes": "contacts:read"})
        with self.assertRaises(ApiError) as e:
            Rest(g.rest.base, made["key"]).post(f"/v1/sessions/shop/contacts/{phone(7)}/consent", {"opted_out": True})
        self.assertEqual(e.exception.status, 403)


class Keys(Case):
    def test_a_revoked_key_loses_its_streams(self):
        g = self.gateway()
        made = g.rest.post("/v1/keys", {"name": "reader", "scopes": "events:read"})
        c = http.client.HTTPConnection(g.rest.host, timeout=20 * SLOW)
        c.request("GET", "/v1/events/stream", headers={"authorization": f"bearer {made['key']}"})
        r = c.getresponse()
        self.assertEqual(r.status, 200)
        g.rest.delete(f"/v1/keys/{made['id']}")
        with self.assertRaises(ApiError) as e:
            Rest(g.rest.base, made["key"]).get("/v1/events")
        self.assertEqual(e.exception.status, 401)
        while r.fp.readline():      # until its end
            pass
        c.close()

    def test_description_is_cached_and_compressed(self):
        g = self.gateway()
        status, plain, headers = g.rest.raw("GET", "/openapi.yaml")
        self.assertEqual((status, headers["Content-Type"]), (200, "application/yaml"))
        status, packed, zipped = g.rest.raw("GET", "/openapi.yaml", headers={"Accept-Encoding": "gzip"})
        self.assertEqual((status, zipped["Content-Encoding"]), (200, "gzip"))
        self.assertEqual(gzip.decompress(packed), plain)
        status, body, _ = g.rest.raw("GET", "/openapi.yaml", headers={"If-None-Match": headers["ETag"]})
        self.assertEqual((status, body), (304, b""))

    def test_every_route_asks_for_a_key(self):
        """But for those that say they are public."""
        g = self.gateway()
        text = g.rest.raw("GET", "/openapi.yaml")[1].decode()
        path, public = None, set()
        asked = 0
        for line in text.splitlines():
            if line.startswith("components:"):
                break
            if line.startswith("  /"):
                path = line.strip().rstrip(":").replace("{id}", "x").replace("{chat}", "12025550199")
            elif line.strip() in ("get:", "post:", "patch:", "delete:"):
                method = line.strip()[:-1].upper()
                status = Rest(g.rest.base).raw(method, path, b"{}" if method != "GET" else None)[0]
                if status != 401:
                    public.add(path)
                asked += 1
        self.assertGreater(asked, 35)
        self.assertEqual(public, {"/healthz", "/readyz", "/openapi.yaml"})


class Health(Case):
    def test_readyz_says_when_nothing_can_be_written(self):
        g = self.gateway(start=False)
        g.start(preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN), restore_signals=False)
        big = max(f.stat().st_size for f in g.data.iterdir())
        resource.prlimit(g.child.pid, resource.RLIMIT_FSIZE, (big, resource.RLIM_INFINITY))
        with self.assertRaises(ApiError) as e:
            for i in range(1000):
                g.rest.post("/v1/sessions", {"id": f"s{i}", "start": False})
        self.assertEqual(e.exception.code, "io")
        self.assertGreaterEqual(e.exception.status, 500)
        self.assertEqual(len(g.rest.get("/v1/sessions?limit=500")["sessions"]), min(i, 500))     # not this one
        status, body, _ = g.rest.raw("GET", "/readyz")
        self.assertEqual((status, json.loads(body)["status"]), (503, "store_failing"))
        self.assertEqual(g.rest.get("/healthz")["status"], "ok")
        resource.prlimit(g.child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        until(lambda: g.rest.raw("GET", "/readyz")[0] == 200)       # without anybody writing
        self.assertEqual(g.stop(), 0)

    def test_counters_are_counters(self):
        g = self.gateway()
        text = g.rest.raw("GET", "/metrics")[1].decode()
        types = dict(line.split()[2:4] for line in text.splitlines() if line.startswith("# TYPE"))
        self.assertGreater(len(types), 15)
        for name, kind in types.items():
            self.assertEqual(kind == "counter", name.endswith("_total"), name)


class Ends(Case):
    """TERM comes when it likes; the exit status is 0."""

    def test_while_linking(self):
        g = self.gateway()
        for i in range(3):
            g.rest.post("/v1/sessions", {"id": f"s{i}"})
        until(lambda: g.rest.get("/v1/sessions/s0/qr")["qr"])
        g.rest.post("/v1/sessions/s1/pairing-code", {"phone": SHOP})
        self.assertEqual(g.stop(), 0)

    def test_while_sending(self):
        g = self.linked()
        customers = [self.sandbox.account(phone(20 + i)) for i in range(5)]
        for i in range(60):
            g.send(customers[i % 5], f"m{i}")
        self.assertEqual(g.stop(), 0)
        g.start()
        for i, n in enumerate(customers):
            until(lambda: len(self.sandbox.received(n)) >= 12)
            self.assertEqual(sorted(m["text"] for m in self.sandbox.received(n)),
                             sorted(f"m{k}" for k in range(60) if k % 5 == i))

    def test_while_deleting(self):
        g = self.linked()
        answer = []

        def delete():
            try:
                answer.append(g.rest.raw("DELETE", "/v1/sessions/shop")[0])
            except OSError as e:
                answer.append(e)

        t = threading.Thread(target=delete)
        t.start()
        self.assertEqual(g.stop(), 0, g.output)
        t.join()
        g.start()
        left = [s["id"] for s in g.rest.get("/v1/sessions")["sessions"]]
        self.assertEqual(left, [] if answer[0] in (200, 204) else left)

    def test_asked_twice(self):
        """At once, whatever is under way; no request is left without an answer that was promised."""
        for pause in (0, 0.002, 0.01, 0.03):
            self.sandbox.rest.post("/reset")
            self.sandbox.account(SHOP, "The shop")
            g = self.linked()
            customer, accepted = self.sandbox.account(phone(40)), []

            def work():
                try:
                    for i in range(200):
                        accepted.append(g.send(customer, f"x{i}")["id"])
                except (OSError, ApiError, http.client.HTTPException):
                    pass

            t = threading.Thread(target=work)
            t.start()
            until(lambda: len(accepted) > 10)
            g.child.send_signal(signal.SIGTERM)
            time.sleep(pause)       # the moment differs, nothing waits for it
            self.assertEqual(g.stop(), 0, g.output[-3000:])
            t.join()
            g.start()
            for id in accepted:
                until(lambda: g.message(id)["status"] in ("sent", "delivered", "read"))
            self.assertEqual(g.stop(), 0)

    def test_a_broken_configuration_is_not_taken(self):
        g = self.gateway()
        before = json.dumps(g.config, default=str)
        g.write("log = { level = ")
        g.child.send_signal(signal.SIGHUP)
        g.line(r"config\.reload .*warbler\.lua:\d+")
        self.assertEqual(g.rest.get("/healthz")["status"], "ok")
        self.assertEqual(before, json.dumps(g.config, default=str))
        g.write("log = { level = \"debug\" }\n")
        g.child.send_signal(signal.SIGHUP)
        g.line(r"config\.changed .*log\.level")
        self.assertEqual(g.stop(), 0)


if __name__ == "__main__":
    unittest.main()
