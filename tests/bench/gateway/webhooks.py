# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand webhook endpoints that want every text, half of which hang: does the other half notice?"""
import http.client
import json
import os
import re
import subprocess
import time

from lib.proc import wait
from lib.stack import CUSTOMER, OWN, link

GOOD, HANGING, RECEIVERS = 500, 500, 100
PAUSE = 0.5     # between two texts


def metric(gateway, key):
    c = http.client.HTTPConnection("127.0.0.1", gateway.port)
    c.request("GET", "/metrics", headers={"Authorization": f"Bearer {gateway.key}"})
    found = re.search(rf"^{key} (\S+)", c.getresponse().read().decode(), re.M)
    return float(found[1]) if found else 0


class Receivers:
    def __init__(self, bench):
        self.tool = subprocess.Popen([os.path.join(bench.build, "bench", "bench_hooks"), str(RECEIVERS)],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.good, *self.hanging = [int(p) for p in self.tool.stdout.readline().split()]

    def report(self, line="take"):
        self.tool.stdin.write(line + "\n")
        self.tool.stdin.flush()
        return json.loads(self.tool.stdout.readline())

    def close(self):
        self.tool.stdin.close()
        self.tool.wait(10)


def texts(receivers, sandbox, gateway, n):
    """Every text goes to every endpoint; what the good ones saw, and CPU seconds for 1,000 of their requests."""
    receivers.report()
    cpu = gateway.cpu()
    for _ in range(n):
        sandbox.rest.post(f"/accounts/{CUSTOMER}/messages",
                          {"to": str(OWN), "text": f"bench-time-{time.time() * 1000:.3f}"})
        time.sleep(PAUSE)
    got = {}

    def all_came():
        nonlocal got
        more = receivers.report("peek")
        done, got = more == got and more["n"] >= n * GOOD, more
        return done
    wait(all_came, 30, f"{n * GOOD} requests", 0.5)
    return {**receivers.report(), "cpu": (gateway.cpu() - cpu) / (n * GOOD) * 1000}


def run(bench):
    n = 10 if bench.options.quick else 40
    rows = {"alone": [], "beside": []}
    held, memory, hung = [], [], []
    for i in range(bench.options.runs):
        receivers = Receivers(bench)
        sandbox = bench.sandbox(f"hooks-sandbox-{i}")
        gateway = bench.gateway(sandbox, f"hooks-{i}")
        sandbox.accounts(CUSTOMER, 1)
        link(gateway, sandbox, 0, 1)
        before = gateway.memory()["Rss"]
        for k in range(GOOD):
            gateway.rest.post("/webhooks", {"url": f"http://127.0.0.1:{receivers.good}/{k}", "events": ["message.received"]})
        memory.append((gateway.memory()["Rss"] - before) / GOOD)
        texts(receivers, sandbox, gateway, 3)    # all have answered once
        rows["alone"].append(texts(receivers, sandbox, gateway, n))
        for k in range(HANGING):
            port = receivers.hanging[k % RECEIVERS]
            gateway.rest.post("/webhooks", {"url": f"http://127.0.0.1:{port}/{k}", "events": ["message.received"]})
        rows["beside"].append(texts(receivers, sandbox, gateway, n))
        hung.append(rows["beside"][-1]["hung"])
        held.append(metric(gateway, "warbler_loop_slow_max_ms"))
        for figures in (rows["alone"][-1], rows["beside"][-1]):
            if figures["n"] != n * GOOD:
                raise RuntimeError(f"{figures['n']} of {n * GOOD} requests came")
        bench.check("webhooks", sandbox)
        bench.stop()
        receivers.close()
        bench.forget(f"hooks-sandbox-{i}", f"hooks-{i}")
    for label, note in (("alone", f"{GOOD} endpoints, each text to all"), ("beside", f"the same, beside {HANGING} that hang")):
        for p in ("p50", "p99"):
            bench.report.add("webhooks", f"webhooks.{label}.{p}", "ms", [r[p] for r in rows[label]], note)
        bench.report.add("webhooks", f"webhooks.{label}.cpu", "s/1000", [r["cpu"] for r in rows[label]],
                         "for 1,000 requests answered")
    bench.report.add("webhooks", "webhooks.hung", "", hung, "requests without answer at the end")
    bench.report.add("webhooks", "webhooks.held", "ms", held, "longest callback of the loop; 0: none over 20 ms")
    bench.report.add("webhooks", "webhooks.memory", "KiB", memory, "resident, for each endpoint registered")
