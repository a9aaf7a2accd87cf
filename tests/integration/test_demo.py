# SPDX-License-Identifier: GPL-3.0-or-later
"""`warbler demo`, as `./run` starts it."""
import os
import pathlib
import pty
import re
import shutil
import signal
import tempfile
import unittest

from harness import WARBLER, Program, Rest, until


def children(dir):
    """Processes whose environment or command line name the demo's folder."""
    found = []
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if str(dir).encode() in (p / "cmdline").read_bytes():
                found.append(p.name)
        except OSError:
            pass
    return found


class Demo(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="warbler-demo-test-")
        self.addCleanup(shutil.rmtree, self.dir, True)

    def demo(self, *args, program=WARBLER):
        p = Program("demo", [program, "demo", *args], {"TMPDIR": self.dir, "WARBLER_SERVER_PORT": "1"})
        self.addCleanup(p.kill)
        return p.spawn()

    def nothing_left(self):
        until(lambda: not children(self.dir), what="the children to be gone")
        self.assertEqual(os.listdir(self.dir), [])

    def test_once(self):
        p = self.demo("--once")
        self.assertEqual(p.wait(60), 0, p.output)
        steps = re.findall(r"^✓ +[0-9.]+ ms  (.+?)  ", p.output, re.M)
        self.assertEqual(len(steps), 23, p.output)
        for word in ("the shop posts an order", "the order is confirmed", "the webhook has come",
                     "Omar asks, the rule answers", "Mona asks, it answers"):
            self.assertIn(word, steps)
        self.nothing_left()

    def test_a_broken_build_fails(self):
        """Without the sandbox plugin nothing works, and that is what it says."""
        copy = shutil.copy(WARBLER, self.dir)
        p = self.demo("--once", program=copy)
        self.assertEqual(p.wait(60), 1)
        self.assertRegex(p.output, r"✗ .*`warbler sandbox` has ended")
        self.assertIn("sandbox.so", p.output)
        os.unlink(copy)
        self.nothing_left()

    def test_a_dead_gateway_is_noticed(self):
        p = self.demo()
        p.line("fresh one")
        pid = [x for x in children(self.dir) if b"serve" in pathlib.Path(f"/proc/{x}/cmdline").read_bytes()]
        os.kill(int(pid[0]), signal.SIGKILL)
        self.assertEqual(p.wait(), 1)
        self.assertIn("`warbler serve` has ended", p.output)
        self.nothing_left()

    def test_stays_and_ends(self):
        for sig in (signal.SIGINT, signal.SIGTERM):
            p = self.demo()
            base, key = p.line(r"  API +(\S+) +key (\S+)").groups()
            page = p.lines and p.line(r"  phones +(\S+)")[1]
            rest = Rest(base, key)
            self.assertEqual(rest.get("/v1/sessions/shop")["status"], "connected")
            self.assertIn(b"<html", Rest(page.rsplit("/sandbox", 1)[0]).raw("GET", "/sandbox/")[1].lower())
            self.assertEqual(p.stop(sig), 0)
            self.nothing_left()

    def test_scripts_of_ones_own_are_kept(self):
        p = self.demo()
        folder = pathlib.Path(p.line(r"  scripts +(\S+)")[1])
        (folder / "mine.lua").write_text("-- hours of work")
        p.line("fresh one")
        self.assertEqual(p.stop(), 0)
        kept = pathlib.Path(p.line(r"Your scripts are in (\S+)")[1])
        self.assertEqual((kept / "mine.lua").read_text(), "-- hours of work")
        self.assertEqual(os.listdir(self.dir), [kept.name])

    def test_ends_with_its_starter(self):
        p = self.demo()
        p.line("fresh one")
        p.kill()
        until(lambda: not children(self.dir), what="the children to be gone")

    def test_enter_places_another_order(self):
        terminal, side = pty.openpty()
        p = Program("demo", [WARBLER, "demo"], {"TMPDIR": self.dir})
        self.addCleanup(p.kill)
        self.addCleanup(os.close, terminal)
        p.spawn(stdin=side)
        os.close(side)
        p.line("fresh one")
        os.write(terminal, b"\n")
        p.line(r"webhook +order\.delivered +order 1002")
        self.assertEqual(p.stop(), 0)
        self.nothing_left()


if __name__ == "__main__":
    unittest.main()
