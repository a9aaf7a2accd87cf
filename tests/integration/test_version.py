# SPDX-License-Identifier: GPL-3.0-or-later
"""The server says our version is outdated: the current one is looked up where we are told to, and only then."""
import http.server
import threading
import unittest

from harness import SHOP, Case, until

REVISION = 2000000123


class Page(http.server.ThreadingHTTPServer):
    """Stands in for web.whatsapp.com/sw.js."""

    def __init__(self, text):
        self.text, self.asked = text, 0
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page.asked += 1
                body = page.text.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *a):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/sw.js"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Version(Case):
    def page(self, revision):
        p = Page('self.__swData=JSON.parse("{\\"dynamic_data\\":{\\"SiteData\\":{\\"client_revision\\":%d,'
                 '\\"x\\":1}}}")' % revision)
        self.addCleanup(p.server_close)
        self.addCleanup(p.shutdown)
        return p

    def outdate(self):
        self.sandbox.fault("outdated", account=SHOP, code=REVISION, times=-1)
        self.addCleanup(lambda: self.sandbox.rest.delete("/faults"))
        self.sandbox.fault("drop", account=SHOP)

    def test_refreshed(self):
        page = self.page(REVISION)
        g = self.linked(whatsapp={"version_url": page.url})
        self.assertEqual(page.asked, 0)         # nobody is asked while all is well
        self.outdate()
        s = g.event("session.status", lambda e: e["data"]["status"] == "backoff" and
                    e["data"].get("reason") == "outdated")
        self.assertTrue(s)
        g.until_status("connected")
        self.assertEqual(page.asked, 1)
        self.assertEqual(g.stop(), 0)           # kept over a restart
        g.start()
        g.until_status("connected")
        self.assertEqual(page.asked, 1)

    def test_nothing_newer(self):
        page = self.page(1000000000)
        g = self.linked(whatsapp={"version_url": page.url})
        self.outdate()
        s = g.until_status("failed", seconds=40)
        self.assertEqual(s["reason"], "outdated")
        self.assertEqual(page.asked, 1)

    def test_switched_off(self):
        g = self.linked(whatsapp={"version_url": ""})
        self.outdate()
        self.assertEqual(g.until_status("failed")["reason"], "outdated")


if __name__ == "__main__":
    unittest.main()
