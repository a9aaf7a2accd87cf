# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plugin, 50 scripts, 20 rules, a broadcast and schedules at once, 500 texts a second coming in: is anything lost?"""
import os

from gateway import webhook
from gateway.broadcast import held, phones, upload, FIRST
from lib.proc import wait
from lib.stack import CUSTOMER, OWN, link

PEOPLE, RULES, SCRIPTS, SCHEDULES = 5000, 20, 50, 5
SECONDS = 60
PLUGINS = "webhooks,orders,autoreply,schedule,broadcast,retention"

# Every fifth sees every text, the others are kept out by their filters.
SCRIPT = """local wb = require "warbler"
wb.script{ summary = "bench" }
local seen = 0
wb.on("message.received", { %s }, function(msg)
	seen = seen + 1
	if seen %% 500 == 0 then wb.kv.set("seen", seen) end
end)
"""


def scripts(folder):
    os.makedirs(folder)
    for i in range(SCRIPTS):
        pattern = 'contains = "bench"' if i % 5 == 0 else f'text = "word{i}"'
        with open(os.path.join(folder, f"bench{i:02}.lua"), "w", encoding="ascii") as f:
            f.write(SCRIPT % pattern)


def calls(gateway, i):
    return gateway.rest.get(f"/scripts/bench{i:02}")["stats"]["calls"]


def rules(gateway):
    for i in range(RULES - 1):
        gateway.rest.post("/autoreply/rules", {"name": f"rule {i}", "patterns": [f"question {i}"], "replies": ["Yes."]})
    gateway.rest.post("/autoreply/rules", {"name": "all", "match": "any", "cooldown_chat_s": 5, "replies": ["Thanks."]})


def broadcast(gateway):
    id = gateway.rest.post("/lists", {"name": "all"})["id"]
    upload(gateway, id, [f"+{FIRST + i},Person {i},Rome\n" for i in range(PEOPLE)])
    made = gateway.rest.post("/broadcasts", {"name": "b", "sessions": ["s0000"], "per_minute": 1200, "per_day": 0,
                                             "text": "Hello {{name}}", "audience": {"lists": [id]}})["id"]
    gateway.rest.post(f"/broadcasts/{made}/check")
    wait(lambda: gateway.rest.get(f"/broadcasts/{made}")["state"] == "ready", 120, "a ready broadcast", 0.1)
    gateway.rest.post(f"/broadcasts/{made}/start")
    return made


def schedules(gateway):
    for i in range(SCHEDULES):
        made = gateway.rest.post("/schedules", {"session": "s0000", "to": [f"+{FIRST + i}"], "every": "1m", "text": "Hello"})
        gateway.rest.post(f"/schedules/{made['id']}/run")


def once(bench, n, seconds):
    label = f"all-{n}"
    sandbox = bench.sandbox(f"{label}-sandbox")
    os.makedirs(bench.path(label))
    scripts(os.path.join(bench.path(label), "scripts"))
    gateway = bench.gateway(sandbox, label, plugins__enabled=PLUGINS, plugins__broadcast__check_pause_ms=0)
    sandbox.accounts(CUSTOMER, 1)
    phones(sandbox, PEOPLE)
    link(gateway, sandbox, 0, 1)
    listed = gateway.rest.get("/scripts?limit=200")["scripts"]
    broken = [s["name"] for s in listed if s["name"].startswith("bench") and s["state"] != "running"]
    if broken or sum(s["name"].startswith("bench") for s in listed) != SCRIPTS:
        raise RuntimeError(f"scripts that do not run: {broken}, of {len(listed)}")
    rules(gateway)
    running = broadcast(gateway)
    schedules(gateway)
    webhook.once(bench, sandbox, gateway, webhook.RATE * 4)     # all is warm
    before = gateway.memory()["Rss"]
    cpu = gateway.cpu()
    figures = webhook.once(bench, sandbox, gateway, webhook.RATE * seconds)     # fails unless every text came
    cpu = gateway.cpu() - cpu
    texts = webhook.RATE * (seconds + 4)
    wait(lambda: all(calls(gateway, i) >= texts for i in range(0, SCRIPTS, 5)), 60, f"{texts} calls of each script", 0.2)
    sent = gateway.rest.get(f"/broadcasts/{running}")["progress"]["counts"]["sent"]
    if not sent:
        raise RuntimeError("the broadcast did not run")
    after = gateway.memory()["Rss"]
    wall, own = held(gateway)
    bench.check("all_at_once", sandbox)
    bench.stop()
    bench.forget(f"{label}-sandbox", label)
    return {"p50": figures["from_request"]["p50_ms"], "p99": figures["from_request"]["p99_ms"],
            "rate": figures["per_second"], "cpu": cpu / (webhook.RATE * seconds) * 1000, "held": wall, "held_cpu": own,
            "memory_before": before / 1024, "memory_after": after / 1024, "broadcast": sent}


def run(bench):
    runs = [once(bench, n, 10 if bench.options.quick else SECONDS) for n in range(bench.options.runs)]
    for key, unit, note in (("p50", "ms", "text to webhook"), ("p99", "ms", ""), ("rate", "/s", f"asked for {webhook.RATE}"),
                            ("cpu", "s/1000", "of texts received, all else included"),
                            ("held", "ms", "longest callback of the loop; 0: none over 20 ms"),
                            ("held_cpu", "ms", "most CPU time of such a one"), ("memory_before", "MiB", "after 2,000 texts"),
                            ("memory_after", "MiB", "at the end"), ("broadcast", "", "messages it sent meanwhile")):
        bench.report.add("all_at_once", f"all_at_once.{key}", unit, [r[key] for r in runs], note)
