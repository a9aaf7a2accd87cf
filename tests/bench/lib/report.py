# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures: kept while the benchmarks run, printed as JSON lines at once and as a table at the end."""
import json
import statistics
import sys

# What "good" costs: figure -> (budget, True when more is better)
BUDGETS = {
    "memory.plain.slope": (24, False),
    "memory.tls.slope": (48, False),
    "memory.one_session": (20, False),
    "send.full.cpu": (0.15, False),
    "send.normal.cpu": (0.15, False),
    "send.full.due.cpu": (0.15, False),
    "send.normal.due.cpu": (0.15, False),
    "send.full.rate": (5000, True),
    "send.normal.rate": (5000, True),
    "send.full.due.rate": (5000, True),
    "send.normal.due.rate": (5000, True),
    "send.full.many_chats.rate": (5000, True),
    "send.normal.many_chats.rate": (5000, True),
    "send.full.many_sessions.rate": (5000, True),
    "send.normal.many_sessions.rate": (5000, True),
    "receive.full.cpu": (0.08, False),
    "receive.normal.cpu": (0.08, False),
    "conversation.cpu": (0.8, False),
    "conversation.growth": (1.25, False),
    "history.held": (20, False),
    "retention.step": (50, False),
    "start.one": (10, False),
    "start.first_request": (200, False),
    "webhook.p99": (10, False),
    "webhooks.held": (20, False),
    "rest.accept": (10000, True),
}


class Report:
    def __init__(self):
        self.rows = []

    def add(self, bench, figure, unit, runs, note=None):
        """`runs`: every value measured; the median is the figure."""
        runs = [r for r in runs if r is not None]
        if not runs:
            return
        value = statistics.median(runs)
        budget, more = BUDGETS.get(figure, (None, False))
        row = {"bench": bench, "figure": figure, "value": short(value), "unit": unit,
               "runs": [short(r) for r in runs], "budget": budget}
        if note:
            row["note"] = note
        self.rows.append((row, more))
        print(json.dumps(row), flush=True)

    def table(self, out=sys.stdout):
        head = ("figure", "median", "unit", "runs", "budget", "")
        lines = [head]
        for row, more in self.rows:
            budget, verdict = "", ""
            if row["budget"] is not None:
                budget = ("≥ " if more else "≤ ") + str(row["budget"])
                good = row["value"] >= row["budget"] if more else row["value"] <= row["budget"]
                verdict = "ok" if good else "short"
            runs = row["runs"]
            text = " ".join(map(str, runs)) if len(runs) <= 10 else f"{len(runs)} runs"
            lines.append((row["figure"], str(row["value"]), row["unit"],
                          f"[{text}]" if len(runs) > 1 else "", budget, verdict))
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        print(file=out)
        for line in lines:
            print("  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip(), file=out)


def short(v):
    """Four significant digits, but whole numbers whole."""
    if v == int(v):
        return int(v)
    if abs(v) >= 1000:
        return round(v)
    return float(f"{v:.4g}")


def say(text):
    print(f"   {text}", file=sys.stderr, flush=True)
