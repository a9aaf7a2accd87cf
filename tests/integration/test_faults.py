# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong at WhatsApp, made to go wrong by the sandbox."""
import json
import unittest

from harness import SHOP, Case, Store, phone, until


class Sending(Case):
    def setUp(self):
        super().setUp()
        self.customer = self.sandbox.account(phone(1))
        self.g = self.linked(outbox={"retry_ms": 50, "attempts": 3})

    def shown_once(self, *texts):
        shown = self.sandbox.received(self.customer)
        self.assertEqual([m["text"] for m in shown], list(texts))

    def test_socket_dropped_around_a_send(self):
        for i, kind in enumerate(("drop_at_message", "drop_before_ack", "drop_after_ack")):
            with self.subTest(kind):
                fault = self.sandbox.fault(kind, account=SHOP)
                id = self.g.send(self.customer, kind)["id"]
                until(lambda: self.g.message(id)["status"] == "delivered", what=kind)
                self.assertEqual([f["hits"] for f in self.sandbox.rest.get("/faults")["faults"]
                                  if f["id"] == fault["id"]], [1])
                self.g.until_status("connected")
        self.shown_once("drop_at_message", "drop_before_ack", "drop_after_ack")

    def test_lost_ack(self):
        """The phone has it, the sender does not know: it goes again under the same id, and is shown once."""
        self.sandbox.fault("lose_ack", account=SHOP)
        id = self.g.send(self.customer, "said twice, heard once")["id"]
        until(lambda: self.sandbox.received(self.customer))
        self.sandbox.fault("drop", account=SHOP)
        until(lambda: self.g.message(id)["status"] == "delivered")
        self.g.event("message.sent", lambda e: e["data"]["id"] == id)
        self.shown_once("said twice, heard once")

    def test_late_ack(self):
        self.sandbox.fault("delay_ack", account=SHOP, delay_ms=1500)
        m = self.g.send(self.customer, "patience", wait="server")
        self.assertIn(m["status"], ("sent", "delivered"))
        self.shown_once("patience")

    def test_final_refusals(self):
        for code, reason in ((463, "token_missing"), (479, "stale"), (400, "invalid"), (401, "not_allowed"),
                             (404, "not_on_whatsapp"), (477, "nack_477")):
            with self.subTest(code):
                # an unknown LID is looked up again before the number counts as unknown
                self.sandbox.fault("nack", account=SHOP, code=code, times=2 if code == 404 else 1)
                id = self.g.send(self.customer, f"nack {code}")["id"]
                e = self.g.event("message.failed", lambda e: e["data"]["id"] == id)
                self.assertEqual(e["data"]["reason"], reason)
                m = self.g.message(id)
                self.assertEqual((m["status"], m["reason"]), ("failed", reason))
        self.shown_once()

    def test_passing_refusals(self):
        for code in (429, 500, 503):
            with self.subTest(code):
                self.sandbox.fault("nack", account=SHOP, code=code)
                m = self.g.send(self.customer, f"nack {code}", wait="delivered")
                self.assertEqual(m["status"], "delivered")
        self.sandbox.fault("nack", account=SHOP, code=503, times=-1)
        id = self.g.send(self.customer, "never")["id"]
        e = self.g.event("message.failed", lambda e: e["data"]["id"] == id)
        self.assertEqual(e["data"]["reason"], "too_many_attempts")
        self.shown_once("nack 429", "nack 500", "nack 503")

    def test_order_fails_with_its_message(self):
        store = Store(self.g)
        self.sandbox.fault("nack", account=SHOP, code=463)
        self.assertEqual(store.order("R1", self.customer), 200)
        self.assertEqual(store.until_state("R1", "failed")["reason"], "token_missing")

    def test_recipient_cannot_read(self):
        """The phone asks for the message again with new keys, and gets it."""
        for kind in ("retry", "corrupt"):
            with self.subTest(kind):
                self.sandbox.fault(kind, account=self.customer, device=0)
                m = self.g.send(self.customer, kind, wait="delivered")
                self.assertEqual(m["status"], "delivered")
                self.g.event("message.retried", lambda e: e["data"]["id"] == m["id"])
        self.shown_once("retry", "corrupt")

    def test_we_cannot_read(self):
        self.g.send(self.customer, "hello", wait="delivered")
        device = [d["device"] for d in self.sandbox.rest.get(f"/accounts/{SHOP}/devices")["devices"] if d["device"]][0]
        self.sandbox.fault("corrupt", account=SHOP, device=device)
        self.sandbox.say(self.customer, "spoiled on the way")
        e = self.g.event("message.received", lambda e: e["data"]["text"] == "spoiled on the way")
        self.assertEqual(len([x for x in self.g.events(kinds="message.received")
                              if x["data"]["wa_id"] == e["data"]["wa_id"]]), 1)
        self.assertTrue(self.g.events(kinds="message.undecryptable"))

    def test_recipient_without_prekeys(self):
        other = self.sandbox.account(phone(2))
        self.sandbox.fault("no_prekeys", account=other)
        self.assertEqual(self.g.send(other, "no one-time key", wait="delivered")["status"], "delivered")

    def test_both_forget_each_other(self):
        self.g.send(self.customer, "before", wait="delivered")
        self.sandbox.rest.post(f"/accounts/{self.customer}/forget", {"chat": SHOP})
        self.assertEqual(self.g.send(self.customer, "after", wait="delivered")["status"], "delivered")
        self.sandbox.say(self.customer, "an answer")
        self.g.event("message.received", lambda e: e["data"]["text"] == "an answer")
        self.shown_once("before", "after")

    def test_lid_switched(self):
        """The customer's LID changes: while a message is on its way, told and not told; between two messages."""
        self.g.send(self.customer, "before", wait="delivered")
        self.sandbox.say(self.customer, "I am here")
        self.g.event("message.received", lambda e: e["data"]["text"] == "I am here")
        sent = ["before"]
        for code in (0, 404):
            with self.subTest(code):
                lid = self.sandbox.get(self.customer)["lid"]
                fault = self.sandbox.fault("lid_switched", account=self.customer, code=code)
                m = self.g.send(self.customer, f"in flight {code}", wait="delivered")
                self.assertEqual(m["status"], "delivered")
                self.assertEqual([f["hits"] for f in self.sandbox.rest.get("/faults")["faults"]
                                  if f["id"] == fault["id"]], [1])
                self.assertNotEqual(self.sandbox.get(self.customer)["lid"], lid)
                self.sandbox.say(self.customer, f"new name {code}")
                self.g.event("message.received", lambda e: e["data"]["text"] == f"new name {code}")
                self.assertEqual(self.g.send(self.customer, f"after {code}", wait="delivered")["status"], "delivered")
                sent += [f"in flight {code}", f"after {code}"]
        self.sandbox.rest.post(f"/accounts/{self.customer}/lid")
        self.sandbox.say(self.customer, "another one")
        self.g.event("message.received", lambda e: e["data"]["text"] == "another one")
        self.shown_once(*sent)
        self.assertEqual([e["data"]["text"] for e in self.g.events(kinds="message.received")],
                         ["I am here", "new name 0", "new name 404", "another one"])
        self.sandbox.rest.patch(f"/accounts/{self.customer}", {"addressing": "pn"})
        self.sandbox.say(self.customer, "by number")
        self.g.event("message.received", lambda e: e["data"]["text"] == "by number")
        chats = self.g.rest.get("/v1/sessions/shop/chats")["chats"]
        self.assertEqual(len([c for c in chats if self.customer in json.dumps(c)]), 1)

    def test_offline_customer(self):
        self.sandbox.rest.patch(f"/accounts/{self.customer}", {"online": False})
        id = self.g.send(self.customer, "later", wait="server")["id"]
        self.assertEqual(self.g.message(id)["status"], "sent")
        self.sandbox.rest.patch(f"/accounts/{self.customer}", {"online": True})
        until(lambda: self.g.message(id)["status"] == "delivered")

    def test_not_on_whatsapp(self):
        store = Store(self.g)
        self.assertEqual(store.order("N1", phone(999)), 200)
        o = store.until_state("N1", "failed")
        self.assertEqual(o["reason"], "not_on_whatsapp")
        self.assertEqual(store.order("N2", "12", phone="12"), 200)
        self.assertEqual(store.until_state("N2", "failed")["reason"], "invalid_phone")
        self.assertEqual(store.order("N3", "", phone=None), 200)
        self.assertEqual(store.until_state("N3", "failed")["reason"], "no_phone")


