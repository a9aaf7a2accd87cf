# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the gateway at random moments during a run of 500 orders."""
import collections
import http.client
import os
import queue
import random
import threading
import unittest

from harness import SHOP, Case, Store, phone, until

ORDERS = int(os.environ.get("WARBLER_CRASH_ORDERS", "500"))
CUSTOMERS = 125
KILLS = int(os.environ.get("WARBLER_CRASH_KILLS", "24"))
WORKERS = 6


class Crash(Case):
    def customers(self):
        """Phones that answer each confirmation by quoting it: three of four say 1, the others 2."""
        said = {}
        for i in range(CUSTOMERS):
            number = self.sandbox.account(phone(i))
            said[number] = "2" if i % 4 == 3 else "1"
            self.sandbox.rule(number, match="contains", text="Please answer", reply=said[number], quote=True,
                              delay_ms=i % 7 * 40)
        return said

    def shop(self, store, jobs, accepted):
        """Post orders, each until it is taken; the delivery's id tells repeats apart."""
        while True:
            try:
                number, to = jobs.get_nowait()
            except queue.Empty:
                return

            def post():
                try:
                    return store.order(number, to, delivery=f"delivery-{number}") == 200
                except (OSError, http.client.HTTPException):
                    return False

            until(post, 120, f"order {number} to be taken")
            with accepted:
                accepted.count += 1
                accepted.notify_all()

    def kill_at_random(self, gateway, rnd, accepted):
        """Most of the kills while orders come in, spread over them; the last ones while they are worked off."""
        marks = sorted(rnd.sample(range(1, ORDERS), KILLS - KILLS // 4)) + [ORDERS] * (KILLS // 4)
        for mark in marks:
            with accepted:
                self.assertTrue(accepted.wait_for(lambda: accepted.count >= mark or accepted.failed, 120))
            threading.Event().wait(rnd.uniform(0, 0.25))     # the random moment
            gateway.kill()
            gateway.start()

    def test_kill_9(self):
        seed = int(os.environ.get("WARBLER_SEED") or random.SystemRandom().randrange(1 << 32))
        print(f"WARBLER_SEED={seed} repeats this choice of moments", flush=True)
        rnd = random.Random(seed)
        said = self.customers()
        gateway = self.linked()
        store = Store(gateway)
        receiver = self.receiver()
        receiver.register(gateway, ["order.confirmed", "order.cancelled"])
        wanted = {f"A{n}": phone(n % CUSTOMERS) for n in range(ORDERS)}
        jobs = queue.Queue()
        for job in wanted.items():
            jobs.put(job)
        accepted = threading.Condition()
        accepted.count, accepted.failed = 0, []

        def work():
            try:
                self.shop(store, jobs, accepted)
            except AssertionError as e:
                with accepted:
                    accepted.failed.append(e)
                    accepted.notify_all()

        workers = [threading.Thread(target=work) for _ in range(WORKERS)]
        for w in workers:
            w.start()
        self.kill_at_random(gateway, rnd, accepted)
        for w in workers:
            w.join()
        self.assertEqual(accepted.failed, [])
        self.check_end(gateway, store, receiver, wanted, said)
        self.assertEqual(gateway.stop(), 0)

    def check_end(self, gateway, store, receiver, wanted, said):
        final = ("confirmed", "cancelled", "no_reply", "failed")

        def states():
            return collections.Counter(o["state"] for o in store.all())

        try:
            until(lambda: sum(states()[s] for s in final) == ORDERS, 90, "all orders to end")
        except AssertionError as e:
            self.fail(f"{e}: {states()}")
        orders = {o["external_id"]: o for o in store.all()}
        self.assertEqual(set(orders), set(wanted))
        for number, to in wanted.items():
            self.assertEqual(orders[number]["state"], "confirmed" if said[to] == "1" else "cancelled", orders[number])

        events = gateway.events()
        self.assertEqual([e["seq"] for e in events], list(range(1, len(events) + 1)))
        ends = collections.Counter(e["data"]["external_id"] for e in events
                                   if e["kind"] in ("order.confirmed", "order.cancelled"))
        self.assertEqual(ends, {n: 1 for n in wanted})

        until(lambda: len({e["subject"] for _, e in receiver.taken()}) == ORDERS, 60, "all webhooks")
        ids = collections.defaultdict(set)
        for id, e in receiver.taken():
            ids[e["data"]["external_id"]].add(id)
        self.assertEqual({n: len(i) for n, i in ids.items()}, {n: 1 for n in wanted})
        self.assertEqual(receiver.bad, 0)

        until(lambda: sum(self.thanks(p) for p in said) >= ORDERS, 60, "all customers to be thanked")
        repeats = 0
        for to in said:
            shown = self.sandbox.received(to)
            confirmations = [m["text"] for m in shown if "Please answer" in m["text"]]
            mine = [n for n, t in wanted.items() if t == to]
            for n in mine:
                self.assertEqual(sum(f"*{n}*" in t for t in confirmations), 1, f"confirmation of {n} on +{to}")
            self.assertEqual(len(confirmations), len(mine))
            self.assertEqual(len(shown), 2 * len(mine), f"messages on +{to}: {[m['text'][:60] for m in shown]}")
            self.assertEqual(len({m["id"] for m in shown}), len(shown))
            repeats += sum(m["duplicates"] for m in shown)
        print(f"{len(events)} events; {len(receiver.taken()) - ORDERS} webhooks came again; "
              f"{repeats} messages were sent again under the same id and shown once", flush=True)

    def thanks(self, number):
        return sum("Please answer" not in m["text"] for m in self.sandbox.received(number))


if __name__ == "__main__":
    unittest.main()
