# SPDX-License-Identifier: GPL-3.0-or-later
"""From a customer's text to the request at the shop's webhook."""
import json
import os
import subprocess

from lib.stack import CUSTOMER, OWN, link

RATE, SECONDS = 500, 10


def once(bench, sandbox, gateway, count):
    tool = subprocess.Popen([os.path.join(bench.build, "bench", "bench_hook"), str(sandbox.rest.port), str(CUSTOMER),
                             str(OWN), str(count), str(RATE)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = int(tool.stdout.readline())
    hook = gateway.rest.post("/webhooks", {"url": f"http://127.0.0.1:{port}/hook", "events": ["message.received"]})
    out, _ = tool.communicate("go\n", timeout=120)
    gateway.rest.call("DELETE", f"/webhooks/{hook['id']}")
    if not out:
        raise RuntimeError("bench_hook gave no figures")
    return json.loads(out)


def run(bench):
    for sync in ("full", "normal"):
        sandbox = bench.sandbox(f"hook-sandbox-{sync}")
        gateway = bench.gateway(sandbox, f"hook-{sync}", storage__sync=sync)
        sandbox.accounts(CUSTOMER, 1)
        link(gateway, sandbox, 0, 1)
        once(bench, sandbox, gateway, RATE)
        runs = [once(bench, sandbox, gateway, RATE * SECONDS) for _ in range(bench.options.runs)]
        figure = "webhook" if sync == "full" else "webhook.normal"
        note = f"storage.sync {sync}; from the request to the phone on: holds the sandbox's work, too"
        for p in ("p50", "p99"):
            bench.report.add("webhook", f"{figure}.{p}", "ms", [r["from_request"][f"{p}_ms"] for r in runs], note)
            bench.report.add("webhook", f"{figure}.from_socket.{p}", "ms",
                             [r["from_socket"][f"{p}_ms"] for r in runs])
        bench.report.add("webhook", f"{figure}.rate", "/s", [r["per_second"] for r in runs], f"asked for {RATE}")
        bench.check("webhook", sandbox)
        bench.stop()
        bench.forget(f"hook-sandbox-{sync}", f"hook-{sync}")
