# SPDX-License-Identifier: GPL-3.0-or-later
"""Accepting messages: 202 after the commit. The session is stopped, so nothing else happens."""
from lib.stack import CUSTOMER

CONNECTIONS, REQUESTS = 64, 20000


def run(bench):
    for sync in ("full", "normal"):
        sandbox = bench.sandbox(f"rest-sandbox-{sync}")
        gateway = bench.gateway(sandbox, f"rest-{sync}", storage__sync=sync)
        gateway.rest.post("/sessions", {"id": "s0000", "start": False})
        rates, costs, waits = [], [], []
        for i in range(bench.options.runs + 1):
            cpu = gateway.cpu()
            got = bench.tool("bench_load", gateway.port, CONNECTIONS, REQUESTS if i else 1000, "s", 1, CUSTOMER, 100,
                             env={"BENCH_KEY": gateway.key})
            if i:   # the first is the warm-up
                rates.append(got["per_second"])
                waits.append(got["p99_ms"])
                costs.append((gateway.cpu() - cpu) * 1e6 / got["accepted"])
        figure = "rest.accept" if sync == "full" else "rest.accept.normal"
        bench.report.add("rest", figure, "/s", rates, f"{CONNECTIONS} connections, storage.sync {sync}")
        bench.report.add("rest", f"{figure}.cpu", "us", costs)
        bench.report.add("rest", f"{figure}.p99", "ms", waits)
        bench.stop()
        bench.forget(f"rest-sandbox-{sync}", f"rest-{sync}")
