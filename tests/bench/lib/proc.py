# SPDX-License-Identifier: GPL-3.0-or-later
"""A program under measurement: its output, its CPU, its memory, from /proc and for it alone."""
import os
import re
import signal
import subprocess
import time


class Program:
    def __init__(self, name, args, log, env=None):
        self.name, self.args, self.log = name, args, log
        self.env = {**os.environ, **(env or {})}
        self.process = None

    def spawn(self):
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.env)
        self.pid = self.process.pid

    def line(self, regexp, seconds=60):
        """The first match in what it printed."""
        end = time.monotonic() + seconds
        while True:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                text = f.read()
            found = re.search(regexp, text)
            if found:
                return found
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} did not print {regexp}:\n{text[-3000:]}")
            time.sleep(0.01)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def cpu(self):
        """Seconds on a CPU of all its threads."""
        try:
            total = 0
            for task in os.listdir(f"/proc/{self.pid}/task"):
                with open(f"/proc/{self.pid}/task/{task}/schedstat", encoding="ascii") as f:
                    total += int(f.read().split()[0])
            return total / 1e9
        except FileNotFoundError:   # a kernel without schedstat: ticks of 10 ms
            with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """smaps_rollup in KiB: {"Rss": .., "Pss": .., "Anonymous": ..}"""
        sizes = {}
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as f:
            for line in f:
                field = line.split()
                if len(field) == 3 and field[2] == "kB":
                    sizes[field[0].rstrip(":")] = int(field[1])
        return sizes


def wait(test, seconds, what, pause=0.01):
    """What test() gives, as soon as it is true."""
    end = time.monotonic() + seconds
    while True:
        got = test()
        if got:
            return got
        if time.monotonic() > end:
            raise RuntimeError(f"{what} did not happen within {seconds} s")
        time.sleep(pause)
