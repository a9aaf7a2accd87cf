# SPDX-License-Identifier: GPL-3.0-or-later
"""Round trips with one customer: our text, their answer, our next text when theirs is an event. The ratchet
turns both ways each time; the cost must not grow with the turns."""
import json
import socket
import time

from lib.proc import wait
from lib.stack import CUSTOMER, link

WARM_UP = 50


class Talk:
    """The event stream and the REST API over two plain sockets: the driver shares the machine."""

    def __init__(self, gateway):
        self.head = f"Host: localhost\r\nAuthorization: Bearer {gateway.key}\r\n"
        self.stream, self.post = (socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(2))
        for s in (self.stream, self.post):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.settimeout(30)
        self.stream.sendall(f"GET /v1/events/stream?kinds=message.received HTTP/1.1\r\n{self.head}\r\n".encode())
        self.text = b""
        while b"\r\n\r\n" not in self.text:
            self.text += self.stream.recv(65536)
        self.text = b""
        self.n = 0

    def turn(self):
        self.n += 1
        body = json.dumps({"session": "s0000", "to": f"+{CUSTOMER}",
                           "text": f"Question {self.n} about your order: is everything as it should be?"})
        self.post.sendall(f"POST /v1/messages HTTP/1.1\r\n{self.head}Content-Type: application/json\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        answer = self.post.recv(65536)
        if answer[9:12] != b"202":
            raise RuntimeError(answer.decode())
        while b'"kind":"message.received"' not in self.text:
            self.text += self.stream.recv(65536)
        self.text = b""


def run(bench):
    sandbox = bench.sandbox("talk-sandbox")
    gateway = bench.gateway(sandbox, "talk")
    sandbox.accounts(CUSTOMER, 1)
    sandbox.rest.post(f"/accounts/{CUSTOMER}/rules", {"match": "any", "reply": "Yes, everything is fine, thank you."})
    link(gateway, sandbox, 0, 1)
    talk = Talk(gateway)
    for _ in range(WARM_UP):
        talk.turn()
    costs, times = [], []
    for _ in range(max(1, bench.options.turns // 1000)):
        sandbox.settled()
        cpu, begin = gateway.cpu(), time.monotonic()
        for _ in range(1000):
            talk.turn()
        times.append(1000 / (time.monotonic() - begin))
        wait(lambda: sandbox.rest.get("")["queued"] == 0, 30, "the last receipts")
        costs.append(gateway.cpu() - cpu)
    bench.report.add("conversation", "conversation.cpu", "s/1000", costs, "each run is 1,000 turns further")
    bench.report.add("conversation", "conversation.rate", "turns/s", times)
    third = max(1, len(costs) // 3)
    bench.report.add("conversation", "conversation.growth", "ratio", [sum(costs[-third:]) / sum(costs[:third])],
                     "last third of the turns against the first")
    bench.check("conversation", sandbox)
    bench.stop()
    bench.forget("talk-sandbox", "talk")
