# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipient lists and broadcasts: everyone once, with their consent, over pauses, kills and restrictions."""
import collections
import csv
import io
import json
import threading
import time
import unittest

from harness import ApiError, Case, Store, phone, until

SHOP2 = "12025550101"
FAST = {"check_pause_ms": 50, "window": 5, "brake_min": 8, "brake_last": 20}


def numbers(first, count):
    return [phone(first + i) for i in range(count)]


class Broadcasts(Case):
    def running(self, sessions=1, pacing=None, **params):
        config = {"server": {"port": 0}, "pacing": pacing or {"enabled": False}, "plugins": {"enabled": ["broadcast", "orders"], "broadcast": FAST | params}}
        g = self.linked(**config)
        if sessions == 2:
            self.sandbox.account(SHOP2, "The other shop")
            g.link(self.sandbox, SHOP2, "two")
        return g

    def make(self, g, to=(), text="Hello", **kw):
        audience = kw.pop("audience", {})
        if to:
            audience["recipients"] = [t if isinstance(t, dict) else f"+{t}" for t in to]
        return g.rest.post("/v1/broadcasts", {"name": "Test", "sessions": ["shop"], "text": text, "audience": audience,
                                              **kw})["id"]

    def until_state(self, g, id, *states, seconds=30):
        try:
            return until(lambda: (lambda b: b if b["state"] in states else None)(g.rest.get(f"/v1/broadcasts/{id}")), seconds)
        except AssertionError:
            self.fail(f"not {' or '.join(states)}: {g.rest.get(f'/v1/broadcasts/{id}')}")

    def results(self, g, id, query=""):
        got, cursor = [], ""
        while True:
            page = g.rest.get(f"/v1/broadcasts/{id}/recipients?limit=200{query}" + (f"&cursor={cursor}" if cursor else ""))
            got += page["recipients"]
            cursor = page["next"]
            if not cursor:
                return got

    def texts(self, number, chat="12025550100"):
        return [m.get("text") for m in self.sandbox.received(number, chat)]

    # ---- lists ----

    def test_lists(self):
        g = self.running()
        made = g.rest.post("/v1/lists", {"name": "Friends"})
        self.assertEqual(made["count"], 0)
        with self.assertRaises(ApiError) as e:
            g.rest.post("/v1/lists", {"name": "Friends"})
        self.assertEqual(e.exception.status, 409)
        id = made["id"]
        r = g.rest.post(f"/v1/lists/{id}/members", {"members": [
            {"to": "+12025560001", "name": "Ann", "vars": {"city": "Rome", "n": 3}},
            {"to": "12025560001@s.whatsapp.net", "name": "Ann again"}, "+12025560002", {"to": "nobody"}]})
        self.assertEqual((r["added"], r["skipped"], [p["code"] for p in r["problems"]]),
                         (2, 2, ["duplicate", "not_a_number"]))
        members = g.rest.get(f"/v1/lists/{id}/members")["members"]
        self.assertEqual(members[0], {"to": "+12025560001", "phone": "+12025560001", "name": "Ann",
                                      "vars": {"city": "Rome", "n": 3}})
        first = g.rest.get(f"/v1/lists/{id}/members?limit=1")
        self.assertEqual(g.rest.get(f"/v1/lists/{id}/members?limit=1&cursor={first['next']}")["members"], [members[1]])
        self.assertEqual(g.rest.patch(f"/v1/lists/{id}", {"name": "Family"})["name"], "Family")
        g.rest.delete(f"/v1/lists/{id}/members/+12025560002")
        self.assertEqual(g.rest.get(f"/v1/lists/{id}")["count"], 1)
        self.assertEqual([x["name"] for x in g.rest.get("/v1/lists")["lists"]], ["Family"])
        g.kill()
        g.start()
        self.assertEqual(g.rest.get(f"/v1/lists/{id}/members")["members"], [members[0]])
        g.rest.delete(f"/v1/lists/{id}")
        with self.assertRaises(ApiError) as e:
            g.rest.get(f"/v1/lists/{id}")
        self.assertEqual(e.exception.status, 404)
        g.rest.post("/v1/lists", {"name": "Family"})

    def csv(self, g, path, text, query=""):
        status, body, _ = g.rest.raw("POST", path + query, text if isinstance(text, bytes) else text.encode(),
                                     {"Content-Type": "text/csv"})
        return status, json.loads(body)

    def test_csv(self):
        g = self.running()
        id = g.rest.post("/v1/lists", {"name": "Files"})["id"]
        path = f"/v1/lists/{id}/import"
        file = 'Name;Mobile;Town\r\n"M\xfcller; Jo";+1 202 556 0001;K\xf6ln\r\nBad;12;x\r\nCy;+12025560002;=1+1\r\n'
        status, r = self.csv(g, path, file.encode("cp1252"), "?preview=true")
        self.assertEqual(status, 200, r)
        self.assertEqual(r["columns"]["encoding"], "windows-1252")
        self.assertEqual((r["columns"]["to"], r["columns"]["name"], r["columns"]["vars"]), ("#2", "#1", {"town": "Town"}))
        self.assertEqual(r["preview"][0], {"to": "+12025560001", "phone": "+12025560001", "name": "Müller; Jo",
                                           "vars": {"town": "Köln"}})
        self.assertEqual([(p["row"], p["code"]) for p in r["problems"]], [(3, "missing_country")])
        self.assertEqual(g.rest.get(f"/v1/lists/{id}")["count"], 0)     # a look changes nothing
        status, r = self.csv(g, path, file.encode("cp1252"))
        self.assertEqual((status, r["added"], r["updated"]), (200, 2, 0))
        status, r = self.csv(g, path, b"\xef\xbb\xbf" + file.encode(), "?map=place%3DTown")
        self.assertEqual((status, r["added"], r["updated"]), (200, 0, 2))
        status, _, headers = g.rest.raw("GET", f"/v1/lists/{id}/export")
        rows = list(csv.reader(io.StringIO(g.rest.raw("GET", f"/v1/lists/{id}/export")[1].decode())))
        self.assertEqual(rows, [["to", "name", "place"], ["+12025560001", "Müller; Jo", "Köln"],
                                ["+12025560002", "Cy", "'=1+1"]])
        status, r = self.csv(g, path, "a,b\n1,2\n")
        self.assertEqual((status, r["code"]), (422, "invalid"))
        status, r = self.csv(g, path, "\n".join(f"+1{2025560000 + i}" for i in range(3000)))
        self.assertEqual((status, r["added"] + r["updated"]), (200, 3000), r)
        self.assertEqual(g.rest.get(f"/v1/lists/{id}")["count"], 3000)

    # ---- the whole of it ----

    def test_send(self):
        g = self.running()
        people = [self.sandbox.account(n) for n in numbers(100, 12)]
        self.sandbox.rule(people[0], match="contains", text="Hello", reply="Thanks")
        g.rest.post(f"/v1/sessions/shop/contacts/+{people[1]}/consent", {"opted_out": True})
        list_id = g.rest.post("/v1/lists", {"name": "L"})["id"]
        g.rest.post(f"/v1/lists/{list_id}/members", {"members": [
            {"to": f"+{n}", "name": f"P{i}", "vars": {"city": "Rome"}} for i, n in enumerate(people[:8])]})
        id = self.make(g, text='Hello {{name|default:"friend"}} from {{city|default:"here"}}',
                       audience={"lists": [list_id], "recipients": [{"to": f"+{n}"} for n in people[6:]] +
                                 ["+12025569999"]},
                       exclude={"recipients": [f"+{people[2]}"]}, opt_out_hint="en")
        seq = g.events()[-1]["seq"]
        b = g.rest.post(f"/v1/broadcasts/{id}/check")
        self.assertEqual(b["state"], "checking")
        b = self.until_state(g, id, "ready")
        self.assertEqual(b["progress"]["excluded"], {"opted_out": 1, "not_on_whatsapp": 1, "barred": 1})
        self.assertEqual(b["progress"]["counts"]["ready"], 10)
        self.assertEqual(sum(s["ready"] for s in b["progress"]["sessions"]), 10)
        look = g.rest.get(f"/v1/broadcasts/{id}/preview?limit=1")["preview"][0]
        self.assertTrue(look["message"]["text"].startswith("Hello "), look)
        test = self.sandbox.account(phone(150))
        g.rest.post(f"/v1/broadcasts/{id}/test", {"to": [f"+{test}"], "as": {"name": "Eve"}})
        until(lambda: self.texts(test), what="the test message")
        self.assertIn("Hello Eve from here\n\nReply STOP", self.texts(test)[0])
        g.rest.post(f"/v1/broadcasts/{id}/start")
        b = self.until_state(g, id, "done")
        until(lambda: g.rest.get(f"/v1/broadcasts/{id}")["progress"]["counts"]["delivered"] == 10, what="deliveries")
        until(lambda: g.rest.get(f"/v1/broadcasts/{id}")["progress"]["counts"]["replied"] == 1, what="the reply")
        for i, n in enumerate(people):
            want = [] if i in (1, 2) else [f"Hello {f'P{i}' if i < 6 else 'friend'} from {'Rome' if i < 6 else 'here'}"
                                           "\n\nReply STOP to receive no more messages."]
            if i in (6, 7):     # in both sources: the first one's variables count
                self.assertEqual(len(self.texts(n)), 1)
            else:
                self.assertEqual(self.texts(n), want, n)
        rows = self.results(g, id)
        self.assertEqual(len(rows), 13)
        self.assertEqual({r["state"] for r in rows if r["person"]["phone"] == f"+{people[0]}"}, {"delivered"})
        self.assertEqual([r["person"]["phone"] for r in self.results(g, id, "&state=excluded&reason=opted_out")],
                         [f"+{people[1]}"])
        out = list(csv.DictReader(io.StringIO(g.rest.raw("GET", f"/v1/broadcasts/{id}/export")[1].decode())))
        self.assertEqual(collections.Counter(r["state"] for r in out), {"delivered": 10, "excluded": 3})
        events = g.events(since=seq, kinds="broadcast.*")
        self.assertEqual([e["data"]["state"] for e in events if e["kind"] == "broadcast.state"],
                         ["checking", "ready", "running", "done"])
        g.event("broadcast.progress", lambda e: e["subject"] == id and e["data"]["counts"]["sent"] == 10, since=seq)
        sent = [e for e in g.events(since=seq, kinds="message.sent") if e["data"].get("meta", {}).get("broadcast") == id]
        self.assertEqual({e["data"]["class"] for e in sent}, {"marketing"})

    def test_validation(self):
        g = self.running()
        self.sandbox.account(phone(200))
        with self.assertRaises(ApiError) as e:
            self.make(g, numbers(200, 1), text="Hi {{name")
        self.assertEqual(e.exception.status, 422)
        self.assertIn("line 1", e.exception.body["detail"])
        with self.assertRaises(ApiError) as e:
            self.make(g, numbers(200, 1), sessions=["no"])
        self.assertEqual(e.exception.status, 422)
        id = self.make(g, numbers(200, 1), text="Hi {{city}}")
        g.rest.post(f"/v1/broadcasts/{id}/check")
        b = until(lambda: (lambda b: b if b["reason"] else None)(g.rest.get(f"/v1/broadcasts/{id}")))
        self.assertEqual((b["state"], b["reason"]), ("draft", "unknown_variable:city"))
        g.rest.patch(f"/v1/broadcasts/{id}", {"text": 'Hi {{city|default:"you"}}'})
        g.rest.post(f"/v1/broadcasts/{id}/start")
        self.until_state(g, id, "done")
        self.assertEqual(self.texts(phone(200)), ["Hi you"])
        with self.assertRaises(ApiError) as e:
            g.rest.post(f"/v1/broadcasts/{id}/start")
        self.assertEqual(e.exception.status, 409)

    def test_pause_resume_cancel(self):
        g = self.running()
        people = [self.sandbox.account(n) for n in numbers(300, 40)]
        id = self.make(g, people, per_minute=600)
        g.rest.post(f"/v1/broadcasts/{id}/start")
        until(lambda: g.rest.get(f"/v1/broadcasts/{id}")["progress"]["counts"]["sent"] >= 5, what="a start")
        g.rest.post(f"/v1/broadcasts/{id}/pause")
        b = until(lambda: (lambda b: b if b["progress"]["counts"]["queued"] == 0 else None)(
            g.rest.get(f"/v1/broadcasts/{id}")), what="the outbox to be empty of it")
        self.assertEqual(b["state"], "paused")
        sent = b["progress"]["counts"]["sent"]
        self.assertLess(sent, 40)
        threading.Event().wait(0.6)     # nothing may come in this time
        self.assertEqual(g.rest.get(f"/v1/broadcasts/{id}")["progress"]["counts"]["sent"], sent)
        g.rest.post(f"/v1/broadcasts/{id}/resume")
        until(lambda: g.rest.get(f"/v1/broadcasts/{id}")["progress"]["counts"]["sent"] >= sent + 5, what="going on")
        g.rest.post(f"/v1/broadcasts/{id}/cancel")
        b = until(lambda: (lambda b: b if b["progress"]["counts"]["cancelled"] + b["progress"]["counts"]["sent"] == 40
                           else None)(g.rest.get(f"/v1/broadcasts/{id}")), what="the rest to be cancelled")
        self.assertEqual(b["state"], "cancelled")
        self.assertGreater(b["progress"]["counts"]["cancelled"], 0)
        got = [len(self.texts(n)) for n in people]
        self.assertEqual(max(got), 1)
        self.assertEqual(sum(got), b["progress"]["counts"]["sent"])

    def test_kill_9(self):
        g = self.running(2, window=8)
        people = [self.sandbox.account(n) for n in numbers(400, 120)]
        id = self.make(g, people, sessions=["shop", "two"])
        g.rest.post(f"/v1/broadcasts/{id}/start")
        for mark in (0, 10, 35, 60, 85, 110):
            until(lambda: sum(len(self.texts(n)) + len(self.texts(n, SHOP2)) for n in people) >= mark, 60,
                  f"{mark} messages")
            g.kill()
            g.start()
        self.until_state(g, id, "done", seconds=60)
        until(lambda: g.rest.get(f"/v1/broadcasts/{id}")["progress"]["counts"]["delivered"] == 120, 30, "deliveries")
        got = collections.Counter(len(self.texts(n)) + len(self.texts(n, SHOP2)) for n in people)
        self.assertEqual(got, {1: 120})
        rows = self.results(g, id)
        self.assertEqual(collections.Counter(r["state"] for r in rows), {"delivered": 120})
        by = collections.Counter(r["session"] for r in rows)
        self.assertGreater(min(by["shop"], by["two"]), 30)      # spread over both

    def test_sticky(self):
        g = self.running(2)
        people = [self.sandbox.account(n) for n in numbers(600, 10)]
        for n in people[:3]:
            g.rest.post("/v1/messages?wait=delivered", {"session": "two", "to": f"+{n}", "text": "we know each other"})
        id = self.make(g, people, sessions=["shop", "two"])
        g.rest.post(f"/v1/broadcasts/{id}/start")
        self.until_state(g, id, "done")
        rows = {r["person"]["phone"]: r for r in self.results(g, id)}
        self.assertEqual({rows[f"+{n}"]["session"] for n in people[:3]}, {"two"})
        first = {n: rows[f"+{n}"]["session"] for n in people}
        self.assertEqual(set(first.values()), {"shop", "two"})
        id = self.make(g, people, sessions=["two", "shop"])     # the next one: each keeps theirs
        g.rest.post(f"/v1/broadcasts/{id}/start")
        self.until_state(g, id, "done")
        self.assertEqual({r["person"]["phone"][1:]: r["session"] for r in self.results(g, id)}, first)

    def test_restricted(self):
        g = self.running()
        people = [self.sandbox.account(n) for n in numbers(700, 30)]
        id = self.make(g, people)
        self.sandbox.fault("463_restricted", account="12025550100", skip=6)
        g.rest.post(f"/v1/broadcasts/{id}/start")
        b = self.until_state(g, id, "stopped")
        self.assertEqual(b["reason"], "restricted")
        b = until(lambda: (lambda b: b if b["progress"]["counts"]["queued"] == 0 else None)(
            g.rest.get(f"/v1/broadcasts/{id}")), what="the outbox to be empty of it")
        self.assertLess(b["progress"]["counts"]["sent"], 30)
        self.assertEqual(b["progress"]["counts"]["failed"], 0)
        self.sandbox.rest.post("/accounts/12025550100/restriction", {"locked": False})
        g.rest.post(f"/v1/broadcasts/{id}/resume")
        self.until_state(g, id, "done")
        until(lambda: all(len(self.texts(n)) == 1 for n in people), what="each their message")

    def test_restricted_moves(self):
        """What nobody knows yet moves to the other session; what one knows waits for it."""
        g = self.running(2)
        people = [self.sandbox.account(n) for n in numbers(750, 20)]
        g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{people[0]}", "text": "hi"})
        id = self.make(g, people, sessions=["shop", "two"])
        g.rest.post(f"/v1/broadcasts/{id}/check")
        self.until_state(g, id, "ready")
        self.sandbox.rest.post("/accounts/12025550100/restriction", {"locked": True, "kind": "spam", "seconds": 600})
        g.event("session.restricted")
        g.rest.post(f"/v1/broadcasts/{id}/start")
        b = until(lambda: (lambda b: b if b["progress"]["counts"]["sent"] == 19 else None)(
            g.rest.get(f"/v1/broadcasts/{id}")), what="all but one")
        self.assertEqual(b["state"], "running")
        until(lambda: g.rest.get(f"/v1/broadcasts/{id}")["progress"]["waiting"] == {"restricted": 1}, what="why it waits")
        self.assertEqual(self.texts(people[0], "12025550100"), ["hi"])
        self.sandbox.rest.post("/accounts/12025550100/restriction", {"locked": False})
        self.until_state(g, id, "done")
        self.assertEqual(self.texts(people[0], "12025550100"), ["hi", "Hello"])

    def test_failures(self):
        g = self.running()
        people = [self.sandbox.account(n) for n in numbers(800, 40)]
        id = self.make(g, people, per_minute=600)
        self.sandbox.fault("nack", account="12025550100", code=400, times=-1)
        g.rest.post(f"/v1/broadcasts/{id}/start")
        b = self.until_state(g, id, "stopped")
        self.assertEqual(b["reason"], "failures")
        self.assertLess(b["progress"]["counts"]["failed"], 40)
        self.assertEqual(set(b["progress"]["failed"]), {"invalid"})

    def test_opt_outs(self):
        """Those who opt out after it is ready get nothing; many who do pause it."""
        g = self.running(brake_opt_out_percent=20)
        people = [self.sandbox.account(n) for n in numbers(850, 60)]
        for n in people[:20]:
            self.sandbox.rule(n, match="contains", text="Hello", reply="stop")
        Store(g)                # its session's answers are read: "stop" opts out
        id = self.make(g, people, per_minute=300)
        g.rest.post(f"/v1/broadcasts/{id}/check")
        self.until_state(g, id, "ready")
        g.rest.post(f"/v1/sessions/shop/contacts/+{people[59]}/consent", {"opted_out": True})
        g.rest.post(f"/v1/broadcasts/{id}/start")
        b = self.until_state(g, id, "paused")
        self.assertEqual(b["reason"], "opt_outs")
        self.assertGreater(b["progress"]["counts"]["opted_out"], 1)
        g.rest.post(f"/v1/broadcasts/{id}/resume")
        while self.until_state(g, id, "done", "paused", seconds=60)["state"] == "paused":   # a person decides each time
            g.rest.post(f"/v1/broadcasts/{id}/resume")
        self.assertEqual(self.texts(people[59]), [])

    def test_sources(self):
        g = self.running()
        people = [self.sandbox.account(n) for n in numbers(900, 6)]
        group = g.rest.post("/v1/sessions/shop/groups", {"subject": "G", "participants": [f"+{n}" for n in people[:3]]})
        label = g.rest.post("/v1/sessions/shop/labels", {"name": "VIP", "color": 1})["id"]
        g.send(people[3], "first", wait="delivered")
        g.rest.call("PUT", f"/v1/sessions/shop/labels/{label}/chats/{people[3]}@s.whatsapp.net", {})
        store = Store(g)
        for i, n in enumerate((people[2], people[4])):
            self.assertEqual(store.order(f"B{i}", n), 200)
            store.until_state(f"B{i}", "delivered", "sent", "read")
        audience = {"groups": [{"session": "shop", "group": group["jid"]}],
                    "labels": [{"session": "shop", "label": label}], "orders": [{"store_id": store.id, "state": ""}]}
        id = self.make(g, [people[5]], text='News{{#order_number}} on {{order_number}}{{/order_number}}', audience=audience)
        g.rest.post(f"/v1/broadcasts/{id}/start")
        b = self.until_state(g, id, "done", "draft")
        self.assertEqual(b["progress"]["counts"]["sent"], 6, b)
        for n in people:
            self.assertEqual(sum((t or "").startswith("News") for t in self.texts(n)), 1, n)
        self.assertIn("News on B1", self.texts(people[4]))

    def test_later_and_day_cap(self):
        g = self.running()
        people = [self.sandbox.account(n) for n in numbers(950, 8)]
        id = self.make(g, people, per_day=3, zone="Asia/Riyadh")
        b = g.rest.post(f"/v1/broadcasts/{id}/start", {"at": "2099-01-01T09:00"})
        self.assertEqual(b["start_at"], "2099-01-01T06:00:00.000Z")
        self.until_state(g, id, "ready")
        g.rest.post(f"/v1/broadcasts/{id}/start")
        b = until(lambda: (lambda b: b if b["progress"]["waiting"] == {"daily_cap": 5} else None)(
            g.rest.get(f"/v1/broadcasts/{id}")), what="the daily cap")
        self.assertEqual(b["progress"]["counts"]["sent"] + b["progress"]["counts"]["queued"], 3)
        g.kill()
        g.start()
        until(lambda: g.session()["status"] == "connected")
        b = until(lambda: (lambda b: b if b["progress"]["waiting"] == {"daily_cap": 5} else None)(
            g.rest.get(f"/v1/broadcasts/{id}")), what="the daily cap after a restart")
        self.assertGreater(b["progress"]["eta"], "2026")

    def test_quiet_hours(self):
        hour = time.gmtime().tm_hour
        g = self.running(pacing={"enabled": True, "quiet_hours": f"daily {(hour - 1) % 24:02}:00-{(hour + 3) % 24:02}:00",
                                 "per_minute": 6000, "burst": 100, "recipient_ms": 0})
        people = [self.sandbox.account(n) for n in numbers(980, 3)]
        id = self.make(g, people)
        g.rest.post(f"/v1/broadcasts/{id}/start")
        until(lambda: g.rest.get(f"/v1/broadcasts/{id}")["progress"]["waiting"] == {"quiet_hours": 3}, what="why it waits")
        g.event("broadcast.progress", lambda e: e["subject"] == id and e["data"]["waiting"] == {"quiet_hours": 3})
        self.assertEqual([self.texts(n) for n in people], [[], [], []])
        g.rest.post(f"/v1/broadcasts/{id}/cancel")
        until(lambda: g.rest.get(f"/v1/broadcasts/{id}")["progress"]["counts"]["cancelled"] == 3, what="to be taken back")
        self.assertEqual([self.texts(n) for n in people], [[], [], []])

    def test_one_person_two_names(self):
        """A number, and the LID of the same person: one message."""
        g = self.running()
        people = [self.sandbox.account(n) for n in numbers(985, 2)]
        lids = [g.rest.get(f"/v1/sessions/shop/check?phone=%2B{n}")["lid"] for n in people]
        id = self.make(g, people[:1])
        g.rest.post(f"/v1/broadcasts/{id}/recipients", {"recipients": [{"to": lids[0]}, {"to": lids[1]}, f"+{people[1]}"]})
        g.rest.post(f"/v1/broadcasts/{id}/start")
        b = self.until_state(g, id, "done")
        self.assertEqual(b["progress"]["excluded"], {"duplicate": 2})
        until(lambda: all(self.texts(n) == ["Hello"] for n in people), what="each their message")

    def test_content(self):
        g = self.running()
        people = [self.sandbox.account(n) for n in numbers(970, 3)]
        id = g.rest.post("/v1/broadcasts", {"name": "Poll", "sessions": ["shop"], "content": {
            "kind": "poll", "name": 'Hello {{name|default:"you"}}?', "options": ["yes", "no"]},
            "audience": {"recipients": [f"+{n}" for n in people]}})["id"]
        g.rest.post(f"/v1/broadcasts/{id}/start")
        self.until_state(g, id, "done")
        until(lambda: all(len(self.sandbox.received(n)) == 1 for n in people), what="polls")


if __name__ == "__main__":
    unittest.main(verbosity=2)
