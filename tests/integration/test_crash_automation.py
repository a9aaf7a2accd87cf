# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 while conversations of a script, a broadcast and a schedule's run are all under way: each goes on where it
was, and every customer is told everything once."""
import collections
import os
import random
import unittest

from harness import Case, phone, until
from test_flows import ANSWERS, SAID, SCRIPT, TOLD

PEOPLE = 40
TALKING = 8
KILLS = 8
PLUGINS = {"enabled": ["broadcast", "schedule"], "broadcast": {"check_pause_ms": 20, "window": 4}}


class CrashAutomation(Case):
    def set_up(self):
        g = self.gateway(start=False, plugins=PLUGINS)
        folder = os.path.join(g.dir, "scripts")
        os.makedirs(folder)
        g.config["scripts"] = {"dir": folder}
        g.write()
        with open(os.path.join(folder, "shop.lua"), "w", encoding="utf-8") as f:
            f.write(SCRIPT)
        g.start()
        g.link(self.sandbox)
        return g

    def said_by_flow(self, person):
        return [m["text"] for m in self.sandbox.received(person) if m["text"] in SAID]

    def talk(self, said):
        """Everybody who has been asked answers; how many answers are still to come."""
        for p, n in said.items():
            if n < len(ANSWERS) and self.said_by_flow(p) == SAID[:TOLD[n]]:
                self.sandbox.say(p, ANSWERS[n])
                said[p] += 1
        return sum(len(ANSWERS) - n for n in said.values())

    def kill(self, g, rnd):
        seen = g.events()[-1]["seq"]
        more = rnd.randrange(0, 40)         # the moment: after so many more events
        try:
            until(lambda: len(g.events(seen)) >= more, rnd.random())
        except AssertionError:
            pass                            # fewer came; then now
        g.kill()
        g.start()

    def test_all_three(self):
        seed = int(os.environ.get("WARBLER_SEED") or random.SystemRandom().randrange(1 << 32))
        rnd = random.Random(seed)
        print(f"WARBLER_SEED={seed} repeats this choice of moments", flush=True)
        g = self.set_up()
        people = [self.sandbox.account(phone(700 + i)) for i in range(PEOPLE)]
        said = {p: 0 for p in people[:TALKING]}
        to = [f"+{p}" for p in people]
        self.talk(said)
        b = g.rest.post("/v1/broadcasts", {"name": "Sale", "sessions": ["shop"], "text": "Sale!",
                                           "audience": {"recipients": to}})["id"]
        until(lambda: g.rest.get(f"/v1/broadcasts/{b}")["state"] == "draft", what="the audience")
        s = g.rest.post("/v1/schedules", {"session": "shop", "to": to, "text": "Open again", "every": "1h"})["id"]
        g.rest.post(f"/v1/broadcasts/{b}/start")
        g.rest.post(f"/v1/schedules/{s}/run")
        for _ in range(KILLS):
            self.talk(said)
            self.kill(g, rnd)
        until(lambda: self.talk(said) == 0, 60, f"all answers (seed {seed})")
        until(lambda: g.rest.get(f"/v1/broadcasts/{b}")["state"] == "done", 60, f"the broadcast (seed {seed})")
        until(lambda: g.rest.get(f"/v1/schedules/{s}/runs")["runs"][0]["recipients"] == {"delivered": PEOPLE}, 60,
              f"the schedule's run (seed {seed})")
        until(lambda: g.rest.get("/v1/flows")["flows"] == [], what="the conversations to end")
        for p in people:
            with self.subTest(seed=seed, person=p):
                want = ["Sale!", "Open again"] + (SAID if p in said else [])
                until(lambda: len(self.sandbox.received(p)) >= len(want), what="all of it")
                shown = self.sandbox.received(p)
                self.assertEqual(collections.Counter(m["text"] for m in shown), collections.Counter(want))
                self.assertEqual(len({m["id"] for m in shown}), len(shown))
                self.assertEqual(self.said_by_flow(p), SAID if p in said else [])
        self.assertEqual([e["data"]["reason"] for e in g.events(kinds="flow.ended")], ["done"] * TALKING)
        self.assertEqual([e["data"]["state"] for e in g.events(kinds="broadcast.state")].count("done"), 1)
        self.assertEqual(len(g.rest.get(f"/v1/schedules/{s}/runs")["runs"]), 1)


if __name__ == "__main__":
    unittest.main()
