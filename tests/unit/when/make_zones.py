#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known answers for core/when: what Python's zoneinfo says. Prints zones.txt.

  at ZONE UNIX OFFSET              the offset at a moment
  to ZONE LOCAL KIND FIRST SECOND  a local time: once, never (first moment after) or twice
"""
import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

# zone, last year of its changes that are looked at
ZONES = [("Europe/Berlin", 2060), ("America/Sao_Paulo", 2024), ("Asia/Riyadh", 2024),
         ("Australia/Lord_Howe", 2045), ("America/St_Johns", 2045), ("Africa/Casablanca", 2025),
         ("Pacific/Apia", 2024), ("Europe/Dublin", 2045), ("Africa/Cairo", 2024),
         ("America/New_York", 2060), ("Asia/Kolkata", 2024)]
UTC = timezone.utc


def offset(zone, unix):
    return int(datetime.fromtimestamp(unix, UTC).astimezone(zone).utcoffset().total_seconds())


def changes(zone, first, last):
    t = int(datetime(first, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(last + 1, 1, 1, tzinfo=UTC).timestamp())
    while t < end:
        step = 86400 * 5
        if offset(zone, t) != offset(zone, t + step):
            low, high = t, t + step
            while high - low > 1:
                mid = (low + high) // 2
                low, high = (mid, high) if offset(zone, mid) == offset(zone, t) else (low, mid)
            yield high
        t += step


def local(name, zone, naive):
    a = int(naive.replace(tzinfo=zone, fold=0).timestamp())
    b = int(naive.replace(tzinfo=zone, fold=1).timestamp())
    back = datetime.fromtimestamp(a, UTC).astimezone(zone).replace(tzinfo=None)
    if back.replace(fold=0) != naive:
        low, high = min(a, b) - 90000, max(a, b) + 90000
        base = offset(zone, low)
        while high - low > 1:
            mid = (low + high) // 2
            low, high = (mid, high) if offset(zone, mid) == base else (low, mid)
        print("to", name, naive.isoformat(), "never", high, high)
    else:
        print("to", name, naive.isoformat(), "once" if a == b else "twice", a, b)


random.seed(4)
for name, last in ZONES:
    zone = ZoneInfo(name)
    moments = [random.randrange(0, int(datetime(last, 12, 31).timestamp())) for _ in range(20)]
    found = [c for c in changes(zone, 1995, last)]
    for c in random.sample(found, min(len(found), 16)):
        moments += [c - 1, c]
        before = datetime.fromtimestamp(c - 1, UTC).astimezone(zone).replace(tzinfo=None, fold=0)
        for minutes in (-61, -30, 0, 1, 15, 45, 61, 600):
            local(name, zone, before + timedelta(minutes=minutes, seconds=1))
    for m in sorted(moments):
        print("at", name, m, offset(zone, m))
