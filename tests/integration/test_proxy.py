# SPDX-License-Identifier: GPL-3.0-or-later
"""A session that goes through a proxy of its own."""
import base64
import socket
import threading

from harness import SHOP, ApiError, Case, phone, until


class Socks:
    """SOCKS5 with user and password; remembers whom it was asked for."""

    def __init__(self, user=b"shop", password=b"p@ss"):
        self.user, self.password, self.asked, self.open = user, password, [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socks5://shop:p%40ss@127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(c)
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    @staticmethod
    def _take(c, n):
        got = b""
        while len(got) < n:
            part = c.recv(n - len(got))
            if not part:
                raise EOFError
            got += part
        return got

    def _serve(self, c):
        try:
            self._take(c, self._take(c, 2)[1])
            c.sendall(b"\5\2")
            user = self._take(c, self._take(c, 2)[1])
            password = self._take(c, self._take(c, 1)[0])
            if (user, password) != (self.user, self.password):
                c.sendall(b"\1\1")
                return c.shutdown(socket.SHUT_RDWR)
            c.sendall(b"\1\0")
            if self._take(c, 4)[3] == 1:
                host = socket.inet_ntoa(self._take(c, 4))
            else:
                host = self._take(c, self._take(c, 1)[0]).decode()
            port = int.from_bytes(self._take(c, 2), "big")
            self.asked.append((host, port))
            far = socket.create_connection((host, port))
            self.open.append(far)
            c.sendall(b"\5\0\0\1\0\0\0\0\0\0")
            threading.Thread(target=self._pump, args=(far, c), daemon=True).start()
            self._pump(c, far)
        except (EOFError, OSError):
            pass

    @staticmethod
    def _pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def break_all(self):
        for c in self.open:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.break_all()
        for c in self.open:
            c.close()


class Proxy(Case):
    def test_a_session_links_and_talks_through_it(self):
        proxy = Socks()
        self.addCleanup(proxy.close)
        about = self.sandbox.rest.get("/media")
        g = self.gateway(whatsapp={"media_private": True, "ca_file": about["ca_file"]})
        g.rest.post("/v1/sessions", {"id": "shop", "name": "Shop", "settings": {"proxy": proxy.url}})
        g.until_status("linking")
        self.sandbox.scan(SHOP, until(lambda: g.rest.get("/v1/sessions/shop/qr")["qr"]))
        g.until_status("connected")
        self.assertGreaterEqual(len(proxy.asked), 2)     # linking, then login
        self.assertEqual({host for host, _ in proxy.asked}, {"127.0.0.1"})
        shown = g.session()["settings"]["proxy"]
        self.assertNotIn("p%40ss", shown)
        self.assertIn("***@127.0.0.1", shown)
        self.assertNotIn("p%40ss", g.output)
        customer = self.sandbox.account(phone(1))
        id = g.send(customer, "through the tunnel", wait="delivered")["id"]
        self.assertEqual([m["text"] for m in self.sandbox.received(customer)], ["through the tunnel"])
        # files take the same way
        ways = len(set(proxy.asked))
        media = g.rest.post("/v1/media", {"base64": base64.b64encode(b"%PDF-1.4 a file").decode(),
                                          "mimetype": "application/pdf", "file_name": "a.pdf"})
        file = g.rest.post("/v1/messages?wait=delivered", {
            "session": "shop", "to": f"+{customer}", "content": {"kind": "document", "media": {"id": media["id"]}}}, timeout=70)
        self.assertEqual(file["status"], "delivered")
        self.assertEqual(len(set(proxy.asked)), ways + 1)   # the media host
        proxy.break_all()
        before = len(proxy.asked)
        until(lambda: len(proxy.asked) > before)
        g.until_status("connected")
        self.assertEqual(g.message(id)["status"], "delivered")
        # without it again: only the next connection is another one
        asked = len(proxy.asked)
        g.rest.patch("/v1/sessions/shop", {"settings": {"proxy": None}})
        g.rest.post("/v1/sessions/shop/restart")
        g.until_status("connected")
        self.assertEqual(len(proxy.asked), asked)

    def test_what_is_wrong_is_said(self):
        g = self.gateway()
        for bad in ("ftp://x:1", "proxy:1080", 7, ""):
            with self.assertRaises(ApiError) as e:
                g.rest.post("/v1/sessions", {"id": "x", "settings": {"proxy": bad}})
            self.assertEqual(e.exception.status, 422)
            self.assertIn("proxy", str(e.exception.body))
        wrong = Socks(password=b"another")
        self.addCleanup(wrong.close)
        g.rest.post("/v1/sessions", {"id": "shop", "settings": {"proxy": wrong.url}})
        until(lambda: "refuses user and password" in g.output or "denied" in g.session().get("reason", ""))
        self.assertEqual(wrong.asked, [])
