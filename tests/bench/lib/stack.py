# SPDX-License-Identifier: GPL-3.0-or-later
"""The two programs: a sandbox and the gateway, each in a process of its own."""
import concurrent.futures
import json
import os
import shutil
import subprocess
import tempfile

from .proc import Program, wait
from .report import say
from .rest import Failed, Rest

OWN = 4915110000000     # numbers of the sessions' phones
CUSTOMER = 4915120000000


class Sandbox(Program):
    def __init__(self, build, data, tls=False):
        super().__init__("sandbox", [os.path.join(build, "warbler"), "sandbox", "--port", "0", "--data", data,
                                     *(["--tls"] if tls else [])], data + ".log")
        self.data = data

    def start(self):
        self.spawn()
        ready = self.line(r"sandbox\.ready .*")[0]
        words = dict(w.split("=", 1) for w in ready.split() if "=" in w)
        self.url, self.root_key, self.ca = words["url"], words["root_key"], words.get("ca_file", "")
        self.rest = Rest(int(words["rest"].split(":")[2].split("/")[0]), "/v1/sandbox")
        return self

    def accounts(self, first, count):
        """Phones that keep no chats: as many as wanted, from the first number on."""
        for at in range(0, count, 250):
            self.rest.post("/accounts/bulk", {"first": first + at, "count": min(250, count - at), "sink": True})

    def account(self, number):
        return self.rest.get(f"/accounts/{number}")

    def settled(self, seconds=120):
        """Everything routed has been taken and acknowledged by every device."""
        wait(lambda: self.rest.get("")["queued"] == 0, seconds, "an empty queue in the sandbox")

    def violations(self):
        return self.rest.get("/violations")["violations"]


class Gateway(Program):
    def __init__(self, build, data, sandbox, sets=(), tls=False):
        self.data = data
        args = [os.path.join(build, "warbler"), "serve"]
        self.settings = {
            "data_dir": data, "server.port": "0", "whatsapp.url": sandbox.url,
            "whatsapp.root_key": sandbox.root_key, "pacing.enabled": "false", "network.allow_private": "true",
            "plugins.enabled": "webhooks", "plugins.webhooks.allow_private": "true", "log.level": "warn",
        }
        if tls:
            self.settings["whatsapp.ca_file"] = sandbox.ca
        self.settings.update(dict(sets))
        for key, value in self.settings.items():
            args += ["--set", f"{key}={value}"]
        super().__init__("gateway", args, data + ".log")

    def start(self):
        self.spawn()
        self.port = int(self.line(r"listening on http://127\.0\.0\.1:(\d+)")[1])
        keeper = os.path.join(self.data, "bench.key")
        if not os.path.exists(keeper):
            with open(keeper, "w", encoding="ascii") as f:
                f.write(self.line(r"wb_[A-Za-z0-9_-]{43}")[0])
        with open(keeper, encoding="ascii") as f:
            self.key = f.read()
        self.rest = Rest(self.port, "/v1", self.key)
        return self

    def connected(self):
        n, cursor = 0, ""
        while cursor is not None:
            page = self.rest.get(f"/sessions?limit=200{'&cursor=' + cursor if cursor else ''}")
            n += sum(s["status"] == "connected" for s in page["sessions"])
            cursor = page["next"]
        return n

    def wait_connected(self, n, seconds=300):
        wait(lambda: self.connected() >= n, seconds, f"{n} sessions connected", 0.1)


def name(i):
    return f"s{i:04d}"


