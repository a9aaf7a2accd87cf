# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs under test as child processes, their APIs, a shop, and a receiver of webhooks.

Nothing here has a fixed port, and nothing sleeps in place of knowing: `until` looks again and again with a deadline.
"""
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
import uuid

BUILD = pathlib.Path(os.environ.get("WARBLER_BUILD",
                                    pathlib.Path(__file__).resolve().parents[2] / "build" / "release"))
WARBLER = BUILD / "warbler"
TOP = pathlib.Path(__file__).resolve().parents[2]
SLOW = 4 if os.environ.get("WARBLER_SLOW") else 1   # a sanitized build needs more time
SHOP = "12025550100"


def phone(n):
    """A number that libphonenumber takes as one."""
    return f"1202556{n:04d}"


def until(look, seconds=20, what="it"):
    """The first true result of look(); an ApiError or a refused connection counts as not yet."""
    end = time.monotonic() + seconds * SLOW
    last = None
    while True:
        try:
            value = look()
            if value:
                return value
        except (ApiError, OSError, http.client.HTTPException) as e:
            last = e
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds * SLOW} s" + (f" (last: {last})" if last else ""))
        time.sleep(0.02)


class ApiError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body

    @property
    def code(self):
        return self.body.get("code") if isinstance(self.body, dict) else None


class Rest:
    """JSON over HTTP, one connection per call."""

    def __init__(self, base, key=None):
        self.base, self.key = base, key
        self.host = urllib.parse.urlsplit(base).netloc
        self.prefix = urllib.parse.urlsplit(base).path

    def raw(self, method, path, body=None, headers=None, timeout=30):
        c = http.client.HTTPConnection(self.host, timeout=timeout * SLOW)
        try:
            c.request(method, self.prefix + path, body, {**({"Authorization": f"Bearer {self.key}"} if self.key else {}),
                                                         **(headers or {})})
            r = c.getresponse()
            return r.status, r.read(), r.headers
        finally:
            c.close()

    def call(self, method, path, body=None, headers=None, timeout=30):
        data = None if body is None else json.dumps(body)
        status, text, _ = self.raw(method, path, data, {"Content-Type": "application/json", **(headers or {})}, timeout)
        try:
            value = json.loads(text) if text else None
        except ValueError:
            value = text.decode(errors="replace")
        if not 200 <= status < 300:
            raise ApiError(status, value)
        return value

    def get(self, path, **kw):
        return self.call("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.call("POST", path, {} if body is None else body, **kw)

    def patch(self, path, body):
        return self.call("PATCH", path, body)

    def delete(self, path):
        return self.call("DELETE", path)


class Program:
    """A child process whose output is read as it comes."""

    def __init__(self, name, args, env=None):
        self.name, self.args = name, [str(a) for a in args]
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("WARBLER_")} | (env or {})
        self.child = None
        self.lines = []
        self.cond = threading.Condition()

    def spawn(self, **kw):
        self.lines = []
        kw = {"stdin": subprocess.DEVNULL, **kw}
        self.child = subprocess.Popen(self.args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      errors="replace", env=self.env, **kw)
        self.reader = threading.Thread(target=self._read, args=(self.child, self.lines), daemon=True)
        self.reader.start()
        return self

    def _read(self, child, lines):
        for line in child.stdout:
            with self.cond:
                lines.append(line.rstrip("\n"))
                self.cond.notify_all()
        child.stdout.close()
        with self.cond:
            lines.append(None)      # its end
            self.cond.notify_all()

    @property
    def output(self):
        return "\n".join(x for x in self.lines if x is not None)

    def line(self, pattern, seconds=20, start=0):
        """The first match in what it prints."""
        end, seen = time.monotonic() + seconds * SLOW, start
        with self.cond:
            while True:
                while seen < len(self.lines):
                    x = self.lines[seen]
                    seen += 1
                    if x is None:
                        raise AssertionError(f"{self.name} ended without printing {pattern}:\n{self.output}")
                    m = re.search(pattern, x)
                    if m:
                        return m
                if not self.cond.wait(max(0, end - time.monotonic())) and time.monotonic() >= end:
                    raise AssertionError(f"{self.name} does not print {pattern}:\n{self.output}")

    @property
    def running(self):
        return self.child is not None and self.child.poll() is None

    def wait(self, seconds=20):
        code = self.child.wait(seconds * SLOW)
        self.reader.join(5)
        return code

    def stop(self, sig=signal.SIGTERM, seconds=20):
        """The exit status."""
        if self.running:
            self.child.send_signal(sig)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.wait()
            raise AssertionError(f"{self.name} did not end on {sig!r}:\n{self.output[-4000:]}")

    def kill(self):
        if self.child is not None:
            self.child.kill()
            self.wait()


class Sandbox(Program):
    """`warbler sandbox`: a WhatsApp of our own."""

    def __init__(self, tls=False):
        self.dir = tempfile.mkdtemp(prefix="warbler-sandbox-")
        super().__init__("sandbox", [WARBLER, "sandbox", "--port", "0", "--data", self.dir] + (["--tls"] if tls else []))
        self.tls = tls

    def start(self):
        self.spawn()
        self.url = self.line(r"wss?://[^\s\"]+/ws/chat")[0]
        self.root_key = self.line(r"\b[0-9a-f]{64}\b")[0]
        listening = self.line(r"^listening on (https?://[^\s\"]+)")[1]
        self.rest = Rest(f"{listening}/v1/sandbox")
        self.ca_file = until(lambda: self.rest.get("").get("ca_file")) if self.tls else None
        return self

    def account(self, number, name=None, **kw):
        self.rest.post("/accounts", {"number": number, "name": name or number, **kw})
        return number

    def get(self, number):
        return self.rest.get(f"/accounts/{number}")

    def rule(self, number, **kw):
        return self.rest.post(f"/accounts/{number}/rules", kw)

    def scan(self, number, qr):
        return self.rest.post(f"/accounts/{number}/scan", {"qr": qr})

    def messages(self, number, chat=SHOP):
        return self.rest.get(f"/accounts/{number}/messages?chat={chat}&limit=1000")["messages"]

    def received(self, number, chat=SHOP):
        return [m for m in self.messages(number, chat) if not m["from_me"]]

    def say(self, number, text, to=SHOP, **kw):
        return self.rest.post(f"/accounts/{number}/messages", {"to": to, "text": text, **kw})["id"]

    def fault(self, kind, **kw):
        return self.rest.post("/faults", {"kind": kind, **kw})

    def violations(self):
        return self.rest.get("/violations")["violations"]

    def end(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)


def lua(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"[{json.dumps(k)}] = {lua(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "{ " + ", ".join(lua(v) for v in value) + " }"
    return json.dumps(str(value)) if isinstance(value, pathlib.Path) else json.dumps(value)


class Gateway(Program):
    """`warbler serve` with a configuration of its own; start, stop and start again on the same data."""

    BASE = {"server": {"port": 0}, "network": {"allow_private": True}, "session": {"backoff_max_ms": 500},
            "pacing": {"enabled": False},
            "plugins": {"enabled": ["webhooks", "orders"], "webhooks": {"allow_private": True}}}

    def __init__(self, sandbox=None, env=None, **config):
        self.dir = tempfile.mkdtemp(prefix="warbler-")
        self.data = pathlib.Path(self.dir) / "data"
        self.file = pathlib.Path(self.dir) / "warbler.lua"
        self.key = None
        self.config = {"data_dir": self.data, **self.BASE, **config}
        if sandbox:
            self.config["whatsapp"] = {"url": sandbox.url, "root_key": sandbox.root_key,
                                       **({"ca_file": sandbox.ca_file} if sandbox.tls else {}),
                                       **config.get("whatsapp", {})}
        self.write()
        super().__init__("gateway", [WARBLER, "serve", "--config", self.file], env)

    def write(self, extra=""):
        self.file.write_text("".join(f"{k} = {lua(v)}\n" for k, v in self.config.items()) + extra)

    def start(self, **kw):
        self.spawn(**kw)
        base = self.line(r"^listening on (https?://\S+)")[1]
        if not self.key:
            self.key = self.line(r"wb_[A-Za-z0-9_-]{43}")[0]
        self.rest = Rest(base, self.key)
        until(lambda: self.rest.raw("GET", "/readyz")[0] == 200, what="readyz")
        return self

    def session(self, id="shop"):
        return self.rest.get(f"/v1/sessions/{id}")

    def until_status(self, status, id="shop", seconds=20):
        return until(lambda: (lambda s: s if s["status"] == status else None)(self.session(id)), seconds,
                     f"session {id} to be {status}")

    def link(self, sandbox, number=SHOP, id="shop"):
        self.rest.post("/v1/sessions", {"id": id})
        qr = until(lambda: self.rest.get(f"/v1/sessions/{id}/qr")["qr"], what="a QR")
        sandbox.scan(number, qr)
        return self.until_status("connected", id)

    def send(self, to, text, wait="", **kw):
        path = "/v1/messages" + (f"?wait={wait}" if wait else "")
        return self.rest.post(path, {"session": "shop", "to": f"+{to}", "text": text, **kw}, timeout=70)

    def message(self, id):
        return self.rest.get(f"/v1/messages/{id}")

    def events(self, since=0, kinds="", limit=500):
        """All events after `since`, page by page."""
        got = []
        while True:
            page = self.rest.get(f"/v1/events?since={since}&limit={limit}" + (f"&kinds={kinds}" if kinds else ""))
            got += page["events"]
            if page["next"] == since:
                return got
            since = page["next"]

    def event(self, kind, test=lambda e: True, seconds=20, since=0):
        end = time.monotonic() + seconds * SLOW
        while time.monotonic() < end:
            page = self.rest.get(f"/v1/events?kinds={kind}&since={since}&wait_ms=500")
            for e in page["events"]:
                if test(e):
                    return e
            since = page["next"]
        raise AssertionError(f"no such event {kind} within {seconds * SLOW} s")

    def end(self):
        try:
            if self.running:
                return self.stop()
        finally:
            if self.running:
                self.kill()
            shutil.rmtree(self.dir, ignore_errors=True)


class Store:
    """A shop of the generic kind."""

    def __init__(self, gateway, session="shop", **options):
        made = gateway.rest.post("/v1/stores", {"kind": "generic", "name": "Test shop", "session": session,
                                                "country": "US", "language": "en", **options})
        self.gateway, self.id, self.secret = gateway, made["id"], made["secret"]
        self.path = urllib.parse.urlsplit(made["hook_url"]).path

    def order(self, number, to, delivery=None, secret=None, **more):
        """Post an order once; the HTTP status."""
        body = json.dumps({"external_id": number, "number": number, "currency": "USD", "total": "61.50",
                           "phone": f"+{to}", "customer": {"name": "Layla Hassan", "first_name": "Layla", "locale": "en"},
                           "items": [{"name": "Blue scarf", "qty": 1, "unit_price": "61.50"}],
                           "payment": {"method": "cod"}, **more})
        delivery, at = delivery or str(uuid.uuid4()), str(int(time.time()))
        mac = hmac.new((secret or self.secret).encode(), f"{delivery}.{at}.{body}".encode(), hashlib.sha256).hexdigest()
        return self.gateway.rest.raw("POST", self.path, body, {
            "Content-Type": "application/json", "X-Warbler-Topic": "order.created", "X-Warbler-Delivery": delivery,
            "X-Warbler-Timestamp": at, "X-Warbler-Signature": f"v1={mac}"})[0]

    def find(self, number):
        found = self.gateway.rest.get(f"/v1/orders?external_id={number}")["orders"]
        return self.gateway.rest.get(f"/v1/orders/{found[0]['id']}") if found else None

    def until_state(self, number, *states, seconds=20):
        return until(lambda: (lambda o: o if o and o["state"] in states else None)(self.find(number)), seconds,
                     f"order {number} to be {' or '.join(states)}")

    def all(self):
        got, cursor = [], ""
        while True:
            page = self.gateway.rest.get(f"/v1/orders?store_id={self.id}&limit=200" + (f"&cursor={cursor}" if cursor else ""))
            got += page["orders"]
            cursor = page.get("next")
            if not cursor:
                return got


class Receiver:
    """Takes webhooks; `answer(event)` decides the status (default 204), `says(event)` a JSON body (default none).
    Wrong signatures are counted."""

    def __init__(self):
        self.got = []           # (webhook-id, event), in order of arrival
        self.bad = 0
        self.replays = 0
        self.secret = None
        self.answer = lambda event: 204
        self.says = lambda event: None
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer._take(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass        # a gateway that is killed leaves broken connections

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _take(self, req):
        body = req.rfile.read(int(req.headers.get("Content-Length") or 0))
        id, at, sig = (req.headers.get(f"webhook-{x}", "") for x in ("id", "timestamp", "signature"))
        with self.lock:
            status, said = 401, b""
            if self.secret:
                key = base64.b64decode(self.secret.removeprefix("whsec_"))
                want = "v1," + base64.b64encode(hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
                if any(hmac.compare_digest(want, s) for s in sig.split()):      # two while a secret is rotated
                    event = json.loads(body)
                    status = self.answer(event)
                    if self.says(event) is not None:
                        status, said = 200, json.dumps(self.says(event)).encode()
                    self.replays += req.headers.get("webhook-replay") == "true"
                    self.got.append((id, event, status))
                else:
                    self.bad += 1
        req.send_response(status)
        req.send_header("Content-Length", str(len(said)))
        req.end_headers()
        req.wfile.write(said)

    def register(self, gateway, events, **more):
        made = gateway.rest.post("/v1/webhooks", {"url": self.url, "events": events, **more})
        self.secret = made["secret"]
        return made["id"]

    def taken(self):
        with self.lock:
            return [(id, e) for id, e, status in self.got if 200 <= status < 300]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Case(unittest.TestCase):
    """A sandbox of its own per class; ends with no violation."""

    tls = False

    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox(tls=cls.tls)
        cls.addClassCleanup(cls.sandbox.end)
        cls.sandbox.start()

    def setUp(self):
        self.sandbox.rest.post("/reset")
        self.sandbox.account(SHOP, "The shop")
        self.check_violations = True

    def tearDown(self):
        if self.check_violations:
            self.assertEqual(self.sandbox.violations(), [])

    def gateway(self, start=True, **config):
        g = Gateway(self.sandbox, **config)
        self.addCleanup(g.end)
        return g.start() if start else g

    def linked(self, **config):
        g = self.gateway(**config)
        g.link(self.sandbox)
        return g

    def receiver(self):
        r = Receiver()
        self.addCleanup(r.close)
        return r
