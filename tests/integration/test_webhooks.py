# SPDX-License-Identifier: GPL-3.0-or-later
"""Outgoing webhooks: order inside each chat, crashes, dead letters, replay, commands, and where they may not go."""
import collections
import pathlib
import random
import shutil
import tempfile
import time
import unittest

from harness import SHOP, ApiError, Case, Store, phone, until

QUICK = {"allow_private": True, "give_up_after_s": 2, "retry_max_s": 1, "probe_max_s": 1}


def quick(**more):
    return {"plugins": {"enabled": ["webhooks"], "webhooks": {**QUICK, **more}}}


class Webhooks(Case):
    def setUp(self):
        super().setUp()
        self.receiver_ = self.receiver()

    def check_sequence(self, got, want):
        """Every wanted event came; inside a chat in order; twice only under the same id."""
        by_id = {}
        last = collections.defaultdict(int)
        for id, e in got:
            self.assertEqual(id, e["id"])
            if id in by_id:
                self.assertEqual(by_id[id], e)
                continue
            by_id[id] = e
            chat = e["data"].get("chat", {})
            key = chat.get("jid") or chat.get("lid") or e.get("session") if isinstance(chat, dict) else chat
            self.assertGreater(e["seq"], last[key])
            last[key] = e["seq"]
        self.assertEqual([e["id"] for e in want if e["id"] not in by_id], [])

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
        want = g.events(kinds="message.*,order.*")
        until(lambda: {e["id"] for e in want} <= {id for id, _ in r.taken()}, what="all webhooks")
        self.check_sequence(r.taken(), want)
        self.assertEqual(len(r.taken()), len({id for id, _ in r.taken()}))
        self.assertEqual(r.bad, 0)

    def test_log_order(self):
        """One request at a time: everything in the order of the log."""
        g = self.linked()
        r = self.receiver_
        r.register(g, ["message.*"], concurrency=1)
        people = [self.sandbox.account(phone(20 + i)) for i in range(3)]
        for i in range(12):
            g.send(people[i % 3], f"text {i}", wait="delivered")
        want = g.events(kinds="message.*")
        until(lambda: len(r.taken()) >= len(want), what="all webhooks")
        self.assertEqual([e for _, e in r.taken()][:len(want)], want)

    def test_killed_under_way(self):
        """kill -9 at random moments: the sequence at the receiver has no hole and no swap."""
        seed = random.randrange(1 << 30)
        rnd = random.Random(seed)
        g = self.linked(**quick(give_up_after_s=600))
        r = self.receiver_
        r.register(g, ["message.*"])
        r.answer = lambda e: 204 if rnd.random() > 0.1 else 503
        people = [self.sandbox.account(phone(40 + i)) for i in range(5)]
        with self.subTest(seed=seed):
            for round_ in range(4):
                for i in range(12):
                    self.sandbox.say(rnd.choice(people), f"round {round_} text {i}", to=SHOP)
                have = len(r.got)
                until(lambda h=have: len(r.got) >= h + rnd.randrange(12), what="some webhooks")
                g.kill()
                g.start()
                g.until_status("connected")
            until(lambda: len(g.events(kinds="message.received")) == 48, what="all texts")
            want = g.events(kinds="message.*")
            until(lambda: {e["id"] for e in want} <= {id for id, _ in r.taken()}, 40, "all webhooks")
            self.check_sequence(r.taken(), want)

    def test_receiver_down(self):
        g = self.linked(**quick(give_up_after_s=600))
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
        self.assertEqual(g.rest.post(f"/v1/webhooks/{hook}/pause")["reason"], "owner")
        id = g.send(customer, "while paused", wait="delivered")["id"]
        self.assertEqual(r.got, [])
        g.rest.post(f"/v1/webhooks/{hook}/resume")
        until(lambda: [e["data"]["id"] for _, e in r.taken()] == [id])
        g.event("webhook.resumed", lambda e: e["subject"] == hook)
        said = g.rest.post(f"/v1/webhooks/{hook}/test")
        self.assertTrue(said["ok"])
        self.assertEqual((said["status"], said["request"]["headers"]["webhook-signature"]), (204, "***"))
        attempts = until(lambda: g.rest.get(f"/v1/webhooks/{hook}/deliveries")["deliveries"])
        one = g.rest.get(f"/v1/webhooks/{hook}/deliveries/{attempts[0]['id']}")
        self.assertIn("while paused", one["request"]["body"])
        g.rest.delete(f"/v1/webhooks/{hook}")
        self.assertEqual(g.rest.get("/v1/webhooks")["webhooks"], [])
        for bad in ({}, {"url": "ftp://example.com"}, {"url": "http://x y"}, {"url": r.url, "events": []},
                    {"url": r.url, "surprise": 1}, {"url": r.url, "secret": "short"}):
            with self.assertRaises(ApiError, msg=str(bad)) as e:
                g.rest.post("/v1/webhooks", bad)
            self.assertEqual(e.exception.status, 422)

    def test_filters(self):
        g = self.linked()
        r = self.receiver_
        one, two = self.sandbox.account(phone(5)), self.sandbox.account(phone(6))
        r.register(g, ["message.*"], filter={"direction": "in", "chat_type": "private", "contacts": [f"+{one}"], "where": [
            {"path": "$.data.text", "op": "regex", "value": "(?i)order [0-9]+"}]})
        g.send(one, "order 1, from us", wait="delivered")
        self.sandbox.say(two, "Order 2, from somebody else")
        self.sandbox.say(one, "What else?")
        self.sandbox.say(one, "My ORDER 3 please")
        until(lambda: r.taken(), what="the one")
        self.assertEqual([e["data"]["text"] for _, e in r.taken()], ["My ORDER 3 please"])

    def test_rotation(self):
        g = self.linked()
        r = self.receiver_
        hook = r.register(g, ["message.sent"])
        customer = self.sandbox.account(phone(7))
        new = g.rest.post(f"/v1/webhooks/{hook}/rotate", {"overlap_s": 3600})["secret"]
        g.send(customer, "for those who know the old one", wait="delivered")
        until(lambda: len(r.taken()) == 1)
        r.secret = new
        g.send(customer, "for those who know the new one", wait="delivered")
        until(lambda: len(r.taken()) == 2)
        self.assertEqual(r.bad, 0)

    def test_transform(self):
        """A script changes what is sent, skips events, and fails."""
        scripts = pathlib.Path(tempfile.mkdtemp(prefix="warbler-scripts-"))
        self.addCleanup(shutil.rmtree, scripts, ignore_errors=True)
        (scripts / "shape.lua").write_text("""local wb = require "warbler"
wb.export("text", function(event)
	if event.data.text == "skip" then return nil end
	if event.data.text == "fail" then error("no such text") end
	return { said = event.data.text, id = event.id }
end)
""")
        g = self.linked(scripts={"dir": scripts})
        r = self.receiver_
        hook = r.register(g, ["message.sent"], transform={"script": "shape", "function": "text"}, concurrency=1)
        customer = self.sandbox.account(phone(9))
        for text in ("one", "skip", "two", "fail"):
            g.send(customer, text, wait="delivered")
        until(lambda: len(r.taken()) == 2, what="the two that were not skipped")
        self.assertEqual([set(e) for _, e in r.taken()], [{"said", "id"}] * 2)
        self.assertEqual([(e["said"], e["id"]) for _, e in r.taken()],
                         [(t, i) for t, i in zip(("one", "two"), [i for i, _ in r.taken()])])
        failed = until(lambda: g.rest.get(f"/v1/webhooks/{hook}/deliveries?outcome=failed")["deliveries"])
        self.assertIn("no such text", failed[0]["error"])
        self.assertEqual(len(g.rest.get(f"/v1/webhooks/{hook}/deliveries?outcome=skipped")["deliveries"]), 1)

    def test_answer_with_commands(self):
        g = self.linked()
        r = self.receiver_
        hook = r.register(g, ["message.received"], allow_commands=["reply", "react", "mark_read"])
        customer = self.sandbox.account(phone(8))
        r.says = lambda e: {"commands": [{"type": "reply", "text": f"You said: {e['data']['text']}", "quote": True},
                                         {"type": "react", "emoji": "👍"}, {"type": "mark_read"},
                                         {"type": "forward", "to": "+12025550199"}]}
        self.sandbox.say(customer, "Hello there")
        until(lambda: [m for m in self.sandbox.received(customer) if m.get("text") == "You said: Hello there"])
        attempt = until(lambda: g.rest.get(f"/v1/webhooks/{hook}/deliveries")["deliveries"])[0]
        done = g.rest.get(f"/v1/webhooks/{hook}/deliveries/{attempt['id']}")["commands"]
        self.assertEqual([c["type"] for c in done], ["reply", "react", "mark_read", "forward"])
        self.assertTrue(all(200 <= c["status"] < 300 for c in done[:3]), done)
        self.assertIn("not allowed", done[3]["error"])
        # the same delivery again: nothing is sent twice
        g.rest.post(f"/v1/webhooks/{hook}/replay", {"since_seq": 0})
        until(lambda: len(r.taken()) == 2)
        until(lambda: len(g.rest.get(f"/v1/webhooks/{hook}/deliveries")["deliveries"]) == 2)
        g.send(customer, "the last", wait="delivered")
        self.assertEqual([m["text"] for m in self.sandbox.received(customer) if m.get("text")],
                         ["You said: Hello there", "the last"])

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

    def test_dead_letter_redelivery_and_replay(self):
        """Given up after two seconds; the log goes on behind it."""
        g = self.linked(**quick())
        r = self.receiver_
        hook = r.register(g, ["message.sent"])
        customer = self.sandbox.account(phone(4))
        r.answer = lambda e: 500 if e["data"]["text"] == "poison" else 204
        start = time.monotonic()
        g.send(customer, "poison", wait="delivered")
        g.send(customer, "behind it", wait="delivered")
        e = g.event("webhook.failed")      # the last attempt is when the time is over
        self.assertGreater(time.monotonic() - start, 1)
        self.assertEqual((e["subject"], e["data"]["event_type"]), (hook, "message.sent"))
        until(lambda: [e["data"]["text"] for _, e in r.taken()] == ["behind it"])
        dead = g.rest.get(f"/v1/webhooks/{hook}/dead")["dead"]
        self.assertEqual(len(dead), 1)
        self.assertIn("500", dead[0]["reason"])
        r.answer = lambda e: 204
        with self.assertRaises(ApiError) as no:
            g.rest.post(f"/v1/webhooks/{hook}/dead/999/redeliver")
        self.assertEqual((no.exception.status, no.exception.body["detail"]), (404, "no dead letter has this id"))
        g.rest.post(f"/v1/webhooks/{hook}/dead/{dead[0]['id']}/redeliver")
        until(lambda: [e["data"]["text"] for _, e in r.taken()] == ["behind it", "poison"])
        until(lambda: g.rest.get(f"/v1/webhooks/{hook}/dead")["dead"] == [])
        g.rest.post(f"/v1/webhooks/{hook}/replay", {"since_seq": 0, "per_second": 1000})
        until(lambda: [e["data"]["text"] for _, e in r.taken()] == ["behind it", "poison", "poison", "behind it"])
        self.assertEqual(r.replays, 3)


if __name__ == "__main__":
    unittest.main()