def link(gateway, sandbox, first, count, threads=8):
    """Sessions s<first>.. linked to the phones OWN + first.., by QR."""
    def one(i):
        gateway.rest.post("/sessions", {"id": name(i)})

        def qr():
            try:
                return gateway.rest.get(f"/sessions/{name(i)}/qr")["qr"]
            except Failed as e:
                if e.status != 409:
                    raise
                return None
        sandbox.rest.post(f"/accounts/{OWN + i}/scan", {"qr": wait(qr, 60, f"a QR of {name(i)}", 0.02)})
        wait(lambda: gateway.rest.get(f"/sessions/{name(i)}")["status"] == "connected", 120,
             f"{name(i)} connected", 0.05)
        # its prekeys belong to linking
        wait(lambda: any(d["prekeys"] for d in sandbox.rest.get(f"/accounts/{OWN + i}/devices")["devices"]
                         if not d["simulated"]), 120, f"prekeys of {name(i)}", 0.05)
    sandbox.accounts(OWN + first, count)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(first, first + count)))


class Bench:
    """What a suite gets: folders, programs, options, and where figures go."""

    def __init__(self, build, report, options):
        self.build, self.report, self.options = build, report, options
        self.dir = tempfile.mkdtemp(prefix="bench-", dir=build)
        self.programs = []
        self.made = {}

    def path(self, name_):
        return os.path.join(self.dir, name_)

    def sandbox(self, label="sandbox", tls=False):
        s = Sandbox(self.build, self.path(label), tls)
        os.makedirs(s.data, exist_ok=True)
        self.programs.append(s)
        return s.start()

    def gateway(self, sandbox, label="gateway", tls=False, **sets):
        g = Gateway(self.build, self.path(label), sandbox, [(k.replace("__", "."), str(v)) for k, v in sets.items()],
                    tls)
        os.makedirs(g.data, exist_ok=True)
        self.programs.append(g)
        return g.start()

    def stop(self):
        for p in reversed(self.programs):
            p.stop()
        self.programs = []

    def forget(self, *labels):
        """A suite is done with these folders."""
        for label in labels:
            if not self.options.keep:
                shutil.rmtree(self.path(label), ignore_errors=True)

    def tool(self, program, *args, env=None, **more):
        """A load generator; its JSON."""
        done = subprocess.run([os.path.join(self.build, "bench", program), *map(str, args)], check=False,
                              stdout=subprocess.PIPE, env={**os.environ, **(env or {})}, text=True, **more)
        if done.returncode or not done.stdout.strip():
            raise RuntimeError(f"{program} {' '.join(map(str, args))}: exit {done.returncode} {done.stdout}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def check(self, bench, sandbox):
        """A fast answer that a careful server would refuse is worth nothing."""
        found = sandbox.violations()
        if found:
            self.report.add(bench, f"{bench}.violations", "", [len(found)])
            kinds = sorted({v["kind"] for v in found})
            say(f"VIOLATIONS seen by the sandbox: {', '.join(kinds)}; first: {found[0].get('detail')}")

    def linked_store(self, n):
        """Folders with n (1, 100, .. up to --sessions) sessions linked to one sandbox, which is stopped. Made once."""
        sizes = sorted({k for k in (1, 100) if k < self.options.sessions} | {self.options.sessions})
        if not self.made:
            sandbox = self.sandbox("linked")
            have = 0
            for size in sizes:
                gateway = self.gateway(sandbox, "linked-gateway", storage__sync="normal")
                say(f"linking {size - have} sessions")
                gateway.wait_connected(have)
                link(gateway, sandbox, have, size - have)
                have = size
                sandbox.settled()
                gateway.stop()
                shutil.copytree(self.path("linked-gateway"), self.path(f"linked-{size}"))
                self.made[size] = self.path(f"linked-{size}")
            self.check("link", sandbox)
            self.stop()
            shutil.rmtree(self.path("linked-gateway"))
        return self.made[n]

    def use_store(self, n):
        """A copy of linked_store(n), so that no run sees what another left."""
        source, label = self.linked_store(n), f"use-{n}"
        shutil.rmtree(self.path(label), ignore_errors=True)
        shutil.copytree(source, self.path(label))
        return label

    def end(self):
        self.stop()
        if not self.options.keep:
            shutil.rmtree(self.dir, ignore_errors=True)
