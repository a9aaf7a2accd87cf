# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON over a kept HTTP connection."""
import http.client
import json
import socket
import threading


class Failed(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status} {text}")
        self.status = status


class Rest:
    """One connection per thread."""

    def __init__(self, port, prefix="", key=None):
        self.port, self.prefix = port, prefix
        self.headers = {"Content-Type": "application/json"}
        if key:
            self.headers["Authorization"] = f"Bearer {key}"
        self.local = threading.local()

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body)
        for attempt in (0, 1):
            c = getattr(self.local, "c", None)
            if c is None:
                c = self.local.c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
                c.connect()
                c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                c.request(method, self.prefix + path, data, self.headers)
                answer = c.getresponse()
                text = answer.read().decode()
                break
            except (http.client.HTTPException, ConnectionError):
                c.close()
                self.local.c = None
                if attempt:
                    raise
        if answer.status >= 300:
            raise Failed(answer.status, f"{method} {path}: {text}")
        try:
            return json.loads(text) if text else None
        except json.JSONDecodeError:
            return text

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, {} if body is None else body)

    def patch(self, path, body):
        return self.call("PATCH", path, body)
