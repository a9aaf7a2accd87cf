# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not be readable: in the log at its default level, and in the files of the database."""
import base64
import json
import unittest

from harness import SHOP, Case, Store, phone, until

TEXT = "the quick brown secret of a fox"
ANSWER = "an answer nobody else may read"


class Privacy(Case):
    def test_nothing_in_the_clear(self):
        g = self.linked()
        customer = self.sandbox.account(phone(77), "Customer Q. Publicname")
        r = self.receiver()
        r.register(g, ["*"])
        store = Store(g)
        m = g.send(customer, TEXT, wait="delivered")
        self.sandbox.say(customer, ANSWER)
        g.event("message.received", lambda e: e["data"]["text"] == ANSWER)
        self.assertEqual(store.order("P1", customer, address={"line1": "99 Hidden Lane", "city": "Nowhere"}), 200)
        store.until_state("P1", "delivered", "read")
        self.sandbox.say(customer, "1")
        store.until_state("P1", "confirmed")
        self.sandbox.fault("nack", account=SHOP, code=463)
        g.send(customer, TEXT)
        g.event("message.failed")
        self.assertNotEqual(store.order("P2", customer, secret="wrong"), 200)
        g.rest.raw("GET", "/v1/sessions", headers={"Authorization": "Bearer wb_" + "A" * 43})
        until(lambda: len(r.taken()) > 10)
        lid = self.sandbox.get(customer)["lid"].split("@")[0]
        token = store.path.rsplit("/", 1)[1]
        secrets = [g.key, store.secret, token, r.secret, r.secret.removeprefix("whsec_")]
        texts = [TEXT, ANSWER, "Hidden Lane", "Blue scarf", "Layla", "Publicname", "Please answer"]
        numbers = [customer, lid, SHOP]
        self.assertIsNotNone(m["id"])
        self.assertEqual(g.stop(), 0)

        log = g.output.replace(f"API key (shown once, keep it): {g.key}", "")
        for word in secrets + texts + numbers:
            self.assertNotIn(word, log)

        master = (g.data / "master.key").read_text().strip()
        raw = [s.encode() for s in secrets + texts + numbers + [master]]
        raw += [base64.b64decode(r.secret.removeprefix("whsec_")), bytes.fromhex(master)]
        looked = 0
        for f in g.data.rglob("*"):
            if not f.is_file() or f.name == "master.key":
                continue
            data = f.read_bytes()
            looked += len(data)
            for word in raw:
                self.assertNotIn(word, data, f"{word!r} is in {f.name}")
            for word in texts + numbers:
                self.assertNotIn(word.encode("utf-16-le"), data)
        self.assertGreater(looked, 50000)

    def test_nothing_of_content_in_the_clear(self):
        """Files and what is said of them, groups, labels, names, channels, polls, settings, addresses; crashed, not stopped."""
        about = self.sandbox.rest.get("/media")
        g = self.linked(whatsapp={"media_private": True, "ca_file": about["ca_file"]}, log={"level": "info"})
        s, friend = "/v1/sessions/shop", self.sandbox.account(phone(79), "Pushname Zebra")
        inside, given = b"theplaininsideofafile" * 50, b"thefilethatwasgivenus" * 50
        file = self.sandbox.rest.post("/media", {"base64": base64.b64encode(inside).decode(), "type": "document",
                                                 "mimetype": "text/x-warbler"})["id"]

        def told(content):
            id = self.sandbox.rest.post(f"/accounts/{friend}/messages", {"to": SHOP, "content": content})["id"]
            return g.event("message.received", lambda e: e["data"]["wa_id"] == id)["data"]
        got = told({"kind": "document", "media": {"id": file, "file_name": "Namezebra.doc"}, "text": "Captionzebra"})
        self.assertEqual(g.rest.raw("GET", got["content"]["media"]["url"])[1], inside)
        place = told({"kind": "location", "latitude": 48.5, "longitude": 9.1, "name": "Placezebra", "address": "Streetzebra"})
        poll = told({"kind": "poll", "name": "Pollzebra", "options": ["Optionzebra", "other"]})
        g.rest.post(f"/v1/messages/{poll['id']}/vote", {"options": ["Optionzebra"]})
        g.rest.post(f"/v1/messages/{place['id']}/react", {"emoji": "\U0001f993"})
        status, made, _ = g.rest.raw("POST", "/v1/media", given, {"Content-Type": "text/plain", "X-File-Name": "Givenzebra.txt"})
        made = json.loads(made)
        g.rest.post("/v1/messages?wait=delivered", {"session": "shop", "to": f"+{friend}", "content": {
            "kind": "document", "text": "Sentzebra", "media": {"id": made["id"]}}}, timeout=70)
        group = g.rest.post(f"{s}/groups", {"subject": "Groupzebra", "participants": [friend], "description": "Aboutzebra"})
        g.rest.post("/v1/messages?wait=server", {"session": "shop", "to": group["jid"], "text": "Togroupzebra"})
        g.rest.post(f"{s}/labels", {"name": "Labelzebra"})
        g.rest.post(f"{s}/quick-replies", {"shortcut": "Shortzebra", "text": "Replyzebra"})
        g.rest.call("PUT", f"{s}/contacts/{friend}", {"name": "Contactzebra"})
        channel = g.rest.post(f"{s}/channels", {"name": "Channelzebra", "description": "Offerzebra"})
        g.rest.post("/v1/messages?wait=server", {"session": "shop", "to": channel["id"], "text": "Tochannelzebra"})
        g.rest.post(f"{s}/statuses?wait=server", {"content": {"kind": "text", "text": "Statuszebra"}, "audience": [f"+{friend}"]})
        g.rest.patch(f"{s}/profile", {"about": "Aboutmezebra"})
        g.rest.post("/v1/messages", {"session": "shop", "to": f"+{friend}", "text": "see http://127.0.0.1:1/Linkzebra",
                                     "preview": "auto"})
        words = [b"zebra", b"Zebra", inside[:21], given[:21], b"text/x-warbler", "\U0001f993".encode(), b"48.5",
                 friend.encode(), group["jid"].split("@")[0].encode(), channel["id"].split("@")[0].encode()]
        for run in range(2):
            found = []
            for f in g.data.rglob("*"):
                data = f.read_bytes() if f.is_file() and f.name != "master.key" else b""
                found += [(f.name, w) for w in words if w in data]
                if f.is_file():
                    self.assertEqual(f.stat().st_mode & 0o077, 0, f.name)
            self.assertEqual(found, [])
            for w in words:
                self.assertNotIn(w.decode(), g.output)
            g.kill()    # the write-ahead log as it was; then once more, folded in
            g.start()
            self.assertEqual(g.stop(), 0)

    def test_while_running(self):
        """The write-ahead log too, before it is folded in."""
        g = self.linked()
        customer = self.sandbox.account(phone(78))
        g.send(customer, TEXT, wait="delivered")
        files = [f for f in g.data.iterdir() if f.name.startswith("warbler.db")]
        self.assertGreaterEqual(len(files), 2, files)
        for f in files:
            self.assertNotIn(TEXT.encode(), f.read_bytes(), f.name)
            self.assertNotIn(customer.encode(), f.read_bytes(), f.name)
            self.assertEqual(f.stat().st_mode & 0o077, 0, f.name)

    def test_no_host_but_those_configured(self):
        g = self.linked()
        r = self.receiver()
        r.register(g, ["message.sent"])
        g.send(self.sandbox.account(phone(80)), "hello", wait="delivered")
        until(r.taken)
        hosts = {(h["host"], h["port"]) for h in g.rest.get("/v1/hosts")["hosts"]}
        sandbox = int(self.sandbox.url.split(":")[2].split("/")[0])
        self.assertEqual(hosts, {("127.0.0.1", sandbox), ("127.0.0.1", r.server.server_port)})


if __name__ == "__main__":
    unittest.main()
