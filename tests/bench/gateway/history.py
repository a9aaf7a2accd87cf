# SPDX-License-Identifier: GPL-3.0-or-later
"""The past of a phone at linking: 100,000 messages in 200 chats, handed over in parts, stored with grouped commits."""
import re
import time

from lib.proc import wait
from lib.stack import OWN, name

CHATS, PARTS = 200, 20


def peak_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])


def metric(gateway, key):
    import http.client
    c = http.client.HTTPConnection("127.0.0.1", gateway.port)
    c.request("GET", "/metrics", headers={"Authorization": f"Bearer {gateway.key}"})
    found = re.search(rf"^{key} (\S+)", c.getresponse().read().decode(), re.M)
    return float(found[1]) if found else 0


def once(bench, n, messages):
    label = f"history-{n}"
    sandbox = bench.sandbox(f"{label}-sandbox")
    gateway = bench.gateway(sandbox, label)
    sandbox.accounts(OWN, 1)
    sandbox.rest.post(f"/accounts/{OWN}/history", {"chats": CHATS, "messages": messages // CHATS, "parts": PARTS})
    before = peak_kib(gateway.pid)
    gateway.rest.post("/sessions", {"id": name(0)})

    def qr():
        try:
            return gateway.rest.get(f"/sessions/{name(0)}/qr")["qr"]
        except Exception:   # not there yet
            return None
    sandbox.rest.post(f"/accounts/{OWN}/scan", {"qr": wait(qr, 60, "a QR", 0.02)})
    history = lambda: gateway.rest.get(f"/sessions/{name(0)}/history")  # noqa: E731
    wait(lambda: history()["state"] != "none", 60, "the first part", 0.005)
    begin, cpu = time.monotonic(), gateway.cpu()
    wait(lambda: history()["state"] == "done", 600, "all of history", 0.02)
    seconds, cpu = time.monotonic() - begin, gateway.cpu() - cpu
    peak = peak_kib(gateway.pid)
    held = metric(gateway, "warbler_loop_slow_max_ms")
    bench.check("history", sandbox)
    bench.stop()
    bench.forget(f"{label}-sandbox", label)
    return messages / seconds, cpu * 1000 / messages, (peak - before) / 1024, held


def run(bench):
    messages = 20000 if bench.options.quick else 100000
    runs = [once(bench, n, messages) for n in range(bench.options.runs)]
    bench.report.add("history", "history.rate", "/s", [r[0] for r in runs])
    bench.report.add("history", "history.cpu", "s/1000", [r[1] for r in runs])
    bench.report.add("history", "history.peak", "MiB", [r[2] for r in runs], "more than before linking")
    bench.report.add("history", "history.held", "ms", [r[3] for r in runs], "longest callback of the loop; 0: none slow")
