# SPDX-License-Identifier: GPL-3.0-or-later
"""Process start to session connected, and to the first request served, from stored credentials."""
RUNS = 9


def spawn(bench, sandbox, label, count, text, path, **sets):
    gateway = bench.gateway(sandbox, label, **sets)     # once, so that its arguments and key are known
    gateway.stop()
    return bench.tool("bench_spawn", count, text, path, *gateway.args, env={"BENCH_KEY": gateway.key})


def run(bench):
    most = bench.options.sessions
    bench.linked_store(1)
    sandbox = bench.sandbox("linked")
    runs = RUNS if bench.options.runs > 1 else 3
    for n, figure in ((1, "start.one"), (min(100, most), "start.hundred")):
        label = bench.use_store(n)
        got = [spawn(bench, sandbox, label, n, "to=connected", "-", log__level="info", session__start_burst=1000)
               for _ in range(runs)]
        bench.report.add("start", figure, "ms", [g["ms"] for g in got],
                         f"{n} stored; until the last is connected")
        bench.report.add("start", f"{figure}.cpu", "ms", [g["cpu_ms"] for g in got])
        bench.forget(label)
    label = bench.use_store(most)
    got = [spawn(bench, sandbox, label, 1, "listening on", "/v1/sessions?limit=1") for _ in range(runs)]
    bench.report.add("start", "start.first_request", "ms", [g["ms"] for g in got], f"{most} sessions stored")
    bench.forget(label)
    bench.check("start", sandbox)