class Server(Case):
    def down(self, g, status):
        """The next status event after the fault, with what it says."""
        return g.event("session.status", lambda e: e["data"]["status"] == status)["data"]

    def test_passing_stream_errors(self):
        for code, reason in ((503, "server_busy"), (500, "stream_error")):
            with self.subTest(code):
                self.setUp()
                g = self.linked()
                self.sandbox.fault("stream_error", account=SHOP, code=code)
                self.assertEqual(self.down(g, "backoff")["reason"], reason)
                g.until_status("connected")

    def test_restart_required(self):
        g = self.linked()
        before = len(g.events(kinds="session.status"))
        self.sandbox.fault("stream_error", account=SHOP, code=515)
        until(lambda: len(g.events(kinds="session.status")) > before)
        g.until_status("connected", seconds=3)

    def test_final_stream_errors(self):
        for code, status, reason in ((440, "failed", "replaced"), (516, "logged_out", "logged_out"),
                                     (401, "logged_out", "logged_out")):
            with self.subTest(code):
                self.setUp()
                g = self.linked()
                self.sandbox.fault("stream_error", account=SHOP, code=code)
                s = g.until_status(status)
                self.assertEqual(s["reason"], reason)
                self.assertEqual(s["linked"], status != "logged_out")
                self.assertEqual(s["desired"], "stopped")

    def test_login_failures(self):
        for code, status, reason in ((401, "logged_out", "logged_out"), (402, "failed", "temporarily_banned"),
                                     (403, "logged_out", "account_locked"), (406, "logged_out", "banned"),
                                     (503, "backoff", "server_busy")):
            with self.subTest(code):
                self.setUp()
                g = self.linked()
                self.sandbox.fault("login_failure", account=SHOP, code=code)
                g.rest.post("/v1/sessions/shop/restart")
                self.assertEqual(self.down(g, status)["reason"], reason)
                if status == "backoff":
                    g.until_status("connected")

    def test_outdated(self):
        g = self.linked()
        self.sandbox.fault("outdated", account=SHOP)
        self.sandbox.fault("drop", account=SHOP)
        s = g.until_status("failed")
        self.assertEqual(s["reason"], "outdated")
        self.assertTrue(s["linked"])
        g.rest.post("/v1/sessions/shop/start")
        g.until_status("connected")

    def test_dropped_again_and_again(self):
        g = self.linked()
        customer = self.sandbox.account(phone(3))
        ids = []
        for i in range(10):
            ids.append(g.send(customer, f"text {i}")["id"])
            self.sandbox.fault("drop", account=SHOP)
        for id in ids:
            until(lambda: g.message(id)["status"] == "delivered")
        self.assertEqual([m["text"] for m in self.sandbox.received(customer)], [f"text {i}" for i in range(10)])


class Frozen(Case):
    def test_open_but_dead(self):
        """A server that says nothing more: the keep-alive (20 to 30 s, answer within 20 s) finds out."""
        g = self.linked()
        self.sandbox.fault("freeze", account=SHOP)
        s = g.event("session.status", lambda e: e["data"]["status"] == "backoff", seconds=60)["data"]
        self.assertEqual(s["reason"], "keepalive_timeout")
        g.until_status("connected")
        self.check_violations = False    # what a frozen server was told, it has not heard


if __name__ == "__main__":
    unittest.main()
