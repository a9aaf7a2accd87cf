# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk is full: a clear refusal, and nothing lost when there is room again."""
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness import ApiError, Case, Store, phone, until

ROOM = 256 << 10


class Full:
    """Shared: fill, see the refusals, make room, see that everything is there."""

    def fill(self, g):
        raise NotImplementedError

    def make_room(self, g):
        raise NotImplementedError

    def run_full(self, g):
        customer = self.sandbox.account(phone(1))
        self.sandbox.rule(customer, match="contains", text="Please answer", reply="1", quote=True)
        store = Store(g)
        self.assertEqual(store.order("D-before", customer), 200)
        store.until_state("D-before", "confirmed")
        self.fill(g)
        taken, refused = [], []
        for i in range(400):
            number = f"D{i}"
            status = store.order(number, customer, delivery=f"delivery-{i}", note="x" * 4000)
            (taken if status == 200 else refused).append(number)
            if status != 200:
                self.assertGreaterEqual(status, 500)
            if len(refused) >= 3:
                break
        self.assertTrue(refused, "the disk never was full")
        with self.assertRaises(ApiError) as e:
            g.send(customer, "y" * 60000)
        self.assertGreaterEqual(e.exception.status, 500)
        self.assertTrue(e.exception.code)
        self.assertEqual(g.rest.get("/healthz")["status"], "ok")
        self.sandbox.say(customer, "said while the disk was full")
        self.make_room(g)
        for number in refused:
            until(lambda: store.order(number, customer, delivery=f"delivery-{number[1:]}") == 200)
        for number in taken + refused:
            store.until_state(number, "confirmed", seconds=60)
        e = g.event("message.received", lambda e: e["data"]["text"] == "said while the disk was full", seconds=60)
        self.assertEqual(len([x for x in g.events(kinds="message.received")
                              if x["data"]["wa_id"] == e["data"]["wa_id"]]), 1)
        shown = self.sandbox.received(customer)
        for number in taken + refused:
            self.assertEqual(sum(f"*{number}*" in m["text"] and "Please answer" in m["text"] for m in shown), 1)
        events = g.events()
        self.assertEqual([e["seq"] for e in events], list(range(1, len(events) + 1)))
        self.assertEqual(g.stop(), 0)


class FileSize(Full, Case):
    """A limit on the size of files: works for everybody."""

    def fill(self, g):
        big = max(f.stat().st_size for f in g.data.iterdir())
        resource.prlimit(g.child.pid, resource.RLIMIT_FSIZE, (big + ROOM, resource.RLIM_INFINITY))

    def make_room(self, g):
        resource.prlimit(g.child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def test_full(self):
        g = self.gateway(start=False)
        g.start(preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN), restore_signals=False)
        g.link(self.sandbox)
        self.run_full(g)


class FileSystem(Full, Case):
    """A small file system of its own: needs the right to mount one."""

    def fill(self, g):
        free = os.statvfs(g.data)
        with open(g.data / "ballast", "wb") as f:
            f.write(b"\0" * max(0, free.f_bavail * free.f_frsize - ROOM))

    def make_room(self, g):
        os.unlink(g.data / "ballast")

    def test_full(self):
        dir = tempfile.mkdtemp(prefix="warbler-small-")
        self.addCleanup(shutil.rmtree, dir, True)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", dir],
                                               stderr=subprocess.DEVNULL).returncode:
            self.skipTest("may not mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", dir])
        g = self.gateway(start=False)
        g.data = type(g.data)(dir) / "data"
        g.config["data_dir"] = g.data
        g.write()
        g.start()
        g.link(self.sandbox)
        self.run_full(g)


if __name__ == "__main__":
    unittest.main()
