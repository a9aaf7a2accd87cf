# SPDX-License-Identifier: GPL-3.0-or-later
"""The C benchmarks, each run several times: parts without the gateway around them."""
import json
import os
import subprocess
import sys


def figures_of(line):
    """(figure, unit, value) of one JSON line; each program says it in its own words."""
    j = json.loads(line)
    kind = j.get("bench")
    if "name" in j:
        for key, unit in (("per_second", "/s"), ("us_each", "us"), ("bytes", "B"), ("bytes_each", "B")):
            if key in j:
                yield (j["name"], unit, j[key])
                break
        else:
            for key, value in j.items():
                if isinstance(value, (int, float)):
                    yield (f"{j['name']}.{key}", "", value)
    elif kind == "storage":
        group = f"group_{j['group']}" if j["group"] else "stream"
        yield (f"store.{j['batch']}.{j['sync']}.{group}", "batches/s", j["batches_per_s"])
    elif kind == "http_post":
        yield ("http.post", "/s", j["per_second"])
    elif kind == "http_server_cpu":
        yield ("http.cpu", "us/request", j["cpu_us_per_request"])
    elif kind == "ws_idle":
        yield (f"ws.idle.{'tls' if j['tls'] else 'plain'}", "KiB each", j["kib_each"])
    elif kind == "ws_echo":
        yield (f"ws.echo.{'tls' if j['tls'] else 'plain'}", "/s", j["round_trips_per_second"])


def run_programs(bench, suite, programs):
    for program, *args in programs:
        path = os.path.join(bench.build, "bench", program)
        if not os.path.exists(path):
            print(f"   {program} is not built", file=sys.stderr)
            continue
        runs = {}
        for _ in range(bench.options.runs):
            out = subprocess.run([path, *args], check=True, stdout=subprocess.PIPE, text=True).stdout
            for line in filter(lambda text: text.startswith("{"), out.splitlines()):
                for figure, unit, value in figures_of(line):
                    runs.setdefault((figure, unit), []).append(value)
        for (figure, unit), values in runs.items():
            bench.report.add(suite, figure, unit, values)


def run(bench):
    run_programs(bench, "micro", [("bench_wire",), ("bench_file",), ("bench_media",), ("bench_rules",), ("bench_signal",), ("bench_sync",), ("bench_group",), ("storage_bench", bench.dir), ("bench_http",), ("bench_ws",)])
