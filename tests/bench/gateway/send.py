# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts out: REST request, outbox, two devices each (the peer's phone, our own), server ack, receipts."""
import datetime
import time

from lib.proc import wait
from lib.stack import CUSTOMER, OWN, link, name

WARM_UP, TEXTS, CONNECTIONS = 300, 2000, 64
CHATS = 100
SESSIONS = 50


class Sender:
    def __init__(self, bench, sandbox, gateway):
        self.bench, self.sandbox, self.gateway = bench, sandbox, gateway

    def messages(self):
        return self.sandbox.rest.get("")["messages"]

    def run(self, count, sessions=1, recipients=1, send_at=None):
        """Write `count` texts and wait until every device has taken them. -> CPU s per 1,000, texts/s"""
        want = self.messages() + count
        begin, cpu = time.monotonic(), self.gateway.cpu()
        args = [self.gateway.port, CONNECTIONS, count, "s", sessions, CUSTOMER, recipients]
        due = None
        if send_at:
            due = time.time() + send_at
            args.append(datetime.datetime.fromtimestamp(due, datetime.timezone.utc)
                        .strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z")
        self.load = self.bench.tool("bench_load", *args, env={"BENCH_KEY": self.gateway.key})
        if due:
            rest = due - time.time()
            if rest < 0.2:
                raise RuntimeError("the messages were due before all were written")
            time.sleep(rest - 0.1)
            cpu, begin = self.gateway.cpu(), time.monotonic() + 0.1
        wait(lambda: self.messages() >= want, 120, f"{count} texts at the server", 0.004)
        rate = count / (time.monotonic() - begin)
        self.sandbox.settled()
        time.sleep(0.3)
        return (self.gateway.cpu() - cpu) * 1000 / count, rate


def one_session(bench, sync):
    sandbox = bench.sandbox(f"send-sandbox-{sync}")
    gateway = bench.gateway(sandbox, f"send-{sync}", storage__sync=sync)
    sandbox.accounts(CUSTOMER, CHATS)
    link(gateway, sandbox, 0, 1)
    s = Sender(bench, sandbox, gateway)
    s.run(WARM_UP)
    figure = f"send.{sync}"
    runs = [s.run(TEXTS) for _ in range(bench.options.runs)]
    bench.report.add("send", f"{figure}.cpu", "s/1000", [r[0] for r in runs], "REST request included")
    bench.report.add("send", f"{figure}.rate", "/s", [r[1] for r in runs], "one chat, REST included")
    runs = [s.run(TEXTS, send_at=5) for _ in range(bench.options.runs)]
    bench.report.add("send", f"{figure}.due.cpu", "s/1000", [r[0] for r in runs],
                     "already in the outbox: what a library call costs elsewhere")
    bench.report.add("send", f"{figure}.due.rate", "/s", [r[1] for r in runs])
    s.run(WARM_UP, recipients=CHATS)
    runs = [s.run(TEXTS, recipients=CHATS) for _ in range(bench.options.runs)]
    bench.report.add("send", f"{figure}.many_chats.cpu", "s/1000", [r[0] for r in runs])
    bench.report.add("send", f"{figure}.many_chats.rate", "/s", [r[1] for r in runs], f"{CHATS} chats")
    bench.report.add("send", f"{figure}.rss", "MiB", [gateway.memory()["Rss"] / 1024],
                     "afterwards")
    if sandbox.account(OWN)["received"] < (1 + 2 * bench.options.runs) * TEXTS:
        raise RuntimeError("our own phone did not get every text")
    bench.check("send", sandbox)
    bench.stop()
    bench.forget(f"send-sandbox-{sync}", f"send-{sync}")


def many_sessions(bench, sync):
    sandbox = bench.sandbox(f"many-sandbox-{sync}")
    gateway = bench.gateway(sandbox, f"many-{sync}", storage__sync=sync)
    sandbox.accounts(CUSTOMER, SESSIONS)
    link(gateway, sandbox, 0, SESSIONS)
    s = Sender(bench, sandbox, gateway)
    s.run(SESSIONS * 6, sessions=SESSIONS, recipients=0)
    runs = [s.run(TEXTS, sessions=SESSIONS, recipients=0) for _ in range(bench.options.runs)]
    bench.report.add("send", f"send.{sync}.many_sessions.cpu", "s/1000", [r[0] for r in runs])
    bench.report.add("send", f"send.{sync}.many_sessions.rate", "/s", [r[1] for r in runs],
                     f"{SESSIONS} sessions, one chat each")
    assert gateway.rest.get(f"/sessions/{name(0)}")["status"] == "connected"
    bench.check("send", sandbox)
    bench.stop()
    bench.forget(f"many-sandbox-{sync}", f"many-{sync}")


def run(bench):
    for sync in ("full", "normal"):
        one_session(bench, sync)
        many_sessions(bench, sync)
