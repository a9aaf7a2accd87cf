# SPDX-License-Identifier: GPL-3.0-or-later
"""Throwing away 100,000 messages while somebody else writes: how fast, and how long do the others wait?"""
import time

from gateway.history import CHATS, PARTS, metric
from lib.proc import wait
from lib.stack import OWN, name


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))]


def write(gateway, n, until):
    """One small commit after the other, until that is true; milliseconds of each."""
    took = []
    while len(took) < n and not until():
        begin = time.monotonic()
        gateway.rest.patch(f"/sessions/{name(0)}", {"name": f"name {len(took)}"})
        took.append((time.monotonic() - begin) * 1000)
    return took


def once(bench, n, messages):
    label = f"retention-{n}"
    sandbox = bench.sandbox(f"{label}-sandbox")
    gateway = bench.gateway(sandbox, label, plugins__enabled="retention")
    sandbox.accounts(OWN, 1)
    sandbox.rest.post(f"/accounts/{OWN}/history", {"chats": CHATS, "messages": messages // CHATS, "parts": PARTS})
    gateway.rest.post("/sessions", {"id": name(0)})

    def qr():
        try:
            return gateway.rest.get(f"/sessions/{name(0)}/qr")["qr"]
        except Exception:   # not there yet
            return None
    sandbox.rest.post(f"/accounts/{OWN}/scan", {"qr": wait(qr, 60, "a QR", 0.02)})
    wait(lambda: gateway.rest.get(f"/sessions/{name(0)}/history")["state"] == "done", 600, "all of history", 0.05)
    base = write(gateway, 200, lambda: False)
    gateway.rest.call("PUT", "/retention/rules/messages/*", {"max_age_days": 0})
    begin, cpu = time.monotonic(), gateway.cpu()
    id = gateway.rest.post("/retention/runs", {})["id"]
    look = [0.0]

    def over():
        if time.monotonic() - look[0] < 0.1:
            return False
        look[0] = time.monotonic()
        return gateway.rest.get(f"/retention/runs/{id}")["state"] != "running"
    during = write(gateway, 10 ** 9, over)
    seconds, cpu = time.monotonic() - begin, gateway.cpu() - cpu
    run = gateway.rest.get(f"/retention/runs/{id}")
    held = metric(gateway, "warbler_loop_slow_max_ms")
    bench.check("retention", sandbox)
    bench.stop()
    bench.forget(f"{label}-sandbox", label)
    return run["rows"] / seconds, cpu * 1000 / run["rows"], run["longest_step_ms"], held, \
        percentile(base, 0.99), percentile(during, 0.99), max(during)


def run(bench):
    messages = 20000 if bench.options.quick else 100000
    runs = [once(bench, n, messages) for n in range(bench.options.runs)]
    add = lambda key, unit, i, note="": bench.report.add("retention", f"retention.{key}", unit, [r[i] for r in runs], note)  # noqa: E731
    add("rate", "/s", 0, "rows removed, somebody else writing beside it")
    add("cpu", "s/1000", 1, "the other's requests included")
    add("step", "ms", 2, "longest commit of a run")
    add("held", "ms", 3, "longest callback of the loop; 0: none slow")
    add("other_base", "ms", 4, "p99 of another's commit before")
    add("other_p99", "ms", 5, "and during the run")
    add("other_max", "ms", 6, "the longest of them")
