# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts in: pushed in one burst, decrypted, committed, acknowledged, delivery receipts sent."""
import time

from lib.proc import wait
from lib.stack import CUSTOMER, OWN, link

WARM_UP, TEXTS = 300, 2000


def burst(sandbox, gateway, count):
    cpu = gateway.cpu()
    run = sandbox.rest.post("/bulk", {"from": str(CUSTOMER), "to": str(OWN), "count": count,
                                      "text": "Is my order 1042 on its way? I need it on Friday."})
    begin = time.monotonic()
    wait(lambda: sandbox.rest.get(f"/bulk/{run['id']}")["delivered"] >= count, 120, f"{count} receipts", 0.004)
    seconds = time.monotonic() - begin
    sandbox.settled()
    time.sleep(0.3)
    return (gateway.cpu() - cpu) * 1000 / count, count / seconds


def run(bench):
    for sync in ("full", "normal"):
        sandbox = bench.sandbox(f"receive-sandbox-{sync}")
        gateway = bench.gateway(sandbox, f"receive-{sync}", storage__sync=sync)
        sandbox.accounts(CUSTOMER, 1)
        link(gateway, sandbox, 0, 1)
        # one text of ours first, so that theirs come in an answered session, as in the peers' runs
        gateway.rest.post("/messages", {"session": "s0000", "to": f"+{CUSTOMER}", "text": "hello"})
        wait(lambda: sandbox.rest.get("")["messages"] >= 1, 30, "the first text")
        burst(sandbox, gateway, WARM_UP)
        runs = [burst(sandbox, gateway, TEXTS) for _ in range(bench.options.runs)]
        bench.report.add("receive", f"receive.{sync}.cpu", "s/1000", [r[0] for r in runs])
        bench.report.add("receive", f"receive.{sync}.rate", "/s", [r[1] for r in runs])
        bench.check("receive", sandbox)
        bench.stop()
        bench.forget(f"receive-sandbox-{sync}", f"receive-{sync}")
