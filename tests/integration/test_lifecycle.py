# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, stop, reload, refuse; a session from its first QR to its deletion."""
import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

from harness import SHOP, WARBLER, ApiError, Case, Gateway, Rest, phone, until


def refused(gateway):
    """Start what must not start: exit status and output."""
    gateway.spawn()
    code = gateway.wait()
    return code, gateway.output


class Process(Case):
    def test_term_drains(self):
        g = self.linked()
        customer = self.sandbox.account(phone(1))
        answers = []
        poll = threading.Thread(target=lambda: answers.append(
            g.rest.raw("GET", "/v1/events?since=100000&wait_ms=60000", timeout=70)[0]))
        poll.start()
        id = g.send(customer, "on the way out")["id"]
        until(lambda: len(g.rest.get("/v1/messages?session=shop")["messages"]) == 1)
        self.assertEqual(g.stop(seconds=15), 0)
        poll.join()
        self.assertIn(answers[0], (200, 503))
        g.start()
        until(lambda: g.message(id)["status"] == "delivered")
        self.assertEqual([m["text"] for m in self.sandbox.received(customer)], ["on the way out"])
        self.assertEqual(g.stop(signal.SIGINT), 0)

    def test_term_while_nothing_happens_and_at_once(self):
        g = self.gateway()
        self.assertEqual(g.stop(), 0)
        g.spawn()
        g.line("http.listening")
        self.assertEqual(g.stop(), 0)

    def test_hup_reads_the_configuration_again(self):
        g = self.gateway()
        g.config["log"] = {"level": "debug"}
        g.config["whatsapp"]["device_name"] = "Another name"
        g.write()
        g.child.send_signal(signal.SIGHUP)
        g.line(r"config\.changed key=log\.level")
        g.line(r"config\.needs_restart key=whatsapp\.device_name")
        g.line(r"config\.reloaded")
        seen = len(g.lines)
        g.write("this is no Lua\n")
        g.child.send_signal(signal.SIGHUP)
        g.line(r"ERROR config\.reload .*warbler\.lua", start=seen)
        self.assertEqual(g.rest.get("/healthz")["status"], "ok")

    def test_wrong_master_key(self):
        g = self.gateway()
        self.assertEqual(g.stop(), 0)
        key = g.data / "master.key"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        key.write_text(secrets.token_hex(32) + "\n")
        code, said = refused(g)
        self.assertNotEqual(code, 0)
        self.assertIn("master key is not the one", said)
        os.unlink(key)
        code, said = refused(g)
        self.assertNotEqual(code, 0, "a database whose key file is gone must not get a new key")

    def test_configuration_mistakes_name_file_and_line(self):
        g = self.gateway(start=False)
        lines = len(g.file.read_text().splitlines())
        for extra, word in (("\nsurprise = 1\n", "surprise"), ("\nserver.prot = 80\n", "server.prot"),
                            ("\nserver.port = 'many'\n", "server.port"), ("\nserver.port = 70000\n", "server.port"),
                            ("\nplugins.webhooks.surprise = 1\n", "surprise"), ("\nx = = 1\n", "")):
            with self.subTest(extra=extra):
                g.write(extra)
                code, said = refused(g)
                self.assertEqual(code, 3, said)
                self.assertRegex(said, rf"warbler\.lua:{lines + 2}: .*{word}")

    def test_not_to_the_world_without_a_key(self):
        g = self.gateway(start=False, server={"listen": "0.0.0.0", "port": 0})
        code, said = refused(g)
        self.assertNotEqual(code, 0)
        self.assertIn("API key", said)
        made = subprocess.run([WARBLER, "key", "create", "operator", "--config", g.file], env=g.env,
                              capture_output=True, text=True)
        self.assertRegex(made.stdout, r"^wb_[A-Za-z0-9_-]{43}$")
        g.spawn()
        port = g.line(r"^listening on http://0\.0\.0\.0:([0-9]+)")[1]
        rest = Rest(f"http://127.0.0.1:{port}", made.stdout.strip())
        self.assertEqual(until(lambda: rest.get("/v1/sessions"))["sessions"], [])
        self.assertEqual(rest.raw("GET", "/v1/sessions", headers={"Authorization": "Bearer wb_" + "A" * 43})[0], 401)

    def test_port_taken(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            g = self.gateway(start=False, server={"port": s.getsockname()[1]})
            code, said = refused(g)
            self.assertNotEqual(code, 0)
            self.assertIn(str(s.getsockname()[1]), said)

    def test_environment_overrides(self):
        g = self.gateway(start=False)
        g.env["WARBLER_LOG_FORMAT"] = "json"
        g.start()
        self.assertEqual(json.loads(g.line(r'^\{.*"event":"gateway\.ready".*')[0])["level"], "info")


class Session(Case):
    def test_whole_life(self):
        g = self.linked()
        self.assertEqual(self.sandbox.get(SHOP)["devices"], 1)
        s = g.session()
        self.assertTrue(s["linked"])
        self.assertEqual(s["phone"].lstrip("+"), SHOP)
        self.assertEqual(g.rest.post("/v1/sessions/shop/stop")["desired"], "stopped")
        g.until_status("stopped")
        until(lambda: self.sandbox.get(SHOP)["connected"] == 0)
        g.rest.post("/v1/sessions/shop/start")
        g.until_status("connected")
        g.rest.post("/v1/sessions/shop/restart")
        g.until_status("connected")
        self.assertEqual(self.sandbox.get(SHOP)["devices"], 1)
        g.rest.post("/v1/sessions/shop/logout")
        s = g.until_status("logged_out")
        self.assertFalse(s["linked"])
        until(lambda: self.sandbox.get(SHOP)["devices"] == 0, what="the phone to forget the device")
        g.rest.post("/v1/sessions/shop/start")
        qr = until(lambda: g.rest.get("/v1/sessions/shop/qr")["qr"], what="a new QR")
        self.sandbox.scan(SHOP, qr)
        g.until_status("connected")

    def test_restart_with_stored_credentials(self):
        g = self.linked(plugins={"enabled": []})     # the whatsapp.* settings are all it needs
        customer = self.sandbox.account(phone(2))
        for i in range(3):
            self.assertEqual(g.stop() if i != 1 else g.kill(), None if i == 1 else 0)
            g.start()
            g.until_status("connected")
            self.assertEqual(g.send(customer, f"text {i}", wait="delivered")["status"], "delivered")
        self.assertIn("whatsapp.root_key", g.output)     # says so at every start
        self.assertEqual([m["text"] for m in self.sandbox.received(customer)], ["text 0", "text 1", "text 2"])
        self.assertEqual([m["duplicates"] for m in self.sandbox.received(customer)], [0, 0, 0])

    def test_delete_leaves_nothing(self):
        g = self.linked()
        customer = self.sandbox.account(phone(3))
        g.send(customer, "soon gone", wait="delivered")
        self.sandbox.say(customer, "me too")
        g.event("message.received")
        g.rest.delete("/v1/sessions/shop")
        with self.assertRaises(ApiError) as e:
            g.session()
        self.assertEqual(e.exception.status, 404)
        until(lambda: self.sandbox.get(SHOP)["devices"] == 0)
        self.assertEqual(g.stop(), 0)
        db = sqlite3.connect(f"file:{g.data}/warbler.db?mode=ro", uri=True)
        self.addCleanup(db.close)
        tables = [t for t, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        looked = 0
        for t in tables:
            columns = [c[1] for c in db.execute(f"PRAGMA table_info({t})")]
            if "session" not in columns or t == "event":
                continue
            looked += 1
            self.assertEqual(db.execute(f"SELECT count(*) FROM {t} WHERE session = 'shop'").fetchone(), (0,), t)
        self.assertGreater(looked, 3)
        self.assertEqual(db.execute("SELECT count(*) FROM session").fetchone(), (0,))
        keys = [s for s, in db.execute("SELECT scope FROM data_key")]
        self.assertFalse([s for s in keys if "shop" in s], keys)

    def test_qr_in_every_form(self):
        g = self.gateway()
        g.rest.post("/v1/sessions", {"id": "shop"})
        qr = until(lambda: g.rest.get("/v1/sessions/shop/qr")["qr"])
        self.assertEqual(len(qr.split(",")), 5)
        for form, start in (("png", b"\x89PNG"), ("text", qr[:20].encode()), ("terminal", "█".encode())):
            status, body, _ = g.rest.raw("GET", f"/v1/sessions/shop/qr?format={form}")
            self.assertEqual(status, 200)
            self.assertTrue(body.startswith(start), form)

    def test_pairing_code(self):
        g = self.gateway()
        g.rest.post("/v1/sessions", {"id": "shop"})
        g.until_status("linking")
        g.rest.post("/v1/sessions/shop/pairing-code", {"phone": f"+{SHOP}"})
        code = until(lambda: g.session().get("pair_code"), what="a code")
        self.sandbox.rest.post(f"/accounts/{SHOP}/code", {"code": code.replace("-", "")})
        g.until_status("connected")
        customer = self.sandbox.account(phone(4))
        self.assertEqual(g.send(customer, "linked by code", wait="delivered")["status"], "delivered")

    def test_a_repeated_request_does_not_wait_for_what_was(self):
        g = self.linked()
        customer = self.sandbox.account(phone(6))
        body = {"session": "shop", "to": f"+{customer}", "text": "once"}
        ask = lambda: g.rest.post("/v1/messages?wait=delivered&timeout_ms=20000", body,
                                  headers={"Idempotency-Key": "same"})
        first = ask()
        start = time.monotonic()
        self.assertEqual(ask(), first)
        self.assertLess(time.monotonic() - start, 10)
        self.assertEqual(len(self.sandbox.received(customer)), 1)

    def test_unlinked_from_the_phone(self):
        g = self.linked()
        device = [d for d in self.sandbox.rest.get(f"/accounts/{SHOP}/devices")["devices"] if d["device"]][0]
        self.sandbox.rest.delete(f"/accounts/{SHOP}/devices/{device['device']}")
        s = g.until_status("logged_out")
        self.assertEqual(s["reason"], "logged_out")
        self.assertFalse(s["linked"])

    def test_linked_again(self):
        """Unlinked by the phone, linked again under the same id: chats go on, with keys of its own."""
        g = self.linked()
        customer = self.sandbox.account(phone(7))
        self.assertEqual(g.send(customer, "first life", wait="delivered")["status"], "delivered")
        self.sandbox.say(customer, "hello first")
        g.event("message.received", lambda e: e["data"]["text"] == "hello first")
        devices = lambda: [d["device"] for d in self.sandbox.rest.get(f"/accounts/{SHOP}/devices")["devices"] if d["device"]]
        old, = devices()
        self.sandbox.rest.delete(f"/accounts/{SHOP}/devices/{old}")
        self.assertEqual(g.until_status("logged_out")["reason"], "logged_out")
        waiting = g.send(customer, "in between")["id"]
        self.sandbox.say(customer, "while nobody listens")
        g.rest.post("/v1/sessions/shop/start")
        qr = until(lambda: g.rest.get("/v1/sessions/shop/qr")["qr"], what="a QR")
        self.sandbox.scan(SHOP, qr)
        g.until_status("connected")
        new, = devices()
        self.assertNotEqual(new, old)
        until(lambda: g.message(waiting)["status"] == "delivered")
        self.assertEqual(g.send(customer, "second life", wait="delivered")["status"], "delivered")
        self.sandbox.say(customer, "hello second")
        g.event("message.received", lambda e: e["data"]["text"] == "hello second")
        self.assertEqual([m["text"] for m in self.sandbox.received(customer)],
                         ["first life", "in between", "second life"])
        self.assertEqual(g.events(kinds="message.undecryptable"), [])
        self.assertEqual(g.events(kinds="message.retried"), [])

    def test_another_companion_comes_and_goes(self):
        """Another companion of the account is unlinked, and one linked: told, and both lists are true at once."""
        number = self.sandbox.account(phone(8), companions=1)
        customer = self.sandbox.account(phone(9))
        g = self.gateway()
        g.link(self.sandbox, number)
        g.send(customer, "to all three", wait="delivered")
        other = [d for d in self.sandbox.rest.get(f"/accounts/{number}/devices")["devices"] if d["device"]][0]["device"]
        self.sandbox.rest.delete(f"/accounts/{number}/devices/{other}")
        e = g.event("session.devices", lambda e: "removed" in e["data"])
        self.assertIn(f":{other}@", e["data"]["removed"])
        g.event("session.devices", lambda e: e["data"].get("count") == 2)
        self.assertEqual(g.send(customer, "to two", wait="delivered")["status"], "delivered")
        self.assertEqual(g.until_status("connected")["status"], "connected")
        g2 = self.gateway()
        g2.link(self.sandbox, number)
        g.event("session.devices", lambda e: e["data"].get("count") == 3)
        self.assertEqual(g.send(customer, "to three again", wait="delivered")["status"], "delivered")
        g2.event("message.own", lambda e: e["data"]["text"] == "to three again")

    def test_foreign_root_key(self):
        g = self.gateway(whatsapp={"root_key": secrets.token_hex(32)})
        g.rest.post("/v1/sessions", {"id": "shop"})
        s = until(lambda: (lambda s: s if s["status"] in ("backoff", "failed") else None)(g.session()))
        self.assertRegex(s["reason"], "cert|handshake")
        with self.assertRaises(ApiError):
            g.rest.get("/v1/sessions/shop/qr")

    def test_many_sessions(self):
        g = self.gateway()
        shops = [self.sandbox.account(phone(100 + i)) for i in range(12)]
        for i, number in enumerate(shops):
            g.link(self.sandbox, number, id=f"s{i}")
        self.assertEqual(g.stop(), 0)
        g.start()
        for i in range(len(shops)):
            g.until_status("connected", f"s{i}")
        page = g.rest.get("/v1/sessions?limit=5")
        self.assertEqual(len(page["sessions"]), 5)
        ids = [s["id"] for s in page["sessions"]]
        while page["next"]:
            page = g.rest.get(f"/v1/sessions?limit=5&cursor={page['next']}")
            ids += [s["id"] for s in page["sessions"]]
        self.assertEqual(ids, sorted(f"s{i}" for i in range(12)))


class Tls(Case):
    tls = True

    def test_link_over_tls(self):
        self.assertTrue(self.sandbox.url.startswith("wss://"))
        g = self.linked()
        customer = self.sandbox.account(phone(5))
        self.assertEqual(g.send(customer, "sealed twice", wait="delivered")["status"], "delivered")

    def test_unknown_authority(self):
        other = self.gateway(whatsapp={"ca_file": ""})
        other.rest.post("/v1/sessions", {"id": "shop"})
        self.assertTrue(other.until_status("backoff")["reason"])


if __name__ == "__main__":
    unittest.main()
