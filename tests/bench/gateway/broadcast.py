# SPDX-License-Identifier: GPL-3.0-or-later
"""A message to 100,000 people: imported, checked, sent for a while; how fast, and what do others and the loop notice?"""
import http.client
import threading
import time

from gateway.history import metric, peak_kib
from gateway.retention import percentile
from lib.proc import wait
from lib.rest import Failed
from lib.stack import OWN, link

FIRST = 12025600000     # of the recipients' phones
FILE = 20000            # rows in one CSV file
SENDING = 30            # seconds looked at


class Other:
    """Somebody else's small commits, one after the other, while something goes on."""

    def __init__(self, gateway):
        self.gateway, self.took, self.over = gateway, [], threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        while not self.over.is_set():
            begin = time.monotonic()
            self.gateway.rest.patch("/sessions/s0000", {"name": f"name {len(self.took)}"})
            self.took.append((time.monotonic() - begin) * 1000)
            self.over.wait(0.03)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def p99(self):
        return percentile(self.took, 0.99)


def upload(gateway, id, rows):
    c = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=300)
    c.request("POST", f"/v1/lists/{id}/import", "to,name,city\n" + "".join(rows),
              {"Authorization": f"Bearer {gateway.key}", "Content-Type": "text/csv"})
    answer = c.getresponse()
    text = answer.read().decode()
    if answer.status != 200 or f'"added":{len(rows)}' not in text.replace(" ", ""):
        raise RuntimeError(f"import: {answer.status} {text[:500]}")


def phones(sandbox, people):
    for at in range(0, people, 500):
        sandbox.rest.post("/accounts/bulk", {"first": FIRST + at, "count": min(500, people - at), "sink": True})


def held(gateway):
    """Longest callback of the loop, and the most CPU of one over 20 ms; the figures never fall."""
    return metric(gateway, "warbler_loop_slow_max_ms"), metric(gateway, "warbler_loop_slow_cpu_max_ms")


def once(bench, n, people):
    label = f"broadcast-{n}"
    sandbox = bench.sandbox(f"{label}-sandbox")
    gateway = bench.gateway(sandbox, label, plugins__enabled="broadcast", plugins__broadcast__check_pause_ms=0,
                            plugins__broadcast__check_batch=100, plugins__broadcast__window=200)
    link(gateway, sandbox, 0, 1)
    phones(sandbox, people)
    got = {}
    with Other(gateway) as other:
        time.sleep(2)
    got["base.other_p99"] = other.p99()
    before, id = peak_kib(gateway.pid), gateway.rest.post("/lists", {"name": "all"})["id"]

    def phase(name, work):
        begin, cpu = time.monotonic(), gateway.cpu()
        with Other(gateway) as other_:
            count = work()
        seconds = time.monotonic() - begin
        got[f"{name}.rate"] = count / seconds
        got[f"{name}.cpu"] = (gateway.cpu() - cpu) * 1000 / count
        got[f"{name}.other_p99"], got[f"{name}.other_max"] = other_.p99(), max(other_.took)
        got[f"{name}.peak"] = (peak_kib(gateway.pid) - before) / 1024
        got[f"{name}.held"], got[f"{name}.held_cpu"] = held(gateway)

    def fill():
        for at in range(0, people, FILE):
            upload(gateway, id, [f"+{FIRST + i},Person {i},Rome\n" for i in range(at, min(people, at + FILE))])
        return people

    def look(state, seconds):
        def there():
            b = gateway.rest.get(f"/broadcasts/{made}")
            if b["state"] not in (state, "checking"):
                raise RuntimeError(f"the broadcast is {b}")
            return b["state"] == state
        wait(there, seconds, f"a broadcast that is {state}", 0.2)

    def check():
        gateway.rest.post(f"/broadcasts/{made}/check")
        look("ready", 1800)
        return people

    def send():
        gateway.rest.post(f"/broadcasts/{made}/start")
        end = time.monotonic() + SENDING
        while time.monotonic() < end:
            b = gateway.rest.get(f"/broadcasts/{made}")
            if b["state"] != "running":
                break
            time.sleep(0.5)
        return gateway.rest.get(f"/broadcasts/{made}")["progress"]["counts"]["sent"]

    phase("import", fill)
    made = gateway.rest.post("/broadcasts", {"name": "b", "sessions": ["s0000"], "per_minute": 0, "per_day": 0,
                                             "text": "Hello {{name}}, {{city}} has a sale.",
                                             "audience": {"lists": [id]}})["id"]
    phase("check", check)
    phase("send", send)
    with Other(gateway):    # and its end
        try:
            gateway.rest.post(f"/broadcasts/{made}/cancel")
        except Failed as e:     # all had it
            if e.status != 409:
                raise
        wait(lambda: gateway.rest.get(f"/broadcasts/{made}")["state"] in ("cancelled", "done"), 60, "the end", 0.1)
    got["end.held"], got["end.held_cpu"] = held(gateway)
    bench.check("broadcast", sandbox)
    bench.stop()
    bench.forget(f"{label}-sandbox", label)
    return got


def run(bench):
    people = 10000 if bench.options.quick else 100000
    runs = [once(bench, n, people) for n in range(1 if people > 10000 else bench.options.runs)]
    units = {"rate": "/s", "cpu": "s/1000", "peak": "MiB"}
    notes = {"peak": "more than before the import", "held": "longest callback of the loop so far; 0: none over 20 ms",
             "held_cpu": "CPU time of such a one", "other_p99": "of another's commit meanwhile"}
    for key in runs[0]:
        last = key.split(".")[1]
        bench.report.add("broadcast", f"broadcast.{key}", units.get(last, "ms"), [r[key] for r in runs],
                         notes.get(last, ""))
