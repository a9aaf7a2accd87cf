# SPDX-License-Identifier: GPL-3.0-or-later
"""Resident memory of idle linked sessions: started from stored credentials, all connected, 30 s idle."""
import time

from lib.report import say

IDLE_S = 30


def slope(points):
    """Least squares of (x, y)."""
    n = len(points)
    mx, my = sum(p[0] for p in points) / n, sum(p[1] for p in points) / n
    return sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x, _ in points)


def measure(bench, sandbox, n, tls):
    label = bench.use_store(n)
    gateway = bench.gateway(sandbox, label, tls=tls, session__start_burst=50, session__start_per_s=200)
    gateway.wait_connected(n)
    cpu = gateway.cpu()
    time.sleep(IDLE_S)
    sizes = gateway.memory()
    sizes["cpu"] = (gateway.cpu() - cpu) / IDLE_S
    gateway.stop()
    bench.forget(label)
    say(f"{'tls' if tls else 'plain'}: {n} sessions: Rss {sizes['Rss']} KiB, Anonymous {sizes['Anonymous']} KiB, "
        f"idle CPU {sizes['cpu'] * 100:.2f} %")
    return sizes


def run(bench):
    most = bench.options.sessions
    counts = sorted({1, min(100, most), most})
    bench.linked_store(1)
    for tls in (False, True):
        kind = "tls" if tls else "plain"
        sandbox = bench.sandbox("linked", tls=tls)
        runs = [{n: measure(bench, sandbox, n, tls) for n in counts} for _ in range(bench.options.runs)]
        for n in counts:
            bench.report.add("memory", "memory.one_session" if n == 1 and not tls else f"memory.{kind}.{n}", "MiB",
                             [r[n]["Rss"] / 1024 for r in runs], f"Rss, {n} sessions")
        bench.report.add("memory", f"memory.{kind}.slope", "KiB/session",
                         [slope([(n, r[n]["Rss"]) for n in counts]) for r in runs])
        bench.report.add("memory", f"memory.{kind}.slope.anonymous", "KiB/session",
                         [slope([(n, r[n]["Anonymous"]) for n in counts]) for r in runs])
        bench.report.add("memory", f"memory.{kind}.idle_cpu", "ms/s", [r[most]["cpu"] * 1000 for r in runs],
                         f"{most} sessions")
        bench.check("memory", sandbox)
        bench.stop()
