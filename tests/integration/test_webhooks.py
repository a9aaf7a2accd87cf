# SPDX-License-Identifier: GPL-3.0-or-later
"""Outgoing webhooks: in order, again after failures, dead letters, replay, and where they may not go."""
import time
import unittest

from harness import ApiError, Case, Store, phone, until


class Webhooks(Case):
    def setUp(self):
        super().setUp()
        self.receiver_ = self.receiver()

    def test_order_and_signature(self):
        g = self.linked()
        r = self.receiver_
        r.register(g, ["message.*", "order.*"])
        customer = self.sandbox.account(phone(1))
        self.sandbox.rule(customer, match="contains", text="Please answer", reply="1", quote=True)
        store = Store(g)
        for i in range(10):
            self.assertEqual(store.order(f"W{i}", customer), 200)
        for i in range(10):
            store.until_state(f"W{i}", "confirmed")
        want = [e for e in g.events(kinds="message.*,order.*")]
        until(lambda: len(r.taken()) >= len(want), what="all webhooks")
        self.assertEqual([e for _, e in r.taken()][:len(want)], want)
        self.assertEqual([id for id, _ in r.taken()][:len(want)], [e["id"] for e in want])
        self.assertEqual(r.bad, 0)

    def test_receiver_down(self):
        g = self.linked()
        r = self.receiver_
        hook = r.register(g, ["message.sent"])
        customer = self.sandbox.account(phone(2))
        r.answer = lambda e: 503
        for i in range(3):
            g.send(customer, f"text {i}", wait="delivered")
        until(lambda: len(r.got) >= 3, what="a third attempt")
        self.assertEqual({e["data"]["text"] for _, e, _ in r.got}, {"text 0"})   # the others wait their turn
        g.kill()
        g.start()
        last = until(lambda: g.rest.get(f"/v1/webhooks/{hook}")["last_attempt"], what="an attempt after the restart")
        self.assertGreaterEqual(last["attempts"], 3)        # the back-off goes on where it was
        r.answer = lambda e: 204
        until(lambda: len(r.taken()) == 3)
        self.assertEqual([e["data"]["text"] for _, e in r.taken()], ["text 0", "text 1", "text 2"])
        self.assertEqual(len({id for id, e, _ in r.got if e["data"]["text"] == "text 0"}), 1)
        until(lambda: g.rest.get(f"/v1/webhooks/{hook}")["last_attempt"]["status"] == 204)

    def test_pause_change_delete(self):
        g = self.linked()
        r = self.receiver_
        hook = r.register(g, ["message.sent"])
        customer = self.sandbox.account(phone(3))
        self.assertEqual(g.rest.patch(f"/v1/webhooks/{hook}", {"state": "paused"})["state"], "paused")
        id = g.send(customer, "while paused", wait="delivered")["id"]
        self.assertEqual(r.got, [])
        g.rest.patch(f"/v1/webhooks/{hook}", {"state": "active"})
        until(lambda: [e["data"]["id"] for _, e in r.taken()] == [id])
        self.assertTrue(g.rest.post(f"/v1/webhooks/{hook}/test")["ok"])
        g.rest.delete(f"/v1/webhooks/{hook}")
        self.assertEqual(g.rest.get("/v1/webhooks")["webhooks"], [])
        for bad in ({}, {"url": "ftp://example.com"}, {"url": "http://x y"}, {"url": r.url, "events": []},
                    {"url": r.url, "surprise": 1}, {"url": r.url, "secret": "short"}):
            with self.assertRaises(ApiError, msg=str(bad)) as e:
                g.rest.post("/v1/webhooks", bad)
            self.assertEqual(e.exception.status, 422)

    def test_private_addresses(self):
        g = self.linked(network={"allow_private": False}, plugins={"enabled": ["webhooks"]})
        r = self.receiver_
        port = r.url.rsplit(":", 1)[1]
        for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"):
            with self.subTest(host):
                hook = g.rest.post("/v1/webhooks", {"url": f"http://{host}:{port}"})["id"]
                said = g.rest.post(f"/v1/webhooks/{hook}/test")
                self.assertFalse(said["ok"])
                g.rest.delete(f"/v1/webhooks/{hook}")
        self.assertEqual((r.got, r.bad), ([], 0))


class DeadLetters(Case):
    def test_dead_letter_and_replay(self):
        """Given up after a minute, the shortest there is; the log goes on behind it."""
        g = self.linked(plugins={"enabled": ["webhooks"], "webhooks": {"allow_private": True, "give_up_after_s": 60}})
        r = self.receiver()
        hook = r.register(g, ["message.sent"])
        customer = self.sandbox.account(phone(4))
        r.answer = lambda e: 500 if e["data"]["text"] == "poison" else 204
        g.send(customer, "poison", wait="delivered")
        g.send(customer, "behind it", wait="delivered")
        start = time.monotonic()
        e = g.event("webhook.failed", seconds=75)      # the last attempt is at the minute
        self.assertGreater(time.monotonic() - start, 30)
        self.assertEqual((e["subject"], e["data"]["event_type"]), (hook, "message.sent"))
        until(lambda: [e["data"]["text"] for _, e in r.taken()] == ["behind it"])
        dead = g.rest.get(f"/v1/webhooks/{hook}/dead")["dead"]
        self.assertEqual(len(dead), 1)
        self.assertIn("500", dead[0]["reason"])
        r.answer = lambda e: 204
        g.rest.post(f"/v1/webhooks/{hook}/replay", {"id": dead[0]["id"]})
        until(lambda: [e["data"]["text"] for _, e in r.taken()] == ["behind it", "poison"])
        until(lambda: g.rest.get(f"/v1/webhooks/{hook}/dead")["dead"] == [])
        g.rest.post(f"/v1/webhooks/{hook}/replay", {"since_seq": 0})
        until(lambda: [e["data"]["text"] for _, e in r.taken()] == ["behind it", "poison", "poison", "behind it"])


if __name__ == "__main__":
    unittest.main()
