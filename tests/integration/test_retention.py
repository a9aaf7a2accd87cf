# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention: what goes by age, count and bytes, what stays, and what it says about it."""
import os
import unittest

from harness import SHOP, ApiError, Case, Gateway, Store, phone, until

PLUGINS = {**Gateway.BASE["plugins"], "enabled": ["webhooks", "orders", "retention"]}
ALL = "/v1/retention/rules"


class Retention(Case):
    def opened(self, **more):
        return self.linked(plugins={**PLUGINS, **more})

    def run_now(self, g, dry=False):
        id = g.rest.post("/v1/retention/runs", {"dry_run": dry})["id"]
        return until(lambda: (lambda r: r if r["state"] not in ("running", "stopping") else None)(
            g.rest.get(f"/v1/retention/runs/{id}")), what="the run to end")

    def texts(self, g):
        return [m["text"] for m in g.rest.get("/v1/messages?session=shop&limit=100")["messages"]]

    def talk(self, g, who, n):
        for i in range(n):
            self.sandbox.say(who, f"{who[-2:]} says {i}")
        until(lambda: sum(t.startswith(who[-2:]) for t in self.texts(g)) == n)

    def result(self, run, kind, session="shop"):
        return next((r for r in run["results"] if (r["kind"], r["session"]) == (kind, session)), None)

    def test_broadcasts_and_runs_of_schedules(self):
        g = self.opened(enabled=["broadcast", "schedule", "retention"])
        a, b = (self.sandbox.account(phone(n)) for n in (61, 62))
        broadcast = g.rest.post("/v1/broadcasts", {"name": "x", "sessions": ["shop"], "text": "hello", "audience": {
            "recipients": [f"+{a}", f"+{b}"]}})["id"]
        g.rest.post(f"/v1/broadcasts/{broadcast}/start")
        until(lambda: g.rest.get(f"/v1/broadcasts/{broadcast}")["state"] == "done", 30)
        job = g.rest.post("/v1/schedules", {"session": "shop", "to": [f"+{a}", f"+{b}"], "text": "hi",
                                            "at": "2030-01-01T09:00"})["id"]
        g.rest.post(f"/v1/schedules/{job}/run")
        runs = lambda: g.rest.get(f"/v1/schedules/{job}/runs")["runs"]
        until(lambda: [r["state"] for r in runs()] == ["sent"])
        hold = g.rest.post("/v1/retention/holds", {"contact": f"+{a}"})
        for kind in ("broadcasts", "schedule_runs"):
            g.rest.call("PUT", f"{ALL}/{kind}/*", {"max_count": 0})
        run = self.run_now(g)
        for kind in ("broadcasts", "schedule_runs"):
            self.assertEqual(self.result(run, kind, "")["held"], 1, run)
        left = g.rest.get(f"/v1/broadcasts/{broadcast}/recipients")["recipients"]
        self.assertEqual(len(left), 1)
        self.assertIn(a, str(left[0]))
        self.assertEqual(len(runs()), 1)
        g.rest.delete(f"/v1/retention/holds/{hold['id']}")
        self.run_now(g)
        self.assertEqual(g.rest.get("/v1/broadcasts")["broadcasts"], [])
        self.assertEqual(runs(), [])

    def test_rules_dry_run_and_run(self):
        g = self.opened()
        a = self.sandbox.account(phone(31))
        self.talk(g, a, 20)
        # what is promised without a word of the owner: nothing of today goes
        about = g.rest.get("/v1/retention")
        kinds = {k["kind"]: k for k in about["kinds"]}
        self.assertEqual(kinds["messages"]["rule"]["max_age_days"], 365)
        self.assertEqual(kinds["orders"]["rule"]["max_age_days"], 365)
        self.assertEqual(kinds["raw_payloads"]["rule"]["max_age_days"], 30)
        self.assertTrue(kinds["messages"]["is_default"])
        self.assertIsNotNone(about["next_run"])
        self.assertGreater(about["database"]["bytes"], 0)
        self.assertEqual(self.run_now(g)["rows"], 0)
        self.assertEqual(len(self.texts(g)), 20)

        g.rest.call("PUT", f"{ALL}/messages/*", {"max_count": 15})
        g.rest.call("PUT", f"{ALL}/messages/shop", {"max_count": 8, "max_age_days": 30})
        self.assertEqual(next(k for k in g.rest.get("/v1/retention")["kinds"] if k["kind"] == "messages")["sessions"],
                         {"shop": {"max_age_days": 30, "max_count": 8, "max_bytes": None}})
        dry = self.run_now(g, dry=True)
        self.assertEqual((dry["dry_run"], dry["state"], self.result(dry, "messages")["rows"]), (True, "done", 12))
        self.assertEqual(len(self.texts(g)), 20)
        run = self.run_now(g)
        self.assertEqual(self.result(run, "messages")["rows"], 12)
        self.assertEqual(self.texts(g), [f"31 says {i}" for i in range(19, 11, -1)])
        told = g.event("retention.finished", lambda e: e["subject"] == run["id"])["data"]
        self.assertEqual(told["rows"], run["rows"])

        # bytes: half of what is there, then nothing at all
        dry = g.rest.call("PUT", f"{ALL}/messages/shop", {"max_bytes": 0})
        self.assertEqual(dry["rule"]["max_bytes"], 0)
        self.run_now(g)
        self.assertEqual(self.texts(g), [])
        g.rest.delete(f"{ALL}/messages/shop")
        self.talk(g, a, 3)
        self.run_now(g)
        self.assertEqual(len(self.texts(g)), 3)
        self.assertEqual([r["dry_run"] for r in g.rest.get("/v1/retention/runs")["runs"]],
                         [False, False, False, True, False])

    def test_legal_holds(self):
        g = self.opened()
        a, b = self.sandbox.account(phone(32)), self.sandbox.account(phone(33))
        store = Store(g)
        self.assertEqual(store.order("H1", a), 200)
        store.until_state("H1", "delivered", "read")
        self.sandbox.say(a, "1")
        store.until_state("H1", "confirmed")
        self.assertEqual(store.order("H2", b), 200)
        store.until_state("H2", "delivered", "read")
        self.sandbox.say(b, "1")
        store.until_state("H2", "confirmed")
        self.talk(g, a, 4)
        self.talk(g, b, 4)
        hold = g.rest.post("/v1/retention/holds", {"contact": f"+{a[0]} {a[1:4]} {a[4:]}", "note": "case 12"})
        order = g.rest.post("/v1/retention/holds", {"order": store.find("H2")["id"]})
        self.assertEqual({h["kind"] for h in g.rest.get("/v1/retention/holds")["holds"]}, {"contact", "order"})
        for kind in ("messages", "orders", "raw_payloads"):
            g.rest.call("PUT", f"{ALL}/{kind}/*", {"max_age_days": 0})
        until(lambda: all(m["status"] in ("delivered", "read", "played")
                          for m in g.rest.get("/v1/messages?session=shop&limit=100")["messages"]))
        run = self.run_now(g)
        self.assertEqual(run["state"], "done")
        self.assertGreater(self.result(run, "messages")["held"], 4)
        self.assertEqual({t[:2] for t in self.texts(g) if " says " in t}, {"32"})
        # the one is held by its person, the other by itself
        self.assertEqual(self.result(run, "orders", "")["held"], 2)
        self.assertTrue(store.find("H1") and store.find("H2"))
        raw = f"/v1/stores/{store.id}/deliveries"
        self.assertEqual(len(g.rest.get(raw)["deliveries"]), 2)

        g.rest.delete(f"/v1/retention/holds/{hold['id']}")
        g.rest.delete(f"/v1/retention/holds/{order['id']}")
        self.run_now(g)
        self.assertEqual(self.texts(g), [])
        self.assertEqual(store.all(), [])
        self.assertEqual(g.rest.get(raw)["deliveries"], [])

    def test_events_go_from_the_beginning(self):
        g = self.opened(enabled=["retention"])      # a plugin's cursor would keep what it has not seen
        a = self.sandbox.account(phone(34))
        self.talk(g, a, 5)
        last = g.events()[-1]["seq"]
        g.rest.call("PUT", f"{ALL}/events/shop", {"max_age_days": 365})
        g.rest.call("PUT", f"{ALL}/events/*", {"max_age_days": 0})
        self.run_now(g)
        kept = [e["seq"] for e in g.events()]
        self.assertEqual(kept, list(range(kept[0], kept[-1] + 1)), "no holes")
        self.assertLess(kept[0], last, "a session that keeps its events longer keeps the log")
        g.rest.delete(f"{ALL}/events/shop")
        self.run_now(g)
        kept = [e["seq"] for e in g.events()]
        self.assertEqual(kept, list(range(kept[0], kept[-1] + 1)))
        self.assertGreater(kept[0], last - 5)
        self.sandbox.say(a, "still")
        self.assertEqual(g.event("message.received", lambda e: e["data"]["text"] == "still", since=last)["kind"],
                         "message.received")

    def test_killed_in_the_middle(self):
        g = self.opened()
        a = self.sandbox.account(phone(35))
        self.talk(g, a, 60)
        g.rest.call("PUT", f"{ALL}/messages/*", {"max_count": 5})
        id = g.rest.post("/v1/retention/runs", {})["id"]
        g.kill()
        g.start()
        run = until(lambda: (lambda r: r if r["state"] != "running" else None)(g.rest.get(f"/v1/retention/runs/{id}")))
        self.assertIn((run["state"], run.get("reason")), [("stopped", "the gateway ended"), ("done", None)])
        self.run_now(g)
        self.assertEqual(self.texts(g), [f"35 says {i}" for i in range(59, 54, -1)])

    def test_space_is_returned(self):
        """A file of tens of MiB shrinks when what was in it has gone."""
        g = self.opened(enabled=["retention"])
        a = self.sandbox.account(phone(36))
        big = "x" * 4000
        for i in range(2000):
            self.sandbox.say(a, f"{i} {big}")
        until(lambda: g.rest.get("/v1/messages?session=shop&limit=1")["messages"][0]["text"].startswith("1999 "), 60)
        g.rest.call("PUT", f"{ALL}/messages/*", {"max_age_days": 0})
        g.rest.call("PUT", f"{ALL}/events/*", {"max_age_days": 0})
        before = g.rest.get("/v1/retention")["database"]
        run = self.run_now(g)
        self.assertGreater(run["bytes"], 12 << 20)
        after = until(lambda: (lambda d: d if d["free_bytes"] < (4 << 20) + d["bytes"] // 10 else None)(
            g.rest.get("/v1/retention")["database"]), 60, "space to be returned")
        self.assertLess(after["bytes"], before["bytes"] / 2)
        self.assertEqual(g.stop(), 0)
        self.assertEqual(os.stat(g.data / "warbler.db").st_size, after["bytes"])

    def test_what_is_refused(self):
        g = self.opened()
        for method, path, body, status in [
                ("PUT", f"{ALL}/nonsense/*", {}, 404),
                ("PUT", f"{ALL}/messages/nobody", {}, 404),
                ("PUT", f"{ALL}/raw_payloads/shop", {"max_age_days": 1}, 422),
                ("PUT", f"{ALL}/messages/*", {"max_age_days": -1}, 422),
                ("PUT", f"{ALL}/messages/*", {"max_age": 1}, 422),
                ("DELETE", f"{ALL}/messages/*", None, 404),
                ("POST", "/v1/retention/holds", {}, 422),
                ("POST", "/v1/retention/holds", {"contact": "no number"}, 422),
                ("POST", "/v1/retention/holds", {"contact": SHOP, "order": "x"}, 422),
                ("DELETE", "/v1/retention/holds/none", None, 404),
                ("POST", "/v1/retention/runs", {"dry": True}, 422),
                ("GET", "/v1/retention/runs/none", None, 404),
                ("POST", "/v1/retention/runs/none/stop", None, 409)]:
            with self.subTest(path=path, body=body):
                with self.assertRaises(ApiError) as e:
                    g.rest.call(method, path, body)
                self.assertEqual(e.exception.status, status)


if __name__ == "__main__":
    unittest.main()
