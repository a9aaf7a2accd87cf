# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules: once, at intervals, by hand; late ones, expiry, what becomes of each message; nothing twice."""
import datetime
import json
import sqlite3
import time
import unittest

from harness import ApiError, Case, phone, until

PLUGINS = {"enabled": ["schedule", "orders"], "schedule": {"late_spacing_ms": 200}}


def utc(seconds):
    """A moment so many seconds from now."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


class Schedules(Case):
    def gateway_up(self, **plugin):
        return self.linked(plugins={**PLUGINS, "schedule": {**PLUGINS["schedule"], **plugin}})

    def make(self, g, to, **kw):
        kw = {"session": "shop", "to": to, "text": "hello", **kw}
        return g.rest.post("/v1/schedules", kw)["id"]

    def runs(self, g, id):
        return g.rest.get(f"/v1/schedules/{id}/runs")["runs"]

    def messages(self, g, id, run=0):
        return g.rest.get(f"/v1/schedules/{id}/runs/{self.runs(g, id)[run]['id']}")["messages"]

    def states(self, g, id, run=0):
        runs = self.runs(g, id)
        return [m["state"] for m in self.messages(g, id, run)] if len(runs) > run else []

    def run_state(self, g, id):
        return (self.runs(g, id) or [{"state": None}])[0]["state"]

    def texts(self, number):
        return [m["text"] for m in self.sandbox.received(number)]

    def test_once_with_variables(self):
        g = self.gateway_up()
        a, b = self.sandbox.account(phone(300)), self.sandbox.account(phone(301))
        id = self.make(g, [f"+{a}", f"+{b}", f"{a}@s.whatsapp.net"], at=utc(1), name="greeting",
                       text="Hi {{who}}, it is {{now|date:long}}", vars={"who": "you"})
        self.assertEqual(g.rest.get(f"/v1/schedules/{id}")["state"], "active")
        until(lambda: self.texts(a) and self.texts(b))
        self.assertRegex(self.texts(a)[0], r"^Hi you, it is (\d+ \w+|\w+ \d+,) 20\d\d$")
        until(lambda: self.states(g, id) == ["delivered"] * 2, what="both delivered")
        self.assertEqual(len(self.texts(a)), 1)         # the same person in two spellings
        self.assertEqual(g.rest.get(f"/v1/schedules/{id}")["state"], "finished")
        self.assertEqual([e["data"]["schedule"] for e in g.events(kinds="schedule.ran,schedule.finished")], [id, id])
        self.assertEqual(self.runs(g, id)[0]["recipients"], {"delivered": 2})

    def test_interval_max_runs_pause(self):
        g = self.gateway_up()
        a = self.sandbox.account(phone(302))
        id = self.make(g, f"+{a}", every="1s", max_runs=3)
        until(lambda: len(self.texts(a)) == 3, what="three messages")
        until(lambda: g.rest.get(f"/v1/schedules/{id}")["state"] == "finished")
        self.assertEqual(len({r["scheduled"]["utc"] for r in self.runs(g, id)}), 3)
        other = self.make(g, f"+{a}", every="1s", text="other", paused=True)
        self.assertEqual(g.rest.get(f"/v1/schedules/{other}")["state"], "paused")
        run = g.rest.post(f"/v1/schedules/{other}/run")["run"]
        until(lambda: "other" in self.texts(a), what="the run by hand")
        until(lambda: g.rest.get(f"/v1/schedules/{other}/runs/{run}")["manual"])
        self.assertEqual(len(self.runs(g, other)), 1)
        g.rest.post(f"/v1/schedules/{other}/resume")
        until(lambda: len(self.runs(g, other)) >= 2, what="a run after resume")
        g.rest.post(f"/v1/schedules/{other}/pause")
        g.rest.delete(f"/v1/schedules/{other}")
        with self.assertRaises(ApiError) as e:
            g.rest.get(f"/v1/schedules/{other}")
        self.assertEqual(e.exception.status, 404)

    def test_content_and_template(self):
        g = self.gateway_up()
        a = self.sandbox.account(phone(303))
        id = self.make(g, f"+{a}", at=utc(3600), text=None, content={"kind": "location", "latitude": 1.5, "longitude": 2.5})
        run = g.rest.post(f"/v1/schedules/{id}/run")["run"]
        until(lambda: self.states(g, id) == ["delivered"], what="the location")
        m = g.rest.get(f"/v1/schedules/{id}/runs/{run}")["messages"][0]
        self.assertEqual(g.message(m["message"])["kind"], "location")
        template = g.rest.get("/v1/templates")["templates"][0]
        g.rest.patch(f"/v1/schedules/{id}", {"template": {"name": template["name"], "language": template["language"]},
                                             "vars": {"order": {"number": "#77"}}})
        g.rest.post(f"/v1/schedules/{id}/run")
        until(lambda: len(self.runs(g, id)) == 2 and self.states(g, id) == ["delivered"], what="the template")
        g.rest.patch(f"/v1/schedules/{id}", {"template": {"name": "nothing", "language": "en"}})
        g.rest.post(f"/v1/schedules/{id}/run")
        until(lambda: self.run_state(g, id) == "failed")
        self.assertEqual(self.runs(g, id)[0]["reason"], "template_not_found")
        self.assertEqual(g.event("schedule.failed")["data"]["reason"], "template_not_found")

    def test_labels_lists_groups_channels(self):
        g = self.linked(plugins={**PLUGINS, "enabled": ["schedule", "orders", "broadcast"]})
        g.event("session.sync", lambda e: e["data"]["collection"] == "regular")
        people = [self.sandbox.account(phone(330 + i)) for i in range(5)]
        S = "/v1/sessions/shop"
        label = g.rest.post(f"{S}/labels", {"name": "Wholesale"})["id"]
        for p in people[:2]:
            g.rest.call("PUT", f"{S}/labels/{label}/chats/{p}")
        said = g.send(people[4], "to be labelled", wait="delivered")["id"]      # a message, not its chat
        g.rest.call("PUT", f"{S}/labels/{label}/messages/{said}")
        self.assertEqual(len(g.rest.get(f"{S}/labels/{label}/uses")["uses"]), 3)
        list = g.rest.post("/v1/lists", {"name": "Regulars"})["id"]
        g.rest.post(f"/v1/lists/{list}/members", {"members": [
            {"to": f"+{people[1]}", "name": "One"}, {"to": f"+{people[2]}", "name": "Two", "vars": {"gift": "tea"}}]})
        group = g.rest.post(f"{S}/groups", {"subject": "Circle", "participants": people[3:]})["jid"]
        channel = g.rest.post(f"{S}/channels", {"name": "News", "description": ""})["id"]
        id = self.make(g, [{"label": label}, {"list": list}, group, channel], at=utc(3600),
                       text="For {{name|default:\"you\"}}: {{gift|default:\"nothing\"}}")
        g.rest.post(f"/v1/schedules/{id}/run")
        until(lambda: self.run_state(g, id) == "sent" and
              all(x in ("sent", "delivered", "read") for x in self.states(g, id)), what="all")
        self.assertEqual(len(self.messages(g, id)), 5)      # the second person is in both
        until(lambda: [self.texts(p) for p in people[:3]] ==
              [["For you: nothing"], ["For you: nothing"], ["For Two: tea"]], what="each their own text")
        posts = self.sandbox.rest.get(f"/channels/{channel.split('@')[0]}/posts")["posts"]
        self.assertEqual([x["text"] for x in posts], ["For you: nothing"])
        g.rest.patch(f"/v1/schedules/{id}", {"to": {"list": "01JNOSUCHLIST"}})
        g.rest.post(f"/v1/schedules/{id}/run")
        until(lambda: self.run_state(g, id) == "failed")
        self.assertEqual(self.runs(g, id)[0]["reason"], "recipients_not_found")

    def test_media(self):
        trust = {"media_private": True, "ca_file": self.sandbox.rest.get("/media")["ca_file"]}
        g = self.linked(plugins=PLUGINS, whatsapp=trust)
        a = self.sandbox.account(phone(304))
        made = g.rest.raw("POST", "/v1/media", b"%PDF-1.4 price list", {"Content-Type": "application/pdf"})
        self.assertEqual(made[0], 201)
        id = self.make(g, f"+{a}", at=utc(1), text=None, vars={"month": "May"}, content={
            "kind": "document", "text": "Prices of {{month}}", "media": {"id": json.loads(made[1])["id"]}})
        until(lambda: self.states(g, id) == ["delivered"], what="the document")
        got = self.sandbox.received(a)[0]
        self.assertIn("Prices of May", json.dumps(got))

    def test_caps_hold_over_a_kill(self):
        east = 12 - datetime.datetime.now(datetime.timezone.utc).hour      # it is noon there: no midnight in between
        g = self.linked(plugins=PLUGINS,
                        pacing={"enabled": True, "daily": 2, "zone": f"{east:+03d}:00", "recipient_ms": 0})
        people = [self.sandbox.account(phone(360 + i)) for i in range(4)]
        id = self.make(g, [f"+{p}" for p in people], at=utc(3600))
        g.rest.post(f"/v1/schedules/{id}/run")
        until(lambda: sorted(self.states(g, id)) == ["delivered", "delivered", "queued", "queued"], what="the cap")
        g.kill()
        g.start()
        g.until_status("connected")
        held = [m["message"] for m in self.messages(g, id) if m["state"] == "queued"]
        trace = until(lambda: (lambda t: t if t.get("waits_for") == "daily_cap" else None)(
            g.rest.get(f"/v1/messages/{held[0]}/trace")), what="the trace to say why")
        self.assertIn(f"T{-east % 24:02d}:00:00", trace["waits_until"])    # midnight there
        said = g.rest.get("/v1/sessions/shop/pacing")
        self.assertEqual((said["sent"], said["cap"], said["waits_for"]), (2, 2, "daily_cap"))
        g.rest.patch("/v1/sessions/shop", {"settings": {"pacing_daily": 3}})
        until(lambda: self.states(g, id).count("delivered") == 3, what="one more")
        with self.assertRaises(ApiError):
            g.rest.patch("/v1/sessions/shop", {"settings": {"pacing_zone": "Nowhere"}})
        g.rest.patch("/v1/sessions/shop", {"settings": {"pacing_daily": 0}})
        until(lambda: self.states(g, id) == ["delivered"] * 4, what="the rest")

    def test_misfires_without_flood(self):
        g = self.gateway_up()
        people = [self.sandbox.account(phone(310 + i)) for i in range(3)]
        once = self.make(g, f"+{people[0]}", every="1s", misfire={"policy": "once"}, text="once")
        at = self.make(g, f"+{people[1]}", at=utc(3), text="late one", misfire={"policy": "late", "minutes": 5})
        g.rest.post(f"/v1/schedules/{once}/pause")
        g.rest.post(f"/v1/schedules/{once}/resume")
        until(lambda: self.runs(g, once))
        g.kill()
        before = len(self.texts(people[0]))
        down = time.monotonic()
        until(lambda: time.monotonic() - down > 5, what="five seconds of downtime")
        g.start()
        g.until_status("connected")
        until(lambda: self.texts(people[1]) == ["late one"], what="the late one")
        missed = g.event("schedule.missed", lambda e: e["data"]["schedule"] == once)
        self.assertGreaterEqual(missed["data"]["count"], 2)
        g.rest.post(f"/v1/schedules/{once}/pause")
        runs = self.runs(g, once)
        late = [r for r in runs if r.get("missed_before")]
        self.assertEqual(len(late), 1)      # one run for all that passed
        until(lambda: not [r for r in self.runs(g, once) if r["state"] in ("resolving", "sending")])
        self.assertLess(len(self.texts(people[0])) - before, 5)
        self.assertEqual(self.runs(g, at)[0]["state"], "sent")

    def test_a_month_of_downtime(self):
        g = self.gateway_up()
        a = self.sandbox.account(phone(319))
        ids = {p: self.make(g, f"+{a}", every="1h", text=p, misfire={"policy": p}) for p in ("skip", "late", "once")}
        minute = self.make(g, f"+{a}", cron="* * * * *", text="minute", misfire={"policy": "once"}, max_runs=1)
        g.stop()
        back = 30 * 86400000 + 1800000      # the last time of each hourly one was half an hour ago
        with sqlite3.connect(g.data / "warbler.db") as db:
            db.execute("UPDATE schedule_job SET next_ms = next_ms - $1, due_ms = due_ms - $1, "
                       "created_ms = created_ms - $1", (back,))
        db.close()
        g.start()
        until(lambda: all(self.runs(g, x) for x in (*ids.values(), minute)), what="all to be looked at")
        until(lambda: len(self.texts(a)) >= 3, what="those that still run")
        self.assertEqual(self.runs(g, minute)[0]["state"], "sent")
        self.assertGreaterEqual(self.runs(g, minute)[0]["missed_before"], 1000)
        self.assertEqual({p: self.runs(g, x)[0]["state"] for p, x in ids.items()},
                         {"skip": "missed", "late": "sent", "once": "sent"})
        self.assertEqual([len(self.runs(g, x)) for x in ids.values()], [1, 1, 1])
        self.assertEqual(sorted(self.texts(a)), ["late", "minute", "once"])
        missed = {e["data"]["schedule"]: e["data"]["count"] for e in g.events(kinds="schedule.missed")}
        self.assertEqual(missed[ids["skip"]], 720)      # all of them
        self.assertEqual(missed[ids["once"]], 719)

    def test_expires_while_offline(self):
        g = self.gateway_up()
        a = self.sandbox.account(phone(320))
        g.rest.post("/v1/sessions/shop/stop")
        g.until_status("stopped")
        id = self.make(g, f"+{a}", at=utc(3600), expires_minutes=1)
        keep = self.make(g, f"+{a}", at=utc(3600), expires_minutes=0, text="whenever")
        for x in (id, keep):
            g.rest.post(f"/v1/schedules/{x}/run")
            until(lambda: self.states(g, x) == ["queued"], what="the outbox to have it")
        self.assertEqual(self.texts(a), [])
        g.stop()
        with sqlite3.connect(g.data / "warbler.db") as db:      # the minute is over
            db.execute("UPDATE schedule_run SET expires_ms = expires_ms - 60000 WHERE expires_ms > 0")
        db.close()
        g.start()
        until(lambda: self.states(g, id) == ["cancelled"], what="it to expire")
        self.assertEqual(self.messages(g, id)[0]["reason"], "expired")
        g.rest.post("/v1/sessions/shop/start")
        until(lambda: self.texts(a) == ["whenever"], what="the other to leave once connected")

    def test_opted_out_and_unknown(self):
        g = self.gateway_up()
        a = self.sandbox.account(phone(321))
        g.send(a, "first", wait="delivered")
        g.rest.post(f"/v1/sessions/shop/contacts/{a}@s.whatsapp.net/consent", {"opted_out": True})
        id = self.make(g, [f"+{a}", "+12025559999", "nobody@nowhere"], at=utc(3600), **{"class": "marketing"})
        g.rest.post(f"/v1/schedules/{id}/run")
        until(lambda: self.run_state(g, id) == "sent")
        got = until(lambda: (lambda m: m if all(x["state"] == "failed" for x in m) else None)(self.messages(g, id)))
        self.assertEqual([m["reason"] for m in got], ["opted_out", "not_on_whatsapp", "invalid"])

    def test_kill_during_run(self):
        g = self.gateway_up()
        people = [self.sandbox.account(phone(400 + i)) for i in range(300)]
        id = self.make(g, [f"+{p}" for p in people], at=utc(1))
        count = lambda: sum((self.runs(g, id) or [{"recipients": {}}])[0]["recipients"].values())
        queued = lambda: count() - self.runs(g, id)[0]["recipients"].get("pending", 0)
        for look in (lambda: self.runs(g, id), lambda: count() > 60, lambda: queued() > 0, lambda: queued() > 150,
                     lambda: any(self.texts(p) for p in people)):
            until(look, what="the next stage")
            g.kill()
            g.start()
        g.until_status("connected")
        until(lambda: self.runs(g, id)[0]["recipients"] == {"delivered": len(people)}, 60, "everybody to have it")
        self.assertEqual([len(self.texts(p)) for p in people], [1] * len(people))
        self.assertEqual(len(self.runs(g, id)), 1)
        self.assertEqual(len(g.events(kinds="schedule.ran")), 1)

    def test_validate(self):
        g = self.gateway_up()
        check = lambda **kw: g.rest.post("/v1/schedules/validate", kw)
        v = check(cron="30 2 * * *", zone="Europe/Berlin", **{"from": "2027-03-27T12:00"})
        self.assertEqual([n["local"] for n in v["next"]][:2], ["2027-03-28T03:00:00+02:00", "2027-03-29T02:30:00+02:00"])
        self.assertEqual(v["next"][0]["utc"], "2027-03-28T01:00:00Z")
        self.assertEqual(len(v["next"]), 5)
        self.assertIn("jumps over", check(at="2027-03-28T02:30", zone="Europe/Berlin")["notes"][0])
        self.assertEqual(len(check(rule="mon-fri 09:00,13:30", max_runs=2)["next"]), 2)
        quiet = check(rule="daily 23:00", quiet_hours="22:00-08:00", zone="Asia/Riyadh")["next"][0]
        self.assertIn("T08:00:00+03:00", quiet["after_quiet_hours"]["local"])
        for bad, field in (({"cron": "61 * * * *"}, "cron"), ({"rule": "someday 09:00"}, "rule"), ({}, "at"),
                           ({"every": "1s", "cron": "* * * * *"}, "every"), ({"at": "soon"}, "at"),
                           ({"every": "1m", "zone": "Mars/Base"}, "zone"), ({"every": "1m", "sesion": "x"}, "sesion"),
                           ({"every": "1m", "misfire": {"policy": "never"}}, "misfire"),
                           ({"every": "1m", "text": "{{#x}}"}, "text"), ({"every": "1m", "to": []}, "to"), ({"every": "1m", "to": "12"}, "to"), ({"every": "1m", "to": ["nobody"]}, "to"),
                           ({"every": "1m", "session": "nope"}, "session")):
            v = check(**bad)
            self.assertFalse(v["valid"], bad)
            self.assertEqual(v["errors"][0]["field"], field)
            with self.assertRaises(ApiError) as e:
                g.rest.post("/v1/schedules", {"session": "shop", "to": "+12025550111", "text": "x", **bad})
            self.assertEqual(e.exception.status, 422)
        with self.assertRaises(ApiError) as e:
            self.make(g, "+12025550111", at="2020-01-01T00:00")
        self.assertIn("never run", str(e.exception))


if __name__ == "__main__":
    unittest.main()
