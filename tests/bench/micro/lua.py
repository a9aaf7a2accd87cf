# SPDX-License-Identifier: GPL-3.0-or-later
"""Lua rules: the cost of a message and rule, others' p99 beside scripts that mean no good, memory."""
from . import run as micro


def run(bench):
    micro.run_programs(bench, "lua", [("bench_lua",)])
